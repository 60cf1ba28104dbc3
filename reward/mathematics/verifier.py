r"""Verify final answers that are a number or a formula (`kind: math`).

The final answer is extracted from the text and compared with the gold answer: exactly, as a fraction, if both
are numbers; as text if they are spelled alike; else by math-verify (sympy), in a process that is killed when
it hangs.

Departures from calling math-verify on the whole completion, as most trainers do:
1. Numbers are compared here, exactly and in microseconds, and the verdict is final: "0.333" is not 1/3.
2. "72 clips" equals 72: a sentence with one number is that number, unless a word changes it ("2 million",
   "not 5"). math-verify reads such words as products of letters, which also makes "listen" equal "silent". So
   a text with words in it is never passed to it, unless its formula is marked ($...$, \(...\)).
"""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import ClassVar

from pydantic import Field, PrivateAttr

from align.core.plugins import Reward, Score
from align.core.rows import Prompt
from reward.mathematics.numbers import number
from reward.mathematics.same import same
from reward.mathematics.stated import final_answer, gold_answer
from reward.mathematics.worker import REMEDY
from reward.worker_pool import Crashed, KillablePool, Killed, python_module


class MathAnswer(Reward):
    """Score 1 if the final answer of a completion equals the prompt's `answer`, else 0."""

    version: ClassVar[str] = "4"
    """2: reads formulas, lists and units; numbers are exact. 3: bases, i, degrees, text around a box. 4:
    answers in sentences, hundredths, signs of Unicode, numbers in words."""

    timeout_seconds: float = Field(default=5.0, gt=0)
    """Wall-clock seconds for one symbolic comparison. After that its process is killed, and the answer counts
    as wrong."""
    workers: int = Field(default=1, ge=1)
    """Number of processes for symbolic comparisons, about 100 MB each. Each is started when a comparison
    needs it."""
    symbolic: bool = True
    """Compare formulas with math-verify. If False, only numbers and text are compared, and no process is
    started."""

    _pool: KillablePool | None = PrivateAttr(default=None)

    def problems(self, folder: Path) -> Iterable[tuple[str, str]]:
        """Yield an error if a needed library is missing."""
        if self.symbolic and importlib.util.find_spec("math_verify") is None:
            yield "symbolic", f"math-verify is not installed: {REMEDY}"

    async def score(self, prompt: Prompt, completions: Sequence[str]) -> list[Score]:
        """Return one score per completion, 1.0 or 0.0, with `passed` set.

        Raises:
            ValueError: the prompt has no `answer`.
            RuntimeError: math-verify cannot start.
        """
        if not (prompt.answer or "").strip():
            remedy = "map the column that holds it where the prompts are loaded (`columns: {answer: ...}`)"
            raise ValueError(
                f"row {prompt.id!r} has no answer to compare with: {remedy}, "
                "or use a reward that needs no answer"
            )
        gold = gold_answer(prompt.answer or "")
        words = number(gold) is None  # an answer in words may be the whole text: "Alice"
        found = [
            final_answer(text) or (text.strip() if words and same(gold, text) else None)
            for text in completions
        ]
        unique = list(dict.fromkeys(pred for pred in found if pred is not None))
        verdicts = dict(
            zip(unique, await asyncio.gather(*(self._compare(gold, pred) for pred in unique)), strict=True)
        )
        none = Score(value=0.0, passed=False, why="no final answer")
        return [none if pred is None else verdicts[pred] for pred in found]

    async def _compare(self, gold: str, pred: str) -> Score:
        verdict = same(gold, pred)
        if verdict is not None or not self.symbolic:
            return _verdict(bool(verdict), gold, pred)
        if self._pool is None:
            self._pool = KillablePool(python_module("reward.mathematics.worker"), self.workers)
        request = {"gold": gold, "pred": pred, "seconds": self.timeout_seconds}
        try:
            reply = await self._pool.ask(request, self.timeout_seconds)
        except Killed:
            return _verdict(False, gold, pred, f"verifier timed out after {self.timeout_seconds:g} s: ")
        except Crashed as error:
            return _verdict(False, gold, pred, f"verifier crashed ({error}): ")
        if "error" in reply:
            return _verdict(False, gold, pred, f"verifier could not compare ({reply['error']}): ")
        return _verdict(reply["equal"], gold, pred)

    def stop(self) -> None:
        """Kill and reap the comparison processes. A later `score` starts new ones."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.stop()


def _verdict(right: bool, gold: str, pred: str, before: str = "") -> Score:
    gold, pred = (
        text if len(text) <= 60 else f"{text[:57]}..."
        for text in (" ".join(gold.split()), " ".join(pred.split()))
    )
    why = f"{gold} = {pred}" if right else f"{before}expected {gold}, got {pred}"
    return Score(value=float(right), passed=right, why=why)
