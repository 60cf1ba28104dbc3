"""How many requests one process on one core completes, and how much memory rows take.

    pip install openai          # to compare with
    python benchmarks/engine.py

A server in a process of its own answers every chat completion 100 ms after it was asked. Each client runs pinned to
one core, with 512 requests in flight, in turns, three times; the middle one of three counts.

- `align`: the whole row engine: 30,000 prompts through a synthesizer, every answer logged, rows in Parquet.
- `openai`: `AsyncOpenAI().chat.completions.create`, nothing else: no log, no rows.

Then 200,000 prompts go through a synthesizer that calls nothing; the peak of memory is the process's own.
Results: docs/rows.md.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated, ClassVar

from align import Demonstration, Prompt, Recipe, Ref
from data_synthesis import Context, Synthesizer

IN_FLIGHT, REQUESTS, ROWS, TURNS = 512, 30_000, 200_000, 3
TEXT = "The answer is 42. " * 8


class Ask(Synthesizer):
    """Asks once."""

    makes: ClassVar[frozenset[str]] = frozenset({"demonstrations"})
    generator: Annotated[str, Ref("generator")] = "g"

    async def synthesize(self, prompt: Prompt, ctx: Context) -> Demonstration:
        """Answer."""
        (said,) = await ctx.sample(self.generator, prompt.messages, max_new_tokens=64)
        return Demonstration(prompt=prompt.messages, completion=said.text)


class Copy(Synthesizer):
    """Calls nothing."""

    makes: ClassVar[frozenset[str]] = frozenset({"demonstrations"})

    async def synthesize(self, prompt: Prompt, ctx: Context) -> Demonstration:
        """Answer with a fixed text."""
        return Demonstration(prompt=prompt.messages, completion=TEXT)


class _Protocol(asyncio.Protocol):
    """Answers each request 100 ms after it came."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport, self.held = transport, b""

    def data_received(self, data: bytes) -> None:
        self.held += data
        while (end := self.held.find(b"\r\n\r\n")) >= 0:
            head = self.held[:end].lower()
            length = int(head.partition(b"content-length:")[2].split(b"\r\n")[0])
            if len(self.held) < end + 4 + length:
                return
            self.held = self.held[end + 4 + length :]
            asyncio.get_running_loop().call_later(0.1, self.transport.write, ANSWER)


_BODY = json.dumps(
    {"object": "chat.completion", "id": "x", "created": 0, "model": "m",
     "choices": [{"index": 0, "message": {"role": "assistant", "content": TEXT}, "finish_reason": "stop"}],
     "usage": {"prompt_tokens": 50, "completion_tokens": 40, "total_tokens": 90}}
).encode()  # fmt: skip
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(_BODY) + _BODY


async def serve() -> None:
    """Serve until killed; the port goes to standard output."""
    server = await asyncio.get_running_loop().create_server(_Protocol, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def engine(kind: str, rows: int, url: str) -> dict[str, float]:
    """Run a recipe of one synthesizer and return its speed and the peak of memory."""
    sys.path.insert(0, str(Path(__file__).parent))
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        with Path("prompts.jsonl").open("w") as file:
            file.writelines(json.dumps({"prompt": f"What is {i} + {i}? {'Think. ' * 20}"}) + "\n" for i in range(rows))
        model = {"kind": "openai", "base_url": url, "model": "m", "max_concurrency": IN_FLIGHT}
        stages = {"prompts": {"kind": "load", "path": "prompts.jsonl"},
                  "made": {"kind": f"engine:{kind}", "prompts": "prompts", "concurrency": IN_FLIGHT}}  # fmt: skip
        Path("recipe.yaml").write_text(json.dumps({"name": "b", "base": "./m", "generators": {"g": model}, "stages": stages}))
        Recipe.load("recipe.yaml").run("out", until="prompts")
        before, cpu, started = _peak(), time.process_time(), time.perf_counter()
        Recipe.load("recipe.yaml").run("out")
        seconds = time.perf_counter() - started
    return {"rate": rows / seconds, "per_cpu": rows / (time.process_time() - cpu), "before": before, "peak": _peak()}


async def openai_client(url: str) -> dict[str, float]:
    """Send the same requests through the openai package."""
    from openai import AsyncOpenAI  # noqa: PLC0415

    client = AsyncOpenAI(base_url=url, api_key="x", max_retries=0)
    todo = iter(range(REQUESTS // 5))  # slower, so fewer tell as much

    async def work() -> None:
        for i in todo:
            message = {"role": "user", "content": f"What is {i} + {i}? {'Think. ' * 20}"}
            await client.chat.completions.create(model="m", messages=[message], n=1, max_tokens=64, seed=i)  # ty: ignore

    cpu, started = time.process_time(), time.perf_counter()
    await asyncio.gather(*(work() for _ in range(IN_FLIGHT)))
    seconds, used = time.perf_counter() - started, time.process_time() - cpu
    return {"rate": REQUESTS // 5 / seconds, "per_cpu": REQUESTS // 5 / used, "before": 0, "peak": _peak()}


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _part(*arguments: str) -> dict[str, float]:
    """Run one client in a process of its own, on the first core."""
    command = [sys.executable, __file__, *arguments]
    pinned = {"preexec_fn": lambda: os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})}
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True, **pinned)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Take turns and print medians."""
    server = subprocess.Popen([sys.executable, __file__, "serve"], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    url = f"http://127.0.0.1:{int(server.stdout.readline())}/v1"
    try:
        taken: dict[str, list[dict[str, float]]] = {"align": [], "openai": []}
        for _ in range(TURNS):
            for name, results in taken.items():
                results.append(_part(name, url))
    finally:
        server.kill()
    for name, results in taken.items():
        middle = {key: statistics.median(result[key] for result in results) for key in results[0]}
        growth = f", memory {middle['before']:.0f} -> {middle['peak']:.0f} MB" if name == "align" else ""
        print(f"{name:8} {middle['rate']:6.0f} requests/s, {middle['per_cpu']:6.0f} per second of CPU{growth}")
    rows = _part("rows", url)
    print(f"{ROWS:,} rows: {rows['rate']:.0f} rows/s, peak {rows['peak']:.0f} MB")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve"]:
            asyncio.run(serve())
        case ["align", address]:
            print(json.dumps(engine("Ask", REQUESTS, address)))
        case ["openai", address]:
            print(json.dumps(asyncio.run(openai_client(address))))
        case ["rows", address]:
            print(json.dumps(engine("Copy", ROWS, address)))
        case _:
            main()
