"""Check that an answer does not contradict the reference, with a classifier (`kind: nli`).

The classifier does natural language inference. AutoIF (Dong et al. 2024, arXiv 2406.13542, section 3) asks
mDeBERTa-v3, trained on XNLI, whether a function put back into words (the hypothesis) contradicts the
constraint that it was written for (the premise). Any checkpoint works that
`AutoModelForSequenceClassification` loads and whose labels name a contradiction.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Annotated, Any

from pydantic import Field, PrivateAttr

from align.core.plugins import Reward, Score, loading
from align.core.rows import Prompt
from align.core.wiring import Ref
from align.models import checkpoints
from align.models.tokenizers import load_tokenizer


class Entailment(Reward):
    """Pass completions (the hypotheses) that do not contradict the prompt's `answer` (the premise).

    A completion passes unless contradiction is the likeliest label. The value is 1 minus the probability of a
    contradiction; `why` names the likeliest label.
    """

    model: Annotated[str, Ref("reward_model")]
    """A hub id or a folder, such as MoritzLaurer/mDeBERTa-v3-base-xnli-multilingual-nli-2mil7."""
    batch_size: int = Field(default=32, ge=1)
    """Number of pairs classified at once."""

    _loaded: Any = PrivateAttr(default=None)
    _where: str | None = PrivateAttr(default=None)
    _lock: Any = PrivateAttr(default_factory=threading.Lock)
    """Prompts are scored in threads. There is one model, and one batch at a time keeps all cores busy."""

    def start(self, locate: Callable[[str], str]) -> None:
        """Remember where the weights are; they are loaded at the first score."""
        self._where = locate(self.model)

    def stop(self) -> None:
        """Free the memory of the weights."""
        self._loaded = None

    async def score(self, prompt: Prompt, completions: Sequence[str]) -> list[Score]:
        """Return one score per completion.

        Raises:
            ValueError: the prompt has no answer, or no label of the model names a contradiction.
        """
        if prompt.answer is None:
            raise ValueError(f"row {prompt.id!r} has no answer, which is the premise")
        return await asyncio.to_thread(self._score, prompt.answer, list(completions))

    def _score(self, premise: str, hypotheses: list[str]) -> list[Score]:
        with self._lock:
            if self._loaded is None:
                with loading(self.kind, self.model):
                    self._loaded = _load(self._where or self.model)
            return self._classified(premise, hypotheses)

    def _classified(self, premise: str, hypotheses: list[str]) -> list[Score]:
        import torch  # noqa: PLC0415 (`align check` imports this module)

        model, tokenizer, labels, contradiction = self._loaded
        scores: list[Score] = []
        for start in range(0, len(hypotheses), self.batch_size):
            batch = hypotheses[start : start + self.batch_size]
            encoded = tokenizer(
                [premise] * len(batch), batch, padding=True, truncation=True, return_tensors="pt"
            )
            with torch.no_grad():
                shares = model(**encoded.to(model.device)).logits.float().softmax(-1)
            for row in shares.tolist():
                likeliest = max(range(len(row)), key=row.__getitem__)
                scores.append(Score(1 - row[contradiction], likeliest != contradiction, labels[likeliest]))
        return scores


def _load(path: str) -> tuple[Any, Any, list[str], int]:
    model = checkpoints.classifier(path, "float32")
    labels = [str(model.config.id2label[i]).lower() for i in range(model.config.num_labels)]
    named = [i for i, label in enumerate(labels) if label.startswith("contradict")]
    if len(named) != 1:
        raise ValueError(f"{path}: its labels are {', '.join(labels)}; one must be called contradiction")
    return model.to(checkpoints.device()), load_tokenizer(path), labels, named[0]
