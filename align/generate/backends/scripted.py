"""A generator that answers from a table: tests and documentation run whole recipes without weights.

The answer depends only on the last user message and the sample index: temperature, top_p, top_k and seed
change nothing. A word (a run of non-blank characters) counts as a token.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar

from pydantic import field_validator

from align.core.plugins import Completion, Generator, Sampling
from align.core.rows import Message


class Scripted(Generator):
    """Looks the last user message up in a table of regular expressions."""

    continues: ClassVar[bool] = True

    replies: dict[str, str | list[str]] = {}
    """Regular expression -> reply; the first that is found anywhere in the message wins. Sample i gets item i
    of a list, which starts again at its end."""
    default: str = ""
    """Reply where no expression is found."""

    @field_validator("replies")
    @classmethod
    def _check_replies(cls, replies: dict[str, str | list[str]]) -> dict[str, str | list[str]]:
        for pattern, reply in replies.items():
            try:
                re.compile(pattern)
            except re.error as error:
                what = f"{pattern!r} is not a regular expression: {error}; write \\ before a literal mark"
                raise ValueError(what) from None
            if reply == []:
                raise ValueError(f"{pattern!r} has no reply; write one, or a list of at least one")
        return replies

    async def generate(self, messages: Sequence[Message], sampling: Sampling) -> list[Completion]:
        """Return the replies of samples 0 to n - 1, cut to `max_new_tokens` words."""
        asked = next((m["content"] for m in reversed(messages) if m["role"] == "user"), "")
        found = next(
            (reply for pattern, reply in self.replies.items() if re.search(pattern, asked)), self.default
        )
        cycle = [found] if isinstance(found, str) else found
        prompt_words = sum(len(m["content"].split()) for m in messages)
        return [
            cut(
                cycle[(sampling.first + i) % len(cycle)],
                sampling.max_new_tokens,
                {"prompt_tokens": prompt_words} if i == 0 else {},
            )
            for i in range(sampling.n)
        ]


def cut(text: str, most: int, usage: dict[str, int]) -> Completion:
    """Return a text as a completion of at most `most` words, with the spacing between them kept."""
    ends = [word.end() for word in re.finditer(r"\S+", text)]
    usage = usage | {"completion_tokens": min(len(ends), most)}
    if len(ends) > most:
        return Completion(text[: ends[most - 1]], "length", None, usage)
    return Completion(text, "stop", None, usage)
