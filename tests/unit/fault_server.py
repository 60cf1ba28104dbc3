"""A real chat-completions server on the loopback interface that misbehaves as told, and remembers what it was asked.

`with FaultServer(Reply(429, headers={"Retry-After": "0"}), Reply(cut="inside")) as server:` fails two requests and
answers the third and all later ones well, under `server.url`.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Self


@dataclass(frozen=True)
class Reply:
    """What to do with one request."""

    status: int = 200
    body: Any = None
    """Text sent as it is, anything else as JSON; None: a well-formed answer to the request."""
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    """Time between reading the request and answering."""
    cut: Literal["", "before", "inside"] = ""
    """Hang up before the first byte of the answer, or half way through its body."""


@dataclass(frozen=True)
class Request:
    """What a client sent, and when (time.monotonic)."""

    path: str
    body: dict[str, Any]
    headers: dict[str, str]
    at: float


def answer(request: dict[str, Any], most: int | None = None, at_least: int = 0) -> dict[str, Any]:
    """Return a well-formed answer: choice i says its seed, as vLLM draws it (seed + i). Choices come last first."""
    count = max(min(request.get("n", 1), most or 10**9), at_least)
    said = [{"role": "assistant", "content": f"seed {request.get('seed', 0) + i}"} for i in range(count)]
    choices = [{"index": i, "message": said[i], "finish_reason": "stop"} for i in reversed(range(count))]
    usage = {"prompt_tokens": 7, "completion_tokens": 2 * count, "total_tokens": 7 + 2 * count}
    return {"object": "chat.completion", "choices": choices, "usage": usage}


class FaultServer:
    """Plays its script one reply a request, then `then` for ever. Counts requests, those in flight and connections."""

    def __init__(self, *script: Reply, then: Callable[[dict[str, Any]], Reply] = lambda _: Reply()) -> None:
        self.requests: list[Request] = []
        self.most_in_flight = 0
        self.connections = 0
        self._in_flight, self._script, self._then, self._lock = 0, list(script), then, threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"owner": self}))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def take(self, request: Request) -> Reply:
        """Note a request and choose its reply."""
        with self._lock:
            self.requests.append(request)
            self._in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self._in_flight)
            return self._script.pop(0) if self._script else self._then(request.body)

    def count(self, in_flight: int = 0, connections: int = 0) -> None:
        """Add to the counters."""
        with self._lock:
            self._in_flight += in_flight
            self.connections += connections


class _Handler(BaseHTTPRequestHandler):
    owner: FaultServer
    protocol_version = "HTTP/1.1"  # connections are kept alive, as in real servers

    def setup(self) -> None:
        super().setup()
        self.owner.count(connections=1)

    def finish(self) -> None:
        self.owner.count(connections=-1)
        try:
            super().finish()
        except ConnectionError:  # the client hung up first: what tests of timeouts are about
            self.close_connection = True

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        reply = self.owner.take(Request(self.path, body, dict(self.headers), time.monotonic()))
        if reply.seconds:
            time.sleep(reply.seconds)
        self.owner.count(in_flight=-1)  # before the answer: the client may send its next request at once
        content = answer(body) if reply.body is None else reply.body
        data = (content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)).encode()
        try:
            self._send(reply, data)
        except ConnectionError:
            self.close_connection = True

    def _send(self, reply: Reply, data: bytes) -> None:
        self.close_connection = bool(reply.cut)
        if reply.cut == "before":
            return
        self.send_response(reply.status)
        standard = {"Content-Type": "application/json", "Content-Length": str(len(data))}
        for name, value in (standard | reply.headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data[: len(data) // 2] if reply.cut else data)

    def log_message(self, format: str, *args: Any) -> None:
        """Keep standard error clean."""
