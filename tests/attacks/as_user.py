"""Runs a Python file as an ordinary user: `python as_user.py FILE ...`, started by root.

The interpreter and this repository may lie below a folder that only root can pass. In a mount namespace of its own, such a
folder is covered by an empty one in which just these are bound at their places; then root is given up.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "reward" / "sandbox"))
from inside import kernel

USER = 54321


def closed(path: Path) -> Path | None:
    """The first folder on the way to a path, or the path, that others cannot pass."""
    return next((p for p in [*reversed(path.parents), path] if not p.stat().st_mode & 1), None)


def show(paths: list[Path]) -> None:
    """Covers every closed folder, and binds the paths below it back."""
    kernel.unshare(kernel.NEWNS)
    kernel.mount("none", "/", flags=kernel.MS_REC | kernel.MS_PRIVATE)
    below: dict[Path, list[tuple[Path, int]]] = {}
    for path in paths:
        if top := closed(path):
            below.setdefault(top, []).append((path, os.open(path, os.O_PATH)))
    for top, held in below.items():
        kernel.mount("tmpfs", str(top), "tmpfs", 0, "mode=755")
        for path, descriptor in held:
            path.mkdir(parents=True, exist_ok=True)
            kernel.mount(f"/proc/self/fd/{descriptor}", str(path), flags=kernel.MS_BIND | kernel.MS_REC)


if __name__ == "__main__":
    show([Path(p).resolve() for p in dict.fromkeys((sys.base_prefix, sys.prefix, Path(__file__).parents[2]))])
    os.setgroups([])
    os.setresgid(USER, USER, USER)
    os.setresuid(USER, USER, USER)
    os.environ.update(PYTHONDONTWRITEBYTECODE="1", HOME="/tmp")
    os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
