"""Kill a run before each of its writes: `python -m data_synthesis.testing.crash RECIPE FOLDER HOW_MANY`.

`sys.audit` announces every write (`data_synthesis.write` for the journals, `os.rename` and `os.remove` for
whole files). The process kills itself there with SIGKILL, after writing half a line where a line was to be
written. Every run is a fork of this process, which has imported everything and started nothing: the first
run, which counts the writes, tells what it has imported. After each killed run, another run must finish.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from align.core.recipe import Recipe

WRITES = frozenset({"data_synthesis.write", "os.rename", "os.remove"})


def main(recipe: str, folder: str, how_many: int) -> int:
    """Crash a run at up to `how_many` of its writes; return 0 if every one could be finished afterwards."""
    Recipe.load(recipe)  # imports the plug-ins
    root = Path(folder)
    root.mkdir()
    count, modules = _writes(recipe, root / "counted")
    for name in modules:  # those that are there already cost nothing
        with suppress(ImportError):  # some modules are made by others, and cannot be imported by name
            importlib.import_module(name)
    gc.freeze()  # otherwise a collection in a fork touches, and so copies, the memory of all imports
    for place in sorted({round(1 + i * (count - 1) / max(1, how_many - 1)) for i in range(how_many)}):
        out = root / f"write {place} of {count}"
        _fork(recipe, out, place)
        if code := _fork(recipe, out, None):
            sys.stdout.write(f"the run after being killed before {out.name} ended with {code}\n")
            return 1
    return 0


def _writes(recipe: str, out: Path) -> tuple[int, list[str]]:
    """Return the number of writes in the stage `made` of a run, and the modules that the run imported."""
    with tempfile.TemporaryFile("w+") as told:
        if _fork(recipe, out, 0, told):
            raise RuntimeError("a run failed that was not killed")
        told.seek(0)
        return tuple(json.load(told))


def _fork(recipe: str, out: Path, kill_before: int | None, tell: IO[str] | None = None) -> int:
    """Run the recipe in a fork; return the exit code. `tell` gets the number of writes and the modules."""
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    code = 1
    try:
        counter = _Counter(str(out.resolve()), kill_before)
        if kill_before is not None:
            sys.addaudithook(counter)
        Recipe.load(recipe).run(out)
        if tell is not None:
            json.dump([counter.count, list(sys.modules)], tell)
            tell.flush()
        code = 0
    finally:
        os._exit(code)


class _Counter:
    """Count the writes below a folder's second stage, and kill the process before one of them."""

    def __init__(self, folder: str, kill_before: int | None) -> None:
        self.folder, self.kill_before, self.count = folder, kill_before, 0

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Handle an audit event, which is raised before the write happens."""
        if event not in WRITES:
            return
        path = os.path.abspath(os.fspath(arguments[0]))
        if not path.startswith(self.folder) or "/02-" not in path[len(self.folder) :]:
            return
        self.count += 1
        if self.count == self.kill_before:
            if event == "data_synthesis.write" and path.endswith(".jsonl") and os.path.exists(path):
                with open(path, "ab") as file:
                    file.write(b'{"key":"half a li')
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
