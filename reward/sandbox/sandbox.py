"""Run model-written code that cannot forge its result, reach outside, exhaust the machine or leave traces.

    async with Sandbox(level="kernel", workers=2) as sandbox:
        verdict = await sandbox.check("def f(x): return x + 1", "assert f(1) == 2", "f")
        results = await sandbox.calls("def f(x): return x + 1", "f", [[1], [2]])

Each worker is a small process that imports modules once and forks a confined child for every piece of code
(`inside.zygote`). The solution never shares a process with its tests, unless `together` allows it for tests
that need more than data; such a verdict is marked `forgeable`. Levels:

- `kernel`: Landlock, seccomp and rlimits, which need no privilege and work inside Docker. This is the
  default.
- `full`: adds private namespaces: files outside are absent, the network is empty, and the scratch folder has
  a hard size limit.
- `weak`: uses as much of these as the machine has. Results cannot be forged there either, but files and
  network can be reached.

A level that the machine cannot provide is refused: every start tries to break what the level promises
(`probes`).
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from reward.sandbox.host.other_languages import OtherLanguages
from reward.sandbox.host.packages import needs_large, needs_pytest
from reward.sandbox.host.pool import Pool
from reward.sandbox.host.probes import probe, remedy
from reward.sandbox.host.worker import SandboxUnavailable, Worker
from reward.sandbox.inside import values
from reward.sandbox.limits import Level, Limits
from reward.sandbox.verdicts import CallResult, Verdict

STARVED = 0.1
"""Ratio of CPU time to wall-clock time. A process that hit the wall-clock limit with a higher ratio was
slowed down by other load on the machine."""

T = TypeVar("T")


class Sandbox:
    """A pool of workers. Several event loops may use it, between `start` and `stop`."""

    def __init__(
        self,
        level: Level = "kernel",
        workers: int | None = None,
        limits: Limits | None = None,
        packages: Sequence[str] = ("numpy",),
        together: bool = False,
        tools: Mapping[str, str] | None = None,
    ) -> None:
        """Declare a sandbox without starting anything.

        Args:
            level: how strongly code is isolated; see above.
            workers: how many pieces of code run at once; one a core when left out.
            limits: what each piece of code may use.
            packages: what code may import beside the standard library; packages that these require may be
                imported too. Code that names a package runs in a worker that has imported all of them. Tests
                that are written for pytest also get pytest, if it is installed.
            together: whether tests that need more than data run in one process with the solution, where a
                pass can be forged.
            tools: commands for other languages that replace the usual ones, such as {"cpp": "g++-13"}: a name
                that is found in the system's folders, or a path to a file that needs no other files.

        Raises:
            ValueError: a tool is given for an unknown language.
        """
        self.level, self.limits, self.packages = level, limits or Limits(), tuple(packages)
        self.workers = workers or os.cpu_count() or 1
        self._threads: ThreadPoolExecutor | None = None
        self._pool = Pool(lambda: Worker(self.level, self.limits, self.packages, large=False))
        self._large = Pool(lambda: Worker(self.level, self.limits, self.packages, large=True))
        with_pytest = tuple(dict.fromkeys([*packages, "pytest"]))
        self._with_pytest = Pool(lambda: Worker(self.level, self.limits, with_pytest, large=True))
        self.together = together
        self._other_languages = OtherLanguages(level, self.limits, tools or {})
        self._starting = threading.Lock()
        self._alone = threading.Lock()

    # -- life cycle ------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Sandbox:
        starting = asyncio.ensure_future(asyncio.to_thread(self.start))
        try:
            await asyncio.shield(starting)
        except asyncio.CancelledError:  # the thread goes on, and nobody else would stop what it starts
            with contextlib.suppress(SandboxUnavailable):
                await starting
            await asyncio.to_thread(self.stop)
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.stop)

    def start(self) -> None:
        """Start the workers and try to escape from one. A second caller waits until they have started.

        Raises:
            SandboxUnavailable: the machine cannot provide the level.
        """
        with self._starting:
            if self._threads is None:
                self._start()

    def _start(self) -> None:
        if sys.platform != "linux":
            raise SandboxUnavailable(
                f"the sandbox needs Linux (this is {sys.platform}): run in a container or a virtual machine"
            )
        if missing := [name for name in self.packages if importlib.util.find_spec(name) is None]:
            raise SandboxUnavailable(f"packages: {', '.join(missing)} is not installed here")
        self._threads = ThreadPoolExecutor(self.workers, thread_name_prefix="sandbox")
        try:
            workers = list(self._threads.map(lambda _: self._pool.start(), range(self.workers)))
            probe(workers[0], self.level)
            for worker in workers:
                self._pool.give_back(worker)
        except SandboxUnavailable as error:
            self.stop()
            raise SandboxUnavailable(f"{error}; {remedy(self.level)}") from None
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End every worker; return when none is left."""
        if self._threads is not None:
            self._threads.shutdown(wait=True, cancel_futures=True)
            self._threads = None
        self._pool.stop()
        self._large.stop()
        self._with_pytest.stop()
        self._other_languages.stop()

    def pids(self) -> list[int]:
        """Return the process ids of the workers, for logs and tests."""
        return sorted(
            self._pool.pids()
            + self._large.pids()
            + self._with_pytest.pids()
            + self._other_languages.pool.pids()
        )

    # -- running code ----------------------------------------------------------------------------------------

    async def check(
        self, solution: str, tests: str, entry_point: str | None = None, limits: Limits | None = None
    ) -> Verdict:
        """Run tests on a solution; the two share no process unless `together` is set and the tests need it.

        Args:
            solution: Python source.
            tests: Python source: asserts, `check(candidate)`, unittest classes or `test_*` functions.
            entry_point: the function that the tests are about, which the solution must define. The tests also
                get the other names of the solution that they use.
            limits: limits that replace the sandbox's own.
        """
        limits = limits or self.limits
        pool = self._with_pytest if needs_pytest(tests) else self._pool_for(solution, tests)

        def task(worker: Worker) -> Verdict:
            return worker.check(solution, tests, entry_point, limits, self.together)

        verdict = await self._run(pool, task)
        if isinstance(verdict, str):
            return Verdict("infra_error", 0, 0, verdict, 0.0, 0.0, 0, "", self.level)
        by_the_wall = (
            verdict.status == "timeout" and STARVED * limits.wall < verdict.cpu_seconds < limits.cpu_seconds
        )
        if by_the_wall and os.getloadavg()[0] > (os.cpu_count() or 1):
            again = await self._run(pool, task, alone=True)
            verdict = verdict if isinstance(again, str) else again
        return verdict

    async def calls(
        self,
        source: str,
        entry_point: str,
        arguments: Sequence[Sequence[Any]],
        limits: Limits | None = None,
        language: str = "python",
    ) -> list[CallResult]:
        """Load a source once and call its entry point for each list of arguments, in order, in one process.

        Args:
            source: source text.
            entry_point: the function.
            arguments: positional arguments of each call, plain data.
            limits: limits that replace the sandbox's own; they hold for all calls together.
            language: "python", or a name of `reward.sandbox.languages`. Every other language needs level full
                and an installed tool, else every result is `unsupported`.

        Raises:
            TypeError: an argument is not plain data.
            ValueError: the language is unknown, or the entry point is not a name in it.
        """
        limits = limits or self.limits
        if language != "python":
            return await self._in_thread(
                lambda: self._other_languages.calls(language, source, entry_point, arguments, limits)
            )
        packed = [
            values.dump(["draw", entry_point, list(given), {}], _refuse, 1 << 30) for given in arguments
        ]
        pool = self._pool_for(source)
        results = await self._run(pool, lambda worker: worker.calls(source, entry_point, packed, limits))
        return [CallResult("infra_error", why=results)] * len(packed) if isinstance(results, str) else results

    async def program(
        self, source: str, stdin: str, language: str, limits: Limits | None = None
    ) -> CallResult:
        """Run a source as a program and return what it prints.

        Args:
            source: source text.
            stdin: the program's input.
            language: a name of `reward.sandbox.languages`. Each needs level full and an installed tool, else
                the result is `unsupported`.
            limits: limits that replace the sandbox's own.

        Returns:
            "returned" with what was printed; "error", also with what was printed, when the exit status is not
            zero.

        Raises:
            ValueError: the language is unknown.
        """
        return await self._in_thread(
            lambda: self._other_languages.program(language, source, stdin, limits or self.limits)
        )

    # -- workers ---------------------------------------------------------------------------------------------

    def _pool_for(self, *sources: str) -> Pool[Worker]:
        return self._large if needs_large(self.packages, *sources) else self._pool

    async def _run(self, pool: Pool[Worker], task: Callable[[Worker], T], alone: bool = False) -> T | str:
        """Do a task with a worker of a pool; return the reason when two workers broke in turn."""

        def by_itself(worker: Worker) -> T:
            with self._alone:
                return task(worker)

        return await self._in_thread(lambda: pool.work(by_itself if alone else task))

    async def _in_thread(self, work: Callable[[], T]) -> T:
        if self._threads is None:
            raise RuntimeError("the sandbox is not started: use `async with Sandbox(...) as sandbox`")
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


def _refuse(value: Any) -> Any:
    raise TypeError(f"an argument of type {type(value).__name__}: only plain data can be passed")
