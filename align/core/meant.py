"""A part of a recipe as it was probably meant, so that one mistake in it does not hide the others.

A plug-in can only be asked what is wrong with it when its fields are well typed. Where they are not, the type check reports
that, and the rest is asked of what was probably meant: a misspelt key is taken for the nearest one, a single item for a list of
it; what fits nowhere is left out, and something is put where a key is required.
"""

from __future__ import annotations

import copy
import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from align.core import catalog
from align.core.config import Plugin
from align.core.explained import MISSING_KEY, NOT_A_LIST, UNKNOWN_KEY


class Meant:
    """A plug-in of a recipe: its class, the keys as they were meant, and, where something can be made of them, its value."""

    def __init__(self, cls: type[Plugin], raw: Mapping[str, Any], *, guessed: bool = False) -> None:
        self.cls = cls
        self.raw: dict[str, Any] = copy.deepcopy(dict(raw))
        """Values as written, under the keys that were meant."""
        self.guessed: set[str] = set()
        """Keys whose value is not the recipe's."""
        self.mistyped: list[tuple[tuple[int | str, ...], str]] = []
        """Where and what is of the wrong type, when the class was guessed and nobody else can say so."""
        fields = dict(self.raw)
        self.value = self._read(fields, tell=guessed) or self._read(fields) or self._read(fields)  # a mistake may hide another

    def _read(self, fields: dict[str, Any], *, tell: bool = False) -> Plugin | None:
        try:
            return self.cls.model_validate(dict(fields))
        except ValidationError as error:
            errors = error.errors()
        self.mistyped += [(e["loc"], e["msg"]) for e in errors if tell]
        missing = {str(e["loc"][0]) for e in errors if e["type"] == MISSING_KEY and len(e["loc"]) == 1}
        for e in errors:
            key, inside = str(e["loc"][0]) if e["loc"] else "", e["loc"][1:]
            if key not in fields:
                continue
            value = fields.pop(key)
            near = difflib.get_close_matches(key, missing or _keys(self.cls), n=1)
            if e["type"] == UNKNOWN_KEY and not inside and near and near[0] not in fields:
                fields[near[0]] = value
                self.raw[near[0]] = self.raw.pop(key)
            elif e["type"] == NOT_A_LIST and not inside:
                fields[key] = [value]
            elif inside and (rest := _without(value, inside)) is not None:
                fields[key] = rest
            else:
                self.guessed.add(key)
        for key in missing - fields.keys():
            self.guessed.add(key)
            if (value := _some(self.cls, key)) is not None:
                fields[key] = value
        return None

    def problems(self, folder: Any) -> Iterator[tuple[str, str]]:
        """Yield what the plug-in finds wrong with itself, but for what follows from a value that is not the recipe's."""
        for field, what in self.value.problems(folder) if self.value else ():
            if not any(re.search(rf"\b{re.escape(key)}\b", f"{field} {what}") for key in self.guessed):
                yield field, what


def read(raw: Any, base: type[Plugin]) -> Meant | None:
    """Return a plug-in as it was meant, by its `kind` or the kind that is nearest; None where there is none."""
    if not isinstance(raw, Mapping):
        return None
    near = difflib.get_close_matches(str(raw.get("kind")), catalog.kinds(base.family), n=1)
    for kind in (raw.get("kind"), *near):
        try:
            cls = catalog.choose(base.family, {**raw, "kind": kind}, base)
        except catalog.PluginError:
            continue  # the type check reports it
        return Meant(cls, raw, guessed=kind != raw.get("kind"))
    return None


def _keys(cls: type[Plugin]) -> list[str]:
    return [field.alias or name for name, field in cls.model_fields.items()]


def _some(cls: type[Plugin], key: str) -> Any:
    """Return a value that a field may have; None where none of the usual ones will do."""
    annotation: Any = next(field.annotation for name, field in cls.model_fields.items() if key in (name, field.alias))
    for value in ("base", ["base"], 1, {}):
        try:
            TypeAdapter(annotation).validate_python(value)
        except ValidationError:
            continue
        return value
    return None


def _without(value: Any, inside: tuple[int | str, ...]) -> Any:
    """Return a value without the key inside it that is wrong; None where that key is an item of a list, or not there."""
    if not isinstance(value, Mapping) or inside[0] not in value:
        return None
    rest = dict(value)
    taken = rest.pop(inside[0])
    if len(inside) > 1:
        rest[inside[0]] = _without(taken, inside[1:])
        return rest if rest[inside[0]] is not None else None
    return rest
