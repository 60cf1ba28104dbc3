"""The one place that reads checkpoints: precision always stated, no progress bars, the device named once."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

from align.core.errors import ModelError


def causal_lm(path: str, dtype: str, **options: Any) -> Any:
    """Load a language model in evaluation mode, on the CPU.

    Args:
        path: a folder or hub id.
        dtype: precision of the weights; "auto": as saved.
        **options: `revision`, `trust_remote_code`, `attn_implementation`, `device_map`, as `from_pretrained` takes them.
    """
    from transformers import AutoModelForCausalLM  # noqa: PLC0415 (modules that `align check` reads import this one)

    quiet()
    return AutoModelForCausalLM.from_pretrained(path, dtype=_dtype(dtype), **options).eval()


def classifier(path: str, dtype: str, **options: Any) -> Any:
    """Load a sequence classifier; `num_labels=1` gives a language model a new scalar head. `options` as in `causal_lm`."""
    from transformers import AutoModelForSequenceClassification  # noqa: PLC0415

    quiet()
    return AutoModelForSequenceClassification.from_pretrained(path, dtype=_dtype(dtype), **options).eval()


def _dtype(name: str) -> Any:
    import torch  # noqa: PLC0415

    return name if name == "auto" else getattr(torch, name)


def device() -> str:
    """Return the first accelerator, or `cpu`."""
    import torch  # noqa: PLC0415

    accelerator = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    return accelerator.type if accelerator else "cpu"


def embedding_rows(model: Any) -> int:
    """Return how many token ids a model knows."""
    return model.get_input_embeddings().num_embeddings


def add_rows(model: Any, tokens: int) -> None:
    """Let a model know `tokens` token ids; new embeddings start as the mean of the others. It never shrinks."""
    if tokens > embedding_rows(model):
        model.resize_token_embeddings(tokens, mean_resizing=True)


def refuse_foreign_ids(model: Any, tokenizer: Any, ids: Iterable[int]) -> None:
    """Raise ModelError where a token id has no row in the model's embedding.

    An embedding that is larger than the tokenizer is usual (Qwen pads it) and fine.
    """
    known, largest = embedding_rows(model), max(ids, default=0)
    if largest >= known:
        raise ModelError(
            f"the tokenizer gives token {largest} ({tokenizer.convert_ids_to_tokens(largest)!r}), and the model's embedding "
            f"has {known} rows: the tokenizer is another model's, or tokens were added to it and not to the model. Use the "
            "tokenizer that the model was saved with; the sft stage adds tokens to both with `new_tokens: [...]`"
        )


def quiet() -> None:
    """Keep the libraries' own progress bars and chatter out of the log; their errors stay."""
    import transformers  # noqa: PLC0415

    # transformers warns about its own renamed properties, which TRL reads at every step
    warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")
    warnings.filterwarnings("ignore", message="Setting `save_embedding_layers`")  # peft, of what it does anyway
    transformers.logging.disable_progress_bar()
    transformers.logging.set_verbosity_error()
