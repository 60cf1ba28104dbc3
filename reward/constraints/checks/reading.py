r"""Reduce a text to what a reader sees, so that all checks agree on when two texts are the same.

Two texts may look alike and differ in their code points. `as_read` is applied once to every answer and every
argument, and removes what nobody can see; `alike` and `folded` serve to compare. Each step is coarser than
the one before:

- **as_read**: letters and accents are composed (Unicode NFC). Full-width and half-width letters, mathematical
  alphabets, ligatures and Arabic presentation forms become the letters they show (U+FB01 "fi", U+FF21 "A");
  "²", "½" and "…" have another meaning than their parts and stay. Every space becomes " ", every line end
  "\n". Soft hyphens, zero-width spaces, direction marks and variation selectors are removed.
- **alike**: curly, straight and slanted quotation marks become one; so do hyphens, minus and en dash (but not
  the em dash).
- **folded**: upper and lower case become one (Unicode case folding, so "ß" is "ss" and the Greek final sigma
  is any sigma; the Turkish dotted capital is "i", the small letter without dot stays itself). White space,
  line breaks included, becomes one space (none between Chinese, Japanese or Thai characters); a blank line
  stays. Arabic and Hebrew vowel points, the Arabic stretching line and joiners are removed. Accents stay: "é"
  is another letter than "e".

`unmarked` removes Markdown's emphasis and the targets of its links, as a renderer does. Chinese, Japanese,
Thai, Lao, Khmer and Burmese have no spaces between words: `spaced` inserts some, and `characters` counts what
looks like one character. Both use ICU, the reference implementation of Unicode's text segmentation (UAX 29),
with dictionaries for these scripts. ICU was chosen over jieba (last release 2020, Chinese only), PyThaiNLP
(66 MB, Thai only), BudouX (phrases, not words) and uniseg (no dictionaries); icu4py contains it (43 MB).
29) with dictionaries for these scripts. ICU rather than jieba (last release 2020, Chinese only), PyThaiNLP
(66 MB, Thai only), BudouX (phrases, not words) or uniseg (no dictionaries); icu4py brings it along (43 MB).
"""

from __future__ import annotations

import re
import unicodedata

from icu4py.breakers import CharacterBreaker, WordBreaker

_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufe00-\ufe0f\ufeff]"
)
_LINE_ENDS = re.compile("\r\n|[\r\v\f\u0085\u2028]")
_SPLIT_AM = re.compile("\u0e4d([\u0e48-\u0e4b]?)\u0e32")  # the Thai vowel U+0E33 typed as its two parts
_LONE_SURROGATES = re.compile("[\ud800-\udfff]")
_SPACES = dict.fromkeys(
    map(
        ord,
        "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000",
    ),
    " ",
)
_FORMS = ("<font>", "<wide>", "<narrow>", "<initial>", "<medial>", "<final>", "<isolated>")
_FORM_BLOCKS = (
    (0x2100, 0x2150),
    (0xFB00, 0xFE00),
    (0xFE70, 0xFF00),
    (0xFF10, 0xFFDD),
    (0x1D400, 0x1D800),
    (0x1EE00, 0x1EF00),
)
_LOOK_ALIKE = str.maketrans(
    "‘’‚‛´ʹʻʼ′׳“”„‟«»״″‐‑‒–−־",  # noqa: RUF001 (those quotation marks and hyphens are meant)
    "'" * 10 + '"' * 8 + "-" * 6,
)
_UNREAD = re.compile(
    "[\u0640\u064b-\u0652\u0670\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u200c\u200d]"
)
_EMPHASIS = re.compile(
    r"(?<![\d*])(?P<star>\*{1,3})(?=[^\s*])(?P<a>[^*\n]*[^\s*])(?P=star)(?!\*)"
    r"|(?<!\w)(?P<low>_{1,3})(?=[^\s_])(?P<b>[^_\n]*[^\s_])(?P=low)(?!\w)"
    r"|(?<!`)(?P<tick>`{1,2})(?P<c>[^`\n]+)(?P=tick)(?!`)"
)
_LINK = re.compile(r'!?\[([^\[\]\n]+)\]\([^()\s]*+(?:\([^()\s]*+\)[^()\s]*+)*+(?:[ \t]+"[^"\n]*+")?\)')
MARKS = "*_`"
"""The characters of Markdown's emphasis."""
NO_SPACES = (
    # Thai, Lao, Burmese, Khmer
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u19e0-\u19ff\ua9e0-\ua9ff\uaa60-\uaa7f"
    # kana, and signs for numbers
    "\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3038-\u303b\u3040-\u30fa\u30fc-\u30ff\u31f0-\u31ff"
    # Chinese characters
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U0001b000-\U0001b16f\U00020000-\U000323af"
)
"""The scripts without spaces between words, as ranges for a regular expression's character class."""
_NO_SPACES = re.compile(f"[{NO_SPACES}]")
# letters of Europe, China, Japan and Korea that never join with each other: counting them is faster than ICU
_ONE_BY_ONE = re.compile(
    "[\x00-\x7f\u00c0-\u024f\u0370-\u03ff\u0400-\u0481\u048a-\u052f\u3040-\u3096\u30a0-\u30ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3]*"
)
_WRAPPED = re.compile(  # also after a hyphen that ends its line: "well-\nknown"
    rf"(?<=[{NO_SPACES}])[ \t]*\n[ \t]*(?=[{NO_SPACES}])|(?<=[^\W_]-)\n(?=[^\W_])"
)
_BLANK_LINE = re.compile(r"\n[ \t]*\n")


def _forms() -> dict[int, str]:
    """Map letters and digits in another width, font, ligature or position to what they show."""
    found = {}
    for code in (code for start, end in _FORM_BLOCKS for code in range(start, end)):
        shown = unicodedata.normalize("NFKC", chr(code))
        of_form = unicodedata.decomposition(chr(code)).startswith(_FORMS) or 0xFB00 <= code < 0xFB50
        if of_form and shown != chr(code) and all(in_word(c) for c in shown):
            found[code] = shown
    return found


def in_word(character: str) -> bool:
    """Is the character a letter, a digit or a combining mark?"""
    return character.isalnum() or unicodedata.category(character)[0] == "M"


_SHOWN = _forms() | _SPACES


def as_read(text: str) -> str:
    """Return a text without anything that a reader cannot see."""
    if not text.isascii():
        text = _INVISIBLE.sub("", _LONE_SURROGATES.sub("\ufffd", text)).replace("\u2029", "\n\n")
        text = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).translate(_SHOWN))
        text = _SPLIT_AM.sub("\\1\u0e33", text)
    return _LINE_ENDS.sub("\n", text)


def alike(text: str) -> str:
    """Return a text of the same length with one kind of quotation marks and one kind of hyphens."""
    return text.translate(_LOOK_ALIKE)


def folded(text: str) -> str:
    """Return a form that is the same for all ways of writing a word or phrase."""
    text = alike(text).casefold().replace("i\u0307", "i")  # what case folding makes of the Turkish İ
    blocks = _BLANK_LINE.split(_WRAPPED.sub("", _UNREAD.sub("", text)))
    return "\n".join(" ".join(block.split()) for block in blocks)


def unmarked(text: str) -> str:
    """Return a text without Markdown's emphasis and link targets; "2*3*4" and snake_case stay."""
    text = _LINK.sub(r"\1", text)
    for _ in range(3):  # emphasis inside emphasis
        shown = _EMPHASIS.sub(lambda found: found["a"] or found["b"] or found["c"], text)
        if shown == text:
            break
        text = shown
    return text


def spaced(text: str) -> str:
    """Return a text with spaces between words, also in scripts without them."""
    if not _NO_SPACES.search(text):
        return text
    pieces: list[str] = []
    for piece in WordBreaker(_LONE_SURROGATES.sub("\ufffd", text), "en"):  # one dictionary for all locales
        if pieces and (_NO_SPACES.match(pieces[-1][-1]) or _NO_SPACES.match(piece)):
            pieces.append(" ")
        pieces.append(piece)
    return "".join(pieces)


def characters(text: str) -> list[str]:
    r"""Split a text into what looks like one character each: "é" in any encoding, "👍🏽", "ที่"."""
    return (
        list(text)
        if _ONE_BY_ONE.fullmatch(text)
        else list(CharacterBreaker(_LONE_SURROGATES.sub("\ufffd", text), "en"))
    )
