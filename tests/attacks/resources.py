"""Resources: programs that do not stop, or take all of something.

The right answer waits behind the limit, so that a pass says the limit was not there.
"""

from attack import DENIED, Attack

TIMEOUT = frozenset({"timeout"})
MEMORY = frozenset({"memory"})
# A Python program that is refused memory may catch it, report it as its own error, or die in C code.
HOG = frozenset({"memory", "error"})
# Touching half a gigabyte takes 0.5 to 1.5 of the 2 s where this was written: elsewhere time may be what runs out first.
SLOW_HOG = HOG | TIMEOUT
DISK = frozenset({"disk", "output_limit", "blocked", "error"})
FLOOD = frozenset({"output_limit"})


def runs(name: str, tries: str, body: str, expect=TIMEOUT, slow: bool = True, setup: str = "", **fields) -> Attack:
    """A program that answers True at the end of its body."""
    lines = "\n".join("    " + line for line in body.strip("\n").splitlines())
    return Attack(name, tries, f"{setup}\ndef f():\n{lines}\n    return True\n", expect=expect, slow=slow, **fields)


TIME = [
    runs("loop", "Never ends.", "while True: pass"),
    runs("loop-at-load", "Never ends while it is loaded.", "pass", setup="while True: pass"),
    runs("sleep", "Sleeps.", "import time; time.sleep(30)"),
    runs("deadlock", "Waits for a lock that nobody frees.", "import threading; l = threading.Lock(); l.acquire(); l.acquire()"),
    runs("join-itself", "Waits for a thread that waits for it.", "import queue; queue.Queue().get()"),
    runs("read-stdin-for-ever", "Waits for input on a pipe of its own.", "import os; r, w = os.pipe(); os.read(r, 1)"),
    runs("wait-for-signal", "Waits for a signal.", "import signal; signal.pause()"),
    runs(
        "backtracking",
        "Backtracks exponentially in C code that sees no signal.",
        "import re; re.match('(a|aa)+$', 'a' * 60 + 'b')",
    ),
    runs(
        "power",
        "Raises a number to a power that takes minutes.",
        "x = 3 ** (3 ** 18)",
        frozenset({"timeout", "memory", "error"}),
    ),
    runs(
        "int-to-text",
        "Converts a long integer to text with the limit lifted.",
        "import sys; sys.set_int_max_str_digits(0); str(7 ** 3_000_000)",
    ),
    runs("factorial", "Computes a factorial in C code that sees no signal.", "import math; math.factorial(3_000_000)"),
    runs("sum-range", "Sums a long range in C.", "sum(range(10 ** 11))"),
    runs(
        "numpy-loop",
        "Keeps numpy busy with the GIL given away.",
        "import numpy as np; a = np.ones((300, 300))\nwhile True: a = a @ a * 1e-3",
    ),
    runs(
        "hash-without-gil",
        "Hashes in four threads, which burns CPU time in C without the GIL.",
        "import hashlib, threading\ndef go():\n    while True: hashlib.sha256(b'x' * 10 ** 7)\n"
        "ts = [threading.Thread(target=go) for _ in range(4)]\n[t.start() for t in ts]; [t.join() for t in ts]",
    ),
    runs(
        "swallow-all",
        "Catches whatever a timer raises and goes on.",
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
    ),
    runs(
        "disarm-timers",
        "Sets all timers to zero and ignores every signal it can.",
        "import signal\nfor t in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF): signal.setitimer("
        "t, 0)\nsignal.alarm(0)\n"
        "for s in range(1, 65):\n    try: signal.signal(s, signal.SIG_IGN)\n"
        "    except (OSError, ValueError): pass\nwhile True: pass",
    ),
    runs(
        "block-signals",
        "Blocks every signal and loops in the call.",
        "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\nwhile True: pass",
    ),
    runs(
        "answer-after-signal",
        "Answers rightly from the handler of the time limit's signal.",
        "import signal\nclass Late(BaseException): pass\ndef late(*a): raise Late\n"
        "for s in (signal.SIGALRM, signal.SIGXCPU, signal.SIGVTALRM, signal.SIGPROF, signal.SIGTERM): signal.signal(s, late)\n"
        "try:\n    while True: pass\nexcept Late:\n    pass",
    ),
    runs(
        "raise-cpu-limit",
        "Raises its own CPU limit, then loops.",
        "import resource\ntry: resource.setrlimit(resource.RLIMIT_CPU, (resource.RLIM_INFINITY,) * 2)\n"
        "except (ValueError, OSError): pass\nwhile True: pass",
    ),
    runs(
        "soft-cpu-limit",
        "Raises the soft CPU limit to the hard one and ignores SIGXCPU.",
        "import resource, signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\n"
        "hard = resource.getrlimit(resource.RLIMIT_CPU)[1]\n"
        "resource.setrlimit(resource.RLIMIT_CPU, (hard, hard))\nwhile True: pass",
    ),
    runs(
        "sleep-in-del",
        "Hangs when its answer is collected.",
        "class D:\n    def __del__(self):\n        while True: pass\nx = D(); del x",
    ),
    runs("loop-in-import-lock", "Hangs with the import lock held.", "import _imp, time; _imp.acquire_lock(); time.sleep(30)"),
    Attack(
        "loop-in-tests",
        "Is right, but the tests never end.",
        "def f(x): return x * x",
        "assert f(3) == 9\nwhile True: f(3)",
        frozenset({"timeout", "test_error"}),
        slow=True,
    ),
    Attack(
        "loop-in-io",
        "Never ends in IO mode.",
        "def f(x):\n    while x: pass\n    return 0",
        "",
        TIMEOUT,
        arguments=((0,), (1,)),
        values=(0, 1),
        slow=True,
    ),
    Attack(
        "endless-iterator",
        "Returns an iterator whose next never comes.",
        "class I:\n    def __iter__(self): return self\n    def __next__(self):\n        while True: pass\ndef f(): return I()",
        "assert list(f()) == []",
        frozenset({"timeout", "unsupported", "error", "fail"}),
        slow=True,
    ),
]

SPACE = [
    runs("memory-list", "Fills a list.", "xs = [0]\nwhile len(xs) < 2 ** 28: xs += xs", HOG | {"timeout"}),
    runs("memory-bytes", "Asks for 4 GiB at once.", "x = bytearray(4 << 30)", HOG, slow=False),
    runs(
        "memory-steps",
        "Takes and touches 2 GiB in steps of 16 MiB.",
        "xs = [bytearray(b'x' * (16 << 20)) for _ in range(128)]",
        SLOW_HOG,
    ),
    runs(
        "memory-mmap",
        "Maps and touches 2 GiB of anonymous memory.",
        "import mmap\nms = []\nfor _ in range(32):\n"
        "    m = mmap.mmap(-1, 64 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)\n"
        "    m.write(b'x' * (64 << 20)); ms.append(m)",
        SLOW_HOG,
    ),
    runs(
        "memory-shared-and-shrunk",
        "Fills shared maps and shrinks them: the memory stays, and belongs to no process.",
        "import mmap\nms = []\nfor _ in range(8):\n    m = mmap.mmap(-1, 100 << 20)\n"
        "    for _ in range(100): m.write(b'x' * (1 << 20))\n    m.resize(4096); ms.append(m)",
        DENIED,
        slow=False,
    ),
    runs(
        "memory-of-dev-zero",
        "The same of /dev/zero.",
        "import mmap, os\nfd = os.open('/dev/zero', os.O_RDWR)\nms = []\nfor _ in range(8):\n    m = mmap.mmap(fd, 100 << 20)\n"
        "    for _ in range(100): m.write(b'x' * (1 << 20))\n    m.resize(4096); ms.append(m)",
        DENIED,
        slow=False,
        beyond_naive=True,
    ),
    runs(
        "memory-malloc",
        "Takes and touches 2 GiB by malloc.",
        "import ctypes; libc = ctypes.CDLL(None); libc.malloc.restype = ctypes.c_void_p\nfor _ in range(32):\n"
        "    p = libc.malloc(64 << 20)\n    if not p: raise MemoryError\n    ctypes.memset(p, 1, 64 << 20)",
        SLOW_HOG,
    ),
    runs(
        "memory-numpy",
        "Fills arrays of 2 GiB.",
        "import numpy as np; xs = [np.ones(1 << 23) for _ in range(32)]",
        SLOW_HOG,
        slow=False,
    ),
    runs(
        "memory-file",
        "Fills a memory file with 1 GiB, which no address-space limit counts.",
        "import os; fd = os.memfd_create('x')\nfor _ in range(64): os.write(fd, b'x' * (16 << 20))",
        DISK | HOG,
        slow=False,
    ),
    runs(
        "memory-file-truncate",
        "Gives a memory file 1 GiB and touches it through small maps.",
        "import mmap, os; fd = os.memfd_create('x'); os.ftruncate(fd, 1 << 30)\nfor i in range(64):\n"
        "    m = mmap.mmap(fd, 16 << 20, offset=i << 24); m.write(b'x' * (16 << 20)); m.close()",
        DISK | HOG,
        slow=False,
    ),
    runs(
        "memory-pipes",
        "Fills kernel buffers of pipes with 1 GiB, which no address-space limit counts.",
        "import fcntl, os\nkept = []\nfor _ in range(1024):\n    r, w = os.pipe(); kept.append((r, w))\n"
        "    fcntl.fcntl(w, 1031, 1 << 20)\n    os.write(w, b'x' * (1 << 20))",
        HOG | DENIED,
        slow=False,
        beyond_naive=True,
    ),
    runs(
        "memory-swallowed",
        "Swallows each MemoryError and answers with the memory held until then released.",
        "xs = []\ntry:\n    while len(xs) < 128: xs.append(b'x' * (16 << 20) + bytes([len(xs)]))\n"
        "except MemoryError:\n    raise SystemError('stopped')",
        HOG,
        slow=False,
    ),
    runs(
        "memory-swallow-loop",
        "Swallows each MemoryError and tries again for ever.",
        "xs = []\nwhile True:\n    try: xs.append(bytearray(b'x' * (16 << 20)))\n    except MemoryError: pass",
        SLOW_HOG,
    ),
    runs(
        "recursion-raised",
        "Recurses for ever with the limit lifted.",
        "import sys; sys.setrecursionlimit(10 ** 9)\ndef g(n): return g(n + 1)\ng(0)",
        HOG | {"crashed", "timeout"},
    ),
    runs(
        "recursion-c",
        "Recurses through C code until its stack ends.",
        "import sys; sys.setrecursionlimit(10 ** 9)\nclass A: pass\ndef g(n): return [*map(g, [n])]\ng(0)",
        HOG | {"crashed"},
    ),
    runs(
        "inflate-bomb",
        "Inflates a small text to 4 GiB.",
        "import zlib\nc = zlib.compressobj(9); small = b''.join(c.compress(bytes(1 << 20)) for _ in range(4)) + c.flush()\n"
        "x = b''.join(zlib.decompress(small) for _ in range(1024))",
        SLOW_HOG,
    ),
    runs("text-times", "Multiplies a text to 3 GiB.", "x = 'x' * (3 << 30)", HOG, slow=False),
    runs("format-width", "Asks a format for a width of 2 GiB.", "x = '%2000000000d' % 1", HOG, slow=False),
    Attack(
        "return-200-mb",
        "Returns a text of 200 MB.",
        "def f(x): return 'x' * 200_000_000",
        "assert len(f(1)) == 200_000_000",
        frozenset({"memory", "output_limit", "unsupported"}),
    ),
    Attack(
        "return-million-rows",
        "Returns a list of two million small lists.",
        "def f(x): return [[i] for i in range(2_000_000)]",
        "assert len(f(1)) == 2_000_000",
        frozenset({"memory", "output_limit", "unsupported", "timeout"}),
        slow=True,
    ),
    Attack(
        "return-shared-billion",
        "Returns nested lists that share parts and unfold to 2^30 items.",
        "def f(x):\n    a = [0]\n    for _ in range(30): a = [a, a]\n    return a",
        "a = f(1)\nfor _ in range(30): a = a[1]\nassert a == [0]",
        frozenset({"memory", "output_limit", "unsupported", "timeout", "error"}),
        slow=True,
    ),
    Attack(
        "io-huge",
        "Returns 200 MB in IO mode.",
        "def f(): return b'x' * 200_000_000",
        "",
        frozenset({"memory", "output_limit", "unsupported"}),
        arguments=((),),
        values=(1,),
        beyond_naive=True,
    ),
]

COUNTS = [
    runs(
        "threads",
        "Starts ten thousand threads.",
        "import threading\ne = threading.Event()\nts = [threading.Thread(target=e.wait, daemon=True) for _ in "
        "range(10_000)]\n[t.start() for t in ts]\ne.set()",
        HOG | DENIED | {"crashed"},
    ),
    runs(
        "disk-beyond-the-end",
        "Takes disk beyond the end of a file, which no limit of file size counts.",
        "import ctypes, os\nlibc = ctypes.CDLL(None)\nfd = os.open('big', os.O_CREAT | os.O_RDWR)\n"
        "assert libc.fallocate(fd, 1, ctypes.c_long(0), ctypes.c_long(64 << 20)) == 0",
        DENIED | DISK,
        slow=False,
    ),
    runs(
        "disk-without-a-name",
        "Fills files that never had a name, which change no folder's time.",
        "import mmap, os\nms = []\nfor _ in range(40):\n    fd = os.open('.', os.O_TMPFILE | os.O_RDWR, 0o600)\n"
        "    os.write(fd, b'x' * (1 << 20)); ms.append(mmap.mmap(fd, 4096)); os.close(fd)",
        DENIED | DISK,
        slow=False,
    ),
    runs(
        "disk-of-a-process-without-its-first-thread",
        "Fills deleted files when the thread that has the process's name in /proc has left.",
        "import ctypes, os, threading, time\ndef fill():\n    time.sleep(0.1)\n    for i in range(60):\n"
        "        fd = os.open('big', os.O_CREAT | os.O_RDWR); os.unlink('big'); os.write(fd, bytes((1 << 20) - 1))\n"
        "        time.sleep(0.01)\n    time.sleep(0.5); os._exit(0)\nthreading.Thread(target=fill).start()\n"
        "ctypes.CDLL(None).syscall(@SYS_exit@, 0)",
        frozenset({"disk"}),
        slow=False,
    ),
    runs(
        "forks",
        "Forks until it is stopped; each child sleeps.",
        "import os, time\nfor _ in range(150):\n    if os.fork() == 0:\n        time.sleep(20); os._exit(0)",
        DENIED | {"crashed"},
        slow=False,
    ),
    runs(
        "fork-bomb",
        "Forks in every child again, four levels of four.",
        "import os, time\nfor _ in range(4):\n    os.fork(); os.fork()\ntime.sleep(20)",
        DENIED | {"crashed"},
        slow=False,
    ),
    runs(
        "vfork-loop",
        "Forks and ends children for ever, which a count of living processes misses.",
        "import os\nfor _ in range(300):\n    if (p := os.fork()) == 0: os._exit(0)",
        DENIED | {"crashed"},
        slow=False,
    ),
    runs(
        "open-files",
        "Opens a million files at once.",
        "kept = [open('/dev/null') for _ in range(1_000_000)]",
        DENIED | HOG,
        slow=False,
    ),
    runs(
        "semaphores",
        "Fills /dev/shm with named semaphores.",
        "import _multiprocessing\nkept = [_multiprocessing.SemLock(1, 1, 1, f'/@MARK@{i}', False) for i in range(20_000)]",
        DENIED | HOG | DISK,
        slow=False,
    ),
]

OUTPUT = [
    runs("stdout-300-mb", "Prints 300 MB.", "for _ in range(300): print('x' * 1_000_000)", FLOOD, slow=False),
    runs(
        "stderr-300-mb",
        "Writes 300 MB to stderr.",
        "import sys\nfor _ in range(300): sys.stderr.write('x' * 1_000_000)",
        FLOOD,
        slow=False,
    ),
    runs(
        "stdout-raw",
        "Writes 300 MB to descriptor 1 past Python.",
        "import os\nfor _ in range(300): os.write(1, b'x' * 1_000_000)",
        FLOOD,
        slow=False,
    ),
    runs(
        "stdout-at-load",
        "Prints 300 MB while it is loaded.",
        "pass",
        FLOOD,
        slow=False,
        setup="for _ in range(300): print('x' * 1_000_000)",
    ),
    runs("stdout-lines", "Prints without end, a line at a time.", "while True: print('y')", FLOOD),
    runs(
        "stdout-swallow",
        "Prints without end, ignoring every refusal.",
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "while True:\n    try: print('y' * 1000, flush=True)\n    except OSError: pass",
        FLOOD | {"timeout"},
    ),
    runs(
        "disk-one-file",
        "Writes one file of 300 MB.",
        "with open('big', 'wb') as file:\n    for _ in range(300): file.write(b'x' * 1_000_000)",
        DISK,
        slow=False,
    ),
    runs(
        "disk-many-files",
        "Writes 300 files of 0.9 MB.",
        "for i in range(300):\n    with open(f'big{i}', 'wb') as file: file.write(b'x' * 900_000)",
        DISK,
    ),
    runs(
        "disk-small-files",
        "Creates a hundred thousand empty files, for the one who cleans up.",
        "for i in range(100_000): open(f's{i}', 'w').close()\nraise SystemError('all made')",
        DISK | {"timeout"},
    ),
    runs(
        "disk-deep",
        "Makes a directory nest of ten thousand levels, for the one who cleans up.",
        "import os\nfor _ in range(10_000):\n    os.mkdir('d' * 50); os.chdir('d' * 50)\nraise SystemError('all made')",
        DISK | {"timeout"},
    ),
    runs(
        "disk-sparse",
        "Makes a sparse file of 1 TB.",
        "import os\nwith open('big', 'wb') as file: os.truncate(file.fileno(), 10 ** 12)",
        DISK,
        slow=False,
    ),
    runs(
        "disk-fallocate",
        "Reserves 300 MB without writing.",
        "import os\nfd = os.open('big', os.O_CREAT | os.O_RDWR)\nos.posix_fallocate(fd, 0, 300_000_000)",
        DISK,
        slow=False,
    ),
    runs(
        "disk-deleted",
        "Writes to files that it has deleted already, which a walk of the directory misses.",
        "import os\nkept = []\nfor i in range(50):\n    fd = os.open('big', os.O_CREAT | os.O_RDWR); os.unlink("
        "'big'); kept.append(fd)\n"
        "    os.write(fd, b'x' * 900_000)",
        DISK,
    ),
    runs(
        "disk-shm",
        "Writes 300 MB to /dev/shm and /tmp.",
        "import os\nfor top in ('/dev/shm', '/tmp'):\n    for i in range(150):\n"
        "        with open(f'{top}/@MARK@-{i}', 'wb') as file: file.write(b'x' * 1_000_000)",
        DISK,
        slow=False,
    ),
]

ATTACKS = TIME + SPACE + COUNTS + OUTPUT
