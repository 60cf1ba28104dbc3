r"""Read a text as a number: exact fractions, without a library.

Two choices here decide which answers count as right. A number is exactly what its digits say; and "%" is a
unit ("50%" equals 50, not 1/2), because GSM8K and most data sets write the gold answer so.
`reward.mathematics.same` builds on both.
"""

from __future__ import annotations

import re
from fractions import Fraction

from reward.mathematics.signs import in_latex

MAX_NUMBER = 400
"""Longest text that is read as a number, in characters. Python refuses integers of more than 4,300 digits."""
_LARGEST_POWER = 1000
"""Larger powers of ten are left to sympy, which does not write them out."""

DIGITS = r"(?:\d{1,3}(?:,\d{3})+(?!,?\d)|\d+)(?:\.\d+)?|\.\d+"
"""A pattern for an integer, with or without commas between thousands, or a decimal."""
OVER = rf"\s*(?:\{{\s*(?:-\s*)?(?:{DIGITS})\s*\}}|\d)\s*(?:\{{\s*(?:{DIGITS})\s*\}}|\d)"
"""A pattern for the text after LaTeX's `\\frac`."""
_FRAC = rf"\\frac{OVER}"
_PARTS = {
    "½": "1/2", "¼": "1/4", "¾": "3/4", "⅓": "1/3", "⅔": "2/3", "⅛": "1/8", "⅜": "3/8", "⅝": "5/8",
    "⅞": "7/8", "⅕": "1/5", "⅖": "2/5", "⅗": "3/5", "⅘": "4/5", "⅙": "1/6", "⅚": "5/6",
}  # fmt: skip
_PART = f"[{''.join(_PARTS)}]"
_MIXED = (
    rf"(?P<whole>\d+)(?:\s+(?:and\s+)?(?P<a>\d+)\s*/\s*(?P<b>\d+)|\s*(?P<mixed>{_FRAC})|\s*(?P<part>{_PART}))"
)
_TIMES_TEN = r"\s*(?:\\times|\\cdot|\u00d7|\*|(?<=\s)x)\s*10\s*(?:\^|\*\*)\s*\{?\s*(?P<power>[-+]?\d+)\s*\}?"
_NUMBER = re.compile(
    rf"(?P<sign>[-+]?)\s*(?:{_MIXED}|(?P<top>{DIGITS})\s*/\s*(?P<bottom>{DIGITS})|(?P<frac>{_FRAC})|(?P<alone>{_PART})"
    rf"|(?P<plain>{DIGITS})(?:[eE](?P<e>[-+]?\d+)|{_TIMES_TEN})?|10\s*\^\s*\{{?\s*(?P<ten>[-+]?\d+)\s*\}}?)",
    re.ASCII,
)
_REPEATING = re.compile(
    r"([-+]?)(\d*)\.(\d*)(?:\\(?:overline|bar|dot)\s*\{?\s*(\d+)\s*\}?|\((\d+)\))", re.ASCII
)
_DECIMAL_COMMA = re.compile(r"[-+]?(?:0|\d{4,}),\d+")
_CENTS = re.compile(r"[-+]?\d+,\d{2}")
_POINTS_BETWEEN = re.compile(r"(?<![\d.,])\d{1,3}(?:\.\d{3})+,\d+(?![\d,])")
"""A comma that is certainly a decimal comma: nobody writes a list or thousands like that."""
_TEX_SPACES = re.compile(
    r"(?<!\\)\\[,;:! ]|\\(?:left|right|displaystyle|quad|qquad)(?![A-Za-z])|~|\u00a0|\u202f|\u2009"
)
_THOUSANDS = re.compile(
    r"(?<![\d.,])\d{1,3}(?:(?:,?\\[,;:! ]\s*|,?~|\{,\}|[\u00a0\u202f\u2009]| (?!\d+[ ]*/))\d{3})+(?![\d])"
)


def telling_digits(text: str) -> int:
    """Return the number of significant digits of a number, that is without leading zeros."""
    return len(re.sub(r"\D", "", text).lstrip("0"))


def undress(text: str) -> str:
    """Remove math delimiters, emphasis, spacing commands and a final full stop from an answer."""
    text = in_latex(text).replace('\\"', '"').replace("\\$", "$").replace("\\%", "%")
    text = _THOUSANDS.sub(lambda found: re.sub(r"\D", "", found.group()), text).replace("{,}", ",")
    text = _POINTS_BETWEEN.sub(lambda found: found.group().replace(".", "").replace(",", "."), text)
    text = _TEX_SPACES.sub(" ", text.replace(",\\!", ","))
    text = re.sub(r"\\[dtc]frac(?![A-Za-z])", r"\\frac", text)
    text = text.strip().strip('*_`"\u201c\u201d').strip()
    text = text[:-1].rstrip() if text.endswith(".") else text
    for left, right in (("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]")):
        inside = text[len(left) : -len(right)]
        if inside and text.startswith(left) and text.endswith(right) and left not in inside:
            text = inside.strip()
    return text.strip("*_`").strip()


_PLAIN = re.compile(r"-?[$€£]?(?:[1-9]\d{0,2}(?:,\d{3})+|\d+)(?:\.\d+)?%?", re.ASCII)


def is_plain(text: str) -> bool:
    """Is a text only an integer or a decimal, perhaps with a currency before or a "%" after it?"""
    return len(text) <= MAX_NUMBER and _PLAIN.fullmatch(text) is not None


def number(text: str) -> Fraction | None:
    r"""Return the exact value of a text that is one number, else None.

    It reads integers, decimals, also `0.1\overline{6}`, "1,234", "1 234", "3/4", `\frac{3}{4}`, "1 1/2",
    "2½", "1.5e3", `1.5 \times 10^{3}`; with a sign (also U+2212), a currency before or after it, a "%" or a
    full stop after it. It does not read units or other arithmetic. A fraction over zero is None.
    """
    if is_plain(text):
        return Fraction(re.sub(r"[,$€£%]", "", text))
    if len(text) > MAX_NUMBER:
        return None
    bare = re.sub(r"^([-+]?)\s*[$£€¥₹]\s*([-+]?)", r"\1\2", undress(text))
    bare = re.sub(r"\s*[%$£€¥₹]$", "", bare)
    if _DECIMAL_COMMA.fullmatch(bare) or (re.search(r"[$£€¥₹]", text) and _CENTS.fullmatch(bare)):
        bare = bare.replace(",", ".")
    if repeating := _REPEATING.fullmatch(bare):
        return _unending(*repeating.groups())
    match = _NUMBER.fullmatch(bare)
    if not match:
        return None
    try:
        value = _value(match)
    except ZeroDivisionError:
        return None
    return -value if value is not None and match["sign"] == "-" else value


def _unending(sign: str, whole: str, begins: str, braced: str | None, bracketed: str | None) -> Fraction:
    """Return the value of a decimal whose last digits repeat: 0.1(6) is 1/6."""
    again = braced or bracketed or ""
    value = Fraction(int(whole or 0)) + Fraction(int(begins or 0), 10 ** len(begins))
    value += Fraction(int(again), 10 ** len(begins) * (10 ** len(again) - 1))
    return -value if sign == "-" else value


def _value(match: re.Match[str]) -> Fraction | None:
    if match["whole"]:
        if match["mixed"]:
            return int(match["whole"]) + _fraction(match["mixed"])
        return int(match["whole"]) + Fraction(
            _PARTS[match["part"]] if match["part"] else f"{match['a']}/{match['b']}"
        )
    if match["top"]:
        return _decimal(match["top"]) / _decimal(match["bottom"])
    if match["frac"] or match["alone"]:
        return _fraction(match["frac"]) if match["frac"] else Fraction(_PARTS[match["alone"]])
    power = int(match["e"] or match["power"] or match["ten"] or 0)
    if abs(power) > _LARGEST_POWER:
        return None
    return (_decimal(match["plain"]) if match["plain"] else 1) * Fraction(10) ** power


def _decimal(text: str) -> Fraction:
    return Fraction(re.sub(r"[,\s]", "", text))


def _fraction(text: str) -> Fraction:
    parts = re.findall(r"\{([^{}]*)\}|(\d)", text.removeprefix("\\frac"))
    top, bottom = (_decimal(braced or digit) for braced, digit in parts)
    return top / bottom
