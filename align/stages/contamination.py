"""Keep the items of the recipe's evaluation out of training, and say what was trained on all the same.

Both halves of the Qwen2 report's section 5.2.6:

1. Every training stage leaves out the rows that contain an item of a task that the recipe evaluates, before
   the stage or after it. What was left out is in the stage's `contamination.json`.
2. The evaluation scores every task again without the items that share a 13-gram with any row that a stage
   was trained on, or whose question was one: the strict split, without the rule of the subsequence.

What a stage left out depends on the tasks that the recipe had when it was trained. Another task, added
later, does not train the stage again; the second half then finds what the first could not know.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from align.core import tables
from align.core.errors import StageFailed
from align.core.rows import Prompt, Row, prompt_key
from align.core.stage import Run
from align.evaluate.measure import TaskResults
from align.evaluate.task import Item, Task
from align.stages.trained_rows import LEFT_OUT, trained_rows
from data_synthesis.decontamination.rows import Rule
from data_synthesis.decontamination.text import item_texts, row_texts

CACHE = ".contamination"
"""Folder of the run with what was found, by a hash of the rows and the items."""


def evaluated(run: Run) -> dict[str, list[Prompt]]:
    """Return the items of all tasks that the recipe evaluates, as prompts, by the task's name.

    A task whose data cannot be read now is left out with a warning; its own stage will say what is wrong.
    """
    found: dict[str, dict[tuple[str, str], Prompt]] = {}
    for stage in run.recipe.stages.values():
        tasks: list[Task] = getattr(stage, "tasks", []) if "scores" in type(stage).makes else []
        for task in (each for whole in tasks for each in whole.expand()):
            try:
                prompts = prompts_of(task.items(run))
            except StageFailed as error:
                run.log.warning("%-12s rows are not compared with %s: %s", run.name, task.label, error.cause)
                continue
            held = found.setdefault(task.label, {})  # tasks of two stages may have one name
            held.update({(prompt.id, prompt_key(prompt.messages)): prompt for prompt in prompts})
    return {name: list(held.values()) for name, held in found.items()}


def prompts_of(items: Sequence[Item]) -> list[Prompt]:
    """Return items as prompts: what the user says, and the gold answer."""
    return [
        Prompt(
            messages=item.messages or [{"role": "user", "content": item.text}], answer=item.answer, id=item.id
        )
        for item in items
        if item.messages or item.text
    ]


def without_test_items(run: Run, rows: list[Row], rule: Rule | None) -> list[Row]:
    """Return the rows that contain no item of a task that the recipe evaluates, and report the others.

    Args:
        run: the stage that is to be trained.
        rows: of one table.
        rule: when a row counts as contaminated; None: none does.

    Raises:
        StageFailed: no row is left.
    """
    tests = evaluated(run) if rule else {}
    if not rule or not tests or not rows:
        return rows
    found = _found(run, rows, tests, rule)
    _report(run, found, tests, rule)
    kept = [row for row in rows if row.id not in found]
    if not kept:
        measured = sorted({source for one in found.values() for source in one["sources"]})
        raise StageFailed(
            run.name,
            f"every row contains an item of {', '.join(measured)}; measure on other items, or set "
            "decontaminate: null",
            run.log_file,
        )
    return kept


def _report(run: Run, found: Mapping[str, Any], tests: Mapping[str, list[Prompt]], rule: Rule) -> None:
    """Write, report and log which rows are left out."""
    counts = {name: sum(name in one["sources"] for one in found.values()) for name in tests}
    told = {
        "rule": rule.model_dump(),
        "compared with": {name: len(prompts) for name, prompts in tests.items()},
        "left out": found,
    }
    tables.replace(run.folder / LEFT_OUT, json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    run.report["rows with test items, left out"] = {name: n for name, n in counts.items() if n}
    if found:
        one = next(iter(found.values()))
        run.log.info(
            "%-12s left out %d rows that contain test items (%s; such as %r)",
            run.name, len(found), one["reason"], one["row passage"],
        )  # fmt: skip


def _found(run: Run, rows: Sequence[Row], tests: Mapping[str, list[Prompt]], rule: Rule) -> dict[str, Any]:
    """Return what contaminated rows contain, by id; from the run's cache if it was found before."""
    key = hashlib.sha256(json.dumps(rule.model_dump(), sort_keys=True).encode())
    for row in rows:
        key.update(json.dumps([row.id, row_texts(row, rule.compare)]).encode())
    for name, prompts in tests.items():
        key.update(json.dumps([name, [item_texts(prompt) for prompt in prompts]]).encode())
    path = run.runs.path / CACHE / f"{key.hexdigest()[:16]}.json"
    if path.is_file():
        return tables.json_object(path)
    from data_synthesis.decontamination.rows import contaminated_rows  # noqa: PLC0415 (compiles)

    found = {
        id_: {
            "reason": one.reason, "source": one.source, "item": one.item, "lcs": one.lcs,
            "row passage": one.row_passage, "item passage": one.item_passage,
            "sources": sorted({source for source, _ in one.items}),
        }
        for id_, one in contaminated_rows(rows, tests, rule).items()
    }  # fmt: skip
    path.parent.mkdir(exist_ok=True)
    tables.replace(path, json.dumps(found, ensure_ascii=False) + "\n")
    return found


@dataclass(frozen=True, slots=True)
class Split:
    """The items of a task that were seen in training, and why each counts as seen."""

    same_prompt: frozenset[str]
    """Ids of the items whose question is that of a row that was trained on, or of a listed prompt of the
    base's pretraining."""
    ngram: frozenset[str]
    """Ids of the items that share a 13-gram with a text that was trained on."""

    @property
    def seen(self) -> frozenset[str]:
        """All of them."""
        return self.same_prompt | self.ngram


def strict_split(run: Run, results: Mapping[str, TaskResults]) -> tuple[dict[str, Split], int]:
    """Return the items of each task that were seen in training, and how many rows were compared."""
    trained = list(trained_rows(run))
    asked, listed = _asked(run, trained)
    prompts = [(name, prompt) for name, each in results.items() for prompt in prompts_of(each.items)]
    same = {(name, prompt.id) for name, prompt in prompts if prompt_key(prompt.messages) in asked}
    ngram = _sharing(prompts, trained)
    split = {
        name: Split(frozenset(i for n, i in same if n == name), frozenset(i for n, i in ngram if n == name))
        for name in results
    }
    return split, len(trained) + listed


def _asked(run: Run, trained: Sequence[Row]) -> tuple[set[str], int]:
    """Return keys of the questions that were trained on, and how many the base lists of its pretraining."""
    asked = {prompt_key(row.messages if isinstance(row, Prompt) else row.prompt) for row in trained}
    file = Path(run.locate("base")) / "pretraining_prompts.txt"
    listed = set(file.read_text(encoding="utf-8").split()) if file.is_file() else set()
    return (asked | listed) - {prompt_key([])}, len(listed)


def _sharing(prompts: Sequence[tuple[str, Prompt]], trained: Sequence[Row]) -> set[tuple[str, str]]:
    """Return task and id of the items that share a 13-gram with a text that was trained on."""
    from data_synthesis.decontamination.overlap import ngram_overlap  # noqa: PLC0415 (compiles)

    texts = [(name, prompt.id, text) for name, prompt in prompts for text in item_texts(prompt)]
    if not trained or not texts:
        return set()
    said = (text for row in trained for text in row_texts(row, "all"))
    return {texts[i][:2] for i in ngram_overlap(said, [text for _, _, text in texts])}


def split_entry(split: Split, items: Sequence[Item]) -> dict[str, Any]:
    """Return what contamination.json says about a task."""
    return {"items": len(items), "seen": len(split.seen), **{k: sorted(v) for k, v in asdict(split).items()}}
