"""Read a data set of the Hugging Face hub into records."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from align.core.errors import UsageError


def hub_records(
    path: str, config: str | None, split: str, revision: str | None
) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Yield the records of a split of a data set, each with its place.

    Args:
        path: hub id, `owner/name`.
        config: its configuration, where it has several.
        split: such as "train".
        revision: commit or tag.

    Raises:
        UsageError: the data set cannot be read.
    """
    from datasets import load_dataset  # noqa: PLC0415 (only hub data needs it)

    try:
        data = load_dataset(path, config, split=split, revision=revision)
    except Exception as error:  # the library and those below it raise some twenty classes
        said = str(error).strip().splitlines() or [""]
        raise UsageError(
            f"{path!r} is no file or folder here, and cannot be read from the hub: {type(error).__name__}: "
            f"{said[0]}"
        ) from error
    for number, record in enumerate(data, 1):
        yield record, {"number": number}
