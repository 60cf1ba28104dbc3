"""`align explain`: list all kinds, or explain the fields of one."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path

from pydantic import BaseModel

from align.core import catalog, wiring
from align.core.config import Plugin
from align.core.errors import UsageError
from align.core.model_options import LoadsModel
from align.core.plugins import Generator, Optimizer, Reward, Sampler
from align.core.recipe import Recipe, find, shipped
from align.core.stage import Stage
from align.core.validation_errors import did_you_mean, limits, written
from align.evaluate.task import Task
from data_synthesis.engine.executors import Executor

FAMILIES: dict[str, type[Plugin]] = {
    "stage": Stage,
    "generator": Generator,
    "reward": Reward,
    "executor": Executor,
    "optimizer": Optimizer,
    "sampler": Sampler,
    "task": Task,
}


def explain(kind: str | None) -> str:
    """Return the list of kinds and shipped recipes, or what one kind, recipe or field is.

    Raises:
        UsageError: nothing has that name.
    """
    if kind is None:
        return _contents()
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))  # a plug-in beside the recipe, as `align run` finds it
    found = [
        family
        for family in FAMILIES
        if (":" in kind or kind in catalog.kinds(family)) and _belongs(family, kind)
    ]
    if found:
        return "\n".join(_explained(family, kind) for family in found)
    if ":" in kind:
        whys = {_why_not(family, kind) for family in FAMILIES}
        raise UsageError(min(whys, key=lambda why: "must be a subclass" in why))
    if kind in dict(shipped()):
        return find(kind).read_text(encoding="utf-8")
    if lines := _of_field(kind):
        return "\n".join([*lines, ""])
    known = {name for family in FAMILIES for name in catalog.kinds(family)}
    raise UsageError(f"no kind or field {kind!r}{did_you_mean(kind, known)}")


def _contents() -> str:
    """Return the list of all kinds, by family, and of the recipes that are shipped."""
    lines = []
    for family in FAMILIES:
        lines.append(f"{family}s:")
        lines += [
            f"  {name:20} {_first_line(family, name)}"
            for name in catalog.kinds(family)
            if _belongs(family, name)
        ]
    lines += ["recipes that are shipped:", *(f"  {name:20} {what}" for name, what in shipped())]
    return "\n".join([*lines, "", "align explain KIND shows its fields. Your own: kind: module:Class.", ""])


def _of_field(name: str) -> list[str]:
    """Explain a field of a recipe or of the built-in kinds, and name the kinds that have it."""
    owners: dict[str, list[str]] = {}
    for words, cls in _all_classes():
        if name in cls.model_fields:
            owners.setdefault("\n".join(_fields(cls, [name], "  ")), []).append(words)
    return [line for text, words in owners.items() for line in (f"{', '.join(words)}:", text)]


def _all_classes() -> Iterator[tuple[str, type[BaseModel]]]:
    yield "a recipe", Recipe
    for family in FAMILIES:
        for kind in catalog.BUILT_IN[family]:
            yield from _classes(family, kind).items()


def _why_not(family: str, kind: str) -> str:
    try:
        catalog.resolve(family, kind, FAMILIES[family])
    except catalog.PluginError as error:
        return str(error)
    return ""


def _belongs(family: str, kind: str) -> bool:
    """Does a kind belong to a family? Installed plug-ins are listed in every family."""
    try:
        _classes(family, kind)
    except catalog.PluginError:
        return False
    return True


def _first_line(family: str, name: str) -> str:
    first = next(iter(_classes(family, name).values()))
    cls = first.__mro__[1] if catalog.modes(family, name) else first
    return (cls.__doc__ or "").strip().partition("\n")[0]


def _classes(family: str, kind: str) -> dict[str, type[Plugin]]:
    """Return the class of a kind, or of each of its modes, by the words that select it."""
    modes = catalog.modes(family, kind)
    if not modes:
        return {kind: catalog.resolve(family, kind, FAMILIES[family])}
    return {f"{kind}, mode: {mode}": catalog.resolve(family, kind, FAMILIES[family], mode) for mode in modes}


def _explained(family: str, kind: str) -> str:
    return "\n".join(_of_class(family, words, cls) for words, cls in _classes(family, kind).items())


def _of_class(family: str, kind: str, cls: type[Plugin]) -> str:
    module = __import__(cls.__module__, fromlist=["x"]).__doc__ or cls.__doc__ or ""
    lines = [
        f"{kind} ({family}, {cls.__module__}:{cls.__name__}, version {cls.version})",
        "",
        module.strip(),
        "",
    ]
    # how weights are loaded comes last
    names = sorted(cls.model_fields, key=lambda name: name in LoadsModel.model_fields)
    return "\n".join([*lines, *_fields(cls, [name for name in names if name != "kind"], "  "), ""])


def _fields(cls: type[BaseModel], names: Iterable[str], indent: str) -> list[str]:
    """Return lines that explain fields and, below a field that holds a config, the fields of that config."""
    lines = []
    for name in names:
        field = cls.model_fields[name]
        default = (
            "required"
            if field.is_required()
            else f"default {written(field.get_default(call_default_factory=True))}"
        )
        refers = next((f"refers to {m.need}" for m in field.metadata if isinstance(m, wiring.Ref)), "")
        lines.append(
            f"{indent}{field.alias or name}  ({', '.join(filter(None, [refers, default, *limits(field)]))})"
        )
        inner = indent + " " * 4
        lines += textwrap.wrap(
            " ".join((field.description or "").split()),
            110 - len(inner),
            initial_indent=inner,
            subsequent_indent=inner,
        )
        for part in wiring.config_classes(field.annotation):
            if not issubclass(part, Plugin):
                lines += _fields(part, part.model_fields, inner)
    return lines
