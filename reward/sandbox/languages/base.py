"""A language: which tool runs it, what is written for a source, and which memory it needs for itself.

Two uses. *Calls*: a driver (ours, in the language) loads the source, calls its entry point for each list of
arguments and writes one line for each on descriptor 3, which is for nothing else. *Program*: the source reads
its input and prints.

The driver's lines are JSON, `[number, "value", value]` or `[number, "raised", why]` (more words: `_WORDS`),
and `["failed", why]` in place of the first when the source does not load. The number is the call's, counted
from 0: a line too many, or one that a program wrote there by accident, ends what is believed. Values are as
in `inside.values`.

The driver shares the process with the source, so a source can write its lines itself. That gains it nothing
that returning the same value would not: no expected value ever comes in.
"""

from __future__ import annotations

import base64
import json
import math
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from reward.sandbox.inside import values
from reward.sandbox.verdicts import CallResult, Limits, Opaque

SEARCHED = "/usr/local/bin:/usr/bin:/bin"
"""Where tools are looked for: what programs in the sandbox can see."""
EXACT = 1 << 53
"""Integers up to here are doubles too."""
SHARED = "/shared"
"""Where a language's shared file lies for programs (`inside.root.SHARED`)."""


@dataclass(frozen=True)
class Step:
    """One program to run."""

    command: tuple[str, ...]
    """Its first word is a path."""
    files: Mapping[str, bytes]
    """Written into its folder before."""
    product: str = ""
    """The file that is kept of what it makes; a program with a product is a compiler."""


@dataclass(frozen=True)
class Job:
    """What is done with a source."""

    run: Step
    compile: Step | None = None
    """Its product is among the files of `run`. The same step gives the same product, so it is done once."""


@dataclass(frozen=True)
class Needs:
    """What the language itself takes, beside what a source may use."""

    resident_bytes: int = 16 << 20
    address_bytes: int | None = 64 << 20
    """None: its address space cannot be limited; what it has in memory is looked at instead."""
    stack_bytes: int = 64 << 20
    processes: int = 0
    """Threads of the language's own."""
    environment: Mapping[str, str] = field(default_factory=dict)


class Language:
    """A language, with the tool that a user may have named."""

    title: ClassVar[str]
    command: ClassVar[str]
    """The tool."""
    package: ClassVar[str]
    """The Debian package that has it."""
    name_pattern: ClassVar[str] = r"[A-Za-z_]\w*"
    """What an entry point can be."""
    reads: tuple[str, ...] = ()
    """Folders that its tool reads besides the usual ones."""
    needs: ClassVar[Needs] = Needs()
    memory_signs: ClassVar[tuple[bytes, ...]] = ()
    """What its programs print when they die for lack of memory."""

    def __init__(self, tool: str | None = None) -> None:
        """Take a tool other than the usual one: a name, or a path to a file that needs no others (such as Node's)."""
        self.tool = tool or self.command
        self.path = shutil.which(self.tool, path=SEARCHED) or ""

    def missing(self) -> str:
        """Return a sentence when the tool is not there."""
        return "" if self.path else f"{self.tool} is not installed (Debian package {self.package})"

    def version(self) -> int:
        """Return the tool's main version, 0 when it does not say."""
        return _version(self.path)

    def shared(self) -> Sequence[Step]:
        """Return how the files are made that every source needs, in order. Programs find them in `SHARED`."""
        return ()

    def calls(self, source: str, entry_point: str, arguments: Sequence[Sequence[Any]], limits: Limits) -> Job:
        """Return what calls the entry point for each list of arguments."""
        raise NotImplementedError

    def program(self, source: str, limits: Limits) -> Job:
        """Return what runs a source that reads its input and prints."""
        raise NotImplementedError

    def compile_error(self, printed: str) -> str:
        """Return the line of a compiler's messages that says what is wrong with the source."""
        return next(
            (line.strip() for line in printed.splitlines() if line.strip()), "the compiler gives no reason"
        )

    @classmethod
    def method(cls, owner: str, name: str) -> str:
        """Return how a method of a class is called as an entry point.

        Raises:
            ValueError: it cannot be one in this language.
        """
        raise ValueError(f"a method ({owner}.{name}) cannot be called in {cls.title}: name a function")

    def checked(self, entry_point: str) -> str:
        """Return an entry point that can be put into a driver.

        Raises:
            ValueError: it is no name.
        """
        if not re.fullmatch(self.name_pattern, entry_point):
            raise ValueError(f"entry point {entry_point!r}: not the name of a function in {self.title}")
        return entry_point


def beside(name: str) -> str:
    """Return the text of a file in this folder."""
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


def packed(arguments: Sequence[Sequence[Any]]) -> bytes:
    """Return lists of arguments as JSON, one a line.

    Raises:
        TypeError: an argument is no plain data.
    """
    return b"".join(
        json.dumps([_argument(one) for one in given]).encode("ascii") + b"\n" for given in arguments
    )


def said(lines: bytes, calls: int, longest: int) -> tuple[list[CallResult], tuple[str, str] | None]:
    """Read what a driver wrote: a result for each call that has one, and how the rest failed, if the lines say so."""
    results: list[CallResult] = []
    for line in lines.split(b"\n")[:-1]:
        try:
            if len(line) > longest:
                return results, ("output_limit", f"an answer of {len(line):,} bytes, more than {longest:,}")
            content = json.loads(line)
            if content[0] == "failed" and not results:
                return [], ("load_error", str(content[1])[:2000])
            number, word, what = content
            if number != len(results) or number >= calls:
                raise values.CannotCarry("a line out of order")
            results.append(_WORDS[word](what))
        except (ValueError, TypeError, LookupError, ArithmeticError, RecursionError, AttributeError) as error:
            return results, (
                "error",
                f"what is written on descriptor 3 is no answer: {type(error).__name__}: {error}"[:2000],
            )
    return results, None


def _raised(word: str) -> Any:
    return lambda why: CallResult(word, why=str(why)[:2000])


_WORDS = {
    "printed": lambda content: CallResult("returned", base64.b64decode(content).decode("utf-8", "replace")),
    "value": lambda content: CallResult(
        "returned", values.unpack(content, lambda kind: Opaque(str(kind["class"])[:100]))
    ),
    "raised": _raised("error"),
    "memory": _raised("memory"),
    "blocked": _raised("blocked"),
    "output_limit": _raised("output_limit"),
}


def _argument(value: Any) -> Any:
    """Return a value as JSON, with the tags of `inside.values`; an integer that a double cannot hold is tagged too."""
    kind = type(value)
    if value is None or kind in (bool, str):
        return value
    if kind is int:
        return value if abs(value) <= EXACT else {"int": hex(value)}
    if kind is float:
        return value if math.isfinite(value) else {"float": repr(value)}
    if kind is list:
        return [_argument(item) for item in value]
    if kind in (tuple, set, frozenset):
        return {"tuple" if kind is tuple else "set": [_argument(item) for item in value]}
    if kind is dict:
        return {"dict": [[_argument(key), _argument(item)] for key, item in value.items()]}
    raise TypeError(
        f"an argument of type {kind.__name__}: only None, bool, int, float, str, list, tuple, set and dict travel"
    )


@cache
def _version(path: str) -> int:
    done = subprocess.run([path, "--version"], capture_output=True, text=True, check=False, timeout=60)
    number = re.search(r"\d+", done.stdout.partition("\n")[0])
    return int(number[0]) if number else 0
