"""A small process that has imported what solutions use, and forks a confined process for each task.

The zygote is started by exec, with a clean environment, so it holds nothing of the trainer: no secret, and no
gigabytes to copy at a fork. It never reads a source, a test or an answer either: a later solution, forked
from it, could find these in its own memory. They are in descriptors that the parent makes and the zygote only
hands on.

A task is one message with descriptors. The zygote forks the processes, confines and watches them, and kills
them; then it sends one message that says how each ended and what it used. CPU time decides; wall-clock time
is the backstop.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import importlib.util
import json
import os
import random
import select
import signal
import socket
import sys
import time
from dataclasses import dataclass, field
from importlib.machinery import BuiltinImporter, FrozenImporter, ModuleSpec, PathFinder
from typing import Any

from . import kernel, policy, root, run_tests, scratch, solution, stand_ins, together
from .warm import warm_up

LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64")
OURS = 4
"""Processes of a worker's user that a piece of code did not start: the zygote, the process that started it,
and the two that it forked."""
FILES = 64
"""Most descriptors that a sandboxed process may have."""
SECOND_LOOK = 0.05
"""Seconds between two looks at the scratch folder."""
GRACE = 2.0
"""Wall-clock seconds that the tests have to report after the solution's process ended, and that the
solution's process has to end after it closed its channel."""


def main(control: int) -> None:
    """Serve tasks from a socket until it closes."""
    kernel.begin()
    link = socket.socket(fileno=control)
    setup = json.loads(link.recv(1 << 16))
    try:
        try:
            if setup["level"] != "full":
                os.mkdir(setup["scratch"], 0o700)
            zygote = Zygote(link, setup)
        except Exception as error:  # the parent shows the message to the user
            link.send(json.dumps({"error": f"{type(error).__name__}: {error}"}).encode())
            return
        zygote.serve()
    except ConnectionError:  # the parent was killed, perhaps during a task
        pass
    finally:
        if setup["level"] != "full":
            with contextlib.suppress(FileNotFoundError):
                scratch.empty(setup["scratch"])
                os.rmdir(setup["scratch"])


@dataclass
class Child:
    """Hold a confined process while the zygote watches it."""

    role: str
    pid: int
    handle: int
    """A pidfd, because it can never come to mean another process."""
    started: float
    status: int | None = None
    """The status that wait(2) gives; None while the process runs."""
    reason: str = ""
    """Why the zygote killed the process: cpu, wall, disk, threads, left or done."""
    confined: int = -1
    """A pipe: the process writes a byte to it once it is confined, before it reads anything untrusted."""
    usage: dict[str, Any] = field(default_factory=dict)

    def cpu(self) -> float:
        """Return the CPU seconds of all its threads so far."""
        return time.clock_gettime((~self.pid << 3) | 2)  # the kernel's number for a process's CPU clock

    def kill(self, reason: str) -> None:
        """Kill the process, if it has not ended."""
        if self.status is None:
            self.reason = self.reason or reason
            signal.pidfd_send_signal(self.handle, signal.SIGKILL)
            self.end()

    def end(self) -> None:
        """Wait for the process to end and keep its status; later calls do nothing."""
        if self.status is not None:
            return
        _, self.status, used = os.wait4(self.pid, 0)
        ended = time.monotonic()
        os.close(self.handle)
        told = os.read(self.confined, 500)
        cut_short = not told and self.reason == "done" and self.status == signal.SIGKILL
        # the tests can end before the solution's process is confined
        self.usage = {
            "failure": "" if cut_short else kernel.confinement_failure(told),
            "cpu_seconds": used.ru_utime + used.ru_stime,
            "wall_seconds": ended - self.started,
            "peak_bytes": used.ru_maxrss * 1024,
        }
        os.close(self.confined)


class Zygote:
    """The zygote's process, with what it prepares once for all tasks."""

    def __init__(self, link: socket.socket, setup: dict[str, Any]) -> None:
        self.link, self.level, self.folder = link, setup["level"], setup["scratch"]
        _preload(setup["preloaded"], setup["importable"])
        if "pytest" in setup["preloaded"]:
            # imported now because `together` can read no file later
            from . import by_pytest  # noqa: F401, PLC0415
        readable = _readable()
        self.memory = _address_space()
        nobody = kernel.own_user()
        if self.level == "full":
            root.enter(readable, setup["scratch_bytes"])
            root.continue_in_child()
            self.folder = root.SCRATCH
        else:
            for role in root.ROLES:
                os.mkdir(f"{self.folder}/{role}")
        user = self._change_user(nobody)
        if self.level == "full":  # a change of user resets this
            kernel.die_with_parent()
        self.counted = self.level == "full" or user == "nobody"
        """Whether only this worker has processes of this user, so that the kernel can count them."""
        # after a change of user, a child's open files could not be looked at otherwise
        kernel.set_dumpable(True)
        kernel.drop_capabilities()
        kernel.no_new_privileges()
        self.rulesets: dict[str, int] = {}
        self.filter = None
        if self.level != "weak" or kernel.landlock_abi():
            readable, listable = _files(readable)
            devices = [device for device in root.DEVICES if os.path.exists(device)]
            landlock = kernel.Landlock(readable, devices, listable=listable)
            self.rulesets = {role: landlock.prepared(f"{self.folder}/{role}") for role in root.ROLES}
            landlock.close()
        # there may be no table for this machine: the parent then refuses a level that needs one
        with contextlib.suppress(KeyError):
            self.filter = policy.program()
            self.seccomp = kernel.Seccomp(self.filter.bytes)
        warm_up()
        gc.collect()
        gc.freeze()
        about = {
            "user": user,
            "landlock": kernel.landlock_abi(),
            "seccomp": self.filter is not None,
            "pid": os.getpid(),
        }
        link.send(json.dumps({"ready": about}).encode())

    def _change_user(self, nobody: int) -> str:
        """As root, become an unused user if that can read the interpreter; else only lose capabilities."""
        if os.getuid():
            return "own"
        try:
            os.setegid(nobody)
            os.seteuid(nobody)
        except OSError:  # this user namespace knows no other user
            os.setegid(0)
            return "root without capabilities: there is no other user here"
        readable = os.access(os.__file__, os.R_OK, effective_ids=True)
        os.seteuid(0)
        os.setegid(0)
        if not readable:
            return "root without capabilities: nobody cannot read the interpreter"
        if self.level != "full":
            for folder in (self.folder, *(f"{self.folder}/{role}" for role in root.ROLES)):
                os.chown(folder, nobody, nobody)
        kernel.become(nobody)
        return "nobody"

    # -- tasks -----------------------------------------------------------------------------------------------

    def serve(self) -> None:
        """Do tasks until the parent closes the socket.

        Raises:
            ConnectionError: the parent was killed.
        """
        while True:
            message, descriptors, _, _ = socket.recv_fds(self.link, 1 << 16, 16)
            if not message:
                break
            if message in (b"stop", b"gone"):  # meant for a task that had ended already
                continue
            self.link.send(json.dumps(self._task(json.loads(message), descriptors)).encode())

    def _task(self, task: dict[str, Any], descriptors: list[int]) -> dict[str, Any]:
        """Fork the processes, watch them and clean up; return how each process ended.

        The modes are "calls" (the solution answers the parent), "check" (it answers the tests, in a process
        of their own) and "together" (one process runs both).
        """
        ours = {
            "solution": descriptors[:3],
            **({"tests": descriptors[3:]} if task["mode"] == "check" else {}),
        }
        children = [self._fork(role, given, task) for role, given in ours.items()]
        for descriptor in descriptors:
            os.close(descriptor)
        self._watch(children, task)
        for role in ours:
            scratch.empty(f"{self.folder}/{role}")
        return {
            child.role: {"status": child.status, "reason": child.reason, **child.usage} for child in children
        }

    def _fork(self, role: str, descriptors: list[int], task: dict[str, Any]) -> Child:
        if self.level != "full":
            scratch.mark_untouched(f"{self.folder}/{role}")
        confined, tell = os.pipe()
        started, pid = time.monotonic(), kernel.fork()
        if pid:
            os.close(tell)
            return Child(role, pid, os.pidfd_open(pid), started, confined=confined)
        try:
            tell, first = self._descriptors(descriptors, tell)
            try:
                self._confine(role, (first, tell), task)
            except BaseException as error:
                os.write(tell, f"{type(error).__name__}: {error}".encode())
                raise
            os.write(tell, kernel.CONFINED)
            os.close(tell)
            source = _read_and_close(4)
            if role == "tests":
                run_tests.run(source, 3, 5, task["entry_point"], task["output_bytes"])
            elif task["mode"] == "together":
                together.run(source, 3, task["entry_point"])
            else:
                solution.run(source, 3, task["entry_point"], task["output_bytes"])
        finally:
            os._exit(99)

    def _descriptors(self, given: list[int], tell: int) -> tuple[int, int]:
        """Set the first descriptors: 0 nothing, 1 and 2 output, 3 channel, 4 source, 5 (tests) the solution.

        Returns:
            The descriptor on which to report success, and the number of the first descriptor that is not set.
        """
        channel, source, output, *others = given
        # opened anew for each process: flags that it sets on the open file affect no other process
        null = os.open("/dev/null", os.O_RDWR)
        kept = [os.dup2(d, 200 + i) for i, d in enumerate((null, output, output, channel, source, *others))]
        told = os.dup2(tell, 200 + len(kept))
        for target, d in enumerate(kept):
            os.dup2(d, target)
        return told, len(kept)

    def _confine(self, role: str, closed: tuple[int, int], task: dict[str, Any]) -> None:
        """Give up everything that the task does not need, before any untrusted byte is read.

        A single leftover descriptor would defeat the confinement. `closed` names two descriptors: the first
        and all above it are closed, except for the second.
        """
        os.setsid()
        folder = f"{self.folder}/{role}"
        os.chdir(folder)
        os.environ["TMPDIR"] = os.environ["HOME"] = folder
        # the tests' and the solution's processes have one user, so the kernel counts them together
        allowed = task["processes"] * (2 if role == "tests" else 1)
        processes = allowed + OURS if self.counted else None
        kernel.set_limits(
            task["cpu_seconds"], self.memory + task["memory_bytes"], task["output_bytes"], FILES, processes
        )
        kernel.die_with_parent()
        if self.rulesets:
            kernel.restrict(self.rulesets[role])
        os.closerange(*closed)
        os.closerange(closed[1] + 1, 1 << 16)
        if self.filter:
            self.filter.name_process(os.getpid())
            self.seccomp.install()

    def _watch(self, children: list[Child], task: dict[str, Any]) -> None:
        """Wait until the tests have ended or the parent has what it wants; then kill what is left."""
        poller, decides = select.poll(), children[-1]
        poller.register(self.link, select.POLLIN)
        by_handle = {child.handle: child for child in children}
        for handle in by_handle:
            poller.register(handle, select.POLLIN)
        until = children[0].started + task["wall_seconds"]
        try:
            while decides.status is None:
                for descriptor, _ in poller.poll(max(1, 1000 * self._seconds_to_wait(children, task, until))):
                    if descriptor == self.link.fileno():
                        if self.link.recv(16) == b"gone":
                            self._wait_for_end(decides)
                        return  # either "stop", or the parent is gone
                    poller.unregister(descriptor)
                    by_handle[descriptor].end()
                    until = min(until, time.monotonic() + GRACE)
                self._enforce(children, task, until)
            if decides.role == "tests" and os.waitstatus_to_exitcode(decides.status) == stand_ins.GONE:
                self._wait_for_end(next(child for child in children if child is not decides))
        finally:
            for child in (child for child in children if child.status is None):
                child.kill("disk" if self._overfull(child, task) else "done")

    def _seconds_to_wait(self, children: list[Child], task: dict[str, Any], until: float) -> float:
        """Return the seconds until a limit could be exceeded or the next look at the disk is due."""
        cores = os.cpu_count() or 1
        left = [self._cpu_left(child, task) / cores for child in children if child.status is None]
        return min(SECOND_LOOK, until - time.monotonic(), *left)

    def _wait_for_end(self, child: Child) -> None:
        """Give a process that closed its channel time to end, because its status says why it closed."""
        if child.status is None and select.select([child.handle], [], [], GRACE)[0]:
            child.end()

    def _cpu_left(self, child: Child, task: dict[str, Any]) -> float:
        return max(0.005, task["cpu_seconds"] - child.cpu())

    def _enforce(self, children: list[Child], task: dict[str, Any], until: float) -> None:
        """Kill each process that used up its time or its disk."""
        late = time.monotonic() >= until
        for child in children:
            if child.status is not None:
                continue
            if child.cpu() >= task["cpu_seconds"]:
                child.kill("cpu")
            elif late:
                child.kill(
                    "wall" if time.monotonic() >= children[0].started + task["wall_seconds"] else "left"
                )
            elif time.monotonic() - child.started > SECOND_LOOK:
                self._check_threads_and_disk(child, task)

    def _check_threads_and_disk(self, child: Child, task: dict[str, Any]) -> None:
        """Kill a process with too much on disk, or with too many threads where the kernel counts none."""
        if not self.counted and _threads(child.pid) > task["processes"]:
            child.kill("threads")
        elif self._overfull(child, task):
            child.kill("disk")

    def _overfull(self, child: Child, task: dict[str, Any]) -> bool:
        """Does a process use more disk than allowed? At level full its scratch folder is a file system."""
        folder = f"{self.folder}/{child.role}"
        if self.level != "full":
            return (
                not scratch.untouched(folder)
                and scratch.size(folder, child.pid, task["output_bytes"]) > task["scratch_bytes"]
            )
        disk = os.statvfs(folder)
        return (disk.f_blocks - disk.f_bfree) * disk.f_frsize > task["scratch_bytes"]


def _preload(modules: list[str], importable: list[str]) -> None:
    """Import what solutions use; afterwards allow only the standard library and the allowed packages."""
    for name in modules:
        importlib.import_module(name)
    random.seed(0)  # seeded once: every fork begins in the same state
    if "numpy" in modules:
        importlib.import_module("numpy.random").seed(0)
    library = os.path.dirname(os.__file__)
    sys.path[:] = [p for p in sys.path if p.startswith(library) and "-packages" not in p]
    finders: list[Any] = [BuiltinImporter, FrozenImporter, PathFinder, Packages(importable)]
    sys.meta_path[:] = finders
    sys.path_importer_cache.clear()


class Packages:
    """Find the allowed packages, and nothing else in the folder that contains them."""

    def __init__(self, names: list[str]) -> None:
        self.specs = {name: spec for name in names if (spec := importlib.util.find_spec(name))}

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Return where a top-level package is."""
        found = self.specs.get(name)
        if found is None or path is not None or found.origin is None:
            return None
        return importlib.util.spec_from_file_location(
            name, found.origin, submodule_search_locations=found.submodule_search_locations
        )


def _readable() -> list[str]:
    """Return what sandboxed code may read: interpreter, system libraries, packages, time zones."""
    found = [os.path.dirname(os.__file__), *LIBRARIES]
    found += ["/etc/ld.so.cache", "/etc/localtime", "/usr/share/zoneinfo"]
    for finder in sys.meta_path:
        if isinstance(finder, Packages):
            for spec in finder.specs.values():
                places = spec.submodule_search_locations or ([spec.origin] if spec.origin else [])
                found += [*places, *(f"{place}.libs" for place in places)]
    return [path for path in dict.fromkeys(found) if os.path.exists(path)]


def _files(places: list[str]) -> tuple[list[str], list[str]]:
    """Return which of the readable places may be read, and which may only be listed.

    The folder of the standard library may also contain packages that are not allowed; their names can be
    seen.
    """
    found, listed = [], []
    for place in dict.fromkeys(os.path.realpath(place) for place in places if os.path.exists(place)):
        if place in (os.path.dirname(os.path.realpath(os.__file__)), *map(os.path.realpath, LIBRARIES)):
            inside = [
                name
                for name in os.listdir(place)
                if not name.endswith("-packages") and not name.startswith("python")
            ]
            found += [f"{place}/{name}" for name in inside]
            listed.append(place)
        else:
            found.append(place)
    return [path for path in found if os.path.exists(path)], listed


def _threads(pid: int) -> int:
    try:
        return os.stat(f"/proc/{pid}/task").st_nlink - 2
    except OSError:  # the process is ending
        return 0


def _address_space() -> int:
    with open("/proc/self/statm", encoding="ascii") as stream:
        return int(stream.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")


def _read_and_close(descriptor: int) -> bytes:
    """Return the content of a memory file, and close it."""
    size = os.fstat(descriptor).st_size
    data = os.pread(descriptor, size, 0)
    os.close(descriptor)
    return data
