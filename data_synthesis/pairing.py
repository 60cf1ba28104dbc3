"""Choose which answers of a prompt become chosen and rejected: for every synthesizer, and for online DPO.

- `best_against_worst` turns N scored samples into at most one pair. In Qwen2's online stage (arXiv
  2407.10671, 4.3), the reward model picks the most and the least preferred response. The filters are ours,
  and each is counted: a tie teaches noise (TRL trains on it), a truncated answer has no ending, and a length
  gap teaches length.
- `right_against_wrong` turns verified answers into some pairs. Each wrong answer is used once.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any

from align.core.plugins import Completion
from align.core.rows import Preference, Prompt

WHY = 500
"""Number of characters of the reason why an answer was rejected that the lineage keeps."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Indices of the chosen and the rejected sample, and the difference of their rewards."""

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
        rewards: one number for each completion.
        min_margin: the rewards must differ by more than this; ties never pass.
        max_length_ratio: largest allowed ratio of the longer to the shorter answer, in tokens; None allows
            any.
        max_tokens: samples longer than this are not used; None uses all.

    Raises:
        ValueError: a reward is not a finite number; training must not use such a reward.
    """
    _check_finite(rewards)
    fitting = [_fits(sample, max_tokens) for sample in samples]
    whole = [i for i, sample in enumerate(samples) if fitting[i] and sample.whole and sample.text.strip()]
    if len(whole) < 2:
        return _lacking(samples, fitting)
    best, worst = max(whole, key=lambda i: rewards[i]), min(whole, key=lambda i: rewards[i])
    margin = rewards[best] - rewards[worst]
    if len({samples[i].text for i in whole}) == 1 or (
        margin > 0 and samples[best].text == samples[worst].text
    ):
        return "identical"
    if margin <= min_margin:
        return "tie" if margin == 0 else "margin too small"
    if _length_ratio_exceeds(max_length_ratio, samples[best], samples[worst]):
        return "length ratio"
    return Pair(best, worst, margin)


def _check_finite(rewards: Sequence[float]) -> None:
    for reward in rewards:
        if not math.isfinite(reward):
            raise ValueError(f"the reward gave {reward} for a sample")


def _fits(sample: Completion, max_tokens: int | None) -> bool:
    return max_tokens is None or len(sample.token_ids or ()) <= max_tokens


def _length_ratio_exceeds(most: float | None, *pair: Completion) -> bool:
    """Is one sample over `most` times as long as the other, in tokens (without tokens: in characters)?"""
    shorter, longer = sorted(len(sample.token_ids or sample.text) for sample in pair)
    return most is not None and longer > most * shorter


def _lacking(samples: Sequence[Completion], fitting: Sequence[bool]) -> str:
    """Return the most frequent reason why samples of a prompt cannot be compared, when fewer than two can."""
    reasons: Counter[str] = Counter()
    for sample, fits in zip(samples, fitting, strict=True):
        if not sample.whole:
            reasons["cut at max_new_tokens" if sample.finish_reason == "length" else sample.missing] += 1
        elif not sample.text.strip():
            reasons["empty"] += 1
        elif not fits:
            reasons["longer than max_length"] += 1
    return reasons.most_common(1)[0][0] if reasons else "not judged"


def right_against_wrong(
    prompt: Prompt,
    right: Sequence[str],
    wrong: Sequence[tuple[str, str]],
    most: int,
    *,
    note: Mapping[str, Any] | None = None,
    again: bool = False,
    nearest: Callable[[str, Sequence[str]], int] | None = None,
) -> list[Preference]:
    """Pair right answers with wrong ones.

    Args:
        prompt: what was asked.
        right: right answers, the best first.
        wrong: wrong answers, each with the reason, which may be "".
        most: the largest number of pairs.
        note: goes into the lineage of every pair.
        again: whether right answers may be used again, in turn, when there are more wrong ones.
        nearest: returns the index of the remaining wrong answer to pair with a right one. Left out, wrong
        answers are used in order.
    """
    left = list(wrong)
    pairs: list[Preference] = []
    for chosen in cycle(right) if again else right:
        if not left or len(pairs) >= most:
            break
        rejected, why = left.pop(nearest(chosen, [text for text, _ in left]) if nearest else 0)
        because = {**(note or {}), **({"rejected_because": why[:WHY]} if why else {})}
        pairs.append(
            Preference(
                prompt=prompt.messages,
                chosen=chosen,
                rejected=rejected,
                margin=1.0,
                tools=prompt.tools,
                note=because,
            )
        )
    return pairs
