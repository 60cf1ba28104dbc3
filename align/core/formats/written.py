"""Read values from text: JSON, or Python's dicts (`{'name': 'add'}`), which many data sets of calls have.

A row is kept, hashed and shown to the chat template as JSON. So a row is refused if it has a value that JSON
cannot hold (RFC 8259: a set, bytes, a date, NaN, a key that is not text), whether the value comes from
Python's spelling, Parquet's types or a plug-in's objects.
"""

from __future__ import annotations

import ast
import json
import math
import re
import warnings
from collections.abc import Mapping
from typing import Any

from align.core.errors import BadRow

_PYTHON = re.compile(r"[\[(\s]*\{\s*'")
"""Beginning of Python's spelling: JSON has no single quotes. Other text that is not JSON is broken JSON."""
_MARKS = re.compile(
    r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\Z)|\'[^\'\\]*(?:\\.[^\'\\]*)*(?:\'|\Z)|[\[\]{}]', re.DOTALL
)
"""Whole strings, in which brackets do not count, and brackets. A string without an end goes on to the end of
the text."""
_MOST_BITS = 14_000
"""Python reads and writes integers of at most 4,300 digits
(docs.python.org/3/library/stdtypes.html#int-max-str-digits)."""


def parsed(text: str, what: str) -> Any:
    """Return the value that a text spells; nulls in it are kept.

    Args:
        text: JSON, or a dict or list as Python writes it.
        what: what the text is, for error messages.

    Raises:
        BadRow: it is neither, or holds what JSON has no form for.
    """
    try:
        value = _python(text) if _PYTHON.match(text) else json.loads(text)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        # ValueError: also a number of more than 4,300 digits; TypeError: also a dict in a set;
        # RecursionError and MemoryError: nested more deeply than either parser goes
        raise BadRow(f"not JSON: {what}") from None
    return as_json(value, what)


def _python(text: str) -> Any:
    with warnings.catch_warnings():
        # such as `\d` in a text, which Python reads unchanged and warns about
        warnings.simplefilter("ignore")
        return ast.literal_eval(text.strip())


def as_json(value: Any, what: str) -> Any:
    """Return a value in the types that JSON has; a tuple becomes a list.

    Raises:
        BadRow: JSON has no form for something in it.
    """
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise BadRow(f"JSON has no form for a key that is not text in {what}")
        return {key: as_json(item, what) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(item, what) for item in value]
    if isinstance(value, int) and value.bit_length() <= _MOST_BITS:
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    raise BadRow(f"JSON has no form for {_name(value)} in {what}")


def _name(value: Any) -> str:
    if isinstance(value, float):
        return f"the number {value}"
    return (
        "an integer of more than 4,200 digits"
        if isinstance(value, int)
        else f"a value of type {type(value).__name__}"
    )


def end_of_value(text: str, begin: int) -> int | None:
    """Return the end of the object or list that begins at a place; None if none begins there or is closed."""
    if text[begin : begin + 1] not in ("{", "["):
        return None
    depth = 0
    for mark in _MARKS.finditer(text, begin):
        depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(mark[0], 0)
        if depth == 0:
            return mark.end()
    return None


def values_in(text: str, what: str) -> list[Any] | None:
    """Return the objects and lists of which a text consists, with blanks or commas between them.

    Returns:
        None where something else stands between them, such as words.

    Raises:
        BadRow: one of them cannot be read.
    """
    found, at = [], 0
    while (at := _behind_blanks(text, at)) < len(text):
        end = end_of_value(text, at)
        if end is None:
            return None
        found.append(parsed(text[at:end], what))
        at = end
    return found


def _behind_blanks(text: str, at: int) -> int:
    while at < len(text) and (text[at].isspace() or text[at] == ","):
        at += 1
    return at
