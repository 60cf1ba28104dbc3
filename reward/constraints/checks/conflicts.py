"""Find constraints that no answer can meet together, so that no prompt asks for them.

AutoIF (Dong et al. 2024, section 3) notes that a constraint appended to a query often contradicts the query,
and lets a model grade the pair. Between constraints of our own, many conflicts can be computed. Two tests
conflict if the facts that they imply (`implications.py`) exclude each other: numbers that do not meet (at
least 20 words, at most 10), a string that one needs with a character that the other forbids, two different
beginnings or ends, two languages, two lists of the only possible answers.

Every conflict found is real: no text passes both tests (a unit test searches for such texts). But finding no
conflict proves nothing:
1. Tests are compared in pairs; three tests that fit pairwise may still not fit together.
2. The implied facts are necessary conditions: two tests whose facts agree may still exclude each other ("no
   word twice" in a long text).
3. Only possibility is checked, not sense: an answer of five words with 200 characters is possible.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any
from unicodedata import category

from reward.constraints.checks import CHECKS, PARSED
from reward.constraints.checks.implications import ANY, IMPLICATIONS, Bounds, Implied, Needed, stands_alone
from reward.constraints.checks.keywords import is_palindrome
from reward.constraints.checks.reading import MARKS, alike, as_read, characters, folded
from reward.constraints.checks.units import lines, lowered, may_be_in_address, occurrences, paragraphs, words

_BEFORE = ("\ua66e", "\u0e40", "https://", "[x](")
_AFTER = ("\ua66e", "\u0323", "@x.yz", ")")
"""Neighbours of a needed string that can hide a word in it: a letter, a Thai vowel, a combining mark, an
address, a link."""
_ALSO_FOLDED = "ahjnstwy"
"""Letters that case folding makes from other letters ("ß" is "ss", "ŉ" is "'n"): if case is free, a text may
lack them."""

Test = Mapping[str, Any]


def conflicts(checks: Sequence[Test]) -> list[str]:
    """Return a sentence for each test, or pair of a row's tests, that cannot hold; none if none is found.

    The tests must be valid, as for `reward.constraints.verifier.parse`.
    """
    implied = [_facts(test) for test in checks]
    found = []
    for test, facts in zip(checks, implied, strict=True):
        why = _why([test], [facts])
        if why:
            found.append(f"{_shown(test)} cannot hold: {why}")
    for (one, first), (other, second) in combinations(zip(checks, implied, strict=True), 2):
        if _why([one], [first]) or _why([other], [second]):
            continue
        why = _why([one, other], [first, second])
        if why:
            found.append(f"{_shown(one)} and {_shown(other)} exclude each other: {why}")
    return found


def _facts(test: Test) -> Implied:
    return IMPLICATIONS[test["check"]](_arguments(test)) if test["check"] in IMPLICATIONS else Implied()


def _arguments(test: Test) -> dict[str, Any]:
    """Return a test's arguments in the form in which its check compares them.

    Quotation marks and hyphens are of one kind, except for checks that use a parser.
    """
    given = {name: value for name, value in test.items() if name != "check" and value is not None}
    return given if test["check"] in PARSED else {name: _plain(value) for name, value in given.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return alike(as_read(value))
    return list(map(_plain, value)) if isinstance(value, list) else value


def _why(tests: list[Test], facts: list[Implied]) -> str:
    """Return why one test, or two, cannot hold; "" if no reason is found."""
    for one in facts:
        if one.texts is not None:
            return (
                ""
                if any(_passes(tests, text) for text in one.texts)
                else "none of the possible answers passes"
            )
    why = _numbers(facts)
    for one, other in [(facts[0], facts[-1]), (facts[-1], facts[0])]:
        why = why or _banned(one, other) or _lines_begin(one, other) or _words_begin(one, other)
    return why or (_meeting(facts[0], facts[-1]) if len(facts) > 1 else "")


def _passes(tests: list[Test], text: str) -> bool:
    return text == text.strip() and not any(CHECKS[test["check"]](text, **_arguments(test)) for test in tests)


def _numbers(facts: list[Implied]) -> str:
    """Return which number of something is impossible.

    Bounds are intersected, needed strings count, and longer units contain shorter ones.
    """
    low: dict[str, float] = {}
    high: dict[str, float] = {}
    for bounds in [one.bounds for one in facts] + [
        _counts(needed, facts) for one in facts for needed in one.needs
    ]:
        for what, (least, most) in bounds.items():
            low[what] = max(low.get(what, 0), least)
            high[what] = min(high.get(what, ANY), most)
    for one in facts:
        for begins in (one.first, one.some_line):
            if begins and not any(map(_may_show_a_letter, begins)):  # at least one line begins so
                low["lines that begin with no letter"] = max(low.get("lines that begin with no letter", 0), 1)
    low["lines"] = max(low.get("lines", 0), low.get("paragraphs", 0))
    apart = max(low["lines"], low.get("sentences", 0))  # Chinese words need no space between them
    longest = max(2 * apart - 1, low.get("words", 0), low.get("letters", 0), low.get("digits", 0))
    low["characters"] = max(low.get("characters", 0), longest)
    wrong = next((what for what in low if low[what] > high.get(what, ANY)), "")
    return f"{wrong}: at least {low[wrong]:g}, at most {high[wrong]:g}" if wrong else ""


def _may_show_a_letter(begin: str) -> bool:
    """Can a line that begins with this string show a letter first?

    A reader does not see emphasis and the brackets of a link.
    """
    shown = begin.lstrip(f"{MARKS}![")
    return not shown or shown[0].isalpha()


def _counts(needed: Needed, facts: list[Implied]) -> Bounds:
    """Return the least numbers of words, lines and so on that a needed string makes certain."""
    string = needed.string
    found: Bounds = {
        "words": (sum(map(_is_word, _seen(needed))), ANY),
        "lines": (len(lines(string)), ANY),
        "paragraphs": (len(paragraphs(string)), ANY),
        "digits": (sum(map(str.isdigit, string)), ANY),
        "letters": (int(any(map(str.isalpha, string))), ANY),
    }
    if not needed.any_case:  # without case, one letter may match two: "ß" for "SS"
        found["characters"] = (len(characters(string)), ANY)
    if not needed.any_case and stands_alone(string):
        found |= _words_inside(needed)
    for what in {what for one in facts for what in one.bounds}:
        kind, _, name = what.partition(" ")
        if kind == "letter":
            found[what] = (_letters(needed, name), ANY)
        elif kind == "word":
            found[what] = (_occurrences(needed, name), ANY)
    return found


def _seen(needed: Needed) -> list[str]:
    """Return the pieces of a needed string that cannot be in the target of a link, which no reader sees."""
    pieces = needed.string.split()
    hidden = needed.left == "anything" and (len(pieces) == 1 or ")" in "".join(pieces[:1]))
    return pieces[1:] if hidden else pieces


def _is_word(piece: str) -> bool:
    """Is a piece a word wherever it stands? Not a list's "a)", a tag, or a possible part of a link."""
    return any(map(str.isalpha, piece)) and not re.search(r"^\W*[A-Za-z]\)|[<>\[\]]", piece)


def _words_inside(needed: Needed) -> Bounds:
    """Return bounds from the inner words of a needed string; those at its ends may be longer in the text."""
    string = needed.string
    whole = string.split()[0 if needed.left == "nothing" else 1 :]
    whole = whole if needed.right == "nothing" else whole[:-1]
    names = [folded(word) for word in words(" ".join(whole)) if any(map(str.isalpha, word))]
    return {
        "characters in the longest word": (
            max(map(len, map(characters, words(" ".join(_seen(needed))))), default=0),
            ANY,
        ),
        "repeated words": (int(any(n > 1 for n in Counter(names).values())), ANY),
        "palindromes": (int(any(map(is_palindrome, names))), ANY),
    }


def _letters(needed: Needed, letter: str) -> int:
    """Count a letter in a needed string, unless another letter may replace it or a mark may follow."""
    if needed.any_case and (not letter.isascii() or letter in _ALSO_FOLDED):
        return 0
    return lowered(needed.string[:-1] if needed.right == "anything" else needed.string).count(letter)


def _occurrences(needed: Needed, name: str) -> int:
    """Count a keyword in a needed string, whatever its neighbours are."""
    if any(mark in needed.string for mark in MARKS):
        return 0
    addressed = may_be_in_address(needed.string)
    before = {"nothing": ("",), "boundary": ("", "https://")[: 1 + addressed], "anything": _BEFORE}[
        needed.left
    ]
    after = {"nothing": ("",), "boundary": ("", "@x.yz")[: 1 + addressed], "anything": _AFTER}[needed.right]
    return min(occurrences(f"{left}{needed.string}{right}", name) for left in before for right in after)


def _banned(one: Implied, other: Implied) -> str:
    """Return which character of a needed string the other test forbids.

    If case is free, only characters without case count.
    """
    if other.bans is None:
        return ""
    for needed in one.needs:
        for c in needed.string:
            fixed = category(c) == "Lo" or (c.isascii() and not c.isalpha())
            if other.bans(c) and (fixed or not needed.any_case):
                return f"{needed.string!r} is needed, {c!r} is not allowed"
    return ""


def _lines_begin(one: Implied, other: Implied) -> str:
    if one.every_line and other.some_line and not _begin_alike(one.every_line, other.some_line):
        return f"every line begins with {one.every_line[0]!r}, and one with {other.some_line[0]!r}"
    return ""


def _words_begin(one: Implied, other: Implied) -> str:
    wrong = (
        next((initial for initial in other.initials if lowered(initial) != one.initial), "")
        if one.initial
        else ""
    )
    return f"every word begins with {one.initial!r}, and one with {wrong!r}" if wrong else ""


def _meeting(one: Implied, other: Implied) -> str:
    """Return which place in the text two tests fill differently."""
    if one.first and other.first and not _begin_alike(one.first, other.first):
        return f"the text begins with {one.first[0]!r} and with {other.first[0]!r}"
    if (
        one.last
        and other.last
        and not _begin_alike([s[::-1] for s in one.last], [s[::-1] for s in other.last])
    ):
        return f"the text ends with {one.last[0]!r} and with {other.last[0]!r}"
    if one.language and other.language and one.language != other.language:
        return f"the text is in {one.language!r} and in {other.language!r}"
    slot = next((s for s in one.slots if other.slots.get(s, one.slots[s]) != one.slots[s]), "")
    return f"{slot} is {one.slots[slot]!r} and {other.slots[slot]!r}" if slot else ""


def _begin_alike(ones: Sequence[str], others: Sequence[str]) -> bool:
    """Can a text begin with one of these strings and one of the others at once?"""
    return any(one.startswith(other) or other.startswith(one) for one in ones for other in others)


def _shown(test: Test) -> str:
    arguments = ", ".join(
        f"{name}={value!r}" for name, value in test.items() if name != "check" and value is not None
    )
    return f"{test['check']}({arguments})"
