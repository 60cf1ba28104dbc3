"""The four kinds of rows that data synthesis makes and training reads, in TRL's conversational columns.

A prompt asks, a demonstration answers, a preference says which of two answers is better, an unpaired row says
whether one answer is good. Rows are frozen and small, and they are checked when they are made: a constructor
raises `BadRow` with the reason, which is counted and shown. The engine sets ids; code that makes a row leaves
`id` empty.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from align.core.errors import BadRow

Message: TypeAlias = dict[str, Any]
"""`{"role": "system" | "user" | "assistant" | "tool", "content": "..."}`, and where the source has them:

- `tool_calls`: of an assistant turn, `[{"type": "function", "function": {"name": "...", "arguments":
  {...}}}]`, with an `id` each where the source has one. A turn that calls a tool may have no content (`""`).
- `name`, `tool_call_id`: of a tool turn, which tool and which call it answers.
- `reasoning`: what the assistant thought before it wrote the content.
- `train: False`: of an assistant turn, the turn is context and is not imitated."""

Turns: TypeAlias = list[Message] | Any
"""A completion. Code that makes a row may give a plain string, which becomes one assistant turn; a row that
is read always has messages."""

ROLES = frozenset({"system", "user", "assistant", "tool"})
MORE = {"name": str, "reasoning": str, "tool_call_id": str, "tool_calls": list, "train": bool}
"""Keys that a message may have beside role and content, and their types."""
THINKING = {
    "<think>": "</think>",
    "[THINK]": "[/THINK]",
    "<thinking>": "</thinking>",
    "<|think|>": "<|/think|>",
}
"""Tags that open the reasoning of an answer in its content, and those that close it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """Something to answer. `answer` and `tests` are what a verifier compares a completion with."""

    messages: list[Message]
    answer: str | None = None
    tests: list[dict[str, Any]] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    tools: list[dict[str, Any]] = field(default_factory=list)
    """JSON schemas of the functions that may be called: `{"type": "function", "function": {"name": ...}}`."""
    id: str = ""
    note: Mapping[str, Any] = field(default_factory=dict)
    """As in `Demonstration`."""

    def __post_init__(self) -> None:
        check_messages(self.messages, "prompt")
        check_tools(self.tools)
        if self.answer is not None and not isinstance(self.answer, str):
            raise BadRow("answer is not text")
        if not is_unicode(json.dumps([self.answer, self.tests, self.tags], ensure_ascii=False, default=str)):
            raise BadRow("answer, tests or tags have text that is not Unicode")
        if not isinstance(self.tags, list) or not all(isinstance(tag, str) for tag in self.tags):
            raise BadRow("tags are not a list of texts")
        if self.messages[-1]["role"] == "assistant":
            raise BadRow("prompt ends with an assistant turn")


@dataclass(frozen=True, slots=True, kw_only=True)
class Demonstration:
    """A prompt and the completion to imitate: one or more turns, of which the assistant's are trained."""

    prompt: list[Message]
    completion: Turns
    tools: list[dict[str, Any]] = field(default_factory=list)
    id: str = ""
    note: Mapping[str, Any] = field(default_factory=dict)
    """Goes to the lineage table, not to training: rewards, verdicts, which sample it was."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "completion", as_turn(self.completion))
        check_messages(self.prompt, "prompt")
        check_completion(self.completion, "completion")
        check_tools(self.tools)
        if not any(m["role"] == "assistant" and m.get("train", True) for m in self.completion):
            raise BadRow("no answer of it is to be trained (weight, train or loss)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Preference:
    """Two completions of one prompt, the better one first. `margin` is in units of the ranking reward."""

    prompt: list[Message]
    chosen: Turns
    rejected: Turns
    margin: float | None = None
    tools: list[dict[str, Any]] = field(default_factory=list)
    id: str = ""
    note: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "chosen", as_turn(self.chosen))
        object.__setattr__(self, "rejected", as_turn(self.rejected))
        check_messages(self.prompt, "prompt")
        check_completion(self.chosen, "chosen")
        check_completion(self.rejected, "rejected")
        check_tools(self.tools)
        if self.margin is not None and not isinstance(self.margin, int | float):
            raise BadRow("margin is not a number")
        if self.chosen == self.rejected:
            raise BadRow("chosen equals rejected")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpaired:
    """A completion and whether it is good (KTO's rows, TRL's `label`). It may be bad: no demonstration."""

    prompt: list[Message]
    completion: Turns
    label: bool
    tools: list[dict[str, Any]] = field(default_factory=list)
    id: str = ""
    note: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "completion", as_turn(self.completion))
        check_messages(self.prompt, "prompt")
        check_completion(self.completion, "completion")
        check_tools(self.tools)
        if not isinstance(self.label, bool):
            raise BadRow("label is neither true nor false")


Row: TypeAlias = Prompt | Demonstration | Preference | Unpaired
TABLES: dict[str, type[Prompt] | type[Demonstration] | type[Preference] | type[Unpaired]] = {
    "prompts": Prompt,
    "demonstrations": Demonstration,
    "preferences": Preference,
    "unpaired": Unpaired,
}


def table_of(row: Row) -> str:
    """Return the name of the table that a row belongs to."""
    return next(name for name, cls in TABLES.items() if isinstance(row, cls))


def as_turn(content: str | list[Message]) -> list[Message]:
    """Return a completion as messages; a plain string is one assistant turn."""
    return [{"role": "assistant", "content": content}] if isinstance(content, str) else content


def check_messages(messages: Any, what: str) -> None:
    """Raise BadRow unless `messages` is a non-empty list of known roles that say something."""
    if not isinstance(messages, list) or not messages:
        raise BadRow(
            f"{what} is empty" if messages in (None, "", []) else f"{what} is not a list of messages"
        )
    for message in messages:
        _check_form(message, what)
    for message in messages:
        _check_content(message, what, last=message is messages[-1])


def _check_form(message: Any, what: str) -> None:
    """Check that a message has a known role and a text."""
    if not isinstance(message, dict) or "role" not in message:
        raise BadRow(f"{what} has a message without a role")
    if not isinstance(message["role"], str) or message["role"] not in ROLES:
        raise BadRow(f"unknown role {message['role']!r} in {what}")
    if not isinstance(message.get("content"), str):
        raise BadRow(f"{what} has a message whose content is not text")
    _check_more(message, what)


def _check_content(message: Message, what: str, *, last: bool) -> None:
    """Check that a message is not empty; before the last message, only assistant turns are checked."""
    content, by_assistant = message["content"], message["role"] == "assistant"
    said = visible(content) if by_assistant else content
    if said.strip() or message.get("tool_calls"):
        return
    if content.strip():
        raise BadRow(f"{what} has no answer behind its reasoning")
    if last:
        raise BadRow(f"{what} is empty")
    if by_assistant:
        raise BadRow(f"{what} has an assistant turn that is empty")


def _check_more(message: Message, what: str) -> None:
    """Check what a message holds beside role and content, and that all of it is Unicode."""
    for key, value in message.items():
        if key not in ("role", "content") and not (key in MORE and isinstance(value, MORE[key])):
            raise BadRow(
                f"{what} has a message with {key!r} of another type"
                if key in MORE
                else f"unknown key {key!r} in {what}"
            )
    if message["role"] != "assistant" and message.keys() & {"tool_calls", "reasoning", "train"}:
        raise BadRow(f"{what} has a {message['role']} turn with tool_calls, reasoning or train")
    for call in message.get("tool_calls", ()):
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            raise BadRow(f"{what} has a tool call without a name")
        if not isinstance(function.get("arguments"), dict):
            raise BadRow(f"{what} has a tool call whose arguments are not an object")
    if not all(is_unicode(text) for text in texts_of(message)):
        raise BadRow(f"{what} has text that is not Unicode")


def check_tools(tools: Any) -> None:
    """Raise BadRow unless `tools` is a list of functions with names, in the form that chat templates take."""
    if not isinstance(tools, list):
        raise BadRow("tools is not a list")
    for tool in tools:
        function = tool.get("function") if isinstance(tool, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            raise BadRow("tools has an entry without a function's name")
    if not is_unicode(json.dumps(tools, ensure_ascii=False)):
        raise BadRow("tools has text that is not Unicode")


def texts_of(message: Message) -> list[str]:
    """Return all that a message says: content, reasoning, and its tool calls as JSON."""
    texts = [message["content"], *([message["reasoning"]] if "reasoning" in message else [])]
    return texts + [json.dumps(call, ensure_ascii=False) for call in message.get("tool_calls", ())]


def as_text(message: Message) -> str:
    """Return a message as a person or judge reads it: its content, then tool calls as JSON, one a line."""
    calls = [json.dumps(call["function"], ensure_ascii=False) for call in message.get("tool_calls", ())]
    return "\n".join([*([message["content"]] if message["content"] or not calls else []), *calls])


def apart(text: str) -> tuple[str, str]:
    """Return (reasoning, answer) of a text that begins with reasoning in tags; unclosed, its answer is ""."""
    begun = text.lstrip()
    opener = next((tag for tag in THINKING if begun.startswith(tag)), None)
    if opener is None:
        return "", text
    reasoning, _, answer = begun.removeprefix(opener).partition(THINKING[opener])
    return reasoning, answer


def visible(text: str) -> str:
    """Return an answer without its reasoning in tags."""
    return apart(text)[1]


def spoken(text: str) -> str:
    """Return what follows a model's reasoning in tags; "" if the reasoning is never closed.

    A chat template may open the reasoning in the prompt (DeepSeek-R1, QwQ); then the text has only the tag
    that closes it.
    """
    for opening, closing in THINKING.items():
        if closing in text:
            text = text.rpartition(closing)[2]
        elif text.lstrip().startswith(opening):
            return ""
    return text


def reply(text: str) -> str:
    """Return what a model replies to a question, without its reasoning and without blanks around it."""
    return spoken(text).strip()


def is_unicode(text: str) -> bool:
    """Is it free of half surrogate pairs? JSON can write them, Parquet and tokenizers cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_completion(messages: Any, what: str) -> None:
    """Raise BadRow unless a completion is messages that end with a non-empty assistant turn."""
    check_messages(messages, what)
    if messages[0]["role"] != "assistant":
        raise BadRow(f"{what} does not start with an assistant turn")
    if messages[-1]["role"] != "assistant":
        raise BadRow(f"{what} does not end with an assistant turn")


def content_id(row: Row) -> str:
    """Return the id of a source row: 16 hex digits of the SHA-256 of its content."""
    columns = {name: getattr(row, name) for name in row.__dataclass_fields__ if name not in ("id", "note")}
    if not row.tools:  # rows without tools have the ids that they had before there were tools
        del columns["tools"]
    return digest(columns)


def child_id(parent: str, stage: str, ordinal: int) -> str:
    """Return the id of the `ordinal`-th row that a stage made from `parent`."""
    return digest([parent, stage, ordinal])


_CANONICAL = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def digest(value: Any) -> str:
    """Return 16 hex digits (64 bits) of a JSON value's SHA-256; 10 million rows collide with p = 3e-6."""
    return hashlib.sha256(_CANONICAL.encode(value).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def prompt_key(messages: Sequence[Message]) -> str:
    """Return a hash of what the user asks, for the contamination check.

    It ignores case, spacing and punctuation, except for the signs between numbers.
    """
    text = " ".join(m["content"] for m in messages if m["role"] == "user").lower()
    # 3 + 4 is not 3 - 4
    text = re.sub(r"(?<=\d)\s*([-+*/^=<>%])\s*(?=\d)", lambda sign: f" sign{ord(sign[1])} ", text)
    words = "".join(c if c.isalnum() else " " for c in text).split()
    return hashlib.sha256(" ".join(words).encode("utf-8", "surrogatepass")).hexdigest()[:16]
