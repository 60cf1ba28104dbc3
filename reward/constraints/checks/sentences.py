"""Find where sentences end, in every language that marks it; by rules, without a model or a download.

IFEval counts with NLTK's Punkt, which learns abbreviations from a corpus of one language and has to be
downloaded. The rules here:

1. A sentence ends after `.`, `!`, `?`, an ellipsis or a similar sign (closing quotes, brackets, asterisks,
   emoji and notes "[1]" may follow) if white space comes next; after a Greek ";"; and after a full stop of
   Chinese, Japanese, Hindi, Burmese or Khmer anywhere.
2. A sentence ends with its line, unless the line ends in a comma or the next one begins with a small letter.
   So a list item is a sentence with or without a full stop, and so is a heading.
3. A sentence does not end after: a list number; titles and abbreviations like "Dr." or "e.g."; "No.", "Vol.",
   "Jan." and the like before a digit; letters with full stops ("U.S.", "Ph.D.", "J.", "p.m.") and "Inc.",
   "Jr." and the like, unless the next word often begins a sentence ("The", "It") or the letter is a label
   ("vitamin C. Oranges have it."); a name that ends in "!" or "?" and is not the first word, before a small
   letter ("I use Yahoo! every day."); nor, before a small letter, after an ellipsis, "etc." or a full stop
   inside quotes ('"Why?" he said'). The Japanese と counts as such a small letter.
4. A piece without a letter or digit is no sentence.

These rules have limits. '"Stop!" Ann said.' counts as two sentences, and "We met at 5 p.m. Ann was late." as
one, because there is no list of names. The German "am 3. Mai" is cut, and so are sentences after
abbreviations of other languages. Thai has no full stops, so each line of Thai is a sentence.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise

from reward.constraints.checks.units import bare

_CLOSERS = "\"'”’»)]}*_」』）】》›"  # noqa: RUF001 (those quotes and brackets are meant)
_OPENERS = "\"'“‘«([{*_「『（【《‹¿¡"  # noqa: RUF001
_CLOSED = f"[{re.escape(_CLOSERS)}]*"
_EAST = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"  # Chinese characters and kana
_WIDE_STOP = rf"[。！？｡।॥။។]+[!?]*{_CLOSED}"  # noqa: RUF001 (needs no space after it)
# Japanese: と or って follows what somebody says
_NOT_QUOTED = rf"(?![{re.escape(_CLOSERS)}]|(?<=[」』])[とっ])"
# a Western stop between their characters
_EAST_STOP = rf"(?<=[{_EAST}])[.!?]+{_CLOSED}(?=[{_EAST}「『（“])"  # noqa: RUF001
_FULL_STOP = re.compile(f"({_WIDE_STOP}{_NOT_QUOTED}|{_EAST_STOP})")
_ENDS = (".", "!", "?", "…", "؟", "۔", "።", "։", "‼", "⁇", "⁈", "⁉")  # noqa: RUF001
_GREEK_QUESTION = re.compile("[\u0370-\u03ff\u1f00-\u1fff];")
_CONTINUES = (",", "،", "，", "、", ";", "—")  # noqa: RUF001
_NOTE = re.compile(r"\[[0-9]{1,3}\]$")
_NEVER = re.compile(
    "mr|mrs|ms|mx|dr|dra|sra|srta|mme|mlle|prof|rev|hon|sen|gov|rep|pres|amb|gen|maj|col|capt|lt|sgt|adm|mt"
    "|messrs|e[.]g|i[.]e|p[.]s|p[.]p[.]s|vs|cf|approx|ca|viz"
)
_BEFORE_NUMBER = re.compile("no|nr|vol|pp|fig|ch|sec|art|eq|jan|feb|mar|apr|jun|jul|aug|sep|sept|oct|nov|dec")
_SOMETIMES = re.compile(
    r"inc|ltd|co|corp|ave|blvd|rd|dept|univ|est|sr|jr|st|al|max|min|avg|incl"
    r"|([^\W\d_]{1,2}[.])+([^\W\d_]|sc|phil)|[^\W\d_]"
)
_STARTERS = re.compile(
    "the|an?|this|that|these|those|there|here|it|he|she|they|we|i|you|my|his|her|its|our|their|your|one|some"
    "|many|most|all|but|and|so|then|now|when|while|if|as|after|before|because|since|although|however|in|on|at"
    "|for|from|by|with|to|what|why|how|who|where|which|no|yes|not|today"
)
_LABELLED = re.compile(
    "vitamin(s|a|e|as|es)?|витамин|вариант|группа|hepatitis|plan|option|answer|choice|grade|type|group|team"
    "|class|section|part|appendix|exhibit|figure|table|step|point|item|case|level|row|column|room|gate|block"
    "|building|unit|category|phase|scenario|version|set|letter"
)
"""Words before a single letter that make it a label and not the initial of a name."""
_LIST_NUMBER = re.compile(r"[0-9]+[.)]")
_LIST_ITEM = re.compile(r"[ \t]*([-*+•]|[0-9]{1,3}[.)])[ \t]")


def sentences(text: str) -> list[str]:
    """Return the sentences of a text, with one space between words."""
    found: list[list[str]] = []
    divided = _FULL_STOP.sub(r"\1\n", _unwrapped(text).replace(" »", "»"))  # French: "« Oui. »"
    for line in divided.split("\n"):
        pieces = line.split()
        if not pieces:
            continue
        found.append([])
        for piece, following in pairwise([*pieces, ""]):
            before = found[-1][-1] if found[-1] else ""
            found[-1].append(piece)
            if _ends_sentence(before, piece, following):
                found.append([])
    joined = (" ".join(pieces) for pieces in found)
    return [sentence for sentence in joined if any(map(str.isalnum, sentence))]


def _unwrapped(text: str) -> str:
    """Return a text in which line breaks inside a sentence are spaces."""
    found: list[str] = []
    for line in text.split("\n"):
        before = found[-1] if found else ""
        inside = line.lstrip()[:1].islower() or (
            before.rstrip().endswith(_CONTINUES) and not _LIST_ITEM.match(line)
        )
        if before.strip() and line.strip() and inside and not before.startswith("#"):
            found.append(" ")
        elif found:
            found.append("\n")
        found.append(line)
    return "".join(found)


def _ends_sentence(before: str, piece: str, following: str) -> bool:
    """Does a sentence end after a piece?

    Args:
        before: the previous piece of the same sentence; "" if there is none.
        piece: the piece, which has no white space.
        following: the next piece.
    """
    core, first = _core(piece), not before
    if _GREEK_QUESTION.fullmatch(core[-2:]):
        return True
    if not core.endswith(_ENDS):
        return False
    after = bare(following)
    marked = core.lstrip(_OPENERS).lower()
    name = marked.removesuffix(".")
    if _is_no_stop(marked, name, after, first=first):
        return False
    if marked.endswith(".") and _SOMETIMES.fullmatch(name):
        return _ends_after_abbreviation(name, before, following)
    if core != piece or name == "etc" or core.endswith(("...", "…")):
        return not after[:1].islower()
    named = core.endswith(("!", "?")) and bare(core)[:1].isupper() and not first
    return not (named and following[:1].islower())


def _is_no_stop(marked: str, name: str, after: str, *, first: bool) -> bool:
    """Does the piece's stop not end a sentence: that of "Dr.", of a list number, or of "No." before 5?

    An abbreviation such as "No." must be followed by a digit or "of".

    Args:
        marked: the piece in lower case, with its stop.
        name: the same without a full stop.
        after: the next word.
        first: whether the piece begins its sentence.
    """
    titled = _NEVER.fullmatch(name) or (first and _LIST_NUMBER.fullmatch(marked))
    return bool(titled) or (bool(_BEFORE_NUMBER.fullmatch(name)) and (after[:1].isdigit() or after == "of"))


def _ends_after_abbreviation(name: str, before: str, following: str) -> bool:
    """Does a sentence end after an abbreviation that may end one: "Inc.", "p.m.", a letter?"""
    after = bare(following)
    if len(name) == 1 and _LABELLED.fullmatch(bare(before).lower()):
        return not after[:1].islower()
    if not before and len(name) == 1:  # "A. The sun": the letter of an option
        return False
    return bool(_STARTERS.fullmatch(after.lower())) and after[0].isupper() and not following.endswith(".")


def _core(piece: str) -> str:
    """Return a piece up to its last stop, without closing quotes, notes and emoji."""
    end = len(piece)
    while end:
        # only the end is searched, so that a row of notes takes linear time
        note = _NOTE.search(piece[max(end - 5, 0) : end])
        if note:
            end -= len(note[0])
        elif piece[end - 1] in _CLOSERS or unicodedata.category(piece[end - 1]) in ("So", "Sk", "Mn", "Cf"):
            end -= 1
        else:
            break
    return piece[:end]
