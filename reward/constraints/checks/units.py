r"""What a word, a line and a paragraph are, for every check and in every language; and what one may ask for.

IFEval (Zhou et al. 2023) takes words and sentences from NLTK's tokenizers and paragraphs from "\n\n" or
"***". Here each unit has one meaning, close to what a careful reader would count (`reading.py` says what a
reader sees):

- **word**: a piece between white space that has a letter or digit, without punctuation and emphasis around
  it: "well-known", "don't", "3.14" and "and/or" are one word each; a lone "-", "...", a bullet, an emoji and
  a list number ("2." or "b)" before an item) are none. An em dash, "--", an ellipsis, "|", "<br>" and a comma
  between letters divide as a space does. An address (https://..., www..., ann@example.org) is one word, a
  Markdown link the words of its text. Words of Chinese, Japanese, Thai, Lao, Khmer and Burmese are ICU's;
  Korean words stand between spaces.
- **occurrence** of a phrase: case, line breaks, emphasis and kinds of quotation marks aside (`folded`), with
  no letter or digit right before or after it, so that "cat" is not in "cats" or "concat", and not as a part
  of what has another meaning: "42" is not in "3.42", "name" not in "my_name", "C" not in "C++" or "C#", "can"
  not in "can't", "example" not in an address (where "example.org" is: a keyword with a dot, a slash or "@"
  between letters is looked for there). Characters of scripts without spaces (and of Korean, whose particles
  are written on) may touch: "API" is in "用API处理". But no character or Thai or Lao syllable is cut: "ที" is
  not in "ที่".
- **line**: a line that is not blank. **Paragraph**: lines with no blank line between them, with a letter or
  digit (so a rule "***" is none).
- **sentence**: `sentences.py`.

All of this is linear in the text: no pattern here or in the checks can backtrack over more than it consumed.
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
    r"(?<![A-Za-z0-9])(?:(?:https?|ftp)://|www\.)[!#-;=?-_a-z~]+"  # what a URL may hold, but for quotes and angle brackets
    r"|(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]++@[A-Za-z0-9-]++(?:\.[A-Za-z0-9-]++)+",
    re.IGNORECASE,
)
_PART_OF_ADDRESS = re.compile(r"\w[./@]\w")
_BETWEEN_WORDS = re.compile(
    rf"({_ADDRESS.pattern})|[—―…|，。！？；：、｡､（）]|\.\.+|--+|<br[ \t]*/?>|(?<=[^\W\d_])[,;](?=[^\W\d_])",  # noqa: RUF001
    re.IGNORECASE,
)
_COMES_FROM = re.compile(r"(?<=[^\W_]_)|(?<=\d[.,:\u066b\u066c])(?=\d)")
"""Stands where a phrase begins inside of something longer: my_name, 3.42."""
_GOES_ON = re.compile(
    r"_+(?=[^\W_])|(?<=\d)[.,:\u066b\u066c](?=\d)|(?<=[^\W\d_])(?:\+\+|[+#](?!\w))|(?<=n)'t(?!\w)"
)
"""Stands where a phrase ends inside of something longer: name_of, 42.5, C++, C#, can't."""
_FENCE = re.compile(r"[ \t]*(`{3,}(?=[^`]*$)|~{3,})")
_TOUCHING = re.compile(f"[{NO_SPACES}\u1100-\u11ff\u3130-\u318f\ua960-\ua97f\uac00-\ud7ff]")
_BEFORE_ITS_SYLLABLE = frozenset("เแโใไເແໂໃໄ")
_AFTER_ITS_SYLLABLE = frozenset("ะาำๅๆະາຳໆ")


def lines(text: str) -> list[str]:
    """Return the lines that are not blank, as they stand."""
    return [line for line in text.split("\n") if line.strip()]


def paragraphs(text: str) -> list[str]:
    """Return the blocks of lines between blank lines, those without letter or digit left out."""
    blocks: list[list[str]] = [[]]
    for line in text.split("\n"):
        if line.strip():
            blocks[-1].append(line)
        elif blocks[-1]:
            blocks.append([])
    whole = ("\n".join(block) for block in blocks)
    return [block for block in whole if any(map(str.isalnum, block))]


def unfenced(text: str) -> list[str]:
    """Return the lines that are not code between fences of backticks or tildes; a block of code leaves a blank line."""
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
    """Return the words of a text, bare: without punctuation around them."""
    text = unmarked(_LIST_NUMBERS.sub(" ", text))
    divided = _BETWEEN_WORDS.sub(lambda found: found[1] or " ", spaced(text))
    return [word for word in map(bare, divided.split()) if word]


def bare(word: str) -> str:
    """Return a word without what is neither letter, digit nor combining mark at its two ends; "" without letter or digit."""
    if word[:1].isalnum() and word[-1].isalnum():  # most words, and much faster
        return word
    first = next((i for i, c in enumerate(word) if c.isalnum()), len(word))
    last = next((i for i in range(len(word), first, -1) if in_word(word[i - 1])), first)
    return word[first:last]


def occurrences(text: str, phrase: str) -> int:
    """Count the occurrences of a phrase that do not overlap.

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
    """Is a phrase looked for in addresses, too? It has a dot, a slash or "@" inside, as "example.org" has."""
    return bool(_PART_OF_ADDRESS.search(phrase))


def _apart(beside: str, edge: str, *, after: bool = False) -> bool:
    """Does the phrase end here, between its first or last character and the one beside it?"""
    if not beside or not in_word(edge) or not in_word(beside):
        return True
    if beside in (_AFTER_ITS_SYLLABLE if after else _BEFORE_ITS_SYLLABLE):
        return False
    cut = after and unicodedata.category(beside)[0] == "M"
    return bool(_TOUCHING.match(edge) or _TOUCHING.match(beside)) and not cut


def short(text: str, limit: int = 40) -> str:
    """Return a text in quotes, cut for a message."""
    return repr(text if len(text) <= limit else text[: limit - 3] + "...")


def keyword(phrase: str) -> str:
    """Return a phrase that can be looked for.

    Raises:
        ValueError: it has no letter or digit, or white space around it.
    """
    if not bare(phrase) or phrase != phrase.strip():
        raise ValueError(
            f"{phrase!r} is no word to look for; give letters or digits, without white space around them"
        )
    return phrase


def keywords(words: Sequence[str]) -> Sequence[str]:
    """Return words that can be looked for, at least one.

    Raises:
        ValueError: there is none, or one cannot be looked for.
    """
    if not words:
        raise ValueError("no words; give at least one")
    for word in words:
        keyword(word)
    return words


def one_letter(letter: str) -> str:
    """Return a letter, case removed.

    Raises:
        ValueError: it is not one letter.
    """
    if len(letter) != 1 or not letter.isalpha():
        raise ValueError(f"{letter!r} is not one letter")
    return lowered(letter)


def lowered(text: str) -> str:
    """Return a text in small letters, one for one ("ß" is no "s"), the Greek final sigma as any other."""
    return text.lower().replace("i\u0307", "i").replace("\u03c2", "\u03c3")


def one_line(string: str) -> str:
    """Return a string that is to stand in one line.

    Raises:
        ValueError: it is empty, has a line break, or white space around it.
    """
    if not string or string != string.strip() or "\n" in string:
        raise ValueError(f"{string!r} should be one line, not empty, without white space around it")
    return string


def from_one(n: int, what: str) -> int:
    """Return a number that counts from 1.

    Raises:
        ValueError: it is 0.
    """
    if n < 1:
        raise ValueError(f"{what} is {n}; it counts from 1")
    return n
