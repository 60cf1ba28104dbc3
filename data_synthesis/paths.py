r"""Which of several right solutions are different ways to solve the problem? Pure functions on text.

Rejection-sampling fine-tuning, RFT (Yuan et al., 2308.01825, section 3.3): keep a sampled solution when its answer is
right and every equation in it holds, then keep one solution per distinct list of equations. The number of distinct
paths, not of accepted samples, is what predicts the gain.

Departures from the paper's code:
1. Equations are also found in free text and simple LaTeX; the paper reads GSM8K's calculator annotations only.
2. A text without equations is known by its words and numbers. There, its key is empty, so that all such solutions of
   a problem collapse into one.
3. Equations are evaluated by a small interpreter of arithmetic, never by `eval`.
4. "20%" may mean 20 or 20/100, and in "80 - 20%" a fifth of 80: an equation holds when one reading makes it true, the same on
   both of its sides or not.
5. What rounding explains is not false: `10/3 = 3.33` (less than a unit of the last digit apart), `100/3 = 33` (a quotient that
   does not come out even, less than one apart), `0.33 * 3 = 1` (a cut third).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise, product

from data_synthesis.equations import MAX_SIDE, equations, evaluate, unannotated, ungrouped

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

    In a chain, neighbours are compared; a side with a variable or a word is passed over. True when there are none.
    """
    plain = unannotated(text)
    found = equations(text) + (equations(plain) if plain != text else [])
    return all(_holds(left, right) for equation in found for left, right in pairwise(equation.split("=")))


def _holds(left: str, right: str) -> bool:
    values = [(a, b) for a, b in product(_readings(left, right), _readings(right, left)) if a is not None and b is not None]
    allowed = max(TOLERANCE, _last_digit(left, right), _last_digit(right, left))
    return (
        not values
        or any(abs(a - b) < allowed for a, b in values)
        or any(_is_quotient(quotient, a, whole, b) for quotient, whole, a, b in _both_ways(left, right, values))
    )


def _both_ways(left: str, right: str, values: Sequence[tuple[float, float]]) -> list[tuple[str, str, float, float]]:
    return [(left, right, a, b) for a, b in values] + [(right, left, b, a) for a, b in values]


def _last_digit(side: str, other: str) -> float:
    """Return a unit of the last digit of a lone decimal number or percentage, and 0 of anything else."""
    found = re.fullmatch(r"-?\d*(?:\.(\d+))?(%?)", side)
    if not found or not (found[1] or found[2]):
        return 0.0
    unit = 0.01 if found[2] and "*100" not in other else 1.0
    return unit * 10.0 ** -len(found[1] or "") * (1 - 1e-6)


def _is_quotient(quotient: str, value: float, whole: str, rounded: float) -> bool:
    """Is a whole number what is left of a quotient without its fraction, or the next one ("10 / 4 = 3 trips")?"""
    divided = re.fullmatch(r"[\d.]+(?:\*[\d.]+)*/[\d.]+|\d+\.\d+", quotient)
    return bool(divided) and whole.isdigit() and value >= 1 and value != int(value) and abs(value - rounded) < 1


def _readings(side: str, other: str) -> list[float | None]:
    """Return the value of a side; with a "%", points between thousands or cut decimals in it, each that it may have."""
    if len(side) > MAX_SIDE:
        return [None]
    sides = [side]
    if "%" in side:
        sides = [re.sub(r"(\d+(?:\.\d*)?|\.\d+)%", r"(\1/100)", side), re.sub(_OF_ITSELF, r"(\1)*(1\2\3/100)", side)]
        if _IN_PERCENT.fullmatch(side) and ("100" in other or "%" in other or not set("*/") & set(other)):
            sides.append(side.replace("%", ""))  # 10/20*100 = 50%, 50 - 20 = 30%
        elif "*100%" in side:
            sides.append(side.replace("%", ""))  # 3/4*100% = 75
    sides += [_THOUSANDS.sub("", side)] if _THOUSANDS.search(side) else []
    exact = [_DECIMAL.sub(_uncut, each) for each in sides if _DECIMAL.search(each)]
    return [evaluate(each) for each in [*sides, *exact]]


_OF_ITSELF = re.compile(r"^(.+)([-+])(\d+(?:\.\d*)?)%$")
"""80 - 20%."""
_IN_PERCENT = re.compile(r"[\d.]+%(?:[-+][\d.]+%)*")
_THOUSANDS = re.compile(r"(?<=\d)\.(?=\d{3}(?!\d))")
_DECIMAL = re.compile(r"(?<![\d.])\d*\.\d{2,6}(?![\d.])")


def _uncut(match: re.Match[str]) -> str:
    """Return the fraction that a decimal was probably cut from, such as 1/3 from 0.33; else the decimal.

    With two or three digits only thirds and sixths are believed; 0.08 and 0.14 are more often taxes than 1/12 and 1/7.
    """
    written = Fraction("0" + match.group())
    near = written.limit_denominator(12)
    digits = len(match.group().partition(".")[2])
    endless = near.denominator in ((3, 6) if digits < 4 else (3, 6, 7, 9, 11, 12))
    return f"({near.numerator}/{near.denominator})" if endless and abs(near - written) * 10**digits < 1 else match.group()


def distinct_paths(texts: Sequence[str]) -> list[int]:
    """Return the indices of the texts to keep, one per path, ascending.

    Of two texts with one key, the one whose Levenshtein distances to the texts kept for other keys sum to more stays
    (RFT, section 3.3), the earlier one when they are equal. Texts are taken in order, so the result depends on it.
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

    Likeness is 1 - distance / longer length, so that a short candidate does not win by being short. Ties: the first.

    Raises:
        ValueError: there are no candidates.
    """
    if not candidates:
        raise ValueError("closest() needs at least one candidate")
    unlike = [levenshtein(text, other) / max(len(text), len(other), 1) for other in candidates]
    return unlike.index(min(unlike))


def levenshtein(left: str, right: str) -> int:
    """Return the edit distance: the fewest insertions, deletions and substitutions of one character.

    Myers' bit-vector algorithm (JACM 1999) as Hyyrö states it (2003, figure 2): a column of the table is two integers,
    so one character costs a few operations on integers as long as the other text. About 1 ms for 500 characters each.
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
