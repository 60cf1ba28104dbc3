"""Execution feedback: rows that were checked by running code, for programs and for instructions (Qwen2 report, 4.1.2).

    mode: code             solutions, judged by tests                                        code.py
    mode: self_instruct    new constraints after the example of some (AutoIF, step 1)        self_instruct.py
    mode: verifiers        functions that verify a constraint, and their validation          verifiers.py
    mode: instructions     questions with constraints, and answers that were verified        instructions.py

The last three are AutoIF; each makes rows that the next one reads, so that what a model thought of can be
looked at, mended or replaced by your own. What models write runs in the sandbox (`reward.sandbox`), whose
level stands in the lineage.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Annotated, Any

from pydantic import Field, PrivateAttr

from align.core.stage import Run
from align.core.wiring import Ref
from data_synthesis.synthesizer import Synthesizer
from reward.sandbox import Limits, Sandbox
from reward.sandbox.settings import SandboxSettings

TOOLS_LIMITS = Limits(cpu_seconds=20, memory_bytes=1 << 30)


class ExecutionFeedback(Synthesizer):
    """Write something, check it by running code, keep what holds and pair it with what does not."""

    mode: str
    """What is made: `code`, `constraints`, `verifiers` or `instructions`."""
    generator: Annotated[str, Ref("generator")]
    """Who writes it."""
    samples: int = Field(default=16, ge=0)
    """Answers a prompt."""
    temperature: float = Field(default=0.8, ge=0)
    """CodeT and AutoIF's online rounds both sample at 0.8."""
    top_p: float = Field(default=0.95, gt=0, le=1)
    """Nucleus (CodeT: 0.95); 1 keeps all."""
    max_new_tokens: int = Field(default=512, ge=1)
    """Longest answer, in tokens. A longer one is cut, and neither right nor wrong."""
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

    async def tool(self, function: str, *arguments: Any) -> Any:
        """Call a function of `code_tools.py` in the sandbox; None where a source made it fail."""
        (result,) = await self.box.calls(_tools(), function, [list(arguments)], TOOLS_LIMITS)
        return result.value if result.status == "returned" else None

    async def signatures(self, sources: Sequence[str]) -> list[str | None]:
        """Return what programs share whose syntax trees are one; None for a source that does not parse."""
        found = await self.tool("signatures", list(sources)) if sources else []
        return list(sources) if found is None else found


@cache
def _tools() -> str:
    return (files("data_synthesis.execution_feedback") / "code_tools.py").read_text(encoding="utf-8")
