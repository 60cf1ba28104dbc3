"""Reward modelling: a scalar head that prefers the chosen answer (Bradley-Terry loss, Ouyang et al. 2022).

Training takes one epoch (InstructGPT and RLHFlow: more overfits). A tenth of the prompts is held out, and the
report says, with an interval, which share of their pairs the model ranks right. The stages that use the
reward can be no better than this.
"""

from __future__ import annotations

import gc
from typing import Annotated, Any, ClassVar

from pydantic import Field

from align.core.errors import StageFailed
from align.core.rows import digest
from align.core.stage import Run
from align.core.wiring import Ref
from align.evaluate.statistics.shares import wilson
from align.stages.contamination import without_test_items
from align.stages.training import DataSource, Watched, gather


class RewardModelStage(Watched):
    """Train a reward model on preference pairs."""

    version: ClassVar[str] = "2"  # 2: reads the text that the template writes after the answer's end
    makes: ClassVar[frozenset[str]] = frozenset({"reward_model"})
    trl_config: ClassVar[str] = "trl/trainer/reward_config.py:RewardConfig"
    unread: ClassVar[dict[str, str]] = {
        "label_smoothing_factor": "the loss of a reward model does not read it"
    }

    data: Annotated[list[str | DataSource], Ref("preferences")] = Field(min_length=1)
    """Artifacts that hold preferences."""
    eval_data: Annotated[list[str | DataSource], Ref("preferences")] = []
    """Artifacts whose rows are evaluated on during training, and not trained on."""
    learning_rate: float = Field(default=2e-6, gt=0)
    """Peak learning rate. RLHFlow: 2e-6 for 2B to 8B models."""
    center_rewards_coefficient: float | None = Field(default=0.01, ge=0)
    """Strength of a pull of the mean reward of a pair to 0, which Bradley-Terry leaves free (arXiv
    2312.09244: 0.01)."""
    margin: bool = False
    """True: the loss asks that a pair's rewards differ by at least the pair's `margin`, as in Llama 2 (arXiv
    2307.09288, equation 2). A pair without one counts as 0."""
    held_out: float = Field(default=0.1, ge=0, lt=1)
    """Share of the prompts that is kept for measuring accuracy, chosen by hash."""

    def arguments(self, run: Run) -> dict[str, Any]:
        """Add the centering of rewards to the common arguments."""
        return (
            self.dropout()
            | super().arguments(run)
            | {"center_rewards_coefficient": self.center_rewards_coefficient}
        )

    def run(self, run: Run) -> None:
        """Encode the rows, train, publish the model, and measure it on the held-out pairs."""
        from align.train import encode, policy  # noqa: PLC0415 (torch is loaded only when a stage runs)

        self.begin(run)
        start = run.locate(self.model)
        chat = self.load_chat(run)
        rows = without_test_items(run, gather(run, self.data, "preferences"), self.decontaminate)
        encoded = encode.encode(run, chat, rows, encode.comparison, self.max_length, self.strict)
        kept = [(row, self._columns(row, columns)) for row, columns in encoded if not self._is_held_out(row)]
        # each pair once, whatever its weight in `data`
        measured = {row.id: columns for row, columns in encoded if self._is_held_out(row)}
        if not kept:
            raise StageFailed(run.name, "every pair is held out; lower held_out", run.log_file)
        watched = [
            (row, self._columns(row, columns))
            for row, columns in self.watched(run, chat, kept, encode.comparison, "preferences")
        ]
        model = policy.load_classifier(start, self.dtype, chat.tokenizer.pad_token_id, **self.loading())
        trainer = self.train(run, "reward", kept, model, chat, watched=watched)
        policy.publish(run, trainer, chat, start, self.dtype, **self.loading())
        main = trainer.is_world_process_zero()
        trainer.let_go()
        del trainer, model  # the published model is measured next, and needs their memory
        gc.collect()
        if main:
            self._measure(run, list(measured.values()))

    def _columns(self, row: Any, columns: dict[str, Any]) -> dict[str, Any]:
        return columns | {"margin": row.margin or 0.0} if self.margin else columns

    def _is_held_out(self, row: Any) -> bool:
        return int(digest(row.prompt)[:8], 16) < self.held_out * 2**32

    def _measure(self, run: Run, pairs: list[dict[str, list[int]]]) -> None:
        from reward.trained_model import Scorer  # noqa: PLC0415

        if not pairs:
            return
        values = Scorer.load(str(run.folder), self.dtype).score_ids(
            [ids for p in pairs for ids in (p["chosen_ids"], p["rejected_ids"])]
        )
        right = sum(chosen > rejected for chosen, rejected in zip(values[::2], values[1::2], strict=True))
        low, high = wilson(right, len(pairs))
        run.report["held-out accuracy"] = (
            f"{right / len(pairs):.3f} [{low:.3f}, {high:.3f}], n = {len(pairs)}"
        )
