r"""What does a solution state as its answer, and which number is it? Pure functions on text, no library.

Two of the choices here decide what counts as right: a number is compared exactly, and "%" is a unit ("50%" equals 50,
not 1/2), because that is how GSM8K and most datasets write the gold answer. `reward.answers` puts them to use.
"""

from __future__ import annotations

import re
from fractions import Fraction

MAX_NUMBER = 400
"""Longest text read as a number, in characters. Python refuses integers of more than 4,300 digits."""

_DIGITS = r"(?:\d{1,3}(?:,\d{3})+(?!,?\d)|\d+)(?:\.\d+)?|\.\d+"
_FRAC = rf"\\frac\s*(?:\{{\s*(?:-\s*)?(?:{_DIGITS})\s*\}}|\d)\s*(?:\{{\s*(?:{_DIGITS})\s*\}}|\d)"
_NUMBER = re.compile(
    rf"(?P<sign>[-+]?)\s*(?:(?P<whole>\d+)(?:\s+(?P<a>\d+)\s*/\s*(?P<b>\d+)|\s*(?P<mixed>{_FRAC}))"
    rf"|(?P<top>{_DIGITS})\s*/\s*(?P<bottom>{_DIGITS})|(?P<frac>{_FRAC})|(?P<plain>{_DIGITS}))",
    re.ASCII,
)
_LAST_NUMBER = re.compile(
    rf"(?<![\w.])(?:(?<![\w)\]}}])[-\u2212])?(?:{_FRAC}|(?:{_DIGITS})(?:\s?/\s?(?:{_DIGITS}))?)", re.ASCII
)
_BOXED = re.compile(r"(?P<box>\\(?:boxed|fbox)\s*\{)|\\.|[{}]", re.DOTALL)
_ANSWER = re.compile(r"\banswer(?:\s+is\b|\s*\*{0,2}:)[\s:*]*", re.IGNORECASE)
_SENTENCE_END = re.compile(r"(?<![.?!])[.?!]++[*_\"')\]]*+(?=\s|$)|\n")
_DISPLAY = re.compile(r"\\\[.*?\\\]|\$\$.*?\$\$", re.DOTALL)
_TEX_SPACES = re.compile(r"\\[,;:! ]|\\(?:left|right|displaystyle|quad|qquad)(?![A-Za-z])|~")
_ONE_NUMBER = re.compile(rf"(?<![\w.\\^/(,=-])(?:-)?[$£€]?(?:{_DIGITS})(?![\w\\^/*(=!-])%?", re.ASCII)
_NOT_A_UNIT = re.compile(
    r"\b(?:not|no|never|hundreds?|thousands?|millions?|billions?|trillions?|dozens?|half|halves|thirds?|quarters?|pi|e|i"
    r"|squared|cubed|times|plus|minus|negative|over|divided)\b",
    re.IGNORECASE,
)
_FUNCTION = re.compile(r"\b(?:sin|cos|tan|cot|sec|csc|log|exp|min|max|gcd|lcm|det|mod|sqrt|arcsin|arccos|arctan)\b")


def final_answer(text: str) -> str | None:
    r"""Return the final answer that a solution states, unchanged but for outer spaces, or None when it has none.

    In this order: the last `\boxed{...}` whose braces balance; the line after the last `####` that is a number or ends
    the text (others are Markdown headings); what follows the last "answer is" or "answer:" up to the end of the
    sentence or line ("72!" is then 72, excited, not a factorial); the last number in the text. The last is a guess that
    small base models need; a completion that was cut while it counted may be right by luck, so samplers must also look
    at `finish_reason`.
    """
    boxed = _last_boxed(text)
    if boxed:
        return boxed
    length = len(text.rstrip())
    for mark in reversed(list(re.finditer(r"####([^\n]*)", text))):
        line = mark.group(1).strip()
        if line and (mark.end() >= length or as_number(line) is not None):
            return line
    for marker in reversed(list(_ANSWER.finditer(text))):
        display = _DISPLAY.match(text, marker.end())
        end = None if display else _SENTENCE_END.search(text, marker.end())
        sentence = display.group() if display else text[marker.end() : end.start() if end else None]
        if sentence.strip(" *_`"):
            return sentence.strip(" *_`")
    numbers = _LAST_NUMBER.findall(text)
    return numbers[-1] if numbers else None


def _last_boxed(text: str) -> str | None:
    """Return the inside of the complete box that opens last; one pass, so unclosed boxes cost nothing."""
    found: tuple[int, str] | None = None
    open_braces: list[int | None] = []
    for token in _BOXED.finditer(text):
        if token["box"]:
            open_braces.append(token.end())
        elif token.group() == "{":
            open_braces.append(None)
        elif token.group() == "}" and open_braces:
            start = open_braces.pop()
            if start is not None and (found is None or start > found[0]):
                found = (start, text[start : token.start()].strip())
    return found[1] if found else None


def undress(text: str) -> str:
    """Return an answer without its dress: math delimiters, emphasis, spacing commands, final full stop."""
    text = text.replace("\u2212", "-").replace("\u2013", "-").replace("{,}", ",").replace("\\$", "$").replace("\\%", "%")
    text = _TEX_SPACES.sub(" ", text.replace(",\\!", ",")).replace("\\dfrac", "\\frac").replace("\\tfrac", "\\frac")
    text = text.strip().strip("*_`").strip()
    text = text[:-1].rstrip() if text.endswith(".") else text
    for left, right in (("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]")):
        inside = text[len(left) : -len(right)]
        if inside and text.startswith(left) and text.endswith(right) and left not in inside:
            text = inside.strip()
    return text.strip("*_`").strip()


def as_number(text: str) -> Fraction | None:
    r"""Return the exact value of a text that is one number, else None.

    Integers, decimals, "1,234", "3/4", `\frac{3}{4}`, "1 1/2", a sign (also U+2212), a currency before it, a "%" or a
    full stop after it. No units, no exponents, no arithmetic. A fraction over zero is None.
    """
    if len(text) > MAX_NUMBER:
        return None
    bare = re.sub(r"^([-+]?)\s*[$£€¥₹]\s*([-+]?)", r"\1\2", undress(text))
    match = _NUMBER.fullmatch(bare.removesuffix("%").rstrip())
    if not match:
        return None
    try:
        if match["whole"]:
            part = _fraction(match["mixed"]) if match["mixed"] else Fraction(int(match["a"]), int(match["b"]))
            value = int(match["whole"]) + part
        elif match["top"]:
            value = _decimal(match["top"]) / _decimal(match["bottom"])
        else:
            value = _fraction(match["frac"]) if match["frac"] else _decimal(match["plain"])
    except ZeroDivisionError:
        return None
    return -value if match["sign"] == "-" else value


def _decimal(text: str) -> Fraction:
    return Fraction(re.sub(r"[,\s]", "", text))


def _fraction(text: str) -> Fraction:
    parts = re.findall(r"\{([^{}]*)\}|(\d)", text.removeprefix("\\frac"))
    top, bottom = (_decimal(braced or digit) for braced, digit in parts)
    return top / bottom


def number_in_words(text: str) -> Fraction | None:
    """Return the number of a phrase that has exactly one and only units beside it ("72 clips"), else None."""
    text = undress(text)
    found = list(_ONE_NUMBER.finditer(text))
    if len(found) != 1 or len(text) > MAX_NUMBER:
        return None
    rest = text[: found[0].start()] + " " + text[found[0].end() :]
    rest = re.sub(r"\\(?:text|mathrm|mbox)\s*\{([^{}]*)\}", r" \1 ", rest)
    variable = re.search(r"[\d\\^=+*/<>{}_|!-]|\b[b-zA-Z]\b", rest)
    return None if variable or _NOT_A_UNIT.search(rest) else as_number(found[0].group())


def same_text(left: str, right: str) -> bool:
    """Are two answers written alike, but for spacing, math delimiters and (in words) capitals?"""
    return _folded(left) == _folded(right)


def _folded(text: str) -> str:
    text = re.sub(r"\\(?:text|mathrm|mbox)\s*\{([^{}]*)\}", r"\1", undress(text)).replace("$", "")
    text = re.sub(r"\s*([^\w\s])\s*", r"\1", " ".join(text.split()))
    words = re.fullmatch(r"[^\W\d]{2,}(?: [^\W\d]+)*", text)  # one letter may be a variable: x is not X
    return text.casefold() if words else text


def in_words(text: str) -> bool:
    """Is this prose, which math-verify would read as a product of letters?"""
    if re.search(r"\$|\\\(|\\\[", text):
        return False
    text = re.sub(r"\\(?:text|mathrm|mbox)\s*\{[^{}]*\}|\\[A-Za-z]+", " ", text)
    return re.search(r"[A-Za-z]{3,}", _FUNCTION.sub(" ", text)) is not None


def gold_answer(text: str) -> str:
    r"""Return the answer of a gold column: GSM8K's after `####`, MATH's in `\boxed`, else all of it."""
    stated = final_answer(text) if "####" in text or "\\boxed" in text else None
    return (stated or text).strip()
