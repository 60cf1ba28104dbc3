"""Conflicts: those that are known are named, and of those that are named no text passes both."""

from __future__ import annotations

import random
from itertools import combinations
from typing import Any

import pytest
from check_cases import CASES, SENTENCES, parsed, passed

from reward.constraints.checks.conflicts import conflicts

VARIANTS: list[dict[str, Any]] = [
    *({"check": name, "n": n} for name in ("max_words", "max_characters", "max_sentences", "line_count") for n in (1, 2, 5)),
    *({"check": name, "n": n} for name in ("min_words", "min_characters", "min_sentences") for n in (1, 3)),
    *({"check": "capital_words_at_least", "n": n} for n in (1, 3)),
    *({"check": name, "n": 0} for name in ("capital_words_at_most", "bullet_points", "headings", "iso_dates", "highlights")),
    *({"check": "starts_with", "string": s} for s in ("a", "A cat", "the ", "- a", "{", '"', "1.", "sea sea s")),
    {"check": "starts_with", "string": "Name a fish. Cod"},
    *({"check": "ends_with", "string": s} for s in ("b", "B", "}", '"', "a.", "1")),
    *({"check": "contains", "string": s} for s in ("a", "A", ",", "cat", "1", "\n", "a\n\nb", "e", "eye", "PART 1", "日")),
    *({"check": "contains", "string": s, "ignore_case": True} for s in ("a", "cat", "1")),
    *(
        {"check": "includes_words", "words": [w]}
        for w in ("a", "cat", "1", "b", "eye", "sea", "日", "C++", "part 1", "ที", "it's", "ab")
    ),
    *({"check": "forbidden_words", "words": [w]} for w in ("a", "cats", "dog", "1", "sea", "name")),
    *({"check": "word_at", "position": n, "word": w} for n, w in ((1, "a"), (1, "the"), (2, "b"), (1, "now"), (2, "eye"))),
    *({"check": "paragraph_first_word", "paragraph": n, "word": w} for n, w in ((1, "a"), (1, "Now"), (2, "b"))),
    *({"check": "letter_at_most", "letter": c, "n": 0} for c in "aes"),
    *({"check": "letter_at_least", "letter": c, "n": 3} for c in "aes"),
    *({"check": "words_start_with", "letter": c} for c in "abs"),
    *({"check": "no_characters", "characters": c} for c in ("-", "*#", "aA", "{[", '"', ".", "k")),
    *({"check": "lines_start_with", "string": s} for s in ("a", "-", "|", "#", "1", "P", "*")),
    *({"check": name, "n": n} for name in ("bullets", "numbered_list", "paragraph_count") for n in (1, 3)),
    *({"check": "one_of", "options": o} for o in (["a", "b"], ["NASA ESA", "2"], ["a b c"], ["{}", "[]"])),
    *({"check": "repeat", "word": w, "n": n} for w, n in (("a", 1), ("sea", 2), ("A", 3))),
    *({"check": "acrostic", "string": s} for s in ("ab", "xx", "日本")),
    *({"check": "json_object", "object": o} for o in ({}, {"A": 1}, {"A": "b", "C": [1]})),
    *({"check": "json_keys", "keys": k} for k in ([], ["a"], ["A"])),
    *({"check": "equals_number", "number": n} for n in (1, 2)),
    *({"check": "word_count_between", "low": a, "high": b} for a, b in ((1, 2), (4, 6))),
    *({"check": "language", "language": code} for code in ("en", "de", "ko", "el")),
    {"check": "all_caps"},
    {"check": "max_word_length", "n": 1},
    {"check": "parts", "separator": "***", "n": 1},
]


def pool() -> list[str]:
    """Return texts: those of the cases, in both letter cases, glued two by two in several ways, and some made to meet two."""
    rng = random.Random(7)
    cases = {text.strip() for _, right, wrong in CASES for text in right + wrong if len(text) < 400}
    base = sorted(cases | set(SENTENCES.values()))
    base += ['{\n"A": 1}', '{"A":\n"b", "C": [1]}', '{"A": "b", "C": [1]}', '{"\\u0061": 1}', "{}", "[]", "1", "2", "1.0", "A"]
    base += [
        "a\nb",
        "日\n本",
        "x\nX",
        "1. a",
        "1. a\n2. b\n3. c",
        "- a",
        "1. sun\n2. sea",
        "ที่ดี",
        "ที ดี",
        "it’s",
        "ab 7",
        "“A”",
        "a – b",
        "**a** b",
        "*b c*",
        "- a\n- b\n- c",
        "a b c",
        "# a",
        "NASA ESA I",
        "*a*\n*b*",
        "[a](cats)",
        "![-](eye)",
        "a <br> b",
        "b) a",
        "https://a/cat b",
        "a cat@x.yz",
        "C# C++ 3.1",
        "a\n===",
        "the\n---\n```\n# a\n```",
        "a|b\n-|-\n1|2",
        "Nº 1ª A",
        "NASA's A",
        "_a_b sea_sea",
    ]
    base += ["an eye", "a b a.", "x 1 a\n\nb", "the a", "Now a eye", "a b s. s, s", "aaa", "bee bus bus", "the eye", "A A A"]
    base += ["Name a fish. Cod b", "sea sea sat", "\u212a"]
    glued = [rng.choice(base) + rng.choice(["\n", " ", "\n\n", "", "\n***\n"]) + rng.choice(base) for _ in range(900)]
    return sorted({text.strip() for text in [*base, *map(str.upper, base), *map(str.lower, base), *glued]})


def test_no_text_passes_both_of_two_tests_that_are_said_to_conflict() -> None:
    tests = [test for test, _, _ in CASES] + VARIANTS
    answers = pool()
    passing = []
    for test in tests:
        ((_, check),) = parsed([test])
        passing.append({text for text in answers if not check(text)})
        assert passing[-1], f"no text of the pool passes {test}: it would show nothing"
        assert not conflicts([test])
    said = 0
    for i, j in random.Random(8).sample(list(combinations(range(len(tests)), 2)), 5000):
        found = conflicts([tests[i], tests[j]])
        said += bool(found)
        both = passing[i] & passing[j]
        assert not (found and both), (found, min(both, key=len))
    assert said > 700


CONFLICTS: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"check": "min_words", "n": 20}, {"check": "max_words", "n": 10}, "words: at least 20, at most 10"),
    ({"check": "word_count_between", "low": 5, "high": 9}, {"check": "max_words", "n": 4}, "words: at least 5, at most 4"),
    ({"check": "min_words", "n": 20}, {"check": "max_characters", "n": 19}, "characters: at least 20, at most 19"),
    ({"check": "min_sentences", "n": 5}, {"check": "max_characters", "n": 8}, "characters: at least 9, at most 8"),
    ({"check": "starts_with", "string": "sea sea s"}, {"check": "no_repeated_word"}, "repeated words"),
    ({"check": "paragraph_count", "n": 3}, {"check": "line_count", "n": 2}, "lines: at least 3, at most 2"),
    ({"check": "bullets", "n": 3}, {"check": "max_characters", "n": 4}, "characters: at least 5, at most 4"),
    ({"check": "bullets", "n": 3}, {"check": "bullet_points", "n": 2}, "bullet points"),
    ({"check": "bullets", "n": 3}, {"check": "paragraph_count", "n": 2}, "paragraphs"),
    ({"check": "bullets", "n": 3}, {"check": "json_value"}, "begins with"),
    ({"check": "bullets", "n": 3}, {"check": "acrostic", "string": "abc"}, "lines that begin with no letter"),
    ({"check": "bullets", "n": 3}, {"check": "sections", "marker": "PART", "n": 1}, "every line begins"),
    ({"check": "all_caps"}, {"check": "all_lowercase"}, "capital words"),
    ({"check": "all_caps"}, {"check": "contains", "string": "Cat"}, "'a' is not allowed"),
    ({"check": "all_caps"}, {"check": "language", "language": "zh"}, "letters without case"),
    ({"check": "all_caps"}, {"check": "json_object", "object": {"A": True}}, "small letters"),
    ({"check": "all_lowercase"}, {"check": "postscript", "marker": "P.S."}, "'P' is not allowed"),
    ({"check": "all_caps", "min_words": 4}, {"check": "capital_words_at_most", "n": 3}, "capital words"),
    ({"check": "ends_with", "string": "DONE"}, {"check": "ends_with", "string": "END"}, "ends with"),
    ({"check": "starts_with", "string": "Yes"}, {"check": "quoted"}, "begins with"),
    ({"check": "ends_with", "string": "so, yes"}, {"check": "no_commas"}, "',' is not allowed"),
    ({"check": "json_keys", "keys": ["a", "b"]}, {"check": "no_commas"}, "',' is not allowed"),
    ({"check": "iso_dates", "n": 1}, {"check": "no_digits"}, "digits"),
    ({"check": "forbidden_words", "words": ["cat"]}, {"check": "contains", "string": "a cat is"}, "word cat"),
    ({"check": "forbidden_words", "words": ["Cat"]}, {"check": "starts_with", "string": "Cat "}, "word cat"),
    ({"check": "forbidden_words", "words": ["Cat"]}, {"check": "includes_words", "words": ["hot CAT"]}, "word cat"),
    ({"check": "word_at_least", "word": "a", "n": 3}, {"check": "word_at_most", "word": "A", "n": 2}, "word a"),
    ({"check": "letter_at_most", "letter": "e", "n": 1}, {"check": "contains", "string": "beet"}, "letter e"),
    ({"check": "letter_at_most", "letter": "e", "n": 0}, {"check": "includes_words", "words": ["bee"]}, "letter e"),
    ({"check": "max_word_length", "n": 4}, {"check": "starts_with", "string": "Hello"}, "longest word"),
    ({"check": "language", "language": "de"}, {"check": "language", "language": "fr"}, "the text is in"),
    ({"check": "word_at", "position": 1, "word": "a"}, {"check": "starts_with", "string": "The end"}, "word 1"),
    ({"check": "words_start_with", "letter": "s"}, {"check": "word_at", "position": 3, "word": "tea"}, "every word begins"),
    ({"check": "one_of", "options": ["yes", "no"]}, {"check": "all_caps"}, "none of the possible answers"),
    ({"check": "repeat", "word": "a", "n": 3}, {"check": "no_repeated_word"}, "none of the possible answers"),
    ({"check": "sections", "marker": "PART", "n": 2}, {"check": "no_repeated_word"}, "repeated words"),
    ({"check": "no_palindromes"}, {"check": "word_at", "position": 1, "word": "Eve"}, "palindromes"),
    ({"check": "equals_number", "number": 7}, {"check": "includes_words", "words": ["seven"]}, "letters"),
]


@pytest.mark.parametrize(("one", "other", "says"), CONFLICTS, ids=lambda v: v["check"] if isinstance(v, dict) else "")
def test_conflicts_that_are_known_are_named(one: dict[str, Any], other: dict[str, Any], says: str) -> None:
    for pair in ([one, other], [other, one]):
        (said,) = conflicts(pair)
        assert [part for part in (says, one["check"], other["check"]) if part not in said] == []


@pytest.mark.parametrize(
    ("one", "other", "witness"),
    [
        ({"check": "forbidden_words", "words": ["cat"]}, {"check": "contains", "string": "cat"}, "cats"),
        ({"check": "forbidden_words", "words": ["cat"]}, {"check": "starts_with", "string": "cat"}, "cats"),
        ({"check": "all_caps"}, {"check": "includes_words", "words": ["cat"]}, "CAT"),
        ({"check": "starts_with", "string": "sea sea"}, {"check": "no_repeated_word"}, "sea seal"),
        ({"check": "ends_with", "string": "sea sea"}, {"check": "no_repeated_word"}, "chelsea sea"),
        ({"check": "contains", "string": "a sea sea"}, {"check": "no_repeated_word"}, "a sea seal"),
        ({"check": "starts_with", "string": "ab"}, {"check": "starts_with", "string": "a"}, "ab"),
        ({"check": "no_characters", "characters": "sS"}, {"check": "includes_words", "words": ["s"]}, "\u017f"),
        ({"check": "letter_at_most", "letter": "s", "n": 0}, {"check": "includes_words", "words": ["miss"]}, "mi\u00df"),
        ({"check": "letter_at_most", "letter": "q", "n": 0}, {"check": "contains", "string": "q"}, "q\u0303"),
        ({"check": "min_words", "n": 4}, {"check": "max_characters", "n": 6}, "私は猫が好き"),
        ({"check": "min_sentences", "n": 2}, {"check": "max_words", "n": 1}, "Go.\n1. !"),
        ({"check": "numbered_list", "n": 2}, {"check": "words_start_with", "letter": "s"}, "1. sun\n2. sea"),
        ({"check": "contains", "string": "ที"}, {"check": "forbidden_words", "words": ["ที"]}, "ที่"),
        ({"check": "starts_with", "string": "“A"}, {"check": "quoted"}, '"A"'),
        ({"check": "one_of", "options": ["it’s"]}, {"check": "contains", "string": "t's"}, "it's"),
        ({"check": "json_value"}, {"check": "line_count", "n": 3}, '{\n"a": 1\n}'),
        ({"check": "words_start_with", "letter": "s"}, {"check": "includes_words", "words": ["cat"]}, "so-cat"),
        ({"check": "max_characters", "n": 1}, {"check": "contains", "string": "ss", "ignore_case": True}, "\u00df"),
        ({"check": "max_word_length", "n": 3}, {"check": "includes_words", "words": ["miss"]}, "mi\u00df"),
        ({"check": "bullets", "n": 2}, {"check": "max_sentences", "n": 0}, "- !\n- ?"),
        ({"check": "acrostic", "string": "ab"}, {"check": "lines_start_with", "string": "*"}, "*a*\n*b*"),
        ({"check": "acrostic", "string": "a"}, {"check": "starts_with", "string": "[a"}, "[a](b)"),
        ({"check": "contains", "string": "cats"}, {"check": "max_word_length", "n": 3}, "[a](cats)"),
        ({"check": "contains", "string": "cat"}, {"check": "max_words", "n": 0}, "![-](cat)"),
        ({"check": "contains", "string": "x <br> y"}, {"check": "max_words", "n": 2}, "x <br> y"),
        ({"check": "forbidden_words", "words": ["cat"]}, {"check": "ends_with", "string": "a/cat b"}, "https://a/cat b"),
        ({"check": "forbidden_words", "words": ["cat"]}, {"check": "contains", "string": "a cat-dog"}, "a cat-dog@x.yz"),
        ({"check": "forbidden_words", "words": ["x"]}, {"check": "includes_words", "words": ["x.y"]}, "www.x.y"),
        ({"check": "forbidden_words", "words": ["c"]}, {"check": "starts_with", "string": "C"}, "C#"),
        ({"check": "headings", "n": 1}, {"check": "no_characters", "characters": "#"}, "a\n==="),
        ({"check": "markdown_table", "columns": 2, "rows": 1}, {"check": "starts_with", "string": "a"}, "a|b\n-|-\n1|2"),
        ({"check": "all_caps"}, {"check": "contains", "string": "Nº"}, "Nº 1"),
    ],
    ids=lambda v: v["check"] if isinstance(v, dict) else "",
)
def test_what_only_looks_like_a_conflict_is_none(one: dict[str, Any], other: dict[str, Any], witness: str) -> None:
    assert passed([one, other], witness)
    assert conflicts([one, other]) == []


def test_a_test_that_can_never_hold_is_named_alone() -> None:
    (said,) = conflicts([{"check": "word_count_between", "low": 5, "high": 4}, {"check": "no_commas"}])
    assert said == "word_count_between(low=5, high=4) cannot hold: words: at least 5, at most 4"
    assert conflicts([]) == conflicts([{"check": "max_words", "n": 3}, {"check": "no_commas", "n": None}]) == []
