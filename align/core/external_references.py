"""What a reference with a slash names: a model's folder, a folder of rows, or a hub id. Loads nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from align.core import tables
from align.core.rows import TABLES
from align.core.tables import json_object

_WEIGHTS = ("*.safetensors", "*.bin", "*.pt", "*.safetensors.index.json")
_SHOWN = 6
"""The most files of a folder that a message names."""


def path_of(reference: str, home: Path) -> Path:
    """Return the path that a reference means if it is not a hub id; `~` is the home folder."""
    return (home / Path(reference).expanduser()).resolve()


def is_local(reference: str) -> bool:
    """Can it only be a path, whether it exists or not? `owner/name` may be a hub id."""
    return Path(reference).is_absolute() or reference.startswith((".", "~")) or reference.count("/") != 1


def is_nowhere(path: str) -> bool:
    """Is it neither an existing folder nor possibly a hub id?"""
    return not Path(path).is_dir() and is_local(path)


def wrong_reference(reference: str, need: str, home: Path) -> str | None:
    """Return what is wrong with a path or hub id that a field of a recipe names, if anything.

    Args:
        reference: as the recipe has it.
        need: what the field needs, as `align.core.wiring.Ref` has it.
        home: the recipe's folder.
    """
    place = path_of(reference, home)
    if need in TABLES or need == "rows":
        return _no_rows(reference, place, need)
    if need == "adapter" and place.is_dir():
        held = any((folder / "adapter_config.json").is_file() for folder in (place, place / "adapter"))
        return None if held else f"{place} holds no adapter (no adapter_config.json)"
    if need not in ("model", "reward_model", "checkpoint", "adapter"):
        return None
    if place.exists():
        return no_model(str(place)) or _no_weights(place) or _other_kind(place, need)
    return (
        f"there is no folder {reference!r} (looked in {home}), and it is no hub id"
        if is_local(reference)
        else None
    )


def no_model(path: str) -> str | None:
    """Return why no model can be read from a path, if none can. A hub id is not looked at."""
    folder = Path(path)
    if folder.is_file():
        return f"{path} is a file, and a model is a folder with config.json, weights and a tokenizer"
    if is_nowhere(path):
        return f"{path}: there is no such folder, and it is no hub id"
    if not folder.is_dir() or (folder / "config.json").exists():
        return None
    if (folder / "adapter_config.json").exists():
        base = json_object(folder / "adapter_config.json").get("base_model_name_or_path")
        return (
            f"{path} has an adapter of {base} and no model; merge it first: "
            f'`AutoPeftModelForCausalLM.from_pretrained("{path}").merge_and_unload().save_pretrained(...)`, '
            "and save the tokenizer beside it"
        )
    if (folder / "recipe.json").exists():
        return f"{path} is a run folder; name the folder of a stage in it: {_some(folder, '[0-9][0-9]-*')}"
    return f"{path} holds no model (no config.json); it holds {_some(folder)}"


def _no_weights(folder: Path) -> str | None:
    if any(file for name in _WEIGHTS for file in folder.glob(name)):
        return None
    return f"{folder} has a config.json and no weights; it holds {_some(folder)}"


def is_reward_model(heads: Sequence[str] | None) -> bool:
    """Do the `architectures` of a config.json name a sequence classifier, as a reward model's do?"""
    return bool(heads) and all(head.endswith("ForSequenceClassification") for head in heads)


def holds_reward_model(folder: Path) -> bool:
    """Does a folder hold a reward model?"""
    return is_reward_model(json_object(folder / "config.json").get("architectures"))


def _other_kind(folder: Path, need: str) -> str | None:
    """Return what is wrong if a language model is there but a reward model is needed, or the reverse."""
    heads = json_object(folder / "config.json").get("architectures") or []
    if need == "model" and is_reward_model(heads):
        return f"{folder} holds a reward model ({heads[0]}), but a language model is needed here"
    if need == "reward_model" and heads and all(head.endswith("ForCausalLM") for head in heads):
        return f"{folder} holds a language model ({heads[0]}), but a reward model is needed here"
    return None


def _no_rows(reference: str, place: Path, table: str) -> str | None:
    """Return why a folder does not hold a table, or any table at all (`rows`), if it does not."""
    if place.is_dir() and (tables.held(place) if table == "rows" else tables.exists(place, table)):
        return None
    load = f"a stage `{{kind: load, path: {reference}}}` reads it, and its name goes here"
    if place.is_file():
        return f"{reference!r} is a file; {load}"
    if place.is_dir():
        held = ", ".join(tables.held(place))
        return (
            f"{reference!r} holds {held}, but {table} are needed here"
            if held
            else f"{reference!r} holds no tables; {load}"
        )
    if is_local(reference):
        return f"there is no folder {reference!r}"
    return f"{reference!r} is no folder; from the hub, {load}"


def _some(folder: Path, pattern: str = "*") -> str:
    names = sorted(path.name for path in folder.glob(pattern))
    return (", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")) or "nothing"
