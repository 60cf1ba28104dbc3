"""The reference delta tau = theta_reference - theta_base, read from two checkpoints and matched by name.

It is what fine-tuning added (Lu et al. 2024, arXiv 2405.17931, section 3). Tensors are matched by name, never
by position, because parameter groups get reordered. One tensor can have several names, for two reasons, and
this module undoes both: wrappers put prefixes in front (`_orig_mod.`, `module.`), and a tied embedding is one
tensor with two names.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from align.models import weights

_WRAPPERS = {"module", "_orig_mod", "_checkpoint_wrapped_module", "_fsdp_wrapped_module"}
_OUTPUT = "lm_head.weight"
_INPUT = ("embed_tokens.weight", "wte.weight", "embed_in.weight", "word_embeddings.weight")
_CONSTANTS = ("rotary_emb.inv_freq",)  # buffers that only old checkpoints hold


def plain_name(name: str) -> str:
    """Return a parameter's name without the parts that torch.compile, checkpointing, DDP and FSDP add."""
    return ".".join(part for part in name.split(".") if part not in _WRAPPERS)


def named_groups(named_parameters: Iterable[Any]) -> list[dict[str, Any]]:
    """Return parameter groups in which `param_names` names each parameter, without wrappers' prefixes."""
    items = list(named_parameters)
    if not (items and isinstance(items[0], Mapping)):
        items = [{"params": [p for _, p in items], "param_names": [name for name, _ in items]}]
    groups = [{**group, "params": list(group["params"])} for group in items]
    for group in groups:
        group["param_names"] = [plain_name(name) for name in group.get("param_names", ())]
        if len(group["param_names"]) != len(group["params"]):
            raise ValueError(
                "every group needs 'param_names', one for each of its 'params', in the same order"
            )
    return groups


_EXACT = (torch.float32, torch.bfloat16)
"""Dtypes of weights that lose no update; the optimizer's state adds 16 bits to bfloat16 weights."""


def match(
    named: Mapping[str, Tensor], reference_delta: Mapping[str, Tensor]
) -> dict[str, Callable[[], Tensor]]:
    """Return, by plain name, a function for each trained parameter that returns its reference delta.

    They are functions because a delta may be read from disk: a caller that needs a hundredth of each tensor
    need not hold all tensors.

    Raises:
        ValueError: a parameter has a dtype that loses the update, no reference delta, or one of another
            shape; the message names all of them.
    """
    _refuse_coarse(named)
    plain = {plain_name(name): name for name in reference_delta}
    keys = {name: _key_of(name, plain) for name in named}
    if missing := [name for name, key in keys.items() if key is None]:
        raise ValueError(f"no reference delta for {_listed(missing)}; {_why_missing(missing)}")
    found = {name: plain[key] for name, key in keys.items() if key is not None}
    shapes = {name: _shape(reference_delta, key) for name, key in found.items()}
    wrong = [
        f"{n} {tuple(p.shape)} against {shapes[n]}" for n, p in named.items() if tuple(p.shape) != shapes[n]
    ]
    if wrong:
        raise ValueError(
            f"the reference delta has another shape than the model: {_listed(wrong)}; was the vocabulary "
            "resized?"
        )
    return {name: partial(reference_delta.__getitem__, key) for name, key in found.items()}


def _refuse_coarse(named: Mapping[str, Tensor]) -> None:
    """Raise ValueError where a parameter's dtype loses the update."""
    low = [
        f"{name} is {str(p.dtype).removeprefix('torch.')}"
        for name, p in named.items()
        if p.dtype not in _EXACT
    ]
    if low:
        raise ValueError(
            f"Online Merging works on float32 or bfloat16 weights; {_listed(low)}. Set `dtype` in the stage"
        )


def _why_missing(names: Sequence[str]) -> str:
    """Return what to do about parameters that have no reference delta."""
    if any("lora_" in name for name in names):
        return (
            "LoRA adapters have no counterpart in the reference: go on with its adapter, or use full "
            "fine-tuning"
        )
    return "base and reference must be checkpoints of the model that is trained"


class Fingerprint:
    """A hash of names, shapes and up to 1024 evenly spaced values of each tensor.

    It holds no sums: they depend on the number of threads, so a resumed run would be refused without reason.
    """

    def __init__(self) -> None:
        self._lines: list[tuple[str, str]] = []

    def add(self, name: str, delta: Tensor) -> None:
        """Add a tensor to the hash; the order of tensors does not matter."""
        sample = delta.detach().flatten()[:: max(1, delta.numel() // 1024)][:1024]
        values = sample.to("cpu", torch.float32).contiguous().numpy().tobytes()
        self._lines.append((repr((name, tuple(delta.shape))), hashlib.sha256(values).hexdigest()))

    def hexdigest(self) -> str:
        """Return the hash of all tensors."""
        return hashlib.sha256(repr(sorted(self._lines)).encode()).hexdigest()


class ReferenceDelta(Mapping[str, Tensor]):
    """A mapping from tensor name to theta_reference - theta_base in float32, read from disk one at a time."""

    def __init__(
        self, old: Mapping[str, Path], new: Mapping[str, Path], shapes: Mapping[str, tuple[int, ...]]
    ) -> None:
        self._old, self._new = old, new
        self.shapes = shapes

    def __getitem__(self, name: str) -> Tensor:
        """Read one tensor of each model, and subtract."""
        return (
            weights.read_tensor(self._new[name], name).float()
            - weights.read_tensor(self._old[name], name).float()
        )

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names."""
        return iter(sorted(self._new))

    def __len__(self) -> int:
        """Return the number of tensors."""
        return len(self._new)


def reference_delta(base: str, reference: str) -> ReferenceDelta:
    """Return theta_reference - theta_base in float32 by tensor name; a tensor is read when it is asked for.

    Args:
        base: folder or hub id of the pretrained model, as safetensors in one file or in shards.
        reference: the same for the fine-tuned model.

    Raises:
        ValueError: a folder holds no safetensors model; or tensors differ in name or shape (the message names
            them); or the tokenizers' vocabularies differ, so that rows of the embeddings do not correspond.
    """
    folders = [weights.download(base), weights.download(reference)]
    _check_tokenizers(*folders)
    old, new = (_files(folder) for folder in folders)
    _drop_tied(old, new)
    return ReferenceDelta(old, new, _shapes(old, new))


def adapter_delta(reference: str) -> dict[str, Tensor]:
    """Return theta_reference - theta_base of a LoRA adapter, by peft's parameter names.

    The base is the same adapter with B = 0, whatever A is: the delta of B is B, and that of A is zero. Moving
    B by s * B then moves the merged weights by s times what fine-tuning added, just as the delta of whole
    weights would.

    Args:
        reference: folder of a stage that was trained with `lora`; its adapter is in `adapter/`.

    Raises:
        ValueError: the folder holds no adapter.
    """
    file = weights.adapter_file(Path(reference))
    if not file.exists():
        raise ValueError(
            f"{reference} was not trained as an adapter, so LoRA parameters have no counterpart in it: use "
            "full fine-tuning"
        )
    return {
        name.replace(".weight", ".default.weight"): torch.zeros_like(tensor.float())
        if "lora_A" in name
        else tensor.float()
        for name, tensor in weights.read_tensors(file)
    }


def _files(folder: Path) -> dict[str, Path]:
    """Return the file of each weight of a model folder."""
    return {
        name: path for name, path in weights.files_by_name(folder).items() if not name.endswith(_CONSTANTS)
    }


def _check_tokenizers(base: Path, reference: Path) -> None:
    paths = [folder / "tokenizer.json" for folder in (base, reference)]
    if not all(path.exists() for path in paths):
        return
    old, new = (json.loads(path.read_text("utf-8"))["model"].get("vocab") for path in paths)
    if old != new:
        raise ValueError(
            f"{base} and {reference} have different vocabularies ({len(old or ())} and {len(new or ())} "
            "tokens), so their embeddings cannot be subtracted; the reference must be trained from this base "
            "with its tokenizer"
        )


def _drop_tied(old: dict[str, Path], new: dict[str, Path]) -> None:
    """Forget an output embedding that only one model stores and that equals its input embedding."""
    for model, other in ((old, new), (new, old)):
        name, table = _OUTPUT, next((n for n in model if n.endswith(_INPUT)), None)
        if name not in model or name in other or table is None:
            continue
        if torch.equal(weights.read_tensor(model[name], name), weights.read_tensor(model[table], table)):
            del model[name]


def _shapes(old: Mapping[str, Path], new: Mapping[str, Path]) -> dict[str, tuple[int, ...]]:
    """Return the shapes of two models' tensors, read from the files' headers.

    Raises:
        ValueError: names or shapes differ; the message names all of them.
    """
    problems = []
    for model, other, label in ((old, new, "the reference"), (new, old, "the base")):
        if missing := sorted(set(model) - set(other)):
            problems.append(f"{label} lacks {_listed(missing)}")
    both = sorted(set(old) & set(new))
    shapes = {
        name: (list(weights.read_shape(old[name], name)), list(weights.read_shape(new[name], name)))
        for name in both
    }
    if wrong := [
        f"{name} {a} in the base, {b} in the reference" for name, (a, b) in shapes.items() if a != b
    ]:
        problems.append(f"shapes differ: {_listed(wrong)}")
    if problems:
        raise ValueError(f"reference and base are not the same architecture: {'; '.join(problems)}")
    return {name: tuple(shape) for name, (_, shape) in shapes.items()}


def _shape(deltas: Mapping[str, Tensor], name: str) -> tuple[int, ...]:
    return deltas.shapes[name] if isinstance(deltas, ReferenceDelta) else tuple(deltas[name].shape)


def _key_of(name: str, deltas: Mapping[str, str]) -> str | None:
    """Return a parameter's name in a mapping, or the name of the embedding that it is tied to."""
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
