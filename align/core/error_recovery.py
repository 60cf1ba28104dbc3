"""A part of a recipe as it was probably meant, so that one mistake in it does not hide the others.

A plug-in can only be asked what is wrong with it when its fields are well typed. Where they are not, the type
check reports that, and two things are done to ask the rest all the same. A misspelt key or kind is read as
the nearest one, and a single item as a list of it, if that fits. Any other wrong value is replaced by several
values in turn that the field accepts, because nobody knows which was meant: each choice gives a reading of
the plug-in. What all readings have in common does not follow from what was put in. Where no value will do,
the fields that are right are still looked at one by one.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from align.core import catalog
from align.core.config import Plugin
from align.core.validation_errors import MEANT, NOT_A_LIST, OPTIONS, TOO_FEW, UNKNOWN_KEY, WRONG_KIND, nearest

Loc = tuple[int | str, ...]
Found = TypeVar("Found", bound=tuple[Any, ...])
_LEFT_OUT = object()
_TRIED = (
    _LEFT_OUT, "base", "a/b", "x", True, False, 1, 0, 2, 0.5, 1e-9, 1e9, 10, 100,
    [], ["a/b"], ["base", "a/b"], ["a/b", "c/d"],
    [1.0, 1.0], {}, {"base": "base"}, *(kind for kinds in catalog.BUILT_IN.values() for kind in kinds),
)  # fmt: skip
"""Values that are tried for one that is wrong, besides those that the error itself names."""
_READINGS, _ROUNDS = 12, 8
"""At most: readings of a plug-in (a field of fifteen words, such as `loss_type`, is tried with twelve), and
how often a corrected mistake may bring up another behind it."""


class Recovered:
    """A plug-in of a recipe read past its mistakes, as it was probably meant."""

    def __init__(
        self, cls: type[Plugin], raw: Mapping[str, Any], *, corrected: Mapping[Loc, str] | None = None
    ) -> None:
        """Read it.

        Args:
            cls: the class that its `kind` names.
            raw: its fields as the recipe has them.
            corrected: misspelt keys that are already put right, at their right place, where the class itself
                was found by correcting something. Then the type check of the recipe has not looked at the
                fields, and this does.
        """
        self.cls = cls
        self._fields: dict[str, Any] = copy.deepcopy(dict(raw))
        self._renamed: dict[Loc, str] = dict(corrected or {})
        self.mistyped: list[tuple[Loc, str]] = []
        """(location, what is wrong) for wrong types that the recipe's own type check cannot see."""
        self._correct(unseen=corrected is not None)
        self.guessed: list[Loc] = []
        """Places whose value is not the recipe's."""
        self.readings = self._read()
        """What the recipe may have meant: one if nothing had to be guessed, none if no guess is accepted."""

    def agreed(self, find: Callable[[Any], Iterable[Found]], *, one_by_one: bool = False) -> list[Found]:
        """Return what is found in every reading, and not at a place that was guessed.

        Args:
            find: returns, for a reading, tuples that begin with a location.
            one_by_one: it looks at each field for itself; then it may also be asked of an object that has no
                more than the fields that are right.
        """
        found = []
        for reading in self.readings or ([self._right_fields()] if one_by_one else []):
            try:
                found.append(list(find(reading)))
            except (
                Exception
            ):  # whatever a user's class raises about a value that we made up says nothing about the recipe
                if not self.guessed and self.readings:
                    raise
        first, *others = found or [[]]
        return [
            item for item in first if all(item in other for other in others) and not self._is_guess(item[0])
        ]

    def written(self, loc: Loc) -> Loc:
        """Return a location with the keys that the recipe has, misspelt as they may be."""
        return tuple(self._renamed.get(loc[: i + 1], key) for i, key in enumerate(loc))

    def _is_guess(self, loc: Loc) -> bool:
        return any(loc[: len(place)] == place for place in self.guessed)

    # -- what was meant --------------------------------------------------------------------------------------

    def _correct(self, *, unseen: bool) -> None:
        """Read what is misspelt as it was meant, and note what only shows then."""
        seen: set[tuple[Loc, str]] = set()
        for turn in range(_ROUNDS):
            errors = _errors(self.cls, self._fields)
            told = [(e["loc"], e["msg"]) for e in errors]
            self.mistyped += [
                (self.written(loc), what)
                for loc, what in told
                if (turn or unseen) and (loc, what) not in seen
            ]
            seen |= set(told)
            if not sum([self._corrected(error) for error in errors]):
                return

    def _corrected(self, error: Any) -> bool:
        """Put right what an error is about, if it is sure enough; return whether the fields have changed."""
        *inside, key = error["loc"] or (None,)
        node, context = _at(self._fields, inside), error.get("ctx", {})
        if not isinstance(node, dict) or key not in node:
            return False
        value = node[key]
        if error["type"] == NOT_A_LIST:
            listed = [part.strip() for part in value.split(",")]
            if not self._fits((*inside, key), listed, whole=True):
                return False
            node[key] = listed
            return True
        if error["type"] == UNKNOWN_KEY:
            near = context.get(MEANT)
            fits = (
                near is not None
                and near not in node
                and (near == "kind" or self._fits((*inside, near), value))
            )
            del node[key]
            if fits:
                node[near] = value
                self._renamed[*inside, near] = key
            return True
        if error["type"] == WRONG_KIND and (near := nearest(value, context.get(OPTIONS, ()))) not in (
            None,
            value,
        ):
            node[key] = near
            return True
        return False

    def _fits(self, place: Loc, value: Any, *, whole: bool = False) -> bool:
        """Does the type of a value fit at a place? With `whole`, everything inside the value must fit too."""
        wrong = [e["loc"] for e in _errors(self.cls, _with(self._fields, {place: [value]}, 0))]
        return place not in wrong and not (whole and any(loc[: len(place)] == place for loc in wrong))

    # -- readings --------------------------------------------------------------------------------------------

    def _read(self) -> list[Plugin]:
        """Return readings, each with values at the places that are still wrong."""
        choices: dict[Loc, list[Any]] = {}
        for _ in range(_ROUNDS):
            errors = _errors(self.cls, _with(self._fields, choices, 0))
            if not errors:
                break
            for error in errors:
                place, values = self._possible(error, choices)
                if not place:
                    self.guessed = list(choices)
                    return []
                choices = _outside(choices, place) | {place: values}
        self.guessed = list(choices)
        count = min(_READINGS, max(map(len, choices.values()), default=1))
        return [
            reading
            for i in range(count)
            if (reading := _made(self.cls, _with(self._fields, choices, i))) is not None
        ]

    def _possible(self, error: Any, choices: Mapping[Loc, list[Any]]) -> tuple[Loc, list[Any]]:
        """Return the place of an error, or one around it, and the values that the class accepts there."""
        place, options = error["loc"], list(error.get("ctx", {}).get(OPTIONS, ()))
        options += [[option, option] for option in options[:1]]
        if error["type"] == TOO_FEW and isinstance(held := _at(self._fields, place), list):
            place = (*place, len(held))
        if not place:
            return self._possible_anywhere(choices)
        if place in choices:  # a rule of the config around it has refused what stands there
            place, options = place[:-1], []
        while place:
            accepted, half = self._accepted(place, options, choices)
            if accepted or half:
                return place, accepted or half[:1]
            place, options = place[:-1], []
        return (), []

    def _accepted(
        self, place: Loc, options: list[Any], choices: Mapping[Loc, list[Any]]
    ) -> tuple[list[Any], list[Any]]:
        """Return the values that fit at a place, and those that are wrong only further inside.

        The next round looks for values to put there.
        """
        accepted, half = [], []
        default, others = self._default(place), _outside(choices, place)
        for value in (*options, *_TRIED, *([default * 2] if isinstance(default, list) else [])):
            if value is _LEFT_OUT and isinstance(place[-1], int):
                continue  # the other items of the list would move
            inside = [e["loc"] for e in _errors(self.cls, _with(self._fields, others | {place: [value]}, 0))]
            if not any(loc[: len(place)] == place or not loc for loc in inside):
                accepted.append(value)
            elif place not in inside and () not in inside:
                half.append(value)
        return accepted, half

    def _possible_anywhere(self, choices: Mapping[Loc, list[Any]]) -> tuple[Loc, list[Any]]:
        """Return a field and values of it that satisfy a rule over several fields; an empty place if none."""
        for key in self._fields:
            if key in ("kind", "mode") or (key,) in choices:
                continue
            others = _outside(choices, (key,))
            tried = [
                (value, _with(self._fields, others | {(key,): [value]}, 0))
                for value in (_LEFT_OUT, 0, 1, 2, 100)
            ]
            if accepted := [value for value, fields in tried if not _errors(self.cls, fields)]:
                return (key,), accepted
        return (), []

    def _default(self, place: Loc) -> Any:
        found = [field for name, field in self.cls.model_fields.items() if place == (field.alias or name,)]
        return found[0].get_default() if found else None

    def _right_fields(self) -> Any:
        """Return an object of the class that has only the fields that are right; the others are None."""
        held: dict[str, Any] = dict.fromkeys(self.cls.model_fields)
        for name, field in self.cls.model_fields.items():
            annotation: Any = field.annotation
            try:
                held[name] = TypeAdapter(annotation).validate_python(self._fields.get(field.alias or name))
            except Exception:  # the type check reports it
                continue
        return self.cls.model_construct(**held)


def recover(raw: Any, base: type[Plugin]) -> Recovered | None:
    """Return a plug-in as it was probably meant, by its `kind` or the nearest one; None if none is near."""
    raw = {"kind": raw} if isinstance(raw, str) else raw
    if not isinstance(raw, Mapping):
        return None
    names, corrected = catalog.kinds(base.family), {}
    if "kind" not in raw and (key := catalog.kind_key(raw, names)):
        raw = {"kind": raw[key], **{name: value for name, value in raw.items() if name != key}}
        corrected[("kind",)] = key
    for kind in (raw.get("kind"), nearest(raw.get("kind"), names)):
        modes = catalog.modes(base.family, str(kind))
        for more in ({}, {"mode": nearest(raw.get("mode"), list(modes))} if modes else {}):
            fields = {**raw, "kind": kind, **more}
            try:
                cls = catalog.choose(base.family, fields, base)
            except catalog.PluginError:
                continue  # the type check reports it
            return Recovered(cls, fields, corrected=corrected if corrected or fields != raw else None)
    return _of_any_mode(raw, base, corrected)


def _of_any_mode(
    raw: Mapping[str, Any], base: type[Plugin], corrected: Mapping[Loc, str]
) -> Recovered | None:
    """Return a plug-in whose kind has modes and that names none.

    It keeps the mistakes that it would have in every mode, and the fields that are right.
    """
    tried = []
    for mode in catalog.modes(base.family, str(raw.get("kind"))):
        fields = {**raw, "mode": mode}
        tried.append(Recovered(catalog.choose(base.family, fields, base), fields, corrected=corrected))
    if not tried:
        return None
    likely = min(tried, key=lambda meant: len(meant.mistyped))
    everywhere = set.intersection(
        *({(loc, what.partition(";")[0]) for loc, what in meant.mistyped} for meant in tried)
    )
    likely.mistyped = sorted(everywhere, key=str)
    likely.readings = []  # what it would find wrong with itself depends on the mode
    return likely


def _errors(cls: type[Plugin], fields: dict[str, Any]) -> list[Any]:
    """Return pydantic's errors about fields; if the class raises anything else, that as the only error."""
    try:
        cls.model_validate(copy.deepcopy(fields))
    except ValidationError as error:
        return list(error.errors())
    except (
        Exception,
        SystemExit,
    ) as error:  # of a user's validator; `Plugin` reports it of the recipe's own values
        return [{"loc": (), "type": "raised", "msg": str(error)}]
    return []


def _made(cls: type[Plugin], fields: dict[str, Any]) -> Plugin | None:
    try:
        return cls.model_validate(fields)
    except (Exception, SystemExit):  # the values are right one by one, and not together
        return None


def _outside(choices: Mapping[Loc, list[Any]], place: Loc) -> dict[Loc, list[Any]]:
    """Return choices but for those at a place and inside it."""
    return {loc: held for loc, held in choices.items() if loc[: len(place)] != place}


def _with(fields: dict[str, Any], choices: Mapping[Loc, list[Any]], number: int) -> dict[str, Any]:
    """Return fields in which the places of choices hold the value of a number; outer places first."""
    result = copy.deepcopy(fields)
    for place in sorted(choices, key=len):
        value, (*inside, key) = choices[place][number % len(choices[place])], place
        node: Any = result
        for step in inside:
            if isinstance(node, dict) and isinstance(node.get(step), str):
                node[step] = {"kind": node[step]}  # `reward: math` is short for `reward: {kind: math}`
            node = _at(node, [step])
        if isinstance(node, dict):
            node.pop(key, None)
            node |= {} if value is _LEFT_OUT else {key: copy.deepcopy(value)}
        elif isinstance(node, list) and isinstance(key, int):
            node[key : key + 1] = [copy.deepcopy(value)]
    return result


def _at(fields: Any, inside: Iterable[Any]) -> Any:
    """Return what stands at a place; None where nothing can."""
    for key in inside:
        if isinstance(fields, dict):
            fields = fields.get(key)
        elif isinstance(fields, list) and isinstance(key, int) and key < len(fields):
            fields = fields[key]
        else:
            return None
    return fields
