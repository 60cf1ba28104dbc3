"""Check that the sandbox holds on this machine by trying to escape from it at every start.

Kernels differ in what they offer, containers differ in what they allow, and constants can be wrong; only an
attempt shows it. The attempts run where solutions run. If one succeeds, the sandbox refuses to start: a level
states what was seen to hold, never what was requested.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from reward.sandbox.host.program_worker import ProgramWorker
from reward.sandbox.host.worker import Broken, SandboxUnavailable, Worker
from reward.sandbox.inside import values
from reward.sandbox.languages.base import SEARCHED, Needs, Step
from reward.sandbox.limits import Level, Limits
from reward.sandbox.verdicts import CallResult

MEMORY_BYTES = 64 << 20
PORTS_TRIED = 20
"""Ports that the system offers for TCP and that are tried for UDP too, before the sandbox gives up."""
_LIMITS = Limits(cpu_seconds=10, memory_bytes=MEMORY_BYTES, scratch_bytes=1 << 20)

_ATTEMPTS = """
import os, socket, subprocess

def attempt(what, folder, port, parent, size):
    secret = os.path.join(folder, "secret")
    ways = {
        "read a file outside": lambda: open(secret).read(),
        "list a folder outside": lambda: os.listdir(folder),
        "write outside": lambda: open(os.path.join(folder, "new"), "w").write("x"),
        "truncate a file outside": lambda: os.open(secret, os.O_RDONLY | os.O_TRUNC),
        "truncate a file outside without a mode": lambda: os.open(secret, 3 | os.O_TRUNC),
        "delete a file outside": lambda: os.unlink(secret),
        "rename a file outside": lambda: os.rename(secret, secret + ".moved"),
        "link to a file outside": lambda: os.link(secret, "linked"),
        "change a file's mode": lambda: os.chmod(secret, 0o600),
        "change a file's times": lambda: os.utime(secret, (1, 1)),
        "connect over TCP": lambda: socket.create_connection(("127.0.0.1", port), 1),
        "send over UDP": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(
            b"x", ("127.0.0.1", port)),
        "connect to a UNIX socket": lambda: socket.socket(socket.AF_UNIX).connect(
            os.path.join(folder, "socket")),
        "send to a UNIX socket from a pair": lambda: socket.socketpair(
            socket.AF_UNIX, socket.SOCK_DGRAM)[0].sendto(b"x", os.path.join(folder, "datagrams")),
        "fork": lambda: os.fork() or os._exit(0),
        "run a program": lambda: subprocess.run(["/bin/true"]),
        "spawn a program": lambda: os.posix_spawn("/bin/true", ["true"], {}),
        "signal another process": lambda: os.kill(parent, 0),
        "read another process's environment": lambda: open(f"/proc/{parent}/environ").read(1),
        "allocate more memory than allowed": lambda: len(bytearray(size)),
    }
    try:
        ways[what]()
    except (OSError, MemoryError):
        return False
    return True

def hoard(size):
    kept = []
    for _ in range(8):
        kept.append(os.open("big", os.O_CREAT | os.O_RDWR))
        os.unlink("big")
        os.write(kept[-1], bytes(size))
    globals()["kept"] = kept

def own_folder():
    with open("note", "w") as stream:
        stream.write("x")
    return open("note").read() == "x" and os.listdir(".") == ["note"]
"""
_PROGRAM = """
folder=$1 port=$2 parent=$3
try() { if "${@:2}" >/dev/null 2>&1; then echo "$1"; fi; }
nest() { if (($1)); then (nest $(($1 - 1))); else echo "start more processes than allowed"; fi; }
echo x >note && [ "$(cat note)" = x ] && echo works
try "read a file outside" cat "$folder/secret"
try "list a folder outside" ls "$folder"
try "write outside" touch "$folder/new"
try "write to the system" touch /usr/new /new
try "delete a file outside" rm "$folder/secret"
try "rename a file outside" mv "$folder/secret" "$folder/moved"
try "link to a file outside" ln "$folder/secret" linked
try "change a file's mode" chmod 600 "$folder/secret"
try "connect over TCP" bash -c "exec 5<>/dev/tcp/127.0.0.1/$port"
try "send over UDP" bash -c "echo x >/dev/udp/127.0.0.1/$port"
try "signal another process" kill -0 "$parent"
try "read another process's environment" cat "/proc/$parent/environ"
try "read the first process's environment" grep -q . /proc/1/environ
try "make a user namespace" unshare --user true
sleep 0.2 &
nest 40 2>/dev/null &
wait %1
"""
WAYS = tuple(line.split('"')[1] for line in _ATTEMPTS.splitlines() if line.startswith('        "'))


def probe(worker: Worker, level: Level) -> None:
    """Try every escape in a worker that has been started.

    Raises:
        SandboxUnavailable: an escape succeeds, or plain code does not run.
    """
    _works(worker)
    (hoarded,) = _results(worker, "hoard", [(_LIMITS.scratch_bytes // 4,)])
    if hoarded.status != "disk":
        raise SandboxUnavailable(
            f"code could fill the disk with files that it deleted: {hoarded.status} {hoarded.why}"
        )
    if level != "weak":
        opened = escapes(worker)
        if opened:
            raise SandboxUnavailable(
                f"level {level!r} does not hold on this machine: code can {', '.join(opened)}"
            )


def probe_programs(worker: ProgramWorker) -> None:
    """Try to escape from a worker that runs programs, using a shell.

    Raises:
        SandboxUnavailable: an escape succeeds, or a plain program does not run.
    """
    shell = shutil.which("bash", path=SEARCHED)
    if shell is None:
        raise SandboxUnavailable(
            "bash is not installed (Debian package bash): it tries whether the sandbox holds programs"
        )
    with _escape_targets() as (folder, port, received):
        step = Step((shell, "probe.sh", folder, str(port), str(os.getpid())), {"probe.sh": _PROGRAM.encode()})
        try:
            ran = worker.run(step, Limits(cpu_seconds=10, processes=20), Needs())
        except Broken as error:
            raise SandboxUnavailable(f"the sandbox broke during its start-up test: {error}") from None
        works, *opened = ran.stdout.decode().splitlines() or [""]
        if works != "works":
            why = ran.ending.failure or ran.stderr.decode(errors="replace")[:500]
            raise SandboxUnavailable(f"plain programs do not run in the sandbox: {why}")
        if not opened and (received() or sorted(os.listdir(folder)) != ["datagrams", "secret", "socket"]):
            opened.append("reach outside without an error")
    if opened:
        raise SandboxUnavailable(
            f"level 'full' does not hold for programs on this machine: they can {', '.join(opened)}"
        )


def remedy(level: Level) -> str:
    """Return what a user can do when the machine cannot provide a level."""
    if level == "full":
        return (
            "unprivileged user namespaces are needed (inside Docker: --security-opt seccomp=unconfined; "
            "on Ubuntu 24.04 or later: an AppArmor profile with `userns`), or name the weaker "
            "`level: kernel`, which needs none"
        )
    return (
        "Linux 5.13 or later with Landlock and seccomp is needed, on x86_64 or aarch64 "
        "(`cat /sys/kernel/security/lsm` should name landlock); else run in a virtual machine, or name "
        "`level: weak` and know that code can reach files and network"
    )


def escapes(worker: Worker) -> list[str]:
    """Return the escapes that succeed."""
    with _escape_targets() as (folder, port, received):
        given = [(what, folder, port, os.getpid(), 2 * MEMORY_BYTES) for what in WAYS]
        answers = [result.value for result in _calls(worker, "attempt", given)]
        left = sorted(os.listdir(folder))
        opened: list[str] = [what for what, done in zip(WAYS, answers, strict=True) if done]
        if not opened and (received() or left != ["datagrams", "secret", "socket"]):
            opened.append("reach outside without an error")
    return opened


def _works(worker: Worker) -> None:
    (result,) = _calls(worker, "own_folder", [()])
    if result.value is not True:
        raise SandboxUnavailable("code in the sandbox cannot use its own folder")


def _calls(worker: Worker, function: str, given: Sequence[tuple[object, ...]]) -> list[CallResult]:
    results = _results(worker, function, given)
    for result in results:
        if result.status != "returned":
            raise SandboxUnavailable(f"plain code does not run in the sandbox: {result.status}: {result.why}")
    return results


def _results(worker: Worker, function: str, given: Sequence[tuple[object, ...]]) -> list[CallResult]:
    messages = [values.dump(["call", function, list(arguments), {}], str, 1 << 20) for arguments in given]
    try:
        return worker.calls(_ATTEMPTS, function, messages, _LIMITS)
    except Broken as error:
        raise SandboxUnavailable(f"the sandbox broke during its start-up test: {error}") from None


@contextmanager
def _escape_targets() -> Iterator[tuple[str, int, Callable[[], bool]]]:
    """Create targets for an escape: a folder open to everybody, a file to read, and listeners."""
    tcp, udp = _listeners_on_one_port()
    with (
        tcp,
        udp,
        tempfile.TemporaryDirectory(prefix="align-probe-") as folder,
        socket.socket(socket.AF_UNIX) as stream,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagrams,
    ):
        Path(folder).chmod(0o777)
        secret = Path(folder, "secret")
        secret.write_text(secrets.token_hex(8), encoding="ascii")
        secret.chmod(0o666)
        stream.bind(f"{folder}/socket")
        stream.listen()
        datagrams.bind(f"{folder}/datagrams")
        for name in ("socket", "datagrams"):
            Path(folder, name).chmod(0o777)
        listeners = (tcp, udp, stream, datagrams)

        def received() -> bool:
            return any(_received(listener) for listener in listeners)

        yield folder, tcp.getsockname()[1], received


def _listeners_on_one_port(tries: int = PORTS_TRIED) -> tuple[socket.socket, socket.socket]:
    """Return a TCP and a UDP listener on the loopback address, both on the same port.

    Raises:
        OSError: so many ports in a row were free for TCP and taken for UDP.
    """
    tcp, udp = socket.create_server(("127.0.0.1", 0)), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        udp.bind(tcp.getsockname())
    except OSError:  # another program has this port for UDP
        tcp.close()
        udp.close()
        if tries == 1:
            raise
        return _listeners_on_one_port(tries - 1)
    return tcp, udp


def _received(listener: socket.socket) -> bool:
    listener.setblocking(False)
    try:
        if listener.type == socket.SOCK_DGRAM:
            return bool(listener.recv(10))
        listener.accept()[0].close()
    except BlockingIOError:
        return False
    return True
