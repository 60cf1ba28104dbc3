"""The values that settings of TRL and transformers can have.

Their types are read from the sources (`trl_arguments.fields_of`). All other rules are written down here,
because the libraries check them late: when a model is loaded, an optimizer is built or the first batch is
drawn, hours into a run. Some values they never check: an unknown `train_sampling_strategy` is taken as
`random`. tests/unit/stages/test_values.py compares the tables with the installed versions.
`align.stages.trl_together` checks settings that depend on other settings.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from align.core.validation_errors import did_you_mean, no_such, shown

_KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "bool": ((bool,), "true or false"), "int": ((int,), "a whole number"),
    "float": ((int, float), "a number"), "str": ((str,), "a text"),
    "dict": ((dict,), "a mapping"), "list": ((list, tuple), "a list"),
    "None": ((type(None),), "null"),
}  # fmt: skip
CHOICES = {
    "dataloader_multiprocessing_context": "fork forkserver spawn",
    "ddp_backend": "ccl cncl gloo hccl mccl mpi nccl xccl",
    "f_divergence_type": "alpha_divergence forward_kl js_divergence reverse_kl",
    "include_num_input_tokens_seen": "all no non_padding",
    "loss_type": "chunked_nll dft nll",
    "torch_compile_backend": "aot_eager cudagraphs eager inductor tvm",
    "torch_compile_mode": "default lite max-autotune max-autotune-no-cudagraphs reduce-overhead",
    "train_sampling_strategy": "batch_rebalance group_by_length random sequential",
}
"""Settings -> their allowed texts. `loss_type` is sft's; dpo has a field for it.

Backends of compilation are those that both torch and accelerate know.
"""
WORDS = {"debug": "tpu_metrics_debug underflow_overflow"}
"""Settings that are a list, or a text of several words -> the allowed words."""
_TEXTS_OF_NUMBERS = {"pad_to_multiple_of": {"auto", "none", "null"}}
"""Numbers that may also be given as a text -> the other allowed texts."""
_SHARE: tuple[str, Callable[[Any], bool]] = ("at least 0 and below 1", lambda x: 0 <= x < 1)
_COUNT: tuple[str, Callable[[Any], bool]] = ("at least 1", lambda x: x >= 1)
_POSITIVE: tuple[str, Callable[[Any], bool]] = ("above 0", lambda x: x > 0)
_NOT_NEGATIVE: tuple[str, Callable[[Any], bool]] = ("at least 0", lambda x: x >= 0)
RANGES = {
    "adam_beta1": _SHARE, "adam_beta2": _SHARE, "adam_epsilon": _NOT_NEGATIVE,
    "label_smoothing_factor": _SHARE, "label_smoothing": ("at least 0 and below 0.5", lambda x: 0 <= x < 0.5),
    "ld_alpha": ("from 0 to 1", lambda x: 0 <= x <= 1), "discopop_tau": _POSITIVE,
    "neftune_noise_alpha": _POSITIVE, "router_aux_loss_coef": _NOT_NEGATIVE,
    "dataloader_num_workers": _NOT_NEGATIVE, "dataloader_prefetch_factor": _COUNT,
    "torch_empty_cache_steps": _COUNT,
    "pad_to_multiple_of": _COUNT, "ddp_timeout": _COUNT, "ddp_bucket_cap_mb": _COUNT,
}  # fmt: skip
"""Numbers -> the bounds outside which torch, transformers or TRL refuse them or divide by zero.

TRL documents the bounds of `label_smoothing` and `ld_alpha`.
"""


def wrong_choice(value: Any, options: Iterable[str]) -> str | None:
    """Return what is wrong with a name; None also where the known names were not found."""
    options = list(options)
    return no_such(value, options) if options and value not in options else None


def wrong_value(name: str, value: Any, declared: str, choices: Callable[[str], Iterable[str]]) -> str | None:
    """Return what is wrong with the value of a setting, as far as the value alone tells.

    Args:
        name: the setting.
        value: its value in the recipe.
        declared: its annotation in the source, such as `float | None`.
        choices: returns the values of one of transformers' enumerations, and none for another name.
    """
    kinds = _kinds_of(declared)
    for kind in kinds:
        if options := tuple(choices(kind)):
            return wrong_choice(value, options)
    # where a mapping is allowed, a text is one written on a command line
    kinds = [kind for kind in kinds if kind != "str" or "dict" not in kinds]
    if not all(kind in _KINDS or kind == "Literal" for kind in kinds):
        return None
    if value is None and name in WORDS:
        return None
    return _wrong_type(value, kinds) or _wrong_word(name, value) or _wrong_number(name, value)


def _kinds_of(declared: str) -> list[str]:
    """Return the types that an annotation allows, without brackets: `list[str] | None` is list and None."""
    return [re.sub(r"\[.*", "", kind.strip()) for kind in re.sub(r"\[[^\]]*\]", "", declared).split("|")]


def _wrong_type(value: Any, kinds: list[str]) -> str | None:
    """Return what is wrong with a value of none of the declared types; a `Literal` also allows false."""
    known = [_KINDS[kind] for kind in kinds if kind in _KINDS]
    if any(isinstance(value, types) and (bool in types or not isinstance(value, bool)) for types, _ in known):
        return None
    if value is False and "Literal" in kinds:
        return None
    return f"{' or '.join(words for _, words in known)} is expected here, not {shown(value)}"


def _wrong_word(name: str, value: Any) -> str | None:
    """Return what is wrong with a text, or with its first wrong word, where only some are allowed."""
    if isinstance(value, str) and name in CHOICES:
        return wrong_choice(value, CHOICES[name].split())
    if name in WORDS and value:
        words = value.split() if isinstance(value, str) else value
        return next(filter(None, (wrong_choice(word, WORDS[name].split()) for word in words)), None)
    return None


def _wrong_number(name: str, value: Any) -> str | None:
    """Return what is wrong with a number, or a text of one: it is out of range, or not a number at all."""
    if isinstance(value, str) and name in _TEXTS_OF_NUMBERS and value.lower() not in _TEXTS_OF_NUMBERS[name]:
        if not re.fullmatch(r"\d+", value):
            return f"a whole number or 'auto' is expected here, not {value!r}"
        value = int(value)
    if isinstance(value, float) and not math.isfinite(value):
        return f"a finite number is expected here, not {shown(value)}"
    if name in RANGES and isinstance(value, int | float) and not isinstance(value, bool):
        words, fits = RANGES[name]
        return None if fits(value) else f"{value!r} is out of range: a number {words} is expected here"
    return None


_SETTINGS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "number": ("a number of at least 0", lambda x: _is_number(x) and x >= 0),
    "positive": ("a number above 0", lambda x: _is_number(x) and x > 0),
    "share": ("a number from 0 to 1", lambda x: _is_number(x) and 0 <= x <= 1),
    "factor": ("a number above 0 and below 1", lambda x: _is_number(x) and 0 < x < 1),
    "whole": (
        "a whole number of at least 0",
        lambda x: isinstance(x, int) and not isinstance(x, bool) and x >= 0,
    ),
    "count": (
        "a whole number of at least 1",
        lambda x: isinstance(x, int) and not isinstance(x, bool) and x >= 1,
    ),
    "flag": ("true or false", lambda x: isinstance(x, bool)),
    "text": ("a text", lambda x: isinstance(x, str)),
}
"""Kinds of values in the tables of `align.stages.trl_together`; a "?" after it allows null as well."""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def wrong_settings(given: Mapping[str, Any], known: Mapping[str, str], of: str) -> Iterable[tuple[str, str]]:
    """Yield (name, what is wrong) for the settings in a mapping.

    Args:
        given: the settings.
        known: names of settings -> a kind of value, or the allowed words.
        of: what the settings belong to, for messages.
    """
    for name, value in given.items():
        if name not in known:
            yield name, f"{of} has no {name!r}{did_you_mean(name, known) or '; it takes none'}"
        elif value is None and known[name].endswith("?"):
            continue
        elif (kind := known[name].removesuffix("?")) not in _SETTINGS:
            if what := wrong_choice(value, kind.split()):
                yield name, what
        else:
            words, fits = _SETTINGS[kind]
            if not fits(value):
                yield name, f"{words} is expected here, not {shown(value)}"
