"""What a tree of processes uses: CPU time, memory and how many they are.

rlimits are each process's own, so a program that starts others needs somebody who adds up. A control group
would do it exactly, but only a machine's owner can make one; this reads /proc and is exact for what it sees,
a look at a time.

1. Time of a process that ended is its parent's "children" time once the parent has waited for it. A parent
   that refuses to wait (SIGCHLD ignored) hides its children's time; the wall-clock limit is for that.
2. Memory is counted without what is shared with files. Pages that forked processes still share count once
   each, so a total over the limit is counted again by proportional shares, which is exact and slower.
3. A child that starts while its parent is looked at may be missed by that look.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

TICK = os.sysconf("SC_CLK_TCK")


class Tree:
    """A process and all that came of it."""

    def __init__(self, proc: int, pid: int) -> None:
        """Remember where to look.

        Args:
            proc: a descriptor of a /proc, which may be one that this process can no longer reach by name.
            pid: the first process, by that /proc's numbers.
        """
        self.proc, self.pid = proc, pid

    def cpu(self) -> float:
        """Return the CPU seconds used so far."""
        return sum(self._cpu(pid) for pid in self._pids())

    def memory(self, limit: int) -> int:
        """Return the bytes in memory, exactly when there are more than `limit`."""
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
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended
        folder = os.open(f"{pid}/task", os.O_RDONLY | os.O_DIRECTORY, dir_fd=proc)
        try:
            for thread in os.listdir(folder):
                found += map(int, _text(folder, f"{thread}/children").split())
        finally:
            os.close(folder)
    return found


def _text(folder: int, name: str) -> str:
    """Return what a file of a process says; nothing when the process has ended or does not let itself be looked into."""
    try:
        with open(os.open(name, os.O_RDONLY, dir_fd=folder), encoding="ascii", errors="replace") as stream:
            return stream.read()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return ""
