"""`kind: constraints` against what a careful reader says, and against answers that are changed so that they must fail."""

import asyncio
import re
import unicodedata

import pytest
from constraints import CASES

from align.core.rows import Prompt
from reward.constraints.checks import CHECKS, PARSED
from reward.constraints.checks.languages import scripts
from reward.constraints.checks.punctuation import COMMAS
from reward.constraints.verifier import Constraints

ALL = [case for cases in CASES.values() for case in cases]


def passed(test, answer):
    prompt = Prompt(messages=[{"role": "user", "content": "?"}], tests=[test], id="1")
    return asyncio.run(Constraints(kind="constraints").score(prompt, [answer]))[0].passed


@pytest.mark.parametrize("why", CASES)
def test_what_keeps_an_instruction_and_what_does_not(why):
    assert [(test, answer, passed(test, answer)) for test, answer, _ in CASES[why]] == CASES[why]


def test_the_table_has_every_check_both_verdicts_and_ten_scripts():
    assert {(test["check"], right) for test, _, right in ALL} == {(name, right) for name in CHECKS for right in (True, False)}
    assert 0.4 < sum(right for *_, right in ALL) / len(ALL) < 0.6
    texts = [scripts(answer) for _, answer, _ in ALL]
    for script in ("LATIN", "CYRILLIC", "GREEK", "ARABIC", "HEBREW", "DEVANAGARI", "CJK", "HIRAGANA", "HANGUL", "THAI"):
        assert sum(script in found for found in texts) >= 5, script


# -- what no reader sees changes no verdict ------------------------------------------------------------------------------


INVISIBLE = {
    "accents apart": lambda text: unicodedata.normalize("NFD", text),
    "Windows line ends": lambda text: text.replace("\r\n", "\n").replace("\n", "\r\n"),
    "no-break spaces": lambda text: text.replace(" ", "\u00a0"),
    "soft hyphens": lambda text: re.sub(r"(?<=[a-zа-яα-ω])(?=[a-zа-яα-ω])", "\u00ad", text),
    "direction marks and a byte order mark": lambda text: f"\ufeff\u200f{text}\u200e\n",
}


@pytest.mark.parametrize("how", INVISIBLE)
def test_a_verdict_stays_where_an_answer_looks_the_same(how):
    cases = [(test, answer, right) for test, answer, right in ALL if test["check"] not in PARSED]
    assert [(t, a, INVISIBLE[how](a)) for t, a, right in cases if passed(t, INVISIBLE[how](a)) != right] == []


# -- a right answer that is changed turns wrong -------------------------------------------------------------------------


BREAKS = {
    "acrostic": lambda t: lambda text: f"{text}\nx",
    "all_caps": lambda t: lambda text: f"{text} ж",
    "all_lowercase": lambda t: lambda text: f"{text} Ж",
    "bullet_points": lambda t: lambda text: f"- ещё\n{text}",
    "bullets": lambda t: lambda text: f"{text}\n- तीन",
    "capital_words_at_most": lambda t: lambda text: f"{text} США" * (t["n"] + 1),
    "code_block": lambda t: lambda text: text.replace("```python", "```"),
    "csv_table": lambda t: lambda text: f"{text},x",
    "ends_with": lambda t: lambda text: f"{text}。",
    "equals_number": lambda t: lambda text: f"{text}1",
    "forbidden_words": lambda t: lambda text: f"{text} {t['words'][0].upper()}!",
    "headings": lambda t: lambda text: f"{text}\n# Ещё",
    "json_keys": lambda t: lambda text: text.replace("}", ', "b": 1}'),
    "json_object": lambda t: lambda text: text.replace("}", ', "b": 1}'),
    "json_value": lambda t: lambda text: f"{text}.",
    "language": lambda t: lambda text: " ".join(["Привет"] * 30) if t["language"] != "ru" else "γεια σου",
    "letter_at_most": lambda t: lambda text: text + t["letter"].upper() * (t["n"] + 1),
    "line_count": lambda t: lambda text: f"{text}\nещё",
    "lines_start_with": lambda t: lambda text: f"{text}\nДа.",
    "markdown_table": lambda t: lambda text: f"{text}\n\n| 三 |\n|---|",
    "max_characters": lambda t: lambda text: text + "字" * (t["n"] + 1),
    "max_sentence_words": lambda t: lambda text: f"{text} {'слово ' * (t['n'] + 1)}",
    "max_sentences": lambda t: lambda text: f"{text}\n\n" + "Ещё одно. " * t["n"],
    "max_word_length": lambda t: lambda text: text + " " + "ж" * (t["n"] + 1),
    "max_words": lambda t: lambda text: f"{text} " + "слово " * (t["n"] + 1),
    "no_characters": lambda t: lambda text: text + t["characters"],
    "no_commas": lambda t: lambda text: text + COMMAS[len(text) % len(COMMAS)],
    "no_digits": lambda t: lambda text: f"{text}๕",
    "no_palindromes": lambda t: lambda text: f"{text} шалаш",
    "no_repeated_word": lambda t: lambda text: f"{text} мир, МИР",
    "numbered_list": lambda t: lambda text: f"{text}\n3. สาม",
    "one_of": lambda t: lambda text: f"{text}!",
    "paragraph_count": lambda t: lambda text: f"{text}\n\nЕщё.",
    "paragraph_first_word": lambda t: lambda text: f"Нет.\n\n{text}",
    "parts": lambda t: lambda text: f"{text}\n***\nтри",
    "quoted": lambda t: lambda text: text[:-1],
    "repeat": lambda t: lambda text: f"{text} {t['word']}",
    "repeat_then_answer": lambda t: lambda text: f" x{text}",
    "sections": lambda t: lambda text: text.replace("1", "2"),
    "starts_with": lambda t: lambda text: f"x{text}",
    "title": lambda t: lambda text: text.split("\r\n")[0],
    "word_at": lambda t: lambda text: f"но {text}",
    "word_at_most": lambda t: lambda text: text + f" {t['word']}" * (t["n"] + 1),
    "word_count_between": lambda t: lambda text: f"{text} " + "слово " * t["high"],
    "words_start_with": lambda t: lambda text: f"{text} жук",
}
"""For a check: a change that no answer survives. Those that ask for something to be there are broken by taking it away."""

TAKEN_AWAY = {
    "capital_words_at_least", "contains", "highlights", "includes_words", "iso_dates", "letter_at_least", "min_characters",
    "min_sentences", "min_words", "placeholders", "postscript", "word_at_least",
}  # fmt: skip


def test_a_right_answer_that_is_broken_is_wrong():
    right = [(test, answer) for test, answer, verdict in ALL if verdict]
    assert {test["check"] for test, _ in right} == set(BREAKS) | TAKEN_AWAY
    broken = [(t, BREAKS[t["check"]](t)(answer)) for t, answer in right if t["check"] in BREAKS]
    broken += [(t, "?") for t, _ in right if t["check"] in TAKEN_AWAY]
    assert len(broken) > 150
    assert [case for case in broken if passed(*case)] == []


@pytest.mark.parametrize("check", ["includes_words", "forbidden_words"])
def test_a_keyword_with_another_letter_is_another_keyword(check):
    """Each letter of a word that occurs is changed in turn: then it occurs no more."""
    occurs = check == "includes_words"
    tests = [(t, a) for t, a, right in ALL if t["check"] == check and right == occurs]
    changed = 0
    for test, answer in tests:
        for i, letter in enumerate(test["words"][0]):
            if letter.isalpha():
                word = test["words"][0][:i] + ("ж" if letter != "ж" else "q") + test["words"][0][i + 1 :]
                assert passed(test | {"words": [word]}, answer) != occurs, (word, answer)
                changed += 1
    assert changed > 20
