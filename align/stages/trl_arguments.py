"""Settings of TRL and transformers that a recipe may name, read from their sources without importing them.

`training_args` accepts every field of TRL's configuration that works here as TRL documents it. The others are
refused with a reason and, where there is one, the stage's field that does the same: with settings that are
silently ignored, a run would differ from its recipe.
"""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from align.core.validation_errors import did_you_mean, nearest, not_installed
from align.stages.trl_values import wrong_value

_OURS = "is set by a field of the stage or by the toolkit; not here"
_EVALUATION = "`eval_data` and `eval_steps` of sft, dpo and reward_model evaluate while training"
_ENCODED = "rows come to the trainer as tokens (docs/models.md), so this would change nothing"
_ACCELERATE = "the recipe's `accelerate:` sets processes and sharding"
_RESUMED = "the toolkit saves and resumes by itself, and this would break the exact resume"
_PUBLISHED = "an `export` stage writes the model for others; nothing is uploaded"
_LOADED = (
    "the model is loaded by the stage's own fields (dtype, attn_implementation, revision, trust_remote_code)"
)

_FOR = {
    _OURS: """
        output_dir use_cpu max_length disable_tqdm logging_nan_inf_filter save_total_limit run_name
        dataloader_pin_memory ddp_find_unused_parameters log_level log_level_replica log_on_each_node
        remove_unused_columns trust_remote_code do_train do_predict
    """,
    "the stage has the field `warmup_ratio`": "warmup_steps",
    "the stage has the field `save_steps`": "save_strategy",
    "the stage has the field `gradient_checkpointing`": "activation_checkpointing",
    "the stage has the field `bf16`; float16 is not trained here": "fp16",
    "the recipe has the field `seed`, from which every stage derives its own": "seed data_seed",
    _EVALUATION: """
        eval_strategy eval_steps eval_delay eval_on_start eval_accumulation_steps eval_do_concat_batches
        do_eval eval_use_gather_object batch_eval_metrics per_device_eval_batch_size prediction_loss_only
        load_best_model_at_end metric_for_best_model greater_is_better include_for_metrics bf16_full_eval
        fp16_full_eval
    """,
    _ENCODED: """
        dataset_num_proc dataset_kwargs dataset_text_field truncation_mode length_column_name label_names
        pad_token shuffle_dataset
    """,
    "only answers are trained anyway (`train_on`)": "assistant_only_loss completion_only_loss",
    "rows are packed by the field `packing` of sft": "packing packing_strategy padding_free eval_packing",
    "the stage has the field `chat_template`": "chat_template_path",
    "the stage has the field `eos_token`": "eos_token",
    _ACCELERATE: "accelerator_config deepspeed fsdp fsdp_config parallelism_config local_rank",
    _RESUMED: """
        resume_from_checkpoint enable_jit_checkpoint restore_callback_states_from_checkpoint save_on_each_node
        auto_find_batch_size save_only_model ignore_data_skip
    """,
    _PUBLISHED: """
        push_to_hub hub_model_id hub_strategy hub_token hub_private_repo hub_always_push hub_revision
    """,
    _LOADED: "model_init_kwargs",
    "the cache is off in training and on in the published model": "use_cache",
    "the logs of `report_to: tensorboard` go to the stage's folder": "logging_dir",
    "the reference of `dpo` stays fixed; `online_dpo` has `reference_sync` and `reference_mixup`": """
        sync_ref_model ref_model_mixup_alpha ref_model_sync_steps
    """,
    "`dpo` asks the reference at every step, `online_dpo` once a round": """
        precompute_ref_log_probs precompute_ref_batch_size
    """,
}
REFUSED = {name: why for why, names in _FOR.items() for name in names.split()}
"""Fields of TRL's configurations that `training_args` may not set -> why."""
_REPORTERS = {
    "azure_ml": "azureml", "clearml": "clearml", "codecarbon": "codecarbon", "comet_ml": "comet_ml",
    "dagshub": "dagshub", "dvclive": "dvclive", "flyte": "flytekit", "mlflow": "mlflow", "neptune": "neptune",
    "swanlab": "swanlab", "tensorboard": "tensorboard tensorboardX", "trackio": "trackio", "wandb": "wandb",
}  # fmt: skip
"""Services that transformers can report to -> the packages of which each needs one."""


def wrong_arguments(config: str, given: Mapping[str, Any], ours: Iterable[str]) -> Iterable[tuple[str, str]]:
    """Yield (name, what is wrong) for each of `training_args` that cannot be set, or not to its value.

    Args:
        config: TRL's configuration class, `package/file.py:Class`.
        given: the recipe's `training_args`.
        ours: names that fields of the stage set.
    """
    valid, taken = fields_of(config), set(ours)
    for key, value in given.items():
        if key in taken:
            yield key, f"{key!r} {_OURS}"
        elif key in REFUSED:
            yield key, f"{key!r} cannot be set: {REFUSED[key]}"
        elif valid and key not in valid:
            yield key, f"TRL's {config.rpartition(':')[2]} has no {key!r}{_instead(key, valid.keys(), taken)}"
        elif what := wrong_value(key, value, valid.get(key, ""), choices):
            yield key, what


def _instead(key: str, valid: Iterable[str], taken: set[str]) -> str:
    """Return the known setting that an unknown one probably means, and whether it can be set here."""
    near = nearest(key, {*valid, *taken})
    if near in taken:
        return f"; the stage has the field {near!r}, which stands beside training_args"
    if near in REFUSED:
        return f"; {near!r} cannot be set: {REFUSED[near]}"
    return did_you_mean(key, set(valid) - REFUSED.keys() - taken)


def elsewhere(config: str, key: str) -> str:
    """Return where a key among a stage's fields belongs if it is a setting of the library; "" if not."""
    if key in REFUSED:
        return f"it cannot be set: {REFUSED[key]}"
    return (
        f"it is a setting of the library: `training_args: {{{key}: ...}}`" if key in fields_of(config) else ""
    )


def meant(config: str, given: Iterable[str], wrong: Iterable[str]) -> set[str]:
    """Return the settings whose intended value is unknown.

    They are the wrong ones, and those that misspelt ones probably mean.
    """
    valid = fields_of(config)
    near = {nearest(key, valid) for key in given if key not in valid}
    return {*wrong, *(key for key in near if key)}


def as_declared(config: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings with whole numbers as floats where the library declares a float.

    torch's AdamW refuses `betas=(0, 0.9)`.
    """
    declared = {
        name: {kind.strip() for kind in annotation.split("|")}
        for name, annotation in fields_of(config).items()
    }
    floats = {name for name, kinds in declared.items() if "float" in kinds and "int" not in kinds}
    return {
        name: float(value) if type(value) is int and name in floats else value
        for name, value in given.items()
    }


def wrong_reporter(name: str) -> str | None:
    """Return why transformers cannot report to a service, or None if it can."""
    if name not in _REPORTERS:
        return f"transformers cannot report to {name!r}{did_you_mean(name, [*_REPORTERS, 'none'])}"
    packages = _REPORTERS[name].split()
    if not any(importlib.util.find_spec(package) for package in packages):
        return f"{not_installed(name, packages[0])}: `pip install {packages[0]}`"
    return None


@cache
def choices(enum: str) -> tuple[str, ...]:
    """Return the values of one of transformers' enumerations; none where transformers is not installed."""
    files = ("transformers/trainer_utils.py", "transformers/training_args.py", "transformers/debug_utils.py")
    values = [
        s.value
        for file in files
        for node in _class(file, enum)
        for s in node.body
        if isinstance(s, ast.Assign)
    ]
    return tuple(str(value.value) for value in values if isinstance(value, ast.Constant))


@cache
def fields_of(config: str) -> dict[str, str]:
    """Return the fields of a TRL configuration class with their annotations; none where TRL is missing."""
    package, _, class_name = config.partition(":")
    found: dict[str, str] = {}
    for path, cls in ((package, class_name), ("trl/trainer/base_config.py", "_BaseConfig"),
                      ("transformers/training_args.py", "TrainingArguments")):  # fmt: skip
        if _source(path) is None:
            return {}  # not installed: nothing can be checked or trained
        for node in _class(path, cls):
            for line in node.body:
                if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
                    found.setdefault(line.target.id, ast.unparse(line.annotation))
    return found


def _class(path: str, name: str) -> list[ast.ClassDef]:
    """Return the definitions of a class in a source file; none where the file does not exist."""
    source = _source(path)
    tree = ast.parse(source.read_text(encoding="utf-8")) if source else ast.Module([], [])
    return [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and node.name == name]


def _source(path: str) -> Path | None:
    top, _, rest = path.partition("/")
    spec = importlib.util.find_spec(top)
    if spec is None or not spec.submodule_search_locations:
        return None
    file = Path(next(iter(spec.submodule_search_locations))) / rest
    return file if file.is_file() else None
