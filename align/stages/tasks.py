"""Built-in evaluation tasks: a name, the place of its problems, and the verifier that checks answers.

`arithmetic` and `constraints` ship with the toolkit and are the held-out splits of its two recipes; `gsm8k`
is read from the hub. A recipe can bring its own task: `{name: mine, prompts: STAGE, reward: {kind: math}}`.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from align.core.config import Config
from align.core.errors import StageFailed
from align.core.log import Progress
from align.core.plugins import Reward
from align.core.recipe import SHIPPED
from align.core.rows import Prompt
from align.core.stage import Run
from align.core.validation_errors import did_you_mean
from align.core.wiring import Ref
from align.stages.load import Load


class Task(Config):
    """Problems with a verifier."""

    name: str
    """Name of the task in the table."""
    prompts: Annotated[str, Ref("prompts")]
    """The problems: a stage that nothing else uses, or a folder."""
    reward: Reward
    """The verifier; an answer is right where it says `passed`."""
    max_new_tokens: int = Field(default=256, ge=1)
    """Longest answer in tokens; an answer that is cut there is wrong."""


BUILT_IN: dict[str, tuple[dict[str, object], str, int]] = {
    "arithmetic": (
        {"path": "tiny/heldout.jsonl", "columns": {"prompt": "question", "tags": "family"}}, "math", 64,
    ),
    "constraints": (
        {"path": "constraints/heldout.jsonl", "columns": {"prompt": "question"}}, "constraints", 64,
    ),
    "gsm8k": (
        {"path": "openai/gsm8k", "config": "main", "split": "test", "columns": {"prompt": "question"}},
        "math", 512,
    ),
}  # fmt: skip
"""Name: arguments of `load` (with a path in the shipped recipes), verifier, longest answer in tokens."""


def unknown(name: str) -> str | None:
    """Return what is wrong with a built-in task's name, if anything."""
    return None if name in BUILT_IN else f"no built-in task {name!r}{did_you_mean(name, BUILT_IN)}"


def problems_of(task: str | Task, run: Run) -> tuple[str, list[Prompt], Reward, int]:
    """Return a task's name, problems, verifier and longest answer in tokens."""
    if isinstance(task, Task):
        rows = [row for row in run.rows(task.prompts, "prompts") if isinstance(row, Prompt)]
        return task.name, rows, task.reward, task.max_new_tokens
    arguments, kind, longest = BUILT_IN[task]
    load = Load.model_validate(arguments)
    home = next((folder for folder in SHIPPED if (folder / load.path).exists()), run.runs.home)
    found, dropped, *_ = load.read(home, Progress(task))
    if dropped:
        raise StageFailed(run.name, f"task {task!r}: problems are unusable: {'; '.join(dropped.lines())}")
    rows = [row for row in found["prompts"].values() if isinstance(row, Prompt)]
    return task, rows, Reward.model_validate({"kind": kind}), longest
