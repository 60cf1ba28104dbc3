"""Workers that are kept: taken for a task, given back, replaced when they break and after many tasks."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from reward.sandbox.host.worker import Broken, NotBegun, Worker

TASKS = 5_000
"""Tasks after which a worker's process is replaced, so that nothing can add up in it."""

W = TypeVar("W", bound=Worker)
T = TypeVar("T")


class Pool(Generic[W]):
    """Workers of one kind. For threads; each holds one worker at a time, so there are no more of them than threads."""

    def __init__(self, make: Callable[[], W]) -> None:
        """Take what declares a worker; none is started."""
        self.make = make
        self._idle: list[W] = []
        self._done: dict[W, int] = {}
        self._lock = threading.Lock()

    def work(self, task: Callable[[W], T]) -> T | str:
        """Do a task with a worker, once more with a new one when it breaks; return the reason when that breaks too.

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
        """Start a worker, which is then taken.

        Raises:
            SandboxUnavailable: it does not start.
        """
        worker = self.make()
        worker.start()
        with self._lock:
            self._done[worker] = 0
        return worker

    def give_back(self, worker: W) -> None:
        """Let others take a worker."""
        with self._lock:
            self._done[worker] += 1
            if self._done[worker] < TASKS:
                self._idle.append(worker)
                return
        self._drop(worker)

    def pids(self) -> list[int]:
        """Return the process numbers of the workers."""
        with self._lock:
            return sorted(pid for worker in self._done for pid in worker.pids())

    def stop(self) -> None:
        """End every worker. None may be in use."""
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
