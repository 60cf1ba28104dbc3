"""Offline merging: make one checkpoint from several with the same base, without training, on a CPU.

It takes minutes, and was the usual remedy for the alignment tax before online merging (arXiv 2405.17931,
section 4, compares with all three methods). With tau_i = theta_i - theta_base and weights w_i that add up to
1, the result is theta_base plus

    linear  sum w_i tau_i
    dare    sum w_i drop(tau_i) / keep, where random entries are dropped
            (Yu et al. 2023, arXiv 2311.03099, Eq. 3 and 4)
    ties    the mean of those trimmed tau_i that have the elected sign, where the largest entries stay
            (Yadav et al. 2023, arXiv 2306.01708, section 3)
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from align.core.model_options import FromHub
from align.core.stage import Run, Stage
from align.core.wiring import Ref
from align.models import checkpoints
from align.models.tokenizers import load_tokenizer, save_tokenizer


class Merge(Stage, FromHub):
    """Merge models that have a base in common."""

    makes: ClassVar[frozenset[str]] = frozenset({"model"})

    models: Annotated[list[str], Ref("model")] = Field(min_length=2)
    """Models to merge, such as `[sft, dpo]`. The result has the configuration and tokenizer of the first one.
    """
    base: Annotated[str, Ref("model")] = "base"
    """The model that all of them were trained from."""
    method: Literal["linear", "dare", "ties"] = "linear"
    """Method of merging; see the formulas at the top of align/stages/merge.py."""
    weights: list[float] | None = None
    """One weight for each model, adding up to 1; left out, equal ones."""
    keep: float = Field(default=0.5, gt=0, le=1)
    """Fraction of a delta's entries that survive, for `dare` and `ties`. The authors of DARE report little
    loss down to 0.1 for instruction tuning (arXiv 2311.03099, section 4.2); those of TIES use 0.2 (arXiv
    2306.01708, section 5)."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Precision of the merged weights; the sums are float32."""

    def problems(self, folder: Path) -> Iterable[tuple[str, str]]:
        """Refuse weights that do not fit the models, and a base that is also merged."""
        if self.weights is not None and len(self.weights) != len(self.models):
            yield "weights", f"{len(self.weights)} weights for {len(self.models)} models; give one each"
        elif self.weights is not None and not math.isclose(sum(self.weights), 1, abs_tol=1e-6):
            yield "weights", f"the weights add up to {sum(self.weights):g}; they are shares of 1"
        if self.base in self.models:
            yield "base", f"{self.base!r} is also in `models`, and its delta is zero"

    def run(self, run: Run) -> None:
        """Merge tensor by tensor, and publish the model."""
        import torch  # noqa: PLC0415 (torch is loaded only when a stage runs)

        from align.train.merging import rules  # noqa: PLC0415
        from align.train.merging.reference_delta import match, reference_delta  # noqa: PLC0415

        base = run.locate(self.base)
        model = checkpoints.causal_lm(run.locate(self.models[0]), "float32", **self.loading())
        named = dict(model.named_parameters())
        deltas = [match(named, reference_delta(base, run.locate(name))) for name in self.models]
        weights = self.weights or [1 / len(self.models)] * len(self.models)
        with torch.no_grad():
            for name, param in named.items():
                taus = [delta[name]() for delta in deltas]
                param.sub_(taus[0])  # gives the base
                if self.method == "linear":
                    merged = torch.stack([w * tau for w, tau in zip(weights, taus, strict=True)]).sum(0)
                elif self.method == "dare":
                    keys = [rules.key_of(run.seed(), name, i) for i in range(len(taus))]
                    merged = rules.dare(taus, weights, self.keep, keys)
                else:
                    merged = rules.ties(taus, weights, self.keep)
                param.add_(merged)
        checkpoints.save(model.to(getattr(torch, self.dtype)), run.folder)
        save_tokenizer(load_tokenizer(run.locate(self.models[0]), **self.loading()), run.folder)
        run.report.figures |= {
            "method": self.method,
            "weights": [round(w, 4) for w in weights],
            "parameters": model.num_parameters(),
        }
