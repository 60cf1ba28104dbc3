"""List the system calls that sandboxed code may make, and build the seccomp filter that enforces the list.

The list names what is allowed: what Python, its standard library and numpy need to compute, to use threads,
and to read and write files that Landlock allows (`inside.kernel`). A call that is not listed fails with
EPERM, so honest code gets a PermissionError that says so. A call that only an attack would make (ptrace, bpf,
namespaces, io_uring, ...) kills the process.

No allowed call starts a process, so there are no fork bombs, daemons or shells to handle, and SIGKILL on one
process is a complete clean-up.

Sources. Numbers: Linux's asm/unistd_64.h (x86_64) and asm-generic/unistd.h (aarch64). Filter: Linux's
userspace API guide, seccomp filter; a program is an array of (code: u16, jt: u8, jf: u8, k: u32), and `struct
seccomp_data` has nr at byte 0, arch at 4, arguments (u64) from 16.
"""

from __future__ import annotations

import platform
import struct
from collections.abc import Iterable, Mapping
from errno import ENOSYS, EPERM
from typing import TypeAlias

ALLOWED = """
access arch_prctl brk clock_getres clock_gettime clock_nanosleep close close_range copy_file_range creat dup
dup2 dup3 epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_wait eventfd eventfd2 exit exit_group
faccessat faccessat2 fadvise64 fchdir fdatasync fstat fstatfs fsync ftruncate futex getcpu getcwd getdents
getdents64 getegid geteuid getgid getgroups getitimer getpeername getpgid getpgrp getpid getppid getpriority
getrandom getresgid getresuid getrlimit getrusage getsid getsockname getsockopt gettid gettimeofday getuid
get_robust_list lseek lstat madvise membarrier mincore mkdir mkdirat mprotect mremap msync munmap nanosleep
newfstatat pause pipe pipe2 poll ppoll pread64 preadv preadv2 pselect6 pwrite64 pwritev pwritev2 read
readahead readlink readlinkat readv recvfrom rename renameat renameat2 restart_syscall rmdir rseq rt_sigaction
rt_sigpending rt_sigprocmask rt_sigreturn rt_sigsuspend rt_sigtimedwait sched_getaffinity sched_getparam
sched_getscheduler sched_get_priority_max sched_get_priority_min sched_yield select sendfile setitimer
setrlimit set_robust_list set_tid_address shutdown sigaltstack alarm stat statfs statx sysinfo chdir time
times umask uname unlink unlinkat write writev
"""
"""These are allowed with any arguments."""

ABSENT = ("clone3", "openat2", "io_pgetevents", "futex_waitv", "mseal")
"""These fail with ENOSYS: C libraries then use the older call, whose arguments a filter can read."""

KILLED = """
acct add_key bpf chroot delete_module fanotify_init finit_module init_module io_uring_enter io_uring_register
io_uring_setup kcmp kexec_file_load kexec_load keyctl mount move_mount open_by_handle_at open_tree
perf_event_open pidfd_getfd pivot_root process_madvise process_vm_readv process_vm_writev ptrace reboot
request_key setns swapon umount2 unshare userfaultfd
"""

PROGRAMS = """
chmod execve fchmod fchmodat fork kill link linkat setpgid setsid symlink symlinkat tgkill tkill utime
utimensat utimes vfork wait4 waitid
"""
"""These are also allowed where programs run (`inside.program_zygote`): each program has its own root, scratch
folder and process ids."""

CLONE_THREAD = 0x10000 | 0x400
"""Flags of a thread that shares the descriptors of the process. A thread with a table of its own could hide
descriptors from every look at the process."""
CLONE_OUT = 0x7E020000 | 0x2000
"""Flags of `clone` that make namespaces, or let the caller's tracer trace the child too."""
TYPE, FIFO = 0xF000, 0x1000
AF_UNIX = 1
O_ACCMODE, O_TRUNC, O_TMPFILE = 3, 0x200, 0x400000
MAP_SHARED_ANONYMOUS = 0x21
"""Flags of memory that stays after it is unmapped. It then belongs to no process, so no limit counts it."""
FCNTL = (0, 1, 2, 3, 4, 5, 6, 7, 9, 1030, 1031, 1032, 1033, 1034)
"""F_DUPFD to F_SETLKW, F_GETOWN, F_DUPFD_CLOEXEC, pipe sizes and seals. F_SETOWN is left out: it sends
signals to other processes."""
IOCTL = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)
"""TCGETS and TIOCGWINSZ (is it a terminal?), FIONREAD, FIONBIO, FIONCLEX, FIOCLEX."""
PRCTL = (3, 15, 16, 21, 30, 0x53564D41)
"""Reading dumpable, seccomp and timer slack; the thread's name; naming memory areas."""

_X86_64 = """
read=0 write=1 open=2 close=3 stat=4 fstat=5 lstat=6 poll=7 lseek=8 mmap=9 mprotect=10 munmap=11 brk=12
rt_sigaction=13 rt_sigprocmask=14 rt_sigreturn=15 ioctl=16 pread64=17 pwrite64=18 readv=19 writev=20 access=21
pipe=22 select=23 sched_yield=24 mremap=25 msync=26 mincore=27 madvise=28 dup=32 dup2=33 pause=34 nanosleep=35
getitimer=36 alarm=37 setitimer=38 getpid=39 sendfile=40 sendto=44 recvfrom=45 shutdown=48 getsockname=51
getpeername=52 socketpair=53 getsockopt=55 clone=56 exit=60 kill=62 uname=63 fcntl=72 fsync=74 fdatasync=75
ftruncate=77 getdents=78 getcwd=79 chdir=80 fchdir=81 rename=82 mkdir=83 rmdir=84 creat=85 unlink=87
readlink=89 umask=95 gettimeofday=96 getrlimit=97 getrusage=98 sysinfo=99 times=100 ptrace=101 getuid=102
getgid=104 geteuid=107 getegid=108 getppid=110 getpgrp=111 getgroups=115 getresuid=118 getresgid=120
getpgid=121 getsid=124 rt_sigpending=127 rt_sigtimedwait=128 rt_sigsuspend=130 sigaltstack=131 statfs=137
fstatfs=138 getpriority=140 sched_getparam=143 sched_getscheduler=145 sched_get_priority_max=146
sched_get_priority_min=147 pivot_root=155 prctl=157 arch_prctl=158 setrlimit=160 chroot=161 acct=163 mount=165
umount2=166 swapon=167 reboot=169 init_module=175 delete_module=176 gettid=186 readahead=187 time=201
futex=202 sched_getaffinity=204 epoll_create=213 getdents64=217 set_tid_address=218 restart_syscall=219
fadvise64=221 clock_gettime=228 clock_getres=229 clock_nanosleep=230 exit_group=231 epoll_wait=232
epoll_ctl=233 tgkill=234 kexec_load=246 add_key=248 request_key=249 keyctl=250 openat=257 mkdirat=258
newfstatat=262 unlinkat=263 renameat=264 readlinkat=267 faccessat=269 pselect6=270 ppoll=271 unshare=272
set_robust_list=273 get_robust_list=274 epoll_pwait=281 eventfd=284 fallocate=285 eventfd2=290
epoll_create1=291 dup3=292 pipe2=293 preadv=295 pwritev=296 perf_event_open=298 fanotify_init=300
prlimit64=302 open_by_handle_at=304 setns=308 getcpu=309 process_vm_readv=310 process_vm_writev=311 kcmp=312
finit_module=313 renameat2=316 getrandom=318 kexec_file_load=320 bpf=321 userfaultfd=323 membarrier=324
copy_file_range=326 preadv2=327 pwritev2=328 statx=332 io_pgetevents=333 rseq=334 fork=57 vfork=58 execve=59
wait4=61 flock=73 link=86 symlink=88 chmod=90 fchmod=91 setpgid=109 setsid=112 utime=132 mknod=133 tkill=200
utimes=235 waitid=247 mknodat=259 linkat=265 symlinkat=266 fchmodat=268 utimensat=280
"""
_AARCH64 = """
getcwd=17 eventfd2=19 epoll_create1=20 epoll_ctl=21 epoll_pwait=22 dup=23 dup3=24 fcntl=25 ioctl=29 mkdirat=34
unlinkat=35 renameat=38 umount2=39 mount=40 pivot_root=41 statfs=43 fstatfs=44 ftruncate=46 fallocate=47
faccessat=48 chdir=49 fchdir=50 chroot=51 openat=56 close=57 pipe2=59 getdents64=61 lseek=62 read=63 write=64
readv=65 writev=66 pread64=67 pwrite64=68 preadv=69 pwritev=70 sendfile=71 pselect6=72 ppoll=73 readlinkat=78
newfstatat=79 fstat=80 fsync=82 fdatasync=83 acct=89 exit=93 exit_group=94 set_tid_address=96 unshare=97
futex=98 set_robust_list=99 get_robust_list=100 nanosleep=101 getitimer=102 setitimer=103 kexec_load=104
init_module=105 delete_module=106 clock_gettime=113 clock_getres=114 clock_nanosleep=115 ptrace=117
sched_getscheduler=120 sched_getparam=121 sched_getaffinity=123 sched_yield=124 sched_get_priority_max=125
sched_get_priority_min=126 restart_syscall=128 kill=129 tgkill=131 sigaltstack=132 rt_sigsuspend=133
rt_sigaction=134 rt_sigprocmask=135 rt_sigpending=136 rt_sigtimedwait=137 rt_sigreturn=139 getpriority=141
reboot=142 getresuid=148 getresgid=150 times=153 getpgid=155 getsid=156 getgroups=158 uname=160 getrlimit=163
setrlimit=164 getrusage=165 umask=166 prctl=167 getcpu=168 gettimeofday=169 getpid=172 getppid=173 getuid=174
geteuid=175 getgid=176 getegid=177 gettid=178 sysinfo=179 socketpair=199 getsockname=204 getpeername=205
sendto=206 recvfrom=207 getsockopt=209 shutdown=210 readahead=213 brk=214 munmap=215 mremap=216 add_key=217
request_key=218 keyctl=219 clone=220 mmap=222 fadvise64=223 swapon=224 mprotect=226 msync=227 mincore=232
madvise=233 perf_event_open=241 prlimit64=261 fanotify_init=262 open_by_handle_at=265 setns=268
process_vm_readv=270 process_vm_writev=271 kcmp=272 finit_module=273 renameat2=276 getrandom=278 bpf=280
userfaultfd=282 membarrier=283 copy_file_range=285 preadv2=286 pwritev2=287 statx=291 io_pgetevents=292
rseq=293 kexec_file_load=294 flock=32 mknodat=33 symlinkat=36 linkat=37 fchmod=52 fchmodat=53 utimensat=88
waitid=95 tkill=130 setpgid=154 setsid=157 execve=221 wait4=260
"""
_BOTH = """
io_uring_setup=425 io_uring_enter=426 io_uring_register=427 open_tree=428 move_mount=429 clone3=435
close_range=436 openat2=437 pidfd_getfd=438 faccessat2=439 process_madvise=440 futex_waitv=449 mseal=462
"""

Instruction: TypeAlias = tuple[int, int, int, int]
"""Code, number of instructions to jump over when true, the same when false, constant."""
AUDIT_ARCH: Mapping[str, int] = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
KILL, ERRNO, ALLOW = 0x80000000, 0x00050000, 0x7FFF0000
LOAD, JUMP, JUMP_EQUAL, JUMP_AT_LEAST, AND, RETURN = 0x20, 0x05, 0x15, 0x35, 0x54, 0x06
MOST_JUMPED = 255
"""Longest jump of a condition, whose length is one byte."""
_PID = 0xFFFFFFFF
"""Stands for the process's own id, which is known only after the fork."""


def numbers(machine: str) -> dict[str, int]:
    """Return name -> number of the system calls that the lists above mention.

    Raises:
        KeyError: no table for this machine.
    """
    table = {"x86_64": _X86_64, "aarch64": _AARCH64}[machine]
    return {
        name: int(number) for name, _, number in (item.partition("=") for item in f"{table} {_BOTH}".split())
    }


def program(machine: str | None = None, programs: bool = False) -> Filter:
    """Return the filter for a machine; by default for this one.

    Args:
        machine: as `platform.machine` names it.
        programs: allow also what programs need to start others. io_uring is then absent instead of deadly:
            honest programs try it (Node does) and go without.

    Raises:
        KeyError: no table for this machine.
    """
    machine = machine or platform.machine()
    allowed, checked = set(ALLOWED.split()), _CHECKED
    killed, absent = set(KILLED.split()), set(ABSENT)
    if programs:
        allowed |= set(PROGRAMS.split())
        checked = checked | _CHECKED_PROGRAMS
        absent |= {name for name in killed if name.startswith("io_uring")}
        absent.add("flock")  # it would lock files of the machine
    parts: dict[int, list[Instruction]] = {}
    for name, number in numbers(machine).items():
        if name in allowed:
            parts[number] = [(RETURN, 0, 0, ALLOW)]
        elif name in absent:
            parts[number] = [(RETURN, 0, 0, ERRNO | ENOSYS)]
        elif name in killed:
            parts[number] = [(RETURN, 0, 0, KILL)]
        elif name in checked:
            parts[number] = checked[name]
    code = [(LOAD, 0, 0, 4), (JUMP_EQUAL, 1, 0, AUDIT_ARCH[machine]), (RETURN, 0, 0, KILL), (LOAD, 0, 0, 0)]
    if machine == "x86_64":  # x32 calls have the same architecture value
        code += [(JUMP_AT_LEAST, 0, 1, 0x40000000), (RETURN, 0, 0, KILL)]
    return Filter(code + _search(_segments(parts)))


def _segments(parts: Mapping[int, list[Instruction]]) -> list[tuple[int, list[Instruction]]]:
    """Return (first number, instructions) for each run of calls that are treated alike; default is EPERM."""
    segments: list[tuple[int, list[Instruction]]] = []
    for number in range(max(parts) + 2):
        part = parts.get(number, [(RETURN, 0, 0, ERRNO | EPERM)])
        if not segments or segments[-1][1] != part:
            segments.append((number, part))
    return segments


def _search(segments: list[tuple[int, list[Instruction]]]) -> list[Instruction]:
    """Find the loaded number's segment by binary search: a linear filter took twice as long to install."""
    if len(segments) == 1:
        return segments[0][1]  # it may overwrite the loaded number, because it ends in a return
    half = len(segments) // 2
    below, above = _search(segments[:half]), _search(segments[half:])
    if len(below) > MOST_JUMPED:
        return [(JUMP_AT_LEAST, 0, 1, segments[half][0]), (JUMP, 0, 0, len(below)), *below, *above]
    return [(JUMP_AT_LEAST, len(below), 0, segments[half][0]), *below, *above]


class Filter:
    """A seccomp program that lacks only the process id that `kill` may name."""

    def __init__(self, instructions: list[Instruction]) -> None:
        self.instructions = instructions
        self.bytes = bytearray(b"".join(struct.pack("=HBBI", *i) for i in instructions))
        self._places = [8 * n + 4 for n, i in enumerate(instructions) if i[0] == JUMP_EQUAL and i[3] == _PID]

    def name_process(self, pid: int) -> None:
        """Put a process id into `bytes`."""
        for place in self._places:
            struct.pack_into("=I", self.bytes, place, pid)


def _argument(n: int) -> int:
    return 16 + 8 * n  # the low half of the argument, on the little-endian machines that have a table


def _one_of(argument: int, values: Iterable[int], otherwise: int = EPERM) -> list[Instruction]:
    """Allow a call if an argument's low 32 bits, all that the kernel reads of it, are one of `values`."""
    values = list(values)
    tests = [(JUMP_EQUAL, len(values) - i, 0, value) for i, value in enumerate(values)]
    return [
        (LOAD, 0, 0, _argument(argument)),
        *tests,
        (RETURN, 0, 0, ERRNO | otherwise),
        (RETURN, 0, 0, ALLOW),
    ]


def _masked(argument: int, mask: int, value: int, same: int, other: int) -> list[Instruction]:
    """Return one result when the masked argument equals a value, and another when it does not."""
    return [
        (LOAD, 0, 0, _argument(argument)),
        (AND, 0, 0, mask),
        (JUMP_EQUAL, 0, 1, value),
        (RETURN, 0, 0, same),
        (RETURN, 0, 0, other),
    ]


def _open(flags: int) -> list[Instruction]:
    """Refuse to open files without a name, and to truncate a file that is not opened for writing.

    Files without a name change no folder's modification time, so no look at the folder finds them. Landlock
    controls truncation only from Linux 6.2 on. Two modes do not open for writing: reading, and 3, which
    neither reads nor writes.
    """
    return [
        (LOAD, 0, 0, _argument(flags)),
        (AND, 0, 0, O_TMPFILE),
        (JUMP_EQUAL, 1, 0, 0),
        (RETURN, 0, 0, ERRNO | EPERM),
        (LOAD, 0, 0, _argument(flags)),
        (AND, 0, 0, O_ACCMODE | O_TRUNC),
        (JUMP_EQUAL, 1, 0, O_TRUNC),
        (JUMP_EQUAL, 0, 1, O_ACCMODE | O_TRUNC),
        (RETURN, 0, 0, ERRNO | EPERM),
        (RETURN, 0, 0, ALLOW),
    ]


_CHECKED: dict[str, list[Instruction]] = {
    "clone": _masked(0, CLONE_THREAD, CLONE_THREAD, ALLOW, ERRNO | EPERM),
    # mode 0 only: other modes can take disk beyond the end of a file, which no file size limit stops
    "fallocate": _one_of(1, [0]),
    "fcntl": _one_of(1, FCNTL),
    "ioctl": _one_of(1, IOCTL, otherwise=25),  # ENOTTY, the answer of a file to a terminal's request
    "kill": _one_of(0, [_PID]),
    "mmap": _masked(3, MAP_SHARED_ANONYMOUS, MAP_SHARED_ANONYMOUS, ERRNO | EPERM, ALLOW),
    "open": _open(1),
    "openat": _open(2),
    "prctl": _one_of(0, PRCTL),
    "prlimit64": _one_of(0, [0]),
    # no address: with one, a datagram socket of a pair could reach other sockets by name
    "sendto": _one_of(5, [0]),
    "socketpair": _one_of(0, [AF_UNIX]),
    "tgkill": _one_of(0, [_PID]),
}
_CHECKED_PROGRAMS: dict[str, list[Instruction]] = {
    "clone": _masked(0, CLONE_OUT, 0, ALLOW, ERRNO | EPERM),
    "mknod": _masked(1, TYPE, FIFO, ALLOW, ERRNO | EPERM),
    "mknodat": _masked(2, TYPE, FIFO, ALLOW, ERRNO | EPERM),
}
