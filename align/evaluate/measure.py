"""Measure models on tasks: one model after the other, each loaded once, and nothing measured twice.

What a model got on a task is kept in `outcomes/`, in a file named by a hash of all that decides it: the
model's weights, the task's fields and version, its items, how the model is asked and sampled, and the seed.
If the file is there, the model is not even loaded. If a run is killed in the middle of a task, the answers so
far are in the call log.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from align.core import tables
from align.core.errors import StageFailed
from align.core.log import Progress
from align.core.rows import digest
from align.core.stage import Run
from align.evaluate.subject import Subject
from align.evaluate.task import Item, Outcome, Summary, Task

FOLDER = "outcomes"


@dataclass
class TaskResults:
    """What all models got on one task."""

    task: Task
    items: list[Item]
    outcomes: dict[str, list[Outcome]] = field(default_factory=dict)
    """Model -> an outcome for each item."""
    asked: dict[str, str] = field(default_factory=dict)
    """Model -> how it was asked, such as "5-shot text"."""
    summaries: Mapping[str, Summary] = field(default_factory=dict)
    """Model -> what the task says of its outcomes as a whole."""


def items_of(task: Task, run: Run, limit: int | None) -> list[Item]:
    """Return a task's items, at most `limit` of them.

    Raises:
        StageFailed: there is none, none can be used, or two have the same id.
    """
    found = task.items(run)[: task.limit or limit]
    usable = [item for item in found if not item.unusable]
    if not usable:
        why = f"; the first one: {found[0].unusable}" if found else ""
        raise StageFailed(
            run.name, f"task {task.label!r} has no item that can be measured{why}", run.log_file
        )
    seen: set[str] = set()
    for item in found:
        if item.id in seen:
            raise StageFailed(run.name, f"task {task.label!r} has two items {item.id!r}", run.log_file)
        seen.add(item.id)
    return found


def measure(tasks: Mapping[str, TaskResults], subjects: Sequence[Subject], run: Run) -> None:
    """Measure each model on each task, and add the outcomes to the tasks' results.

    Raises:
        StageFailed: a model or a task cannot be measured.
    """
    others = {subject.label: subject for subject in subjects}
    (run.folder / FOLDER).mkdir(exist_ok=True)
    for subject in subjects:
        subject.others = others
        asyncio.run(_measure_model(tasks, subject, run))
    for results in tasks.values():
        results.summaries = results.task.summaries(results.items, results.outcomes)


async def _measure_model(tasks: Mapping[str, TaskResults], subject: Subject, run: Run) -> None:
    try:
        for name, results in tasks.items():
            subject.task = name
            results.asked[subject.label] = results.task.asked(subject)
            results.outcomes[subject.label] = await _outcomes(results, subject, run)
    finally:
        await subject.session.aclose()
        subject.session.release()  # the next model needs the memory


async def _outcomes(results: TaskResults, subject: Subject, run: Run) -> list[Outcome]:
    """Return a model's outcomes on a task, from its file if it is there."""
    path = run.folder / FOLDER / f"{_key(results, subject, run)}.jsonl"
    if path.is_file():
        held = [Outcome(**line) for line in tables.read_lines(path)]
        if not any(outcome.again for outcome in held):
            run.log.info("%s on %s: measured before", subject.label, subject.task)
            return held
    subject.progress = Progress(f"{subject.label} {subject.task}", len(results.items))
    try:
        outcomes = await results.task.measure_all(results.items, subject)
    finally:
        subject.progress.close()
    _refuse_wrong(results, outcomes, run)
    tables.write_lines(path, (asdict(outcome) for outcome in outcomes))
    return outcomes


def _refuse_wrong(results: TaskResults, outcomes: Sequence[Outcome], run: Run) -> None:
    """Raise StageFailed if an outcome breaks the contract of `Outcome` and `Metric`."""
    for item, outcome in zip(results.items, outcomes, strict=True):
        if why := _wrong(results.task, outcome):
            cause = f"task {results.task.label!r}, item {item.id}: {why}"
            raise StageFailed(run.name, cause, run.log_file)


def _wrong(task: Task, outcome: Outcome) -> str:
    """Return what is wrong with an outcome: no score and no reason, or a value off its metric's scale."""
    if not (outcome.scores or outcome.parts or outcome.skipped):
        return "its outcome has no score, and `skipped` does not say why"
    for name, given in outcome.scores.items():
        low, high = task.metric(name).bounds or (-math.inf, math.inf)
        for value in [given] if isinstance(given, int | float) else given:
            if not low <= value <= high or math.isinf(value):
                return (
                    f"{name!r} is {value}, and must be a number from {low:g} to {high:g}; `metrics` of the "
                    "task's class says its scale"
                )
    return ""


def _key(results: TaskResults, subject: Subject, run: Run) -> str:
    """Return a hash of everything that decides a model's outcomes on a task."""
    task = run.runs.fingerprints.of_part(results.task, run.recipe)
    for only_shown in ("name", "limit"):  # the items tell what the limit left
        task["fields"].pop(only_shown)
    decides = {
        "model": run.identity(subject.generator),
        "chat": subject.chat,
        "task": task,
        "items": digest([asdict(item) for item in results.items]),
        "others": results.task.depends(subject),
        "samples": subject.samples,
        "temperature": subject.temperature,
        "seed": [run.recipe.seed, run.name],
    }
    return digest(json.loads(json.dumps(decides, default=str)))


def write_items(results: Mapping[str, TaskResults], folder: Path) -> None:
    """Write `results/TASK.jsonl`: a line an item, with what each model answered and got."""
    folder.mkdir(exist_ok=True)
    for name, each in results.items():
        tables.write_lines(folder / f"{name}.jsonl", (_line(each, i) for i in range(len(each.items))))


def _line(results: TaskResults, i: int) -> dict[str, Any]:
    item = results.items[i]
    said = {model: _shown(outcomes[i]) for model, outcomes in results.outcomes.items()}
    about = {"tags": list(item.tags), "language": item.language, "cluster": item.cluster}
    asked = {"text": item.text} if not item.messages else {"messages": item.messages}
    gold = {} if item.answer is None else {"answer": item.answer}
    return {"id": item.id, **{k: v for k, v in about.items() if v}, **asked, **gold, "models": said}


def _shown(outcome: Outcome) -> dict[str, Any]:
    return {name: value for name, value in asdict(outcome).items() if value}
