"""Supervised fine-tuning: imitate the demonstrations. Only what the assistant says is trained.

Qwen2 (arXiv 2407.10671, 4.2): 2 epochs, learning rate 7e-6 decayed to 7e-7, weight decay 0.1, clipping at 1.0,
sequences up to 32,768. Batch size, warm-up and packing are not published.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from align.core.stage import Run
from align.core.wiring import Ref
from align.generate import checkpoints
from align.stages.training import Source, TrainingStage, gather


class SFT(TrainingStage):
    """Fine-tune a model on demonstrations."""

    makes: ClassVar[frozenset[str]] = frozenset({"model"})
    trl_config: ClassVar[str] = "trl/trainer/sft_config.py:SFTConfig"

    data: Annotated[list[str | Source], Ref("demonstrations")] = Field(min_length=1)
    """Artifacts that hold demonstrations; `{from: math, weight: 2}` shows one more often."""
    learning_rate: float = Field(default=7e-6, gt=0)
    """Peak learning rate. Qwen2 4.2: 7e-6."""
    num_train_epochs: float = Field(default=2.0, gt=0)
    """Passes over the rows. Qwen2 4.2: 2."""
    weight_decay: float = Field(default=0.1, ge=0)
    """Decoupled decay of the weight matrices. Qwen2 4.2: 0.1."""

    def run(self, run: Run) -> None:
        """Encode, train, publish."""
        from align.train import encode, policy  # noqa: PLC0415 (torch is loaded only when a stage runs)

        self.set_seed(run)
        start = run.locate(self.model)
        tokenizer = policy.load_tokenizer(start, self.template(run))
        rows = gather(run, self.data, "demonstrations")
        encoded = encode.encode(run, tokenizer, rows, encode.demonstration, self.max_length, self.strict)
        trainer = self.train(run, "sft", encoded, checkpoints.causal_lm(start, self.dtype), tokenizer)
        policy.publish(run, trainer, start, self.dtype)
