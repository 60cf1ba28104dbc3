"""Numbers with units, bases and times of day: which quantity is a text, and are two the same?"""

from __future__ import annotations

import re
from fractions import Fraction

from reward.mathematics.measures import UNITS, unit_of
from reward.mathematics.numbers import number, telling_digits
from reward.mathematics.sentence import CHANGES, NAMED

ENOUGH = 4
"""Digits behind the point from which a decimal may stand for a fraction whose decimal never ends."""
FLOAT = 14
"""Digits behind the point from which a decimal is what a program printed: its last digits are those of a binary number."""
_RATIO = re.compile(r"\d{1,9}(?:\s*:\s*\d{1,9})+")


def same_quantity(gold: str, pred: str) -> bool | None:
    """Return whether two answers are the same number, quantity or time of day; None where one of them is none of these."""
    for compare in (_bases, _times, _numbers):
        verdict = compare(gold, pred)
        if verdict is not None:
            return verdict
    return None


# -- bases ----------------------------------------------------------------------------------------------------------------

_BASES = {
    "two": 2, "binary": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "octal": 8, "nine": 9, "ten": 10,
    "eleven": 11, "twelve": 12, "sixteen": 16, "hexadecimal": 16, "hex": 16,
}  # fmt: skip
_NAMED = rf"(?P<base>\d{{1,2}}|{'|'.join(_BASES)})"
_BASED = re.compile(
    rf"(?P<sign>-?)\s*\(?(?P<digits>[0-9A-Za-z]+(?:\.[0-9A-Za-z]+)?)\)?"
    rf"(?:\s*_\s*\{{?\s*(?:base\s*)?{_NAMED}\s*\}}?|,?\s*\(?(?:in\s+)?base[\s-]*{_NAMED.replace('base>', 'word>')}\)?)",
    re.IGNORECASE,
)
_PREFIXES = {"0b": 2, "0o": 8, "0x": 16}
_LOWERED = str.maketrans("\u2080\u2081\u2082\u2083\u2084\u2085\u2086\u2087\u2088\u2089", "0123456789")


def _bases(gold: str, pred: str) -> bool | None:
    left, right = _based(gold), _based(pred)
    if left is None and right is None:
        return None
    if left and right:
        return left == right
    digits, base = left or right or ("", 10)
    plain = (pred if left else gold).replace(" ", "")
    if base == 10:
        value = number(plain)
        return None if value is None else value == number(digits)
    return _trimmed(plain) == digits if re.fullmatch(r"-?[0-9A-Za-z]+(?:\.[0-9A-Za-z]+)?", plain) else None


def _based(text: str) -> tuple[str, int] | None:
    """Return the digits of a number, as they stand there, and the base that it names; None where it names none."""
    if re.fullmatch(r"-?0[box][0-9a-f]+", text.lower()):
        sign, rest = ("-", text[1:]) if text.startswith("-") else ("", text)
        digits, base = sign + rest[2:], _PREFIXES[rest[:2].lower()]
    else:
        text = re.sub(r"[\u2080-\u2089]+", lambda found: "_" + found.group().translate(_LOWERED), text)
        found = _BASED.fullmatch(text)
        if not found:
            return None
        named = (found["base"] or found["word"]).lower()
        digits, base = found["sign"] + found["digits"], _BASES.get(named) or int(named)
    if not re.search(r"\d", digits) and not digits.isupper():
        return None  # a_{11} is a letter with an index
    values = [int(digit, 36) for digit in re.sub(r"[-.]", "", digits)]
    return (_trimmed(digits), base) if 2 <= base <= 36 and max(values) < base else None


def _trimmed(digits: str) -> str:
    sign, rest = ("-", digits[1:]) if digits.startswith("-") else ("", digits)
    return sign + (rest.upper().lstrip("0") or "0")


# -- numbers and units ----------------------------------------------------------------------------------------------------


_TIME = re.compile(r"(\d{1,2}):(\d\d)\s*(?:([ap])\.?\s?m\.?)?", re.IGNORECASE)
_GOES_ON = re.compile(r"(-?\d*\.(\d{3,}))\s*(?:\.{1,3}|\\[lc]?dots|\u2026)")
"""A decimal that is not written to its end; dots may have gone as full stops."""


def _times(gold: str, pred: str) -> bool | None:
    """Compare times of day; which half of the day it is may be left out by one."""
    left, right = _TIME.fullmatch(gold), _TIME.fullmatch(pred)
    if not left or not right or not (left[3] or right[3]):
        return None
    halves = {(half or "").lower() for half in (left[3], right[3])} - {""}
    return int(left[1]) == int(right[1]) and left[2] == right[2] and len(halves) == 1


def _numbers(gold: str, pred: str) -> bool | None:
    if _RATIO.fullmatch(gold) and _RATIO.fullmatch(pred):
        left, right = ([int(part) for part in text.split(":")] for text in (gold, pred))
        crossed = len(left) == len(right) and all(a * right[0] == b * left[0] for a, b in zip(left, right, strict=True))
        return left == right or (crossed and 0 not in left + right)
    for one, other in ((gold, pred), (pred, gold)):
        if goes_on := _GOES_ON.fullmatch(one):
            value, given = number(other), number(goes_on[1])
            return None if value is None or given is None else abs(value - given) <= Fraction(1, 10 ** len(goes_on[2]))
    left, right = _quantity(gold) or _scientific(gold), _quantity(pred) or _scientific(pred)
    if left and right is None and _decimals(gold) and re.search(r"(?<![\d.,])\d+,\d+(?![\d,])", pred):
        right = _quantity(pred.replace(",", "."))  # the gold answer says that it is a decimal
    if left is None or right is None:
        return None
    (value, unit), (other, named) = left, right
    if unit and named and unit != named and ((unit in UNITS and named in UNITS) or re.search(r"[\^/]", unit + named)):
        return False
    if unit != named and {unit, named} == {"", "%"}:
        share, plain = (value, other) if unit == "%" else (other, value)
        return plain == share / 100 or (abs(plain) >= 1 and (plain == share or _rounds(gold, value, other, pred)))
    return value == other or _rounds(gold, value, other, pred)


def _scientific(text: str) -> tuple[Fraction, str] | None:
    r"""Return a number with a power of ten, whatever unit stands behind it: 1.6 \times 10^{-19} C."""
    found = re.fullmatch(r"(.*10\s*\^\s*\{?\s*-?\d+\s*\}?)\s+[A-Za-z\u03bc\u03a9][A-Za-z/\s^{}\d\u00b7-]{0,14}", text)
    value = number(found[1]) if found else None
    return None if value is None else (value, "")


def _quantity(text: str) -> tuple[Fraction, str] | None:
    """Return a number and the name of its unit, where a text is that and nothing else."""
    if (value := number(text)) is not None:
        unit = "%" if text.rstrip().endswith("%") else text.lstrip("-+ ")[0] if text.lstrip("-+ ")[0] in "$€£" else ""
        return value, unit
    text = re.sub(r"(?<![\w.])(\d+(?:\.\d+)?)[kK]\b", r"\1 thousand", text)
    found = _ALONE.search(text)
    if found and NAMED.search(text, 0, found.start()):
        return None
    if not found or len(_ALONE.findall(text)) != 1 or len(text) > 400:
        return None
    behind = re.sub(rf"^\s*(?:{'|'.join(_SCALES)})(?![a-z])", "", text[found.end() :])
    rest = f"{text[: found.start()]} {behind}".replace("miles per hour", "mph")
    rest = re.sub(r"(?:°|\bdegrees?)\s*C\b", " celsius ", re.sub(r"(?:°|\bdegrees?)\s*F\b", " fahrenheit ", rest))
    raising = _SQUARE.search(rest)
    if raising and (unit_of(raising[2]) or raising[2].lower() in ("unit", "units")):
        rest = rest[: raising.start()] + rest[raising.start(2) :]
    else:
        raising = None
    power = re.search(r"\^\s*\{?\s*([23])\s*\}?|[²³]", rest)
    rest = rest.replace(power.group(), " ") if power else rest
    if CHANGES.search(rest) or re.search(r"[\d\\^=+*<>{}_|!:;?'\"-]|[^\w\s.,()/&%$€£¥₹°¢²³]|\b[b-zB-Z]\b(?<![ms°hglCF])", rest):
        return None
    value = number(found.group())
    scale = next((power for word, power in _SCALES.items() if re.match(rf"\s*{word}(?![a-z])", text[found.end() :])), 1)
    words = re.findall(r"[^\W\d_]+|[$€£%°¢]", rest.lower())
    raised = f"^{power[1] or {'²': 2, '³': 3}[power.group()]}" if power else ""
    raised = raised or ("" if raising is None else "^3" if raising[1].lower() == "cubic" else "^2")
    units = [found for word in words if (found := unit_of(word))]
    unit = "/".join(units) if re.search(r"/|\bper\b", rest) else units[0] if units else ""
    return None if value is None else (value * scale, unit + raised)


_SQUARE = re.compile(r"\b(square|sq|cubic)\.?\s+([^\W\d_]+)", re.IGNORECASE)
_SCALES = {
    "hundred": 100,
    "thousand": 1000,
    "million": 10**6,
    "billion": 10**9,
    "trillion": 10**12,
    "dozen": 12,
    "万": 10**4,
    "亿": 10**8,
}
_ALONE = re.compile(
    r"(?<![^\W\u3040-\u9fff\uac00-\ud7af])(?<![.\\^/(=])-?[$€£]?\s?(?:\d+\s+(?:and\s+)?\d+/\d+|\\frac\s*\{\d+\}\s*\{\d+\}|(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:/\d+)?|\.\d+|\d*[½¼¾⅓⅔])"
    r"(?![^\W\u3040-\u9fff\uac00-\ud7af])(?![\\^/*(=!])"
)


def _decimals(text: str) -> int:
    """Return how many digits stand behind the point of a decimal; 0 for what is none."""
    found = re.fullmatch(r"[-+$€£\s]*[\d,]*\.(\d+)[\s%]*", text)
    return len(found[1]) if found else 0


def _endless(value: Fraction) -> bool:
    """Does the decimal of a number never end?"""
    bottom = value.denominator
    for prime in (2, 5):
        while bottom % prime == 0:
            bottom //= prime
    return bottom != 1


def _rounds(gold: str, value: Fraction, other: Fraction, pred: str) -> bool:
    """Is one the rounding of the other, by as many digits as make sure that it is meant so?"""
    digits, given = _decimals(gold), _decimals(pred)
    exact = Fraction(1, 2 * 10**given) if given < FLOAT else max(Fraction(1, 10**given), abs(other) / 2**52)
    if given >= ENOUGH and not digits and abs(value - other) <= exact:
        return _endless(value)
    if not digits or (given and given < digits + 3) or (not given and other.denominator == 1):
        return False
    telling = telling_digits(gold)
    if not given and telling < 3 and not (digits >= 2 and telling == 2 and other.denominator <= 12):
        return False  # 0.5 is a half, and no rounded 6/11; 0.67 is two thirds
    cut = not given and digits >= 3 and int(abs(other) * 10**digits) == abs(value) * 10**digits and value * other > 0
    close = cut or abs(value - other) <= Fraction(1, 2 * 10**digits)
    return close and (not given or abs(value - other) * 400 <= abs(value))
