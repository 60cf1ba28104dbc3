"""Python as a program: it reads its input, prints and leaves. Calls of Python do not come here (`inside.zygote`).

The machine's own interpreter runs it, without site packages, so it can import the standard library alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reward.sandbox.languages.base import Job, Language, Needs, Step
from reward.sandbox.verdicts import Limits


class Python(Language):
    """The `python3` of the system."""

    title, command, package = "a Python program", "python3", "python3"
    needs = Needs(environment={"PYTHONHASHSEED": "0"})
    memory_signs = (b"MemoryError",)

    @classmethod
    def method(cls, owner: str, name: str) -> str:
        """Return the name: `reward.execution.assembly` makes a method a function."""
        return name

    def calls(self, source: str, entry_point: str, arguments: Sequence[Sequence[Any]], limits: Limits) -> Job:
        """Refuse: Python's calls have a quicker way."""
        raise ValueError("calls of Python are not made by a program")

    def program(self, source: str, limits: Limits) -> Job:
        """Return what runs the source as `__main__`."""
        command = (self.path, "-s", "-S", "-B", "solution.py")
        return Job(Step(command, {"solution.py": source.encode("utf-8", "surrogatepass")}))
