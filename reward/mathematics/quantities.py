"""Read numbers with units, bases and times of day, and decide whether two are the same."""

from __future__ import annotations

import re
from fractions import Fraction

from reward.mathematics.measures import UNITS, unit_of
from reward.mathematics.number_words import SCALES
from reward.mathematics.numbers import number, telling_digits
from reward.mathematics.sentence import CHANGES, NAMED

ENOUGH = 4
"""Number of decimals from which a decimal may stand for a fraction whose decimals never end."""
FLOAT = 14
"""Number of decimals from which a decimal is taken as a program's output, whose last digits are those of a
binary number."""
_RATIO = re.compile(r"\d{1,9}(?:\s*:\s*\d{1,9})+")


def same_quantity(gold: str, pred: str, _: object = None) -> bool | None:
    """Compare numbers, quantities or times of day; return None if one of the answers is none of these."""
    for compare in (_bases, _times, _ratios, _unended, _numbers):
        verdict = compare(gold, pred)
        if verdict is not None:
            return verdict
    return None


# -- bases ---------------------------------------------------------------------------------------------------

_BASES = {
    "two": 2, "binary": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "octal": 8,
    "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "sixteen": 16, "hexadecimal": 16, "hex": 16,
}  # fmt: skip
_NAMED = rf"(?P<base>\d{{1,2}}|{'|'.join(_BASES)})"
_BASED = re.compile(
    rf"(?P<sign>-?)\s*\(?(?P<digits>[0-9A-Za-z]+(?:\.[0-9A-Za-z]+)?)\)?"
    rf"(?:\s*_\s*\{{?\s*(?:base\s*)?{_NAMED}\s*\}}?"
    rf"|,?\s*\(?(?:in\s+)?base[\s-]*{_NAMED.replace('base>', 'word>')}\)?)",
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
    """Return the digits of a number with a base, and the base; None if the text names no base."""
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


# -- numbers and units ---------------------------------------------------------------------------------------


_TIME = re.compile(r"(\d{1,2}):(\d\d)\s*(?:([ap])\.?\s?m\.?)?", re.IGNORECASE)
_GOES_ON = re.compile(r"(-?\d*\.(\d{3,}))\s*(?:\.{1,3}|\\[lc]?dots|\u2026)")
"""A decimal that is not written to its end. One dot is enough: others may have been removed as full stops."""


def _times(gold: str, pred: str) -> bool | None:
    """Compare times of day; one of them may leave out "am" or "pm"."""
    left, right = _TIME.fullmatch(gold), _TIME.fullmatch(pred)
    if not left or not right or not (left[3] or right[3]):
        return None
    halves = {(half or "").lower() for half in (left[3], right[3])} - {""}
    return int(left[1]) == int(right[1]) and left[2] == right[2] and len(halves) == 1


def _ratios(gold: str, pred: str) -> bool | None:
    """Compare ratios, which may be reduced: 2:4 is 1:2."""
    if not _RATIO.fullmatch(gold) or not _RATIO.fullmatch(pred):
        return None
    left, right = ([int(part) for part in text.split(":")] for text in (gold, pred))
    if left == right or len(left) != len(right) or 0 in left + right:
        return left == right
    return all(a * right[0] == b * left[0] for a, b in zip(left, right, strict=True))


def _unended(gold: str, pred: str) -> bool | None:
    """Compare a number with a decimal that is not written to its end: 0.142857... is 1/7."""
    for one, other in ((gold, pred), (pred, gold)):
        if goes_on := _GOES_ON.fullmatch(one):
            value, given = number(other), number(goes_on[1])
            return (
                None
                if value is None or given is None
                else abs(value - given) <= Fraction(1, 10 ** len(goes_on[2]))
            )
    return None


def _numbers(gold: str, pred: str) -> bool | None:
    """Compare numbers with their units; one of them may leave out the unit."""
    left, right = _quantity(gold) or _scientific(gold), _quantity(pred) or _scientific(pred)
    if left and right is None and _decimals(gold) and re.search(r"(?<![\d.,])\d+,\d+(?![\d,])", pred):
        right = _quantity(pred.replace(",", "."))  # the gold answer shows that the comma is a decimal comma
    if left is None or right is None:
        return None
    (value, unit), (other, named) = left, right
    if _are_different(unit, named):
        return False
    alike = value == other or _is_rounding(gold, value, other, pred)
    if {unit, named} == {"", "%"}:
        share, plain = (value, other) if unit == "%" else (other, value)
        return plain == share / 100 or (abs(plain) >= 1 and alike)  # 5% is 5, but 0.5% is not 0.5
    return alike


def _are_different(unit: str, named: str) -> bool:
    """Are two units, if both are named, certainly different?"""
    if not unit or not named or unit == named:
        return False
    return (unit in UNITS and named in UNITS) or re.search(r"[\^/]", unit + named) is not None


def _scientific(text: str) -> tuple[Fraction, str] | None:
    r"""Return a number with a power of ten, whatever unit follows: 1.6 \times 10^{-19} C."""
    found = re.fullmatch(
        r"(.*10\s*\^\s*\{?\s*-?\d+\s*\}?)\s+[A-Za-z\u03bc\u03a9][A-Za-z/\s^{}\d\u00b7-]{0,14}", text
    )
    value = number(found[1]) if found else None
    return None if value is None else (value, "")


def _quantity(text: str) -> tuple[Fraction, str] | None:
    """Return a number and the name of its unit, if a text is nothing else."""
    if (value := number(text)) is not None:
        return value, _sign_of_unit(text)
    text = re.sub(r"(?<![\w.])(\d+(?:\.\d+)?)[kK]\b", r"\1 thousand", text)
    found = _ALONE.search(text)
    if not found or len(_ALONE.findall(text)) != 1 or len(text) > 400 or NAMED.search(text, 0, found.start()):
        return None
    value = number(found.group())
    scale, behind = _scaled(text[found.end() :])
    rest = f"{text[: found.start()]} {behind}".replace("miles per hour", "mph")
    rest = re.sub(
        r"(?:°|\bdegrees?)\s*C\b", " celsius ", re.sub(r"(?:°|\bdegrees?)\s*F\b", " fahrenheit ", rest)
    )
    rest, raised = _raised(rest)
    if value is None or CHANGES.search(rest) or _NO_UNIT.search(rest):
        return None
    return value * scale, _unit(rest) + raised


_NO_UNIT = re.compile(r"[\d\\^=+*<>{}_|!:;?'\"-]|[^\w\s.,()/&%$€£¥₹°¢²³]|\b[b-zB-Z]\b(?<![ms°hglCF])")
"""Signs that the words beside a number are more than the name of the counted things."""


def _sign_of_unit(text: str) -> str:
    """Return the percent sign after a number, or the currency before it."""
    if text.rstrip().endswith("%"):
        return "%"
    first = text.lstrip("-+ ")[0]
    return first if first in "$€£" else ""


def _scaled(behind: str) -> tuple[int, str]:
    """Return the factor that the word after a number stands for ("million"), and the remaining text."""
    for word, power in _SCALES.items():
        if found := re.match(rf"\s*{word}(?![a-z])", behind):
            return power, behind[found.end() :]
    return 1, behind


def _raised(words: str) -> tuple[str, str]:
    """Separate the power of a unit from the words beside a number: "cm^2" and "square cm" give "^2"."""
    power = re.search(r"\^\s*\{?\s*([23])\s*\}?|[²³]", words)
    named = _SQUARE.search(words)
    if named and (unit_of(named[2]) or named[2].lower() in ("unit", "units")):
        words = words[: named.start()] + words[named.start(2) :]
    else:
        named = None
    if power:
        return words.replace(power.group(), " "), f"^{power[1] or {'²': 2, '³': 3}[power.group()]}"
    if named:
        return words, "^3" if named[1].lower() == "cubic" else "^2"
    return words, ""


def _unit(words: str) -> str:
    """Return the unit that some words name, or "" if they name none; both units of "miles per hour"."""
    units = [unit for word in re.findall(r"[^\W\d_]+|[$€£%°¢]", words.lower()) if (unit := unit_of(word))]
    return "/".join(units) if re.search(r"/|\bper\b", words) else "".join(units[:1])


_SQUARE = re.compile(r"\b(square|sq|cubic)\.?\s+([^\W\d_]+)", re.IGNORECASE)
_SCALES = {
    **SCALES,
    "万": 10**4,
    "亿": 10**8,
}
_ALONE = re.compile(
    r"(?<![^\W\u3040-\u9fff\uac00-\ud7af])(?<![.\\^/(=])-?[$€£]?\s?(?:\d+\s+(?:and\s+)?\d+/\d+"
    r"|\\frac\s*\{\d+\}\s*\{\d+\}|(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:/\d+)?|\.\d+|\d*[½¼¾⅓⅔])"
    r"(?![^\W\u3040-\u9fff\uac00-\ud7af])(?![\\^/*(=!])"
)


def _decimals(text: str) -> int:
    """Return the number of decimals of a decimal; 0 for other texts."""
    found = re.fullmatch(r"[-+$€£\s]*[\d,]*\.(\d+)[\s%]*", text)
    return len(found[1]) if found else 0


def _endless(value: Fraction) -> bool:
    """Do the decimals of a number never end?"""
    bottom = value.denominator
    for prime in (2, 5):
        while bottom % prime == 0:
            bottom //= prime
    return bottom != 1


def _is_rounding(gold: str, value: Fraction, other: Fraction, pred: str) -> bool:
    """Is one number the other one rounded, with enough digits to be sure that it is meant so?"""
    digits, given = _decimals(gold), _decimals(pred)
    apart = abs(value - other)
    if not digits:
        exact = (
            Fraction(1, 2 * 10**given) if given < FLOAT else max(Fraction(1, 10**given), abs(other) / 2**52)
        )
        return given >= ENOUGH and apart <= exact and _endless(value)
    close = apart <= Fraction(1, 2 * 10**digits)
    if given:  # both are decimals; the answer must have more digits
        return given >= digits + 3 and close and apart * 400 <= abs(value)
    return (close or _is_cut(value, other, digits)) and _may_be_rounded(gold, digits, other)


def _is_cut(value: Fraction, other: Fraction, digits: int) -> bool:
    """Does a decimal consist of the first digits of a number, as 0.666 does of 2/3?"""
    return digits >= 3 and value * other > 0 and int(abs(other) * 10**digits) == abs(value) * 10**digits


def _may_be_rounded(gold: str, digits: int, exact: Fraction) -> bool:
    """Does a decimal have enough digits to stand for a fraction?

    0.67 stands for 2/3; 0.5 is a half, and not 6/11 rounded.
    """
    telling = telling_digits(gold)
    enough = telling >= 3 or (telling == 2 and digits >= 2 and exact.denominator <= 12)
    return exact.denominator != 1 and enough
