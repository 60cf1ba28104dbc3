"""What the settings of TRL and transformers ask of each other: a package, a device, a schedule that fits.

The libraries find out when an optimizer is built or a schedule takes its first step. tests/unit/test_values.py compares the
tables with what is installed.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterable, Mapping
from typing import Any

from align.core.devices import no_accelerator, no_device
from align.stages.trl_values import wrong_settings

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
OPTIM_ARGS: dict[str, dict[str, str]] = {
    r"sgd": {"momentum": "number", "dampening": "number", "nesterov": "flag"},
    r"adagrad": {"lr_decay": "number", "eps": "number"},
    r"rmsprop": {"momentum": "number", "alpha": "number", "eps": "number", "centered": "flag"},
    r"(paged_)?ademamix.*": {
        "beta1": "share", "beta2": "share", "beta3": "share", "alpha": "number", "eps": "number", "t_alpha": "whole",
        "t_beta3": "whole",
    },
    r"galore_.*": {"rank": "count", "update_proj_gap": "count", "scale": "number", "proj_type": "text"},
    r"apollo_.*": {
        "rank": "count", "update_proj_gap": "count", "scale": "number", "proj_type": "text", "proj": "text",
        "scale_type": "text",
    },
    r"grokadamw": {
        "alpha_init": "number", "lamb": "number", "gamma": "number", "grokking_signal_decay_rate": "number",
        "gradient_clipping": "number",
    },
    r"adamw_torch_(4|8)bit": {"block_size": "count", "bf16_stochastic_round": "flag"},
    r"schedule_free_.*": {"weight_lr_power": "number", "r": "number"},
    r"stable_adamw": {"max_lr": "number", "kahan_sum": "flag", "decouple_lr": "flag"},
    r"adamw_anyprecision": {
        "use_kahan_summation": "flag", "momentum_dtype": "text", "variance_dtype": "text", "compensation_buffer_dtype": "text",
    },
}  # fmt: skip
"""transformers' optimizers -> what they read of `optim_args`, but for `weight_decay`, which the stage's field overrides. The
others read nothing."""
_WITHOUT_BETAS = re.compile(r"adafactor|galore_adafactor.*|sgd|adagrad|rmsprop.*|(ada)?lomo")
CHECKPOINTING = {
    "use_reentrant": "flag", "preserve_rng_state": "flag", "debug": "flag", "early_stop": "flag", "offload": "flag",
    "determinism_check": "default none", "every_n_layers": "count",
}  # fmt: skip
"""What `activation_checkpointing_kwargs` and `gradient_checkpointing_kwargs` may hold; in sft also `selective`."""
SCHEDULES: dict[str, dict[str, str]] = {
    "linear": {}, "constant": {}, "constant_with_warmup": {},
    "cosine": {"num_cycles": "number"}, "cosine_with_restarts": {"num_cycles": "number"},
    "polynomial": {"lr_end": "number", "power": "number"}, "inverse_sqrt": {"timescale": "positive"},
    "cosine_with_min_lr": {"num_cycles": "number", "min_lr": "number", "min_lr_rate": "share"},
    "cosine_warmup_with_min_lr": {
        "num_cycles": "number", "min_lr": "number", "min_lr_rate": "share", "warmup_lr_rate": "share",
    },
    "warmup_stable_decay": {
        "num_decay_steps": "whole", "num_stable_steps": "whole", "warmup_type": "linear cosine 1-sqrt",
        "decay_type": "linear cosine 1-sqrt", "min_lr_ratio": "share", "num_cycles": "number",
    },
    "reduce_lr_on_plateau": {
        "mode": "min max", "factor": "factor", "patience": "whole", "threshold": "number", "threshold_mode": "rel abs",
        "cooldown": "whole", "min_lr": "number", "eps": "number",
    },
    "greedy": {
        "mode": "min max", "factor": "factor", "patience": "whole", "threshold": "number", "threshold_mode": "rel abs",
        "cooldown": "whole", "warmup": "whole", "min_lr": "number", "max_lr": "number", "eps": "number", "verbose": "flag",
        "smooth": "flag", "window_size": "count", "reset_start": "whole",
    },
}  # fmt: skip
"""Schedules -> what `lr_scheduler_kwargs` may say of them."""
BY_EVALUATION = {"reduce_lr_on_plateau", "greedy"}
_NO_WARMUP = {"constant", *BY_EVALUATION}


def wrong_together(given: Mapping[str, Any], *, checkpointed: bool, pairs: bool) -> Iterable[tuple[str, str]]:
    """Yield (name, what is wrong) for settings that need another one, a package or a device.

    Args:
        given: the recipe's `training_args`, each of the right type.
        checkpointed: whether the stage sets `gradient_checkpointing`.
        pairs: whether a row of the stage holds two texts, which none but sft's does.
    """
    if pairs and (name := given.get("train_sampling_strategy")) in ("group_by_length", "batch_rebalance"):
        yield "train_sampling_strategy", f"{name} goes by the length of a row, and a pair has two; only sft can use it"
    if not given.get("dataloader_num_workers"):
        for name in ("dataloader_prefetch_factor", "dataloader_persistent_workers", "dataloader_multiprocessing_context"):
            if given.get(name):
                yield name, "goes with dataloader_num_workers, which is 0"
    yield from _wrong_checkpointing(given, checkpointed=checkpointed, pairs=pairs)
    if given.get("liger_kernel_config") and not given.get("use_liger_kernel"):
        yield "liger_kernel_config", "goes with use_liger_kernel, which is off"
    if given.get("use_liger_kernel") and importlib.util.find_spec("liger_kernel") is None:
        yield "use_liger_kernel", _install("liger_kernel", "liger-kernel")
    if given.get("tf32") and (why := no_device("cuda")):
        yield "tf32", f"is of NVIDIA's GPUs; {why.partition('; leave')[0]}"
    if given.get("activation_offloading") and (why := no_accelerator()):
        yield "activation_offloading", f"moves activations from a GPU to the CPU; {why}"
    yield from _wrong_optimizer(given)


def _wrong_checkpointing(given: Mapping[str, Any], *, checkpointed: bool, pairs: bool) -> Iterable[tuple[str, str]]:
    known = CHECKPOINTING if pairs else CHECKPOINTING | {"selective": "flag"}
    for name in ("gradient_checkpointing_kwargs", "activation_checkpointing_kwargs"):
        held = given.get(name) or {}
        if held and not checkpointed and not given.get("activation_checkpointing"):
            yield name, "goes with gradient_checkpointing, which is off"
        else:
            for key, what in wrong_settings(held, known, "checkpointing"):
                yield f"{name}.{key}", what
        if held.get("selective") is True and held.get("use_reentrant") is True:
            yield f"{name}.selective", "needs use_reentrant: false, or left out"


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
    if _WITHOUT_BETAS.fullmatch(name):
        for key in ("adam_beta1", "adam_beta2", "adam_epsilon"):
            if key in given:
                yield key, f"optim: {name} does not read it, so this would change nothing"
    yield from _wrong_optim_args(name, given.get("optim_args"))


def _wrong_optim_args(name: str, text: str | None) -> Iterable[tuple[str, str]]:
    """Yield what is wrong with `optim_args`, a text such as `momentum=0.9, nesterov=true`."""
    parts = [part.replace(" ", "") for part in text.split(",")] if text else []
    if not all(re.fullmatch(r"[^=]+=[^=]+", part) for part in parts):
        yield "optim_args", f"settings as `name=value, name=value` are expected here, not {text!r}"
        return
    given = {key: _value(value) for key, _, value in (part.partition("=") for part in parts)}
    if given.pop("weight_decay", None) is not None:
        yield "optim_args", "weight_decay is a field of the stage, which overrides this one"
    known = next((known for pattern, known in OPTIM_ARGS.items() if re.fullmatch(pattern, name)), {})
    for key, what in wrong_settings(given, known, f"optim: {name}"):
        yield "optim_args", f"{key}: {what}" if key in known else what
    if given.get("nesterov") is True and (not given.get("momentum") or given.get("dampening")):
        yield "optim_args", "nesterov needs a momentum above 0 and no dampening"


def _value(text: str) -> Any:
    """Return a setting as it is read: a number, true, false, or a text."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    return text


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
    if name not in SCHEDULES:
        return  # there is no such schedule
    right = dict(given)
    for key, what in wrong_settings(given, SCHEDULES[name], f"lr_scheduler_type: {name}"):
        yield f"{at}.{key}", what
        del right[key]
    if name.endswith("with_min_lr") and len({"min_lr", "min_lr_rate"} & given.keys()) != 1:
        simpler = "`lr_scheduler_type: cosine` and `min_lr: 7e-7`"
        yield "lr_scheduler_type", f"{name} needs one of min_lr and min_lr_rate, to know where it ends; simpler: {simpler}"
    if name == "warmup_stable_decay" and "num_decay_steps" not in given:
        yield "lr_scheduler_type", f"{name} needs to know how long it decays; write `{at}: {{num_decay_steps: 100}}`"
    for key, end in (("lr_end", right.get("lr_end", 1e-7 if name == "polynomial" else 0)), ("min_lr", right.get("min_lr", 0))):
        if end and end >= learning_rate:
            yield f"{at}.{key}", f"the learning rate falls from {learning_rate} to {end}; name a smaller end"
