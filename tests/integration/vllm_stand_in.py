"""A server with the routes of vLLM 0.32 that a sampler uses, in front of a small transformers model; misbehaves as told.

    with StandIn(model_folder, stale=True) as server: ...   # says that it loads weights, and keeps its own

It answers under `server.url` from a thread of its own and remembers what it was asked in `server.requests`. As a program
(`vllm_stand_in.py serve MODEL --port N ...`) it is what `kind: vllm` starts.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any, Self

import torch
from aiohttp import web

from align.core.plugins import Completion, Sampling
from align.generate.backends.transformers import LocalEngine
from align.train.logprobs import think


class StandIn:
    """What each switch does:

    dev_mode=False: has no route that changes weights, as `vllm serve` without VLLM_SERVER_DEV_MODE.
    stale=True: answers the request for new weights with success and keeps the old ones.
    forgets=N: keeps the old ones from the N-th load on.
    skips=NAME: does so from its second load on with those whose name holds this.
    garbage=True: answers with tokens that nobody sampled, and with the log-probabilities of those that were.
    most: samples of a prompt at most, whatever `n` says.
    blind=True: does not find the folder with the weights.
    """

    def __init__(
        self, model: str, *, dev_mode=True, stale=False, forgets=None, skips=None, garbage=False, most=None, blind=False, port=0
    ) -> None:
        self.engine = LocalEngine.load(model, "float32", 64, "cpu")
        self.engine.logprobs = True
        self.dev_mode, self.stale, self.forgets, self.garbage, self.most = dev_mode, stale, forgets, garbage, most
        self.blind, self.skips, self.loads = blind, skips, 0
        self.requests: list[dict[str, Any]] = []
        self._connections: set[Any] = set()
        self.url, self._port = "", port
        self._loop, self._up = asyncio.new_event_loop(), threading.Event()

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),), daemon=True)
        self._thread.start()
        self._up.wait()
        return self

    def __exit__(self, *error: object) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()
        self._loop.close()

    async def _serve(self) -> None:
        self._end = asyncio.Event()
        app = web.Application(middlewares=[self._one_request])
        app.router.add_get("/health", self._health)
        app.router.add_post("/v1/completions", self._completions)
        if self.dev_mode:
            app.router.add_post("/collective_rpc", self._reload)
            app.router.add_post("/reset_prefix_cache", self._forget_prefixes)
        runner = web.AppRunner(app, shutdown_timeout=1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", self._port)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        self._up.set()
        await self._end.wait()
        await runner.cleanup()

    @web.middleware
    async def _one_request(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """Break a connection that is used again: vLLM closes idle ones after 5 s, so nobody may count on them."""
        if request.protocol in self._connections:
            request.transport.abort()
        self._connections.add(request.protocol)
        return await handler(request)

    async def _health(self, request: web.Request) -> web.Response:
        return web.Response()

    async def _reload(self, request: web.Request) -> web.Response:
        from transformers import AutoModelForCausalLM

        body = await request.json()
        assert body["method"] == "reload_weights"
        if self.blind:
            return web.json_response({"error": {"message": "Internal Server Error"}}, status=500)
        new = AutoModelForCausalLM.from_pretrained(body["kwargs"]["weights_path"], dtype=torch.float32)
        if not self.stale and (self.forgets is None or self.loads < self.forgets):
            left_out = self.skips if self.loads else None
            kept = {n: t for n, t in new.state_dict().items() if left_out is None or left_out not in n}
            self.engine.model.load_state_dict(kept, strict=False)
        self.loads += 1
        return web.json_response({"results": [None]})

    async def _forget_prefixes(self, request: web.Request) -> web.Response:
        return web.json_response({"success": True})

    async def _completions(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.requests.append(body)
        if "prompt_logprobs" in body:
            [thought] = think(self.engine.model, [(body["prompt"][:1], body["prompt"][1:])])
            said = zip(body["prompt"][1:], thought.token_logps, strict=True)
            return web.json_response({"choices": [{"prompt_logprobs": [None, *({str(t): {"logprob": p}} for t, p in said)]}]})
        self.engine.stop_ids = body["stop_token_ids"]
        n = min(body["n"], self.most or body["n"])
        sampling = Sampling(n=n, seed=body["seed"], max_new_tokens=body["max_tokens"], temperature=body["temperature"])
        samples = await self.engine.generate(body["prompt"], sampling)
        return web.json_response({"choices": [self._choice(i, s, body["prompt"]) for i, s in enumerate(samples)]})

    def _choice(self, index: int, sample: Completion, prompt: list[int]) -> dict[str, Any]:
        ids = list(sample.token_ids or ())
        if self.garbage:  # the end stays where it was, so that only the comparison of log-probabilities can tell
            ids = [(token * 7 + 3) % 500 if token not in self.engine.stop_ids else token for token in ids]
        logprobs = {"token_logprobs": sample.logprobs}
        return {"index": index, "text": "not to be used", "finish_reason": sample.finish_reason, "token_ids": ids,
                "prompt_token_ids": prompt, "logprobs": logprobs}  # fmt: skip


def main() -> None:
    """Serve until SIGTERM; leave process number and arguments in the file that SERVED names."""
    _, model, *options = sys.argv[1:]
    sys.stdout.write(f"loading {model}\n")
    if "--fail" in options:
        sys.exit("no memory for the key-value cache")
    port, dev_mode = int(options[options.index("--port") + 1]), os.environ.get("VLLM_SERVER_DEV_MODE") == "1"
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    with StandIn(model, dev_mode=dev_mode, port=port):
        Path(os.environ["SERVED"]).write_text("\n".join([str(os.getpid()), *options]))
        signal.sigwait({signal.SIGTERM})


if __name__ == "__main__":
    main()
