"""Check lengths in words, sentences, lines, paragraphs or characters (IFEval's `length_constraints`)."""

from __future__ import annotations

from reward.constraints.checks.reading import characters
from reward.constraints.checks.sentences import sentences
from reward.constraints.checks.units import lines, paragraphs, short, words


def min_words(text: str, *, n: int) -> str:
    """There are at least `n` words."""
    count = len(words(text))
    return "" if count >= n else f"{count} words, at least {n} wanted"


def max_words(text: str, *, n: int) -> str:
    """There are at most `n` words."""
    count = len(words(text))
    return "" if count <= n else f"{count} words, at most {n} wanted"


def word_count_between(text: str, *, low: int, high: int) -> str:
    """There are `low` to `high` words, both ends included."""
    count = len(words(text))
    return "" if low <= count <= high else f"{count} words, {low} to {high} wanted"


def min_sentences(text: str, *, n: int) -> str:
    """There are at least `n` sentences."""
    count = len(sentences(text))
    return "" if count >= n else f"{count} sentences, at least {n} wanted"


def max_sentences(text: str, *, n: int) -> str:
    """There are at most `n` sentences."""
    count = len(sentences(text))
    return "" if count <= n else f"{count} sentences, at most {n} wanted"


def max_sentence_words(text: str, *, n: int) -> str:
    """No sentence has more than `n` words."""
    count, longest = max(((len(words(sentence)), sentence) for sentence in sentences(text)), default=(0, ""))
    return "" if count <= n else f"the sentence {short(longest)} has {count} words, at most {n} wanted"


def min_characters(text: str, *, n: int) -> str:
    """There are at least `n` characters as a reader counts: "é" is one, "👍🏽" too. Inner spaces count."""
    count = len(characters(text))
    return "" if count >= n else f"{count} characters, at least {n} wanted"


def max_characters(text: str, *, n: int) -> str:
    """There are at most `n` characters as a reader counts: "é" is one, "👍🏽" too. Inner spaces count."""
    count = len(characters(text))
    return "" if count <= n else f"{count} characters, at most {n} wanted"


def paragraph_count(text: str, *, n: int) -> str:
    """There are exactly `n` paragraphs, with blank lines between them."""
    count = len(paragraphs(text))
    return "" if count == n else f"{count} paragraphs, not {n}"


def line_count(text: str, *, n: int) -> str:
    """There are exactly `n` lines that are not blank."""
    count = len(lines(text))
    return "" if count == n else f"{count} lines, not {n}"


def max_word_length(text: str, *, n: int) -> str:
    """No word has more than `n` characters."""
    count, longest = max(((len(characters(word)), word) for word in words(text)), default=(0, ""))
    return "" if count <= n else f"the word {short(longest)} has {count} characters, at most {n} wanted"
