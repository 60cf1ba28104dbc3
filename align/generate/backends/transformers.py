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
5. Nothing is computed twice: all prompts of a batch share what they begin with, and the answers to one
   prompt share their work until they differ (`align.generate.backends.decoding`).
6. A batch may mix temperatures, so greedy and sampled answers to one prompt share their work too.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, PrivateAttr

from align.core.devices import no_device
from align.core.model_options import LoadsModel
from align.core.plugins import GIVEN, LIKELIEST, Completion, Generator, Sampling, loading
from align.core.rows import Message
from align.core.wiring import File, Ref
from align.generate.backends.decoding import InverseCDF, decode
from align.generate.backends.ends import Ends, cut
from align.generate.backends.likelihoods import log_probabilities
from align.models import checkpoints
from align.models.chat import Chat
from align.models.tokenizers import load_chat, template_named

if TYPE_CHECKING:
    pass

DTYPES = Literal["float32", "bfloat16", "float16"]


class Transformers(Generator, LoadsModel):
    """A model of the recipe or the hub, run in this process."""

    likelihoods: ClassVar[bool] = True
    continues: ClassVar[bool] = True

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
    within_context: bool = False
    """True: a prompt longer than the context of the model (`max_position_embeddings`) is an error. False:
    only one that the model cannot run on is; rotary positions run on longer prompts, and answer badly."""

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
                    device_map=self.device_map, within_context=self.within_context, **self.loading(),
                )  # fmt: skip
        return await self._engine.answer(messages, sampling)

    def identity(self) -> dict[str, Any]:
        """Return what decides the samples, which batch size and device do not."""
        template = {"chat_template": self._template or self.chat_template} if self.chat_template else {}
        return {
            "kind": self.kind,
            "model": self.model,
            "revision": self.revision,
            "dtype": self.dtype,
            **template,
            **({"within_context": True} if self.within_context else {}),
        }


@dataclass(slots=True)
class _Request:
    ids: list[int]
    sampling: Sampling
    index: int
    """Which of the n samples this is."""
    text: list[int] | None
    """Ids of a text whose likelihood is asked for; None: one is to be drawn."""
    result: asyncio.Future[Completion]


class LocalEngine:
    """A model in memory with a queue in front of it."""

    def __init__(self, model: Any, chat: Chat, batch_size: int = 128, *, logprobs: bool = False) -> None:
        """Keep a model that is on its device; `logprobs`: report the tokens' log-probabilities at T = 1."""
        self.model, self.chat, self.batch_size, self.logprobs = model, chat, batch_size, logprobs
        self.tokenizer = chat.tokenizer
        self.within_context = False
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
        within_context: bool = False,
        **options: Any,
    ) -> LocalEngine:
        """Load a checkpoint for sampling, frozen, in evaluation mode; `options` as of `from_pretrained`."""
        chat = load_chat(path, chat_template=chat_template, **options)
        if device_map is not None:
            model = checkpoints.causal_lm(path, dtype, device_map=device_map, **options)
        else:
            model = checkpoints.causal_lm(path, dtype, **options).to(device or checkpoints.device())
        engine = cls(model.requires_grad_(False), chat, batch_size)
        engine.within_context = within_context
        return engine

    async def answer(self, messages: Sequence[Message], sampling: Sampling) -> list[Completion]:
        """Return n completions of a conversation, or of a text that is to be continued; see `generate`."""
        chat, texts = self.chat, sampling.continuations
        if sampling.plain:
            before = messages[-1]["content"]
            prompt_ids = chat.tokens.plain_ids(before)
            ids = [chat.tokens.continuation(before, prompt_ids, text)[0] for text in texts or ()]
        elif texts:
            prompt_ids, ids = chat.continuations(messages, texts, sampling.tools)
        else:
            return await self.generate(chat.prompt_ids(messages, sampling.tools), sampling)
        return await self.generate(prompt_ids, sampling, ids if texts else None)

    async def generate(
        self, prompt_ids: list[int], sampling: Sampling, texts: list[list[int]] | None = None
    ) -> list[Completion]:
        """Return n completions of one prompt, in sample order.

        Args:
            prompt_ids: token ids of the prompt.
            sampling: how to draw.
            texts: ids of the texts whose likelihood is asked for, instead of drawing.

        Raises:
            ModelError: the model has no embedding for one of the tokens.
            TooLong: it has too few positions for the longest answer or, with `within_context`, too short a
                context for the prompt and the texts.
        """
        checkpoints.refuse_foreign_ids(self.model, self.tokenizer, [*prompt_ids, self.tokenizer.pad_token_id])
        # the last token of a given text is not fed
        longest = len(prompt_ids) + (max(map(len, texts)) - 1 if texts else sampling.max_new_tokens)
        remedy = "shorten the prompt or lower max_new_tokens"
        checkpoints.refuse_long(self.model, longest, remedy)
        if self.within_context:  # an answer need not be as long as max_new_tokens, so it does not count
            longest = longest if texts else len(prompt_ids)
            checkpoints.refuse_long(self.model, longest, "shorten the prompt", rotary=True)
        loop = asyncio.get_running_loop()
        requests = [
            _Request(prompt_ids, sampling, i, texts[i] if texts else None, loop.create_future())
            for i in range(sampling.n)
        ]
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
            if batch[0].text is not None:
                return self._likelihoods(batch)
            return self.decode(
                [r.ids for r in batch],
                [(r.sampling.seed, r.sampling.first + r.index) for r in batch],
                batch[0].sampling,
                [r.sampling.temperature for r in batch],
            )

    def _likelihoods(self, batch: list[_Request]) -> list[Completion]:
        """Return the given texts of a batch with the log-probabilities of their tokens."""
        import torch  # noqa: PLC0415

        texts = [request.text or [] for request in batch]
        contexts = [request.ids for request in batch]
        with torch.no_grad():
            done = log_probabilities(self.model.eval(), contexts, texts, self.tokenizer.pad_token_id)
        return [
            Completion(
                (request.sampling.continuations or [])[request.sampling.first + request.index],
                LIKELIEST if greedy else GIVEN, request.text,
                {"prompt_tokens": len(request.ids)} if request.index == 0 else {}, logps,
            )
            for request, (logps, greedy) in zip(batch, done, strict=True)
        ]  # fmt: skip

    def decode(
        self,
        prompts: list[list[int]],
        seeds: list[tuple[int, int]],
        sampling: Sampling,
        temperatures: list[float] | None = None,
    ) -> list[Completion]:
        """Decode one batch.

        Args:
            prompts: token ids, one list a sequence.
            seeds: (request seed, sample index) of each sequence.
            sampling: nucleus, length and ends, common to the batch.
            temperatures: of each sequence; left out, that of `sampling`.
        """
        import torch  # noqa: PLC0415 (this module is read by `align check`)

        # of Mamba and its like: rows cannot be dropped from their state
        if getattr(self.model, "_is_stateful", False):
            raise ValueError(
                f"{type(self.model).__name__} keeps a state that cannot be cut by rows; sample it with "
                "vllm or openai"
            )
        training = self.model.training
        self.model.eval()
        try:
            with torch.no_grad():
                pick = InverseCDF(seeds, sampling, temperatures).to(self.model.device)
                ends = Ends(self.stop_ids, sampling.stop, self.tokenizer, self.model.device)
                pad = self.tokenizer.pad_token_id
                out, logps = decode(self.model, prompts, pick, ends, pad, logprobs=self.logprobs)
        finally:
            self.model.train(training)
        rows = zip(out.tolist(), logps.tolist(), prompts, strict=True)
        return [self._completion(tokens, said, len(prompt), sampling) for tokens, said, prompt in rows]

    def _completion(
        self, ids: list[int], logps: list[float], prompt_length: int, sampling: Sampling
    ) -> Completion:
        end = next((i for i, token in enumerate(ids) if token in self.stop_ids), None)
        kept = ids if end is None else ids[: end + 1]
        whole = self._continued(kept) if sampling.plain else self.chat.text_of(kept)
        text, at_text = cut(whole, sampling.stop)
        reason = "stop" if at_text else "length" if end is None else self.chat.ending(kept)
        usage = {"prompt_tokens": prompt_length, "completion_tokens": len(kept)}
        return Completion(text, reason, kept, usage, logps[: len(kept)] if self.logprobs else None)

    def _continued(self, ids: list[int]) -> str:
        """Return the text of ids behind a plain text, without the token that ended it."""
        return self.chat.tokens.continued(ids[:-1] if ids and ids[-1] in self.stop_ids else ids)


def batches(requests: list[_Request], size: int) -> list[list[_Request]]:
    """Cut requests into batches of one sampling setting and similar length, the longest first.

    If any batch does not fit in memory, it is the longest one, and it fails at once.
    """
    groups: dict[Any, list[_Request]] = {}
    for request in requests:
        s = request.sampling
        how = (s.top_p, s.top_k, s.max_new_tokens, *(s.stop or ()), s.plain, request.text is None)
        groups.setdefault(how, []).append(request)
    cut = []
    for group in groups.values():
        ordered = sorted(group, key=lambda r: (-len(r.ids), r.ids))  # equal prompts share a batch
        cut += [ordered[i : i + size] for i in range(0, len(ordered), size)]
    return cut
