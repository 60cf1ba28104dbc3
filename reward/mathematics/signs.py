r"""Rewrite answers in one notation: ASCII digits, and LaTeX for Unicode signs ("2√3" is `2\sqrt{3}`)."""

from __future__ import annotations

import re
import unicodedata

_SIGNS = {
    "\u2212": "-", "\u2013": "-", "\ufe63": "-", "\uff0d": "-", "\u2044": "/", "\u2215": "/",
    "\u00f7": "\\div ", "\u00d7": "\\times ", "\u2062": "", "\u00b7": "\\cdot ", "\u22c5": "\\cdot ",
    "\u2217": "*", "\u2264": "\\le ", "\u2a7d": "\\le ", "\u2265": "\\ge ", "\u2a7e": "\\ge ",
    "\u2260": "\\ne ", "\u2248": "\\approx ", "\u221e": "\\infty ", "\u222a": "\\cup ", "\u2229": "\\cap ",
    "\u2208": "\\in ", "\u00b1": "\\pm ", "\u211d": "\\mathbb{R}", "\u2124": "\\mathbb{Z}",
    "\u211a": "\\mathbb{Q}", "\u2115": "\\mathbb{N}", "\u27e8": "\\langle ", "\u27e9": "\\rangle ",
    "\u03c0": "\\pi ", "\u03b8": "\\theta ", "\u03b1": "\\alpha ", "\u03b2": "\\beta ", "\u03bb": "\\lambda ",
    "\uff08": "(", "\uff09": ")", "\uff0c": ",", "\uff1a": ":", "\uff1d": "=", "\uff05": "%", "\uff0b": "+",
    "\u066b": ".", "\uff0e": ".",
}  # fmt: skip
_RAISED = dict(
    zip(
        "\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079\u207a\u207b\u207f",
        "0123456789+-n",
        strict=True,
    )
)
_LOWERED = dict(
    zip("\u2080\u2081\u2082\u2083\u2084\u2085\u2086\u2087\u2088\u2089", "0123456789", strict=True)
)
_ROOT = re.compile(r"([\u221a\u221b\u221c])\s*(?:\(([^()]*)\)|\{([^{}]*)\}|(\d+(?:\.\d+)?|\\pi|[^\W\d_]))")
_DEGREES = {"\u221a": "", "\u221b": "[3]", "\u221c": "[4]"}
_DIGIT = re.compile(r"[^\W0-9A-Za-z]")


def in_ascii_digits(text: str) -> str:
    """Replace the decimal digits of any script by ASCII digits; the length of the text stays the same."""
    return text if text.isascii() else _DIGIT.sub(lambda found: _digit(found.group()), text)


def _digit(letter: str) -> str:
    value = unicodedata.decimal(letter, None)
    return letter if value is None else str(value)


def in_latex(text: str) -> str:
    """Replace the mathematical signs of an answer by LaTeX commands."""
    if text.isascii():
        return text
    text = in_ascii_digits(text)
    for signs, mark in ((_RAISED, "^"), (_LOWERED, "_")):
        text = re.sub(
            f"[{''.join(signs)}]+",
            lambda found, s=signs, m=mark: m + "{" + "".join(s[letter] for letter in found.group()) + "}",
            text,
        )
    text = _ROOT.sub(
        lambda found: (
            f"\\sqrt{_DEGREES[found[1]]}{{{next(part for part in found.groups()[1:] if part is not None)}}}"
        ),
        text,
    )
    return "".join(_SIGNS.get(letter, letter) for letter in text)
