"""Every call of a model is logged by its whole content, so a replay is exact and free.

The key of a call is made of stage, row id, call ordinal (or label), model identity (weights included),
messages and sampling; the samples of a call are numbered. The row and the ordinal are in the key, so two
equal requests of one row stay two samples; nothing else is, so changing a parser, a verifier or a pairing
rule costs no tokens. We promise exact replay, not exact resampling.

    calls/WORKER-000002.jsonl      one line an answer, written only by the process that began the file
    calls/WORKER-000001.jsonl.gz   packed, because it had grown long or the stage had ended

Every worker of a stage reads the files of all workers when it starts. Only a person deletes answers.
"""

from __future__ import annotations

import asyncio
import json
import zlib
from collections import defaultdict
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from align.core.log import LOGGER
from align.core.plugins import GIVEN, LIKELIEST, Completion, Generator, Sampling
from align.core.rows import Message, digest
from align.generate.calls.journal import Journal, JournalReader, pack

FULL_BYTES = 256 << 20
"""Length at which a journal is closed and packed (7 s of another thread) and the next one begun."""
_KEY_AT = slice(8, 24)
"""Where the key stands in a line: `{"key":"0123456789abcdef",...`, found without parsing the rest."""
_FILE_BITS = 48
"""A place in the log is one integer: the number of the file, above this many bits for the offset in it."""


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
        self.truncated += not completion.whole

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
    """The log of one stage, in its folder `calls`.

    Texts stay on disk; a key and its place in the log cost about 150 bytes of memory.
    """

    folder: Path
    worker: str
    usages: dict[str, Usage] = field(default_factory=lambda: defaultdict(Usage))
    """Usage by the name under which a generator was queried."""
    damaged: int = 0
    """Answers that could not be read back, and are asked for again."""

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        self._journal: Journal | None = None
        self._readers: list[JournalReader] = []
        self._places: dict[int, int | tuple[int, ...]] = {}
        self._packing: list[Future[Path]] = []
        self._packer = ThreadPoolExecutor(max_workers=1)
        # plain names first: if one is packed meanwhile, its reader finds it under the new name
        for path in [*sorted(self.folder.glob("*.jsonl")), *sorted(self.folder.glob("*.jsonl.gz"))]:
            self._index(JournalReader(path))

    def _index(self, reader: JournalReader) -> None:
        self._readers.append(reader)
        number = len(self._readers) - 1
        try:
            for offset, line in reader.lines():
                try:
                    self._remember(int(line[_KEY_AT], 16), number << _FILE_BITS | offset)
                except ValueError:
                    self.damaged += 1
        except (OSError, EOFError, zlib.error) as error:
            LOGGER.warning("%s: %s; the answers behind that place are asked for again", reader.plain, error)

    @property
    def usage(self) -> Usage:
        """What all generators together cost."""
        return sum(self.usages.values(), Usage())

    async def answer(
        self,
        name: str,
        generator: Generator,
        identity: dict[str, Any],
        context: list[Any],
        messages: list[Message],
        sampling: Sampling,
    ) -> list[Completion]:
        """Return n completions: those that the log has, and new ones for the rest.

        Answers are logged as they come, so none is paid for twice, even if a server gives one choice a
        request or fails half way.

        Args:
            name: under which the usage is counted.
            generator: the generator of the samples that the log lacks.
            identity: what decides its answers.
            context: stage, row id and call ordinal or label.
            messages: the conversation.
            sampling: how to draw; asking for more samples later pays only for the new ones.
        """
        how = sampling.model_dump(exclude={"n", "first"}, exclude_none=True)
        key = digest({"context": context, "model": identity, "messages": messages, "sampling": how})
        held = self._known(key)
        usage = self.usages[name]
        for index in range(sampling.n):
            if index in held:
                usage.replay(held[index])

        async def draw(first: int, count: int) -> int:
            """Ask for samples `first` to `first + count - 1`; log and return how many came."""
            fresh = await generator.generate(
                messages, sampling.model_copy(update={"n": count, "first": first})
            )
            if not 1 <= len(fresh) <= count:
                raise ValueError(
                    f"generator {generator.kind!r} gave {len(fresh)} completions where {count} were asked for"
                )
            self._write(
                key,
                {"key": key, "first": first, "context": context, "completions": [_plain(c) for c in fresh]},
            )
            for index, completion in enumerate(fresh, first):
                held[index] = completion
                usage.add(completion)
            return len(fresh)

        if gaps := _gaps(held, sampling.n, sampling.n):
            # the first request shows how many samples one gives; then the others are sent together
            most = await draw(*gaps[0])
            while gaps := _gaps(held, sampling.n, most):
                # All are awaited before an error is raised, so nothing of this row runs on unseen.
                came = await asyncio.gather(
                    *(draw(first, count) for first, count in gaps), return_exceptions=True
                )
                for result in came:
                    if isinstance(result, BaseException):
                        raise result
                    most = min(most, result)
        return [held[index] for index in range(sampling.n)]

    def _known(self, key: str) -> dict[int, Completion]:
        """Return the samples of a call that the log holds, by number."""
        places = self._places.get(int(key, 16), ())
        held: dict[int, Completion] = {}
        for place in (places,) if isinstance(places, int) else places:
            try:
                record = json.loads(self._readers[place >> _FILE_BITS].at(place & ((1 << _FILE_BITS) - 1)))
                if record["key"] != key:
                    raise ValueError("another call's answer")
                for index, completion in enumerate(record["completions"], record["first"]):
                    held.setdefault(index, Completion(**completion))
            except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError):
                # a fault of the disk costs this answer only
                self.damaged += 1
        return held

    def _write(self, key: str, record: dict[str, Any]) -> None:
        if self._journal is None:
            self._journal = Journal(self._next_path())
            self._readers.append(JournalReader(self._journal.path))
            self._current = len(self._readers) - 1
        offset = self._journal.append(record)
        self._remember(int(key, 16), self._current << _FILE_BITS | offset)
        if offset > FULL_BYTES:
            self._journal.close()
            self._packing.append(self._packer.submit(pack, self._journal.path))
            self._journal = None

    def _next_path(self) -> Path:
        """Return the path of a new file: no process writes to one that another began."""
        taken = [
            int(path.name.partition(".")[0].rpartition("-")[2])
            for path in self.folder.glob(f"{self.worker}-*.jsonl*")
        ]
        number = max(taken, default=0)
        while True:
            number += 1
            path = self.folder / f"{self.worker}-{number:06d}.jsonl"
            try:
                path.open("x").close()
            except FileExistsError:
                continue
            return path

    def _remember(self, key: int, place: int) -> None:
        before = self._places.get(key)
        self._places[key] = (
            place if before is None else (*((before,) if isinstance(before, int) else before), place)
        )

    def close(self) -> None:
        """Close the files. `pack_all` follows when no worker of the stage is left."""
        if self._journal:
            self._journal.close()
        self._packer.shutdown()
        for packing in self._packing:
            packing.result()
        if self.damaged:
            LOGGER.warning(
                "%s: %d answers could not be read back and were asked for again", self.folder, self.damaged
            )


def pack_all(folder: Path) -> None:
    """Pack the journals of a stage that nobody works on any more."""
    for path in sorted(folder.glob("*.jsonl")):
        pack(path)


def _gaps(held: dict[int, Completion], n: int, most: int) -> list[tuple[int, int]]:
    """Return the runs of samples 0 to n - 1 that are missing, as (first, count) with count at most `most`."""
    found: list[tuple[int, int]] = []
    for index in range(n):
        if index in held:
            continue
        if found and sum(found[-1]) == index and found[-1][1] < most:
            found[-1] = found[-1][0], found[-1][1] + 1
        else:
            found.append((index, 1))
    return found


def _plain(completion: Completion) -> dict[str, Any]:
    """Return a completion as JSON values; `asdict` would copy every token id."""
    plain: dict[str, Any] = {
        "text": completion.text,
        "finish_reason": completion.finish_reason,
        "usage": completion.usage,
    }
    if completion.token_ids is not None:
        plain["token_ids"] = completion.token_ids
    if completion.finish_reason in (
        GIVEN,
        LIKELIEST,
    ):  # of a given text; those of samples would only fill the disk
        plain["logprobs"] = completion.logprobs
    return plain
