"""Columns beside the conversation: what a verifier compares with, tags, numbers."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import Any

from align.core.errors import BadRow


def read_answer(value: Any) -> str | None:
    """Return a reference answer as text that means the same to a grader: numbers without exponent, lists as JSON.

    Raises:
        BadRow: it is an object, or no finite number.
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list | tuple):
        items = (json.dumps(v, ensure_ascii=False) if isinstance(v, str) else str(read_answer(v)) for v in value)
        return f"[{', '.join(items)}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float | Decimal):
        if not math.isfinite(value):
            raise BadRow("answer is not a finite number")
        number = Decimal(repr(value)) if isinstance(value, float) else value
        text = f"{number:f}"  # 1e-05 is 0.00001, not the product of 1 and e less 5
        return text if abs(number.adjusted()) < MOST_DIGITS else str(value)
    if isinstance(value, dict):
        raise BadRow("answer is an object")
    return str(value)


MOST_DIGITS = 40
"""Numbers of more digits keep their exponent."""


def read_number(value: Any) -> float | None:
    """Return a margin. Raises BadRow where it is none."""
    try:
        return None if value is None else float(value)
    except (TypeError, ValueError):
        raise BadRow("margin is not a number") from None


def read_tests(value: Any) -> list[dict[str, Any]]:
    """Return tests: a list of objects, its JSON, or MBPP's list of asserts. Raises BadRow where it is none of them."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except json.JSONDecodeError:
            raise BadRow("tests is not JSON") from None
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(test, dict | str) for test in value):
        raise BadRow("tests is not a list of objects")
    return [{"code": test} if isinstance(test, str) else test for test in value]


def read_tags(value: Any) -> list[str]:
    """Return tags: a text, or a list. Raises BadRow where it is neither."""
    if value is None:
        return []
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list):
        raise BadRow("tags is not text or a list")
    return [str(tag) for tag in value]


def read_label(value: Any) -> bool | None:
    """Return a label that says whether a completion is good (KTO), or None where it is something else, a class say."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.strip().lower())
    return bool(value) if value in (0, 1) else None
