"""Turn conversations into token rows for training: which ids there are, and which of them have a label.

Each answer is trained in the context that sampling would show it (`align.models.chat`). Answers of one
conversation share a token row as long as the context of the next answer begins with the row so far.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from align.core.errors import BadRow
from align.core.rows import Message
from align.models import marks
from align.models.chat import Chat

TrainOn = Literal["every_turn", "last_turn", "generation_marks"]


@dataclass(slots=True)
class TokenRow:
    """Token ids, and which of them are trained."""

    ids: list[int]
    labels: list[int]
    """The same ids where the assistant speaks, -100 elsewhere."""

    def add(self, ids: list[int], *, trained: bool) -> None:
        """Append ids."""
        self.ids += ids
        self.labels += ids if trained else [-100] * len(ids)


@dataclass(slots=True)
class Encoding:
    """The token rows of one conversation."""

    rows: list[TokenRow] = field(default_factory=list)
    refused: list[BadRow] = field(default_factory=list)
    """Why answers that should be trained are not: one reason for each answer."""


def token_rows(
    chat: Chat,
    prompt: Sequence[Message],
    completion: Sequence[Message],
    tools: Any = None,
    train_on: TrainOn = "every_turn",
) -> Encoding:
    """Return a conversation as token rows in which the assistant turns of `completion` are trained.

    Args:
        chat: the tokenizer and its template.
        prompt: what comes first; nothing of it is trained.
        completion: turns, the first and the last by the assistant. One with `train: False` is context.
        tools: the functions that the assistant may call.
        train_on: every answer, the last one, or what the template marks with `{% generation %}`.

    Raises:
        BadRow: nothing of it can be trained.
        ModelError: the tokenizer has no chat template.
    """
    wanted = [i for i, turn in enumerate(completion) if turn["role"] == "assistant"]
    wanted = [
        i for i in (wanted[-1:] if train_on == "last_turn" else wanted) if completion[i].get("train", True)
    ]
    if not wanted:
        raise BadRow("no answer of it is to be trained (weight, train or loss)")
    if train_on == "generation_marks":
        return Encoding([TokenRow(*marks.marked(chat, prompt, completion, wanted, tools))])
    found = Encoding()
    answered = None
    for i in wanted:
        try:
            answered = chat.answered([*prompt, *completion[:i]], completion[i], tools, answered)
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
