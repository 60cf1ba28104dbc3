r"""Decide whether two formulas are the same, with math-verify's LaTeX reader, sympy and exact numbers.

Departures from `math_verify.verify`:
1. Fractions are compared exactly, other numbers to 200 digits. math-verify rounds to 6 decimals, so that
   10^{-20} equals 10^{-21} and 1/2004! equals 1/2006!. A decimal gold answer sets the precision itself.
2. Letters keep their case; math-verify makes R and r one symbol.
3. If math-verify calls two formulas the same, both are also evaluated at three points before the verdict
   counts.
4. Relations and sets are compared in both directions: `1 < x < 2` equals `(1, 2)`, whichever is the gold
   answer.
"""

from __future__ import annotations

import re
from typing import Any

import sympy
from latex2sympy2_extended import NormalizationConfig, latex2sympy, normalize_latex
from latex2sympy2_extended.latex2sympy2 import ConversionConfig
from math_verify import verify
from sympy.core.function import AppliedUndef
from sympy.logic.boolalg import Boolean

from reward.mathematics.numbers import telling_digits

_READ = NormalizationConfig(
    basic_latex=True, units=False, malformed_operators=True, nits=True, boxed="none", equations=False
)  # fmt: skip
_LARGEST = sympy.Float(10) ** 10_000
"""Numbers larger than this are not written out."""
DIGITS, DEEP, _MOST = 30, 200, 400
"""Number of digits to which two numbers must first agree; number of digits to which their difference must
then vanish; number of digits with which the difference is computed. Fractions are compared exactly."""
_BUILT = re.compile(
    r"\\\{\s*[a-z]\s*(?:\\in\s*\\(?:mathbb\s*\{?\s*R\s*\}?|R|reals?)\s*)?(?::|\||\\mid|\\vert|\\colon)\s*(.+)\\\}",
    re.DOTALL,
)
_OR, _RELATES = (
    re.compile(r"\s+or\s+|\\lor(?![A-Za-z])|\u2228"),
    re.compile(r"[<>]|\\[gl]eq?(?![A-Za-z])|\\in(?![A-Za-z])"),
)
_FRAC = re.compile(
    r"\\frac\s*(\{[^{}]*\}|\\[A-Za-z]+(?![A-Za-z{])|\w)\s*(\{[^{}]*\}|\\[A-Za-z]+(?![A-Za-z{])|\w)"
)
"""`\\frac\\pi4`: a fraction whose parts have no braces."""
_PRIME, _T = re.compile(r"([A-Za-z])('+|\^\s*\{?\(\d\)\}?)"), re.compile(r"\\[A-Za-z]+|T")
"""Notations that the LaTeX reader misreads: it drops the prime of a derivative, and takes a power T for a
transposition."""
_TO_WORK_OUT = (sympy.Sum, sympy.Product, sympy.Limit, sympy.Integral)
_POINTS = (sympy.Rational(137, 100), sympy.Rational(291, 130), sympy.Rational(53, 170))


def equal(gold: str, pred: str) -> bool:
    """Return whether two formulas are the same. Exceptions of the libraries are passed on."""
    if any(re.search(r"\\(?:vec|overrightarrow)", side) and "\\times" in side for side in (gold, pred)):
        return False  # the order of a vector product counts; equal texts were found before
    left, right = _worked_out(read(gold)), _worked_out(read(pred))
    if (
        isinstance(left, sympy.Expr)
        and isinstance(right, sympy.Expr)
        and not left.free_symbols
        and not right.free_symbols
    ):
        return _same_number(left, right, _decimals(gold) if telling_digits(gold) > 2 else 0)
    if _is_condition(left) or _is_condition(right):
        return _same_condition(left, right)
    if (
        left.free_symbols != right.free_symbols
        and isinstance(left, sympy.Expr)
        and isinstance(right, sympy.Expr)
    ):
        return sympy.simplify(left - right) == 0
    found = verify(left, right, timeout_seconds=None, raise_on_error=True, float_rounding=12)
    return _agree(left, right) if found else _same_on_reals(left, right)


def _worked_out(value: Any) -> Any:
    """Evaluate sums, products, limits and integrals; C(n, k) is a binomial coefficient."""
    if isinstance(value, sympy.Expr):
        value = value.replace(_is_choice, lambda choice: sympy.binomial(*choice.args))
        value = value.doit() if value.has(*_TO_WORK_OUT) else value
    return value


def _is_choice(value: Any) -> bool:
    return isinstance(value, AppliedUndef) and value.func.__name__ == "C" and len(value.args) == 2


def _same_on_reals(left: Any, right: Any) -> bool:
    r"""Are two expressions the same if their letters stand for real numbers, as \sqrt{x^2} and |x| are?"""
    if (
        not (isinstance(left, sympy.Expr) and isinstance(right, sympy.Expr))
        or left.free_symbols != right.free_symbols
    ):
        return False
    real = {symbol: sympy.Symbol(symbol.name, real=True) for symbol in left.free_symbols}
    apart = sympy.simplify((left - right).subs(real).expand(func=True))
    return bool(apart == 0)


def read(text: str) -> Any:
    r"""Read a formula into sympy.

    `i` is the imaginary unit; "x < 1 or x > 2" and `\{x : x < 1\}` are sets.
    """
    if built := _BUILT.fullmatch(text.strip()):
        return read(built[1])
    parts = _OR.split(text)
    if len(parts) > 1 and all(_RELATES.search(part) for part in parts):
        sets = [_as_set(read(part)) for part in parts]
        if None not in sets:
            return sympy.Union(*sets)
    text = _FRAC.sub(r"\\frac{\1}{\2}", re.sub(r"\\(?:nice|s|d|t|c)frac(?![A-Za-z])", r"\\frac", text))
    text = re.sub(r"(\d+(?:\.\d+)?)\s*°", r"{(\1 \\cdot \\frac{\\pi}{180})}", text)
    text = re.sub(r"(?<![A-Za-z])(\d+(?:\.\d+)?)[eE]([-+]?\d+)(?![A-Za-z])", r"\1 \\cdot 10^{\2}", text)
    text = re.sub(r"\\varnothing|\u2205", r"\\emptyset", text)
    text = re.sub(r"(?<![\\A-Za-z])(pi|sin|cos|tan|ln|log|sqrt)(?![A-Za-z])", r"\\\1", text).replace(
        "**", "^"
    )
    text = re.sub(
        r"\\sqrt\s*(?:\(([^()]*)\)|\s(\w+))", lambda found: f"\\sqrt{{{found[1] or found[2]}}}", text
    )
    text = _PRIME.sub(
        lambda found: f"{found[1]}_{{9{re.sub(r'[^0-9]', '', found[2]) or len(found[2])}}}", text
    )
    text = _T.sub(lambda found: "{\\Xi}" if found.group() == "T" else found.group(), text)
    value = latex2sympy(
        normalize_latex(text, _READ),
        conversion_config=ConversionConfig(lowercase_symbols=False),
        normalization_config=None,
    )
    unit = sympy.Symbol("i")
    return (
        value.subs(unit, sympy.I) if isinstance(value, sympy.Expr) and unit in value.free_symbols else value
    )


def _decimals(text: str) -> int:
    found = re.fullmatch(r"[-+\s]*\d*\.(\d+)\s*", text)
    return len(found[1]) if found else 0


def _same_number(left: sympy.Expr, right: sympy.Expr, decimals: int) -> bool:
    """Compare two numbers.

    They are compared exactly if they differ by a fraction, else to 200 digits or to the first one's decimals.
    """
    if left == right:
        return not left.has(sympy.zoo, sympy.nan)
    left, right = (
        sympy.nsimplify(side, rational=True) if side.has(sympy.Float) else side for side in (left, right)
    )
    one, two = (sympy.N(side, DIGITS + 20) for side in (left, right))
    if not decimals and one.is_real and abs(one) < _LARGEST:
        exactly = sympy.expand((left - right).doit())
        if exactly.is_Rational:
            return bool(exactly == 0)
    return _is_finite(one) and _is_finite(two) and _close(left - right, one, abs(one - two), decimals)


def _is_finite(value: Any) -> bool:
    return bool(value.is_number and value.is_finite)


def _close(exactly: sympy.Expr, one: sympy.Expr, apart: sympy.Expr, decimals: int) -> bool:
    """Are two numbers so close that they count as the same?

    Args:
        exactly: their difference, as an expression.
        one: one of the numbers.
        apart: the absolute value of their difference.
        decimals: the number of decimals that the gold answer has; 0 if it is no decimal.
    """
    if decimals and apart <= sympy.Rational(1, 2 * 10**decimals):
        return True
    if apart > max(abs(one), sympy.Float(10) ** -DIGITS) * sympy.Float(10) ** -DIGITS:
        return False
    rest = abs(sympy.N(exactly, 15, maxn=_MOST))  # 2^100 and 2^100 - 1 agree in their first 30 digits
    return bool(rest <= (abs(one) or 1) * sympy.Float(10) ** -DEEP)


def _is_condition(value: Any) -> bool:
    return isinstance(value, sympy.Set | Boolean) and not isinstance(value, sympy.Expr)  # a symbol is both


def _same_condition(left: Any, right: Any) -> bool:
    # "-\\pi" is read as a product that is not evaluated
    one, two = (each if each is None else each.doit() for each in map(_as_set, (left, right)))
    if one is not None and two is not None:
        return bool(one == two or sympy.simplify(one.symmetric_difference(two)) == sympy.EmptySet)
    if isinstance(left, sympy.Eq) and isinstance(right, sympy.Eq):
        return _same_equation(left, right)
    if isinstance(left, sympy.Eq) or isinstance(right, sympy.Eq):
        return False  # an equation is no value
    return any(
        verify(
            a, b, timeout_seconds=None, raise_on_error=True, allow_set_relation_comp=True, float_rounding=12
        )
        for a, b in ((left, right), (right, left))
    )


def _same_equation(left: Any, right: Any) -> bool:
    """Return whether one equation is a multiple of the other."""
    one, two = (sympy.expand(side.lhs - side.rhs) for side in (left, right))
    if one == two:
        return True
    if one == 0 or two == 0:
        return False
    ratio = sympy.simplify(one / two)
    return bool(ratio.is_number and ratio != 0)


def _as_set(value: Any) -> Any:
    """Return the set of a condition on one variable or function; None if it has none or several."""
    if functions := value.atoms(AppliedUndef):
        value = value.subs({each: sympy.Symbol(str(each)) for each in functions})
    if isinstance(value, sympy.Eq) and isinstance(value.rhs, sympy.Set):
        return value.rhs
    if isinstance(value, sympy.Set):
        return value if not value.free_symbols else None
    if len(value.free_symbols) != 1 or isinstance(value, sympy.Eq):
        return None
    variable = next(iter(value.free_symbols))
    real = sympy.Symbol(variable.name, real=True)
    return value.subs(variable, real).as_set()


def _agree(left: Any, right: Any) -> bool:
    """Evaluate two expressions at three points, and return whether their values agree."""
    if not (isinstance(left, sympy.Expr) and isinstance(right, sympy.Expr)):
        return True
    symbols = sorted(left.free_symbols | right.free_symbols, key=str)
    for point in _POINTS:
        at = {symbol: point + sympy.Rational(i * 37, 50) for i, symbol in enumerate(symbols)}
        one, two = (sympy.N(side.subs(at), DIGITS) for side in (left, right))
        told = one.is_number and two.is_number and one.is_finite and two.is_finite
        if told and abs(one - two) > sympy.Float(10) ** -12 * max(abs(one), abs(two)):
            return False
    return True
