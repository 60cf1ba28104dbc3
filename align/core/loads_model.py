"""How weights are loaded: the fields of every stage, generator and reward that loads a model, under transformers' names."""

from __future__ import annotations

from typing import Any

from pydantic import model_validator

from align.core.config import Config


class FromHub(Config):
    """Fields of what reads a checkpoint, wherever it is run."""

    revision: str | None = None
    """Branch, tag or commit of a model that comes from the hub."""
    trust_remote_code: bool = False
    """True: run the Python code that comes with the checkpoint. It may do anything; read it first, and name a `revision`."""

    @model_validator(mode="before")
    @classmethod
    def _older_names(cls, data: Any) -> Any:
        """Take `torch_dtype`, as transformers called `dtype` before version 5."""
        if isinstance(data, dict) and "torch_dtype" in data and "dtype" not in data and "dtype" in cls.model_fields:
            data = {("dtype" if key == "torch_dtype" else key): value for key, value in data.items()}
        return data

    def loading(self) -> dict[str, Any]:
        """Return the keyword arguments for `align.models`; what is left out is not among them."""
        options = {name: getattr(self, name, None) for name in ("attn_implementation", "revision")}
        options |= {"trust_remote_code": self.trust_remote_code or None}
        return {name: value for name, value in options.items() if value is not None}


class LoadsModel(FromHub):
    """Fields of what runs a model with transformers."""

    attn_implementation: str | None = None
    """`sdpa`, `eager`, `flash_attention_2`...; left out, transformers chooses."""
