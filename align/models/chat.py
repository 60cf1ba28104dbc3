"""Messages to token ids, once, for everyone: sampling, training and scoring read the same tokens.

An answer is trained in the context that sampling would show it. For each answer the conversation before it is rendered
with the generation prompt and tokenized, which is what any inference engine is fed, and what follows is what the
model is to write: up to and including the token that ends a turn. Answers of one conversation share a token row as long as the
context of the next one begins with what is there already; where a template rewrites what went before (Qwen3 and others
remove earlier reasoning, gpt-oss changes the token that ended a turn), the next answer starts a row of its own.

So the ids that sampling is fed are always a prefix of the ids that are trained, whatever the template does, and there is one
special case only: a template whose generation prompt opens the reasoning (`<think>`), but which prints earlier
answers without it (DeepSeek R1 and QwQ). Such an answer is trained as those models write it: its reasoning, which may be
empty, the closing tag, the answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from align.core.errors import BadRow, ModelError
from align.core.rows import Message
from align.models import shown
from align.models.templates import FOLD, OMIT, OPENERS, End, Habits, as_parts, look, token_finder

TrainOn = Literal["every_turn", "last_turn", "generation_marks"]
_ANCHORS = ("", "\n", "a", "1")
"""Texts that a continuation is tokenized behind, when it cannot be tokenized behind its own context."""
_OPENED = re.compile(f"({'|'.join(map(re.escape, OPENERS))})(\\s*)$")
_CLOSED = re.compile(f"({'|'.join(map(re.escape, OPENERS.values()))})\\s*$")
_THOUGHT = re.compile(
    f"^\\s*({'|'.join(map(re.escape, OPENERS))})(.*?)({'|'.join(map(re.escape, OPENERS.values()))})", re.DOTALL
)
TEMPLATE_REMEDY = "give `chat_template:` a file, the name of a template that TRL ships (such as qwen3_training), or a text"


@dataclass(slots=True)
class TokenRow:
    """Token ids and what of them is trained."""

    ids: list[int]
    labels: list[int]
    """The same ids where the assistant speaks, -100 elsewhere."""

    def add(self, ids: list[int], *, trained: bool) -> None:
        """Append ids."""
        self.ids += ids
        self.labels += ids if trained else [-100] * len(ids)


@dataclass(slots=True)
class Encoding:
    """What became of one conversation."""

    rows: list[TokenRow] = field(default_factory=list)
    refused: list[BadRow] = field(default_factory=list)
    """Why answers that should be trained are not, one each."""


@dataclass(frozen=True, slots=True)
class _Answered:
    """An answer in its context."""

    text: str
    """All of it, up to the token that ends the answer."""
    context: list[int]
    """Ids that sampling is fed."""
    written: list[int]
    """Ids that the model is to write."""
    whole: bool
    """Both together are what the whole text is tokenized to."""


class Chat:
    """A tokenizer together with what its chat template does."""

    def __init__(self, tokenizer: Any, eos_token: str | None = None) -> None:
        """Look at the template; `eos_token` says which token ends an answer, instead of what the template shows.

        Raises:
            ModelError: `eos_token` is not one token of this tokenizer.
        """
        self.tokenizer = tokenizer
        self.habits = look(tokenizer) if getattr(tokenizer, "chat_template", None) else Habits()
        self._find = token_finder(tokenizer)
        own = str(getattr(tokenizer, "chat_template", ""))
        self.system_turn = (
            "omitted" if own.startswith(OMIT) else "folded into the first user turn" if own.startswith(FOLD) else ""
        )
        """What becomes of a system turn that the template itself would not take."""
        self._reads_reasoning = any(name in own for name in ("reasoning", "thinking")) or "</think>" not in own
        """Reasoning goes to the template in a field of its own (transformers passes it under all three names)."""
        self._own_eos = tokenizer.eos_token_id
        self.eos_token = eos_token
        if eos_token is not None:
            if self._ids(eos_token) != [tokenizer.convert_tokens_to_ids(eos_token)]:
                raise ModelError(f"eos_token {eos_token!r} is not one token of the tokenizer; name one that is")
            tokenizer.eos_token = eos_token
        self.end = End(eos_token) if eos_token else self.habits.end

    # -- what others ask ------------------------------------------------------------------------------------------

    def stop_ids(self, model: Any = None) -> list[int]:
        """Return the ids that end an answer, the template's own first.

        Args:
            model: whose generation config may name more of them.
        """
        named = [self.end.token, self.habits.call_end.token]
        ids = [self.tokenizer.convert_tokens_to_ids(token) for token in named if token]
        configured = getattr(getattr(model, "generation_config", None), "eos_token_id", None)
        ids += configured if isinstance(configured, list) else [configured]
        return list(dict.fromkeys(i for i in (*ids, self.tokenizer.eos_token_id, self._own_eos) if i is not None))

    def control_tokens(self, *, in_answer: bool = False) -> list[str]:
        """Return the tokens that no text of a row may hold, the longest first: they would end a turn or forge another.

        Args:
            in_answer: of an answer, which may hold the tokens around its reasoning and tool calls.
        """
        special = {t.content for t in self.tokenizer.added_tokens_decoder.values() if t.special}
        tokens = special | set(self.tokenizer.all_special_tokens) | self.habits.tokens
        return sorted(tokens - {""} - (self.habits.within if in_answer else set()), key=len, reverse=True)

    def prompt_ids(self, messages: Sequence[Message], tools: Any = None) -> list[int]:
        """Return the ids of a conversation that ends where the assistant is to speak: what sampling is fed.

        Raises:
            BadRow: the template refuses it, or does not show all of it.
            ModelError: the tokenizer has no chat template.
        """
        return self._context(messages, tools)[1]

    def answer_ids(self, messages: Sequence[Message], answer: Message, tools: Any = None) -> tuple[list[int], list[int]]:
        """Return the ids of the prompt, and those that the model is to write behind it, the end of the turn included.

        Raises:
            BadRow: as above, or what is to be written is not defined, and why.
            ModelError: the tokenizer has no chat template.
        """
        answered = self._answered(messages, answer, tools)
        return answered.context, answered.written

    def encode(
        self, prompt: Sequence[Message], completion: Sequence[Message], tools: Any = None, train_on: TrainOn = "every_turn"
    ) -> Encoding:
        """Return a conversation as token rows in which the assistant turns of `completion` are trained.

        Args:
            prompt: what comes first; nothing of it is trained.
            completion: turns, the first and the last by the assistant. One with `train: False` is context.
            tools: the functions that the assistant may call.
            train_on: every answer, the last one, or what the template marks with `{% generation %}`.

        Raises:
            BadRow: nothing of it can be trained.
            ModelError: the tokenizer has no chat template.
        """
        wanted = [i for i, turn in enumerate(completion) if turn["role"] == "assistant"]
        wanted = [i for i in (wanted[-1:] if train_on == "last_turn" else wanted) if completion[i].get("train", True)]
        if not wanted:
            raise BadRow("no answer of it is to be trained (weight, train or loss)")
        if train_on == "generation_marks":
            return Encoding([self._marked(prompt, completion, wanted, tools)])
        found = Encoding()
        answered = None
        for i in wanted:
            try:
                answered = self._answered([*prompt, *completion[:i]], completion[i], tools, answered)
            except BadRow as reason:
                found.refused.append(reason.at(len(prompt) + i + 1))
                continue
            last = found.rows[-1] if found.rows else None
            if last is None or answered.context[: len(last.ids)] != last.ids:
                last = TokenRow([], [])
                found.rows.append(last)
            last.add(answered.context[len(last.ids) :], trained=False)
            last.add(answered.written, trained=True)
        if not found.rows:
            raise found.refused[0]
        return found

    def render(self, messages: Sequence[Message], *, generation: bool = False, tools: Any = None) -> str:
        """Return the text of a conversation under the chat template.

        Raises:
            BadRow: the template refuses the conversation (for instance two user turns in a row).
            ModelError: the tokenizer has no chat template.
        """
        if not getattr(self.tokenizer, "chat_template", None):
            raise ModelError(f"the tokenizer of {self.tokenizer.name_or_path!r} has no chat template; {TEMPLATE_REMEDY}")
        try:
            return self.tokenizer.apply_chat_template(
                [self._dialect(m) for m in messages], tools=tools, tokenize=False, add_generation_prompt=generation
            )
        except Exception as error:  # jinja2's TemplateError and whatever a template raises: the row is at fault
            raise BadRow(f"the chat template refuses it: {error}") from None

    # -- how ------------------------------------------------------------------------------------------------------

    def _ids(self, text: str) -> list[int]:
        return self.tokenizer(text, add_special_tokens=False)["input_ids"]

    def _ids_behind(self, known: str, ids: list[int], text: str) -> list[int]:
        """Return the ids of a text of whose beginning the ids are known.

        A tokenizer cuts a text at added tokens first, so what stands behind the last of them can be tokenized by itself,
        together with that token. Conversations of many turns would be tokenized again for every answer otherwise.
        """
        added = self._find(known)
        if not added or not text.startswith(known):
            return self._ids(text)
        at, _ = added[-1]
        end = self._ids(known[at:])
        if not end or ids[-len(end) :] != end:
            return self._ids(text)
        return ids[: -len(end)] + self._ids(text[at:])

    def _dialect(self, message: Message) -> dict[str, Any]:
        """Return a message as this template takes it."""
        plain: dict[str, Any] = {key: value for key, value in message.items() if key != "train"}
        if "tool_calls" in plain and self.habits.arguments_as_text:
            plain["tool_calls"] = [_with_text_arguments(call) for call in plain["tool_calls"]]
        if plain.get("reasoning") and not self._reads_reasoning:
            plain["content"] = f"<think>\n{plain.pop('reasoning')}\n</think>\n\n{plain['content']}"
        return as_parts(plain) if self.habits.parts else plain

    def _answered(
        self, messages: Sequence[Message], answer: Message, tools: Any, earlier: _Answered | None = None
    ) -> _Answered:
        """Return an answer in its context; `earlier` is one of the same conversation."""
        before, context = self._context(messages, tools, earlier)
        written = self._written(before, self.render([*messages, answer], tools=tools), answer)
        opened = _OPENED.search(before)
        if lacking := shown.missing((opened[1] if opened else "") + written, shown.of_answer(answer)):
            raise BadRow(f"the chat template does not show {lacking}", remedy=TEMPLATE_REMEDY)
        return _Answered(before + written, context, *self._continuation(before, context, written))

    def _context(self, messages: Sequence[Message], tools: Any, earlier: _Answered | None = None) -> tuple[str, list[int]]:
        before = self.render(messages, generation=True, tools=tools)
        asked = messages[1:] if self.system_turn == "omitted" and messages[0]["role"] == "system" else messages
        if lacking := shown.missing(before, shown.of_context(asked, tools)):
            raise BadRow(f"the chat template does not show {lacking}", remedy=TEMPLATE_REMEDY)
        if earlier is None or not earlier.whole:
            return before, self._ids(before)
        return before, self._ids_behind(earlier.text, earlier.context + earlier.written, before)

    def _written(self, before: str, after: str, answer: Message) -> str:
        """Return what the model writes behind the prompt `before`, given the text `after` with the answer rendered."""
        opened = _OPENED.search(before)
        if after.startswith(before):
            rest = after[len(before) :]
        elif opened and after.startswith(before[: opened.start()]):
            rest = _reasoned(opened, after[opened.start() :], answer)
        elif after.startswith(before.rstrip()):  # white space at the end of the template, or of its generation prompt
            rest = after[len(before.rstrip()) :].lstrip()
        elif _CLOSED.search(before) and (answer.get("reasoning") or _THOUGHT.match(answer["content"])):
            raise BadRow(
                "the generation prompt closes the reasoning before it begins, and this answer has one", remedy=TEMPLATE_REMEDY
            )
        else:
            raise BadRow("the chat template does not render this answer behind its generation prompt", remedy=TEMPLATE_REMEDY)
        return self._to_its_end(rest, answer)

    def _to_its_end(self, rest: str, answer: Message) -> str:
        """Return the text of an answer up to the token that ends it, which is put there where the next turn would write it."""
        end, tail = self.end, self.habits.tail
        if answer.get("tool_calls"):
            end, tail = self.habits.call_end if self.habits.call_end.token and not self.eos_token else end, ""
        payload = len(rest) - len(tail if tail and rest.endswith(tail) else self._trailing_tokens(rest))
        at = rest.find(end.token, payload) if end.token else -1
        if at >= 0 and not end.follows:
            return rest[: at + len(end.token)]
        if end.follows:
            return rest.rstrip() + end.token
        if self.eos_token:
            return rest + self.eos_token
        remedy = f"name one with `eos_token:` (the tokenizer's own is {self.tokenizer.eos_token!r}), or {TEMPLATE_REMEDY}"
        if written := self.habits.tail.strip():
            remedy = f"it writes {written!r}, no token of this tokenizer: the sft stage adds it with `new_tokens`; or {remedy}"
        raise BadRow("the chat template does not end an answer with a token", remedy=remedy)

    def _trailing_tokens(self, text: str) -> str:
        """Return the end of a text that holds nothing but added tokens and white space."""
        start = len(text.rstrip())
        for at, token in reversed(self._find(text)):
            if text[at + len(token) : start].strip():
                break
            start = at
        return text[len(text[:start].rstrip()) :]

    def _continuation(self, before: str, context: list[int], written: str) -> tuple[list[int], bool]:
        """Return the ids of what is written behind a context whose ids are fixed, and whether both are the whole text's.

        Tokenizing both together is right unless a token spans the border; then the text is tokenized by itself. A tokenizer may
        put a space in front of a text (Llama 2), so candidates are compared by what they decode to.
        """
        whole = self._ids_behind(before, context, before + written)
        if whole[: len(context)] == context:
            return self._ended(whole[len(context) :]), True
        goal = self._decode(whole)
        for anchor in _ANCHORS:
            ids, skipped = self._ids(anchor + written), self._ids(anchor)
            if ids[: len(skipped)] == skipped and self._decode(context + ids[len(skipped) :]) == goal:
                return self._ended(ids[len(skipped) :]), False
        raise BadRow("the tokenizer cannot write this answer behind its prompt")

    def _decode(self, ids: list[int]) -> str:
        return self.tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)

    def _ended(self, ids: list[int]) -> list[int]:
        if not ids or ids[-1] not in self.stop_ids():
            raise BadRow("the tokenizer does not write the token that ends an answer as one token")
        return ids

    def _marked(self, prompt: Sequence[Message], completion: Sequence[Message], wanted: Sequence[int], tools: Any) -> TokenRow:
        """Return one token row in which what the template marks as generated is trained, in the wanted answers."""
        if "endgeneration" not in str(self.tokenizer.chat_template):
            raise ModelError("train_on: generation_marks needs a chat template with {% generation %} marks; " + TEMPLATE_REMEDY)
        messages = [*prompt, *completion]
        try:
            both = self.tokenizer.apply_chat_template(
                [self._dialect(m) for m in messages], tools=tools, return_dict=True, return_assistant_tokens_mask=True
            )
        except Exception as error:  # as in `render`
            raise BadRow(f"the chat template refuses it: {error}") from None
        ids, marks = both["input_ids"], both["assistant_masks"]
        starts = {i: len(self._prompt_of(ids, messages[: len(prompt) + i], tools)) for i in wanted}
        later = [len(prompt) + i for i, turn in enumerate(completion) if turn["role"] == "assistant"]
        labels = [-100] * len(ids)
        for i, start in starts.items():
            following = next((j for j in later if j > len(prompt) + i), None)
            stop = len(ids) if following is None else len(self._prompt_of(ids, messages[:following], tools))
            trained = [k for k in range(start, stop) if marks[k]]
            if not any(ids[k] in self.stop_ids() for k in trained):
                raise BadRow("the marks of the chat template leave the end of an answer untrained").at(len(prompt) + i + 1)
            for k in trained:
                labels[k] = ids[k]
        return TokenRow(ids, labels)

    def _prompt_of(self, ids: list[int], messages: Sequence[Message], tools: Any) -> list[int]:
        context = self.prompt_ids(messages, tools)
        if ids[: len(context)] != context:
            reason = BadRow("the marks are in another context than sampling would show", remedy="use train_on: every_turn")
            raise reason.at(len(messages) + 1)
        return context


def _reasoned(opened: re.Match[str], rendered: str, answer: Message) -> str:
    """Return what is written behind a generation prompt that has opened the reasoning, where the rendering is another.

    Args:
        opened: the tag and the white space at the end of the generation prompt.
        rendered: what the template writes in place of them and behind.
        answer: the turn.
    """
    thought, kept = _THOUGHT.match(answer["content"]), _THOUGHT.match(rendered)
    reasoning = answer.get("reasoning") or (thought[2] if thought else "")
    closing = f"{reasoning.strip()}\n" if reasoning.strip() else "" if opened[2] else "\n"
    closing += OPENERS[opened[1]]
    return closing + (rendered[kept.end() :] if kept else f"\n\n{rendered.lstrip()}")


def _with_text_arguments(call: dict[str, Any]) -> dict[str, Any]:
    function = call["function"]
    return call | {"function": function | {"arguments": json.dumps(function["arguments"], ensure_ascii=False)}}
