"""A tokenizer as two functions, text to ids and back, exact where one text continues another."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from align.core.errors import BadRow

_ANCHORS = ("", "\n", "a", "1")
"""A continuation is tokenized behind one of these texts if it cannot be behind its own context."""
Find: TypeAlias = Callable[[str], list[tuple[int, str]]]
"""Finds added tokens in a text: (position, token)."""


class Tokens:
    """Turns texts into ids and back, without adding tokens at either end."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        added = list(tokenizer.added_tokens_decoder.values())
        words = [token.content for token in added if token.content.replace("▁", " ").strip()]
        self.find = _finder({*words, *tokenizer.all_special_tokens})
        """Finds added tokens, special or not, except white space: Gemma has tokens of 2 to 31 line breaks."""
        self._find_cuts = _finder(token.content for token in added if not token.single_word)

    def ids(self, text: str) -> list[int]:
        """Return the ids of a text."""
        return self.tokenizer(text, add_special_tokens=False)["input_ids"]

    def plain_ids(self, text: str) -> list[int]:
        """Return the ids of a text outside any chat template, with what the tokenizer puts around it.

        Many tokenizers put a token before every text (`<s>`), and models were pretrained with it.
        """
        begin = self.tokenizer.bos_token
        own = begin and text.startswith(begin)
        return self.tokenizer(text, add_special_tokens=not own)["input_ids"]

    def text(self, ids: list[int]) -> str:
        """Return the text of ids, special tokens included."""
        return self.tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)

    def continued(self, ids: list[int]) -> str:
        """Return the text of ids behind others: Llama's decoder strips the space at a text's beginning."""
        before = self.ids("a")
        return self.text(before + ids).removeprefix(self.text(before))

    def writes(self, ids: list[int], text: str) -> bool:
        """Do the ids say this text? A vocabulary without byte tokens has `<unk>`, or nothing, for the rest.

        White space and Unicode's normal forms do not count: decoders and normalizers change both.
        """
        unknown = self.tokenizer.unk_token_id
        return (unknown is None or unknown not in ids or self.tokenizer.unk_token in text) and _plain(
            self.text(ids)
        ) == _plain(text)

    def ids_behind(self, known: str, ids: list[int], text: str) -> list[int]:
        """Return the ids of a text, given the ids of its beginning `known`.

        A tokenizer cuts a text at added tokens first, so the text from the last added token of `known` on can
        be tokenized by itself. Otherwise a conversation of many turns would be tokenized again for every
        answer.
        """
        added = self._find_cuts(known)
        if not added or not text.startswith(known):
            return self.ids(text)
        at, _ = added[-1]
        end = self.ids(known[at:])
        if not end or ids[-len(end) :] != end:
            return self.ids(text)
        return ids[: -len(end)] + self.ids(text[at:])

    def continuation(self, before: str, context: list[int], written: str) -> tuple[list[int], bool]:
        """Return a text's ids behind a context of fixed ids, and whether both are the ids of the whole text.

        Tokenizing both together is right unless a token spans the border; then the text is tokenized by
        itself. A tokenizer may put a space in front of a text (Llama 2), so candidates are compared by what
        they decode to.

        Raises:
            BadRow: no ids spell the text there.
        """
        whole = self.ids_behind(before, context, before + written)
        if whole[: len(context)] == context:
            return whole[len(context) :], True
        goal = self.text(whole)
        for anchor in _ANCHORS:
            ids, skipped = self.ids(anchor + written), self.ids(anchor)
            if ids[: len(skipped)] == skipped and self.text(context + ids[len(skipped) :]) == goal:
                return ids[len(skipped) :], False
        raise BadRow("the tokenizer cannot write this answer behind its prompt")


def _plain(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).replace("▁", " ").split())


def _finder(tokens: Iterable[str]) -> Find:
    pattern = re.compile("|".join(map(re.escape, sorted({*tokens} - {""}, key=len, reverse=True))) or "(?!)")
    return lambda text: [(found.start(), found[0]) for found in pattern.finditer(text)]
