"""Execution feedback: rows that were checked by running code, for programs and for instructions (Qwen2 report, 4.1.2).

`mode: code` is in `data_synthesis.code_feedback`. Both modes run what models wrote in the sandbox (`reward.sandbox`), whose
level stands in the lineage of every row.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, PrivateAttr

from align.core.stage import Run
from align.core.wiring import Ref
from data_synthesis.base import Synthesizer
from reward.sandbox import Sandbox
from reward.sandbox.settings import SandboxSettings


class ExecutionFeedback(Synthesizer):
    """Write answers, check them by running code, keep what holds and pair it with what does not."""

    mode: str
    """What is checked: `code`."""
    generator: Annotated[str, Ref("generator")]
    """Who writes the answers."""
    samples: int = Field(default=16, ge=1)
    """Answers a prompt."""
    temperature: float = Field(default=0.8, ge=0)
    """CodeT and AutoIF's online rounds both sample at 0.8."""
    top_p: float = Field(default=0.95, gt=0, le=1)
    """Nucleus (CodeT: 0.95); 1 keeps all."""
    max_new_tokens: int = Field(default=512, ge=1)
    """Longest answer, in tokens. A longer one is cut, and neither right nor wrong."""
    max_demonstrations: int | None = Field(default=1, ge=1)
    """Most demonstrations a prompt; null keeps all that differ."""
    max_pairs: int = Field(default=1, ge=0)
    """Most preference pairs a prompt."""
    sandbox: SandboxSettings = SandboxSettings()
    """Where model-written code runs."""

    _running: Sandbox | None = PrivateAttr(default=None)

    def prepare(self, run: Run) -> None:
        """Start the sandbox, which refuses a machine that cannot give its level."""
        self._running = self.sandbox.build()
        self._running.start()

    def finish(self) -> None:
        """End the sandbox."""
        running, self._running = self._running, None
        if running is not None:
            running.stop()

    @property
    def sampling(self) -> dict[str, float]:
        """How answers are drawn."""
        return {"temperature": self.temperature, "top_p": self.top_p, "max_new_tokens": self.max_new_tokens}

    @property
    def box(self) -> Sandbox:
        """The running sandbox."""
        if self._running is None:
            raise RuntimeError("the sandbox runs between `prepare` and `finish` only")
        return self._running
