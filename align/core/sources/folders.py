"""Find the files of a folder that hold a split.

A folder is laid out as on the Hugging Face hub (huggingface.co/docs/hub/datasets-file-names-and-splits): the
split is a word in the file's name or in the name of a folder above it (`train-00000-of-00002.parquet`,
`data/test1.jsonl`, `validation/a.csv`). Names of shards may name any other split
(`train_sft-00000-of-00003.parquet`). If no file names a split, all files are `train`. A `README.md` may
declare the splits (`configs:` in its head), and a folder that `datasets` saved (`save_to_disk`) has its own
records of them. Hidden files, checkpoints of editors and runs, and files that libraries write about data are
not data.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from align.core.errors import UsageError
from align.core.sources.files import READERS, is_data
from align.core.tables import json_object

SPLITS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test", "testing", "eval", "evaluation"),
}
"""A split and the words that name it, as `datasets` has them."""
_SHARD = re.compile(r"^(.+)-\d{5}-of-\d{5}\.")
_NUMBER = re.compile(r"[-_]?\d+(-of-\d+)?$")
_NO_DATA = {
    "dataset_info.json",
    "dataset_infos.json",
    "dataset_dict.json",
    "state.json",
    "trainer_state.json",
    "config.json",
}


def files_of(folder: Path, split: str, config: str | None = None) -> list[Path]:
    """Return the data files of a split, in order of their names.

    Raises:
        UsageError: the folder has no such split or configuration, or no data.
    """
    if (folder / "stage.json").is_file():
        raise UsageError(
            f"{folder} is a stage of a run: its rows need no loading; name the folder where they are needed "
            "(`data: [...]`)"
        )
    if saved := _saved(folder, split):
        return saved
    if declared := _declared(folder):
        return _of_declared(folder, declared, split, config)
    if config is not None:
        if not (folder / config).is_dir():
            raise UsageError(
                f"{folder} has no configuration {config!r}: neither a folder of that name nor one in a "
                "README.md"
            )
        folder = folder / config
    return _of_split(folder, _data(folder, "**/*"), split)


def _of_split(folder: Path, found: list[Path], split: str) -> list[Path]:
    """Return those files that a folder has for a split."""
    if not found:
        raise UsageError(
            f"{folder} holds no data; files that can be read end in {', '.join(sorted(READERS))}"
        )
    named = {path: _splits_of(path.relative_to(folder), split) for path in found}
    if not any(named.values()):
        named = {path: {"train"} for path in found}
    chosen = [path for path, splits in named.items() if split in splits]
    if not chosen:
        there = ", ".join(sorted(set().union(*named.values())))
        raise UsageError(f"{folder} has no split {split!r}; it has: {there}")
    return chosen


def _data(folder: Path, pattern: str) -> list[Path]:
    """Return the data files of a folder that fit a pattern."""
    pattern = f"{pattern}/*" if pattern.endswith("**") else pattern
    found = (path for path in sorted(folder.glob(pattern)) if path.is_file() and is_data(path))
    return [path for path in found if _counts(path.relative_to(folder))]


def _counts(inside: Path) -> bool:
    """Is a path inside a folder data, and not hidden, a checkpoint or a library's own record?"""
    hidden = any(part.startswith((".", "__")) for part in inside.parts)
    checkpoint = any(re.fullmatch(r"checkpoint-\d+", part) for part in inside.parts) or inside.stem.endswith(
        "-checkpoint"
    )
    return not hidden and not checkpoint and inside.name not in _NO_DATA


def _splits_of(inside: Path, asked: str) -> set[str]:
    """Return the splits that a path names. The file's name counts first, then the nearest folder's."""
    if asked not in SPLITS and asked in (_NUMBER.sub("", inside.name.partition(".")[0]), *inside.parts[:-1]):
        return {asked}
    if shard := _SHARD.match(inside.name):
        return {next((split for split, names in SPLITS.items() if shard[1].lower() in names), shard[1])}
    for part in [inside.name, *reversed(inside.parts[:-1])]:
        words = re.split(r"[^A-Za-z]+", part.lower())  # digits separate, too: test1.jsonl
        if found := {split for split, names in SPLITS.items() if any(name in words for name in names)}:
            return found
    return set()


# -- what datasets saved -------------------------------------------------------------------------------------


def _saved(folder: Path, split: str) -> list[Path]:
    """Return the Arrow files of a split that `datasets` saved; none if it did not save this folder."""
    if splits := json_object(folder / "dataset_dict.json").get("splits"):
        if split not in splits:
            raise UsageError(f"{folder} has no split {split!r}; it has: {', '.join(splits)}")
        return _of_state(folder / split)
    state = json_object(folder / "state.json")
    if "_data_files" not in state:
        return []
    if state.get("_split") not in (None, split):
        raise UsageError(f"{folder} has no split {split!r}; it has: {state['_split']}")
    return _of_state(folder)


def _of_state(folder: Path) -> list[Path]:
    return [folder / item["filename"] for item in json_object(folder / "state.json").get("_data_files", ())]


# -- what a README.md declares -------------------------------------------------------------------------------


def _declared(folder: Path) -> dict[str, Mapping[str, Any]]:
    """Return the configurations that a README.md declares in its head, by name."""
    readme = folder / "README.md"
    text = readme.read_text(encoding="utf-8-sig", errors="replace") if readme.is_file() else ""
    head = re.match(r"---\r?\n(.*?)\r?\n---", text, re.DOTALL)
    if not head:
        return {}
    from ruamel.yaml import YAML  # noqa: PLC0415
    from ruamel.yaml.error import YAMLError  # noqa: PLC0415

    try:
        held = YAML(typ="safe", pure=True).load(head[1])
    except YAMLError as error:
        raise UsageError(f"{readme}: its head is not YAML ({getattr(error, 'problem', error)})") from None
    configs = held.get("configs") if isinstance(held, dict) else None
    found = [
        item
        for item in configs or ()
        if isinstance(item, Mapping) and (item.get("data_files") or item.get("data_dir"))
    ]
    return {str(item.get("config_name", "default")): item for item in found}


def _of_declared(
    folder: Path, declared: Mapping[str, Mapping[str, Any]], split: str, config: str | None
) -> list[Path]:
    chosen = declared[_configuration(folder, declared, config)]
    base = folder / str(chosen.get("data_dir") or "")
    if not chosen.get("data_files"):
        return _of_split(base, _data(base, "**/*"), split)
    patterns = _patterns(folder, chosen["data_files"])
    if split not in patterns:
        raise UsageError(f"{folder} has no split {split!r}; it has: {', '.join(patterns)}")
    if outside := next(filter(_leads_outside, patterns[split]), None):
        raise UsageError(f"{folder}: README.md names {outside!r}, which is not in the folder")
    found = [path for pattern in patterns[split] for path in _data(base, pattern)]
    if not found:
        raise UsageError(
            f"{folder}: README.md names {', '.join(patterns[split])} for split {split!r}, and no file fits"
        )
    return found


def _configuration(folder: Path, declared: Mapping[str, Mapping[str, Any]], asked: str | None) -> str:
    """Return the configuration asked for, else the one marked or named `default`, else the only one."""
    marked = next((name for name, item in declared.items() if item.get("default")), None)
    only = next(iter(declared)) if len(declared) == 1 else None
    name = asked or marked or ("default" if "default" in declared else only)
    if name is None or name not in declared:
        what = f"no configuration {asked!r}" if asked else "several configurations; name one with `config:`"
        raise UsageError(f"{folder} has {what}; it has: {', '.join(declared)}")
    return name


def _leads_outside(pattern: str) -> bool:
    return pattern.startswith(("/", "..")) or "://" in pattern


def _patterns(folder: Path, files: Any) -> dict[str, list[str]]:
    """Return the patterns of each split, from any of the forms that `data_files` has on the hub."""
    if isinstance(files, Mapping):
        files = [{"split": split, "path": path} for split, path in files.items()]
    files = [files] if isinstance(files, str) else files
    found: dict[str, list[str]] = {}
    for item in files if isinstance(files, list) else ():
        split, path = (
            ("train", item) if isinstance(item, str) else (str(item.get("split", "train")), item.get("path"))
        )
        paths = [path] if isinstance(path, str) else path
        if not isinstance(paths, list) or not all(isinstance(each, str) for each in paths):
            raise UsageError(f"{folder}: README.md has `data_files` without a path")
        found.setdefault(split, []).extend(paths)
    return found
