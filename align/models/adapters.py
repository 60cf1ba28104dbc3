"""The one place that reads and writes LoRA adapters, in a folder `adapter` beside the merged model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from peft import PeftModel
from transformers import PreTrainedModel

from align.models.weights import ADAPTER


def continue_lora(model: PreTrainedModel, folder: str) -> PeftModel:
    """Load the adapter that a stage left in its folder, to train it further.

    Raises:
        ValueError: the folder holds none, or one of another model.
    """
    adapter = Path(folder) / ADAPTER
    adapter = adapter if adapter.is_dir() else Path(folder)  # where peft and TRL save one
    if not (adapter / "adapter_config.json").exists():
        raise ValueError(
            f"{folder} holds no adapter; lora.adapter names a stage that was trained with `lora`"
        )
    try:
        return PeftModel.from_pretrained(model, str(adapter), is_trainable=True)
    except (RuntimeError, ValueError) as error:
        raise ValueError(
            f"the adapter of {folder} does not fit the model: {str(error).splitlines()[0]}"
        ) from None


def save_adapter(model: PeftModel, folder: Path, weights: Mapping[str, Any] | None = None) -> None:
    """Write a model's adapter into a stage's folder.

    `weights` holds all its tensors, where those in `model` are spread over processes.
    """
    model.save_pretrained(str(folder / ADAPTER), state_dict=weights)


def merge_adapter(model: PreTrainedModel, folder: Path) -> Any:
    """Return a model with the adapter that lies in a stage's folder merged into its weights."""
    return PeftModel.from_pretrained(model, str(folder / ADAPTER)).merge_and_unload()
