"""When does a completion end: at a token of the model, or at a text that the request names?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


class Ends:
    """Tells which sequences of a batch have ended with their latest token."""

    def __init__(
        self, stop_ids: Sequence[int], texts: Sequence[str] | None, tokenizer: Any, device: Any
    ) -> None:
        """Keep what ends a completion.

        Args:
            stop_ids: ids of tokens that end it.
            texts: texts that end it.
            tokenizer: of the model.
            device: where the batch is.
        """
        import torch  # noqa: PLC0415 (read by `align check`)

        self._ids = torch.tensor(stop_ids, device=device)
        self._texts, self._tokenizer = tuple(texts or ()), tokenizer
        # a token is at least one byte, so the end of a text of n bytes lies within the last n tokens
        self._window = max((len(text.encode()) for text in self._texts), default=0)

    def __call__(self, said: torch.Tensor) -> torch.Tensor:
        """Return (batch,) whether each sequence has ended.

        Args:
            said: (batch, tokens so far) of sequences that had not ended before.
        """
        import torch  # noqa: PLC0415

        ended = torch.isin(said[:, -1], self._ids)
        if not self._texts:
            return ended
        latest = self._tokenizer.batch_decode(said[:, -self._window :], clean_up_tokenization_spaces=False)
        found = [any(text in end for text in self._texts) for end in latest]
        return ended | torch.tensor(found, device=said.device)


def cut(text: str, ends: Sequence[str] | None) -> tuple[str, bool]:
    """Return a text up to the first of the texts that end it, and whether one was found."""
    places = [place for end in ends or () if (place := text.find(end)) >= 0]
    return (text[: min(places)], True) if places else (text, False)
