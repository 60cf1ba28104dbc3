"""Tasks of a data set whose answers a judge model reads: a model is asked in a chat, without examples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from align.core.errors import StageFailed
from align.core.stage import Run
from align.evaluate.judges import JudgeModel
from align.evaluate.subject import Subject
from align.evaluate.tasks.from_data import DataTask


class JudgedData(DataTask):
    """A task of a data set that is judged by a model."""

    judge: JudgeModel
    """The judge, such as `{generator: gpt4}`."""

    def is_chat(self, model: Subject) -> bool:
        """Return True: the judge's templates are about answers of assistants."""
        return True

    def file(self, run: Run, path: str, ids: tuple[str, ...]) -> Iterator[tuple[Any, Mapping[str, Any]]]:
        """Yield (id of the question, record) for the records of a file beside the questions.

        Args:
            run: the stage.
            path: of the file.
            ids: names of the column that holds the question's id; the first that is there counts.

        Raises:
            StageFailed: the file cannot be read, or a record in it has no id.
        """
        for record, place in self.records(run, path, "train", None):
            id_ = next((record[i] for i in ids if i in record), None) if isinstance(record, Mapping) else None
            if id_ is None:
                at = f"line {place['line']}" if "line" in place else f"record {place['number']}"
                raise StageFailed(
                    run.name,
                    f"task {self.label!r}: {path}, {at} needs {' or '.join(map(repr, ids))}, the id of the "
                    "question",
                    run.log_file,
                )
            yield id_, record
