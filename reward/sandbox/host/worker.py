"""Control one zygote from the trainer's process: start it, send it tasks, stop it.

A zygote is a small process that forks a confined process for each piece of code (`inside.zygote`). The calls
block and are made for threads, one thread for each worker: one run uses a reward from several event loops,
and asyncio's own subprocesses belong to a single loop. From a solution this process reads only frames of
bounded length, as plain data.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import secrets
import select
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from align.core.errors import AlignError
from reward.sandbox.host import data_tests
from reward.sandbox.host.packages import importable, preloaded
from reward.sandbox.inside import channel, scratch, solution, stand_ins, values
from reward.sandbox.limits import Level, Limits
from reward.sandbox.verdicts import CallResult, Ending, Opaque, Verdict, of_calls, of_check

PATIENCE = 30.0
"""Seconds beyond the wall-clock limit after which a silent zygote counts as broken."""
START_SECONDS = 60.0
"""Longest wait for a zygote to be ready. It imports what solutions use, which takes 0.2 s here and more from
a cold network disk."""
SHOWN = 10_000
"""How many characters of a solution's output are kept."""
TOGETHER = "sandbox: {together: true}"
REMEDY = f"; `{TOGETHER}` runs such tests in one process with the solution, where a pass can be forged"
_LONGEST_SAID = 1 << 20
PLANS = data_tests.Plans()
"""Test sources that were read as data, shared by all workers of all sandboxes."""
READING = Limits(cpu_seconds=2)
_CODE = "import sys; sys.path.insert(0, sys.argv[2]); from {} import main; main(int(sys.argv[1]))"
_ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "PYTHONUTF8": "1",
    "PYTHONHASHSEED": "0",
    # each thread's own arena takes 64 MB and more of the address space, which has a limit
    "MALLOC_ARENA_MAX": "1",
    "TZ": "UTC",
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
}


T = TypeVar("T")


class SandboxUnavailable(AlignError):
    """This machine cannot provide the requested isolation. The message says what is missing, and a remedy."""


class Broken(Exception):
    """The zygote failed; a new one may work."""


class NotBegun(Exception):
    """This process has no descriptors left for a task, which the zygote has not received."""


class Worker:
    """Hold a zygote process and this thread's end of its socket."""

    module = "reward.sandbox.inside.zygote"
    """The module that the process runs; it can import nothing but the folder `inside`."""

    def __init__(self, level: Level, limits: Limits, packages: Sequence[str], large: bool = True) -> None:
        self.level, self.limits, self.packages, self.large = level, limits, tuple(packages), large
        self.process: subprocess.Popen[bytes] | None = None
        self.about: dict[str, Any] = {}

    # -- life cycle ------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the zygote.

        Raises:
            SandboxUnavailable: the machine cannot provide the level.
        """
        # The zygote makes this folder, and removes it when this process is killed. A zygote that never got
        # the path has made no folder.
        self._folder = os.path.join(tempfile.gettempdir(), f"align-sandbox-{secrets.token_hex(8)}")
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (closed in `stop`)
        self._link, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._link.settimeout(START_SECONDS)
        with theirs:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-s",
                    "-P",
                    "-B",
                    "-c",
                    _CODE.format(self.module.removeprefix("reward.sandbox.")),
                    str(theirs.fileno()),
                    str(Path(__file__).parents[1]),
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                env=_ENVIRONMENT,
                cwd="/",
                pass_fds=(theirs.fileno(),),
                # Ctrl-C must stop the run; it must not kill a solution and look like the solution's own crash
                start_new_session=True,
            )
        try:
            self._link.send(json.dumps(self._setup()).encode())
            said: dict[str, Any] = json.loads(self._link.recv(1 << 16) or b"{}")
        except OSError as error:
            said = {"error": str(error)}
        if "ready" not in said:
            why = said.get("error") or self._last_words()
            self.stop()
            raise SandboxUnavailable(f"the sandbox does not start at level {self.level!r}: {why}")
        self.about = said["ready"]

    def _setup(self) -> dict[str, Any]:
        return {
            "level": self.level,
            "scratch": self._folder,
            "scratch_bytes": 2 * self.limits.scratch_bytes,
            "preloaded": preloaded(self.packages, self.large),
            "importable": importable(self.packages),
        }

    def stop(self) -> None:
        """End the zygote and everything below it, so that nothing stays behind."""
        process, self.process = self.process, None
        if process is None:
            return
        with contextlib.suppress(OSError):
            self._link.shutdown(socket.SHUT_RDWR)  # a process that was forked meanwhile may hold it too
        self._link.close()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._errors.close()
        with contextlib.suppress(FileNotFoundError):  # the zygote has removed it, unless it was killed
            scratch.empty(self._folder)
            os.rmdir(self._folder)

    def pids(self) -> list[int]:
        """Return the process ids of the zygote and, at level full, of the process that started it."""
        if self.process is None:
            return []
        with contextlib.suppress(OSError):
            children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
            return [self.process.pid, *map(int, children.read_text(encoding="ascii").split())]
        return [self.process.pid]

    def _last_words(self) -> str:
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace").strip().rpartition("\n")[2] or "no reason given"

    # -- tasks -----------------------------------------------------------------------------------------------

    def check(
        self, solution: str, tests: str, entry_point: str | None, limits: Limits, together: bool
    ) -> Verdict:
        """Judge a solution by tests, in the first of three ways that works for these tests.

        They are read as data, or run in a process of their own, or run in one process with the solution.

        Args:
            solution: the solution's source.
            tests: the tests' source.
            entry_point: the function that the tests are about.
            limits: what each process may use.
            together: whether tests that need more than data run in one process with the solution.

        Raises:
            Broken: the zygote died.
        """
        plan = PLANS.get(tests, entry_point, lambda: self._read(tests, entry_point))
        verdict = self._answered(solution, plan, entry_point, limits) if plan else None
        verdict = verdict or self._judged(solution, tests, entry_point, limits)
        if verdict.status != "unsupported":
            return verdict
        if together:
            return self._together(solution, tests, entry_point, limits)
        return replace(verdict, why=verdict.why + REMEDY, lacks=TOGETHER)

    def _read(self, tests: str, entry_point: str | None) -> Any:
        """Return the tests as data; None when they cannot be read that way and have to be run."""
        message = values.dump(["value", "read", [tests, entry_point], {}], repr, 1 << 20)
        (result,) = self.calls(data_tests.READER, "read", [message], READING)
        return result.value

    def _judged(self, solution: str, tests: str, entry_point: str | None, limits: Limits) -> Verdict:
        """Run the tests in a process of their own."""
        with Files() as files:
            theirs, verdict = files.pair()
            to_solution, to_tests = files.pair()
            output = files.memory(b"")
            given = [to_solution, files.memory(_encoded(solution)), output]
            given += [verdict, files.memory(_encoded(tests)), files.memory(b""), to_tests]
            self._begin("check", entry_point, limits, given)
            # while this process holds an end, nobody would see it close
            files.release(verdict, to_solution, to_tests)
            ends = self._report(limits)
            os.set_blocking(theirs, False)  # both have ended: what they said is there
            called, said = _read_verdict(theirs)
            printed = _printed(output)
        return self._verdict(ends["solution"], ends["tests"], said, called, printed, limits)

    def _answered(
        self, solution: str, plan: data_tests.Plan, entry_point: str | None, limits: Limits
    ) -> Verdict | None:
        """Judge the solution by tests that are data; return None when the tests have to be run."""
        source = _encoded(solution)
        said, ending, printed = self._talk_with(
            "calls", source, entry_point, limits, lambda line: data_tests.judged(plan, line)
        )
        return self._verdict(ending, None, said, True, printed, limits) if said else None

    def _together(self, solution: str, tests: str, entry_point: str | None, limits: Limits) -> Verdict:
        """Run the tests and the solution in one process."""
        token = secrets.token_hex(16)
        given = json.dumps([token, solution, tests]).encode("ascii")
        talk = functools.partial(_verdict_with_token, token)
        said, ending, printed = self._talk_with("together", given, entry_point, limits, talk)
        return replace(self._verdict(ending, None, said, True, printed, limits), trust="forgeable")

    def _verdict(
        self,
        ending: Ending,
        tests: Ending | None,
        said: dict[str, Any] | None,
        called: bool,
        printed: tuple[int, str],
        limits: Limits,
    ) -> Verdict:
        status, why = of_check(ending, tests, said, called, printed[0], limits)
        outcomes = tuple(bool(outcome) for outcome in said["outcomes"]) if said else ()
        return Verdict(
            status,
            sum(outcomes),
            len(outcomes),
            presentable(why),
            ending.cpu_seconds,
            ending.wall_seconds,
            ending.peak_bytes,
            printed[1],
            self.level,
            outcomes=outcomes,
        )

    def calls(
        self, source: str, entry_point: str, arguments: Sequence[bytes], limits: Limits
    ) -> list[CallResult]:
        """Load a source and call its entry point, once for each packed message.

        Raises:
            Broken: the zygote died.
        """
        results: list[CallResult] = []

        def talk(line: data_tests.Line) -> tuple[str, str] | None:
            try:
                if failed := _load_failure(line.frame()):
                    return failed
                for message in arguments:
                    line.send(message)
                    results.append(_result(line.frame()))
            except channel.Closed:
                return None  # the report says why the process ended
            except data_tests.TooMuch as error:
                return "output_limit", str(error)
            except (channel.Overlong, values.CannotCarry) as error:
                return "error", f"the answer is not data: {error}"
            return None

        ended, ending, (printed, _) = self._talk_with("calls", _encoded(source), entry_point, limits, talk)
        word, why = of_calls(ending, printed, limits)
        if word in ("output_limit", "disk"):  # it answered, but broke a limit meanwhile
            return [CallResult(word, why=why)] * len(arguments)
        word, why = ended or (word, why)
        return results + [CallResult(word, why=why)] * (len(arguments) - len(results))

    def _talk_with(
        self,
        mode: str,
        source: bytes,
        entry_point: str | None,
        limits: Limits,
        talk: Callable[[data_tests.Line], T],
    ) -> tuple[T, Ending, tuple[int, str]]:
        """Run one process and talk with it; return the talk's result, the process's end and its output.

        Args:
            mode: what the process does with its source, see `inside.zygote`.
            source: what the process reads first.
            entry_point: a function that the source must define.
            limits: what the process may use.
            talk: asks the process for answers.
        """
        with Files() as files:
            ours, theirs = files.pair()
            output = files.memory(b"")
            self._begin(mode, entry_point, limits, [theirs, files.memory(source), output])
            files.release(theirs)
            os.set_blocking(ours, False)
            line = data_tests.Line(ours, limits.output_bytes, lambda event: self._wait(ours, event, limits))
            came = talk(line)
            with contextlib.suppress(OSError):  # a dead zygote is noticed when its report is read
                self._link.send(b"gone" if line.closed else b"stop")
            return came, self._report(limits)["solution"], _printed(output)

    def _wait(self, descriptor: int, event: int, limits: Limits) -> None:
        """Wait until a solution's process can be read from or written to.

        The process's end of the channel closes when it ends, unless a process that the caller forked
        meanwhile also holds that end. The zygote's report, which comes then, tells the end in any case.

        Raises:
            Closed: the report has come, so nothing more will follow.
            Broken: nothing has come within the time limit.
        """
        poller = select.poll()
        poller.register(descriptor, event)
        poller.register(self._link, select.POLLIN)
        ready = dict(poller.poll(1000 * (limits.wall + PATIENCE)))
        if not ready:
            raise Broken("the zygote does not answer")
        if descriptor not in ready:
            raise channel.Closed

    def _begin(self, mode: str, entry_point: str | None, limits: Limits, descriptors: list[int]) -> None:
        task = {"mode": mode, "entry_point": entry_point, "wall_seconds": limits.wall}
        task |= limits.model_dump(
            include={"cpu_seconds", "memory_bytes", "output_bytes", "scratch_bytes", "processes"}
        )
        try:
            socket.send_fds(self._link, [json.dumps(task).encode()], descriptors)
        except OSError as error:
            raise Broken(f"the zygote's socket fails: {error}") from None

    def _report(self, limits: Limits) -> dict[str, Ending]:
        self._link.settimeout(limits.wall + PATIENCE)
        try:
            data = self._link.recv(1 << 16)
        except OSError as error:
            raise Broken(f"the zygote sends no report: {error}") from None
        if not data:
            raise Broken(f"the zygote ended: {self._last_words()}")
        try:
            return {role: Ending(**ending) for role, ending in json.loads(data).items()}
        except TypeError:
            raise Broken(f"the zygote sends no valid report: {data[:200]!r}") from None


def _read_verdict(descriptor: int) -> tuple[bool, dict[str, Any] | None]:
    """Return whether the tests' process got an answer from the solution, and its verdict if it sent one."""
    called = False
    try:
        while True:
            said = json.loads(channel.receive(descriptor, _LONGEST_SAID))
            if said != stand_ins.CALLED:
                return called, {
                    "status": said["status"],
                    "why": str(said["why"]),
                    "outcomes": list(said["outcomes"]),
                }
            called = True
    except (channel.Closed, channel.Overlong, ValueError, LookupError, TypeError, RecursionError):
        return called, None


def _verdict_with_token(token: str, line: data_tests.Line) -> dict[str, Any] | None:
    """Return the verdict that carries the token; None where there is none. All other messages are ignored."""
    try:
        while True:
            with contextlib.suppress(data_tests.NotPlain):
                match line.plain():
                    case {"token": str(found), "status": status, "why": why, "outcomes": list(outcomes)} if (
                        found == token
                    ):
                        return {"status": status, "why": str(why), "outcomes": outcomes}
    except (channel.Closed, channel.Overlong):
        return None


def _load_failure(data: bytes) -> tuple[str, str] | None:
    """Return why a source failed to load, from its process's first message; None when it did load."""
    said = _json_object(data)
    if "failed" not in said:
        return None
    word, why = (
        said["failed"]
        if isinstance(said["failed"], list) and len(said["failed"]) == 2
        else ("load_error", "")
    )
    return solution.word_of_loading(word), presentable(str(why))


def presentable(text: str) -> str:
    """Return untrusted text in a form that is safe in any log: valid Unicode, without control characters."""
    text = text.encode("utf-8", "replace").decode()
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text[:2000])


def _json_object(data: bytes) -> dict[str, Any]:
    try:
        said = json.loads(data)
    except (ValueError, RecursionError):
        raise values.CannotCarry("not JSON") from None
    if not isinstance(said, dict):
        raise values.CannotCarry("not a reply")
    return said


def _result(data: bytes) -> CallResult:
    said = _json_object(data)
    if isinstance(raised := said.get("raised"), dict):
        return CallResult(
            solution.word_of_call(raised.get("word")), why=presentable(str(raised.get("why", "")))
        )
    if "value" not in said:
        raise values.CannotCarry("not a reply")
    return CallResult("returned", values.unpack(said["value"], _opaque))


def _opaque(content: Any) -> Opaque:
    return Opaque(presentable(str(content["class"])[:100]))


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _printed(descriptor: int) -> tuple[int, str]:
    """Return how many bytes were printed, and the first characters."""
    return os.fstat(descriptor).st_size, os.pread(descriptor, 4 * SHOWN, 0).decode(errors="replace")[:SHOWN]


def _made_descriptor(make: Callable[[], T]) -> T:
    try:
        return make()
    except OSError as error:
        raise NotBegun(f"no more descriptors: {error}") from None


class Files:
    """Hold descriptors that are closed together."""

    def __enter__(self) -> Files:
        self._held: set[int] = set()
        return self

    def __exit__(self, *_: object) -> None:
        for descriptor in self._held:
            os.close(descriptor)

    def memory(self, content: bytes) -> int:
        """Return a file in memory with the given content."""
        descriptor = _made_descriptor(lambda: os.memfd_create("sandbox"))
        self._held.add(descriptor)
        view = memoryview(content)
        while view:
            view = view[os.write(descriptor, view) :]
        os.lseek(descriptor, 0, os.SEEK_SET)
        return descriptor

    def pair(self) -> tuple[int, int]:
        """Return the two ends of a channel."""
        pair = tuple(end.detach() for end in _made_descriptor(socket.socketpair))
        self._held.update(pair)
        return pair[0], pair[1]

    def pipe(self) -> tuple[int, int]:
        """Return the two ends of a pipe: the first to read from, the second to write to."""
        pair = _made_descriptor(os.pipe)
        self._held.update(pair)
        return pair

    def release(self, *descriptors: int) -> None:
        """Close some of the descriptors now."""
        for descriptor in descriptors:
            self._held.discard(descriptor)
            os.close(descriptor)
