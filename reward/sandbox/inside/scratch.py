"""Measure how full a scratch folder is, and empty it whatever a program has left there.

A program may leave folders without permissions, ten thousand nested levels of them, and names that are not
text. So nothing here recurses or decodes: sub-folders are moved up to the top, one level at a time.
"""

from __future__ import annotations

import contextlib
import os

MOST_COUNTED = 20_000
"""Most files that are looked at to measure the size; a folder with more counts as too large."""
HIDDEN = 1 << 60
"""A size beyond every limit, for a folder that cannot be looked at and may hold anything."""


def empty(folder: str) -> None:
    """Remove everything in a folder that this user owns.

    Raises:
        OSError: something cannot be removed.
    """
    top = os.fsencode(folder)
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
                unused = b"moved-%s" % os.urandom(16).hex().encode()
                os.rename(below, os.path.join(top, unused))
            os.rmdir(path)


def mark_untouched(folder: str) -> None:
    """Set an empty folder's time to zero. Whatever is made in the folder later changes its time for good.

    The code in the sandbox cannot set times: it has no system call for it.
    """
    os.utime(folder, (0, 0))


def untouched(folder: str) -> bool:
    """Was nothing made in a folder since it was marked? This takes one look, and most code writes no file."""
    return os.stat(folder).st_mtime_ns == 0


def size(folder: str, pid: int, file_bytes: int) -> int:
    """Return the bytes that a folder takes on disk, with deleted files that a process still holds there.

    Args:
        folder: the folder to measure.
        pid: the process that may hold deleted files.
        file_bytes: the most bytes that one file can take.

    Returns:
        `HIDDEN` when the folder contains one that cannot be listed, or more files than are counted.
    """
    total, counted = _deleted(folder, pid, file_bytes), 0
    left = [os.fsencode(folder)]
    try:
        while left:
            for entry in os.scandir(left.pop()):
                counted += 1
                if counted > MOST_COUNTED:
                    return HIDDEN
                with contextlib.suppress(FileNotFoundError):  # deleted meanwhile
                    total += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        left.append(entry.path)
    except FileNotFoundError:
        return total
    except OSError:  # a folder without permissions, or nested too deeply
        return HIDDEN
    return total


def _deleted(folder: str, pid: int, file_bytes: int) -> int:
    """Return the bytes of deleted files on a folder's disk that a process still has open or mapped."""
    device, total, files = os.stat(folder).st_dev, 0, set()
    # an error means that the process is ending, and its deleted files go with it; the start-up probes test
    # that they can be seen at all
    with contextlib.suppress(OSError):
        # All threads of the process share their descriptors, but the first thread has none when it has ended
        # before the others.
        threads = [f"{pid}/task/{thread}" for thread in os.listdir(f"/proc/{pid}/task")]
        living = next(filter(_has_descriptors, threads), str(pid))
        for descriptor in os.listdir(f"/proc/{living}/fd"):
            held = os.stat(f"/proc/{living}/fd/{descriptor}")
            if held.st_nlink == 0 and held.st_dev == device and held.st_ino not in files:
                files.add(held.st_ino)
                total += held.st_blocks * 512
        with open(f"/proc/{living}/maps", "rb") as maps:
            mapped = {
                line.split()[4]
                for line in maps
                if line.endswith(b" (deleted)\n") and os.fsencode(folder) in line
            }
        total += file_bytes * sum(int(inode) not in files for inode in mapped)
    return total


def _has_descriptors(thread: str) -> bool:
    try:
        return bool(os.listdir(f"/proc/{thread}/fd"))
    except OSError:  # the thread has ended, and nobody may look at what is left of it
        return False


def _is_folder(path: bytes) -> bool:
    return os.path.isdir(path) and not os.path.islink(path)
