"""Tasks whose answers are programs, which are run on the tests of the data set in the sandbox.

A model that continues a text has written the rest of the program that the text begins: the two together are
run as they stand, as the benchmarks' own scripts do. The answer of a chat is read as `kind: execution`
reads it, by looking for the program in it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from pydantic import PrivateAttr

from align.core.plugins import Reward, Score
from align.evaluate.subject import Subject
from align.evaluate.task import Item
from align.evaluate.tasks.generation import Verified
from reward.execution.verifier import Execution
from reward.sandbox.settings import SandboxSettings


class CodeTask(Verified):
    """A task whose answers are programs."""

    sandbox: SandboxSettings = SandboxSettings()
    """The sandbox in which programs run."""

    _answers: Reward | None = PrivateAttr(default=None)
    _texts: Reward | None = PrivateAttr(default=None)

    @abstractmethod
    def program(self, item: Item, continued: str) -> str:
        """Return the program that a model has written by continuing the item's text."""

    def verifier(self) -> Reward:
        """Run the program that is found in the answer of a chat."""
        if self._answers is None:
            self._answers = Execution(kind="execution", sandbox=self.sandbox)
        return self._answers

    async def judge(self, item: Item, texts: Sequence[str], model: Subject) -> list[Score]:
        """Return the verdict of the tests on each answer."""
        if self.is_chat(model):
            return await super().judge(item, texts, model)
        if self._texts is None:
            self._texts = Execution(kind="execution", sandbox=self.sandbox, exact=True)
        return await model.score(self._texts, item, [self.program(item, text) for text in texts])

    def stop_texts(self, item: Item, model: Any) -> list[str] | None:
        """End a plain text where the program ends; see `ends`."""
        return None if self.is_chat(model) else self.ends(item)

    @abstractmethod
    def ends(self, item: Item) -> list[str]:
        """Return the texts that end the program of an item."""
