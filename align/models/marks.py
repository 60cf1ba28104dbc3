"""`train_on: generation_marks`: the chat template itself says, with `{% generation %}`, what is trained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from align.core.chat_templates import shipped_templates
from align.core.errors import BadRow, ModelError
from align.core.rows import Message
from align.models import shown, thoughts
from align.models.chat import Chat


def marked(
    chat: Chat, prompt: Sequence[Message], completion: Sequence[Message], wanted: Sequence[int], tools: Any
) -> tuple[list[int], list[int]]:
    """Return token ids and labels of a conversation in which the marked parts of some answers are trained.

    Args:
        chat: a tokenizer and its template.
        prompt: what comes first.
        completion: turns, the first and the last by the assistant.
        wanted: indexes of the turns that are trained.
        tools: the functions that the assistant may call.

    Raises:
        BadRow: the marks are elsewhere than sampling would write, or leave out an answer's text or its end.
        ModelError: the template has no marks.
    """
    if "endgeneration" not in str(chat.tokenizer.chat_template):
        raise ModelError(
            f"train_on: generation_marks needs a chat template with {{% generation %}} marks{_remedy(chat)}"
        )
    messages = [*prompt, *completion]
    both = chat.apply(messages, tools, return_dict=True, return_assistant_tokens_mask=True)
    ids, marks = both["input_ids"], both["assistant_masks"]
    labels = [-100] * len(ids)
    turns = [len(prompt) + i for i, turn in enumerate(completion) if turn["role"] == "assistant"]
    for turn in (len(prompt) + i for i in wanted):
        start = len(_prompt_of(chat, ids, messages[:turn], tools))
        behind = next((other for other in turns if other > turn), None)
        stop = len(ids) if behind is None else len(_prompt_of(chat, ids, messages[:behind], tools))
        if behind is not None:
            stop = _without_next_header(marks, stop)
        trained = [k for k in range(start, stop) if marks[k]]
        _refuse_incomplete(chat, [ids[k] for k in trained], messages[turn], turn + 1)
        for k in trained:
            labels[k] = ids[k]
    return ids, labels


def _without_next_header(marks: Sequence[int], stop: int) -> int:
    """Return where an answer ends if its template also marks the next answer's header, as SmolLM3's does."""
    while marks[stop] and marks[stop - 1]:
        stop -= 1
    return stop


def _refuse_incomplete(chat: Chat, trained: list[int], message: Message, number: int) -> None:
    """Raise BadRow unless the trained tokens hold all that an answer says, and its end.

    Args:
        chat: a tokenizer and its template.
        trained: the marked tokens of the answer.
        message: the answer.
        number: which turn of the conversation it is, from 1.
    """
    if not any(token in chat.stop_ids() for token in trained):
        raise BadRow("the marks of the chat template leave the end of an answer untrained").at(number)
    said = thoughts.split(message, chat.habits.tags, opened=True)
    # encoded and decoded, so that they are normalized like the trained tokens
    pieces = ((name, chat.tokens.text(chat.tokens.ids(text))) for name, text in shown.of_answer(said))
    if lacking := shown.missing(chat.tokens.text(trained), pieces, exact=True):
        raise BadRow(f"the marks of the chat template leave out {lacking}").at(number)


def _prompt_of(chat: Chat, ids: list[int], messages: Sequence[Message], tools: Any) -> list[int]:
    context = chat.prompt_ids(messages, tools)
    if ids[: len(context)] != context:
        reason = BadRow(
            "the marks are in another context than sampling would show", remedy="use train_on: every_turn"
        )
        raise reason.at(len(messages) + 1)
    return context


def _remedy(chat: Chat) -> str:
    """Name the template with marks that TRL ships for this one, or some of them."""
    shipped = shipped_templates()
    named = [name for name, file in shipped.items() if f"{name}_training" in shipped]
    own = [
        name for name in named if shipped[name].read_text(encoding="utf-8") == chat.tokenizer.chat_template
    ]
    if own:
        return f"; TRL ships this template with marks: `chat_template: {own[0]}_training`"
    example = f"{named[0]}_training and others"
    return f"; give `chat_template:` a file or a text with marks, or one that TRL ships ({example})"
