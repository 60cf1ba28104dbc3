"""The tasks of lm-evaluation-harness (Gao et al. 2021, doi 10.5281/zenodo.5371628), and yours in its format.

    tasks: [{kind: lm_eval, tasks: [arc_easy, mmlu, my_task], include_path: my_tasks, num_fewshot: 5}]

Each name is a task of the table. The harness reads the data, builds the prompts, filters and scores the
answers; the models are asked through the stage (`align.evaluate.harness_model`). Its value for each document
is the value of an item, so intervals, comparisons and the alignment tax are ours. A metric has the harness's
name, and behind it the filter where a task has several, such as `exact_match (strict-match)`.

Departures from `lm_eval`:
1. Its standard errors and its figures of groups are not used. A group is one task whose items have the names
   of its tasks as tags; its score is the mean over items. That is the harness's figure where a group weighs
   by size (`mmlu`); other groups count their tasks alike.
2. A figure that is no mean of values of documents (BLEU, perplexity, F1 over all) is computed by the harness
   from the measured documents and shown without an interval. For perplexity, bits per word or byte of each
   text stand beside it, and models are compared by them.
3. `limit` takes the first documents of the tasks of a group in turn.
4. A document is not measured where its gold answer is none of its choices (the harness counts it as wrong),
   where the task's own code fails on it, or where it is too long for the context (the harness cuts it).
5. A chat template is used where the model has one, as in all tasks here; `prompting: text` is the harness's
   default.
"""

from __future__ import annotations

import asyncio
import importlib.util
import itertools
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, PrivateAttr

from align.core.errors import AlignError, StageFailed
from align.core.stage import Run
from align.core.validation_errors import not_installed
from align.core.wiring import File
from align.evaluate.subject import Subject
from align.evaluate.task import Figure, Item, Metric, Outcome, Summary, Task

if TYPE_CHECKING:
    from align.evaluate.harness_tasks import HarnessTasks

PER_TEXT = {
    "word_perplexity": "bits per word",
    "byte_perplexity": "bits per byte",
    "bits_per_byte": "bits per byte",
}
"""Metrics whose values are (log-likelihood, number of words or bytes), and what each text gets from them."""
SHARES = frozenset({
    "acc", "acc_bytes", "acc_mutual_info", "acc_norm", "contains", "em", "exact", "exact_match", "f1",
    "inst_level_loose_acc", "inst_level_strict_acc", "mc1", "mc2", "pass@1", "prompt_level_loose_acc",
    "prompt_level_strict_acc",
})  # fmt: skip
"""Metrics of the harness's tasks whose values are from 0 to 1; the scale of others is not known."""


class HarnessTask(Task):
    """Tasks of lm-evaluation-harness, or of yours in its format."""

    tasks: list[str] = Field(min_length=1)
    """Names of tasks, groups or tags of the harness, or of the YAML files in `include_path`."""
    include_path: Annotated[str | None, File()] = None
    """Folder with YAML files of your tasks (relative to the recipe). Python code that they name is run."""
    num_fewshot: int | None = Field(default=None, ge=0)
    """Worked examples in front of each question; left out, what the task says. A task that says 0 keeps
    it."""
    prompting: Literal["auto", "chat", "text"] = "auto"
    """`chat`: prompts are conversations under the model's chat template. `text`: they are plain texts.
    `auto`: chat where the model has a chat template, else text."""
    fewshot_as_multiturn: bool = True
    """In a chat, worked examples are turns of their own; false: they are part of the question's turn."""
    system_instruction: str | None = None
    """Text in front of every prompt; in a chat, the system turn."""
    gen_kwargs: dict[str, Any] = {}
    """Options of generation that replace those of the tasks, such as `max_gen_toks` and `temperature`."""
    confirm_run_unsafe_code: bool = False
    """True: run tasks that execute what a model wrote, outside any sandbox."""

    _loaded: HarnessTasks | None = PrivateAttr(default=None)

    @property
    def label(self) -> str:
        """Its name in the table."""
        return self.name or self.tasks[0]

    def expand(self) -> Sequence[Self]:
        """Return a task for each name."""
        return [self.model_copy(update={"tasks": [one], "name": self.name or one}) for one in self.tasks]

    def problems(self, folder: Path) -> Iterable[tuple[str, str]]:
        """Say what is missing. Whether the names exist is known only when the stage runs."""
        if importlib.util.find_spec("lm_eval") is None:
            what = not_installed("the task `lm_eval`", "lm_eval")
            yield "kind", f"{what}; install it with `pip install 'align-toolkit[evaluate]'`"
        if self.name is not None and len(self.tasks) > 1:
            yield "name", "several tasks cannot have one name; leave it out, or list them apart"
        for i, one in enumerate(self.tasks):
            if "/" in one or one.endswith((".yaml", ".yml")):
                yield f"tasks.{i}", "a name is expected here, not a file; name its folder with `include_path`"

    def items(self, run: Run) -> list[Item]:
        """Return an item for each document; those of several tasks of a group in turn."""
        from align.evaluate import harness_tasks  # noqa: PLC0415 (needs lm_eval)

        home = None if self.include_path is None else run.home(self.include_path)
        try:
            self._loaded = harness_tasks.load(self.tasks[0], home)
        except harness_tasks.NotLoadable as error:
            raise StageFailed(run.name, f"task {self.label!r}: {error}", run.log_file) from error
        unsafe = [name for name, one in self._loaded.tasks.items() if getattr(one, "UNSAFE_CODE", False)]
        if unsafe and not self.confirm_run_unsafe_code:
            cause = (
                f"task {self.label!r}: {unsafe[0]} executes what the model wrote, outside any sandbox; set "
                "`confirm_run_unsafe_code: true` if you want that, on a machine with nothing to lose"
            )
            raise StageFailed(run.name, cause, run.log_file)
        of_tasks = [harness_tasks.items(name, self._loaded) for name in self._loaded.tasks]
        return [item for turn in itertools.zip_longest(*of_tasks) for item in turn if item is not None]

    async def measure(self, item: Item, model: Subject) -> Outcome:
        """Measure one document."""
        (outcome,) = await self.measure_all([item], model)
        return outcome

    async def measure_all(self, items: Sequence[Item], model: Subject) -> list[Outcome]:
        """Let the harness measure a model on all documents, in a thread that asks the event loop."""
        from align.evaluate.harness_model import HarnessModel  # noqa: PLC0415 (needs lm_eval)

        loaded = self._usable(model)
        documents: dict[str, dict[int, Item]] = {}
        for item in items:
            if not item.unusable:
                documents.setdefault(item.data["task"], {})[item.data["document"]] = item
        chosen = {name: sorted(found) for name, found in documents.items()}
        places = {
            (name, place): documents[name][number]
            for name, found in chosen.items()
            for place, number in enumerate(found)
        }
        asked = HarnessModel(model, places, asyncio.get_running_loop())
        try:
            samples = await asyncio.to_thread(loaded.run, asked, chosen, self._how(model))
        except StageFailed:
            raise
        except Exception as error:  # whatever the harness or a task's own code raises
            said = str(error) if isinstance(error, AlignError) else f"{type(error).__name__}: {error}"
            raise self._failed(model, f"lm-evaluation-harness stopped: {said}") from error
        skipped = {places[place].id: why for place, why in asked.skipped.items()}
        noted = {places[place].id: notes for place, notes in asked.notes.items()}
        return [
            Outcome(skipped=why)
            if (why := item.unusable or skipped.get(item.id))
            else self.outcome(item, samples[item.data["task"], item.data["document"]], noted.get(item.id, {}))
            for item in items
        ]

    def outcome(self, item: Item, samples: Sequence[Mapping[str, Any]], noted: Mapping[str, int]) -> Outcome:
        """Return an item's outcome.

        Args:
            item: what was measured.
            samples: what the harness logged of its document, an entry for each filter.
            noted: what happened while the model was asked.
        """
        assert self._loaded is not None
        name, notes = item.data["task"], Counter(noted)
        said = [text for resp in samples[0]["resps"] for text in resp if isinstance(text, str)]
        if kind := self._loaded.failures.get((name, item.data["hash"])):
            return Outcome(skipped=f"the task's own code cannot score it ({kind})", answers=said)
        found: dict[str, float] = {}
        parts: dict[str, Any] = {}
        for sample in samples:
            for metric in sample["metrics"]:
                label = metric if len(samples) == 1 else f"{metric} ({sample['filter']})"
                value = plain(sample[metric])
                if self._loaded.aggregation(name, metric) is not None:
                    parts[f"{name}/{label}"] = value
                    found |= per_text(metric, value)
                elif isinstance(value, int | float) and not math.isnan(value):
                    found[label] = float(value)
                else:
                    notes[f"no value by {label}"] += 1
        if not found and not parts:
            return Outcome(skipped="the task's own code gives it no value", answers=said)
        return Outcome(found, said, dict(+notes), parts=parts)

    def metric(self, name: str) -> Metric:
        """Return how a metric is read, as far as the harness says it."""
        if name in PER_TEXT.values():
            return Metric("lower", None)
        known = name.partition(" (")[0]
        better = self._loaded.better(known) if self._loaded else ""
        return Metric(better, (0.0, 1.0) if known in SHARES else None, compared=bool(better))

    def summaries(
        self, items: Sequence[Item], outcomes: Mapping[str, Sequence[Outcome]]
    ) -> Mapping[str, Summary]:
        """Return the figures that the harness computes from all documents together; they have no interval."""
        return {model: Summary(self._figures(got)) for model, got in outcomes.items()}

    def _figures(self, outcomes: Sequence[Outcome]) -> dict[str, Figure]:
        assert self._loaded is not None
        found: dict[str, Figure] = {}
        for key in dict.fromkeys(key for outcome in outcomes for key in outcome.parts):
            task, _, label = key.partition("/")
            figure = self._loaded.aggregation(task, label.partition(" (")[0])
            assert figure is not None
            # the harness gives tuples, and JSON gives lists
            values = [outcome.parts[key] for outcome in outcomes if key in outcome.parts]
            value = float(figure([tuple(one) if isinstance(one, list) else one for one in values]))
            name = label if len(self._loaded.tasks) == 1 else f"{task}: {label}"
            found[name] = Figure(len(values), value, bounds=None)
        return found

    def asked(self, model: Subject) -> str:
        """Return how the model is asked, such as "5-shot text"."""
        shots = self._loaded.shots() if self._loaded else set()
        if self.num_fewshot is not None and shots != {0}:
            shots = {self.num_fewshot}
        how = "chat" if self.is_chat(model) else "text"
        return f"{shots.pop()}-shot {how}" if len(shots) == 1 else how

    def is_chat(self, model: Subject) -> bool:
        """Is this model asked in a chat, or with a text to continue?"""
        return model.chat if self.prompting == "auto" else self.prompting == "chat"

    def depends(self, model: Subject) -> Any:
        """Return the harness's version and what tells its data from other data."""
        return {"lm_eval": version("lm_eval"), "data": self._loaded.fingerprints() if self._loaded else None}

    def _how(self, model: Subject) -> dict[str, Any]:
        """Return the arguments of the harness's `simple_evaluate`."""
        return {
            "num_fewshot": self.num_fewshot,
            "gen_kwargs": dict(self.gen_kwargs) or None,
            "system_instruction": self.system_instruction,
            "apply_chat_template": self.is_chat(model),
            "fewshot_as_multiturn": self.fewshot_as_multiturn,
            "confirm_run_unsafe_code": self.confirm_run_unsafe_code,
        }

    def _usable(self, model: Subject) -> HarnessTasks:
        """Return the harness's tasks, if this model can be asked what they ask.

        Raises:
            StageFailed: they need log-likelihoods, and the model gives none.
        """
        assert self._loaded is not None
        if not type(model.generator).likelihoods:
            for name, task in self._loaded.tasks.items():
                if task.OUTPUT_TYPE != "generate_until":
                    raise self._failed(
                        model,
                        f"{name} needs log-likelihoods, and {model.label!r} ({model.generator.kind}) gives "
                        "none; measure the checkpoint itself, or choose a task that generates answers",
                    )
        return self._loaded

    def _failed(self, model: Subject, why: str) -> StageFailed:
        return StageFailed(model.run.name, f"task {self.label!r}: {why}", model.run.log_file)


def per_text(metric: str, value: Any) -> dict[str, float]:
    """Return the bits per word or byte of one text, where a metric has its log-likelihood and its length."""
    if metric not in PER_TEXT or not isinstance(value, list) or len(value) != 2 or not value[1]:
        return {}
    return {PER_TEXT[metric]: -value[0] / value[1] / math.log(2)}


def plain(value: Any) -> Any:
    """Return a value of the harness as JSON has it: numbers of numpy and arrays become Python's."""
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set):
        return [plain(one) for one in value]
    return value if isinstance(value, str | int | float | None) else str(value)
