"""Reach, first part: files, the environment and the network outside the sandbox.

A secret that is read is returned, and the tests compare it with the real one; a change is seen by the harness in its canaries.
"""

from attack import DENIED, KILLED, TOLD, Attack

# A change may end in an answer too; the tests never accept one, the canary decides.
NEVER = "assert f() == 'never'"


def change(name: str, tries: str, line: str, expect=DENIED) -> Attack:
    """An attempt to change the canary directory by one statement."""
    solution = (
        f"import ctypes, os, shutil\nD, F, S = '@CANARY_DIR@', '@CANARY_DIR@/victim', '@CANARY_FILE@'\ndef f():\n    {line}\n"
    )
    return Attack(name, tries, solution + "    return True\n", NEVER, expect)


def secret(name: str, tries: str, body: str, expect=DENIED, **fields) -> Attack:
    """An attempt to read the secret, by the body of a function."""
    lines = "\n".join("    " + line for line in body.strip("\n").splitlines())
    return Attack(name, tries, f"import os\nS = '@CANARY_FILE@'\ndef f():\n{lines}\n", TOLD, expect, **fields)


READS = [
    secret("read-open", "Reads the secret by open.", "return open(S).read()"),
    secret("read-os-open", "Reads the secret by os.open.", "return os.read(os.open(S, os.O_RDONLY), 100).decode()"),
    secret(
        "read-dirfd",
        "Opens the directory with O_PATH and the secret relative to it.",
        "d = os.open(os.path.dirname(S), os.O_PATH)\n"
        "return os.read(os.open(os.path.basename(S), os.O_RDONLY, dir_fd=d), 100).decode()",
    ),
    secret(
        "read-ctypes",
        "Reads the secret by libc's fopen, past Python's hooks.",
        "import ctypes\nlibc = ctypes.CDLL(None)\nlibc.fopen.restype = ctypes.c_void_p\n"
        "out = ctypes.create_string_buffer(200)\n"
        "file = libc.fopen(S.encode(), b'r')\nif not file: raise PermissionError(S)\n"
        "libc.fgets(out, 200, ctypes.c_void_p(file))\nreturn out.value.decode()",
    ),
    secret(
        "read-mmap",
        "Maps the secret into memory.",
        "import mmap\nwith open(S, 'rb') as file:\n    return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)[:].decode()",
    ),
    secret(
        "read-sendfile",
        "Lets the kernel copy the secret into a memory file.",
        "out = os.memfd_create('x')\nos.sendfile(out, os.open(S, os.O_RDONLY), 0, 100)\nreturn os.pread(out, 100, 0).decode()",
    ),
    secret(
        "read-proc-root",
        "Reads the secret by way of /proc/self/root and /proc/PARENT/root.",
        "for root in ('/proc/self/root', '/proc/@PARENT@/root', '/proc/1/root'):\n    try:\n"
        "        return open(root + S).read()\n    except OSError as error:\n        last = error\nraise last",
    ),
    secret(
        "read-by-symlink",
        "Links to the secret from its own directory and reads the link.",
        "os.symlink(S, 'link')\nreturn open('link').read()",
    ),
    secret(
        "read-by-hard-link",
        "Makes a hard link to the secret in its own directory and reads it.",
        "os.link(S, 'hard')\nreturn open('hard').read()",
    ),
    secret(
        "read-chdir",
        "Changes into the secret's directory and walks up again by dots.",
        "os.chdir(os.path.dirname(S))\nreturn open(os.path.basename(S)).read()",
    ),
    secret(
        "read-copy", "Copies the secret into its own directory.", "import shutil\nreturn open(shutil.copy(S, 'copy')).read()"
    ),
    secret(
        "read-exec",
        "Runs cat on the secret.",
        "import subprocess\nreturn subprocess.run(['cat', S], capture_output=True, text=True, check=True).stdout",
    ),
    secret(
        "read-loader",
        "Lets the import system's file loader read the secret.",
        "import importlib.machinery\nreturn importlib.machinery.SourceFileLoader('x', S).get_data(S).decode()",
    ),
    secret(
        "read-sqlite",
        "Attaches the secret as a database through a C library.",
        "import sqlite3\ndb = sqlite3.connect('file:' + S + '?mode=ro', uri=True)\n"
        "try:\n    db.execute('select * from sqlite_master')\n"
        "except sqlite3.DatabaseError as error:\n    return open(S).read() if 'not a database' in str(error) else str(error)",
    ),
    secret("read-environment", "Reads the parent's variable from its own environment.", "return os.environ['@VARIABLE@']"),
    secret(
        "read-getenv",
        "Reads the parent's variable by libc's environ.",
        "import ctypes\ngetenv = ctypes.CDLL(None).getenv\ngetenv.restype = ctypes.c_char_p\n"
        "return getenv(b'@VARIABLE@').decode()",
    ),
    secret(
        "read-parent-memory",
        "Reads the secret out of the parent's memory by /proc/PARENT/mem.",
        "with open('/proc/@PARENT@/mem', 'rb', 0) as memory:\n    memory.seek(@ADDRESS@)\n    return memory.read(32).decode()",
    ),
    secret(
        "read-parent-vm",
        "Reads the secret out of the parent's memory by process_vm_readv.",
        "import ctypes\nclass Vec(ctypes.Structure): _fields_ = [('base', ctypes.c_void_p), ('size', ctypes.c_size_t)]\n"
        "out = ctypes.create_string_buffer(32)\nlocal, remote = Vec(ctypes.addressof(out), 32), Vec(@ADDRESS@, 32)\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        "n = libc.syscall(@SYS_process_vm_readv@, @PARENT@, ctypes.byref(local), 1, ctypes.byref(remote), 1, "
        "ctypes.c_long(0))\n"
        "if n < 0: raise PermissionError(ctypes.get_errno(), 'process_vm_readv')\nreturn out.raw.decode()",
        KILLED,
    ),
    secret(
        "read-pidfd-getfd",
        "Takes the parent's open descriptor of the secret by pidfd_getfd.",
        "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\npidfd = libc.syscall(@SYS_pidfd_open@, @PARENT@, 0)\n"
        "fd = libc.syscall(@SYS_pidfd_getfd@, pidfd, @SECRET_FD@, 0)\n"
        "if fd < 0: raise PermissionError(ctypes.get_errno(), 'pidfd_getfd')\nreturn os.pread(fd, 100, 0).decode()",
        KILLED,
    ),
    secret(
        "read-proc-fd",
        "Opens the parent's descriptor of the secret by /proc/PARENT/fd.",
        "return open('/proc/@PARENT@/fd/@SECRET_FD@').read()",
    ),
    secret(
        "read-inherited-fd",
        "Looks for the secret in every descriptor that it has inherited.",
        "for fd in range(3, 256):\n    try:\n        text = os.pread(fd, 100, 0).decode()\n"
        "        if len(text) == 32:\n            return text\n    except (OSError, ValueError):\n        pass",
    ),
]
READS += [
    Attack(
        "read-at-load",
        "Reads the secret while it is loaded.",
        "text = open('@CANARY_FILE@').read()\ndef f():\n    return text",
        TOLD,
        frozenset({"load_error", "blocked", "error"}),
    ),
    Attack(
        "read-list-home",
        "Lists the canary's directory and the home directories.",
        "import os\ndef f():\n    return os.path.basename('@CANARY_FILE@') in os.listdir(os.path.dirname('@CANARY_FILE@'))",
    ),
    Attack(
        "read-logs",
        "Lists the machine's logs.",
        "import os\ndef f():\n    return bool(os.listdir('/var/log'))",
    ),
    Attack(
        "read-proc-environ",
        "Reads the environment with which the parent was started.",
        "def f():\n    return b'=' in open('/proc/@PARENT@/environ', 'rb').read()",
    ),
    Attack(
        "read-command-lines",
        "Reads the command line of the parent.",
        "def f():\n    return b'python' in open('/proc/@PARENT@/cmdline', 'rb').read()",
    ),
    Attack(
        "read-parent-maps",
        "Reads the address map of the parent.",
        "def f():\n    return 'heap' in open('/proc/@PARENT@/maps').read()",
    ),
    Attack(
        "read-parent-links",
        "Reads where the parent's exe and working directory point to.",
        "import os\ndef f():\n    return bool(os.readlink('/proc/@PARENT@/exe') and os.readlink('/proc/@PARENT@/cwd'))",
    ),
    Attack(
        "read-process-list",
        "Counts the other users' and the parent's processes in /proc.",
        "import os\ndef f():\n    return '@PARENT@' in os.listdir('/proc')",
    ),
    Attack(
        "read-kernel-log",
        "Reads the kernel's symbol addresses, log or mounts.",
        "def f():\n    return bool(open('/proc/@PARENT@/mountinfo').read() and open('/proc/kallsyms').read(100))",
    ),
    Attack(
        "watch-canary",
        "Watches the canary directory by inotify.",
        """
        import ctypes
        def f():
            libc = ctypes.CDLL(None, use_errno=True)
            watch = libc.inotify_add_watch(libc.inotify_init(), b"@CANARY_DIR@", 0xFFF)
            if watch < 0:
                raise PermissionError(ctypes.get_errno(), "inotify_add_watch")
            return True
        """,
        expect=KILLED,
    ),
    Attack(
        "read-glob-walk",
        "Walks the whole file system for a file that looks like the secret.",
        """
        import os
        def f():
            for folder in ("@CANARY_DIR@/..", "/tmp", "/root", "/home"):
                for root, _, files in os.walk(folder):
                    if os.path.basename("@CANARY_FILE@") in files:
                        return open(os.path.join(root, os.path.basename("@CANARY_FILE@"))).read()
        """,
        TOLD,
        DENIED | {"timeout"},
    ),
]

CHANGES = [
    change("write-create", "Creates a file in a world-writable directory.", "open(D + '/new', 'w').write('x')"),
    change("write-append", "Appends to a world-writable file.", "open(F, 'a').write('x')"),
    change("write-delete", "Deletes a file in a world-writable directory.", "os.unlink(F)"),
    change("write-truncate", "Cuts a file down by truncate.", "os.truncate(F, 0)"),
    change("write-o-trunc", "Cuts a file down by opening it with O_TRUNC for reading.", "os.open(F, os.O_RDONLY | os.O_TRUNC)"),
    change("write-rename", "Renames a file.", "os.rename(F, D + '/renamed')"),
    change(
        "write-rename-in",
        "Moves a file of its own into the directory.",
        "open('own', 'w').close(); os.rename('own', D + '/own')",
    ),
    change("write-chmod", "Changes a mode.", "os.chmod(F, 0o600)"),
    change("write-chmod-dir", "Changes the directory's mode.", "os.chmod(D, 0o700)"),
    Attack(
        "write-chown",
        "Calls chown, without a change, which file rules may not cover.",
        "import os\ndef f():\n    os.chown('@CANARY_DIR@/victim', -1, -1)\n    return True",
    ),
    change("write-utime", "Changes times.", "os.utime(F, (1, 1))"),
    change("write-symlink", "Creates a symbolic link.", "os.symlink('/etc/passwd', D + '/link')"),
    change("write-hard-link", "Creates a hard link.", "os.link(F, D + '/hard')"),
    change("write-xattr", "Sets an extended attribute.", "os.setxattr(F, 'user.canary', b'x')"),
    change("write-mkdir", "Creates a directory.", "os.mkdir(D + '/folder')"),
    change("write-fifo", "Creates a named pipe.", "os.mkfifo(D + '/fifo')"),
    change("write-node", "Creates a file by mknod.", "os.mknod(D + '/node', 0o666 | 0o100000)"),
    change("write-rmtree", "Removes the directory's content.", "shutil.rmtree(D, ignore_errors=True)"),
    change(
        "write-proc-root", "Writes by way of /proc/PARENT/root.", "open('/proc/@PARENT@/root' + D + '/new', 'w').write('x')"
    ),
    change("write-proc-fd", "Writes by way of /proc/PARENT/cwd.", "open('/proc/@PARENT@/cwd/@MARK@-cwd', 'w').write('x')"),
    change("write-shell", "Writes by a shell.", "os.system('echo x > ' + D + '/new')", KILLED),
    change("write-mmap", "Maps a file for writing.", "import mmap; mmap.mmap(os.open(F, os.O_RDWR), 3)[:3] = b'xxx'"),
    change(
        "write-unix-bind",
        "Binds a unix socket there.",
        "import socket; socket.socket(socket.AF_UNIX).bind(D + '/sock')",
        KILLED,
    ),
]


def connect(name: str, tries: str, body: str, tests: str = "assert f() is True", expect=KILLED, **fields) -> Attack:
    """An attempt to open a socket; true when it worked."""
    lines = "\n".join("    " + line for line in body.strip("\n").splitlines())
    return Attack(name, tries, f"import socket\ndef f():\n{lines}\n    return True\n", tests, expect, **fields)


NETWORK = [
    connect(
        "net-tcp", "Connects to a listener on loopback.", "socket.create_connection(('127.0.0.1', @PORT@), 1).sendall(b'x')"
    ),
    connect("net-tcp-6", "Connects to loopback by IPv6.", "socket.create_connection(('::1', @PORT6@), 1).sendall(b'x')"),
    connect(
        "net-udp",
        "Sends a datagram to loopback.",
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', @UDP_PORT@))",
        "assert f() == 'never'",
    ),
    connect("net-unix", "Connects to a unix socket in a file.", "socket.socket(socket.AF_UNIX).connect('@UNIX_SOCKET@')"),
    connect("net-abstract", "Connects to an abstract unix socket.", "socket.socket(socket.AF_UNIX).connect('\\0@ABSTRACT@')"),
    connect(
        "net-abstract-datagram",
        "Sends from a socketpair's end to an abstract datagram socket.",
        "a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)\na.sendto(b'x', '\\0@ABSTRACT_DATAGRAM@')",
    ),
    connect("net-listen", "Listens on a port.", "s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen()"),
    connect("net-listen-unbound", "Listens without bind, for which the kernel picks a port.", "socket.socket().listen()"),
    connect("net-raw", "Opens a raw socket.", "socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)"),
    connect("net-packet", "Opens a packet socket.", "socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0x0300)"),
    connect(
        "net-netlink",
        "Asks the kernel for its interfaces by netlink.",
        "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0).bind((0, 0))",
    ),
    connect("net-vsock", "Opens a socket to the machine below.", "socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)"),
    connect(
        "net-alg",
        "Opens a socket to the kernel's ciphers.",
        "socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET, 0).bind(('hash', 'sha256'))",
        beyond_naive=True,
    ),
    connect(
        "net-http",
        "Asks a server on loopback by urllib.",
        "import urllib.request\ntry:\n    urllib.request.urlopen('http://127.0.0.1:@PORT@/', timeout=1)\n"
        "except TimeoutError:\n    pass",
    ),
    connect(
        "net-fast-open",
        "Connects by sendto with MSG_FASTOPEN, which is no connect call.",
        "socket.socket().sendto(b'x', socket.MSG_FASTOPEN, ('127.0.0.1', @PORT@))",
    ),
    connect(
        "net-mptcp",
        "Connects by multipath TCP, which rules for TCP may not cover.",
        "s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262); s.settimeout(1); s.connect(('127.0.0.1', @PORT@))",
    ),
    connect(
        "net-asyncio",
        "Connects by asyncio.",
        "import asyncio\nasyncio.run(asyncio.wait_for(asyncio.open_connection('127.0.0.1', @PORT@), 1))",
    ),
    connect(
        "net-unix-inherit-rights",
        "Asks every inherited descriptor for descriptors sent over it.",
        "import array\ngot = []\nfor fd in range(3, 64):\n    try:\n        s = socket.socket(fileno=fd); s.setblocking("
        "False)\n"
        "        got += s.recvmsg(1, 4096)[1]\n    except OSError:\n        pass\nif not got: raise PermissionError('none')",
        expect=KILLED | {"exited_early"},  # it closes its own channel
        beyond_naive=True,
    ),
]

ATTACKS = READS + CHANGES + NETWORK
