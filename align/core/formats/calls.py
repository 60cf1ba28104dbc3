"""Tool calls and the tools that are offered, in any dialect, in the form that chat templates take.

A call is `{"type": "function", "function": {"name": ..., "arguments": {...}}}`. What a file gives as JSON text is taken as it
stands; in objects a null is taken for a key that is not there, because Arrow gives every struct the keys of all others.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from align.core.errors import BadRow

_ARGUMENTS = ("arguments", "parameters", "args", "input", "kwargs", "params")
"""What sources call the arguments of a call."""
_CALL = {"id", "type", "index", "function", "name", "description", *_ARGUMENTS}


def read_calls(value: Any) -> list[dict[str, Any]]:
    """Return tool calls; arguments become an object.

    Args:
        value: a list of calls, one call, or JSON text of either.

    Raises:
        BadRow: it is none of them, or a call holds something that is not read.
    """
    calls = _listed(value, "tool_calls")
    found = [_call(call) for call in calls if not isinstance(call, Mapping) or any(item is not None for item in call.values())]
    return [call for call in found if call["function"]["name"] is not None or call["function"]["arguments"]]


def _call(call: Any) -> dict[str, Any]:
    if not isinstance(call, Mapping):
        raise BadRow("tool_calls is not a list of calls")
    function = call["function"] if isinstance(call.get("function"), Mapping) else call
    held = {key: item for key, item in {**call, **function}.items() if item is not None}
    if unread := sorted(held.keys() - _CALL):
        raise BadRow(f"a tool call has {unread[0]!r}, which is not read")
    arguments = next((held[key] for key in _ARGUMENTS if key in held), {})
    arguments = _verbatim(arguments) if isinstance(arguments, str) else without_nulls(arguments)
    made = {"type": "function", "function": {"name": held.get("name"), "arguments": arguments}}
    return ({"id": str(call["id"])} if call.get("id") else {}) | made


def read_tools(value: Any) -> list[dict[str, Any]]:
    """Return a `tools` column as a list of functions.

    Args:
        value: a list of functions, bare or inside `{"type": "function", "function": ...}`, one of them, or JSON text.

    Raises:
        BadRow: it is none of them.
    """
    return [_tool(tool) for tool in _listed(value, "tools")]


def _tool(tool: Any) -> dict[str, Any]:
    function = tool.get("function", tool) if isinstance(tool, Mapping) else None
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise BadRow("tools has an entry without a function's name")
    plain = {key: item for key, item in function.items() if item is not None and key != "type"}
    if "input_schema" in plain and "parameters" not in plain:  # Anthropic's name
        plain["parameters"] = plain.pop("input_schema")
    if isinstance(plain.get("parameters"), str):
        plain["parameters"] = _verbatim(plain["parameters"])
    return {"type": "function", "function": plain}


def _listed(value: Any, what: str) -> list[Any]:
    """Return the items of a list, of one object, or of the JSON text of either; items may be JSON text themselves."""
    from_text = isinstance(value, str)
    if from_text:
        value = parsed(value) if value.strip() else []
    value = [value] if isinstance(value, Mapping) else [] if value is None else value
    if not isinstance(value, list | tuple):
        raise BadRow(f"{what} is not a list")
    return [parsed(item) if isinstance(item, str) else item if from_text else without_nulls(item) for item in value]


def without_nulls(value: Any) -> Any:
    """Return an object, and those inside it, without keys that are null."""
    if isinstance(value, Mapping):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


def _verbatim(text: str) -> Any:
    return parsed(text) if text.strip() else {}


def parsed(text: str) -> Any:
    """Return the value of JSON text. Raises BadRow where it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):  # ValueError: also a number of more than 4,300 digits
        raise BadRow("a tool call or its arguments, or tools, is not JSON") from None
