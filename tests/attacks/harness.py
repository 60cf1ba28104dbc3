"""Runs one attack against a sandbox and says everything that went wrong, the answer or the canaries.

Canaries are things an ordinary user could read, write or reach: a secret file, a world-writable directory, a variable, sockets
on loopback, the memory and the settings of this process. They must exist before the sandbox starts, so that it could inherit
them. Departure from a plain test: a listener never accepts while the attack runs; the kernel completes the connection, and
`contacts` takes it from the backlog afterwards, so no thread is needed.
"""

import asyncio
import contextlib
import ctypes
import os
import resource
import secrets
import shutil
import signal
import socket
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import answers
import benign
import channel
import forged
import leftovers
import objects
import odd
import processes
import raised
import reach
import resources
from attack import Attack, filled, syscall_numbers

from reward.sandbox import Limits

FAMILIES = {
    "forged": forged.ATTACKS + raised.ATTACKS + channel.ATTACKS + answers.ATTACKS + objects.ATTACKS,
    "reach": reach.ATTACKS + processes.ATTACKS,
    "resources": resources.ATTACKS,
    "leftovers": leftovers.ATTACKS,
    "odd": odd.ATTACKS,
    "benign": benign.ATTACKS,
}
ATTACKS = [attack for family in FAMILIES.values() for attack in family]
if twice := {name for name, times in Counter(attack.name for attack in ATTACKS).items() if times > 1}:
    raise ValueError(f"attacks with the same name: {sorted(twice)}; rename one of each")

# What the set is written for: Sandbox(limits=Limits(**LIMITS)).
LIMITS = {
    "cpu_seconds": 2,
    "wall_seconds": 4,
    "memory_bytes": 512 << 20,
    "output_bytes": 1 << 20,
    "scratch_bytes": 16 << 20,
    "processes": 32,
}
HURRIED = LIMITS | {"cpu_seconds": 0.5, "wall_seconds": 1}  # of those that only time ends
UNSUPPORTED = frozenset({"unsupported"})
PATIENCE = 60  # seconds after which a check counts as stuck: many times the wall limit, for a loaded machine
OVERRUN = 8  # seconds a verdict may take beyond the wall limit, on a machine that others use too
GRACE = 2.0  # seconds a process may live on after the verdict
GROWTH = 256 << 20  # bytes this process may grow by while it waits for a verdict
PUBLIC = ("/tmp", "/dev/shm", "/var/tmp")
RECORDED = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGIO, signal.SIGWINCH, signal.SIGCONT)
HEALTHY = Attack("healthy", "Is right.", "def f(x): return x * x", "assert f(3) == 9\nassert f(12) == 144", frozenset({"pass"}))


_active: list["Canaries"] = []  # a signal is for the whole process, so all of them record it
_handlers: dict[int, object] = {}


def _record(number: int, _: object) -> None:
    """Notes a signal in all canaries."""
    for canaries in _active:
        canaries.signals.append(signal.Signals(number).name)


class Canaries:
    """Everything the attacks may not read, change or reach; a context manager.

    It makes this process the reaper of orphans below it, so that a process which left its parents is still known for ours.
    """

    def __enter__(self) -> "Canaries":
        self.secret, self.mark, self.signals = secrets.token_hex(16), "m" + secrets.token_hex(6), []
        # not in TMPDIR, which may be closed to the user that a sandbox becomes: the attack would fail for a wrong reason
        self.root = Path(tempfile.mkdtemp(prefix="canary-", dir="/var/tmp"))
        self.root.chmod(0o755)
        self.file = self.root / "secret.txt"
        self.file.write_text(self.secret)
        self.file.chmod(0o644)
        self.fd = os.open(self.file, os.O_RDONLY)
        self.memory = ctypes.create_string_buffer(self.secret.encode())
        self.victim = ctypes.create_string_buffer(b"an unharmed text")
        self.directory = self.root / "open"
        self.variable = "CANARY_" + self.mark
        os.environ[self.variable] = self.secret
        self._listen()
        if not _active:
            ctypes.CDLL(None).prctl(36, 1)  # PR_SET_CHILD_SUBREAPER
            _handlers.update({number: signal.signal(number, _record) for number in RECORDED})
        _active.append(self)
        self.reset()
        return self

    def __exit__(self, *_: object) -> None:
        _active.remove(self)
        if not _active:
            ctypes.CDLL(None).prctl(36, 0)
            for number in RECORDED:
                signal.signal(number, _handlers.pop(number))
        for one in self.sockets.values():
            one.close()
        os.close(self.fd)
        os.environ.pop(self.variable, None)
        shutil.rmtree(self.root, ignore_errors=True)

    def _listen(self) -> None:
        """Opens one listener of each kind on loopback."""
        self.abstract = self.mark + "-stream"
        self.sockets = {
            "TCP": _bound(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0)),
            "UDP": _bound(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0)),
            "unix": _bound(socket.AF_UNIX, socket.SOCK_STREAM, str(self.root / "socket")),
            "abstract": _bound(socket.AF_UNIX, socket.SOCK_STREAM, "\0" + self.abstract),
            "abstract datagram": _bound(socket.AF_UNIX, socket.SOCK_DGRAM, "\0" + self.abstract + "-d"),
        }
        with contextlib.suppress(OSError):  # a machine without IPv6
            self.sockets["TCP6"] = _bound(socket.AF_INET6, socket.SOCK_STREAM, ("::1", 0))
        (self.root / "socket").chmod(0o666)

    def reset(self) -> None:
        """Puts the writable directory and the records back to their first state."""
        if self.directory.exists():
            self.directory.chmod(0o777)
            shutil.rmtree(self.directory)
        self.directory.mkdir()
        self.directory.chmod(0o777)
        (self.directory / "victim").write_text("an unharmed file")
        (self.directory / "victim").chmod(0o666)
        self.victim.value = b"an unharmed text"
        self.contacts()
        self.signals.clear()
        self.before = self.picture()

    def places(self) -> dict[str, str]:
        """The placeholders of the sources with this run's values."""
        port = {name: str(self.sockets[name].getsockname()[1]) for name in ("TCP", "UDP")}
        return syscall_numbers() | {
            "@CANARY_FILE@": str(self.file),
            "@CANARY_DIR@": str(self.directory),
            "@SECRET@": self.secret,
            "@SECRET_FD@": str(self.fd),
            "@VARIABLE@": self.variable,
            "@MARK@": self.mark,
            "@PORT@": port["TCP"],
            "@PORT6@": str(self.sockets["TCP6"].getsockname()[1]) if "TCP6" in self.sockets else port["TCP"],
            "@UDP_PORT@": port["UDP"],
            "@UNIX_SOCKET@": str(self.root / "socket"),
            "@ABSTRACT@": self.abstract,
            "@ABSTRACT_DATAGRAM@": self.abstract + "-d",
            "@PARENT@": str(os.getpid()),
            "@ADDRESS@": str(ctypes.addressof(self.memory)),
            "@VICTIM@": str(ctypes.addressof(self.victim)),
        }

    def picture(self) -> dict[str, object]:
        """The state of everything that an attack could have changed."""
        paths = [self.directory, *sorted(self.directory.rglob("*"))]
        stats = {str(p.relative_to(self.root)): _state(p) for p in paths}
        return {
            "canary directory": stats,
            "canary file": (self.file.read_text(), _state(self.file)),
            "memory of the harness": self.victim.raw,
            "limits of the harness": {
                n: resource.getrlimit(getattr(resource, n)) for n in dir(resource) if n.startswith("RLIMIT_")
            },
            "priority of the harness": os.getpriority(os.PRIO_PROCESS, 0),
            "cores of the harness": sorted(os.sched_getaffinity(0)),
            "scheduler of the harness": os.sched_getscheduler(0),
            "oom score of the harness": Path("/proc/self/oom_score_adj").read_text(),
            "umask of the harness": _status_field("Umask"),
            "tracer of the harness": _status_field("TracerPid"),
            "marked files": sorted(marked(self.mark)),
            "System V objects": system_v(),
        }

    def contacts(self) -> list[str]:
        """The listeners that somebody has reached since the last look."""
        reached = []
        for name, one in self.sockets.items():
            with contextlib.suppress(BlockingIOError):
                if one.type == socket.SOCK_DGRAM:
                    one.recv(4096)
                else:
                    one.accept()[0].close()
                reached.append(name)
        return reached

    def harm(self) -> list[str]:
        """What has been changed, reached or signalled since the last reset."""
        after = self.picture()
        changed = [
            f"{name} changed: {self.before[name]!r} -> {after[name]!r}"[:400]
            for name in after
            if after[name] != self.before[name]
        ]
        return changed + [f"{name} listener contacted" for name in self.contacts()] + [f"got {name}" for name in self.signals]


def _bound(family: int, kind: int, address: object) -> socket.socket:
    """A socket that listens, or waits for datagrams, without blocking."""
    one = socket.socket(family, kind)
    one.bind(address)
    if kind == socket.SOCK_STREAM:
        one.listen(64)
    one.setblocking(False)
    return one


def _state(path: Path) -> tuple:
    """Type, mode, owner, links, size, times, attributes and content of one path."""
    try:
        s = path.lstat()
    except FileNotFoundError:
        return ("gone",)
    content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
    names = os.listxattr(path, follow_symlinks=False)
    times = () if path.is_dir() else (s.st_mtime_ns,)
    return (oct(s.st_mode), s.st_uid, s.st_nlink, s.st_size if content else 0, times, names, content[:100])


def _status_field(name: str) -> str:
    """One line of /proc/self/status."""
    return next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name + ":"))


def system_v() -> list[str]:
    """The identifiers of all System V shared memory, queues and semaphores."""
    found = []
    for kind in ("shm", "msg", "sem"):
        with contextlib.suppress(FileNotFoundError):  # a kernel without System V
            rows = Path("/proc/sysvipc", kind).read_text().splitlines()[1:]
            found += [f"{kind} {row.split()[1]}" for row in rows]
    return sorted(found)


def marked(mark: str) -> Iterator[str]:
    """The paths whose name has the mark: two levels of public places and the working directory, all of a private TMPDIR."""
    tops = dict.fromkeys([*PUBLIC, os.getcwd()], 1)
    tops.setdefault(tempfile.gettempdir(), 99)
    for top, levels in tops.items():
        for root, folders, files in os.walk(top):
            deep = 0 if root == top else os.path.relpath(root, top).count(os.sep) + 1
            yield from (os.path.join(root, name) for name in folders + files if mark in name)
            folders[:] = [name for name in folders if deep < levels and not name.startswith("canary-")]


def descendants() -> dict[int, tuple[int, str]]:
    """Every process below this one, zombies too: its parent, and what it is."""
    table = {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            stat = Path("/proc", entry, "stat").read_text()
            name, rest = stat[stat.index("(") : stat.rindex(")") + 1], stat[stat.rindex(")") + 2 :].split()
            table[int(entry)] = (int(rest[1]), f"{name} state {rest[0]} parent {rest[1]} started {rest[19]}")
    return {pid: row for pid, row in table.items() if _below(pid, {os.getpid()}, table)}


def _below(pid: int, ancestors: set[int], table: dict[int, tuple[int, str]]) -> bool:
    """Whether the process has one of the ancestors above it in the table."""
    while pid in table:
        pid = table[pid][0]
        if pid in ancestors:
            return True
    return False


def peak_bytes() -> int:
    """The peak of this process' resident memory since the last `forget_peak`."""
    return int(_status_field("VmHWM").split()[1]) << 10


def forget_peak() -> None:
    """Lets the kernel measure the peak of this process from now on."""
    Path("/proc/self/clear_refs").write_text("5")


async def answer(sandbox, attack: Attack, places: dict[str, str], solution: str | None = None) -> tuple[str, str]:
    """The status word of one attack and the reason; IO mode's right values count as a pass."""
    source = filled(attack.solution if solution is None else solution, places)
    limits = Limits(**HURRIED) if attack.expect == {"timeout"} else None
    if attack.arguments is None:
        verdict = await sandbox.check(source, filled(attack.tests, places), attack.entry_point, limits)
        return verdict.status, str(verdict.why)
    given = [[filled(a, places) if isinstance(a, str) else a for a in row] for row in attack.arguments]
    right = [filled(v, places) if isinstance(v, str) else v for v in attack.values]
    results = await sandbox.calls(source, attack.entry_point, given, limits)
    bad = [r for r in results if r.status != "returned"]
    if bad:
        return bad[0].status, str(bad[0].why)
    got = [r.value for r in results]
    same = len(got) == len(right) and all(type(g) is type(r) and g == r for g, r in zip(got, right, strict=True))
    return ("pass" if same else "fail"), f"{got!r}"[:200]


async def strangers(sandboxes: list, before: dict) -> list[str]:
    """The new processes that outlive the grace and are no sandbox's own; beside other attacks only orphans count."""
    until = time.monotonic() + GRACE
    while True:
        own, table = {pid for sandbox in sandboxes for pid in sandbox.pids()}, descendants()
        new = {pid: row for pid, row in table.items() if pid not in before and pid not in own}
        if len(sandboxes) > 1:
            new = {pid: row for pid, row in new.items() if not _below(pid, own, table)}
        if not new or time.monotonic() > until:
            return [f"process {pid} left: {what}" for pid, (_, what) in new.items()]
        await asyncio.sleep(0.05)


async def attack(sandbox, attack: Attack, canaries: Canaries, others: list | None = None) -> list[str]:
    """Runs one attack; what went wrong, nothing if all is well.

    Several may run at once if each has canaries and a sandbox of its own and knows the `others`; the harness' settings are
    shared by all, so that harm to them may be reported by a neighbour.
    """
    canaries.reset()
    places, processes_before = canaries.places(), descendants()
    forget_peak()
    floor, started, wrong = peak_bytes(), time.monotonic(), []
    try:
        status, why = await asyncio.wait_for(answer(sandbox, attack, places), PATIENCE)
    except TimeoutError:
        return [f"{attack.name}: no verdict after {PATIENCE} s", *canaries.harm()]
    except Exception as error:  # any: the next attack has to run
        return [f"{attack.name}: no verdict but {error!r}"[:400], *canaries.harm()]
    seconds = time.monotonic() - started
    expected = UNSUPPORTED if attack.joined and not sandbox.together else attack.expect
    if status not in expected:
        word = "FOOLED, " if status == "pass" else ""
        wrong.append(f"{word}{status} ({why[:300]}) where {'/'.join(sorted(expected))} was expected, after {seconds:.1f} s")
    if seconds > LIMITS["wall_seconds"] + OVERRUN:
        wrong.append(f"the verdict took {seconds:.1f} s")
    if (grown := peak_bytes() - floor) > GROWTH:
        wrong.append(f"the harness grew by {grown >> 20} MiB")
    wrong += await strangers([sandbox, *(others or [])], processes_before)
    if attack.follow is not None:
        after = [await answer(sandbox, attack, places, attack.follow) for _ in range(4)]
        wrong += [f"left something for the next task, which got {s} ({w[:200]})" for s, w in after if s == "pass"]
    status, why = await asyncio.wait_for(answer(sandbox, HEALTHY, places), PATIENCE)
    if status != "pass":
        wrong.append(f"the sandbox is spoiled: a right program got {status} ({why[:300]})")
    wrong += canaries.harm()  # after the next task, before which a sandbox cleans up at the latest
    return [f"{attack.name}: {line}" for line in wrong]


async def attack_all(make_sandbox: Callable, attacks: Iterable[Attack] = ATTACKS, lanes: int = 2) -> list[str]:
    """Runs the attacks in lanes, each with canaries and a sandbox of its own; what went wrong, or stayed after the end."""
    waiting, wrong, before = list(reversed(list(attacks))), [], descendants()
    with contextlib.ExitStack() as first:
        canaries = [first.enter_context(Canaries()) for _ in range(lanes)]
        async with contextlib.AsyncExitStack() as second:
            sandboxes = [await second.enter_async_context(make_sandbox()) for _ in range(lanes)]

            async def lane(i: int) -> None:
                others = [one for one in sandboxes if one is not sandboxes[i]]
                while waiting:
                    wrong.extend(await attack(sandboxes[i], waiting.pop(), canaries[i], others))

            await asyncio.gather(*map(lane, range(lanes)))
        wrong += await strangers([], before)
    return wrong
