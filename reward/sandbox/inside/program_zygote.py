"""Run programs: compilers and what they make, shells, and interpreters of other languages. Level `full` only.

Python code can start no process (`inside.zygote`), but these programs may start others. So each task is
confined in a world of its own, which ends with it:

- own process ids, whose first process is a loop of this file that only waits. When the program ends, or its
  time is up, that process ends, and the kernel then ends every other one: daemons, fork bombs, and any
  process that has called `setsid`;
- a scratch folder of its own, a tmpfs of fixed size that is gone after the task;
- the root, the empty network and the rest of `inside.root`, made once for all tasks; Landlock and a longer
  list of allowed system calls;
- limits on the number of processes, and on the CPU time and memory of all of them together (`inside.tree`).

Like the zygote, this process reads nothing untrusted: files, input and output are descriptors that the parent
makes and this process hands on. The program that the parent names is a compiler or an interpreter of the
machine, or the output of a compiler; its exit status is reported and decides nothing.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import resource
import select
import signal
import socket
import time
from typing import Any

from . import kernel, policy, root
from .tree import Tree, children

FILES = 256
"""Most descriptors that a program may have: a Java virtual machine opens some 60 by itself."""
LOOK = 0.02
"""Seconds between two looks at what a program uses."""
OURS = 3
"""Processes of this file that may have the programs' user: the very first, the one that serves, and a task's
first process."""


def main(control: int) -> None:
    """Serve tasks from a socket until it closes."""
    kernel.begin()
    link = socket.socket(fileno=control)
    setup = json.loads(link.recv(1 << 16))
    try:
        zygote = ProgramZygote(link, setup)
    except Exception as error:  # the parent shows the message to the user
        link.send(json.dumps({"error": f"{type(error).__name__}: {error}"}).encode())
        return
    zygote.serve()


class ProgramZygote:
    """The process that runs programs, with what it prepares once for all tasks."""

    def __init__(self, link: socket.socket, setup: dict[str, Any]) -> None:
        self.link = link
        self.user = self.group = kernel.own_user() if os.getuid() == 0 else os.getuid()
        if os.getuid():
            self.group = os.getgid()
        elif not _may_make_namespaces():
            kernel.become(self.user)
            kernel.set_dumpable(True)  # otherwise root owns the files by which a user namespace is set up
        self.proc = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY)
        readable = [path for path in setup["readable"] if os.path.exists(path)]
        root.enter(readable, None, setup["shared"])
        root.continue_in_child()
        self.pid = int(os.readlink("self", dir_fd=self.proc))
        if not os.access(f"{self.pid}/task/{self.pid}/children", os.R_OK, dir_fd=self.proc):
            raise OSError("/proc does not tell a process's children (CONFIG_PROC_CHILDREN)")
        kernel.no_new_privileges()
        self.landlock = kernel.Landlock([*readable, root.SHARED], root.DEVICES, programs=True)
        self.seccomp = kernel.Seccomp(policy.program(programs=True).bytes)
        gc.collect()
        gc.freeze()
        link.send(json.dumps({"ready": {"user": self.user, "landlock": kernel.landlock_abi()}}).encode())

    # -- tasks -----------------------------------------------------------------------------------------------

    def serve(self) -> None:
        """Do tasks until the parent is gone."""
        while True:
            message, descriptors, _, _ = socket.recv_fds(self.link, 1 << 16, 32)
            if not message:
                return
            if message == b"stop":  # meant for a task that had ended already
                continue
            report = self._task(json.loads(message), descriptors)
            try:
                self.link.send(json.dumps({"program": report}).encode())
            except OSError:
                return

    def _task(self, task: dict[str, Any], descriptors: list[int]) -> dict[str, Any]:
        """Run a program and end all processes that it started; return how it ended and what it used."""
        for descriptor in descriptors[:4]:
            # a root that may not change owners goes on; programs then cannot open /dev/stdout by name
            with contextlib.suppress(PermissionError):
                os.fchown(descriptor, self.user, self.group)
        tells, tell = os.pipe()
        started, pid = time.monotonic(), kernel.clone(kernel.NEWPID | kernel.NEWNS)
        if not pid:
            try:
                self._be_first_process(task, descriptors, tell)
            finally:
                os._exit(99)
        for descriptor in (*descriptors, tell):
            os.close(descriptor)
        reason = self._watch(task, pid, started)
        _, _, used = os.wait4(pid, 0)  # returns when every process of the task is gone
        told = os.read(tells, 1000)
        os.close(tells)
        confined, _, status = told.rpartition(b"\n")
        return {
            "status": int(status) if status.isdigit() else int(signal.SIGKILL),
            "reason": reason,
            "failure": kernel.confinement_failure(confined if status.isdigit() else told),
            "cpu_seconds": used.ru_utime + used.ru_stime,
            "wall_seconds": time.monotonic() - started,
            "peak_bytes": used.ru_maxrss * 1024,
        }

    def _watch(self, task: dict[str, Any], pid: int, started: float) -> str:
        """Wait until the first process ends, the parent has its result, or a limit is passed; then kill it.

        Returns:
            Why the process was killed: cpu, wall, memory or done; empty when it ended by itself.
        """
        handle, reason = os.pidfd_open(pid), ""
        tree = Tree(self.proc, next(iter(children(self.proc, self.pid)), 0))
        poller = select.poll()
        for descriptor in (handle, self.link.fileno()):
            poller.register(descriptor, select.POLLIN)
        while not reason:
            ready = dict(poller.poll(1000 * LOOK))
            if handle in ready:
                break
            if ready:
                self.link.recv(16)  # either "stop", or the parent is gone
                reason = "done"
            elif tree.cpu() >= task["cpu_seconds"]:
                reason = "cpu"
            elif time.monotonic() >= started + task["wall_seconds"]:
                reason = "wall"
            elif tree.memory(task["memory_bytes"]) > task["memory_bytes"]:
                reason = "memory"
        signal.pidfd_send_signal(handle, signal.SIGKILL)
        os.close(handle)
        return reason

    def _be_first_process(self, task: dict[str, Any], descriptors: list[int], tell: int) -> None:
        """Run as a task's first process: start the program, wait for it, report its status, and exit."""
        kernel.die_with_parent()
        kernel.set_dumpable(False)
        pid = os.fork()
        if not pid:
            try:
                self._become_program(task, descriptors, tell)
            except BaseException as error:
                os.write(tell, f"{type(error).__name__}: {error}".encode()[:500])
            finally:
                os._exit(99)
        kernel.drop_capabilities()
        os.dup2(tell, 0, inheritable=False)
        os.closerange(1, 1 << 16)
        ended, status = 0, 0
        while ended != pid:
            ended, status = os.wait()
        os.write(0, b"\n%d" % status)
        os._exit(0)

    def _become_program(self, task: dict[str, Any], descriptors: list[int], tell: int) -> None:
        """Give up everything that the task does not need, write its files, and become the program.

        Descriptors: 0 input, 1 output, 2 errors, 3 results; then the files, and a file for what a compiler
        makes.
        """
        kernel.set_dumpable(True)
        readable = root.own_scratch(task["scratch_bytes"], self.user, self.group)
        os.setsid()
        if os.getuid() != self.user:
            kernel.become(self.user)
        kernel.drop_capabilities()
        os.chdir(root.SCRATCH)
        kept = [os.dup2(d, 300 + i, inheritable=False) for i, d in enumerate((*descriptors, tell))]
        for target, descriptor in enumerate(kept[:4]):
            os.dup2(descriptor, target)
        kernel.set_limits(
            task["cpu_seconds"],
            task["address_space"],
            task["scratch_bytes"],
            FILES,
            task["processes"] + OURS,
            task["stack_bytes"],
        )
        self.landlock.enter(root.SCRATCH, readable)
        os.closerange(4, 300)
        os.closerange(300 + len(kept), 1 << 16)
        for name, descriptor in zip(task["files"], kept[4:], strict=False):
            _copy(descriptor, os.open(name, os.O_CREAT | os.O_WRONLY, 0o700))
        # only now, because writing the task's own files must not count
        resource.setrlimit(resource.RLIMIT_FSIZE, (task["file_bytes"], task["file_bytes"]))
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, but a shell's pipes depend on it
        self.seccomp.install()
        os.write(kept[-1], kernel.CONFINED)
        if task["product"]:
            _make(task, kept[-2])
        os.execve(task["command"][0], task["command"], task["environment"])


def _make(task: dict[str, Any], product: int) -> None:
    """Run a compiler, copy what it made, and exit with its exit status. Never returns."""
    pid = os.posix_spawn(task["command"][0], task["command"], task["environment"])
    _, status = os.waitpid(pid, 0)
    if not status:
        _copy(os.open(task["product"], os.O_RDONLY | os.O_NOFOLLOW), product)
    os._exit(min(255, abs(os.waitstatus_to_exitcode(status))))


def _copy(source: int, target: int) -> None:
    while piece := memoryview(os.read(source, 1 << 20)):
        while piece:
            piece = piece[os.write(target, piece) :]
    os.close(target)


def _may_make_namespaces() -> bool:
    try:
        kernel.unshare(kernel.NEWIPC)
    except PermissionError:
        return False
    return True
