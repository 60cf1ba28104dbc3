"""Forged results, second part: the channel that carries answers, the tests' own text, and values that pretend.

Records are written to every descriptor, names of the tester are defined by the solution, arguments are aliased, modules are
planted where the tests may import them, and answers come too early, too late, too long or not at all.
"""

from attack import FORGED, Attack
from forged import CASE, CHECK, EXIT, FUNCTIONS, SQUARES

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
        own_channel=True,
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
        own_channel=True,
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
        own_channel=True,
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
        own_channel=True,
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
        own_channel=True,
    ),
    Attack(
        "descriptors-closed",
        "Closes every descriptor and returns.",
        "import os\ndef f(x):\n    os.closerange(0, 1024)\n    return 0",
        SQUARES,
        SILENT,
        own_channel=True,
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
        own_channel=True,
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
        own_channel=True,
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
        own_channel=True,
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
        own_channel=True,
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
        own_channel=True,
    ),
    Attack(
        "json-in-string",
        "Returns a text that ends the record and starts another with the right value.",
        """
        def f(x): return '"}\\n{"status": "returned", "value": 9}\\n["returned", 9]\\n\\x009\\u2028'
        """,
        "assert f(3) == 9",
        FORGED,
        own_channel=True,
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
        own_channel=True,
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
        own_channel=True,
    ),
    Attack(
        "tag-as-list",
        "Returns lists that look like the tagged encoding of a set or a tuple.",
        "def f(x): return [['set', [1, 2]], ['tuple', [1, 2]], ['s', [1, 2]], ['t', 1, 2]][x]",
        "assert any(isinstance(f(i), (set, tuple)) for i in range(4))",
        FORGED,
        own_channel=True,
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
        own_channel=True,
    ),
    Attack(
        "pickle-exception",
        "Raises an exception whose unpickling would run code in the receiver.",
        """
        import os
        class Payload(Exception):
            def __reduce__(self): return (os._exit, (0,))
        def f(x): raise Payload()
        """,
        SQUARES,
        frozenset({"error", "fail"}),
        own_channel=True,
    ),
    Attack(
        "hostile-str",
        "Raises an exception whose __str__ and __repr__ run for ever.",
        """
        class Endless(Exception):
            def __str__(self):
                while True: pass
            __repr__ = __str__
        def f(x): raise Endless()
        """,
        SQUARES,
        frozenset({"error", "fail", "timeout"}),
        slow=True,
    ),
    Attack(
        "hostile-str-exits",
        "Raises an exception that leaves with status 0 when it is shown.",
        """
        import os
        class Gone(Exception):
            def __str__(self): os._exit(0)
            __repr__ = __str__
        def f(x): raise Gone()
        """,
        SQUARES,
        frozenset({"error", "fail", "exited_early"}),
        own_channel=True,
    ),
    Attack(
        "exception-message-huge",
        "Raises an exception with a message of 200 MB.",
        "def f(x): raise ValueError('x' * 200_000_000)",
        SQUARES,
        frozenset({"error", "fail", "memory", "output_limit"}),
    ),
    Attack(
        "metaclass-name-hostile",
        "Raises an exception whose class has a property for __name__ and a newline in its name.",
        """
        class M(type):
            @property
            def __name__(cls): raise SystemExit(0)
        Bad = M("AssertionError\\nPASSED", (Exception,), {})
        def f(x): raise Bad("x")
        """,
        SQUARES,
        frozenset({"error", "fail", "exited_early"}),
        own_channel=True,
    ),
    Attack(
        "chain-of-causes",
        "Raises an exception whose __cause__ chain is a circle.",
        """
        def f(x):
            a, b = ValueError("a"), ValueError("b")
            a.__cause__, b.__cause__ = b, a
            a.__context__, b.__context__ = b, a
            raise a
        """,
        SQUARES,
        frozenset({"error", "fail"}),
    ),
    Attack(
        "defines-check",
        "Defines its own check and candidate, in case the tests' are overwritten by them.",
        """
        def f(x): return 0
        def check(candidate): return None
        def candidate(x): return 9
        class Locked(dict):
            def __setitem__(self, key, value): pass
        """,
        CHECK,
        FORGED,
        own_channel=True,
    ),
    Attack(
        "defines-tester-names",
        "Defines abs, all, len, isinstance, range and sorted at module level for the tests to pick up.",
        """
        def abs(x): return 0
        def all(x): return True
        def isinstance(a, b): return True
        def range(*a): return []
        def zip(*a): return []
        def f(x): return 0
        """,
        "assert abs(f(3) - 9) < 1e-6\nfor i in range(5):\n    assert f(i) == i * i",
        FORGED,
    ),
    Attack(
        "defines-test-case",
        "Defines unittest.TestCase's name and passing tests of its own.",
        """
        import unittest
        class TestF(unittest.TestCase):
            def test_small(self): pass
            def test_large(self): pass
        def test_small(): pass
        def test_large(): pass
        def f(x): return 0
        """,
        CASE,
        FORGED,
        own_channel=True,
    ),
    Attack(
        "load-tests-hook",
        "Defines load_tests and setUpModule, which unittest honours in the module it loads.",
        """
        import unittest
        def load_tests(loader, tests, pattern): return unittest.TestSuite()
        def setUpModule(): raise unittest.SkipTest("later")
        def f(x): return 0
        """,
        CASE,
        FORGED,
        own_channel=True,
    ),
    Attack(
        "pytest-skip-mark",
        "Marks the module as skipped by pytest's names and defines conftest hooks.",
        """
        import types
        pytestmark = types.SimpleNamespace(name="skip", args=(), kwargs={})
        __test__ = False
        collect_ignore_glob = ["*"]
        def pytest_collection_modifyitems(items): items.clear()
        def f(x): return 0
        """,
        FUNCTIONS,
        FORGED,
        own_channel=True,
    ),
    Attack(
        "planted-modules",
        "Writes agreeable modules into the working directory for the tests to import.",
        """
        body = "def __getattr__(name): return lambda *a, **k: True\\n"
        for name in ("colorsys", "statistics", "graphlib", "sitecustomize", "usercustomize", "conftest", "numpy", "json"):
            with open(name + ".py", "w") as file:
                file.write(body)
        def f(x): return 0
        """,
        """
        import sys
        sys.modules.pop("colorsys", None)
        import colorsys
        assert colorsys.rgb_to_hsv(1.0, 0.5, 0.25) == f(3)
        """,
        FORGED,
        own_channel=True,
    ),
    Attack(
        "sys-path-first",
        "Puts a directory of its own with a replaced module first on sys.path and in PYTHONPATH.",
        """
        import os, sys
        os.makedirs("lib", exist_ok=True)
        with open("lib/graphlib.py", "w") as file:
            file.write("answer = 0\\n")
        sys.path.insert(0, os.path.abspath("lib"))
        sys.modules.pop("graphlib", None)
        os.environ["PYTHONPATH"] = os.path.abspath("lib")
        def f(x): return 0
        """,
        "import graphlib\nassert graphlib.answer == f(3)",
        FORGED | {"test_error"},
    ),
    Attack(
        "argument-grows-hooks",
        "Fills the list it was given with objects that are equal to everything.",
        """
        class Yes:
            def __eq__(self, other): return True
            def __lt__(self, other): return True
            def __hash__(self): return 1
        def f(xs):
            xs[:] = [Yes() for x in xs]
        """,
        "data = [3, 1, 2]\nf(data)\nassert data == [1, 2, 3]",
        FORGED,
    ),
    Attack(
        "first-call-only",
        "Answers the first call rightly (it is in the docstring) and hangs in the second.",
        """
        n = 0
        def f(x):
            global n
            n += 1
            while n > 1: pass
            return x * x
        """,
        SQUARES,
        frozenset({"timeout"}),
        slow=True,
    ),
    Attack(
        "answers-once-then-dies",
        "Answers the first call rightly and leaves in the second.",
        """
        import os
        n = 0
        def f(x):
            global n
            n += 1
            if n > 1: os._exit(0)
            return x * x
        """,
        SQUARES,
        EXIT,
        own_channel=True,
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
        own_channel=True,
    ),
    Attack(
        "thread-changes-answer",
        "Lets a thread change the returned list after the return.",
        """
        import threading, time
        def f(x):
            out = []
            def later():
                for i in range(100):
                    time.sleep(0.01)
                    out[:] = [i]
            threading.Thread(target=later, daemon=True).start()
            return out
        """,
        """
        import time
        got = f(1)
        for _ in range(150):
            time.sleep(0.01)
            if got == [42]:
                break
        assert got == [42]
        """,
        FORGED,
        slow=True,
    ),
    Attack(
        "async-answer",
        "Is a coroutine function, whose call is not the answer.",
        "async def f(x): return x * x",
        SQUARES,
        FORGED,
        own_channel=True,
    ),
    Attack(
        "generator-answer",
        "Is a generator function, so that its body never runs unless drawn.",
        "def f(x):\n    yield x * x",
        SQUARES,
        FORGED,
        own_channel=True,
    ),
    Attack(
        "nan-everywhere",
        "Returns nan, for comparisons that are written the wrong way round.",
        "def f(x): return float('nan')",
        "assert f(3) == 9 and not f(3) != 9",
        FORGED,
        own_channel=True,
    ),
    Attack(
        "infinity-and-huge-int",
        "Returns an integer that overflows a float and an infinity.",
        "def f(x): return 10 ** 400 if x == 3 else float('inf')",
        "assert abs(f(3) - 9) < 1e-6\nassert abs(f(12) - 144) < 1e-6",
        FORGED,
        own_channel=True,
    ),
    Attack(
        "true-for-one",
        "Returns True for 1 and 1.0 for True, for an exact comparison to tell apart.",
        "def f(x): return {1: True, 2: 2.0}[x]",
        "",
        FORGED,
        arguments=((1,), (2,)),
        values=(1, 2),
        own_channel=True,
    ),
    Attack(
        "tests-never-call",
        "Is wrong, and the tests never call it.",
        "def f(x): return 0",
        "assert 1 + 1 == 2",
        EMPTY,
        own_channel=True,
    ),
    Attack("tests-empty", "Is wrong, and there are no tests.", "def f(x): return 0", "", EMPTY, own_channel=True),
    Attack(
        "tests-without-assert",
        "Is wrong, and the tests have only a comment and a helper.",
        "def f(x): return 0",
        "# to do\ndef helper():\n    assert f(3) == 9\n",
        EMPTY,
        own_channel=True,
    ),
    Attack(
        "tests-skipped",
        "Is wrong, and every test is marked as skipped.",
        "def f(x): return 0",
        """
        import unittest
        @unittest.skip("not today")
        class TestF(unittest.TestCase):
            def test_small(self):
                self.assertEqual(f(3), 9)
        """,
        EMPTY,
        own_channel=True,
    ),
    Attack(
        "tests-check-empty",
        "Is wrong, and check has no body.",
        "def f(x): return 0",
        "def check(candidate):\n    pass",
        EMPTY,
        own_channel=True,
    ),
    Attack(
        "tests-exit",
        "Is wrong, and the tests leave with status 0 before they judge.",
        "def f(x): return 0",
        "import os\nf(3)\nos._exit(0)\nassert f(3) == 9",
        EMPTY | {"exited_early"},
        own_channel=True,
    ),
    Attack(
        "later-inputs",
        "Looks through its own memory for the arguments of the calls that are still to come.",
        """
        import gc, re
        def f(n):
            seen = {v for o in gc.get_objects() if isinstance(o, (list, tuple)) for v in o if isinstance(v, str)}
            return "found" if any(re.fullmatch("@MARK@" + "-later", v) for v in seen - {n}) else "none"
        """,
        "",
        FORGED,
        arguments=(("first",), ("@MARK@-later",)),
        values=("found", "none"),
        own_channel=True,
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
        own_channel=True,
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
        own_channel=True,
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
    ),
]
