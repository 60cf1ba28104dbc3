r"""Decide whether two answers are the same: exactly from their text; only formulas need sympy.

An answer is a number, a number with a unit, a list, a tuple or interval, a matrix, an equation, a choice, or
words; the parts of an answer are compared like whole answers. Only a formula that is none of these is passed
to `ask`, which needs sympy (`reward.mathematics.worker`). `same` returns True, False, or None if only `ask`
could decide.

Rules that decide what counts as right:
1. Numbers are exact: "0.333" is not 1/3. But 0.3333 with four digits is, because the decimals of 1/3 never
   end. A decimal gold answer sets the precision: \frac{100}{3} is right for 33.3, and so is 33.33333, but not
   33.31.
2. "%" is a unit that may be left out, as in GSM8K and most data sets; it may also mean hundredths. So 50%
   equals 50, and it equals 1/2.
3. A unit that only one side has makes no difference. If both sides have a known unit, it must be the same.
4. A base that only one side has makes no difference either: 1010_2 equals 1010, but not 10 and not 1010_3.
5. A word beside a number that changes it ("at least 10", "twice 10") makes it another answer.
6. Letters are compared in their case: R is not r. In words, case does not matter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from reward.mathematics.measures import unit_of
from reward.mathematics.numbers import is_plain, number
from reward.mathematics.quantities import same_quantity
from reward.mathematics.sentence import in_words
from reward.mathematics.spelling import SIDE, alike, clean, folded

Ask = Callable[[str, str], bool]
"""A function that compares two formulas, gold first."""
LONGEST = 4_000
"""Longest answer that is analysed, in characters; a longer one is right only if the texts are the same."""
MOST_ITEMS = 40
"""Longest list whose items are matched with each other in any order."""
_OPEN, _CLOSE = "([{", ")]}"
_MATRIX = re.compile(
    r"\(?\s*\\begin\{([pbvBV]?matrix|array)\}(?:\{[^{}]*\})?(.*?)\\end\{\1\}\s*\)?", re.DOTALL
)
_CHOICE = re.compile(
    r"(?:option|choice)?\s*(?:\(([A-J])\)|([A-J])[).:]|([A-J]))(?:[:\s]\s*((?!(?:or|and|not)\b|[(]?[A-J]\b|=).*))?",
    re.DOTALL,
)
_CHOICES = re.compile(
    r"[A-J]{2,5}|[A-J](?:\s*(?:,|和|and)\s*[A-J])+|[\u2460-\u2469](?:[,\u3001]?\s*[\u2460-\u2469])+"
)
_ALONE_LETTER = re.compile(
    r"(?:option|choice)?\s*[A-J](?:\s*(?:,|\(|because\b|since\b|as\b|for\b).*)?", re.DOTALL
)
_ABOUT = re.compile(r"\\approx|\\simeq|≈|\\doteq")
_RELATION = re.compile(
    r"[<>\u2264\u2265\u2260]|\\(?:leq?|geq?|lt|gt|neq?|in|leqslant|geqslant|subset)(?![A-Za-z])|!="
)
_LETTER = re.compile(r"[A-Za-z]")
_OPERATORS = re.compile(r"\\(?:times|cdot|div)(?![A-Za-z])|choose|mod")
_AND = re.compile(r"(?:^|(?<=[\s)\]}\d]))(?:and|or)(?=[\s(\[{]|\\)|或|和|以及")
_GROUPED = re.compile(r"(?<![\d,.])\d{1,3}(?:,\d{3})+(?![\d,])")
_CONDITION = re.compile(r"\s*[a-z]\s*(?:\\in[^:|]{1,40}?)?(?::|\||\\mid|\\colon)")
_UNION = re.compile(r"\\cup(?![A-Za-z])|\u222a")


def same(gold: str, pred: str, ask: Ask | None = None) -> bool | None:
    """Return whether an answer equals the gold answer; None if only `ask` could decide."""
    if is_plain(gold) and is_plain(pred):
        return same_quantity(gold, pred)
    left, right = alike(clean(gold), clean(pred))
    if not left or not right:
        return False
    if folded(left) == folded(right):
        return True
    if max(len(left), len(right)) > LONGEST:
        return False
    for compare in (same_quantity, _choices, _matrices, _equations, _lists, _chains):
        verdict = compare(left, right, ask)
        if verdict is not None:
            return verdict
    return _formulas(left, right, ask)


def _formulas(left: str, right: str, ask: Ask | None) -> bool | None:
    """Compare two formulas, each perhaps with a unit after it. Words are not formulas."""
    (left, unit), (right, named) = _split_unit(left), _split_unit(right)
    if _LETTER.fullmatch(left) and _LETTER.fullmatch(right):
        return left == right
    if _is_prose(left) or _is_prose(right) or (unit and named and unit != named):
        return False
    return ask(left, right) if ask else None


def _split_unit(text: str) -> tuple[str, str]:
    r"""Split a formula from the unit after it, if it has one: `3\sqrt{2} cm`."""
    found = re.fullmatch(
        r"(.*[\d\\}{)].*?)\s+((?:square|cubic|sq\.?)\s+)?([A-Za-z]{2,})\s*(\^?\{?[23]\}?)?", text, re.DOTALL
    )
    unit = unit_of(found[3]) if found else None
    if not found or (unit is None and found[3].lower() not in ("unit", "units")):
        return text, ""
    return found[1].strip(), f"{unit or ''}{found[2] or found[4] or ''}".strip()


def _is_prose(text: str) -> bool:
    return in_words(text) or text.casefold() in ("no", "on", "so", "if", "is", "it", "of", "up")


# -- choices, equations, lists, matrices ---------------------------------------------------------------------


def _choices(gold: str, pred: str, ask: Ask | None) -> bool | None:
    """Compare the letter of a choice, "(C) 12", with a gold letter, or its text with the gold answer."""
    found = _CHOICE.fullmatch(pred)
    named = next(filter(None, found.groups()[:3])) if found else None
    if found and found[3] and found[4] and not _ALONE_LETTER.fullmatch(pred):
        named = None  # "A few apples"
    several = [re.findall(r"[A-J\u2460-\u2469]", side) for side in (gold, pred) if _CHOICES.fullmatch(side)]
    if len(several) == 2:
        return sorted(several[0]) == sorted(several[1])
    letter = re.fullmatch(r"\(?([A-J])\)?", gold)
    if letter:
        return named == letter[1] if named else None
    if found and found[4] and not found[3] and not re.match(r"[=<>+*/^,-]", found[4]):
        return same(gold, found[4], ask)
    return None


def _matrices(gold: str, pred: str, ask: Ask | None) -> bool | None:
    left, right = _rows(gold), _rows(pred)
    if left is None and right is None:
        return None
    left, right = left or _as_rows(gold, right), right or _as_rows(pred, left)
    if left is None or right is None:
        return None
    if [len(row) for row in left] != [len(row) for row in right]:
        return False
    return _all(same(a, b, ask) for rows in zip(left, right, strict=True) for a, b in zip(*rows, strict=True))


def _as_rows(text: str, other: list[list[str]] | None) -> list[list[str]] | None:
    """Return a tuple as a row or a column, whichever the other side is."""
    kind, items = _items(text) or ("", [])
    if kind not in ("()", "[]") or not other:
        return None
    return [items] if len(other) == 1 else [[item] for item in items]


def _rows(text: str) -> list[list[str]] | None:
    bare = re.sub(r"^\s*[\[(|]\s*(\\begin)|(\\end\{[a-z]*\})\s*[\])|]\s*$", r"\1\2", text)
    found = _MATRIX.fullmatch(bare.strip())
    if not found or "\\begin" in found[2]:
        return None
    rows = [row for row in re.split(r"\\\\|\\cr", found[2]) if row.strip()]
    return [[cell.strip() for cell in row.split("&")] for row in rows]


def _equations(gold: str, pred: str, ask: Ask | None) -> bool | None:
    """Compare answers with the name of their value on one or both sides: "x = 5", "(p, q) = (3, 2)"."""
    if _is_no_equation(gold) or _is_no_equation(pred):
        return None
    left, right = _sides(gold), _sides(pred)
    if len(left) > 1 and len(right) > 1:
        labels = {folded(left[0]), folded(right[0])}
        named = _is_label(left[0]) and (len(labels) == 1 or labels == {"y", "f(x)"})
    else:
        named = (
            _names_its_value(right, summed=True) if len(left) == 1 else _names_its_value(left, summed=False)
        )
    return same(left[-1], right[-1], ask) if named else None


def _is_no_equation(text: str) -> bool:
    """Is a text a relation such as "<", or several answers?"""
    return bool(_RELATION.search(text) or _top_level(text, ",;")[1:] or _AND.split(text)[1:])


def _names_its_value(sides: list[str], *, summed: bool) -> bool:
    """Does an equation say what its last side is the value of, as "x = 5" does?

    "6 = n" does too; its sides are swapped in place. With `summed`, the name may be a sum of letters: the
    value of "m + n = 204" is 204. A gold answer may not have such a name: x + y = 3 is not 3.
    """
    if len(sides) == 1:
        return False
    if len(sides) == 2 and _is_label(sides[1]) and number(sides[0]) is not None:
        sides.reverse()
    is_sum = re.fullmatch(r"\d*[A-Za-z](?:[-+*]?\d*[A-Za-z])+", sides[0].replace(" ", ""))
    return (summed and is_sum is not None) or _is_label(sides[0])


def _sides(text: str) -> list[str]:
    """Return the sides of a chain of equations; an approximation after the exact value is left out."""
    exact, *about = _ABOUT.split(text)
    return [
        side.strip()
        for side in SIDE.split(exact if exact.strip() or not about else about[-1])
        if side.strip()
    ] or [text]


def _is_label(text: str) -> bool:
    """Can this be the name of a value: a variable, function, tuple, ratio, words, or a sum to work out?"""
    name = r"(?:\\?[A-Za-z]+\d?'*(?:_\{?\w+\}?|_\\?\w+)?)"
    plain = text.replace(" ", "")
    return bool(
        re.fullmatch(
            rf"{name}(?:\((?:{name}|-?\d+)(?:,(?:{name}|-?\d+))*\))?|\({name}(?:,{name})+\)|\|{name}\||{name}:{name}",
            plain,
        )
        or re.fullmatch(r"\\frac\{[A-Z]{1,3}\}\{[A-Z]{1,3}\}", plain)
        or re.fullmatch(r"[^\W\d_]{2,}(?:[ ][^\W\d_]+)*", text)
        or re.fullmatch(r"[A-Z](?:\\ca[pu]p?[A-Z])+|[A-Z]\\cup[A-Z]", plain)
        or re.fullmatch(r"[-+*/^().,\d%$!]*[-+*/^!%][-+*/^().,\d%$!]*", _OPERATORS.sub("*", plain))
        or re.fullmatch(r"\\frac\{d[a-z]?\}\{d[a-z]\}(?:\(?[a-z](?:\([a-z]\))?\)?)?", plain)
    )


def _lists(gold: str, pred: str, ask: Ask | None) -> bool | None:
    left, right = _items(gold), _items(pred)
    if left and right:
        return _two_lists(*left, *right, ask)
    if left:
        return _alone(pred, *left, ask)
    return _alone(gold, *right, ask) if right else None


def _alone(text: str, kind: str, items: list[str], ask: Ask | None) -> bool | None:
    """Compare a text that is no list with a list: {5} is 5, and a condition may be an interval."""
    if kind == "set" and len(items) == 1:
        return same(text, items[0], ask)
    return None if _RELATION.search(text) or _UNION.search(text) or kind[:1] in ("(", "[") else False


def _two_lists(kind: str, ours: list[str], other: str, theirs: list[str], ask: Ask | None) -> bool | None:
    """Compare two lists: sets in any order, tuples and intervals item by item, with their brackets."""
    if kind != other and {kind, other} <= _BRACKETS and 2 in (len(ours), len(theirs)):
        return False
    if kind == other == "list" and len(ours) == len(theirs) and (orders := _by_letters(ours, theirs)):
        return _any(_each(*order, ask) for order in orders)
    ours, theirs = _unlabelled(ours, theirs)
    if {kind, other} <= {"set", "list"}:
        return _match(_distinct(ours), _distinct(theirs), ask)
    return _each(ours, theirs, ask) if len(ours) == len(theirs) else False


def _each(ours: Sequence[str], theirs: Sequence[str], ask: Ask | None) -> bool | None:
    """Compare the items of two lists of the same length, one by one."""
    return _all(same(a, b, ask) for a, b in zip(ours, theirs, strict=True))


_BRACKETS = {"()", "[]", "(]", "[)"}
_LINK = re.compile(r"(<=|>=|<|>|\\leq?(?![A-Za-z])|\\geq?(?![A-Za-z])|\\lt(?![A-Za-z])|\\gt(?![A-Za-z]))")
_LINKS = {"\\lt": "<", "<=": "\\le", "\\leq": "\\le", "\\gt": ">", ">=": "\\ge", "\\geq": "\\ge"}
_TURNED = {">": "<", "\\ge": "\\le"}


def _chains(gold: str, pred: str, ask: Ask | None) -> bool | None:
    """Compare chains of relations, which may be written from either end: a < b < c is c > b > a."""
    left, right = _chain(gold), _chain(pred)
    if len(left) < 5 or left[1::2] != right[1::2]:
        return None
    alike = _all(same(a, b, ask) for a, b in zip(left[::2], right[::2], strict=True))
    return alike or None  # only sympy sees that 1 < x < 2 and 1 < y < 2 are the same set


def _chain(text: str) -> list[str]:
    """Return the parts of a chain and the relations between them, from the smallest to the largest part."""
    parts = [_LINKS.get(part, part) for part in (piece.strip() for piece in _LINK.split(text))]
    turned = set(parts[1::2]) <= set(_TURNED)
    return [_TURNED.get(part, part) for part in reversed(parts)] if turned else parts


def _items(text: str) -> tuple[str, list[str]] | None:
    """Return the kind of a list (`set`, `list`, or a tuple's or interval's brackets) and its items."""
    bare = text.strip()
    braced = re.fullmatch(r"\\\{(.*)\\\}|\{(.*)\}", bare, re.DOTALL)
    if braced and _closed(braced[1] or braced[2] or ""):
        return _in_braces(braced[1], braced[2])
    if bare[:1] in "([" and bare[-1:] in ")]" and _closed(bare[1:-1]):
        items = _top_level(bare[1:-1], ",;")
        return (bare[0] + bare[-1], items) if len(items) > 1 else None
    items = _of_both_signs(bare) or _listed(bare)
    return ("list", items) if len(items) > 1 else None


def _in_braces(escaped: str | None, plain: str | None) -> tuple[str, list[str]] | None:
    r"""Return the items of \{1, 2\}, a set, or {1, 2}, a list.

    Return None for a set with a condition, \{x : x < 3\}.
    """
    inside = escaped if escaped is not None else plain or ""
    if _CONDITION.match(inside):
        return None
    items = _top_level(inside, ",;")
    if escaped is not None:
        return "set", items
    return ("list", items) if len(items) > 1 else None


def _of_both_signs(text: str) -> list[str]:
    r"""Return both values of 2 \pm \sqrt{3}, or those of every item of \pm 1, \pm 2; else an empty list."""
    if "\\pm" not in text:
        return []
    several = _top_level(text, ",")
    if len(several) > 1:
        return [value for item in several for value in _of_both_signs(item) or [item]]
    signed = re.fullmatch(r"(.*?)\\pm\s*(.+)", text)
    if not signed or "\\pm" in signed[2] or SIDE.search(signed[2]):
        return []
    return [f"{signed[1]}+{signed[2]}" if signed[1].strip() else signed[2], f"{signed[1]}-{signed[2]}"]


def _listed(text: str) -> list[str]:
    """Split a list at commas, semicolons, "and" and "or".

    The items between semicolons may be tuples without brackets: "p = 5, q = 2; p = 2, q = 5".
    """
    groups = _top_level(text, ";")
    items = groups if len(groups) > 1 else _top_level(text, ",")
    items = [part for item in items for part in _AND.split(item) if part.strip()]
    if len(groups) < 2 or len(items) < 2:
        return items
    return [item if item[0] in _OPEN or len(_top_level(item, ",")) == 1 else f"({item})" for item in items]


def _by_letters(ours: Sequence[str], theirs: Sequence[str]) -> list[tuple[list[str], list[str]]]:
    """Return pairs of lists to compare: items in their order, and in the order of one side's letters.

    The list is empty if neither side has letters. "2, 3" is "x = 2, y = 3" and "y = 3, x = 2", but not "x =
    3, y = 2".
    """
    for labelled, others in ((ours, theirs), (theirs, ours)):
        pairs = [[side.strip() for side in SIDE.split(item)] for item in labelled]
        letters = [pair[0] for pair in pairs if len(pair) == 2 and re.fullmatch(r"[a-zA-Z]", pair[0])]
        if len(set(letters)) == len(labelled) and not any(SIDE.search(item) for item in others):
            orders = [[value for _, value in pairs], [value for _, value in sorted(pairs)]]
            return [
                (values, list(others)) if labelled is ours else (list(others), values) for values in orders
            ]
    return []


def _unlabelled(ours: Sequence[str], theirs: Sequence[str]) -> tuple[list[str], list[str]]:
    """Remove the labels from items if only one side has them: "x_1 = 2, x_2 = 3" and "2, 3"."""
    labelled = [any(SIDE.search(item) for item in items) for items in (ours, theirs)]
    if labelled[0] == labelled[1]:
        return list(ours), list(theirs)

    def bare(item: str) -> str:
        inside = item[1:-1]
        if item.startswith("(") and item.endswith(")") and SIDE.search(item) and _closed(inside):
            return "(" + ", ".join(_sides(part)[-1] for part in _top_level(inside, ",")) + ")"
        sides = _sides(item)
        return sides[-1] if sides and _is_label(sides[0]) else item

    return [bare(item) for item in ours], [bare(item) for item in theirs]


def _top_level(text: str, marks: str) -> list[str]:
    """Split a text at marks outside of brackets, but not at the comma of "1,234"."""
    inside = {i for found in _GROUPED.finditer(text) for i in range(found.start(), found.end())}
    parts, depth, start = [], 0, 0
    for i, letter in enumerate(text):
        if letter in _OPEN:
            depth += 1
        elif letter in _CLOSE:
            depth -= 1
        elif letter in marks and depth <= 0 and i not in inside:
            parts.append(text[start:i])
            start = i + 1
    return [part.strip() for part in (*parts, text[start:]) if part.strip()]


def _closed(text: str) -> bool:
    """Are all brackets of a text closed, none before it is opened?"""
    depth = 0
    for letter in text:
        depth += (letter in _OPEN) - (letter in _CLOSE)
        if depth < 0:
            return False
    return depth == 0


def _distinct(items: list[str]) -> list[str]:
    return list({folded(item): item for item in items}.values())


def _match(ours: list[str], theirs: list[str], ask: Ask | None) -> bool | None:
    """Return whether two lists have the same items in some order."""
    if len(ours) != len(theirs) or len(ours) > MOST_ITEMS:
        return False
    left, unsure = list(theirs), False
    for item in ours:
        verdicts = [(other, same(item, other, ask)) for other in left]
        found = next((other for other, verdict in verdicts if verdict), None)
        if found is not None:
            left.remove(found)
        elif any(verdict is None for _, verdict in verdicts):
            unsure = True
        else:
            return False
    return None if unsure else True


def _any(verdicts: Iterable[bool | None]) -> bool | None:
    found = list(verdicts)
    return True if True in found else None if None in found else False


def _all(verdicts: Iterable[bool | None]) -> bool | None:
    found = list(verdicts)
    return False if False in found else None if None in found else True
