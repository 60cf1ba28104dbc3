"""One turn of a conversation, in any dialect, to a `Message`.

A field that carries meaning is kept (tool calls, reasoning, whether the turn is trained) or the row is refused by name
(images). A key that is null is not there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from align.core.errors import BadRow
from align.core.rows import Message

ROLES = {
    **dict.fromkeys(("user", "human", "prompter"), "user"),
    **dict.fromkeys(("assistant", "gpt", "model", "bot", "chatgpt", "ai"), "assistant"),
    **dict.fromkeys(("system", "developer"), "system"),
    **dict.fromkeys(("tool", "observation", "function", "ipython", "tool_response"), "tool"),
    **dict.fromkeys(("function_call", "tool_call"), "calls"),
}
"""Role of a source, in small letters -> ours; `calls`: an assistant turn whose text is a tool call in JSON (LLaMA-Factory)."""
_REASONING = ("reasoning_content", "reasoning", "thinking")
_FLAGS = ("train", "loss", "weight")
_READ = {"role", "from", "content", "value", "tool_calls", "function_call", "name", "tool_call_id", *_REASONING, *_FLAGS}
_MEDIA = ("image", "audio", "video", "file")
_TRANSCRIPT = re.compile(r"(?:^|\n\n)(Human|Assistant):")


def read_turns(value: Any, what: str, ignored: set[str]) -> list[Message]:
    """Return a list of turns as messages.

    Args:
        value: a list of objects with `role` and `content` (OpenAI, TRL) or `from` and `value` (ShareGPT).
        what: its column, for messages.
        ignored: takes the keys of turns that are not read.

    Raises:
        BadRow: what is wrong with it.
    """
    if value is None or value == []:
        raise BadRow(f"{what} is empty")
    if not isinstance(value, list) or not all(isinstance(turn, Mapping) for turn in value):
        raise BadRow(f"{what} is not text or a list of messages")
    return [_turn({k: v for k, v in turn.items() if v is not None}, what, ignored) for turn in value]


def _turn(turn: Mapping[str, Any], what: str, ignored: set[str]) -> Message:
    named = turn.get("role", turn.get("from"))
    role = ROLES.get(named.lower()) if isinstance(named, str) else None
    if role is None:
        raise BadRow(f"unknown role {named!r} in {what}")
    if "train_detail" in turn:
        raise BadRow("train_detail trains parts of a turn, which is not known here")
    ignored.update(turn.keys() - _READ | ({"name"} & turn.keys() if role != "tool" else set()))
    message: Message = {"role": role, "content": _content(turn.get("content", turn.get("value")), what)}
    if role == "calls":
        message |= {"role": "assistant", "content": "", "tool_calls": _calls(_parsed(message["content"]))}
    if calls := turn.get("tool_calls") or ([turn["function_call"]] if "function_call" in turn else []):
        message["tool_calls"] = _calls(calls)
    if reasoning := _one_of(turn, _REASONING):
        message["reasoning"] = reasoning
    for key in ("name", "tool_call_id"):
        if key in turn and role == "tool":
            message[key] = str(turn[key])
    if message["role"] == "assistant":
        message["content"] = "" if message["content"] is None and "tool_calls" in message else message["content"]
        message |= {} if _trained(turn) else {"train": False}  # other turns never are
    return message


def _content(content: Any, what: str) -> Any:
    """Return content as text: text parts are joined, other parts refused by name. What is neither is left to be judged."""
    if not isinstance(content, list):
        return content
    texts = []
    for part in content:
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, Mapping) and part.get("type") in ("text", "input_text", "output_text", None) and "text" in part:
            texts.append(part["text"])
        else:
            kind = str(part.get("type", "?")) if isinstance(part, Mapping) else type(part).__name__
            medium = next((name for name in _MEDIA if name in kind), kind)
            raise BadRow(f"{what} holds {medium!r} content; only text can be used")
    return "".join(text for text in texts if isinstance(text, str)) if texts else None


def _calls(calls: Any) -> list[dict[str, Any]]:
    """Return tool calls in the form that chat templates take; arguments become an object."""
    calls = [calls] if isinstance(calls, Mapping) else calls
    if not isinstance(calls, list) or not all(isinstance(call, Mapping) for call in calls):
        raise BadRow("tool_calls is not a list of calls")
    found = []
    for call in calls:
        function = call.get("function") if isinstance(call.get("function"), Mapping) else call
        arguments = function.get("arguments", function.get("parameters"))
        arguments = {} if arguments in (None, "") else arguments
        arguments = _parsed(arguments) if isinstance(arguments, str) else arguments
        if isinstance(arguments, Mapping):  # Arrow fills the arguments that other calls have with null
            arguments = {key: value for key, value in arguments.items() if value is not None}
        made = {"type": "function", "function": {"name": function.get("name"), "arguments": arguments}}
        found.append(({"id": str(call["id"])} if call.get("id") else {}) | made)
    return found


def read_tools(value: Any) -> list[dict[str, Any]]:
    """Return a `tools` column, a list or its JSON, as functions in the form that chat templates take.

    Raises:
        BadRow: it is neither.
    """
    if isinstance(value, str) and not value.strip():
        return []
    value = _parsed(value) if isinstance(value, str) else value
    value = [value] if isinstance(value, Mapping) else value
    if not isinstance(value, list):
        raise BadRow("tools is not a list of functions")
    value = [_parsed(tool) if isinstance(tool, str) else tool for tool in value]
    found = []
    for tool in value:
        function = tool.get("function", tool) if isinstance(tool, Mapping) else None
        if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
            raise BadRow("tools has an entry without a function's name")
        plain = {key: item for key, item in function.items() if item is not None and key != "type"}
        found.append({"type": "function", "function": _without_nulls(plain)})
    return found


def _without_nulls(value: Any) -> Any:
    """Return a JSON schema without the keys that Arrow has filled with null."""
    if isinstance(value, Mapping):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None or key in ("default", "const")}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


def _parsed(text: str | None) -> Any:
    try:
        return json.loads(text or "")
    except json.JSONDecodeError:
        raise BadRow("a tool call or its arguments, or tools, is not JSON") from None


def _one_of(turn: Mapping[str, Any], keys: Iterable[str]) -> str | None:
    """Return the first of several names for one text.

    Raises:
        BadRow: two of them differ.
    """
    values = [turn[key] for key in keys if turn.get(key)]
    if any(value != values[0] for value in values):
        raise BadRow(f"a turn has {' and '.join(key for key in keys if turn.get(key))}, and they differ")
    return values[0] if values else None


def _trained(turn: Mapping[str, Any]) -> bool:
    """Return whether a turn is to be trained: `weight` 0 or 1 (OpenAI), `train` (axolotl), `loss` (ms-swift)."""
    found = set()
    for key in _FLAGS:
        if key not in turn:
            continue
        if turn[key] not in (0, 1):  # true and false too
            raise BadRow(f"a turn has {key}: {turn[key]!r}; only 0 and 1, true and false are known")
        found.add(bool(turn[key]))
    if len(found) > 1:
        raise BadRow("the weight, train and loss of a turn contradict each other")
    return found != {False}


def read_transcript(text: str) -> list[Message] | None:
    """Return the turns of a transcript as Anthropic's HH has it, or None where a text is none.

    It begins with `Human:` and each turn is behind an empty line; `Assistant:` at the end asks for an answer.
    """
    if not text.lstrip().startswith("Human:") or "\n\nAssistant:" not in text:
        return None
    pieces = _TRANSCRIPT.split("\n\n" + text.lstrip())[1:]
    said = zip(pieces[::2], pieces[1::2], strict=True)
    turns = [{"role": ROLES[speaker.lower()], "content": text.strip()} for speaker, text in said]
    return turns[:-1] if turns[-1] == {"role": "assistant", "content": ""} else turns
