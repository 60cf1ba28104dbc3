r"""Read which letter an answer to a multiple-choice question gives, strictly: one letter, or none.

Three forms are read. The first that is there decides.

1. A statement: "The answer is (B).", "Answer: B", "\boxed{B}", "(B) is correct", "答案是B", "故选B".
2. The first line is a letter, or begins with one and a mark: "B", "(B) Paris", "B. Paris".
3. The last line is a letter, where the first is none.

An answer that gives two different letters in the form that decides gives none: "The answer is A or B.", or a
list of all choices. Letters are upper case and stand alone, so "A cat" gives none.

Published readers are looser. `lm-evaluation-harness` takes the first match of one pattern a task (MMLU-Pro:
`answer is \(?([ABCDEFGHIJ])\)?`), simple-evals the first of `Answer: X`. Both read "The answer is A or B" as
A, and "the answer is Apple" as A (in MMLU-Pro).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from align.core.rows import spoken

_MARKUP = re.compile(r"\\(?:text|textbf|mathrm|mathbf|bf|rm)\s*\{\s*([^{}]*?)\s*\}|\\[()\[\]]|[*`$#]")
"""Markdown and LaTeX around a letter."""
_LETTER = r"\(?(?<![A-Za-z])([A-Z])(?:\)|(?![A-Za-z0-9_-]))"
_SECOND = r"\s*(?:or|and|/|,|&|或|和|、)\s*\(?[A-Z](?![A-Za-z0-9])"
"""A second letter behind the first."""
_END = (
    rf"(?!{_SECOND})(?!'|\.[A-Za-z])"
    r"(?=\s*(?:$|[.,;:!?)\]}\"'」]|(?:because|since|as|is|which)\b|[^\x00-\x7f]))"
)
"""What may follow a letter: the end of a clause, a reason, Chinese. No second letter, no rest of a word."""
_ENGLISH = (
    r"(?i:\b(?:answer|(?:correct|right|best)\s+(?:choice|option))"
    r"\s*(?:is|:|would\s+be|must\s+be)\s*:?\s*(?:(?:choice|option)\s*)?)"
)
_CHINESE = (
    r"(?:答案(?:应该|应当|应)?(?:是|为|选|:)?|(?:(?<!不)(?:故|应该|应|因此|所以)|^\s*)选择?)"
    r"\s*:?\s*(?:选项)?\s*"
)
_STATED = re.compile(rf"(?:{_ENGLISH}|{_CHINESE}){_LETTER}{_END}", re.MULTILINE)
_EITHER = re.compile(rf"(?:{_ENGLISH}|{_CHINESE}){_LETTER}{_SECOND}", re.MULTILINE)
_BOXED = re.compile(r"\\boxed\s*\{\s*\(?([A-Z])\)?[.)]?\s*\}")
_CORRECT = re.compile(rf"{_LETTER}\s+is\s+(?:the\s+)?(?i:correct|right|best)(?!\s+(?:that|to|in|about)\b)")
_LINE = re.compile(rf"^\s*\(?([A-Z])(?!{_SECOND})(?:\)|[.:、,]|\s*$)", re.MULTILINE)
_ALONE = re.compile(r"\s*\(?([A-Z])\)?\s*[.。]?\s*")


def letter_of(text: str, letters: Sequence[str]) -> str | None:
    """Return the letter that an answer gives; None where it gives none, several, or another.

    Args:
        text: the answer, with its reasoning or without.
        letters: those of the choices: "A", "B", ...
    """
    text = _plain(spoken(text)).strip()
    if _EITHER.search(text):
        return None
    stated = [match[1] for form in (_STATED, _BOXED, _CORRECT) for match in form.finditer(text)]
    if not stated and (begins := _LINE.match(text)):
        stated = [begins[1], *(match[1] for match in _LINE.finditer(text))]
    if not stated and (last := _ALONE.fullmatch(text.rpartition("\n")[2])):
        stated = [last[1]]
    return stated[0] if len(set(stated)) == 1 and stated[0] in letters else None


def _plain(text: str) -> str:
    """Return a text with the ASCII form of its letters and brackets, without markup around letters."""
    text = unicodedata.normalize("NFKC", text).replace("’", "'")  # noqa: RUF001 (an apostrophe)
    while (clean := _MARKUP.sub(lambda match: match[1] or "", text)) != text:
        text = clean
    return text
