"""Which training texts contain which test texts: pairs decided by hand, and the same pairs as by comparing all."""

import json
import random
from fractions import Fraction

import pytest

from align import Demonstration, Preference, Prompt, Recipe, RecipeError
from align.core import tables
from data_synthesis.decontamination import (
    Match,
    Rule,
    contaminated_rows,
    contamination,
    find_contaminated,
    ngram_overlap,
)
from data_synthesis.decontamination.passages import common_passages
from data_synthesis.decontamination.text import tokens

QUESTION = (
    "Natalia sold clips to 48 of her friends in April, and then she sold half as many clips in May. "
    "How many clips did Natalia sell altogether?"
)
WORDS = tokens(QUESTION)
CHINESE = "小明在四月份卖给了四十八个朋友发夹,五月份卖出的数量是四月份的一半,他一共卖了多少个发夹?"
JAPANESE = "ナタリアさんは四月に四十八人の友だちにクリップを売り、五月にはその半分を売りました。"
THAI = "นาตาเลียขายคลิปให้เพื่อนสี่สิบแปดคนในเดือนเมษายน และขายครึ่งหนึ่งในเดือนพฤษภาคม"
ARABIC = "باعت ناتاليا مشابك لثمانية وأربعين من أصدقائها في أبريل ثم باعت نصف هذا العدد في مايو فكم مشبكا باعت في المجموع"
HINDI = "नतालिया ने अप्रैल में अपने अड़तालीस दोस्तों को क्लिप बेचे और फिर मई में उसने आधे क्लिप बेचे कुल कितने"
FILLER = [f"filler{number}" for number in range(9000)]


def numbered(*numbers):
    return " ".join(f"w{number}" for number in numbers)


def ordered(count, start=0):
    return numbered(*range(start, start + count))


def shuffled(text):
    words = text.split()
    random.Random(3).shuffle(words)
    return " ".join(words)


def between(text, other):
    """Return the words of a text with a word of another after each."""
    return " ".join(word for pair in zip(text.split(), other, strict=False) for word in pair)


PAIRS = [  # training text, test text, length of the LCS and shared 13-gram if they match
    (QUESTION, QUESTION, (27, True)),
    (f"Solve this. {QUESTION.upper()} Think first!", QUESTION, (27, True)),
    (between(QUESTION, FILLER), QUESTION, (27, False)),
    (" ".join(FILLER[:4000]) + QUESTION.replace("clips", "pins") + " ".join(FILLER[4000:]), QUESTION, (23, True)),
    (ordered(3000), ordered(2000, start=1200), (1800, True)),
    (ordered(100), numbered(*range(99, -1, -1)), None),
    (shuffled(QUESTION), QUESTION, None),
    (ordered(12), ordered(12), None),  # both too short
    (ordered(13), ordered(13), (13, True)),
    (ordered(400), ordered(12), None),
    (ordered(13) + " x y z", ordered(13) + " p q r s t u v w", (13, True)),  # 16 and 21 words: 13 >= 0.6 x 16
    (ordered(35), ordered(21) + " " + numbered(*range(100, 114)), (21, True)),  # 21 = 0.6 x 35, and 20 is one below
    (ordered(35), ordered(20) + " " + numbered(*range(100, 115)), None),
    (ordered(400), ordered(21) + " " + numbered(*range(500, 514)), (21, True)),
    (ordered(400), ordered(20) + " " + numbered(*range(500, 515)), None),
    (ordered(21) + " " + numbered(*range(500, 514)), ordered(400), (21, True)),
    (ordered(20) + " " + numbered(*range(500, 515)), ordered(400), None),
    (ordered(12) + " x", ordered(12) + " y", None),  # 12 common words
    (numbered(*[1] * 13), numbered(*[1] * 13), (13, True)),
    (numbered(*[1] * 12, 2), numbered(*[1] * 40), None),  # a word counts as often as both texts have it
    (CHINESE, CHINESE.replace(",", " ").replace("小明", "小红"), (41, True)),
    (CHINESE, JAPANESE, None),
    (JAPANESE, JAPANESE.replace("、", "").replace("さん", "ちゃん"), (39, True)),
    (JAPANESE, JAPANESE.replace("クリップ", "ｸﾘｯﾌﾟ"), (40, True)),  # half-width letters
    (THAI, THAI.replace(" ", ""), (78, True)),
    (ARABIC, ARABIC.replace("باعت", "بَاعَتْ"), (21, True)),  # vowel points
    (HINDI, HINDI.replace(" ", " ।  "), (20, True)),
    (HINDI, HINDI.replace("े", "ी"), None),  # the vowels are parts of the words
    ("".join(chr(ord(c) + 0xFEE0) if "!" < c < "~" else c for c in QUESTION), QUESTION, (27, True)),  # full width
    (QUESTION.replace(" ", " 🙂 ").replace("so", "s\u00ado"), QUESTION, (27, True)),
    ("🙂❤️" * 20, "🙂❤️" * 20, None),
    ("!?" * 20, "!?" * 20, None),
    ("", "", None),
    ("", QUESTION, None),
]  # fmt: skip


@pytest.mark.parametrize(("train", "test", "verdict"), PAIRS)
def test_two_texts(train, test, verdict):
    found = find_contaminated([train], [test])
    assert found == ([Match(0, 0, *verdict)] if verdict else [])


def test_a_share_is_the_decimal_number_that_is_written():
    assert find_contaminated([ordered(20)], [ordered(11, 9) + " x" * 20], lcs=1, share=0.55) == [Match(0, 0, 11, False)]
    assert find_contaminated([ordered(20)], [ordered(10, 10) + " x" * 20], lcs=1, share=0.55) == []


def test_no_texts():
    assert find_contaminated([], []) == find_contaminated([QUESTION], []) == find_contaminated([], [QUESTION]) == []
    assert ngram_overlap([], [QUESTION]) == ngram_overlap([QUESTION], []) == ngram_overlap([""], ["", "!"]) == set()


@pytest.mark.parametrize("wrong", [{"lcs": 0}, {"ngram": 0}, {"share": 1.2}, {"share": -0.1}])
def test_a_number_out_of_its_range_is_refused(wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} is "):
        find_contaminated([QUESTION], [QUESTION], **wrong)


def test_words_by_hand():
    assert tokens("Don't f(x_1)=x²+½ “A—b” ...") == ["don", "t", "f", "x", "1", "x2", "1", "2", "a", "b"]
    assert tokens("北京 is big.") == ["北", "京", "is", "big"]
    assert tokens("Straße, İstanbul, ﬁne, 1️⃣") == ["strasse", "istanbul", "fine", "1"]
    assert tokens("Acme™ Ⓐ") == ["acmetm", "a"]
    assert tokens("नमस्ते दुनिया") == ["नमस्ते", "दुनिया"]
    assert tokens("Ab 12", "characters") == list("ab12")
    ascii_text = "".join(map(chr, range(128))) * 2
    assert tokens(ascii_text) == tokens(ascii_text + "\u200b"), "the short way for ASCII is the long way"


def longest(one, other):
    """Return the length of the longest common subsequence by the textbook's table."""
    row = [0] * (len(other) + 1)
    for x in one:
        before = 0
        for j, y in enumerate(other, 1):
            before, row[j] = row[j], before + 1 if x == y else max(row[j], row[j - 1])
    return row[-1]


def all_pairs(train, test, ngram, lcs, share):
    """Compare all pairs; the share is compared as an exact fraction."""
    own, others = ([text.split() for text in texts] for texts in (train, test))
    found = []
    for i, one in enumerate(own):
        for j, other in enumerate(others):
            length = longest(one, other)
            if length >= max(lcs, Fraction(str(share)) * min(len(one), len(other))):
                found.append(Match(i, j, length, bool(grams(one, ngram) & grams(other, ngram))))
    return found


def grams(words, size):
    return {tuple(words[i : i + size]) for i in range(len(words) - size + 1)}


def edited(text, draw, vocabulary):
    words = text.split()
    for _ in range(draw.randint(0, 12)):
        place = draw.randint(0, len(words))
        if draw.random() < 0.5:
            words.insert(place, f"w{draw.randrange(vocabulary)}")
        else:
            words[place : place + 1] = []
    return " ".join(words)


@pytest.mark.parametrize("vocabulary", [2, 8, 40, 1000])
def test_the_same_pairs_as_by_comparing_all(vocabulary):
    draw = random.Random(vocabulary)
    matches = 0
    for _ in range(8):

        def text():
            longest_text = draw.choice([3, 13, 20, 40, 70, 150])
            count = draw.randint(0, longest_text)
            return numbered(*(int(vocabulary ** draw.random()) for _ in range(count)))  # few words are frequent

        test = [text() for _ in range(15)]
        train = [text() for _ in range(12)] + [edited(draw.choice(test), draw, vocabulary) for _ in range(10)]
        rule = {"ngram": draw.choice([1, 3, 13]), "lcs": draw.choice([1, 4, 13]), "share": draw.choice([0, 0.3, 0.6, 0.7, 1])}
        expected = all_pairs(train, test, **rule)
        assert find_contaminated(train, test, **rule) == expected
        size = rule["ngram"]
        shared = {
            j for j, other in enumerate(test) if any(grams(one.split(), size) & grams(other.split(), size) for one in train)
        }
        assert ngram_overlap(iter(train), test, ngram=size) == shared
        matches += len(expected)
    assert matches > 100


def test_several_slices_are_one_list():
    train = [f"unlike{number} {ordered(20)}" if number % 1500 == 7 else f"unlike {number}" for number in range(4200)]
    assert [(m.train_index, m.test_index) for m in find_contaminated(train, ["", ordered(20)])] == [
        (7, 1),
        (1507, 1),
        (3007, 1),
    ]
    assert ngram_overlap(iter(train), ["", ordered(20), ordered(14, 3), ordered(14, 9)]) == {1, 2}


def test_passages_go_from_the_first_to_the_last_common_token():
    one, other = "zero a b x c d e nine", "seven a b c y d e eight"
    assert common_passages(one, other, "words") == (5, "a b x c d e", "a b c y d e")
    length, passage, _ = common_passages(f"{ordered(80)}", f"q {ordered(80)}", "words")
    assert (length, len(passage)) == (80, 200)


def user(text, **more):
    return Prompt(messages=[{"role": "user", "content": text}], **more)


def answered(question, answer, id_):
    return Demonstration(prompt=[{"role": "user", "content": question}], completion=answer, id=id_)


SAME, BOTH, LCS = (
    "contaminated: same prompt",
    "contaminated: 13-gram and LCS",
    "contaminated: LCS without a shared 13-gram",
)
HIDDEN = [
    {"role": "system", "content": "Be kind."},
    {"role": "user", "content": "Hello! " + " ".join(FILLER[:500])},
    {"role": "assistant", "content": "Hi."},
    {"role": "user", "content": f"Well. {QUESTION}"},
]
ROWS = [  # a row, fields of the rule, and what is said of it
    (answered(QUESTION.lower(), "72", "r"), {}, SAME),
    (answered(QUESTION.lower(), "72", "r"), {"exact": False}, BOTH),
    (answered("what is 2 + 2", "4", "r"), {}, SAME),
    (answered("what is 2 + 2", "4", "r"), {"exact": False}, None),
    (answered("what is 2 - 2", "0", "r"), {}, None),
    (answered("?!", "What?", "r"), {}, None),
    (answered(between(QUESTION, FILLER), "72", "r"), {"require": "lcs"}, LCS),
    (answered(between(QUESTION, FILLER), "72", "r"), {}, None),
    (answered(f"Hm. {QUESTION}", "72", "r"), {}, BOTH),
    (answered("Make a problem.", f"Here is one. {QUESTION}", "r"), {}, BOTH),
    (answered("Make a problem.", f"Here is one. {QUESTION}", "r"), {"compare": "prompt"}, None),
    (Demonstration(prompt=HIDDEN, completion="72", id="r"), {}, BOTH),
    (Preference(prompt=HIDDEN[:2], chosen="No.", rejected=QUESTION, id="r"), {}, BOTH),
    (answered("Tell me of her sales.", "She sold " + ordered(30), "r"), {}, BOTH),
    (user("Tell me of her sales.", answer="She sold " + ordered(30), id="r"), {}, BOTH),
    (user("Tell me of her sales.", answer="She sold " + ordered(30), id="r"), {"compare": "prompt"}, None),
    (answered("Write: " + numbered(*range(30, 0, -1)), ordered(12), "r"), {}, None),
]
TESTS = {
    "gsm8k": [user(QUESTION, id="one"), user("What is 2 + 2?", id="two"), user("?!?", id="three")],
    "sums": [
        user("Sum up.", answer=f"They sold {ordered(30)}"),
        Prompt(messages=[{"role": "system", "content": "Be kind. " * 20}, {"role": "user", "content": "Hm."}]),
    ],
}


@pytest.mark.parametrize(("row", "fields", "reason"), ROWS)
def test_a_row(row, fields, reason):
    found = contaminated_rows([user("Who are you?", id="other"), row], TESTS, Rule(**fields))
    assert {id_: one.reason for id_, one in found.items()} == ({"r": reason} if reason else {})


def test_what_is_told_of_a_row():
    long = answered(f"{QUESTION} {QUESTION.replace('Natalia', 'Ann')}", f"They sold {ordered(30)}", "long")
    tests = TESTS | {"again": [user(QUESTION.replace("April", "June"), id="june")]}
    found = contaminated_rows([long, user("What is 2+2?", id="sum")], tests)
    assert list(found) == ["long", "sum"]
    told = found["long"]
    assert (told.source, told.item, told.lcs) == ("sums", "0", 32), "the longest"
    assert told.row_passage == told.item_passage == f"they sold {ordered(30)}"
    assert told.items == {("gsm8k", "one"), ("again", "june"), ("sums", "0")}
    assert (found["sum"].source, found["sum"].item, found["sum"].row_passage) == ("gsm8k", "two", "what is 2 2")
    counts = contamination(found, tests, Rule())
    assert {source: tuple(count.values()) for source, count in counts.items()} == {
        "gsm8k": (3, 2, 2, 2),
        "sums": (2, 1, 1, 1),
        "again": (1, 0, 1, 1),
    }


OWN = [answered(QUESTION, "72", "r"), answered("Hello", "Hi", "s"), answered(between(QUESTION, FILLER), "72", "t")]


def test_the_stage(tmp_path):
    for name, rows in (("gsm8k", TESTS["gsm8k"]), ("own", OWN)):
        (tmp_path / name).mkdir()
        tables.write(tmp_path / name, "prompts" if name == "gsm8k" else "demonstrations", rows)
    stage = {"kind": "decontaminate", "rows": "./own", "against": ["./gsm8k"], "exact": False}
    (tmp_path / "recipe.yaml").write_text(f"name: x\nbase: ./none\nstages:\n  clean: {json.dumps(stage)}\n")
    made = Recipe.load(tmp_path / "recipe.yaml").run(tmp_path / "run").stage("clean")
    assert [row.id for row in tables.read(made, "demonstrations")] == ["s", "t"]
    (suspected,) = tables.read_lines(made / "suspected.jsonl")
    assert (suspected["id"], suspected["item"], suspected["lcs"]) == ("t", "one", 27)
    (line,) = tables.read_lines(made / "dropped.jsonl")
    assert {key: line[key] for key in ("reason", "id", "item", "source", "lcs", "items")} == {
        "reason": BOTH, "id": "r", "item": "one", "source": "./gsm8k", "lcs": 27, "items": 1,
    }  # fmt: skip
    assert line["row passage"] == line["item passage"] == " ".join(WORDS)
    told = json.loads((made / "contamination.json").read_text())
    assert told["rule"] == Rule(exact=False).model_dump()
    assert told["sources"]["./gsm8k"]["items found"] == told["sources"]["./gsm8k"]["rows dropped"] == 1
    assert json.loads((made / "report.json").read_text())["test items found"] == {"./gsm8k": 1}


@pytest.mark.parametrize(("against", "said"), [(["rows"], "every row would contain itself"), (["a/b", "a/b"], "twice")])
def test_wrong_sources_are_refused(against, said, tmp_path):
    stages = {"rows": {"kind": "load", "path": "rows.jsonl"}}
    stages["clean"] = {"kind": "decontaminate", "rows": "rows", "against": against}
    (tmp_path / "rows.jsonl").write_text('{"prompt": "Hello?"}\n')
    (tmp_path / "recipe.yaml").write_text(json.dumps({"name": "x", "base": "./none", "stages": stages}))
    with pytest.raises(RecipeError, match=said):
        Recipe.load(tmp_path / "recipe.yaml")
