"""Define a language: the tool that runs it, the files it needs for a source, and the memory it takes itself.

A source is used in two ways. *Calls*: a driver (ours, in the language) loads the source, calls its entry
point for each list of arguments, and writes one line for each call on descriptor 3, which serves only this
purpose. *Program*: the source reads its input and prints.

The driver's lines are JSON: `[number, "value", value]` or `[number, "raised", why]` (`_WORDS` has more
kinds), and `["failed", why]` instead of the first line when the source does not load. The number counts the
calls from 0. After a line too many, or one that a program wrote there by accident, no line is believed.
Values have the form of `inside.values`.

The driver shares its process with the source, so a source can write these lines itself. It gains no more by
that than by returning the same value, because the process never receives an expected value.
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
from reward.sandbox.limits import Limits
from reward.sandbox.verdicts import CallResult, Opaque

SEARCHED = "/usr/local/bin:/usr/bin:/bin"
"""Folders to search for tools: those that programs in the sandbox can see."""
EXACT = 1 << 53
"""Every integer up to this size is also a double."""
SHARED = "/shared"
"""Folder in which programs see the language's shared files (`inside.root.SHARED`)."""


@dataclass(frozen=True)
class Step:
    """Describe one program to run."""

    command: tuple[str, ...]
    """The first word is the path of the program."""
    files: Mapping[str, bytes]
    """Files that are written into the program's folder first."""
    product: str = ""
    """The file that is kept of what the program makes; a program with a product is a compiler."""


@dataclass(frozen=True)
class Job:
    """Describe how a source is compiled and run."""

    run: Step
    compile: Step | None = None
    """The step whose product is among the files of `run`. An equal step gives an equal product, so each is
    done once."""


@dataclass(frozen=True)
class Needs:
    """What the language itself needs, in addition to what a source may use."""

    resident_bytes: int = 16 << 20
    address_bytes: int | None = 64 << 20
    """None: the address space cannot be limited, so the resident memory is checked instead."""
    stack_bytes: int = 64 << 20
    processes: int = 0
    """Number of the language's own threads."""
    environment: Mapping[str, str] = field(default_factory=dict)


class Language:
    """A language, run by its usual tool or by one that the user named."""

    title: ClassVar[str]
    command: ClassVar[str]
    """Name of the tool."""
    package: ClassVar[str]
    """The Debian package that contains the tool."""
    name_pattern: ClassVar[str] = r"[A-Za-z_]\w*"
    """Regular expression that an entry point must match."""
    reads: tuple[str, ...] = ()
    """Folders that the tool reads besides the usual ones."""
    needs: ClassVar[Needs] = Needs()
    memory_signs: ClassVar[tuple[bytes, ...]] = ()
    """What the language's programs print when they run out of memory."""

    def __init__(self, tool: str | None = None) -> None:
        """Use a tool other than the usual one: a name, or a path to a self-contained file (as Node is)."""
        self.tool = tool or self.command
        self.path = shutil.which(self.tool, path=SEARCHED) or ""

    def missing(self) -> str:
        """Return a sentence that says what is not installed; empty when all is."""
        return "" if self.path else f"{self.tool} is not installed (Debian package {self.package})"

    def version(self) -> int:
        """Return the tool's major version, 0 when the tool does not report it."""
        return _version(self.path)

    def shared(self) -> Sequence[Step]:
        """Return the steps, in order, that make the files in `SHARED`, which every source needs."""
        return ()

    def calls(self, source: str, entry_point: str, arguments: Sequence[Sequence[Any]], limits: Limits) -> Job:
        """Return the job that calls the entry point for each list of arguments."""
        raise NotImplementedError

    def program(self, source: str, limits: Limits) -> Job:
        """Return the job that runs a source that reads its input and prints."""
        raise NotImplementedError

    def compile_error(self, printed: str) -> str:
        """Return the line of a compiler's output that says what is wrong with the source."""
        return next(
            (line.strip() for line in printed.splitlines() if line.strip()), "the compiler gives no reason"
        )

    @classmethod
    def method(cls, owner: str, name: str) -> str:
        """Return the entry point that calls a method of a class.

        Raises:
            ValueError: this language cannot call a method as an entry point.
        """
        raise ValueError(f"a method ({owner}.{name}) cannot be called in {cls.title}: name a function")

    def checked(self, entry_point: str) -> str:
        """Return an entry point that is safe to put into a driver.

        Raises:
            ValueError: it is not a name in this language.
        """
        if not re.fullmatch(self.name_pattern, entry_point):
            raise ValueError(f"entry point {entry_point!r}: not the name of a function in {self.title}")
        return entry_point


def beside(name: str) -> str:
    """Return the text of a file in this folder."""
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


def packed(arguments: Sequence[Sequence[Any]]) -> bytes:
    """Return lists of arguments as JSON, one list a line.

    Raises:
        TypeError: an argument is not plain data.
    """
    return b"".join(
        json.dumps([_argument(one) for one in given]).encode("ascii") + b"\n" for given in arguments
    )


def said(lines: bytes, calls: int, longest: int) -> tuple[list[CallResult], tuple[str, str] | None]:
    """Read a driver's lines; return the results of calls, and why the other calls failed if it says so."""
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
                f"a line on descriptor 3 is not an answer: {type(error).__name__}: {error}"[:2000],
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
    """Return a value as JSON, tagged as in `inside.values`; also tag integers that a double cannot hold."""
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
    plain = "None, bool, int, float, str, list, tuple, set and dict"
    raise TypeError(f"an argument of type {kind.__name__}: only {plain} can be passed")


@cache
def _version(path: str) -> int:
    done = subprocess.run([path, "--version"], capture_output=True, text=True, check=False, timeout=60)
    number = re.search(r"\d+", done.stdout.partition("\n")[0])
    return int(number[0]) if number else 0
