r"""What a word, a sentence, a line and a paragraph are, for every check and in every language; and what one may ask for.

IFEval (Zhou et al. 2023) takes words and sentences from NLTK's tokenizers and paragraphs from "\n\n" or "***". Here each
unit has one meaning of a few lines, so that a prompt can say what is counted and nothing has to be downloaded:

- **word**: a piece between white space, so "well-known", "3.14" and a lone "-" are one word each. Chinese, Japanese and
  Thai put no space between words: there a whole clause is one "word", so count characters instead.
- **bare word**: a word without what is neither letter, digit nor combining mark at its two ends ("(Yes)," is "Yes", "*"
  is none). What is compared, or asked about its letters, is bare; what is counted as `n` words is not.
- **occurrence** of a phrase: upper or lower case alike, with no letter or digit right before or after it, so that "cat"
  is not in "cats" or "concat". A side where the phrase has a character of a script without such spaces (Chinese,
  Japanese, Thai, Lao, Khmer, Burmese; Korean, whose particles are written on) may touch anything.
- **line**: a line that is not blank. **Paragraph**: lines with no blank line between them.
- **sentence**: ends with its line, or after `.`, `!`, `?`, an ellipsis or the like (closing quotes, brackets and asterisks
  may follow) where white space comes next, or after a Chinese or Japanese full stop anywhere. Not an end: a list number
  ("2. Stir"), letters with full stops ("e.g.", "U.S.", "J."), the few titles in `_NO_END`, and before a lower-case
  letter an ellipsis, "etc." or a stop inside quotes ('"Why?" he said'). A piece without letter or digit is no sentence.

What the sentences do not know: "I live in the U.S. It is big." and "I chose B. It won." are one each, "Vol. 2", "No. 5" and
"Acme Inc. grew" are cut in two, a sentence broken over two lines counts twice, and Thai has no stops to go by.

All of this is linear in the text: no pattern here or in the checks can backtrack over more than it consumed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from itertools import pairwise

_CLOSERS = "\"'”’»)]}*_」』）】》"  # noqa: RUF001 (those quotes and brackets are meant)
_OPENERS = "\"'“‘«([{*_「『（【《"  # noqa: RUF001
_WIDE_END = re.compile(rf"([。！？｡]+[{re.escape(_CLOSERS)}]*)")  # noqa: RUF001
_ENDS = (".", "!", "?", "…", "।", "؟", "۔")  # noqa: RUF001
_NO_END = frozenset(["mr.", "mrs.", "ms.", "dr.", "prof.", "sr.", "jr.", "st.", "vs.", "cf.", "fig.", "approx."])
_DOTTED = re.compile(r"([^\W\d_]\.)+")
_LIST_NUMBER = re.compile(r"[0-9]+[.)]")
_UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR", "HANGUL", "IDEOGRAPHIC")


def lines(text: str) -> list[str]:
    """Return the lines that are not blank, as they stand."""
    return [line for line in text.split("\n") if line.strip()]


def paragraphs(text: str) -> list[str]:
    """Return the blocks of lines between blank lines."""
    blocks: list[list[str]] = [[]]
    for line in text.split("\n"):
        if line.strip():
            blocks[-1].append(line)
        elif blocks[-1]:
            blocks.append([])
    return ["\n".join(block) for block in blocks if block]


def sentences(text: str) -> list[str]:
    """Return the sentences, their words joined by one space."""
    found: list[list[str]] = []
    for line in _WIDE_END.sub(r"\1\n", text).split("\n"):
        words = line.split()
        if not words:
            continue
        found.append([])
        for word, following in pairwise([*words, ""]):
            found[-1].append(word)
            if _ends_sentence(word, following, first=len(found[-1]) == 1):
                found.append([])
    joined = (" ".join(words) for words in found)
    return [sentence for sentence in joined if any(map(str.isalnum, sentence))]


def _ends_sentence(word: str, following: str, *, first: bool) -> bool:
    core = word.rstrip(_CLOSERS)
    if not core.endswith(_ENDS):
        return False
    name = core.lstrip(_OPENERS).lower()
    if name in _NO_END or _DOTTED.fullmatch(name) or (first and _LIST_NUMBER.fullmatch(name)):
        return False
    if core != word or name == "etc." or core.endswith(("...", "…")):
        return not bare(following)[:1].islower()
    return True


def bare(word: str) -> str:
    """Return a word without what is neither letter, digit nor combining mark at its two ends."""
    if word[:1].isalnum() and word[-1].isalnum():  # most words, and much faster
        return word
    first = next((i for i, c in enumerate(word) if in_word(c)), len(word))
    last = next((i for i in range(len(word), first, -1) if in_word(word[i - 1])), first)
    return word[first:last]


def bare_words(text: str) -> list[str]:
    """Return the bare words of a text; a word without letter or digit has none."""
    return [word for word in map(bare, text.split()) if word]


def in_word(character: str) -> bool:
    """Is it a letter, a digit or a combining mark?"""
    return character.isalnum() or unicodedata.category(character)[0] == "M"


def occurrences(text: str, phrase: str) -> int:
    """Count the occurrences of a phrase that do not overlap.

    Raises:
        ValueError: the phrase has no letter or digit.
    """
    text, phrase = text.casefold(), keyword(phrase).casefold()
    left, right = (in_word(edge) and not unspaced(edge) for edge in (phrase[0], phrase[-1]))
    count, start = 0, text.find(phrase)
    while start >= 0:
        end = start + len(phrase)
        joined = (left and start > 0 and in_word(text[start - 1])) or (right and end < len(text) and in_word(text[end]))
        count += not joined
        start = text.find(phrase, start + 1 if joined else end)
    return count


def unspaced(character: str) -> bool:
    """Is it of a script whose words touch each other?"""
    return unicodedata.name(character, "").startswith(_UNSPACED)


def short(text: str, limit: int = 40) -> str:
    """Return a text in quotes, cut for a message."""
    return repr(text if len(text) <= limit else text[: limit - 3] + "...")


def keyword(phrase: str) -> str:
    """Return a phrase that can be looked for.

    Raises:
        ValueError: it has no letter or digit, or white space around it.
    """
    if not bare(phrase) or phrase != phrase.strip():
        raise ValueError(f"{phrase!r} is no word to look for; give letters or digits, without white space around them")
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
    return letter.casefold()


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
