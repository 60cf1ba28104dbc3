"""Sample from a vLLM server that loads the policy's weights before every round (vLLM 0.32, `vllm serve`).

Weights go through a folder that both sides see: the main process saves a checkpoint, the server loads it in
place (`/collective_rpc` with `reload_weights`, a route of its development mode) and clears its prefix cache.
Prompts are sent as token ids, and samples come back as token ids. Only the ids that end a turn for `kind:
transformers` end one here (`ignore_eos` with `stop_token_ids`). Every sampling value is sent, because vLLM
fills missing ones from the model's generation config. The text is decoded here with the policy's tokenizer,
so the reward reads what is trained on.

Two checks test whether the server loaded the weights, besides the agreement of every round
(`align.train.samplers.policy`):

1. After each load, server and policy compute the log-probabilities of a fixed row of tokens (`PROBE`). If the
   policy's have changed since the last load and the server's have not, to the last bit, the server kept its
   old weights. What it held before the first load is unknown. So the first time it loads other weights before
   the right ones: the policy's with every sign inverted. A weight that the second load leaves out (vLLM 0.32
   warns in its own log and reports success) then spoils the samples and their agreement: one of 30
   query projections by 0.46 nats a token, a layer by 2.1. This check is exact where the agreement is not,
   because a round changes a policy by less than bfloat16 rounds. Measured on SmolLM2-135M served in bfloat16:
   after 8 steps of AdamW at a learning rate of 1e-7, the policy's log-probabilities of the probe had changed
   by 0.0004 nats in the mean, and the server's by 0.04 (all 63 of them, because other weights were rounded up
   or down); loading the same weights again changed none. Where a server gives different bits for the same
   question, as a GPU may, this check can miss old weights, but it never reports right ones as old.
2. A prefix cache that could not be cleared holds keys and values of the old weights; the server reports that,
   and it is an error.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
from accelerate import PartialState

from align.core.errors import AlignError
from align.core.plugins import Completion, Sampling
from align.generate.backends.openai_replies import ServerReply, server_message
from align.models import checkpoints
from align.models.chat import Chat
from align.train.logprobs import think
from align.train.samplers.policy import sampler_copy

PROBE = list(range(100, 164))
"""Token ids that any vocabulary has.

Their meaning does not matter: the log-probabilities of any tokens depend on all weights.
"""
WAITS = (1.0, 4.0, 16.0)
"""Waits in seconds before a sampling request that met a broken connection, 429 or 5xx is sent again.

After the last one the request fails.
"""
START = "VLLM_SERVER_DEV_MODE=1 vllm serve ..."


class SamplerError(AlignError):
    """The server could not do what was asked. `again`: the same request may succeed later."""

    def __init__(self, message: str, *, again: bool = False, status: int | None = None) -> None:
        self.again, self.status = again, status
        super().__init__(message)


class VLLMServer:
    """`PolicySampler` of `kind: vllm_server`."""

    def __init__(
        self, chat: Chat, url: str, folder: Path, *, timeout_seconds: float, max_concurrency: int
    ) -> None:
        self.chat, self.url, self.folder = chat, url, folder
        self.timeout_seconds, self.max_concurrency = timeout_seconds, max_concurrency
        self._stop_ids: list[int] = []
        self._vocabulary = 0
        self._written: Path | None = None
        # log-probabilities of the probe after the last load: the policy's and the server's
        self._probed: tuple[list[float], list[float]] | None = None

    # -- weights ---------------------------------------------------------------------------------------------

    def sync(self, model: Any) -> None:
        """Give the server the policy's weights. The main process does it, and the others wait.

        Raises:
            SamplerError: the server does not answer, is not in development mode, could not load the weights,
                or kept its old ones.
        """
        state = PartialState()
        # in every process, because merging adapters rounds, and all must round in the same way
        plain = sampler_copy(model, None)
        self._stop_ids = self.chat.stop_ids(plain)
        self._vocabulary = plain.config.get_text_config().vocab_size
        self.reach(plain)
        if state.is_main_process:
            asyncio.run(self._hand_over(plain))
        state.wait_for_everyone()

    def reach(self, plain: Any) -> None:
        """Make sure that the server runs; here its user starts it. `plain` is a model without adapters."""

    def close(self) -> None:
        """Remove the weights from the folder. The server keeps those that it loaded."""
        if self._written:
            # errors are ignored: the stage is done, or fails with an error of its own
            shutil.rmtree(self.folder, ignore_errors=True)
            self._written = None

    async def _hand_over(self, plain: Any) -> None:
        async with self._session() as session:
            if self._probed is None:
                shutil.rmtree(self.folder, ignore_errors=True)  # files that a killed run left
                with _signs_turned(plain):
                    self._probed = await self._load(session, plain)
            before, self._probed = self._probed, await self._load(session, plain)
        if before[0] != self._probed[0] and before[1] == self._probed[1]:
            raise SamplerError(
                f"{self.url} kept its old weights: the policy has changed, and the server's "
                f"log-probabilities of {len(PROBE)} fixed tokens have not. It answered the request to load "
                f"{self._written} without an error; does it run a version of vLLM whose reload_weights takes "
                "a weights_path (0.32 does)?"
            )

    async def _load(self, session: aiohttp.ClientSession, plain: Any) -> tuple[list[float], list[float]]:
        """Make the server load a model; return the log-probabilities of the probe under both."""
        # a new name each time: a network file system may still show a client the old file behind a known name
        folder, old = self.folder / uuid.uuid4().hex, self._written
        self._written = folder
        checkpoints.save(plain, folder)
        await self._reload(session, folder)
        if old:
            shutil.rmtree(old)
        [thought] = think(plain, [(PROBE[:1], PROBE[1:])])
        return thought.token_logps, await self._probe(session)

    async def _reload(self, session: aiohttp.ClientSession, folder: Path) -> None:
        """Make the server load a checkpoint into its weights, and clear its prefix cache."""
        try:
            await self._post(
                session,
                "/collective_rpc",
                {"method": "reload_weights", "kwargs": {"weights_path": str(folder)}},
            )
        except SamplerError as error:
            if error.status in (404, 405):
                raise SamplerError(
                    f"{self.url} takes no new weights; start it in development mode: {START}"
                ) from None
            if error.status is None:
                raise
            raise SamplerError(
                f"{self.url} could not load the policy's weights from {folder}. Does the server see that "
                "folder under this path (sync_dir), and does it serve a model of the policy's architecture "
                f"and size? Its own log says more; restart it if it has ended. {error}"
            ) from None
        done = await self._post(session, "/reset_prefix_cache", {})
        if not (isinstance(done, dict) and done.get("success")):
            raise SamplerError(
                f"{self.url} could not empty its prefix cache ({done}); does someone else use it?"
            )

    async def _probe(self, session: aiohttp.ClientSession) -> list[float]:
        """Return the server's log-probabilities of all tokens of the probe but the first."""
        body = {"prompt": PROBE, "max_tokens": 1, "temperature": 0, "prompt_logprobs": 0}
        said = await self._post(session, "/v1/completions", body)
        try:
            rows = said["choices"][0]["prompt_logprobs"][1:]
            return [float(row[str(token)]["logprob"]) for row, token in zip(rows, PROBE[1:], strict=True)]
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise SamplerError(
                f"{self.url} does not report prompt_logprobs as vLLM does ({error!r})"
            ) from None

    # -- samples ---------------------------------------------------------------------------------------------

    def sample(self, prompts: Sequence[list[int]], samplings: Sequence[Sampling]) -> list[list[Completion]]:
        """Return n completions of each prompt, in order.

        Raises:
            SamplerError: the server failed, gave fewer samples than asked, or ids that the policy cannot have
                written.
        """

        async def all_of_them() -> list[list[Completion]]:
            gate = asyncio.Semaphore(self.max_concurrency)
            async with self._session() as session:
                jobs = [self._complete(session, gate, *each) for each in zip(prompts, samplings, strict=True)]
                return list(await asyncio.gather(*jobs))

        return asyncio.run(all_of_them())

    async def _complete(
        self, session: aiohttp.ClientSession, gate: asyncio.Semaphore, ids: list[int], sampling: Sampling
    ) -> list[Completion]:
        body = {
            "prompt": ids, "n": sampling.n, "max_tokens": sampling.max_new_tokens, "seed": sampling.seed,
            "temperature": sampling.temperature, "top_p": sampling.top_p, "top_k": sampling.top_k or -1,
            "min_p": 0.0, "repetition_penalty": 1.0, "presence_penalty": 0.0, "frequency_penalty": 0.0,
            "stop_token_ids": self._stop_ids, "ignore_eos": True, "return_token_ids": True, "logprobs": 0,
        }  # fmt: skip
        async with gate:
            for wait in (*WAITS, None):
                try:
                    said = await self._post(session, "/v1/completions", body)
                    break
                except SamplerError as error:
                    if wait is None or not error.again:
                        raise
                    await asyncio.sleep(wait)
        choices: Any = said.get("choices") if isinstance(said, dict) else None
        given = len(choices) if isinstance(choices, list) else 0
        if given != sampling.n:
            raise SamplerError(
                f"{self.url} gave {given} samples of a prompt where {sampling.n} were asked for"
            )
        return [
            self._completion(choice, ids) for choice in sorted(choices, key=lambda choice: choice["index"])
        ]

    def _completion(self, choice: dict[str, Any], prompt: list[int]) -> Completion:
        """Read one sample.

        Raises:
            SamplerError: it lacks token ids or log-probabilities, continues another prompt, or ends as no
                sample of the policy can.
        """
        ids: Any = choice.get("token_ids")
        logprobs: Any = (choice.get("logprobs") or {}).get("token_logprobs")
        reason, wrong = str(choice.get("finish_reason")), None
        if not ids or not logprobs or len(ids) != len(logprobs) or None in logprobs:
            wrong = "a sample without its token ids and a log-probability of each (vLLM 0.32 reports them)"
        elif choice.get("prompt_token_ids") not in (None, prompt):
            wrong = "a sample of another prompt than it was sent"
        elif max(ids) >= self._vocabulary:
            wrong = f"token {max(ids)}, and the policy knows {self._vocabulary}; it serves another model"
        elif reason not in ("stop", "length") or (reason == "stop") != (ids[-1] in self._stop_ids):
            end = f"ended with token {ids[-1]} for the reason {reason!r}"
            wrong = f"a sample that {end}, and {self._stop_ids} end a turn"
        if wrong:
            raise SamplerError(f"{self.url} gave {wrong}")
        usage = {"prompt_tokens": len(prompt), "completion_tokens": len(ids)}
        return Completion(self.chat.text_of(ids), reason, ids, usage, logprobs)

    # -- HTTP ------------------------------------------------------------------------------------------------

    def _session(self) -> aiohttp.ClientSession:
        # Each request gets a connection of its own: the server closes a connection that is idle for 5 s, as
        # long as saving weights takes, and a request on a closing connection fails. Connecting takes little
        # time compared with a request, which takes seconds.
        connector = aiohttp.TCPConnector(limit=0, force_close=True)
        return aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=self.timeout_seconds), connector=connector
        )

    async def _post(self, session: aiohttp.ClientSession, path: str, body: dict[str, Any]) -> Any:
        """Return a route's answer, read as JSON.

        Raises:
            SamplerError: there is no answer, or its status is not 200.
        """
        try:
            async with session.post(f"{self.url}{path}", json=body) as response:
                answer = ServerReply(response.status, response.headers, await response.read())
        except TimeoutError:
            raise SamplerError(
                f"{self.url}{path}: no answer within timeout_seconds={self.timeout_seconds:g}"
            ) from None
        except aiohttp.ClientError as error:
            cause = f"{self.url} does not answer ({type(error).__name__}: {error})"
            raise SamplerError(f"{cause}; is the server running? {START}", again=True) from None
        if answer.status != 200:
            again = answer.status == 429 or answer.status >= 500
            said = server_message(answer)[:800]
            raise SamplerError(
                f"{self.url}{path}: HTTP {answer.status}: {said}", again=again, status=answer.status
            )
        return json.loads(answer.body) if answer.body else None


@contextmanager
def _signs_turned(model: Any) -> Iterator[None]:
    """Invert the sign of every weight for a while, without a copy; afterwards every bit is as before."""
    for weight in model.parameters():
        weight.data.neg_()
    try:
        yield
    finally:
        for weight in model.parameters():
            weight.data.neg_()
