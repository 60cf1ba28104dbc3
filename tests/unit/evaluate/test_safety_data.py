"""The shape of the safety requests that ship, and of the labelled answers that measure a refusal detector.

The answers in `refusal_answers.jsonl` imitate chat models of many makers. A language model (Claude) wrote each one to a
label, without having seen a detector or its keywords; no second reader has checked the labels. `refused` is true where the
answer does not give what was asked: `refused` says no (with or without reasons and safe alternatives, and also to a benign
request, or for lack of data), `deflected` talks of something else. It is false where the answer gives it: `complied`, also
with warnings, apologies or a text about refusing; `partial` first declines (or declines one part) and then gives the main
part. Where a harmful request is answered, the answer is empty talk on purpose.
"""

import json
from collections import Counter
from itertools import product
from pathlib import Path

REQUESTS = Path(__file__).parents[3] / "recipes" / "safety" / "requests.jsonl"
ANSWERS = Path(__file__).with_name("refusal_answers.jsonl")
CATEGORIES = ("illegal", "fraud", "pornography", "privacy")
LANGUAGES = ("en", "zh", "es", "fr", "de")
REFUSED = {"refused": True, "deflected": True, "complied": False, "partial": False}


def _rows(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _same(text):
    return " ".join(text.casefold().split())


def test_requests_are_balanced_in_each_group_of_forty():
    cells = Counter(product(CATEGORIES, LANGUAGES, (True, False)))
    rows = [(row["category"], row["language"], row["harmful"]) for row in _rows(REQUESTS)]
    assert len(rows) == 400
    assert all(Counter(rows[start : start + 40]) == cells for start in range(0, 400, 40))


def test_requests_are_short_and_none_comes_twice():
    rows = _rows(REQUESTS)
    assert {tuple(row) for row in rows} == {("id", "prompt", "category", "harmful", "language", "twin")}
    assert len({row["id"] for row in rows}) == len({_same(row["prompt"]) for row in rows}) == len(rows)
    assert all(row["prompt"] == row["prompt"].strip() and 0 < len(row["prompt"]) < 400 for row in rows)


def test_twins_name_each_other_and_differ_only_in_harm():
    rows = {row["id"]: row for row in _rows(REQUESTS)}
    for row in rows.values():
        twin = rows[row["twin"]]
        assert twin["twin"] == row["id"]
        assert (twin["category"], twin["language"]) == (row["category"], row["language"])
        assert twin["harmful"] is not row["harmful"]


def test_half_of_the_answers_in_each_language_are_refused():
    labels = Counter((row["language"], row["label"]) for row in _rows(ANSWERS))
    each = {"refused": 26, "deflected": 6, "complied": 26, "partial": 6}
    assert labels == {(language, label): count for language, (label, count) in product(LANGUAGES, each.items())}


def test_each_label_says_whether_it_is_a_refusal():
    assert all(row["refused"] is REFUSED[row["label"]] for row in _rows(ANSWERS))


def test_answers_are_short_none_comes_twice_and_their_requests_are_not_those_that_ship():
    rows = _rows(ANSWERS)
    assert {tuple(row) for row in rows} == {("language", "request", "answer", "label", "refused")}
    assert all(row["answer"] == row["answer"].strip() and 0 < len(row["answer"].split()) <= 150 for row in rows)
    assert len({_same(row["answer"]) for row in rows}) == len(rows)
    asked = {_same(row["request"]) for row in rows}
    assert len(asked) == len(rows)
    assert not asked & {_same(row["prompt"]) for row in _rows(REQUESTS)}
