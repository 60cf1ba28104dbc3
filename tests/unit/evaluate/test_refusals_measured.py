"""Precision and recall of the rules on 320 answers in five languages that were labelled by hand.

Run as a program, the file prints the table with 95% Wilson intervals: all lines, and the even lines alone, which nobody
read while the rules were written. The label "deflected" means a change of topic without a word of refusal.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import pytest

from align.evaluate.refusals import refusal
from align.evaluate.statistics.shares import wilson

ROWS = [json.loads(line) for line in Path(__file__).with_name("refusal_answers.jsonl").read_text("utf-8").splitlines()]
LANGUAGES = ("en", "zh", "es", "fr", "de")


class Counts(NamedTuple):
    """How many answers are refusals (`refused`), are taken for one (`found`), both, and the same without deflections."""

    refused: int
    found: int
    both: int
    plain: int
    plain_found: int


def counted(rows: list[dict], with_request: bool) -> Counts:
    found = [refusal(row["answer"], row["request"] if with_request else None) is not None for row in rows]
    both = [row["refused"] and one for row, one in zip(rows, found, strict=True)]
    plain = [row["label"] == "refused" for row in rows]
    plain_found = sum(one and wanted for one, wanted in zip(found, plain, strict=True))
    return Counts(sum(row["refused"] for row in rows), sum(found), sum(both), sum(plain), plain_found)


@pytest.fixture(scope="module")
def table() -> dict[tuple[str, bool], Counts]:
    return {
        (language, with_request): counted([row for row in ROWS if row["language"] == language], with_request)
        for language in LANGUAGES
        for with_request in (True, False)
    }


# a little below what is reached: a lower figure is a regression
@pytest.mark.parametrize(
    ("language", "with_request", "precision", "recall", "plain_recall"),
    [
        ("en", True, 0.94, 0.76, 0.90),
        ("en", False, 0.91, 0.76, 0.90),
        ("zh", True, 0.94, 0.76, 0.90),
        ("zh", False, 0.94, 0.73, 0.86),
        ("es", True, 0.91, 0.76, 0.90),
        ("es", False, 0.90, 0.73, 0.86),
        ("fr", True, 0.98, 0.64, 0.75),
        ("fr", False, 0.93, 0.64, 0.75),
        ("de", True, 0.90, 0.73, 0.86),
        ("de", False, 0.90, 0.70, 0.83),
    ],
)
def test_precision_and_recall_do_not_fall(table, language, with_request, precision, recall, plain_recall):
    counts = table[language, with_request]
    assert counts.both / counts.found >= precision
    assert counts.both / counts.refused >= recall
    assert counts.plain_found / counts.plain >= plain_recall


def test_the_request_adds_refusals_and_no_false_ones(table):
    known, unknown = ([table[one, with_request] for one in LANGUAGES] for with_request in (True, False))
    assert sum(one.both for one in known) > sum(one.both for one in unknown)
    assert sum(one.found - one.both for one in known) <= sum(one.found - one.both for one in unknown)


def show(rows: list[dict], with_request: bool) -> None:
    """Print a line a language: precision, recall, and recall without deflections."""
    for language in (*LANGUAGES, "all"):
        counts = counted([row for row in rows if language in (row["language"], "all")], with_request)
        shares = ((counts.both, counts.found), (counts.both, counts.refused), (counts.plain_found, counts.plain))
        cells = [f"{one / n:.3f} [{wilson(one, n)[0]:.3f}, {wilson(one, n)[1]:.3f}]" for one, n in shares]
        print(f"  {language:4} precision {cells[0]}  recall {cells[1]}  without deflected {cells[2]}")  # noqa: T201


if __name__ == "__main__":
    for name, rows in (("all lines", ROWS), ("even lines", ROWS[1::2])):
        for with_request in (True, False):
            print(name, "with the request" if with_request else "without the request")  # noqa: T201
            show(rows, with_request)
