"""Read numbers that are written as English words: "five", "twenty-one", "two thirds", "half a dozen"."""

from __future__ import annotations

import re
from fractions import Fraction

_UNITS = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
    "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15,
    "sixteen": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19,
}  # fmt: skip
_TENS = {
    "twenty": 20,
    "thirty": 30,
    "forty": 40,
    "fifty": 50,
    "sixty": 60,
    "seventy": 70,
    "eighty": 80,
    "ninety": 90,
}
SCALES = {
    "hundred": 100,
    "thousand": 1000,
    "million": 10**6,
    "billion": 10**9,
    "trillion": 10**12,
    "dozen": 12,
}
_PARTS = {
    "half": 2,
    "third": 3,
    "quarter": 4,
    "fourth": 4,
    "fifth": 5,
    "sixth": 6,
    "seventh": 7,
    "eighth": 8,
    "ninth": 9,
    "tenth": 10,
}
_PARTS |= {f"{part}s": value for part, value in _PARTS.items()} | {"halves": 2}
_WORD = "|".join(sorted({*_UNITS, *_TENS, *SCALES, *_PARTS}, key=len, reverse=True))
_NEXT_WORD = r"(?:[\s-]+|\s+and\s+|\s+an?\s+|\s+and\s+an?\s+)"
COUNTED = rf"(?:(?:minus|negative)\s+)?(?:an?\s+)?(?:{_WORD})(?:{_NEXT_WORD}(?:{_WORD}))*"
"""A pattern for a number in words, in lower case."""


def counted(text: str) -> Fraction | None:
    """Return the number in words, else None: "one hundred and five" is 105, "two and a half" is 5/2."""
    said = " ".join(text.lower().replace("-", " ").split())
    if len(said) > 100 or not re.fullmatch(COUNTED, said):
        return None
    sign = -1 if re.match(r"minus|negative", said) else 1
    words = [word for word in said.split() if word not in ("minus", "negative", "a", "an")]
    if words[-1] in _PARTS:
        value = _with_part(words[:-1], _PARTS[words[-1]])
    elif words[0] == "half":
        whole = _whole(words[1:]) if words[1:] and words[1] in SCALES else None  # half a dozen
        value = None if whole is None else whole / 2
    else:
        value = _whole(words)
    return None if value is None else value * Fraction(sign)


def _with_part(words: list[str], part: int) -> Fraction | None:
    """Return the value of "two thirds", "half", "two and a half" or "three and two thirds"."""
    if not words:
        return Fraction(1, part)
    whole, _, top = (" ".join(words)).rpartition(" and ") if "and" in words else ("", "", " ".join(words))
    if words[-1] == "and":
        whole, top = " ".join(words[:-1]), "one"
    many, before = _whole(top.split()), _whole(whole.split()) if whole else Fraction(0)
    return None if many is None or before is None else before + many / part


def _whole(words: list[str]) -> Fraction | None:
    """Return a whole number; None if the order of the words makes none ("five two")."""
    total, current, last = 0, 0, 10**18
    for word in words or ["?"]:
        if word in SCALES:
            current = max(current, 1) * SCALES[word]
            if word not in ("hundred", "dozen"):
                total, current = total + current, 0
            last = 10**18
        elif word in _UNITS or word in _TENS:
            value = _UNITS.get(word, _TENS.get(word, 0))
            if value >= last or (current % 100 and not (current % 10 == 0 and value < 10)):
                return None
            current, last = current + value, 10 if word in _TENS else 0
        elif word != "and":
            return None
    return Fraction(total + current)
