"""How long texts are for a model under measurement, in tokens, and how long a text it can read.

A checkpoint's own tokenizer counts. A served model has none here, so its tokens are estimated from the
number of characters, and nobody knows how much it can read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from align.core.model_options import FromHub
from align.core.plugins import Generator
from align.core.rows import Message
from align.core.stage import Run

if TYPE_CHECKING:
    from align.models.chat import Chat

CHARACTERS = 4
"""Characters of a token where there is no tokenizer: the rule of thumb of OpenAI's documentation for English
text ("What are tokens and how to count them")."""
_CONTEXT_NAMES = ("n_positions", "max_position_embeddings", "n_ctx")
"""Where configurations say how many tokens a model reads, in the order of `lm-evaluation-harness`."""


@dataclass(frozen=True)
class TextLengths:
    """Counts the tokens of texts for one model."""

    chat: Chat | None = None
    """The model's tokenizer with its chat template; None where the model is served."""
    context: int | None = None
    """Most tokens that the model reads and writes together; None where it is not known."""

    @property
    def exact(self) -> bool:
        """Are tokens counted? If not, they are estimated."""
        return self.chat is not None

    def tokens(self, text: str) -> int:
        """Return the number of tokens of a text, without those that a tokenizer puts around it."""
        if self.chat is None:
            return -(-len(text) // CHARACTERS)
        return len(self._encoded(text)["input_ids"])

    def prompt_tokens(self, asked: Sequence[Message] | str) -> int:
        """Return the number of tokens of what a model is asked, with all that is put around it."""
        if self.chat is None:
            texts = [asked] if isinstance(asked, str) else [message["content"] for message in asked]
            return sum(map(self.tokens, texts))
        ids = self.chat.tokens.plain_ids(asked) if isinstance(asked, str) else self.chat.prompt_ids(asked)
        return len(ids)

    def cut(self, text: str, tokens: int) -> str:
        """Return the beginning of a text, this many tokens long."""
        if tokens <= 0:
            return ""
        if self.chat is None:
            return text[: tokens * CHARACTERS]
        if self.chat.tokenizer.is_fast:
            return text[: ([0, *self.ends(text)])[: tokens + 1][-1]]
        ids = self._encoded(text)["input_ids"][:tokens]
        return self.chat.tokenizer.decode(ids, clean_up_tokenization_spaces=False)

    def ends(self, text: str) -> list[int]:
        """Return where each token of a text ends, in characters. Only a fast tokenizer tells."""
        return [end for _, end in self._encoded(text, return_offsets_mapping=True)["offset_mapping"]]

    @property
    def beginning(self) -> str:
        """The token that stands for an empty context: the tokenizer's `bos_token`, else `eos_token`."""
        assert self.chat is not None
        return self.chat.tokenizer.bos_token or self.chat.tokenizer.eos_token

    def windows(self, text: str) -> list[tuple[str, str, int]]:
        """Return a text in pieces that fit the context, so that each token is predicted once.

        The pieces are those of `lm-evaluation-harness` (`get_rolling_token_windows` with a context of 1): the
        first follows `beginning`, the last has as much context as fits, and those between have one token.

        Returns:
            For each piece: its context, its text, and its number of tokens as part of the whole text.
        """
        assert self.chat is not None
        if not text:
            return []
        if self.context is None or self.tokens(text) <= self.context:
            return [(self.beginning, text, self.tokens(text))]
        starts = [0, *self.ends(text)]  # of the tokens; then the end of the text
        count, size = len(starts) - 1, self.context
        found, done = [(self.beginning, text[: starts[size]], size)], size
        while done < count:
            end = min(done + size, count)
            context = text[starts[end - size - 1] : starts[done]]
            found.append((context, text[starts[done] : starts[end]], end - done))
            done = end
        return found

    def _encoded(self, text: str, **more: Any) -> Any:
        assert self.chat is not None
        # verbose: no warning that a text is longer than the model's context, which is asked here
        return self.chat.tokenizer(text, add_special_tokens=False, verbose=False, **more)


def text_lengths(generator: Generator, run: Run) -> TextLengths:
    """Return what counts tokens for a generator: its model's tokenizer, or an estimate where it is served."""
    named = getattr(generator, "model", None)
    if not isinstance(generator, FromHub) or not isinstance(named, str):
        return TextLengths()
    from align.models import checkpoints  # noqa: PLC0415 (read by `align check`)
    from align.models.tokenizers import load_chat, template_named  # noqa: PLC0415

    path, options = run.locate(named), generator.loading()
    template = template_named(getattr(generator, "chat_template", None), run.locate)
    chat = load_chat(path, chat_template=template, **options)
    config = checkpoints.configuration(path, **options).get_text_config()
    context = next((size for name in _CONTEXT_NAMES if (size := getattr(config, name, None))), None)
    return TextLengths(chat, context)
