"""Which columns make a prompt, a completion, a pair. One function a shape; the first that fits a record reads it.

    chosen, rejected [, prompt]       TRL, UltraFeedback, OpenAI's preference format, HH's transcripts, ms-swift
    messages [, prompt, completion]   OpenAI, TRL, ShareGPT (`conversations`)
    instruction [, input, output]     Alpaca, Dolly
    prompt | question | input [, completion | response | output]

Shared turns of a pair belong in its prompt. Two columns that say the same may both be there (a `prompt` beside the
conversation, a system turn in one of them); where they contradict each other the row is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from align.core.errors import BadRow
from align.core.formats.turns import read_transcript, read_turns
from align.core.rows import Message, as_turn

REMEDY = "say what they are with `columns:`, such as `columns: {prompt: question, completion: solution}`"
ANSWER_REMEDY = (
    "`columns: {prompt: question, completion: answer}` imitates the answer, `columns: {prompt: question, answer: answer}` "
    "lets a verifier compare with it"
)


@dataclass(frozen=True, slots=True)
class Parts:
    """What a record holds, as messages."""

    prompt: list[Message]
    completion: list[Message] | None = None
    chosen: list[Message] | None = None
    rejected: list[Message] | None = None


class Columns:
    """A record's columns under our names; remembers which were taken."""

    def __init__(self, named: Mapping[str, Any], source: Mapping[str, str], unread_keys: set[str]) -> None:
        self.named, self.source, self.unread_keys = named, source, unread_keys
        self.taken: set[str] = set()

    def has(self, *names: str) -> bool:
        """Does one of the columns hold something?"""
        return any(self.named.get(name) is not None for name in names)

    def take(self, name: str) -> Any:
        """Return what a column holds."""
        self.taken.add(name)
        return self.named.get(name)

    def turns(self, name: str) -> list[Message]:
        """Return a column of turns as messages."""
        return read_turns(self.take(name), self.source.get(name, name), self.unread_keys)

    def said(self, name: str, role: str) -> list[Message]:
        """Return a column that is text, one turn, a list of turns or a transcript, as messages; text is a turn of that role."""
        value = self.take(name)
        if isinstance(value, str):
            return read_transcript(value) or [{"role": role, "content": value}]
        value = [value] if isinstance(value, Mapping) else value
        return read_turns(value, self.source.get(name, name), self.unread_keys)


def read(columns: Columns) -> Parts:
    """Return the parts of a record.

    Raises:
        BadRow: no shape fits, or what is wrong with the one that does.
    """
    if columns.has("chosen", "rejected"):
        return _pair(columns)
    _refuse_nulls(columns)
    if columns.has("messages"):
        return _conversation(columns)
    if columns.has("instruction"):
        return _with_system(columns, Parts(_alpaca(columns), _completion(columns)))
    if columns.has("prompt", "input"):
        return _with_system(columns, _asked(columns))
    if "prompt" in columns.named:
        raise BadRow("prompt is empty")
    names = ", ".join(map(str, columns.named)) or "(none)"
    raise BadRow(f"no prompt among the columns {names}; name it with `columns:`", remedy=REMEDY)


def _refuse_nulls(columns: Columns) -> None:
    """Refuse a null where a text must be: it is only absent where the table holds another shape too."""
    pair, completion = {"chosen", "rejected"} & columns.named.keys(), "completion" in columns.named
    if pair and not completion and not columns.has("messages"):
        raise BadRow(f"{min(pair)} is empty")
    if completion and not pair and not columns.has("completion", "messages"):
        raise BadRow("completion is empty")


# -- pairs ----------------------------------------------------------------------------------------------------------------


def _pair(columns: Columns) -> Parts:
    for side in ("chosen", "rejected"):
        if side in columns.named and not columns.has(side):
            raise BadRow(f"{side} is empty")
        if side not in columns.named and not (side == "chosen" and columns.has("messages")):
            raise BadRow(f"{side} is missing")
    rejected = columns.said("rejected", "assistant")
    if not columns.has("chosen"):  # ms-swift: the conversation ends with the chosen answer
        talk = columns.turns("messages")
        return _with_system(columns, Parts(talk[:-1], None, talk[-1:], rejected))
    chosen = columns.said("chosen", "assistant")
    shared = _shared(chosen, rejected)
    if chosen[0]["role"] != "assistant" and rejected[0]["role"] != "assistant":  # both repeat the conversation
        if shared == 0:
            raise BadRow("chosen and rejected are conversations that share no first turn")
        prompt = _agreed(_asked_before(columns), chosen[:shared])
    else:
        prompt = _asked_before(columns)
        if prompt is None:
            raise BadRow("no prompt column, and chosen and rejected share no first turn", remedy=REMEDY)
        prompt = prompt + chosen[:shared]
        chosen, rejected = (_behind(columns, "prompt", side) for side in (chosen, rejected))
    return _with_system(columns, Parts(prompt, None, chosen[shared:], rejected[shared:]))


def _shared(chosen: list[Message], rejected: list[Message]) -> int:
    """Return how many turns two completions begin with in common; each keeps an answer of its own."""
    common = 0
    while common < min(len(chosen), len(rejected)) and chosen[common] == rejected[common]:
        common += 1
    if common == len(chosen) == len(rejected):
        raise BadRow("chosen equals rejected")
    return min(common, len(chosen) - 1, len(rejected) - 1)


def _asked_before(columns: Columns) -> list[Message] | None:
    """Return the prompt of a pair, if a column holds it."""
    if columns.has("prompt"):
        return columns.said("prompt", "user")
    if isinstance(columns.named.get("input"), Mapping):
        return _openai_input(columns)
    if columns.has("instruction"):
        return _alpaca(columns)
    if columns.has("messages"):
        return columns.turns("messages")
    return columns.said("input", "user") if columns.has("input") else None


def _openai_input(columns: Columns) -> list[Message]:
    """Read `{"messages": [...], "tools": [...]}`, the input of OpenAI's preference format."""
    given = columns.take("input")
    columns.named = {"tools": given.get("tools"), **columns.named}
    return read_turns(given.get("messages"), "input", columns.unread_keys)


def _agreed(prompt: list[Message] | None, talk: list[Message]) -> list[Message]:
    """Return the prompt of a conversation beside which there may be a `prompt` column.

    Raises:
        BadRow: they contradict each other.
    """
    if prompt is None:
        return talk
    asked, own = _without_system(prompt), _without_system(talk)
    if len(prompt) > len(asked) and len(talk) > len(own) and not _same(prompt[0], talk[0]):
        raise BadRow("the system turns of prompt and conversation differ", remedy="`ignore: [prompt]` reads the other one")
    begins = len(asked) <= len(own) and all(map(_same, asked, own))
    one_of = len(asked) == 1 and any(_says(asked[0], turn) for turn in own if turn["role"] == "user")
    if not (begins or one_of):
        raise BadRow("prompt contradicts the conversation", remedy="`ignore: [prompt]` reads the conversation alone")
    return talk if len(talk) > len(own) or len(prompt) == len(asked) else [prompt[0], *talk]


def _without_system(messages: list[Message]) -> list[Message]:
    return messages[1:] if messages and messages[0]["role"] == "system" else messages


def _same(one: Message, other: Message) -> bool:
    return one["role"] == other["role"] and _plain(one) == _plain(other)


def _says(prompt: Message, turn: Message) -> bool:
    """Does a turn say what the prompt says? One may hold the other: prompts often come with a frame around them."""
    return _plain(prompt) in _plain(turn) or _plain(turn) in _plain(prompt)


def _plain(message: Message) -> str:
    return "".join(str(message["content"]).split()).lower()


# -- conversations and plain text -----------------------------------------------------------------------------------------


def _conversation(columns: Columns) -> Parts:
    talk = columns.turns("messages")
    beside = columns.said("prompt", "user") if columns.has("prompt") else None
    if columns.has("completion"):
        answer = _completion(columns)
        if talk and talk[-1]["role"] == "assistant" and answer and not _same(talk[-1], answer[-1]):
            raise BadRow("completion contradicts the conversation", remedy="`ignore:` one of the two columns")
        talk = talk if talk and talk[-1]["role"] == "assistant" else talk + (answer or [])
    prompt, completion = split(_system_first(columns, talk))
    return Parts(_agreed_beginning(beside, prompt, completion), completion)


def _agreed_beginning(beside: list[Message] | None, prompt: list[Message], completion: list[Message] | None) -> list[Message]:
    """Return the prompt of a conversation, with the system turn that only the `prompt` column has."""
    whole = _agreed(beside, prompt + (completion or []))
    return whole[: len(whole) - len(completion or [])]


def split(messages: list[Message]) -> tuple[list[Message], list[Message] | None]:
    """Cut a conversation before its first assistant turn; turns after the last assistant turn have nothing to teach."""
    first = next((i for i, m in enumerate(messages) if m.get("role") == "assistant"), None)
    if first is None:
        return messages, None
    if first == 0:
        raise BadRow("the conversation starts with an assistant turn")
    last = max(i for i, m in enumerate(messages) if m.get("role") == "assistant")
    return messages[:first], messages[first : last + 1]


def _alpaca(columns: Columns) -> list[Message]:
    instruction = columns.take("instruction")
    given = columns.take("input") if columns.has("input") else columns.take("context")
    if not isinstance(instruction, str):
        raise BadRow("instruction is not text")
    messages: list[Message] = []
    for turn in columns.take("history") or []:
        if not isinstance(turn, list | tuple) or len(turn) != 2:
            raise BadRow("history is not a list of [user, assistant] pairs")
        messages += [{"role": "user", "content": turn[0]}, {"role": "assistant", "content": turn[1]}]
    return [*messages, {"role": "user", "content": f"{instruction}\n\n{given}" if given else instruction}]


def _asked(columns: Columns) -> Parts:
    name = "prompt" if columns.has("prompt") else "input"
    prompt, completion = columns.said(name, "user"), _completion(columns)
    if completion is None and prompt and prompt[-1]["role"] == "assistant" and isinstance(columns.named[name], str):
        return Parts(*split(prompt))  # a whole transcript
    return Parts(prompt, completion and _behind(columns, name, completion))


def _behind(columns: Columns, prompt: str, turns: list[Message]) -> list[Message]:
    """Return turns without the space that follows `Assistant:`, where the prompt is a transcript."""
    text = columns.named.get(prompt)
    if not (isinstance(text, str) and read_transcript(text)):
        return turns
    return [turn | {"content": turn["content"].strip()} for turn in turns]


def _completion(columns: Columns) -> list[Message] | None:
    return columns.said("completion", "assistant") if columns.has("completion") else None


def _with_system(columns: Columns, parts: Parts) -> Parts:
    return Parts(_system_first(columns, parts.prompt), parts.completion, parts.chosen, parts.rejected)


def _system_first(columns: Columns, messages: list[Message]) -> list[Message]:
    """Return a conversation with the text of the `system` column in front of it.

    Raises:
        BadRow: it has another system turn already.
    """
    if not columns.has("system"):
        return messages
    system = columns.take("system")
    if not isinstance(system, str):
        raise BadRow("system is not text")
    if not system:
        return messages
    turn = {"role": "system", "content": system}
    if messages and messages[0]["role"] == "system":
        if not _same(turn, messages[0]):
            raise BadRow("the system column and the system turn differ", remedy="`ignore: [system]` reads the turn")
        return messages
    return as_turn([turn, *messages])
