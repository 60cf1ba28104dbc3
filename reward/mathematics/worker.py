r"""Compare two answers with math-verify in a separate process: `python -m reward.mathematics.worker`.

The process reads one JSON line, `{"gold": str, "pred": str, "seconds": float}`, and writes one, `{"equal":
bool}` or `{"error": str}`. The first line that it writes, `{}`, says that the libraries are loaded.
`reward.worker_pool` has the parent's side.

Departures from calling `math_verify.verify(parse(gold), parse(pred))` as its README shows:
1. Its own timeouts are off: they use SIGALRM with a Python handler, which works only in a main thread and
   does not interrupt C code (a tower of powers). Instead, the parent kills this process. A kernel alarm
   without a handler is set too, so that a comparison does not run for ever after its parent has died.
2. Answers are read as LaTeX only. The library's expression reader takes any number in the text ("1/\sqrt{2}"
   gives 1).
3. An exception is reported as an error; the library's default is to report "not equal".
4. Memory is limited, so an exploding expression raises MemoryError here and does not exhaust the machine.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
from collections.abc import Callable
from typing import IO, Any

from reward.mathematics.same import same

MEMORY_BYTES = 4 << 30
"""Limit of this process's address space, about ten times what sympy needs for competition answers."""
REMEDY = 'pip install "math-verify[antlr4_13_2]", or set `symbolic: false` to compare numbers and text only'
GRACE_SECONDS = 5.0
"""The alarm comes this many seconds after the parent's own kill, so it only ever ends a process without a
parent."""


def main() -> None:
    """Answer requests from stdin until it is closed."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # a library's output must not look like a reply
    logging.disable(logging.CRITICAL)
    try:
        equal = load()
    except ImportError as error:
        _send(replies, {"error": f"math-verify cannot be imported ({error}). {REMEDY}"})
        return
    _limit_memory()
    _send(replies, {})
    for line in sys.stdin:
        request = json.loads(line)
        _alarm(request["seconds"] + GRACE_SECONDS)
        try:
            reply: dict[str, Any] = {"equal": equal(request["gold"], request["pred"])}
        # Whatever sympy raises is a comparison that could not be made; it is reported as an error.
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {error}"[:200]}
        _alarm(0)
        _send(replies, reply)


def load() -> Callable[[str, str], bool]:
    """Import sympy and the LaTeX reader; return the comparison of two answers, (gold, prediction)."""
    # imported here so that a missing library becomes a reply
    from reward.mathematics import symbolic  # noqa: PLC0415

    def equal(gold: str, pred: str) -> bool:
        return bool(same(gold, pred, symbolic.equal))

    symbolic.equal("x", "y")  # the first parse builds tables, which is part of starting up
    return equal


def _send(replies: IO[str], reply: dict[str, Any]) -> None:
    replies.write(json.dumps(reply) + "\n")
    replies.flush()


def _alarm(seconds: float) -> None:
    if hasattr(signal, "setitimer"):  # POSIX; SIGALRM's default action ends the process, even inside C code
        signal.setitimer(signal.ITIMER_REAL, seconds)


def _limit_memory() -> None:
    if sys.platform == "linux":  # macOS refuses RLIMIT_AS, Windows has no such call
        import resource  # noqa: PLC0415

        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        limit = MEMORY_BYTES if hard == resource.RLIM_INFINITY else min(MEMORY_BYTES, hard)
        resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


if __name__ == "__main__":
    main()
