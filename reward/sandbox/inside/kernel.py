"""Confine a process by kernel calls through ctypes: rlimits, no_new_privs, Landlock, seccomp, namespaces.

None of these needs a privilege, except for namespaces where the machine's owner has forbidden them. Each is a
handful of system calls; the existing Python bindings are younger than the code that they would replace
(`docs/sandbox.md`). The start-up probes (`reward.sandbox.host.probes`) test what is promised here, so a wrong
constant is found before anything untrusted runs.

Sources: landlock(7), seccomp(2), namespaces(7), capabilities(7), mount_namespaces(7).
"""

from __future__ import annotations

import ctypes
import fcntl
import math
import os
import platform
import resource
import signal
import struct
from collections.abc import Iterable

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long
_libc.prctl.argtypes = [ctypes.c_int, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong]
_libc.mount.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p]
_libc.umount2.argtypes = [ctypes.c_char_p, ctypes.c_int]
_libc.unshare.argtypes = [ctypes.c_int]
_fork = ctypes.PyDLL(None, use_errno=True).fork

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_CAPBSET_DROP = 1, 4, 22, 24
PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 38, 47, 4
SECCOMP_MODE_FILTER = 2
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
"""These have the same numbers on every machine."""
PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
CAPSET = {"x86_64": 126, "aarch64": 91}
CLONE = {"x86_64": 56, "aarch64": 220}
CAPABILITY_VERSION = 0x20080522

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 2, 4, 8
_TRUNCATE, _IOCTL_DEV = 1 << 14, 1 << 15
_MAKE_CHAR, _MAKE_SOCK, _MAKE_BLOCK, _MAKE_SYM, _REFER = 1 << 6, 1 << 9, 1 << 11, 1 << 12, 1 << 13
READ = READ_FILE | READ_DIR

NEWNS, NEWUTS, NEWIPC = 0x20000, 0x4000000, 0x8000000
NEWUSER, NEWPID, NEWNET = 0x10000000, 0x20000000, 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 32, 4096, 16384, 1 << 18
MNT_DETACH = 2
NOBODY = 65534
OWN_USERS = 1 << 28
"""Users from here on are normally unused, so each worker takes one, and the kernel's count of that user's
processes is the worker's own."""
SIGNALS = 256
"""Most signals that may be pending for all processes of the user."""
CONFINED = b"\0"
"""A process tells its zygote this when it is confined, before it reads anything untrusted."""
STACK_BYTES = 64 << 20
"""Stack of the first thread; a deep recursion in C ends in SIGSEGV there."""


def confinement_failure(told: bytes) -> str:
    """Return why a process could not be confined, from what it told its zygote; "" if it was confined."""
    if told == CONFINED:
        return ""
    return told.lstrip(CONFINED).decode(errors="replace") or "it ended before it was confined"


def _check(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def prctl(option: int, argument: int = 0, what: str = "prctl") -> None:
    """Set one attribute of this process."""
    _check(_libc.prctl(option, argument, 0, 0, 0), what)


def landlock_abi() -> int:
    """Return the Landlock version of this kernel; 0 if it has none."""
    return max(0, _libc.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint(1)))


class Landlock:
    """Limit the files that a process may reach to those that are listed.

    The paths are opened once, here; each rule set adds one scratch folder to them.
    """

    def __init__(
        self,
        readable: Iterable[str],
        devices: Iterable[str] = (),
        programs: bool = False,
        listable: Iterable[str] = (),
    ) -> None:
        """Open the paths that may be reached.

        Args:
            readable: files and folders to read.
            listable: folders in which names may be listed, at any depth, but no file may be read.
            devices: files to read and write.
            programs: whether readable files and files made in the scratch folder may be executed, and links
                may be made there.
        """
        abi = landlock_abi()
        files = (1 << 13) - 1
        files |= _REFER if abi >= 2 else 0
        files |= _TRUNCATE if abi >= 3 else 0
        files |= _IOCTL_DEV if abi >= 5 else 0
        net = 3 if abi >= 4 else 0  # no bind and no connect over TCP
        scoped = 3 if abi >= 6 else 0  # no abstract socket and no signal to the outside
        size = 8 if abi < 4 else 16 if abi < 6 else 24
        self._attributes = struct.pack("=QQQ", files, net, scoped)[:size]
        self._in_scratch = files & ~(_MAKE_CHAR | _MAKE_BLOCK | _MAKE_SOCK | _IOCTL_DEV)
        self._in_scratch &= ~0 if programs else ~(EXECUTE | _MAKE_SYM)
        execute = EXECUTE if programs else 0
        rules = [(path, execute | (READ if os.path.isdir(path) else READ_FILE)) for path in readable]
        rules += [(path, READ_FILE | WRITE_FILE) for path in devices] + [
            (path, READ_DIR) for path in listable
        ]
        self._rules = [struct.pack("=Qi", rights, _open_high(path)) for path, rights in rules]

    def enter(self, scratch: str, readable: Iterable[str] = ()) -> None:
        """Restrict this process permanently to the listed paths and `scratch`, where it may also write."""
        ruleset = self.prepared(scratch, readable)
        restrict(ruleset)
        os.close(ruleset)

    def prepared(self, scratch: str, readable: Iterable[str] = ()) -> int:
        """Return a rule set for `restrict`, as a descriptor of 100 or above."""
        ruleset = _syscall(
            "landlock_create_ruleset", CREATE_RULESET, self._attributes, len(self._attributes), 0
        )
        inner = {os.open(path, os.O_PATH | os.O_CLOEXEC): READ for path in readable}
        inner[os.open(scratch, os.O_PATH | os.O_CLOEXEC)] = self._in_scratch
        for rule in [*self._rules, *(struct.pack("=Qi", rights, opened) for opened, rights in inner.items())]:
            _syscall("landlock_add_rule", ADD_RULE, ruleset, 1, rule, 0)
        high = fcntl.fcntl(ruleset, fcntl.F_DUPFD_CLOEXEC, 100)
        for opened in (ruleset, *inner):
            os.close(opened)
        return high

    def close(self) -> None:
        """Close the paths, when all rule sets are prepared."""
        for rule in self._rules:
            os.close(struct.unpack("=Qi", rule)[1])


def restrict(ruleset: int) -> None:
    """Apply a rule set to this process permanently."""
    _syscall("landlock_restrict_self", RESTRICT_SELF, ruleset, 0)


def _open_high(path: str) -> int:
    """Open a path as a high descriptor, whose number no other descriptor will take."""
    low = os.open(path, os.O_PATH | os.O_CLOEXEC)
    high = fcntl.fcntl(low, fcntl.F_DUPFD_CLOEXEC, 100)
    os.close(low)
    return high


def fork() -> int:
    """Fork a process that has no other thread; return 0 in the child, and the child's id in the parent.

    `os.fork` also makes every module reset its locks and random numbers. That touches 270 memory pages and
    seeds `random` anew, so that the same code would not do the same twice.
    """
    return _check(_fork(), "fork")


def no_new_privileges() -> None:
    """Let no later exec gain privileges. Landlock and seccomp require this."""
    prctl(PR_SET_NO_NEW_PRIVS, 1, "no_new_privs")


class Seccomp:
    """A seccomp filter, prepared once to be installed often: ctypes makes a type for each array size."""

    def __init__(self, instructions: bytearray) -> None:
        """Prepare a filter (`inside.policy`); if the bytes change later, the changed bytes are installed."""
        held = (ctypes.c_char * len(instructions)).from_buffer(instructions)
        program = struct.pack("@HP", len(instructions) // 8, ctypes.addressof(held))
        self._buffer = ctypes.create_string_buffer(program, len(program))
        self._held, self._address = held, ctypes.addressof(self._buffer)

    def install(self) -> None:
        """Filter the system calls of this process permanently."""
        _check(_libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, self._address, 0, 0), "seccomp")


def drop_capabilities() -> None:
    """Give up every capability permanently."""
    for number in range(64):
        if _libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0) < 0:
            break  # the number is beyond the last capability, or an ordinary user has none to drop
    _libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    header = struct.pack("=Ii", CAPABILITY_VERSION, 0)
    _syscall("capset", CAPSET[platform.machine()], header, bytes(24))


def begin() -> None:
    """Start as if from a clean shell: no signal ignored or blocked, the usual umask, the most descriptors."""
    for number in signal.valid_signals() - {signal.SIGPIPE, signal.SIGXFSZ}:  # which Python ignores by itself
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    os.umask(0o022)
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent ends. A user change cancels this: call it after."""
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL, "pdeathsig")


def own_user() -> int:
    """Return a user id that nothing else uses.

    In a container with few user ids it is drawn from the upper half of them; with very few it is the usual
    nobody, which others may use too.
    """
    with open("/proc/self/uid_map", encoding="ascii") as stream:
        ranges = [[int(word) for word in line.split()] for line in stream]
    drawn = int.from_bytes(os.urandom(3))
    if any(first <= OWN_USERS + drawn < first + size for first, _, size in ranges):
        return OWN_USERS + drawn
    first, _, size = max(ranges, key=lambda each: each[2])
    return first + size - 1 - drawn % (size // 2) if size > 1 << 12 else NOBODY


def become(user: int) -> None:
    """Change from root to another user permanently."""
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)


def set_dumpable(dumpable: bool) -> None:
    """Let this process's /proc files belong to its user; else they are root's and hidden from others."""
    prctl(PR_SET_DUMPABLE, dumpable, "dumpable")


def clone(flags: int) -> int:
    """Fork a single-threaded process into new namespaces; return the child's id, 0 in the child.

    `unshare` cannot be used: it gives new process ids to the children of a process only once.
    """
    return _syscall("clone", CLONE[platform.machine()], flags | signal.SIGCHLD, 0, 0, 0, 0)


def unshare(flags: int) -> None:
    """Enter new namespaces."""
    _check(_libc.unshare(flags), "unshare")


def mount(source: str, target: str, kind: str = "", flags: int = 0, data: str = "") -> None:
    """Mount, bind or remount a file system."""
    _check(
        _libc.mount(source.encode(), target.encode(), kind.encode(), flags, data.encode()), f"mount {target}"
    )


def enter_root(path: str) -> None:
    """Make a mounted folder the root, and unmount the old one."""
    os.chdir(path)
    _syscall("pivot_root", PIVOT_ROOT[platform.machine()], b".", b".")
    _check(_libc.umount2(b".", MNT_DETACH), "umount")
    os.chdir("/")


def set_limits(
    cpu_seconds: float,
    memory_bytes: int | None,
    file_bytes: int,
    files: int,
    processes: int | None = None,
    stack_bytes: int = STACK_BYTES,
) -> None:
    """Set soft and hard rlimits; a soft limit alone sends a signal, which code could catch and go on.

    The CPU limit is in whole seconds and set a second late, so that the zygote, which reads the clock
    exactly, acts first. A limit of None is left unchanged.
    """
    for what, most in (
        (resource.RLIMIT_CPU, math.ceil(cpu_seconds) + 1),
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_FSIZE, file_bytes),
        (resource.RLIMIT_NOFILE, files),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_STACK, stack_bytes),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
        (resource.RLIMIT_SIGPENDING, SIGNALS),
        (resource.RLIMIT_NPROC, processes),
    ):
        if most is None:
            continue
        held = resource.getrlimit(what)[1]
        most = most if held == resource.RLIM_INFINITY else min(most, held)
        resource.setrlimit(what, (most, most))


def _syscall(what: str, number: int, *arguments: bytes | int) -> int:
    values = [
        ctypes.c_long(value) if isinstance(value, int) else ctypes.c_char_p(value) for value in arguments
    ]
    return _check(_libc.syscall(ctypes.c_long(number), *values), what)
