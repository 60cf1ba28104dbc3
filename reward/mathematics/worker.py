r"""Are two mathematical answers the same? math-verify in a process of its own: `python -m reward.mathematics.worker`.

One JSON line in, `{"gold": str, "pred": str, "seconds": float}`; one out, `{"equal": bool}` or `{"error":
str}`. The first line out, `{}`, says that the libraries are loaded. See `reward.worker_pool` for the parent's
side.

Departures from calling `math_verify.verify(parse(gold), parse(pred))` as its README shows:
1. Its own timeouts are off: they use SIGALRM with a Python handler, which works in a main thread only and
   does not interrupt C code (a tower of powers). The parent kills this process instead. A kernel alarm with
   no handler is set beside it, so that a comparison whose parent has died does not run for ever.
2. Answers are read as LaTeX only. The expression reader takes any number in the text ("1/\sqrt{2}" gives 1).
3. An exception is reported as such; the library's default is to call it "not equal".
4. Memory is bounded, so an exploding expression is a MemoryError here and not the machine's last page.
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
"""Address space of this process: some ten times what sympy needs for competition answers."""
REMEDY = 'pip install "math-verify[antlr4_13_2]", or set `symbolic: false` to compare numbers and text only'
GRACE_SECONDS = 5.0
"""The alarm comes this much after the parent's own kill, so it only ever ends an orphan."""


def main() -> None:
    """Answer requests from stdin until it closes."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints must not be taken for a reply
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
        except (
            Exception
        ) as error:  # whatever sympy raises is a comparison that could not be made, and is said so
            reply = {"error": f"{type(error).__name__}: {error}"[:200]}
        _alarm(0)
        _send(replies, reply)


def load() -> Callable[[str, str], bool]:
    """Import sympy and what reads LaTeX; return the comparison of two answers, in the order (gold, prediction)."""
    from reward.mathematics import symbolic  # noqa: PLC0415 (imported here so that a missing library becomes a reply)

    def equal(gold: str, pred: str) -> bool:
        return bool(same(gold, pred, symbolic.equal))

    symbolic.equal("x", "y")  # the first parse builds tables; that is start-up time, not the first question's
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
