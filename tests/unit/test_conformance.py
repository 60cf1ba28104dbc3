"""Every synthesizer of the repository keeps the engine's promises, and the kit sees one that does not."""

import json
import re
import time
from typing import ClassVar

import pytest

from align import Demonstration, Prompt
from align.core import catalog
from data_synthesis import Drop, Synthesizer
from data_synthesis.testing import Failed, conforms

SUMS = [{"prompt": f"What is {a} + {a + 3}?", "answer": str(2 * a + 3)} for a in range(12)]


def adds(request, seed):
    """Answer sums, one sample of three wrong, by one of two paths."""
    if request["max_tokens"] == 8:  # the judge of what is reasonable
        return "yes"
    if "response_format" in request:  # the judge of how good it is
        return json.dumps({"why": "it has a length", "score": 1 + len(request["messages"][0]["content"]) % 10})
    a, b = map(int, re.search(r"(\d+) \+ (\d+)", request["messages"][-1]["content"]).groups())
    wrong = seed % 3 == 0
    path = f"{a} + {b} = {a + b + wrong}." if seed % 2 else f"{b} + {a} = {a + b + wrong}."
    return f"{path} The answer is {a + b + wrong}."


TASKS = [{"prompt": f"Write a Python function `def plus_{n}(x):` that adds {n} to x."} for n in range(12)]


def programs(request, seed):
    """Write programs, one of three wrong, and tests, one of four wrong."""
    asked = request["messages"][-1]["content"]
    n = int(re.search(r"plus_(\d+)", asked)[1])
    if "Do not solve" in asked:
        off = seed % 4 == 0
        return f"```python\nassert plus_{n}(1) == {n + 1 + off}\nassert plus_{n}(5) == {n + 5}\n```"
    body = (f"x + {n}", f"{n} + x", f"x + {n + 1}")[seed % 3]
    return f"```python\ndef plus_{n}(x):\n    return {body}\n```"


CASES = {
    "execution_feedback": {
        "mode": "code", "generator": "model", "samples": 8, "test_samples": 4, "max_pairs": 2, "sandbox": {"workers": 2},
    },
    "rejection_sampling": {
        "generator": "model", "samples": 4, "max_pairs": 2, "reasonable": "model",
        "reward": {
            "kind": "mixture",
            "parts": [
                {"reward": {"kind": "math", "symbolic": False}},
                {"reward": {"kind": "judge", "generator": "model"}, "weight": 0.1},
            ],
        },
    },
}  # fmt: skip


def test_there_is_a_case_for_every_synthesizer():
    made_of_rows = {name for name, target in catalog.BUILT_IN["stage"].items() if target.startswith("data_synthesis.")}
    assert made_of_rows == set(CASES)


@pytest.mark.parametrize("kind", CASES)
def test_a_synthesizer_of_ours_keeps_the_engines_promises(kind, tmp_path):
    rows, say = (TASKS, programs) if kind == "execution_feedback" else (SUMS, adds)
    report = conforms({"kind": kind, **CASES[kind]}, rows, say, tmp_path)
    assert report["emitted"] == len(rows)
    assert report["rows"]["preferences"] > 0
    assert len(list((tmp_path / "crashes").iterdir())) >= 20


class Careless(Synthesizer):
    """Breaks one promise, chosen by a field."""

    makes = frozenset({"demonstrations"})
    generator: str = "model"
    breaks: str = ""
    seen: ClassVar[list] = []

    async def synthesize(self, prompt: Prompt, ctx):
        """Answer, carelessly."""
        self.seen.append(prompt.id)
        aside = str(time.monotonic_ns()) if self.breaks == "never asks the same" else "Be brief."
        (said,) = await ctx.sample("model", [{"role": "system", "content": aside}, *prompt.messages])
        if self.breaks == "believes that models write JSON":
            json.loads(said.text) if len(said.text) > 300 or not said.text else None
        if not said.text.strip() or said.finish_reason == "length":
            return Drop("nothing said")
        text = said.text.encode("utf-8", "replace").decode()
        if self.breaks == "depends on the order":
            text += str(len(self.seen))
        return Demonstration(prompt=prompt.messages, completion=text)


@pytest.mark.parametrize(
    ("breaks", "said"),
    [
        ("", None),
        ("depends on the order", "rows, "),
        ("never asks the same", "requests of a replay"),
        ("believes that models write JSON", "an odd answer must end in Drop"),
    ],
)
def test_the_kit_sees_a_synthesizer_that_breaks_a_promise(breaks, said, tmp_path):
    stage = {"kind": "test_conformance:Careless", "breaks": breaks}
    Careless.seen.clear()
    if said is None:
        assert conforms(stage, SUMS, adds, tmp_path)["emitted"] == len(SUMS)
        return
    with pytest.raises(Failed, match=said):
        conforms(stage, SUMS, adds, tmp_path)
