"""An executor decides where prompts are worked on. Every executor runs the same engine on the same files."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from align.core.config import Plugin
from align.core.rows import Prompt
from align.core.stage import Run

if TYPE_CHECKING:
    from align.generate.calls.log import Usage
    from data_synthesis.synthesizer import Synthesizer


class Executor(Plugin, ABC):
    """Work on prompts until each has an outcome."""

    family: ClassVar[str] = "executor"
    one_process: ClassVar[bool] = False
    """Whether one process sees all outcomes, so that it can enforce a budget."""

    @abstractmethod
    def work(self, synthesizer: Synthesizer, run: Run, prompts: Sequence[Prompt]) -> Usage:
        """Work on the prompts that have no outcome yet, within the stage's budget; return the usage."""


class Local(Executor):
    """Work in this process, on one event loop."""

    one_process: ClassVar[bool] = True

    def work(self, synthesizer: Synthesizer, run: Run, prompts: Sequence[Prompt]) -> Usage:
        """Run one engine."""
        from data_synthesis.engine.engine import Engine  # noqa: PLC0415 (the engine imports synthesizers)

        engine = Engine(synthesizer, run)
        asyncio.run(engine.work(prompts))
        return engine.session.usage
