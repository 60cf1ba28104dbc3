r"""Which equations does a solution write down, and what are they worth? Arithmetic found in text, and its value.

A solution in words mixes numbers with units, currencies, LaTeX and variables. What is found here is meant for comparing
and checking solutions (`data_synthesis.paths`), so a doubtful side of an equation is left out rather than guessed.
Every pattern is linear in the text: a runaway sample of 100,000 characters takes under a second.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable

MAX_SIDE = 200
"""Longest side of an equation that is looked at, in tokens and characters; bounds the depth of the syntax tree."""

_OPERATORS = ("+", "-", "*", "/", "**", "^")
_ANNOTATION = re.compile(r"<<([^<>\n]*=[^<>\n]*)>>")
_GROUPED = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?!,?\d)")
_UNIT = r"(?!(?:pi|of|and|or|is|to|mod|squared|cubed)\b)[A-Za-z]{2,}+"
_QUANTITY = re.compile(
    rf"(?P<joined>[-+*/(][ \t]*)?(?P<value>(?<![\d.])\d[\d.]*+%?+|(?<![\d.])\.\d++%?+|\))"
    rf"(?P<unit>(?:[ \t]*{_UNIT}(?:[ \t]+{_UNIT})?)?(?:[ \t]*/[ \t]*[A-Za-z]+)?)(?=[ \t]*(?P<next>[-+*/=]|$|[^\w\s]))",
    re.MULTILINE,
)
_TOKEN = re.compile(
    r"(?P<number>\d+(?:\.\d+)?|\.\d+)|(?P<op>\*\*|[-+*/^%])"
    r"|(?P<mark>[()=])|(?P<space>[ \t]+)|(?P<word>[A-Za-z\\]+)|.|\n"
)
_REWRITES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.MULTILINE), to)
    for pattern, to in (
        (r"[ \t]+", " "),
        (r"\n\s*", "\n"),
        (r"\\(?:text|mathrm|mbox)\s*\{([^{}\n]*)\}", r" \1 "),
        (r"\\(?:left|right|quad|qquad)(?![A-Za-z])|\\[,;:! ]|\\[()\[\]]", " "),
        (r"\\(?:times|cdot)(?![A-Za-z])|[\u00d7\u00b7\u2219\u22c5]", "*"),
        (r"\\div(?![A-Za-z])|\u00f7", "/"),
        (r"\\[dt]?frac\s*\{([^{}\n]*)\}\s*\{([^{}\n]*)\}", r"(\1)/(\2)"),
        (r"\\boxed\s*\{([^{}\n]*)\}", r"\1"),
        (r"[\u2212\u2013]", "-"),
        (r"\\?[$€£¥&]|\*\*(?!\s*\d)|\\(?=%)", ""),
        (r"\{,\}", ","),
        (r"^[ \t]*(?:[-*+•][ \t]+|\d+[.)][ \t]+)", ""),
        (r"(?<![\d.,])([1-9]\d{0,2}) (\d{3})(?: (\d{3}))?(?![\d.,]*\d)", r"\1\2\3"),  # 17 000
        (r"(?<!\d)\d++:\d+", "~"),  # a time or a ratio
        (r"(?<=[\d)%])([ \t]*(?:[A-Za-z]{2,}[ \t]+)?)[xX](?=[ \t]*[\d.(])", r"\1*"),
        (r"(?<![\d./])(\d++)[ \t]+(\d+/\d+)(?![\d./])", r"(\1+\2)"),  # 1 1/2
        (r"(?<=/)([ \t]+)(\d+/\d+)(?![\d./])", r"\1(\2)"),  # 50 / 1/2
        (r"(?<!\d)\d++(?:\.\d++)?(?:\.{2,}|…)", "~"),  # 8.333...: not an equality
        (r" ?\n ?=", " ="),
    )
)


def equations(text: str) -> list[str]:
    r"""Return the equations of a solution in order, without spaces and thousands separators.

    Calculator annotations (`<<48/2=24>>`) when there are any; else the arithmetic found in the text: numbers joined by
    + - * / ^ (also x, U+00D7, U+00F7, \times, \div, \frac) and by "=", chains kept whole, currencies and unit words left out.
    A side cut short by a variable ("2x + 3 = 7") is left out, and so is a conversion's left side ("2 hours = 2 * 60 =
    120" gives "2*60=120"). What remains is an equation when it has two sides and an operator between numbers.
    """
    annotated = _ANNOTATION.findall(text)
    if annotated:
        return [ungrouped(re.sub(r"[\s$]", "", equation)) for equation in annotated]
    text = ungrouped(text.replace("{,}", ","))
    for pattern, to in _REWRITES:
        text = pattern.sub(to, text)
    return [equation for run in _runs(_QUANTITY.sub(_without_unit, text)) if (equation := _equation(run))]


def ungrouped(text: str) -> str:
    """Return a text with "1,234" written 1234."""
    return _GROUPED.sub(lambda match: match.group().replace(",", ""), text)


def _without_unit(match: re.Match[str]) -> str:
    """Drop a unit, unless it makes the left side of a conversion: "14 hours = 14 * 60" is no equation of numbers."""
    bare = match["next"] == "=" and not match["joined"] and match["value"] != ")"
    return match.group() if bare else f"{match['joined'] or ''}{match['value']} "


def _runs(text: str) -> list[list[str]]:
    """Cut a text into its maximal runs of arithmetic tokens, with "?" where a variable cuts one short.

    Two numbers in a row belong to two runs.
    """
    runs: list[list[str]] = [[]]
    previous, has_equals = "", False
    for token in _TOKEN.finditer(text):
        piece, run = token.group(), runs[-1]
        if token["number"] or token["op"] or token["mark"]:
            after_value = bool(run) and (run[-1][-1].isdigit() or run[-1] in (")", "%"))
            if after_value and (token["number"] or (piece == "(" and has_equals)):
                runs.append([])
                has_equals = False
            elif not run and token["op"] and previous[-1:].isalpha():
                run.append("?")
            runs[-1].append(piece)
            has_equals |= piece == "="
        elif not token["space"]:
            if run and token["word"] and (previous == run[-1] or run[-1] in _OPERATORS):
                run.append("?")
            runs.append([])
            has_equals = False
        if not token["space"] or runs[-1]:
            previous = piece
    return runs


def _equation(run: list[str]) -> str | None:
    """Return a run as an equation, its loose ends cut off, or None when it is none."""
    sides: list[list[str]] = [[]]
    for piece in run:
        if piece == "=":
            sides.append([])
        else:
            sides[-1].append("**" if piece == "^" else piece)
    last = len(sides) - 1  # prose may close a parenthesis at the end of an equation; before that, something is missing
    whole = [side for i, side in enumerate(sides) if "?" not in side and (i == last or side.count("(") >= side.count(")"))]
    texts = ["".join(_trimmed(side)) for side in whole if len(side) <= MAX_SIDE]
    texts = [side for side in texts if side]
    joined = any(re.search(r"[\d)%][-+*/]+[-+(]*[\d.]", side) for side in texts)
    return "=".join(texts) if len(texts) >= 2 and joined else None


def _trimmed(side: list[str]) -> list[str]:
    """Drop operators that join nothing, and parentheses that the prose opened or closed."""
    while side:
        depth = side.count("(") - side.count(")")
        if side[-1] in (*_OPERATORS, "(") or (depth < 0 and side[-1] == ")"):
            side = side[:-1]
        elif side[0] in ("+", "*", "/", "**", "%", ")") or (depth > 0 and side[0] == "("):
            side = side[1:]
        else:
            break
    return side


_OPERATIONS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,  # of floats, so it overflows instead of running for ever
}


def evaluate(expression: str) -> float | None:
    """Return the value of arithmetic on plain numbers (+ - * / ** and parentheses), None for anything else."""
    if len(expression) > MAX_SIDE:
        return None
    expression = re.sub(r"(?<=[\d)])\(", "*(", re.sub(r"(?<![\d.])0+(?=\d)", "", expression.replace("^", "**")))
    if not re.fullmatch(r"[\d.+\-*/()]+", expression, re.ASCII):
        return None
    try:
        value = _value(ast.parse(expression, mode="eval").body)
    except (SyntaxError, ArithmeticError, TypeError, ValueError):
        return None
    return value if isinstance(value, float) else None  # a root of a negative number is complex


def _value(node: ast.expr) -> float:
    match node:
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _value(operand)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATIONS:
            return _OPERATIONS[type(op)](_value(left), _value(right))
    raise ValueError(f"not arithmetic: {type(node).__name__}")
