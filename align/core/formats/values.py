"""Read the columns beside the conversation: reference answers, tests, labels, tags, numbers."""

from __future__ import annotations

import json
import math
import re
from decimal import Decimal
from typing import Any

from align.core.errors import BadRow

MOST_DIGITS = 400
"""Numbers of more digits keep their exponent; a float has 309 at most."""
_TRUTHS = {
    **dict.fromkeys(("true", "yes", "y", "1", "1.0"), True),
    **dict.fromkeys(("false", "no", "n", "0", "0.0"), False),
}
_VERDICTS = {
    "good",
    "bad",
    "chosen",
    "rejected",
    "desirable",
    "undesirable",
    "correct",
    "incorrect",
    "right",
    "wrong",
}
"""Words that may say whether a completion is good. A label that is one of them is refused."""


def read_answer(value: Any) -> str | None:
    """Return a reference answer as text for graders: numbers without exponent, lists as JSON.

    Raises:
        BadRow: it is an object, bytes, or no finite number.
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list | tuple):
        return f"[{', '.join('null' if item is None else _item(item) for item in value)}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float | Decimal):
        return _plain(value)
    if isinstance(value, dict | bytes):
        raise BadRow(f"answer is {'an object' if isinstance(value, dict) else 'bytes'}")
    return str(value)


def _item(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else str(read_answer(value))


def _plain(value: float | Decimal) -> str:
    """Return a number without exponent: a grader would read 1e-05 as 1 times e minus 5."""
    if not math.isfinite(value):
        raise BadRow("answer is not a finite number")
    number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    return f"{number:f}" if -MOST_DIGITS < number.adjusted() < MOST_DIGITS else str(value)


def read_number(value: Any) -> float | None:
    """Return a margin. Raises BadRow if it is not a number."""
    try:
        return None if value is None else float(value)
    except (TypeError, ValueError):
        raise BadRow("margin is not a number") from None


_PYTHON = re.compile(r"^(?:[ \t]*assert\b|(?:async )?def \w|import \w|from \w+[\w.]* import\b)", re.MULTILINE)
"""Beginnings of Python lines; JSON has no such lines."""


def read_tests(value: Any) -> list[dict[str, Any]]:
    """Return tests, from one object or a list, JSON of these, MBPP's asserts, or KodCode's Python text.

    Raises:
        BadRow: it is none of them.
    """
    if isinstance(value, str) and _PYTHON.search(value):
        value = [value]
    elif isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise BadRow("tests is not JSON") from None
    if value is None:
        return []
    if isinstance(value, dict):  # APPS and CodeContests have one object with lists of inputs and outputs
        value = [value]
    if not isinstance(value, list) or not all(isinstance(test, dict | str) for test in value):
        raise BadRow("tests is not a list of objects")
    tests = [{"code": test} if isinstance(test, str) else test for test in value]
    try:
        json.dumps(tests)  # a date or bytes of a Parquet file have no form in JSON
    except (TypeError, ValueError):
        raise BadRow("JSON has no form for something in tests") from None
    return tests


def read_tags(value: Any) -> list[str]:
    """Return tags, from a text or a list. Raises BadRow if it is neither."""
    if value is None:
        return []
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list):
        raise BadRow("tags is not text or a list")
    return [str(tag) for tag in value if tag is not None]


def read_label(value: Any, column: str, *, certain: bool) -> bool | None:
    """Return KTO's label, whether a completion is good; None if the label is a class of something else.

    Args:
        value: as the record has it.
        column: its name there.
        certain: the recipe, or the name `kto_tag`, says that it is KTO's label.

    Raises:
        BadRow: it may be KTO's label but is neither true nor false; a bad completion must not become a
            demonstration.
    """
    if value is None:
        return None
    truth = _TRUTHS.get(str(value).strip().lower())
    if truth is not None:
        return truth
    if (
        not certain
        and isinstance(value, str)
        and value.strip().lower() not in _VERDICTS
        and not _is_number(value)
    ):
        return None
    remedy = (
        f"write true and false; or `ignore: [{column}]`, if it does not say whether the completion is good"
    )
    raise BadRow(f"{column} is {value!r}, neither true nor false", remedy=remedy)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
