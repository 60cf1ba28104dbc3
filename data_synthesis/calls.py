"""Every call of a model is logged by its whole content, so a replay is exact and free.

Key: stage, row id, call ordinal (or label), model identity (weights included), messages, sampling; samples of a call
are numbered. Because the row and the ordinal are in the key, two equal requests of one row stay two samples; because
nothing else is, changing a parser, a verifier or a pairing rule costs no tokens. We promise exact replay, not exact
resampling.

    calls/WORKER.jsonl           one line an answer, by the one process that writes it
    calls/WORKER-000001.jsonl.gz what that was before it grew too long, or the stage ended

Every worker of a stage reads the files of all when it starts. Nothing but a person deletes one.
"""

from __future__ import annotations

import json
from collections import defaultdict
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from align.core.plugins import Completion, Generator, Sampling
from align.core.rows import Message, digest
from data_synthesis.journal import Journal, Reader, lines, pack

FULL_BYTES = 256 << 20
"""Length at which a journal is closed and packed (7 s of another thread) and the next one begun."""
_KEY_AT = slice(8, 24)
"""Where the key stands in a line: `{"key":"0123456789abcdef",...`, found without parsing the rest."""
_FILE_BITS = 48
"""A place in the log is one integer: the file's number above the offset in it."""


@dataclass
class Usage:
    """What model calls cost, in samples and tokens; replayed samples cost nothing."""

    made: int = 0
    replayed: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    truncated: int = 0
    replayed_prompt_tokens: int = 0
    replayed_completion_tokens: int = 0

    def add(self, completion: Completion) -> None:
        """Count one new sample."""
        self.made += 1
        self.prompt_tokens += completion.usage.get("prompt_tokens", 0)
        self.completion_tokens += completion.usage.get("completion_tokens", 0)
        self.truncated += completion.finish_reason == "length"

    def replay(self, completion: Completion) -> None:
        """Count one sample from the log."""
        self.replayed += 1
        self.replayed_prompt_tokens += completion.usage.get("prompt_tokens", 0)
        self.replayed_completion_tokens += completion.usage.get("completion_tokens", 0)

    def __add__(self, other: Usage) -> Usage:
        """Return the sum of both."""
        return Usage(**{name: value + getattr(other, name) for name, value in asdict(self).items()})


@dataclass
class CallLog:
    """The log of one stage, in its folder `calls`. Texts stay on disk; a key and a place in memory cost about 150 bytes."""

    folder: Path
    worker: str
    usages: dict[str, Usage] = field(default_factory=lambda: defaultdict(Usage))
    """By the name under which a generator was asked."""
    damaged: int = 0
    """Answers that could not be read back, and were asked for again."""

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        self._journal = Journal(self.folder / f"{self.worker}.jsonl")
        self._journal.repair()
        self._readers: list[Reader] = []
        self._places: dict[int, int | tuple[int, ...]] = {}
        self._packing: list[Future[Path]] = []
        self._packer = ThreadPoolExecutor(max_workers=1)
        self._current = -1
        for path in sorted([*self.folder.glob("*.jsonl.gz"), *self.folder.glob("*.jsonl")]):
            number = self._open(path)
            for offset, line in lines(path):
                try:
                    self._remember(int(line[_KEY_AT], 16), number << _FILE_BITS | offset)
                except ValueError:
                    self.damaged += 1

    @property
    def usage(self) -> Usage:
        """What all generators together cost."""
        return sum(self.usages.values(), Usage())

    async def sample(
        self,
        name: str,
        generator: Generator,
        identity: dict[str, Any],
        context: list[Any],
        messages: list[Message],
        sampling: Sampling,
    ) -> list[Completion]:
        """Return n completions, from the log as far as it has them.

        Args:
            name: under which the usage is counted.
            generator: who is asked for what the log lacks.
            identity: what makes two answers of it comparable.
            context: stage, row id and call ordinal or label.
            messages: the conversation.
            sampling: how to draw; asking for more samples later pays only for the new ones.
        """
        how = sampling.model_dump(exclude={"n", "first"}, exclude_none=True)
        key = digest({"context": context, "model": identity, "messages": messages, "sampling": how})
        known = self._known(int(key, 16), sampling.n)
        usage = self.usages[name]
        for completion in known:
            usage.replay(completion)
        if len(known) == sampling.n:
            return known
        wanted = sampling.model_copy(update={"n": sampling.n - len(known), "first": len(known)}) if known else sampling
        fresh = await generator.generate(messages, wanted)
        if len(fresh) != wanted.n:
            raise ValueError(f"generator {generator.kind!r} gave {len(fresh)} completions where {wanted.n} were asked for")
        record = {"key": key, "first": len(known), "context": context, "completions": [_plain(c) for c in fresh]}
        self._write(key, record)
        for completion in fresh:
            usage.add(completion)
        return known + fresh

    def _known(self, key: int, n: int) -> list[Completion]:
        """Return samples 0, 1, ... of a call, as far as the log holds them without a gap."""
        places = self._places.get(key, ())
        held: dict[int, Completion] = {}
        for place in (places,) if isinstance(places, int) else places:
            try:
                record = json.loads(self._readers[place >> _FILE_BITS].at(place & ((1 << _FILE_BITS) - 1)))
                for index, completion in enumerate(record["completions"], record["first"]):
                    held.setdefault(index, Completion(**completion))
            except (ValueError, KeyError, TypeError):  # a disk's fault costs this answer only
                self.damaged += 1
        found = []
        while len(found) < n and len(found) in held:
            found.append(held[len(found)])
        return found

    def _write(self, key: str, record: dict[str, Any]) -> None:
        offset = self._journal.append(record)
        if self._current < 0:
            self._current = self._open(self._journal.path)
        self._remember(int(key, 16), self._current << _FILE_BITS | offset)
        if offset > FULL_BYTES:
            self._packing.append(self._packer.submit(pack, self._retire()))

    def _remember(self, key: int, place: int) -> None:
        before = self._places.get(key)
        self._places[key] = place if before is None else (*((before,) if isinstance(before, int) else before), place)

    def _open(self, path: Path) -> int:
        self._readers.append(Reader(path))
        return len(self._readers) - 1

    def _retire(self) -> Path:
        """Give the journal a number of its own; the next answer begins a new one. Open readers keep reading it."""
        self._journal.close()
        self._current = -1
        taken = [int(path.name.split(".")[0].rpartition("-")[2]) for path in self.folder.glob(f"{self.worker}-*.jsonl*")]
        full = self.folder / f"{self.worker}-{max(taken, default=0) + 1:06d}.jsonl"
        return self._journal.path.rename(full)

    def close(self, *, finished: bool) -> None:
        """Close the files; pack what is left when the stage is finished."""
        self._journal.close()
        if finished and self._journal.path.exists():
            self._retire()
        self._packer.shutdown()
        for packing in self._packing:
            packing.result()
        if finished:
            for full in sorted(self.folder.glob(f"{self.worker}-*.jsonl")):
                pack(full)
        for reader in self._readers:
            reader.close()
        self._readers.clear()


def _plain(completion: Completion) -> dict[str, Any]:
    """Return a completion as JSON values; `asdict` would copy every token id."""
    plain: dict[str, Any] = {"text": completion.text, "finish_reason": completion.finish_reason, "usage": completion.usage}
    return plain if completion.token_ids is None else plain | {"token_ids": completion.token_ids}
