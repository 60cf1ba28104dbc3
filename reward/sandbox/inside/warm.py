"""Run a small program in the zygote, so that forks find imports, caches and specialised bytecode ready.

When a forked process writes to a memory page, the page is copied for it, which costs 3 microseconds in a
virtual machine. After this warm-up a forked process writes 200 pages fewer. No user code runs here, only the
program below.
"""

from __future__ import annotations

import json
import linecache
import os
import socket
import sys

from . import channel, read_tests, run_tests, solution, stand_ins, values

ROUNDS = 20
"""CPython 3.11 counts 8 calls and 16 loop iterations before it specialises a piece of code."""
_SOURCE = b"def f(x, y=1):\n    return [x + y]\n"
_TESTS = b"def check(candidate):\n    assert candidate(1) == [2], 'one'\n\nassert f(1) == [2]\n"
_CALL = ["changes", "f", [[1, 2.5, "a", (True, None)], {"k": 1}], {}]


def warm_up() -> None:
    """Load, call and test a small program, and read a test as data, in this process."""
    for _ in range(ROUNDS):
        _warm_solution_side()
        _warm_tests_side()
        read_tests.read("assert f(1) == [2]", "f")
    for name in ("solution", "tests", "main"):
        sys.modules.pop(name, None)
    linecache.clearcache()


def _warm_solution_side() -> None:
    server = solution.Server(-1, 1 << 20)
    json.dumps(server.load(_SOURCE, "f")).encode("ascii")
    server.answer(values.dump(["changes", "f", [1], {}], str, 1 << 20))
    server.answer(values.dump(_CALL, str, 1 << 20))  # this call raises, because that path is to be warm too


def _warm_tests_side() -> None:
    ours, theirs = (end.detach() for end in socket.socketpair())
    try:
        for reply in ({"names": {"f": ["function", "solution"]}}, {"value": [2]}, {"value": [2]}):
            channel.send(theirs, json.dumps(reply).encode("ascii"))
        said = run_tests.TestRun(stand_ins.SeparateSolution(ours, 1 << 20), "f").run(_TESTS)
        if said["status"] != "pass":
            raise RuntimeError(f"the sandbox's own small test: {said['why']}")
        json.dumps(said).encode("ascii")
    finally:
        os.close(ours)
        os.close(theirs)
