"""Read tools and calls that are written into the text of turns, as in the Hermes data sets.

A row offers its tools in one way only. If a system turn spells them out (`<tools>[...]</tools>`), that turn
is trained as it is written, with calls in tags, and a `tools` column that says the same is not used: a chat
template would offer the tools a second time, in words of its own. If only the column has them, calls in tags
become objects, so that the chat template writes tools and calls alike in the form of the model's family. An
answer whose calls cannot become objects is then refused, because its text would teach a second form.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from align.core.errors import BadRow
from align.core.formats.calls import read_calls, read_tools
from align.core.formats.offers import difference
from align.core.formats.written import end_of_value, values_in
from align.core.rows import Message, visible

_TOOLS = re.compile(r"<tools>((?:(?!</?tools>).)*)</tools>", re.DOTALL)
_MENTION = re.compile(r"[^\w\[\]{}]*(?:and|or|to)?[^\w\[\]{}]*", re.IGNORECASE)
"""Text between two tags that are only mentioned: `signatures within <tools></tools> tags`, `<tools> and
</tools>`."""

_BEGINS = re.compile(
    r"""
    (?m:^)[ \t]*<tool_call>        # the first on its line,
    | <tool_call>(?=\s*[\[{])      # or in front of an object or list,
    | <tool_call>                  # or at the end of the answer, with more than a word before </tool_call>
      (?!\W*(?:and|or|to)?\W*</tool_call>)(?=(?:(?!</?tool_call>).)*</tool_call>\s*\Z)
    """,
    re.DOTALL | re.VERBOSE,
)
"""Where the calls of an answer begin. Any other tag is only mentioned, as in `write calls in <tool_call>
tags`."""
_CLOSED_ONLY = re.compile(r"[\]}]\s*</tool_call>")
_ENDS_OF_TURN = (
    *(
        "<|im_end|>",
        "<|eot_id|>",
        "<|eom_id|>",
        "<|end|>",
        "<end_of_turn>",
        "<|END_OF_TURN_TOKEN|>",
        "<end_of_utterance>",
    ),
    *("</s>", "<|endoftext|>", "<|end_of_text|>", "<\uff5cend\u2581of\u2581sentence\uff5c>"),
)
"""Tokens that end a turn or a text in the families of docs/models.md; stored answers often have them."""
_REMEDY = (
    "a chat template writes calls behind the text of a turn; `ignore: [tools]` reads such answers as text"
)


def spells_out(turns: Sequence[Message], tools: Sequence[dict[str, Any]]) -> bool:
    """Return whether a system turn says what the tools are.

    Args:
        turns: a part of a conversation.
        tools: what the column has, as `read_tools` gives it.

    Raises:
        BadRow: it lists other tools than these.
    """
    said = [
        text for turn in turns if turn["role"] == "system" for text in _TOOLS.findall(str(turn["content"]))
    ]
    said = [text for text in said if not _MENTION.fullmatch(text)]
    if not said or not tools:
        return False
    read = [found for text in said if (found := _tools_in(text)) is not None]
    differs = (
        difference(tools, [tool for found in read for tool in found])
        if read
        else _lacking("\n".join(said), tools)
    )
    if differs:
        raise BadRow(
            "the system turn spells out other tools than the column `tools` has",
            remedy=f"{differs}; `ignore: [tools]` reads the text alone",
        )
    return True


def _tools_in(text: str) -> list[dict[str, Any]] | None:
    """Return the tools that a text lists as JSON or Python writes them; None where it is something else."""
    try:
        values = values_in(text, "tools")
        return None if values is None else [tool for value in values for tool in read_tools(value)]
    except BadRow:
        return None


def _lacking(text: str, tools: Iterable[dict[str, Any]]) -> str | None:
    """Return that a text lacks the name of a tool; None if it names all (`get_weather` is not `get`)."""
    for tool in tools:
        name = tool["function"]["name"]
        if not re.search(rf"(?<![\w-])(?<!\w\.){re.escape(name)}(?![\w-]|\.\w)", text):
            return f"it does not mention {name!r}"
    return None


def with_calls(turns: list[Message]) -> list[Message]:
    """Turn calls in tags at the end of an answer into objects.

    Raises:
        BadRow: an answer has calls that cannot become objects.
    """
    return [_with_calls(turn) for turn in turns]


def _with_calls(turn: Message) -> Message:
    text = turn["content"]
    if turn["role"] != "assistant" or not isinstance(text, str) or "tool_call>" not in text:
        return turn
    ended, answer = _without_end(text), len(text) - len(visible(text))  # tags in the reasoning are no calls
    begins = _BEGINS.search(ended, answer)
    if begins is None:
        if _CLOSED_ONLY.search(ended, answer):
            raise BadRow("a call ends with </tool_call> and does not begin with <tool_call>", remedy=_REMEDY)
        return turn
    calls = _calls_in(ended[begins.start() :])
    if "tool_calls" in turn and _functions(turn["tool_calls"]) != _functions(calls):
        raise BadRow("a turn has calls in tags and in tool_calls, and they differ")
    return turn | {"content": ended[: begins.start()].rstrip(), "tool_calls": turn.get("tool_calls", calls)}


def _without_end(text: str) -> str:
    """Return an answer without the tokens that end its turn."""
    text = text.rstrip()
    while mark := next((mark for mark in _ENDS_OF_TURN if text.endswith(mark)), None):
        text = text.removesuffix(mark).rstrip()
    return text


def _functions(calls: Iterable[dict[str, Any]]) -> list[Any]:
    return [call["function"] for call in calls]


def _calls_in(text: str) -> list[dict[str, Any]]:
    """Return the calls of a text that begins with the first of them.

    Each follows an opening tag; several may share one, and the closing tag may be missing.
    """
    calls: list[dict[str, Any]] = []
    rest, inside = text.strip(), False
    while rest:
        if not rest.startswith("<tool_call>") and not (inside and rest[0] in "{["):
            raise BadRow("an answer has text between its calls or behind them", remedy=_REMEDY)
        rest = rest.removeprefix("<tool_call>").lstrip()
        end = end_of_value(rest, 0)
        if end is None:
            fault = "is not JSON" if "</tool_call>" in rest else "breaks off"
            raise BadRow(f"a call in <tool_call> tags {fault}", remedy=_REMEDY)
        if not (found := read_calls(rest[:end])):
            raise BadRow("a pair of <tool_call> tags holds no call", remedy=_REMEDY)
        calls += found
        rest = rest[end:].lstrip()
        inside = not rest.startswith("</tool_call>")
        rest = rest.removeprefix("</tool_call>").lstrip()
    return calls
