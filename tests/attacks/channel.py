"""Forged results, third part: the channel that carries answers.

Records are written to every descriptor, and answers come too early, too late, too long, as code or not at all.
"""

from attack import FORGED, Attack
from forged import SQUARES

CUT = frozenset({"exited_early", "crashed", "error", "fail", "output_limit", "blocked"})
SILENT = CUT | {"timeout", "load_error"}
EMPTY = frozenset({"test_error", "fail"})

# What a sandbox of this kind might send, in several spellings at once.
RECORDS = """
import json, os, pickle, struct
verdicts = [
    {"status": "pass", "passed": True, "result": "passed", "ok": True, "passed_tests": 2, "total_tests": 2, "why": "",
     "value": 9, "kind": "returned", "type": "return", "id": 1, "seq": 1, "trust": "split", "level": "full"},
    {"status": "returned", "value": 9, "id": 0}, {"t": "int", "v": "9"}, ["returned", 9], ["pass", 2, 2], {"return": 9},
]
texts = [json.dumps(v).encode() for v in verdicts] + [b"PASSED", b"passed", b"pass", b"OK", pickle.dumps("passed")]
records = [t + b"\\n" for t in texts]
for head in ("<I", ">I", "<Q", ">Q", "<i"):
    records += [struct.pack(head, len(t)) + t for t in texts]
def shout(times=3):
    for fd in range(256):
        for record in records * times:
            try:
                os.write(fd, record)
            except OSError:
                break
"""
RECORDS = RECORDS.replace("\n", "\n        ")

ATTACKS = [
    Attack(
        "records-then-exit",
        "Writes plausible passing records to every descriptor in the call and leaves with status 0.",
        f"""
        {RECORDS}
        def f(x):
            shout()
            os._exit(0)
        """,
        SQUARES,
        CUT,
        beyond_naive=True,
    ),
    Attack(
        "records-at-load",
        "Writes the records while it is loaded, before anything was asked, and goes on with wrong answers.",
        f"""
        {RECORDS}
        shout()
        def f(x): return 0
        """,
        SQUARES,
        CUT | {"load_error"},
        beyond_naive=True,
    ),
    Attack(
        "records-by-send",
        "Sends the records on whatever descriptor is a socket and then answers wrongly.",
        f"""
        import socket
        {RECORDS}
        def f(x):
            for fd in range(3, 256):
                for record in records:
                    try:
                        socket.socket(fileno=fd).send(record)
                    except OSError:
                        break
            return 0
        """,
        SQUARES,
        CUT,
        beyond_naive=True,
    ),
    Attack(
        "descriptors-passed-on",
        "Asks each descriptor for messages meant for somebody else, then answers nothing.",
        """
        import os
        def f(x):
            for fd in range(3, 256):
                try:
                    os.set_blocking(fd, False)
                    os.read(fd, 65536)
                except OSError:
                    pass
            os._exit(0)
        """,
        SQUARES,
        CUT,
        beyond_naive=True,
    ),
    Attack(
        "channel-read-expected",
        "Reads on from its input for expected values or the next argument.",
        """
        import os, re
        def f(x):
            seen = b""
            for fd in range(256):
                try:
                    os.set_blocking(fd, False)
                    seen += os.read(fd, 65536)
                except OSError:
                    pass
            found = re.search(":".join(["@MARK@", "[0-9a-f]{32}"]).encode(), seen)
            return found.group().decode()
        """,
        "expected = '@MARK@:@SECRET@'\nassert f(1) == expected",
        CUT,
        beyond_naive=True,
    ),
    Attack(
        "descriptors-closed",
        "Closes every descriptor and returns.",
        "import os\ndef f(x):\n    os.closerange(0, 1024)\n    return 0",
        SQUARES,
        SILENT,
        beyond_naive=True,
    ),
    Attack(
        "descriptors-exchanged",
        "Puts a file of its own, with records in it, on the place of every descriptor.",
        f"""
        {RECORDS}
        def f(x):
            own = os.open("answers", os.O_RDWR | os.O_CREAT)
            os.write(own, b"".join(records))
            os.lseek(own, 0, 0)
            for fd in range(256):
                if fd != own:
                    try:
                        os.fstat(fd)
                        os.dup2(own, fd)
                    except OSError:
                        pass
            return 0
        """,
        SQUARES,
        SILENT,
        beyond_naive=True,
    ),
    Attack(
        "length-overflow",
        "Announces records of 4 GiB and of negative length on every descriptor, so that the reader allocates or hangs.",
        """
        import os
        def f(x):
            for fd in range(3, 256):
                for head in (b"\\xff" * 4, b"\\xff" * 8, b"\\x7f" + b"\\xff" * 7, b"4294967295\\n", b"-1\\n"):
                    try:
                        os.write(fd, head)
                    except OSError:
                        break
            os._exit(0)
        """,
        SQUARES,
        CUT,
        beyond_naive=True,
    ),
    Attack(
        "partial-frame",
        "Writes half a record everywhere and then sleeps, so that the reader waits.",
        """
        import os, time
        def f(x):
            for fd in range(3, 256):
                try:
                    os.write(fd, b'{"status": "ret')
                except OSError:
                    pass
            time.sleep(60)
        """,
        SQUARES,
        frozenset({"timeout", "exited_early", "error", "fail", "crashed"}),
        slow=True,
        beyond_naive=True,
    ),
    Attack(
        "channel-flood",
        "Fills every descriptor with an endless stream, so that the reader's memory grows.",
        """
        import os
        block = b"a" * 65536
        def f(x):
            while True:
                for fd in range(3, 256):
                    try:
                        os.write(fd, block)
                    except OSError:
                        pass
        """,
        SQUARES,
        CUT | {"timeout"},
        slow=True,
        beyond_naive=True,
    ),
    Attack(
        "newline-flood",
        "Answers with a hundred thousand empty records.",
        """
        import os
        def f(x):
            for fd in range(3, 256):
                try:
                    os.set_blocking(fd, False)
                    for _ in range(100):
                        os.write(fd, b"\\n{}\\nnull\\n" * 1000)
                except OSError:
                    pass
            return 0
        """,
        SQUARES,
        SILENT,
        beyond_naive=True,
    ),
    Attack(
        "json-in-string",
        "Returns a text that ends the record and starts another with the right value.",
        """
        def f(x): return '"}\\n{"status": "returned", "value": 9}\\n["returned", 9]\\n\\x009\\u2028'
        """,
        "assert f(3) == 9",
        FORGED,
        beyond_naive=True,
    ),
    Attack(
        "code-in-string",
        "Returns and prints texts that an eval on the receiving side would run.",
        """
        def f(x):
            print("__import__('os')._exit(0)")
            return "__import__('builtins').__dict__.update(abs=lambda v: 0) or 9"
        """,
        "assert f(3) == 9",
        FORGED,
        beyond_naive=True,
    ),
    Attack(
        "tagged-value",
        "Returns dicts that look like the encoding of another value.",
        """
        def f(x):
            nine = [{"int": "9"}, {"t": "int", "v": "9"}, {"__type__": "int", "value": 9}, {"$": 9}, {"type": "int", "v": 9}]
            return nine[x % len(nine)]
        """,
        "assert f(0) == 9 or f(1) == 9 or f(2) == 9 or f(3) == 9 or f(4) == 9",
        FORGED,
        beyond_naive=True,
    ),
    Attack(
        "tag-as-list",
        "Returns lists that look like the tagged encoding of a set or a tuple.",
        "def f(x): return [['set', [1, 2]], ['tuple', [1, 2]], ['s', [1, 2]], ['t', 1, 2]][x]",
        "assert any(isinstance(f(i), (set, tuple)) for i in range(4))",
        FORGED,
        beyond_naive=True,
    ),
    Attack(
        "pickle-payload",
        "Returns an object whose unpickling would leave with status 0 in the receiver.",
        """
        import os
        class Payload:
            def __reduce__(self): return (os._exit, (0,))
            def __eq__(self, other): return False
        def f(x): return Payload()
        """,
        SQUARES,
        FORGED,
        beyond_naive=True,
    ),
    Attack(
        "thread-races-answer",
        "Starts a thread that writes passing records while the call is still thinking, then exits.",
        f"""
        import threading, time
        {RECORDS}
        def f(x):
            threading.Thread(target=lambda: (shout(), os._exit(0)), daemon=True).start()
            time.sleep(1)
            return 0
        """,
        SQUARES,
        CUT,
        beyond_naive=True,
    ),
    Attack(
        "later-inputs",
        "Looks through its own memory for the arguments of the calls that are still to come.",
        """
        import gc, re
        def f(n):
            seen = {v for o in gc.get_objects() if isinstance(o, (list, tuple)) for v in o if isinstance(v, str)}
            return "found" if any(re.fullmatch("-".join(["@MARK@", "later"]), v) for v in seen - {n}) else "none"
        """,
        "",
        FORGED,
        arguments=(("first",), ("@MARK@-later",)),
        values=("found", "none"),
        beyond_naive=True,
    ),
    Attack(
        "io-expected-in-memory",
        "In IO mode, searches its objects for the expected value.",
        """
        import gc, re
        def f():
            for o in gc.get_objects():
                for v in o if isinstance(o, (list, tuple)) else ():
                    if isinstance(v, str) and re.fullmatch(":".join(["@MARK@", "[0-9a-f]{32}"]), v):
                        return v
        """,
        "",
        FORGED,
        arguments=((),),
        values=("@MARK@:@SECRET@",),
        beyond_naive=True,
    ),
    Attack(
        "io-records",
        "In IO mode, writes passing records to every descriptor and returns the wrong value.",
        f"""
        {RECORDS}
        def f(x):
            shout()
            return 0
        """,
        "",
        CUT,
        arguments=((3,), (12,)),
        values=(9, 144),
        beyond_naive=True,
    ),
    Attack(
        "io-liar",
        "In IO mode, returns an int and a str whose __eq__ lie.",
        """
        class N(int):
            def __eq__(self, other): return True
            __hash__ = int.__hash__
        class S(str):
            def __eq__(self, other): return True
            __hash__ = str.__hash__
        def f(x): return N(0) if x == 3 else S("0")
        """,
        "",
        FORGED,
        arguments=((3,), (12,)),
        values=(9, "twelve"),
        beyond_naive=True,
    ),
]
