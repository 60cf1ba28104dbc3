"""Which words and letters occur, and how often (IFEval's `keywords`); an occurrence is what `units.py` says.

Departure: IFEval looks keywords up as regular expressions, and all but the forbidden ones also inside longer words ("cat" in
"education"); here a keyword is a whole word or phrase, and stands for itself ("C++").
"""

from __future__ import annotations

from collections import Counter

from reward.checks.units import bare_words, keywords, occurrences, one_letter, short


def contains(text: str, *, string: str, ignore_case: bool = False) -> str:
    """`string` occurs somewhere in the text, also inside a longer word; in the same case unless `ignore_case`."""
    found = string.casefold() in text.casefold() if ignore_case else string in text
    return "" if found else f"does not contain {string!r}"


def includes_words(text: str, *, words: list[str]) -> str:
    """Each of `words` (or phrases) occurs at least once."""
    missing = next((word for word in keywords(words) if not occurrences(text, word)), None)
    return "" if missing is None else f"{missing!r} does not occur"


def forbidden_words(text: str, *, words: list[str]) -> str:
    """None of `words` (or phrases) occurs; inside a longer word they are free."""
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
    """`letter` occurs at least `n` times, as a capital or not; "é" is another letter than "e"."""
    count = text.casefold().count(one_letter(letter))
    return "" if count >= n else f"{letter!r} occurs {count} times, at least {n} wanted"


def letter_at_most(text: str, *, letter: str, n: int) -> str:
    """`letter` occurs at most `n` times, as a capital or not; "é" is another letter than "e"."""
    count = text.casefold().count(one_letter(letter))
    return "" if count <= n else f"{letter!r} occurs {count} times, at most {n} wanted"


def no_repeated_word(text: str) -> str:
    """No bare word occurs twice, upper and lower case alike."""
    common = Counter(word.casefold() for word in bare_words(text)).most_common(1)
    return f"the word {short(common[0][0])} occurs {common[0][1]} times" if common and common[0][1] > 1 else ""


def no_palindromes(text: str) -> str:
    """No bare word of three or more characters reads the same backwards, case aside ("Anna", "eye", "101")."""
    for word in bare_words(text.casefold()):
        if len(word) > 2 and word == word[::-1]:
            return f"{short(word)} reads the same backwards"
    return ""
