"""tau = theta_reference - theta_base: what fine-tuning added, read from two checkpoints and matched to a model by name.

The reference delta of Online Merging (Lu et al. 2024, arXiv 2405.17931, section 3). Names decide, never positions,
because parameter groups get reordered. Two things give one tensor several names, and both are undone here: wrappers put
prefixes in front (`_orig_mod.`, `module.`), and a tied embedding is one tensor with two names.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import snapshot_download
from safetensors import safe_open
from torch import Tensor

_WRAPPERS = {"module", "_orig_mod", "_checkpoint_wrapped_module", "_fsdp_wrapped_module"}
_OUTPUT = "lm_head.weight"
_INPUT = ("embed_tokens.weight", "wte.weight", "embed_in.weight", "word_embeddings.weight")
_CONSTANTS = ("rotary_emb.inv_freq",)  # buffers that old checkpoints carry and newer ones do not


def plain_name(name: str) -> str:
    """Return a parameter's name without the parts that torch.compile, checkpointing, DDP and FSDP put in."""
    return ".".join(part for part in name.split(".") if part not in _WRAPPERS)


def deltas_for(named: Mapping[str, Tensor], reference_delta: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the reference delta of every parameter that is trained, by the parameter's plain name.

    Raises:
        ValueError: a parameter is not float32, has no reference delta, or one of another shape; all are named.
    """
    if low := [f"{name} is {str(p.dtype).removeprefix('torch.')}" for name, p in named.items() if p.dtype != torch.float32]:
        raise ValueError(
            f"Online Merging makes steps that only float32 weights hold; {_listed(low)}. Set `dtype: float32` in the "
            "stage (bf16 autocast is fine)"
        )
    plain = {plain_name(name): delta for name, delta in reference_delta.items()}
    keys = {name: _key_of(name, plain) for name in named}
    if missing := [name for name, key in keys.items() if key is None]:
        adapters = any("lora_" in name for name in missing)
        why = (
            "LoRA adapters have no counterpart in the reference: use full fine-tuning"
            if adapters
            else ("base and reference must be checkpoints of the model that is trained")
        )
        raise ValueError(f"no reference delta for {_listed(missing)}; {why}")
    found = {name: plain[key] for name, key in keys.items() if key is not None}
    wrong = [f"{n} {tuple(p.shape)} against {tuple(found[n].shape)}" for n, p in named.items() if p.shape != found[n].shape]
    if wrong:
        raise ValueError(f"the reference delta has another shape than the model: {_listed(wrong)}; was the vocabulary resized?")
    return found


def fingerprint(deltas: Mapping[str, Tensor]) -> str:
    """Return a hash of names, shapes and up to 1024 evenly spaced values of each tensor.

    No sums: they depend on the number of threads, and a resumed run would be refused for nothing.
    """
    digest = hashlib.sha256()
    for name, delta in sorted(deltas.items()):
        sample = delta.detach().flatten()[:: max(1, delta.numel() // 1024)][:1024]
        digest.update(repr((name, tuple(delta.shape))).encode())
        digest.update(sample.to("cpu", torch.float32).contiguous().numpy().tobytes())
    return digest.hexdigest()


def load_reference_delta(base: str, reference: str) -> dict[str, Tensor]:
    """Return theta_reference - theta_base in float32, by tensor name.

    Reads one tensor of each model at a time, so the peak is the delta (4 bytes a parameter) and two tensors.

    Args:
        base: folder or hub id of the pretrained model, as safetensors in one file or in shards.
        reference: the same for the fine-tuned model.

    Raises:
        ValueError: a folder holds no safetensors model, tensors or shapes differ (they are named), or the tokenizers'
            vocabularies differ, so that the rows of the embeddings would not belong together.
    """
    folders = [_folder(base), _folder(reference)]
    _check_tokenizers(*folders)
    with ExitStack() as opened:
        models: list[dict[str, Any]] = []
        for folder in folders:
            files: dict[Path, Any] = {}
            where = _where(folder)
            for path in sorted(set(where.values())):
                files[path] = opened.enter_context(safe_open(path, framework="pt"))
            models.append({name: files[path] for name, path in where.items()})
        old, new = models
        _drop_tied(old, new)
        _check_names(old, new)
        return {n: new[n].get_tensor(n).float() - old[n].get_tensor(n).float() for n in sorted(new)}


def _folder(model: str) -> Path:
    folder = Path(model)
    if folder.is_dir():
        return folder
    if folder.is_absolute() or model.startswith(".") or model.count("/") != 1:
        raise ValueError(f"{model}: there is no such folder, and it is no hub id")
    patterns = ["model*.safetensors", "model.safetensors.index.json", "tokenizer.json"]
    return Path(snapshot_download(model, allow_patterns=patterns))


def _where(folder: Path) -> dict[str, Path]:
    """Return the file of each tensor of a model folder."""
    single, index = folder / "model.safetensors", folder / "model.safetensors.index.json"
    if single.exists():
        with safe_open(single, framework="pt") as file:
            where = dict.fromkeys(file.keys(), single)
    elif index.exists():
        where = {name: folder / file for name, file in json.loads(index.read_text("utf-8"))["weight_map"].items()}
    else:
        raise ValueError(
            f"{folder} holds no model.safetensors and no model.safetensors.index.json; save the whole model as "
            "safetensors (an adapter has to be merged first)"
        )
    return {name: path for name, path in where.items() if not name.endswith(_CONSTANTS)}


def _check_tokenizers(base: Path, reference: Path) -> None:
    paths = [folder / "tokenizer.json" for folder in (base, reference)]
    if not all(path.exists() for path in paths):
        return
    old, new = (json.loads(path.read_text("utf-8"))["model"].get("vocab") for path in paths)
    if old != new:
        raise ValueError(
            f"{base} and {reference} have different vocabularies ({len(old or ())} and {len(new or ())} tokens), so "
            "their embeddings cannot be subtracted; the reference must be trained from this base with its tokenizer"
        )


def _drop_tied(old: dict[str, Any], new: dict[str, Any]) -> None:
    """Drop the output embedding of the one model that stores it, where it is the input embedding again."""
    for model, other in ((old, new), (new, old)):
        name, table = _OUTPUT, next((n for n in model if n.endswith(_INPUT)), None)
        if name not in model or name in other or table is None:
            continue
        if torch.equal(model[name].get_tensor(name), model[table].get_tensor(table)):
            del model[name]


def _check_names(old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    problems = []
    for model, other, label in ((old, new, "the reference"), (new, old, "the base")):
        if missing := sorted(set(model) - set(other)):
            problems.append(f"{label} lacks {_listed(missing)}")
    shapes = {n: (old[n].get_slice(n).get_shape(), new[n].get_slice(n).get_shape()) for n in sorted(set(old) & set(new))}
    if wrong := [f"{name} {a} in the base, {b} in the reference" for name, (a, b) in shapes.items() if a != b]:
        problems.append(f"shapes differ: {_listed(wrong)}")
    if problems:
        raise ValueError(f"reference and base are not the same architecture: {'; '.join(problems)}")


def _key_of(name: str, deltas: Mapping[str, Tensor]) -> str | None:
    """Return the name under which a mapping has a parameter: its own, or its twin's where embeddings are tied."""
    if name in deltas:
        return name
    if name.endswith(_OUTPUT):
        return next((key for key in deltas if key.endswith(_INPUT)), None)
    if name.endswith(_INPUT):
        return next((key for key in deltas if key.endswith(_OUTPUT)), None)
    return None


def _listed(items: Iterable[str]) -> str:
    items = list(items)
    return ", ".join(items[:8]) + (f" and {len(items) - 8} more" if len(items) > 8 else "")
