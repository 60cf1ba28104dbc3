"""Measure what a process tree uses: CPU time, memory and the number of processes.

rlimits hold for each process separately, so for a program that starts others something has to add up. A
control group would do that exactly, but only a machine's owner can make one. This module reads /proc, and is
exact for what it sees at each look.

1. The CPU time of an ended process counts as its parent's "children" time once the parent has waited for it.
   A parent that refuses to wait (SIGCHLD ignored) hides its children's time; the wall-clock limit covers
   this.
2. Memory is counted without pages that are shared with files. Pages that forked processes still share count
   once for each of them, so a total over the limit is counted again by proportional shares, which is exact
   but slower.
3. A look can miss a child that starts while its parent is being read.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

TICK = os.sysconf("SC_CLK_TCK")


class Tree:
    """A process and all processes that descend from it."""

    def __init__(self, proc: int, pid: int) -> None:
        """Store where to look.

        Args:
            proc: a descriptor of a /proc, which this process may no longer be able to reach by name.
            pid: the first process's id in that /proc.
        """
        self.proc, self.pid = proc, pid

    def cpu(self) -> float:
        """Return the CPU seconds used so far."""
        return sum(self._cpu(pid) for pid in self._pids())

    def memory(self, limit: int) -> int:
        """Return the bytes in memory; the figure is exact when it is above `limit`."""
        pids = list(self._pids())
        total = sum(self._fields(pid, "status", ("RssAnon:", "RssShmem:")) for pid in pids)
        if total <= limit or len(pids) == 1:
            return total
        return sum(self._fields(pid, "smaps_rollup", ("Pss_Anon:", "Pss_Shmem:")) for pid in pids)

    def _pids(self) -> Iterator[int]:
        left = [self.pid]
        while left:
            pid = left.pop()
            yield pid
            left += children(self.proc, pid)

    def _cpu(self, pid: int) -> float:
        fields = _text(self.proc, f"{pid}/stat").rpartition(")")[2].split()
        return sum(int(ticks) for ticks in fields[11:15]) / TICK

    def _fields(self, pid: int, name: str, wanted: tuple[str, ...]) -> int:
        lines = _text(self.proc, f"{pid}/{name}").splitlines()
        return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(wanted))


def children(proc: int, pid: int) -> list[int]:
    """Return the processes that a process's threads have started and not waited for."""
    found: list[int] = []
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # the process has ended
        folder = os.open(f"{pid}/task", os.O_RDONLY | os.O_DIRECTORY, dir_fd=proc)
        try:
            for thread in os.listdir(folder):
                found += map(int, _text(folder, f"{thread}/children").split())
        finally:
            os.close(folder)
    return found


def _text(folder: int, name: str) -> str:
    """Return the text of a process's file; "" when the process has ended or does not allow reading it."""
    try:
        with open(os.open(name, os.O_RDONLY, dir_fd=folder), encoding="ascii", errors="replace") as stream:
            return stream.read()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return ""
