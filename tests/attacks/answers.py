"""Forged results, fourth part: solutions that speak for the tester, and tests that say nothing.

Names of the tester are defined by the solution, modules are planted where the tests may import them, arguments are changed,
answers change between or after calls, and tests call nothing, skip or leave.
"""

from attack import FORGED, Attack
from forged import CASE, CHECK, EXIT, FUNCTIONS, SQUARES

EMPTY = frozenset({"test_error", "fail"})

ATTACKS = [
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
        beyond_naive=True,
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
        beyond_naive=True,
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
        beyond_naive=True,
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
        beyond_naive=True,
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
        beyond_naive=True,
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
        beyond_naive=True,
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
        beyond_naive=True,
    ),
    Attack(
        "thread-changes-answer",
        "Lets a thread change the returned list after the return.",
        """
        import threading, time
        def f(x):
            out = []
            threading.Timer(0.2, out.append, [42]).start()
            return out
        """,
        "import time\ngot = f(1)\ntime.sleep(0.6)\nassert got == [42]",
        FORGED,
        slow=True,
    ),
    Attack(
        "async-answer",
        "Is a coroutine function, whose call is not the answer.",
        "async def f(x): return x * x",
        SQUARES,
        FORGED,
        beyond_naive=True,
    ),
    Attack(
        "generator-answer",
        "Is a generator function, so that its body never runs unless drawn.",
        "def f(x):\n    yield x * x",
        SQUARES,
        FORGED,
        beyond_naive=True,
    ),
    Attack(
        "nan-everywhere",
        "Returns nan, for comparisons that are written the wrong way round.",
        "def f(x): return float('nan')",
        "assert f(3) == 9 and not f(3) != 9",
        FORGED,
        beyond_naive=True,
    ),
    Attack(
        "infinity-and-huge-int",
        "Returns an integer that overflows a float and an infinity.",
        "def f(x): return 10 ** 400 if x == 3 else float('inf')",
        "assert abs(f(3) - 9) < 1e-6\nassert abs(f(12) - 144) < 1e-6",
        FORGED,
        beyond_naive=True,
    ),
    Attack(
        "true-for-one",
        "Returns True for 1 and 1.0 for True, for an exact comparison to tell apart.",
        "def f(x): return {1: True, 2: 2.0}[x]",
        "",
        FORGED,
        arguments=((1,), (2,)),
        values=(1, 2),
        beyond_naive=True,
    ),
    Attack(
        "tests-never-call",
        "Is wrong, and the tests never call it.",
        "def f(x): return 0",
        "assert 1 + 1 == 2",
        EMPTY,
        beyond_naive=True,
    ),
    Attack("tests-empty", "Is wrong, and there are no tests.", "def f(x): return 0", "", EMPTY, beyond_naive=True),
    Attack(
        "tests-without-assert",
        "Is wrong, and the tests have only a comment and a helper.",
        "def f(x): return 0",
        "# to do\ndef helper():\n    assert f(3) == 9\n",
        EMPTY,
        beyond_naive=True,
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
        beyond_naive=True,
    ),
    Attack(
        "tests-check-empty",
        "Is wrong, and check has no body.",
        "def f(x): return 0",
        "def check(candidate):\n    pass",
        EMPTY,
        beyond_naive=True,
    ),
    Attack(
        "tests-exit",
        "Is wrong, and the tests leave with status 0 before they judge.",
        "def f(x): return 0",
        "import os\nf(3)\nos._exit(0)\nassert f(3) == 9",
        EMPTY | {"exited_early"},
        beyond_naive=True,
    ),
]
