"""The sentences that ask for a check: each names every argument, reads well, and is there for every check."""

from __future__ import annotations

import inspect
import string
from typing import Any

import pytest
from check_cases import CASES

from reward.constraints.checks import CHECKS
from reward.constraints.checks.languages import NAMES
from reward.constraints.checks.phrasings import ADDED, PHRASINGS, describe


def shown(name: str, value: Any) -> list[str]:
    """Return what of an argument a sentence must show."""
    if name == "language":
        return [NAMES.get(value, value)]
    if name == "characters":
        return list(value)
    if isinstance(value, dict):
        return [str(part) for pair in value.items() for part in pair]
    return value if isinstance(value, list) else [str(value).strip()]


def test_every_sentence_names_every_argument() -> None:
    for test, _, _ in CASES:
        told = [describe(test["check"], test, i) for i in range(3)]
        assert len(set(told)) == len(PHRASINGS[test["check"]]) == 3
        assert describe(test["check"], test, 3) == told[0]
        for sentence in told:
            assert sentence[0].isupper()
            assert "{" not in sentence or test["check"] == "json_object"
            for name, value in test.items():
                if name not in ("check", "ignore_case"):
                    assert all(part in sentence for part in shown(name, value)), (sentence, name)


def test_every_sentence_changes_with_every_argument_of_the_signature() -> None:
    for name, check in CHECKS.items():
        required = {
            p.name for p in inspect.signature(check).parameters.values() if p.kind is p.KEYWORD_ONLY and p.default is p.empty
        }
        optional = {p.name for p in inspect.signature(check).parameters.values() if p.kind is p.KEYWORD_ONLY} - required
        assert optional == {argument for of, argument in ADDED if of == name}
        for sentence in PHRASINGS[name]:
            fields = {field for _, field, _, _ in string.Formatter().parse(sentence) if field}
            assert fields == required, (name, sentence)


@pytest.mark.parametrize(
    ("test", "wanted"),
    [
        ({"check": "max_words", "n": 20}, "Answer in at most 20 words."),
        ({"check": "max_words", "n": 1}, "Answer in at most 1 word."),
        ({"check": "word_at", "position": 22, "word": "a"}, 'The 22nd word of your answer must be "a".'),
        ({"check": "word_at", "position": 11, "word": "a"}, 'The 11th word of your answer must be "a".'),
        ({"check": "ends_with", "string": 'a "b"'}, 'End your answer with exactly “a "b"”, with nothing after it.'),
        ({"check": "all_caps"}, "Write in capital letters only."),
        ({"check": "all_caps", "min_words": 3}, "Write in capital letters only. At least 3 words must have letters."),
        (
            {"check": "contains", "string": "a", "ignore_case": None},
            'Use "a" somewhere in your answer. Keep capitals and small letters as given.',
        ),
        (
            {"check": "contains", "string": "a", "ignore_case": True},
            'Use "a" somewhere in your answer. Capitals or small letters do not matter.',
        ),
        ({"check": "language", "language": "pt"}, "Answer in Portuguese."),
        (
            {"check": "one_of", "options": ["a", "b", "c"]},
            'Answer with exactly one of these and nothing else: "a", "b" or "c".',
        ),
    ],
    ids=lambda v: v["check"] if isinstance(v, dict) else "",
)
def test_sentences_read_well(test: dict[str, Any], wanted: str) -> None:
    assert describe(test["check"], test) == wanted


def test_a_sentence_of_no_check_or_without_its_argument_is_refused() -> None:
    with pytest.raises(ValueError, match="no check 'max_wrds'; did you mean 'max_words'"):
        describe("max_wrds", {})
    with pytest.raises(ValueError, match="check 'max_words' needs the argument 'n'"):
        describe("max_words", {"n": None})
