"""Which stage may follow which: the references of a recipe, checked on the values as written.

A field that refers to something carries `Ref(...)` in its annotation. A reference without a slash is `base` or an
earlier stage; with a slash it is a path or hub id and is looked at when it is used. Aliases of generators are
references too, and what a generator needs must exist where the generator is used.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from align.core import catalog
from align.core.chat_templates import find_template
from align.core.config import Plugin
from align.core.explained import did_you_mean
from align.core.meant import Meant, read
from align.core.outside import wrong_outside
from align.core.sources import is_data


@dataclass(frozen=True)
class Ref:
    """Marks a field that names an artifact (by table or kind of model) or a generator's alias."""

    need: str
    """`prompts`, `demonstrations`, `preferences`, `model`, `reward_model`, `checkpoint` (either kind of model), `adapter` (of a
    stage that made a model) or `generator`."""


@dataclass(frozen=True)
class File:
    """Marks a field that names a file relative to the recipe. Its content is part of the stage's fingerprint."""

    or_hub: bool = False
    """A hub id may stand there instead."""
    or_template: bool = False
    """A chat template's text, or the name of one that TRL ships, may stand there instead."""


Loc = tuple[str | int, ...]
_KNOWN = {"prompts": "prompts", "demonstrations": "demonstrations", "preferences": "preferences", "unpaired": "unpaired rows"}
_KNOWN |= {"model": "a model", "reward_model": "a reward model", "scores": "scores", "export": "an exported folder"}
_KNOWN |= {"checkpoint": "a model", "adapter": "a model"}
_MODELS = {"model": {"model"}, "adapter": {"model"}, "checkpoint": {"model", "reward_model"}}
"""Needs that `base` can meet, and what a stage must make to meet them."""


def _verb(need: str) -> str:
    return "is" if _KNOWN[need].startswith("a") else "are"


def is_path(reference: str) -> bool:
    """A reference with a slash is a path or a hub id, not a stage."""
    return "/" in reference


def references(cls: type[BaseModel], data: Any, loc: Loc = ()) -> Iterator[tuple[Loc, str, str]]:
    """Yield (location, need, reference) for every reference in the raw fields of a config, nested plug-ins included."""
    if not isinstance(data, Mapping):
        return
    for name, field in cls.model_fields.items():
        key = field.alias or name
        value = data.get(key, data.get(name, field.default if isinstance(field.default, str | tuple) else None))
        need = next((m.need for m in field.metadata if isinstance(m, Ref)), None)
        if need:
            yield from _named(value, need, (*loc, key))
        elif isinstance(value, (Mapping, list | tuple)):
            for nested, at in _nested(field.annotation, value, (*loc, key)):
                yield from references(nested, at[1], at[0])


def _named(value: Any, need: str, loc: Loc) -> Iterator[tuple[Loc, str, str]]:
    if isinstance(value, str):
        yield loc, need, value
    elif isinstance(value, Mapping) and isinstance(value.get("from"), str):
        yield (*loc, "from"), need, value["from"]
    elif isinstance(value, list | tuple):
        for i, item in enumerate(value):
            yield from _named(item, need, (*loc, i))


def _nested(annotation: Any, value: Any, loc: Loc) -> Iterator[tuple[type[BaseModel], tuple[Loc, Any]]]:
    """Yield the config classes inside a field, with their location and raw values."""
    for cls in config_classes(annotation):
        for at, item in [(loc, value)] if isinstance(value, Mapping) else [((*loc, i), v) for i, v in enumerate(value)]:
            if not isinstance(item, Mapping):
                continue
            if "family" in cls.__dict__:
                try:
                    yield catalog.choose(cls.__dict__["family"], item, cls), (at, item)
                except catalog.PluginError:
                    continue  # the type check reports it
            else:
                yield cls, (at, item)


def config_classes(annotation: Any) -> list[type[BaseModel]]:
    """Return the config classes that a field's annotation names, inside lists and unions too."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [cls for arg in getattr(annotation, "__args__", ()) for cls in config_classes(arg)]


def check(raw: Mapping[str, Any], stage: type[Plugin], generator: type[Plugin], folder: Path) -> Iterator[tuple[Loc, str]]:
    """Yield (location, what is wrong) for every reference of a raw recipe that cannot hold.

    Args:
        raw: the recipe as written.
        stage: base class of stages.
        generator: base class of generators.
        folder: what relative paths start from.
    """
    raw_stages: Any = raw.get("stages")
    raw_generators: Any = raw.get("generators") or {}
    if not isinstance(raw_stages, Mapping) or not isinstance(raw_generators, Mapping):
        return
    meant_stages = {str(name): read(item, stage) for name, item in raw_stages.items()}
    meant_generators = {str(alias): read(item, generator) for alias, item in raw_generators.items()}
    stages = {name: meant.cls if meant else None for name, meant in meant_stages.items()}
    order = list(stages)
    from_base = False
    for alias, meant in meant_generators.items():
        yield from _own_problems(meant, ("generators", alias), folder)
        for loc, need, ref in references(meant.cls, meant.raw, ("generators", alias)) if meant else ():
            from_base |= ref == "base"
            if what := _wrong(ref, need, order, order, stages, folder):
                yield loc, what
    for position, (name, meant) in enumerate(meant_stages.items()):
        yield from _own_problems(meant, ("stages", name), folder)
        for loc, need, ref in references(meant.cls, meant.raw, ("stages", name)) if meant else ():
            if need == "generator":
                what = _wrong_generator(ref, meant_generators, order[:position], order)
            else:
                from_base |= ref == "base"
                what = _wrong(ref, need, order[:position], order, stages, folder)
            if what:
                yield loc, what
    if (
        from_base
        and isinstance(base := raw.get("base"), str)
        and is_path(base)
        and (what := wrong_outside(base, "model", folder))
    ):
        yield ("base",), what


def _wrong_generator(alias: str, generators: Mapping[str, Meant | None], earlier: list[str], order: list[str]) -> str | None:
    if alias not in generators:
        return f"no generator {alias!r}{did_you_mean(alias, generators)}"
    meant = generators[alias]
    for _, _, used in references(meant.cls, meant.raw) if meant else ():
        if used in order and used not in earlier:
            return f"generator {alias!r} uses stage {used!r}, which does not come before this one"
    return None


def _own_problems(meant: Meant | None, loc: Loc, folder: Path) -> Iterator[tuple[Loc, str]]:
    """Ask a plug-in, and those inside it, what is wrong with fields that are well typed."""
    for at, what in meant.mistyped if meant else ():
        yield (*loc, *at), what
    if meant is None or meant.value is None:
        return  # the type check reports it
    for at, path, marker in files(meant.value):
        if at[0] not in meant.guessed and (what := _no_file(folder, path, marker)):
            yield (*loc, *at), what
    for at, plugin in parts(meant.value):
        if isinstance(plugin, Plugin):
            for field, what in meant.problems(folder) if plugin is meant.value else plugin.problems(folder):
                yield (*loc, *at, *(int(key) if key.isdigit() else key for key in field.split("."))), what


def _no_file(folder: Path, path: str, marker: File) -> str | None:
    """Return what is wrong with a file that a field names, if anything."""
    if marker.or_template:
        try:
            find_template(path, folder)
        except ValueError as error:
            return str(error)
        return None
    if (folder / path).exists() or (marker.or_hub and _may_be_hub_id(path)):
        return None
    return f"no file or folder {path!r} (looked in {folder})"


def parts(value: Any, loc: Loc = ()) -> Iterator[tuple[Loc, BaseModel]]:
    """Yield (location, config) for a config and for every config inside its fields."""
    if isinstance(value, BaseModel):
        yield loc, value
        for name, field in type(value).model_fields.items():
            yield from parts(getattr(value, name), (*loc, field.alias or name))
    elif isinstance(value, Mapping | list | tuple):
        for key, item in value.items() if isinstance(value, Mapping) else enumerate(value):
            yield from parts(item, (*loc, key))


def files(config: BaseModel) -> Iterator[tuple[Loc, str, File]]:
    """Yield (location, path, how it is marked) for the files that a config and the configs inside it name."""
    for loc, part in parts(config):
        for name, field in type(part).model_fields.items():
            value, marker = getattr(part, name), next((m for m in field.metadata if isinstance(m, File)), None)
            if marker and isinstance(value, str):
                yield (*loc, name), value, marker


def _may_be_hub_id(path: str) -> bool:
    names = path.split("/")
    return len(names) == 2 and all(names) and "." not in names[0] and not is_data(Path(path))


def _wrong(
    ref: str, need: str, earlier: Sequence[str], order: Sequence[str], classes: Mapping[str, Any], folder: Path
) -> str | None:
    if is_path(ref):
        return wrong_outside(ref, need, folder)
    if ref == "base" and need in _MODELS:
        return None
    if ref == "base":
        return f"'base' is a model; {_KNOWN[need]} {_verb(need)} needed here"
    if ref not in order:
        near = difflib.get_close_matches(ref, earlier, n=1)
        options = f"did you mean {near[0]!r}?" if near else f"earlier stages: {', '.join(earlier) or 'none'}"
        return f"no stage {ref!r}; {options} (a path or hub id needs a slash)"
    if ref not in earlier:
        return f"stage {ref!r} does not come before this one; move it up"
    made = classes[ref].makes if classes[ref] else None
    fits = _MODELS.get(need, {need})
    if made is not None and not made & fits:
        can = " and ".join(_KNOWN[m] for m in sorted(made))
        fitting = [n for n in earlier if classes[n] and classes[n].makes & fits]
        hint = f"; stages that do: {', '.join(fitting)}" if fitting else ""
        return f"stage {ref!r} makes {can}, but {_KNOWN[need]} {_verb(need)} needed here{hint}"
    return None
