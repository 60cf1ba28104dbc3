"""Sampling with vLLM in this process, fast on GPUs (PagedAttention: Kwon et al., arXiv 2309.06180).

All rows in flight share one `AsyncLLM` (vLLM's V1 engine), whose scheduler batches them continuously. vLLM
needs a GPU, and none was at hand: beyond its imports and errors this file has not been run. It was written
from stored sources of `vllm/v1/engine/async_llm.py`, `sampling_params.py` and `outputs.py` of late 2025 and
2026.

Departures from `vllm.LLM.chat`:
1. Prompts are encoded by `align.models.chat`, as for training and scoring, and go in as token ids.
2. Only the stop tokens of the checkpoint's generation config are used: the sampling values are explicit and
   complete.
3. Sample i draws from seed + i (vLLM's own rule for n > 1), but batching changes rounding: a replay of the
   call log is exact, sampling again is not.
"""

from __future__ import annotations

import asyncio
import importlib.util
import uuid
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, PrivateAttr

from align.core.errors import AlignError
from align.core.model_options import FromHub
from align.core.plugins import Completion, Generator, Sampling, loading
from align.core.rows import Message
from align.core.wiring import File, Ref
from align.models.chat import Chat
from align.models.tokenizers import load_chat, template_named


class VLLM(Generator, FromHub):
    """A model of the recipe or the hub, sampled by vLLM on the GPUs of this machine."""

    model: Annotated[str, Ref("model")]
    """`base`, an earlier stage, a folder or a hub id."""
    chat_template: Annotated[str | None, File(or_template=True)] = None
    """A template in place of the tokenizer's own: a jinja file, the name of a template that TRL ships
    (`llama3`), or the text itself."""
    dtype: Literal["float32", "bfloat16", "float16"] = "bfloat16"
    """Precision of the weights while sampling."""
    tensor_parallel_size: int = Field(default=1, ge=1)
    """GPUs over which every layer is split. It must divide the number of attention heads."""
    gpu_memory_utilization: float = Field(default=0.9, gt=0, le=1)
    """Part of each GPU's memory for weights and key-value cache (vLLM's default); less leaves room for other
    stages."""
    max_model_len: int | None = Field(default=None, ge=1)
    """Longest prompt plus completion, in tokens. Left out: the length in the checkpoint's config, which may
    not fit in memory."""

    _where: str | None = PrivateAttr(default=None)
    _engine: Any = PrivateAttr(default=None)
    _chat: Any = PrivateAttr(default=None)
    _template: str | None = PrivateAttr(default=None)
    _loop: asyncio.AbstractEventLoop | None = PrivateAttr(default=None)

    def start(self, locate: Callable[[str], str]) -> None:
        """Remember where the weights are; they are loaded when the first prompt comes (a replay needs none).

        Raises:
            AlignError: vLLM is not installed.
        """
        if importlib.util.find_spec("vllm") is None:
            raise AlignError(
                "kind vllm needs vLLM, which is not installed: `pip install vllm` on a GPU machine, "
                "or use kind openai against a vLLM server, or kind transformers"
            )
        self._where = locate(self.model)
        self._template = template_named(self.chat_template, locate)

    def stop(self) -> None:
        """End the engine's processes, which gives the GPU memory back."""
        if self._engine is not None:
            self._engine.shutdown()
        self._engine = self._chat = self._loop = None

    def identity(self) -> dict[str, Any]:
        """Return what decides the answers: not the spread over GPUs or memory, but where answers are cut."""
        identity = {
            "kind": self.kind,
            "model": self.model,
            "dtype": self.dtype,
            "max_model_len": self.max_model_len,
        }
        more = {
            "revision": self.revision,
            "chat_template": self.chat_template and (self._template or self.chat_template),
        }
        return identity | {name: value for name, value in more.items() if value is not None}

    async def generate(self, messages: Sequence[Message], sampling: Sampling) -> list[Completion]:
        """Return completions in sample order; concurrent calls share batches."""
        from vllm import SamplingParams  # noqa: PLC0415 (this module is read by `align check`)
        from vllm.sampling_params import RequestOutputKind  # noqa: PLC0415

        with loading(self.kind, self.model):
            self._load()
        ids = self._chat.prompt_ids(messages, sampling.tools)
        params = SamplingParams(
            n=sampling.n,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            top_k=sampling.top_k or -1,  # -1 keeps all in every release; 0 only in newer ones
            max_tokens=sampling.max_new_tokens,
            seed=sampling.seed + sampling.first,
            stop_token_ids=self._chat.stop_ids(),
            stop=sampling.stop,
            output_kind=RequestOutputKind.FINAL_ONLY,  # one output with all n samples, in order
        )
        answers = [
            a async for a in self._engine.generate({"prompt_token_ids": ids}, params, uuid.uuid4().hex)
        ]
        return [completion(output, len(ids), self._chat) for output in answers[-1].outputs]

    def _load(self) -> None:
        """Start the engine, once per event loop: its sockets belong to the loop that it answers on."""
        loop = asyncio.get_running_loop()
        if self._loop is loop:
            return
        from vllm.engine.arg_utils import AsyncEngineArgs  # noqa: PLC0415
        from vllm.v1.engine.async_llm import AsyncLLM  # noqa: PLC0415

        self.stop()
        where = self._where or self.model
        args = AsyncEngineArgs(
            model=where,
            dtype=self.dtype,
            tensor_parallel_size=self.tensor_parallel_size,
            gpu_memory_utilization=self.gpu_memory_utilization,
            max_model_len=self.max_model_len,
            disable_log_stats=True,
            revision=self.revision,
            trust_remote_code=self.trust_remote_code,
        )
        self._chat = load_chat(where, chat_template=self._template, **self.loading())
        self._engine = AsyncLLM.from_engine_args(args)
        self._loop = loop


def completion(output: Any, prompt_tokens: int, chat: Chat) -> Completion:
    """Convert a `vllm.outputs.CompletionOutput`. The prompt is computed once: only sample 0 counts it."""
    usage = {"prompt_tokens": prompt_tokens} if output.index == 0 else {}
    usage |= {"completion_tokens": len(output.token_ids)}
    ids = list(output.token_ids)
    reason = output.finish_reason or "unknown"
    return Completion(chat.text_of(ids), chat.ending(ids) if reason == "stop" else reason, ids, usage)
