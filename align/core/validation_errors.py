"""Turn pydantic's errors about a recipe into plain sentences, one for each place.

pydantic names the branches of a union as if they were keys (`data.0.str`), and reports an error for each.
Here a place is one that the file has, and the branches become one sentence: "a text or a mapping is expected
here, not 3".
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError, to_jsonable_python

EXPLAINED, UNKNOWN_KEY, MISSING_KEY, WRONG_TYPE, NOT_A_LIST, WRONG_WORD, WRONG_KIND = (
    "explained", "unknown_key", "missing_key", "wrong_type", "not_a_list", "wrong_word", "kind",
)  # fmt: skip
"""Types of errors after `explain`. `WRONG_TYPE` and `NOT_A_LIST` also say in `words` what was expected, for
the union around them; `WRONG_KIND` is raised by `align.core.config.Plugin`."""
OPTIONS = "options"
"""Key in an error's context: the values that would be right."""
MEANT = "meant"
"""Key in the context of an `UNKNOWN_KEY`: the key that was surely meant."""
TOO_FEW = "too_few"
"""Type of the error about a list that needs more items."""
DEPTH = "depth"
"""Key in an error's context: how many parts at the end of its location are keys, not branches of unions."""
_CONFIGS = "configs"
"""Key in an error's context: the names of the configs around the error, the outermost first."""
_WORDS = {
    "true or false": "bool_type bool_parsing",
    "a whole number": "int_type int_parsing int_parsing_size int_from_float",
    "a number": "float_type float_parsing", "a finite number": "finite_number", "a text": "string_type",
    "a list": "list_type tuple_type set_type frozen_set_type", "null": "none_required",
    "a mapping": "dict_type mapping_type model_type model_attributes_type dataclass_type",
    "a path": "path_type",
}  # fmt: skip
_EXPECTED = {kind: words for words, kinds in _WORDS.items() for kind in kinds.split()}
_BOUNDS = {
    "greater_than": "a number above {gt:g}", "greater_than_equal": "a number of at least {ge:g}",
    "less_than": "a number below {lt:g}", "less_than_equal": "a number of at most {le:g}",
    "string_too_short": "a text of at least {min_length} character",
    "too_short": "at least {min_length} item",
    "too_long": "at most {max_length} items", "string_pattern_mismatch": "a text of the form {pattern}",
}  # fmt: skip
_LIMITS = {
    "gt": "above {:g}", "ge": "at least {:g}", "lt": "below {:g}", "le": "at most {:g}",
    "min_length": "at least {} long", "pattern": "of the form {}",
}  # fmt: skip
_OF_A_KEY = {"missing", "extra_forbidden"}
"""Types of errors whose place may be a key that is missing in the file."""
_OWN = {EXPLAINED, UNKNOWN_KEY, MISSING_KEY, WRONG_TYPE, NOT_A_LIST, WRONG_WORD, WRONG_KIND, TOO_FEW}
_FOLLOWS = {"default_factory_not_called"}
"""Types of errors that only follow from another error."""


_Loc = tuple[int | str, ...]
_Why = tuple[_Loc, Any, dict[str, Any]]
"""The place of an error, its type and its context."""
SURE = 0.8
"""Similarity (difflib) from which a word is read as a misspelling of another; "modle" and "model" have
0.8."""


def nearest(word: Any, options: Iterable[str], likeness: float = 0.6) -> str | None:
    """Return the option that is most similar to a word, ignoring case; None if none is similar."""
    folded = {option.casefold(): option for option in reversed(list(options))}
    found = difflib.get_close_matches(str(word).casefold()[:100], folded, n=1, cutoff=likeness)
    return folded[found[0]] if found else None


def did_you_mean(word: str, options: Iterable[str]) -> str:
    """Return "; did you mean 'x'?" when an option is close to the word, else the options, else nothing."""
    options = sorted(options)
    if (close := nearest(word, options)) is not None:
        return f"; did you mean {close!r}?"
    shown = ", ".join(options[:12]) + (", ..." if len(options) > 12 else "")
    return f"; one of: {shown}" if options else ""


def not_installed(what: str, package: str) -> str:
    """Return the message that something needs a package that is not installed."""
    return f"{what} needs the package {package}, which is not installed here"


def shown(value: Any) -> str:
    """Return a value as a recipe would write it, cut to what fits into a sentence."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def written(value: Any) -> str:
    """Return a value as YAML in one line."""
    plain = to_jsonable_python(value, by_alias=True)
    return json.dumps(plain, ensure_ascii=False) if not isinstance(plain, str) else plain or '""'


def limits(field: FieldInfo) -> list[str]:
    """Return the limits on a field's values beyond their type: bounds, lengths, and allowed words."""
    said = []
    for bound in field.metadata:
        for name, words in _LIMITS.items():
            if (limit := getattr(bound, name, None)) is not None:
                said.append(words.format(limit))
    options = [str(word) for word in _literals(field.annotation) if isinstance(word, str)]
    what = "keys" if get_origin(field.annotation) is dict else "one of"
    return said + ([f"{what}: {' '.join(options)}"] if options else [])


def _literals(annotation: Any) -> list[Any]:
    inside = get_args(annotation)
    return (
        list(inside)
        if get_origin(annotation) is Literal
        else [word for part in inside for word in _literals(part)]
    )


def explain(cls: type[BaseModel], data: Any, errors: Sequence[ErrorDetails]) -> list[InitErrorDetails]:
    """Return one error for each place of a config where something is wrong.

    Args:
        cls: the config.
        data: the value that was to be read as this config.
        errors: pydantic's errors.
    """
    places = _by_place(cls, data, errors)
    missing = _missing_keys(places)
    misspelt = {
        nearest(place[-1], missing)
        for place, (first, *_) in places.items()
        if first["type"] == "extra_forbidden"
    }
    deeper = {place[:i] for place in places for i in range(len(place))}
    result = []
    for place, found in places.items():
        wrong = [error for error in found if not _words(error)] or found
        if place in deeper and _words(wrong[0]):
            continue  # the branch of a union that fits says what is wrong inside
        at, kind, context = _why(cls, place, wrong, missing)
        if kind == MISSING_KEY and place[0] in misspelt and len(place) == 1:
            continue
        context[DEPTH] = len(at)
        context[_CONFIGS] = (cls.__qualname__, *found[0].get("ctx", {}).get(_CONFIGS, ()))
        result.append(
            InitErrorDetails(
                type=PydanticCustomError(kind, "{why}", context), loc=at, input=found[0]["input"]
            )
        )
    return result


def _by_place(
    cls: type[BaseModel], data: Any, errors: Sequence[ErrorDetails]
) -> dict[_Loc, list[ErrorDetails]]:
    """Return errors by place, without those that follow from others or are of union branches not meant."""
    places: dict[_Loc, list[ErrorDetails]] = {}
    for error in _of_one_branch(cls, data, [error for error in errors if error["type"] not in _FOLLOWS]):
        places.setdefault(_place(cls, data, error), []).append(error)
    return places


def _missing_keys(places: Mapping[_Loc, list[ErrorDetails]]) -> set[str]:
    """Return the keys that the config itself lacks."""
    return {
        str(place[-1])
        for place, (first, *_) in places.items()
        if first["type"] == "missing" and len(place) == 1
    }


def _of_one_branch(cls: type[BaseModel], data: Any, errors: Sequence[ErrorDetails]) -> list[ErrorDetails]:
    """Leave out the errors of those configs of a union that were probably not meant; pydantic reports all."""
    left_out = []
    for branches in _unions(cls, data, errors):
        meant = min(branches, key=_unlikeness)
        _know_words_of_all(meant, branches)
        left_out += [error for found in branches if found is not meant for error in found]
    return [error for error in errors if not any(error is other for other in left_out)]


def _unions(
    cls: type[BaseModel], data: Any, errors: Sequence[ErrorDetails]
) -> list[list[list[ErrorDetails]]]:
    """Return the errors of each union, in one list for each config of the union."""
    unions: dict[_Loc, dict[str, list[ErrorDetails]]] = {}
    for error in errors:
        names = error.get("ctx", {}).get(_CONFIGS, ())
        if names:
            place = _place(cls, data, {**error, "loc": error["loc"][: _first_branch(data, error["loc"])]})
            unions.setdefault(place, {}).setdefault(names[0], []).append(error)
    return [list(branches.values()) for branches in unions.values()]


def _unlikeness(found: Sequence[ErrorDetails]) -> tuple[int, ...]:
    """Return a sort key for the configs of a union: the one that was probably meant has the lowest.

    It is the one whose words (`type: remote`) are right, then the one with the fewest keys that it does not
    know, then the one with the fewest mistakes, then the first.
    """
    return (*(sum(error["type"] == unlike for error in found) for unlike in _UNLIKE), len(found))


def _know_words_of_all(meant: Sequence[ErrorDetails], branches: Sequence[Sequence[ErrorDetails]]) -> None:
    """Let an error about a wrong word list the words of all configs of the union that have that field."""
    words = [error for found in branches for error in found if error["type"] == WRONG_WORD]
    if len(words) < 2:
        return
    for error in meant:
        if error["type"] == WRONG_WORD:
            options = [
                word for other in words if other["loc"] == error["loc"] for word in other["ctx"][OPTIONS]
            ]
            error["ctx"] |= {OPTIONS: options, "why": no_such(error["input"], options)}


_UNLIKE = (WRONG_WORD, UNKNOWN_KEY)


def _first_branch(data: Any, loc: Sequence[int | str]) -> int:
    """Return how many parts of a location come before the first that names a branch of a union."""
    for i, part in enumerate(loc):
        listed = isinstance(data, list | tuple) and isinstance(part, int) and part < len(data)
        if not listed and not (isinstance(data, Mapping) and part in data):
            return i
        data = data[part]
    return len(loc)


def _words(error: ErrorDetails) -> str | None:
    """Return what type a value should have, in words, if it has the wrong one."""
    return _EXPECTED.get(error["type"]) or error.get("ctx", {}).get("words")


def _place(cls: type[BaseModel], data: Any, error: ErrorDetails) -> _Loc:
    """Return where an error is, without the names of a union's branches."""
    loc, place, node, own = error["loc"], [], data, cls.model_fields
    known = error.get("ctx", {}).get(DEPTH, 0)
    for i, part in enumerate(loc):
        inside = isinstance(node, Mapping) and part in node
        if inside or (isinstance(node, list | tuple) and isinstance(part, int) and part < len(node)):
            node = node[part]
            place.append(part)
        elif i >= len(loc) - known or (
            i == len(loc) - 1 and (error["type"] in _OF_A_KEY or (not place and part in own))
        ):
            place.append(part)  # a key that is not there, or that a validator has renamed
    return tuple(place)


def _why(cls: type[BaseModel], place: _Loc, errors: list[ErrorDetails], missing: set[str]) -> _Why:
    """Return the place of an error, its type, and its context, in which `why` is the sentence."""
    first = errors[0]
    kind, limits = first["type"], first.get("ctx", {})
    if kind in _OWN and len(errors) == 1:  # explained already, by a config inside this one
        return place, kind, dict(limits)
    if kind in _OF_A_KEY:
        return _why_of_key(cls, place, kind, missing)
    if _words(first):
        return place, *_why_of_type(errors)
    if kind in _BOUNDS:
        return (
            place,
            TOO_FEW if kind == "too_short" else EXPLAINED,
            _out_of_bounds(kind, first["input"], limits),
        )
    if kind in ("literal_error", "enum"):
        options = [word for error in errors for word in _options(error.get("ctx", {}).get("expected", ""))]
        return place, WRONG_WORD, {"why": no_such(first["input"], options), OPTIONS: options}
    if kind.startswith("union_tag"):
        return _why_of_tag(place, limits)
    return place, EXPLAINED, {"why": _said(first)}


def _why_of_key(cls: type[BaseModel], place: _Loc, kind: str, missing: set[str]) -> _Why:
    """Return the same as `_why`, for a key that is unknown or missing."""
    if kind == "extra_forbidden":
        return (
            place,
            UNKNOWN_KEY,
            _unknown(cls, str(place[-1]), missing) if len(place) == 1 else {"why": "unknown key"},
        )
    if isinstance(place[-1], int):
        return (
            place[:-1],
            EXPLAINED,
            {"why": f"a list of more items is expected here: item {place[-1] + 1} is missing"},
        )
    return place, MISSING_KEY, {"why": "this key is required"}


def _why_of_type(errors: list[ErrorDetails]) -> tuple[Any, dict[str, Any]]:
    """Return type and context of an error about a value that has the type of no branch of a union."""
    kind, value = errors[0]["type"], errors[0]["input"]
    words = " or ".join(dict.fromkeys(str(_words(error)) for error in errors))
    if kind == "list_type" and isinstance(value, str) and len(errors) == 1:
        return NOT_A_LIST, {"why": f"a list is expected here: [{value}]", "words": words}
    defaults = "; {} takes the defaults" if value is True and kind == "model_type" else ""
    return WRONG_TYPE, {"why": f"{words} is expected here, not {shown(value)}{defaults}", "words": words}


def _why_of_tag(place: _Loc, limits: Mapping[str, Any]) -> _Why:
    """Return the same as `_why`, for the key that chooses one config of a union."""
    key = limits["discriminator"].strip("'")
    if "tag" not in limits:
        return (*place, key), MISSING_KEY, {"why": "this key is required"}
    options = _options(limits.get("expected_tags", ""))
    return (*place, key), WRONG_WORD, {"why": no_such(limits["tag"], options), OPTIONS: options}


def _said(error: ErrorDetails) -> str:
    """Return the sentence of pydantic or a validator, in the form of our own."""
    said = (
        " ".join(re.sub(r"^(Value error|Assertion failed),\s*", "", error["msg"]).split())
        or "this value is not accepted"
    )
    expected = re.fullmatch(r"Input should be (.*)", said)
    return f"{expected[1]} is expected here, not {shown(error['input'])}" if expected else said


def _unknown(cls: type[BaseModel], key: str, missing: set[str]) -> dict[str, Any]:
    """Return what to say about an unknown key, and which key was probably meant."""
    if said := getattr(cls, "elsewhere", lambda _: "")(key):
        return {"why": f"unknown key; {said}"}
    valid = [field.alias or name for name, field in cls.model_fields.items() if name != "kind"]
    if (near := nearest(key, missing)) is not None:
        sure = nearest(key, missing, SURE) or (near if nearest(key, valid) == near else None)
        return {"why": f"unknown key; did you mean {near!r}?", MEANT: sure}
    return {"why": f"unknown key{did_you_mean(key, valid)}", MEANT: nearest(key, valid, SURE)}


def no_such(value: Any, options: Sequence[Any]) -> str:
    """Return the sentence about a value that is not one of the allowed ones."""
    if isinstance(value, str):
        if any(not isinstance(option, str) and shown(option) == value for option in options):
            return f"{value} is expected here, not the text {value!r}"
        return f"there is no {shown(value)}{did_you_mean(value, [str(option) for option in options])}"
    said = " or ".join(option if isinstance(option, str) else shown(option) for option in options)
    return (
        f"{said or 'a text'} is expected here{f', not {shown(value)}' if value is not None or said else ''}"
    )


def _out_of_bounds(kind: str, value: Any, limits: Mapping[str, Any]) -> dict[str, Any]:
    many = "s" if limits.get("min_length", 1) > 1 else ""
    what = f"{_BOUNDS[kind].format(**limits)}{many}"
    verb = "are" if kind.startswith("too_") and what.endswith("s") else "is"
    told = "" if limits.keys() & {"min_length", "max_length"} else f", not {shown(value)}"
    bound = next((limits[name] for name in ("gt", "ge", "lt", "le") if name in limits), None)
    near = [] if bound is None else [bound, bound + 1, bound - 1]
    return {"why": f"{what} {verb} expected here{told}", OPTIONS: near}


def _options(expected: str) -> list[Any]:
    """Return the values of a Literal from pydantic's list of them: `'a', 'b', None or 3`."""
    plain = {"None": None, "True": True, "False": False}
    found = re.findall(r"'((?:[^'\\]|\\.)*)'|([^\s,']+)", re.sub(r"(?<=[\w'\"]) or (?=\S+$)", ", ", expected))
    return [
        word or plain.get(other, int(other) if other.lstrip("-").isdigit() else other)
        for word, other in found
    ]
