"""Do two lists offer the same tools? A system turn may spell out the tools that a column has, too.

They do if the tools have the same names and the same parameters: their names, types, allowed values and
whatever else the schema says. Differences that do not change a call are not counted:

1. the order of keys, nulls, `{"type": "function", "function": ...}` around a function, and its description;
2. annotations of JSON Schema (`description`, `title`, `default`, `examples`; json-schema.org, validation,
   section 9);
3. `type`, `required` and `additionalProperties` if only one of the two has them, because converters add and
   lose these.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

_ANNOTATIONS = frozenset(
    {"title", "description", "default", "examples", "example", "deprecated", "readOnly", "writeOnly"}
    | {"$comment", "$schema", "$id"}
)
_OFTEN_LOST = frozenset({"type", "required", "additionalProperties"})
_NAMED = frozenset({"properties", "$defs", "definitions", "patternProperties"})
"""Keywords whose keys are names that the schema defines, not keywords."""
_SETS = frozenset({"enum", "required", "type"})
"""Keywords whose lists have no order."""


def difference(column: Sequence[dict[str, Any]], said: Sequence[dict[str, Any]]) -> str | None:
    """Return how the tools in a text differ from those in a column, or None.

    Args:
        column: tools, as `read_tools` gives them.
        said: tools in the text; one may occur twice.
    """
    names, there = {_name(tool) for tool in column}, {_name(tool) for tool in said}
    if lacking := sorted(names - there):
        return f"it does not mention {lacking[0]!r}"
    if more := sorted(there - names):
        return f"it offers {more[0]!r}, too"
    for one, other in ((column, said), (said, column)):
        for tool in one:
            if not any(_name(tool) == _name(each) and _same(_schema(tool), _schema(each)) for each in other):
                return f"the parameters of {_name(tool)!r} differ"
    return None


def _name(tool: Mapping[str, Any]) -> str:
    return tool["function"]["name"]


def _schema(tool: Mapping[str, Any]) -> Any:
    """Return the schema of a tool's parameters; some sources (xLAM) write the properties alone."""
    parameters = tool["function"].get("parameters")
    if not isinstance(parameters, Mapping):
        return {"properties": {}} if parameters is None else parameters
    bare = "properties" not in parameters and all(isinstance(item, Mapping) for item in parameters.values())
    return {"properties": parameters} if bare else parameters


def _same(one: Any, other: Any) -> bool:
    """Do two schemas, or two values in them, mean the same?"""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        keys = {
            key for schema in (one, other) for key, item in schema.items() if _counts(item)
        } - _ANNOTATIONS
        return all(_same_keyword(key, one.get(key), other.get(key)) for key in keys)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return _text(one) == _text(other)


def _same_keyword(key: str, one: Any, other: Any) -> bool:
    if key in _OFTEN_LOST and not (_counts(one) and _counts(other)):
        return True
    if key in _NAMED and isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)
    if key in _SETS:
        return _members(one) == _members(other)
    return _same(one, other)


def _counts(item: Any) -> bool:
    return item is not None and item != {} and item != []


def _members(value: Any) -> set[str]:
    return {_text(item) for item in (value if isinstance(value, list) else [value])}


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
