"""Which columns make a prompt, a completion or a pair: one function a shape; the first that fits is used.

    chosen, rejected [, prompt]      TRL, UltraFeedback, OpenAI's preferences, HH's transcripts, ms-swift
    messages [, prompt, completion]  OpenAI, TRL, ShareGPT (`conversations`)
    instruction [, input, output]    Alpaca, Dolly
    prompt | question | input [, completion | response | output]
    query, tools, answers            xLAM: the answer is tool calls

Turns that both sides of a pair share belong to its prompt. Two columns may say the same (a `prompt` beside
the conversation, a system turn in one of them); if they contradict each other, the row is refused.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from align.core.errors import BadRow
from align.core.formats.calls import read_calls
from align.core.formats.turns import listed_turns, read_transcript, read_turns
from align.core.rows import Message

REMEDY = "say what they are with `columns:`, such as `columns: {prompt: question, completion: solution}`"
ANSWER_REMEDY = (
    "`columns: {prompt: question, completion: answer}` imitates the answer, "
    "`columns: {prompt: question, answer: answer}` lets a verifier compare with it"
)
_LISTED_CALLS = re.compile(r'\s*\[\s*\{\s*"name"')
_NAMED = 12
"""The most columns that a message names."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a record holds, as messages."""

    prompt: list[Message]
    completion: list[Message] | None = None
    chosen: list[Message] | None = None
    rejected: list[Message] | None = None


class Columns:
    """A record's columns under our names; it remembers which of them were used."""

    def __init__(
        self, named: Mapping[str, Any], source: Mapping[str, str], mapped: Collection[str], unread: set[str]
    ) -> None:
        """Keep a record.

        Args:
            named: the record under our names.
            source: our name -> the record's name.
            mapped: the columns that the recipe names itself.
            unread: a set to which the keys of turns that are not read are added.
        """
        self.named, self.source, self.mapped, self.unread_keys = named, source, mapped, unread
        self.taken: set[str] = set()

    def own(self, name: str) -> str:
        """Return what the record calls one of our columns."""
        return self.source.get(name, name)

    def has(self, *names: str) -> bool:
        """Does one of the columns hold something?"""
        return any(self.named.get(name) is not None for name in names)

    def take(self, name: str) -> Any:
        """Return what a column holds, and remember that it was used."""
        self.taken.add(name)
        return self.named.get(name)

    def turns(self, name: str) -> list[Message]:
        """Return a column of turns as messages."""
        return read_turns(self.take(name), self.own(name), self.unread_keys)

    def said(self, name: str, role: str, *, transcript: bool = True) -> list[Message]:
        """Return a column (text, turn, turns or transcript) as messages; a text is one turn of `role`."""
        value = self.take(name)
        if isinstance(value, str) and not listed_turns(value, self.own(name)):
            return (read_transcript(value) if transcript else None) or [{"role": role, "content": value}]
        value = [value] if isinstance(value, Mapping) and ("role" in value or "from" in value) else value
        if not isinstance(value, str | list | Mapping):
            raise BadRow(f"{self.own(name)} is not text or a list of messages")
        return read_turns(value, self.own(name), self.unread_keys)


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
        return _with_system(columns, _plain_parts(columns, _alpaca(columns), _completion(columns)))
    if columns.has("prompt", "input"):
        return _with_system(columns, _asked(columns))
    if "prompt" in columns.named:
        raise BadRow("prompt is empty")
    names = list(map(columns.own, columns.named))
    shown = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
    raise BadRow(f"no prompt among the columns {shown or '(none)'}; name it with `columns:`", remedy=REMEDY)


def _refuse_nulls(columns: Columns) -> None:
    """Refuse a null where a text must be; it means a missing column only if another shape is there."""
    pair, completion = {"chosen", "rejected"} & columns.named.keys(), "completion" in columns.named
    if pair and not completion and not columns.has("messages"):
        raise BadRow(f"{min(pair)} is empty")
    if completion and not pair and not columns.has("completion", "messages"):
        raise BadRow("completion is empty")


# -- pairs ---------------------------------------------------------------------------------------------------


def _pair(columns: Columns) -> Parts:
    own = "messages" if columns.has("messages") else "completion" if columns.has("completion") else None
    _refuse_half(columns, chosen_elsewhere=own is not None)
    rejected = columns.said("rejected", "assistant")
    if columns.has("chosen"):
        chosen = columns.said("chosen", "assistant")
    elif own == "completion":  # ms-swift: query, response, rejected_response
        chosen = columns.said("completion", "assistant", transcript=False)
    else:  # ms-swift: the conversation ends with the chosen answer
        talk = columns.turns("messages")
        if rejected[0]["role"] == "assistant":
            return _with_system(columns, Parts(talk[:-1], None, talk[-1:], rejected))
        chosen = talk
    if chosen[0]["role"] != "assistant" and rejected[0]["role"] != "assistant":
        return _with_system(columns, _repeated(columns, chosen, rejected))
    prompt = _asked_before(columns)
    if prompt is None:
        raise BadRow("no prompt column, and chosen and rejected share no first turn", remedy=REMEDY)
    shared = _shared(chosen, rejected)
    chosen, rejected = (_behind(columns, "prompt", side) for side in (chosen, rejected))
    return _with_system(columns, Parts(prompt + chosen[:shared], None, chosen[shared:], rejected[shared:]))


def _refuse_half(columns: Columns, *, chosen_elsewhere: bool) -> None:
    """Refuse a pair that lacks a side; the chosen side may also be the end of another column."""
    for side in ("chosen", "rejected"):
        if side in columns.named and not columns.has(side):
            raise BadRow(f"{side} is empty")
        if side not in columns.named and not (side == "chosen" and chosen_elsewhere):
            raise BadRow(f"{side} is missing")


def _repeated(columns: Columns, chosen: list[Message], rejected: list[Message]) -> Parts:
    """Return the parts of a pair of whole conversations, whose common turns are the prompt."""
    system = [turns[0] for turns in (chosen, rejected) if turns[0]["role"] == "system"]
    if len(system) == 1:
        chosen, rejected = ([*system, *_without_system(turns)] for turns in (chosen, rejected))
    shared = _shared(chosen, rejected)
    if any(len(turns) == shared or turns[shared]["role"] != "assistant" for turns in (chosen, rejected)):
        if shared == 0:
            raise BadRow("chosen and rejected are conversations that share no first turn")
        raise BadRow("chosen and rejected part before an answer, or one of them has none")
    prompt = _agreed(columns, _asked_before(columns), chosen[:shared])
    return Parts(prompt, None, chosen[shared:], rejected[shared:])


def _shared(chosen: list[Message], rejected: list[Message]) -> int:
    """Return how many turns two completions have in common at their beginning; each keeps its own answer."""
    common = 0
    while common < min(len(chosen), len(rejected)) and chosen[common] == rejected[common]:
        common += 1
    if common == len(chosen) == len(rejected):
        raise BadRow("chosen equals rejected")
    if chosen[0]["role"] == "assistant":
        return min(common, len(chosen) - 1, len(rejected) - 1)
    return common


def _asked_before(columns: Columns) -> list[Message] | None:
    """Return the prompt of a pair, if a column holds it.

    Without a `chosen` column, `messages` ends with the chosen answer and is no prompt.
    """
    if columns.has("prompt"):
        return _history(columns) + columns.said("prompt", "user")
    if isinstance(columns.named.get("input"), Mapping):
        return _openai_input(columns)
    if columns.has("instruction"):
        return _history(columns) + _alpaca(columns)
    if columns.has("messages") and columns.has("chosen"):
        return columns.turns("messages")
    return columns.said("input", "user") if columns.has("input") else None


def _openai_input(columns: Columns) -> list[Message]:
    """Read `{"messages": [...], "tools": [...]}`, the input of OpenAI's preference format."""
    given = columns.take("input")
    columns.named = {"tools": given.get("tools"), **columns.named}
    return read_turns(given.get("messages"), "input", columns.unread_keys)


def _agreed(columns: Columns, prompt: list[Message] | None, talk: list[Message]) -> list[Message]:
    """Return the turns of a conversation, after checking that a `prompt` column beside it agrees.

    Raises:
        BadRow: they contradict each other.
    """
    if prompt is None:
        return talk
    own = columns.own(
        "prompt" if columns.has("prompt") else "instruction" if columns.has("instruction") else "input"
    )
    remedy = f"`ignore: [{own}]` reads the conversation alone"
    asked, said = _without_system(prompt), _without_system(talk)
    if len(prompt) > len(asked) and len(talk) > len(said) and not _same(prompt[0], talk[0]):
        raise BadRow(f"the system turns of {own} and the conversation differ", remedy=remedy)
    begins = len(asked) <= len(said) and all(map(_same, asked, said))
    one_of = len(asked) == 1 and any(_says(asked[0], turn) for turn in said if turn["role"] == "user")
    if not (begins or one_of):
        raise BadRow(f"{own} contradicts the conversation", remedy=remedy)
    return talk if len(talk) > len(said) or len(prompt) == len(asked) else [prompt[0], *talk]


def _without_system(messages: list[Message]) -> list[Message]:
    return messages[1:] if messages and messages[0]["role"] == "system" else messages


def _same(one: Message, other: Message) -> bool:
    return one["role"] == other["role"] and _plain(one) == _plain(other)


def _says(prompt: Message, turn: Message) -> bool:
    """Does a turn say what the prompt says? One may contain the other: prompts often have a frame of text."""
    return _plain(prompt) in _plain(turn) or _plain(turn) in _plain(prompt)


def _plain(message: Message) -> str:
    return "".join(str(message["content"]).split()).lower()


# -- conversations and plain text ----------------------------------------------------------------------------


def _conversation(columns: Columns) -> Parts:
    talk = columns.turns("messages")
    beside = columns.said("prompt", "user") if columns.has("prompt") else None
    if columns.has("completion"):
        answer = _completion(columns) or []
        answers = talk[-1]["role"] == "assistant"
        if answers and answer and not _same(talk[-1], answer[-1]):
            own = columns.own("completion")
            raise BadRow(
                f"{own} contradicts the conversation",
                remedy=f"`ignore: [{own}]` reads the conversation alone",
            )
        talk = talk if answers else talk + answer
    parts = split(_system_first(columns, talk))
    whole = _agreed(columns, beside, parts.prompt + (parts.completion or []))
    return replace(parts, prompt=whole[: len(whole) - len(parts.completion or [])])


def split(messages: list[Message]) -> Parts:
    """Cut a conversation before its first assistant turn, and after its last: the rest teaches nothing."""
    first = next((i for i, m in enumerate(messages) if m.get("role") == "assistant"), None)
    if first is None:
        return Parts(messages)
    if first == 0:
        raise BadRow("the conversation starts with an assistant turn")
    last = max(i for i, m in enumerate(messages) if m.get("role") == "assistant")
    return Parts(messages[:first], messages[first : last + 1])


def _plain_parts(columns: Columns, asked: list[Message], completion: list[Message] | None) -> Parts:
    """Return a prompt and its completion; as in LLaMA-Factory, answers in the history are trained too."""
    history = _history(columns)
    if history and completion and completion[0]["role"] == "assistant":
        return split([*history, *asked, *completion])
    return Parts(history + asked, completion)


def _history(columns: Columns) -> list[Message]:
    """Return the turns of a `history` column, a list of [user, assistant] pairs."""
    messages: list[Message] = []
    for turn in columns.take("history") or []:
        if not isinstance(turn, list | tuple) or len(turn) != 2:
            raise BadRow("history is not a list of [user, assistant] pairs")
        messages += [{"role": "user", "content": turn[0]}, {"role": "assistant", "content": turn[1]}]
    return messages


def _alpaca(columns: Columns) -> list[Message]:
    instruction = columns.take("instruction")
    given = columns.take("input") if columns.has("input") else columns.take("context")
    if not isinstance(instruction, str):
        raise BadRow("instruction is not text")
    if isinstance(given, Mapping | list):
        raise BadRow(f"{'input' if columns.has('input') else 'context'} is not text")
    texts = [text for text in (instruction, "" if given is None else str(given)) if text.strip()]
    return [{"role": "user", "content": "\n\n".join(texts)}]


def _asked(columns: Columns) -> Parts:
    name = "prompt" if columns.has("prompt") else "input"
    guessed = columns.own("prompt") == "question" and not {"prompt", "answer"} & set(columns.mapped)
    if guessed and columns.has("answer") and not columns.has("completion"):
        raise BadRow("is `answer` to be imitated or to be compared with?", remedy=ANSWER_REMEDY)
    for beside in ("context", "choices", "options", *(("input",) if name == "prompt" else ())):
        if columns.named.get(beside) not in (None, "", [], {}):
            own = columns.own(name)
            remedy = f"`ignore: [{beside}]` reads the {own} alone"
            raise BadRow(f"column {beside!r} beside {own!r} changes what is asked", remedy=remedy)
    prompt, completion = columns.said(name, "user"), _completion(columns)
    if (
        completion is None
        and prompt
        and prompt[-1]["role"] == "assistant"
        and isinstance(columns.named[name], str)
    ):
        return split(prompt)  # a whole transcript
    return _plain_parts(columns, prompt, completion and _behind(columns, name, completion))


def _behind(columns: Columns, prompt: str, turns: list[Message]) -> list[Message]:
    """Return turns without the space that follows `Assistant:`, if the prompt is a transcript."""
    text = columns.named.get(prompt)
    if not (isinstance(text, str) and read_transcript(text)):
        return turns
    return [turn | {"content": turn["content"].strip()} for turn in turns]


def _completion(columns: Columns) -> list[Message] | None:
    if not columns.has("completion"):
        return _called(columns)
    turns = columns.said("completion", "assistant", transcript=False)
    if columns.has("reasoning") and turns[-1]["role"] == "assistant":
        turns = [*turns[:-1], turns[-1] | {"reasoning": str(columns.take("reasoning"))}]
    return turns


def _called(columns: Columns) -> list[Message] | None:
    """Return the answer of a record whose `answers`, beside `tools`, are tool calls (xLAM)."""
    given = columns.named.get("answers") if columns.has("tools") else None
    listed = isinstance(given, list) and all(isinstance(item, Mapping) and "name" in item for item in given)
    if not (given and listed) and not (isinstance(given, str) and _LISTED_CALLS.match(given)):
        return None
    return [{"role": "assistant", "content": "", "tool_calls": read_calls(columns.take("answers"))}]


def _with_system(columns: Columns, parts: Parts) -> Parts:
    return replace(parts, prompt=_system_first(columns, parts.prompt))


def _system_first(columns: Columns, messages: list[Message]) -> list[Message]:
    """Return a conversation with the text of the `system` column in front of it.

    Raises:
        BadRow: it has another system turn already.
    """
    if not columns.has("system"):
        return messages
    system, own = columns.take("system"), columns.own("system")
    if not isinstance(system, str):
        raise BadRow(f"{own} is not text")
    if not system:
        return messages
    turn = {"role": "system", "content": system}
    if messages and messages[0]["role"] == "system":
        if not _same(turn, messages[0]):
            raise BadRow(
                f"the {own} column and the system turn differ", remedy=f"`ignore: [{own}]` reads the turn"
            )
        return messages
    return [turn, *messages]
