"""align-toolkit: one recipe takes a base model and raw prompts to an aligned checkpoint."""

from align.core.errors import RecipeError, StageFailed, UsageError
from align.core.plugins import Completion, Generator, Reward, Sampling, Score
from align.core.recipe import Recipe
from align.core.rows import Demonstration, Message, Preference, Prompt, Row
from align.core.stage import Run, Stage
from align.core.wiring import File, Ref

__all__ = [
    "Completion",
    "Demonstration",
    "File",
    "Generator",
    "Message",
    "Preference",
    "Prompt",
    "Recipe",
    "RecipeError",
    "Ref",
    "Reward",
    "Row",
    "Run",
    "Sampling",
    "Score",
    "Stage",
    "StageFailed",
    "UsageError",
]
__version__ = "0.1.0"
