"""Check the beginnings and ends of the text, its paragraphs and its lines (IFEval's `startend`).

Departures: IFEval's `end_checker` accepts either case, and quotes around the answer; here the last characters
must be exactly these, and asterisks of emphasis are characters too (only kinds of quotation marks and of
hyphens do not matter, see `reading.py`). Its `nth_paragraph_first_word` also fixes the number of paragraphs:
add `paragraph_count` for that.
"""

from __future__ import annotations

from reward.constraints.checks.reading import alike, folded, unmarked
from reward.constraints.checks.units import (
    from_one,
    lines,
    lowered,
    one_letter,
    one_line,
    paragraphs,
    short,
    words,
)


def starts_with(text: str, *, string: str) -> str:
    """The text begins with `string`, in the same case."""
    return "" if alike(text).startswith(alike(string)) else f"does not start with {string!r}"


def ends_with(text: str, *, string: str) -> str:
    """The text ends with `string`, in the same case; not even a full stop follows."""
    return "" if alike(text).endswith(alike(string)) else f"does not end with {string!r}"


def paragraph_first_word(text: str, *, paragraph: int, word: str) -> str:
    """The first word of paragraph number `paragraph` (from 1) is `word`; case does not matter."""
    found = paragraphs(text)
    if len(found) < from_one(paragraph, "paragraph"):
        _one_bare(word)
        return f"{len(found)} paragraphs, no paragraph {paragraph}"
    first = next(iter(words(found[paragraph - 1])), "")
    return (
        ""
        if folded(first) == _one_bare(word)
        else f"paragraph {paragraph} starts with {short(first)}, not {word!r}"
    )


def word_at(text: str, *, position: int, word: str) -> str:
    """The word at `position` (from 1) is `word`; case does not matter."""
    wanted, found = _one_bare(word), words(text)
    if len(found) < from_one(position, "position"):
        return f"{len(found)} words, no word {position}"
    at = found[position - 1]
    return "" if folded(at) == wanted else f"word {position} is {short(at)}, not {word!r}"


def lines_start_with(text: str, *, string: str) -> str:
    """Each line that is not blank begins with `string`, in the same case, without indent; there is a line."""
    wanted = alike(one_line(string))
    wrong = next((line for line in lines(text) if not alike(line).startswith(wanted)), None)
    if wrong is not None:
        return f"the line {short(wrong)} does not start with {string!r}"
    return "" if text.strip() else "there is no line"


def acrostic(text: str, *, string: str) -> str:
    """The first characters of the lines that are not blank spell `string`, in either case.

    Markdown's emphasis does not count: "**C**at" begins with "C".

    Raises:
        ValueError: `string` has a character that is no letter.
    """
    if not string.isalpha():
        raise ValueError(f"string is {string!r}; an acrostic takes letters only")
    found = [unmarked(line).lstrip()[:1] for line in lines(text)]
    same = [c.casefold() for c in found] == [c.casefold() for c in string]
    return "" if same else f"the lines begin with {short(''.join(found))}, not {string!r}"


def words_start_with(text: str, *, letter: str) -> str:
    """Every word begins with `letter`, in either case; there is at least one word."""
    wanted, found = one_letter(letter), words(text)
    wrong = next((word for word in found if lowered(word)[0] != wanted), None)
    if wrong is not None:
        return f"the word {short(wrong)} does not start with {letter!r}"
    return "" if found else "there is no word"


def _one_bare(word: str) -> str:
    if words(word) != [word]:
        raise ValueError(f"word is {word!r}; give one word without punctuation around it")
    return folded(word)
