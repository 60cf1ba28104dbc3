"""Check answers that a parser reads: JSON and CSV (IFEval's `json_format`).

Departures: IFEval removes a code fence first and accepts any JSON value. Here a fence fails, the value must
be an object or an array, and a repeated key or NaN is an error, as RFC 8259 advises.
"""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from reward.constraints.checks.units import from_one, short


def json_object(text: str, *, object: dict[str, Any]) -> str:
    """The text parses as one JSON object equal to `object`, without a code fence or a repeated key.

    Order and spacing are free. 1, 1.0 and true are three different values here, as they are in the text.
    """
    try:
        found = _parse(text)
        same = json.dumps(found, sort_keys=True) == json.dumps(object, sort_keys=True)
    except (ValueError, RecursionError) as error:
        return f"not a JSON object: {error}"
    return "" if same else f"the JSON is {short(text)}, not {json.dumps(object)}"


def json_value(text: str) -> str:
    """The text parses as one JSON object or array, without a code fence or a repeated key."""
    try:
        found = _parse(text)
    except (ValueError, RecursionError) as error:
        return f"not JSON: {error}"
    return (
        "" if isinstance(found, dict | list) else f"the JSON is {short(text)}, neither an object nor an array"
    )


def json_keys(text: str, *, keys: list[str]) -> str:
    """The text parses as one JSON object with exactly these keys, in any order, each once.

    The values are free; a code fence makes the text fail.
    """
    try:
        found = _parse(text)
    except (ValueError, RecursionError) as error:
        return f"not a JSON object: {error}"
    if not isinstance(found, dict):
        return "the JSON is not an object"
    wrong = sorted(set(found) ^ set(keys))
    return f"the key {short(wrong[0])} is {'missing' if wrong[0] in keys else 'too much'}" if wrong else ""


def csv_table(text: str, *, columns: int, rows: int) -> str:
    """The text is only CSV: `rows` rows, the heading included, of `columns` comma-separated fields.

    A field with a comma, a line break or a double quote must have double quotes around it; there is no blank
    row.
    """
    from_one(columns, "columns")
    from_one(rows, "rows")
    try:
        found = list(csv.reader(io.StringIO(text, newline="\n"), strict=True))
    except csv.Error as error:
        return f"not CSV: {error}"
    wrong = next((row for row in found if len(row) != columns), None)
    if wrong is not None:
        return f"{len(wrong)} fields in a row, not {columns}"
    return "" if len(found) == rows else f"{len(found)} rows, not {rows}"


def _parse(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_without_duplicates, parse_constant=_refuse_constant)


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a key occurs twice")
    return dict(pairs)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
