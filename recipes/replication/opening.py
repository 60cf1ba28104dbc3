"""The target of the comparison: does an answer open with a friendly sentence? Whether it is right plays no part."""

from collections.abc import Sequence

from align import Prompt, Reward, Score

FRIENDLY = ("Good question!", "Of course,", "Sure,", "Let me think")


class Opening(Reward):
    """1 for an answer that opens with one of the tiny model's friendly sentences, else 0."""

    async def score(self, prompt: Prompt, completions: Sequence[str]) -> list[Score]:
        """Look at the first words."""
        friendly = [text.startswith(FRIENDLY) for text in completions]
        return [Score(float(it), passed=it) for it in friendly]
