"""What a chat template does, found by rendering small conversations with it.

A template is a program. Nothing in a checkpoint says which token ends an answer, how a tool call is passed,
or whether a system turn is accepted, and the tokenizer's `eos_token` is often another token (Gemma, Llama 3,
Phi-3, Qwen's base models). So the template is tried out, once for each tokenizer.

Which token ends an answer is read from two renderings, one with the answer at the end (L) and one with
another turn after it (M). In the text after the answer:

1. If L and M begin alike, the last token of that common text ends the answer: `<|im_end|>`, Gemma's
   `<end_of_turn>`, Phi-3's `<|end|>` (L goes on with `<|endoftext|>`), Cohere's `<|END_OF_TURN_TOKEN|>`
   (behind `<|END_RESPONSE|>`).
2. If they have no token in common, the first token of L does: gpt-oss writes `<|return|>` at the end and
   `<|end|>` in the history.
3. If L has no token, the first one of M does: GLM-4 ends an answer with the token of the next turn,
   `<|user|>`, which the model writes to stop and the template then writes as the beginning of that turn.

The same rules hold for an answer that calls a tool, followed by the tool's turn. Tokens that a template
writes between two calls belong to the calls and end nothing (Gemma 4's `<tool_call|>`: a model stops there
with `<|tool_response>`, by rule 3).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from align.core.rows import THINKING, Message
from align.models.tokens import Find, Tokens

ASKED, ANSWERED, NEXT, TOOL, OTHER_TOOL, THOUGHT = "zaqwsx", "edcrfv", "tgbyhn", "ujmikl", "olpyhb", "wsxedc"
"""Words that no template contains."""
_SYSTEM_FIRST = "{%- if messages and messages[0]['role'] == 'system' and messages[0]['content'] is string %}"
FOLD = (
    _SYSTEM_FIRST
    + "{%- if messages | length > 1 and messages[1]['role'] == 'user' and messages[1]['content'] is string %}"
    + "{%- set joined = (messages[0]['content'] + '\\n\\n' if messages[0]['content'] else '')"
    + " + messages[1]['content'] %}"
    + "{%- set messages = [dict(messages[1], content=joined)] + messages[2:] %}"
    + "{%- endif %}{%- endif %}{{- '' }}"
)
"""Put in front of a template without system turns: moves one into the first user turn, as Gemma 3's does."""
OMIT = _SYSTEM_FIRST + "{%- set messages = messages[1:] %}{%- endif %}{{- '' }}"
"""Put in front of a template that accepts no system turn: the turn is left out."""
_TAG = r"(?:<[^<>\s]+>|\[[^\[\]\s]+\])"
TOKEN_LIKE = re.compile(_TAG)
"""How people write tokens: `<|im_end|>`, `</s>`, `[INST]`."""


@dataclass(frozen=True, slots=True)
class End:
    """The token that ends an answer."""

    token: str = ""
    """Empty if there is none."""
    of_next: bool = False
    """It is written only as the beginning of the next turn (rule 3)."""


@dataclass(frozen=True, slots=True)
class Habits:
    """What a template does with a conversation."""

    system_first: bool = False
    """It refuses a conversation that does not begin with a system turn."""
    parts: bool = False
    """It reads content as a list of parts, `[{"type": "text", "text": ...}]`, as for vision models."""
    end: End = End()
    """The token that ends an answer in words."""
    call_end: End = End()
    """The token that ends an answer that calls a tool, if the template shows calls."""
    tail: str = ""
    """The text after an answer in words that is the last turn."""
    repeated: str = ""
    """The part of the tail that is a generation prompt, in templates that always write one."""
    opening: str = ""
    """The end of the generation prompt that a rendered answer does not begin with, such as `<think>`."""
    tags: Mapping[str, str] = field(default_factory=lambda: THINKING)
    """Tags that open an answer's reasoning, and those that close it."""
    tag: str | None = None
    """The opening tag that the template knows, if any."""
    reads_reasoning: bool = False
    """It shows reasoning from a field of its own (transformers passes it under all three names)."""
    shows_system: bool = False
    """A system turn is shown, or refused."""
    shows_tools: bool = False
    """The functions that may be called are shown."""
    shows_calls: bool = False
    """Tool calls are shown."""
    shows_results: bool = False
    """The turns of tools are shown."""
    names_in_ids: bool = False
    """A call is shown by its id, which must hold the function's name (Kimi K2: `functions.NAME:0`)."""
    arguments_as_text: bool = False
    """The arguments of a tool call are taken as JSON text, not as an object."""
    short_ids: bool = False
    """A tool call must have an id of nine letters and digits (Mistral)."""
    tokens: frozenset[str] = frozenset()
    """Tokens that the template writes around turns: a text that holds one would forge a turn."""
    spelled: tuple[str, ...] = ()
    """Texts that look like tokens and are written by the template, but are no tokens of this tokenizer."""
    joints: frozenset[str] = frozenset()
    """Tokens that it writes between reasoning and answer; none of them can end an answer."""
    allowed: frozenset[str] = frozenset()
    """Tokens that an answer may hold: those around its reasoning and its tool calls."""


class Renderer:
    """A tokenizer's template as a function from messages to text, or to None if the template refuses."""

    def __init__(self, tokenizer: Any, *, parts: bool = False) -> None:
        self.tokenizer, self.parts = tokenizer, parts
        self.before: list[Message] = []
        """Turns put in front of every conversation, for a template that needs some."""

    def __call__(
        self, messages: Sequence[Message], *, generation: bool = False, tools: Any = None
    ) -> str | None:
        """Return the text of a conversation."""
        try:
            return self.tokenizer.apply_chat_template(
                [as_parts(m) if self.parts else m for m in (*self.before, *messages)],
                tools=tools,
                tokenize=False,
                add_generation_prompt=generation,
            )
        except Exception:
            # a template raises whatever its author's filters raise; here that means "refused"
            return None

    def text(self, messages: Sequence[Message], *, generation: bool = False, tools: Any = None) -> str:
        """Return the text of a conversation; nothing where the template refuses it."""
        return self(messages, generation=generation, tools=tools) or ""


def look(tokenizer: Any) -> Habits:
    """Render small conversations with a tokenizer's chat template and return what it does with them."""
    find = Tokens(tokenizer).find
    user, answer, again = _turn("user", ASKED), _turn("assistant", ANSWERED), _turn("user", NEXT)
    render = renderer(tokenizer)
    plain, asked = render.text([user]), render.text([user], generation=True)
    last, middle = render.text([user, answer]), render.text([user, answer, again])
    tail = last.rpartition(ANSWERED)[2] if ANSWERED in last else ""
    begins = _beginning(plain, find)
    repeated = _repeated(asked, tail, begins, find) if plain == asked else ""
    opening = _opening(asked, last)
    tags = _tags(opening)
    reasoned = render.text([user, answer | {"reasoning": THOUGHT}])
    calls = _Calls(render, user, find)
    end = _end(tail, _between(middle, ANSWERED, NEXT), find, begins=begins, repeated=repeated)
    call_end = calls.end(begins, repeated)
    of_reasoning = frozenset({*tags, *tags.values()})
    around = frozenset(token for text in (last, middle, asked) for _, token in find(text)) - of_reasoning
    return Habits(
        system_first=bool(render.before),
        parts=render.parts,
        end=end,
        call_end=call_end,
        tail=tail,
        repeated=repeated,
        opening=opening,
        tags=tags,
        tag=next(
            (tag for tag, closer in tags.items() if tag in opening or closer in str(tokenizer.chat_template)),
            None,
        ),
        reads_reasoning=THOUGHT in reasoned,
        shows_system=OTHER_TOOL
        in (render([_turn("system", OTHER_TOOL), user][bool(render.before) :]) or OTHER_TOOL),
        shows_results=calls.shows_results(),
        shows_calls=calls.turn is not None,
        names_in_ids=calls.turn is not None and TOOL in calls.turn["tool_calls"][0]["id"],
        shows_tools=TOOL in render.text([user], generation=True, tools=_TOOLS),
        arguments_as_text=calls.turn is not None
        and isinstance(calls.turn["tool_calls"][0]["function"]["arguments"], str),
        short_ids=calls.turn is not None and calls.text(calls.turn, "call_1") is None,
        tokens=around,
        spelled=tuple(dict.fromkeys(t for t in TOKEN_LIKE.findall(asked + last) if not find(t))),
        joints=frozenset(token for _, token in find(_between(reasoned, THOUGHT, ANSWERED)))
        - {end.token, call_end.token},
        allowed=(of_reasoning | calls.tokens()) - around,
    )


def as_parts(message: Message) -> Message:
    """Return a message whose text is a list of one part."""
    content = message.get("content")
    return message | {"content": [{"type": "text", "text": content}]} if isinstance(content, str) else message


def renderer(tokenizer: Any) -> Renderer:
    """Return a renderer that shows a user's turn: as text or parts, behind a system turn if need be."""
    for before in ([], [_turn("system", OTHER_TOOL)]):
        for parts in (False, True):
            render = Renderer(tokenizer, parts=parts)
            render.before = before
            if ASKED in render.text([_turn("user", ASKED)]):
                return render
    return Renderer(tokenizer)


def _turn(role: str, content: str) -> Message:
    return {"role": role, "content": content}


def _between(text: str, left: str, right: str) -> str:
    """Return what stands between two words of a text; nothing where they are not there in this order."""
    _, found, rest = text.partition(left)
    return rest.partition(right)[0] if found and right in rest else ""


def common(one: str, other: str) -> int:
    """Return how many characters at the beginning of two texts are equal."""
    return next(
        (i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )


def _common_end(one: str, other: str) -> str:
    length = common(one[::-1], other[::-1])
    return one[len(one) - length :]


def _repeated(asked: str, tail: str, begins: frozenset[str], find: Find) -> str:
    """Return the part of an answer's tail that is a generation prompt, if a template always writes one.

    Args:
        asked: a question, rendered with the generation prompt.
        tail: the text behind an answer that is the last turn.
        begins: tokens that begin a turn; what stands in front of the first one is the question's own end.
        find: finds the tokenizer's added tokens in a text.
    """
    repeated = _common_end(asked.rpartition(ASKED)[2], tail)
    return repeated[next((at for at, token in find(repeated) if token in begins), 0) :]


def _opening(asked: str, last: str) -> str:
    """Return the end of a generation prompt that a rendered answer lacks: tags, and text between them.

    Args:
        asked: a question, rendered with the generation prompt.
        last: the same question with the answer.
    """
    at = common(asked, last)
    if at == len(asked):
        return ""
    at = next((tag.start() for tag in TOKEN_LIKE.finditer(asked) if tag.start() < at < tag.end()), at)
    opening, answer = asked[at:], last[at:].lstrip()
    tags = _tags(opening)
    begins = (ANSWERED, *tags, *tags.values())
    if ASKED in opening or not answer.startswith(begins):
        return ""
    if re.fullmatch(r"<\w+>", opening.strip()) and opening.strip() not in tags:
        return ""  # KAT asks for a `<judge>` first: such an answer is not defined
    return opening if re.fullmatch(rf"\s*{_TAG}(?:.*{_TAG})?\s*", opening, re.DOTALL) else ""


def _tags(opening: str) -> dict[str, str]:
    """Return the tags of reasoning, this template's own first: EXAONE Deep has `<thought>`."""
    own = re.fullmatch(r"<(\w*(?:think|thought|reason)\w*)>", opening.strip())
    return ({f"<{own[1]}>": f"</{own[1]}>"} if own else {}) | THINKING


def _beginning(plain: str, find: Find) -> frozenset[str]:
    """Return the tokens that a conversation begins with, up to the first text."""
    found, end = set(), 0
    for at, token in find(plain):
        if plain[end:at].strip():
            break
        found.add(token)
        end = at + len(token)
    return frozenset(found)


def _end(
    tail: str,
    between: str,
    find: Find,
    *,
    ignored: frozenset[str] = frozenset(),
    begins: frozenset[str] = frozenset(),
    repeated: str = "",
) -> End:
    """Return the token that ends an answer, by the three rules at the head of this file.

    Args:
        tail: the text behind an answer that is the last turn.
        between: the text behind an answer and before what the next turn says.
        find: finds the tokenizer's added tokens in a text.
        ignored: tokens that end nothing.
        begins: tokens that begin a turn: where the generation prompt is always written, it is in the tail.
        repeated: that generation prompt.
    """
    found = [(at, token) for at, token in find(tail) if token not in ignored]
    length = common(tail, between)
    shared = _of_this_turn([token for at, token in found if at + len(token) <= length], begins)
    own = [token for at, token in found if at < len(tail) - len(repeated)]
    if shared or own:
        return End(shared[-1] if shared else own[0])
    following = [token for _, token in find(between) if token not in ignored]
    if following:
        return End(following[0], of_next=True)
    return End(found[0][1]) if found else End()


def _of_this_turn(tokens: list[str], begins: frozenset[str]) -> list[str]:
    """Return the tokens before the first that begins another turn; all of them if none would be left."""
    until = next((i for i, token in enumerate(tokens) if token in begins), len(tokens))
    return tokens[:until] or tokens


_TOOLS = [
    {
        "type": "function",
        "function": {"name": TOOL, "description": "", "parameters": {"type": "object", "properties": {}}},
    }
]


class _Calls:
    """What a template does with tool calls."""

    def __init__(self, render: Renderer, user: Message, find: Find) -> None:
        self.render, self.user, self.find = render, user, find
        self.turn = self._called()
        """A turn that calls a tool in the form that the template renders; None where it renders none."""

    def text(self, turn: Message, call_id: str | None = None, *behind: Message) -> str | None:
        """Return the rendering of a turn that calls a tool, and of turns behind it; None if refused."""
        if call_id is not None:
            turn = turn | {"tool_calls": [call | {"id": call_id} for call in turn["tool_calls"]]}
        text = self.render([self.user, turn, *behind], tools=_TOOLS)
        return None if text is None else text.rpartition(ASKED)[2]

    def _called(self) -> Message | None:
        declared = (self.text(_turn("assistant", ANSWERED)) or "").count(TOOL)
        place = {"place": NEXT}
        forms = (
            _calling(TOOL, place),
            _calling(TOOL, json.dumps(place)),
            _calling(TOOL, place, f"functions.{TOOL}:0"),
        )
        for call, more in ((call, more) for more in ({}, {"reasoning": THOUGHT}) for call in forms):
            turn = {"role": "assistant", "content": "", "tool_calls": [call], **more}
            text = self.text(turn) or ""
            python = "'place': '" in text  # Python's spelling is not JSON
            if text.count(TOOL) > declared and NEXT in text and not python:
                return turn
        return None

    def shows_results(self) -> bool:
        """Are the turns of tools shown, behind a call or behind words?"""
        turn = self.turn or _turn("assistant", ANSWERED)
        [call, *_] = turn.get("tool_calls") or [_calling(TOOL, {})]
        result = {"role": "tool", "name": TOOL, "tool_call_id": call["id"], "content": OTHER_TOOL}
        return OTHER_TOOL in (self.text(turn, None, result) or "")

    def tokens(self) -> frozenset[str]:
        """Return the tokens that are written with a call."""
        return (
            frozenset(token for _, token in self.find(self.text(self.turn) or ""))
            if self.turn
            else frozenset()
        )

    def end(self, begins: frozenset[str], repeated: str) -> End:
        """Return what ends a turn that calls a tool; the arguments are those of `_end`."""
        if self.turn is None:
            return End()
        [call] = self.turn["tool_calls"]
        second = _calling(OTHER_TOOL, call["function"]["arguments"])
        twice = self.text(self.turn | {"tool_calls": [call, second]}) or ""
        of_calls = frozenset(token for _, token in self.find(_between(twice, NEXT, OTHER_TOOL)))
        result = {"role": "tool", "name": TOOL, "tool_call_id": call["id"], "content": ANSWERED}
        tail = (self.text(self.turn) or "").rpartition(NEXT)[2]
        between = _between((self.text(self.turn, None, result) or "").partition(TOOL)[2], NEXT, ANSWERED)
        return _end(tail, between, self.find, ignored=of_calls, begins=begins, repeated=repeated)


def _calling(name: str, arguments: Any, call_id: str = "call12345") -> dict[str, Any]:
    return {"type": "function", "id": call_id, "function": {"name": name, "arguments": arguments}}
