"""Which values the settings of TRL and transformers can have.

Their types stand in the sources (`trl_arguments.fields_of`). Everything else is written down here, because the libraries look
at it late: when a model is loaded, an optimizer is built or the first batch is drawn, hours into a run. Some values they never
look at: an unknown `train_sampling_strategy` is taken for `random`. tests/unit/test_values.py compares the tables with what is
installed.
"""

from __future__ import annotations

import importlib.util
import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from align.core.devices import no_accelerator, no_device
from align.core.explained import did_you_mean

_KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "bool": ((bool,), "true or false"), "int": ((int,), "a whole number"), "float": ((int, float), "a number"),
    "str": ((str,), "a text"), "dict": ((dict,), "a mapping"), "list": ((list, tuple), "a list"),
    "None": ((type(None),), "null"),
}  # fmt: skip
CHOICES = {
    "dataloader_multiprocessing_context": "fork forkserver spawn",
    "ddp_backend": "ccl cncl gloo hccl mccl mpi nccl xccl",
    "debug": "tpu_metrics_debug underflow_overflow",
    "f_divergence_type": "alpha_divergence forward_kl js_divergence reverse_kl",
    "include_num_input_tokens_seen": "all no non_padding",
    "loss_type": "dft nll",
    "torch_compile_mode": "default lite max-autotune max-autotune-no-cudagraphs reduce-overhead",
    "train_sampling_strategy": "batch_rebalance group_by_length random sequential",
}
"""Texts that mean something. `loss_type` is sft's; dpo has a field."""
_SHARE: tuple[str, Callable[[Any], bool]] = ("at least 0 and below 1", lambda x: 0 <= x < 1)
_COUNT: tuple[str, Callable[[Any], bool]] = ("at least 1", lambda x: x >= 1)
_POSITIVE: tuple[str, Callable[[Any], bool]] = ("above 0", lambda x: x > 0)
_NOT_NEGATIVE: tuple[str, Callable[[Any], bool]] = ("at least 0", lambda x: x >= 0)
RANGES = {
    "adam_beta1": _SHARE, "adam_beta2": _SHARE, "adam_epsilon": _NOT_NEGATIVE, "label_smoothing_factor": _SHARE,
    "label_smoothing": ("at least 0 and below 0.5", lambda x: 0 <= x < 0.5), "ld_alpha": ("from 0 to 1", lambda x: 0 <= x <= 1),
    "discopop_tau": _POSITIVE, "neftune_noise_alpha": _POSITIVE, "router_aux_loss_coef": _NOT_NEGATIVE,
    "dataloader_num_workers": _NOT_NEGATIVE, "dataloader_prefetch_factor": _COUNT, "torch_empty_cache_steps": _COUNT,
    "pad_to_multiple_of": _COUNT, "ddp_timeout": _COUNT, "ddp_bucket_cap_mb": _COUNT,
}  # fmt: skip
"""Numbers that torch, transformers or TRL refuse or divide by outside these bounds (TRL documents those of `label_smoothing`
and `ld_alpha`)."""
PACKAGES = {
    r"adamw_torch_(4|8)bit": ("torchao", "torchao"), r"galore_.*": ("galore_torch", "galore-torch"),
    r"apollo_.*": ("apollo_torch", "apollo-torch"), r"(ada)?lomo": ("lomo_optim", "lomo-optim"),
    r"grokadamw": ("grokadamw", "grokadamw"), r"schedule_free_.*": ("schedulefree", "schedulefree"),
    r"stable_adamw": ("optimi", "torch-optimi"), r"adamw_anyprecision": ("torchdistx", "torchdistx"),
    r"adamw_torch_npu_fused": ("torch_npu", "torch-npu"), r"adamw_torch_xla": ("torch_xla", "torch-xla"),
    r"adamw(_bnb)?_8bit|lion_.*|paged_.*|ademamix.*|rmsprop_bnb.*": ("bitsandbytes", "bitsandbytes"),
}  # fmt: skip
"""transformers' optimizers -> the package that they need: its module, and its name for pip. The others need none."""
_LOW_RANK = re.compile(r"galore_.*|apollo_.*")
SCHEDULES = {
    "linear": "", "cosine": "num_cycles", "cosine_with_restarts": "num_cycles", "polynomial": "lr_end power", "constant": "",
    "constant_with_warmup": "", "inverse_sqrt": "timescale", "cosine_with_min_lr": "num_cycles min_lr min_lr_rate",
    "cosine_warmup_with_min_lr": "num_cycles min_lr min_lr_rate warmup_lr_rate",
    "warmup_stable_decay": "num_decay_steps num_stable_steps warmup_type decay_type min_lr_ratio num_cycles",
}  # fmt: skip
"""Schedules -> what `lr_scheduler_kwargs` may say of them. Of those that follow an evaluation, transformers takes anything."""
BY_EVALUATION = {"reduce_lr_on_plateau", "greedy"}
_NO_WARMUP = {"constant", *BY_EVALUATION}


def wrong_choice(value: Any, options: Iterable[str]) -> str | None:
    """Return what is wrong with a name, where the names that there are could be found."""
    options = list(options)
    return f"there is no {value!r}{did_you_mean(str(value), options)}" if options and value not in options else None


def wrong_value(name: str, value: Any, declared: str, choices: Callable[[str], Iterable[str]]) -> str | None:
    """Return what is wrong with the value of a setting, if that can be seen from the value alone.

    Args:
        name: the setting.
        value: what the recipe says.
        declared: its annotation in the source, such as `float | None`.
        choices: returns the values of an enumeration of transformers, none for what is not one.
    """
    kinds = [re.sub(r"\[.*", "", kind.strip()) for kind in re.sub(r"\[[^\]]*\]", "", declared).split("|")]
    for kind in kinds:
        if options := tuple(choices(kind)):
            return wrong_choice(value, options)
    kinds = [kind for kind in kinds if kind != "str" or "dict" not in kinds]  # a text there is a command line's mapping
    if not all(kind in _KINDS or kind == "Literal" for kind in kinds):
        return None
    known = [_KINDS[kind] for kind in kinds if kind in _KINDS]
    right = any(isinstance(value, types) and (bool in types or not isinstance(value, bool)) for types, _ in known)
    if not right and not (value is False and "Literal" in kinds):
        return f"{' or '.join(words for _, words in known)} is expected here, not {value!r}"
    if isinstance(value, str) and name in CHOICES:
        return wrong_choice(value, CHOICES[name].split())
    if isinstance(value, float) and not math.isfinite(value):
        return f"a finite number is expected here, not {value!r}"
    if name in RANGES and isinstance(value, int | float) and not isinstance(value, bool):
        words, fits = RANGES[name]
        return None if fits(value) else f"{value!r} is out of range: a number {words} is expected here"
    return None


def wrong_together(given: Mapping[str, Any], *, checkpointed: bool, pairs: bool) -> Iterable[tuple[str, str]]:
    """Yield (name, what is wrong) for settings that need another one, a package or a device.

    Args:
        given: the recipe's `training_args`, each of the right type.
        checkpointed: whether the stage sets `gradient_checkpointing`.
        pairs: whether a row of the stage holds two texts.
    """
    if pairs and (name := given.get("train_sampling_strategy")) in ("group_by_length", "batch_rebalance"):
        yield "train_sampling_strategy", f"{name} goes by the length of a row, and a pair has two; only sft can use it"
    if not given.get("dataloader_num_workers"):
        for name in ("dataloader_prefetch_factor", "dataloader_persistent_workers", "dataloader_multiprocessing_context"):
            if given.get(name):
                yield name, "goes with dataloader_num_workers, which is 0"
    if not checkpointed and not given.get("activation_checkpointing"):
        for name in ("gradient_checkpointing_kwargs", "activation_checkpointing_kwargs"):
            if given.get(name):
                yield name, "goes with gradient_checkpointing, which is off"
    if given.get("liger_kernel_config") and not given.get("use_liger_kernel"):
        yield "liger_kernel_config", "goes with use_liger_kernel, which is off"
    if given.get("use_liger_kernel") and importlib.util.find_spec("liger_kernel") is None:
        yield "use_liger_kernel", _install("liger_kernel", "liger-kernel")
    if given.get("tf32") and (why := no_device("cuda")):
        yield "tf32", f"is of NVIDIA's GPUs; {why.partition('; leave')[0]}"
    if given.get("activation_offloading") and (why := no_accelerator()):
        yield "activation_offloading", f"moves activations from a GPU to the CPU; {why}"
    yield from _wrong_optimizer(given)


def _wrong_optimizer(given: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    name = str(given.get("optim", "adamw_torch_fused"))
    for pattern, (module, package) in PACKAGES.items():
        if re.fullmatch(pattern, name) and importlib.util.find_spec(module) is None:
            yield "optim", _install(module, package, name)
    if _LOW_RANK.fullmatch(name):
        if not given.get("optim_target_modules"):
            yield "optim", f"{name} needs optim_target_modules: names of layers, or all-linear"
    elif given.get("optim_target_modules"):
        yield "optim_target_modules", f"only galore_... and apollo_... read it, and optim is {name}"
    text = given.get("optim_args")
    if text and not all(re.fullmatch(r"[^=]+=[^=]+", part.strip()) for part in text.split(",")):
        yield "optim_args", f"settings as `name=value, name=value` are expected here, not {text!r}"


def _install(module: str, package: str, name: str = "this") -> str:
    return f"{name} needs the package {module}, which is not installed here: `pip install {package}`"


def wrong_schedule(
    name: str, given: Mapping[str, Any], learning_rate: float, *, warmup: bool, evaluated: bool, floor: bool
) -> Iterable[tuple[str, str]]:
    """Yield (field, what is wrong) for a schedule and what is said about it.

    Args:
        name: `lr_scheduler_type`.
        given: `lr_scheduler_kwargs`.
        learning_rate: the peak.
        warmup: whether the recipe asks for a warm-up.
        evaluated: whether the stage evaluates while it trains.
        floor: whether the stage's `min_lr` says where the schedule ends.
    """
    at = "training_args.lr_scheduler_kwargs"
    if name in BY_EVALUATION and not evaluated:
        yield "lr_scheduler_type", f"{name} goes by evaluations; name rows in `eval_data`, where the stage has it"
    if warmup and name in _NO_WARMUP:
        why = "; constant_with_warmup has one" if name == "constant" else ""
        yield "warmup_ratio", f"lr_scheduler_type: {name} has no warm-up, so this would change nothing{why}"
    if floor and given:
        yield at, "min_lr is used, which takes their place; leave one out"
        return
    for key, value in given.items() if name in SCHEDULES else ():
        if what := _wrong_setting(name, key, value):
            yield f"{at}.{key}", what
    if name.endswith("with_min_lr") and len({"min_lr", "min_lr_rate"} & given.keys()) != 1:
        simpler = "`lr_scheduler_type: cosine` and `min_lr: 7e-7`"
        yield "lr_scheduler_type", f"{name} needs one of min_lr and min_lr_rate, to know where it ends; simpler: {simpler}"
    if name == "warmup_stable_decay" and "num_decay_steps" not in given:
        yield "lr_scheduler_type", f"{name} needs to know how long it decays; write `{at}: {{num_decay_steps: 100}}`"
    end = given.get("lr_end", 1e-7)
    if name == "polynomial" and isinstance(end, int | float) and end >= learning_rate:
        yield f"{at}.lr_end", f"the learning rate falls from {learning_rate} to {end}; name a smaller end"


def _wrong_setting(name: str, key: str, value: Any) -> str | None:
    """Return what is wrong with one of `lr_scheduler_kwargs`."""
    allowed = SCHEDULES[name].split()
    if key not in allowed:
        return f"lr_scheduler_type: {name} has no {key!r}{did_you_mean(key, allowed) or '; it takes none'}"
    if key.endswith("_type"):
        return wrong_choice(value, ("linear", "cosine", "1-sqrt"))
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        return f"a number of at least 0 is expected here, not {value!r}"
    return None
