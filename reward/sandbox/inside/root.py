"""Give a process a private view of the machine: own files, network and process ids. Level `full` uses it.

The new root is an empty tmpfs. Only what Python needs is mounted in it, read-only and at its own path. So a
file outside is not forbidden but absent, and any user can pass the folders that lead to an interpreter below
a private home. The scratch folder is a tmpfs too: its size is the only hard disk limit that an ordinary user
can set.

Root makes the namespaces with its own rights, which are then given up; an ordinary user makes them inside a
user namespace.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Sequence

from . import kernel
from .kernel import MS_BIND, MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_PRIVATE, MS_RDONLY, MS_REC, MS_REMOUNT

PLACE = "/sys"
"""Where the new root is assembled: every Linux has this folder, and no program's files are below it."""
SCRATCH = "/scratch"
ROLES = ("solution", "tests")
"""Each role has its own scratch folder, so that neither can fill the other's."""
PROCESSES = "/proc"
SHARED = "/shared"
LINKS = {
    "/tmp": SCRATCH,
    "/dev/fd": "/proc/self/fd",
    "/dev/stdin": "/proc/self/fd/0",
    "/dev/stdout": "/proc/self/fd/1",
    "/dev/stderr": "/proc/self/fd/2",
}
DEVICES = ("/dev/null", "/dev/random", "/dev/urandom")
"""/dev/zero is left out: a shared mapping of it is memory that no limit counts
(`policy.MAP_SHARED_ANONYMOUS`)."""
SCRATCH_FILES = 20_000
"""Most files and folders in a scratch folder: an empty file has no size, but takes kernel memory."""
_KEPT = {2: MS_NOSUID, 4: MS_NODEV, 8: MS_NOEXEC, 1024: 1024, 2048: 2048, 4096: 1 << 21}
"""statvfs flag -> mount flag, for the flags of a mount that a user namespace may not remove (noatime and
similar ones too)."""


def enter(readable: Sequence[str], scratch_bytes: int | None, shared: str = "") -> None:
    """Move this process into new namespaces and a new root. Only its children get new ids: fork after it.

    Args:
        readable: paths of the old root that are visible in the new one.
        scratch_bytes: size of each of the two scratch folders, in which nothing can be executed. None: make
            an empty folder for one, and the usual names such as /tmp, for programs that get a scratch folder
            each (`own_scratch`).
        shared: a folder that such programs see as `SHARED`.

    Raises:
        OSError: the machine does not allow it.
    """
    uid, gid = os.getuid(), os.getgid()
    flags = kernel.NEWNS | kernel.NEWPID | kernel.NEWNET | kernel.NEWIPC | kernel.NEWUTS
    try:
        kernel.unshare(flags)
    except PermissionError:
        kernel.unshare(flags | kernel.NEWUSER)
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"{uid} {uid} 1")
        _write("/proc/self/gid_map", f"{gid} {gid} 1")
    kernel.mount("none", "/", flags=MS_REC | MS_PRIVATE)
    kernel.mount("tmpfs", PLACE, "tmpfs", MS_NOSUID | MS_NODEV, "size=1m,mode=755")
    shown: set[str] = set()
    for path in sorted([*readable, *DEVICES], key=len):  # a folder comes before what lies in it
        _show(path, shown)
    os.mkdir(PLACE + SCRATCH)
    if scratch_bytes is None:
        # each task mounts its own /proc over this one; the kernel lets a user namespace mount a /proc only
        # where it can see one already
        os.mkdir(PLACE + PROCESSES)
        kernel.mount(PROCESSES, PLACE + PROCESSES, flags=MS_BIND | MS_REC)
        os.mkdir(PLACE + SHARED)
        _bind(shared, SHARED)
        for name, target in LINKS.items():
            os.symlink(target, PLACE + name)
    else:
        size = f"size={scratch_bytes},nr_inodes={SCRATCH_FILES},mode=777"
        for role in ROLES:
            os.mkdir(f"{PLACE}{SCRATCH}/{role}")
            kernel.mount("tmpfs", f"{PLACE}{SCRATCH}/{role}", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, size)
    kernel.mount("none", PLACE, flags=MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV)
    kernel.enter_root(PLACE)


def continue_in_child() -> None:
    """Continue as the first process of a new PID namespace. The parent waits, and both end together."""
    pid = os.fork()
    if pid:
        gc.freeze()
        _, status = os.waitpid(pid, 0)
        os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
    kernel.die_with_parent()


def own_scratch(scratch_bytes: int, user: int, group: int) -> list[str]:
    """Give a process in its own mount namespace its own scratch folder and its own /proc.

    Returns:
        Further readable paths. Inside a container whose /proc is partly hidden, the kernel refuses a user
        namespace a /proc of its own; programs then do without it, and Bash without `<(...)`.
    """
    size = f"size={scratch_bytes},nr_inodes={SCRATCH_FILES},mode=700,uid={user},gid={group}"
    kernel.mount("tmpfs", SCRATCH, "tmpfs", MS_NOSUID | MS_NODEV, size)
    try:
        kernel.mount("proc", PROCESSES, "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, "subset=pid")
    except OSError:
        kernel.mount("tmpfs", PROCESSES, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY)
        return []
    return [PROCESSES]


def _show(path: str, shown: set[str]) -> None:
    """Make a path of the old root visible in the new one, read-only. A link on the way to it stays a link."""
    at = ""
    for part in path.strip("/").split("/"):
        at += f"/{part}"
        if at in shown:
            return
        if os.path.islink(at):
            if not os.path.lexists(PLACE + at):
                os.symlink(os.readlink(at), PLACE + at)
            _show(os.path.realpath(path), shown)
            return
        if at != path and not os.path.isdir(PLACE + at):
            os.mkdir(PLACE + at)
    if os.path.isdir(path):
        os.makedirs(PLACE + path, exist_ok=True)
    else:
        os.close(os.open(PLACE + path, os.O_CREAT | os.O_WRONLY, 0o444))
    _bind(path, path)
    shown.add(path)


def _bind(path: str, at: str) -> None:
    kernel.mount(path, PLACE + at, flags=MS_BIND)
    flags = sum(to for held, to in _KEPT.items() if os.statvfs(path).f_flag & held)
    locked = MS_NOSUID if path in DEVICES else MS_NOSUID | MS_NODEV | MS_RDONLY
    kernel.mount("none", PLACE + at, flags=MS_REMOUNT | MS_BIND | flags | locked)


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as stream:
        stream.write(text)
