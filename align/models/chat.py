"""Turn messages into token ids, in one place: sampling, training and scoring read the same tokens.

An answer is trained in the context that sampling would show it. The conversation before each answer is
rendered with the generation prompt and tokenized, as any inference engine does it. What follows is what the
model is to write, up to and including the token that ends a turn. Answers of one conversation share a token
row as long as the context of the next answer begins with the row so far; where a template rewrites earlier
turns (Qwen3 and others remove earlier reasoning, gpt-oss changes the token that ended a turn), the next
answer starts a row of its own.

So the ids that sampling is fed are always a prefix of the ids that are trained, whatever the template does. A
sample is read back by the same rules: its text, put into a row and encoded again, gives the ids that were
sampled, if the model wrote as its template does.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from align.core.errors import BadRow, ModelError
from align.core.rows import THINKING, Message
from align.models import shown, thoughts
from align.models.templates import ANSWERED, ASKED, FOLD, OMIT, OTHER_TOOL, THOUGHT, Habits, as_parts, look
from align.models.tokens import Tokens
from align.models.written import TEMPLATE_REMEDY, Writing

TURN_END = "align_turn_end"
"""Key in `tokenizer_config.json` for the token that ends an answer, if a recipe has named one."""


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer in its context."""

    text: str
    """The whole text, up to the token that ends the answer."""
    turns: int
    """How many turns the text has."""
    context: list[int]
    """Ids that sampling is fed."""
    written: list[int]
    """Ids that the model is to write."""
    whole: bool
    """True: `context` and `written` together are the ids of the whole text."""


class Chat:
    """A tokenizer together with what its chat template does."""

    def __init__(self, tokenizer: Any, eos_token: str | None = None, known: int | None = None) -> None:
        """Find out what the template does.

        Args:
            tokenizer: a tokenizer of transformers.
            eos_token: which token ends an answer, instead of what the template shows.
            known: how many of its tokens were not added by a recipe; left out, all.

        Raises:
            ModelError: `eos_token` is not one token of this tokenizer.
        """
        self.tokenizer, self.tokens = tokenizer, Tokens(tokenizer)
        self.known = len(tokenizer) if known is None else known
        """How many tokens were not added by a recipe."""
        self.eos_token = eos_token or tokenizer.init_kwargs.get(TURN_END)
        self._own_eos = tokenizer.eos_token_id
        # before the template is examined, because it may write the tokenizer's `eos_token`
        if self.eos_token is not None:
            if self.tokens.ids(self.eos_token) != [tokenizer.convert_tokens_to_ids(self.eos_token)]:
                raise ModelError(
                    f"eos_token {self.eos_token!r} is not one token of the tokenizer; name one that is"
                )
            tokenizer.eos_token = tokenizer.init_kwargs[TURN_END] = self.eos_token
        self.habits = look(tokenizer) if getattr(tokenizer, "chat_template", None) else Habits()
        own: Any = getattr(tokenizer, "chat_template", None) or ""
        first = str(next(iter(own.values())) if isinstance(own, dict) else own)
        self.system_turn = (
            "omitted"
            if first.startswith(OMIT)
            else "folded into the first user turn"
            if first.startswith(FOLD)
            else ""
        )
        """What happens to a system turn that the template itself would not accept."""
        self.writing = Writing(self.habits, self.tokens.find, self.eos_token, tokenizer.eos_token)
        self.end = self.writing.end

    # -- for other modules -----------------------------------------------------------------------------------

    def stop_ids(self, model: Any = None) -> list[int]:
        """Return the ids that end an answer, the template's own first.

        Args:
            model: its generation config may name more of them.
        """
        named, inner = [self.end.token, self.habits.call_end.token], self.habits.joints
        if self.eos_token:  # the template still writes its own ends, in front of this one
            named, inner = [self.eos_token], inner | (set(named) | {self.habits.end.token}) - {self.eos_token}
        ids = self.tokenizer.convert_tokens_to_ids([token for token in named if token])
        configured = getattr(getattr(model, "generation_config", None), "eos_token_id", None)
        ids += configured if isinstance(configured, list) else [configured]
        never = {None, *self.tokenizer.convert_tokens_to_ids(sorted(inner - {""}))}
        return list(
            dict.fromkeys(i for i in (*ids, self.tokenizer.eos_token_id, self._own_eos) if i not in never)
        )

    def control_tokens(self, *, in_answer: bool = False) -> list[str]:
        """Return the tokens that no text of a row may hold, longest first: they would end or forge a turn.

        Args:
            in_answer: for an answer, which may hold the tokens around its reasoning and tool calls.
        """
        tokens = self._special | self.habits.tokens
        return sorted(tokens - {""} - (self.habits.allowed if in_answer else set()), key=len, reverse=True)

    def prompt_ids(self, messages: Sequence[Message], tools: Any = None) -> list[int]:
        """Return the ids that sampling is fed: a conversation up to where the assistant is to speak.

        Raises:
            BadRow: the template refuses it, or does not show all of it.
            ModelError: the tokenizer has no chat template.
        """
        return self.tokens.ids(self._before(messages, tools))

    def continuations(
        self, messages: Sequence[Message], texts: Sequence[str], tools: Any = None
    ) -> tuple[list[int], list[list[int]]]:
        """Return the ids of the prompt, and of each of several texts that an answer may begin with.

        Raises:
            BadRow, ModelError: as above, or the tokenizer cannot write a text there.
        """
        before = self._before(messages, tools)
        context = self.tokens.ids(before)
        return context, [self.tokens.continuation(before, context, text)[0] for text in texts]

    def answer_ids(
        self, messages: Sequence[Message], answer: Message, tools: Any = None
    ) -> tuple[list[int], list[int]]:
        """Return the ids of the prompt, and those that the model is to write, including the turn's end.

        Raises:
            BadRow: as above, or the template does not define what is to be written; the message says why.
            ModelError: the tokenizer has no chat template.
        """
        answered = self.answered(messages, answer, tools)
        return answered.context, answered.written

    def whole_ids(self, messages: Sequence[Message], answer: Message, tools: Any = None) -> list[int]:
        """Return an answered conversation's ids as `apply_chat_template` makes them, for a reward model.

        They include what the template writes after the end of the answer (a line break in ChatML), because
        reward models get it everywhere: in plain transformers, in vLLM, and in the training of those on the
        hub.

        Raises:
            BadRow: the template refuses it, or leaves out something other than reasoning.
            ModelError: the tokenizer has no chat template.
        """
        told = [*messages, answer]
        text = self.render(told, tools=tools)
        seen = told[1:] if self.system_turn == "omitted" and told[0]["role"] == "system" else told
        lacking = self._unshown(seen, tools) or shown.missing(text, shown.of_context(seen, tools))
        if lacking:
            raise BadRow(f"the chat template does not show {lacking}", remedy=TEMPLATE_REMEDY)
        return self.tokens.ids(text)

    def ending(self, ids: list[int]) -> str:
        """Return why an uncut sample ended: "stop", or "tool_calls" if calls end with another token."""
        last = self.tokenizer.convert_ids_to_tokens(ids[-1]) if ids else ""
        return "tool_calls" if last and last == self.habits.call_end.token != self.end.token else "stop"

    def text_of(self, ids: list[int]) -> str:
        """Return sampled ids as the content of an answer: reasoning in `<think>` tags, no token that ends it.

        `answer_ids` of that content are these ids again, if they are written as the template writes and do
        not end as a call (`ending`).
        """
        ids = ids[:-1] if ids and ids[-1] in self.stop_ids() else ids
        reasoning, answer = self._shape.read(self.tokens.continued(ids))
        if reasoning.strip():
            whole = f"{thoughts.OWN}\n{reasoning}" if answer is None else thoughts.enclosed(reasoning, answer)
        else:
            whole = answer or ""
        return self._unwritten.sub("", whole)

    def render(self, messages: Sequence[Message], *, generation: bool = False, tools: Any = None) -> str:
        """Return the text of a conversation under the chat template.

        Raises:
            BadRow: the template refuses the conversation (for instance two user turns in a row).
            ModelError: the tokenizer has no chat template.
        """
        return self.apply(messages, tools, tokenize=False, add_generation_prompt=generation)

    def apply(self, messages: Sequence[Message], tools: Any = None, **how: Any) -> Any:
        """Return what `apply_chat_template` makes of a conversation in the form that this template takes.

        Raises:
            BadRow, ModelError: as above.
        """
        if not getattr(self.tokenizer, "chat_template", None):
            raise ModelError(
                f"the tokenizer of {self.tokenizer.name_or_path!r} has no chat template; {TEMPLATE_REMEDY}"
            )
        told = with_short_ids(messages) if self.habits.short_ids else messages
        try:
            return self.tokenizer.apply_chat_template([self._dialect(m) for m in told], tools=tools, **how)
        except Exception as error:
            # jinja2's TemplateError and whatever else a template raises: the row is at fault
            raise BadRow(f"the chat template refuses it: {error}") from None

    # -- internals -------------------------------------------------------------------------------------------

    def _dialect(self, message: Message) -> dict[str, Any]:
        """Return a message as this template takes it."""
        plain: dict[str, Any] = {
            key: value for key, value in self._with_thoughts(message).items() if key != "train"
        }
        if "tool_calls" in plain and self.habits.arguments_as_text:
            plain["tool_calls"] = [_with_text_arguments(call) for call in plain["tool_calls"]]
        return as_parts(plain) if self.habits.parts else plain

    def _with_thoughts(self, message: Message) -> Message:
        """Return a message with its reasoning where this template wants it: in its field, or in tags."""
        message = thoughts.once(message)
        if self.habits.reads_reasoning:
            return thoughts.split(message, self.habits.tags)
        if self.habits.tag is None:
            return message
        if self.habits.tag != thoughts.OWN:
            message = thoughts.split(message, {thoughts.OWN: THINKING[thoughts.OWN]})
        return thoughts.join(message, self.habits.tag, self.habits.tags[self.habits.tag])

    @cached_property
    def _special(self) -> frozenset[str]:
        special = {token.content for token in self.tokenizer.added_tokens_decoder.values() if token.special}
        return frozenset(special | set(self.tokenizer.all_special_tokens))

    @cached_property
    def _unwritten(self) -> re.Pattern[str]:
        """A pattern of the special tokens that an answer may not hold."""
        tokens = sorted(self._special - self.habits.allowed - {""}, key=len, reverse=True)
        return re.compile("|".join(map(re.escape, tokens)) or "(?!)")

    @cached_property
    def _shape(self) -> thoughts.Shape:
        """How this model writes an answer with reasoning and one without."""
        asked = [{"role": "system", "content": OTHER_TOOL}] * self.habits.system_first + [
            {"role": "user", "content": ASKED}
        ]
        turn = {"role": "assistant", "content": ANSWERED}
        opened = bool(self.writing.opened(self.render(asked, generation=True)))
        try:
            plain, _, behind = self._written(asked, turn).rpartition(ANSWERED)
        except BadRow:  # a template that defines no answer
            return thoughts.Shape()
        if not (opened or self.habits.reads_reasoning) and self.habits.tag in (thoughts.OWN, None):
            return thoughts.Shape(plain, behind)  # the content has the tags
        try:
            opening, _, rest = self._written(asked, turn | {"reasoning": THOUGHT}).partition(THOUGHT)
        except BadRow:  # no answer of this model has reasoning
            return thoughts.Shape(plain, behind)
        return thoughts.Shape(plain, behind, opening, rest.partition(ANSWERED)[0], opened=opened)

    def _written(self, messages: Sequence[Message], answer: Message) -> str:
        """Return the text of an answer's ids, without the token that ends it."""
        return self.tokens.continued(self.answered(messages, answer, None).written[:-1])

    def answered(
        self, messages: Sequence[Message], answer: Message, tools: Any, earlier: Answered | None = None
    ) -> Answered:
        """Return an answer in its context; `earlier` is an earlier answer of the same conversation."""
        before, written = self._text(messages, answer, tools, earlier)
        context = self._ids_of_context(before, earlier)
        ids, whole = self.tokens.continuation(before, context, written)
        stops = self.stop_ids()
        if not ids or ids[-1] not in stops:
            raise BadRow("the tokenizer does not write the token that ends an answer as one token")
        if (inner := next((i for i in ids[:-1] if i in stops), None)) is not None:
            token = self.tokenizer.convert_ids_to_tokens(inner)
            raise BadRow(f"the chat template writes {token!r} inside this answer, where sampling would stop")
        if not self.tokens.writes(ids, written):
            raise BadRow(
                "the tokenizer has no tokens for some of this answer, which would be trained without it"
            )
        return Answered(before + written, len(messages) + 1, context, ids, whole)

    def _text(
        self, messages: Sequence[Message], answer: Message, tools: Any, earlier: Answered | None
    ) -> tuple[str, str]:
        """Return the text of the prompt, and what the model is to write behind it."""
        before = self._before(messages, tools, earlier)
        opened = bool(self.writing.opened(before))
        told = [*messages, self._with_thoughts(answer)]
        said = thoughts.split(told[-1], self.habits.tags, opened=opened)
        written = self.writing.written(before, told, said, lambda turns: self.render(turns, tools=tools))
        lacking = self._unshown([said], None) or shown.missing(written, shown.of_answer(said), exact=True)
        # Kimi K2.5 closes the reasoning of every answer, and prints the content after that
        if reasoning := said.get("reasoning"):
            front = written.partition(reasoning.strip())[0]
            lacking = lacking or (
                "the reasoning of an answer" if any(c in front for c in self.habits.tags.values()) else None
            )
        if lacking:
            raise BadRow(f"the chat template does not show {lacking}", remedy=TEMPLATE_REMEDY)
        return before, written

    def _before(self, messages: Sequence[Message], tools: Any, earlier: Answered | None = None) -> str:
        """Return the text that sampling is fed; `earlier` is an answer inside it."""
        before = self.render(messages, generation=True, tools=tools)
        asked = (
            messages[1:] if self.system_turn == "omitted" and messages[0]["role"] == "system" else messages
        )
        lacking = self._unshown(asked, tools)
        if earlier is not None and before.startswith(earlier.text):  # only what is new must be looked for
            lacking = lacking or shown.missing(
                before[len(earlier.text) :], shown.of_context(messages[earlier.turns :], None)
            )
        else:
            lacking = lacking or shown.missing(before, shown.of_context(asked, tools))
        if lacking:
            fold = (
                "`system_turn: fold` puts it in front of the first user turn; or "
                if "system" in lacking
                else ""
            )
            raise BadRow(f"the chat template does not show {lacking}", remedy=f"{fold}{TEMPLATE_REMEDY}")
        return before

    def _unshown(self, messages: Sequence[Message], tools: Any) -> str | None:
        """Return what these turns have that the template never shows.

        The rendered text is not searched, because it may contain a short text by chance.
        """
        if tools and not self.habits.shows_tools:
            return "the tools"
        shows = {"system": self.habits.shows_system, "tool": self.habits.shows_results}
        for message in messages:
            if not shows.get(message["role"], True) and message["content"].strip():
                return f"the {message['role']} turn"
            for call in message.get("tool_calls") or ():
                named = not self.habits.names_in_ids or call["function"]["name"] in (call.get("id") or "")
                if not (self.habits.shows_calls and named):
                    return "a tool call"
        return None

    def _ids_of_context(self, before: str, earlier: Answered | None) -> list[int]:
        if earlier is None or not earlier.whole:
            return self.tokens.ids(before)
        return self.tokens.ids_behind(earlier.text, earlier.context + earlier.written, before)


def with_short_ids(messages: Sequence[Message]) -> list[Message]:
    """Give tool calls ids of nine letters and digits, the same id in a call and in its result."""
    told: list[Message] = []
    waiting: list[str] = []
    for i, message in enumerate(messages):
        if message.get("tool_calls"):
            calls = [
                call | {"id": _short(call.get("id") or f"{i}.{k}")}
                for k, call in enumerate(message["tool_calls"])
            ]
            waiting = [call["id"] for call in calls]
            message = message | {"tool_calls": calls}
        elif message["role"] == "tool":
            given = message.get("tool_call_id")
            called = _short(given) if given else waiting[0] if waiting else _short(str(i))
            waiting = [each for each in waiting if each != called]
            message = message | {"tool_call_id": called}
        told.append(message)
    return told


def _short(call_id: str) -> str:
    return (
        call_id
        if re.fullmatch(r"[A-Za-z0-9]{9}", call_id)
        else hashlib.sha256(call_id.encode()).hexdigest()[:9]
    )


def _with_text_arguments(call: dict[str, Any]) -> dict[str, Any]:
    function = call["function"]
    return call | {
        "function": function | {"arguments": json.dumps(function["arguments"], ensure_ascii=False)}
    }
