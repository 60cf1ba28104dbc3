"""How long: words, sentences, lines, paragraphs and characters (IFEval's `length_constraints`); units as in `units.py`."""

from __future__ import annotations

from reward.checks.units import bare_words, lines, paragraphs, sentences, short


def min_words(text: str, *, n: int) -> str:
    """At least `n` words (pieces between white space)."""
    count = len(text.split())
    return "" if count >= n else f"{count} words, at least {n} wanted"


def max_words(text: str, *, n: int) -> str:
    """At most `n` words (pieces between white space)."""
    count = len(text.split())
    return "" if count <= n else f"{count} words, at most {n} wanted"


def word_count_between(text: str, *, low: int, high: int) -> str:
    """From `low` to `high` words (pieces between white space), both ends included."""
    count = len(text.split())
    return "" if low <= count <= high else f"{count} words, {low} to {high} wanted"


def min_sentences(text: str, *, n: int) -> str:
    """At least `n` sentences."""
    count = len(sentences(text))
    return "" if count >= n else f"{count} sentences, at least {n} wanted"


def max_sentences(text: str, *, n: int) -> str:
    """At most `n` sentences."""
    count = len(sentences(text))
    return "" if count <= n else f"{count} sentences, at most {n} wanted"


def max_sentence_words(text: str, *, n: int) -> str:
    """No sentence has more than `n` words."""
    longest = max(sentences(text), key=lambda sentence: len(sentence.split()), default="")
    count = len(longest.split())
    return "" if count <= n else f"the sentence {short(longest)} has {count} words, at most {n} wanted"


def min_characters(text: str, *, n: int) -> str:
    """At least `n` characters (code points), white space inside the text included."""
    return "" if len(text) >= n else f"{len(text)} characters, at least {n} wanted"


def max_characters(text: str, *, n: int) -> str:
    """At most `n` characters (code points), white space inside the text included."""
    return "" if len(text) <= n else f"{len(text)} characters, at most {n} wanted"


def paragraph_count(text: str, *, n: int) -> str:
    """Exactly `n` paragraphs, with blank lines between them."""
    count = len(paragraphs(text))
    return "" if count == n else f"{count} paragraphs, not {n}"


def line_count(text: str, *, n: int) -> str:
    """Exactly `n` lines that are not blank."""
    count = len(lines(text))
    return "" if count == n else f"{count} lines, not {n}"


def max_word_length(text: str, *, n: int) -> str:
    """No bare word has more than `n` characters."""
    longest = max(bare_words(text), key=len, default="")
    return "" if len(longest) <= n else f"the word {short(longest)} has {len(longest)} characters, at most {n} wanted"
