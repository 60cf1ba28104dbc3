"""Measure models on problems with exact checkers, greedily and by sampling, with confidence intervals.

Scores are shares with 95% intervals (greedy: Wilson; sampled: over problems, where samples of one problem are
averaged first). Each model is compared with the one before it on the same problems (paired bootstrap). Before
anything is measured, the problems are compared with every row that earlier stages made, and with the base's
list of pretraining prompts, where it has one. A held-out problem that was trained on fails the stage.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field

from align.core import tables
from align.core.chat_templates import find_template
from align.core.errors import StageFailed
from align.core.log import Progress
from align.core.model_options import LoadsModel
from align.core.plugins import Completion, Reward, Sampling, score_each
from align.core.rows import Prompt, as_text, prompt_key
from align.core.stage import Run, Stage
from align.core.wiring import File, Ref, is_path, references
from align.evaluate.statistics.differences import paired
from align.evaluate.statistics.means import mean_interval
from align.evaluate.statistics.shares import pass_at_k, wilson
from align.evaluate.table import render, render_tags
from align.generate.backends.transformers import DTYPES, Transformers
from align.generate.calls.session import Session
from align.models.tokenizers import load_tokenizer
from align.stages.tasks import Task, problems_of, unknown

Passed = dict[str, dict[str, list[list[bool]]]]
"""mode ("greedy", "sampled") -> task -> problem -> sample -> whether it is right"""


class Evaluate(Stage, LoadsModel):
    """Compare models on verifiable tasks."""

    makes: ClassVar[frozenset[str]] = frozenset({"scores"})
    operational: ClassVar[frozenset[str]] = frozenset({"batch_size"})

    models: Annotated[list[str], Ref("model")] = Field(min_length=1)
    """Models to measure, in the order of the table; each is compared with the one before."""
    tasks: list[str | Task] = Field(min_length=1)
    """Names of built-in tasks (`arithmetic`, `constraints`, `gsm8k`), or tasks of your own."""
    samples: int = Field(default=8, ge=0)
    """Answers to each problem for the sampled score; 0 measures greedily only."""
    temperature: float = Field(default=1.0, gt=0)
    """Temperature of the sampled score. 1 measures the distribution that the model was trained to have."""
    limit: int | None = Field(default=None, ge=1)
    """Measure only the first problems of each task, this many."""
    chat_template: Annotated[str | None, File(or_template=True)] = None
    """Chat template for models that have none (a base model): a jinja file, the name of a template that TRL
    ships, or the text itself."""
    dtype: DTYPES = "bfloat16"
    """Precision of the weights while answering."""
    batch_size: int = Field(default=128, ge=1)
    """Number of sequences decoded at once."""
    allow_overlap: bool = False
    """True: held-out problems that were trained on are reported; the stage does not fail."""

    def problems(self, folder: Path) -> Iterable[tuple[str, str]]:
        """Check the names of built-in tasks, and that no model or task is listed twice."""
        for i, task in enumerate(self.tasks):
            if isinstance(task, str) and (what := unknown(task)):
                yield f"tasks.{i}", what
        for field, names in (
            ("models", self.models),
            ("tasks", [t if isinstance(t, str) else t.name for t in self.tasks]),
        ):
            for i, name in enumerate(names):
                if name in names[:i]:
                    yield f"{field}.{i}", f"{name!r} comes twice"

    def run(self, run: Run) -> None:
        """Check for overlap, measure every model, and write the scores and the table."""
        tasks = [problems_of(task, run) for task in self.tasks]
        tasks = [(name, prompts[: self.limit], reward, longest) for name, prompts, reward, longest in tasks]
        run.report["overlap"] = self._overlap(run, {name: prompts for name, prompts, *_ in tasks})
        results: dict[str, Passed] = {}
        for label, reference in zip(_labels(self.models), self.models, strict=True):
            results[label] = asyncio.run(self._measure(run, label, reference, tasks))
        scores = {model: _scores(passed) for model, passed in results.items()}
        comparisons = _comparisons(results)
        tables.replace(run.folder / "results.json", json.dumps(results))
        tables.replace(run.folder / "comparisons.json", json.dumps(comparisons, indent=1) + "\n")
        note = Path(run.locate("base")) / "NOTE.txt"  # a base made for demonstration says so there
        tags = _by_tag(results, {name: prompts for name, prompts, *_ in tasks})
        tables.replace(run.folder / "by_tag.json", json.dumps(tags, indent=1) + "\n")
        text = render(scores, comparisons, self.temperature) + render_tags(tags)
        text += "\n" + note.read_text(encoding="utf-8") if note.is_file() else ""
        tables.replace(run.folder / "table.txt", text)
        tables.replace(run.folder / "scores.json", json.dumps(scores, indent=1) + "\n")
        run.log.info("\n%s", text)

    def _overlap(self, run: Run, problems: dict[str, list[Prompt]]) -> dict[str, int]:
        """Return how many training prompts were compared, and how many held-out problems are among them."""
        seen: dict[str, set[str]] = defaultdict(set)
        for name in self._sources(run):
            folder = Path(run.locate(name))
            for table in tables.held(folder):
                for row in tables.read(folder, table):
                    seen[prompt_key(row.messages if isinstance(row, Prompt) else row.prompt)].add(name)
        listed = Path(run.locate("base")) / "pretraining_prompts.txt"
        for key in listed.read_text(encoding="utf-8").split() if listed.is_file() else ():
            seen[key].add("pretraining")
        found = [
            (t, p, seen[k]) for t, ps in problems.items() for p in ps if (k := prompt_key(p.messages)) in seen
        ]
        if found and not self.allow_overlap:
            task, prompt, where = found[0]
            trained = f"were trained on (in {', '.join(sorted(where))})"
            cause = (
                f"{len(found)} held-out problems of {task!r} {trained}, such as "
                f"{as_text(prompt.messages[-1])!r}; remove them there, or set allow_overlap: true"
            )
            raise StageFailed(run.name, cause, run.log_file)
        return {"training prompts compared": len(seen), "held-out problems among them": len(found)}

    def _sources(self, run: Run) -> list[str]:
        """Return the earlier stages and folders whose rows are compared with the problems.

        A stage that holds a task's own problems is among them only if another stage uses its rows too.
        """
        own = {task.prompts for task in self.tasks if isinstance(task, Task)}
        made: list[str] = []
        used: set[str] = set()
        for name, stage in run.recipe.stages.items():
            if name == run.name:
                break
            made.append(name)
            used |= {ref for _, need, ref in references(stage) if need in tables.TABLES}
        outside = sorted(ref for ref in used if is_path(ref) and Path(run.locate(ref)).is_dir())
        return [name for name in made if name not in own or name in used] + outside

    def _template_of(self, run: Run, reference: str) -> str | None:
        """Return the text of `chat_template` for a model without a chat template, else None."""
        own = (
            load_tokenizer(run.locate(reference), **self.loading()).chat_template
            if self.chat_template
            else None
        )
        return find_template(self.chat_template, run.runs.home) if self.chat_template and not own else None

    async def _measure(
        self, run: Run, label: str, reference: str, tasks: list[tuple[str, list[Prompt], Reward, int]]
    ) -> Passed:
        generator = Transformers(
            kind="transformers", model=reference, dtype=self.dtype, batch_size=self.batch_size,
            chat_template=self._template_of(run, reference), **self.loading(),
        )  # fmt: skip
        session = Session(run)
        # not the bare label: a judge may ask a generator of that name in the recipe
        measured = f"the model {label}"
        session.start(measured, generator)
        passed: Passed = {"greedy": {}, **({"sampled": {}} if self.samples else {})}
        missing: Counter[str] = Counter()
        doubts: Counter[str] = Counter()
        try:
            for name, prompts, reward, longest in tasks:
                progress = Progress(f"{label} {name}", len(prompts) * len(passed))

                async def answer(
                    prompt: Prompt, how: Sampling, progress: Progress = progress, task: str = name
                ) -> list[Completion]:
                    seeded = how.model_copy(
                        update={"seed": run.seed(prompt.id), "tools": prompt.tools or None}
                    )
                    said = await session.sample(
                        measured, [run.name, task, prompt.id], prompt.messages, seeded
                    )
                    progress.advance()
                    return said

                for mode in passed:
                    greedy = mode == "greedy"
                    temperature, n = (0.0, 1) if greedy else (self.temperature, self.samples)
                    how = Sampling(n=n, temperature=temperature, max_new_tokens=longest)
                    answers = await asyncio.gather(*(answer(prompt, how) for prompt in prompts))
                    for said in (said for group in answers for said in group if not said.whole):
                        missing[said.missing] += 1
                    passed[mode][name] = await _judge(run, reward, prompts, answers, session, doubts)
                progress.close()
        finally:
            await session.aclose()
            session.stop()
        if missing:
            run.report[f"answers of {label} that are not whole"] = dict(missing)
        if +doubts:
            run.report[f"verdicts on {label} that are not to be relied on"] = dict(+doubts)
        return passed


async def _judge(
    run: Run,
    reward: Reward,
    prompts: list[Prompt],
    answers: list[list[Completion]],
    session: Session,
    doubts: Counter[str],
) -> list[list[bool]]:
    """Return whether each sample of each problem is right; an incomplete answer is wrong.

    An answer that could not be judged counts as wrong too. `doubts` counts those, and verdicts that could be
    forged.
    """
    session.start_reward(reward)
    scores = await score_each(
        reward, prompts, [[completion.text for completion in group] for group in answers]
    )
    if any(score.passed is None and score.graded for judged in scores for score in judged):
        cause = f"reward {reward.kind!r} gives no verdict (`passed`); evaluate needs a verifier"
        raise StageFailed(run.name, cause, run.log_file)
    for score in (score for judged in scores for score in judged):
        if not score.graded:
            doubts[f"not judged without {score.lacks}" if score.lacks else "not judged"] += 1
        doubts["forgeable"] += score.forgeable
    return [
        [bool(score.passed) and c.answers for score, c in zip(judged, group, strict=True)]
        for judged, group in zip(scores, answers, strict=True)
    ]


def _scores(passed: Passed) -> dict[str, dict[str, dict[str, float]]]:
    """Return task -> mode -> n, value, low, high."""
    scores: dict[str, dict[str, dict[str, float]]] = defaultdict(dict)
    for mode, by_task in passed.items():
        for task, problems in by_task.items():
            n, k = len(problems), len(problems[0])
            if mode == "greedy":
                right = sum(group[0] for group in problems)
                value, (low, high) = right / n, wilson(right, n)
                scores[task][mode] = {"n": n, "value": value, "low": low, "high": high}
            else:
                value, low, high = mean_interval([sum(group) / k for group in problems])
                at_k = sum(pass_at_k(k, sum(group), k) for group in problems) / n
                scores[task][mode] = {
                    "n": n,
                    "samples": k,
                    "value": value,
                    "low": low,
                    "high": high,
                    f"pass@{k}": at_k,
                }
    return dict(scores)


def _by_tag(
    results: dict[str, Passed], problems: dict[str, list[Prompt]]
) -> dict[str, dict[str, dict[str, Any]]]:
    """Return task -> tag -> {n, model -> mode -> share}, for tasks whose problems have at least two tags."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for task, prompts in problems.items():
        tags = list(dict.fromkeys(tag for prompt in prompts for tag in prompt.tags))
        for tag in tags if len(tags) > 1 else ():
            mine = [i for i, prompt in enumerate(prompts) if tag in prompt.tags]
            shares = {
                model: {mode: sum(sum(by_task[task][i]) / len(by_task[task][i]) for i in mine) / len(mine)
                        for mode, by_task in passed.items()}
                for model, passed in results.items()
            }  # fmt: skip
            found.setdefault(task, {})[tag] = {"n": len(mine), **shares}
    return found


def _comparisons(results: dict[str, Passed]) -> list[dict[str, Any]]:
    """Compare each model with the one before it, and the last with the second, on the same problems."""
    names = list(results)
    couples = [*itertools.pairwise(names), *([(names[1], names[-1])] if len(names) > 3 else [])]
    found = []
    for before, after in couples:
        for mode, by_task in results[after].items():
            for task, problems in by_task.items():
                a = [sum(group) / len(group) for group in results[before][mode][task]]
                difference, low, high = paired(a, [sum(group) / len(group) for group in problems])
                found.append({"task": task, "mode": mode, "from": before, "to": after,
                              "difference": difference, "low": low, "high": high})  # fmt: skip
    return found


def _labels(references: list[str]) -> list[str]:
    """Return the last part of each reference, or all of it where two last parts are equal."""
    short = [reference.rstrip("/").rpartition("/")[2] for reference in references]
    return [r if short.count(s) > 1 else s for r, s in zip(references, short, strict=True)]
