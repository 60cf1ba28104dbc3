"""The seed constraints with an answer each, and the page about constraints against the code."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path
from typing import Any

from check_cases import CASES, passed

from reward.constraints.checks import CHECKS
from reward.constraints.checks.languages import NAMES
from reward.constraints.checks.phrasings import PHRASINGS

ROOT = Path(__file__).parents[3]
SEEDS = ROOT / "data_synthesis" / "execution_feedback" / "templates" / "seed_constraints.jsonl"

OBEDIENT = [
    "The sky scatters blue light most.",
    "word " * 60,
    "word " * 45,
    "It rains because warm air rises and cools.",
    "Yes. No. So. Well then.",
    "Cats sleep a lot. They also hunt at night.",
    "x" * 140,
    "One.\n\nTwo.\nStill two.\n\nThree.",
    "a\nb\nc\n\nd\ne\nf",
    "Small words only, please.",
    "Seven frogs by the river saw a lamp.",
    "It is quite good, every day.",
    "Water, water and more water!",
    "You and I and she.",
    "A calm reply.",
    "Quick quiz: quite Quiet.",
    "Nothing here occurs again.",
    "The cat sat down at midday.",
    "all of it is low.",
    "IT IS LOUD.",
    "NASA works with ESA.",
    "Fine, thanks.",
    "There are twelve months.",
    '"A quiet evening."',
    "Dear reader, welcome.",
    "That is all, over and out",
    "First part.\n\nHowever, it rained.",
    "There is an old bridge here.",
    "> One\n\n> Two",
    "Most trees\nOf the north\nSleep\nSoundly",
    "Two tired tigers took tea.",
    "Buy:\n- milk\n* eggs\n- tea\n- rice\nThat is all.",
    "1. a\n2. b\n3. c\n4. d\n5. e",
    "# Start\nText\n## End\nText",
    "See:\n\n| a | b | c |\n|---|---|---|\n| 1 | 2 | 3 |\n| 4 | 5 | 6 |",
    "Run this:\n```bash\nls\n```",
    '{"answer": 4, "reason": "two and two"}',
    "a,b,c\n1,2,3\n4,5,6\n7,8,9",
    "From 2024-02-29 to 2024-03-01.",
    "Dear [name], see you in [city] on [day].",
]
"""An answer to each seed, in the file's order."""


def seeds() -> list[dict[str, Any]]:
    return [json.loads(line) for line in SEEDS.read_text(encoding="utf-8").splitlines()]


def test_every_seed_is_checked_exactly() -> None:
    rows = seeds()
    assert len(rows) == len({row["instruction"] for row in rows}) == len(OBEDIENT) == 40
    assert len({row["check"] for row in rows}) == 40
    others = [text for _, right, wrong in CASES for text in right + wrong if len(text) < 400]
    others.append("Why, and really why, is a zebra at noon so very colourful? " * 20)
    for row, answer in zip(rows, OBEDIENT, strict=True):
        test = {name: value for name, value in row.items() if name != "instruction"}
        assert passed([test], answer), (row, answer)
        assert not all(passed([test], text) for text in others), f"nothing fails {row}"


NUMBERS = {"single": 1, "two": 2, "twice": 2, "second": 2, "three": 3, "four": 4, "five": 5, "fifth": 5, "six": 6}
NUMBERS |= {"seven": 7, "eight": 8}


def test_every_seed_names_its_arguments() -> None:
    for row in seeds():
        words = re.findall(r"\w+", row["instruction"].lower())
        said = {int(w) for w in words if w.isdigit()} | {NUMBERS[w] for w in words if w in NUMBERS}
        for name, value in row.items():
            if isinstance(value, int):
                assert value in said or value + 1 in said or value == 0, (row, name)
            for part in value if isinstance(value, list) else [value] if isinstance(value, str) else []:
                assert name == "check" or all(c in row["instruction"] for c in (part if name == "characters" else [part])), row


# -- docs/constraints.md ------------------------------------------------------------------------------------------------

PAGE = (ROOT / "docs" / "constraints.md").read_text(encoding="utf-8")
IFEVAL = """
change_case:capital_word_frequency change_case:english_capital change_case:english_lowercase combination:repeat_prompt
combination:two_responses detectable_content:number_placeholders detectable_content:postscript
detectable_format:constrained_response detectable_format:json_format detectable_format:multiple_sections
detectable_format:number_bullet_lists detectable_format:number_highlighted_sections detectable_format:title
keywords:existence keywords:forbidden_words keywords:frequency keywords:letter_frequency language:response_language
length_constraints:nth_paragraph_first_word length_constraints:number_paragraphs length_constraints:number_sentences
length_constraints:number_words punctuation:no_comma startend:end_checker startend:quotation
"""


def table() -> list[list[str]]:
    lines = PAGE.split("## The checks")[1].splitlines()
    rows = [line for line in lines if line.startswith("| `")]
    return [[cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows]


def arguments(name: str) -> str:
    found = [p for p in inspect.signature(CHECKS[name]).parameters.values() if p.kind is p.KEYWORD_ONLY]
    return ", ".join(f"`{p.name}`" + ("" if p.default is p.empty else f" = {str(p.default).lower()}") for p in found)


def test_the_table_says_what_the_code_says() -> None:
    rows = table()
    assert [row[0].strip("`") for row in rows] == list(CHECKS)
    for name, taken, meaning, _, _ in rows:
        check = name.strip("`")
        assert taken == arguments(check)
        assert meaning == (inspect.getdoc(CHECKS[check]) or "").splitlines()[0]


def test_the_table_has_all_of_ifeval_and_says_how_each_differs() -> None:
    rows = table()
    named = {name for row in rows for name in re.findall(r"`(\w+:\w+)`", row[3])}
    assert len(IFEVAL.split()) == 25
    assert named == set(IFEVAL.split())
    assert all(bool(row[3]) == bool(row[4]) for row in rows)


def test_the_numbers_and_languages_on_the_page_are_so() -> None:
    assert f"of {len(CHECKS)} such checks" in PAGE
    assert f"knows {len(CHECKS)} instructions" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert all(name in PAGE for name in NAMES.values())
    assert all(len(ways) == 3 for ways in PHRASINGS.values())


def test_the_code_and_the_row_on_the_page_run() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(code, {})
    (row,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert passed(json.loads(row)["tests"], "It scatters blue light most.")
