"""Run code in other languages: find the tool, compile once, run, and report the result. Level `full` only.

At the other levels the sandbox cannot hold a program that starts other programs: nothing there ends a daemon,
and limits hold for each process separately. So the result is `unsupported`, as it is where a tool is missing;
this says nothing about the source, and it is never `fail`. A source cannot bring about either cause.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from reward.sandbox.host.pool import Pool
from reward.sandbox.host.probes import probe_programs
from reward.sandbox.host.program_worker import ProgramWorker, Ran
from reward.sandbox.host.worker import SandboxUnavailable
from reward.sandbox.languages import LANGUAGES
from reward.sandbox.languages.base import Job, Language, Step, said
from reward.sandbox.limits import Level, Limits
from reward.sandbox.verdicts import CallResult

COMPILING = Limits(cpu_seconds=30, memory_bytes=2 << 30, scratch_bytes=256 << 20)
"""What compiling may use; the compiler needs this, not the solution."""
KEPT_BYTES = 64 << 20
"""Most bytes of compiled programs that are kept, so that the next call of the same source need not compile
again."""
ANSWERS = 16
"""All answers together may take as much as this many answers of the largest size. They are held in memory
here until the program has ended."""


@dataclass
class _Compiled:
    lock: threading.Lock = field(default_factory=threading.Lock)
    product: bytes | None = None
    failed: CallResult | None = None


class OtherLanguages:
    """Hold the workers that run programs, which start at the first use, and the compiled programs."""

    def __init__(self, level: Level, limits: Limits, tools: Mapping[str, str]) -> None:
        """Declare the workers without starting them.

        Args:
            level: the sandbox's level.
            limits: the sandbox's limits.
            tools: commands that replace the languages' own.

        Raises:
            ValueError: a tool is given for an unknown language.
        """
        for name in tools:
            _known(name)
        self.level, self.limits = level, limits
        self.languages = {name: kind(tools.get(name)) for name, kind in LANGUAGES.items()}
        self.pool: Pool[ProgramWorker] = Pool(self._worker)
        self._shared = ""
        self._ready: set[str] = set()
        self._compiled: OrderedDict[str, _Compiled] = OrderedDict()
        self._lock, self._starting = threading.Lock(), threading.Lock()

    def stop(self) -> None:
        """End the workers and remove the folder that they share."""
        self.pool.stop()
        self._ready.clear()
        self._compiled.clear()
        if self._shared:
            shutil.rmtree(self._shared)
            self._shared = ""

    # -- running code ----------------------------------------------------------------------------------------

    def calls(
        self, name: str, source: str, entry_point: str, arguments: Sequence[Sequence[Any]], limits: Limits
    ) -> list[CallResult]:
        """Call a source's entry point for each list of arguments, in one process.

        Raises:
            ValueError: the language is unknown, or the entry point is not a name in it.
            TypeError: an argument is not plain data.
        """
        language, count = _known(name, self.languages), len(arguments)
        if refused := self._refused(language):
            return [refused] * count
        job = language.calls(source, entry_point, arguments, limits)
        room = min(count + 1, ANSWERS) * (limits.output_bytes + 100)
        ran = self._run(language, job, limits, b"", room)
        if isinstance(ran, CallResult):
            return [ran] * count
        if ran.overfull or ran.ending.failure:
            return [_failed_result(ran, limits, language)] * count
        results, failed = said(ran.results, count, limits.output_bytes)
        # a Bash function runs in a subshell, which ends without an answer when memory runs out
        if _ran_out_of_memory(ran, language):
            results = [
                _no_memory(limits) if result == CallResult("returned", "") else result for result in results
            ]
        missing = CallResult(failed[0], why=failed[1]) if failed else _failed_result(ran, limits, language)
        return results + [missing] * (count - len(results))

    def program(self, name: str, source: str, stdin: str, limits: Limits) -> CallResult:
        """Run a source as a program that reads its input and prints.

        Raises:
            ValueError: the language is unknown.
        """
        language = _known(name, self.languages)
        if refused := self._refused(language):
            return refused
        ran = self._run(
            language, language.program(source, limits), limits, stdin.encode("utf-8", "surrogateescape"), 0
        )
        if isinstance(ran, CallResult):
            return ran
        ending, value = ran.ending, ran.stdout.decode("utf-8", "replace")
        if not (ending.reason or ending.failure or ran.overfull or ending.status):
            return CallResult("returned", value)
        result = _failed_result(ran, limits, language)
        return CallResult("error", value, result.why) if result.status == "exited_early" else result

    # -- compiling -------------------------------------------------------------------------------------------

    def _refused(self, language: Language) -> CallResult | None:
        """Return the result for a language that cannot run here; None for one that can."""
        if self.level != "full":
            why = f"{language.title} starts programs, which needs level 'full'; "
            why += f"the sandbox has level {self.level!r}"
            return CallResult("unsupported", why=why, lacks="sandbox: {level: full}")
        if why := language.missing():
            return CallResult("unsupported", why=why, lacks=language.tool)
        return None

    def _run(self, language: Language, job: Job, limits: Limits, stdin: bytes, room: int) -> Ran | CallResult:
        """Compile the source, unless that has been done, and run it; return a result instead on failure."""
        self._start(language)
        step = job.run
        if job.compile:
            compiled = self._compile(language, job.compile)
            if isinstance(compiled, CallResult):
                return compiled
            step = replace(step, files={**step.files, job.compile.product: compiled})
        if sum(map(len, step.files.values())) > limits.scratch_bytes:
            return CallResult("disk", why=f"the program takes more than {limits.scratch_bytes:,} bytes")
        ran = self.pool.work(lambda worker: worker.run(step, limits, language.needs, stdin, room))
        return CallResult("infra_error", why=ran) if isinstance(ran, str) else ran

    def _compile(self, language: Language, step: Step) -> bytes | CallResult:
        key = hashlib.sha256(repr((step.command, sorted(step.files.items()))).encode()).hexdigest()
        with self._lock:
            compiled = self._compiled.setdefault(key, _Compiled())
            self._compiled.move_to_end(key)
        with compiled.lock:
            if compiled.product is None and compiled.failed is None:
                made = self._run_compiler(language, step)
                if isinstance(made, bytes):
                    compiled.product = made
                elif made.status == "load_error":
                    compiled.failed = made
                else:  # not kept: the machine may have been busy
                    return made
        with self._lock:
            while (
                len(self._compiled) > 1
                and sum(len(one.product or b"") + 1000 for one in self._compiled.values()) > KEPT_BYTES
            ):
                self._compiled.popitem(last=False)
        return (
            compiled.product if compiled.product is not None else compiled.failed or CallResult("infra_error")
        )

    def _run_compiler(self, language: Language, step: Step) -> bytes | CallResult:
        """Return what a compiler makes, or the result that says how it failed."""
        ran = self.pool.work(
            lambda worker: worker.run(step, COMPILING, replace(language.needs, address_bytes=0))
        )
        if isinstance(ran, str):
            return CallResult("infra_error", why=ran)
        ending = ran.ending
        if not (ending.reason or ending.failure or ending.status) and ran.product:
            return ran.product
        if ending.failure or (ending.reason and not ran.overfull):
            word, why = ending.word(COMPILING)
            return CallResult(word, why=f"compiling: {why}")
        return CallResult(
            "load_error", why=language.compile_error(ran.stderr.decode(errors="replace"))[:2000]
        )

    def _start(self, language: Language) -> None:
        """Start and probe the first worker; compile the files that all sources of the language share."""
        with self._starting:
            if not self._shared:
                self._first_worker()
            if language.title in self._ready:
                return
            for step in language.shared():
                made = self._run_compiler(language, step)
                if isinstance(made, CallResult):
                    needed = f"what every {language.title} source needs"
                    raise SandboxUnavailable(f"{language.tool} does not compile {needed}: {made.why}")
                for name, content in {**step.files, step.product: made}.items():
                    path = Path(self._shared, name)
                    path.write_bytes(content)
                    path.chmod(0o644)
            self._ready.add(language.title)

    def _first_worker(self) -> None:
        self._shared = tempfile.mkdtemp(prefix="align-shared-")
        Path(self._shared).chmod(0o755)  # programs run as another user
        try:
            worker = self.pool.start()
            probe_programs(worker)
        except BaseException:
            self.stop()
            raise
        self.pool.give_back(worker)

    def _worker(self) -> ProgramWorker:
        tools = [language.path for language in self.languages.values() if language.path]
        reads = [folder for language in self.languages.values() for folder in language.reads]
        outside = [
            path
            for path in {os.path.realpath(tool) for tool in tools} | set(tools)
            if not path.startswith(("/usr/", "/bin/"))
        ]
        return ProgramWorker(self.limits, self._shared, sorted([*reads, *outside]))


def _failed_result(ran: Ran, limits: Limits, language: Language) -> CallResult:
    """Return the result of a call or a program that gave no answer."""
    if ran.overfull and not ran.ending.failure:
        return CallResult("output_limit", why=f"printed or returned more than {limits.output_bytes:,} bytes")
    word, why = ran.ending.word(limits)
    if word in ("crashed", "exited_early") and _ran_out_of_memory(ran, language):
        return _no_memory(limits)
    if word == "exited_early":
        why = f"its process left with exit status {os.waitstatus_to_exitcode(ran.ending.status)}"
    last = ran.stderr.decode(errors="replace").strip().rpartition("\n")[2][:1000]
    return CallResult(
        word or "exited_early", why=f"{why or 'it ended before it answered'}{f': {last}' if last else ''}"
    )


def _ran_out_of_memory(ran: Ran, language: Language) -> bool:
    return any(sign in ran.stderr for sign in language.memory_signs)


def _no_memory(limits: Limits) -> CallResult:
    return CallResult("memory", why=f"used up {limits.memory_bytes:,} bytes of memory")


def _known(name: str, languages: Mapping[str, Any] = LANGUAGES) -> Any:
    if name not in languages:
        raise ValueError(f"no language {name!r}: there are {', '.join(sorted(languages))}")
    return languages[name]
