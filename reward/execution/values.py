"""Is what a program returned, or printed, what was expected?

Values are compared as JSON has them, because that is what tests are written in:

- An integer that is expected is exact: 2000001.0 is not 2000000; 2000000.0 is, as `==` has it in Python.
- A float that is expected may be off by `RELATIVE`; zero by `NEAR_ZERO`, for nothing is relative to it. An
  integer that is returned for a float without a fraction is exact too. Infinity and NaN are themselves.
- A bool is no number, None is nothing else, text is exact.
- A tuple or an array equals a list. A set does not: it has no order, and could stand for any order that was
  asked for.
- Keys of an object are text: 1 and "1" are one key.

What is printed is compared token by token, as competitions do: how tokens are spread over lines and spaces
does not matter, large and small letters do. A token that is expected with a decimal point or an exponent is a
float, all others are text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

RELATIVE = 1e-6
"""How far apart two floats may be in proportion: what problems of competitions usually say. (EvalPlus allows
1e-7, besides an absolute 1e-6, which makes every tiny number right.)"""
NEAR_ZERO = 1e-6
"""How far from an expected zero: EvalPlus' absolute tolerance where its data set gives none."""
ROUNDING = 1e-12
"""How far apart two floats may always be: an expected 5.6e-17 is a zero that was rounded."""
EXACT = 2**53
"""Integers up to here are floats too."""
_FLOAT = re.compile(r"[-+]?(?:\d+\.\d*|\.\d+|\d+(?=[eE]))(?:[eE][-+]?\d+)?", re.ASCII)
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?", re.ASCII)
_JSON_KEYS: dict[Any, str] = {None: "null", True: "true", False: "false"}


def same(found: Any, expected: Any) -> bool:
    """Is a value what was expected?"""
    if type(found).__module__ == "numpy":
        if found.shape and not (isinstance(expected, list) and len(expected) == len(found)):
            return False
        found = found.tolist()
    if isinstance(found, bool) or isinstance(expected, bool):
        return found is expected
    if isinstance(found, int | float) and isinstance(expected, int | float):
        return _same_number(found, expected)
    if isinstance(expected, list | tuple):
        return isinstance(found, list | tuple) and _same_list(found, expected)
    if isinstance(expected, dict):
        return isinstance(found, dict) and _same_object(found, expected)
    return type(found) is type(expected) and bool(found == expected)


def _same_list(found: Sequence[Any], expected: Sequence[Any]) -> bool:
    return len(found) == len(expected) and all(same(a, b) for a, b in zip(found, expected, strict=True))


def _same_object(found: dict[Any, Any], expected: dict[Any, Any]) -> bool:
    """Have two dictionaries the same values by the same keys, as JSON writes keys?"""
    if len(found) != len(expected):
        return False
    keyed = {_key(key): value for key, value in found.items()}
    return all(_key(key) in keyed and same(keyed[_key(key)], value) for key, value in expected.items())


def misprint(printed: str, expected: str) -> str:
    """Return how an output differs from the one that was expected; "" where it does not."""
    found, wanted = printed.split(), expected.split()
    for number, (token, right) in enumerate(zip(found, wanted, strict=False), start=1):
        if not _same_token(token, right):
            which = "it prints" if len(wanted) == 1 else f"token {number} of its output is"
            return f"{which} {_brief(token)}, not {_brief(right)}"
    if len(found) != len(wanted):
        return f"it prints {_tokens(len(found))}, not {len(wanted)}" if found else "it prints nothing"
    return ""


def _same_number(found: float, expected: float) -> bool:
    if found == expected:
        return True
    if isinstance(expected, int):
        return False
    if math.isnan(expected):
        return math.isnan(found)
    if isinstance(found, int) and expected.is_integer() and abs(expected) <= EXACT:
        return False
    return math.isclose(found, expected, rel_tol=RELATIVE, abs_tol=ROUNDING if expected else NEAR_ZERO)


def _same_token(found: str, expected: str) -> bool:
    if found == expected:
        return True
    if not (_FLOAT.fullmatch(expected) and _NUMBER.fullmatch(found)):
        return False
    return _same_number(float(found), float(expected))


def _key(key: Any) -> str:
    """Return a key of a dictionary as JSON writes it."""
    return _JSON_KEYS[key] if key is None or isinstance(key, bool) else str(key)


def _brief(token: str, limit: int = 40) -> str:
    return repr(token if len(token) <= limit else f"{token[: limit - 3]}...")


def _tokens(count: int) -> str:
    return f"{count} token{'' if count == 1 else 's'}"
