"""Tasks whose items are the records of a data set: of the hub, or of local files of the same shape.

A record without a gold answer, or that cannot be read, becomes an item that is counted and never scored. Data
with other columns stops the stage, with the columns that it has.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from align.core import sources
from align.core.errors import BadRow, StageFailed, UsageError
from align.core.recipe import SHIPPED
from align.core.rows import digest
from align.core.stage import Run
from align.core.wiring import File
from align.evaluate.subject import Subject
from align.evaluate.task import Item, Task

T = TypeVar("T")


class DataTask(Task):
    """A task that reads its items from a data set."""

    columns_needed: ClassVar[tuple[str, ...]] = ()
    """The columns that every record must have."""
    parts: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Hub data sets without a configuration for all their records, and the configurations that are read one
    after the other where `config` is left out."""

    path: Annotated[str, File(or_hub=True, or_shipped=True)]
    """Hub id of the data, or a file or folder of the same shape (relative to the recipe)."""
    config: str | None = None
    """Configuration of the data set."""
    split: str = "test"
    """Split that is measured."""
    revision: str | None = None
    """Commit or tag of a hub data set."""
    columns: dict[str, str] = {}
    """The task's column: your column, where your file names them differently."""

    def items(self, run: Run) -> list[Item]:
        """Return an item for each record, in order."""
        found = list(self.items_of(run, self.path, self.split, self.config))
        if not found:
            raise StageFailed(
                run.name, f"task {self.label!r}: {self.path} has no record in the split {self.split!r}",
                run.log_file,
            )  # fmt: skip
        return found

    def items_of(self, run: Run, path: str, split: str, config: str | None) -> Iterator[Item]:
        """Yield an item for each record of a split of a configuration, in order.

        Raises:
            StageFailed: the data is missing or has other columns.
        """
        seen: Counter[str] = Counter()
        for record, place in self.records(run, path, split, config):
            id_ = digest(record) if isinstance(record, Mapping) else digest(place)
            seen[id_] += 1
            if seen[id_] > 1:  # a data set may hold a record twice
                id_ = f"{id_}-{seen[id_]}"
            yield self._item(id_, record, place, run)

    @abstractmethod
    def item(self, id_: str, record: Mapping[str, Any]) -> Item:
        """Return the item of a record.

        Raises:
            BadRow: the record cannot be an item; the message says why, without numbers in it.
        """

    def local(self, run: Run, path: str) -> Path | None:
        """Return the file or folder that a path names: beside the recipe, or shipped; None on the hub."""
        homes = (run.runs.home, *SHIPPED)
        return next((home / path for home in homes if (home / path).exists()), None)

    def records(
        self, run: Run, path: str, split: str, config: str | None = None
    ) -> Iterator[tuple[Any, dict[str, Any]]]:
        """Yield the records of a split of a configuration, each with its place.

        Raises:
            StageFailed: the data is missing.
        """
        local = self.local(run, path)
        try:
            if local is not None:
                yield from sources.records(local, split, config)
            else:
                revision = self.revision if path == self.path else None  # it is a commit of one repository
                for part in (config,) if config else self.parts.get(path, (None,)):
                    yield from sources.hub_records(path, part, split, revision)
        except UsageError as error:
            raise StageFailed(
                run.name,
                f"task {self.label!r} has no data: {error}; set `path` to a hub id or to a local file or "
                f"folder with the columns {', '.join(self.columns_needed)}, and `split` to one that it has",
                run.log_file,
            ) from error

    def _item(self, id_: str, record: Any, place: Mapping[str, Any], run: Run) -> Item:
        where = f"{place.get('file', self.path)}, " + (
            f"line {place['line']}" if "line" in place else f"record {place['number']}"
        )
        if isinstance(record, BadRow) or not isinstance(record, Mapping):
            return Item(id=id_, unusable="the record cannot be read", data={"place": where})
        if "columns" in self.model_fields_set:
            self._refuse_unread(record, where, run)
        record = self._renamed(record)
        if missing := [name for name in self.columns_needed if name not in record]:
            there = ", ".join(map(str, record)) or "no columns"
            raise StageFailed(
                run.name,
                f"task {self.label!r}: {where} has {there}, and lacks {' and '.join(map(repr, missing))}; "
                f"map your names with `columns: {{{missing[0]}: YOUR COLUMN}}`",
                run.log_file,
            )
        try:
            return self.item(id_, record)
        except BadRow as reason:
            return Item(id=id_, unusable=str(reason), data={"place": where})

    def _refuse_unread(self, record: Mapping[str, Any], where: str, run: Run) -> None:
        """Raise StageFailed if `columns` names a column that a record does not have."""
        if lost := [yours for yours in self.columns.values() if yours not in record]:
            raise StageFailed(
                run.name,
                f"task {self.label!r}: `columns` names {lost[0]!r}, and {where} has "
                f"{', '.join(map(str, record))}",
                run.log_file,
            )

    def _renamed(self, record: Mapping[str, Any]) -> Mapping[str, Any]:
        named = {ours: record[yours] for ours, yours in self.columns.items() if yours in record}
        return {**record, **named}


class PromptedData(DataTask):
    """A task of a data set that is asked in a chat, or as a text to continue."""

    prompting: Literal["auto", "chat", "text"] = "auto"
    """`chat`: the question is a user turn under the model's chat template. `text`: the model continues a
    plain text with worked examples. `auto`: chat where the model has a chat template, else text."""

    def is_chat(self, model: Subject) -> bool:
        """Is this model asked in a chat?"""
        return super().is_chat(model) if self.prompting == "auto" else self.prompting == "chat"


def text_of(record: Mapping[str, Any], column: str, what: str = "") -> str:
    """Return a column that must be a text which is not empty.

    Raises:
        BadRow: it is not; `what` names the column for people, such as "gold answer".
    """
    value = record.get(column)
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value.strip():
        raise BadRow(f"no {what or column}")
    return value
