"""Ten thousand checks in a row leave nothing behind and make nothing grow; verdicts do not depend on load.

    python benchmarks/sandbox_soak.py [--checks 10000] [--workers 2] [--level kernel] [--same 300]

Most checks are small and pass. Every tenth is one that ends badly, in turn: out of time, out of memory, crashed, left early,
too much output, threads left running, and scratch left full of what is hard to remove. Counted from outside, in /proc and on
the file system, after every thousand: open descriptors, threads and memory of this process and
of the zygotes, zombies and other processes below, and files in scratch and temporary folders (at level full, scratch is a
disk of the zygote's own that is not seen from here: there a leftover would end the next checks as `disk`).

Then `--same` checks of the same mixture are run three times, once of them while four busy processes a core compete: every
status word must be the same. Exit status 1 when anything grew, stayed, or differed.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from reward.sandbox.limits import Limits
from reward.sandbox.sandbox import Sandbox

LIMITS = Limits(cpu_seconds=0.5, wall_seconds=30, memory_bytes=128 << 20, scratch_bytes=16 << 20)
"""The wall limit is far away: what is to run out of time here is CPU time."""
SMALL = [
    ("def f(x): return x + 1", "assert f(1) == 2\nassert f(-1) == 0", "pass"),
    ("def f(xs): xs.sort(); return xs", "def check(candidate):\n    assert candidate([2, 1]) == [1, 2]", "pass"),
    ("import re\ndef f(s): return re.findall('[a-z]+', s)", "assert f('ab1c') == ['ab', 'c']", "pass"),
    ("import numpy\ndef f(n): return numpy.arange(n).sum()", "assert f(10) == 45", "pass"),
    ("def f(n): return [str(i) for i in range(n)]", "def test_f():\n    assert f(3) == ['0', '1', '2']", "pass"),
    ("def f(x): return x - 1", "assert f(1) == 2", "fail"),
    ("def f(x): return x / 0", "assert f(1) == 2", "error"),
]
_LEFT = """
import os, threading
def f(x):
    top = os.path.join(os.getcwd(), "a")
    for _ in range(20):
        os.makedirs(os.path.join(top, "b" * 100))
        open(os.path.join(top, "file"), "w").write("x" * 1000)
        top = os.path.join(top, "b" * 100)
    os.mkdir(b"\\xff\\xfe")
    open(b"\\xff\\xfe/\\n", "w").write("x")
    return x
"""
LOCKED = "locked"
"""What a folder that cannot be listed gives: at level kernel it may hide anything, at level full it does not matter."""
BAD = [
    ("def f(x):\n    while True: pass", "assert f(1) == 1", "timeout"),
    ("def f(x): return len([0] * (1 << 30))", "assert f(1) == 1", "memory"),
    ("import ctypes\ndef f(x): return ctypes.string_at(0)", "assert f(1) == 1", "crashed"),
    ("import os\ndef f(x): os._exit(0)", "assert f(1) == 1", "exited_early"),
    ("def f(x): print('x' * (2 << 20)); return x", "assert f(1) == 1", "output_limit"),
    ("import threading, time\ndef f(x):\n    threading.Thread(target=time.sleep, args=[60]).start()\n    return x",
     "assert f(1) == 1", "pass"),
    (_LEFT, "assert f(1) == 1", "pass"),
    ("import os\ndef f(x): os.makedirs('a/b'); os.chmod('a', 0); return x", "assert f(1) == 1", "blocked"),
    ("import os\ndef f(x): os.mkdir('a', 0); return x", "assert f(1) == 1", LOCKED),
]  # fmt: skip
MEMORY_NOISE = 3 << 20
"""Bytes that a process's memory may differ by: arenas that Python keeps."""
COLUMNS = ("descriptors", "threads", "memory", "zygotes' descriptors", "zygotes' memory", "processes", "zombies", "files left")


def main() -> int:
    """Soak, compare, print; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--checks", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--level", choices=["kernel", "full"], default="kernel")
    parser.add_argument("--same", type=int, default=300)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)  # a sandbox that is started by root runs code as nobody
        tempfile.tempdir = folder
        wrong = asyncio.run(soaked(args.checks, args.workers, args.level))
        wrong += [f"left behind: {name}" for name in os.listdir(folder)]
        tempfile.tempdir = None
    wrong += asyncio.run(compared(args.same, args.workers, args.level))
    print("\n".join(["", *wrong] if wrong else ["", "Nothing grew, nothing stayed, nothing differed."]))
    return 1 if wrong else 0


def mixture(count: int, level: str) -> list[tuple[str, str, str]]:
    """Return (solution, tests, status) of that many checks, every tenth a bad one."""
    checks = [BAD[i // 10 % len(BAD)] if i % 10 == 9 else SMALL[i % len(SMALL)] for i in range(count)]
    locked = "disk" if level == "kernel" else "pass"
    return [(solution, tests, locked if status is LOCKED else status) for solution, tests, status in checks]


async def statuses(sandbox: Sandbox, checks: Sequence[tuple[str, str, str]]) -> list[str]:
    """Return the status word of each check, or a sentence where the sandbox failed."""
    verdicts = await asyncio.gather(*(sandbox.check(solution, tests, "f") for solution, tests, _ in checks))
    return [f"infra_error: {v.why}" if v.status == "infra_error" else v.status for v in verdicts]


def differences(found: Sequence[str], checks: Sequence[tuple[str, str, str]]) -> list[str]:
    """Say which status words are not those that the mixture should give."""
    pairs = Counter((wanted, got) for got, (_, _, wanted) in zip(found, checks, strict=True) if got != wanted)
    return [f"{count} x {got} instead of {wanted}" for (wanted, got), count in pairs.items()]


async def soaked(count: int, workers: int, level: str) -> list[str]:
    """Run the soak; return what is wrong."""
    wrong: list[str] = []
    rows: list[dict[str, int]] = []
    began = time.monotonic()
    print(f"{datetime.datetime.now(tz=datetime.UTC):%d %b %Y}, level {level}, {workers} workers, {os.cpu_count()} cores\n")
    print(f"| checks | {' | '.join(COLUMNS)} |\n| {' | '.join(['---'] * (len(COLUMNS) + 1))} |")
    sandbox = Sandbox(level, workers, LIMITS)  # ty: ignore[invalid-argument-type]
    async with sandbox:
        await statuses(sandbox, mixture(180, level))  # every kind once in every process: caches are full when counting begins
        for done in range(0, count + 1, 1000):
            if done:
                checks = mixture(1000, level)
                wrong += differences(await statuses(sandbox, checks), checks)
            rows.append(counted(sandbox))
            print(f"| {done} | {' | '.join(shown(name, rows[-1][name]) for name in COLUMNS)} |", flush=True)
    print(f"\n{count / (time.monotonic() - began):.0f} checks a second")
    first, last = rows[1], rows[-1]  # after the first thousand: until then allocators still find their size
    for name in COLUMNS:
        noise = MEMORY_NOISE if "memory" in name else 0
        if last[name] > first[name] + noise:
            wrong.append(f"{name} grew from {shown(name, first[name])} to {shown(name, last[name])}")
    return wrong + [f"a process below: {pid}" for pid in below()]


async def compared(count: int, workers: int, level: str) -> list[str]:
    """Run the mixture three times, the second under load; return where the words differ."""
    checks, wrong = mixture(count, level), []
    for loaded in (False, True, False):
        busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(4 * (os.cpu_count() or 1) * loaded)]
        began = time.monotonic()
        try:
            async with Sandbox(level, workers, LIMITS) as sandbox:  # ty: ignore[invalid-argument-type]
                found = await statuses(sandbox, checks)
        finally:
            for process in busy:
                process.kill()
                process.wait()
        wrong += [f"{'under load: ' if loaded else ''}{text}" for text in differences(found, checks)]
        print(f"{count} checks{', 4 busy processes a core' if loaded else ''}: {dict(Counter(found))}, "
              f"{time.monotonic() - began:.0f} s", flush=True)  # fmt: skip
    return wrong


# -- what is counted --------------------------------------------------------------------------------------------------


def counted(sandbox: Sandbox) -> dict[str, int]:
    """Count everything, while no check runs."""
    me, zygotes = os.getpid(), sandbox.pids()
    return {
        "descriptors": descriptors(me),
        "threads": len(os.listdir("/proc/self/task")),
        "memory": memory(me),
        "zygotes' descriptors": sum(map(descriptors, zygotes)),
        "zygotes' memory": sum(map(memory, zygotes)),
        "processes": len(below()),
        "zombies": sum(zombie(pid) for pid in below()),
        "files left": len(files_left()),
    }


def shown(name: str, value: int) -> str:
    """Return a figure with its unit."""
    return f"{value / (1 << 20):.1f} MB" if "memory" in name else str(value)


def descriptors(pid: int) -> int:
    """Return how many descriptors a process has open; 0 where this user may not see."""
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except PermissionError:
        return 0


def memory(pid: int) -> int:
    """Return the bytes of a process that are resident and its own."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon"))


def below(pid: int | None = None) -> list[int]:
    """Return the processes below one, this one unless named, zombies included."""
    pid, found = pid or os.getpid(), []
    for thread in os.listdir(f"/proc/{pid}/task"):
        for child in map(int, Path(f"/proc/{pid}/task/{thread}/children").read_text(encoding="ascii").split()):
            found += [child, *below(child)]
    return found


def zombie(pid: int) -> bool:
    """Has it ended without being waited for?"""
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "Z"


def files_left() -> list[str]:
    """Return what lies in this program's own temporary folder, but for the scratch folders that the zygotes keep."""
    top = tempfile.gettempdir()
    scratch = [os.path.join(top, name) for name in os.listdir(top) if name.startswith("align-sandbox-")]
    kept = {*scratch, *(os.path.join(folder, role) for folder in scratch for role in ("solution", "tests"))}
    found = [os.path.join(folder, name) for folder, folders, files in os.walk(top) for name in (*folders, *files)]
    return [path for path in found if path not in kept]


if __name__ == "__main__":
    sys.exit(main())
