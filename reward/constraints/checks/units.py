r"""Define a word, a line and a paragraph for every check and every language; refuse impossible arguments.

IFEval (Zhou et al. 2023) takes words and sentences from NLTK's tokenizers and paragraphs from "\n\n" or
"***". Here each unit has one meaning, close to what a careful reader would count (`reading.py` defines what a
reader sees):

- **word**: a piece between white space that has a letter or digit, without punctuation and emphasis around
  it. "well-known", "don't", "3.14" and "and/or" are one word each; a lone "-", "...", a bullet, an emoji and
  a list number ("2." or "b)" before an item) are not words. An em dash, "--", an ellipsis, "|", "<br>" and a
  comma between letters separate words as a space does. An address (https://..., www..., ann@example.org) is
  one word; a Markdown link counts as the words of its text. In Chinese, Japanese, Thai, Lao, Khmer and
  Burmese, ICU finds the words; Korean words stand between spaces.
- **occurrence** of a phrase: case, line breaks, emphasis and kinds of quotation marks do not matter
  (`folded`). No letter or digit may be right before or after it, so that "cat" is not in "cats" or "concat".
  It must not be part of something with another meaning: "42" is not in "3.42", "name" not in "my_name", "C"
  not in "C++" or "C#", "can" not in "can't", "example" not in an address (but "example.org" is: a keyword
  with a dot, a slash or "@" between letters is searched for there too). Characters of scripts without spaces
  (and of Korean, whose particles are attached to words) may be next to it: "API" is in "用API处理". But no
  character and no Thai or Lao syllable is cut: "ที" is not in "ที่".
- **line**: a line that is not blank. **Paragraph**: lines with no blank line between them, with a letter or
  digit (so a rule "***" is not a paragraph).
- **sentence**: see `sentences.py`.

All of this takes time linear in the text: no pattern here or in the checks can backtrack over more than it
consumed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from reward.constraints.checks.reading import MARKS, NO_SPACES, folded, in_word, spaced, unmarked

_LIST_NUMBERS = re.compile(
    r"^[ \t]*(?:[-*+•>][ \t]+)?(?:[0-9]{1,3}[.)]|[A-Za-z]\)|(?<=[ \t])\[[xX]\])(?=[ \t])", re.MULTILINE
)
_ADDRESS = re.compile(
    # a URL with any of its characters, except quotes and angle brackets
    r"(?<![A-Za-z0-9])(?:(?:https?|ftp)://|www\.)[!#-;=?-_a-z~]+"
    r"|(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]++@[A-Za-z0-9-]++(?:\.[A-Za-z0-9-]++)+",
    re.IGNORECASE,
)
_PART_OF_ADDRESS = re.compile(r"\w[./@]\w")
_BETWEEN_WORDS = re.compile(
    rf"({_ADDRESS.pattern})|[—―…|，。！？；：、｡､（）]|\.\.+|--+|<br[ \t]*/?>|(?<=[^\W\d_])[,;](?=[^\W\d_])",  # noqa: RUF001
    re.IGNORECASE,
)
_COMES_FROM = re.compile(r"(?<=[^\W_]_)|(?<=\d[.,:\u066b\u066c])(?=\d)")
"""Positions at which a phrase begins inside of something longer: my_name, 3.42."""
_GOES_ON = re.compile(
    r"_+(?=[^\W_])|(?<=\d)[.,:\u066b\u066c](?=\d)|(?<=[^\W\d_])(?:\+\+|[+#](?!\w))|(?<=n)'t(?!\w)"
)
"""Positions at which a phrase ends inside of something longer: name_of, 42.5, C++, C#, can't."""
_FENCE = re.compile(r"[ \t]*(`{3,}(?=[^`]*$)|~{3,})")
_TOUCHING = re.compile(f"[{NO_SPACES}\u1100-\u11ff\u3130-\u318f\ua960-\ua97f\uac00-\ud7ff]")
_BEFORE_ITS_SYLLABLE = frozenset("เแโใไເແໂໃໄ")
_AFTER_ITS_SYLLABLE = frozenset("ะาำๅๆະາຳໆ")


def lines(text: str) -> list[str]:
    """Return the lines that are not blank, unchanged."""
    return [line for line in text.split("\n") if line.strip()]


def paragraphs(text: str) -> list[str]:
    """Return the blocks of lines between blank lines, except blocks without a letter or digit."""
    blocks: list[list[str]] = [[]]
    for line in text.split("\n"):
        if line.strip():
            blocks[-1].append(line)
        elif blocks[-1]:
            blocks.append([])
    whole = ("\n".join(block) for block in blocks)
    return [block for block in whole if any(map(str.isalnum, block))]


def unfenced(text: str) -> list[str]:
    """Return the lines outside fenced code (backticks or tildes); each code block becomes a blank line."""
    found: list[str] = []
    fence = ""
    for line in text.split("\n"):
        mark = _FENCE.match(line)
        if fence:
            closed = line.strip().startswith(fence) and not line.strip().strip(fence[0])
            fence = "" if closed else fence
        elif mark:
            fence = mark[1]
            found.append("")
        else:
            found.append(line)
    return found


def words(text: str) -> list[str]:
    """Return the words of a text, without punctuation around them."""
    text = unmarked(_LIST_NUMBERS.sub(" ", text))
    divided = _BETWEEN_WORDS.sub(lambda found: found[1] or " ", spaced(text))
    return [word for word in map(bare, divided.split()) if word]


def bare(word: str) -> str:
    """Strip a word's ends of characters that are no letter, digit or mark; "" without letter or digit."""
    if word[:1].isalnum() and word[-1].isalnum():  # most words, and much faster
        return word
    first = next((i for i, c in enumerate(word) if c.isalnum()), len(word))
    last = next((i for i in range(len(word), first, -1) if in_word(word[i - 1])), first)
    return word[first:last]


def occurrences(text: str, phrase: str) -> int:
    """Count the occurrences of a phrase, without overlaps.

    Raises:
        ValueError: the phrase has no letter or digit.
    """
    shown = text if any(mark in phrase for mark in MARKS) else unmarked(text)
    text, phrase = folded(shown), folded(keyword(phrase))
    if not may_be_in_address(phrase):
        text = _ADDRESS.sub("\ufffc", text)
    count, start = 0, text.find(phrase)
    while start >= 0:
        end = start + len(phrase)
        apart = _apart(text[start - 1 : start], phrase[0]) and _apart(
            text[end : end + 1], phrase[-1], after=True
        )
        apart = apart and not _COMES_FROM.match(text, start) and not _GOES_ON.match(text, end)
        count += apart
        start = text.find(phrase, end if apart else start + 1)
    return count


def may_be_in_address(phrase: str) -> bool:
    """Is a phrase searched for in addresses too? It is with an inner dot, slash or "@": "example.org"."""
    return bool(_PART_OF_ADDRESS.search(phrase))


def _apart(beside: str, edge: str, *, after: bool = False) -> bool:
    """Does the phrase end here, between its first or last character and the neighbouring character?"""
    if not beside or not in_word(edge) or not in_word(beside):
        return True
    if beside in (_AFTER_ITS_SYLLABLE if after else _BEFORE_ITS_SYLLABLE):
        return False
    cut = after and unicodedata.category(beside)[0] == "M"
    return bool(_TOUCHING.match(edge) or _TOUCHING.match(beside)) and not cut


def short(text: str, limit: int = 40) -> str:
    """Return a text in quotes, shortened for a message."""
    return repr(text if len(text) <= limit else text[: limit - 3] + "...")


def keyword(phrase: str) -> str:
    """Return a phrase after checking that it can be searched for.

    Raises:
        ValueError: it has no letter or digit, or white space around it.
    """
    if not bare(phrase) or phrase != phrase.strip():
        raise ValueError(
            f"{phrase!r} cannot be searched for; give letters or digits, without white space around them"
        )
    return phrase


def keywords(words: Sequence[str]) -> Sequence[str]:
    """Return words after checking that each can be searched for.

    Raises:
        ValueError: there is no word, or one that cannot be searched for.
    """
    if not words:
        raise ValueError("no words; give at least one")
    for word in words:
        keyword(word)
    return words


def one_letter(letter: str) -> str:
    """Return one letter in lower case, after checking that it is one.

    Raises:
        ValueError: it is not exactly one letter.
    """
    if len(letter) != 1 or not letter.isalpha():
        raise ValueError(f"{letter!r} is not one letter")
    return lowered(letter)


def lowered(text: str) -> str:
    """Lower-case a text without changing its length ("ß" stays); a Greek final sigma becomes a common one."""
    return text.lower().replace("i\u0307", "i").replace("\u03c2", "\u03c3")


def one_line(string: str) -> str:
    """Return a string after checking that it fits into one line.

    Raises:
        ValueError: it is empty, has a line break, or white space around it.
    """
    if not string or string != string.strip() or "\n" in string:
        raise ValueError(f"{string!r} should be one line, not empty, without white space around it")
    return string


def from_one(n: int, what: str) -> int:
    """Return a number after checking that it is 1 or more.

    Raises:
        ValueError: it is 0.
    """
    if n < 1:
        raise ValueError(f"{what} is {n}; it counts from 1")
    return n
