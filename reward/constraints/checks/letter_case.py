"""Capitals and small letters (IFEval's `change_case`).

Departures: IFEval uses Python's `isupper` on the whole text, and langdetect must find English. Here every
letter counts, so a letter of a script without cases (Chinese, Arabic) fails both checks, and the language is
left to the check `language`. IFEval's capital words come from NLTK, ours from `units.py`. The raised letters
of "Nº" and "1ª" have no capitals, so they do not count as letters.
"""

from __future__ import annotations

import re

from reward.constraints.checks.reading import alike
from reward.constraints.checks.units import words

RAISED = "ªº"
"""Letters without a capital that are also used among capitals: "Nº 1"."""
_ENDING = re.compile(r"(?<=\w\w)'[^\W\d_]+$")


def all_caps(text: str, *, min_words: int = 1) -> str:
    """Every letter is upper-case, and at least `min_words` words have letters."""
    low = next((c for c in _letters(text) if not c.isupper()), "")
    if low:
        return f"{low!r} is not a capital letter"
    count = sum(bool(_letters(word)) for word in words(text))
    return (
        ""
        if count >= min_words and count
        else f"{count} words with letters, at least {max(min_words, 1)} wanted"
    )


def all_lowercase(text: str) -> str:
    """Every letter is lower-case, and there is at least one."""
    found = _letters(text)
    high = next((c for c in found if not c.islower()), "")
    if high:
        return f"{high!r} is not a small letter"
    return "" if found else "there is no letter"


def capital_words_at_least(text: str, *, n: int) -> str:
    """At least `n` words have letters, all of them capitals ("NASA", "U2", "A", "I").

    A suffix that an apostrophe joins to two or more capitals does not count: "NASA's", the Turkish
    "TBMM'nin".
    """
    count = _capital_words(text)
    return "" if count >= n else f"{count} words in capitals, at least {n} wanted"


def capital_words_at_most(text: str, *, n: int) -> str:
    """At most `n` words have letters, all of them capitals ("NASA", "U2", "A", "I").

    A suffix that an apostrophe joins to two or more capitals does not count: "NASA's", the Turkish
    "TBMM'nin".
    """
    count = _capital_words(text)
    return "" if count <= n else f"{count} words in capitals, at most {n} wanted"


def _capital_words(text: str) -> int:
    letters = (_letters(_ENDING.sub("", word)) for word in words(alike(text)))
    return sum(bool(found) and all(c.isupper() for c in found) for found in letters)


def _letters(text: str) -> list[str]:
    """Return the letters that may be upper or lower case; U+02BC is an apostrophe and a letter."""
    return [c for c in alike(text) if c.isalpha() and c not in RAISED]
