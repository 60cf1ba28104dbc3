"""Reach, second part: other processes, the kernel's rarer calls, and what the sandbox's own parent could suffer.

Signals and settings of the parent are looked at by the harness; a new process, namespace or kernel object answers True.
"""

from attack import KILLED, Attack
from reach import NEVER

CALL = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
def call(*args):
    result = libc.syscall(*(ctypes.c_long(a) if isinstance(a, int) else a for a in args))
    if result < 0:
        raise PermissionError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
"""


def raw(name: str, tries: str, body: str, tests: str = "assert f() is True", expect=KILLED, **fields) -> Attack:
    """An attempt by raw calls or a few statements; true when none of them was refused."""
    lines = "\n".join("    " + line for line in body.strip("\n").splitlines())
    return Attack(name, tries, f"{CALL}def f():\n{lines}\n    return True\n", tests, expect, **fields)


SPAWNS = [
    raw("spawn-system", "Runs a shell by os.system.", "if os.system('true'): raise PermissionError('system')"),
    raw("spawn-popen", "Runs a program by subprocess.", "import subprocess; subprocess.run(['true'], check=True)"),
    raw("spawn-posix-spawn", "Runs a program by posix_spawn.", "os.waitpid(os.posix_spawn('/bin/true', ['true'], {}), 0)"),
    raw(
        "spawn-fork",
        "Forks by os.fork.",
        "if (pid := os.fork()) == 0: os._exit(7)\nif os.waitpid(pid, 0)[1] != 7 << 8: raise PermissionError('fork')",
    ),
    raw(
        "spawn-libc-fork",
        "Forks by libc's fork.",
        "if (pid := libc.fork()) == 0: os._exit(7)\nif pid < 0: raise PermissionError('fork')\nos.waitpid(pid, 0)",
    ),
    raw(
        "spawn-raw-clone",
        "Forks by the clone system call.",
        "pid = call(@SYS_clone@, 17, 0, 0, 0, 0)\nif pid == 0: os._exit(7)\nos.waitpid(pid, 0)",
    ),
    raw(
        "spawn-raw-clone3",
        "Forks by clone3, whose flags lie in memory where a filter cannot see them.",
        "args = (ctypes.c_uint64 * 11)(0, 0, 0, 0, 17)\npid = call(@SYS_clone3@, args, 88)\n"
        "if pid == 0: os._exit(7)\nos.waitpid(pid, 0)",
    ),
    raw(
        "spawn-multiprocessing",
        "Starts a process by multiprocessing.",
        "import multiprocessing; p = multiprocessing.Process(target=int); p.start(); p.join()",
    ),
    Attack(
        "spawn-process-pool",
        "Computes in a process pool.",
        "from concurrent.futures import ProcessPoolExecutor\ndef f():\n"
        "    with ProcessPoolExecutor(1) as pool:\n        return pool.submit(bool, 1).result(2)",
        expect=KILLED | {"timeout"},
    ),
    Attack(
        "spawn-execve",
        "Replaces itself by a program that leaves with status 0.",
        "import os\ndef f():\n    os.execv('/bin/true', ['true'])",
        expect=KILLED | {"exited_early"},
        beyond_naive=True,
    ),
    Attack(
        "spawn-execve-python",
        "Replaces itself by a Python that writes passing records to the inherited descriptors.",
        """
        import os, sys
        code = "import os\\nfor fd in range(256):\\n  try: os.write(fd, b'passed')\\n  except OSError: pass"
        def f():
            for fd in range(3, 256):
                try: os.set_inheritable(fd, True)
                except OSError: pass
            os.execv(sys.executable, [sys.executable, "-c", code])
        """,
        expect=KILLED | {"exited_early"},
        beyond_naive=True,
    ),
    raw(
        "spawn-memfd-exec",
        "Copies a program into a memory file and runs it from there.",
        "fd = call(@SYS_memfd_create@, b'x', 0)\nos.write(fd, open('/bin/true', 'rb').read())\n"
        "import subprocess; subprocess.run([f'/proc/self/fd/{fd}'], pass_fds=[fd], check=True)",
    ),
    raw(
        "spawn-execveat",
        "Runs a memory file by execveat with an empty path.",
        "fd = call(@SYS_memfd_create@, b'x', 0)\nos.write(fd, open('/bin/true', 'rb').read())\n"
        "argv = (ctypes.c_char_p * 2)(b'true', None)\nread, write = os.pipe()\npid = os.fork()\n"
        "if pid == 0:\n    libc.syscall(@SYS_execveat@, fd, b'', argv, argv, 0x1000); os._exit(9)\n"
        "if os.waitpid(pid, 0)[1]: raise PermissionError('execveat')",
    ),
    raw(
        "spawn-written-program",
        "Writes a script into its directory and runs it.",
        "open('x', 'w').write('#!/bin/sh\\nexit 0\\n'); os.chmod('x', 0o755)\n"
        "import subprocess; subprocess.run(['./x'], check=True)",
    ),
    raw(
        "spawn-terminal",
        "Opens a new terminal and a child in it.",
        "import pty; pid, fd = pty.fork()\nif pid == 0: os._exit(0)\nos.waitpid(pid, 0)",
    ),
]

PARENT = [
    raw("kill-parent", "Sends SIGTERM to the parent.", "os.kill(@PARENT@, 15)"),
    raw(
        "kill-parent-usr",
        "Sends SIGUSR1 to the parent and to its own parent.",
        "for p in (@PARENT@, os.getppid()):\n    os.kill(p, 10)",
    ),
    raw(
        "kill-group",
        "Signals its own and the parent's process group.",
        "os.killpg(0, 28)\nos.killpg(os.getpgid(@PARENT@), 28)",
        NEVER,
    ),
    raw("kill-all", "Sends a signal (a harmless one) to everybody.", "os.kill(-1, 28)", NEVER),
    raw(
        "kill-own-parent",
        "Sends SIGKILL to the process that made it.",
        "os.kill(os.getppid(), 9); os.kill(os.getppid(), 0)",
        NEVER,
        beyond_naive=True,
    ),
    raw(
        "kill-stop-own-parent",
        "Stops the process that made it, so that nobody keeps the time.",
        "os.kill(os.getppid(), 19)",
        NEVER,
        beyond_naive=True,
    ),
    raw(
        "kill-by-pidfd",
        "Signals the parent by a pidfd.",
        "call(@SYS_pidfd_send_signal@, call(@SYS_pidfd_open@, @PARENT@, 0), 10, 0, 0)",
    ),
    raw(
        "kill-by-sigqueue",
        "Signals the parent by sigqueue.",
        "if libc.sigqueue(@PARENT@, 10, 0): raise PermissionError('sigqueue')",
    ),
    raw(
        "kill-by-owner",
        "Makes the parent the owner of a descriptor, so that the kernel signals it.",
        "import fcntl, socket\na, b = socket.socketpair()\nfcntl.fcntl(a, 8, @PARENT@)\n"
        "fcntl.fcntl(a, fcntl.F_SETFL, os.O_ASYNC)\nb.send(b'x')",
        NEVER,
    ),
    raw(
        "kill-by-owner-group",
        "The same for the parent's and its own process group, and with another signal.",
        "import fcntl, socket\nfor owner in (-os.getpgid(0), @PARENT@):\n"
        "    a, b = socket.socketpair()\n    fcntl.fcntl(a, 10, 10)\n"
        "    fcntl.fcntl(a, 8, owner)\n    fcntl.fcntl(a, fcntl.F_SETFL, os.O_ASYNC)\n    b.send(b'x')",
        NEVER,
    ),
    raw(
        "kill-by-lease",
        "Takes a lease on a file, with the signal going to the parent.",
        "import fcntl\nfd = os.open('own', os.O_CREAT | os.O_RDONLY)\n"
        "fcntl.fcntl(fd, 1024, 1)\nfcntl.fcntl(fd, 8, @PARENT@)\nfcntl.fcntl(fd, 10, 10)\n"
        "os.open('own', os.O_WRONLY | os.O_NONBLOCK)",
        NEVER,
    ),
    raw(
        "parent-limits",
        "Lowers the parent's limit of open files.",
        "import resource\nhard = resource.prlimit(@PARENT@, resource.RLIMIT_NOFILE)[1]\n"
        "resource.prlimit(@PARENT@, resource.RLIMIT_NOFILE, (200, hard))",
    ),
    raw("parent-limits-read", "Reads the parent's limits.", "import resource; resource.prlimit(@PARENT@, resource.RLIMIT_CPU)"),
    raw("parent-nice", "Lowers the parent's priority.", "os.setpriority(os.PRIO_PROCESS, @PARENT@, 19)"),
    raw(
        "parent-affinity", "Confines the parent to one core.", "os.sched_setaffinity(@PARENT@, {min(os.sched_getaffinity(0))})"
    ),
    raw(
        "parent-scheduler",
        "Puts the parent into the idle class.",
        "os.sched_setscheduler(@PARENT@, os.SCHED_IDLE, os.sched_param(0))",
    ),
    raw(
        "parent-oom",
        "Makes the parent the first victim of a memory shortage.",
        "open('/proc/@PARENT@/oom_score_adj', 'w').write('1000')",
    ),
    raw(
        "parent-ptrace",
        "Attaches to the parent as a debugger.",
        "libc.ptrace.argtypes = [ctypes.c_long] * 4\nif libc.ptrace(16, @PARENT@, 0, 0) or (os.waitpid(@PARENT@,"
        " 0) and libc.ptrace(17, @PARENT@, 0, 0)):\n"
        "    raise PermissionError(ctypes.get_errno(), 'ptrace')",
    ),
    raw(
        "parent-seize",
        "Seizes the parent without stopping it.",
        "libc.ptrace.argtypes = [ctypes.c_long] * 4\nif libc.ptrace(0x4206, @PARENT@, 0, 0): raise PermissionError("
        "ctypes.get_errno(), 'ptrace')",
    ),
    raw(
        "parent-write-memory",
        "Overwrites the parent's memory by /proc/PARENT/mem.",
        "with open('/proc/@PARENT@/mem', 'r+b', 0) as m:\n    m.seek(@VICTIM@); m.write(b'overwritten')",
        NEVER,
    ),
    raw(
        "parent-write-vm",
        "Overwrites the parent's memory by process_vm_writev.",
        "class Vec(ctypes.Structure): _fields_ = [('base', ctypes.c_void_p), ('size', ctypes.c_size_t)]\n"
        "text = ctypes.create_string_buffer(b'overwritten')\nlocal, remote = Vec(ctypes.addressof(text), 11),"
        " Vec(@VICTIM@, 11)\n"
        "call(@SYS_process_vm_writev@, @PARENT@, ctypes.byref(local), 1, ctypes.byref(remote), 1, 0)",
        NEVER,
    ),
    raw(
        "parent-limits-by-proc",
        "Raises its own limits above the hard ones.",
        "import resource\nfor what in (resource.RLIMIT_CPU, resource.RLIMIT_AS, resource.RLIMIT_FSIZE):\n"
        "    resource.setrlimit(what, (resource.RLIM_INFINITY,) * 2)",
        beyond_naive=True,
    ),
]

KERNEL = [
    raw(
        "kernel-io-uring",
        "Sets up a ring by which calls pass a filter.",
        "call(@SYS_io_uring_setup@, 4, ctypes.create_string_buffer(120))",
    ),
    raw(
        "kernel-bpf",
        "Creates a map in the kernel.",
        "attr = (ctypes.c_uint32 * 32)(2, 4, 8, 1)\ncall(@SYS_bpf@, 0, attr, 128)",
        beyond_naive=True,
    ),
    raw("kernel-userfaultfd", "Asks for page faults to be handled by itself.", "call(@SYS_userfaultfd@, 1)"),
    raw(
        "kernel-perf",
        "Opens a performance counter.",
        "attr = (ctypes.c_uint32 * 28)(1, 112)\nattr[10] = 0x61\ncall(@SYS_perf_event_open@, attr, 0, -1, -1, 0)",
    ),
    raw("kernel-keyring", "Leaves a key in the kernel.", "call(@SYS_add_key@, b'user', b'@MARK@', b'x', 1, -4)"),
    raw("kernel-keyctl", "Makes a new session keyring.", "call(@SYS_keyctl@, 1, 0)"),
    raw("kernel-personality", "Turns address randomisation off for itself.", "call(@SYS_personality@, 0x0040000)"),
    raw(
        "kernel-user-namespace",
        "Makes a user namespace by a child.",
        "pid = os.fork()\nif pid == 0: os._exit(libc.unshare(0x10000000) and 9)\n"
        "if os.waitpid(pid, 0)[1]: raise PermissionError('unshare')",
    ),
    raw(
        "kernel-unshare-files",
        "Makes mount and network namespaces within a new user namespace.",
        "if libc.unshare(0x10000000 | 0x00020000 | 0x40000000): raise PermissionError(ctypes.get_errno(), 'unshare')",
    ),
    raw(
        "kernel-setns",
        "Enters the parent's namespaces.",
        "pidfd = call(@SYS_pidfd_open@, @PARENT@, 0)\nif libc.setns(pidfd, 0x04000000): raise PermissionError("
        "ctypes.get_errno(), 'setns')",
    ),
    raw(
        "kernel-mount",
        "Mounts a tmpfs over its directory.",
        "if libc.mount(b'none', os.getcwd().encode(), b'tmpfs', 0, None): raise PermissionError(ctypes.get_errno(), 'mount')",
    ),
    raw("kernel-chroot", "Changes its root and climbs out.", "os.mkdir('jail'); os.chroot('jail')"),
    raw("kernel-setuid", "Becomes root.", "os.setgid(0); os.setuid(0)"),
    raw("kernel-hostname", "Changes the machine's name.", "import socket; socket.sethostname(socket.gethostname())"),
    raw(
        "kernel-sysctl",
        "Opens a kernel setting for writing.",
        "open('/proc/sys/kernel/hostname', 'r+').close()",
        beyond_naive=True,
    ),
    raw(
        "kernel-core-file",
        "Dies in the canary directory, for the kernel to write a core file there.",
        "import resource\nresource.setrlimit(resource.RLIMIT_CORE, (1 << 26, 1 << 26))\n"
        "libc.prctl(4, 1)\nos.chdir('@CANARY_DIR@'); os.abort()",
        NEVER,
    ),
    raw(
        "kernel-seccomp-off",
        "Installs a filter that allows everything and then forks.",
        "prog = (ctypes.c_ubyte * 8)(6, 0, 0, 0, 0, 0, 0xFF, 0x7F)\nhead = (ctypes.c_uint64 * 2)(1, ctypes.addressof("
        "prog))\nlibc.prctl(22, 2, head)\nif (pid := os.fork()) == 0: os._exit(0)\n"
        "os.waitpid(pid, 0)",
    ),
    raw(
        "kernel-32-bit-call",
        "Calls getpid, then fork, by the 32 bit gate that a filter may have forgotten.",
        "import mmap, platform\nif platform.machine() != 'x86_64': raise PermissionError('machine')\n"
        "code = bytes.fromhex('53b802000000cd805bc3')\nm = mmap.mmap(-1, 4096, prot=7); m.write(code)\n"
        "go = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(m)))\n"
        "pid = go()\nif pid == 0: os._exit(0)\nif pid < 0: raise PermissionError('int 80')\n"
        "os.waitpid(pid, 0)",
    ),
    raw(
        "kernel-x32-call",
        "Forks by the x32 numbers that a filter may have forgotten.",
        "pid = call(0x40000000 + 57)\nif pid == 0: os._exit(0)\nos.waitpid(pid, 0)",
        beyond_naive=True,
    ),
    raw(
        "kernel-terminal-input",
        "Types into the controlling terminal.",
        "import fcntl, termios\nfd = os.open('/dev/tty', os.O_RDWR)\nfcntl.ioctl(fd, termios.TIOCSTI, b'x')",
        beyond_naive=True,
    ),
    raw(
        "kernel-ptrace-me",
        "Asks its parent to trace it, which stops it at each signal.",
        "if libc.ptrace(0, 0, 0, 0): raise PermissionError('ptrace')",
    ),
    raw(
        "kernel-clock",
        "Sets the clock.",
        "import time; time.clock_settime(time.CLOCK_REALTIME, time.time())",
        beyond_naive=True,
    ),
    raw(
        "kernel-dev-mem",
        "Opens devices beyond the harmless ones.",
        "import glob\nfor path in ['/dev/mem', '/dev/kmsg', '/dev/fuse', '/dev/kvm', '/dev/ptmx', *glob.glob("
        "'/dev/[sv]d?')]:\n    try:\n        os.open(path, os.O_RDWR); return True\n"
        "    except OSError:\n        pass\nraise PermissionError('devices')",
    ),
]

ATTACKS = SPAWNS + PARENT + KERNEL
