"""The form in which two rows are compared: plain texts, their shingles, and a hash of what must agree.

A part is a text that is compared separately: the prompt, the completion, the chosen or the rejected answer. A
shingle is a few neighbouring words. Every punctuation mark is a word, and so is each character of a script
without spaces between words (Chinese, Japanese, Thai, Lao, Khmer, Burmese), so no word list is needed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import repeat
from typing import Literal

from align.core.rows import Message, Preference, Prompt, Row, digest, texts_of
from reward.constraints.checks.reading import NO_SPACES

_WORDS = re.compile(rf"[{NO_SPACES}]|[^\W{NO_SPACES}]+|[^\w\s]")
_DIGITS = re.compile(r"\d+")
_SIGNS = frozenset("-+*/^=<>%\u00d7\u00f7\u00b7")
"""Signs that change the meaning of a number beside them."""

CACHED = 4096
"""Number of rows whose texts and shingles stay in a cache, because similar rows are compared again and again.
"""

Compared = Literal["all", "prompt"]


@dataclass(frozen=True, slots=True)
class Comparable:
    """A row in the form in which it is compared."""

    parts: tuple[str, ...]
    """The texts that are compared, with case and kinds of blanks normalised."""
    fixed: str
    """A hash of everything that must agree in near duplicates."""
    exact: str
    """A hash that is equal for exact duplicates."""
    answer: str
    """A hash of the reference answer and the tests."""


def comparable(row: Row, compare: Compared) -> Comparable:
    """Return a row in the form in which it is compared.

    Args:
        row: a row of any table.
        compare: `prompt`: only its prompt; `all`: its answers too.
    """
    talks = conversations(row, compare)
    turns = [[turn for turn in messages if turn["role"] != "system"] for messages in talks]
    parts = tuple(plain("\n".join(text for turn in part for text in texts_of(turn))) for part in turns)
    system = [plain(turn["content"]) for messages in talks for turn in messages if turn["role"] == "system"]
    roles = [[turn["role"] for turn in part] for part in turns]
    answer = digest([row.answer, row.tests]) if isinstance(row, Prompt) else ""
    context = [system, row.tools, roles]
    fixed = digest([*context, [numbers(part) for part in parts], answer])
    return Comparable(parts, fixed, digest([*context, parts]), answer)


def conversations(row: Row, compare: Compared) -> list[list[Message]]:
    """Return the prompt of a row and, with `compare: all`, each of its answers, as lists of turns."""
    if isinstance(row, Prompt):
        return [row.messages]
    answers = [row.chosen, row.rejected] if isinstance(row, Preference) else [row.completion]
    return [row.prompt, *(answers if compare == "all" else ())]


def plain(text: str) -> str:
    """Return a text with case and kinds of blanks normalised."""
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def numbers(text: str) -> list[str]:
    """Return the numbers of a plain text in order, each with the signs beside it: `3 + 4` is not `3 - 4`."""
    found = []
    for digits in _DIGITS.finditer(text):
        before, behind = (
            text[max(0, digits.start() - 2) : digits.start()].strip(),
            text[digits.end() : digits.end() + 2].strip(),
        )
        signs = before[-1:] if before[-1:] in _SIGNS else "", behind[:1] if behind[:1] in _SIGNS else ""
        found.append(digits[0].join(signs))
    return found


def shingles(text: str, size: int, tag: str = "") -> list[str]:
    """Return the shingles of a plain text, each of `size` neighbouring words; a shorter text is one shingle.

    Args:
        text: a text that `plain` returned.
        size: number of words in a shingle.
        tag: the beginning of every shingle, so that shingles with different tags are never equal.
    """
    words: list[str] = _WORDS.findall(text)
    if len(words) <= size:
        return [" ".join([tag, *words])]
    return list(map(" ".join, zip(repeat(tag), *(words[start:] for start in range(size)), strict=False)))


def tagged(row: Comparable, size: int) -> list[str]:
    """Return the shingles of all parts. Rows that differ in what must agree have no shingle in common."""
    return [
        shingle
        for number, part in enumerate(row.parts)
        for shingle in shingles(part, size, f"{number}{row.fixed}")
    ]


def jaccard(one: Iterable[str], other: Iterable[str]) -> float:
    """Return the Jaccard similarity of two sets: the number of common items over the number of all items."""
    first, second = frozenset(one), frozenset(other)  # frozenset() does not copy a frozenset
    common = len(first & second)
    return common / (len(first) + len(second) - common)


def similarity(one: Comparable, other: Comparable, size: int) -> float:
    """Return the similarity of two rows, 0 to 1: the Jaccard similarity of their least similar part.

    So a long prompt that two rows share does not hide that their answers differ.
    """
    if one.fixed != other.fixed:
        return 0.0
    return min(
        jaccard(_shingle_set(a, size), _shingle_set(b, size))
        for a, b in zip(one.parts, other.parts, strict=True)
    )


@lru_cache(CACHED)
def _shingle_set(text: str, size: int) -> frozenset[str]:
    return frozenset(shingles(text, size))
