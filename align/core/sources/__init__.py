"""Files and folders to records: which files of a folder hold a split (`folders`), how each is read (`files`)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from align.core.sources.files import READERS, is_data, read
from align.core.sources.folders import files_of

__all__ = ["READERS", "is_data", "records"]


def records(path: Path, split: str, config: str | None = None) -> Iterator[tuple[Any, str]]:
    """Yield the records of a file, or of a folder's files for one split, each with the file's name inside the folder.

    Raises:
        UsageError: the folder has no such split or configuration, or no data, or a file cannot be read.
    """
    if path.is_file():
        for record in read(path, split):
            yield record, ""
    else:
        for file in files_of(path, split, config):
            for record in read(file, split):
                yield record, str(file.relative_to(path)) if file.is_relative_to(path) else file.name
