r"""Which of several right solutions are different ways to solve the problem? Pure functions on text.

Rejection-sampling fine-tuning, RFT (Yuan et al., 2308.01825, section 3.3): keep a sampled solution when its
answer is right and every equation in it holds, then keep one solution per distinct list of equations. The
number of distinct paths, not of accepted samples, is what predicts the gain.

Departures from the paper's code:
1. Equations are also found in free text and simple LaTeX; the paper reads GSM8K's calculator annotations
   only.
2. A text without equations is known by its words and numbers. There, its key is empty, so that all such
   solutions of a problem collapse into one.
3. Equations are evaluated by a small interpreter of arithmetic, never by `eval`.
4. "20%" may mean 20 or 20/100, and in "80 - 20%" a fifth of 80: an equation holds when one reading makes it
   true, the same on both of its sides or not.
5. What rounding explains is not false: `10/3 = 3.33` (rounded to the nearest, or cut after the last digit),
   `100/3 = 33` (a quotient that does not come out even, less than one apart), `0.33 * 3 = 1` (a cut third).
6. Run-on chains are read as pupils write them: in `5 + 7 = 12 * 2 = 24` the 12 is the result, and the next
   step begins with it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise, product

from data_synthesis.rejection_sampling.equations import MAX_SIDE, equations, evaluate, unannotated
from data_synthesis.rejection_sampling.notation import ungrouped

TOLERANCE = 1e-3
"""Largest |lhs - rhs| of an equation that holds (RFT, section 3.3)."""


def path_key(text: str) -> str:
    """Return what makes two solutions the same path: their equations in order, or their words when they have none.

    Operand order and step order count as different, as in RFT.
    """
    found = equations(text)
    if found:
        return "|".join(found)
    return "words: " + " ".join(re.findall(r"\d+(?:\.\d+)?|[^\W\d_]+", ungrouped(text.casefold())))


def equations_hold(text: str) -> bool:
    """Is no equation of a solution surely false? One that cannot be evaluated is not counted.

    In a chain, neighbours are compared; a side with a variable or a word is passed over. True when there are
    none.
    """
    plain = unannotated(text)
    found = equations(text) + (equations(plain) if plain != text else [])
    return all(_chain_holds(equation.split("=")) for equation in found)


def _chain_holds(sides: Sequence[str]) -> bool:
    """Do the neighbours of a chain agree? In the middle, what begins the next side may be meant: `5 + 7 = 12 * 2 = 24`."""
    for i, (left, right) in enumerate(pairwise(sides)):
        begins = _BEGINS.match(right) if i + 2 < len(sides) else None
        meant = [right, *(begins.groups() if begins else ())]
        if not any(_holds(left, side) for side in meant if side):
            return False
    return True


_BEGINS = re.compile(r"(?=(-?[\d.]+%?)[-+*/])(-?[\d.]+/[\d.]+(?=[-+*/]))?")
"""The first number of a side with an operator after it, and its first fraction."""


@dataclass(frozen=True, slots=True)
class _Reading:
    """What a side may be worth."""

    value: float
    unit: float = 0.0
    """A unit of its last digit, where it is a lone decimal number or percentage, so perhaps rounded."""


def _holds(left: str, right: str) -> bool:
    pairs = list(product(_readings(left, right), _readings(right, left)))
    return (
        not pairs
        or any(
            abs(a.value - b.value) < TOLERANCE or _is_rounded(a.value, b) or _is_rounded(b.value, a)
            for a, b in pairs
        )
        or any(
            _is_quotient(left, a.value, right, b.value) or _is_quotient(right, b.value, left, a.value)
            for a, b in pairs
        )
    )


def _is_rounded(value: float, written: _Reading) -> bool:
    """Is what is written the value, rounded to the nearest or cut after its last digit?"""
    cut = abs(value) - abs(written.value)
    nearest = abs(value - written.value) <= written.unit * (0.5 + 1e-6)
    return nearest or (0 <= cut < written.unit * (1 - 1e-6) and value * written.value >= 0)


def _is_quotient(quotient: str, value: float, whole: str, rounded: float) -> bool:
    """Is a whole number what is left of a quotient without its fraction, or the next one ("10 / 4 = 3 trips")?"""
    divided = re.fullmatch(r"\(?[\d.]+(?:\*[\d.]+)*\)?/\(?[\d.]+\)?|\d+\.\d+", quotient)
    return (
        bool(divided) and whole.isdigit() and value >= 1 and value != int(value) and abs(value - rounded) < 1
    )


def _readings(side: str, other: str) -> list[_Reading]:
    """Return what a side may be worth; a "%", points between thousands, a cut decimal, 6/2(3) or 14/1/4 in several ways."""
    if len(side) > MAX_SIDE:
        return []
    lone = re.fullmatch(r"-?\d*(?:\.(\d+))?(%?)", side)
    digit = 10.0 ** -len(lone[1] or "") if lone and (lone[1] or lone[2]) else 0.0
    sides = _percentages(side, other, digit) if "%" in side else [(side, digit)]
    sides += [(pattern.sub(meant, side), 0.0) for pattern, meant in _OTHERWISE if pattern.search(side)]
    sides += [(_DECIMAL.sub(_uncut, each), 0.0) for each, _ in sides if _DECIMAL.search(each)]
    values = [(evaluate(each), unit) for each, unit in sides]
    return [_Reading(value, unit) for value, unit in values if value is not None]


def _percentages(side: str, other: str, digit: float) -> list[tuple[str, float]]:
    """Return what a side with a "%" may mean, each meaning with the unit of its last digit; `digit` is that of the side."""
    sides = [(_PERCENT.sub(r"(\1/100)", side), digit / 100), (_OF_ITSELF.sub(r"(\1)*(1\2\3/100)", side), 0.0)]
    sides.append((_PERCENT.sub(r"(\1/100)", _THIRD.sub(_third, side)), 0.0))
    if _IN_PERCENT.fullmatch(side) and ("100" in other or "%" in other or not set("*/") & set(other)):
        sides.append((side.replace("%", ""), digit))  # 10/20*100 = 50%, 50 - 20 = 30%
    elif "*100%" in side:
        sides.append((side.replace("%", ""), 0.0))  # 3/4*100% = 75
    return sides


_PERCENT = re.compile(r"(\d+(?:\.\d*)?|\.\d+)%")
_OF_ITSELF = re.compile(r"^(.+)([-+])(\d+(?:\.\d*)?)%$")
"""80 - 20%."""
_THIRD = re.compile(r"(?<![\d.])(?:33(?:\.3+)?|66(?:\.6*7?)?|67)%")
"""A third or two thirds, in percent."""
_IN_PERCENT = re.compile(r"[\d.]+%(?:[-+][\d.]+%)*")
_THOUSANDS = re.compile(r"(?<=\d)\.(?=\d{3}(?!\d))")
_TIGHT = re.compile(r"/([\d.]+)(\([^()]*\))")
"""6/2(3), which some read as 6/(2*3)."""
_STACKED = re.compile(r"^((?:[\d.]+/)?[\d.]+)/([\d.]+/[\d.]+)$")
"""14/1/4 and 7/12/1/12, which some read as 14/(1/4) and (7/12)/(1/12)."""
_OTHERWISE = ((_THOUSANDS, ""), (_TIGHT, r"/(\1*\2)"), (_STACKED, r"(\1)/(\2)"))
"""What may be meant otherwise than it is evaluated, and how it is written then."""
_DECIMAL = re.compile(r"(?<![\d.])\d*\.\d{2,6}(?![\d.])")


def _third(match: re.Match[str]) -> str:
    return "(1/3)" if match.group().startswith("33") else "(2/3)"


def _uncut(match: re.Match[str]) -> str:
    """Return the fraction that a decimal was probably cut from, such as 1/3 from 0.33; else the decimal.

    With two or three digits only thirds and sixths are believed; 0.08 and 0.14 are more often taxes than 1/12
    and 1/7.
    """
    written = Fraction("0" + match.group())
    near = written.limit_denominator(12)
    digits = len(match.group().partition(".")[2])
    off = (near - written) * 10**digits
    endless = near.denominator in ((3, 6) if digits < 4 else (3, 6, 7, 9, 11, 12))
    return (
        f"({near.numerator}/{near.denominator})" if endless and Fraction(-1, 2) <= off < 1 else match.group()
    )


def distinct_paths(texts: Sequence[str]) -> list[int]:
    """Return the indices of the texts to keep, one per path, ascending.

    Of two texts with one key, the one whose Levenshtein distances to the texts kept for other keys sum to
    more stays (RFT, section 3.3), the earlier one when they are equal. Texts are taken in order, so the
    result depends on it.
    """
    kept: dict[str, int] = {}
    known: dict[tuple[str, str], int] = {}

    def distance(pair: tuple[str, str]) -> int:
        if pair not in known:
            known[pair] = levenshtein(*pair)
        return known[pair]

    def spread(index: int, key: str) -> int:
        return sum(distance((texts[index], texts[holder])) for other, holder in kept.items() if other != key)

    for index, text in enumerate(texts):
        key = path_key(text)
        holder = kept.setdefault(key, index)
        if text != texts[holder] and spread(index, key) > spread(holder, key):
            kept[key] = index
    return sorted(kept.values())


def closest(text: str, candidates: Sequence[str]) -> int:
    """Return the index of the candidate most like the text: the hard negative of a preference pair.

    Likeness is 1 - distance / longer length, so that a short candidate does not win by being short. Ties: the
    first.

    Raises:
        ValueError: there are no candidates.
    """
    if not candidates:
        raise ValueError("closest() needs at least one candidate")
    unlike = [levenshtein(text, other) / max(len(text), len(other), 1) for other in candidates]
    return unlike.index(min(unlike))


def levenshtein(left: str, right: str) -> int:
    """Return the edit distance: the fewest insertions, deletions and substitutions of one character.

    Myers' bit-vector algorithm (JACM 1999) as Hyyrö states it (2003, figure 2): a column of the table is two
    integers, so one character costs a few operations on integers as long as the other text. About 1 ms for
    500 characters each.
    """
    if len(left) < len(right):
        left, right = right, left
    if not right:
        return len(left)
    mask, last = (1 << len(left)) - 1, 1 << (len(left) - 1)
    places: dict[str, int] = {}
    for index, character in enumerate(left):
        places[character] = places.get(character, 0) | 1 << index
    more, less, distance = mask, 0, len(left)  # where the column rises by one, where it falls
    for character in right:
        same = places.get(character, 0)
        vertical = same | less
        horizontal = (((same & more) + more) ^ more) | same
        rise = less | (mask & ~(horizontal | more))
        fall = more & horizontal
        distance += bool(rise & last) - bool(fall & last)
        rise, fall = (rise << 1 | 1) & mask, fall << 1 & mask
        more = fall | (mask & ~(vertical | rise))
        less = rise & vertical
    return distance
