"""Tools and calls that are written into the text of turns, as the Hermes data sets do it.

A row offers its tools in one way. Where a system turn spells them out (`<tools>[...]</tools>`), that turn is trained as it is
written, calls in tags and all, and a `tools` column that says the same is left aside: a chat template would offer them a
second time, in words of its own. Where only the column has them, calls in tags become objects, so that the chat template writes
offer and calls alike in the family's form.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from typing import Any

from align.core.errors import BadRow
from align.core.formats.calls import parsed, read_calls
from align.core.rows import Message

_TOOLS = re.compile(r"<tools>(.*?)</tools>", re.DOTALL)
_CALL = re.compile(r"<tool_call>((?:(?!</?tool_call>).)*)</tool_call>", re.DOTALL)
_ANSWER = re.compile(rf"((?:(?!</?tool_call>).)*?)((?:\s*{_CALL.pattern})+)\s*", re.DOTALL)


def spells_out(turns: Sequence[Message], tools: Sequence[dict[str, Any]]) -> bool:
    """Return whether a system turn says what the tools are.

    Raises:
        BadRow: it speaks of other tools than these.
    """
    said = "".join(found for turn in turns if turn["role"] == "system" for found in _TOOLS.findall(str(turn["content"])))
    if not said.strip() or not tools:
        return False
    if lacking := [name for tool in tools if (name := tool["function"]["name"]) not in said]:
        raise BadRow(
            "the system turn spells out other tools than the column `tools` has",
            remedy=f"it does not speak of {lacking[0]!r}; `ignore: [tools]` reads the text alone",
        )
    return True


def with_calls(turns: list[Message]) -> list[Message]:
    """Return turns in which calls that end an answer in tags are objects."""
    return [_with_calls(turn) for turn in turns]


def _with_calls(turn: Message) -> Message:
    found = _ANSWER.fullmatch(turn["content"]) if turn["role"] == "assistant" and isinstance(turn["content"], str) else None
    if found is None or "tool_calls" in turn:
        return turn
    calls = [call for text in _CALL.findall(found[2]) for call in read_calls(_object(text.strip()))]
    return {**turn, "content": found[1].rstrip(), "tool_calls": calls}


def _object(text: str) -> Any:
    """Return a call, which stands there as JSON, or as Python writes an object."""
    try:
        return ast.literal_eval(text) if text.startswith("{'") else parsed(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        raise BadRow("a call in <tool_call> tags is not JSON") from None
