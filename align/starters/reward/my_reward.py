"""A reward of your own: an answer passes when it is polite. Nothing to register; the recipe names it."""

from collections.abc import Sequence

from align import Prompt, Reward, Score


class Polite(Reward):
    """Pass answers that say please or thank you."""

    words: list[str] = ["please", "thank you", "thanks"]
    """Any of these makes an answer polite."""

    async def score(self, prompt: Prompt, completions: Sequence[str]) -> list[Score]:
        """Return 1 for polite answers and 0 for others."""
        polite = [any(word in text.lower() for word in self.words) for text in completions]
        return [Score(float(p), passed=p, why="polite" if p else "no polite word") for p in polite]
