"""Run JavaScript with Node: the source is its own CommonJS module and keeps its lines and `"use strict"`.

1. An entry point is a name at the top of the source (a class's static method cannot be one), or a property of
   `module.exports`. A promise is awaited.
2. These values are carried both ways: null, booleans, numbers, strings, BigInt, NaN and infinities, arrays,
   plain objects, Map, Set. These come back only: undefined (None), Date (a datetime in UTC), typed arrays
   (lists). An object made by a class is opaque.
3. Node takes 0.7 GiB of address space for a hello-world program, and reserves more than it uses later; so the
   address space is limited loosely (2 GiB more than the limit). The heap has its own limit,
   `--max-old-space-size`, and the resident memory of all processes is checked besides.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reward.sandbox.languages.base import Job, Language, Needs, Step, beside, packed
from reward.sandbox.limits import Limits


class JavaScript(Language):
    """Node 18 or later."""

    title, command, package = "JavaScript", "node", "nodejs"
    name_pattern = r"[A-Za-z_$][\w$]*"
    needs = Needs(
        resident_bytes=64 << 20,
        address_bytes=2 << 30,
        stack_bytes=8 << 20,
        environment={"UV_USE_IO_URING": "0", "NODE_OPTIONS": ""},
    )
    memory_signs = (b"out of memory", b"Array buffer allocation failed")

    def calls(self, source: str, entry_point: str, arguments: Sequence[Sequence[Any]], limits: Limits) -> Job:
        """Return the job that calls a function for each list of arguments."""
        name = self.checked(entry_point)
        entry_point = f"typeof {name} === 'undefined' ? module.exports.{name} : {name}"
        exported = f"\n;module.exports = {{ entry_point: {entry_point} }};\n"
        files = {
            "solution.js": (source + exported).encode("utf-8", "surrogatepass"),
            "driver.js": beside("javascript.js").encode(),
            "arguments.json": packed(arguments),
        }
        return Job(Step((*self._node(limits), "driver.js", name), files))

    def program(self, source: str, limits: Limits) -> Job:
        """Return the job that runs the source."""
        return Job(
            Step(
                (*self._node(limits), "solution.js"), {"solution.js": source.encode("utf-8", "surrogatepass")}
            )
        )

    def _node(self, limits: Limits) -> tuple[str, ...]:
        return (self.path, f"--max-old-space-size={limits.memory_bytes >> 20}", "--disable-wasm-trap-handler")
