"""Turn the turns of a conversation, in any dialect, into `Message`s.

A field that carries meaning is kept (tool calls, reasoning, whether the turn is trained), or the row is
refused and the reason names the field (images, flags on parts of a turn). A key that is null counts as
missing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from align.core.errors import BadRow
from align.core.formats.calls import read_calls, without_nulls
from align.core.rows import Message

ROLES = {
    **dict.fromkeys(("user", "human", "prompter"), "user"),
    **dict.fromkeys(("assistant", "gpt", "model", "bot", "chatgpt", "ai"), "assistant"),
    **dict.fromkeys(("system", "developer"), "system"),
    **dict.fromkeys(("tool", "observation", "function", "ipython", "environment"), "tool"),
    **dict.fromkeys(("tool_response", "tool_result", "function_response"), "tool"),
    **dict.fromkeys(("function_call", "tool_call"), "calls"),
}
"""Role of a source, in lower case -> our role; `calls`: an assistant turn whose text is a tool call in JSON
(LLaMA-Factory)."""
_PAIRS = (
    ("human", "assistant"),
    ("user", "assistant"),
    ("input", "output"),
    ("question", "answer"),
    ("prompt", "response"),
)
"""Keys of sources that write question and answer as one object."""
_REASONING = ("reasoning_content", "reasoning", "thinking")
_FLAGS = ("weight", "train", "loss", "loss_weight", "loss_scale", "trainable", "training")
"""Flags of OpenAI, axolotl, ms-swift and LLaMA-Factory; 1 or true: the turn is trained."""
_SAY_WHETHER_TRAINED = (*_FLAGS, "masked")
_REFUSED = (
    "train_detail",
    "loss_mask",
    "mask",
    "image",
    "images",
    "audio",
    "audios",
    "video",
    "videos",
    "tools",
    "functions",
)
"""Keys of a turn that change what it means and are not read."""
_READ = {
    "role",
    "from",
    "content",
    "value",
    "tool_calls",
    "function_call",
    "tool_call_id",
    *_REASONING,
    *_SAY_WHETHER_TRAINED,
}
_TEXTS = (None, "text", "input_text", "output_text", "refusal")
_OF_PARTS = {
    "type",
    "text",
    "value",
    "thinking",
    "reasoning",
    "refusal",
    "annotations",
    "cache_control",
    "signature",
    "logprobs",
}
_MEDIA = ("image", "audio", "video", "file")
_TRANSCRIPT = re.compile(r"(?:^|\n\n)(Human|Assistant):")
_RESULT = re.compile(r"\s*<tool_response>\n?((?:(?!</?tool_response>).)*?)\n?</tool_response>\s*", re.DOTALL)
_THOUGHT = re.compile(r"^\s*<think>(.*?)</think>\s*", re.DOTALL)


def read_turns(value: Any, what: str, ignored: set[str]) -> list[Message]:
    """Return a list of turns as messages.

    Args:
        value: objects with `role` and `content` (OpenAI, TRL) or `from` and `value` (ShareGPT), pairs of
            question and answer, or JSON text of such a list.
        what: the name of its column, for error messages.
        ignored: a set to which the keys of turns that are not read are added.

    Raises:
        BadRow: it cannot be read; the message says why.
    """
    listed = listed_turns(value, what) if isinstance(value, str) else None
    from_text = bool(listed)
    value = _rows_of_columns(listed or value)
    if value is None or value == []:
        raise BadRow(f"{what} is empty")
    if what.startswith("conversation") and _are_texts(value):
        value = [
            {"role": "assistant" if i % 2 else "user", "content": text} for i, text in enumerate(value)
        ]  # LIMA
    if not _are_objects(value):
        raise BadRow(f"{what} is {'text and not' if isinstance(value, str) else 'not'} a list of messages")
    turns = (_without_absent(turn) for item in value for turn in _unpaired(item))
    return _merged([_turn(turn, what, ignored, from_text=from_text) for turn in turns])


def _rows_of_columns(value: Any) -> Any:
    """Return the turns of an object of lists, Arrow's form of a list of objects; other values as they are."""
    if isinstance(value, Mapping) and value and all(isinstance(items, list) for items in value.values()):
        return [dict(zip(value, items, strict=False)) for items in zip(*value.values(), strict=False)]
    return value


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


def _are_objects(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(turn, Mapping) for turn in value)


def _without_absent(turn: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object without its keys that are null."""
    return {key: item for key, item in turn.items() if item is not None}


def listed_turns(text: str, what: str) -> list[Any] | None:
    """Return the list of turns that a text cell holds as JSON, as CSV files do; None where it is a text.

    Raises:
        BadRow: it is such a list in Python's own spelling.
    """
    begin = text.lstrip()[:40]
    if not re.match(r"\[\s*\{\s*[\"'](role|from|content|value)[\"']\s*:", begin):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise BadRow(f"{what} is a list in Python's spelling or broken JSON; write it as JSON") from None
    return found if isinstance(found, list) else None


def _unpaired(item: Any) -> Iterable[Mapping[str, Any]]:
    """Return the turns of an object that holds a question and its answer; any other object as it is."""
    pair = next((pair for pair in _PAIRS if item.keys() >= set(pair)), None)
    if pair is None or "role" in item or "from" in item:
        return [item]
    return [
        {"role": role, "content": item[key]} for role, key in zip(("user", "assistant"), pair, strict=True)
    ]


def _turn(turn: Mapping[str, Any], what: str, ignored: set[str], *, from_text: bool) -> Message:
    role = _role(turn, what)
    _refuse_unread(turn, what)
    ignored.update(turn.keys() - _READ - set(_REFUSED) - ({"name"} if role == "tool" else set()))
    content, thought = _content(turn.get("content", turn.get("value")), what, role, from_text=from_text)
    message: Message = {"role": role, "content": content}
    if role == "calls":
        message, thought = _called(content, from_text=from_text)
    called = (read_calls(turn.get(key), from_text=from_text) for key in ("tool_calls", "function_call"))
    if calls := next(filter(None, called), None):
        message["tool_calls"] = calls
    if reasoning := _one_of(turn, _REASONING) or thought:
        message["reasoning"] = reasoning
    if role == "tool":
        message |= {key: str(turn[key]) for key in ("name", "tool_call_id") if key in turn}
    if message["role"] == "assistant":
        return _answer(message, trained=_trained(turn))
    if any(turn.get(key) for key in ("train", "trainable", "training", "loss")):
        raise BadRow(f"a {message['role']} turn is to be trained, and only answers are")
    return message


def _role(turn: Mapping[str, Any], what: str) -> str:
    """Return who speaks in a turn. Raises BadRow where that is unknown."""
    named = turn.get("role", turn.get("from"))
    role = ROLES.get(named.lower()) if isinstance(named, str) else None
    if role is None:
        raise BadRow(f"unknown role {named!r} in {what}")
    return role


def _refuse_unread(turn: Mapping[str, Any], what: str) -> None:
    """Raise BadRow where a turn has something that changes what it means and is not read."""
    if refused := next((key for key in _REFUSED if turn.get(key) not in (None, [], {}, "")), None):
        raise BadRow(f"a turn of {what} has {refused!r}, which changes what it means and is not read")


def _answer(message: Message, *, trained: bool) -> Message:
    """Return an assistant turn with a text ("" if it only calls tools) and, if untrained, `train: False`."""
    content = "" if message["content"] is None and "tool_calls" in message else message["content"]
    return message | {"content": content} | ({} if trained else {"train": False})


def _called(text: Any, *, from_text: bool) -> tuple[Message, str | None]:
    """Return the assistant turn of a text that is a tool call, and the reasoning in front of it."""
    thought = _THOUGHT.match(text) if isinstance(text, str) else None
    calls = read_calls(text[thought.end() :] if thought else text, from_text=from_text)
    if not calls:
        raise BadRow("a turn that should be a tool call holds none")
    return {"role": "assistant", "content": "", "tool_calls": calls, "_joins": True}, thought[
        1
    ].strip() if thought else None


def _merged(turns: list[Message]) -> list[Message]:
    """Join each `calls` turn with the assistant turn right before it (ms-swift, LLaMA-Factory)."""
    found: list[Message] = []
    for turn in turns:
        joins = turn.pop("_joins", False)
        if joins and found and found[-1]["role"] == "assistant":
            found[-1]["tool_calls"] = [*found[-1].get("tool_calls", []), *turn["tool_calls"]]
            if "reasoning" in turn:
                found[-1].setdefault("reasoning", turn["reasoning"])
        else:
            found.append(turn)
    return found


def _content(content: Any, what: str, role: str, *, from_text: bool) -> tuple[Any, str | None]:
    """Return content as text, and the reasoning among its parts. Any other type is returned unchanged."""
    if role == "tool":
        content = _result(content, from_text=from_text)
    if not isinstance(content, list):
        return content, None
    said = [_part(part, what) for part in content]
    texts = [text for text, is_thought in said if not is_thought]
    thoughts = [text for text, is_thought in said if is_thought]
    return "".join(texts) if said else None, "\n".join(thoughts) or None


def _result(content: Any, *, from_text: bool) -> Any:
    """Return a tool's result: without the marks that Hermes writes around it, and objects as JSON."""
    if isinstance(content, str):
        marked = _RESULT.fullmatch(content)
        return marked[1] if marked else content  # a chat template writes these marks itself
    if isinstance(content, Mapping) or (isinstance(content, list) and not _are_parts(content)):
        return json.dumps(content if from_text else without_nulls(content), ensure_ascii=False, default=str)
    return content


def _part(part: Any, what: str) -> tuple[str, bool]:
    """Return the text of a part of content, and whether it is reasoning.

    Raises:
        BadRow: it is no text, or has a flag of its own.
    """
    if isinstance(part, str):
        return part, False
    held = _without_absent(part) if isinstance(part, Mapping) else {}
    kind = held.get("type")
    if flag := next((key for key in held if key in _SAY_WHETHER_TRAINED), None):
        raise BadRow(f"a part of a turn of {what} has {flag!r}; only whole turns can be left untrained")
    known = held.keys() <= _OF_PARTS
    if known and kind in ("thinking", "reasoning"):
        return str(held.get("thinking", held.get("text", ""))), True
    if known and kind in _TEXTS and (text := _text_of(held)) is not None:
        return text, False
    medium = next((name for name in _MEDIA if name in str(kind)), kind or type(part).__name__)
    raise BadRow(f"{what} holds {medium!r} content; only text can be used")


def _text_of(part: Mapping[str, Any]) -> str | None:
    text = part.get("text", part.get("value", part.get("refusal")))
    return text if isinstance(text, str) else None


def _are_parts(content: list[Any]) -> bool:
    return all(
        isinstance(part, str) or (isinstance(part, Mapping) and ("text" in part or "type" in part))
        for part in content
    )


def _one_of(turn: Mapping[str, Any], keys: Iterable[str]) -> str | None:
    """Return the text that a turn has under one of several keys.

    Raises:
        BadRow: two of them differ.
    """
    values = [turn[key] for key in keys if turn.get(key)]
    if any(value != values[0] for value in values):
        raise BadRow(f"a turn has {' and '.join(key for key in keys if turn.get(key))}, and they differ")
    return values[0] if values else None


def _trained(turn: Mapping[str, Any]) -> bool:
    """Return whether the flags of a turn let it be trained; torchtune's `masked` means the opposite."""
    flags = {key: turn[key] for key in _SAY_WHETHER_TRAINED if key in turn}
    for key, value in flags.items():
        if value not in (0, 1):  # true and false too
            raise BadRow(f"a turn has {key}: {value!r}; only 0 and 1, true and false are known")
    said = {bool(value) != (key == "masked") for key, value in flags.items()}
    if len(said) > 1:
        raise BadRow(f"the flags {', '.join(flags)} of a turn contradict each other")
    return said != {False}


def read_transcript(text: str) -> list[Message] | None:
    """Return the turns of a transcript in the form of Anthropic's HH; None if the text is not one.

    It begins with `Human:` and each turn follows an empty line; `Assistant:` at the end asks for an answer.
    """
    if not text.lstrip().startswith("Human:") or "\n\nAssistant:" not in text:
        return None
    pieces = _TRANSCRIPT.split("\n\n" + text.lstrip())[1:]
    said = zip(pieces[::2], pieces[1::2], strict=True)
    turns = [{"role": ROLES[speaker.lower()], "content": text.strip()} for speaker, text in said]
    return turns[:-1] if turns[-1] == {"role": "assistant", "content": ""} else turns
