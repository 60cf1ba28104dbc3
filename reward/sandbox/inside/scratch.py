"""The folder that a sandboxed process may write in: how full it is, and how it becomes empty whatever was left there.

A program may leave folders without permissions, ten thousand levels of them, and names that are no text. So nothing here
recurses or decodes: sub-folders are moved up into the top, one level at a time.
"""

from __future__ import annotations

import contextlib
import os

MOST_COUNTED = 20_000
"""Files looked at when the size is taken; more than that is too many."""


def empty(folder: str) -> None:
    """Remove everything in a folder that this user owns.

    Raises:
        OSError: something cannot be removed.
    """
    top, moved = os.fsencode(folder), 0
    while names := os.listdir(top):
        for name in names:
            path = os.path.join(top, name)
            if not _is_folder(path):
                os.unlink(path)
                continue
            os.chmod(path, 0o700)
            for child in os.listdir(path):
                below = os.path.join(path, child)
                if not _is_folder(below):
                    os.unlink(below)
                    continue
                os.chmod(below, 0o700)  # moving a folder writes in it
                moved += 1
                os.rename(below, os.path.join(top, b"align-moved-%d" % moved))
            os.rmdir(path)


def size(folder: str, pid: int) -> int:
    """Return the bytes that a folder takes on its disk, with what a process holds open there after deleting it.

    A large number when it holds more files than are counted.
    """
    total, counted = _deleted(folder, pid), 0
    left = [os.fsencode(folder)]
    while left:
        try:
            entries = os.scandir(left.pop())
        except OSError:  # without permissions, too deep, or gone since: it still counts as a file
            continue
        with entries:
            for entry in entries:
                counted += 1
                if counted > MOST_COUNTED:
                    return 1 << 60
                with contextlib.suppress(OSError):  # gone since, or too deep to be named
                    total += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        left.append(entry.path)
    return total


def _deleted(folder: str, pid: int) -> int:
    """Return the bytes of files on a folder's disk that have no name any more but a process that has them open."""
    device, total = os.stat(folder).st_dev, 0
    with contextlib.suppress(OSError):  # it is ending, and they with it; that this can be seen at all is probed at the start
        for descriptor in os.listdir(f"/proc/{pid}/fd"):
            held = os.stat(f"/proc/{pid}/fd/{descriptor}")
            total += held.st_blocks * 512 if held.st_nlink == 0 and held.st_dev == device else 0
    return total


def _is_folder(path: bytes) -> bool:
    return os.path.isdir(path) and not os.path.islink(path)
