"""Use a trained reward model as a reward: the scalar that the `reward_model` stage learned.

The model reads the whole conversation as `apply_chat_template` renders it, and the reward is the logit at the
last token. Plain transformers and vLLM's pooling endpoints give the same numbers, and reward models from the
hub work too. Conversations are batched by length.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, PrivateAttr

from align.core.errors import BadRow, ModelError
from align.core.model_options import LoadsModel
from align.core.plugins import Reward, Score, loading
from align.core.rows import Prompt, as_turn
from align.core.wiring import Ref
from align.models import checkpoints
from align.models.chat import Chat
from align.models.tokenizers import load_chat


class TrainedReward(Reward, LoadsModel):
    """Score with a reward model: an artifact of the `reward_model` stage, a folder, or a hub id."""

    version: ClassVar[str] = "2"  # 2: also reads the template's text after the answer

    model: Annotated[str, Ref("reward_model")]
    """A checkpoint that `AutoModelForSequenceClassification` loads with one label."""
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    """Precision of the weights while scoring."""
    batch_size: int = Field(default=64, ge=1)
    """Number of conversations scored at once."""

    _scorer: Any = PrivateAttr(default=None)
    _where: str | None = PrivateAttr(default=None)

    def start(self, locate: Callable[[str], str]) -> None:
        """Remember where the weights are; they are loaded at the first score."""
        self._where = locate(self.model)

    def stop(self) -> None:
        """Free the memory of the weights."""
        self._scorer = None

    async def score(self, prompt: Prompt, completions: Sequence[str]) -> list[Score]:
        """Return one score per completion of one prompt."""
        return (await self.score_many([prompt], [completions]))[0]

    async def score_many(
        self, prompts: Sequence[Prompt], completions: Sequence[Sequence[str]]
    ) -> list[list[Score]]:
        """Score many prompts at once, batched by length across them."""
        if self._scorer is None:
            with loading(self.kind, self.model):
                self._scorer = Scorer.load(
                    self._where or self.model, self.dtype, self.batch_size, **self.loading()
                )
        flat = [(p, text) for p, texts in zip(prompts, completions, strict=True) for text in texts]
        scores = iter(await asyncio.to_thread(self._scorer.score, flat))
        return [[next(scores) for _ in texts] for texts in completions]


class Scorer:
    """A reward model in memory."""

    def __init__(self, model: Any, chat: Chat, batch_size: int) -> None:
        self.model, self.chat, self.batch_size = model, chat, batch_size
        self.pad = model.config.get_text_config().pad_token_id

    @classmethod
    def load(cls, path: str, dtype: str, batch_size: int = 64, **options: Any) -> Scorer:
        """Load a checkpoint; `options` are those of `align.models.checkpoints.causal_lm`.

        Raises:
            ModelError: the model does not have exactly one label.
        """
        model = checkpoints.classifier(path, dtype, **options)
        if model.config.num_labels != 1:
            raise ModelError(f"{path} has {model.config.num_labels} labels; a reward model has 1")
        chat, config = load_chat(path, **options), model.config.get_text_config()
        if config.pad_token_id is None:  # else the model was trained with this id
            config.pad_token_id = chat.tokenizer.pad_token_id
        return cls(model.to(checkpoints.device()).requires_grad_(False), chat, batch_size)

    def score(self, answered: Sequence[tuple[Prompt, str]]) -> list[Score]:
        """Score each (prompt, completion text) in order. Texts that the template refuses are ungraded."""
        ids = [self._ids(prompt, text) for prompt, text in answered]
        values = iter(self.score_ids([each for each in ids if not isinstance(each, BadRow)]))
        return [
            Score.ungraded(str(each)) if isinstance(each, BadRow) else Score(next(values)) for each in ids
        ]

    def score_ids(self, ids: Sequence[list[int]]) -> list[float]:
        """Return a reward for each whole conversation of token ids, in order, batched by length."""
        import torch  # noqa: PLC0415 (`align check` imports this module)

        order = sorted(range(len(ids)), key=lambda i: -len(ids[i]))
        values = [0.0] * len(ids)
        pad, device = self.pad, self.model.device
        checkpoints.refuse_foreign_ids(self.model, self.chat.tokenizer, (i for row in ids for i in row))
        for start in range(0, len(order), self.batch_size):
            batch = order[start : start + self.batch_size]
            width = len(ids[batch[0]])
            tokens = torch.tensor([ids[i] + [pad] * (width - len(ids[i])) for i in batch], device=device)
            mask = torch.tensor(
                [[1] * len(ids[i]) + [0] * (width - len(ids[i])) for i in batch], device=device
            )
            with torch.no_grad():
                logits = self.model(input_ids=tokens, attention_mask=mask).logits[:, 0]
            for i, value in zip(batch, logits.float().tolist(), strict=True):
                values[i] = value
        return values

    def _ids(self, prompt: Prompt, text: str) -> list[int] | BadRow:
        try:
            return self.chat.whole_ids(prompt.messages, as_turn(text)[0], prompt.tools or None)
        except BadRow as reason:
            return reason
