"""What the tests see of a solution in another process is true, or the check is `unsupported`.

Each entry: a solution and its tests, as a review of the split processes found them.
"""

import asyncio

import pytest


def checked(box, solution, tests, entry_point=None):
    return asyncio.run(box.check(solution, tests, entry_point))


BOX = """
class A:
    def __init__(s): s.x = 1
    def go(s): pass
    def __divmod__(s, o): return (1, 2)
def f(x): return A()
"""
RAISES = "class E(Exception):\n    code = 5\n    def tell(s): return 'x'\ndef f(x): raise E('a')"
UNSUPPORTED = {
    "a method that a subclass adds": (
        "class Stack(list):\n    def peek(self): return self[-1]\ndef f(x): return Stack([x])", "assert f(1).peek() == 1",
    ),
    "the name of a member": (
        "import enum\nclass L(enum.IntEnum): LOW = 1\ndef f(x): return L(x)", "assert f(1) == 1 and f(1).name == 'LOW'",
    ),
    "vars": (BOX, "assert vars(f(1)) == {'x': 1}"),
    "__dict__": (BOX, "assert f(1).__dict__ == {'x': 1}"),
    "dir": (BOX, "assert 'go' in dir(f(1))"),
    "divmod": (BOX, "assert divmod(f(1), 2) == (1, 2)"),
    "a copy": (BOX, "import copy\nassert copy.copy(f(1)) is not None"),
    "the size": (BOX, "import sys\nassert sys.getsizeof(f(1)) > 10"),
    "a name of its class, and a bare except": (
        BOX, "def kind(x):\n    try: return type(x).__name__\n    except: return 'odd'\n"
        "assert kind(f(1)) != 'int'",
    ),
    "asdict": (
        "import dataclasses\n@dataclasses.dataclass\nclass A:\n    x: int\ndef f(x): return A(x)",
        "from dataclasses import asdict\nassert asdict(f(1)) == {'x': 1}",
    ),
    "an equal object of the library": (
        "import uuid\ndef f(): return uuid.UUID(int=5)", "import uuid\nassert f() == uuid.UUID(int=5)",
    ),
    "an equal object of the library in a list": (
        "def f(): return [slice(1, 2), int]", "assert [slice(1, 2), int] == f()",
    ),
    "a context that is not told": (
        "def f():\n    try: 1 / 0\n    except ZeroDivisionError: raise ValueError('x') from None",
        "try:\n    f()\nexcept ValueError as e:\n    kept = e.__suppress_context__\nassert kept",
    ),
    "a fixture in a unittest.TestCase": (
        "def f(x): return x", "import unittest, pytest\nclass T(unittest.TestCase):\n"
        "    @pytest.fixture(autouse=True)\n"
        "    def b(self): self.x = 3\n    def test_a(self): self.assertEqual(f(self.x), 3)",
    ),
    "slots": ("class A:\n    __slots__ = ('x',)\ndef f(x): return A()", "assert hasattr(f(1), '__slots__')"),
    "the truth of a class of the library": (
        "from collections import UserList\ndef f(x): return UserList()", "assert not f(1)",
    ),
    "the module of a function": ("def f(x): return x", "assert f(1) == 1 and f.__module__ == 'solution'"),
    "the long name of a function": ("def f(x): return x", "assert f(1) == 1 and f.__qualname__ == 'f'"),
    "attributes of a function": ("def f(x): return x\nf.a = 1", "assert f(1) == 1 and vars(f) == {'a': 1}"),
    "warnings that are errors": (
        "import warnings\ndef f(x):\n    warnings.warn('x', DeprecationWarning)\n    return x",
        "import warnings\nwith warnings.catch_warnings():\n    warnings.simplefilter('error')\n"
        "    assert f(1) == 1",
    ),
    "a global that is set": ("K = 2\ndef g(x): return x * K", "import solution\nsolution.K = 3\n"
    "assert solution.g(3) == 9"),
    "names of the module": ("def f(x): return x", "import solution\n"
    "assert 'f' in dir(solution) and solution.f(1) == 1"),
    "a function of the library that is replaced": (
        "import random\ndef f(): return random.random()", "import random\nrandom.random = lambda: 0.5\n"
        "assert f() == 0.5",
    ),
    "an exit that is expected": (
        "import sys\ndef f(): sys.exit(2)",
        "import pytest\ndef test_f():\n    with pytest.raises(SystemExit) as e: f()\n"
        "    assert e.value.code == 2",
    ),
    "an end of iteration that is expected": (
        "def f(it): return next(it)",
        "import pytest\ndef test_f():\n    with pytest.raises(StopIteration): f(iter([]))",
    ),
    "a group of exceptions": (
        "def f(): raise ExceptionGroup('x', [ValueError('a')])",
        "caught = 0\ntry:\n    f()\nexcept* ValueError:\n    caught = 1\nassert caught == 1",
    ),
    "what the class of an exception holds": (
        RAISES, "import pytest\ndef test_f():\n    with pytest.raises(E) as e: f(1)\n"
        "    assert e.value.code == 5",
    ),
    "a method of an exception": (RAISES, "try:\n    f(1)\nexcept E as e:\n    said = e.tell()\n"
    "assert said == 'x'"),
    "a default that is a function": (
        "from collections import defaultdict\ndef f(): return defaultdict(lambda: 5)", "assert f()['x'] == 5",
    ),
    "a default that is a function, in an argument": (
        "def f(d): return d['x']", "from collections import defaultdict\n"
        "assert f(defaultdict(lambda: 5)) == 5",
    ),
    "a name of the library that may decide": (
        "def Counter(x): return 0\ndef f(x): return [1]", "assert Counter(f([1, 2])) == Counter([2, 1])",
    ),
    "a name of the library beside another name": (
        "kept = []\ndef add(x): kept.append(x)\ndef count(): return len(kept)", "add('a')\n"
        "assert count() == 1",
    ),
    "a name by which tests share, defined by the solution": (
        "import logging\ndef assertNoLogs(): pass\ndef f(x):\n    logging.warning('x')\n    return 9",
        "import unittest\nclass T(unittest.TestCase):\n    def test_f(self):\n"
        "        with self.assertNoLogs(): self.assertEqual(f(3), 9)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_what_is_not_told_is_unsupported(name, box):
    verdict = checked(box, *UNSUPPORTED[name])
    assert verdict.status == "unsupported", verdict


PLAIN = "class A: pass\nclass B: pass\ndef f(x): return A() if x else B()"
WRONG = {
    "an object in place of data": (PLAIN, "import numpy as np\nassert f(1) == [np.array([1])]"),
    "an object that cannot be called": (PLAIN, "assert callable(f(1))"),
    "an object that is no iterator": (
        PLAIN,
        "assert hasattr(f(1), '__iter__') and hasattr(f(1), '__next__')",
    ),
    "objects of two classes": (PLAIN, "assert type(f(0)) is type(f(1))"),
    "an exit that is raised": ("def f(x): return 0", "assert f(0) == 0\nif f(3) != 9:\n    raise SystemExit"),
    "a number of numpy, and a list": (
        "import numpy as np\ndef f(x): return np.int64(2)",
        "assert f(1) == [2, 2]",
    ),
    "a number of numpy in a list": (
        "import numpy as np\ndef f(x): return [np.int64(2)]",
        "assert f(1) == [[2, 2]]",
    ),
    "a number of numpy, and an empty list": (
        "import numpy as np\ndef f(x): return np.int64(2)",
        "assert f(1) == []",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_solution_fails(name, box):
    verdict = checked(box, *WRONG[name])
    assert (verdict.status, verdict.trust) == ("fail", "unforgeable"), verdict


RIGHT = {
    "a setting of unittest": (
        "def f(x): return x",
        "import unittest\nunittest.TestCase.maxDiff = None\nclass T(unittest.TestCase):\n"
        "    def test_a(self): self.assertEqual(f(1), 1)",
    ),
    "an object that can be called": ("class A:\n    def __call__(s): pass\n"
    "def f(x): return A()", "assert callable(f(1))"),
    "objects of one class": (PLAIN, "assert type(f(1)) is type(f(2)) is not type(f(0))"),
    "a function is a function": (
        "def f(x): return x", "import inspect, types\n"
        "assert isinstance(f, types.FunctionType) and inspect.isfunction(f)\n"
        "assert f(1) == 1",
    ),
    "a function in what is copied": (
        "def f(x): return x", "import copy\nfor g, x, y in copy.deepcopy([(f, 1, 1)]):\n    assert g(x) == y",
    ),
    "threads": (
        "import time\ndef f(x):\n    time.sleep(x % 3 / 1000)\n    return x * 2",
        "from concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor(8) as p:\n"
        "    assert list(p.map(f, range(60))) == [2 * i for i in range(60)]",
    ),
    "a coroutine fails when it is awaited": (
        "async def f(x): raise ValueError('x')",
        "import pytest\nasync def test_f():\n    given = f(1)\n"
        "    with pytest.raises(ValueError): await given",
    ),
    "a class of tests is set up once": (
        "def add(xs, x): xs.append(x)",
        "import unittest\nups = []\ndef setUpModule(): ups.append(1)\nclass T(unittest.TestCase):\n"
        "    @classmethod\n    def setUpClass(cls): cls.d = []\n    def test_1(self):\n"
        "        add(self.d, 1)\n        self.assertEqual(self.d, [1])\n    def test_2(self):\n"
        "        add(self.d, 2)\n"
        "        self.assertEqual((self.d, ups), ([1, 2], [1]))",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_solution_passes(name, box):
    verdict = checked(box, *RIGHT[name])
    assert (verdict.status, verdict.trust) == ("pass", "unforgeable"), verdict


@pytest.mark.parametrize(
    ("tests", "status"),
    [
        ("from solution import *\nassert 1 / 0 == f(1)", "test_error"),
        (
            "import unittest\nclass T(unittest.TestCase):\n    def test_a(self): self.assertEqual(f(1), 1)\n"
            "    @classmethod\n    def tearDownClass(cls): assert f(1) == 2",
            "fail",
        ),
        (
            "import unittest\nclass T(unittest.TestCase):\n    @unittest.skip('x')\n"
            "    def test_a(self): pass\n"
            "    def test_b(self): self.assertEqual(f(1), 2)",
            "fail",
        ),
    ],
)
def test_whose_fault_it_is(tests, status, box):
    assert checked(box, "def f(x): return x", tests).status == status


ENDS = {
    "an interrupt": "raise KeyboardInterrupt",
    "an interrupt by the system": "__import__('_thread').interrupt_main()",
    "pytest.exit": "import pytest\n        pytest.exit('x')",
    "options of pytest": "pass",
    "a skip": "import pytest\n        pytest.skip('x')",
    "an expected failure": "import pytest\n        pytest.xfail('x')",
}


@pytest.mark.parametrize("name", ENDS)
def test_a_solution_cannot_end_pytest_early(name, together):
    options = "import os\nos.environ['PYTEST_ADDOPTS'] = '-k test_a'\n" if "options" in name else ""
    solution = f"{options}class Box: pass\ndef f(x):\n    if x:\n        {ENDS[name]}\n    return 0"
    tests = "import pytest\ndef test_a(): assert Box() and f(0) == 0\ndef test_b(): assert f(3) == 9"
    verdict = checked(together, solution, tests)
    assert (verdict.passed, verdict.trust) == (False, "forgeable"), verdict


def test_a_solution_cannot_stop_unittest(together):
    solution = "import unittest.case\nclass Box: pass\ndef f(x): raise unittest.case._ShouldStop"
    case = "import unittest\nclass T(unittest.TestCase):\n"
    tests = case + "    def test_a(self): self.assertEqual((f(3), Box), 9)"
    verdict = checked(together, solution, tests)
    assert (verdict.passed, verdict.trust) == (False, "forgeable"), verdict


SQUARE = "def f(x): return x * x\n"
BOXES = "def count(): return 9\nclass Box:\n    def __init__(s, x): s.x = x"
JOINED = {
    "a fixture in a unittest.TestCase": (
        "import unittest, pytest\nclass T(unittest.TestCase):\n    @pytest.fixture(autouse=True)\n"
        "    def b(self): self.b = Box(3)\n    def test_a(self): self.assertEqual(f(self.b.x), 9)"
    ),
    "a name of the library beside another name": "assert Box(1).x == 1\nassert count() == f(3)",
    "what is set up without a word of pytest": (
        "b = None\ndef setup_module():\n    global b\n    b = Box(3)\ndef test_a(): assert f(b.x) == 9"
    ),
    "a fixture of a base": (
        "import pytest\nclass Base:\n    @pytest.fixture\n    def b(self): return Box(3)\n"
        "class TestF(Base):\n"
        "    def test_a(self, b): assert f(b.x) == 9"
    ),
}


@pytest.mark.parametrize("name", JOINED)
def test_pytest_sets_up_what_it_would(name, together):
    verdict = checked(together, SQUARE + BOXES, JOINED[name])
    assert (verdict.status, verdict.trust) == ("pass", "forgeable"), verdict


def test_a_plugin_that_is_not_there_is_no_fault_of_the_solution(together):
    tests = "import pytest\n@pytest.fixture\nasync def b(): return 3\nasync def test_a(b): assert f(b) == 9"
    verdict = checked(together, "def f(x): return x * x", tests)
    assert (verdict.status, verdict.trust) == ("test_error", "forgeable"), verdict
