"""Run C++ with g++: the source and one line of driver are compiled together; `cpp.hpp` does the work.

1. The program reads its arguments when it runs; they are not compiled in as literals. So a source is compiled
   once for any arguments, and data become what the parameters require (`"a"` a char or a string, a list a
   vector, an array or a set).
2. The standard library and `cpp.hpp` are a precompiled header, made once for a sandbox. It costs 125 MB of
   disk and saves three quarters of each compilation (`docs/languages.md`).
3. The source's own `main` is renamed when a function is called. `cpp.hpp` handles parameters and results that
   no data represent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reward.sandbox.languages.base import SHARED, Job, Language, Needs, Step, beside, packed
from reward.sandbox.limits import Limits

HEADER = "cpp.hpp"
INCLUDE = (f"-I{SHARED}", "-include", HEADER)


class Cpp(Language):
    """C++20, or C++17 where the compiler is older."""

    title, command, package = "C++", "g++", "g++"
    name_pattern = r"[A-Za-z_]\w*(::[A-Za-z_]\w*)*"
    # each further arena would take 64 MB of address space
    needs = Needs(environment={"MALLOC_ARENA_MAX": "1"})
    memory_signs = (b"std::bad_alloc",)

    @classmethod
    def method(cls, owner: str, name: str) -> str:
        """Return the entry point that calls a method of a class."""
        return f"{owner}::{name}"

    def calls(self, source: str, entry_point: str, arguments: Sequence[Sequence[Any]], limits: Limits) -> Job:
        """Return the job that calls a function, a lambda or a method (`Solution::f`) per argument list."""
        name = self.checked(entry_point)
        call = f"[](const ::align_::Json& a) {{ return ::align_::call(&{name}, a); }}"
        driver = f"signed main() {{ return ::align_::serve({call}); }}"
        text = f'#define main main_of_the_solution\n#line 1 "solution.cpp"\n{source}\n#undef main\n'
        text += f'#line 1 "driver"\n{driver}\n'
        return self._job(text, {"arguments.json": packed(arguments)})

    def program(self, source: str, limits: Limits) -> Job:
        """Return the job that runs the source's `main`."""
        return self._job(f'#line 1 "solution.cpp"\n{source}\n', {})

    def shared(self) -> Sequence[Step]:
        """Return the steps that make the precompiled header, and the part of it that depends on no type."""
        header = (*self._compiler(), "-x", "c++-header", HEADER, "-o", f"{HEADER}.gch")
        body = (*self._compiler(), *INCLUDE, "-c", "cpp.cpp", "-o", "cpp.o")
        return (
            Step(header, {HEADER: beside(HEADER).encode()}, f"{HEADER}.gch"),
            Step(body, {"cpp.cpp": beside("cpp.cpp").encode()}, "cpp.o"),
        )

    def compile_error(self, printed: str) -> str:
        """Return the first error in the source; without one the driver's, such as an unknown entry point."""
        errors = [line.strip() for line in printed.splitlines() if "error: " in line.lower()]
        in_source = [line for line in errors if line.startswith("solution.cpp:")]
        return next(iter(in_source or errors), "") or super().compile_error(printed)

    def _job(self, text: str, files: dict[str, bytes]) -> Job:
        command = (*self._compiler(), *INCLUDE, "source.cpp", f"{SHARED}/cpp.o", "-o", "program")
        compiled = Step(command, {"source.cpp": text.encode("utf-8", "surrogatepass")}, "program")
        return Job(Step(("./program",), files), compiled)

    def _compiler(self) -> tuple[str, ...]:
        standard = "gnu++20" if self.version() >= 11 else "gnu++17"
        return (
            self.path,
            f"-std={standard}",
            "-O1",
            "-w",
            "-pthread",
            "-fmax-errors=5",
            "-fdiagnostics-color=never",
            "-fno-diagnostics-show-caret",
        )
