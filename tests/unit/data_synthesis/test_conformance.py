"""Every synthesizer of the repository keeps the engine's promises, and the kit sees one that does not."""

import json
import re
import time
from typing import ClassVar

import pytest

from align import Demonstration, Prompt
from align.core import catalog, tables
from data_synthesis import Derived, Drop, DroppedRow, Synthesizer, TableSynthesizer
from data_synthesis.testing import Failed, conforms, conforms_table

SUMS = [{"prompt": f"What is {a} + {a + 3}?", "answer": str(2 * a + 3)} for a in range(12)]


def adds(request, seed):
    """Answer sums, one sample of three wrong, by one of two paths."""
    if "Reply with one word: yes or no" in request["messages"][-1]["content"]:  # the judge of what is reasonable
        return "yes"
    if "response_format" in request:  # the judge of how good it is
        return json.dumps({"why": "it has a length", "score": 1 + len(request["messages"][0]["content"]) % 10})
    a, b = map(int, re.search(r"(\d+) \+ (\d+)", request["messages"][-1]["content"]).groups())
    wrong = seed % 3 == 0
    path = f"{a} + {b} = {a + b + wrong}." if seed % 2 else f"{b} + {a} = {a + b + wrong}."
    return f"{path} The answer is {a + b + wrong}."


TASKS = [{"prompt": f"Write a Python function `def plus_{n}(x):` that adds {n} to x."} for n in range(5)]


def programs(request, seed):
    """Write programs, one of three wrong, and tests, one of four wrong."""
    asked = request["messages"][-1]["content"]
    n = int(re.search(r"plus_(\d+)", asked)[1])
    if "Do not solve" in asked:
        off = seed % 4 == 0
        return f"```python\nassert plus_{n}(1) == {n + 1 + off}\nassert plus_{n}(5) == {n + 5}\n```"
    body = (f"x + {n}", f"{n} + x", f"x + {n + 1}")[seed % 3]
    return f"```python\ndef plus_{n}(x):\n    return {body}\n```"


WISHES = [{"prompt": f"Use at least {n} words that begin with a capital."} for n in range(2, 14)]


def thoughts(request, seed):
    """Think of constraints: one that is known, one of its own, one that others think of, too."""
    return f"1. Use at least 2 words that begin with a capital.\n2. Use {seed % 1000} commas.\n3. Use {seed % 3} full stops."


def verifiers(request, seed):
    """Write functions, one of four off by one, with cases; put functions back into words; grade that."""
    asked = request["messages"][-1]["content"]
    if "response_format" in request:  # the judge of what is consistent
        return json.dumps({"why": "it says so", "score": 9})
    n = int(re.search(r"(?:at least|>=) (\d+)", asked)[1])
    if "Which instruction" in asked:
        return f"Use {n} capitalised words or more."
    source = f"def evaluate(response):\n    return sum(w[0].isupper() for w in response.split()) >= {n + (seed % 4 == 0)}"
    cases = [{"input": "A " * (n + seed % 3), "output": True}, {"input": "a b", "output": False}]
    return f"```python\n{source}\n```\n```json\n{json.dumps(cases)}\n```"


QUESTIONS = [{"prompt": f"What is good about the number {n}?"} for n in range(12)]


def answers(request, seed):
    """Answer in capitals or not, with a comma or not, graded by its length."""
    if "response_format" in request:
        return json.dumps({"why": "it has a length", "score": 8 + len(request["messages"][0]["content"]) % 3})
    text = ("It is even, or odd", "It is a number")[seed % 2]
    return text.upper() if seed % 3 else text


_MODE = {"generator": "model", "sandbox": {"workers": 2}}
_JUDGE = {"kind": "judge", "generator": "model"}
CASES = {
    "execution_feedback code": (
        {"mode": "code", "samples": 8, "test_samples": 4, "max_pairs": 2, **_MODE}, TASKS, programs,
    ),
    "execution_feedback self_instruct": ({"mode": "self_instruct", "generator": "model", "requests": 12}, WISHES, thoughts),
    "execution_feedback verifiers": (
        {"mode": "verifiers", "samples": 6, "consistency": _JUDGE | {"pass_at": 5}, **_MODE}, WISHES, verifiers,
    ),
    "execution_feedback instructions": (
        {
            "mode": "instructions", "samples": 6, "library": ["all_caps", "no_commas"], "max_constraints": 2,
            "quality": _JUDGE | {"scale": [0, 10]}, **_MODE,
        }, QUESTIONS, answers,
    ),
    "rejection_sampling": (
        {
            "generator": "model", "samples": 4, "max_pairs": 2, "reasonable": "model",
            "reward": {
                "kind": "mixture",
                "parts": [
                    {"reward": {"kind": "math", "symbolic": False}},
                    {"reward": {"kind": "judge", "generator": "model"}, "weight": 0.1},
                ],
            },
        }, SUMS, adds,
    ),
}  # fmt: skip


CRASHES = {"execution_feedback code": 6, "execution_feedback verifiers": 4}
"""Kills of runs that take seconds, for they start a sandbox; the others are killed 12 times. All writes are the engine's."""

LIKES = "I like long walks on the beach in the evening, when it is quiet and the sun goes down"
TABLE_CASES = {
    "deduplicate": (
        {"near": 0.7, "table": "demonstrations"},
        [
            {"prompt": prompt, "completion": answer}
            for prompt in (LIKES, LIKES.upper(), f"{LIKES}!", "Go away.", f"{LIKES}, sure", "Go  away.")
            for answer in ("So do I.", "Not me!")
        ],
    ),
    "decontaminate": (
        {"table": "demonstrations"},
        [
            {"prompt": prompt, "completion": answer}
            for prompt in (LIKES, f"{LIKES}!", "Go away.", f"{LIKES}, sure", "Come here.", "Go  away.")
            for answer in ("So do I.", f"I said: {LIKES}", "Not me!")
        ],
    ),
}


def test_there_is_a_case_for_every_synthesizer():
    made_of_rows = {name for name, target in catalog.BUILT_IN["stage"].items() if target.startswith("data_synthesis.")}
    ways = {f"{kind} {mode}".strip() for kind in made_of_rows for mode in catalog.modes("stage", kind) or [""]}
    assert ways == {*CASES, *TABLE_CASES}


@pytest.mark.parametrize("case", TABLE_CASES)
def test_a_table_synthesizer_of_ours_keeps_its_promises(case, tmp_path):
    stage, rows = TABLE_CASES[case]
    if case == "decontaminate":
        (tmp_path / "items").mkdir()
        items = [Prompt(messages=[{"role": "user", "content": text}], id=text) for text in (LIKES, "Go away")]
        tables.write(tmp_path / "items", "prompts", items)
        stage = {**stage, "against": [str(tmp_path / "items")]}
    report = conforms_table({"kind": case, **stage}, rows, tmp_path)
    assert report["emitted"] > 1
    assert sum(report["dropped"].values()) > 1
    assert len(list((tmp_path / "crashes 1").iterdir())) >= 6


@pytest.mark.parametrize("case", CASES)
def test_a_synthesizer_of_ours_keeps_the_engines_promises(case, tmp_path):
    stage, rows, say = CASES[case]
    crashes = CRASHES.get(case, 12)
    report = conforms({"kind": case.split()[0], **stage}, rows, say, tmp_path, crashes)
    assert report["emitted"] >= 0.8 * len(rows)
    assert sum(report["rows"].values()) >= report["emitted"]
    assert len(list((tmp_path / "crashes").iterdir())) >= 0.8 * crashes


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
        assert conforms(stage, SUMS, adds, tmp_path, crashes=2)["emitted"] == len(SUMS)
        return
    with pytest.raises(Failed, match=said):
        conforms(stage, SUMS, adds, tmp_path)


class CarelessTable(TableSynthesizer):
    """Breaks one promise, chosen by a field."""

    makes = frozenset({"prompts", "demonstrations"})
    breaks: str = ""

    def synthesize_all(self, rows, run):
        """Select, carelessly."""
        words = {word for row in rows for word in row.messages[-1]["content"].split()}
        order = {word: i for i, word in enumerate(words)}
        if self.breaks == "depends on the order of sets":
            rows = sorted(rows, key=lambda row: order[row.messages[-1]["content"].split()[2]])
        if self.breaks == "needs two rows":
            assert rows[1].messages
        for i, row in enumerate(rows):
            if i % 3 == 0:
                yield DroppedRow(row.id, "a third")
            elif i % 3 == 1:
                yield Derived(Demonstration(prompt=row.messages, completion="Yes."), [row.id])
            else:
                yield row


@pytest.mark.parametrize(
    ("breaks", "said"),
    [("", None), ("depends on the order of sets", "PYTHONHASHSEED"), ("needs two rows", "one row alone: IndexError")],
)
def test_the_kit_sees_a_table_synthesizer_that_breaks_a_promise(breaks, said, tmp_path):
    stage = {"kind": "test_conformance:CarelessTable", "breaks": breaks}
    if said is None:
        assert conforms_table(stage, SUMS, tmp_path)["rows"] == {"prompts": 4, "demonstrations": 4}
        return
    with pytest.raises(Failed, match=said):
        conforms_table(stage, SUMS, tmp_path)
