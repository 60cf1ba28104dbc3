"""From N scored samples of one prompt to at most one training pair: best against worst, then filters.

Qwen2's online stage (arXiv 2407.10671, 4.3): the reward model picks the most and the least preferred response. Filters
are ours, each counted: a tie teaches noise (TRL trains on it), a cut answer has no ending, a length gap teaches length.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from align.core.plugins import Completion


@dataclass(frozen=True, slots=True)
class Pair:
    """Indices of the chosen and the rejected sample, and how far apart their rewards are."""

    chosen: int
    rejected: int
    margin: float


def best_against_worst(
    samples: Sequence[Completion],
    rewards: Sequence[float],
    *,
    min_margin: float = 0.0,
    max_length_ratio: float | None = None,
    max_tokens: int | None = None,
) -> Pair | str:
    """Return the pair of one prompt, or the reason why there is none.

    Args:
        samples: N completions, with token ids.
        rewards: one number each.
        min_margin: the rewards must differ by more than this; ties never pass.
        max_length_ratio: longer over shorter, in tokens; None does not look.
        max_tokens: samples longer than this are not used; None uses all.

    Raises:
        ValueError: a reward is not a finite number; such a reward must not train anything.
    """
    if any(not math.isfinite(reward) for reward in rewards):
        raise ValueError(f"the reward gave {next(r for r in rewards if not math.isfinite(r))} for a sample")
    fitting = [max_tokens is None or len(sample.token_ids or ()) <= max_tokens for sample in samples]
    ended = [sample.whole and bool(sample.text.strip()) for sample in samples]
    whole = [i for i in range(len(samples)) if ended[i] and fitting[i]]
    if len(whole) < 2:
        return _lacking(samples, fitting)
    best, worst = max(whole, key=lambda i: rewards[i]), min(whole, key=lambda i: rewards[i])
    margin = rewards[best] - rewards[worst]
    if len({samples[i].text for i in whole}) == 1 or (margin > 0 and samples[best].text == samples[worst].text):
        return "identical"
    if margin <= min_margin:
        return "tie" if margin == 0 else "margin too small"
    lengths = sorted(len(samples[i].token_ids or samples[i].text) for i in (best, worst))
    if max_length_ratio is not None and lengths[1] > max_length_ratio * lengths[0]:
        return "length ratio"
    return Pair(best, worst, margin)


def _lacking(samples: Sequence[Completion], fitting: Sequence[bool]) -> str:
    """Return why fewer than two samples of a prompt can be compared, by the reason of most of them."""
    reasons: Counter[str] = Counter()
    for sample, fits in zip(samples, fitting, strict=True):
        if not sample.whole:
            reasons["cut at max_new_tokens" if sample.finish_reason == "length" else sample.missing] += 1
        elif not sample.text.strip():
            reasons["empty"] += 1
        elif not fits:
            reasons["longer than max_length"] += 1
    return reasons.most_common(1)[0][0] if reasons else "not judged"
