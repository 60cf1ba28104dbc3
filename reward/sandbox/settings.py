"""Define the sandbox's settings in a recipe."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from align.core.config import Config
from reward.sandbox.limits import Level, Limits
from reward.sandbox.sandbox import Sandbox


class SandboxSettings(Config):
    """How model-written code is run. A level that the machine cannot provide is refused, never weakened."""

    operational: ClassVar[frozenset[str]] = frozenset({"workers"})

    level: Level = "kernel"
    """`kernel` (Landlock, seccomp, rlimits: needs no privilege), `full` (adds private namespaces) or `weak`
    (as much of these as the machine has: results cannot be forged, but files and network can be reached).
    Every verdict states the level."""
    workers: int | None = Field(default=None, ge=1)
    """How many pieces of code run at once; each has a waiting process of about 40 MB. Left out: one a
    core."""
    limits: Limits = Limits()
    """What one piece of code may use: `{cpu_seconds: 2, memory_bytes: 268435456}`."""
    together: bool = False
    """Whether tests that need more than data (the solution's own classes, fixtures, captured output,
    generators, callbacks) run in one process with the solution. A pass can be forged there, so the lineage
    marks it `trust: forgeable`. Without this, such tests give no verdict, and the stage's report counts
    them."""
    packages: list[str] = ["numpy"]
    """What code may import beside the standard library. These must be installed; a worker imports them when
    it starts."""

    def build(self) -> Sandbox:
        """Return the sandbox, which is not started yet."""
        return Sandbox(self.level, self.workers, self.limits, self.packages, self.together)
