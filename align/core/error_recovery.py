"""Read a plug-in of a recipe as it was probably meant, so that one mistake does not hide the others.

A plug-in can report what is wrong with it only when its fields have the right types. Where they do not, the
type check reports that, and two things are done to find the other mistakes all the same. A misspelt key or
kind is read as the nearest one, and a single item as a list, if that fits. Any other wrong value is replaced
in turn by several values that the field accepts, because nobody knows which was meant: each choice gives one
reading of the plug-in. A mistake that all readings have does not come from the values that were put in. Where
no value is accepted, the fields that are right are still checked one by one.
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
"""Values that are tried in place of a wrong one, besides those that the error itself names."""
_READINGS, _ROUNDS = 12, 8
"""The most readings of a plug-in (a field of fifteen words, such as `loss_type`, is tried with twelve), and
the most rounds in which a corrected mistake may reveal another."""


class Recovered:
    """A plug-in of a recipe, read as it was probably meant in spite of its mistakes."""

    def __init__(
        self, cls: type[Plugin], raw: Mapping[str, Any], *, corrected: Mapping[Loc, str] | None = None
    ) -> None:
        """Read the plug-in.

        Args:
            cls: the class that its `kind` names.
            raw: its fields as the recipe has them.
            corrected: misspelt keys that are corrected already, by their right place; given if the class
                itself was found by a correction. The type check of the recipe has not seen the fields then,
                so the types are checked here.
        """
        self.cls = cls
        self._fields: dict[str, Any] = copy.deepcopy(dict(raw))
        self._renamed: dict[Loc, str] = dict(corrected or {})
        self.mistyped: list[tuple[Loc, str]] = []
        """(location, what is wrong) for wrong types that the recipe's own type check cannot see."""
        self._correct(unseen=corrected is not None)
        self.guessed: list[Loc] = []
        """Places whose value was guessed."""
        self.readings = self._read()
        """What the recipe may have meant: one if nothing had to be guessed, none if no guess is accepted."""

    def agreed(self, find: Callable[[Any], Iterable[Found]], *, one_by_one: bool = False) -> list[Found]:
        """Return what `find` returns for every reading, except at places that were guessed.

        Args:
            find: returns, for a reading, tuples that begin with a location.
            one_by_one: `find` looks at each field by itself, so it may also be given an object that has only
                the fields that are right.
        """
        found = []
        for reading in self.readings or ([self._right_fields()] if one_by_one else []):
            try:
                found.append(list(find(reading)))
            except Exception:
                # what a user's class raises about a guessed value says nothing about the recipe
                if not self.guessed and self.readings:
                    raise
        first, *others = found or [[]]
        return [
            item for item in first if all(item in other for other in others) and not self._is_guess(item[0])
        ]

    def written(self, loc: Loc) -> Loc:
        """Return a location with its keys as the recipe spells them."""
        return tuple(self._renamed.get(loc[: i + 1], key) for i, key in enumerate(loc))

    def _is_guess(self, loc: Loc) -> bool:
        return any(loc[: len(place)] == place for place in self.guessed)

    # -- what was meant --------------------------------------------------------------------------------------

    def _correct(self, *, unseen: bool) -> None:
        """Correct what is misspelt, and note mistakes that show only after that."""
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
        """Correct what an error is about, if that is sure enough; return whether the fields have changed."""
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
        """Return readings, each with other values at the places that are still wrong."""
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
        if place in choices:  # a rule of the config around it has refused the value there
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

        The next round looks for values inside the latter.
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
    except (Exception, SystemExit) as error:
        # raised by a user's validator; `Plugin` reports it for the recipe's own values
        return [{"loc": (), "type": "raised", "msg": str(error)}]
    return []


def _made(cls: type[Plugin], fields: dict[str, Any]) -> Plugin | None:
    try:
        return cls.model_validate(fields)
    except (Exception, SystemExit):  # the values are right one by one, and not together
        return None


def _outside(choices: Mapping[Loc, list[Any]], place: Loc) -> dict[Loc, list[Any]]:
    """Return the choices except those at a place or inside it."""
    return {loc: held for loc, held in choices.items() if loc[: len(place)] != place}


def _with(fields: dict[str, Any], choices: Mapping[Loc, list[Any]], number: int) -> dict[str, Any]:
    """Return fields in which each place of `choices` holds its value `number`; outer places come first."""
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
    """Return the value at a place; None if there is no such place."""
    for key in inside:
        if isinstance(fields, dict):
            fields = fields.get(key)
        elif isinstance(fields, list) and isinstance(key, int) and key < len(fields):
            fields = fields[key]
        else:
            return None
    return fields
