"""Leftovers: what a program tries to leave behind for later or for the next task.

Writing in one's own scratch place is allowed, so the tests never accept and the harness looks: for marked names in public
places, for new processes, for kernel objects, for a late change in the canary directory, and, by `follow`, for what a second
program finds. Most of what is left in the scratch place aims at a sandbox that uses the place again, or that cleans up by hand.
"""

from attack import KILLED, Attack
from processes import raw
from reach import NEVER

LOSES = KILLED | {"timeout", "disk"}
# A find of the second program is a pass; the first one must lose.
FOUND = "assert f() == 'found'"


def leaves(name: str, tries: str, body: str, expect=KILLED, **fields) -> Attack:
    """A program that leaves something behind and loses."""
    return raw(name, tries, body, NEVER, expect, **fields)


def hands_on(name: str, tries: str, first: str, second: str, expect=KILLED | {"load_error"}, **fields) -> Attack:
    """A program that leaves something which a second one, in the next task, would find."""
    return Attack(name, tries, first + "\n", FOUND, expect, follow=second + "\n", beyond_naive=True, **fields)


SHM = "import _posixshmem, os\nfd = _posixshmem.shm_open('/@MARK@', {flags}, 0o666)\n"

PROCESSES = [
    leaves(
        "daemon",
        "Forks twice and writes into the canary directory a second later.",
        "import time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
        "        os.closerange(0, 256); time.sleep(1)\n"
        "        open('@CANARY_DIR@/late', 'w').write('x'); time.sleep(9)\n    os._exit(0)",
    ),
    leaves(
        "daemon-sleeps",
        "Leaves a child that only sleeps, in a session of its own.",
        "import time\nif os.fork() == 0:\n    os.setsid(); os.closerange(0, 256); time.sleep(15); os._exit(0)",
    ),
    leaves(
        "daemon-by-spawn",
        "Leaves a sleeping program started by subprocess.",
        "import subprocess; subprocess.Popen(['sleep', '15'], start_new_session=True)",
    ),
    leaves(
        "daemon-ignores-term",
        "Leaves a child that ignores every signal it can.",
        "import signal, time\nif os.fork() == 0:\n    for s in range(1, 65):\n"
        "        try: signal.signal(s, signal.SIG_IGN)\n        except (OSError, ValueError): pass\n"
        "    time.sleep(15); os._exit(0)",
    ),
    leaves(
        "stopped-child",
        "Leaves a child that has stopped itself.",
        "import signal\nif os.fork() == 0:\n    os.kill(os.getpid(), signal.SIGSTOP); os._exit(0)",
    ),
    leaves(
        "new-session-loop",
        "Leaves its process group, then never ends.",
        "try: os.setsid()\nexcept OSError: pass\nwhile True: pass",
        frozenset({"timeout", "blocked"}),
        slow=True,
        beyond_naive=True,
    ),
    leaves("stops-itself", "Stops itself, so that no time passes for it.", "os.kill(os.getpid(), 19)", LOSES, slow=True),
    leaves(
        "thread-writes-late",
        "Leaves a thread that writes into the canary directory after the verdict.",
        "import threading, time\ndef late():\n    time.sleep(0.7); open('@CANARY_DIR@/late', 'w').write('x')\n"
        "threading.Thread(target=late).start()",
        beyond_naive=True,
    ),
    leaves(
        "thread-endless",
        "Leaves a thread that never ends after a wrong answer.",
        "import threading, time\nthreading.Thread(target=time.sleep, args=(30,)).start()",
        LOSES,
        slow=True,
        beyond_naive=True,
    ),
    leaves(
        "exit-handler-hangs",
        "Leaves an exit handler that never ends.",
        "import atexit\n@atexit.register\ndef late():\n    while True: pass",
        LOSES,
        slow=True,
        beyond_naive=True,
    ),
    leaves(
        "fork-in-exit-handler",
        "Forks in an exit handler.",
        "import atexit, time\n@atexit.register\ndef late():\n    if os.fork() == 0: time.sleep(15)",
        beyond_naive=True,
    ),
]

FILES = [
    leaves(
        "file-in-public",
        "Leaves files in /tmp, /var/tmp and /dev/shm.",
        "done = 0\nfor top in ('/tmp', '/var/tmp', '/dev/shm'):\n    try: open(f'{top}/@MARK@-file', 'w').write("
        "'x'); done += 1\n    except OSError: pass",
    ),
    leaves(
        "file-by-tempfile",
        "Leaves a temporary file where tempfile puts it, and in the parent's TMPDIR.",
        "import tempfile\ntempfile.mkstemp(prefix='@MARK@-')\nopen('@CANARY_DIR@/../@MARK@-up', 'w').write('x')",
    ),
    leaves(
        "file-above",
        "Leaves a file above its own directory.",
        "for up in ('..', '../..', '../../..'):\n    try: open(f'{up}/@MARK@-file', 'w').write('x')\n    except OSError: pass",
    ),
    leaves(
        "posix-shared-memory",
        "Leaves a shared memory object.",
        "import _posixshmem; fd = _posixshmem.shm_open('/@MARK@-object', os.O_CREAT | os.O_RDWR, 0o666); os.ftruncate("
        "fd, 4096)",
    ),
    leaves(
        "system-v-memory",
        "Leaves a System V shared memory segment.",
        "if libc.shmget(0, 4096, 0o1666) < 0: raise PermissionError(ctypes.get_errno(), 'shmget')",
    ),
    leaves(
        "system-v-queue",
        "Leaves a System V message queue.",
        "if libc.msgget(0, 0o1666) < 0: raise PermissionError(ctypes.get_errno(), 'msgget')",
    ),
    leaves(
        "system-v-semaphores",
        "Leaves System V semaphores.",
        "if libc.semget(0, 8, 0o1666) < 0: raise PermissionError(ctypes.get_errno(), 'semget')",
    ),
    leaves(
        "locked-directory",
        "Leaves a directory of mode 000 with a file in it in its working directory.",
        "os.mkdir('locked'); open('locked/x', 'w').close(); os.chmod('locked', 0)",
        LOSES,
        beyond_naive=True,
    ),
    leaves(
        "locked-by-mkdir",
        "The same without chmod: mkdir with mode 000, within one of mode 555.",
        "os.mkdir('outer', 0o700); os.mkdir('outer/locked', 0); os.mkdir('closed', 0o555)",
        LOSES,
        beyond_naive=True,
    ),
    leaves(
        "locked-by-umask",
        "Sets the umask to 777 and makes directories.",
        "os.umask(0o777); os.makedirs('a'); open('b', 'w').close()",
        LOSES,
        beyond_naive=True,
    ),
    leaves("cwd-removed", "Removes its working directory.", "os.rmdir(os.getcwd())", LOSES, beyond_naive=True),
    leaves(
        "cwd-renamed",
        "Renames its working directory and puts a link there.",
        "here = os.getcwd(); os.rename(here, here + '-@MARK@'); os.symlink('@CANARY_DIR@', here)",
        LOSES,
    ),
    leaves("cwd-mode", "Takes every right from its working directory.", "os.chmod('.', 0)", LOSES, beyond_naive=True),
    leaves(
        "link-for-cleaner",
        "Leaves links to the canary directory for whoever cleans up.",
        "os.symlink('@CANARY_DIR@', 'folder'); os.symlink('@CANARY_DIR@/victim', 'file'); os.makedirs('a/b'); "
        "os.symlink('@CANARY_DIR@', 'a/b/c')",
        LOSES,
        beyond_naive=True,
    ),
    leaves(
        "odd-names",
        "Leaves names with newlines, 255 bytes, bytes that are no UTF-8, a leading dash and spaces.",
        "for name in (b'a\\nb', b'x' * 255, b'\\xff\\xfe', b'-rf', b' ', b'\\\\', b'*', 'é'.encode('latin-1')):\n"
        "    open(name, 'w').close(); os.mkdir(name[:250] + b'.d')",
        LOSES,
        beyond_naive=True,
    ),
    leaves(
        "deep-nest",
        "Leaves a nest of 1500 directories for a cleaner that recurses.",
        "for _ in range(1500):\n    os.mkdir('d'); os.chdir('d')",
        LOSES,
        beyond_naive=True,
    ),
    leaves(
        "fifo-for-cleaner",
        "Leaves a named pipe on which a reader would wait, and a socket.",
        "os.mkfifo('pipe'); os.mkfifo('stdout'); os.mkfifo('result.json')",
        LOSES,
        beyond_naive=True,
    ),
    leaves(
        "many-files",
        "Leaves five thousand files.",
        "for i in range(5000): open(f'x{i}', 'w').close()",
        LOSES,
        beyond_naive=True,
    ),
    leaves(
        "lock-file",
        "Leaves a lock held on a file in its directory by a thread.",
        "import fcntl; fd = os.open('lock', os.O_CREAT | os.O_RDWR); fcntl.flock(fd, fcntl.LOCK_EX)",
        LOSES,
        beyond_naive=True,
    ),
    leaves(
        "append-flag",
        "Makes a file of its own immutable by ioctl.",
        "import fcntl, struct\nfd = os.open('fixed', os.O_CREAT | os.O_RDWR)\n"
        "fcntl.ioctl(fd, 0x40086602, struct.pack('l', 0x10))",
        LOSES,
        beyond_naive=True,
    ),
]

QUEUE = """import ctypes
libc = ctypes.CDLL(None, use_errno=True)
if libc.mq_open(b"/@MARK@", {flags}, 0o666, None) < 0:
    raise PermissionError("mq_open")
"""

HANDED_ON = [
    hands_on(
        "next-queue",
        "Leaves a POSIX message queue for the next task.",
        QUEUE.format(flags="0o102") + "def f(): return 'no'",
        QUEUE.format(flags="2") + "def f(): return 'found'",
    ),
    hands_on(
        "next-file",
        "Leaves a file in its directory for the next task.",
        "open('note', 'w').write('found')\ndef f(): return 'no'",
        "def f(): return open('note').read()",
    ),
    hands_on(
        "next-tmp",
        "Leaves a file in /tmp and /dev/shm for the next task.",
        "for d in ('/tmp', '/dev/shm', '/var/tmp'):\n    try: open(d + '/@MARK@-note', 'w').write('found')\n"
        "    except OSError: pass\ndef f(): return 'no'",
        "def f():\n    for d in ('/tmp', '/dev/shm', '/var/tmp'):\n        try: return open(d + '/@MARK@-note').read("
        ")\n        except OSError: pass",
    ),
    hands_on(
        "next-module",
        "Leaves an attribute on a module for the next task.",
        "import builtins, json, sys\nbuiltins.note = json.note = sys.note = 'found'\ndef f(): return 'no'",
        "import builtins, json, sys\ndef f(): return getattr(builtins, 'note', None) or getattr(json, 'note',"
        " None) or sys.note",
    ),
    hands_on(
        "next-environment",
        "Leaves a variable in the environment for the next task.",
        "import os\nos.environ['NOTE'] = 'found'\ndef f(): return 'no'",
        "import os\ndef f(): return os.environ['NOTE']",
    ),
    hands_on(
        "next-shared-memory",
        "Leaves a shared memory object for the next task.",
        SHM.format(flags="os.O_CREAT | os.O_RDWR") + "os.ftruncate(fd, 5); os.pwrite(fd, b'found', 0)\ndef f(): return 'no'",
        SHM.format(flags="os.O_RDONLY") + "def f(): return os.pread(fd, 5, 0).decode()",
    ),
    hands_on(
        "next-planted-module",
        "Leaves a module in the working directory that the next task imports.",
        "open('graphlib.py', 'w').write('note = \"found\"')\nopen('sitecustomize.py', 'w').write('import builtins; "
        "builtins.note = \"found\"')\ndef f(): return 'no'",
        "import builtins\ndef f():\n    import graphlib\n    return getattr(graphlib, 'note', None) or builtins.note",
    ),
    hands_on(
        "next-numpy",
        "Changes numpy's array and random state for the next task.",
        "import numpy as np\nnp.pi = 'found'\nnp.seterr(all='raise')\ndef f(): return 'no'",
        "import numpy as np\ndef f(): return np.pi",
    ),
    hands_on(
        "next-memory",
        "Leaves a text in memory and the next task searches all of its memory.",
        "kept = ['found-' + '@MARK@' + '-%d' % i for i in range(100)]\ndef f(): return 'no'",
        "import re\ndef f():\n    pattern = re.compile('-'.join(['fou' + 'nd', '@MARK@']).encode())\n"
        "    with open('/proc/self/maps') as maps, open('/proc/self/mem', 'rb', 0) as memory:\n"
        "        for line in maps:\n            span, mode = line.split()[:2]\n"
        "            if 'rw' in mode and '[v' not in line:\n                low, high = (int(x, 16) for x in "
        "span.split('-'))\n                memory.seek(low)\n                if len(pattern.findall(memory.read("
        "min(high - low, 1 << 26)))) > 50: return 'found'",
    ),
    hands_on(
        "next-stdout",
        "Prints a passing verdict without a newline, for the next task's output to begin with.",
        "import sys\nsys.stdout.write('PASSED found')\ndef f(): return 'no'",
        "import os\ndef f():\n    text = ''\n    for fd in range(1, 9):\n"
        "        try: text += os.pread(fd, 100, 0).decode()\n        except (OSError, ValueError): pass\n"
        "    return 'found' if 'PASSED found' in text else 'no'",
    ),
    hands_on(
        "next-abstract-socket",
        "Leaves an abstract socket for the next task.",
        "import socket\ns = socket.socket(socket.AF_UNIX); s.bind('\\0@MARK@-next'); s.listen()\ndef f(): return 'no'",
        "import socket\ndef f():\n    socket.socket(socket.AF_UNIX).connect('\\0@MARK@-next')\n    return 'found'",
    ),
]

ATTACKS = PROCESSES + FILES + HANDED_ON
