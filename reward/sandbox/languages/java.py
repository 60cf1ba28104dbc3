"""Run Java: the source is compiled into one file, in which a driver finds the entry point's method by name.

1. The entry point is a method (`f`, or `Solution.f`): the first with that name, where `Solution` and `Main`
   come before other classes. The method is static, or belongs to an object that is made without arguments.
   Arguments become what its parameters declare, generics included.
2. These values are carried: null, booleans, numbers (BigInteger too), characters, strings, arrays,
   collections, sets, maps, Optional and Map.Entry (a tuple). A BigDecimal comes back as its text; other
   objects are opaque.
3. A Java virtual machine takes 30 threads, and as much address space as it likes. So the heap has its own
   limit (`-Xmx`), and the resident memory is checked besides.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reward.sandbox.languages.base import SHARED, Job, Language, Needs, Step, beside, packed
from reward.sandbox.limits import Limits

DRIVER = "AlignDriver"
_MACHINE = (
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:ReservedCodeCacheSize=64m",
    "-XX:CompressedClassSpaceSize=64m",
)
_QUIET = ("-XX:-UsePerfData", "-Xshare:auto", "--add-opens=java.base/java.io=ALL-UNNAMED")
COMPILER_HEAP = 512


class Java(Language):
    """Java 17 or later, as a development kit (JDK)."""

    title, command, package = "Java", "java", "default-jdk-headless"
    name_pattern = r"[A-Za-z_$][\w$]*(\.[A-Za-z_$][\w$]*)?"
    needs = Needs(resident_bytes=192 << 20, address_bytes=4 << 30, stack_bytes=8 << 20, processes=32)
    memory_signs = (b"java.lang.OutOfMemoryError", b"insufficient memory")

    def __init__(self, tool: str | None = None) -> None:
        """Use another `java` than the usual one."""
        super().__init__(tool)
        self.reads = tuple(sorted(str(folder) for folder in Path("/etc").glob("java*")))

    def shared(self) -> Sequence[Step]:
        """Return the step that compiles the driver."""
        name = f"{DRIVER}.java"
        command = (
            self.path,
            *self._machine(COMPILER_HEAP),
            "-m",
            "jdk.compiler/com.sun.tools.javac.Main",
            name,
        )
        return (Step(command, {name: beside("java.java").encode()}, f"{DRIVER}.class"),)

    @classmethod
    def method(cls, owner: str, name: str) -> str:
        """Return the entry point that calls a method of a class."""
        return f"{owner}.{name}"

    def calls(self, source: str, entry_point: str, arguments: Sequence[Sequence[Any]], limits: Limits) -> Job:
        """Return the job that calls a method for each list of arguments."""
        return self._job(
            source, ("call", self.checked(entry_point)), {"arguments.json": packed(arguments)}, limits
        )

    def program(self, source: str, limits: Limits) -> Job:
        """Return the job that runs the `main` of the source."""
        return self._job(source, ("main",), {}, limits)

    def compile_error(self, printed: str) -> str:
        """Return the compiler's first error."""
        return next(
            (line for line in printed.splitlines() if ": error: " in line), ""
        ) or super().compile_error(printed)

    def _job(self, source: str, words: tuple[str, ...], files: dict[str, bytes], limits: Limits) -> Job:
        named = re.search(r"\bpublic\s+(?:\w+\s+){0,4}?(?:class|interface|record|enum)\s+(\w+)", source)
        name = f"{named[1] if named else 'Solution'}.java"
        command = (self.path, *self._machine(COMPILER_HEAP), "-cp", SHARED, DRIVER, "compile", name)
        compiled = Step(command, {name: source.encode("utf-8", "surrogatepass")}, "solution.jar")
        run = (
            self.path,
            *self._machine(limits.memory_bytes >> 20),
            "-cp",
            f"{SHARED}:solution.jar",
            DRIVER,
            *words,
        )
        return Job(Step(run, files), compiled)

    def _machine(self, heap: int) -> tuple[str, ...]:
        return (*_MACHINE, *_QUIET, f"-Xmx{heap}m")
