r"""Find out which of several right solutions reason differently. Pure functions on text.

Rejection-sampling fine-tuning, RFT (Yuan et al., 2308.01825, section 3.3): keep a sampled solution when its
answer is right and every equation in it holds, then keep one solution per distinct list of equations. The
number of distinct paths predicts the gain; the number of accepted samples does not.

Departures from the paper's code:
1. Equations are also found in free text and simple LaTeX; the paper reads only GSM8K's calculator
   annotations.
2. A text without equations has its words and numbers as its key. In the paper's code its key is empty, so all
   such solutions of a problem collapse into one.
3. A small interpreter of arithmetic evaluates equations, never `eval`.
4. "20%" may mean 20 or 20/100, and in "80 - 20%" a fifth of 80. An equation holds when one reading makes it
   true; the two sides may need different readings.
5. An equation is not false if rounding explains it: `10/3 = 3.33` (rounded to the nearest, or cut after the
   last digit), `100/3 = 33` (a quotient that does not come out even, less than one apart), `0.33 * 3 = 1` (a
   third cut off after two digits).
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
    """Return a key that is equal for equal paths: the equations in order, or the words if there are none.

    Operands in another order, or steps in another order, are another path, as in RFT.
    """
    found = equations(text)
    if found:
        return "|".join(found)
    return "words: " + " ".join(re.findall(r"\d+(?:\.\d+)?|[^\W\d_]+", ungrouped(text.casefold())))


def equations_hold(text: str) -> bool:
    """Return whether no equation of a solution is certainly false.

    In a chain, neighbours are compared. Equations that cannot be evaluated, and sides with a variable or a
    word, are skipped. A text without equations returns True.
    """
    plain = unannotated(text)
    found = equations(text) + (equations(plain) if plain != text else [])
    return all(_chain_holds(equation.split("=")) for equation in found)


def _chain_holds(sides: Sequence[str]) -> bool:
    """Do the neighbours of a chain agree?

    In the middle, a side may mean its first number alone: `5 + 7 = 12 * 2 = 24`.
    """
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
    """One value that a side may have."""

    value: float
    unit: float = 0.0
    """The value of one unit of its last digit, if it is a lone decimal or percentage (which may be rounded);
    else 0."""


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
    """Is a written number the value, rounded to the nearest or cut after its last digit?"""
    cut = abs(value) - abs(written.value)
    nearest = abs(value - written.value) <= written.unit * (0.5 + 1e-6)
    return nearest or (0 <= cut < written.unit * (1 - 1e-6) and value * written.value >= 0)


def _is_quotient(quotient: str, value: float, whole: str, rounded: float) -> bool:
    """Is a whole number a quotient rounded up or down ("10 / 4 = 3 trips")?"""
    divided = re.fullmatch(r"\(?[\d.]+(?:\*[\d.]+)*\)?/\(?[\d.]+\)?|\d+\.\d+", quotient)
    return (
        bool(divided) and whole.isdigit() and value >= 1 and value != int(value) and abs(value - rounded) < 1
    )


def _readings(side: str, other: str) -> list[_Reading]:
    """Return the values that a side may have.

    A "%", points between thousands, a decimal cut off, 6/2(3) and 14/1/4 have several.
    """
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
    """Return what a side with a "%" may mean, each meaning with the unit of its last digit.

    Args:
        side: the side.
        other: the other side of the equation.
        digit: the unit of the side's last digit as it is written.
    """
    sides = [(_PERCENT.sub(r"(\1/100)", side), digit / 100), (_OF_ITSELF.sub(r"(\1)*(1\2\3/100)", side), 0.0)]
    sides.append((_PERCENT.sub(r"(\1/100)", _THIRD.sub(_third, side)), 0.0))
    if _IN_PERCENT.fullmatch(side) and ("100" in other or "%" in other or not set("*/") & set(other)):
        sides.append((side.replace("%", ""), digit))  # 10/20*100 = 50%, 50 - 20 = 30%
    elif "*100%" in side:
        sides.append((side.replace("%", ""), 0.0))  # 3/4*100% = 75
    return sides


_PERCENT = re.compile(r"(\d+(?:\.\d*)?|\.\d+)%")
_OF_ITSELF = re.compile(r"^(.+)([-+])(\d+(?:\.\d*)?)%$")
"""A number minus or plus a percentage of itself: 80 - 20%."""
_THIRD = re.compile(r"(?<![\d.])(?:33(?:\.3+)?|66(?:\.6*7?)?|67)%")
"""A third or two thirds, in percent."""
_IN_PERCENT = re.compile(r"[\d.]+%(?:[-+][\d.]+%)*")
_THOUSANDS = re.compile(r"(?<=\d)\.(?=\d{3}(?!\d))")
_TIGHT = re.compile(r"/([\d.]+)(\([^()]*\))")
"""6/2(3), which some read as 6/(2*3)."""
_STACKED = re.compile(r"^((?:[\d.]+/)?[\d.]+)/([\d.]+/[\d.]+)$")
"""14/1/4 and 7/12/1/12, which some read as 14/(1/4) and (7/12)/(1/12)."""
_OTHERWISE = ((_THOUSANDS, ""), (_TIGHT, r"/(\1*\2)"), (_STACKED, r"(\1)/(\2)"))
"""Notations with a second meaning, and how that meaning is written."""
_DECIMAL = re.compile(r"(?<![\d.])\d*\.\d{2,6}(?![\d.])")


def _third(match: re.Match[str]) -> str:
    return "(1/3)" if match.group().startswith("33") else "(2/3)"


def _uncut(match: re.Match[str]) -> str:
    """Return the fraction that a decimal was probably cut off from, such as 1/3 for 0.33; else the decimal.

    With two or three digits, only thirds and sixths are recognised: 0.08 and 0.14 are more often taxes than
    1/12 and 1/7.
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
    """Return the indices of the texts to keep, one per path, in ascending order.

    Of two texts with the same key, one is kept: the one with the larger sum of Levenshtein distances to the
    texts kept for other keys (RFT, section 3.3), or the earlier one if the sums are equal. Texts are
    processed in order, so the result depends on the order.
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
    """Return the index of the candidate most similar to the text: a hard negative for a preference pair.

    Similarity is 1 - distance / length of the longer text, so that a short candidate does not win by being
    short. Of several equally similar candidates the first wins.

    Raises:
        ValueError: there are no candidates.
    """
    if not candidates:
        raise ValueError("closest() needs at least one candidate")
    unlike = [levenshtein(text, other) / max(len(text), len(other), 1) for other in candidates]
    return unlike.index(min(unlike))


def levenshtein(left: str, right: str) -> int:
    """Return the edit distance: the fewest insertions, deletions and substitutions of one character.

    Myers' bit-vector algorithm (JACM 1999) in Hyyrö's form (2003, figure 2): a column of the table is two
    integers, so each character costs a few operations on integers with as many bits as the other text has
    characters. Two texts of 500 characters take about 1 ms.
    """
    if len(left) < len(right):
        left, right = right, left
    if not right:
        return len(left)
    mask, last = (1 << len(left)) - 1, 1 << (len(left) - 1)
    places: dict[str, int] = {}
    for index, character in enumerate(left):
        places[character] = places.get(character, 0) | 1 << index
    more, less, distance = mask, 0, len(left)  # bits: where the column rises by one, where it falls by one
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
