"""Keep workers for reuse: hand one out for a task, and replace it when it breaks or after many tasks."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from reward.sandbox.host.worker import Broken, NotBegun, Worker

TASKS = 5_000
"""Tasks after which a worker's process is replaced, so that nothing can accumulate in it."""

W = TypeVar("W", bound=Worker)
T = TypeVar("T")


class Pool(Generic[W]):
    """Hold workers of one kind for threads. A thread uses one at a time, so no more exist than threads."""

    def __init__(self, make: Callable[[], W]) -> None:
        """Keep the function that makes a worker; none is started."""
        self.make = make
        self._idle: list[W] = []
        self._done: dict[W, int] = {}
        self._lock = threading.Lock()

    def work(self, task: Callable[[W], T]) -> T | str:
        """Do a task with a worker; try once more if that breaks, then return the reason.

        Raises:
            SandboxUnavailable: a worker does not start.
        """
        why = ""
        for _ in range(2):
            worker = self._take()
            try:
                result = task(worker)
            except NotBegun as error:
                self.give_back(worker)
                return str(error)
            except Broken as error:
                self._drop(worker)
                why = str(error)
                continue
            except BaseException:
                self._drop(worker)
                raise
            self.give_back(worker)
            return result
        return why

    def start(self) -> W:
        """Start a worker for the caller, who has to give it back.

        Raises:
            SandboxUnavailable: the worker does not start.
        """
        worker = self.make()
        worker.start()
        with self._lock:
            self._done[worker] = 0
        return worker

    def give_back(self, worker: W) -> None:
        """Make a worker available to others."""
        with self._lock:
            self._done[worker] += 1
            if self._done[worker] < TASKS:
                self._idle.append(worker)
                return
        self._drop(worker)

    def pids(self) -> list[int]:
        """Return the process ids of the workers."""
        with self._lock:
            return sorted(pid for worker in self._done for pid in worker.pids())

    def stop(self) -> None:
        """End every worker. None may be in use then."""
        for worker in list(self._done):
            worker.stop()
        self._idle.clear()
        self._done.clear()

    def _take(self) -> W:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return self.start()

    def _drop(self, worker: W) -> None:
        with self._lock:
            self._done.pop(worker, None)
        worker.stop()
