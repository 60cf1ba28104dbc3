"""What a model is to write: the text of an answer between the end of the prompt and the token that ends it.

A template renders a conversation with the generation prompt (`before`), and with the answer (`after`).
Usually `after` begins with `before`, and the rest is the answer. If it does not, one of these is the reason:

1. The generation prompt ends with tags that a rendered answer does not begin with: `<think>` (DeepSeek R1,
   QwQ, GLM-4.7, EXAONE Deep's `<thought>`), or reasoning that is opened and closed (Gemma 4 31B).
2. White space at the end of either.
3. The turns before the answer are rendered differently once it is there: Mistral v0.3 prints the system text
   in the user's turn only while that turn is the last, gpt-oss removes earlier reasoning. To find the answer,
   the conversation is also rendered with another answer: it begins behind the last copy of the generation
   prompt's header before the place where the two differ.

`thoughts.Shape` does the reverse: it reads an answer from what a model wrote.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from align.core.errors import BadRow
from align.core.rows import Message
from align.models import thoughts
from align.models.templates import ASKED, TOKEN_LIKE, End, Habits, common
from align.models.tokens import Find

TEMPLATE_REMEDY = "give `chat_template:` a file, a text, or the name of a template that TRL ships"
_CLOSED = "the generation prompt closes the reasoning before it begins, and this answer has one"
Render: TypeAlias = Callable[[Sequence[Message]], str]
_SHOWN = 40
"""How many characters of two texts an error shows, from where they differ."""


class Writing:
    """How answers are written under one template."""

    def __init__(self, habits: Habits, find: Find, eos_token: str | None, own_eos: str | None) -> None:
        """Keep a template's habits; `eos_token` replaces the end it shows, `own_eos` is the tokenizer's."""
        self.habits, self.find, self.eos_token, self.own_eos = habits, find, eos_token, own_eos
        self.end = End(eos_token) if eos_token else habits.end
        self._opened = re.compile(f"({'|'.join(map(re.escape, habits.tags))})(\\s*)$")
        self._closed = re.compile(f"({'|'.join(map(re.escape, habits.tags.values()))})\\s*$")

    def opened(self, before: str) -> str:
        """Return the tag of reasoning that a prompt ends with; empty if there is none."""
        found = self._opened.search(before)
        return found[1] if found else ""

    def written(self, before: str, messages: Sequence[Message], answer: Message, render: Render) -> str:
        """Return what the model writes behind a prompt.

        Args:
            before: the prompt.
            messages: the conversation, the answer at its end.
            answer: that turn again, its reasoning in its field.
            render: returns the text of a conversation.

        Raises:
            BadRow: the template does not define it; the message says why.
        """
        return self._to_its_end(self._behind(before, messages, answer, render), answer)

    def _behind(self, before: str, messages: Sequence[Message], answer: Message, render: Render) -> str:
        """Return what stands behind the prompt in the conversation with the answer."""
        after = render(messages)
        if answer.get("reasoning") and self._closed.search(before):
            raise BadRow(_CLOSED, remedy=TEMPLATE_REMEDY)
        if after.startswith(before):
            return after[len(before) :]
        opened = self._opened.search(before)
        opening = opened[0] if opened else self.habits.opening if before.endswith(self.habits.opening) else ""
        stem = before.removesuffix(opening)
        found = self._place(stem, after)
        if found is None:
            found = self._behind_header(stem, after, messages, render)
        if found is None:
            raise _elsewhere(before, after)
        rest = after[found:]
        if opened:
            return thoughts.closing(opened[1], opened[2], rest, answer, self.habits.tags)
        if opening and answer.get("reasoning"):
            raise BadRow(_CLOSED, remedy=TEMPLATE_REMEDY)
        return rest

    def _place(self, stem: str, after: str) -> int | None:
        """Return where in `after` the answer begins, if `after` begins as the prompt does.

        Args:
            stem: the prompt without what only a generation prompt has.
            after: the conversation with the answer.
        """
        if after.startswith(stem):
            return len(stem)
        if after.startswith(stem.rstrip()):
            rest = after[len(stem.rstrip()) :]
            return len(after) - len(rest.lstrip())
        return None

    def _behind_header(
        self, stem: str, after: str, messages: Sequence[Message], render: Render
    ) -> int | None:
        """Return where the answer begins in `after`, if the turns before it are rendered differently there.

        It begins behind the last header before the place where another answer makes a difference, and what
        follows there does not depend on the question.
        """
        added = self.find(stem)
        if not added:
            return None
        *earlier, question, answer = messages
        header, said = stem[added[-1][0] :], common(after, render([*earlier, question, _other(answer)]))
        other_question = [*earlier, question | {"content": ASKED}, answer]
        for pattern in (re.escape(header), re.escape(header.rstrip()) + r"\s*"):
            if places := [found.end() for found in re.finditer(pattern, after) if found.end() <= said]:
                return places[-1] if render(other_question).endswith(after[places[-1] :]) else None
        return None

    def _to_its_end(self, rest: str, answer: Message) -> str:
        """Return an answer's text with its end token, which is added if only the next turn writes it."""
        end, tail = self.end, self.habits.tail
        if answer.get("tool_calls"):
            end, tail = self.habits.call_end if self.habits.call_end.token and not self.eos_token else end, ""
        payload = len(rest) - len(tail if tail and rest.endswith(tail) else self._trailing_tokens(rest))
        at = rest.find(end.token, payload) if end.token else -1
        if at >= 0 and not end.of_next:
            return rest[: at + len(end.token)]
        rest = rest.removesuffix(self.habits.repeated)
        if end.of_next:
            return rest.rstrip() + end.token
        if self.eos_token:
            return rest + self.eos_token
        raise BadRow("the chat template does not end an answer with a token", remedy=self._remedy())

    def _trailing_tokens(self, text: str) -> str:
        """Return the end of a text that holds nothing but added tokens and white space."""
        start = len(text.rstrip())
        for at, token in reversed(self.find(text)):
            if text[at + len(token) : start].strip():
                break
            start = at
        return text[len(text[:start].rstrip()) :]

    def _remedy(self) -> str:
        tail = self.habits.tail.strip()
        if TOKEN_LIKE.fullmatch(tail):
            added = json.dumps(self.habits.spelled, ensure_ascii=False)
            written = f"it writes {tail!r}, no token of this tokenizer"
            return f"{written}: the sft stage adds it with `new_tokens: {added}`"
        return f"name one with `eos_token:` (the tokenizer's own is {self.own_eos!r}), or {TEMPLATE_REMEDY}"


def _other(answer: Message) -> Message:
    """Return an answer with the same parts and other texts; reasoning in the content counts as content."""
    changed = answer | {name: ASKED for name in ("content", "reasoning") if answer.get(name)}
    calls = [
        call | {"function": call["function"] | {"name": ASKED}} for call in answer.get("tool_calls") or ()
    ]
    return changed | ({"tool_calls": calls} if calls else {})


def _elsewhere(before: str, after: str) -> BadRow:
    """Return the error that shows where the prompt and the rendered answer part."""
    at = common(before, after)
    shown: list[Any] = [before[at : at + _SHOWN], after[at : at + _SHOWN]]
    return BadRow(
        "the chat template does not render this answer behind its generation prompt",
        remedy=f"the prompt has {shown[0]!r} where the rendered answer has {shown[1]!r}; {TEMPLATE_REMEDY}",
    )
