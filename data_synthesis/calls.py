"""Every call of a model is logged by its whole content, so a replay is exact and free.

Key: row id, stage, call ordinal (or label), sample index, model identity (weights included), messages, sampling.
Because the row and the ordinal are in the key, two equal requests of one row stay two samples; because nothing else
is, changing a parser, a verifier or a pairing rule costs no tokens. We promise exact replay, not exact resampling.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TextIO

from align.core.plugins import Completion, Generator, Sampling
from align.core.rows import Message, digest


class AppendOnly:
    """A JSON-lines file that survives kill -9: one line a record, flushed; a torn last line is cut off when reopened."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: TextIO | None = None

    def read(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield (offset, record) of every whole line; at the end, cut off what a crash left half-written."""
        if not self.path.exists():
            return
        good = 0
        with self.path.open("rb+") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break
                yield good, json.loads(line)
                good += len(line)
            file.truncate(good)

    def append(self, record: dict[str, Any]) -> int:
        """Write a record and return its offset. The data is safe from the death of this process, not of the machine."""
        if self._file is None:
            self._file = self.path.open("a", encoding="utf-8", errors="surrogatepass")
        offset = self._file.tell()
        self._file.write(json.dumps(record, separators=(",", ":")) + "\n")  # ASCII only: lone surrogates survive
        self._file.flush()
        return offset

    def at(self, offset: int) -> dict[str, Any]:
        """Read the record at an offset."""
        with self.path.open("rb") as file:
            file.seek(offset)
            return json.loads(file.readline())

    def close(self) -> None:
        """Close the file; appending again reopens it."""
        if self._file is not None:
            self._file.close()
            self._file = None


@dataclass
class Usage:
    """What a stage's model calls cost, in samples and tokens; replayed samples cost nothing."""

    made: int = 0
    replayed: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    truncated: int = 0

    def add(self, completion: Completion) -> None:
        """Count one new sample."""
        self.made += 1
        self.prompt_tokens += completion.usage.get("prompt_tokens", 0)
        self.completion_tokens += completion.usage.get("completion_tokens", 0)
        self.truncated += completion.finish_reason == "length"


@dataclass
class CallLog:
    """The log of one stage, `calls.jsonl`. Texts stay on disk; only keys and offsets are held in memory."""

    path: Path
    usage: Usage = field(default_factory=Usage)

    def __post_init__(self) -> None:
        self._file = AppendOnly(self.path)
        self._offsets = {(r["key"], r["index"]): offset for offset, r in self._file.read()}

    async def sample(
        self, generator: Generator, identity: dict[str, Any], context: list[Any], messages: list[Message], sampling: Sampling
    ) -> list[Completion]:
        """Return n completions, from the log as far as it has them.

        Args:
            generator: who is asked for what the log lacks.
            identity: what makes two answers of it comparable.
            context: stage, row id and call ordinal or label.
            messages: the conversation.
            sampling: how to draw; asking for more samples later pays only for the new ones.
        """
        how = sampling.model_dump(exclude={"n", "first"})
        key = digest({"context": context, "model": identity, "messages": messages, "sampling": how})
        known = [Completion(**self._file.at(self._offsets[key, i])["completion"]) for i in self._run_of(key, sampling.n)]
        self.usage.replayed += len(known)
        if len(known) == sampling.n:
            return known
        wanted = sampling.model_copy(update={"n": sampling.n - len(known), "first": len(known)})
        fresh = await generator.generate(messages, wanted)
        if len(fresh) != wanted.n:
            raise ValueError(f"generator {generator.kind!r} gave {len(fresh)} completions where {wanted.n} were asked for")
        for index, completion in enumerate(fresh, len(known)):
            record = {"key": key, "index": index, "context": context, "completion": asdict(completion)}
            self._offsets[key, index] = self._file.append(record)
            self.usage.add(completion)
        return known + fresh

    def _run_of(self, key: str, n: int) -> range:
        """Return the indices 0, 1, ... of this call that the log holds without a gap."""
        count = 0
        while count < n and (key, count) in self._offsets:
            count += 1
        return range(count)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
