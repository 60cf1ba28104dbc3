"""Measure models on tasks: is it better, where did it get worse, and how sure is that?

Every score has a 95% interval, every change a verdict that allows for the number of changes in the table, and
items that could not be measured are shown as a share of their own. The alignment tax says what was lost
outside the target, and a gate can fail the recipe by it. Before anything is measured, the items are compared
with the rows that the models were trained on.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from align.core import tables
from align.core.chat_templates import find_template
from align.core.config import Config
from align.core.errors import StageFailed
from align.core.model_options import LoadsModel
from align.core.plugins import Generator
from align.core.rows import as_text
from align.core.stage import Run, Stage
from align.core.wiring import File, Ref
from align.evaluate.measure import TaskResults, items_of, measure
from align.evaluate.outputs import Outputs
from align.evaluate.subject import Subject
from align.evaluate.task import Task
from align.evaluate.tax import Gate, broken
from align.generate.backends.transformers import DTYPES, Transformers
from align.generate.calls.session import Session
from align.models.tokenizers import load_tokenizer
from align.stages.contamination import Split, split_entry, strict_split
from align.stages.trained_rows import LEFT_OUT


class Measured(Config):
    """A model of the table, with a name of its own; or a generator: a served model, a proprietary one."""

    model: Annotated[str | None, Ref("model")] = None
    """`base`, an earlier stage, a folder or a hub id."""
    generator: Annotated[str | None, Ref("generator")] = None
    """An alias from the recipe's `generators`, instead of `model`."""
    name: str | None = None
    """Name in the table; left out, that of the model or the alias."""
    chat: bool | None = None
    """Of a generator. False: a base model without a chat template, which is asked with plain texts that it
    continues. Left out: a server is asked in a chat, and a checkpoint if its tokenizer has a template."""

    @model_validator(mode="after")
    def _one_of_them(self) -> Measured:
        if (self.model is None) == (self.generator is None):
            raise ValueError("a model of the table is either a `model` or a `generator`")
        if self.model is not None and self.chat is not None:
            raise ValueError("`chat` is for a generator; how a `model` is asked is a task's `prompting`")
        return self


class Evaluate(Stage, LoadsModel):
    """Compare models on tasks."""

    makes: ClassVar[frozenset[str]] = frozenset({"scores"})
    operational: ClassVar[frozenset[str]] = frozenset({"batch_size"})
    version: ClassVar[str] = "3"
    # 2: tasks are plug-ins, items that could not be judged are left out
    # 3: a generator is measured within its model's context

    models: list[Annotated[str, Ref("model")] | Measured] = Field(min_length=1)
    """Models to measure, in the order of the table; each is compared with the one before. `base`, a stage, a
    folder, a hub id, `{generator: ALIAS}`, or `{model: ..., name: ...}`."""
    tasks: list[Task] = Field(min_length=1)
    """What they are measured on: kinds of tasks (`gsm8k`), with fields where needed, such as `{kind: gsm8k,
    shots: 8}`."""
    samples: int = Field(default=8, ge=0)
    """Answers to each item for sampled scores and pass@k; 0 measures greedily only."""
    temperature: float = Field(default=1.0, gt=0)
    """Temperature of the sampled score. 1 measures the distribution that the model was trained to have."""
    limit: int | None = Field(default=None, ge=1)
    """Measure only the first items of each task, this many."""
    targets: list[str] = []
    """Names of the tasks that training aims at. The alignment tax is the mean drop over the others."""
    gate: Gate | None = None
    """Bounds that fail the recipe, after the tables are written."""
    chat_template: Annotated[str | None, File(or_template=True)] = None
    """Chat template for models that have none (a base model): a jinja file, the name of a template that TRL
    ships, or the text itself. Left out, such a model is asked with plain texts."""
    dtype: DTYPES = "bfloat16"
    """Precision of the weights while answering."""
    batch_size: int = Field(default=128, ge=1)
    """Number of sequences decoded at once."""
    allow_overlap: bool = False
    """True: held-out problems that were trained on are reported; the stage does not fail."""

    def problems(self, folder: Path) -> Iterable[tuple[str, str]]:
        """Check that nothing is listed twice, and that `targets` and `gate` name tasks and models."""
        models = self.labels()
        tasks = [task.label for whole in self.tasks for task in whole.expand()]
        for field, names in (("models", models), ("tasks", tasks)):
            yield from self._repeated(field, names)
        keys = [*self.gate.max_drop, *self.gate.min_gain] if self.gate else []
        gated = [key.partition("/")[0] for key in keys]  # TASK/METRIC
        chosen = [self.gate.against, self.gate.model] if self.gate else []
        if self.gate and (self.gate.against or models[0]) == (self.gate.model or models[-1]):
            yield "gate", "it compares a model with itself; name another in `against` or `model`"
        yield from _unknown("targets", "task", self.targets, tasks)
        yield from _unknown("gate", "task", gated, tasks)
        yield from _unknown("gate", "model", [name for name in chosen if name is not None], models)

    def _repeated(self, field: str, names: Sequence[str]) -> Iterable[tuple[str, str]]:
        """Yield an error for each model or task that comes a second time."""
        for i, name in enumerate(names):
            if name in names[:i]:
                remedy = "; give one of them a `name`" if field == "tasks" else ""
                yield f"{field}.{min(i, len(getattr(self, field)) - 1)}", f"{name!r} comes twice{remedy}"

    def labels(self) -> list[str]:
        """Return the models' names in the table.

        A name that the recipe gives stays as it is. Others are the last part of a reference, or all of it
        where two would be equal.
        """
        given = [None if isinstance(m, str) else m.name for m in self.models]
        whole = [m if isinstance(m, str) else m.name or m.model or m.generator or "" for m in self.models]
        short = [name or one.rstrip("/").rpartition("/")[2] for name, one in zip(given, whole, strict=True)]
        return [one if short.count(s) > 1 else s for one, s in zip(whole, short, strict=True)]

    def run(self, run: Run) -> None:
        """Check for overlap, measure every model, and write the scores and the tables."""
        tasks = [task for whole in self.tasks for task in whole.expand()]
        results = {task.label: TaskResults(task, items_of(task, run, self.limit)) for task in tasks}
        split = self._seen(run, results)
        session = Session(run)
        try:
            subjects = self._subjects(run, session)
            measure(results, subjects, run)
        finally:
            session.stop()
        labels = [subject.label for subject in subjects]
        outputs = Outputs(run, results, labels, self._references(run, labels), self.targets)
        taxes = outputs.write({name: one.seen for name, one in split.items()})
        run.report |= {
            f"alignment tax of {owed.model} against {owed.against}": f"{owed.value:.1f} points "
            f"[{owed.low:.1f}, {owed.high:.1f}]"
            for owed in taxes[-1:]
        }
        if self.gate and (wrong := broken(self.gate, results, labels, self.targets, run.seed("tax"))):
            raise StageFailed(run.name, f"the gate is broken: {'; '.join(wrong)}", run.log_file)

    def _subjects(self, run: Run, session: Session) -> list[Subject]:
        """Start a generator for each model; weights are loaded when the first item needs them."""
        found = []
        for label, entry in zip(self.labels(), self.models, strict=True):
            model = entry if isinstance(entry, str) else entry.model
            if model is None:
                assert not isinstance(entry, str)
                alias = entry.generator or ""
                generator, chat = _of_recipe(run, alias, entry.chat)
                session.start(alias, generator)
            else:
                own = load_tokenizer(run.locate(model), **self.loading()).chat_template
                template = (
                    None
                    if own or not self.chat_template
                    else find_template(self.chat_template, run.runs.home)
                )
                generator = Transformers(
                    kind="transformers", model=model, dtype=self.dtype, batch_size=self.batch_size,
                    chat_template=template, within_context=True, **self.loading(),
                )  # fmt: skip
                # not the bare label: a judge may ask a generator of that name in the recipe
                alias, chat = f"the model {label}", bool(own or template)
                session.start(alias, generator)
            found.append(Subject(label, alias, generator, chat, session, run, self.samples, self.temperature))
        return found

    def _references(self, run: Run, models: Sequence[str]) -> list[str]:
        """Return the models that all others are compared with: the first, and what an `sft` stage made."""
        references = [entry if isinstance(entry, str) else entry.model or "" for entry in self.models]
        made = [
            label
            for label, reference in zip(models, references, strict=True)
            if label == "sft" or getattr(run.recipe.stages.get(reference), "kind", "") == "sft"
        ]
        return list(dict.fromkeys([models[0], *made[:1]]))

    def _seen(self, run: Run, results: Mapping[str, TaskResults]) -> dict[str, Split]:
        """Return the items of each task that were seen in training.

        Raises:
            StageFailed: a question is that of a row that was trained on, and `allow_overlap` is not set.
        """
        split, compared = strict_split(run, results)
        told = {name: split_entry(split[name], each.items) for name, each in results.items()}
        tables.replace(run.folder / LEFT_OUT, json.dumps(told, indent=1) + "\n")
        same = {name: one.same_prompt for name, one in split.items() if one.same_prompt}
        run.report["overlap"] = {
            "training rows compared": compared,
            "held-out problems among them": sum(map(len, same.values())),
            "items that share a 13-gram with one": sum(len(one.ngram) for one in split.values()),
        }
        if same and not self.allow_overlap:
            name, ids = next(iter(same.items()))
            item = next(item for item in results[name].items if item.id in ids)
            asked = as_text(item.messages[-1]) if item.messages else item.text
            raise StageFailed(
                run.name,
                f"{len(ids)} held-out problems of {name!r} were trained on, such as {asked!r}; remove them "
                "there (`kind: decontaminate`), or set allow_overlap: true",
                run.log_file,
            )
        return split


def _of_recipe(run: Run, alias: str, chat: bool | None) -> tuple[Generator, bool]:
    """Return a generator of the recipe as it is measured, and whether it is asked in a chat.

    A checkpoint is measured within its context, so that items that are too long are left out as for any model
    of the table, and its tokenizer tells whether there is a chat template.
    """
    generator = run.generator(alias)
    if not isinstance(generator, Transformers):
        return generator, chat is not False
    if chat is None:
        own = load_tokenizer(run.locate(generator.model), **generator.loading()).chat_template
        chat = bool(own or generator.chat_template)
    return generator.model_copy(update={"within_context": True}), chat


def _unknown(field: str, what: str, named: Sequence[str], known: Sequence[str]) -> Iterable[tuple[str, str]]:
    """Yield an error for each name of a field that is no task or model of the stage."""
    for name in named:
        if name not in known:
            yield field, f"{name!r} is no {what} of this stage; it has {', '.join(known)}"
