"""The model that is trained: adapters and heads, the frozen reference, and publishing a plain checkpoint."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from peft.tuners.tuners_utils import check_target_module_exists
from torch import nn
from transformers import PreTrainedModel

from align.core.errors import ModelError, StageFailed
from align.core.stage import Run
from align.models import checkpoints
from align.models.adapters import merge_adapter, save_adapter
from align.models.chat import Chat
from align.models.tokenizers import save_tokenizer
from align.models.weights import read_tensors


def load_reference(path: str, dtype: str, **options: Any) -> Any:
    """Load the frozen model that preference losses compare with; TRL would load one without a word."""
    return checkpoints.causal_lm(path, dtype, **options).requires_grad_(False)


def load_classifier(path: str, dtype: str, pad_token_id: int, **options: Any) -> Any:
    """Load a model with a new scalar head: (batch,) rewards, read at the last token that is not padding."""
    model = checkpoints.classifier(path, dtype, num_labels=1, **options)
    model.config.pad_token_id = pad_token_id
    return model


def lora_config(
    model: PreTrainedModel, r: int, alpha: float, dropout: float, target_modules: str | list[str], task: str
) -> LoraConfig:
    """Return peft's configuration of adapters for a model; `task` is CAUSAL_LM or SEQ_CLS.

    peft's `all-linear` leaves out the experts of a mixture, whose weights lie in one tensor of three
    dimensions; here it includes them.

    Raises:
        ModelError: dropout is asked for together with adapters on experts.
    """
    targets = list(target_modules) if isinstance(target_modules, list | tuple) else target_modules
    experts = _experts(model) if targets == "all-linear" else []
    if experts and dropout:
        raise ModelError(
            f"lora.dropout cannot be used with adapters on experts ({', '.join(experts)}); leave it out, or "
            "name the layers to adapt in lora.target_modules"
        )
    scale: Any = alpha  # peft declares an integer, but only divides it by r
    return LoraConfig(
        r=r,
        lora_alpha=scale,
        lora_dropout=dropout,
        target_modules=targets,
        target_parameters=experts or None,
        task_type=task,
    )


def _experts(model: PreTrainedModel) -> list[str]:
    """Return the names, within a layer, of three-dimensional weights that are not a convolution's."""
    names = {
        re.sub(r"^.*\.\d+\.", "", f"{at}.{name}")
        for at, module in model.named_modules()
        if not isinstance(module, nn.modules.conv._ConvNd)
        for name, weight in module.named_parameters(recurse=False)
        if weight.ndim == 3
    }
    return sorted(names)


def refuse_tied_adapters(model: PreTrainedModel, config: LoraConfig | None) -> None:
    """Refuse adapters on the embedding or the output layer where both are the same weights.

    Training runs the adapter in one of the two only. Merged into the weights it would act in both, so the
    published model would not be the trained one (a user measured logits that differ by 5). TRL refuses
    adapters on the output layer of any model.

    Raises:
        ModelError: `target_modules` reaches one of the two.
    """
    output = model.get_output_embeddings()
    if config is None or output is None or output.weight is not model.get_input_embeddings().weight:
        return
    shared = [
        name for name, module in model.named_modules() if getattr(module, "weight", None) is output.weight
    ]
    for name in shared:
        if check_target_module_exists(config, name):
            raise ModelError(
                f"lora.target_modules reaches {name}, and this model's embedding and output layer are the "
                "same weights (tie_word_embeddings): merged, the adapter would change both and the published "
                "model would not be the one that was trained. Leave it out of target_modules"
            )


def attach_lora(model: PreTrainedModel, config: LoraConfig | None) -> Any:
    """Wrap a model in adapters, or return it unchanged where `config` is None."""
    refuse_tied_adapters(model, config)
    return get_peft_model(model, config) if config else model


def refuse_foreign_ids(model: Any, chat: Chat, rows: Iterable[dict[str, list[int]]]) -> None:
    """Raise ModelError where the model has no embedding for a token that training or sampling needs."""
    largest = max(
        (max(column, default=0) for row in rows for name, column in row.items() if name.endswith("_ids")),
        default=0,
    )
    checkpoints.refuse_foreign_ids(
        model, chat.tokenizer, [largest, chat.tokenizer.pad_token_id, *chat.stop_ids()]
    )


def refuse_long(model: Any, rows: Iterable[dict[str, list[int]]]) -> None:
    """Raise ModelError where a row has more tokens than the model has learned positions for."""
    sides = ("chosen_ids", "rejected_ids", "input_ids")
    longest = max(
        len(row.get("prompt_ids", [])) + max(len(row.get(name, [])) for name in sides) for row in rows
    )
    checkpoints.refuse_long(
        model, longest, "set `max_length` to that or less: longer rows are then dropped and counted"
    )


def stop_where_trained(model: Any, chat: Chat) -> None:
    """Add the token that ends an answer to those at which a model's generation config stops."""
    config = getattr(model, "generation_config", None)
    if config is not None:
        ids = chat.stop_ids(model)
        config.eos_token_id = ids[0] if len(ids) == 1 else ids


def publish(run: Run, trainer: Any, chat: Chat, start: str, dtype: str, **options: Any) -> None:
    """Save a trained model as a plain checkpoint in the stage's folder.

    LoRA is merged into the weights, and the adapter is saved beside them.

    Args:
        run: the stage.
        trainer: any Trainer.
        chat: its tokenizer.
        start: the model that training started from (LoRA is merged into it).
        dtype: precision of the saved weights.
        **options: options for loading `start` (`align.models.checkpoints.causal_lm`).
    """
    model = trainer.accelerator.unwrap_model(trainer.model)
    sharded = trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled
    stop_where_trained(model.get_base_model() if isinstance(model, PeftModel) else model, chat)
    if not sharded and trainer.is_world_process_zero():
        publish_model(run, model, chat)
    elif sharded:
        _publish_sharded(run, trainer, chat, start, dtype, **options)


def publish_model(run: Run, model: Any, chat: Chat, weights: Mapping[str, Any] | None = None) -> None:
    """Save a model that this process holds whole, or whose gathered weights are given."""
    if isinstance(model, PeftModel):
        save_adapter(model, run.folder)
        model = model.merge_and_unload()
    stop_where_trained(model, chat)
    checkpoints.save(model, run.folder, weights)
    save_tokenizer(chat.tokenizer, run.folder)
    _refuse_non_finite(run)


def _publish_sharded(run: Run, trainer: Any, chat: Chat, start: str, dtype: str, **options: Any) -> None:
    """Gather the weights of all processes in the first process, which publishes them."""
    engine = trainer.model_wrapped if trainer.is_deepspeed_enabled else trainer.model
    weights = trainer.accelerator.get_state_dict(engine)
    if not trainer.is_world_process_zero():
        return
    model = trainer.accelerator.unwrap_model(trainer.model)
    precision = getattr(torch, dtype)  # FSDP2 keeps float32 weights where it computes in less
    if isinstance(model, PeftModel):
        save_adapter(model, run.folder, weights)
        whole = _load_start(model, start, dtype, chat, options)
        publish_model(run, merge_adapter(whole, run.folder).to(precision), chat)
        return
    # tied weights are gathered twice
    kept = {
        name: weights[name].to(precision)
        for name in weights
        if model.all_tied_weights_keys.get(name) not in weights
    }
    model.config.dtype = precision
    publish_model(run, model, chat, kept)


def _load_start(model: PeftModel, start: str, dtype: str, chat: Chat, options: dict[str, Any]) -> Any:
    """Load the model under an adapter: a language model, or one with a new head (saved in the adapter)."""
    if model.active_peft_config.task_type == "SEQ_CLS":
        return load_classifier(start, dtype, chat.tokenizer.pad_token_id, **options)
    return checkpoints.causal_lm(start, dtype, **options)


def _refuse_non_finite(run: Run) -> None:
    """Raise StageFailed when a saved weight is not finite; such a model must not be published."""
    for file in sorted(run.folder.glob("*.safetensors")):
        for name, weight in read_tensors(file):
            if not torch.isfinite(weight).all():
                remedy = "lower learning_rate or use bf16 instead of fp16"
                cause = f"weight {name} is not finite after training; {remedy}"
                raise StageFailed(run.name, cause, run.log_file)
