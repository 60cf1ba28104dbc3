"""Sixty tasks whose tests are about more than plain data: what sets of classes hold, what models write as tests.

Tests of a function that takes and gives data can be judged by its answers alone. Many tests of public sets
cannot: ClassEval (Du et al. 2023, arXiv 2308.01861) tests classes by unittest, BigCodeBench (Zhuo et al.
2024, arXiv 2406.15877) mocks services and looks into files, LiveCodeBench (Jain et al. 2024, arXiv
2403.07974) has lists of method calls, and models that write tests for execution feedback use pytest with
fixtures. The tasks here are in their style, written by hand; none is taken from a set.

Each task has a right solution and a `bug`: one place of it, and how a plausible wrong solution writes that
place. `needs` says what makes the tests more than plain data. `benchmarks/given_tests.py` counts how the
sandbox judges them. `tests/unit/reward/test_class_tasks.py` shows in plain Python that each right solution
passes and each wrong one fails.
"""

from dataclasses import dataclass

from class_tasks_containers import CONTAINERS
from class_tasks_events import EVENTS
from class_tasks_flows import FLOWS
from class_tasks_functions import FUNCTIONS
from class_tasks_outside import OUTSIDE
from class_tasks_programs import PROGRAMS_OF_CLASSES
from class_tasks_records import RECORDS
from class_tasks_structures import STRUCTURES
from class_tasks_text import TEXT
from class_tasks_things import THINGS

NEEDS = (
    "class",
    "inheritance",
    "property",
    "operator overloading",
    "iterator protocol",
    "context manager",
    "dataclass",
    "enum",
    "named tuple",
    "exception class",
    "generator",
    "callback",
    "decorator",
    "async",
    "fixture",
    "parametrize",
    "output",
    "stdin",
    "mock",
    "monkeypatch",
    "tmp_path",
)
"""What makes tests more than plain data. `callback`: the tests give the solution a function of theirs."""


@dataclass(frozen=True)
class Task:
    """One task."""

    name: str
    needs: tuple[str, ...]
    solution: str
    bug: tuple[str, str]
    """A text that the solution holds once, and what stands there in the wrong solution."""
    tests: str
    entry_point: str | None = None

    @property
    def wrong(self) -> str:
        """The solution with its bug."""
        return self.solution.replace(*self.bug)


TASKS = [
    Task(name, **given)
    for part in (
        RECORDS,
        THINGS,
        STRUCTURES,
        CONTAINERS,
        TEXT,
        PROGRAMS_OF_CLASSES,
        FUNCTIONS,
        FLOWS,
        EVENTS,
        OUTSIDE,
    )
    for name, given in part.items()
]
