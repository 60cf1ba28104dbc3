"""A real chat-completions server on the loopback interface that fails as scripted and records requests.

    with FaultServer(Reply(429, headers={"Retry-After": "0"}), Reply(cut="inside")) as server: ...

fails two requests and answers the third and all later ones correctly, under `server.url`. It runs in its own
thread, on one event loop, so a thousand requests may be in flight.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, Self


@dataclass(frozen=True)
class Reply:
    """The server's behaviour for one request."""

    status: int = 200
    body: Any = None
    """The body of the answer: text is sent as it is, anything else as JSON. None sends a well-formed answer
    to the request."""
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    """Seconds between reading the request and answering."""
    cut: Literal["", "before", "inside"] = ""
    """Close the connection before the first byte of the answer, or half way through its body."""


@dataclass(frozen=True)
class Request:
    """A request that a client sent, and when (time.monotonic)."""

    path: str
    body: dict[str, Any]
    headers: dict[str, str]
    at: float


def answer(
    request: dict[str, Any],
    most: int | None = None,
    at_least: int = 0,
    say: Callable[[dict[str, Any], int], str] = lambda _, seed: f"seed {seed}",
    finish_reason: str = "stop",
) -> dict[str, Any]:
    """Return a well-formed answer.

    Args:
        request: the body of the request.
        most: largest number of choices, whatever `n` says; many servers have such a limit.
        at_least: smallest number of choices.
        say: returns the text of choice i from the request and the seed of that choice, `seed + i` as in vLLM.
        finish_reason: the finish reason of every choice.
    """
    count = max(min(request.get("n", 1), most or 10**9), at_least)
    seed = request.get("seed") or 0
    said = [{"role": "assistant", "content": say(request, seed + i)} for i in range(count)]
    # last first: clients must sort by index
    order = reversed(range(count))
    choices = [{"index": i, "message": said[i], "finish_reason": finish_reason} for i in order]
    usage = {"prompt_tokens": 7, "completion_tokens": 2 * count, "total_tokens": 7 + 2 * count}
    return {"object": "chat.completion", "choices": choices, "usage": usage}


class FaultServer:
    """Play its script, one reply per request, then `then` for ever; count requests and connections."""

    def __init__(self, *script: Reply, then: Callable[[dict[str, Any]], Reply] = lambda _: Reply()) -> None:
        self.requests: list[Request] = []
        self.most_in_flight = 0
        self.connections = 0
        self.url = ""
        self._in_flight, self._script, self._then = 0, list(script), then
        self._up, self._loop = threading.Event(), asyncio.new_event_loop()

    def __enter__(self) -> Self:
        self._thread = threading.Thread(
            target=self._loop.run_until_complete, args=(self._serve(),), daemon=True
        )
        self._thread.start()
        self._up.wait()
        return self

    def __exit__(self, *error: object) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()
        self._loop.close()

    async def _serve(self) -> None:
        self._end = asyncio.Event()
        self._talks: set[asyncio.Task[None]] = set()
        server = await asyncio.start_server(self._talk, "127.0.0.1", 0, backlog=4096)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        self._up.set()
        await self._end.wait()
        server.close()
        for task in self._talks:
            task.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)
        await server.wait_closed()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection. It is kept alive, as by real servers."""
        task = asyncio.current_task()
        assert task is not None
        self._talks.add(task)
        self.connections += 1
        try:
            while await self._exchange(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client hung up, or the server ends: tests provoke both
        finally:
            self.connections -= 1
            self._talks.discard(task)
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        request = await self._read(reader)
        self.requests.append(request)
        self._in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self._in_flight)
        reply = self._script.pop(0) if self._script else self._then(request.body)
        try:
            await asyncio.sleep(reply.seconds)
        finally:
            self._in_flight -= 1  # before the answer: the client may send its next request at once
        if reply.cut == "before":
            return False
        content = answer(request.body) if reply.body is None else reply.body
        data = (content if isinstance(content, str) else json.dumps(content)).encode()
        headers = {"Content-Type": "application/json", "Content-Length": str(len(data))} | reply.headers
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        writer.write(
            f"HTTP/1.1 {reply.status} Reason\r\n{head}\r\n".encode()
            + data[: len(data) // 2 if reply.cut else None]
        )
        await writer.drain()
        return not reply.cut

    async def _read(self, reader: asyncio.StreamReader) -> Request:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        at = time.monotonic()
        headers = {
            name.strip(): value.strip()
            for name, _, value in (line.partition(":") for line in head[1:] if line)
        }
        length = int(next((value for name, value in headers.items() if name.lower() == "content-length"), 0))
        return Request(head[0].split(" ")[1], json.loads(await reader.readexactly(length)), headers, at)
