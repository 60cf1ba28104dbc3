"""The texts of rows and of test items, and the words by which they are compared.

The Qwen2 report (arXiv 2407.10671, section 5.2.6) removes "all symbols and punctuation" and tokenizes; it
names no tokenizer. Here a text is brought to Unicode's form NFKC without upper case, what a reader does not
see is removed (`reward.constraints.checks.reading`), and a word is a run of letters, digits and the marks
that belong to them. Everything else separates words: blanks, punctuation, symbols, emoji. In scripts without
spaces (Chinese, Japanese, Thai, Lao, Khmer, Burmese) every character is a word, as in
`data_synthesis.deduplication.text`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Literal

from align.core.rows import Message, Prompt, Row, texts_of
from data_synthesis.deduplication.text import Compared, conversations
from reward.constraints.checks.reading import NO_SPACES, as_read, folded, in_word

Tokenizer = Literal["words", "characters"]

_ASCII_WORDS = re.compile("[a-z0-9]+")
_ALONE = re.compile(f"[{NO_SPACES}]")


def tokens(text: str, tokenizer: Tokenizer = "words") -> list[str]:
    """Return the words of a text without case, symbols and punctuation, or with "characters" their letters.

    Args:
        text: any text; one without letters and digits has no tokens.
        tokenizer: `words`, or `characters`: every letter and every digit is a token.
    """
    words = _ASCII_WORDS.findall(text.lower()) if text.isascii() else _folded(text).translate(_SHOWN).split()
    return words if tokenizer == "words" else list("".join(words))


def _folded(text: str) -> str:
    """Return a text in form NFKC without case."""
    text = unicodedata.normalize("NFKC", text).casefold().replace("i\u0307", "i")  # of the Turkish capital
    return unicodedata.normalize("NFKC", text)  # once more, because case folding takes some letters apart


class _Shown(dict[int, str]):
    """What stands for each character when words are divided by blanks; it is worked out at first sight."""

    def __missing__(self, code: int) -> str:
        self[code] = shown = _shown(chr(code))
        return shown


_SHOWN = _Shown()


def _shown(character: str) -> str:
    """Return a part of a word as it is, a character that is a word between blanks, and all else as a blank.

    What a reader does not see, or may leave out, disappears: soft hyphens, joiners, vowel points.
    """
    if not character.isspace() and not folded(as_read(character)):
        return ""
    if not in_word(character) or unicodedata.category(character) == "Me":  # such as the frame of a key
        return " "
    return f" {character} " if _ALONE.match(character) else character


def row_texts(row: Row, compare: Compared) -> list[str]:
    """Return the texts of a row that are compared with the test items: each turn is a text of its own.

    Args:
        row: a row of any table.
        compare: `prompt`: only the turns of its prompt; `all`: those of its answers too, and of a prompt's
            row its reference answer.
    """
    texts = [_said(turn) for turns in conversations(row, compare) for turn in turns]
    answer = row.answer if isinstance(row, Prompt) and compare == "all" else None
    return [*texts, answer] if answer else texts


def item_texts(item: Prompt) -> list[str]:
    """Return the texts of a test item: what the user says in each turn, and the reference answer."""
    return [*user_texts(item.messages), *([item.answer] if item.answer else ())]


def user_texts(messages: Iterable[Message]) -> list[str]:
    """Return what the user says, turn by turn."""
    return [_said(turn) for turn in messages if turn["role"] == "user"]


def _said(turn: Message) -> str:
    return "\n".join(texts_of(turn))
