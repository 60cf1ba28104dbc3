"""Check which words and letters occur, and how often (IFEval's `keywords`).

`units.py` defines an occurrence. Departure: IFEval searches for keywords as regular expressions, and for all
but the forbidden ones also inside longer words ("cat" in "education"). Here a keyword is a whole word or
phrase without special characters ("C++" is just C++). Spaces, quotation marks, accents and emphasis count as
a reader sees them (`reading.py`).
"""

from __future__ import annotations

import re
from collections import Counter

from reward.constraints.checks.reading import alike, characters, folded
from reward.constraints.checks.units import keywords, lowered, occurrences, one_letter, short, words


def contains(text: str, *, string: str, ignore_case: bool = False) -> str:
    """`string` occurs in the text, also inside a longer word; in the same case unless `ignore_case`.

    All kinds of quotation marks count as one, and all hyphens; a space may be a line break.
    """
    text, wanted = alike(text), alike(string)
    if "\n" not in wanted:
        text, wanted = (re.sub(r"\s", " ", one) for one in (text, wanted))
    found = wanted.casefold() in text.casefold() if ignore_case else wanted in text
    return "" if found else f"does not contain {string!r}"


def includes_words(text: str, *, words: list[str]) -> str:
    """Each of `words` (or phrases) occurs at least once."""
    missing = next((word for word in keywords(words) if not occurrences(text, word)), None)
    return "" if missing is None else f"{missing!r} does not occur"


def forbidden_words(text: str, *, words: list[str]) -> str:
    """None of `words` (or phrases) occurs, except inside a longer word."""
    found = next((word for word in keywords(words) if occurrences(text, word)), None)
    return "" if found is None else f"{found!r} occurs"


def word_at_least(text: str, *, word: str, n: int) -> str:
    """`word` (or a phrase) occurs at least `n` times."""
    count = occurrences(text, word)
    return "" if count >= n else f"{word!r} occurs {count} times, at least {n} wanted"


def word_at_most(text: str, *, word: str, n: int) -> str:
    """`word` (or a phrase) occurs at most `n` times."""
    count = occurrences(text, word)
    return "" if count <= n else f"{word!r} occurs {count} times, at most {n} wanted"


def letter_at_least(text: str, *, letter: str, n: int) -> str:
    """`letter` occurs at least `n` times, in either case; "é" is another letter than "e"."""
    count = _count(text, letter)
    return "" if count >= n else f"{letter!r} occurs {count} times, at least {n} wanted"


def letter_at_most(text: str, *, letter: str, n: int) -> str:
    """`letter` occurs at most `n` times, in either case; "é" is another letter than "e"."""
    count = _count(text, letter)
    return "" if count <= n else f"{letter!r} occurs {count} times, at most {n} wanted"


def _count(text: str, letter: str) -> int:
    return len(re.findall(f"{one_letter(letter)}(?![\u0300-\u036f])", lowered(text)))  # "x̄" is no "x"


def no_repeated_word(text: str) -> str:
    """No word occurs twice; case does not matter."""
    common = Counter(map(folded, words(text))).most_common(1)
    return (
        f"the word {short(common[0][0])} occurs {common[0][1]} times" if common and common[0][1] > 1 else ""
    )


def no_palindromes(text: str) -> str:
    """No word of three or more characters reads the same backwards; "Anna", "eye" and "101" do."""
    found = next(filter(is_palindrome, words(text)), "")
    return f"{short(found)} reads the same backwards" if found else ""


def is_palindrome(word: str) -> bool:
    """Does a word have three or more characters and read the same backwards?"""
    seen = folded(word)
    seen = seen if seen.isascii() else characters(seen)
    return len(seen) > 2 and seen == seen[::-1]
