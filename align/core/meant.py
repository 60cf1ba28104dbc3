"""A part of a recipe as it was probably meant, so that one mistake in it does not hide the others.

A plug-in can only be asked what is wrong with it when its fields are well typed. Where they are not, the type check reports
that, and two things are done to ask the rest all the same. A misspelt key or kind is read as the nearest one, and a single item
as a list of it. Any other wrong value is replaced by several values in turn that the field accepts, because nobody knows which
was meant: each choice gives a reading of the plug-in. What all readings have in common does not follow from what was put in.
"""

from __future__ import annotations

import copy
import difflib
import functools
import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from align.core import catalog
from align.core.config import Plugin
from align.core.explained import MISSING_KEY, NOT_A_LIST, OPTIONS, UNKNOWN_KEY, WRONG_KIND

Loc = tuple[int | str, ...]
Found = TypeVar("Found", bound=tuple[Any, ...])
_LEFT_OUT = object()
_TRIED = (
    _LEFT_OUT, "base", "a/b", "x", True, False, 1, 0, 2, 0.5, 1e-9, 1e9, 10, 100, [], ["base"], ["base", "base"], [1.0, 1.0],
    {}, {"base": "base"}, *(kind for kinds in catalog.BUILT_IN.values() for kind in kinds),
)  # fmt: skip
"""Values that are tried for one that is wrong, besides those that the error itself names."""
_READINGS, _ROUNDS = 12, 8
"""At most: readings of a plug-in (a field of fifteen words, such as `loss_type`, is tried with twelve), and how often a
corrected mistake may bring up another behind it."""


class Meant:
    """A plug-in of a recipe, as it was probably meant."""

    def __init__(self, cls: type[Plugin], raw: Mapping[str, Any], *, corrected: Mapping[Loc, str] | None = None) -> None:
        """Read it.

        Args:
            cls: the class that its `kind` names.
            raw: its fields as the recipe has them.
            corrected: misspelt keys that are already put right, at their right place, where the class itself was found by
                correcting something. Then the type check of the recipe has not looked at the fields, and this does.
        """
        self.cls = cls
        self._fields: dict[str, Any] = copy.deepcopy(dict(raw))
        self._renamed: dict[Loc, str] = dict(corrected or {})
        self.mistyped: list[tuple[Loc, str]] = []
        """Where and what is wrong with the type of a value, of that which the type check of the recipe cannot see."""
        self._correct(unseen=corrected is not None)
        self.guessed: list[Loc] = []
        """Places whose value is not the recipe's."""
        self.readings = self._read()
        """What the recipe may have meant; one where nothing had to be guessed, none where no guess will do."""

    def agreed(self, find: Callable[[Plugin], Iterable[Found]]) -> list[Found]:
        """Return what is found in every reading, and not at a place that was guessed.

        Args:
            find: returns, for a reading, tuples that begin with a location.
        """
        found = []
        for reading in self.readings:
            try:
                found.append(list(find(reading)))
            except Exception:  # whatever a user's class raises about a value that we made up says nothing about the recipe
                if not self.guessed:
                    raise
        first, *others = found or [[]]
        return [item for item in first if all(item in other for other in others) and not self._is_guess(item[0])]

    def written(self, loc: Loc) -> Loc:
        """Return a location with the keys that the recipe has, misspelt as they may be."""
        return tuple(self._renamed.get(loc[: i + 1], key) for i, key in enumerate(loc))

    def _is_guess(self, loc: Loc) -> bool:
        return any(loc[: len(place)] == place for place in self.guessed)

    def _correct(self, *, unseen: bool) -> None:
        """Read what is misspelt as it was meant, and note what only shows then."""
        seen: set[tuple[Loc, str]] = set()
        for turn in range(_ROUNDS):
            errors = _errors(self.cls, self._fields)
            told = [(e["loc"], e["msg"]) for e in errors]
            self.mistyped += [(self.written(loc), what) for loc, what in told if (turn or unseen) and (loc, what) not in seen]
            seen |= set(told)
            missing = {e["loc"] for e in errors if e["type"] == MISSING_KEY}
            if not sum([self._corrected(error, missing) for error in errors]):
                return

    def _corrected(self, error: Any, missing: set[Loc]) -> bool:
        """Put right what an error is about, if it is sure enough; return whether it was."""
        if not error["loc"]:
            return False
        *inside, key = error["loc"]
        node, options = functools.reduce(operator.getitem, inside, self._fields), error.get("ctx", {}).get(OPTIONS, ())
        if error["type"] == NOT_A_LIST and not isinstance(node[key], list):
            node[key] = [node[key]]
        elif error["type"] == UNKNOWN_KEY:
            lacking = [str(loc[-1]) for loc in missing if loc[:-1] == tuple(inside)]
            near = _nearest(key, lacking) or _nearest(key, [option for option in options if option not in node])
            near = "kind" if options == ["kind"] else near  # it may also be `type`
            value = node.pop(key)
            if near:
                node[near] = value
                self._renamed[*inside, near] = key
        elif error["type"] == WRONG_KIND and key in node and (near := _nearest(node[key], options)):
            node[key] = near
        else:
            return False
        return True

    def _read(self) -> list[Plugin]:
        """Return readings, each with values at the places that are still wrong."""
        choices: dict[Loc, list[Any]] = {}
        for _ in range(_ROUNDS):
            errors = _errors(self.cls, _with(self._fields, choices, 0))
            if not errors:
                break
            for error in errors:
                place, values = self._possible(error, choices)
                choices = {loc: held for loc, held in choices.items() if loc[: len(place)] != place} | {place: values}
            if () in choices:
                return []
        self.guessed = list(choices)
        count = min(_READINGS, max(map(len, choices.values()), default=1))
        return [reading for i in range(count) if (reading := _made(self.cls, _with(self._fields, choices, i))) is not None]

    def _possible(self, error: Any, choices: Mapping[Loc, list[Any]]) -> tuple[Loc, list[Any]]:
        """Return the place of an error, or one around it, and the values that the class accepts there."""
        place = error["loc"]
        options = list(error.get("ctx", {}).get(OPTIONS, ()))
        if place in choices:  # a rule of the config around it has refused what stands there
            place, options = place[:-1], []
        while place:
            accepted, half = [], []
            for value in (*options, *_TRIED):
                if value is _LEFT_OUT and isinstance(place[-1], int):
                    continue  # the other items of the list would move
                inside = [e["loc"] for e in _errors(self.cls, _with(self._fields, {**choices, place: [value]}, 0))]
                if not any(loc[: len(place)] == place for loc in inside):
                    accepted.append(value)
                elif place not in inside:
                    half.append(value)  # wrong further in, where the next round looks
            if accepted or half:
                return place, accepted or half[:1]
            place, options = place[:-1], []
        return (), []


def read(raw: Any, base: type[Plugin]) -> Meant | None:
    """Return a plug-in as it was meant, by its `kind` or the kind that is nearest; None where there is none."""
    raw = {"kind": raw} if isinstance(raw, str) else raw
    if not isinstance(raw, Mapping):
        return None
    names, corrected = catalog.kinds(base.family), {}
    if "kind" not in raw and (key := catalog.kind_key(raw, names)):
        raw = {"kind": raw[key], **{name: value for name, value in raw.items() if name != key}}
        corrected[("kind",)] = key
    for kind in (raw.get("kind"), _nearest(raw.get("kind"), names)):
        modes = catalog.modes(base.family, str(kind))
        for more in ({}, {"mode": _nearest(raw.get("mode"), list(modes))} if modes else {}):
            fields = {**raw, "kind": kind, **more}
            try:
                cls = catalog.choose(base.family, fields, base)
            except catalog.PluginError:
                continue  # the type check reports it
            return Meant(cls, fields, corrected=corrected if corrected or fields != raw else None)
    return None


def _nearest(word: Any, options: Iterable[str]) -> str | None:
    return next(iter(difflib.get_close_matches(str(word), list(options), n=1)), None)


def _errors(cls: type[Plugin], fields: dict[str, Any]) -> list[Any]:
    """Return what the type check says of fields, as pydantic has it."""
    try:
        cls.model_validate(copy.deepcopy(fields))
    except ValidationError as error:
        return list(error.errors())
    return []


def _made(cls: type[Plugin], fields: dict[str, Any]) -> Plugin | None:
    try:
        return cls.model_validate(fields)
    except ValidationError:  # the values are right one by one, and not together
        return None


def _with(fields: dict[str, Any], choices: Mapping[Loc, list[Any]], number: int) -> dict[str, Any]:
    """Return fields in which the places of choices hold the value of a number; outer places first."""
    result = copy.deepcopy(fields)
    for place in sorted(choices, key=len):
        value, (*inside, key) = choices[place][number % len(choices[place])], place
        node: Any = result
        for step in inside:
            if isinstance(node[step], str):  # `reward: math` is short for `reward: {kind: math}`
                node[step] = {"kind": node[step]}
            node = node[step]
        if value is not _LEFT_OUT:
            node[key] = copy.deepcopy(value)
        elif isinstance(node, dict):
            node.pop(key, None)
    return result
