"""The OpenAI-compatible generator against a real HTTP server that fails in the ways that servers fail."""

from __future__ import annotations

import asyncio
import pickle
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from align.core.plugins import Completion, Generator, Sampling
from align.generate.backends.admission import Admission
from align.generate.backends.openai import GeneratorError, OpenAIServer
from align.generate.backends.openai_replies import retry_after
from align.generate.calls.log import CallLog
from data_synthesis.testing.server import FaultServer, Reply, answer

ASK = [{"role": "user", "content": "Grüße, 世界 🌍"}]
KEY = "sk-0123456789abcdef"


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No key of whoever runs the tests, and no proxy between the tests and the loopback interface."""
    for name in ("OPENAI_API_KEY", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    return


def client(server: FaultServer, **fields: Any) -> OpenAIServer:
    return OpenAIServer.model_validate({"base_url": server.url, "model": "m", "backoff_seconds": 0.01, **fields})


def draw(generator: Generator, **sampling: Any) -> list[Completion]:
    return asyncio.run(generator.generate(ASK, Sampling(**sampling)))


def texts(completions: list[Completion]) -> list[str]:
    return [c.text for c in completions]


def refused(generator: Generator) -> GeneratorError:
    with pytest.raises(GeneratorError) as caught:
        draw(generator)
    return caught.value


def test_the_request_says_everything_and_samples_come_in_order() -> None:
    with FaultServer() as server:
        generator = Generator.model_validate(
            {"kind": "openai", "base_url": f"{server.url}/", "model": "m", "extra_body": {"min_p": 0.1, "top_k": -1}}
        )
        drawn = draw(generator, n=3, temperature=0.7, top_p=0.9, max_new_tokens=64, seed=5)
        draw(generator, top_k=20)
    assert texts(drawn) == ["seed 5", "seed 6", "seed 7"]
    assert server.requests[0].path == "/v1/chat/completions"
    common = {"model": "m", "messages": ASK, "min_p": 0.1}
    expected = {"n": 3, "temperature": 0.7, "top_p": 0.9, "max_tokens": 64, "seed": 5, "top_k": -1}
    assert server.requests[0].body == common | expected
    assert server.requests[1].body["top_k"] == 20
    assert "Authorization" not in server.requests[0].headers


def test_top_k_is_left_out_when_it_keeps_all_and_null_removes_a_field() -> None:
    with FaultServer() as server:
        draw(client(server, extra_body={"seed": None}))
    assert not {"top_k", "seed"} & server.requests[0].body.keys()


def test_unicode_and_finish_reasons_survive() -> None:
    said = [("Ω 𝄞\u2028", "stop"), ("cut", "length"), ("", "tool_calls"), (None, "length")]
    choices = [{"index": i, "message": {"content": text}, "finish_reason": why} for i, (text, why) in enumerate(said)]
    with FaultServer(Reply(body={"choices": choices})) as server:
        drawn = draw(client(server), n=4)
    assert [(c.text, c.finish_reason) for c in drawn] == [*said[:3], ("", "length")]
    assert server.requests[0].body["messages"] == ASK


WORDS = ("length", "content_filter", "max_tokens", "model_length", "abort", "error", "function_call", "eos", None)
"""Ends of answers that are not whole, as servers name them; null says nothing."""


@pytest.mark.parametrize("word", WORDS)
def test_only_what_stopped_by_itself_is_a_whole_answer(word: str | None) -> None:
    choice = {"index": 0, "message": {"content": "So far"}, "finish_reason": word}
    with FaultServer(Reply(body={"choices": [choice]})) as server:
        (drawn,) = draw(client(server))
    assert (drawn.text, drawn.finish_reason) == ("So far", word or "unknown")
    assert not drawn.whole
    assert not drawn.answers
    assert drawn.missing == ("truncated" if word == "length" else f"ended by {word or 'unknown'!r}")


def test_usage_of_a_response_is_counted_once() -> None:
    with FaultServer() as server:
        drawn = draw(client(server), n=3)
    assert drawn[0].usage.pop("request_ms") >= 0
    assert [c.usage for c in drawn] == [{"prompt_tokens": 7, "completion_tokens": 6}, {}, {}]


FAULTS = {
    "rate limit": Reply(429, {"error": {"message": "slow down"}}, {"Retry-After": "0"}),
    "request timeout": Reply(408, ""),
    "server error": Reply(500, "<html>oops</html>"),
    "dropped connection": Reply(cut="before"),
    "half-written answer": Reply(cut="inside"),
    "not JSON": Reply(body="{"),
    "empty choices": Reply(body={"choices": []}),
    "no content": Reply(body={"choices": [{"index": 0, "message": {"role": "assistant"}, "finish_reason": "stop"}]}),
    "no message": Reply(body={"choices": [None]}),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_passing_fault_costs_one_more_request(fault: Reply) -> None:
    with FaultServer(fault) as server:
        assert texts(draw(client(server), seed=3)) == ["seed 3"]
    assert len(server.requests) == 2
    assert server.requests[0].body == server.requests[1].body


def test_a_server_that_does_not_answer_in_time_is_asked_again() -> None:
    with FaultServer(Reply(seconds=0.6)) as server:
        assert len(draw(client(server, timeout_seconds=0.3))) == 1
    assert len(server.requests) == 2


def test_retry_after_is_waited_for() -> None:
    with FaultServer(Reply(429, {}, {"Retry-After": "1"})) as server:
        draw(client(server, backoff_seconds=0))
    first, second = server.requests
    assert second.at - first.at >= 1


NOW = datetime(2026, 11, 30, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "2"}, 2.0), ({"retry-after": "0.25"}, 0.25), ({"retry-after": " 1.5 "}, 1.5),
        ({"retry-after-ms": "250"}, 0.25), ({"retry-after-ms": "1500", "retry-after": "2"}, 1.5),
        ({"retry-after": "Mon, 30 Nov 2026 12:00:05 GMT"}, 5.0), ({"retry-after": "Mon, 30 Nov 2026 11:59:00 GMT"}, 0.0),
        ({"retry-after": "Monday, 30-Nov-26 12:00:05 GMT"}, 5.0), ({"retry-after": "Mon, 30 Nov 2026 13:00:05 +0100"}, 5.0),
        *[({"retry-after": odd}, None) for odd in ("", "soon", "-1", "1e3", "nan", "9" * 12, "Mon, 99 Nov 2026 12:00:05 GMT")],
        ({}, None),
    ],
)  # fmt: skip
def test_what_a_server_asks_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, NOW) == seconds


def test_a_lasting_fault_ends_after_the_retries_and_says_so() -> None:
    with FaultServer(then=lambda _: Reply(503, {"error": {"message": "loading model"}})) as server:
        error = refused(client(server, retries=2))
    assert len(server.requests) == 3
    assert (error.retryable, error.status) == (True, 503)
    assert str(error) == f"{server.url}/chat/completions: HTTP 503: loading model (tried 3 times)"
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.retryable, again.status) == (str(error), True, 503)


def test_nobody_listening_is_an_error_that_asks_whether_the_server_runs() -> None:
    with FaultServer() as server:
        pass
    error = refused(client(server, retries=1))
    assert error.retryable
    assert "is the server running" in str(error)


def test_a_refused_key_is_not_retried_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    def echo(_: dict[str, Any]) -> Reply:
        return Reply(401, {"error": {"message": f"Incorrect API key provided: {KEY}"}})

    with FaultServer(then=echo) as server:
        generator = client(server, api_key_env="MY_KEY")
        assert "environment variable MY_KEY (it is not set)" in str(refused(generator))
        monkeypatch.setenv("MY_KEY", f"{KEY}\n")
        error = refused(generator)
    assert [r.headers.get("Authorization") for r in server.requests] == [None, f"Bearer {KEY}"]
    assert (error.retryable, error.status) == (False, 401)
    assert "environment variable MY_KEY;" in str(error)
    for shown in (str(error), repr(error), repr(generator), str(generator.identity()), generator.model_dump_json()):
        assert KEY not in shown


def test_a_key_that_no_header_can_carry_is_named_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", f"{KEY}\n{KEY}")
    with FaultServer() as server:
        error = refused(client(server))
    assert "OPENAI_API_KEY" in str(error)
    assert KEY not in str(error)
    assert not server.requests


@pytest.mark.parametrize(
    ("reply", "remedy"),
    [
        (Reply(404, {"object": "error", "message": "no such model"}), "is 'm' served there"),
        (Reply(400, {"error": {"message": "maximum context length is 4096 tokens"}}), "prompt is over-long"),
        (Reply(422, {"detail": "n > 1"}), "compare extra_body"),
        (Reply(307, "", {"Location": "https://elsewhere/v1"}), "redirects to https://elsewhere/v1"),
        (Reply(400, "x" * 5000), "xxx..."),
    ],
)
def test_a_request_that_cannot_succeed_fails_at_once_with_the_remedy(reply: Reply, remedy: str) -> None:
    with FaultServer(reply) as server:
        error = refused(client(server))
    assert len(server.requests) == 1
    assert not error.retryable
    assert f"{server.url}/chat/completions: HTTP {reply.status}: " in str(error)
    assert remedy in str(error)
    assert len(str(error)) < 1000


def logged(generator: Generator, folder: Path, n: int, seed: int = 10) -> list[Completion]:
    """Sample through a call log, which asks for what a server leaves out."""
    log = CallLog(folder, "main")
    try:
        return asyncio.run(log.answer("g", generator, {}, ["s", "row", 0], ASK, Sampling(n=n, seed=seed)))
    finally:
        log.close()


def test_missing_samples_are_asked_for_with_other_seeds_and_too_many_are_cut(tmp_path: Path) -> None:
    with FaultServer(then=lambda request: Reply(body=answer(request, most=2))) as server:
        drawn = logged(client(server), tmp_path, 5)
    assert texts(drawn) == [f"seed {10 + i}" for i in range(5)]
    assert sorted((r.body["seed"], r.body["n"]) for r in server.requests) == [(10, 5), (12, 2), (14, 1)]
    with FaultServer(then=lambda request: Reply(body=answer(request, at_least=4))) as server:
        assert texts(draw(client(server), n=2)) == ["seed 0", "seed 1"]
    assert len(server.requests) == 1


def test_what_a_server_gave_before_it_failed_is_not_paid_again(tmp_path: Path) -> None:
    def one(request: dict[str, Any]) -> Reply:
        broken = len(server.requests) == 4
        return Reply(403, {"error": {"message": "quota"}}) if broken else Reply(body=answer(request, most=1))

    with FaultServer(then=one) as server:
        with pytest.raises(GeneratorError, match="HTTP 403"):
            logged(client(server), tmp_path, 8)
        assert len(server.requests) == 8, "all that were under way are awaited"
        assert texts(logged(client(server), tmp_path, 8)) == [f"seed {10 + i}" for i in range(8)]
    assert len(server.requests) == 9
    seeds = [r.body["seed"] for r in server.requests]
    assert sorted(seeds) == sorted([*range(10, 18), seeds[3]])


def test_the_good_choices_of_an_answer_are_kept_when_one_has_no_text(tmp_path: Path) -> None:
    half = answer({"n": 4})
    next(c for c in half["choices"] if c["index"] == 2)["message"] = {"role": "assistant", "content": None}
    with FaultServer(Reply(body=half)) as server:
        assert texts(logged(client(server), tmp_path, 4, seed=0)) == [f"seed {i}" for i in range(4)]
    assert [(r.body["seed"], r.body["n"]) for r in server.requests] == [(0, 4), (2, 2)]


async def _many(generator: OpenAIServer, count: int, **how: Any) -> None:
    await asyncio.gather(*(generator.generate(ASK, Sampling(seed=i, **how)) for i in range(count)))


def test_never_more_requests_in_flight_than_allowed() -> None:
    with FaultServer(then=lambda _: Reply(seconds=0.05)) as server:
        asyncio.run(_many(client(server, max_concurrency=3), 15))
    assert server.most_in_flight == 3
    assert len(server.requests) == 15


def test_waiting_for_a_free_slot_is_not_counted_as_time_of_the_request() -> None:
    with FaultServer(then=lambda _: Reply(seconds=0.15)) as server:
        asyncio.run(_many(client(server, max_concurrency=1, timeout_seconds=1, retries=0), 9))
    assert server.requests[-1].at - server.requests[0].at > 1  # so the last waited longer than a request may take


def test_the_limit_doubles_to_the_first_overload_halves_once_for_it_and_creeps_up_again() -> None:
    most_inside = 0

    async def one(door: Admission) -> None:
        nonlocal most_inside
        await door.enter()
        most_inside = max(most_inside, door.in_flight)
        await asyncio.sleep(0.001)
        door.succeeded()
        door.leave()

    async def play() -> list[float]:
        door = Admission(100)
        await asyncio.gather(*(one(door) for _ in range(40)))
        seen = [door.limit]
        await asyncio.gather(*(one(door) for _ in range(400)))
        seen.append(door.limit)
        for _ in range(5):
            door.overloaded(time.monotonic() - 1, None)  # all were under way at the first of them
        seen.append(door.limit)
        await asyncio.gather(*(one(door) for _ in range(100)))
        return [*seen, door.limit, door.in_flight]

    first, top, cut, crept, inside = asyncio.run(play())
    assert 20 <= first <= 56, "of 40 requests those beyond the first 16 wait, and then the limit follows"
    assert (top, cut, inside, most_inside) == (100, 50, 0, 100)
    assert 51 <= crept <= 53


def test_nobody_goes_in_while_the_server_asked_for_a_pause() -> None:
    async def play() -> float:
        door, started = Admission(4), time.monotonic()
        door.overloaded(started, 0.2)
        await door.enter()
        return time.monotonic() - started

    assert asyncio.run(play()) >= 0.2


def test_a_request_that_is_cancelled_at_the_door_leaves_no_gap() -> None:
    async def play() -> int:
        door = Admission(1)
        await door.enter()
        tasks = [asyncio.create_task(door.enter()) for _ in range(4)]
        await asyncio.sleep(0)
        tasks[0].cancel()  # and before it knows of that:
        door.leave()  # lets the second in
        tasks[1].cancel()  # which is cancelled with its place in the hand
        ended = await asyncio.gather(*tasks[:2], return_exceptions=True)
        assert [type(error) for error in ended] == [asyncio.CancelledError] * 2
        await asyncio.wait_for(tasks[2], 5)
        door.leave()
        await asyncio.wait_for(tasks[3], 5)
        return door.in_flight

    assert asyncio.run(play()) == 1


def test_a_request_of_a_row_under_way_goes_in_first() -> None:
    async def order() -> list[str]:
        door, seen = Admission(1), []
        await door.enter()

        async def go(name: str, ahead: bool) -> None:
            await door.enter(ahead=ahead)
            seen.append(name)
            door.leave()

        tasks = [asyncio.create_task(go(name, ahead)) for name, ahead in (("new", False), ("newer", False), ("again", True))]
        await asyncio.sleep(0)
        door.leave()
        await asyncio.gather(*tasks)
        return seen

    assert asyncio.run(order()) == ["again", "new", "newer"]


def test_a_server_that_says_429_gets_as_much_as_it_takes_and_loses_nothing() -> None:
    def storm(request: dict[str, Any]) -> Reply:
        # more than 8 in flight are refused, as a gateway with a limit does
        return Reply(429, {"error": {"message": "slow down"}}) if server._in_flight > 8 else Reply(seconds=0.02)

    with FaultServer(then=storm) as server:
        generator = client(server, max_concurrency=64, retries=50)
        asyncio.run(_many(generator, 400))
    assert 400 < len(server.requests) < 600, "the limit found its place instead of knocking on for ever"


def test_several_addresses_share_the_work_and_prompts_that_begin_alike_stay_together() -> None:
    async def ask(generator: OpenAIServer, rubric: int) -> None:
        shared = {"role": "system", "content": f"rubric {rubric}"}
        await generator.generate([shared, {"role": "user", "content": "?"}], Sampling())

    async def play(generator: OpenAIServer) -> tuple[set[str], set[str]]:
        for i in range(24):
            await ask(generator, i % 8)
        stuck = tuple({r.body["messages"][0]["content"] for r in server.requests} for server in (one, two))
        await asyncio.gather(*(ask(generator, 0) for _ in range(120)))
        return stuck

    with FaultServer(then=lambda _: Reply(seconds=0.01)) as one, FaultServer(then=lambda _: Reply(seconds=0.01)) as two:
        at_one, at_two = asyncio.run(play(client(one, base_url=[one.url, two.url])))
    assert not at_one & at_two, "while neither is busier, a rubric goes to one server only"
    assert len(one.requests) + len(two.requests) == 144
    assert min(len(one.requests), len(two.requests)) >= 40, "a rush on one rubric is shared"


def test_what_fails_at_one_address_is_tried_at_another() -> None:
    with FaultServer(then=lambda _: Reply(500, "")) as bad, FaultServer() as good:
        generator = client(bad, base_url=[bad.url, good.url], retries=1)
        asyncio.run(_many(generator, 20))
    assert len(good.requests) == 20


def test_a_server_that_hangs_does_not_hold_what_waits_at_its_door() -> None:
    with FaultServer(then=lambda _: Reply(seconds=30)) as hung, FaultServer() as good:
        generator = client(hung, base_url=[hung.url, good.url], timeout_seconds=1, retries=3)
        started = time.monotonic()
        asyncio.run(_many(generator, 200))
        assert time.monotonic() - started < 15
    assert len(good.requests) == 200
    assert len(hung.requests) < 60


def test_a_schema_goes_out_and_a_server_that_refuses_it_is_asked_without() -> None:
    schema = {"type": "object", "properties": {"score": {"type": "integer"}}}

    def plain(request: dict[str, Any]) -> Reply:
        known = "response_format" not in request
        return Reply() if known else Reply(400, {"error": {"message": "response_format is not supported"}})

    with FaultServer() as server:
        draw(client(server), json_schema=schema)
    assert server.requests[0].body["response_format"]["json_schema"]["schema"] == schema
    with FaultServer(then=plain) as server:
        asyncio.run(_twice(client(server), schema))
    assert ["response_format" in r.body for r in server.requests] == [True, False, False]
    with FaultServer(then=plain) as server:
        asyncio.run(_many(client(server), 16, json_schema=schema))
    assert sum("response_format" not in r.body for r in server.requests) == 16, "those under way are asked again too"


async def _twice(generator: OpenAIServer, schema: dict[str, Any]) -> None:
    for _ in range(2):
        await generator.generate(ASK, Sampling(json_schema=schema))


def test_each_event_loop_has_its_own_connections_and_leaves_none_behind() -> None:
    async def twice() -> None:
        await generator.generate(ASK, Sampling())
        generator.stop()  # a live loop's connections stay usable
        await generator.generate(ASK, Sampling())
        held.append(server.connections)
        await generator.aclose()
        await generator.generate(ASK, Sampling())

    held: list[int] = []
    with FaultServer() as server:
        generator = client(server)
        generator.stop()
        asyncio.run(twice())
        assert held == [1]
        asyncio.run(twice())
        generator.stop()
        deadline = time.monotonic() + 10
        while server.connections and time.monotonic() < deadline:
            time.sleep(0.01)
        assert server.connections == 0
    assert len(server.requests) == 6


def test_the_same_model_elsewhere_is_the_same_model() -> None:
    here = OpenAIServer(base_url="http://a/v1", model="m")
    limits = {"max_concurrency": 9, "timeout_seconds": 1, "retries": 0, "backoff_seconds": 0}
    there = OpenAIServer.model_validate({"base_url": "https://b:8000/v1", "model": "m", "api_key_env": "B", **limits})
    assert here.identity() == there.identity()
    for change in ({"model": "n"}, {"revision": "2026"}, {"extra_body": {"min_p": 0.1}}):
        assert here.identity() != OpenAIServer.model_validate({"base_url": "http://a/v1", "model": "m", **change}).identity()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("base_url", "localhost:8000/v1"),
        ("base_url", "ftp://host/v1"),
        ("base_url", "http://host:port/v1"),
        ("base_url", "https://me:secret@host/v1"),
        ("base_url", "https://host/v1/chat/completions"),
        ("base_url", ["http://host/v1", "http://host/v1/"]),
        ("api_key_env", "sk-pasted-key"),
        ("extra_body", {"n": 4}),
        ("extra_body", {"messages": None}),
        ("model", ""),
    ],
)
def test_a_field_that_cannot_work_is_refused(field: str, value: object) -> None:
    with pytest.raises(ValidationError) as caught:
        OpenAIServer.model_validate({"base_url": "http://host/v1", "model": "m", field: value})
    assert [error["loc"] for error in caught.value.errors()] == [(field,)]
