"""Direct preference optimization (Rafailov et al. 2023, arXiv 2305.18290) on a fixed set of pairs.

It is Qwen2's first alignment stage (4.3), whose settings are not published. The defaults are published by
similar projects: one epoch (Qwen2.5, arXiv 2412.15115, 4.2: 150,000 pairs, 1 epoch, 7e-7) and beta 0.1
(online merging paper, arXiv 2405.17931).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from align.core.rows import digest
from align.core.stage import Run
from align.core.wiring import Ref
from align.models import checkpoints
from align.models.chat import Chat
from align.stages.contamination import without_test_items
from align.stages.training import DataSource, TrainingStage, Watched, gather
from align.stages.trl_together import Given, sure

Loss = Literal[
    "sigmoid", "hinge", "ipo", "exo_pair", "nca_pair", "robust", "bco_pair", "sppo_hard", "aot",
    "aot_unpaired", "apo_zero", "apo_down", "discopop", "sft", "sigmoid_norm",
]  # fmt: skip


_ONLY_WITH = {
    "label_smoothing": {"aot", "aot_unpaired", "exo_pair", "robust"},
    "discopop_tau": {"discopop"},
}
"""Arguments of TRL's DPO -> the losses that read them (TRL 1.16, `DPOTrainer._compute_loss`)."""
_DIVERGENCES = {"sigmoid", "sigmoid_norm", "hinge", "ipo", "exo_pair", "robust", "discopop", "sft"}
"""Losses that work with another `f_divergence_type` than `reverse_kl` (TRL 1.16, `DPOTrainer.__init__`)."""


def _wrong_smoothing(given: Given, losses: set[Loss]) -> Iterable[tuple[str, str]]:
    if "exo_pair" in losses and not given.get("label_smoothing"):
        yield "label_smoothing", "loss_type exo_pair needs a value above 0, such as 1e-3"


def _wrong_weighting(given: Given, losses: set[Loss]) -> Iterable[tuple[str, str]]:
    if given.get("use_weighting") and (sorts := sorted(losses & {"aot", "aot_unpaired"})):
        yield (
            "use_weighting",
            f"loss_type {sorts[0]} sorts the pairs, so they have no weights; leave one out",
        )


def _wrong_divergence(given: Given, losses: set[Loss]) -> Iterable[tuple[str, str]]:
    name = given.get("f_divergence_type", "reverse_kl")
    if name != "reverse_kl" and (other := sorted(losses - _DIVERGENCES)):
        yield "f_divergence_type", f"loss_type {other[0]} knows reverse_kl only, not {name}"
    elif name != "reverse_kl" and losses == {"sft"}:
        yield "f_divergence_type", "loss_type sft uses no reference, so this would change nothing"
    if "f_alpha_divergence_coef" in given and name != "alpha_divergence":
        yield (
            "f_alpha_divergence_coef",
            "needs f_divergence_type: alpha_divergence; here it would change nothing",
        )


class PreferenceStage(TrainingStage):
    """Fields shared by offline and online preference training."""

    makes: ClassVar[frozenset[str]] = frozenset({"model"})
    trl_config: ClassVar[str] = "trl/trainer/dpo_config.py:DPOConfig"
    unread: ClassVar[dict[str, str]] = {
        "label_smoothing_factor": "preference losses do not read it; `label_smoothing` goes with some"
    }

    reference: Annotated[str | None, Ref("model")] = None
    """The frozen model that the loss compares with; left out, the model that training starts from."""
    learning_rate: float = Field(default=5e-7, gt=0)
    """Peak learning rate. 5e-7 to 7e-7 is usual for full fine-tuning of 7B models (Tulu 3, Qwen2.5)."""
    beta: float = Field(default=0.1, gt=0)
    """Strength of the pull towards the reference; a larger value keeps the model closer to it."""
    loss_type: list[Loss] = Field(default=["sigmoid"], min_length=1)
    """TRL's names; several losses are summed with `loss_weights`. `[sigmoid, sft]` adds the likelihood of the
    chosen answer."""
    loss_weights: list[float] | None = None
    """One weight for each loss; left out, 1 each."""

    def problems(self, folder: Path) -> Iterable[tuple[str, str]]:
        """Refuse losses whose settings do not fit, and a missing reference where no default is right."""
        yield from super().problems(folder)
        if self.lora and self.lora.adapter and self.reference is None:
            name = f"reference: {self.lora.adapter}"
            yield (
                "reference",
                f"with lora.adapter, name the model that the loss compares with, such as {name}",
            )
        for name, losses in _ONLY_WITH.items():
            if name in self.training_args and not losses & set(self.loss_type):
                why = f"only loss_type {' or '.join(sorted(losses))} reads it; here it would change nothing"
                yield f"training_args.{name}", why
        given, losses = self.given_args(), set(self.loss_type)
        wrong = sure(
            _wrong_smoothing(given, losses), _wrong_weighting(given, losses), _wrong_divergence(given, losses)
        )
        yield from ((f"training_args.{name}", what) for name, what in wrong)
        if self.loss_weights is not None and len(self.loss_weights) != len(self.loss_type):
            yield (
                "loss_weights",
                f"{len(self.loss_weights)} weights for {len(self.loss_type)} losses; one each is needed",
            )

    def arguments(self, run: Run) -> dict[str, Any]:
        """Add the loss to the common arguments."""
        loss = {"beta": self.beta, "loss_type": list(self.loss_type), "loss_weights": self.loss_weights}
        return self.dropout() | super().arguments(run) | loss

    def compares_with_start(self, run: Run) -> bool:
        """Return whether the reference is the start model, which a new adapter switched off is; report it."""
        fresh = self.lora is not None and not self.lora.adapter
        own = fresh and run.locate(self.reference or self.model) == run.locate(self.model)
        if own:
            run.report["reference"] = f"{self.model} (the adapter switched off)"
        return own

    def load_reference(self, run: Run, chat: Chat) -> Any:
        """Load the frozen reference, and report its name and hash."""
        from align.models.tokenizers import refuse_other_vocabulary  # noqa: PLC0415
        from align.train import policy  # noqa: PLC0415 (torch is loaded only when a stage runs)

        path = run.locate(self.reference or self.model)
        if self.reference is not None:
            refuse_other_vocabulary(chat.tokenizer, path, **self.loading())
        weights = [run.fingerprint(str(file)) for file in sorted(Path(path).glob("*.safetensors"))]
        run.report["reference"] = (
            f"{self.reference or self.model} (weights {digest(weights) if weights else 'from the hub'})"
        )
        return policy.load_reference(path, self.dtype, **self.loading())


class DPO(PreferenceStage, Watched):
    """Train a model on preference pairs."""

    data: Annotated[list[str | DataSource], Ref("preferences")] = Field(min_length=1)
    """Artifacts that hold preferences; `{from: math, weight: 2}` shows the rows of one twice as often."""
    eval_data: Annotated[list[str | DataSource], Ref("preferences")] = []
    """Artifacts whose rows are evaluated on during training, and not trained on."""

    def run(self, run: Run) -> None:
        """Encode the rows, train, and publish the model."""
        from align.train import encode, policy  # noqa: PLC0415

        self.begin(run)
        start = run.locate(self.model)
        chat = self.load_chat(run)
        rows = without_test_items(run, gather(run, self.data, "preferences"), self.decontaminate)
        encoded = encode.encode(run, chat, rows, encode.preference, self.max_length, self.strict)
        watched = self.watched(run, chat, encoded, encode.preference, "preferences")
        model = checkpoints.causal_lm(start, self.dtype, **self.loading())
        reference = None if self.compares_with_start(run) else self.load_reference(run, chat)
        trainer = self.train(run, "dpo", encoded, model, chat, watched=watched, ref_model=reference)
        policy.publish(run, trainer, chat, start, self.dtype, **self.loading())
