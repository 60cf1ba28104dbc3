r"""MATH (Hendrycks et al. 2021, arXiv 2103.03874): competition problems with a formula as the answer.

The data is `EleutherAI/hendrycks_math` (its seven subjects, one after the other) or data of its shape, such
as `HuggingFaceH4/MATH-500`. The gold answer is the column `answer`, or the `\boxed` of the solution. The
verifier of `kind: math` judges. A text has the four worked examples of Minerva (Lewkowycz et al. 2022,
arXiv 2206.14858, appendix D.2), as `minerva_math` of `lm-evaluation-harness` 0.4.13 writes them; a chat
asks with the sentence of Qwen2.5-Math (Yang et al. 2024, arXiv 2409.12122).

Departures from `minerva_math`:
1. The verifier takes the answer that a text states in any usual form; the harness's `exact_match` wants
   Minerva's closing sentence ("Final Answer: The final answer is ... I hope it is correct.").
2. An answer may have 1024 new tokens. The harness stops after 256, which cuts many worked solutions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from align.core.errors import BadRow
from align.evaluate.task import Item
from align.evaluate.tasks.from_data import text_of
from align.evaluate.tasks.generation import VerifiedData

HUB = "EleutherAI/hendrycks_math"
SUBJECTS = (
    "algebra",
    "counting_and_probability",
    "geometry",
    "intermediate_algebra",
    "number_theory",
    "prealgebra",
    "precalculus",
)
MINERVA = (
    (
        r"Find the domain of the expression  $\frac{\sqrt{x-2}}{\sqrt{5-x}}$.",
        r"The expressions inside each square root must be non-negative. Therefore, $x-2 \ge 0$, so $x\ge2$, "
        r"and $5 - x \ge 0$, so $x \le 5$. Also, the denominator cannot be equal to zero, so $5-x>0$, "
        r"which gives $x<5$. Therefore, the domain of the expression is $\boxed{[2,5)}$."
        "\nFinal Answer: The final answer is $[2,5)$. I hope it is correct.",
    ),
    (
        r"If $\det \mathbf{A} = 2$ and $\det \mathbf{B} = 12,$ then find $\det (\mathbf{A} \mathbf{B}).$",
        r"We have that $\det (\mathbf{A} \mathbf{B}) = (\det \mathbf{A})(\det \mathbf{B}) = "
        r"(2)(12) = \boxed{24}.$"
        "\nFinal Answer: The final answer is $24$. I hope it is correct.",
    ),
    (
        "Terrell usually lifts two 20-pound weights 12 times. If he uses two 15-pound weights instead, how "
        "many times must Terrell lift them in order to lift the same total weight?",
        r"If Terrell lifts two 20-pound weights 12 times, he lifts a total of $2\cdot 12\cdot20=480$ pounds "
        r"of weight.  If he lifts two 15-pound weights instead for $n$ times, he will lift a total of "
        r"$2\cdot15\cdot n=30n$ pounds of weight.  Equating this to 480 pounds, we can solve for $n$:"
        "\n\\begin{align*}\n30n&=480\\\\\n\\Rightarrow\\qquad n&=480/30=\\boxed{16}\n\\end{align*}"
        "\nFinal Answer: The final answer is $16$. I hope it is correct.",
    ),
    (
        "If the system of equations\n\n\\begin{align*}\n6x-4y&=a,\\\\\n6y-9x &=b.\n\\end{align*}has a "
        r"solution $(x, y)$ where $x$ and $y$ are both nonzero,"
        "\n"
        r"find $\frac{a}{b},$ assuming $b$ is nonzero.",
        r"If we multiply the first equation by $-\frac{3}{2}$, we obtain"
        "\n\n"
        r"$$6y-9x=-\frac{3}{2}a.$$Since we also know that $6y-9x=b$, we have"
        "\n\n"
        r"$$-\frac{3}{2}a=b\Rightarrow\frac{a}{b}=\boxed{-\frac{2}{3}}.$$"
        "\n"
        r"Final Answer: The final answer is $-\frac{2}{3}$. I hope it is correct.",
    ),
)
"""Problems and solutions of Minerva's prompt, word for word."""


class Math(VerifiedData):
    """Competition problems: MATH, MATH-500, or data of their shape."""

    judged_by: ClassVar[str] = "math"
    columns_needed: ClassVar[tuple[str, ...]] = ("problem",)
    default_shots: ClassVar[int] = 4
    parts: ClassVar[Mapping[str, tuple[str, ...]]] = {HUB: SUBJECTS}
    question_mark: ClassVar[str] = "Problem:\n"
    answer_mark: ClassVar[str] = "\n\nSolution:"
    own_shots: ClassVar[tuple[tuple[str, str], ...]] = MINERVA

    path: str = HUB
    max_new_tokens: int = 1024
    instruction: str = r"Please reason step by step, and put your final answer within \boxed{}."

    def item(self, id_: str, record: Mapping[str, Any]) -> Item:
        """Return a problem, with its subject and its level as tags."""
        problem = text_of(record, "problem")
        level = str(record.get("level") or "").lower().removeprefix("level").strip()
        subject = str(record.get("subject") or record.get("type") or "")
        return Item(
            id=id_,
            text=problem,
            messages=[{"role": "user", "content": problem}],
            answer=_gold(record),
            tags=tuple(tag for tag in (subject, f"level {level}" if level else "") if tag),
            data={"worked": record.get("solution")},
        )

    def stop_texts(self, item: Item, model: Any) -> list[str] | None:
        """End a plain text where the next problem begins."""
        return None if self.is_chat(model) else ["Problem:"]


def _gold(record: Mapping[str, Any]) -> str:
    r"""Return the gold answer: the column `answer`, or what the solution has in its last `\boxed`."""
    if record.get("answer") not in (None, ""):
        return text_of(record, "answer", "gold answer")
    solution = text_of(record, "solution", "gold answer")
    start = max(solution.rfind("\\boxed"), solution.rfind("\\fbox"))
    inside = _inside(solution[start:]) if start >= 0 else ""
    if not inside:
        raise BadRow("no gold answer")
    return inside


def _inside(box: str) -> str:
    r"""Return what is in the box that a text begins with, `\boxed{...}` or `\boxed 5`; "" if it is open."""
    depth = 0
    if not re.match(r"\\(boxed|fbox)\s*\{", box):
        return re.sub(r"^\\(boxed|fbox)\s*", "", box).partition("$")[0].strip()
    for i, mark in enumerate(box):
        depth += (mark == "{") - (mark == "}")
        if mark == "}" and depth == 0:
            return box[box.index("{") + 1 : i].strip()
    return ""
