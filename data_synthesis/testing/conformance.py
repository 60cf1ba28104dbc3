"""Check that a synthesizer keeps the promises of the row engine.

One line in a test of your own runs all checks:

    conforms({"kind": "my_lab.shorter:Shorter", "generator": "model"}, PROMPTS, say, tmp_path)

`PROMPTS` are records as `load` reads them, and `say(request, seed)` returns the model's answer. The stage is
run many times against a real HTTP server on the loopback interface:

- clean: every prompt is emitted, dropped or failed, and the parts hold as many rows as the ledger says;
- in reverse order, one prompt at a time, and with answers that take a random time: the same rows;
- from the call log alone: the same rows, without any request;
- with every prompt given twice: the same rows;
- through 429 storms, 500s, dropped connections, incomplete JSON, empty choices and too few choices: the same
  rows;
- with empty, truncated or odd Unicode answers: prompts are dropped for a reason, none fails;
- killed (SIGKILL) before every write of a run, or before 24 of them spread over it, with half a line written:
  the next run ends with the same rows and ledger, and no answer is paid for twice.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from align.core import tables
from align.core.errors import StageFailed
from align.core.recipe import Recipe
from align.core.rows import TABLES
from align.generate.calls import journal
from data_synthesis.testing.server import FaultServer, Reply, answer

STORM = 20
"""Number of requests that are refused with 429 before the first is answered."""
CRASHES = 24
"""Largest number of writes of a run before which it is killed, unless the caller gives another."""
ODD = [
    "",
    "\ud800 half a pair",
    "🌍" * 50,
    "\u2028\u0000\u202e",
    "null",
    '{"a": [1, {"b":',
    "word " * 3000,
    "<|im_end|>",
]
"""Answers that models give too, and that a synthesizer must survive."""
Say = Callable[[dict[str, Any], int], str]


class Failed(AssertionError):
    """A synthesizer broke a promise."""


def conforms(
    stage: Mapping[str, Any],
    prompts: Sequence[Mapping[str, Any]],
    say: Say,
    folder: Path,
    crashes: int = CRASHES,
) -> dict[str, Any]:
    """Run every check; return the report of the clean run.

    Args:
        stage: the synthesizer's fields as in a recipe, `kind` included. Its generators are called `model`,
            and `prompts` is left out.
        prompts: records with `prompt` or `messages`, and other fields that `load` reads. A dozen will do.
        say: returns the text of a completion. It may depend only on the request's body and the sample's seed.
        folder: an empty folder to work in.
        crashes: number of kills, spread over the writes of a run. Choose fewer where a run takes seconds.

    Raises:
        Failed: a promise was broken; the message says which one and shows the difference.
    """
    kit = _Kit(dict(stage), prompts, say, folder)
    report = kit.clean()
    kit.another_order()
    kit.from_the_log()
    kit.every_prompt_twice()
    kit.through_faults()
    kit.odd_answers()
    kit.killed_at_writes(crashes)
    return report


class _Kit:
    def __init__(
        self, stage: dict[str, Any], prompts: Sequence[Mapping[str, Any]], say: Say, folder: Path
    ) -> None:
        self.stage, self.prompts, self.say, self.folder = stage, list(prompts), say, folder
        self.expected: dict[str, Any] = {}

    # -- the checks ------------------------------------------------------------------------------------------

    def clean(self) -> dict[str, Any]:
        """Run once without any fault; all other runs must make the same rows."""
        with FaultServer(then=self._answer_well) as server:
            made = self._run("clean", server)
            self.requests = len(server.requests)
        report = json.loads((made / "report.json").read_text(encoding="utf-8"))
        outcomes = Counter(item["outcome"] for item in ledger(made).values())
        same("inputs = emitted + dropped + failed", sum(outcomes.values()), report["inputs"])
        same("failed prompts of a clean run", report["failed"], {})
        self.expected = snapshot(made)
        told = sum(item.get("rows", 0) for item in self.expected["ledger"].values())
        same("rows in the ledger and in the tables", told, sum(map(len, self.expected["rows"].values())))
        return report

    def another_order(self) -> None:
        """Run the prompts in reverse, one at a time; then all at once, answered after random times."""
        with FaultServer(then=self._answer_well) as server:
            alone = self._run("alone", server, prompts=self.prompts[::-1], concurrency=1)
            self._compare("one prompt at a time, last first", alone)
        with FaultServer(
            then=lambda request: replace(self._answer_well(request), seconds=_share(request) / 20)
        ) as server:
            self._compare("answers in another order", self._run("shuffled", server))

    def from_the_log(self) -> None:
        """Run with the call log alone."""
        held = self._out("clean") / "02-made"
        again = self._out("replayed") / "02-made"
        again.mkdir(parents=True)
        shutil.copytree(held / "calls", again / "calls")
        with FaultServer(then=self._answer_well) as server:
            made = self._run("replayed", server)
            same("requests of a replay", len(server.requests), 0)
        self._compare("replayed from the call log", made)

    def every_prompt_twice(self) -> None:
        """Give every prompt twice, as a source with duplicates would."""
        rows = tables.read(self._out("clean") / "01-prompts", "prompts")
        (self.folder / "twice").mkdir()
        tables.write(self.folder / "twice", "prompts", [*rows, *rows])
        with FaultServer(then=self._answer_well) as server:
            made = self._run("duplicates", server, source="./twice")
            same("requests for prompts that come twice", len(server.requests), self.requests)
        self._compare("every prompt twice", made)

    def through_faults(self) -> None:
        """Refuse the first requests with 429, fail each request once or twice, and give too few choices."""
        storm = [Reply(429, {"error": {"message": "slow down"}}, {"Retry-After": "0"})] * STORM
        with FaultServer(*storm, then=Faults(self._answer_well)) as server:
            made = self._run("faults", server)
            if len(server.requests) <= self.requests and self.requests:
                raise Failed("the server's faults reached nobody: the kit itself is broken")
        self._compare("through the server's faults", made)

    def killed_at_writes(self, crashes: int) -> None:
        """Kill a run before each of its writes, or so many of them, and run it again."""
        with FaultServer(then=self._answer_well) as server:
            killed = crash_runs(self._recipe("crash", server), self.folder / "crashes", most=crashes)
        for out in killed:
            made = next(out.glob("02-*"))
            self._compare(f"killed before {out.name}", made)
            answers = Counter(key for record in calls(made) for key in samples(record))
            twice = [key for key, count in answers.items() if count > 1]
            same(f"answers paid for twice after being killed before {out.name}", twice, [])

    def odd_answers(self) -> None:
        """Answer with texts that no synthesizer hopes for."""

        def odd(request: dict[str, Any]) -> Reply:
            reason = "length" if _share(request) < 0.2 else "stop"
            return Reply(body=answer(request, say=lambda _, seed: ODD[seed % len(ODD)], finish_reason=reason))

        with FaultServer(then=odd) as server:
            try:
                made = self._run("odd", server)
            except StageFailed:
                made = self._out("odd") / "02-made"
        outcomes = ledger(made)
        same("prompts with an outcome", len(outcomes), len(self.expected["ledger"]))
        failed = {item["why"] for item in outcomes.values() if item["outcome"] == "failed"}
        if failed:
            raise Failed(f"an odd answer must end in Drop(reason), and raised: {'; '.join(sorted(failed))}")

    # -- helpers---------------------------------------------------------------------------------------------

    def _answer_well(self, request: dict[str, Any]) -> Reply:
        return Reply(body=answer(request, say=self.say))

    def _out(self, name: str) -> Path:
        return self.folder / "runs" / name

    def _recipe(
        self, name: str, server: FaultServer, prompts: Any = None, source: str = "prompts", **more: Any
    ) -> Path:
        """Write a recipe with one generator, `model`, which is the server."""
        records = self.prompts if prompts is None else prompts
        (self.folder / f"{name}.jsonl").write_text(
            "".join(json.dumps(record) + "\n" for record in records), encoding="utf-8"
        )
        model = {
            "kind": "openai",
            "base_url": server.url,
            "model": "fake",
            "backoff_seconds": 0.01,
            "retries": 30,
        }
        made = self.stage | {"prompts": source} | more
        stages = {"prompts": {"kind": "load", "path": f"{name}.jsonl"}, "made": made}
        recipe = {"name": "kit", "base": "./none", "generators": {"model": model}, "stages": stages}
        path = self.folder / f"{name}.yaml"
        path.write_text(json.dumps(recipe), encoding="utf-8")  # JSON is YAML
        return path

    def _run(self, name: str, server: FaultServer, **how: Any) -> Path:
        with _direct():
            Recipe.load(self._recipe(name, server, **how)).run(self._out(name))
        return self._out(name) / "02-made"

    def _compare(self, what: str, made: Path) -> None:
        found = snapshot(made)
        for part in ("rows", "ledger"):
            same(f"{part}, {what}", found[part], self.expected[part])


class Faults:
    """Fail every distinct request once or twice, each time differently, then answer it.

    Some answers have fewer choices than the request asked for.
    """

    KINDS = (
        Reply(429, {"error": {"message": "slow down"}}, {"Retry-After": "0"}),
        Reply(500, "<html>oops</html>"),
        Reply(503, {"message": "loading"}),
        Reply(cut="before"),
        Reply(cut="inside"),
        Reply(body='{"choices": [{"index": 0, "message": {"content": "ha'),
        Reply(body={"choices": []}),
        Reply(body={"choices": [{"index": 0, "message": {"role": "assistant"}, "finish_reason": "stop"}]}),
    )

    def __init__(self, well: Callable[[dict[str, Any]], Reply]) -> None:
        self.well = well
        self.tried: Counter[str] = Counter()

    def __call__(self, request: dict[str, Any]) -> Reply:
        """Return the reply to a request."""
        key = json.dumps(request, sort_keys=True)
        self.tried[key] += 1
        place = int(_share(request) * 1000) + self.tried[key]
        if self.tried[key] <= 1 + place % 2:
            return self.KINDS[place % len(self.KINDS)]
        reply = self.well(request)
        if request.get("n", 1) > 1 and place % 3 == 0:  # fewer choices than asked for, as some servers give
            choices = sorted(reply.body["choices"], key=lambda choice: choice["index"])[
                : (request["n"] + 1) // 2
            ]
            return replace(reply, body=reply.body | {"choices": choices, "usage": _usage(len(choices))})
        return reply


def _usage(count: int) -> dict[str, int]:
    return {"prompt_tokens": 7, "completion_tokens": 2 * count, "total_tokens": 7 + 2 * count}


def crash_runs(
    recipe: Path, folder: Path, environment: Mapping[str, str] | None = None, most: int = CRASHES
) -> list[Path]:
    """Kill a recipe's run before each of its writes, then run it again; return the run folders.

    Args:
        recipe: the recipe's file.
        folder: where the run folders are made.
        environment: additional environment variables of the process that runs it.
        most: largest number of writes at which it is killed; a run with more writes is killed at this many,
            spread over it.

    Raises:
        Failed: a run could not be finished.
    """
    command = [sys.executable, "-m", "data_synthesis.testing.crash", str(recipe), str(folder), str(most)]
    path = os.pathsep.join(filter(None, sys.path))
    with _direct():
        env = os.environ | {"PYTHONPATH": path} | dict(environment or {})
        child = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if child.returncode:
        raise Failed(f"killed at a write, a run could not be finished: {child.stdout}{child.stderr}")
    return sorted(folder.iterdir())


def snapshot(made: Path) -> dict[str, Any]:
    """Return a finished stage's output in a form that can be compared: its rows by id, and its ledger."""
    rows = {}
    for table in TABLES:
        if tables.exists(made, table):
            found = [tables.record(row) for row in tables.read(made, table)]
            rows[table] = sorted(found, key=lambda record: record["id"])
    return {"rows": rows, "ledger": ledger(made)}


def ledger(made: Path) -> dict[str, dict[str, Any]]:
    """Return the last outcome of every prompt, by id, without the part that holds its rows."""
    found = {}
    for path in sorted((made / "ledger").glob("*.jsonl")):
        for _, line in journal.lines(path):
            item = json.loads(line)
            item.pop("part", None)
            found[item["id"]] = item
    return dict(sorted(found.items()))


def calls(made: Path) -> list[dict[str, Any]]:
    """Return the records of a stage's call log."""
    return [
        json.loads(line) for path in sorted((made / "calls").iterdir()) for _, line in journal.lines(path)
    ]


def samples(record: dict[str, Any]) -> list[tuple[str, int]]:
    """Return the samples that a record of the call log holds, as (key of the call, number of the sample)."""
    return [(record["key"], record["first"] + i) for i in range(len(record["completions"]))]


def _share(request: dict[str, Any]) -> float:
    """Return a number from 0 to 1 that depends only on the request."""
    text = json.dumps(request, sort_keys=True).encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:4]) / 2**32


def same(what: str, found: Any, expected: Any) -> None:
    """Raise Failed if two values differ; the message says what they are, and shows the difference."""
    if found == expected:
        return
    if isinstance(found, dict) and isinstance(expected, dict):
        keys = [key for key in {**expected, **found} if found.get(key) != expected.get(key)]
        shown = [
            f"{key}: {str(found.get(key))[:300]} where {str(expected.get(key))[:300]} was expected"
            for key in keys[:3]
        ]
        raise Failed(f"{what}: {len(keys)} differ; {'; '.join(shown)}")
    raise Failed(f"{what}: {str(found)[:600]} where {str(expected)[:600]} was expected")


@contextmanager
def _direct() -> Any:
    """Remove proxy settings from the environment, which would apply to the loopback interface."""
    held = {name: os.environ.pop(name) for name in list(os.environ) if name.lower().endswith("_proxy")}
    try:
        yield
    finally:
        os.environ |= held
