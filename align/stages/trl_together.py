"""Checks of settings of TRL and transformers that depend on another setting, a package or a device.

The libraries check them only when they build an optimizer or a schedule takes its first step.
tests/unit/stages/test_values.py compares the tables with the installed versions.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterable, Mapping
from typing import Any

from align.core.devices import no_accelerator, no_device
from align.core.validation_errors import not_installed
from align.stages.trl_values import wrong_settings

PACKAGES = {
    r"adamw_torch_(4|8)bit": ("torchao", "torchao"), r"galore_.*": ("galore_torch", "galore-torch"),
    r"apollo_.*": ("apollo_torch", "apollo-torch"), r"(ada)?lomo": ("lomo_optim", "lomo-optim"),
    r"grokadamw": ("grokadamw", "grokadamw"), r"schedule_free_.*": ("schedulefree", "schedulefree"),
    r"stable_adamw": ("optimi", "torch-optimi"), r"adamw_anyprecision": ("torchdistx", "torchdistx"),
    r"adamw_torch_npu_fused": ("torch_npu", "torch-npu"), r"adamw_torch_xla": ("torch_xla", "torch-xla"),
    r"adamw(_bnb)?_8bit|lion_.*|paged_.*|ademamix.*|rmsprop_bnb.*": ("bitsandbytes", "bitsandbytes"),
}  # fmt: skip
"""transformers' optimizers -> module, and name for pip, of the package that they need. Others need none."""
_LOW_RANK = re.compile(r"galore_.*|apollo_.*")
OPTIM_ARGS: dict[str, dict[str, str]] = {
    r"sgd": {"momentum": "number", "dampening": "number", "nesterov": "flag"},
    r"adagrad": {"lr_decay": "number", "eps": "number"},
    r"rmsprop": {"momentum": "number", "alpha": "share", "eps": "number", "centered": "flag"},
    r"(paged_)?ademamix.*": {
        "beta1": "share", "beta2": "share", "beta3": "share", "alpha": "number", "eps": "number",
        "t_alpha": "whole", "t_beta3": "whole",
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
        "use_kahan_summation": "flag", "momentum_dtype": "text", "variance_dtype": "text",
        "compensation_buffer_dtype": "text",
    },
}  # fmt: skip
"""transformers' optimizers -> the settings in `optim_args` that they read. Others read none.

`weight_decay` is not listed: the stage's field overrides it.
"""
_WITHOUT_BETAS = re.compile(r"adafactor|galore_adafactor.*|sgd|adagrad|rmsprop.*|(ada)?lomo")
CHECKPOINTING = {
    "use_reentrant": "flag", "preserve_rng_state": "flag", "debug": "flag", "early_stop": "flag",
    "offload": "flag", "determinism_check": "default none", "every_n_layers": "count",
}  # fmt: skip
"""Settings of `activation_checkpointing_kwargs` and `gradient_checkpointing_kwargs`; sft adds `selective`."""
SCHEDULES: dict[str, dict[str, str]] = {
    "linear": {}, "constant": {}, "constant_with_warmup": {},
    "cosine": {"num_cycles": "number"}, "cosine_with_restarts": {"num_cycles": "number"},
    "polynomial": {"lr_end": "number", "power": "number"}, "inverse_sqrt": {"timescale": "positive?"},
    "cosine_with_min_lr": {"num_cycles": "number", "min_lr": "number?", "min_lr_rate": "share?"},
    "cosine_warmup_with_min_lr": {
        "num_cycles": "number", "min_lr": "number?", "min_lr_rate": "share?", "warmup_lr_rate": "share?",
    },
    "warmup_stable_decay": {
        "num_decay_steps": "whole", "num_stable_steps": "whole?", "warmup_type": "linear cosine 1-sqrt",
        "decay_type": "linear cosine 1-sqrt", "min_lr_ratio": "share", "num_cycles": "number",
    },
    "reduce_lr_on_plateau": {
        "mode": "min", "factor": "factor", "patience": "whole", "threshold": "number",
        "threshold_mode": "rel abs", "cooldown": "whole", "min_lr": "number", "eps": "number",
    },
    "greedy": {
        "mode": "min", "factor": "factor", "patience": "whole", "threshold": "number",
        "threshold_mode": "rel abs", "cooldown": "whole", "warmup": "whole", "min_lr": "number",
        "max_lr": "number", "eps": "number", "verbose": "flag", "smooth": "flag", "window_size": "count",
        "reset_start": "whole",
    },
}  # fmt: skip
"""Schedules -> their settings in `lr_scheduler_kwargs`.

`mode` can only be min, because schedules that follow a figure follow the loss, which should fall.
"""
_LOWEST = {"polynomial": {"lr_end": 1e-7}, "greedy": {"min_lr": 1e-3}}
"""Default learning rates at which schedules end (transformers 5.23).

GreedyLR would only ever raise a learning rate that is smaller.
"""
BY_EVALUATION = {"reduce_lr_on_plateau", "greedy"}
_NO_WARMUP = {"constant", *BY_EVALUATION}
_SCHEDULE = "training_args.lr_scheduler_kwargs"


class Unsure(Exception):
    """A check asked for a setting whose value is wrong, so that its intended value is unknown."""


class Given(dict[str, Any]):
    """The settings of a recipe; reading one whose intended value is unknown raises `Unsure`.

    The intended value is unknown where a setting is wrong, or where a misspelt one probably means it.
    """

    def __init__(self, right: Mapping[str, Any], wrong: Mapping[str, str], unsure: Iterable[str]) -> None:
        """Store the settings.

        Args:
            right: settings that are right by themselves.
            wrong: the other settings -> what is wrong with each.
            unsure: names of the settings for which `Unsure` is raised.
        """
        super().__init__(right)
        self.wrong = wrong
        self._unsure = frozenset(unsure)

    def get(self, key: str, default: Any = None) -> Any:
        """Return a setting. Raises Unsure."""
        if key in self._unsure:
            raise Unsure(key)
        return super().get(key, default)

    def __contains__(self, key: object) -> bool:
        if key in self._unsure:
            raise Unsure(key)
        return super().__contains__(key)


def sure(*checks: Iterable[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    """Yield the findings of checks; a check that asks for a setting of unknown value ends there."""
    for check in checks:
        try:
            yield from check
        except Unsure:
            continue


def wrong_together(given: Given, *, checkpointed: bool, pairs: bool) -> Iterable[tuple[str, str]]:
    """Yield (name, what is wrong) for settings that need another setting, a package or a device.

    Args:
        given: the recipe's `training_args`, each of the right type.
        checkpointed: whether the stage sets `gradient_checkpointing`.
        pairs: whether a row of the stage holds two texts, as in all stages but sft.
    """
    yield from sure(
        _wrong_sampling(given, pairs=pairs), _wrong_loading(given), _wrong_kernels(given),
        _wrong_devices(given), _wrong_checkpointing(given, checkpointed=checkpointed, pairs=pairs),
        _wrong_optimizer(given), _wrong_betas(given), _wrong_targets(given), _wrong_optim_args(given),
        _wrong_compiling(given),
    )  # fmt: skip


def _wrong_sampling(given: Given, *, pairs: bool) -> Iterable[tuple[str, str]]:
    if pairs and (name := given.get("train_sampling_strategy")) in ("group_by_length", "batch_rebalance"):
        yield (
            "train_sampling_strategy",
            f"{name} uses the length of a row, and a pair has two lengths; only sft can use it",
        )


def _wrong_loading(given: Given) -> Iterable[tuple[str, str]]:
    if not given.get("dataloader_num_workers"):
        for name in (
            "dataloader_prefetch_factor",
            "dataloader_persistent_workers",
            "dataloader_multiprocessing_context",
        ):
            if given.get(name):
                yield name, "needs dataloader_num_workers, which is 0"


def _wrong_kernels(given: Given) -> Iterable[tuple[str, str]]:
    if given.get("liger_kernel_config") and not given.get("use_liger_kernel"):
        yield "liger_kernel_config", "needs use_liger_kernel, which is off"
    if given.get("use_liger_kernel") and importlib.util.find_spec("liger_kernel") is None:
        yield "use_liger_kernel", _install("liger_kernel", "liger-kernel")


def _wrong_devices(given: Given) -> Iterable[tuple[str, str]]:
    if given.get("tf32") and (why := no_device("cuda")):
        yield "tf32", f"works on NVIDIA's GPUs only; {why.partition('; leave')[0]}"
    if given.get("activation_offloading") and (why := no_accelerator()):
        yield "activation_offloading", f"moves activations from a GPU to the CPU; {why}"


def _wrong_compiling(given: Given) -> Iterable[tuple[str, str]]:
    if given.get("torch_compile") is False:
        for name in ("torch_compile_backend", "torch_compile_mode"):
            if given.get(name):
                yield name, "needs torch_compile, which is false"


_ONLY_WITHOUT_REENTRANT = ("determinism_check", "debug", "early_stop")


def _wrong_checkpointing(given: Given, *, checkpointed: bool, pairs: bool) -> Iterable[tuple[str, str]]:
    known = CHECKPOINTING if pairs else CHECKPOINTING | {"selective": "flag"}
    names = ("gradient_checkpointing_kwargs", "activation_checkpointing_kwargs")
    if all(given.get(name) for name in names):
        yield names[0], f"is an older name of {names[1]}, which is given too; leave one out"
    for name in names:
        held = given.get(name) or {}
        if held and not checkpointed:
            yield name, "needs gradient_checkpointing, which is off"
            continue
        wrong = dict(wrong_settings(held, known, "checkpointing"))
        yield from ((f"{name}.{key}", what) for key, what in wrong.items())
        yield from (
            (f"{name}.{key}", what) for key, what in _missing_for_checkpointing(held, checked=not wrong)
        )


def _missing_for_checkpointing(held: Mapping[str, Any], *, checked: bool) -> Iterable[tuple[str, str]]:
    """Yield (setting, what it needs) for settings of checkpointing that need another setting or a GPU.

    Args:
        held: the settings.
        checked: whether each setting is right by itself; otherwise a misspelt one may be the missing one.
    """
    reentrant = held.get("use_reentrant")
    if checked and reentrant is not False:
        for key in _ONLY_WITHOUT_REENTRANT:
            if key in held:
                yield key, "needs use_reentrant: false beside it"
    if held.get("selective") is True and reentrant is True:
        yield "selective", "needs use_reentrant: false, or left out"
    if held.get("offload") is True and (why := no_accelerator()):
        yield "offload", f"moves activations from a GPU to the CPU; {why}"


def _wrong_optimizer(given: Given) -> Iterable[tuple[str, str]]:
    name = _optim(given)
    for pattern, (module, package) in PACKAGES.items():
        if re.fullmatch(pattern, name) and importlib.util.find_spec(module) is None:
            yield "optim", _install(module, package, name)


def _optim(given: Given) -> str:
    return str(given.get("optim", "adamw_torch_fused"))


def _wrong_targets(given: Given) -> Iterable[tuple[str, str]]:
    if not _LOW_RANK.fullmatch(name := _optim(given)):
        if given.get("optim_target_modules"):
            yield "optim_target_modules", f"only galore_... and apollo_... read it, and optim is {name}"
    elif not given.get("optim_target_modules"):
        yield "optim", f"{name} needs optim_target_modules: names of layers, or all-linear"


def _wrong_betas(given: Given) -> Iterable[tuple[str, str]]:
    if _WITHOUT_BETAS.fullmatch(name := _optim(given)):
        for key in ("adam_beta1", "adam_beta2", "adam_epsilon"):
            if key in given:
                yield key, f"optim: {name} does not read it, so this would change nothing"


def _wrong_optim_args(given: Given) -> Iterable[tuple[str, str]]:
    """Yield what is wrong with `optim_args`, a text such as `momentum=0.9, nesterov=true`."""
    text, name = given.get("optim_args"), _optim(given)
    parts = [part.replace(" ", "") for part in text.split(",")] if text else []
    if not all(re.fullmatch(r"[^=]+=[^=]+", part) for part in parts):
        yield "optim_args", f"settings as `name=value, name=value` are expected here, not {text!r}"
        return
    found = {key: _value(value) for key, _, value in (part.partition("=") for part in parts)}
    if found.pop("weight_decay", None) is not None:
        yield "optim_args", "weight_decay is a field of the stage, which overrides this one"
    known = next((known for pattern, known in OPTIM_ARGS.items() if re.fullmatch(pattern, name)), {})
    for key, what in wrong_settings(found, known, f"optim: {name}"):
        yield "optim_args", f"{key}: {what}" if key in known else what
    if found.get("nesterov") is True and (not found.get("momentum") or found.get("dampening")):
        yield "optim_args", "nesterov needs a momentum above 0 and no dampening"


def _value(text: str) -> Any:
    """Return the value of a text: a number, true, false, or the text itself."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    return text


def _install(module: str, package: str, name: str = "this") -> str:
    return f"{not_installed(name, module)}: `pip install {package}`"


def wrong_schedule(
    name: str,
    given: Mapping[str, Any],
    learning_rate: float,
    *,
    warmup: bool,
    evaluated: bool,
    floor: bool,
    max_steps: int,
) -> Iterable[tuple[str, str]]:
    """Yield (field, what is wrong) for a schedule and its settings.

    Args:
        name: `lr_scheduler_type`.
        given: `lr_scheduler_kwargs`.
        learning_rate: the peak learning rate.
        warmup: whether the recipe asks for a warm-up.
        evaluated: whether the stage evaluates while it trains.
        floor: whether the stage's `min_lr` sets the rate at which the schedule ends.
        max_steps: the stage's number of steps if the recipe gives it, else -1.
    """
    yield from _wrong_schedule_of_stage(name, warmup=warmup, evaluated=evaluated)
    if floor and given:
        yield _SCHEDULE, "min_lr replaces them; leave one out"
        return
    if name not in SCHEDULES:
        return  # an unknown schedule is reported by its name
    wrong = dict(wrong_settings(given, SCHEDULES[name], f"lr_scheduler_type: {name}"))
    yield from ((f"{_SCHEDULE}.{key}", what) for key, what in wrong.items())
    if wrong.keys() - SCHEDULES[name].keys():
        return  # a misspelt setting may be the one that is missing
    right = {key: value for key, value in given.items() if key not in wrong and value is not None}
    if not wrong:
        yield from _without_lowest_rate(name, right)
    yield from _wrong_decay(name, given, right, max_steps)
    lowest = {key: end for key, end in _LOWEST.get(name, {}).items() if key not in wrong}
    yield from _wrong_rates(lowest, right, learning_rate)


def _wrong_schedule_of_stage(name: str, *, warmup: bool, evaluated: bool) -> Iterable[tuple[str, str]]:
    """Yield a schedule that needs evaluations and has none, or a warm-up that the schedule lacks."""
    if name in BY_EVALUATION and not evaluated:
        yield (
            "lr_scheduler_type",
            f"{name} follows the loss of evaluations; name rows in `eval_data`, where the stage has it",
        )
    if warmup and name in _NO_WARMUP:
        why = "; constant_with_warmup has one" if name == "constant" else ""
        yield "warmup_ratio", f"lr_scheduler_type: {name} has no warm-up, so this would change nothing{why}"


def _without_lowest_rate(name: str, right: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """Yield a schedule that must be given one lowest rate, and was given none or two."""
    if name.endswith("with_min_lr") and len({"min_lr", "min_lr_rate"} & right.keys()) != 1:
        simpler = "`lr_scheduler_type: cosine` and `min_lr: 7e-7`"
        yield (
            "lr_scheduler_type",
            f"{name} needs one of min_lr and min_lr_rate, to know where it ends; simpler: {simpler}",
        )


def _wrong_decay(
    name: str, given: Mapping[str, Any], right: Mapping[str, Any], max_steps: int
) -> Iterable[tuple[str, str]]:
    """Yield a schedule whose decay has no length, or is longer than the training."""
    if name == "warmup_stable_decay" and "num_decay_steps" not in given:
        yield (
            "lr_scheduler_type",
            f"{name} needs to know how long it decays; write `{_SCHEDULE}: {{num_decay_steps: 100}}`",
        )
    decay = right.get("num_decay_steps", 0) + (right.get("num_stable_steps") or 0)
    if 0 < max_steps < decay:
        yield (
            f"{_SCHEDULE}.num_decay_steps",
            f"{decay} steps of decay in {max_steps} of training: the rate would fall at once; name fewer",
        )


def _wrong_rates(
    lowest: Mapping[str, float], right: Mapping[str, Any], learning_rate: float
) -> Iterable[tuple[str, str]]:
    """Yield the last or highest rates of a schedule that contradict the learning rate.

    Args:
        lowest: default rates at which the schedule ends.
        right: the settings of the schedule that are right by themselves.
        learning_rate: the peak learning rate.
    """
    for key, end in {**lowest, **right}.items():
        if key in ("lr_end", "min_lr") and end >= learning_rate:
            why = "" if key in right else " by default"
            yield (
                f"{_SCHEDULE}.{key}",
                f"the learning rate falls from {learning_rate} to {end}{why}; name a smaller end",
            )
    if right.get("max_lr", learning_rate) < learning_rate:
        yield f"{_SCHEDULE}.max_lr", f"is below the learning rate, {learning_rate}"
