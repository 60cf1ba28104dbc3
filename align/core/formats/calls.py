"""Read tool calls and offered tools, in any dialect, into the form that chat templates take.

A call becomes `{"type": "function", "function": {"name": ..., "arguments": {...}}}`. What a file gives as
text (JSON, or Python's spelling of it) keeps its nulls. In objects a null counts as a missing key, because
Arrow gives every struct the keys of all others. Keys of the call or function itself, such as `id` or
`description`, count as missing if they are null, in texts too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from align.core.errors import BadRow
from align.core.formats.written import as_json, parsed

_ARGUMENTS = ("arguments", "parameters", "args", "input", "kwargs", "params")
"""What sources call the arguments of a call."""
_CALL = {"id", "type", "index", "function", "name", "description", *_ARGUMENTS}
_EMPTY = (None, "", {}, [])


def read_calls(value: Any, *, from_text: bool = False) -> list[dict[str, Any]]:
    """Return tool calls; arguments become an object.

    Args:
        value: a list of calls, one call, or the text of either.
        from_text: its objects were read from a text, so their nulls are meant.

    Raises:
        BadRow: it is none of them, or a call has no name or holds something that is not read.
    """
    items = _listed(value, "tool_calls", "a tool call", from_text=from_text)
    return [_call(call) for call, written in items if written or _says_something(call)]


def _says_something(call: Any) -> bool:
    """Is an object more than the empty call that Arrow and data frames write where a turn has none?"""
    if not isinstance(call, Mapping):
        return True
    function = call.get("function")
    held = [item for key, item in call.items() if key != "function"]
    held += function.values() if isinstance(function, Mapping) else [function]
    return any(item not in _EMPTY for item in held)


def _call(call: Any) -> dict[str, Any]:
    if not isinstance(call, Mapping):
        raise BadRow("tool_calls is not a list of calls")
    function = call["function"] if isinstance(call.get("function"), Mapping) else call
    held = {key: item for key, item in {**call, **function}.items() if item is not None}
    if unread := sorted(map(str, held.keys() - _CALL)):
        raise BadRow(f"a tool call has {unread[0]!r}, which is not read")
    name = held.get("name")
    if not isinstance(name, str) or not name.strip():
        raise BadRow("a tool call has no name")
    arguments = next((held[key] for key in _ARGUMENTS if key in held), {})
    made = {
        "type": "function",
        "function": {"name": name, "arguments": _read(arguments, "the arguments of a tool call")},
    }
    return ({"id": str(call["id"])} if call.get("id") else {}) | made


def read_tools(value: Any) -> list[dict[str, Any]]:
    """Return a `tools` column as a list of functions.

    Args:
        value: a list of functions, bare or inside `{"type": "function", "function": ...}`, one of them, or
            the text of either.

    Raises:
        BadRow: it is none of them.
    """
    return [_tool(tool) for tool, _ in _listed(value, "tools", "tools")]


def _tool(tool: Any) -> dict[str, Any]:
    function = tool.get("function", tool) if isinstance(tool, Mapping) else None
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise BadRow("tools has an entry without a function's name")
    plain = {key: item for key, item in function.items() if item is not None and key != "type"}
    if "input_schema" in plain and "parameters" not in plain:  # Anthropic's name
        plain["parameters"] = plain.pop("input_schema")
    if "parameters" in plain:
        plain["parameters"] = _read(plain["parameters"], "the parameters of a tool")
    return {"type": "function", "function": as_json(plain, "tools")}


def _listed(value: Any, column: str, item: str, *, from_text: bool = False) -> list[tuple[Any, bool]]:
    """Return (item, was it read from a text?) for each item of a list, one object, or the text of either."""
    if isinstance(value, str):
        value, from_text = parsed(value, item) if value.strip() else [], True
    value = [value] if isinstance(value, Mapping) else [] if value is None else value
    if not isinstance(value, list | tuple):
        raise BadRow(f"{column} is not a list")
    return [_item(each, item, from_text) for each in value]


def _item(value: Any, what: str, from_text: bool) -> tuple[Any, bool]:
    if isinstance(value, str):
        return parsed(value, what), True
    return (value, True) if from_text else (without_nulls(value), False)


def without_nulls(value: Any) -> Any:
    """Return an object, and those inside it, without keys that are null."""
    if isinstance(value, Mapping):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list | tuple) else value


def _read(value: Any, what: str) -> Any:
    """Return arguments or parameters, which may be written as a text."""
    if isinstance(value, str):
        return parsed(value, what) if value.strip() else {}
    return as_json(value, what)
