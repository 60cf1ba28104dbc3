"""Tasks of your own: rows with a verifier. Two are shipped, the held-out splits of two recipes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from align.core import sources
from align.core.errors import BadRow, StageFailed
from align.core.formats import Reader
from align.core.plugins import Reward
from align.core.recipe import SHIPPED
from align.core.rows import Message, Prompt, content_id
from align.core.stage import Run
from align.core.wiring import Ref
from align.evaluate.subject import Subject
from align.evaluate.task import Item
from align.evaluate.tasks.generation import Verified

LANGUAGE = "language:"
"""A tag `language:zh` says which language a row is in."""


class RowsTask(Verified):
    """Measure answers to the prompts of a stage, or of a folder, with a verifier."""

    prompts: Annotated[str, Ref("prompts")]
    """The problems: a stage that nothing else uses, or a folder. A tag `language:zh` says which language a
    row is in, and `cluster:...` that rows with the same one are not independent."""
    reward: Reward
    """The verifier; an answer is right where it says `passed`."""

    def verifier(self) -> Reward:
        """Return the recipe's verifier."""
        return self.reward

    def problems(self, folder: Path) -> Iterable[tuple[str, str]]:
        """Refuse a task without a name, which would be called `rows`."""
        if self.name is None:
            yield "name", "a task of rows needs a name for the table"

    def items(self, run: Run) -> list[Item]:
        """Return an item for each row."""
        return [item_of(row) for row in run.rows(self.prompts, "prompts") if isinstance(row, Prompt)]

    def question(self, item: Item, model: Subject) -> list[Message] | str:
        """Return the row's conversation."""
        return conversation(item, model, self.label)


class ShippedRows(Verified):
    """Rows that ship with the toolkit."""

    file: ClassVar[str]
    columns: ClassVar[Mapping[str, str]]

    max_new_tokens: int = Field(default=64, ge=1)
    """Longest answer in tokens."""

    def items(self, run: Run) -> list[Item]:
        """Return an item for each record of the file."""
        path = next(folder / self.file for folder in SHIPPED if (folder / self.file).exists())
        reader, found = Reader(dict(self.columns), []), []
        for record, _ in sources.records(path, "train"):
            if isinstance(record, BadRow):
                raise record
            row = reader.read(record)[-1]
            assert isinstance(row, Prompt)
            found.append(item_of(replace(row, id=content_id(row))))
        return found

    def question(self, item: Item, model: Subject) -> list[Message] | str:
        """Return the row's conversation."""
        return conversation(item, model, self.label)


class ArithmeticTask(ShippedRows):
    """The held-out problems of the quickstart (`recipes/tiny/heldout.jsonl`)."""

    file: ClassVar[str] = "tiny/heldout.jsonl"
    columns: ClassVar[Mapping[str, str]] = {"prompt": "question", "tags": "family"}
    judged_by: ClassVar[str] = "math"


class ConstraintsTask(ShippedRows):
    """The held-out instructions of the SmolLM2 recipe (`recipes/constraints/heldout.jsonl`)."""

    file: ClassVar[str] = "constraints/heldout.jsonl"
    columns: ClassVar[Mapping[str, str]] = {"prompt": "question"}
    judged_by: ClassVar[str] = "constraints"


def item_of(row: Prompt) -> Item:
    """Return the item of a row; its tags may say its language and its cluster."""
    marked = dict(tag.split(":", 1) for tag in row.tags if tag.startswith((LANGUAGE, "cluster:")))
    return Item(
        id=row.id,
        messages=row.messages,
        answer=row.answer,
        tests=row.tests,
        tags=tuple(tag for tag in row.tags if not tag.startswith((LANGUAGE, "cluster:"))),
        language=marked.get("language", ""),
        cluster=marked.get("cluster", ""),
        data={"tools": row.tools} if row.tools else {},
    )


def conversation(item: Item, model: Subject, task: str) -> list[Message]:
    """Return what a model with a chat template is asked.

    Raises:
        StageFailed: the model has no chat template.
    """
    if not model.chat:
        raise StageFailed(
            model.run.name,
            f"task {task!r} is a conversation, and {model.label!r} has no chat template; give the stage "
            "`chat_template:` a file, or the name of a template that TRL ships",
            model.run.log_file,
        )
    return item.messages
