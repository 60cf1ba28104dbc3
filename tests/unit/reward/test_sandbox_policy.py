"""The seccomp filter, run by a small interpreter, for both machines: what it decides does not need the machine."""

import re
import struct
from errno import ENOSYS, EPERM
from pathlib import Path

import pytest

from reward.sandbox.inside import policy

MACHINES = ["x86_64", "aarch64"]
PID = 4242
HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}


def decided(machine, number, *arguments, arch=None, programs=False):
    """Run the filter on one call, as the kernel would."""
    program = policy.program(machine, programs)
    program.name_process(PID)
    code = [struct.unpack_from("=HBBI", program.bytes, at) for at in range(0, len(program.bytes), 8)]
    values = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("=iIQ6Q", number, policy.AUDIT_ARCH[machine] if arch is None else arch, 0, *values)
    at = accumulator = 0
    while True:
        what, true, false, k = code[at]
        at += 1
        if what == policy.LOAD:
            (accumulator,) = struct.unpack_from("=I", data, k)
        elif what == policy.AND:
            accumulator &= k
        elif what == policy.RETURN:
            return k
        elif what == policy.JUMP_EQUAL:
            at += true if accumulator == k else false
        elif what == policy.JUMP_AT_LEAST:
            at += true if accumulator >= k else false
        else:
            assert what == policy.JUMP, hex(what)
            at += k


REFUSED = policy.ERRNO | EPERM


@pytest.mark.parametrize("machine", MACHINES)
def test_what_no_limit_would_count_is_refused(machine):
    known = policy.numbers(machine)
    shared, private, fixed = 0x21, 0x22, 0x10
    for programs in (False, True):
        for call, arguments, allowed in (
            ("mmap", (0, 4096, 3, shared, 2**64 - 1, 0), False),
            ("mmap", (0, 4096, 3, shared | fixed, 2**64 - 1, 0), False),
            ("mmap", (0, 4096, 3, private, 2**64 - 1, 0), True),
            ("mmap", (0, 4096, 3, 1, 5, 0), True),
            ("fallocate", (5, 0, 0, 4096), True),
            ("fallocate", (5, 1, 0, 1 << 32), False),
            ("openat", (2**32 - 100, 0, 0o20000000 | 0o200000 | 2, 0o600), False),
            ("openat", (2**32 - 100, 0, 0o200000, 0), True),
        ):
            decision = decided(machine, known[call], *arguments, programs=programs)
            assert decision == (policy.ALLOW if allowed else REFUSED), (call, arguments)
    thread = 0x10000 | 0x800 | 0x100
    assert decided(machine, known["clone"], thread | 0x400) == policy.ALLOW
    assert decided(machine, known["clone"], thread) == REFUSED, "a thread with descriptors of its own"


@pytest.mark.parametrize("machine", MACHINES)
def test_each_list_decides_as_it_says(machine):
    known = policy.numbers(machine)
    for name in set(policy.ALLOWED.split()) & known.keys():
        assert decided(machine, known[name]) == policy.ALLOW, name
    for name in set(policy.KILLED.split()) & known.keys():
        assert decided(machine, known[name]) == policy.KILL, name
    for name in set(policy.ABSENT) & known.keys():
        assert decided(machine, known[name]) == policy.ERRNO | ENOSYS, name
    listed = set(known.values())
    for number in {*range(600), 1 << 20} - listed:
        assert decided(machine, number) == REFUSED, number


@pytest.mark.parametrize("machine", MACHINES)
def test_arguments_decide_where_they_must(machine):
    call = policy.numbers(machine)
    assert decided(machine, call["clone"], 0x3D0F00) == policy.ALLOW, "a thread, with glibc's flags"
    assert decided(machine, call["clone"], 17) == REFUSED, "a process"
    assert decided(machine, call["kill"], PID, 9) == policy.ALLOW
    assert decided(machine, call["kill"], 1, 0) == REFUSED
    assert decided(machine, call["kill"], 2**64 - 1, 0) == REFUSED, "everybody"
    assert decided(machine, call["tgkill"], PID, 7, 6) == policy.ALLOW
    assert decided(machine, call["openat"], 5, 0, 0o1101) == policy.ALLOW, "written and truncated"
    for flags in (0o1000, 0o1003):
        assert decided(machine, call["openat"], 5, 0, flags) == REFUSED, "truncated without being written"
    assert decided(machine, call["socketpair"], 1) == policy.ALLOW
    assert decided(machine, call["socketpair"], 2) == REFUSED
    assert decided(machine, call["sendto"], 3, 0, 0, 0, 0, 0) == policy.ALLOW
    assert decided(machine, call["sendto"], 3, 0, 0, 0, 99, 16) == REFUSED, "to an address"
    assert decided(machine, call["fcntl"], 3, 8) == REFUSED, "F_SETOWN"
    assert decided(machine, call["prlimit64"], 0) == policy.ALLOW
    assert decided(machine, call["prlimit64"], 1) == REFUSED
    assert decided(machine, call["prctl"], 22) == REFUSED, "a filter of its own"


@pytest.mark.parametrize("machine", MACHINES)
def test_another_architecture_kills(machine):
    call = policy.numbers(machine)
    assert decided(machine, call["read"], arch=0x40000003) == policy.KILL, "32-bit x86, by int 0x80"
    if machine == "x86_64":
        assert decided(machine, 0x40000000 | call["read"]) == policy.KILL, "x32"


@pytest.mark.parametrize("machine", MACHINES)
def test_programs_may_start_others_and_no_namespace(machine):
    call = policy.numbers(machine)
    assert decided(machine, call["execve"], programs=True) == policy.ALLOW
    assert decided(machine, call["clone"], 17, programs=True) == policy.ALLOW
    assert decided(machine, call["clone"], 0x10000000 | 17, programs=True) == REFUSED, "a user namespace"
    for name in ("ptrace", "mount", "unshare", "setns", "bpf", "keyctl"):
        assert decided(machine, call[name], programs=True) == policy.KILL, name


@pytest.mark.parametrize("machine", MACHINES)
def test_the_numbers_are_the_kernels(machine):
    header = HEADERS[machine]
    if not header.exists():
        pytest.skip(f"{header} is not installed (Debian package linux-libc-dev)")
    found = re.findall(r"#define __NR(?:3264)?_(\w+) (\d+)", header.read_text())
    theirs = {name: int(number) for name, number in reversed(found)}
    theirs.setdefault("newfstatat", theirs.get("fstatat", -1))
    ours = {name: number for name, number in policy.numbers(machine).items() if name in theirs}
    assert len(ours) > 120
    assert ours == {name: theirs[name] for name in ours}
