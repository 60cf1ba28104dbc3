"""Child processes that answer each JSON line with a JSON line, and are killed if they take too long.

A symbolic comparison can run for ever or take all memory, inside C code that no Python exception interrupts;
only a process can be stopped. Each pool thread talks to one child over its pipes, and a timer kills the child
when its time is over: the blocked read then ends. The pool uses threads and not asyncio's own processes,
because these belong to one event loop: they break when a second loop uses them, and a `stop()` that is not a
coroutine cannot reap them.

A child writes one line when it is ready (`{}`, or `{"error": "..."}` when it cannot work), so that the time
to import its libraries is not charged to the first request. Its stderr is discarded, so it never blocks on a
full pipe.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

START_SECONDS = 120.0
"""Longest wait for a child's ready line. Importing sympy takes under a second, but minutes on a cold network
disk."""


class Killed(Exception):
    """The child did not answer in time and has been killed."""


class Crashed(Exception):
    """The child ended before it answered; the message says how."""


class WorkerProcess:
    """One process with a line protocol. Two threads must not use it at once, except to call `kill`."""

    def __init__(self, command: Sequence[str]) -> None:
        root = str(Path(__file__).resolve().parent.parent)
        path = os.pathsep.join(part for part in (root, os.environ.get("PYTHONPATH", "")) if part)
        self.process = subprocess.Popen(
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": path},
            start_new_session=True,  # Ctrl-C must stop the run, not look like a verifier that crashed
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._stdin, self._stdout = self.process.stdin, self.process.stdout

    def ready(self) -> None:
        """Wait for the ready line.

        Raises:
            RuntimeError: the child cannot work; the message is the child's.
        """
        try:
            reply = self._exchange(b"", START_SECONDS)
        except (Killed, Crashed) as error:
            raise RuntimeError(f"{self.process.args}: did not start: {error}") from None
        if "error" in reply:
            raise RuntimeError(reply["error"])

    def ask(self, request: Mapping[str, Any], timeout: float) -> dict[str, Any]:
        """Return the reply to a request; `timeout` is in seconds of wall-clock time.

        Raises:
            Killed: no reply came in time, and the child was killed.
            Crashed: the child ended before it replied.
        """
        return self._exchange(json.dumps(request).encode() + b"\n", timeout)

    def _exchange(self, line: bytes, timeout: float) -> dict[str, Any]:
        expired = threading.Event()

        def expire() -> None:
            expired.set()
            self.process.kill()

        timer = threading.Timer(timeout, expire)
        timer.start()
        try:
            self._stdin.write(line)
            self._stdin.flush()
            answer = self._stdout.readline()
        except BrokenPipeError:
            answer = b""
        finally:
            timer.cancel()
            timer.join()  # after this, either the kill has happened or it never will
        if expired.is_set():
            self.close()
            raise Killed(f"no answer in {timeout:g} s")
        if not answer.endswith(b"\n"):
            raise Crashed(f"exit status {self.close()}")
        return json.loads(answer)

    def kill(self) -> None:
        """Kill the process, from any thread; repeating it is safe. A blocked `ask` then raises Crashed."""
        self.process.kill()

    def close(self) -> int:
        """Kill the process, wait for it so that no zombie stays, close its pipes; return its exit status."""
        with contextlib.suppress(BrokenPipeError):  # a request still buffered for a dead child has no reader
            self._stdin.close()
        self.process.kill()
        status = self.process.wait()
        self._stdout.close()
        return status


class KillablePool:
    """Up to `count` children of one command. They are started when needed, and replaced when they die."""

    def __init__(self, command: Sequence[str], count: int) -> None:
        self._command = list(command)
        self._threads = ThreadPoolExecutor(max_workers=count, thread_name_prefix="killable")
        self._lock = threading.Lock()
        self._idle: list[WorkerProcess] = []
        self._busy: set[WorkerProcess] = set()
        self._stopped = False

    async def ask(self, request: Mapping[str, Any], timeout: float) -> dict[str, Any]:
        """Return a child's reply within `timeout` seconds, counted from when a ready child gets the request.

        Raises:
            Killed, Crashed: see `WorkerProcess.ask`; the next request gets a new child.
            RuntimeError: a child cannot start, or the pool was stopped.
        """
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._ask, request, timeout)

    def _ask(self, request: Mapping[str, Any], timeout: float) -> dict[str, Any]:
        child, fresh = self._take()
        try:
            if fresh:
                child.ready()
            reply = child.ask(request, timeout)
        except BaseException:
            self._drop(child)
            if self._stopped:
                raise RuntimeError("the verifier was stopped while it compared") from None
            raise
        with self._lock:
            self._busy.discard(child)
            self._idle.append(child)
        return reply

    def _take(self) -> tuple[WorkerProcess, bool]:
        """Reserve a child; return it, and whether it has just been started."""
        with self._lock:
            if self._stopped:
                raise RuntimeError("the verifier was stopped")
            child = self._idle.pop() if self._idle else None
            fresh = child is None
            child = child or WorkerProcess(self._command)
            self._busy.add(child)
        return child, fresh

    def _drop(self, child: WorkerProcess) -> None:
        with self._lock:
            self._busy.discard(child)
        child.close()

    def pids(self) -> list[int]:
        """Return the process ids of the live children, for logs and tests."""
        with self._lock:
            return sorted(child.process.pid for child in [*self._idle, *self._busy])

    def stop(self) -> None:
        """Kill and reap every child, also busy ones. The pool cannot be used afterwards."""
        with self._lock:
            self._stopped = True
            for child in self._busy:
                child.kill()
        self._threads.shutdown(wait=True, cancel_futures=True)
        for child in self._idle:
            child.close()
        self._idle.clear()


def python_module(name: str) -> list[str]:
    """Return the command that runs a module of ours, without the working directory on its import path."""
    return [sys.executable, "-P", "-m", name]
