"""Which rows repeat which: pairs with the right verdict, written by hand, and the mathematics of the index."""

import json
import math

import pytest

from align import Demonstration, Preference, Prompt, Recipe
from align.core import tables
from data_synthesis.deduplication import index
from data_synthesis.deduplication.index import FOUND, HASHES, NearIndex, band_width
from data_synthesis.deduplication.text import comparable, jaccard, numbers, plain, shingles, similarity

LONG = "Please explain, step by step and with all of your working shown, how one gets to the right answer of this problem: "
PLACES = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")
PASSAGE = " ".join(f"The {place} sentence of the passage says little." for place in PLACES)
BEIJING = "请用三句话介绍一下北京的历史和文化以及最重要的名胜古迹"
EXACT, OTHER, NEAR = "exact duplicate", "exact duplicate with another answer", "near duplicate"

PROMPTS = [  # two prompts, and what is said of the second
    ("What is the capital of France?", "what is  the CAPITAL of\nFrance?", EXACT),
    ("Caf\u00e9 au lait, please.", "Cafe\u0301 au lait, please.", EXACT),
    ("What is the capital of France?", "What is the capital of France", NEAR),
    ("What is the capital of France?", "What is the capital of Spain?", None),
    ("Hi", "Hi!", None),
    (LONG + "why is the sky blue?", LONG + "why is the sky blue, please?", NEAR),
    (LONG + "what is 17 + 25?", LONG + "what is 17 + 26?", None),
    (LONG + "what is 17 + 25?", LONG + "what is 17 - 25?", None),
    (LONG + "what is 17 + 25?", LONG + "what is 17+25?", NEAR),
    (LONG + "what is -3 squared?", LONG + "what is 3 squared?", None),
    (BEIJING + "。", BEIJING + "!", NEAR),
    (BEIJING + "。", "请用三句话介绍一下上海的经济和教育以及最重要的建筑和商业街。", None),
    ("これは日本の首都である東京についての短い文章です。", "これは日本の首都である東京についての短い文章です", NEAR),
    ("เขียนบทความสั้น ๆ เกี่ยวกับกรุงเทพมหานคร", "เขียนบทความสั้น ๆ เกี่ยวกับกรุงเทพมหานคร!", NEAR),
    ("เขียนบทความสั้น ๆ เกี่ยวกับกรุงเทพมหานคร", "ทะเลสาบที่สวยที่สุดอยู่ทางเหนือของประเทศ", None),
    ("आप कैसे हैं और आज आप क्या कर रहे हैं मुझे बताइए", "आप कैसे हैं और आज आप क्या कर रहे हैं मुझे बताइए!", NEAR),
]  # fmt: skip


def turns(*texts, system=None):
    roles = ("user", "assistant")
    first = [{"role": "system", "content": system}] if system else []
    return first + [{"role": roles[i % 2], "content": text} for i, text in enumerate(texts)]


def run(folder, rows, **fields):
    """Run the stage on rows with the ids 0, 1, ...; return what is said of each but the first, and what was made."""
    table = {Prompt: "prompts", Demonstration: "demonstrations", Preference: "preferences"}[type(rows[0])]
    (folder / "rows").mkdir()
    named = [type(row)(**{n: getattr(row, n) for n in row.__dataclass_fields__} | {"id": str(i)}) for i, row in enumerate(rows)]
    tables.write(folder / "rows", table, named)
    stage = json.dumps({"kind": "deduplicate", "rows": "./rows", **fields})
    (folder / "recipe.yaml").write_text(f"name: x\nbase: ./none\nstages:\n  kept: {stage}\n")
    made = Recipe.load(folder / "recipe.yaml").run(folder / "run").stage("kept")
    dropped = {item["id"]: item for item in map(json.loads, (made / "dropped.jsonl").read_text().splitlines())}
    assert [row.id for row in tables.read(made, table)] == [row.id for row in named if row.id not in dropped]
    return dropped


@pytest.mark.parametrize(("one", "other", "verdict"), PROMPTS)
def test_two_prompts(one, other, verdict, tmp_path):
    dropped = run(tmp_path, [Prompt(messages=turns(one)), Prompt(messages=turns(other))])
    assert {id_: (item["reason"], item["repeats"]) for id_, item in dropped.items()} == (
        {"1": (verdict, "0")} if verdict else {}
    )
    assert all((item["similarity"] == 1.0) == (verdict == EXACT) or "17+25" in other for item in dropped.values())


ASKED = turns(LONG + "why is the sky blue?")
ALMOST = turns(LONG + "why is the sky blue, please?")
BY_HAND = [  # two rows, fields of the stage, and what is said of the second
    (Prompt(messages=ASKED), Prompt(messages=ALMOST), {"near": None}, None),
    (Prompt(messages=ASKED), Prompt(messages=ALMOST), {"near": 0.99}, None),
    (Prompt(messages=ASKED, answer="a"), Prompt(messages=ASKED, answer="b"), {}, OTHER),
    (Prompt(messages=ASKED, answer="a"), Prompt(messages=ALMOST, answer="b"), {}, None),
    (Prompt(messages=ASKED, answer="a"), Prompt(messages=ALMOST, answer="a"), {}, NEAR),
    (Prompt(messages=ASKED), Prompt(messages=turns(LONG + "why is the sky blue?", system="Rhyme.")), {}, None),
    (
        Prompt(messages=ASKED),
        Prompt(messages=ASKED, tools=[{"type": "function", "function": {"name": "look"}}]),
        {}, None,
    ),
    (Prompt(messages=turns("Go on.", "One.", "Go on.")), Prompt(messages=turns("Begin.", "Two.", "Go on.")), {}, None),
    (Demonstration(prompt=ASKED, completion="It scatters."), Demonstration(prompt=ASKED, completion="Dust, maybe."), {}, None),
    (
        Demonstration(prompt=ASKED, completion="It scatters."), Demonstration(prompt=ALMOST, completion="Dust, I think."),
        {"compare": "prompt"}, NEAR,
    ),
    (Demonstration(prompt=turns(PASSAGE), completion="Yes."), Demonstration(prompt=turns(PASSAGE), completion="No."), {}, None),
    (
        Demonstration(prompt=ASKED, completion=[{"role": "assistant", "content": "Dust.", "reasoning": "Is it? No."}]),
        Demonstration(prompt=ASKED, completion=[{"role": "assistant", "content": "Dust.", "reasoning": "Surely!"}]),
        {}, None,
    ),
    (
        Preference(prompt=ASKED, chosen="It scatters.", rejected="Dust."),
        Preference(prompt=ASKED, chosen="Dust.", rejected="It scatters."), {}, None,
    ),
    (
        Preference(prompt=ASKED, chosen="It scatters.", rejected="Dust."),
        Preference(prompt=ALMOST, chosen="it scatters.", rejected="dust."), {}, NEAR,
    ),
    (
        Preference(prompt=ASKED, chosen="A.", rejected="B."), Preference(prompt=ASKED, chosen="C.", rejected="D."),
        {"compare": "prompt"}, EXACT,
    ),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other", "fields", "verdict"), BY_HAND)
def test_two_rows(one, other, fields, verdict, tmp_path):
    dropped = run(tmp_path, [one, other], **fields)
    assert {id_: (item["reason"], item["repeats"]) for id_, item in dropped.items()} == (
        {"1": (verdict, "0")} if verdict else {}
    )


def test_a_row_that_is_dropped_names_one_that_was_kept(tmp_path):
    texts = [PASSAGE, PASSAGE + " End.", PASSAGE.upper() + " END.", PASSAGE]
    dropped = run(tmp_path, [Prompt(messages=turns(text)) for text in texts])
    alike = dropped["1"]["similarity"]
    assert 0.8 <= alike < 1
    assert {id_: (item["reason"], item["repeats"], item["similarity"]) for id_, item in dropped.items()} == {
        "1": (NEAR, "0", alike),
        "2": (NEAR, "0", alike),
        "3": (EXACT, "0", 1.0),
    }


def test_a_chain_of_small_changes_is_not_one_row(tmp_path):
    words = [word(i) for i in range(26)]
    steps = [" ".join([*(word(100 + i) for i in range(changed)), *words[changed:]]) for changed in range(0, 14, 2)]
    dropped = run(tmp_path, [Prompt(messages=turns(text)) for text in steps], near=0.6)
    assert 1 <= len(dropped) < len(steps) - 1, "the last one is unlike the first and stays"


def word(number):
    """Return a word of its own for each number, without digits."""
    return "".join(chr(97 + int(digit)) for digit in str(number)) + "z"


def test_similarity_by_hand():
    assert shingles("a b c d", 3) == [" a b c", " b c d"]
    assert shingles("a b", 3) == [" a b"]
    assert shingles("北京 is big.", 2, "t") == ["t 北 京", "t 京 is", "t is big", "t big ."]
    assert jaccard("abc", "bcd") == 0.5
    assert plain(" Straße\u00a0 A\n") == "strasse a"
    assert numbers("3 + 4 = 7, -2 and x2 in 1.5 or 50%") == ["3+", "+4=", "=7", "-2", "2", "1", "5", "50%"]
    one = comparable(Demonstration(prompt=turns("a b c d"), completion="x y z"), "all")
    other = comparable(Demonstration(prompt=turns("a b c e"), completion="x y z"), "all")
    assert similarity(one, other, 3) == pytest.approx(1 / 3), "the prompts' similarity, which is the smaller one"


@pytest.mark.parametrize("near", [0.3, 0.5, 0.7, 0.8, 0.9, 0.95])
def test_the_index_finds_pairs_that_are_as_alike_as_near(near):
    width = band_width(near)
    chance = [1 - (1 - near**w) ** (HASHES // w) for w in (width, width + 1)]
    assert chance[0] >= FOUND > chance[1]
    shared = math.ceil(200 * near / (1 + near))  # of 100 words in each of two rows, all others distinct
    found, count = 0, 300
    for pair in range(count):
        words = [word(1000 * pair + i) for i in range(300)]
        texts = " ".join(words[:100]), " ".join(words[100 - shared : 200 - shared])
        rows = [Prompt(messages=turns(text), id=str(i)) for i, text in enumerate(texts)]
        near_index = NearIndex(near, 1, "all")
        found += near_index.find_or_add(rows, [comparable(row, "all") for row in rows])[1] is not None
    assert found >= 0.98 * count


def test_near_of_one_is_the_same_shingles(tmp_path):
    rows = [Prompt(messages=turns(text)) for text in ("a b c a b c a b c", "a b c a b c", "a b c d")]
    assert {id_: item["reason"] for id_, item in run(tmp_path, rows, near=1).items()} == {"1": NEAR}


def test_rows_that_share_a_long_instruction_are_not_all_compared_exactly(monkeypatch):
    compared = []
    monkeypatch.setattr(index, "similarity", lambda *rows: compared.append(rows) or similarity(*rows))
    shared = " ".join(word(i) for i in range(60))
    texts = [f"{shared} {' '.join(word(1000 + 30 * row + i) for i in range(22))}" for row in range(200)]
    rows = [Prompt(messages=turns(text), id=str(i)) for i, text in enumerate(texts)]
    found = NearIndex(0.8, 3, "all").find_or_add(rows, [comparable(row, "all") for row in rows])
    assert found == [None] * 200
    assert len(compared) < 0.05 * 200 * 199 / 2, "the similarity is 0.57; the bands alone would propose half of the pairs"
