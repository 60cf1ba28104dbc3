"""The samplers that `online_dpo` can use, as fields: this process, a vLLM server of its own, or a given one.

`build` makes the `align.train.samplers.policy.PolicySampler` that does the work. Nothing here imports torch
before that, so `align check` stays fast.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from align.core.plugins import Sampler
from align.core.stage import Run

if TYPE_CHECKING:
    from align.train.samplers.policy import PolicySampler


class TransformersSampler(Sampler):
    """Sample in this process, with the policy itself or with a copy of it in another precision.

    Prompts of similar length share a batch.
    """

    kind: str = "transformers"
    operational: ClassVar[frozenset[str]] = frozenset({"batch_size"})

    batch_size: int = Field(default=128, ge=1)
    """Number of sequences decoded at once."""
    dtype: Literal["float32", "bfloat16", "float16"] | None = None
    """Precision of a copy of the policy for sampling; left out, the policy itself samples."""

    def build(self, chat: Any, run: Run) -> PolicySampler:
        """Return the sampler of a stage; `chat` is the policy's."""
        from align.train.samplers.policy import InProcess  # noqa: PLC0415

        return InProcess(chat, self.batch_size, self.dtype)


class VLLMServerSampler(Sampler):
    """Sample from a vLLM server that loads the policy's weights before every round.

    Start it with `VLLM_SERVER_DEV_MODE=1 vllm serve ...`. Any number of processes and machines may train; one
    server, tensor-parallel or not, samples. docs/online_dpo.md says how to start the server and what is
    checked.
    """

    kind: str = "vllm_server"
    operational: ClassVar[frozenset[str]] = frozenset(
        {"base_url", "sync_dir", "timeout_seconds", "max_concurrency"}
    )

    base_url: str
    """Address of the server, such as http://localhost:8000; nobody else may use the server during the stage.
    """
    sync_dir: str | None = None
    """Folder through which the server gets the weights, relative to the recipe; the server must see it under
    the same path. It needs room for two checkpoints, which the stage removes at its end. Left out: the
    stage's own folder."""
    timeout_seconds: float = Field(default=600, gt=0)
    """Longest time for one request: for all samples of a prompt, or for loading the weights."""
    max_concurrency: int = Field(default=256, ge=1)
    """Prompts that one training process sends to the server at once. vLLM queues those that it cannot run
    yet."""

    @field_validator("base_url")
    @classmethod
    def _check_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("an address such as http://localhost:8000 is needed")
        # /v1 is the address for OpenAI clients; the routes for weights are beside it
        return value.rstrip("/").removesuffix("/v1")

    def build(self, chat: Any, run: Run) -> PolicySampler:
        """Return the sampler of a stage; `chat` is the policy's."""
        from align.train.samplers.vllm_server import VLLMServer  # noqa: PLC0415

        folder = run.folder.resolve() / "sampler_weights"
        # other runs may use the folder too; a resumed run must find what it left there before it was killed
        if self.sync_dir:
            own = hashlib.sha256(str(folder).encode()).hexdigest()[:16]
            folder = run.home(self.sync_dir).resolve() / "sampler_weights" / own
        return VLLMServer(
            chat,
            self.base_url,
            folder,
            timeout_seconds=self.timeout_seconds,
            max_concurrency=self.max_concurrency,
        )


class VLLMSampler(Sampler):
    """Sample from a vLLM server that the stage starts and ends; it works like `vllm_server` otherwise."""

    kind: str = "vllm"
    operational: ClassVar[frozenset[str]] = frozenset(
        {
            "command",
            "gpu_memory_utilization",
            "tensor_parallel_size",
            "start_seconds",
            "timeout_seconds",
            "max_concurrency",
        }
    )

    dtype: Literal["float32", "bfloat16", "float16"] = "bfloat16"
    """Precision of the weights while sampling."""
    gpu_memory_utilization: float = Field(default=0.3, gt=0, le=1)
    """Share of each GPU's memory for weights and key-value cache; training needs the rest (0.3 is TRL's value
    for the same case)."""
    tensor_parallel_size: int = Field(default=1, ge=1)
    """Number of GPUs over which every layer is split."""
    max_model_len: int | None = Field(default=None, ge=1)
    """Longest prompt plus completion, in tokens. Left out: the value in the checkpoint's config, for which
    the memory may not suffice."""
    args: list[str] = []
    """More arguments of `vllm serve`, such as `["--enforce-eager"]`."""
    command: str = "vllm"
    """Program to start, for a vLLM that is installed in another environment."""
    start_seconds: float = Field(default=540, gt=0)
    """Longest time until the server answers: loading and compiling take minutes. Other training processes
    wait for ten (NCCL)."""
    timeout_seconds: float = Field(default=600, gt=0)
    """Longest time for one request: for all samples of a prompt, or for loading the weights."""
    max_concurrency: int = Field(default=256, ge=1)
    """Prompts that one training process sends to the server at once. vLLM queues those that it cannot run
    yet."""

    def problems(self, folder: Path) -> Iterable[tuple[str, str]]:
        """Refuse a program that does not exist."""
        if shutil.which(self.command) is None:
            yield (
                "command",
                f"there is no program {self.command!r}: pip install vllm, or name the one of another "
                "environment",
            )

    def build(self, chat: Any, run: Run) -> PolicySampler:
        """Return the sampler of a stage; `chat` is the policy's."""
        from align.train.samplers.vllm_process import OwnVLLM  # noqa: PLC0415

        options = {"dtype": self.dtype, "gpu-memory-utilization": self.gpu_memory_utilization}
        options |= {"tensor-parallel-size": self.tensor_parallel_size}
        options |= {"max-model-len": self.max_model_len} if self.max_model_len else {}
        given = [text for name, value in options.items() for text in (f"--{name}", str(value))]
        command = [self.command, *given, *self.args]
        return OwnVLLM(
            chat, run.folder.resolve() / "sampler_weights", command, run.folder / "vllm.log",
            start_seconds=self.start_seconds, timeout_seconds=self.timeout_seconds,
            max_concurrency=self.max_concurrency,
        )  # fmt: skip
