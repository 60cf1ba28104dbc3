"""Control a process that runs programs (`inside.program_zygote`): send it a step, collect the output.

Output is read from pipes while the program runs, up to a limit; nothing is decoded here. A pipe that a
program keeps open does no harm: when the report comes, every process of the task is gone, and the pipes hold
all that was written.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reward.sandbox.host.worker import Broken, Files, Worker
from reward.sandbox.inside.root import SCRATCH
from reward.sandbox.languages.base import SEARCHED, Needs, Step
from reward.sandbox.limits import Limits
from reward.sandbox.verdicts import Ending

READABLE = (
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/etc/alternatives",
    "/etc/ld.so.cache",
    "/etc/localtime",
)
"""What programs can see of the machine, read-only."""
_ENVIRONMENT = {"PATH": SEARCHED, "HOME": SCRATCH, "TMPDIR": SCRATCH, "LANG": "C.UTF-8", "TZ": "UTC"}


@dataclass(frozen=True)
class Ran:
    """The outcome of a step."""

    ending: Ending
    stdout: bytes
    stderr: bytes
    results: bytes
    """What the program wrote on descriptor 3."""
    overfull: bool
    """Whether the program printed or wrote more than allowed; it was ended then."""
    product: bytes = b""


class ProgramWorker(Worker):
    """Hold the process that runs programs, and this thread's end of its socket."""

    module = "reward.sandbox.inside.program_zygote"

    def __init__(self, limits: Limits, shared: str, readable: Sequence[str]) -> None:
        """Declare a worker without starting it.

        Args:
            limits: the sandbox's limits.
            shared: a folder that the worker's programs see as `languages.base.SHARED`.
            readable: what the programs may read besides `READABLE`.
        """
        super().__init__("full", limits, ())
        self.shared, self.readable = shared, [*READABLE, *readable]

    def _setup(self) -> dict[str, Any]:
        return {"readable": self.readable, "shared": self.shared}

    def run(
        self, step: Step, limits: Limits, needs: Needs, stdin: bytes = b"", results_bytes: int = 0
    ) -> Ran:
        """Run a step.

        Args:
            step: what to run.
            limits: what the program and all that it starts may use together. Address space and CPU time are
                also limited for each single process.
            needs: what the language itself takes besides.
            stdin: the program's input.
            results_bytes: the most that the program may write on descriptor 3.

        Raises:
            Broken: the process that runs programs died.
        """
        task = _task(step, limits, needs)
        with Files() as files:
            outputs = [files.pipe() for _ in range(3)]
            given = [files.memory(stdin), *(write for _, write in outputs)]
            given += [files.memory(content) for content in step.files.values()]
            product = files.memory(b"") if step.product else -1
            given += [product] if step.product else []
            try:
                socket.send_fds(self._link, [json.dumps(task).encode()], given)
            except OSError as error:
                raise Broken(f"the zygote's socket fails: {error}") from None
            files.release(*(write for _, write in outputs))
            most = (limits.output_bytes, limits.output_bytes, results_bytes)
            texts, overfull = self._read_output([read for read, _ in outputs], most, limits)
            ending = self._report(limits)["program"]
            made = os.pread(product, os.fstat(product).st_size, 0) if step.product else b""
            for text, (read, _) in zip(texts, outputs, strict=True):
                os.set_blocking(read, False)
                _take(read, text, 1 << 20)
        overfull = overfull or any(len(text) > limit for text, limit in zip(texts, most, strict=True))
        stdout, stderr, results = (bytes(text[:limit]) for text, limit in zip(texts, most, strict=True))
        return Ran(ending, stdout, stderr, results, overfull, made)

    def _read_output(
        self, reads: list[int], most: Sequence[int], limits: Limits
    ) -> tuple[list[bytearray], bool]:
        """Read a program's output until its report comes, it printed too much, or it closed all pipes."""
        texts = [bytearray() for _ in reads]
        by_descriptor = {read: i for i, read in enumerate(reads)}
        poller = select.poll()
        for descriptor in (self._link.fileno(), *reads):
            poller.register(descriptor, select.POLLIN)
        while by_descriptor:
            ready = poller.poll(1000 * (limits.wall + 30))
            if not ready or any(descriptor == self._link.fileno() for descriptor, _ in ready):
                break
            for descriptor, _ in ready:
                i = by_descriptor[descriptor]
                if not _take(descriptor, texts[i], 1 << 16):
                    poller.unregister(descriptor)
                    del by_descriptor[descriptor]
                if len(texts[i]) > most[i]:
                    with contextlib.suppress(OSError):  # a dead zygote is noticed when its report is read
                        self._link.send(b"stop")
                    return texts, True
        return texts, False


def _task(step: Step, limits: Limits, needs: Needs) -> dict[str, Any]:
    """Return the task message for a step: what to run, and what it may use."""
    return {
        "command": step.command,
        "files": list(step.files),
        "product": step.product,
        "environment": {**_ENVIRONMENT, **needs.environment},
        "wall_seconds": limits.wall,
        "cpu_seconds": limits.cpu_seconds,
        "scratch_bytes": limits.scratch_bytes,
        "file_bytes": limits.scratch_bytes if step.product else limits.output_bytes,
        "processes": limits.processes + needs.processes,
        "memory_bytes": limits.memory_bytes + needs.resident_bytes,
        "address_space": None if needs.address_bytes is None else limits.memory_bytes + needs.address_bytes,
        "stack_bytes": needs.stack_bytes,
    }


def _take(descriptor: int, text: bytearray, most: int) -> bool:
    """Append what a pipe holds to a text; return False at the pipe's end."""
    try:
        piece = os.read(descriptor, most)
    except BlockingIOError:
        return False
    text += piece
    return bool(piece)
