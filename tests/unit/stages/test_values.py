"""Values of `training_args` that would fail a stage hours later are found by `align check`."""

import inspect
import re
import typing
from pathlib import Path

import pytest
import torch
from accelerate.utils import DynamoBackend
from pydantic import ValidationError
from torch.optim.lr_scheduler import ReduceLROnPlateau
from torch.utils.checkpoint import checkpoint
from transformers import PreTrainedModel, optimization, trainer_optimizer, trainer_utils, training_args
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS
from transformers.utils import import_utils
from trl import SFTConfig

from align.core import devices, model_options
from align.stages import trl_together, trl_values
from align.stages.dpo import DPO
from align.stages.sft import SFT
from align.stages.trl_arguments import as_declared

CASES = [
    (SFT, {"adam_beta1": 7.0}, "adam_beta1: 7.0 is out of range"),
    (SFT, {"adam_epsilon": True}, "adam_epsilon: a number is expected here, not true"),
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
    (SFT, {"dataloader_prefetch_factor": 2}, "dataloader_prefetch_factor: needs dataloader_num_workers"),
    (SFT, {"gradient_checkpointing_kwargs": {"use_reentrant": True}}, "gradient_checkpointing_kwargs: needs"),
    (DPO, {"train_sampling_strategy": "group_by_length"}, "train_sampling_strategy: .* a pair has two"),
    (DPO, {"f_divergence_type": "kl"}, "f_divergence_type: there is no 'kl'"),
    (SFT, {"debug": "underflow_overflw"}, "debug: there is no 'underflow_overflw'; did you mean 'underflow_overflow'?"),
    (SFT, {"debug": ["tpu_metrics_debug", "x"]}, "debug: there is no 'x'"),
    (SFT, {"pad_to_multiple_of": "abc"}, "pad_to_multiple_of: a whole number or 'auto' is expected here, not 'abc'"),
    (SFT, {"pad_to_multiple_of": ""}, "pad_to_multiple_of: a whole number or 'auto' is expected here, not ''"),
    (SFT, {"pad_to_multiple_of": "0"}, "pad_to_multiple_of: 0 is out of range"),
    (SFT, {"torch_compile_backend": "inducter"}, "torch_compile_backend: there is no 'inducter'; did you mean 'inductor'?"),
    (SFT, {"optim": "sgd", "optim_args": "momentum=abc"}, "optim_args: momentum: a number of at least 0 is expected here"),
    (SFT, {"optim": "sgd", "optim_args": "momentun=0.9"}, "optim_args: optim: sgd has no 'momentun'; did you mean 'momentum'?"),
    (SFT, {"optim": "sgd", "optim_args": "nesterov=true"}, "optim_args: nesterov needs a momentum above 0"),
    (SFT, {"optim": "sgd", "optim_args": "weight_decay=0.1"}, "optim_args: weight_decay is a field of the stage"),
    (SFT, {"optim_args": "eps=1e-6"}, "optim_args: optim: adamw_torch_fused has no 'eps'; it takes none"),
    (SFT, {"optim": "adafactor", "adam_beta2": 0.99}, "adam_beta2: optim: adafactor does not read it"),
    (SFT, {"loss_type": "dft", "label_smoothing_factor": 0.1}, "label_smoothing_factor: loss_type: dft does not read it"),
    (SFT, {"learning_rat": 1}, "learning_rat: .*; the stage has the field 'learning_rate', which stands beside training_args"),
    (SFT, {"eval_step": 1}, "eval_step: .*; the stage has the field 'eval_steps'"),
    (SFT, {"fsdp_confg": 1}, "fsdp_confg: .*; 'fsdp_config' cannot be set: the recipe's"),
    (SFT, {"xyzzy": 1}, "xyzzy: TRL's SFTConfig has no 'xyzzy'; one of: (?!.*(bf16|learning_rate|fsdp))"),
    (DPO, {"use_weighting": True, "loss_type": 1}, "loss_type: .* is set by a field of the stage"),
    (DPO, {"f_alpha_divergence_coef": 0.5}, "f_alpha_divergence_coef: needs f_divergence_type: alpha_divergence"),
    (SFT, {"activation_checkpointing": False}, "activation_checkpointing: .* the stage has the field `gradient_checkpointing`"),
    (SFT, {"torch_compile": False, "torch_compile_mode": "default"}, "torch_compile_mode: needs torch_compile"),
    (SFT, {"torch_compile_backend": "openxla"}, "torch_compile_backend: there is no 'openxla'"),
    (SFT, {"project": "x"}, "project: needs report_to: trackio"),
    (SFT, {"lr_scheduler_kwargs": {"cycles": 2}}, r"lr_scheduler_kwargs\.cycles: lr_scheduler_type: cosine has no 'cycles'"),
    (SFT, {"lr_scheduler_kwargs": {"num_cycles": "two"}}, r"lr_scheduler_kwargs\.num_cycles: a number of at least 0"),
]
FIELDS = [
    ({"lr_scheduler_type": "reduce_lr_on_plateau"}, "lr_scheduler_type: .* follows the loss of evaluations"),
    ({"lr_scheduler_type": "warmup_stable_decay"}, "lr_scheduler_type: .* needs to know how long it decays"),
    ({"lr_scheduler_type": "cosine_with_min_lr"}, "lr_scheduler_type: .* simpler: `lr_scheduler_type: cosine` and `min_lr"),
    ({"lr_scheduler_type": "polynomial", "learning_rate": 5e-8}, r"lr_scheduler_kwargs\.lr_end: the learning rate falls"),
    ({"lr_scheduler_type": "constant", "warmup_ratio": 0.1}, "warmup_ratio: .* constant_with_warmup has one"),
    (
        {"lr_scheduler_type": "cosine_with_min_lr", "training_args": {"lr_scheduler_kwargs": {"min_lr": 1.0}}},
        r"lr_scheduler_kwargs\.min_lr: the learning rate falls from 7e-06 to 1.0",
    ),
    (
        {"lr_scheduler_type": "inverse_sqrt", "training_args": {"lr_scheduler_kwargs": {"timescale": 0}}},
        r"lr_scheduler_kwargs\.timescale: a number above 0 is expected here, not 0",
    ),
    (
        {
            "lr_scheduler_type": "reduce_lr_on_plateau",
            "eval_data": ["rows"],
            "training_args": {"lr_scheduler_kwargs": {"factor": 1.5}},
        },
        r"lr_scheduler_kwargs\.factor: a number above 0 and below 1 is expected here, not 1.5",
    ),
    (
        {"lr_scheduler_type": "greedy", "eval_data": ["rows"], "training_args": {"lr_scheduler_kwargs": {"patince": 2}}},
        r"lr_scheduler_kwargs\.patince: lr_scheduler_type: greedy has no 'patince'; did you mean 'patience'?",
    ),
    (
        {"gradient_checkpointing": True, "training_args": {"activation_checkpointing_kwargs": {"every_n_layers": 0}}},
        r"activation_checkpointing_kwargs\.every_n_layers: a whole number of at least 1 is expected here, not 0",
    ),
    (
        {"gradient_checkpointing": True, "training_args": {"gradient_checkpointing_kwargs": {"use_rentrant": False}}},
        r"gradient_checkpointing_kwargs\.use_rentrant: checkpointing has no 'use_rentrant'; did you mean 'use_reentrant'?",
    ),
    (
        {"lr_scheduler_type": "greedy", "eval_data": ["rows"]},
        r"lr_scheduler_kwargs\.min_lr: the learning rate falls from 7e-06 to 0.001 by default",
    ),
    (
        {
            "lr_scheduler_type": "warmup_stable_decay",
            "max_steps": 50,
            "training_args": {"lr_scheduler_kwargs": {"num_decay_steps": 100}},
        },
        r"lr_scheduler_kwargs\.num_decay_steps: 100 steps of decay in 50",
    ),
    (
        {"gradient_checkpointing": True, "training_args": {"gradient_checkpointing_kwargs": {"debug": True}}},
        r"gradient_checkpointing_kwargs\.debug: needs use_reentrant: false beside it",
    ),
    (
        {"logging_steps": 5, "training_args": {"logging_strategy": "epoch"}},
        "logging_strategy: with epoch, the stage's logging_steps would change nothing",
    ),
    (
        {"min_lr": 1e-7, "training_args": {"lr_scheduler_kwargs": {"num_cycles": 1}}},
        "lr_scheduler_kwargs: min_lr replaces them",
    ),
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


PAIRS = [
    ({"loss_type": ["exo_pair"]}, "label_smoothing: loss_type exo_pair needs a value above 0"),
    (
        {"loss_type": ["exo_pair"], "training_args": {"label_smoothing": 0.0}},
        "label_smoothing: loss_type exo_pair needs a value",
    ),
    (
        {"loss_type": ["sigmoid", "aot"], "training_args": {"use_weighting": True}},
        "use_weighting: loss_type aot sorts the pairs",
    ),
    (
        {"loss_type": ["bco_pair"], "training_args": {"f_divergence_type": "js_divergence"}},
        "f_divergence_type: loss_type bco_pair knows reverse_kl only, not js_divergence",
    ),
]


@pytest.mark.parametrize(("fields", "said"), PAIRS, ids=str)
def test_arguments_that_a_loss_refuses_are_found_before_anything_runs(fields, said):
    [found] = problems(DPO, **fields)
    assert found.startswith(f"training_args.{said}")


def test_an_attention_that_cannot_run_here_is_found_before_anything_runs():
    fields = {"kind": "sft", "model": "base", "data": ["rows"]}
    said = {name: dict(SFT(**fields, attn_implementation=name).unavailable()).get("attn_implementation") for name in (
        None, "sdpa", "eager", "flash_attention_2", "spda", "kernels-community/flash-attn2",
    )}  # fmt: skip
    assert said[None] is said["sdpa"] is said["eager"] is None
    assert said["spda"] == "there is no 'spda'; did you mean 'sdpa'?"
    assert said["flash_attention_2"].startswith("flash_attention_2 needs the package flash-attn, which is not installed here")
    assert said["kernels-community/flash-attn2"].endswith(
        "needs the package kernels, which is not installed here; sdpa needs none"
    )
    assert set(model_options.ATTENTION) == {"eager", *ALL_ATTENTION_FUNCTIONS.valid_keys()}


def test_right_values_pass():
    fine = {"debug": "underflow_overflow tpu_metrics_debug", "neftune_noise_alpha": None, "logging_strategy": "epoch",
            "dataloader_num_workers": 2, "dataloader_prefetch_factor": 4, "optim": "rmsprop",
            "optim_args": "alpha=0.9, eps=1e-6",
            "include_num_input_tokens_seen": True, "trackio_static_space_id": False,
            "train_sampling_strategy": "group_by_length",
            "lr_scheduler_kwargs": {"num_decay_steps": 10, "decay_type": "1-sqrt"}}  # fmt: skip
    assert not problems(SFT, training_args=fine, lr_scheduler_type="warmup_stable_decay")
    assert not problems(
        SFT, lr_scheduler_type="greedy", eval_data=["rows"], training_args={"lr_scheduler_kwargs": {"min_lr": 0}}
    )
    for given in (
        {"debug": None}, {"pad_to_multiple_of": "NULL"},
        {"debug": ""}, {"debug": ["underflow_overflow"]}, {"loss_type": "chunked_nll"}, {"pad_to_multiple_of": "auto"},
        {"pad_to_multiple_of": "8"}, {"torch_compile_backend": "inductor"}, {"adam_beta1": 0}, {"optim_args": ""},
        {"optim": "sgd", "optim_args": "momentum=0.9, nesterov=true"},
    ):  # fmt: skip
        assert not problems(SFT, training_args=given), given
    checkpointing = {"use_reentrant": False, "determinism_check": "none"}
    assert not problems(SFT, gradient_checkpointing=True, training_args={"gradient_checkpointing_kwargs": checkpointing})
    assert not problems(SFT, lr_scheduler_type="inverse_sqrt", training_args={"lr_scheduler_kwargs": {"timescale": None}})
    plateau = {"factor": 0.5, "patience": 2, "threshold_mode": "abs"}
    plateau_fields = {"lr_scheduler_type": "reduce_lr_on_plateau", "eval_data": ["rows"]}
    assert not problems(SFT, training_args={"lr_scheduler_kwargs": plateau}, **plateau_fields)
    assert not problems(SFT, report_to="all")
    assert not problems(SFT, min_lr=1e-7, training_args={"lr_scheduler_kwargs": {}})
    assert not problems(DPO, loss_type=["exo_pair"], training_args={"label_smoothing": 1e-3})
    assert not problems(SFT, lr_scheduler_type="constant")  # the default of warmup_ratio is nobody's wish


def test_packing_is_true_false_or_a_number_of_tokens():
    """And 1, which Python takes for true, is none of them."""
    plain = {"kind": "sft", "model": "base", "data": ["rows"]}
    assert [SFT(**plain, packing=value).pack for value in (True, False, 4096)] == [2048, None, 4096]
    for wrong in (0, 1, "yes"):
        with pytest.raises(ValidationError, match="packing"):
            SFT(**plain, packing=wrong)


def test_a_whole_number_is_a_float_where_the_library_wants_one(tmp_path):
    """torch's AdamW takes betas that are both floats."""
    declared = as_declared(SFT.trl_config, {"adam_beta1": 0, "dataloader_num_workers": 2, "pad_to_multiple_of": 8})
    assert {name: type(value) for name, value in declared.items()} == {
        "adam_beta1": float, "dataloader_num_workers": int, "pad_to_multiple_of": int,
    }  # fmt: skip


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
    ours = {"optimizer", "num_warmup_steps", "num_training_steps", "last_epoch"}
    for name, make in optimization.TYPE_TO_SCHEDULER_FUNCTION.items():
        made = {"reduce_lr_on_plateau": ReduceLROnPlateau, "greedy": optimization.GreedyLR}.get(name.value, make)
        assert trl_together.SCHEDULES[name.value].keys() == inspect.signature(made).parameters.keys() - ours
    assert {t.value for t in trainer_utils.SchedulerType} == trl_together.SCHEDULES.keys()
    source = inspect.getsource(trainer_optimizer)
    read = set(re.findall(r'optim_args(?:\.get|\.pop)?[(\[]"(\w+)"|"(\w+)" in ctx\.optim_args', source))
    read |= {(name, "") for names in re.findall(r"for key in \(([^)]*)\):", source) for name in re.findall(r'"(\w+)"', names)}
    assert {a or b for a, b in read} == {name for known in trl_together.OPTIM_ARGS.values() for name in known} | {
        "weight_decay"
    }
    forwarded = inspect.signature(checkpoint).parameters.keys() - {"function", "args", "kwargs", "context_fn"}
    taken = inspect.signature(PreTrainedModel.activation_checkpointing_enable).parameters.keys()
    taken -= {"self", "activation_checkpointing_kwargs"}
    assert trl_together.CHECKPOINTING.keys() == forwarded | taken | {"preserve_rng_state"}
    backends = {name for name in torch._dynamo.list_backends(exclude_tags=None) if "TESTING" not in name}
    both = backends & {backend.value.lower() for backend in DynamoBackend}
    assert set(trl_values.CHOICES["torch_compile_backend"].split()) == both
    fields = typing.get_type_hints(SFTConfig).keys() | {"f_divergence_type", "label_smoothing", "ld_alpha", "discopop_tau"}
    assert not (trl_values.CHOICES.keys() | trl_values.RANGES.keys()) - fields
    plain = {"adamw_torch", "adamw_torch_fused", "adafactor", "sgd", "adagrad", "rmsprop"}  # torch has them
    for optimizer in {o.value for o in training_args.OptimizerNames} - plain:
        assert sum(bool(re.fullmatch(pattern, optimizer)) for pattern in trl_together.PACKAGES) == 1, optimizer
    asked = {module for module, _ in trl_together.PACKAGES.values()} - {"torchdistx", "torch_npu", "torch_xla"}
    known = {"optimi": "torch_optimi"}
    assert all(hasattr(import_utils, f"is_{known.get(m, m).removesuffix('_optim')}_available") for m in asked)
