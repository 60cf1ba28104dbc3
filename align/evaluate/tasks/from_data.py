"""Tasks whose items are the records of a data set: of the hub, or of local files of the same shape.

A record without a gold answer, or that cannot be read, becomes an item that is counted and never scored. Data
with other columns stops the stage, with the columns that it has.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import Field

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
    default_shots: ClassVar[int] = 0
    """Worked examples in front of the question, for a model without a chat template."""
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
    prompting: Literal["auto", "chat", "text"] = "auto"
    """`chat`: the question is a user turn under the model's chat template. `text`: the model continues a
    plain text with worked examples. `auto`: chat where the model has a chat template, else text."""
    shots: int | None = Field(default=None, ge=0)
    """Worked examples in front of each question. Left out: none in a chat, and as many as the task's usual
    number in a text."""
    shots_path: Annotated[str | None, File(or_hub=True)] = None
    """Where the worked examples are; left out, where the items are."""
    shots_split: str = "train"
    """Split of the worked examples; its first records are taken."""

    def items(self, run: Run) -> list[Item]:
        """Return an item for each record, in order."""
        found = list(self.items_of(run, self.path, self.split))
        if not found:
            raise StageFailed(
                run.name, f"task {self.label!r}: {self.path} has no record in the split {self.split!r}",
                run.log_file,
            )  # fmt: skip
        return found

    def items_of(self, run: Run, path: str, split: str) -> Iterator[Item]:
        """Yield an item for each record of a split, in order.

        Raises:
            StageFailed: the data is missing or has other columns.
        """
        seen: Counter[str] = Counter()
        for record, place in self.records(run, path, split):
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

    def worked(self, run: Run) -> list[tuple[str, Mapping[str, Any]]]:
        """Return the records of the worked examples with their ids: one more than any model is shown.

        The data may be a single file, of which an item is no example for itself. Where there are too few,
        `enough` says so, if a model needs them.
        """
        most = self.default_shots if self.shots is None else self.shots
        if not most:
            return []
        try:
            records = [
                r
                for r, _ in islice(
                    self.records(run, self.shots_path or self.path, self.shots_split), most + 1
                )
            ]
        except StageFailed:
            if self.shots is not None or self.shots_path:
                raise
            return []  # a chat needs none
        return [(digest(record), self._renamed(record)) for record in records if isinstance(record, Mapping)]

    def enough(self, shots: Sequence[T], model: Subject) -> Sequence[T]:
        """Return as many worked examples as a model is shown.

        Raises:
            StageFailed: there are fewer.
        """
        need = self.shots_for(model)
        if len(shots) < need:
            raise StageFailed(
                model.run.name,
                f"task {self.label!r} shows {model.label!r} {need} worked examples, and "
                f"{self.shots_path or self.path} has {len(shots)} in the split {self.shots_split!r}; name "
                "other data with `shots_path` or `shots_split`, or set `shots`",
                model.run.log_file,
            )
        return shots[:need]

    def local(self, run: Run, path: str) -> Path | None:
        """Return the file or folder that a path names: beside the recipe, or shipped; None on the hub."""
        homes = (run.runs.home, *SHIPPED)
        return next((home / path for home in homes if (home / path).exists()), None)

    def records(
        self, run: Run, path: str, split: str, config: str | None = None
    ) -> Iterator[tuple[Any, dict[str, Any]]]:
        """Yield the records of a split, each with its place; `config` in place of the task's own.

        Raises:
            StageFailed: the data is missing.
        """
        local, config = self.local(run, path), config or self.config
        try:
            if local is not None:
                yield from sources.records(local, split, config)
            else:
                for part in (config,) if config else self.parts.get(path, (None,)):
                    yield from sources.hub_records(path, part, split, self.revision)
        except UsageError as error:
            raise StageFailed(
                run.name,
                f"task {self.label!r} has no data: {error}; set `path` to a hub id or to a local file or "
                f"folder with the columns {', '.join(self.columns_needed)}, and `split` to one that it has",
                run.log_file,
            ) from error

    def is_chat(self, model: Subject) -> bool:
        """Is this model asked in a chat, or with a text to continue?"""
        return model.chat if self.prompting == "auto" else self.prompting == "chat"

    def shots_for(self, model: Subject) -> int:
        """Return how many worked examples this model is shown."""
        if self.shots is not None:
            return self.shots
        return 0 if self.is_chat(model) else self.default_shots

    def asked(self, model: Subject) -> str:
        """Return how the model is asked, such as "5-shot text"."""
        return f"{self.shots_for(model)}-shot {'chat' if self.is_chat(model) else 'text'}"

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
