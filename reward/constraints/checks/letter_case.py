"""Capitals and small letters (IFEval's `change_case`).

Departures: IFEval asks Python's `isupper` of the whole text and that langdetect finds English; here every
letter counts, so one of a script without cases (Chinese, Arabic) fails both, and English is `language`'s
business. Its capital words come from NLTK; ours are `units.py`'s. The raised letters of "Nº" and "1ª" have no
capitals, so they count as no letters.
"""

from __future__ import annotations

import re

from reward.constraints.checks.reading import alike
from reward.constraints.checks.units import words

RAISED = "ªº"
"""Letters without a capital that stand among capitals, too: "Nº 1"."""
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
    """At least `n` words have letters and all of them are capitals ("NASA", "U2", "A", "I").

    What an apostrophe joins to two capitals or more does not count: "NASA's", the Turkish "TBMM'nin".
    """
    count = _capital_words(text)
    return "" if count >= n else f"{count} words in capitals, at least {n} wanted"


def capital_words_at_most(text: str, *, n: int) -> str:
    """At most `n` words have letters and all of them are capitals ("NASA", "U2", "A", "I").

    What an apostrophe joins to two capitals or more does not count: "NASA's", the Turkish "TBMM'nin".
    """
    count = _capital_words(text)
    return "" if count <= n else f"{count} words in capitals, at most {n} wanted"


def _capital_words(text: str) -> int:
    letters = (_letters(_ENDING.sub("", word)) for word in words(alike(text)))
    return sum(bool(found) and all(c.isupper() for c in found) for found in letters)


def _letters(text: str) -> list[str]:
    """Return the letters that may be capitals or not; U+02BC is an apostrophe and a letter."""
    return [c for c in alike(text) if c.isalpha() and c not in RAISED]
