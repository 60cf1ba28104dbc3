"""Load tasks of lm-evaluation-harness, and let it run them on a model.

Its index of 14,000 names takes 13 s to build (2 cores), so it is built only for names that are not in the
recipe's own folder, and once a process.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from lm_eval.evaluator import simple_evaluate
from lm_eval.tasks import TaskManager
from lm_eval.utils import handle_non_serializable

from align.core.fingerprint import content_fingerprint
from align.core.log import LOGGER
from align.evaluate.task import Item

logging.getLogger("lm_eval").setLevel(logging.ERROR)  # it logs every task at length
MEANS = ("mean", "nanmean")
"""The harness's aggregations that are means over documents."""


class NotLoadable(Exception):
    """The harness does not know a task, or cannot load it. The message says why."""


@dataclass
class HarnessTasks:
    """What a name of the harness means: one task, or those of a group."""

    tasks: Mapping[str, Any]
    """Name -> the harness's task (`lm_eval.api.task.Task`)."""
    manager: Any
    """The harness's index (`TaskManager`)."""
    failures: dict[tuple[str, str], str] = field(default_factory=dict)
    """(task, hash of a document) -> the error that the task's own code raised while it scored an answer."""

    def aggregation(self, name: str, metric: str) -> Callable[[Sequence[Any]], Any] | None:
        """Return how the harness makes a figure of the values of documents; None where it takes the mean."""
        found = self.tasks[name].aggregation().get(metric)
        return None if found is None or getattr(found, "__name__", "") in MEANS else found

    def better(self, metric: str) -> str:
        """Return `higher` or `lower`, as the harness says; "" where it does not, or its tasks differ."""
        known = {task.higher_is_better().get(metric) for task in self.tasks.values()} - {None}
        return {True: "higher", False: "lower"}[known.pop()] if len(known) == 1 else ""

    def fingerprints(self) -> dict[str, Any]:
        """Return what tells the data of the tasks, worked examples included, from other data."""
        return {
            name: {split: getattr(data, "_fingerprint", None) for split, data in dict(task.dataset).items()}
            for name, task in self.tasks.items()
            if isinstance(getattr(task, "dataset", None), Mapping)
        }

    def shots(self) -> set[int]:
        """Return how many worked examples the tasks show where the recipe does not say it."""
        return {task.config.num_fewshot or 0 for task in self.tasks.values()}

    def run(
        self, model: Any, documents: Mapping[str, Sequence[int]], how: Mapping[str, Any]
    ) -> dict[tuple[str, int], list[dict[str, Any]]]:
        """Run tasks on a model.

        Args:
            model: `lm_eval.api.model.LM`.
            documents: task -> its documents that are measured, in rising order.
            how: further arguments of `simple_evaluate`.

        Returns:
            (task, document) -> what the harness logged of it, one entry for each filter.
        """
        chosen = {name: list(found) for name, found in documents.items()}
        everything = all(len(self.tasks[name].eval_docs) == len(found) for name, found in chosen.items())
        results = simple_evaluate(
            model, tasks=[self.tasks[name] for name in chosen], task_manager=self.manager,
            samples=None if everything else chosen, bootstrap_iters=0, log_samples=True, **how,
        )  # fmt: skip
        found: dict[tuple[str, int], list[dict[str, Any]]] = {}
        for name, samples in results["samples"].items():
            for sample in samples:
                found.setdefault((name, sample["doc_id"]), []).append(sample)
        return found


def load(name: str, home: Path | None) -> HarnessTasks:
    """Load what a name means: a task, a group or a tag.

    Args:
        name: known to the harness, or named in a YAML file of `home`.
        home: folder with further tasks.

    Raises:
        NotLoadable: there is no such name, or the task or its data cannot be loaded.
    """
    stamp = content_fingerprint(home) if home else ""
    own = _own(home, stamp) if home else None
    manager = own if own is not None and _complete(own, name) else _index(home, stamp)
    if name not in manager.all_tasks:
        near = difflib.get_close_matches(name, manager.all_tasks, n=3)
        like = f"; did you mean {', '.join(near)}?" if near else "; `lm_eval ls tasks` lists its tasks"
        raise NotLoadable(f"lm-evaluation-harness {version('lm_eval')} has no task {name!r}{like}")
    try:
        tasks = manager.load([name])["tasks"]
    except Exception as error:  # whatever a task's own code and its data set raise
        said = (str(error).strip().splitlines() or [""])[0]
        raise NotLoadable(
            f"lm-evaluation-harness cannot load {name!r}: {type(error).__name__}: {said}; its data or a "
            "package is missing (`dataset_path` and `dataset_kwargs` of its YAML file say which data)"
        ) from error
    loaded = HarnessTasks(tasks, manager)
    for one, task in tasks.items():
        task.process_results = _guarded(one, task.process_results, loaded.failures)
    return loaded


def items(name: str, loaded: HarnessTasks) -> list[Item]:
    """Return an item for each document of a task."""
    task, seen, found = loaded.tasks[name], Counter(), []
    for number, document in enumerate(task.eval_docs):
        key = hashed(document)
        seen[key] += 1
        id_ = key if seen[key] == 1 else f"{key}-{seen[key]}"  # a data set may hold a document twice
        if len(loaded.tasks) > 1:
            id_ = f"{name}-{id_}"
        tags = (name,) if len(loaded.tasks) > 1 else ()
        data = {"task": name, "document": number, "hash": key}
        try:
            text, answer = _question(task, document)
            unusable = "" if _has_gold(task, document) else "the gold answer is none of the choices"
        except Exception as error:  # whatever the task's own code raises over a document
            text, answer = "", None
            unusable = f"the task's own code cannot read it ({type(error).__name__})"
        messages = [{"role": "user", "content": text}] if text else []
        found.append(
            Item(id=id_, messages=messages, text=text, answer=answer, tags=tags, data=data, unusable=unusable)
        )
    return found


def hashed(document: Any) -> str:
    """Return the harness's hash of a document (`doc_hash` of its logged samples)."""
    text = json.dumps(document, indent=2, default=handle_non_serializable, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _question(task: Any, document: Any) -> tuple[str, str | None]:
    """Return a document's question, and its answer as people read it."""
    text, target = task.doc_to_text(document), task.doc_to_target(document)
    if task.OUTPUT_TYPE == "loglikelihood_rolling":
        return str(target), None
    if isinstance(target, int) and task.OUTPUT_TYPE == "multiple_choice":
        choices = task.doc_to_choice(document)
        target = choices[target] if 0 <= target < len(choices) else target
    return text if isinstance(text, str) else "", str(target)


def _has_gold(task: Any, document: Any) -> bool:
    """Is the gold answer of a multiple choice among its choices? The harness counts the others as wrong."""
    if task.OUTPUT_TYPE != "multiple_choice" or callable(task.config.process_results):
        return True
    choices = task.doc_to_choice(document)
    gold = task.doc_to_text(document) if task.multiple_input else task.doc_to_target(document)
    return all(
        0 <= one < len(choices) if isinstance(one, int) else one in choices
        for one in (gold if isinstance(gold, list) else [gold])
    )


def _guarded(
    name: str, score: Callable[[Any, Any], dict[str, Any]], failures: dict[tuple[str, str], str]
) -> Callable[[Any, Any], dict[str, Any]]:
    """Return a task's function that scores a document, which no longer ends the stage by its own error."""

    def guarded(document: Any, results: Any) -> dict[str, Any]:
        try:
            return score(document, results)
        except Exception as error:  # it is the task's own code; the item is shown as not measured
            LOGGER.warning("%s: %s while it scored a document: %s", name, type(error).__name__, error)
            failures[name, hashed(document)] = type(error).__name__
            return {}

    return guarded


def _complete(own: Any, name: str) -> bool:
    """Does an index of a recipe's folder have a task, or a group and all of its tasks?"""
    members = own.task_index[name].cfg.get("task") if name in own.all_groups else [name]
    names = [members] if isinstance(members, str) else members or [None]
    return all(isinstance(member, str) and member in own.all_subtasks for member in names)


# `stamp` is the content of the folder: what was read of it before holds as long as nothing in it changes


@cache
def _own(home: Path, stamp: str) -> Any:
    return TaskManager(include_path=str(home), include_defaults=False)


@cache
def _index(home: Path | None, stamp: str) -> Any:
    return TaskManager(include_path=None if home is None else str(home))
