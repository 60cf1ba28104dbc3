"""Read tensors of a checkpoint by name from safetensors files, one at a time, without building the model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from huggingface_hub import snapshot_download
from safetensors import safe_open

from align.core.external_references import is_nowhere

ADAPTER = "adapter"
"""Name of the folder, inside a stage's own, that holds the adapter which the stage trained."""


def download(model: str) -> Path:
    """Return the folder of a model; for a hub id, download the weights and the tokenizer's file first.

    Raises:
        ValueError: there is no such folder, and it is no hub id.
    """
    folder = Path(model)
    if folder.is_dir():
        return folder
    if is_nowhere(model):
        raise ValueError(f"{model}: there is no such folder, and it is no hub id")
    patterns = ["model*.safetensors", "model.safetensors.index.json", "tokenizer.json"]
    return Path(snapshot_download(model, allow_patterns=patterns))


def files_by_name(folder: Path) -> dict[str, Path]:
    """Return the file of each tensor of a model folder.

    Raises:
        ValueError: the folder holds no model in safetensors.
    """
    single, index = folder / "model.safetensors", folder / "model.safetensors.index.json"
    if single.exists():
        with safe_open(single, framework="pt") as file:
            return dict.fromkeys(file.keys(), single)
    if index.exists():
        return {
            name: folder / file for name, file in json.loads(index.read_text("utf-8"))["weight_map"].items()
        }
    raise ValueError(
        f"{folder} holds no model.safetensors and no model.safetensors.index.json; save the whole model as "
        "safetensors (an adapter has to be merged first)"
    )


def adapter_file(folder: Path) -> Path:
    """Return the file of the weights of the adapter in a stage's folder, whether it is there or not."""
    return folder / ADAPTER / "adapter_model.safetensors"


def read_tensor(file: Path, name: str) -> Any:
    """Read one tensor."""
    with safe_open(file, framework="pt") as tensors:
        return tensors.get_tensor(name)


def read_tensors(file: Path) -> Iterator[tuple[str, Any]]:
    """Yield the name and the tensor of everything in a file, one at a time."""
    with safe_open(file, framework="pt") as tensors:
        for name in tensors.keys():  # noqa: SIM118 (not a mapping)
            yield name, tensors.get_tensor(name)


def read_shape(file: Path, name: str) -> tuple[int, ...]:
    """Read the shape of one tensor, which stands in the file's header."""
    with safe_open(file, framework="pt") as tensors:
        return tuple(tensors.get_slice(name).get_shape())
