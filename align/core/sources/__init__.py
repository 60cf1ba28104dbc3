"""Files and folders to records: which files of a folder hold a split (`folders`), how each is read (`files`)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from align.core.sources.files import READERS, is_data, read
from align.core.sources.folders import files_of

__all__ = ["READERS", "is_data", "records"]


def records(path: Path, split: str, config: str | None = None) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Yield the records of a file, or of a folder's files for one split, each with where it stands.

    That is `line`, counted from 1, where the file has lines, and in a folder `file`, the name inside it.

    Raises:
        UsageError: the folder has no such split or configuration, or no data, or a file cannot be read.
    """
    if path.is_file():
        for record, line in read(path, split):
            yield record, {"line": line} if line else {}
    else:
        for file in files_of(path, split, config):
            name = str(file.relative_to(path)) if file.is_relative_to(path) else file.name
            for record, line in read(file, split):
                yield record, {"file": name} | ({"line": line} if line else {})
