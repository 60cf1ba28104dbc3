"""Does a rendered template show all that a row says? Templates drop turns, reasoning or text silently.

A context is compared without white space, because templates trim. In an answer that is trained, only the
white space around it may differ. A text may also appear as JSON or as a Python string, which is how tool
results and arguments are written. The longest text is looked for first, and what was found is blanked out
before the next search, so that a "yes" is not found inside another turn.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from align.core.rows import Message, visible

BLANK = "\0"


def squash(text: str) -> str:
    """Return a text without white space."""
    return "".join(text.split())


def missing(rendered: str, pieces: Iterable[tuple[str, str]], *, exact: bool = False) -> str | None:
    """Return the name of the first piece that a rendered text lacks, if any.

    Args:
        rendered: what the template wrote.
        pieces: (name for people, text) of everything that must be in it.
        exact: white space counts, except around a piece.
    """
    left = rendered if exact else squash(rendered)
    for name, text in sorted(pieces, key=lambda piece: -len(piece[1])):
        for form in _forms(text, str.strip if exact else squash):
            at = left.find(form)
            if at >= 0:
                left = left[:at] + BLANK + left[at + len(form) :]
                break
        else:
            return name
    return None


def of_context(
    messages: Sequence[Message], tools: Sequence[Mapping[str, Any]] | None
) -> Iterator[tuple[str, str]]:
    """Yield what a context must show: every turn, without the reasoning that many templates leave out."""
    for tool in tools or ():
        yield "the tools", str((tool.get("function") or tool).get("name", ""))
    for message in messages:
        role = message["role"]
        text = visible(message["content"]) if role == "assistant" else message["content"]
        yield f"the {role} turn", text
        yield from _of_calls(message)


def of_answer(message: Message) -> Iterator[tuple[str, str]]:
    """Yield what the rendering of an answer that is trained must show: all of it."""
    yield "the text of an answer", message["content"]
    if message.get("reasoning"):
        yield "the reasoning of an answer", message["reasoning"]
    yield from _of_calls(message)


def _of_calls(message: Message) -> Iterator[tuple[str, str]]:
    for call in message.get("tool_calls") or ():
        function = call["function"]
        yield "a tool call", function["name"]
        for text in _leaves(function["arguments"]):
            yield "the arguments of a tool call", text


def _leaves(value: Any) -> Iterator[str]:
    """Yield the keys and values of nested arguments as texts."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield str(key)
            yield from _leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    elif isinstance(value, str):
        yield value
    # true and null are left out: they are spelled in many ways
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield json.dumps(value)


def _forms(text: str, plain: Callable[[str], str]) -> list[str]:
    """Return the forms in which a text may appear in a rendered one."""
    escaped = (
        json.dumps(text, ensure_ascii=False)[1:-1],
        json.dumps(text)[1:-1],
        repr(text)[1:-1],
        text.replace("'", "\\'"),
    )
    return list(dict.fromkeys(plain(form) for form in (text, *escaped)))
