"""Read files, folders and hub data into records: `folders` finds the files of a split, `files` reads each.

`records` is for data: a record that cannot be read is dropped. `objects` is for the small files beside a
recipe or in the package (shots, seed tasks): there, such a record is a mistake that stops the run.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from align.core.sources.files import READERS, is_data, objects, read
from align.core.sources.folders import files_of
from align.core.sources.hub import hub_records

__all__ = ["READERS", "hub_records", "is_data", "objects", "records"]


def records(path: Path, split: str, config: str | None = None) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Yield the records of a file, or of a folder's files for one split, each with its place.

    A place is `file`, its name inside the folder, and either `line`, where the file has lines, or `number`,
    which record of the file it is. Both count from 1.

    Raises:
        UsageError: the folder has no such split or configuration, or no data, or a file cannot be read.
    """
    for file in [path] if path.is_file() else files_of(path, split, config):
        name = str(file.relative_to(path)) if file != path and file.is_relative_to(path) else file.name
        for number, (record, line) in enumerate(read(file, split), 1):
            yield record, {"file": name, "line": line} if line else {"file": name, "number": number}
