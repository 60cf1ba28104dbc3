"""What is wrong with a value, in a recipe's words: pydantic's errors, one sentence for each place.

pydantic names the branches of a union as if they were keys (`data.0.str`), and complains once for each. Here a place is what
the file holds, and the branches become one sentence: "a text or a mapping is expected here, not 3".
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

EXPLAINED, UNKNOWN_KEY, MISSING_KEY, WRONG_TYPE, NOT_A_LIST = (
    "explained", "unknown_key", "missing_key", "wrong_type", "not_a_list",
)  # fmt: skip
"""Types of errors after `explain`. The last two also say in `words` what was expected, for the union around them."""
_WORDS = {
    "true or false": "bool_type bool_parsing", "a whole number": "int_type int_parsing int_parsing_size int_from_float",
    "a number": "float_type float_parsing", "a finite number": "finite_number", "a text": "string_type",
    "a list": "list_type tuple_type set_type frozen_set_type", "null": "none_required",
    "a mapping": "dict_type mapping_type model_type model_attributes_type dataclass_type",
}  # fmt: skip
_EXPECTED = {kind: words for words, kinds in _WORDS.items() for kind in kinds.split()}
_BOUNDS = {
    "greater_than": "a number above {gt:g}", "greater_than_equal": "a number of at least {ge:g}",
    "less_than": "a number below {lt:g}", "less_than_equal": "a number of at most {le:g}",
    "string_too_short": "a text of at least {min_length} character", "too_short": "at least {min_length} item",
    "too_long": "at most {max_length} items", "string_pattern_mismatch": "a text of the form {pattern}",
}  # fmt: skip
_LIMITS = {
    "gt": "above {:g}", "ge": "at least {:g}", "lt": "below {:g}", "le": "at most {:g}", "min_length": "at least {} long",
    "pattern": "of the form {}",
}  # fmt: skip
_OF_A_KEY = {"missing", "extra_forbidden", UNKNOWN_KEY, MISSING_KEY, "kind"}
"""Errors whose place may be a key that is not there."""
_OWN = {EXPLAINED, UNKNOWN_KEY, MISSING_KEY, WRONG_TYPE, NOT_A_LIST, "kind"}


def did_you_mean(word: str, options: Iterable[str]) -> str:
    """Return "; did you mean 'x'?" when an option is close to the word, else the options, else nothing."""
    options = sorted(options)
    close = difflib.get_close_matches(word, options, n=1, cutoff=0.6)
    if close:
        return f"; did you mean {close[0]!r}?"
    shown = ", ".join(options[:12]) + (", ..." if len(options) > 12 else "")
    return f"; one of: {shown}" if options else ""


def shown(value: Any) -> str:
    """Return a value as a recipe would have it, cut to what fits into a sentence."""
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
    """Return what the values of a field must be, beyond their type: bounds, lengths, and the words that it knows."""
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
    return list(inside) if get_origin(annotation) is Literal else [word for part in inside for word in _literals(part)]


def explain(cls: type[BaseModel], data: Any, errors: Sequence[ErrorDetails]) -> list[InitErrorDetails]:
    """Return one error for each place of a config where something is wrong.

    Args:
        cls: the config.
        data: what was to be read as one.
        errors: pydantic's.
    """
    places: dict[tuple[int | str, ...], list[ErrorDetails]] = {}
    for error in errors:
        places.setdefault(_place(data, error), []).append(error)
    deeper = {place[:i] for place in places for i in range(len(place))}
    result = []
    for place, found in places.items():
        wrong = [error for error in found if not _words(error)] or found
        if place in deeper and _words(wrong[0]):
            continue  # the branch of a union that fits says what is wrong inside
        kind, said = _why(cls, place, wrong)
        result.append(InitErrorDetails(type=PydanticCustomError(kind, "{why}", said), loc=place, input=found[0]["input"]))
    return result


def _words(error: ErrorDetails) -> str | None:
    """Return what a value had to be, where it is of another type."""
    return _EXPECTED.get(error["type"]) or error.get("ctx", {}).get("words")


def _place(data: Any, error: ErrorDetails) -> tuple[int | str, ...]:
    """Return where an error is, without the names of a union's branches."""
    loc, place, node = error["loc"], [], data
    for i, part in enumerate(loc):
        inside = isinstance(node, Mapping) and part in node
        if inside or (isinstance(node, list | tuple) and isinstance(part, int) and part < len(node)):
            node = node[part]
            place.append(part)
        elif i == len(loc) - 1 and error["type"] in _OF_A_KEY:
            place.append(part)
    return tuple(place)


def _why(cls: type[BaseModel], place: tuple[int | str, ...], errors: list[ErrorDetails]) -> tuple[Any, dict[str, str]]:
    """Return the type of the error at a place, and the sentence."""
    first = errors[0]
    kind, value, limits = first["type"], first["input"], first.get("ctx", {})
    if kind in _OWN and len(errors) == 1:  # of a config inside this one
        return kind, limits
    if kind == "extra_forbidden":
        valid = [field.alias or name for name, field in cls.model_fields.items() if name != "kind"]
        hint = did_you_mean(str(place[-1]), valid) if len(place) == 1 else ""
        return UNKNOWN_KEY, {"why": f"unknown key{hint}"}
    if kind == "missing":
        return MISSING_KEY, {"why": "this key is required"}
    if _words(first):
        words = " or ".join(dict.fromkeys(str(_words(error)) for error in errors))
        if kind == "list_type" and isinstance(value, str) and len(errors) == 1:
            return NOT_A_LIST, {"why": f"a list is expected here: [{value}]", "words": words}
        defaults = "; {} takes the defaults" if value is True and kind == "model_type" else ""
        return WRONG_TYPE, {"why": f"{words} is expected here, not {shown(value)}{defaults}", "words": words}
    if kind in _BOUNDS:
        many = "s" if limits.get("min_length", 1) > 1 else ""
        what = f"{_BOUNDS[kind].format(**limits)}{many}"
        told = "" if limits.keys() & {"min_length", "max_length"} else f", not {shown(value)}"
        return EXPLAINED, {"why": f"{what} is expected here{told}"}
    if kind in ("literal_error", "enum"):
        options = re.findall(r"'([^']*)'", limits["expected"])
        return EXPLAINED, {"why": f"there is no {shown(value)}{did_you_mean(str(value), options)}"}
    return EXPLAINED, {"why": first["msg"].removeprefix("Value error, ")}
