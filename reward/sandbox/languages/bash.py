"""Run Bash functions: arguments are words, and a function's value is what it prints.

1. A call is `$(f word ...)`, a subshell, so that `exit` and changed variables end with it; newlines at the
   end are removed.
2. The exit status of a call does not count, as in `[ "$(f 3)" = 4 ]`, except for 126 and above: there is no
   such command, or it was killed.
3. The driver's names are in the same shell as the source. A source that replaces them breaks its own results.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

from reward.sandbox.languages.base import Job, Language, Needs, Step, beside
from reward.sandbox.limits import Limits


class Bash(Language):
    """Bash 4.3 or later, with the commands that the machine has."""

    title, command, package = "Bash", "bash", "bash"
    name_pattern = r"[A-Za-z_][\w-]*"
    needs = Needs(stack_bytes=8 << 20)
    memory_signs = (b"cannot allocate",)

    def calls(self, source: str, entry_point: str, arguments: Sequence[Sequence[Any]], limits: Limits) -> Job:
        """Return the job that calls a function for each list of words."""
        name = self.checked(entry_point)
        lines = "".join(f"call {shlex.join([_word(one) for one in given])}\n" for given in arguments)
        files = {
            "solution.sh": _encoded(source),
            "driver.sh": beside("bash.sh").encode(),
            "calls.sh": _encoded(lines),
        }
        return Job(
            Step(
                (self.path, "--noprofile", "--norc", "driver.sh", name, str(limits.output_bytes // 2)), files
            )
        )

    def program(self, source: str, limits: Limits) -> Job:
        """Return the job that runs the source."""
        return Job(
            Step((self.path, "--noprofile", "--norc", "solution.sh"), {"solution.sh": _encoded(source)})
        )


def _word(value: Any) -> str:
    if isinstance(value, str) and "\0" not in value:
        return value
    if type(value) in (int, float):
        return str(value)
    words = "words (strings without NUL, numbers)"
    raise TypeError(f"an argument of type {type(value).__name__}: a Bash function takes {words}")


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
