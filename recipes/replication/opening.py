"""Reward answers that open with a friendly sentence, the target of the comparison, right or wrong."""

from collections.abc import Sequence

from align import Prompt, Reward, Score

FRIENDLY = ("Good question!", "Of course,", "Sure,", "Let me think")


class Opening(Reward):
    """Give 1 to an answer that opens with one of the tiny model's friendly sentences, else 0."""

    async def score(self, prompt: Prompt, completions: Sequence[str]) -> list[Score]:
        """Score each completion by its first words."""
        friendly = [text.startswith(FRIENDLY) for text in completions]
        return [Score(float(it), passed=it) for it in friendly]
