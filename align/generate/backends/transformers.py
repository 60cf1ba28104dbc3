"""Sampling with plain transformers: it runs anywhere, and samples the policy in online training.

Requests of many rows wait in one queue. Whenever the model is free, the waiting requests are sorted by length
and cut into batches, so that short prompts do not pad long ones and each batch is as full as possible.

Departures from `model.generate(do_sample=True)`:
1. Each sample draws from its own random stream (request seed, sample index) by inverting the cumulative
   distribution, so what a row gets does not depend on which rows share its batch (up to rounding of the
   batched matmuls).
2. Temperature, top_p and top_k are the request's; a checkpoint's own defaults (temperature, top_k, forced
   tokens) are never merged in. TRL sampled near-greedily for a year of releases because of such a merge
   (huggingface/trl#5783).
3. The KV cache is always on and padding is on the left.
4. Sequences leave the batch when they have ended. `generate` runs all of them until the longest ends: with
   480 answers of 19 tokens on average and 64 at most, 3 of 4 steps are wasted.
5. The samples of one prompt share its prefill.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, PrivateAttr

from align.core.devices import no_device
from align.core.model_options import LoadsModel
from align.core.plugins import Completion, Generator, Sampling, loading
from align.core.rows import Message
from align.core.wiring import File, Ref
from align.models import checkpoints
from align.models.chat import Chat
from align.models.tokenizers import load_chat, template_named

if TYPE_CHECKING:
    import torch

DTYPES = Literal["float32", "bfloat16", "float16"]


class Transformers(Generator, LoadsModel):
    """A model of the recipe or the hub, run in this process."""

    model: Annotated[str, Ref("model")]
    """`base`, an earlier stage, a folder or a hub id."""
    chat_template: Annotated[str | None, File(or_template=True)] = None
    """A template in place of the tokenizer's own: a jinja file, the name of a template that TRL ships
    (`llama3`), or the text itself."""
    dtype: DTYPES = "bfloat16"
    """Precision of the weights while sampling."""
    batch_size: int = Field(default=128, ge=1)
    """Sequences decoded at once. On 2 CPU cores 128 gave 490 tokens a CPU second, 8 gave a third
    (docs/paper_index.md)."""
    device: str | None = None
    """`cuda`, `cpu`...; left out, the first accelerator or the CPU."""
    device_map: str | dict[str, int | str] | None = None
    """`auto` spreads the layers over all accelerators, as `from_pretrained` does; instead of `device`."""

    _engine: Any = PrivateAttr(default=None)
    _where: str | None = PrivateAttr(default=None)
    _template: str | None = PrivateAttr(default=None)

    def problems(self, folder: Path) -> Iterable[tuple[str, str]]:
        """Refuse `device` beside `device_map`, and a device that this machine does not have."""
        yield from super().problems(folder)
        if self.device is not None and self.device_map is not None:
            yield "device_map", "device_map says where each layer goes; leave device out"
        if self.device is not None and (what := no_device(self.device)):
            yield "device", what

    def start(self, locate: Callable[[str], str]) -> None:
        """Remember where the weights are; the first prompt loads them (a replay needs none)."""
        self._where = locate(self.model)
        self._template = template_named(self.chat_template, locate)

    def stop(self) -> None:
        """Give the weights' memory back."""
        self._engine = None

    async def generate(self, messages: Sequence[Message], sampling: Sampling) -> list[Completion]:
        """Return completions; concurrent calls share batches."""
        if self._engine is None:
            with loading(self.kind, self.model):
                self._engine = LocalEngine.load(
                    self._where or self.model, self.dtype, self.batch_size, self.device, self._template,
                    device_map=self.device_map, **self.loading(),
                )  # fmt: skip
        return await self._engine.generate(self._engine.chat.prompt_ids(messages, sampling.tools), sampling)

    def identity(self) -> dict[str, Any]:
        """Return what decides the samples, which batch size and device do not."""
        template = {"chat_template": self._template or self.chat_template} if self.chat_template else {}
        return {
            "kind": self.kind,
            "model": self.model,
            "revision": self.revision,
            "dtype": self.dtype,
            **template,
        }


@dataclass(slots=True)
class _Request:
    ids: list[int]
    sampling: Sampling
    index: int
    """Which of the n samples this is."""
    result: asyncio.Future[Completion]


class LocalEngine:
    """A model in memory with a queue in front of it."""

    def __init__(self, model: Any, chat: Chat, batch_size: int = 128, *, logprobs: bool = False) -> None:
        """Keep a model that is on its device; `logprobs`: report the tokens' log-probabilities at T = 1."""
        self.model, self.chat, self.batch_size, self.logprobs = model, chat, batch_size, logprobs
        self.tokenizer = chat.tokenizer
        self.stop_ids = chat.stop_ids(model)
        self._waiting: list[_Request] = []
        self._worker: asyncio.Task[None] | None = None
        self._lock = threading.Lock()

    @classmethod
    def load(
        cls,
        path: str,
        dtype: str,
        batch_size: int,
        device: str | None = None,
        chat_template: str | None = None,
        *,
        device_map: Any = None,
        **options: Any,
    ) -> LocalEngine:
        """Load a checkpoint for sampling, frozen, in evaluation mode; `options` as of `from_pretrained`."""
        chat = load_chat(path, chat_template=chat_template, **options)
        if device_map is not None:
            return cls(
                checkpoints.causal_lm(path, dtype, device_map=device_map, **options).requires_grad_(False),
                chat,
                batch_size,
            )
        model = checkpoints.causal_lm(path, dtype, **options).requires_grad_(False)
        return cls(model.to(device or checkpoints.device()), chat, batch_size)

    async def generate(self, prompt_ids: list[int], sampling: Sampling) -> list[Completion]:
        """Return n completions of one prompt, in sample order.

        Raises:
            ModelError: the model has no embedding for one of the tokens, or too few positions for the longest
                answer.
        """
        checkpoints.refuse_foreign_ids(self.model, self.tokenizer, [*prompt_ids, self.tokenizer.pad_token_id])
        longest = len(prompt_ids) + sampling.max_new_tokens
        checkpoints.refuse_long(self.model, longest, "shorten the prompt or lower max_new_tokens")
        loop = asyncio.get_running_loop()
        requests = [_Request(prompt_ids, sampling, i, loop.create_future()) for i in range(sampling.n)]
        self._waiting += requests
        if self._worker is None or self._worker.done():
            self._worker = loop.create_task(self._drain())
        return list(await asyncio.gather(*(r.result for r in requests)))

    async def _drain(self) -> None:
        while self._waiting:
            await asyncio.sleep(0)  # let every row that is ready add its request before the batch is cut
            taken, self._waiting = self._waiting, []
            for batch in batches(taken, self.batch_size):
                try:
                    done = await asyncio.to_thread(self._decode, batch)
                except Exception as error:  # any error goes to those who wait for this batch
                    for request in batch:
                        if not request.result.done():
                            request.result.set_exception(error)
                    continue
                for request, completion in zip(batch, done, strict=True):
                    if not request.result.done():
                        request.result.set_result(completion)

    def _decode(self, batch: list[_Request]) -> list[Completion]:
        with self._lock:
            return self.decode(
                [r.ids for r in batch],
                [(r.sampling.seed, r.sampling.first + r.index) for r in batch],
                batch[0].sampling,
            )

    def decode(
        self, prompts: list[list[int]], seeds: list[tuple[int, int]], sampling: Sampling
    ) -> list[Completion]:
        """Decode one batch.

        Args:
            prompts: token ids, one list a sequence.
            seeds: (request seed, sample index) of each sequence.
            sampling: temperature, nucleus and length, common to the batch.
        """
        import torch  # noqa: PLC0415 (this module is read by `align check`)

        # of Mamba and its like: rows cannot be dropped from their state
        if getattr(self.model, "_is_stateful", False):
            raise ValueError(
                f"{type(self.model).__name__} keeps a state that cannot be cut by rows; sample it with "
                "vllm or openai"
            )
        width, pad = max(map(len, prompts)), self.tokenizer.pad_token_id
        device = self.model.device
        ids = torch.tensor([[pad] * (width - len(p)) + p for p in prompts], device=device)
        mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts], device=device)
        training = self.model.training
        self.model.eval()
        try:
            with torch.no_grad():
                out, logps = self._loop(ids, mask, prompts, InverseCDF(seeds, sampling).to(device))
        finally:
            self.model.train(training)
        rows = zip(out.tolist(), logps.tolist(), prompts, strict=True)
        return [self._completion(tokens, said, len(prompt)) for tokens, said, prompt in rows]

    def _loop(
        self, ids: torch.Tensor, mask: torch.Tensor, prompts: list[list[int]], pick: InverseCDF
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return (batch, new tokens) ids, padded after a row's end, and log-probabilities if reported.

        Ended rows leave the batch once they are a quarter of it (departure 4).
        """
        import torch  # noqa: PLC0415

        cache, current = self._prefill(ids, mask, prompts), ids[:, -1:]
        stops = torch.tensor(self.stop_ids, device=ids.device)
        rows = torch.arange(len(prompts), device=ids.device)  # which sequences are still in the batch
        alive = torch.ones_like(rows, dtype=torch.bool)
        out = ids.new_full((len(prompts), pick.steps), self.tokenizer.pad_token_id)
        logps = torch.zeros(out.shape, device=ids.device)
        for step in range(pick.steps):
            if cache is None:  # a prompt of one token
                inputs = {"input_ids": current, "attention_mask": mask}
            else:
                positions = mask.sum(-1, keepdim=True) - 1
                inputs = {
                    "input_ids": current,
                    "attention_mask": mask,
                    "position_ids": positions,
                    "past_key_values": cache,
                }
            said = self.model(**inputs, use_cache=True, logits_to_keep=1)
            cache, tokens = said.past_key_values, pick(said.logits[:, -1], step, rows)
            out[rows[alive], step] = tokens[alive]
            if self.logprobs:
                of_all = said.logits[:, -1].float().log_softmax(-1)
                logps[rows[alive], step] = of_all.gather(-1, tokens.unsqueeze(-1)).squeeze(-1)[alive]
            alive &= ~torch.isin(tokens, stops)
            left = int(alive.sum())
            if left == 0:
                return out[:, : step + 1], logps[:, : step + 1]
            if left <= 0.75 * len(rows):
                kept = alive.nonzero().flatten()
                cache.batch_select_indices(kept)
                rows, mask, tokens, alive = rows[kept], mask[kept], tokens[kept], alive[kept]
            current, mask = tokens.unsqueeze(-1), torch.cat([mask, mask.new_ones(len(rows), 1)], -1)
        return out, logps

    def _prefill(self, ids: torch.Tensor, mask: torch.Tensor, prompts: list[list[int]]) -> Any:
        """Return the cache of all but the last token, computed once for each distinct prompt (departure 5).

        Args:
            ids: (batch, width) left-padded prompts.
            mask: (batch, width), 0 on padding.
            prompts: the same without padding; equal ones share their work.
        """
        import torch  # noqa: PLC0415

        first: dict[tuple[int, ...], int] = {}
        for i, prompt in enumerate(prompts):
            first.setdefault(tuple(prompt), i)
        rank = {prompt: j for j, prompt in enumerate(first)}
        once, attended = ids[list(first.values()), :-1], mask[list(first.values()), :-1]
        if once.shape[1] == 0:
            return None
        positions = (attended.cumsum(-1) - 1).clamp_(min=0)
        cache = self.model(
            input_ids=once, attention_mask=attended, position_ids=positions, use_cache=True, logits_to_keep=1
        ).past_key_values
        if len(first) < len(prompts):
            cache.batch_select_indices(torch.tensor([rank[tuple(p)] for p in prompts], device=ids.device))
        return cache

    def _completion(self, ids: list[int], logps: list[float], prompt_length: int) -> Completion:
        end = next((i for i, token in enumerate(ids) if token in self.stop_ids), None)
        kept = ids if end is None else ids[: end + 1]
        usage = {"prompt_tokens": prompt_length, "completion_tokens": len(kept)}
        reason = "length" if end is None else self.chat.ending(kept)
        return Completion(
            self.chat.text_of(kept), reason, kept, usage, logps[: len(kept)] if self.logprobs else None
        )


def batches(requests: list[_Request], size: int) -> list[list[_Request]]:
    """Cut requests into batches of one sampling setting and similar length, the longest first.

    If any batch does not fit in memory, it is the longest one, and it fails at once.
    """
    groups: dict[Any, list[_Request]] = {}
    for request in requests:
        s = request.sampling
        groups.setdefault((s.temperature, s.top_p, s.top_k, s.max_new_tokens), []).append(request)
    cut = []
    for group in groups.values():
        ordered = sorted(group, key=lambda r: -len(r.ids))
        cut += [ordered[i : i + size] for i in range(0, len(ordered), size)]
    return cut


class InverseCDF:
    """Picks tokens by inverting the cumulative distribution at each row's uniform number; greedy at T = 0."""

    def __init__(self, seeds: list[tuple[int, int]], sampling: Sampling) -> None:
        import numpy as np  # noqa: PLC0415
        import torch  # noqa: PLC0415
        from transformers import TopKLogitsWarper, TopPLogitsWarper  # noqa: PLC0415

        self.steps, self.temperature = sampling.max_new_tokens, sampling.temperature
        uniforms = np.stack(
            [np.random.default_rng(seed).random(self.steps if self.temperature else 0) for seed in seeds]
        )
        self.uniforms = torch.from_numpy(uniforms).float()  # (batch, max_new_tokens)
        self.warpers: list[Any] = [TopKLogitsWarper(sampling.top_k)] if sampling.top_k else []
        self.warpers += [TopPLogitsWarper(sampling.top_p)] if sampling.top_p < 1 else []

    def to(self, device: Any) -> InverseCDF:
        """Move the random numbers to the device of the logits."""
        self.uniforms = self.uniforms.to(device)
        return self

    def __call__(self, logits: torch.Tensor, step: int, rows: torch.Tensor) -> torch.Tensor:
        """Return ids picked from (rows, vocabulary) logits for new token `step` of these sequences."""
        import torch  # noqa: PLC0415

        if self.temperature == 0:
            return logits.float().argmax(-1)
        scores = logits.float() / self.temperature
        for warper in self.warpers:
            scores = warper(None, scores)
        cumulative = scores.softmax(-1).cumsum(-1)
        target = (self.uniforms[rows, step] * cumulative[:, -1]).unsqueeze(-1)
        picked = torch.searchsorted(cumulative, target, right=True)
        # rounding can put the target beyond the last token with probability: take the likeliest then
        return torch.where(picked < scores.shape[-1], picked, scores.argmax(-1, keepdim=True)).squeeze(-1)
