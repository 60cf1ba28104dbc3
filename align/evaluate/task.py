"""A task measures models: it has items, asks a model about each, and scores what the model says.

    class Shouting(Task):
        def items(self, run: Run) -> list[Item]:
            asked = ("Greet me loudly.", "Say loudly that it rains.")
            return [Item(id=text, messages=[{"role": "user", "content": text}]) for text in asked]

        async def measure(self, item: Item, model: Subject) -> Outcome:
            (answer,) = await model.sample(item, item.messages, max_new_tokens=64)
            return Outcome({"loud": answer.text.isupper()}, answers=[answer.text])

A task says nothing about statistics, caching, batching or tables: the runner (`align.evaluate.measure`) does
all that, from the values that each item got. An item that could not be measured is no item with a bad score:
its outcome says why (`Outcome.skipped`), and the table shows how many there are.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import Field

from align.core.config import Plugin
from align.core.rows import Message, Prompt
from align.core.stage import Run

if TYPE_CHECKING:
    from align.evaluate.subject import Subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One question of a task."""

    id: str
    """Tells the items of a task apart. It must not depend on the order of the items."""
    messages: list[Message] = field(default_factory=list)
    """The question as a conversation, for a model with a chat template."""
    text: str = ""
    """The question as a text to continue, for a model without one; empty where there is no such form."""
    answer: str | None = None
    """The gold answer."""
    tests: list[dict[str, Any]] = field(default_factory=list)
    """The tests of a program."""
    tags: tuple[str, ...] = ()
    """Groups that the item belongs to (a subject, a level); the scores are also shown for each tag."""
    language: str = ""
    """Language of the item (`en`, `zh`), where the data says so; the scores are also shown by language."""
    cluster: str = ""
    """Items with the same cluster are not independent, such as questions about one text. Intervals allow for
    that."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """What else the task needs to measure the item."""
    unusable: str = ""
    """Why no model can be measured on the item, such as "no gold answer". They are counted and shown."""

    @property
    def prompt(self) -> Prompt:
        """The item as a row, which a reward can score answers to."""
        return Prompt(
            messages=self.messages,
            answer=self.answer,
            tests=list(self.tests),
            tags=list(self.tags),
            id=self.id,
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a model got for an item."""

    scores: Mapping[str, float | Sequence[float]] = field(default_factory=dict)
    """Metric -> value, or the values of several samples. An item need not have every metric of its task."""
    answers: Sequence[str] = ()
    """What the model said, for people who read results."""
    notes: Mapping[str, int] = field(default_factory=dict)
    """What happened that is no score, and how often: "answers cut at max_new_tokens", "forgeable verdicts".
    They are added up and shown."""
    skipped: str = ""
    """Why the item could not be measured, without numbers in it. It is then left out of every score, and
    counted under this reason."""
    again: bool = False
    """The next evaluation tries the item again, because what was lacking (a compiler) may be there then."""
    parts: Mapping[str, Any] = field(default_factory=dict)
    """What figures of all items together are computed from (`Task.summaries`), such as an answer for BLEU, as
    JSON values."""


@dataclass(frozen=True, slots=True)
class Metric:
    """How the values of a metric are read. Without one, a metric is a share, and more is better."""

    better: str = "higher"
    """`higher`, `lower`, or `""` where neither is better, such as a length."""
    bounds: tuple[float, float] | None = (0.0, 1.0)
    """Smallest and largest value; None where there is none."""
    compared: bool = True
    """False: it is shown, and models are not compared by it."""
    pooled: bool = False
    """True: every value counts alike, not every item: IFEval's instructions, of which a prompt has 1 to 3."""


SHARE = Metric()
"""Right or wrong, found or not: a share of the items."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of a model on a whole task that is no mean over items, such as what a regression gives."""

    n: int
    """Number of items that it rests on."""
    value: float
    low: float | None = None
    """Lower limit of the 95% interval; None where there is no interval."""
    high: float | None = None
    bounds: tuple[float, float] | None = (0.0, 1.0)
    """Smallest and largest value; it is shown as a percentage where they are 0 and 1."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a task says of a model's outcomes as a whole, beside the means over items."""

    figures: Mapping[str, Figure] = field(default_factory=dict)
    """By name; no metric of the task has the same name."""
    warnings: Sequence[str] = ()
    """Sentences about how far the scores can be trusted. They stand below the task's table."""


class Task(Plugin, ABC):
    """What models are measured on."""

    family: ClassVar[str] = "task"
    metrics: ClassVar[Mapping[str, Metric]] = {}
    """How its metrics are read, by name or by the name in front of an `@`; those not listed are `SHARE`."""

    name: str | None = Field(default=None, pattern=r"^[^/]+$")
    """Name in the table; left out, the kind. Two tasks of one kind need names."""
    limit: int | None = Field(default=None, ge=1)
    """Measure only the first items, this many; left out, that of the stage."""

    @property
    def label(self) -> str:
        """Its name in the table."""
        return self.name or self.kind

    def expand(self) -> Sequence[Self]:
        """Return the tasks that are measured in its place; most are themselves."""
        return [self]

    @abstractmethod
    def items(self, run: Run) -> list[Item]:
        """Return the items, in order.

        Raises:
            StageFailed: the data is missing or has another shape. The message says what to do.
        """

    @abstractmethod
    async def measure(self, item: Item, model: Subject) -> Outcome:
        """Ask the model about an item, and score what it says."""

    async def measure_all(self, items: Sequence[Item], model: Subject) -> list[Outcome]:
        """Measure a model on all items, together, so that the model can work on many at once.

        Override it where items are not measured one by one.
        """
        return list(await asyncio.gather(*(model.measured(self, item) for item in items)))

    def is_chat(self, model: Subject) -> bool:
        """Is this model asked in a chat, or with a text to continue?"""
        return model.chat

    def asked(self, model: Subject) -> str:
        """Return how the model is asked, in a few words for the table, such as "5-shot text"."""
        return "chat" if self.is_chat(model) else "text"

    def metric(self, name: str) -> Metric:
        """Return how one of its metrics is read."""
        return self.metrics.get(name) or self.metrics.get(name.partition("@")[0]) or SHARE

    def pictures(
        self, items: Sequence[Item], outcomes: Mapping[str, Sequence[Outcome]], folder: Path
    ) -> None:
        """Draw what each model got; most tasks draw nothing.

        Args:
            items: of the task.
            outcomes: model -> an outcome for each item.
            folder: for the files, made by the first one; their names begin with the task's label.
        """

    def depends(self, model: Subject) -> Any:
        """Return what else decides the outcomes, such as the identity of a model to compare with."""
        return None

    def summaries(
        self, items: Sequence[Item], outcomes: Mapping[str, Sequence[Outcome]]
    ) -> Mapping[str, Summary]:
        """Return model -> what its outcomes say as a whole, where that is more than means over items.

        Args:
            items: all items of the task.
            outcomes: model -> an outcome for each item, of all models of the table.
        """
        return {}

    def problems(self, folder: Path) -> Iterable[tuple[str, str]]:
        """Yield (field, what is wrong) for mistakes that types cannot express."""
        return ()
