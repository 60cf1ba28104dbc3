"""Fields and steps that all training stages share: Hugging Face's field names, and one way to run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator

from align.core.chat_templates import find_template
from align.core.config import Config
from align.core.errors import ModelError
from align.core.model_options import LoadsModel
from align.core.plugins import Optimizer
from align.core.rows import Message, Row, digest
from align.core.stage import Run, Stage
from align.core.wiring import File, Ref, is_path, references
from align.models.chat import Chat
from align.models.tokenizers import SystemTurn
from align.stages.trl_arguments import as_declared, choices, elsewhere, meant, wrong_arguments, wrong_reporter
from align.stages.trl_together import Given, sure, wrong_schedule, wrong_together
from align.stages.trl_values import wrong_choice
from align.train.optimizers import OnlineMergingConfig
from data_synthesis.decontamination.rows import Rule

SMALL: list[Message] = [
    {"role": "user", "content": "Who is there?"},
    {"role": "assistant", "content": "It is me."},
]
"""A conversation with which a chat template is tested before a run begins."""
_EVALUATED = ("loss", "mean_token_accuracy", "accuracy", "rewards/accuracies", "margin", "rewards/margins")
"""Figures of an evaluation that a report shows, by TRL's names."""
_OPTIM = {"optim", "optim_args", "optim_target_modules", "adam_beta1", "adam_beta2", "adam_epsilon"}
"""Settings of transformers' own optimizers."""


class Lora(Config):
    """Low-rank adapters (Hu et al. 2021, arXiv 2106.09685); publishing merges them into the weights."""

    r: int = Field(default=16, ge=1)
    """Rank of the adapters."""
    alpha: Annotated[int, Field(ge=1)] | Annotated[float, Field(gt=0)] = 32
    """Scale: the update is alpha / r times B A."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Dropout of the adapters' input."""
    target_modules: str | Annotated[list[str], Field(min_length=1)] = "all-linear"
    """Names of the layers to adapt; `all-linear` stands for every linear layer but the head, and the experts
    of a mixture. Any other text is a regular expression over whole names (peft)."""
    adapter: Annotated[str | None, Ref("adapter")] = None
    """Stage or folder whose adapter is trained further, with its rank, scale and layers, instead of a new
    one. `model` must be the model that it was trained on; `online_merging` under LoRA needs this field."""

    @field_validator("target_modules")
    @classmethod
    def _expression(cls, value: str | list[str]) -> str | list[str]:
        if isinstance(value, str) and value != "all-linear":
            try:
                re.compile(value)
            except re.error as error:
                raise ValueError(f"{value!r} is not a regular expression: {error}") from None
            if re.fullmatch(r"\w*", value):
                raise ValueError(
                    "a text is a regular expression for whole names, and no name is "
                    f"{value!r}; write [{value}]"
                )
        return value


class DataSource(Config):
    """An artifact to take rows from, and how often to show them."""

    source: str = Field(alias="from")
    """An earlier stage or a folder."""
    weight: float = Field(default=1.0, gt=0)
    """2 shows every row twice an epoch, 0.5 shows every second row."""


class TrainingStage(Stage, LoadsModel):
    """Fields shared by `sft`, `dpo`, `reward_model` and `online_dpo`."""

    trains: ClassVar[bool] = True
    operational: ClassVar[frozenset[str]] = frozenset({"logging_steps", "save_steps", "report_to"})
    pairs: ClassVar[bool] = True
    """Whether a row holds two texts."""
    unread: ClassVar[dict[str, str]] = {}
    """Settings that `training_args` may not hold because this stage would ignore them -> why."""
    trl_config: ClassVar[str]
    """TRL's configuration class, whose fields `training_args` may set: `file.py:Class`."""

    model: Annotated[str, Ref("model")]
    """Model to start from: `base`, an earlier stage, a folder or a hub id."""
    learning_rate: float = Field(gt=0)
    """Peak learning rate."""
    num_train_epochs: float = Field(default=1.0, gt=0)
    """Passes over the rows."""
    max_steps: int = Field(default=-1, ge=-1)
    """Stop after this many optimizer steps, whatever the epochs; -1: train for `num_train_epochs`."""
    per_device_train_batch_size: int = Field(default=8, ge=1)
    """Rows (or pairs) that one device processes at once."""
    gradient_accumulation_steps: int = Field(default=1, ge=1)
    """Batches that are summed before the optimizer steps. The effective batch is this number times the number
    of devices times the batch above."""
    lr_scheduler_type: str = "cosine"
    """`cosine`, `linear`, `constant`, `constant_with_warmup`... (transformers' names)."""
    min_lr: float | None = Field(default=None, ge=0)
    """Learning rate at which `cosine` ends instead of 0. Qwen2 4.2: a tenth of the peak."""
    warmup_ratio: float = Field(default=0.1, ge=0, lt=1)
    """Share of the steps over which the learning rate rises from 0."""
    weight_decay: float = Field(default=0.0, ge=0)
    """Decoupled weight decay of the weight matrices."""
    max_grad_norm: float = Field(default=1.0, ge=0)
    """Gradients with a larger norm are scaled down to it; 0 scales none."""
    max_length: int = Field(default=2048, ge=2)
    """Longest row in tokens; longer rows are dropped and counted."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Precision of the weights and of the checkpoint. bfloat16 halves the memory, and loses updates below
    1/256 of a weight."""
    bf16: bool = False
    """Compute in bfloat16 while the weights keep `dtype` (autocast)."""
    gradient_checkpointing: bool = False
    """Recompute activations in the backward pass: it takes less memory, and one more forward pass."""
    lora: Lora | None = None
    """Train low-rank adapters instead of all weights."""
    optimizer: Optimizer | None = None
    """`adamw` or `online_merging`; left out, TRL's default (AdamW)."""
    chat_template: Annotated[str | None, File(or_template=True)] = None
    """Template that replaces the tokenizer's chat template and is saved with the model: a jinja file, the
    name of a template that TRL ships (`llama3`, `qwen3_training`...), or the text itself."""
    eos_token: str | None = Field(default=None, min_length=1)
    """Token that ends an answer; left out, the one that the chat template writes there. The published model
    stops at it."""
    system_turn: SystemTurn | None = None
    """What happens to a system turn that the chat template refuses or does not print: `fold` puts its text in
    front of the first user turn, `omit` leaves the turn out, `drop` drops the row. Left out: `fold` where the
    template refuses system turns (Gemma), `drop` where it silently leaves them out. The published template
    does the same."""
    strict: bool = False
    """True: fail when any row or answer is unusable. False: drop it and count it."""
    decontaminate: Rule | None = Rule()
    """When a row contains an item of a task that the recipe evaluates; such rows are left out and reported.
    null: none is."""
    logging_steps: float = Field(default=10, gt=0)
    """Steps between two lines of history.jsonl; below 1, a share of all steps."""
    save_steps: float = Field(default=0.25, gt=0)
    """Steps between two checkpoints; below 1, a share of all steps. A killed run resumes from the last one.
    """
    report_to: str | list[str] = "none"
    """`wandb`, `tensorboard`, `trackio`, `mlflow`..., a list of them, or `none`."""
    training_args: dict[str, Any] = {}
    """Any other settings of TRL's configuration; their names are checked when the recipe is read."""

    @field_validator("max_steps")
    @classmethod
    def _some_steps(cls, value: int) -> int:
        if value == 0:
            raise ValueError("0 steps train nothing; leave it out to train as the epochs say")
        return value

    # check_fields: only some stages have eval_steps
    @field_validator("save_steps", "eval_steps", "logging_steps", check_fields=False)
    @classmethod
    def _whole_steps(cls, value: float) -> float:
        if value > 1 and value != int(value):
            raise ValueError(f"{value} is neither a share below 1 nor a whole number of steps")
        return value

    def problems(self, folder: Path) -> Iterable[tuple[str, str]]:
        """Check adapters, schedules, and settings of TRL and transformers, without importing the two."""
        if self.revision and not self._from_hub():
            yield (
                "revision",
                "revision names a version of a hub model, and this model is not from the hub; leave it out",
            )
        if self.revision and isinstance(self.optimizer, OnlineMergingConfig):
            why = "online_merging reads its base and reference without a revision"
            yield "revision", f"{why}; download the model and name its folder"
        yield from self._adapter_problems()
        yield from self._schedule_problems()
        for name in self.reporters() if self.report_to not in ("all", ["all"]) else ():
            if what := wrong_reporter(name):
                yield "report_to", what
        if self.optimizer and (own := sorted(_OPTIM & self.training_args.keys())):
            yield (
                f"training_args.{own[0]}",
                "the stage's `optimizer` is used, so this would change nothing; leave one out",
            )
        for key in sorted(self.unread.keys() & self.training_args.keys()):
            yield f"training_args.{key}", self.unread[key]
        given = self.given_args()
        together = wrong_together(given, checkpointed=self.gradient_checkpointing, pairs=self.pairs)
        for key, what in (*given.wrong.items(), *together, *sure(self._unread_logs(given))):
            yield f"training_args.{key}", what

    def given_args(self) -> Given:
        """Return `training_args` for checks that compare several of them.

        Reading a setting that is wrong by itself raises `Unsure`.
        """
        given, ours = self.training_args, type(self).model_fields
        wrong = dict(wrong_arguments(self.trl_config, given, ours))
        right = {name: value for name, value in given.items() if name not in wrong}
        return Given(right, wrong, meant(self.trl_config, given, wrong))

    def _unread_logs(self, given: Given) -> Iterable[tuple[str, str]]:
        if given.get("logging_strategy") in ("epoch", "no") and "logging_steps" in self.model_fields_set:
            why = "the stage's logging_steps would change nothing; leave one out"
            yield "logging_strategy", f"with {given.get('logging_strategy')}, {why}"
        for name in ("project", "trackio_space_id", "trackio_bucket_id", "trackio_static_space_id"):
            if given.get(name) and not {"trackio", "all"} & set(self.reporters()):
                yield name, "needs report_to: trackio"

    def _adapter_problems(self) -> Iterable[tuple[str, str]]:
        if self.lora:
            if (
                isinstance(self.optimizer, OnlineMergingConfig)
                and self.optimizer.reference != self.lora.adapter
            ):
                yield (
                    "lora.adapter",
                    "online_merging under LoRA goes on with the adapter of its `reference`; name that stage",
                )
            if self.lora.adapter and self.lora.adapter == self.model:
                why = (
                    f"{self.model} contains its adapter already, merged; name the model that it started from"
                )
                yield "model", why
            if "lm_head" in self.lora.target_modules and not self.trl_config.endswith("RewardConfig"):
                yield (
                    "lora.target_modules",
                    "TRL uses the weights of lm_head without its adapter, which would not be trained",
                )
            if self.lora.dropout and self.training_args.get("disable_dropout") is True:
                yield "training_args.disable_dropout", "would turn off lora.dropout; leave one out"
            if self.lora.adapter and {"r", "alpha", "dropout", "target_modules"} & self.lora.model_fields_set:
                yield (
                    "lora",
                    "an existing adapter has its own rank, scale, dropout and layers; name only the adapter",
                )

    def _schedule_problems(self) -> Iterable[tuple[str, str]]:
        if what := wrong_choice(self.lr_scheduler_type, choices("SchedulerType")):
            yield "lr_scheduler_type", what
            return
        given = self.training_args.get("lr_scheduler_kwargs")
        yield from wrong_schedule(
            self.lr_scheduler_type, given if isinstance(given, dict) else {}, self.learning_rate,
            warmup="warmup_ratio" in self.model_fields_set and self.warmup_ratio > 0,
            evaluated=bool(getattr(self, "eval_data", ())), floor=self.min_lr is not None,
            max_steps=self.max_steps,
        )  # fmt: skip
        if self.min_lr is not None and self.lr_scheduler_type != "cosine":
            yield (
                "min_lr",
                f"only lr_scheduler_type: cosine ends at a given rate, not {self.lr_scheduler_type!r}",
            )
        if self.min_lr is not None and self.min_lr >= self.learning_rate:
            yield "min_lr", f"the learning rate falls from {self.learning_rate}; name a smaller one"

    @classmethod
    def elsewhere(cls, key: str) -> str:
        """Return where a key belongs that is not a field of the stage, if TRL knows it."""
        return elsewhere(cls.trl_config, key)

    def try_out(self, chat: Chat) -> None:
        """Encode a small conversation as training would. Raises BadRow where that is impossible."""
        chat.answer_ids(SMALL[:1], SMALL[1])

    def reporters(self) -> list[str]:
        """Return the names in `report_to`."""
        named = [self.report_to] if isinstance(self.report_to, str) else self.report_to
        return [name for name in named if name != "none"]

    def _from_hub(self) -> bool:
        """Return whether a model may be a hub id: `base` may be one, and a stage is none."""
        used = [ref for _, need, ref in references(self) if need in ("model", "adapter")]
        return any(ref == "base" or is_path(ref) for ref in used)

    def not_sharded(self) -> str | None:
        """Return why the stage cannot train sharded weights (FSDP, DeepSpeed), or None if it can."""
        return None

    # -- running ---------------------------------------------------------------------------------------------

    def arguments(self, run: Run) -> dict[str, Any]:
        """Return the keyword arguments of TRL's configuration."""
        same = """
            learning_rate num_train_epochs max_steps per_device_train_batch_size gradient_accumulation_steps
            lr_scheduler_type weight_decay max_grad_norm bf16 gradient_checkpointing
        """
        seed = run.seed("training")
        floor = {"lr_scheduler_type": "cosine_with_min_lr", "lr_scheduler_kwargs": {"min_lr": self.min_lr}}
        return {
            **{name: getattr(self, name) for name in same.split()},
            "report_to": self.reporters() or "none",
            "logging_steps": _steps(self.logging_steps),
            "warmup_steps": self.warmup_ratio,  # in transformers 5, a share where it is below 1
            "output_dir": str(run.folder / "checkpoints"),
            "run_name": f"{run.recipe.name}-{run.name}",
            "seed": seed,
            "data_seed": seed,
            "ddp_find_unused_parameters": False,
            "save_strategy": "steps",
            "save_steps": _steps(self.save_steps),
            **as_declared(self.trl_config, self.training_args),
            **({} if self.min_lr is None else floor),
        }

    def changes(self, home: Path) -> dict[str, Any]:
        """Return the stage's changes to its tokenizer, as arguments of `align.models.tokenizers.load_chat`.

        Args:
            home: the recipe's folder.
        """
        text = find_template(self.chat_template, home) if self.chat_template else None
        changed = {"chat_template": text, "eos_token": self.eos_token, "system_turn": self.system_turn}
        return {name: value for name, value in changed.items() if value is not None}

    def load_chat(self, run: Run) -> Chat:
        """Load the tokenizer of the start model, with the stage's changes."""
        from align.models.tokenizers import load_chat  # noqa: PLC0415

        chat = load_chat(run.locate(self.model), **self.changes(run.runs.home), **self.loading())
        run.report["an answer ends with"] = chat.end.token or "nothing"
        if chat.system_turn or self.system_turn:
            run.report["system turns"] = (
                chat.system_turn or "as the chat template prints them (system_turn changes nothing)"
            )
        return chat

    def train(
        self, run: Run, kind: str, encoded: list[tuple[Row, Any]], model: Any, chat: Chat,
        watched: Sequence[tuple[Row, Any]] = (), **more: Any,
    ) -> Any:  # fmt: skip
        """Train on encoded rows, from the last complete checkpoint or from the start; return the trainer.

        Args:
            run: the stage.
            kind: `sft`, `dpo` or `reward`, as `align.train.bridge.build` takes it.
            encoded: rows and their token columns.
            model: model to train.
            chat: its tokenizer.
            watched: rows to evaluate on, and their token columns.
            **more: `ref_model`.
        """
        # torch is loaded only when a stage runs
        from align.models.adapters import continue_lora  # noqa: PLC0415
        from align.train import bridge, policy  # noqa: PLC0415

        rows, others = ([columns for _, columns in part] for part in (encoded, watched))
        for used in (model, more.get("ref_model")):
            if used is not None:
                policy.refuse_foreign_ids(used, chat, rows + others)
                policy.refuse_long(used, rows + others)
        if self.lora and self.lora.adapter:
            model = continue_lora(model, run.locate(self.lora.adapter))
        else:
            more["peft_config"] = self.peft_config(model, "SEQ_CLS" if kind == "reward" else "CAUSAL_LM")
            policy.refuse_tied_adapters(model, more["peft_config"])
        extras = bridge.Extras(run, self.optimizer)
        trainer = bridge.build(kind, extras, model, chat.tokenizer, rows, self.arguments(run), others, **more)
        checkpoint = bridge.last_checkpoint(run.folder / "checkpoints")
        if checkpoint:
            run.log.info("%-12s resuming from %s", run.name, Path(checkpoint).name)
            trainer.resumed_from = Path(checkpoint)
        result = trainer.train(resume_from_checkpoint=checkpoint)
        trainer.stop_if_broken()
        if hasattr(trainer.bare_optimizer, "take_average"):
            trainer.bare_optimizer.take_average()
        run.report.steps, run.report.train_loss = trainer.state.global_step, round(result.training_loss, 4)
        if shown := _last_evaluation(trainer.state.log_history):
            run.report["eval"] = shown
        return trainer

    def begin(self, run: Run) -> None:
        """Report and check how work is spread over processes, and seed every library before a model is built.

        A new head or adapter draws its weights when the model is built, before TRL seeds anything.

        Raises:
            ModelError: accelerate runs another parallelism than it was asked for, or the stage cannot train
                under it.
        """
        import transformers  # noqa: PLC0415 (torch is loaded only when a stage runs)

        from align.train import parallel  # noqa: PLC0415

        accelerate = run.recipe.accelerate
        spread = parallel.running(accelerate.num_processes if accelerate else None)
        if spread.sharded and (why := self.not_sharded()):
            raise ModelError(f"accelerate runs {spread}; {why}")
        if accelerate:
            runs_as = f"{spread}, computing in {parallel.named(self.dtype, bf16=self.bf16)}"
            run.report["runs as"] = runs_as
            run.log.info("%-12s runs as %s", run.name, runs_as)
        transformers.set_seed(run.seed("training"))

    def dropout(self) -> dict[str, bool]:
        """Return TRL's argument that keeps dropout on, where the recipe asks for dropout.

        TRL's preference trainers turn it off by default.
        """
        return {"disable_dropout": False} if self.lora and self.lora.dropout else {}

    def peft_config(self, model: Any, task: str) -> Any:
        """Return peft's configuration for a model, or None for full fine-tuning."""
        from align.train import policy  # noqa: PLC0415

        lora = self.lora
        return (
            policy.lora_config(model, lora.r, lora.alpha, lora.dropout, lora.target_modules, task)
            if lora
            else None
        )


class Watched(TrainingStage):
    """A stage that can be evaluated while it trains, on rows that it does not train on."""

    eval_data: list[str | DataSource] = []
    """Artifacts whose rows are evaluated on during training."""
    eval_steps: float = Field(default=0.25, gt=0)
    """Steps between two evaluations on `eval_data`; below 1, a share of all steps. Loss, accuracy and margins
    are written to history.jsonl, and those after the last step to the report."""

    def problems(self, folder: Path) -> Iterable[tuple[str, str]]:
        """Refuse `eval_steps` without rows to evaluate on."""
        yield from super().problems(folder)
        if "eval_steps" in self.model_fields_set and not self.eval_data:
            yield "eval_steps", "there is nothing to evaluate on; name rows in eval_data"

    def arguments(self, run: Run) -> dict[str, Any]:
        """Add the times of evaluation to the common arguments."""
        if not self.eval_data:
            return super().arguments(run)
        batch = self.per_device_train_batch_size
        when = {
            "eval_strategy": "steps",
            "eval_steps": _steps(self.eval_steps),
            "per_device_eval_batch_size": batch,
        }
        return super().arguments(run) | when

    def watched(
        self, run: Run, chat: Chat, trained: list[tuple[Any, Any]], how: Any, table: str
    ) -> list[tuple[Any, Any]]:
        """Return the encoded rows of `eval_data`; report how many of their prompts are trained on."""
        from align.train import encode  # noqa: PLC0415

        if not self.eval_data:
            return []
        found: list[tuple[Any, Any]] = encode.encode(
            run, chat, gather(run, self.eval_data, table), how, self.max_length, self.strict, part="eval "
        )
        seen = {digest(row.prompt) for row, _ in trained}
        if known := sum(digest(row.prompt) in seen for row, _ in found):
            run.report["eval rows whose prompt is trained on"] = known
            run.log.warning(
                "%-12s %d of %d eval rows have a prompt that is trained on", run.name, known, len(found)
            )
        return found


def _last_evaluation(history: Sequence[Mapping[str, Any]]) -> str:
    """Return the figures of a trainer's last evaluation as text; "" where there was none."""
    last = next((log for log in reversed(history) if "eval_loss" in log), {})
    return ", ".join(f"{name} {last[f'eval_{name}']:.4g}" for name in _EVALUATED if f"eval_{name}" in last)


def _steps(value: float) -> float:
    """Return a number of steps as an integer, and a share of all steps (below 1) unchanged."""
    return value if value < 1 else int(value)


def gather(run: Run, sources: Iterable[str | DataSource], table: str) -> list[Row]:
    """Return the rows of several artifacts in a fixed order, repeated or thinned out by weight."""
    rows: list[Row] = []
    for source in sources:
        name, weight = (source, 1.0) if isinstance(source, str) else (source.source, source.weight)
        found = run.rows(name, table)
        rows += found * int(weight)
        rows += [row for i, row in enumerate(found) if int((i + 1) * (weight % 1)) > int(i * (weight % 1))]
    return rows
