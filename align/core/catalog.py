"""Find the class that `kind` names: in a table of built-ins, by an import path, or in a plug-in.

`kind: sft` is a built-in, `kind: my_lab.shorter:Shorter` is an import path (the recipe's own folder is
importable), and any other name is looked up in the entry-point group `align.plugins` of installed
distributions. Nothing is registered at import time; a class is imported when a recipe names it.
"""

from __future__ import annotations

import importlib
import inspect
import sys
import traceback
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import Any, TypeVar

from align.core.validation_errors import nearest

ENTRY_POINTS = "align.plugins"

BUILT_IN: dict[str, dict[str, str]] = {
    "stage": {
        "decontaminate": "data_synthesis.decontamination.synthesizer:Decontaminate",
        "deduplicate": "data_synthesis.deduplication.synthesizer:Deduplicate",
        "dpo": "align.stages.dpo:DPO",
        "evaluate": "align.stages.evaluate:Evaluate",
        "execution_feedback": "data_synthesis.execution_feedback.synthesizer:ExecutionFeedback",
        "export": "align.stages.export:Export",
        "load": "align.stages.load:Load",
        "merge": "align.stages.merge:Merge",
        "online_dpo": "align.stages.online_dpo:OnlineDPO",
        "rejection_sampling": "data_synthesis.rejection_sampling.synthesizer:RejectionSampling",
        "reward_model": "align.stages.reward_model:RewardModelStage",
        "sft": "align.stages.sft:SFT",
    },
    "generator": {
        "openai": "align.generate.backends.openai:OpenAIServer",
        "scripted": "align.generate.backends.scripted:Scripted",
        "transformers": "align.generate.backends.transformers:Transformers",
        "vllm": "align.generate.backends.vllm:VLLM",
    },
    "reward": {
        "constraints": "reward.constraints.verifier:Constraints",
        "execution": "reward.execution.verifier:Execution",
        "judge": "reward.judge:Judge",
        "math": "reward.mathematics.verifier:MathAnswer",
        "mixture": "reward.mixture:Mixture",
        "nli": "reward.nli:Entailment",
        "reward_model": "reward.trained_model:TrainedReward",
    },
    "executor": {
        "local": "data_synthesis.engine.executors:Local",
        "ray": "data_synthesis.engine.ray_executor:Ray",
    },
    "sampler": {
        "transformers": "align.train.samplers.kinds:TransformersSampler",
        "vllm": "align.train.samplers.kinds:VLLMSampler",
        "vllm_server": "align.train.samplers.kinds:VLLMServerSampler",
    },
    "task": {
        "arena_hard": "align.evaluate.tasks.arena_hard:ArenaHard",
        "arithmetic": "align.evaluate.tasks.rows:ArithmeticTask",
        "c_eval": "align.evaluate.tasks.c_eval:CEval",
        "choices": "align.evaluate.tasks.choices:Choices",
        "constraints": "align.evaluate.tasks.rows:ConstraintsTask",
        "gpqa": "align.evaluate.tasks.gpqa:GPQA",
        "gsm8k": "align.evaluate.tasks.gsm8k:GSM8K",
        "humaneval": "align.evaluate.tasks.humaneval:HumanEval",
        "ifeval": "align.evaluate.tasks.ifeval:IFEval",
        "lm_eval": "align.evaluate.tasks.lm_eval:HarnessTask",
        "math": "align.evaluate.tasks.math:Math",
        "mbpp": "align.evaluate.tasks.mbpp:MBPP",
        "mmlu": "align.evaluate.tasks.mmlu:MMLU",
        "mmlu_pro": "align.evaluate.tasks.mmlu_pro:MMLUPro",
        "mt_bench": "align.evaluate.tasks.mt_bench:MTBench",
        "multipl_e": "align.evaluate.tasks.multipl_e:MultiPLE",
        "needle": "align.evaluate.tasks.needle:Needle",
        "reasoning_gym": "align.evaluate.tasks.reasoning_gym:ReasoningGym",
        "rows": "align.evaluate.tasks.rows:RowsTask",
        "safety": "align.evaluate.tasks.safety:Safety",
        "truthfulqa_mc": "align.evaluate.tasks.truthfulqa_mc:TruthfulQA",
        "win_rate": "align.evaluate.tasks.win_rate:WinRateTask",
    },
    "optimizer": {
        "adamw": "align.train.optimizers:AdamWConfig",
        "online_merging": "align.train.optimizers:OnlineMergingConfig",
    },
}

MODES: dict[str, dict[str, dict[str, str]]] = {
    "stage": {
        "execution_feedback": {
            "code": "data_synthesis.execution_feedback.code:CodeFeedback",
            "instructions": "data_synthesis.execution_feedback.instructions:InstructionFeedback",
            "self_instruct": "data_synthesis.execution_feedback.self_instruct:SelfInstruct",
            "verifiers": "data_synthesis.execution_feedback.verifiers:VerifierFeedback",
        },
    },
}
"""Kinds whose fields depend on their `mode`, by family: kind -> mode -> class. `BUILT_IN` names the base
class that the modes of a kind share."""

T = TypeVar("T")


class PluginError(ValueError):
    """A `kind` names nothing usable; the message is a sentence for the user."""

    def __init__(self, what: str, field: str = "kind") -> None:
        self.field = field
        super().__init__(what)


def kinds(family: str) -> list[str]:
    """Return the names that `kind` can take in a family: built-ins, then what installed plug-ins register."""
    registered = _registered(tuple(sys.path))
    return [
        *BUILT_IN[family],
        *sorted(entry.name for entry in registered if entry.name not in BUILT_IN[family]),
    ]


@cache
def _registered(path: tuple[str, ...]) -> tuple[EntryPoint, ...]:
    """Return installed plug-ins' entry points; cached by `sys.path`, as all distributions must be read."""
    return tuple(entry_points(group=ENTRY_POINTS))


def kind_key(raw: Mapping[Any, Any], names: Iterable[str]) -> str | None:
    """Return the key that was probably meant to be `kind`: a misspelling of it, or `type`."""
    known = list(names)
    for key, value in raw.items():
        like = key == "type" or nearest(key, ["kind"])
        if like and isinstance(value, str) and (":" in value or nearest(value, known)):
            return str(key)
    return None


def modes(family: str, kind: str) -> dict[str, str]:
    """Return mode -> class of a kind; empty for one that has no modes."""
    return MODES.get(family, {}).get(kind, {})


def choose(family: str, raw: Mapping[Any, Any], base: type[T]) -> type[T]:
    """Return the class that a plug-in's raw fields name by `kind`, and by `mode` where the kind has modes.

    Raises:
        PluginError: see `resolve`.
    """
    return resolve(family, str(raw.get("kind")), base, None if raw.get("mode") is None else str(raw["mode"]))


def resolve(family: str, kind: str, base: type[T], mode: str | None = None) -> type[T]:
    """Return the class that `kind` names or, where the kind has modes, the class of its mode.

    Raises:
        PluginError: not found, its module fails on import, or it is not a `base`.
    """
    known = modes(family, kind)
    if known and mode not in known:
        raise PluginError(f"{kind!r} needs `mode`: {' or '.join(known)}", "mode")
    target = (
        known.get(mode or "")
        or BUILT_IN[family].get(kind)
        or (kind if ":" in kind else _entry_point(family, kind))
    )
    module_name, _, class_name = target.partition(":")
    found = _class_of(module_name, class_name, kind)
    if not (isinstance(found, type) and issubclass(found, base)):
        raise PluginError(
            f"{kind!r} is not a {family}: {class_name} must be a subclass of "
            f"{base.__module__}.{base.__name__}"
        )
    _refuse_unfinished(found, class_name, kind)
    return found


def _imported(name: str, kind: str) -> ModuleType:
    """Return the module of a plug-in. Raises PluginError if it is missing or cannot be imported."""
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        # whatever a user's module raises must become a sentence about that module
        if isinstance(error, ModuleNotFoundError) and error.name and name.startswith(error.name):
            raise PluginError(
                f"{kind!r}: there is no module {error.name!r} beside the recipe or installed"
            ) from None
        where = traceback.extract_tb(error.__traceback__)[-1]
        raise PluginError(
            f"{kind!r}: importing {name!r} raised {type(error).__name__}: {error} "
            f"({where.filename}:{where.lineno})"
        ) from None


def _class_of(module_name: str, name: str, kind: str) -> Any:
    """Return an attribute of a module. Raises PluginError where the module or the attribute is missing."""
    module = _imported(module_name, kind)
    found = getattr(module, name, None)
    if found is None:
        near = nearest(name, [n for n in vars(module) if not n.startswith("_")])
        hint = f"; did you mean {near!r}?" if near else ""
        raise PluginError(f"{kind!r}: module {module_name!r} has no {name!r}{hint}")
    return found


def _refuse_unfinished(found: type, name: str, kind: str) -> None:
    """Raise PluginError if a class lacks a required method, or has a plain function for an `async` one."""
    if missing := sorted(getattr(found, "__abstractmethods__", ())):
        raise PluginError(f"{kind!r}: {name} does not define {' and '.join(m + '()' for m in missing)}")
    for method in ("synthesize", "score", "score_many", "generate"):
        defined: Any = getattr(found, method, None)
        own = inspect.unwrap(defined)
        if inspect.isfunction(own) and not inspect.iscoroutinefunction(own):
            raise PluginError(f"{kind!r}: {name}.{method} is a plain function; write `async def {method}`")
    whole: Any = getattr(found, "synthesize_all", None)
    if inspect.iscoroutinefunction(whole) or inspect.isasyncgenfunction(whole):
        raise PluginError(f"{kind!r}: {name}.synthesize_all is a coroutine; write `def synthesize_all`")


def _entry_point(family: str, kind: str) -> str:
    found = [entry for entry in _registered(tuple(sys.path)) if entry.name == kind]
    if len({e.value for e in found}) > 1:
        raise PluginError(
            f"{kind!r} is registered by several distributions: {', '.join(e.value for e in found)}"
        )
    if found:
        return found[0].value
    names = kinds(family)
    near = nearest(kind, names)
    hint = f"did you mean {near!r}?" if near else f"one of: {', '.join(names)}, or module:Class"
    raise PluginError(f"unknown kind {kind!r}; {hint}")
