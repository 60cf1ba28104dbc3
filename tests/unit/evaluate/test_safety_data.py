"""The shape of the safety requests that ship, and of the labelled answers that measure a refusal detector."""

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
