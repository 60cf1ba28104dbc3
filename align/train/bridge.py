"""The one module that touches TRL (1.16): it builds TRL's trainers from our rows and fields.

It adds to TRL's trainers (facts and issue numbers: docs/paper_index.md):
1. Our code makes the token columns, so sampling, training and scoring read the same tokens; nothing is
   tokenized again.
2. A loss that is not finite stops the stage at the next log or checkpoint. transformers logs it as 0.0 and
   goes on.
3. The optimizer can be any `Optimizer` of the recipe, built with parameter names (TRL's DPO trainer has no
   hook for it).
4. A checkpoint counts only when its last file is written, so a run killed while saving never resumes from a
   broken one.
5. Optimizer and schedule can be carried from one `train()` to the next: all rounds of online DPO are one
   optimization.
6. There is no telemetry and no model card at every checkpoint, and one log for people and machines
   (`history.jsonl`).
7. Reports do not depend on where a run was killed: a checkpoint holds the losses that are not logged yet, and
   a resumed run removes from `history.jsonl` the steps that it takes again.
8. On a CPU, as on CUDA, the head scores only the tokens that are trained (see `score_trained_tokens`).
9. Log-probabilities are float32 in any precision and parallelism (`align.train.parallel`).
"""

from __future__ import annotations

import json
import os
import shutil
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import transformers
import trl.kernels.chunked_logprob
import trl.trainer.utils
from datasets import Dataset, disable_progress_bars
from torch.optim.lr_scheduler import LambdaLR
from transformers import TrainerCallback
from transformers.trainer_pt_utils import BatchRebalanceSampler, LengthGroupedSampler
from trl import DPOConfig, DPOTrainer, RewardConfig, RewardTrainer, SFTConfig, SFTTrainer

from align.core import tables
from align.core.errors import StageFailed
from align.core.log import Progress
from align.core.plugins import Optimizer
from align.core.stage import Run
from align.models import checkpoints
from align.train import packing, parallel

COMPLETE = "complete"
"""Name of the empty file that marks a checkpoint as whole."""


_SPEED = ("train_runtime", "train_samples_per_second", "train_steps_per_second")
"""Figures of speed that transformers logs at the end of training."""

if TYPE_CHECKING:
    _Trainer = transformers.Trainer  # the class that the mixin extends
else:
    _Trainer = object


@dataclass
class Carry:
    """The state of one optimization that goes from one `train()` call to the next."""

    total_steps: int = 1
    """Length of the learning-rate schedule over all calls, as known when a call begins."""
    state: dict[str, Any] = field(default_factory=dict)
    """`optimizer` and `scheduler` state, empty before the first call."""
    optimizer: torch.optim.Optimizer | None = None
    """The optimizer of the last call in this process; None before the first one."""


@dataclass
class Extras:
    """Arguments of our trainers that TRL's trainers do not have."""

    run: Run
    optimizer: Optimizer | None = None
    carry: Carry | None = None
    before: int = 0
    """Optimizer steps of earlier rounds."""


class Careful(_Trainer):
    """Mixin in front of a TRL trainer; the docstring of this module lists what it adds."""

    optimizer: Any
    args: Any
    _metrics: dict[str, Any]
    resumed_from: Path | None = None
    """The checkpoint that training goes on from."""

    def __init__(self, *args: Any, extras: Extras, **kwargs: Any) -> None:
        self.extras = extras
        self._broken: torch.Tensor | None = None
        super().__init__(*args, **kwargs)

    def create_accelerator_and_postprocess(self) -> None:
        """Create the accelerator, and keep FSDP from rounding the model's outputs."""
        super().create_accelerator_and_postprocess()
        parallel.keep_outputs(self.accelerator)

    @property
    def bare_optimizer(self) -> Any:
        """The optimizer without accelerate's wrapper."""
        return getattr(self.optimizer, "optimizer", self.optimizer)

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """Use the carried optimizer, or build the recipe's with parameter names, or TRL's default."""
        carry = self.extras.carry
        if carry and carry.optimizer is not None:
            self.optimizer = carry.optimizer
        elif self.optimizer is None and self.extras.optimizer is not None:
            self.optimizer = self._build(model or self.model)
        super().create_optimizer(model)
        if carry and carry.optimizer is None and carry.state:
            self.optimizer.load_state_dict(carry.state["optimizer"])
        if carry and hasattr(self.bare_optimizer, "plan"):
            self.bare_optimizer.plan(carry.total_steps)
        return self.optimizer

    def _build(self, model: Any) -> torch.optim.Optimizer:
        decayed = set(self.get_decay_parameter_names(model))
        trained = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
        groups = []
        for decay in (True, False):
            names = [n for n, _ in trained if (n in decayed) is decay]
            chosen = [p for n, p in trained if (n in decayed) is decay]
            weight_decay = self.args.weight_decay if decay else 0.0
            groups.append({"params": chosen, "param_names": names, "weight_decay": weight_decay})
        run = self.extras.run
        groups = [g for g in groups if g["params"]]
        declared: Any = self.extras.optimizer
        carry = self.extras.carry
        return declared.build(
            groups,
            learning_rate=self.args.learning_rate,
            total_steps=carry.total_steps if carry else self.state.max_steps,
            seed=run.seed("optimizer"),
            locate=run.locate,
        )

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        """Build the schedule; a carried one covers all rounds."""
        carry = self.extras.carry
        scheduler = super().create_scheduler(carry.total_steps if carry else num_training_steps, optimizer)
        if carry and carry.state:
            scheduler.load_state_dict(carry.state["scheduler"])
            if isinstance(scheduler, LambdaLR):  # the length of the run may have changed
                here = [of(scheduler.last_epoch) for of in scheduler.lr_lambdas]
                scheduler._last_lr = [
                    base * share for base, share in zip(scheduler.base_lrs, here, strict=True)
                ]
            for group, rate in zip(self.optimizer.param_groups, scheduler.get_last_lr(), strict=True):
                group["lr"] = rate
        return scheduler

    def training_step(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        """Take a step, and remember a loss that is not finite, without waiting for the device."""
        loss = super().training_step(*args, **kwargs)
        broken = ~torch.isfinite(loss.detach())
        self._broken = broken if self._broken is None else self._broken | broken
        return loss

    def stop_if_broken(self) -> None:
        """Raise StageFailed when a loss since the start was not finite."""
        if self._broken is not None and bool(self._broken.any()):
            run, step = self.extras.run, self.state.global_step
            cause = (
                f"the loss was not finite at or before step {step}; lower learning_rate, or look for odd rows"
            )
            raise StageFailed(run.name, cause, run.log_file)

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log, stop where a loss was not finite, and add how far Online Merging has moved the weights."""
        self.stop_if_broken()
        if self.resumed_from:  # they divide all samples by this process's time: too fast
            logs = {name: value for name, value in logs.items() if name not in _SPEED}
        if "loss" in logs and hasattr(self.bare_optimizer, "displacement"):
            logs["displacement"] = self.bare_optimizer.displacement()
        super().log(logs, start_time)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        self.stop_if_broken()
        super()._save_checkpoint(model, trial)
        folder = Path(self.args.output_dir) / f"checkpoint-{self.state.global_step}"
        (folder / f"untold-{self.args.process_index}.json").write_text(json.dumps(self._unlogged()))
        self.accelerator.wait_for_everyone()  # other processes still write their parts
        if self.args.should_save:
            (folder / COMPLETE).touch()

    def _unlogged(self) -> dict[str, Any]:
        """Return the sums that go into the next log, which transformers and TRL do not save."""
        return {
            "since_log": self._tr_loss.item(),
            "total": self._total_loss_scalar,
            "logged_at": self._globalstep_last_logged,
            "metrics": getattr(self, "_metrics", {}).get("train", {}),
            "tokens": getattr(self, "_total_train_tokens", 0),
        }

    def go_on(self, folder: Path) -> None:
        """Restore from a checkpoint what `_unlogged` saved there; called when training begins."""
        held = json.loads((folder / f"untold-{self.args.process_index}.json").read_text())
        self._tr_loss += held["since_log"]
        self._total_loss_scalar, self._globalstep_last_logged = held["total"], held["logged_at"]
        self._initial_global_step = 0  # take the mean loss over all steps
        self._total_train_tokens = held["tokens"]
        if hasattr(self, "_metrics"):
            self._metrics["train"].update(held["metrics"])

    def let_go(self) -> None:
        """Drop the model and the optimizer, to which accelerate and callbacks hold references too."""
        self.accelerator.free_memory()
        self.callback_handler = self.model = self.model_wrapped = self.optimizer = self.lr_scheduler = None

    def create_model_card(self, *args: Any, **kwargs: Any) -> None:
        """Write no model card: the export stage writes one that knows the recipe and the scores."""


class ByLength(LengthGroupedSampler):
    """Batches of rows of similar length, drawn from a seed.

    transformers' own sampler draws from the global generator, whose state differs in a resumed run.
    """

    def __init__(self, sampler: LengthGroupedSampler, seed: int) -> None:
        super().__init__(sampler.batch_size, lengths=sampler.lengths)
        self.seed, self.epoch = seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch; the trainer calls this when an epoch begins, and when it resumes within one."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[int]:
        self.generator = torch.Generator().manual_seed(self.seed + self.epoch)
        return super().__iter__()


class SFTrainer(Careful, SFTTrainer):
    """Supervised fine-tuning on `input_ids` and `labels`."""

    _apart = False

    def _get_train_sampler(self, *args: Any, **kwargs: Any) -> Any:
        """Make the order of rows depend on seed and epoch only, so that a resumed run trains on the rest."""
        sampler = super()._get_train_sampler(*args, **kwargs)
        if isinstance(sampler, LengthGroupedSampler):
            return ByLength(sampler, self.args.seed)
        if isinstance(sampler, BatchRebalanceSampler):
            sampler.seed = self.args.seed
        return sampler

    def training_step(self, model: Any, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> torch.Tensor:
        """Take a step; before the first one, test whether the model keeps packed rows apart."""
        if self.padding_free and not self._apart:
            if not packing.refuse_mixing(partial(self._logits, model), inputs["input_ids"][0].tolist()):
                run = self.extras.run
                run.log.warning(
                    "%-12s packing could not be tested: this model's outputs do not depend on earlier tokens",
                    run.name,
                )
            self._apart = True
        return super().training_step(model, inputs, *args, **kwargs)

    @torch.no_grad()
    def _logits(self, model: Any, rows: Sequence[list[int]]) -> torch.Tensor:
        batch = dict(self.data_collator([{"input_ids": row, "seq_lengths": [len(row)]} for row in rows]))
        del batch["labels"]
        model.eval()  # no dropout; the next training step turns it on again
        with self.compute_loss_context_manager():
            return model(**self._prepare_inputs(batch), use_cache=False).logits


class PreferenceTrainer(Careful, DPOTrainer):
    """Preference training on `prompt_ids`, `chosen_ids` and `rejected_ids`, for offline and online stages."""

    def _prepare_dataset(self, dataset: Any, *args: Any, **kwargs: Any) -> Any:
        return (
            dataset
            if "prompt_ids" in dataset.column_names
            else super()._prepare_dataset(dataset, *args, **kwargs)
        )

    def _compute_loss(self, model: Any, *args: Any, **kwargs: Any) -> Any:
        models: set[Any] = {model, self.ref_model or model}
        with parallel.hooked(models, parallel.refuse_rounded):
            return super()._compute_loss(model, *args, **kwargs)


class RewardModelTrainer(Careful, RewardTrainer):
    """Bradley-Terry reward modelling on `chosen_ids` and `rejected_ids`."""

    def compute_loss(self, model: Any, *args: Any, **kwargs: Any) -> Any:
        """Compute the loss from float32 rewards."""
        with parallel.hooked([model], parallel.in_float32):
            return super().compute_loss(model, *args, **kwargs)


KINDS: dict[str, tuple[Any, Any]] = {
    "sft": (SFTrainer, SFTConfig),
    "dpo": (PreferenceTrainer, DPOConfig),
    "reward": (RewardModelTrainer, RewardConfig),
}


def score_trained_tokens() -> None:
    """Let TRL's fused head skip prompt tokens on a CPU as it does on CUDA.

    Without Triton, TRL 1.16 projects every position, because compilers (Neuron) would have to compile for
    every new shape of a batch. A CPU compiles nothing. SmolLM2-135M, 16 rows of 68 tokens of which 15 to 30
    are trained, on 2 cores: a step took 8.8 s and now takes 5.3 s (benchmarks/cpu_head.py).
    """
    on_triton = trl.kernels.chunked_logprob._use_triton
    trained_only: Any = lambda device: device.type == "cpu" or on_triton(device)  # noqa: E731
    trl.trainer.utils._use_triton = trained_only


def build(
    kind: str,
    extras: Extras,
    model: Any,
    tokenizer: Any,
    rows: list[dict[str, Any]],
    arguments: dict[str, Any],
    watched: list[dict[str, Any]] | None = None,
    pack: int | None = None,
    **more: Any,
) -> Any:
    """Return a trainer ready to `train()`.

    Args:
        kind: `sft`, `dpo` or `reward`.
        extras: run, optimizer and carried state.
        model: the policy.
        tokenizer: its tokenizer.
        rows: token columns, from `align.train.encode`.
        arguments: fields of the TRL configuration.
        watched: token columns of rows to evaluate on, which are not trained on.
        pack: pack rows into sequences of at most this many tokens.
        **more: `ref_model`, `peft_config`.
    """
    checkpoints.quiet()
    disable_progress_bars()
    score_trained_tokens()
    trainer_class, config_class = KINDS[kind]
    cpu = not torch.accelerator.is_available()
    data = _dataset(rows, pack, arguments["seed"])
    if pack:
        extras.run.report["packed"] = packing.said(data, pack)
        # TRL must not pack the rows again
        arguments |= {"packing": True, "dataset_kwargs": {"skip_prepare_dataset": True}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # TRL itself sets transformers' renamed arguments
        config = config_class(
            use_cpu=cpu, dataloader_pin_memory=not cpu, disable_tqdm=True, logging_nan_inf_filter=False,
            max_length=None, fp16=False, save_total_limit=2, **arguments,
        )  # fmt: skip
        config._n_gpu = min(config.n_gpu, 1)  # one device a process; TRL refuses DataParallel over several
        with _tensorboard_into(extras.run.folder):
            trainer = trainer_class(
                extras=extras, model=model, args=config, train_dataset=data, processing_class=tokenizer,
                eval_dataset=_dataset(watched, pack, arguments["seed"]) if watched else None, **more,
            )  # fmt: skip
    trainer.remove_callback(transformers.PrinterCallback)
    trainer.add_callback(History(trainer))
    # set here and not as an argument, with which TRL would hash the whole model in each round
    if "ref_chosen_logps" in rows[0]:
        trainer.precompute_ref_logps = True
    declared = extras.optimizer
    if declared and declared.by_name and trainer.is_deepspeed_enabled:
        cause = (
            f"optimizer {declared.kind} needs every parameter by name and in its shape, which DeepSpeed "
            "takes away; use FSDP2 (fsdp_version: 2) or data parallelism"
        )
        raise StageFailed(extras.run.name, cause, extras.run.log_file)
    return trainer


def _dataset(rows: list[dict[str, Any]], pack: int | None, seed: int) -> Dataset:
    return packing.pack(rows, pack, seed) if pack else Dataset.from_list(rows)


@contextmanager
def _tensorboard_into(folder: Path) -> Iterator[None]:
    """Make TensorBoard's callback write into the stage's folder.

    By default it writes among the checkpoints, which are removed at the end.
    """
    name = "TENSORBOARD_LOGGING_DIR"
    if name in os.environ:  # the user has set it
        yield
        return
    os.environ[name] = str(folder / "tensorboard")
    try:
        yield
    finally:
        del os.environ[name]


def last_checkpoint(folder: Path) -> str | None:
    """Return the newest complete checkpoint; remove the incomplete ones."""
    whole = []
    for checkpoint in folder.glob("checkpoint-*"):
        if (checkpoint / COMPLETE).exists():
            whole.append(checkpoint)
        else:
            shutil.rmtree(checkpoint, ignore_errors=True)  # another process may be removing it too
    return str(max(whole, key=lambda p: int(p.name.rpartition("-")[2]))) if whole else None


def unpatch(model: Any) -> None:
    """Restore the forward method of a model's class, which a trainer replaced (fused head, autocast)."""
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    for patched in (model, inner):
        for name in ("forward", "_original_forward"):
            patched.__dict__.pop(name, None)


class History(TrainerCallback):
    """Write every log of the trainer to `history.jsonl`, and show one line of progress."""

    SHOWN = (
        "loss", "grad_norm", "learning_rate", "rewards/accuracies", "rewards/margins", "accuracy", "margin",
        "eval_loss", "eval_rewards/margins", "eval_margin",
    )  # fmt: skip

    def __init__(self, trainer: Any) -> None:
        self.trainer, self.run, self.before = trainer, trainer.extras.run, trainer.extras.before
        self.file = self.run.folder / "history.jsonl"
        self.progress: Progress | None = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Restore the state of a checkpoint, and remove the later lines of `history.jsonl`."""
        if self.trainer.resumed_from:
            self.trainer.go_on(self.trainer.resumed_from)
        if not state.is_world_process_zero:
            return
        if self.file.exists():
            lines = self.file.read_text(encoding="utf-8").splitlines(keepends=True)
            taken = self.before + state.global_step
            tables.replace(self.file, "".join(line for line in lines if json.loads(line)["step"] <= taken))
        self.progress = Progress(f"{self.run.name} step", state.max_steps, state.global_step)

    def on_log(
        self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **kwargs: Any
    ) -> None:
        """Write the log and show the progress."""
        if not state.is_world_process_zero or logs is None:
            return
        with self.file.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": self.before + state.global_step, **logs}) + "\n")
        note = ", ".join(f"{k.rpartition('/')[2]} {float(logs[k]):.3g}" for k in self.SHOWN if k in logs)
        if self.progress:
            self.progress.advance(state.global_step - self.progress.done, note)

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Remove the line of progress."""
        if self.progress:
            self.progress.close()
            self.progress = None
