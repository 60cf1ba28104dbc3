"""Each check on answers that nearly hold, hostile texts, its sentences; units, conflicts with witnesses; the docs' table."""

from __future__ import annotations

import random
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from check_cases import CASES, SENTENCES, parsed, passed

from reward.constraints.checks import CHECKS
from reward.constraints.checks.implications import IMPLICATIONS
from reward.constraints.checks.languages import LATIN, NAMES, SCRIPTS
from reward.constraints.checks.phrasings import PHRASINGS
from reward.constraints.checks.sentences import sentences
from reward.constraints.checks.units import occurrences, paragraphs, words

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(("test", "right", "wrong"), CASES, ids=lambda v: v["check"] if isinstance(v, dict) else "")
def test_check_accepts_exactly_what_its_docstring_says(test: dict[str, Any], right: list[str], wrong: list[str]) -> None:
    assert [answer for answer in right if not passed([test], answer)] == []
    assert [answer for answer in wrong if passed([test], answer)] == []


def test_every_check_has_cases_sentences_and_a_docstring() -> None:
    assert {test["check"] for test, right, wrong in CASES if right and wrong} == set(CHECKS)
    assert list(CHECKS) == sorted(CHECKS)
    assert list(CHECKS) == list(PHRASINGS)
    assert set(IMPLICATIONS) <= set(CHECKS)
    assert all(check.__name__ == name and check.__doc__ for name, check in CHECKS.items())
    named = "\n".join(p.read_text(encoding="utf-8") for p in (ROOT / "reward" / "constraints" / "checks").glob("*.py"))
    assert all(f"\ndef {name}(text: str" in named for name in CHECKS)


# -- properties -----------------------------------------------------------------------------------------------------


def texts(seed: int, n: int = 300) -> Iterator[str]:
    """Yield random texts of short pieces that the checks care about."""
    rng = random.Random(seed)
    pieces = [
        "cat",
        "Cat.",
        "a",
        "E",
        "\n",
        "\n\n",
        "- ",
        "* ",
        "1.",
        "PART 1",
        "NASA",
        "eye",
        "é",
        "日本。",
        "!",
        "e.g.",
        "...",
        '"',
    ]
    for _ in range(n):
        yield " ".join(rng.choice(pieces) for _ in range(rng.randrange(12))).strip()


@pytest.mark.parametrize(
    ("most", "least"),
    [
        ({"check": "max_words"}, {"check": "min_words"}),
        ({"check": "max_sentences"}, {"check": "min_sentences"}),
        ({"check": "max_characters"}, {"check": "min_characters"}),
        ({"check": "capital_words_at_most"}, {"check": "capital_words_at_least"}),
        ({"check": "word_at_most", "word": "cat"}, {"check": "word_at_least", "word": "cat"}),
        ({"check": "letter_at_most", "letter": "a"}, {"check": "letter_at_least", "letter": "a"}),
    ],
    ids=lambda test: test["check"],
)
def test_at_most_n_holds_exactly_where_at_least_n_plus_one_fails(most: dict[str, Any], least: dict[str, Any]) -> None:
    for n in range(4):
        seen = [passed([most | {"n": n}], text) for text in texts(n)]
        assert seen == [not passed([least | {"n": n + 1}], text) for text in texts(n)]
        assert set(seen) == {True, False}


def test_forbidden_words_hold_exactly_where_each_occurs_at_most_zero_times() -> None:
    for text in texts(5):
        none = all(passed([{"check": "word_at_most", "word": word, "n": 0}], text) for word in ("cat", "nasa"))
        assert passed([{"check": "forbidden_words", "words": ["cat", "nasa"]}], text) == none


def test_what_is_checked_after_capitals_and_small_letters_are_swapped() -> None:
    for text in texts(6):
        assert passed([{"check": "all_caps"}], text.upper()) == passed([{"check": "all_lowercase"}], text.lower())


# -- units ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Pi is 3.14. It is so.", ["Pi is 3.14.", "It is so."]),
        ("Really?! Yes... I think. Well... maybe", ["Really?!", "Yes...", "I think.", "Well... maybe"]),
        ("Dr. J. R. Lee of the U.S. Army, e.g. here.", ["Dr. J. R. Lee of the U.S. Army, e.g. here."]),
        ('"No!" she said. "Go." He went.', ['"No!" she said.', '"Go."', "He went."]),
        ("I live in the U.S. It is big. I chose B. It won.", ["I live in the U.S.", "It is big.", "I chose B.", "It won."]),
        (
            "See Vol. 2 and No. 5 of Acme Inc. today. No. I won't.",
            ["See Vol. 2 and No. 5 of Acme Inc. today.", "No.", "I won't."],
        ),
        ("A cat\nsat here,\nWide awake.\nA list", ["A cat sat here, Wide awake.", "A list"]),
        ("Great! \U0001f600 So it is.[1] Bye", ["Great!", "\U0001f600 So it is.[1]", "Bye"]),
        ("1. Stir. 2. Wait.\n- **Done.**", ["1. Stir.", "2. Wait.", "- **Done.**"]),
        ("今天很好。你呢？「好！」他说。", ["今天很好。", "你呢？", "「好！」", "他说。"]),
        ("वह गया। वह आया।", ["वह गया।", "वह आया।"]),
        ("# Title\n\nBody", ["# Title", "Body"]),
        ("--- !!! ...", []),
    ],
)
def test_sentences(text: str, wanted: list[str]) -> None:
    assert sentences(text) == wanted


def test_what_the_docstring_says_sentences_do_not_know_is_so() -> None:
    assert len(sentences('"Stop!" Ann said.')) == 2
    assert len(sentences("We met at 5 p.m. Ann was late.")) == 1
    assert len(sentences("ฉันชอบแมว แมวชอบฉัน")) == 1


def test_words_occurrences_and_paragraphs() -> None:
    assert words('(Yes), "don\'t" * 3.14! नमस्ते, ---') == ["Yes", "don't", "3.14", "नमस्ते"]
    assert occurrences("Cat cats, CAT-cat: concat_cat", "cat") == 3
    assert occurrences("aaa aa aa", "aa") == 2
    assert occurrences("cafe\u0301 cafe", "cafe") == 1
    assert occurrences("黒猫と白猫", "猫") == 2
    assert paragraphs("\na\nb\n \n\n c\n") == ["a\nb", " c"]


# -- time -------------------------------------------------------------------------------------------------------------

LONG = 60_000


def hostile() -> Iterator[str]:
    """Yield texts of 100,000 characters that make patterns backtrack, and runaway answers, four to a text."""
    pieces = [
        *[
            "a",
            "*",
            "**a ",
            "[",
            "[a",
            "<<a",
            '"',
            "```",
            "# ",
            "|",
            "|-",
            "- ",
            "- a\n",
            ".",
            "A. ",
            "!?",
            "。」",
            "1",
            "1. a\n",
        ],
        *["2024-01-01", "\n", "\na", "PART 1\n", "***\na\n", ',"', "a,b\n", '{"a":', "猫", "é\u0301", "cat", "\n "],
        *["[a](", "[a](b) ", "a@", "a@b.", "https://a", "www.", "_a", "~~~\n", "a\n---\n", "a|b\n", "`a` ", "# a\n"],
        *["I am happy. ", "[1]", "我喜欢学习。", "ฉันชอบกินข้าวผัด", "“a” ", "*a ", "**a*b c* ", "a\n  "],
    ]
    for i in range(0, len(pieces), 4):
        yield "x".join(piece * (LONG // 4 // len(piece)) for piece in pieces[i : i + 4])


def test_every_check_finishes_on_long_and_hostile_texts() -> None:
    tests = {test["check"]: test for test, _, _ in CASES}
    checks = [check for test in tests.values() for check in parsed([test])]
    for text in hostile():
        for name, check in checks:
            start = time.process_time()
            assert isinstance(check(text), str), name
            assert time.process_time() - start < 2, name  # 0.3 s at most; quadratic time takes longer than 2 s


# -- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("test", "says"),
    [
        ({"check": "includes_words", "words": []}, "no words; give at least one"),
        ({"check": "includes_words", "words": "cat"}, "'words' is 'cat'; it takes words (list of str)"),
        ({"check": "includes_words", "words": ["cat", 1]}, "'words' is"),
        ({"check": "forbidden_words", "words": [" cat"]}, "' cat' cannot be searched for"),
        ({"check": "word_at_least", "word": "!", "n": 1}, "'!' cannot be searched for"),
        ({"check": "letter_at_least", "letter": "ab", "n": 1}, "'ab' is not one letter"),
        ({"check": "no_characters", "characters": "a b"}, "no white space"),
        ({"check": "word_at", "position": 0, "word": "a"}, "position is 0; it counts from 1"),
        ({"check": "word_at", "position": 1, "word": "a b"}, "give one word"),
        ({"check": "paragraph_first_word", "paragraph": 1, "word": "a!"}, "give one word"),
        ({"check": "acrostic", "string": "a b"}, "letters only"),
        ({"check": "lines_start_with", "string": ""}, "should be one line"),
        ({"check": "lines_start_with", "string": " >"}, "without white space around it"),
        ({"check": "sections", "marker": "a\nb", "n": 1}, "should be one line"),
        ({"check": "sections", "marker": "a", "n": 0}, "n is 0; it counts from 1"),
        ({"check": "csv_table", "columns": 0, "rows": 1}, "columns is 0"),
        ({"check": "markdown_table", "columns": 0, "rows": 1}, "columns is 0"),
        ({"check": "one_of", "options": ["a", ""]}, "give at least one, none empty"),
        ({"check": "one_of", "options": ["a", " b"]}, "white space around it"),
        ({"check": "repeat_then_answer", "request": " "}, "request is empty"),
        ({"check": "parts", "separator": "***", "n": 0}, "n is 0"),
        ({"check": "language", "language": "xx"}, "no language 'xx'; one of ar, bn"),
    ],
    ids=lambda v: v["check"] if isinstance(v, dict) else "",
)
def test_a_value_that_no_check_can_use_is_refused_before_any_answer(test: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=f"row 'row7': check '{test['check']}'.*{re.escape(says)}"):
        passed([test], "x")


def test_a_missing_language_detector_is_named_with_its_extra() -> None:
    code = (
        "import sys; sys.modules['py3langid'] = None\n"
        "from align.core.rows import Prompt; from reward.constraints.verifier import parse\n"
        "asked = [{'role': 'user', 'content': '?'}]\n"
        "row = lambda code: Prompt(messages=asked, id='r', tests=[{'check': 'language', 'language': code}])\n"
        "parse(row('ja'))\n"
        "try: parse(row('fr'))\n"
        "except RuntimeError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "row 'r': check 'language': the check 'language' needs py3langid" in done.stdout
    assert "pip install 'align-toolkit[language]'" in done.stdout


# -- language -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", sorted(NAMES))
def test_a_sentence_passes_for_its_language_alone(code: str) -> None:
    for text in (SENTENCES[code], SENTENCES[code].upper()):
        assert [other for other in NAMES if not CHECKS["language"](text, language=other)] == [code]


def test_languages_are_named_once() -> None:
    assert set(SENTENCES) == set(NAMES) == set(LATIN) | set(SCRIPTS)
    assert not set(LATIN) & set(SCRIPTS)
