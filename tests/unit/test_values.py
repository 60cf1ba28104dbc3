"""Values of `training_args` that would fail a stage hours later are found by `align check`."""

import inspect
import re
import typing
from pathlib import Path

import pytest
from transformers import optimization, trainer_utils, training_args
from transformers.utils import import_utils
from trl import SFTConfig

from align.core import devices
from align.stages import trl_values
from align.stages.dpo import DPO
from align.stages.sft import SFT

CASES = [
    (SFT, {"adam_beta1": 7.0}, "adam_beta1: 7.0 is out of range"),
    (SFT, {"adam_epsilon": True}, "adam_epsilon: a number is expected here, not True"),
    (SFT, {"neftune_noise_alpha": "lots"}, "neftune_noise_alpha: a number or null is expected here, not 'lots'"),
    (SFT, {"logging_first_step": "yes"}, "logging_first_step: true or false is expected"),
    (SFT, {"dataloader_num_workers": 1.5}, "dataloader_num_workers: a whole number is expected"),
    (SFT, {"lr_scheduler_kwargs": "x"}, "lr_scheduler_kwargs: a mapping or null is expected"),
    (SFT, {"logging_strategy": "step"}, "logging_strategy: there is no 'step'; did you mean 'steps'?"),
    (SFT, {"train_sampling_strategy": "grouped"}, "train_sampling_strategy: there is no 'grouped'"),
    (SFT, {"loss_type": "nnl"}, "loss_type: there is no 'nnl'"),
    (SFT, {"optim": "adam"}, "optim: there is no 'adam'"),
    (
        SFT,
        {"optim": "galore_adamw", "optim_target_modules": "all-linear"},
        "optim: galore_adamw needs the package galore_torch, .*pip install galore-torch",
    ),
    (SFT, {"optim_target_modules": "all-linear"}, "optim_target_modules: only galore_... and apollo_... read it"),
    (SFT, {"optim": "rmsprop", "optim_args": "alpha"}, "optim_args: settings as `name=value"),
    (SFT, {"dataloader_prefetch_factor": 2}, "dataloader_prefetch_factor: goes with dataloader_num_workers"),
    (SFT, {"gradient_checkpointing_kwargs": {"use_reentrant": True}}, "gradient_checkpointing_kwargs: goes with"),
    (DPO, {"train_sampling_strategy": "group_by_length"}, "train_sampling_strategy: .* a pair has two"),
    (DPO, {"f_divergence_type": "kl"}, "f_divergence_type: there is no 'kl'"),
    (SFT, {"lr_scheduler_kwargs": {"cycles": 2}}, r"lr_scheduler_kwargs\.cycles: lr_scheduler_type: cosine has no 'cycles'"),
    (SFT, {"lr_scheduler_kwargs": {"num_cycles": "two"}}, r"lr_scheduler_kwargs\.num_cycles: a number of at least 0"),
]
FIELDS = [
    ({"lr_scheduler_type": "reduce_lr_on_plateau"}, "lr_scheduler_type: .* goes by evaluations"),
    ({"lr_scheduler_type": "warmup_stable_decay"}, "lr_scheduler_type: .* needs to know how long it decays"),
    ({"lr_scheduler_type": "cosine_with_min_lr"}, "lr_scheduler_type: .* simpler: `lr_scheduler_type: cosine` and `min_lr"),
    ({"lr_scheduler_type": "polynomial", "learning_rate": 5e-8}, r"lr_scheduler_kwargs\.lr_end: the learning rate falls"),
    ({"lr_scheduler_type": "constant", "warmup_ratio": 0.1}, "warmup_ratio: .* constant_with_warmup has one"),
    ({"min_lr": 1e-7, "training_args": {"lr_scheduler_kwargs": {"num_cycles": 1}}}, "lr_scheduler_kwargs: min_lr is used"),
]


def problems(cls, **fields):
    plain = {"kind": cls.__name__.lower(), "model": "base", "data": ["rows"]}
    return [f"{at}: {what}" for at, what in cls.model_validate(plain | fields).problems(Path())]


@pytest.mark.parametrize(
    ("cls", "given", "said"), CASES, ids=lambda value: next(iter(value)) if isinstance(value, dict) else ""
)
def test_a_wrong_value_is_found_before_anything_runs(cls, given, said):
    [found] = problems(cls, training_args=given)
    assert re.match(rf"training_args\.{said}", found)


@pytest.mark.parametrize(("fields", "said"), FIELDS, ids=str)
def test_a_schedule_that_cannot_be_is_found_before_anything_runs(fields, said):
    [found] = problems(SFT, **fields)
    assert re.match(rf"(training_args\.)?{said}", found)


def test_right_values_pass():
    fine = {"adam_beta1": 0, "neftune_noise_alpha": None, "logging_strategy": "epoch", "dataloader_num_workers": 2,
            "dataloader_prefetch_factor": 4, "optim": "rmsprop", "optim_args": "alpha=0.9, eps=1e-6",
            "include_num_input_tokens_seen": True, "trackio_static_space_id": False,
            "train_sampling_strategy": "group_by_length",
            "lr_scheduler_kwargs": {"num_decay_steps": 10, "decay_type": "1-sqrt"}}  # fmt: skip
    assert not problems(SFT, training_args=fine, lr_scheduler_type="warmup_stable_decay")
    assert not problems(SFT, lr_scheduler_type="greedy", eval_data=["rows"])
    assert not problems(SFT, lr_scheduler_type="constant")  # the default of warmup_ratio is nobody's wish


def test_settings_of_gpus_need_one(monkeypatch):
    gpus = {"tf32": True, "activation_offloading": True}
    monkeypatch.setattr(devices, "_SIGNS", (Path("/"),))
    assert not problems(SFT, training_args=gpus)
    monkeypatch.setattr(devices, "_SIGNS", ())
    monkeypatch.setattr(devices, "_OTHERS", ())
    monkeypatch.setattr(devices.sys, "platform", "linux")
    assert [found.partition(":")[0] for found in problems(SFT, training_args=gpus)] == [
        f"training_args.{name}" for name in gpus
    ]


def test_the_tables_fit_the_installed_libraries():
    """A new transformers or TRL with other names breaks this test, not a run."""
    for name, make in optimization.TYPE_TO_SCHEDULER_FUNCTION.items():
        if name.value in trl_values.BY_EVALUATION:
            continue
        taken = inspect.signature(make).parameters.keys() - {
            "optimizer",
            "num_warmup_steps",
            "num_training_steps",
            "last_epoch",
        }
        assert set(trl_values.SCHEDULES[name.value].split()) == taken
    assert {t.value for t in trainer_utils.SchedulerType} == trl_values.SCHEDULES.keys() | trl_values.BY_EVALUATION
    fields = typing.get_type_hints(SFTConfig).keys() | {"f_divergence_type", "label_smoothing", "ld_alpha", "discopop_tau"}
    assert not (trl_values.CHOICES.keys() | trl_values.RANGES.keys()) - fields
    plain = {"adamw_torch", "adamw_torch_fused", "adafactor", "sgd", "adagrad", "rmsprop"}  # torch has them
    for optimizer in {o.value for o in training_args.OptimizerNames} - plain:
        assert sum(bool(re.fullmatch(pattern, optimizer)) for pattern in trl_values.PACKAGES) == 1, optimizer
    asked = {module for module, _ in trl_values.PACKAGES.values()} - {"torchdistx", "torch_npu", "torch_xla"}
    known = {"optimi": "torch_optimi"}
    assert all(hasattr(import_utils, f"is_{known.get(m, m).removesuffix('_optim')}_available") for m in asked)
