"""Combine several rewards into one: a weighted sum, with each part's value and reason in `why`.

Only the verifiers among the parts give a verdict. A typical use: a verifier of weight 1 that decides, and a
trained reward model of small weight that ranks answers with the same verdict.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from pydantic import Field

from align.core.config import Config
from align.core.plugins import Ask, Reward, Score, score_each
from align.core.rows import Prompt


class WeightedReward(Config):
    """One of the rewards, and its weight."""

    reward: Reward
    """Any reward."""
    weight: float = 1.0
    """Factor of its value in the sum; a negative weight makes it a penalty."""


class Mixture(Reward):
    """A weighted sum of rewards."""

    parts: list[WeightedReward] = Field(min_length=1)
    """`[{reward: {kind: math}}, {reward: {kind: reward_model, model: rm}, weight: 0.1}]`."""

    def start(self, locate: Callable[[str], str]) -> None:
        """Start every part."""
        for part in self.parts:
            part.reward.start(locate)

    def route(self, ask: Ask) -> None:
        """Let every part query the recipe's generators."""
        for part in self.parts:
            part.reward.route(ask)

    def stop(self) -> None:
        """Stop every part."""
        for part in self.parts:
            part.reward.stop()

    async def score(self, prompt: Prompt, completions: Sequence[str]) -> list[Score]:
        """Return one score per completion of one prompt."""
        return (await self.score_many([prompt], [completions]))[0]

    async def score_many(
        self, prompts: Sequence[Prompt], completions: Sequence[Sequence[str]]
    ) -> list[list[Score]]:
        """Add up the parts; `passed` is True if all verifiers among them passed."""
        opinions = await asyncio.gather(
            *(score_each(part.reward, prompts, completions) for part in self.parts)
        )
        return [
            [self._sum([opinion[i][j] for opinion in opinions]) for j in range(len(texts))]
            for i, texts in enumerate(completions)
        ]

    def _sum(self, scores: list[Score]) -> Score:
        if missing := [score for score in scores if not score.graded]:
            return Score.ungraded(missing[0].why, missing[0].lacks)
        verdicts = [score.passed for score in scores if score.passed is not None]
        value = sum(part.weight * score.value for part, score in zip(self.parts, scores, strict=True))
        why = "; ".join(
            f"{part.reward.kind} {score.value:.3g}{f' ({score.why})' if score.why else ''}"
            for part, score in zip(self.parts, scores, strict=True)
        )
        passed = all(verdicts) if verdicts else None
        return Score(value, passed, why, forgeable=any(score.forgeable for score in scores))
