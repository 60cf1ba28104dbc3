"""The sandbox as a recipe declares it."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from align.core.config import Config
from reward.sandbox.sandbox import Sandbox
from reward.sandbox.verdicts import Level, Limits


class SandboxSettings(Config):
    """How model-written code is run. Never weaker than it says: a level that the machine cannot give is refused."""

    operational: ClassVar[frozenset[str]] = frozenset({"workers"})

    level: Level = "kernel"
    """`kernel` (Landlock, seccomp, rlimits: no privilege needed), `full` (with own namespaces) or `weak`
    (what there is: results cannot be forged, files and network can be reached). Stands in every verdict."""
    workers: int | None = Field(default=None, ge=1)
    """Pieces of code that run at once, each with a process of about 40 MB waiting; one a core when left out.
    """
    limits: Limits = Limits()
    """What one piece of code may use: `{cpu_seconds: 2, memory_bytes: 268435456}`."""
    together: bool = False
    """Whether tests that need more than data (the solution's own classes, fixtures, captured output,
    generators, callbacks) run in one process with the solution. A pass can be forged there: it stands as
    `trust: forgeable` in the lineage. Without it such tests judge nothing, and the stage's report counts
    them."""
    packages: list[str] = ["numpy"]
    """What code may import beside the standard library. Installed, and imported when a worker starts."""

    def build(self) -> Sandbox:
        """Return the sandbox, not started."""
        return Sandbox(self.level, self.workers, self.limits, self.packages, self.together)
