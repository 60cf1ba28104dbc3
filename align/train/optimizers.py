"""The two optimizers that a training stage of a recipe can name, as fields: AdamW and Online Merging.

A stage hands `build` its parameter groups (decayed and not), its learning rate and a seed; nothing here imports torch
until then, so `align check` stays light.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from align.core.plugins import Optimizer
from align.core.wiring import Ref

if TYPE_CHECKING:
    import torch

Fraction = Annotated[float, Field(ge=0, lt=1)]


class AdamWConfig(Optimizer):
    """AdamW with decoupled weight decay (Loshchilov and Hutter 2019, arXiv 1711.05101), torch's implementation."""

    kind: str = "adamw"
    betas: tuple[Fraction, Fraction] = (0.9, 0.999)
    """Decay of the two moments per step: 0.9 averages the gradient over about 10 steps, 0.999 its square over about
    1000. Source: Kingma and Ba 2015, arXiv 1412.6980, section 2; torch's defaults."""
    eps: float = Field(default=1e-8, gt=0)
    """Added to the root of the second moment; large values turn Adam into SGD with momentum. Source: as betas."""

    def build(
        self, groups: list[dict[str, Any]], *, learning_rate: float, seed: int, locate: Callable[[str], str]
    ) -> torch.optim.Optimizer:
        """Return the optimizer of `groups` (dicts with params, param_names, weight_decay)."""
        import torch  # noqa: PLC0415

        fused = all(param.is_cuda for group in groups for param in group["params"]) or None
        return torch.optim.AdamW(groups, lr=learning_rate, betas=self.betas, eps=self.eps, fused=fused)


class OnlineMergingConfig(Optimizer):
    """Merge every Adam step with what SFT added to the base model, against the alignment tax (arXiv 2405.17931).

    Needs full fine-tuning with float32 weights (bf16 autocast is fine), on one device or in plain data parallelism.
    The paper's settings: DPO with beta 0.1, batch 128, 2 epochs, learning rate from {5e-6, 1e-6, 5e-7, 1e-7}.
    """

    kind: str = "online_merging"
    method: Literal["ondare", "onties"] = "ondare"
    """Which entries of a step survive and how they meet the SFT delta. `ondare`: random ones, added up (the best
    average in the paper's Table 1). `onties`: the largest, and where the two disagree in sign the stronger stays."""
    base: Annotated[str, Ref("model")] = "base"
    """The pretrained model that `reference` was trained from, with the same tokenizer."""
    reference: Annotated[str, Ref("model")]
    """The SFT model. What is pulled in is reference minus base; the paper starts training from the reference too."""
    keep: float = Field(default=0.01, gt=0, le=1)
    """Fraction of entries that survive (the paper's p). 1 keeps all: with alpha 0 and ondare that is AdamW. With
    `rescale: none` the expected step of ondare shrinks by this factor (0.01: a hundredth of the learning rate), so use
    a larger learning rate or `inverse_keep`. Source: 0.01 is the authors' script; they found 1 down to 5e-4 usable,
    onties being more fragile below."""
    alpha: float = Field(default=1e-7, ge=0, le=1)
    """Weight of the SFT delta at each step. 0 pulls nowhere; 1 ignores the gradient. T steps move a surviving entry by
    alpha * T times its SFT delta (over keep, with `inverse_keep`), whatever the learning rate: keep that well below 1.
    Source: 1e-7 is the authors' script and where they start a search; their sweep is good up to 5e-6, collapses at
    1e-4."""
    rescale: Literal["none", "inverse_keep"] = "none"
    """`none`: as the paper writes it. `inverse_keep` (ondare only): survivors, the SFT delta's too, are multiplied by
    1/keep, so the expected step is AdamW's; the authors' code does this, so their learning rates go with it."""
    consensus: Literal["weighted", "unweighted"] = "weighted"
    """How onties elects a sign. `weighted`: by (1 - alpha) step + alpha SFT delta, the paper's Eq. 6 and 7.
    `unweighted`: by step + SFT delta, the authors' code; the SFT delta is about 1000 times a step, so its sign always
    wins, even at alpha 0."""
    resample_reference: bool = False
    """Draw the surviving entries of the SFT delta anew at every step (ondare; the paper's equations) instead of once
    (the authors' code). Spreads the pull over all entries, and holds the whole delta (4 bytes a parameter)."""
    betas: tuple[Fraction, Fraction] = (0.9, 0.999)
    """Decay of the two moments per step, as in `adamw`."""
    eps: float = Field(default=1e-8, gt=0)
    """Added to the root of the second moment, as in `adamw`. The authors' code has 1e-6 where nothing is set."""

    def problems(self, folder: Path) -> Iterable[tuple[str, str]]:
        """Yield combinations that mean nothing."""
        if self.reference == self.base:
            yield "reference", "reference and base are one model, so there is nothing to merge; name the SFT model here"
        if self.method == "onties" and self.rescale != "none":
            yield "rescale", "inverse_keep makes random survivors unbiased; onties keeps the largest, so it takes none"

    def build(
        self, groups: list[dict[str, Any]], *, learning_rate: float, seed: int, locate: Callable[[str], str]
    ) -> torch.optim.Optimizer:
        """Return the optimizer of `groups` (dicts with params, param_names, weight_decay).

        Args:
            groups: float32 parameters with their names in the model.
            learning_rate: of the Adam step, before merging.
            seed: of the masks.
            locate: turns `base` and `reference` into a folder or hub id.

        Raises:
            ValueError: the two models, or they and the parameters, do not belong together.
        """
        from align.train.online_merging import OnlineMerging, load_reference_delta  # noqa: PLC0415

        return OnlineMerging(
            groups,
            load_reference_delta(locate(self.base), locate(self.reference)),
            method=self.method,
            keep=self.keep,
            alpha=self.alpha,
            rescale=self.rescale,
            consensus=self.consensus,
            resample_reference=self.resample_reference,
            seed=seed,
            lr=learning_rate,
            betas=self.betas,
            eps=self.eps,
        )
