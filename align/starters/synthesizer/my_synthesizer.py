"""A synthesizer of your own: prefer the shorter of two answers. Nothing to register; the recipe names it."""

from typing import Annotated, ClassVar

from align import Preference, Prompt, Ref, Row
from data_synthesis import Context, Drop, Synthesizer


class Shorter(Synthesizer):
    """Prefer the shorter of two answers."""

    makes: ClassVar[frozenset[str]] = frozenset({"preferences"})
    generator: Annotated[str, Ref("generator")]
    """Who answers."""

    async def synthesize(self, prompt: Prompt, ctx: Context) -> Row | list[Row] | Drop:
        """Sample twice, compare lengths."""
        answers = await ctx.sample(self.generator, prompt.messages, n=2, temperature=1.0, max_new_tokens=64)
        short, long = sorted((answer.text for answer in answers), key=len)
        if len(short) == len(long):
            return Drop("equally long")
        return Preference(prompt=prompt.messages, chosen=short, rejected=long)
