"""The one place that reads checkpoints: precision always stated, no progress bars, the device named once."""

from __future__ import annotations

import warnings
from typing import Any


def causal_lm(path: str, dtype: str, revision: str | None = None) -> Any:
    """Load a language model with weights of this precision ("auto": as saved), on the CPU, in evaluation mode."""
    import torch  # noqa: PLC0415 (modules that `align check` reads import this one)
    from transformers import AutoModelForCausalLM  # noqa: PLC0415

    quiet()
    kind: Any = dtype if dtype == "auto" else getattr(torch, dtype)
    return AutoModelForCausalLM.from_pretrained(path, revision=revision, dtype=kind).eval()


def classifier(path: str, dtype: str, **config: Any) -> Any:
    """Load a sequence classifier; `num_labels=1` gives a language model a new scalar head."""
    import torch  # noqa: PLC0415
    from transformers import AutoModelForSequenceClassification  # noqa: PLC0415

    quiet()
    return AutoModelForSequenceClassification.from_pretrained(path, dtype=getattr(torch, dtype), **config).eval()


def tokenizer(path: str, revision: str | None = None) -> Any:
    """Load a tokenizer that can mark the end of an answer and pad a batch.

    Raises:
        ValueError: it has no eos_token, so nothing could mark where an answer ends.
    """
    from transformers import AutoTokenizer  # noqa: PLC0415

    loaded: Any = AutoTokenizer.from_pretrained(path, revision=revision)
    if loaded.eos_token is None:
        raise ValueError(f"the tokenizer of {path} has no eos_token, so nothing marks where an answer ends; use a chat model")
    if loaded.pad_token is None:
        loaded.pad_token = loaded.eos_token
    return loaded


def device() -> str:
    """Return the first accelerator, or `cpu`."""
    import torch  # noqa: PLC0415

    accelerator = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    return accelerator.type if accelerator else "cpu"


def quiet() -> None:
    """Keep the libraries' own progress bars and chatter out of the log; their errors stay."""
    import transformers  # noqa: PLC0415

    # transformers warns about its own renamed properties, which TRL reads at every step
    warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")
    transformers.logging.disable_progress_bar()
    transformers.logging.set_verbosity_error()
