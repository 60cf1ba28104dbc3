"""Compare what a program returned or printed with what was expected.

Values are compared as JSON values, because tests are written in JSON:

- An expected integer must be met exactly: 2000001.0 does not equal 2000000, but 2000000.0 does, as with
  Python's `==`.
- An expected float may be missed by the relative error `RELATIVE`, and an expected zero by `NEAR_ZERO`,
  because no error is relative to zero. An integer that is returned for a float without a fraction must be
  exact too. Infinity equals only itself, and so does NaN.
- A bool is not a number, None equals only None, and text must match exactly.
- A tuple or an array equals a list. A set does not: it has no order, so it could stand for any order that was
  asked for.
- Keys of an object are text: 1 and "1" are the same key.

Printed output is compared token by token, as in programming competitions: the spread of tokens over lines and
spaces does not matter, upper and lower case does. An expected token with a decimal point or an exponent is a
float, all others are text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

RELATIVE = 1e-6
"""Largest relative difference of two floats: the one that competition problems usually state. (EvalPlus
allows 1e-7, plus an absolute 1e-6, which makes every tiny number right.)"""
NEAR_ZERO = 1e-6
"""Largest difference from an expected zero: EvalPlus' absolute tolerance where its data set gives none."""
ROUNDING = 1e-12
"""Absolute difference of two floats that is always allowed: an expected 5.6e-17 is a rounded zero."""
EXACT = 2**53
"""Every integer up to this one is exactly representable as a float."""
_FLOAT = re.compile(r"[-+]?(?:\d+\.\d*|\.\d+|\d+(?=[eE]))(?:[eE][-+]?\d+)?", re.ASCII)
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?", re.ASCII)
_JSON_KEYS: dict[Any, str] = {None: "null", True: "true", False: "false"}


def same(found: Any, expected: Any) -> bool:
    """Does a value equal the expected one?"""
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
    """Do two dictionaries hold the same values under the same keys, with keys written as in JSON?"""
    if len(found) != len(expected):
        return False
    keyed = {_key(key): value for key, value in found.items()}
    return all(_key(key) in keyed and same(keyed[_key(key)], value) for key, value in expected.items())


def misprint(printed: str, expected: str) -> str:
    """Return how an output differs from the expected one; "" if it does not."""
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
