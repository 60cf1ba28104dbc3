"""Turn rows into the token columns that trainers read, and check every row.

TRL silently trains on empty completions, forged turns and answers cut in the middle (docs/paper_index.md).
Here a row that cannot be trained on is dropped with its index and reason, counted, and written to
`dropped.jsonl`. A row that is too long is dropped rather than cut: a cut answer teaches the model not to
stop.

A row gives one or several token rows: where a chat template rewrites earlier turns, each answer is trained in
the context that sampling would show it (`align.models.chat`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from align.core.dropped import Dropped
from align.core.errors import BadRow, StageFailed
from align.core.rows import Demonstration, Message, Preference, Prompt, Row, texts_of
from align.core.stage import Run
from align.models.chat import Chat
from align.models.token_rows import TrainOn, token_rows

Columns = dict[str, list[int]]
Encoded = list[tuple[Row, Columns]]
How = Callable[[Chat, Any], tuple[list[Columns], list[BadRow]]]
"""A function that returns a row's token columns, and why some of its answers are not trained on.

It raises BadRow where none of them is.
"""


def encode(
    run: Run, chat: Chat, rows: Sequence[Row], how: How, max_length: int, strict: bool, *, part: str = ""
) -> Encoded:  # fmt: skip
    """Return the rows that can be trained on, each with its token columns.

    Args:
        run: the stage.
        chat: the tokenizer and its template.
        rows: rows of one table.
        how: one of the functions below.
        max_length: longest token row.
        strict: fail instead of dropping rows.
        part: `eval ` for rows to evaluate on; the report's keys and the files' names then begin with `eval`.

    Raises:
        StageFailed: no row is left, or `strict` is set and something was dropped.
    """
    encoded: Encoded = []
    dropped, untrained = Dropped("row"), Dropped("row")
    forged = _Forged(chat)
    for index, row in enumerate(rows):
        try:
            forged.refuse(row)
            found, refused = how(chat, row)
            fitting = [columns for columns in found if _longest(columns) <= max_length]
            refused += [BadRow(f"longer than max_length = {max_length} tokens")] * (len(found) - len(fitting))
            if not fitting:
                raise refused[-1]
        except BadRow as reason:
            dropped.add(index, reason, id=row.id)
            continue
        encoded += [(row, columns) for columns in fitting]
        for reason in refused:
            untrained.add(index, reason, id=row.id)
    _report_drops(run, rows, encoded, dropped, untrained, part)
    if strict and (dropped or untrained):
        why = "; ".join([*dropped.lines(), *untrained.lines()])
        raise StageFailed(
            run.name, f"strict: true, and not everything can be trained on: {why}", run.log_file
        )
    if not encoded:
        why = "; ".join(dropped.lines()) or "there is none"
        purpose = "evaluate" if part else "train"
        raise StageFailed(run.name, f"no row is left to {purpose} on (of {len(rows)}): {why}", run.log_file)
    return encoded


def _report_drops(
    run: Run, rows: Sequence[Row], encoded: Encoded, dropped: Dropped, untrained: Dropped, part: str
) -> None:
    """Write the dropped rows to files, and report and log their numbers."""
    file = part.replace(" ", "_")
    dropped.write(run.folder, f"{file}dropped.jsonl")
    untrained.write(run.folder, f"{file}untrained.jsonl")
    # rows to evaluate on have figures of their own
    run.report |= {
        f"{part}rows": len(rows) - len(dropped),
        f"{part}dropped": dropped.counts(),
    }
    if len(encoded) != len(rows) - len(dropped):
        run.report[f"{part}token rows"] = len(encoded)
    for line in dropped.lines():
        run.log.info("%-12s %sdropped %s", run.name, part, line)
    if untrained:
        run.report[f"{part}answers not trained"] = untrained.counts()
        for line in untrained.lines():
            run.log.info("%-12s answers not trained, in rows that are kept: %s", run.name, line)


def demonstration(train_on: TrainOn = "every_turn") -> How:
    """Return a function that makes `input_ids` and `labels` (-100 at tokens that are not trained)."""

    def columns_of(chat: Chat, row: Demonstration) -> tuple[list[Columns], list[BadRow]]:
        found = token_rows(chat, row.prompt, row.completion, row.tools or None, train_on)
        return [{"input_ids": each.ids, "labels": each.labels} for each in found.rows], found.refused

    return columns_of


def preference(chat: Chat, row: Preference) -> tuple[list[Columns], list[BadRow]]:
    """Return `prompt_ids`, `chosen_ids` and `rejected_ids` of a row."""
    [(prompt, chosen), (_, rejected)] = [_answer(chat, row, side) for side in (row.chosen, row.rejected)]
    if chosen == rejected:
        raise BadRow("chosen equals rejected")
    return [{"prompt_ids": prompt, "chosen_ids": chosen, "rejected_ids": rejected}], []


def asked(chat: Chat, row: Prompt) -> tuple[list[Columns], list[BadRow]]:
    """Return `prompt_ids`: the tokens that a policy continues."""
    return [{"prompt_ids": chat.prompt_ids(row.messages, row.tools or None)}], []


def comparison(chat: Chat, row: Preference) -> tuple[list[Columns], list[BadRow]]:
    """Return whole conversations, which a reward model reads, as `chosen_ids` and `rejected_ids`."""
    sides = {"chosen_ids": row.chosen, "rejected_ids": row.rejected}
    found = {name: chat.whole_ids(*_split(row, side), row.tools or None) for name, side in sides.items()}
    if found["chosen_ids"] == found["rejected_ids"]:
        raise BadRow("chosen equals rejected")
    return [found], []


def _answer(chat: Chat, row: Preference, completion: list[Message]) -> tuple[list[int], list[int]]:
    if len(completion) != 1:
        raise BadRow("chosen or rejected has several turns, and only their last answers can be compared here")
    return chat.answer_ids(*_split(row, completion), row.tools or None)


def _split(row: Preference, completion: list[Message]) -> tuple[list[Message], Message]:
    """Return the messages before the last answer of a completion, and that answer."""
    if not completion[-1].get("train", True):
        raise BadRow("chosen or rejected is marked as not to be trained (weight, train or loss)")
    return [*row.prompt, *completion[:-1]], completion[-1]


def _longest(columns: Columns) -> int:
    if "prompt_ids" in columns and "chosen_ids" in columns:
        return len(columns["prompt_ids"]) + max(len(columns["chosen_ids"]), len(columns["rejected_ids"]))
    return max(len(ids) for ids in columns.values())


class _Forged:
    """Refuse rows whose text holds a control token, which would end the turn or forge another one."""

    def __init__(self, chat: Chat) -> None:
        self.tokens, self.of_answers = chat.control_tokens(), chat.control_tokens(in_answer=True)

    def refuse(self, row: Row) -> None:
        """Raise BadRow where a turn or a tool holds a control token."""
        for message in _turns(row):
            tokens = self.of_answers if message["role"] == "assistant" else self.tokens
            for text in texts_of(message):
                for token in tokens:
                    if token in text:
                        raise BadRow(f"control token {token!r} in the content of the {message['role']} turn")
        tools = json.dumps(row.tools, ensure_ascii=False) if row.tools else ""
        for token in self.tokens if tools else ():
            if token in tools:
                raise BadRow(f"control token {token!r} in the tools")


def _turns(row: Row) -> Iterator[Message]:
    for name in ("messages", "prompt", "completion", "chosen", "rejected"):
        yield from getattr(row, name, ())
