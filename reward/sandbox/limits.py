"""How strictly the sandbox confines code, and how much of the machine each piece of code may use."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import Field

from align.core.config import Config

Level: TypeAlias = Literal["full", "kernel", "weak"]
"""What confines the code; see `reward.sandbox.sandbox`."""


class Limits(Config):
    """What one check may use. These limits hold for each of its processes separately."""

    cpu_seconds: float = Field(default=5.0, gt=0)
    """CPU time. This limit decides, because CPU time hardly depends on other load on the machine."""
    wall_seconds: float | None = Field(default=None, gt=0)
    """Wall-clock limit for code that sleeps. Left out: 4 x cpu_seconds + 2, so that no verdict changes on a
    machine with four times too much load."""
    memory_bytes: int = Field(default=512 << 20, ge=16 << 20)
    """Address space beyond what the interpreter itself takes."""
    output_bytes: int = Field(default=1 << 20, ge=1 << 12)
    """Limit on what may be printed, on one answer, and on the largest single file."""
    scratch_bytes: int = Field(default=64 << 20, ge=1 << 16)
    """What may lie in the working folder. A hard limit at level full; at the other levels it is checked every
    50 ms."""
    processes: int = Field(default=64, ge=1)
    """Number of threads, and of processes in a language that needs several. Python code can start no
    process."""

    @property
    def wall(self) -> float:
        """Return the wall-clock limit in seconds."""
        return self.wall_seconds if self.wall_seconds is not None else 4 * self.cpu_seconds + 2
