"""The fields that say how a stage, generator or reward loads weights, under transformers' names."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterable
from typing import Any

from pydantic import model_validator

from align.core.config import Config
from align.core.validation_errors import did_you_mean, not_installed

ATTENTION = {
    "eager": "", "sdpa": "", "flex_attention": "", "paged|eager": "", "flash_attention_2": "flash_attn",
    "flash_attention_3": "flash_attn_interface", "flash_attention_4": "flash_attn",
}  # fmt: skip
"""transformers' own implementations of attention -> the module that each needs. `kernels`, which downloads an
implementation, works too."""


class FromHub(Config):
    """Fields of everything that reads a checkpoint, wherever the model runs."""

    revision: str | None = None
    """Branch, tag or commit of a model that comes from the hub."""
    trust_remote_code: bool = False
    """True: run the Python code that comes with the checkpoint. It may do anything; read it first, and name a
    `revision`."""

    @model_validator(mode="before")
    @classmethod
    def _older_names(cls, data: Any) -> Any:
        """Accept `torch_dtype`, the name of `dtype` before transformers 5."""
        if (
            isinstance(data, dict)
            and "torch_dtype" in data
            and "dtype" not in data
            and "dtype" in cls.model_fields
        ):
            data = {("dtype" if key == "torch_dtype" else key): value for key, value in data.items()}
        return data

    def loading(self) -> dict[str, Any]:
        """Return the keyword arguments for `align.models`, without those that are left out."""
        options = {name: getattr(self, name, None) for name in ("attn_implementation", "revision")}
        options |= {"trust_remote_code": self.trust_remote_code or None}
        return {name: value for name, value in options.items() if value is not None}


class LoadsModel(FromHub):
    """Fields of everything that runs a model with transformers."""

    attn_implementation: str | None = None
    """`sdpa`, `eager`, `flash_attention_2`..., or a kernel on the hub (`owner/name`); left out, transformers
    chooses."""

    def unavailable(self) -> Iterable[tuple[str, str]]:
        """Yield (field, why) for what cannot be used to run a model here."""
        name = self.attn_implementation or "eager"
        # if transformers is loaded, a plug-in may have added an implementation of its own
        loaded: Any = sys.modules.get("transformers.modeling_utils")
        known = {*ATTENTION, *(loaded.ALL_ATTENTION_FUNCTIONS.valid_keys() if loaded else ())}
        module = "kernels" if "/" in name else ATTENTION.get(name, "")
        if "/" not in name and name not in known:
            yield "attn_implementation", f"there is no {name!r}{did_you_mean(name, known)}"
        elif module and not any(importlib.util.find_spec(package) for package in (module, "kernels")):
            package = {"flash_attn": "flash-attn", "flash_attn_interface": "flash-attn-3"}.get(module, module)
            yield "attn_implementation", f"{not_installed(name, package)}; sdpa needs none"
