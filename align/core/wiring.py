"""Check the references of a recipe before anything runs: which stage or generator uses which.

A field that refers to something carries `Ref(...)` in its annotation. A reference without a slash is `base`
or an earlier stage. With a slash it is a path, which is checked here, or a hub id, which is looked up only
when it is used. Aliases of generators are references too, and the stage whose model a generator uses must
come before the stages that use the generator.
"""

from __future__ import annotations

import difflib
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from align.core.chat_templates import find_template
from align.core.config import Plugin
from align.core.error_recovery import Recovered, recover
from align.core.external_references import wrong_reference
from align.core.model_options import LoadsModel
from align.core.rows import TABLES
from align.core.sources import is_data
from align.core.validation_errors import SURE, did_you_mean, nearest


@dataclass(frozen=True)
class Ref:
    """Marks a field that names an artifact (by table or kind of model) or a generator's alias."""

    need: str
    """`prompts`, `demonstrations`, `preferences`, `rows` (a table of any kind), `model`, `reward_model`,
    `checkpoint` (either kind of model), `adapter` (of a stage that made a model) or `generator`."""
    field: str = ""
    """Name of another field of the same config which, if it is set, says which table is needed: `Ref("rows",
    field="table")`."""

    def __post_init__(self) -> None:
        """Raise ValueError if no stage makes what is needed."""
        if self.need not in (*_KNOWN, "generator"):
            raise ValueError(
                f"Ref({self.need!r}): nothing makes that{did_you_mean(self.need, [*_KNOWN, 'generator'])}"
            )

    def of(self, config: BaseModel) -> Ref:
        """Return the reference as a config means it: narrowed to the table that its `field` names."""
        table = getattr(config, self.field) if self.field else None
        return Ref(table) if isinstance(table, str) and table in TABLES else self


@dataclass(frozen=True)
class File:
    """Marks a field that names a file relative to the recipe; its content is part of the fingerprint."""

    or_hub: bool = False
    """The field may hold a hub id instead."""
    or_template: bool = False
    """The field may hold a chat template's text, or the name of one that TRL ships, instead."""
    or_shipped: bool = False
    """The field may hold the path of a file that ships with the recipes instead (`safety/requests.jsonl`)."""


SHIPPED = [Path(__file__).parents[1] / "_recipes", Path(__file__).parents[2] / "recipes"]
"""Where the recipes and their files are: in an installed package, and in a checkout."""

Loc = tuple[str | int, ...]
_KNOWN = {
    "prompts": "prompts",
    "demonstrations": "demonstrations",
    "preferences": "preferences",
    "unpaired": "unpaired rows",
}
_KNOWN |= {
    "model": "a model",
    "reward_model": "a reward model",
    "scores": "scores",
    "export": "an exported folder",
}
_KNOWN |= {"checkpoint": "a model", "adapter": "a model", "rows": "rows"}
_MODELS = {"model": {"model"}, "adapter": {"model"}, "checkpoint": {"model", "reward_model"}}
"""Needs that `base` can meet, and what a stage must make to meet them."""
_MET_BY = _MODELS | {"rows": set(TABLES)}
"""Needs that can be met by something with another name."""


def _verb(need: str) -> str:
    return "is" if _KNOWN[need].startswith("a") else "are"


def is_path(reference: str) -> bool:
    """A reference with a slash is a path or a hub id, not a stage."""
    return "/" in reference


def references(config: BaseModel) -> Iterator[tuple[Loc, str, str]]:
    """Yield (location, need, reference) for every reference in a config and in the configs inside it."""
    for loc, name, marker in _marked(config, Ref):
        yield loc, marker.need, name


def files(config: BaseModel) -> Iterator[tuple[Loc, str, File]]:
    """Yield (location, path, how it is marked) for the files that a config and the configs inside it name."""
    return _marked(config, File)


def _marked(config: BaseModel, kind: type) -> Iterator[tuple[Loc, str, Any]]:
    """Yield (location, text, marker) for every text in a field that has a marker of a class."""
    for loc, part in parts(config):
        for name, field in type(part).model_fields.items():
            marker = _marker(type(part), name, kind)
            marker = marker.of(part) if isinstance(marker, Ref) else marker
            at, value = (*loc, field.alias or name), getattr(part, name)
            yield from _named(value, at, marker) if marker else _texts(field.annotation, value, at, kind)


def _marker(config: type[BaseModel], name: str, kind: type) -> Any:
    """Return the marker of a field; one that a subclass declares anew, for another default, keeps its own."""
    fields = (base.model_fields.get(name) for base in config.__mro__ if issubclass(base, BaseModel))
    return next((m for field in fields if field for m in field.metadata if isinstance(m, kind)), None)


def _texts(annotation: Any, value: Any, loc: Loc, kind: type) -> Iterator[tuple[Loc, str, Any]]:
    """Yield the texts of a value to which a marker anywhere in its annotation applies."""
    inside, origin = get_args(annotation), get_origin(annotation)
    if origin is Annotated:
        marker = next((m for m in inside[1:] if isinstance(m, kind)), None)
        yield from _named(value, loc, marker) if marker else _texts(inside[0], value, loc, kind)
    elif origin in (Union, UnionType):
        for part in inside:
            yield from _texts(part, value, loc, kind)
    else:
        for part, at, item in _typed(inside, value, loc):
            yield from _texts(part, item, at, kind)


def _typed(inside: tuple[Any, ...], value: Any, loc: Loc) -> Iterator[tuple[Any, Loc, Any]]:
    """Yield (annotation, location, item) for each item of a mapping, a tuple or a list."""
    if isinstance(value, Mapping) and len(inside) == 2:
        for key, item in value.items():
            yield inside[0], (*loc, key), key
            yield inside[1], (*loc, key), item
    elif isinstance(value, tuple) and len(inside) == len(value) and Ellipsis not in inside:
        yield from ((part, (*loc, i), item) for i, (part, item) in enumerate(zip(inside, value, strict=True)))
    elif isinstance(value, _LISTS) and inside:
        yield from ((inside[0], at, item) for at, item in _placed(value, loc))


_LISTS = (list, tuple, set, frozenset)


def _placed(value: Any, loc: Loc) -> Iterator[tuple[Loc, Any]]:
    """Yield (location, item) of a list, or of a set, whose items all have the location of the set."""
    if isinstance(value, set | frozenset):
        yield from ((loc, item) for item in sorted(value, key=str))
    else:
        yield from (((*loc, i), item) for i, item in enumerate(value))


def _named(value: Any, loc: Loc, marker: Any) -> Iterator[tuple[Loc, str, Any]]:
    """Yield the texts of a value that is marked: itself, its items, and the field `from` of a config."""
    if isinstance(value, str):
        yield loc, value, marker
    elif isinstance(value, Path):
        yield loc, str(value), marker
    elif isinstance(value, BaseModel):
        for name, field in type(value).model_fields.items():
            if field.alias == "from":
                yield from _named(getattr(value, name), (*loc, "from"), marker)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _named(item, (*loc, key), marker)
    elif isinstance(value, _LISTS):
        for at, item in _placed(value, loc):
            yield from _named(item, at, marker)


def config_classes(annotation: Any) -> list[type[BaseModel]]:
    """Return the config classes that a field's annotation names, inside lists and unions too."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [cls for arg in getattr(annotation, "__args__", ()) for cls in config_classes(arg)]


def check(
    raw: Mapping[str, Any], stage: type[Plugin], generator: type[Plugin], folder: Path
) -> Iterator[tuple[Loc, str]]:
    """Yield (location, what is wrong) for every wrong reference of a raw recipe.

    Args:
        raw: the recipe as written.
        stage: base class of stages.
        generator: base class of generators.
        folder: what relative paths start from.
    """
    of_stages, of_generators = _key_of("stages", raw), _key_of("generators", raw)
    raw_stages: Any = raw.get(of_stages)
    raw_generators: Any = raw.get(of_generators) or {}
    if not isinstance(raw_stages, Mapping):
        return
    stages = {str(name): recover(item, stage) for name, item in raw_stages.items()}
    generators = None
    if isinstance(raw_generators, Mapping):
        generators = {str(alias): recover(item, generator) for alias, item in raw_generators.items()}
    wiring = _Wiring(raw, folder, stages, generators)
    yield from wiring.wrong_in_generators(of_generators)
    yield from wiring.wrong_in_stages(of_stages)
    if wiring.refers_to_base:
        yield from _wrong_base(raw.get("base"), folder)


class _Wiring:
    """The stages and generators of a recipe as they were probably meant, and what they refer to."""

    def __init__(
        self,
        raw: Mapping[str, Any],
        folder: Path,
        stages: dict[str, Recovered | None],
        generators: dict[str, Recovered | None] | None,
    ) -> None:
        """Keep what was read. A stage or generator that could not be read is None; the type check reports it.

        Args:
            raw: the recipe as written.
            folder: what relative paths start from.
            stages: in the order of the recipe.
            generators: by alias; None if the recipe's `generators` is no mapping.
        """
        self.raw, self.folder, self.stages, self.generators = raw, folder, stages, generators
        self.classes = {name: recovered.cls if recovered else None for name, recovered in stages.items()}
        self.order = list(stages)
        self.refers_to_base = False
        """Whether one of the references that were looked at is `base`."""

    def wrong_in_generators(self, key: str) -> Iterator[tuple[Loc, str]]:
        """Yield (location, what is wrong) for the generators; `key` is the recipe's key for them."""
        for alias, recovered in (self.generators or {}).items():
            if recovered is None:
                continue
            yield from _own_problems(recovered, (key, alias), self.folder)
            for loc, need, ref in recovered.agreed(references, one_by_one=True):
                if what := self._wrong_artifact(ref, need, self.order):
                    yield (key, alias, *recovered.written(loc)), what

    def wrong_in_stages(self, key: str) -> Iterator[tuple[Loc, str]]:
        """Yield (location, what is wrong) for the stages; `key` is the recipe's key for them."""
        for position, (name, recovered) in enumerate(self.stages.items()):
            if recovered is None:
                continue
            yield from _own_problems(recovered, (key, name), self.folder)
            for loc, need, ref in recovered.agreed(references, one_by_one=True):
                if what := self._wrong_in_stage(ref, need, self.order[:position]):
                    yield (key, name, *recovered.written(loc)), what

    def _wrong_in_stage(self, ref: str, need: str, earlier: list[str]) -> str | None:
        """Return what is wrong with a reference of a stage, given the stages before it."""
        if need == "generator":
            return (
                None
                if self.generators is None
                else _wrong_generator(ref, self.generators, earlier, self.order)
            )
        if what := self._wrong_artifact(ref, need, earlier):
            return what
        return _no_adapter(ref, self.stages.get(ref), self.folder, self.raw) if need == "adapter" else None

    def _wrong_artifact(self, ref: str, need: str, earlier: list[str]) -> str | None:
        self.refers_to_base |= ref == "base"
        return _wrong(ref, need, earlier, self.order, self.classes, self.folder)


def _wrong_base(base: Any, folder: Path) -> Iterator[tuple[Loc, str]]:
    if isinstance(base, str) and is_path(base) and (what := wrong_reference(base, "model", folder)):
        yield ("base",), what


def _key_of(name: str, raw: Mapping[str, Any]) -> str:
    """Return the recipe's key for a name, which may be misspelt."""
    near = nearest(name, [key for key in raw if isinstance(key, str)], SURE)
    return name if name in raw or near is None else near


def _no_adapter(ref: str, recovered: Recovered | None, folder: Path, raw: Mapping[str, Any]) -> str | None:
    """Return why a stage, or the base, has no adapter, if so."""
    base = raw.get("base")
    if ref == "base":
        return wrong_reference(base, "adapter", folder) if isinstance(base, str) and is_path(base) else None
    if (
        recovered
        and recovered.readings
        and all(getattr(reading, "lora", None) is None for reading in recovered.readings)
    ):
        return f"stage {ref!r} trains no adapter; give it `lora`, or leave this out"
    return None


def _wrong_generator(
    alias: str, generators: Mapping[str, Recovered | None], earlier: list[str], order: list[str]
) -> str | None:
    if alias not in generators:
        return f"no generator {alias!r}{did_you_mean(alias, generators)}"
    recovered = generators[alias]
    for _, _, used in recovered.agreed(references, one_by_one=True) if recovered else ():
        if used in order and used not in earlier:
            return f"generator {alias!r} uses stage {used!r}, which does not come before this one"
    return None


def _own_problems(recovered: Recovered, loc: Loc, folder: Path) -> Iterator[tuple[Loc, str]]:
    """Yield what a plug-in, and those inside it, find wrong with fields of the right type."""
    for at, what in recovered.mistyped:
        yield (*loc, *at), what
    for at, path, marker in recovered.agreed(files, one_by_one=True):
        if what := _no_file(folder, path, marker):
            yield (*loc, *recovered.written(at)), what
    sure = not recovered.guessed
    for at, what in recovered.agreed(lambda reading: _reported(reading, folder, sure=sure)):
        yield (*loc, *recovered.written(at)), what


def _reported(reading: Plugin, folder: Path, *, sure: bool) -> Iterator[tuple[Loc, str]]:
    """Yield what plug-ins report about themselves; if nothing was guessed (`sure`), also their exceptions."""
    for at, plugin in parts(reading):
        try:
            found = [_checked(item) for item in plugin.problems(folder)] if isinstance(plugin, Plugin) else []
            found += plugin.unavailable() if isinstance(plugin, LoadsModel) else ()
        except (Exception, SystemExit) as error:
            if not sure:
                raise  # about a guessed value, which is no fault of the recipe
            where = traceback.extract_tb(error.__traceback__)[-1]
            said = f"{type(plugin).__name__}.problems() raised {type(error).__name__}: {error}"
            found = [("kind", f"{said} ({where.filename}:{where.lineno})")]
        for field, what in found:
            yield (
                (*at, *(int(key) if key.isdecimal() and key.isascii() else key for key in field.split("."))),
                what,
            )


def _checked(item: Any) -> tuple[str, str]:
    """Return one item of `problems()`. Raises TypeError if it is not a pair of texts."""
    if not isinstance(item, tuple) or [type(part) for part in item] != [str, str]:
        raise TypeError(f"it yields {item!r}, and (field, what is wrong) is expected, both texts")
    return item


def _no_file(folder: Path, path: str, marker: File) -> str | None:
    """Return what is wrong with a file that a field names, if anything."""
    if marker.or_template:
        try:
            find_template(path, folder)
        except ValueError as error:
            return str(error)
        return None
    homes = (folder, *SHIPPED) if marker.or_shipped else (folder,)
    if any((home / path).exists() for home in homes) or (marker.or_hub and _may_be_hub_id(path)):
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


def _may_be_hub_id(path: str) -> bool:
    names = path.split("/")
    return len(names) == 2 and all(names) and "." not in names[0] and not is_data(Path(path))


def _wrong(
    ref: str,
    need: str,
    earlier: Sequence[str],
    order: Sequence[str],
    classes: Mapping[str, Any],
    folder: Path,
) -> str | None:
    if is_path(ref):
        return wrong_reference(ref, need, folder)
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
    return _wrong_make(ref, need, earlier, classes)


def _wrong_make(ref: str, need: str, earlier: Sequence[str], classes: Mapping[str, Any]) -> str | None:
    """Return that a stage does not make what is needed, and which earlier ones do.

    A class is None where it is not known.
    """
    made = classes[ref].makes if classes[ref] else None
    fits = _MET_BY.get(need, {need})
    if made is None or made & fits:
        return None
    can = " and ".join(_KNOWN[m] for m in sorted(made))
    fitting = [n for n in earlier if classes[n] and classes[n].makes & fits]
    hint = f"; stages that do: {', '.join(fitting)}" if fitting else ""
    return f"stage {ref!r} makes {can}, but {_KNOWN[need]} {_verb(need)} needed here{hint}"
