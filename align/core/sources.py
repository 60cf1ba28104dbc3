"""Files and folders to records: which files of a folder hold a split, and how each kind of file is read.

A folder is laid out as on the Hugging Face hub (huggingface.co/docs/hub/datasets-file-names-and-splits): the split is a word
of the file's name or of a folder above it (`train-00000-of-00002.parquet`, `data/test.jsonl`, `validation/a.csv`); where
no file names one, all files are `train`. A `README.md` may say so itself (`configs:` in its head), and a folder
that `datasets` saved (`save_to_disk`) has its own records of splits. Hidden files, checkpoints of editors and what `datasets`
writes about its files are no data.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from align.core.errors import BadRow, UsageError

READERS = {".jsonl", ".ndjson", ".json", ".parquet", ".csv", ".tsv", ".arrow"}
PACKED = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd"}
"""Suffixes of compressed files, and what Arrow calls the codec."""
SPLITS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test", "testing", "eval", "evaluation"),
}
"""A split and the words that name it; any other word names itself (`train_sft`) where it is asked for."""
_NO_DATA = {"dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json", "trainer_state.json", "config.json"}


def is_data(path: Path) -> bool:
    """Is this, by its name, a file that can be read?"""
    return suffix_of(path) in READERS


def suffix_of(path: Path) -> str:
    """Return a file's suffix, without that of its compression."""
    return Path(path.stem).suffix.lower() if path.suffix.lower() in PACKED else path.suffix.lower()


def records(path: Path, split: str, config: str | None = None) -> Iterator[Any]:
    """Yield the records of a file, or of a folder's files for one split; a record that cannot be read is a `BadRow`.

    Raises:
        UsageError: the folder has no such split or configuration, or no data.
    """
    for file in [path] if path.is_file() else files_of(path, split, config):
        yield from read(file)


# -- folders --------------------------------------------------------------------------------------------------------------


def files_of(folder: Path, split: str, config: str | None = None) -> list[Path]:
    """Return the data files of a split, in order of their names.

    Raises:
        UsageError: as `records`.
    """
    if (folder / "dataset_dict.json").is_file() or (folder / "state.json").is_file():
        return _saved(folder, split)
    declared = _declared(folder)
    if declared:
        return _of_declared(folder, declared, split, config)
    if config is not None:
        if not (folder / config).is_dir():
            raise UsageError(
                f"{folder} has no configuration {config!r}: no folder of that name, and no README.md that declares one"
            )
        folder = folder / config
    found = [
        path for path in sorted(folder.rglob("*")) if path.is_file() and _counts(path.relative_to(folder)) and is_data(path)
    ]
    if not found:
        raise UsageError(f"{folder} holds no data; files that can be read end in {', '.join(sorted(READERS))}")
    named = {path: _splits_of(path.relative_to(folder), split) for path in found}
    if not any(named.values()):
        named = {path: {"train"} for path in found}
    chosen = [path for path, splits in named.items() if split in splits]
    if not chosen:
        there = ", ".join(sorted(set().union(*named.values())))
        raise UsageError(f"{folder} has no split {split!r}; it has: {there}")
    return chosen


def _counts(inside: Path) -> bool:
    """Is a path inside a folder data, and not hidden, a checkpoint or a library's own record?"""
    hidden = any(part.startswith((".", "__")) for part in inside.parts)
    checkpoint = any(re.fullmatch(r"checkpoint-\d+", part) for part in inside.parts) or inside.stem.endswith("-checkpoint")
    return not hidden and not checkpoint and inside.name not in _NO_DATA


def _splits_of(inside: Path, asked: str) -> set[str]:
    """Return the splits that a path names. The file's own name counts before those of folders, the nearest first."""
    for part in [inside.name, *reversed(inside.parts[:-1])]:
        words = re.split(r"[^0-9A-Za-z]+", part.lower())
        found = {split for split, names in SPLITS.items() if any(name in words for name in names)}
        if asked not in SPLITS and re.search(rf"(^|[^0-9A-Za-z]){re.escape(asked)}([^0-9A-Za-z]|$)", part):
            return {asked}
        if found:
            return found
    return set()


def _saved(folder: Path, split: str) -> list[Path]:
    """Return the Arrow files of what `datasets` saved: a data set, or one a split."""
    if (folder / "dataset_dict.json").is_file():
        splits = json.loads((folder / "dataset_dict.json").read_text(encoding="utf-8"))["splits"]
        if split not in splits:
            raise UsageError(f"{folder} has no split {split!r}; it has: {', '.join(splits)}")
        folder = folder / split
    state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    if state.get("_split") not in (None, split) and not (folder.parent / "dataset_dict.json").is_file():
        raise UsageError(f"{folder} has no split {split!r}; it has: {state['_split']}")
    return [folder / item["filename"] for item in state["_data_files"]]


def _declared(folder: Path) -> list[dict[str, Any]]:
    """Return the configurations that a README.md declares in its head."""
    readme = folder / "README.md"
    head = re.match(r"---\n(.*?)\n---", readme.read_text(encoding="utf-8"), re.DOTALL) if readme.is_file() else None
    if not head:
        return []
    from ruamel.yaml import YAML  # noqa: PLC0415
    from ruamel.yaml.error import YAMLError  # noqa: PLC0415

    try:
        held = YAML(typ="safe", pure=True).load(head[1])
    except YAMLError:  # a head that is no YAML declares nothing
        return []
    configs = held.get("configs") if isinstance(held, dict) else None
    return [c for c in configs or () if isinstance(c, dict) and c.get("data_files")]


def _of_declared(folder: Path, declared: list[dict[str, Any]], split: str, config: str | None) -> list[Path]:
    names = {str(item.get("config_name", "default")): item for item in declared}
    default = next((name for name, item in names.items() if item.get("default")), None)
    name = config or default or ("default" if "default" in names else next(iter(names)) if len(names) == 1 else None)
    if name not in names:
        asked = f"no configuration {config!r}" if config else "several configurations; name one with `config:`"
        raise UsageError(f"{folder} has {asked}; it has: {', '.join(names)}")
    files = names[name]["data_files"]
    if isinstance(files, str) or (isinstance(files, list) and all(isinstance(item, str) for item in files)):
        files = [{"split": "train", "path": files}]
    by_split = {str(item.get("split", "train")): item["path"] for item in files}
    if split not in by_split:
        raise UsageError(f"{folder} has no split {split!r}; it has: {', '.join(by_split)}")
    patterns = by_split[split] if isinstance(by_split[split], list) else [by_split[split]]
    base = folder / str(names[name].get("data_dir", ""))
    found = [path for pattern in patterns for path in sorted(base.glob(pattern)) if path.is_file()]
    if not found:
        raise UsageError(f"{folder}: README.md names {', '.join(patterns)} for split {split!r}, and no file fits")
    return found


# -- files ----------------------------------------------------------------------------------------------------------------


def read(file: Path) -> Iterator[Any]:
    """Yield the records of a file by its suffix."""
    suffix = suffix_of(file)
    if suffix == ".parquet":
        import pyarrow.parquet as pq  # noqa: PLC0415 (`align check` must not pay for it)

        for batch in pq.ParquetFile(file).iter_batches():
            yield from batch.to_pylist()
    elif suffix == ".arrow":
        yield from _arrow(file)
    else:
        with _opened(file) as stream:
            if suffix in (".csv", ".tsv"):
                yield from _table(stream, "\t" if suffix == ".tsv" else ",")
            elif suffix == ".json":
                yield from _json(stream.read())
            else:
                yield from _lines(stream)


def _opened(file: Path) -> BinaryIO:
    """Open a file, unpacking it on the way."""
    codec = PACKED.get(file.suffix.lower())
    if codec is None:
        return file.open("rb")
    import pyarrow as pa  # noqa: PLC0415

    return io.BufferedReader(pa.CompressedInputStream(pa.OSFile(str(file)), codec))  # type: ignore[arg-type]


def _lines(stream: BinaryIO) -> Iterator[Any]:
    for line in stream:
        if line.strip():
            yield _parsed(line)


def _json(data: bytes) -> Iterator[Any]:
    """Yield the items of an array, the one object, the rows of `{"data": [...]}`, or JSON lines under the name `.json`."""
    whole = _parsed(data)
    if isinstance(whole, BadRow) and data.strip()[:1] == b"{" and data.strip().count(b"\n"):
        yield from _lines(io.BytesIO(data))
    elif isinstance(whole, dict) and list(whole) == ["data"] and isinstance(whole["data"], list):
        yield from whole["data"]
    else:
        yield from whole if isinstance(whole, list) else [whole]


def _parsed(data: bytes) -> Any:
    try:
        return json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return BadRow("not UTF-8")
    except (ValueError, RecursionError):  # ValueError: also a number of more than 4,300 digits
        return BadRow("not JSON")


def _table(stream: BinaryIO, delimiter: str) -> Iterator[Any]:
    """Read cells as text ("007" stays what it is), an empty one as missing."""
    csv.field_size_limit(1 << 30)
    with io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="") as lines:
        for record in csv.DictReader(lines, delimiter=delimiter):
            if any("\udc80" <= c <= "\udcff" for cell in record.values() if isinstance(cell, str) for c in cell):
                yield BadRow("not UTF-8")
            elif None in record or None in record.values():
                yield BadRow("not as many cells as columns")
            else:
                yield {name: cell or None for name, cell in record.items()}


def _arrow(file: Path) -> Iterator[Any]:
    """Read Arrow's stream format (which `datasets` writes) or its file format (Feather)."""
    import pyarrow as pa  # noqa: PLC0415

    with pa.memory_map(str(file)) as source:
        try:
            batches: Any = pa.ipc.open_stream(source)
        except pa.ArrowInvalid:
            opened = pa.ipc.open_file(source)
            batches = (opened.get_batch(i) for i in range(opened.num_record_batches))
        for batch in batches:
            yield from batch.to_pylist()
