r"""What a word, a sentence, a line and a paragraph are, for every check and in every language; and what one may ask for.

IFEval (Zhou et al. 2023) takes words and sentences from NLTK's tokenizers and paragraphs from "\n\n" or "***". Here each
unit has one meaning, close to what a careful reader would count (`reading.py` says what a reader sees):

- **word**: a piece between white space that has a letter or digit, without punctuation and emphasis around it: "well-known",
  "don't", "3.14" and "and/or" are one word each; a lone "-", "...", a bullet, an emoji and a list number ("2." before an
  item) are none. An em dash, "--", an ellipsis, "|" and a comma between letters divide as a space does. Words of Chinese,
  Japanese, Thai, Lao, Khmer and Burmese are ICU's; Korean words stand between spaces.
- **occurrence** of a phrase: case, line breaks, emphasis and kinds of quotation marks aside (`folded`), with no letter or
  digit right before or after it, so that "cat" is not in "cats" or "concat". Characters of scripts without spaces (and of
  Korean, whose particles are written on) may touch: "API" is in "用API处理". But no character or Thai or Lao syllable is
  cut: "ที" is not in "ที่".
- **line**: a line that is not blank. **Paragraph**: lines with no blank line between them, with a letter or digit (so a
  rule "***" is none).
- **sentence**: ends after `.`, `!`, `?`, an ellipsis or the like (closing quotes, brackets, asterisks, emoji and notes "[1]"
  may follow) where white space comes next, or after a full stop of Chinese, Japanese, Hindi, Burmese or Khmer anywhere. It
  also ends with its line, unless that ends in a comma or the next begins with a small letter. Not an end: a list number,
  titles and "e.g."; "No.", "Vol.", "Jan." and the like before a digit; letters with full stops ("U.S.", "Ph.D.", "J.",
  "p.m.") and "Inc." or "Jr." unless a word follows that often begins a sentence ("The", "It"); and before a lower-case
  letter an ellipsis, "etc." or a stop inside quotes ('"Why?" he said'). A piece without letter or digit is no sentence.

What the sentences do not know: '"Stop!" Ann said.' is two, "We met at 5 p.m. Ann was late." is one (no list of names), and
Thai has no stops to go by, so a line is one sentence there.

All of this is linear in the text: no pattern here or in the checks can backtrack over more than it consumed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from itertools import pairwise

from reward.checks.reading import MARKS, NO_SPACES, folded, in_word, spaced, unmarked

_CLOSERS = "\"'”’»)]}*_」』）】》›"  # noqa: RUF001 (those quotes and brackets are meant)
_OPENERS = "\"'“‘«([{*_「『（【《‹¿¡"  # noqa: RUF001
_EAST = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
_FULL_STOP = re.compile(  # the stops that need no space after them; and the others between Chinese or Japanese characters
    rf"([。！？｡।॥။។]+[!?]*[{re.escape(_CLOSERS)}]*|(?<=[{_EAST}])[.!?]+[{re.escape(_CLOSERS)}]*(?=[{_EAST}「『（“]))"  # noqa: RUF001
)
_ENDS = (".", "!", "?", "…", "؟", "۔", "።", "։", "‼", "⁇", "⁈", "⁉")  # noqa: RUF001
_GREEK_QUESTION = re.compile("[\u0370-\u03ff\u1f00-\u1fff];")
_CONTINUES = (",", "،", "，", "、", ";", "—")  # noqa: RUF001
_NOTE = re.compile(r"\[[0-9]{1,3}\]$")
_NEVER = frozenset("mr mrs ms mx dr dra prof rev hon gen col capt lt sgt mt messrs e.g i.e p.s p.p.s vs cf approx ca viz".split())
_BEFORE_NUMBER = frozenset("no nr vol pp fig ch sec art eq jan feb mar apr jun jul aug sep sept oct nov dec".split())
_SOMETIMES = frozenset("inc ltd co corp dept univ est sr jr st al max min avg incl".split())
_DOTTED = re.compile(r"([^\W\d_]{1,3}\.){2,}|[^\W\d_]\.")
_STARTERS = frozenset(
    "the a an this that these those there here it he she they we i you my his her its our their your one some many most all "
    "but and so then now when while if as after before because since although however in on at for from by with to what why "
    "how who where which no yes not today".split()
)
_LIST_NUMBER = re.compile(r"[0-9]+[.)]")
_LIST_ITEM = re.compile(r"[ \t]*([-*+•]|[0-9]{1,3}[.)])[ \t]")
_LIST_NUMBERS = re.compile(r"^[ \t]*(?:[-*+•>][ \t]+)?[0-9]{1,3}[.)](?=[ \t])", re.MULTILINE)
_BETWEEN_WORDS = re.compile(r"[—―…|，。！？；：、｡､（）]|\.\.+|--+|(?<=[^\W\d_])[,;](?=[^\W\d_])")  # noqa: RUF001
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


def sentences(text: str) -> list[str]:
    """Return the sentences, their words joined by one space."""
    found: list[list[str]] = []
    for line in _FULL_STOP.sub(r"\1\n", _unwrapped(text).replace(" »", "»")).split("\n"):  # French: "« Oui. »"
        pieces = line.split()
        if not pieces:
            continue
        found.append([])
        for piece, following in pairwise([*pieces, ""]):
            found[-1].append(piece)
            if _ends_sentence(piece, following, first=len(found[-1]) == 1):
                found.append([])
    joined = (" ".join(pieces) for pieces in found)
    return [sentence for sentence in joined if any(map(str.isalnum, sentence))]


def _unwrapped(text: str) -> str:
    """Return a text with a space for the line breaks inside a sentence."""
    found: list[str] = []
    for line in text.split("\n"):
        before = found[-1] if found else ""
        inside = line.lstrip()[:1].islower() or (before.rstrip().endswith(_CONTINUES) and not _LIST_ITEM.match(line))
        if before.strip() and line.strip() and inside and not before.startswith("#"):
            found.append(" ")
        elif found:
            found.append("\n")
        found.append(line)
    return "".join(found)


def _ends_sentence(piece: str, following: str, *, first: bool) -> bool:
    core = _core(piece)
    if _GREEK_QUESTION.fullmatch(core[-2:]):
        return True
    if not core.endswith(_ENDS):
        return False
    after = bare(following)
    name = core.lstrip(_OPENERS).lower()
    if name.removesuffix(".") in _NEVER or (first and _LIST_NUMBER.fullmatch(name)):
        return False
    if name.removesuffix(".") in _BEFORE_NUMBER and (after[:1].isdigit() or after == "of"):
        return False
    if _DOTTED.fullmatch(name) or name.removesuffix(".") in _SOMETIMES:
        starts = after.lower() in _STARTERS and after[0].isupper() and not following.endswith(".")
        return starts and not (first and len(name) == 2)  # "A. The sun": the letter of an option
    if core != piece or name == "etc." or core.endswith(("...", "…")):
        return not after[:1].islower()
    return True


def _core(piece: str) -> str:
    """Return a piece up to its last stop: without closing quotes, notes and emoji."""
    end = len(piece)
    while end:
        note = _NOTE.search(piece[max(end - 5, 0) : end])  # the end alone, so that a row of notes takes linear time
        if note:
            end -= len(note[0])
        elif piece[end - 1] in _CLOSERS or unicodedata.category(piece[end - 1]) in ("So", "Sk", "Mn", "Cf"):
            end -= 1
        else:
            break
    return piece[:end]


def words(text: str) -> list[str]:
    """Return the words of a text, bare: without punctuation around them."""
    text = unmarked(_LIST_NUMBERS.sub(" ", text))
    return [word for word in map(bare, _BETWEEN_WORDS.sub(" ", spaced(text)).split()) if word]


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
    count, start = 0, text.find(phrase)
    while start >= 0:
        end = start + len(phrase)
        apart = _apart(text[start - 1 : start], phrase[0]) and _apart(text[end : end + 1], phrase[-1], after=True)
        count += apart
        start = text.find(phrase, end if apart else start + 1)
    return count


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
    return lowered(letter)


def lowered(text: str) -> str:
    """Return a text in small letters, one for one ("ß" is no "s"), the Greek final sigma as any other."""
    return text.lower().replace("i\u0307", "i").replace("ς", "σ")


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
