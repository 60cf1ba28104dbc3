"""Sampling from servers that speak OpenAI's protocol: vLLM, SGLang, llama.cpp, or a paid API.

A conversation goes to `/chat/completions`, where the server renders it with the model's chat template. A text
to continue (`Sampling.plain`) goes to `/completions`, and so do texts whose likelihood is asked for
(`align.generate.backends.openai_echo`).

One POST asks for all n samples. An error that may pass is tried again after a random wait (exponential
backoff with full jitter: Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015), at
another address if there are several; any other is raised at once, with the remedy. How many requests run at
once is found by trying (`align.generate.backends.admission`). The HTTP client is aiohttp: with it the whole
engine makes 6 times as many requests a second as the openai package's httpx client does alone
(benchmarks/engine.py), which decides how many GPUs one process keeps busy.

Departures from the API as its reference describes it:
1. A server may return fewer choices than `n` (many ignore `n`). The call log asks for the missing ones in
   further requests, whose seed is `seed + first`: vLLM gives choice i of a request the seed `seed + i`, so
   from vLLM the samples are those that one request would have drawn.
2. `usage` covers a whole response, so the first completion of a response carries all of it and the others
   none: sums over completions are right, single values are not when n > 1. `request_ms` is the time that the
   response took.
3. `top_k` is not part of the API and is sent only when > 0. A vLLM server takes what a request leaves out
   from the model's generation config (Qwen2.5-7B-Instruct: top_k 20, repetition_penalty 1.05); to sample the
   model's own distribution there, write `extra_body: {top_k: -1, repetition_penalty: 1.0}`.
4. A schema is sent as `response_format: json_schema`. A server that refuses that field is asked without it
   from then on; the caller checks the answer in any case.
5. A prompt that is too long, or leaves no room for `max_tokens`, is refused by most servers and raises
   `TooLong`. A model in this process (`kind: transformers`) needs room for the prompt only.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, ClassVar, Generic, TypeVar
from urllib.parse import urlsplit

import aiohttp
from pydantic import Field, JsonValue, PrivateAttr, field_validator

from align.core.errors import AlignError, TooLong
from align.core.log import LOGGER
from align.core.plugins import Completion, Generator, Sampling
from align.core.rows import Message
from align.generate.backends.admission import Fleet
from align.generate.backends.openai_echo import Unsupported, behind_text, in_chat
from align.generate.backends.openai_replies import (
    CHAT,
    TEXT,
    ServerReply,
    read_completions,
    retry_after,
    server_message,
)

T = TypeVar("T")

LONGEST_BACKOFF_SECONDS = 60.0
"""A restarted model server is back within minutes; longer waits between tries only idle the run."""
CONNECT_SECONDS = 30.0
"""Longest time to open a connection: a thousand may be opened at once."""
IDLE_SECONDS = 4.0
"""Longest a connection waits for its next request. Servers close idle ones after 5 s (uvicorn, which vLLM
uses) or more; a request sent into a closing one fails."""
LONGEST_MESSAGE = 800
"""The most characters of a server's error that are shown: a gateway may answer with a page of HTML."""
PREFIX_CHARACTERS = 256
"""How many characters of a prompt with one message choose its server; of several messages, all but the last
do."""

_NEEDED = frozenset({"model", "messages", "prompt"})
_OURS = _NEEDED | {"n", "temperature", "top_p", "max_tokens", "seed", "stream", "response_format", "echo"}
_OVERLOAD = frozenset({429, 503})
_TOO_LONG = re.compile(r"context.?(length|window|size)|too long|max_model_len", re.IGNORECASE)
_NO_SCHEMA = re.compile(r"response_format|json_schema|guided|grammar|structured", re.IGNORECASE)
_JITTER = random.SystemRandom()  # not the global generator: a retry must not move anyone's seeded stream


class GeneratorError(AlignError):
    """A model server could not or would not answer. `retryable`: the same request may succeed later."""

    def __init__(
        self,
        message: str,
        *,
        retryable: bool = False,
        status: int | None = None,
        retry_after: float | None = None,
        overload: bool = False,
    ) -> None:
        self.retryable, self.status, self.retry_after, self.overload = (
            retryable,
            status,
            retry_after,
            overload,
        )
        super().__init__(message)


class PromptTooLong(GeneratorError, TooLong):
    """A model server refused a prompt because of its length."""


@dataclass(frozen=True, slots=True)
class _Question(Generic[T]):
    """A request, before it is known which address answers it."""

    path: str
    """CHAT or TEXT."""
    fields: dict[str, Any]
    """Fields of the body, without the model and `extra_body`."""
    read: Callable[[ServerReply], T]
    """Reads the answer. It raises ValueError where asking again may help, `Unsupported` where it cannot."""
    prefix: str
    """Questions with the same prefix go to the same address while it is not busier."""
    begun: bool = False
    """Part of this row is answered already, so it goes in before new rows."""
    json_schema: dict[str, Any] | None = None


class OpenAIServer(Generator):
    """A model behind one or more OpenAI-compatible addresses."""

    likelihoods: ClassVar[bool] = True
    continues: ClassVar[bool] = True

    base_url: str | list[str]
    """Address up to the version, such as http://localhost:8000/v1; `/chat/completions` or `/completions` is
    added. Several addresses of one model share the work: prompts that begin alike go to the same one while it
    is not clearly busier than the others."""
    model: str = Field(min_length=1)
    """Name under which the server serves the model."""
    revision: str = ""
    """Free text that tells two models of one name apart (a commit, a date); logged answers are replayed only
    under the same text."""
    api_key_env: str = "OPENAI_API_KEY"
    """Name of the environment variable with the key, never the key. Not set: no key is sent."""
    max_concurrency: int = Field(default=256, ge=1)
    """Most requests in flight at once at an address (vLLM works on 256 sequences by default, 1,024 on an
    H100). It starts with 16, finds what the address takes, and backs off on 429, 503 and timeouts."""
    timeout_seconds: float = Field(default=600, gt=0)
    """Longest time for one request, from when it is sent; waiting for a free slot is not counted."""
    retries: int = Field(default=6, ge=0)
    """Further tries after 408, 429, 5xx, a timeout, a broken connection or an unreadable answer. 0: none."""
    backoff_seconds: float = Field(default=0.5, ge=0)
    """Wait before retry k is uniform in 0..this * 2^k, at most 60 s (6 retries: 16 s in the mean). 0: no
    wait."""
    extra_body: dict[str, JsonValue] = {}
    """More fields of every request, as the server knows them. Null removes one: `{seed: null}` where seeds
    are refused. It is part of the identity and is stored with the run, so no secrets here."""

    _open: dict[asyncio.AbstractEventLoop, _Connection] = PrivateAttr(default_factory=dict)

    @field_validator("base_url")
    @classmethod
    def _check_address(cls, value: str | list[str]) -> str | list[str]:
        found = [value] if isinstance(value, str) else value
        if not found or len({url.rstrip("/") for url in found}) < len(found):
            raise ValueError("one address, or a list of different ones, is needed")
        for url in found:
            parts = urlsplit(url)  # like `.port` below, it raises ValueError with a sentence of its own
            if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
                raise ValueError("an address that starts with http:// or https:// is needed")
            if parts.username is not None:
                raise ValueError(
                    "no user or password in the address; name a key's environment variable in api_key_env"
                )
            if parts.query or parts.fragment or parts.path.rstrip("/").endswith(TEXT):
                raise ValueError(
                    "the address ends before /chat/completions or /completions and has no ? or #"
                )
        return value.rstrip("/") if isinstance(value, str) else [url.rstrip("/") for url in value]

    @field_validator("api_key_env")
    @classmethod
    def _check_variable(cls, value: str) -> str:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value):
            raise ValueError("the name of an environment variable is needed here, not a key")
        return value

    @field_validator("extra_body")
    @classmethod
    def _check_extra(cls, value: dict[str, JsonValue]) -> dict[str, JsonValue]:
        taken = sorted(k for k in _OURS & value.keys() if value[k] is not None or k in _NEEDED)
        if taken:
            raise ValueError(
                f"{', '.join(taken)}: the recipe's own fields say that; only null, to leave it out, can "
                "stand here"
            )
        return value

    def identity(self) -> dict[str, Any]:
        """Return what decides the answers, which an address, a key, a limit or a timeout does not."""
        kind = self.kind or "openai"
        return {"kind": kind, "model": self.model, "revision": self.revision, "extra_body": self.extra_body}

    async def generate(self, messages: Sequence[Message], sampling: Sampling) -> list[Completion]:
        """Return 1 to `sampling.n` completions, in sample order: as many as one request gives.

        A request that fails is repeated while that can help.

        Raises:
            PromptTooLong: the server says that the prompt does not fit.
            GeneratorError: refused by the server (`retryable` False), or still failing after all retries
                (True).
            BadRow: a text whose likelihood is asked for has none there; see `openai_echo`.
        """
        if sampling.tools:  # an answer may come back as calls without a text, and a completion is a text
            raise GeneratorError(
                "the prompt offers tools, and kind openai takes answers in words only; sample it with kind "
                "transformers or vllm, or load the prompts with `ignore: [tools]`"
            )
        if sampling.continuations:
            return await self._likelihoods(messages, sampling)
        return (await self._answer(self._question(messages, sampling)))[: sampling.n]

    async def _likelihoods(self, messages: Sequence[Message], sampling: Sampling) -> list[Completion]:
        """Return the texts of `sampling.continuations` with the log-probabilities of their tokens."""

        async def send(path: str, fields: dict[str, Any], read: Callable[[ServerReply], T]) -> T:
            return await self._answer(_Question(path, fields, read, _prefix(messages), sampling.first > 0))

        texts = (sampling.continuations or [])[sampling.first : sampling.first + sampling.n]
        try:
            if sampling.plain:
                return await behind_text(send, messages[-1]["content"], texts)
            return await in_chat(send, [as_sent(message) for message in messages], texts)
        except Unsupported as error:
            raise GeneratorError(f"{self.base_url}: {error}") from error

    async def _answer(self, question: _Question[T]) -> T:
        """Return what a server answers; a request that fails is repeated while that can help."""
        connection = await self._connect()
        attempt, failed_at = 0, None
        while True:
            url = connection.fleet.choose(question.prefix, failed_at)
            if not await connection.fleet.doors[url].enter(ahead=attempt > 0 or question.begun):
                continue  # this server has just failed; another may be better
            with_schema = question.json_schema is not None and url not in connection.without_schema
            try:
                return await self._post(connection, url, question, self._body(question, with_schema))
            except GeneratorError as error:
                if with_schema and error.status in (400, 422) and _NO_SCHEMA.search(str(error)):
                    if url not in connection.without_schema:
                        LOGGER.info("%s takes no json_schema; asking without it from now on", url)
                    connection.without_schema.add(url)
                    continue
                if not error.retryable:
                    raise
                if attempt == self.retries:
                    message = f"{error} (tried {attempt + 1} times)"
                    raise GeneratorError(message, retryable=True, status=error.status) from error
                wait = self._wait(attempt, error.retry_after)
                LOGGER.debug("%s; next try in %.1f s", error, wait)
            attempt, failed_at = attempt + 1, url
            await asyncio.sleep(wait)

    async def aclose(self) -> None:
        """Close the running loop's connections. They open again when needed."""
        connection = self._open.pop(asyncio.get_running_loop(), None)
        if connection:
            await connection.guard.aclose()

    def stop(self) -> None:
        """Forget closed loops' connections; a live loop's are closed by `aclose`, or when it shuts down."""
        for loop in list(self._open):
            if loop.is_closed():
                _GUARDS.pop(self._open.pop(loop).session, None)

    async def _connect(self) -> _Connection:
        """Return the running loop's connections: sockets cannot be shared between loops."""
        loop = asyncio.get_running_loop()
        if loop not in self._open:
            self.stop()
            urls = [self.base_url] if isinstance(self.base_url, str) else self.base_url
            self._open[loop] = connection = _Connection.make(urls, self.max_concurrency, self.timeout_seconds)
            await anext(connection.guard)
        return self._open[loop]

    def _question(self, messages: Sequence[Message], sampling: Sampling) -> _Question[list[Completion]]:
        """Return the request for completions of a conversation, or of a text to continue."""
        asked: dict[str, Any]
        if sampling.plain:
            path, asked = TEXT, {"prompt": messages[-1]["content"]}
        else:
            path, asked = CHAT, {"messages": [as_sent(message) for message in messages]}
        fields: dict[str, Any] = asked | {
            "n": sampling.n,
            "seed": sampling.seed + sampling.first,
            "max_tokens": sampling.max_new_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
        }
        fields |= {"top_k": sampling.top_k} if sampling.top_k else {}
        fields |= {"stop": sampling.stop} if sampling.stop else {}
        read = partial(read_completions, stop=sampling.stop)
        return _Question(path, fields, read, _prefix(messages), sampling.first > 0, sampling.json_schema)

    def _body(self, question: _Question[Any], with_schema: bool) -> bytes:
        ours = {"model": self.model} | question.fields
        if with_schema:
            named = {"name": "answer", "schema": question.json_schema, "strict": True}
            ours["response_format"] = {"type": "json_schema", "json_schema": named}
        removed = {k for k, v in self.extra_body.items() if v is None}
        # Escaped to ASCII: the server, not this line, rejects a row with half a surrogate pair.
        return json.dumps({k: v for k, v in (self.extra_body | ours).items() if k not in removed}).encode()

    def _wait(self, attempt: int, retry_after: float | None) -> float:
        """Return seconds until the next try: what the server asked for, else the backoff."""
        if retry_after is not None:  # jitter here too, or all that were told the same come back together
            return retry_after + _JITTER.uniform(0, self.backoff_seconds)
        return _JITTER.uniform(
            0, min(LONGEST_BACKOFF_SECONDS, self.backoff_seconds * 2.0 ** min(attempt, 30))
        )

    async def _post(self, connection: _Connection, url: str, question: _Question[T], body: bytes) -> T:
        """Send one request that was let in, and report its outcome to the server's `Admission`."""
        door, sent_at = connection.fleet.doors[url], time.monotonic()
        try:
            said = await self._exchange(connection.session, url + question.path, body, question.read)
            door.succeeded()
        except GeneratorError as error:
            if error.overload:
                door.overloaded(sent_at, error.retry_after)
            raise
        finally:
            door.leave()
        return said

    async def _exchange(
        self, session: aiohttp.ClientSession, address: str, body: bytes, read: Callable[[ServerReply], T]
    ) -> T:
        sent_at = time.monotonic()
        headers = {"Content-Type": "application/json"}
        if key := self._key():
            headers["Authorization"] = f"Bearer {key}"
        try:
            async with (
                asyncio.timeout(self.timeout_seconds),
                session.post(address, data=body, headers=headers, allow_redirects=False) as response,
            ):
                content = await response.read()
        except TimeoutError as error:
            what = f"no full answer within timeout_seconds={self.timeout_seconds:g}"
            raise self._error(address, what, retryable=True, overload=True) from error
        except aiohttp.ClientError as error:
            what = f"{type(error).__name__}: {error or 'no details'}; is the server running and reachable?"
            refused = isinstance(error, aiohttp.ClientConnectorError)
            raise self._error(address, what, retryable=True, overload=refused) from error
        took = round((time.monotonic() - sent_at) * 1000)
        answer = ServerReply(response.status, response.headers, content, took)
        if not 200 <= answer.status < 300:
            raise self._refusal(address, answer)
        try:
            return read(answer)
        except Unsupported as error:
            raise self._error(address, str(error), status=answer.status) from error
        except ValueError as error:
            what = f"unreadable answer: {error}"
            raise self._error(address, what, retryable=True, status=answer.status) from error

    def _refusal(self, address: str, answer: ServerReply) -> GeneratorError:
        """Turn a status that is not 2xx into an error that says what to do."""
        status, said = answer.status, server_message(answer)
        if status in (408, 429) or status >= 500:
            after = retry_after(answer.headers, datetime.now(UTC))
            after = None if after is None else min(after, self.timeout_seconds)
            how: dict[str, Any] = {"retryable": True, "retry_after": after, "overload": status in _OVERLOAD}
            return self._error(address, f"HTTP {status}: {said}", status=status, **how)
        kind = GeneratorError
        if status in (401, 403):
            remedy = f"put a key that may use {self.model!r} in the environment variable {self.api_key_env}"
            remedy += "" if self._key() else " (it is not set)"
        elif status == 404:
            remedy = f"is {self.model!r} served there, and does base_url end in the version, such as /v1?"
            remedy += (
                "" if address.endswith(CHAT) else " Not every server continues plain texts (/completions)"
            )
        elif 300 <= status < 400:
            remedy = f"write the final address in base_url (it redirects to {answer.headers.get('location')})"
        elif status in (400, 413, 422) and _TOO_LONG.search(said):
            kind = PromptTooLong
            remedy = (
                "the prompt is over-long: with max_new_tokens it must fit the model's context; shorten either"
            )
        else:
            remedy = (
                "the server does not take this request; compare extra_body and the sampling values with its "
                "manual"
            )
        return self._error(address, f"HTTP {status}: {remedy}; the server says: {said}", kind, status=status)

    def _error(
        self, address: str, what: str, kind: type[GeneratorError] = GeneratorError, **how: Any
    ) -> GeneratorError:
        """Return an error with the address, and without the key, which servers like to echo.

        A key of less than 8 letters is a placeholder (EMPTY) and is left in.
        """
        key = self._key()
        what = what.replace(key, "***") if len(key) >= 8 else what
        if len(what) > LONGEST_MESSAGE:  # only now: a key cut in two would not be found
            what = f"{what[:LONGEST_MESSAGE]}..."
        return kind(f"{address}: {what}", **how)

    def _key(self) -> str:
        key = os.environ.get(self.api_key_env, "").strip()
        if not (key.isascii() and key.isprintable()):
            raise GeneratorError(
                f"the environment variable {self.api_key_env} holds characters that no key has"
            )
        return key


def as_sent(message: Message) -> dict[str, Any]:
    """Return a message as the protocol has it.

    Arguments of tool calls are text; reasoning has the name that vLLM and DeepSeek give it.
    """
    sent = {key: value for key, value in message.items() if key not in ("train", "reasoning")}
    if "tool_calls" in message:
        calls = [(call, call["function"]) for call in message["tool_calls"]]
        sent["tool_calls"] = [
            call | {"function": function | {"arguments": json.dumps(function["arguments"])}}
            for call, function in calls
        ]
    return sent | ({"reasoning_content": message["reasoning"]} if "reasoning" in message else {})


def _prefix(messages: Sequence[Message]) -> str:
    if len(messages) > 1:
        return "\0".join(m["content"] for m in messages[:-1])
    return messages[0]["content"][:PREFIX_CHARACTERS]


@dataclass(frozen=True, slots=True)
class _Connection:
    """The connections of one event loop, which end with it."""

    session: aiohttp.ClientSession
    fleet: Fleet
    guard: AsyncGenerator[None, None]
    """A generator that is suspended while the session is in use. An event loop that shuts down closes its
    generators, and this one then closes the session."""
    without_schema: set[str] = field(default_factory=set)
    """Addresses that have refused a schema."""

    @classmethod
    def make(cls, urls: Sequence[str], most: int, seconds: float) -> _Connection:
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_SECONDS)  # `Admission` limits
        # The whole request is timed by the caller; here only a dead address is given up earlier.
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=min(CONNECT_SECONDS, seconds))
        # Looking for proxies slows every request, so it is done only if the environment names one.
        proxies = any(name.lower().endswith("_proxy") for name in os.environ)
        session = aiohttp.ClientSession(connector=connector, timeout=timeout, trust_env=proxies)
        _GUARDS[session] = _close_at_end(session)
        return cls(session, Fleet(urls, most), _GUARDS[session])


_GUARDS: dict[aiohttp.ClientSession, AsyncGenerator[None, None]] = {}
"""Keeps guards alive: a guard that is garbage-collected would close its session in a task, which is cancelled
half way when the loop ends."""


async def _close_at_end(session: aiohttp.ClientSession) -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        _GUARDS.pop(session, None)
        await session.close()
