"""What a chat template does, found by rendering small conversations with it.

A template is a program. Nothing in a checkpoint says which token ends an answer, how a tool call is passed, or whether
a system turn is taken, and the tokenizer's `eos_token` is often another token (Gemma, Llama 3, Phi-3, Qwen's base
models). So the template is asked, once a tokenizer.

Which token ends an answer is read from two renderings, one with the answer at the end (L) and one with another turn
behind it (M). Of the text behind the answer:

1. The last token in what L and M have in common ends it: `<|im_end|>`, Gemma's `<end_of_turn>`, Phi-3's `<|end|>`
   (L goes on with `<|endoftext|>`), Cohere's `<|END_OF_TURN_TOKEN|>` (behind `<|END_RESPONSE|>`).
2. With nothing in common, the first token of L: gpt-oss writes `<|return|>` at the end and `<|end|>` in history.
3. With no token in L, the first one of M: GLM-4 ends an answer with the token of the next turn, `<|user|>`, which the
   model writes to stop and the template then writes as the beginning of that turn.

The same for an answer that calls a tool, followed by the tool's turn; tokens that a template writes between two calls
belong to the calls and end nothing (Gemma 4's `<tool_call|>`: a model stops there with `<|tool_response>`, by rule 3).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from align.core.rows import Message

ASKED, ANSWERED, NEXT, TOOL, OTHER_TOOL = "zaqwsx", "edcrfv", "tgbyhn", "ujmikl", "olpyhb"
"""Words that no template contains."""
_SYSTEM_FIRST = "{%- if messages and messages[0]['role'] == 'system' and messages[0]['content'] is string %}"
FOLD = (
    _SYSTEM_FIRST
    + "{%- if messages | length > 1 and messages[1]['role'] == 'user' and messages[1]['content'] is string %}"
    + "{%- set joined = messages[0]['content'] + '\\n\\n' + messages[1]['content'] %}"
    + "{%- set messages = [dict(messages[1], content=joined)] + messages[2:] %}"
    + "{%- endif %}{%- endif %}{{- '' }}"
)
"""Put in front of a template that takes no system turn: it goes in front of the first user turn, as in Gemma 3's own."""
OMIT = _SYSTEM_FIRST + "{%- set messages = messages[1:] %}{%- endif %}{{- '' }}"
"""Put in front of a template that takes no system turn: it is left out."""
OPENERS = {"<think>": "</think>", "[THINK]": "[/THINK]", "<thinking>": "</thinking>", "<|think|>": "<|/think|>"}
"""Tags that open an answer's reasoning, and those that close it."""


@dataclass(frozen=True, slots=True)
class End:
    """The token that ends an answer."""

    token: str = ""
    """Empty if there is none."""
    follows: bool = False
    """It is written only as the beginning of the next turn (rule 3)."""


@dataclass(frozen=True, slots=True)
class Habits:
    """What a template does with a conversation."""

    parts: bool = False
    """It reads content as a list of parts, `[{"type": "text", "text": ...}]`, as templates of vision models do."""
    end: End = End()
    """What ends an answer in words."""
    call_end: End = End()
    """What ends an answer that calls a tool, where those are rendered."""
    tail: str = ""
    """What stands behind an answer in words that is the last turn."""
    arguments_as_text: bool = False
    """The arguments of a tool call are taken as JSON text, not as an object."""
    tokens: frozenset[str] = frozenset()
    """Tokens that the template writes around turns: a text that holds one would forge a turn."""
    within: frozenset[str] = frozenset()
    """Tokens that an answer may hold: those around its reasoning and its tool calls."""


Find: TypeAlias = Callable[[str], list[tuple[int, str]]]
"""Finds the added tokens (special or not) of a tokenizer in a text: (position, token)."""


class Renderer:
    """A tokenizer's template as a function from messages to text, and None where the template refuses."""

    def __init__(self, tokenizer: Any, *, parts: bool = False) -> None:
        self.tokenizer, self.parts = tokenizer, parts
        self.before: list[Message] = []
        """Turns in front of every conversation, for a template that wants some."""

    def __call__(self, messages: Sequence[Message], *, generation: bool = False, tools: Any = None) -> str | None:
        """Return the text of a conversation."""
        try:
            return self.tokenizer.apply_chat_template(
                [as_parts(m) if self.parts else m for m in (*self.before, *messages)], tools=tools, tokenize=False,
                add_generation_prompt=generation,
            )  # fmt: skip
        except Exception:  # a template raises whatever its author's filters raise; here that is an answer: "not so"
            return None


def look(tokenizer: Any) -> Habits:
    """Render small conversations with a tokenizer's chat template and return what it does with them."""
    find = token_finder(tokenizer)
    user, answer, again = _turn("user", ASKED), _turn("assistant", ANSWERED), _turn("user", NEXT)
    render = _renderer(tokenizer, user)
    last, middle = render([user, answer]) or "", render([user, answer, again]) or ""
    asked = render([user], generation=True) or ""
    tail = last.rpartition(ANSWERED)[2] if ANSWERED in last else ""
    called = _call(render, user)
    within = frozenset({*OPENERS, *OPENERS.values()})
    around = frozenset(token for text in (last, middle, asked) for _, token in find(text)) - within
    of_calls = frozenset(token for _, token in find(render([user, called]) or "")) if called else frozenset()
    return Habits(
        parts=render.parts,
        end=_end(tail, _between(middle, ANSWERED, NEXT), find),
        call_end=_call_end(render, user, called, find) if called else End(),
        tail=tail,
        arguments_as_text=called is not None and isinstance(called["tool_calls"][0]["function"]["arguments"], str),
        tokens=around,
        within=(within | of_calls) - around,
    )


def token_finder(tokenizer: Any) -> Find:
    """Return what finds the added tokens of a tokenizer."""
    added = {token.content for token in tokenizer.added_tokens_decoder.values()} | set(tokenizer.all_special_tokens)
    pattern = re.compile("|".join(map(re.escape, sorted(added - {""}, key=len, reverse=True))) or "(?!)")
    return lambda text: [(found.start(), found[0]) for found in pattern.finditer(text)]


def as_parts(message: Message) -> Message:
    """Return a message whose text is a list of one part."""
    content = message.get("content")
    return message | {"content": [{"type": "text", "text": content}]} if isinstance(content, str) else message


def _renderer(tokenizer: Any, user: Message) -> Renderer:
    """Return what renders a user's turn: with text or parts as content, with a system turn in front if it must be."""
    for before in ([], [_turn("system", OTHER_TOOL)]):
        for parts in (False, True):
            render = Renderer(tokenizer, parts=parts)
            render.before = before
            if ASKED in (render([user]) or ""):
                return render
    return Renderer(tokenizer)


def _turn(role: str, content: str) -> Message:
    return {"role": role, "content": content}


def _between(text: str, left: str, right: str) -> str:
    """Return what stands between two words of a text; nothing where they are not there in this order."""
    _, found, rest = text.partition(left)
    return rest.partition(right)[0] if found and right in rest else ""


def _common(one: str, other: str) -> int:
    """Return how many characters two texts begin with in common."""
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _end(tail: str, between: str, find: Find, ignored: frozenset[str] = frozenset()) -> End:
    """Return what ends an answer by the three rules of this file's head.

    Args:
        tail: the text behind an answer that is the last turn.
        between: the text behind an answer and before what the next turn says.
        find: of the tokenizer.
        ignored: tokens that end nothing.
    """
    common = _common(tail, between)
    own = [(at, token) for at, token in find(tail) if token not in ignored]
    shared = [token for at, token in own if at + len(token) <= common]
    if shared or own:
        return End(shared[-1] if shared else own[0][1])
    following = [token for _, token in find(between) if token not in ignored]
    return End(following[0], follows=True) if following else End()


def _call(render: Renderer, user: Message) -> Message | None:
    """Return a turn that calls a tool in the form that the template renders; None where it renders none."""
    for arguments in ({"place": NEXT}, json.dumps({"place": NEXT})):
        turn = {"role": "assistant", "content": "", "tool_calls": [_calling(TOOL, arguments)]}
        text = render([user, turn]) or ""
        if TOOL in text and NEXT in text and "'place': '" not in text:  # Python's own spelling of an object is no JSON
            return turn
    return None


def _call_end(render: Renderer, user: Message, called: Message, find: Find) -> End:
    """Return what ends a turn that calls a tool."""
    [call] = called["tool_calls"]
    arguments = call["function"]["arguments"]
    twice = render([user, called | {"tool_calls": [call, _calling(OTHER_TOOL, arguments)]}]) or ""
    of_calls = frozenset(token for _, token in find(_between(twice, NEXT, OTHER_TOOL)))
    result = {"role": "tool", "name": TOOL, "tool_call_id": call["id"], "content": ANSWERED}
    tail = (render([user, called]) or "").rpartition(NEXT)[2]
    between = _between((render([user, called, result]) or "").partition(TOOL)[2], NEXT, ANSWERED)
    return _end(tail, between, find, of_calls)


def _calling(name: str, arguments: Any) -> dict[str, Any]:
    return {"type": "function", "id": "call12345", "function": {"name": name, "arguments": arguments}}
