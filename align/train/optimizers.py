"""The two optimizers that a training stage of a recipe can name, as fields: AdamW and Online Merging.

A stage calls `build` with its parameter groups (with and without weight decay), its learning rate and a seed.
Nothing here imports torch before that, so `align check` stays fast.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from align.core.plugins import Optimizer
from align.core.wiring import Ref

if TYPE_CHECKING:
    import torch

_PRESET_FIELDS = ("rescale", "consensus", "resample_reference", "arithmetic")
"""Fields of Online Merging in which the paper and the authors' code differ; a preset sets all of them."""

Fraction = Annotated[float, Field(ge=0, lt=1)]


class AdamWConfig(Optimizer):
    """AdamW with decoupled weight decay, torch's (Loshchilov and Hutter 2019, arXiv 1711.05101)."""

    kind: str = "adamw"
    betas: tuple[Fraction, Fraction] = (0.9, 0.999)
    """Decay of the two moments in each step: 0.9 averages the gradient over about 10 steps, 0.999 its square
    over about 1000. Source: Kingma and Ba 2015, arXiv 1412.6980, section 2; torch's defaults."""
    eps: float = Field(default=1e-8, gt=0)
    """Added to the root of the second moment; large values turn Adam into SGD with momentum. Source: as for
    betas."""
    ema: float | None = Field(default=None, gt=0, le=1)
    """Publish a moving average of the weights instead of the last ones: each step adds this share of the new
    weights, so 0.01 averages over about 100 steps (4 more bytes for each weight). Not for `online_dpo`.
    Source: the paper on online merging compares with 1e-3 (arXiv 2405.17931, Table 1), on runs of 950 steps.
    """

    def build(
        self,
        groups: list[dict[str, Any]],
        *,
        learning_rate: float,
        total_steps: int,
        seed: int,
        locate: Callable[[str], str],
    ) -> torch.optim.Optimizer:
        """Return the optimizer of `groups` (dicts with params, param_names, weight_decay)."""
        import torch  # noqa: PLC0415

        fused = all(param.is_cuda for group in groups for param in group["params"]) or None
        options: dict[str, Any] = {"lr": learning_rate, "betas": self.betas, "eps": self.eps, "fused": fused}
        if self.ema is None:
            return torch.optim.AdamW(groups, **options)
        from align.train.ema import AveragedAdamW  # noqa: PLC0415

        return AveragedAdamW(groups, rate=self.ema, **options)


class OnlineMergingConfig(Optimizer):
    """Merge every Adam step with what SFT added to the base model, against the alignment tax.

    The paper is arXiv 2405.17931. It works on one device, in data parallelism or under FSDP2; with LoRA,
    `reference` must have been trained as the same adapter. Weights may be float32 or bfloat16 (then 2 more
    bytes for each weight keep what bfloat16 lacks). The paper's settings: DPO with beta 0.1, batch 128, 2
    epochs, learning rate from {5e-6, 1e-6, 5e-7, 1e-7}. docs/online_merging.md says what each option does.
    """

    kind: str = "online_merging"
    by_name: ClassVar[bool] = True
    method: Literal["ondare", "onties"] = "ondare"
    """Which entries of a step survive, and how they are combined with the SFT delta. `ondare` keeps random
    entries and adds both (the best average in the paper's Table 1). `onties` keeps the largest entries; where
    the two differ in sign, the stronger one stays."""
    base: Annotated[str, Ref("model")] = "base"
    """The pretrained model that `reference` was trained from, with the same tokenizer."""
    reference: Annotated[str, Ref("model")]
    """The SFT model. Every merge moves the weights along reference minus base. The paper also starts training
    from the reference."""
    preset: Literal["paper", "upstream"] | None = None
    """Sets `rescale`, `consensus`, `resample_reference` and `arithmetic` as the paper says, or as the
    authors' code does; the two differ in all of them."""
    keep: float = Field(default=0.01, gt=0, le=1)
    """Fraction of entries that survive (the paper's p). 1 keeps all entries; with alpha 0 and ondare that is
    AdamW. With `rescale: none` the expected step of ondare shrinks by this factor (0.01: to a hundredth of
    the learning rate), so use a larger learning rate or `inverse_keep`. Source: 0.01 is the value of the
    authors' script; they found 1 down to 5e-4 usable, and onties more fragile at small values."""
    alpha: float | None = Field(default=None, ge=0, le=1)
    """Weight of the SFT delta in each merge; 1e-7 where neither this nor `alpha_total` is given. 0 adds none
    of it; 1 ignores the gradient. T merges move a surviving entry by alpha * T times its SFT delta (divided
    by keep, with `inverse_keep`), whatever the learning rate. Source: 1e-7 is the value of the authors'
    script, where they start a search; in their sweep, values up to 5e-6 work well and 1e-4 collapses."""
    alpha_total: float | None = Field(default=None, ge=0)
    """Instead of alpha: how far the whole run moves a surviving entry, as a share of its SFT delta. 0.1 adds
    another tenth of what SFT added; keep it well below 1. The share that was reached is logged as
    `displacement`."""
    rescale: Literal["none", "inverse_keep", "l1"] = "none"
    """`none`: as the paper writes it. `inverse_keep` (ondare only): multiply the survivors, of the SFT delta
    too, by 1/keep, so that the expected step is AdamW's; the authors' code does this, so their learning rates
    belong to it. `l1`: multiply the survivors so that the sum of magnitudes of a tensor does not change."""
    every: int = Field(default=1, ge=1)
    """Merge only each K-th step, with the sum of the steps since the last merge (the paper's Algorithm 2; 4
    more bytes for each weight). The paper tests 5 to 200: as K grows, the gain on MT-Bench falls to that of
    AdamW."""
    consensus: Literal["weighted", "unweighted"] = "weighted"
    """How onties elects a sign. `weighted`: by (1 - alpha) step + alpha SFT delta, the paper's Eq. 6 and 7.
    `unweighted`: by step + SFT delta, the authors' code; the SFT delta is about 1000 times a step, so its
    sign always wins, even at alpha 0."""
    resample_reference: bool = False
    """Draw the surviving entries of the SFT delta anew at every merge (ondare; the paper's equations) instead
    of once (the authors' code). This spreads the change over all entries, and holds the whole delta in memory
    (4 bytes for each parameter)."""
    arithmetic: Literal["torch", "upstream"] = "torch"
    """`upstream` computes as the authors' code does: weight decay after the merge, eps inside Adam's bias
    correction, the SFT delta clamped to +-1 (ondare), and no masking of tensors too small for one survivor
    (onties)."""
    betas: tuple[Fraction, Fraction] = (0.9, 0.999)
    """Decay of the two moments in each step, as in `adamw`."""
    eps: float = Field(default=1e-8, gt=0)
    """Added to the root of the second moment, as in `adamw`. The authors' code uses 1e-6 where nothing is
    set."""

    def problems(self, folder: Path) -> Iterable[tuple[str, str]]:
        """Yield combinations of fields that make no sense."""
        if self.reference == self.base:
            yield (
                "reference",
                "reference and base are one model, so there is nothing to merge; name the SFT model here",
            )
        if self.method == "onties" and self.rescale == "inverse_keep":
            yield (
                "rescale",
                "inverse_keep makes random survivors unbiased; onties keeps the largest: none or l1",
            )
        if self.alpha is not None and self.alpha_total is not None:
            yield "alpha_total", "alpha and alpha_total say the same thing in two ways; give one of them"
        if self.alpha_total is not None and self.rescale == "l1":
            yield (
                "alpha_total",
                "with rescale: l1 the factor of the survivors differs from tensor to tensor; give alpha",
            )
        for name in _PRESET_FIELDS:
            if self.preset and name in self.model_fields_set:
                yield name, f"preset: {self.preset} decides this; leave one of the two out"

    def build(
        self,
        groups: list[dict[str, Any]],
        *,
        learning_rate: float,
        total_steps: int,
        seed: int,
        locate: Callable[[str], str],
    ) -> torch.optim.Optimizer:
        """Return the optimizer of `groups` (dicts with params, param_names, weight_decay).

        Args:
            groups: float32 or bfloat16 parameters with their names in the model.
            learning_rate: learning rate of the Adam step, before merging.
            total_steps: steps of the whole run, for `alpha_total`.
            seed: seed of the masks.
            locate: function that turns `base` and `reference` into a folder or hub id.

        Raises:
            ValueError: the two models do not belong together, or the parameters do not belong to them.
        """
        from align.train.merging.online_merging import OnlineMerging, adapter_delta, preset, reference_delta  # noqa: PLC0415

        reference = locate(self.reference)
        adapted = any("lora_" in name for group in groups for name in group["param_names"])
        delta = adapter_delta(reference) if adapted else reference_delta(locate(self.base), reference)
        ways = (
            preset(self.preset, self.method)
            if self.preset
            else {name: getattr(self, name) for name in _PRESET_FIELDS}
        )
        return OnlineMerging(
            groups,
            delta,
            method=self.method,
            keep=self.keep,
            alpha=1e-7 if self.alpha is None and self.alpha_total is None else self.alpha,
            alpha_total=self.alpha_total,
            total_steps=total_steps,
            every=self.every,
            seed=seed,
            lr=learning_rate,
            betas=self.betas,
            eps=self.eps,
            **ways,
        )
