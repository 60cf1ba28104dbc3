r"""Give answers that mean the same one spelling: each by itself, and two in comparison.

Nothing is calculated here: `\text{Even}` becomes "Even", `\langle 1, 2\rangle` becomes (1, 2), "twenty-one"
becomes 21.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from reward.mathematics.number_words import counted
from reward.mathematics.numbers import number, undress

_TEXT = re.compile(
    r"\\(?:text(?:bf|it|rm|normal|sf|tt)?|mathrm|mathbf|mbox|operatorname|underline|bf|rm)\s*\{([^{}]*)\}"
)
SIDE = re.compile(r"(?<![<>!=:\\])=(?![=<>])(?![^{}]*(?<!\\)\})")
"""The equals sign between two sides of an equation, but not one in the index of a sum."""
_WAYS = {
    r"\emptyset": (
        r"\varnothing", "\u2205", r"\{\}", r"\{ \}", "no solution", "no solutions", "no real solution",
        "no real solutions", "empty set", "the empty set",
    ),
    r"\mathbb{R}": (r"\mathbf{R}", r"\R", r"\reals", "all real numbers", "all reals", r"(-\infty,\infty)"),
    "dne": ("does not exist",),
}  # fmt: skip
"""Answers -> other ways to write them."""
_MEANT = {way: meant for meant, ways in _WAYS.items() for way in ways}


def _ways(*ways: tuple[str, str]) -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(way), spelling) for way, spelling in ways)


_FIRST = _ways(
    (r"\$([^$]*)\$", r" \1 "),
    (r"\\color\s*\{\w+\}|\\(?:large|Large|huge|bf|bm|textstyle)(?![A-Za-z])", " "),
    (r"^[\u2600-\u27bf\U0001f300-\U0001faff\s>]+(?=\S)", ""),  # a tick or a prompt sign before the answer
    (r"</?(?:b|i|strong|em|u)>", ""),
    (r"^[A-Za-z]{2,}(?: [A-Za-z]+){0,2}:\s*(?=[-\d$])", ""),  # "Total: 60"
    # the end of "2k, k in Z" in LaTeX
    (r"(?<=\S)\s*[,(]\s*\(?\s*[a-z]\s*\\in\s*\\mathbb\s*\{?[ZNR]\}?(?:\^\s*\{?[*+]\}?)?\)?$", ""),
    (r"^(.*=.*?)\s*(?:\\forall|\bfor\s+(?:all|every|any)\b).*$", r"\1"),
    (r"\\log\s*_\s*\{?e\}?", r"\\ln"),
    (r"^\{(\s*[a-z]\s*[|:].*)\}$", r"\\{\1\\}"),  # {x | 1 < x < 2}
    (r"^.*(?:=>|->|\\Rightarrow|\\implies|\u2192|\u21d2)", ""),
    (r"\\varphi", r"\\phi"),
    (r"\\varepsilon", r"\\epsilon"),
    (r"(\d)\s+and\s+a\s+half\b", r"\1 1/2"),
    (r"(\d\s+[a-z]+)\s+and\s+(\d+\s+[a-z]+)$", r"\1 \2"),  # "2 hours and 30 minutes"
    (r"\^\s*\{?\s*\\circ\s*\}?", "\u00b0"),
    (r"\\left(?![a-z])|\\right(?![a-z])", ""),
    (r"\{:\}", ":"),
    (r"\\langle(?![A-Za-z])", "("),
    (r"\\rangle(?![A-Za-z])", ")"),
    (r"\^\s*\{?(\d+)\}?\s*/\s*_\s*\{?(\d+)\}?", r"\\frac{\1}{\2}"),  # a five above a two
)
_THEN = _ways(
    (r"^=\s*(?=[^=])|\s*[;,]$", ""),
    (r"^(?:[Nn]egative|[Mm]inus)\s+(?=\d)", "-"),
    (r"^(?:\\approx|\\simeq|\\sim|~)\s*", ""),
    (r"^[a-zA-Z]\s*\\in\s*(?=\\\{[^|:]*\\\}$)", ""),  # x \in \{1, 2\}
    (r"^(\d+)\s+(?:out\s+of|in)\s+(\d+)$", r"\1/\2"),
)
"""Rewriting rules for answers, in this order: a pattern of spellings, and the one spelling that is compared.
`_THEN` is applied after delimiters and emphasis are removed a second time."""


def clean(text: str) -> str:
    """Return an answer in one spelling: no delimiters, no emphasis, texts in formulas as plain words."""
    text = _TEXT.sub(
        lambda found: f" {found[1]} " if re.search(r"[^\W\d]{2}|[^\w.]", found[1]) else found[1],
        undress(text),
    )
    text = _rewritten(text, _FIRST)
    text = _rewritten(undress(" ".join(text.split())).rstrip("\\ ").strip(), _THEN)
    if (value := _in_words(text)) is not None:
        return value
    tight = re.sub(r"\s*([^\w\s])\s*", r"\1", text).replace("+\\infty", "\\infty")
    return _MEANT.get(tight, _MEANT.get(tight.casefold(), text))


def _rewritten(text: str, ways: Sequence[tuple[re.Pattern[str], str]]) -> str:
    """Apply rewriting rules to a text, in order."""
    for way, spelling in ways:
        text = way.sub(spelling, text)
    return text


def _in_words(text: str) -> str | None:
    """Return the digits of a number in words, which may be repeated in brackets: "ten (10)"."""
    found = re.fullmatch(r"([A-Za-z][A-Za-z -]+?)(?:\s*\(([^()]+)\))?", text)
    value = counted(found[1]) if found else None
    if found is None or value is None or (found[2] and number(found[2]) != value):
        return None
    return str(value)


def folded(text: str) -> str:
    """Return a text without spaces beside signs; if it is words, in lower case."""
    text = re.sub(r"(?<=\d),\s+(?=\d{3}(?!\d))", "; ", text)  # a list, not a number with thousands
    text = re.sub(r"\s*([^\w\s])\s*", r"\1", text)
    words = re.fullmatch(r"[^\W\d]{2,}(?: [^\W\d]+)*", text)  # one letter may be a variable: x is not X
    return text.casefold() if words else text


_CONSTANT = re.compile(r"(\+\s*)[Cc]\Z")
_MODULUS = re.compile(r"\s*[,(]?\s*(?:\\pmod|\\bmod|\\mod|\bmod(?:ulo)?\b)\s*\{?\s*(\d+|[a-z])\s*\}?\)?\Z")
_SPREAD = re.compile(r"\(([^()=]+)\)\s*=\s*\(([^()=]+)\)")


def alike(left: str, right: str) -> tuple[str, str]:
    """Remove differences between two answers that have no meaning when both are known.

    The constant of an integral may be c or C; a modulus ("5 (mod 7)") may be left out; (a, b) = (2, 3) is the
    same as a = 2, b = 3.
    """
    if all(_CONSTANT.search(text) and "c" not in _letters(_CONSTANT.sub("", text)) for text in (left, right)):
        left, right = (_CONSTANT.sub(r"\1C", text) for text in (left, right))
    moduli = {found[1] for text in (left, right) if (found := _MODULUS.search(text))}
    if len(moduli) == 1:
        left, right = (
            re.sub(r"^[a-z]\s*\\equiv\s*", "", _MODULUS.sub("", text)).strip() for text in (left, right)
        )
    return _spread(left, right), _spread(right, left)


def _spread(text: str, other: str) -> str:
    """Return (a, b) = (2, 3) as a = 2, b = 3 if the other answer is written like that."""
    found = _SPREAD.fullmatch(text)
    names, values = (
        ([part.strip() for part in side.split(",")] for side in found.groups()) if found else ([], [])
    )
    if not 1 < len(names) == len(values) == len(SIDE.findall(other)) or _SPREAD.fullmatch(other):
        return text
    return ", ".join(f"{name} = {value}" for name, value in zip(names, values, strict=True))


def _letters(text: str) -> str:
    """Return the letters of a text in lower case, without LaTeX commands."""
    return re.sub(r"\\[A-Za-z]+", "", text).lower()
