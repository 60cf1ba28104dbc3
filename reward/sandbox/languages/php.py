"""Run PHP: the entry point is a function of the source.

1. The source may leave out `<?php`; text before the tag is printed, as always.
2. These values are carried: null, bool, int (64 bits), float, strings (bytes that are not UTF-8 are replaced)
   and arrays. An array is a list when its keys are 0, 1, 2..., else a dict. A tuple or set arrives as an
   array. `stdClass` comes back as a dict; other objects are opaque.
3. No `php.ini` is read, so only the built-in extensions are there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reward.sandbox.languages.base import Job, Language, Needs, Step, beside, packed
from reward.sandbox.limits import Limits


class Php(Language):
    """PHP 8.1 or later, command line."""

    title, command, package = "PHP", "php", "php-cli"
    needs = Needs(resident_bytes=64 << 20, address_bytes=512 << 20)
    memory_signs = (b"Allowed memory size", b"Out of memory")

    def calls(self, source: str, entry_point: str, arguments: Sequence[Sequence[Any]], limits: Limits) -> Job:
        """Return the job that calls a function for each list of arguments."""
        name = self.checked(entry_point)
        files = {
            "solution.php": _source(source),
            "driver.php": beside("php.php").encode(),
            "arguments.json": packed(arguments),
        }
        return Job(Step((*self._php(limits), "driver.php", name), files))

    def program(self, source: str, limits: Limits) -> Job:
        """Return the job that runs the source."""
        return Job(Step((*self._php(limits), "solution.php"), {"solution.php": _source(source)}))

    def _php(self, limits: Limits) -> tuple[str, ...]:
        return (self.path, "-n", "-d", "display_errors=stderr", "-d", f"memory_limit={limits.memory_bytes}")


def _source(text: str) -> bytes:
    return (text if "<?php" in text else f"<?php {text}").encode("utf-8", "surrogatepass")
