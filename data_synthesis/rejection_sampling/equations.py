r"""Find the equations that a solution writes down in its text, and evaluate them.

A solution in words mixes numbers with units, currencies, LaTeX, labels and variables. The equations found
here serve to compare and check solutions (`data_synthesis.rejection_sampling.reasoning_paths`), so a doubtful
side of an equation is left out rather than guessed: a side with a variable or a function (`f(2) = 2 + 3`), a
label (`Day 3 = 2 + 4`), a sum of different units, a clock time or a decimal comma. Every pattern takes time
linear in the length of the text: a runaway sample of 100,000 characters takes under a second.
"""

from __future__ import annotations

import ast
import itertools
import operator
import re
from collections.abc import Callable

from data_synthesis.rejection_sampling.notation import CJK, UNIT, UNKNOWN, plain, ungrouped

MAX_SIDE = 200
"""Longest side of an equation that is read, in tokens and in characters. It bounds the depth of the syntax
tree."""

_OPERATORS = ("+", "-", "*", "/", "**", "^")
_ANNOTATION = re.compile(r"<<([^<>\n]*=[^<>\n]*)>>")
_QUANTITY = re.compile(
    rf"(?P<joined>[-+*/(][ \t]*)?(?P<value>(?<![\d.])\d[\d.]*+%?+|(?<![\d.])\.\d++%?+|\))"
    rf"(?P<unit>(?:[ \t]*{UNIT}(?:[ \t]+{UNIT})?(?:[ \t]+per[ \t]+{UNIT})?)?"
    r"(?:[ \t]*/[ \t]*(?:[A-Za-z]{2,}+|[hsmglkd]\b))?)"
    r"(?=[ \t]*(?P<next>[+*/=]|-(?![A-Za-z])|$|[^-\w\s]))",
    re.MULTILINE,
)
_TOKEN = re.compile(
    r"(?P<number>\d+(?:\.\d+)?|\.\d+)|(?P<op>\*\*|[-+*/^%])"
    rf"|(?P<mark>[()=])|(?P<space>[ \t]+)|(?P<word>[A-Za-z\\]+)|(?P<unknown>{UNKNOWN})|.|\n"
)
_FUNCTIONS = {
    "sin",
    "cos",
    "tan",
    "log",
    "ln",
    "exp",
    "sqrt",
    "abs",
    "floor",
    "ceil",
    "round",
    "max",
    "min",
    "gcd",
    "lcm",
}
_LABELS = re.compile(
    r"(?:day|night|week|month|year|hour|step|stage|round|level|box|room|question|player|team|page|chapter|option|plan|case|group)"
    r"s?"
)
"""Words whose number is a name: in "day 1 * 2 = 20", the 1 is no factor."""
_TERM = rf"(?<![A-Za-z0-9_.+*/^-])\d[\d.]*+[ \t]*({UNIT})"
_TWO_UNITS = re.compile(rf"{_TERM}(?=[ \t]*[-+][ \t]*\d[\d.]*+[ \t]*({UNIT})[ \t]*(?![ \t]*[*/(]))")
"""Two quantities with their units, the second added to the first or subtracted from it."""


def equations(text: str) -> list[str]:
    r"""Return the equations of a solution in order, without spaces and thousands separators.

    Calculator annotations (`<<48/2=24>>`) are returned when there are any; else the arithmetic found in the
    text: numbers joined by + - * / ^ (also x, U+00D7, U+00F7, \times, \div, \frac) and by "=". Chains stay
    whole; currencies and unit words are left out. A side cut short by a variable ("2x + 3 = 7") is left out,
    and so is a conversion's left side ("2 hours = 2 * 60 = 120" gives "2*60=120"). What remains is an
    equation when it has two sides and an operator between numbers.
    """
    annotated = _ANNOTATION.findall(text)
    if annotated:
        return [ungrouped(re.sub(r"[\s$]", "", equation)) for equation in annotated]
    cents = "$" in text
    text = plain(text)
    text = _CENTS.sub(UNKNOWN, text) if cents else text  # 2.50 - 2.24 = 26 cents
    text = _TWO_UNITS.sub(_two_units, text)
    return [equation for run in _runs(_QUANTITY.sub(_without_unit, text)) for equation in _equations(run)]


def unannotated(text: str) -> str:
    """Return a text without calculator annotations."""
    return _ANNOTATION.sub("", text)


_CENTS = re.compile(r"(?<![\d.])\d[\d.]*+[ \t]*(?:cents?\b|\u00a2)")


def _two_units(match: re.Match[str]) -> str:
    """Leave out a quantity if one of another unit is added to it: "1 hour + 30 minutes" is not 31."""
    one, other = (unit.lower().removesuffix("s") for unit in match.groups())
    return match.group() if one == other else f"{UNKNOWN} "


def _without_unit(match: re.Match[str]) -> str:
    """Drop a unit, but not from the left side of a conversion: "14 hours = 14 * 60" equates no numbers."""
    bare = match["next"] == "=" and not match["joined"] and match["value"] != ")"
    return match.group() if bare else f"{match['joined'] or ''}{match['value']}{' ' if match['unit'] else ''}"


def _runs(text: str) -> list[list[str]]:
    """Cut a text into its maximal runs of arithmetic tokens.

    "?" stands for something that is not read: a variable, a function's name, an unknown value. "@" begins a
    run that follows a word. Two numbers in a row belong to two runs.
    """
    cutter = _Cutter()
    for token in _TOKEN.finditer(text):
        cutter.read(token)
    return cutter.runs


class _Cutter:
    """Read the tokens of a text one by one, and put those of arithmetic into runs."""

    def __init__(self) -> None:
        self.runs: list[list[str]] = [[]]
        self.previous, self.gap = "", False
        """The previous token, and whether white space separates it from the next one."""

    def read(self, token: re.Match[str]) -> None:
        """Put a token into a run, or end the run at it."""
        if token["space"]:
            self.gap = True
            return
        if token["number"] or token["op"] or token["mark"] or token["unknown"]:
            self._go_on(token)
        else:
            self._end_run(token)
        self.previous, self.gap = token.group(), False

    def _go_on(self, token: re.Match[str]) -> None:
        """Add a token of arithmetic to the run, or to a new run if it cannot follow the run's last token."""
        piece, run = token.group(), self.runs[-1]
        if self._is_second_value(token, run):
            run = ["?"] if piece == "(" else []  # "2 (3 + 4)" is a product, or a remark
            self.runs.append(run)
        elif not run:
            run += _before(piece, self.previous, gap=self.gap)
        run.append("?" if token["unknown"] else piece)

    def _is_second_value(self, token: re.Match[str], run: list[str]) -> bool:
        """Does a token begin a value right after another value, without an operator between them?"""
        begins = token["number"] or token.group() in ("(", UNKNOWN)
        after_value = bool(run) and (run[-1][-1].isdigit() or run[-1] in (")", "%", "?"))
        return bool(begins) and after_value and (self.gap or bool(token["number"] and run[-1] != "?"))

    def _end_run(self, token: re.Match[str]) -> None:
        """End the run at a token that is no arithmetic. A word that belongs to the run is a variable."""
        run = self.runs[-1]
        if run and token["word"] and (run[-1] in _OPERATORS or (self.previous == run[-1] and not self.gap)):
            run.append("?")
        self.runs.append([])


def _before(piece: str, previous: str, *, gap: bool) -> list[str]:
    """Return the first pieces of a run that follows a token of prose."""
    word = previous[-1:].isalpha() or previous == "_"
    gap = gap or (bool(re.fullmatch(f"[{CJK}]", previous)) and previous != "第")
    if piece in _OPERATORS:
        return ["?"] if word else []
    if piece != "=" and word:
        named = previous.lower().lstrip("\\")
        return (
            ["?"] if not gap or named in _FUNCTIONS or (piece != "(" and _LABELS.fullmatch(named)) else ["@"]
        )
    return []


_JOINED = re.compile(r"[\d)%][-+*/]+[-+(]*[\d.]|[\d)]\([-\d.(]")
"""An operator between numbers, or a product without one: 3(4)."""


def _equations(run: list[str]) -> list[str]:
    """Return the equations of a run without loose ends; several if a side between them is not read.

    "25 * 4 = 100 cents = $1" does not become an equation of 25 * 4 and 1.
    """
    sides = _sides(run)
    last = len(sides) - 1
    texts = [
        "".join(_trimmed(side)) if _is_read(side, is_last=i == last) else "" for i, side in enumerate(sides)
    ]
    chains = [list(chain) for read, chain in itertools.groupby(texts, bool) if read]
    return ["=".join(chain) for chain in chains if len(chain) >= 2 and any(map(_JOINED.search, chain))]


def _sides(run: list[str]) -> list[list[str]]:
    """Split a run at its equals signs. The left side is not read if it is a name: "Day 3 = 2 + 4"."""
    sides: list[list[str]] = [[]]
    for piece in run:
        if piece == "=":
            sides.append([])
        elif piece != "@":
            sides[-1].append("**" if piece == "^" else piece)
    if run[:1] == ["@"] and not set(sides[0]) & set(_OPERATORS):
        sides[0] = ["?"]
    return sides


def _is_read(side: list[str], *, is_last: bool) -> bool:
    """Is a side read as a whole? Only at the end may a parenthesis be closed that was not opened."""
    return "?" not in side and len(side) <= MAX_SIDE and (is_last or side.count("(") >= side.count(")"))


def _trimmed(side: list[str]) -> list[str]:
    """Drop operators that join nothing, and parentheses without a partner."""
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
    ast.Pow: operator.pow,  # of floats, so that it overflows instead of running for hours
}


def evaluate(expression: str) -> float | None:
    """Return the value of arithmetic on plain numbers (+ - * / ** and parentheses), else None."""
    if len(expression) > MAX_SIDE:
        return None
    expression = re.sub(
        r"(?<=[\d)])\(", "*(", re.sub(r"(?<![\d.])0+(?=\d)", "", expression.replace("^", "**"))
    )
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
