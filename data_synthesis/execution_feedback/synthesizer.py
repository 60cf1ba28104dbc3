"""Execution feedback: make rows that are checked by running code (Qwen2 report, 4.1.2).

    mode: code             solutions, judged by tests                                  code.py
    mode: self_instruct    new constraints, modelled on examples (AutoIF, step 1)      self_instruct.py
    mode: verifiers        functions that verify a constraint, validated               verifiers.py
    mode: instructions     questions with constraints, and verified answers            instructions.py

The last three are AutoIF. Each makes rows that the next one reads, so you can inspect what a model wrote,
correct it or replace it by your own. Model-written code runs in the sandbox (`reward.sandbox`), and the
lineage records the sandbox's level.
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
    """Sample answers, check them by running code, keep the good ones and pair them with bad ones."""

    mode: str
    """What to make: `code`, `self_instruct`, `verifiers` or `instructions`."""
    generator: Annotated[str, Ref("generator")]
    """The generator that writes the answers."""
    samples: int = Field(default=16, ge=0)
    """Answers sampled for each prompt."""
    temperature: float = Field(default=0.8, ge=0)
    """Sampling temperature: CodeT and AutoIF's online rounds both sample at 0.8."""
    top_p: float = Field(default=0.95, gt=0, le=1)
    """Nucleus sampling: the smallest set of tokens with this much probability (CodeT: 0.95); 1 keeps all."""
    max_new_tokens: int = Field(default=512, ge=1)
    """Longest answer, in tokens. A longer answer is cut, and counts as neither right nor wrong."""
    max_pairs: int = Field(default=1, ge=0)
    """Most preference pairs of each prompt."""
    sandbox: SandboxSettings = SandboxSettings()
    """The sandbox in which model-written code runs."""

    _running: Sandbox | None = PrivateAttr(default=None)

    def prepare(self, run: Run) -> None:
        """Start the sandbox; it refuses a machine that cannot provide its level."""
        self._running = self.sandbox.build()
        self._running.start()

    def finish(self) -> None:
        """Stop the sandbox."""
        running, self._running = self._running, None
        if running is not None:
            running.stop()

    @property
    def sampling(self) -> dict[str, float]:
        """The sampling settings of answers."""
        return {"temperature": self.temperature, "top_p": self.top_p, "max_new_tokens": self.max_new_tokens}

    @property
    def box(self) -> Sandbox:
        """The running sandbox."""
        if self._running is None:
            raise RuntimeError("the sandbox runs between `prepare` and `finish` only")
        return self._running

    async def tool(self, function: str, *arguments: Any) -> Any:
        """Call a function of `code_tools.py` in the sandbox; return None if it fails on a source."""
        (result,) = await self.box.calls(_tools(), function, [list(arguments)], TOOLS_LIMITS)
        return result.value if result.status == "returned" else None

    async def signatures(self, sources: Sequence[str]) -> list[str | None]:
        """Return one signature per program, the same for equal syntax trees; None if it does not parse."""
        found = await self.tool("signatures", list(sources)) if sources else []
        return list(sources) if found is None else found


@cache
def _tools() -> str:
    return (files("data_synthesis.execution_feedback") / "code_tools.py").read_text(encoding="utf-8")
