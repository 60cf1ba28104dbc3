"""The sandbox by hand: what each status word means, what was once forged and is not any more, and honest tests of all kinds.

The large set of hostile programs is in tests/attacks; here is what a review with the source in hand found.
"""

import asyncio
from collections import Counter, OrderedDict, defaultdict

import pytest

from reward.sandbox import Limits, Sandbox, SandboxUnavailable
from reward.sandbox.inside import values

LIMITS = Limits(cpu_seconds=2, wall_seconds=6)


def checked(box, solution, tests, entry_point="f"):
    return asyncio.run(box.check(solution, tests, entry_point))


CHANNEL = """
import os, json
def say(x):
    data = json.dumps(x).encode()
    os.write(3, len(data).to_bytes(4, 'big') + data)
"""
OPAQUE = """
class E:
    __sub__ = __rsub__ = __add__ = __abs__ = lambda s, *o: 0
    __lt__ = __gt__ = __le__ = __ge__ = __contains__ = __eq__ = lambda s, o: True
    __hash__ = None
    startswith = issubset = lambda s, o: True
"""
FORGED = {
    "pass said while loading": (CHANNEL + "say({'failed': ['pass', '']})\ndef f(x): return 0", "assert f(3) == 9"),
    "no data said while loading": (CHANNEL + "say({'failed': ['test_error', '']})\ndef f(x): return 0", "assert f(3) == 9"),
    "a word that there is not": (CHANNEL + "say({'failed': [['pass'], '']})\ndef f(x): return 0", "assert f(3) == 9"),
    "minus": (OPAQUE + "def f(x): return E()", "def check(candidate):\n    assert abs(candidate(3) - 9.0) < 1e-6"),
    "less": (OPAQUE + "def f(x): return E()", "assert 8.9 < f(3) < 9.1"),
    "in": (OPAQUE + "def f(x): return E()", "assert 9 in f(3)"),
    "a method that says yes": (
        "class E:\n    def __getattr__(s, n): return lambda: True\ndef f(x): return E()", "assert f('a').isdigit()",
    ),
    "a method that compares": (OPAQUE + "def f(x): return E()", "assert f(3).startswith('abc')"),
    "almost equal": (
        OPAQUE + "def f(x): return E()",
        "import unittest\nclass T(unittest.TestCase):\n    def test_it(self): self.assertAlmostEqual(f(3), 9.0)",
    ),
    "equal": (OPAQUE + "def f(x): return E()", "assert f(3) == 9"),
    "a class in place of a function": (
        OPAQUE.replace("class E", "class f") + "    def __init__(s, x): pass", "assert f(3) == 9",
    ),
    "its operators": (
        OPAQUE.replace("class E", "class f") + "    def __init__(s, x): pass", "assert abs(f(3) - 9) < 1e-6",
    ),
    "a helper of the standard library": ("def factorial(x): return 0\ndef f(x): return 0", "assert f(4) == factorial(4)"),
    "an end of iteration": ("def f(x): raise StopIteration", "assert all(map(f, [1, 2]))"),
    "a collision of names in scratch": (
        "import os\nfor i in range(3):\n    open(f'align-moved-{i}', 'w').close()\nos.makedirs('a/b/c')\ndef f(x): return 0",
        "assert f(3) == 9",
    ),
    "items with one hash": ("def f(x): return {i * (2**61 - 1) for i in range(20_000)}", "assert f(3) == {9}"),
    "a range without end": ("def f(x): return 10**12", "assert 0.5 not in range(f(3))"),
    "an answer too deep to go back": (
        "def f(x):\n    for _ in range(97): x = [x]\n    return x\ndef g(x): return 0", "assert g(f(3)) == 3",
    ),
    "an exception in place of a function": ("class f(Exception): pass", "assert len(f(3)) == 9"),
    "an enum in place of a function": ("from enum import Enum\nclass f(Enum): a = 1", "assert f(3) == 9"),
    "a TypedDict in place of a function": ("from typing import TypedDict\nclass f(TypedDict): x: int", "assert f(3) == 9"),
    "an enum of many lists": (
        CHANNEL + "say({'names': {'C': ['class', 'solution', 'Enum'], 'f': ['function', 'solution']}, 'made_of': {'C': "
        "['enum', '', [['a%d' % i, [i]] for i in range(40000)]]}})\nimport os\nos._exit(0)",
        "assert f(3) == C.a1",
    ),
    "an exception of many classes": (
        CHANNEL + "def f(x): say({'raised': [[['builtins', 'ExceptionGroup']] * 10000, '', 'error', ''], "
        "'about': {'args': [[]] * 90000}})",
        "assert f(3) == 9",
    ),
    "a type of number that does not go back": (
        CHANNEL + "def f(x): say({'value': {'scalar': ['<f16', 'A' * 22 + '==']}})\ndef g(x): return 0",
        "import numpy\nassert g(f(3)) == 3",
    ),
    "an end while the tests are busy": (
        "import threading, os, time\ndef bye():\n    time.sleep(.05)\n    os._exit(0)\n"
        "threading.Thread(target=bye).start()\ndef f(x): return 0",
        "import time\ntime.sleep(3)\nassert f(3) == 9",
    ),
    "a name error raised again": (
        "def f(x): return undefined",
        "try:\n    value = f(3)\nexcept NameError as error:\n    raise type(error)(str(error))\nassert value == 9",
    ),
}  # fmt: skip


OBJECTS = {
    "minus", "less", "in", "a method that says yes", "a method that compares", "almost equal", "its operators",
    "an exception in place of a function", "an enum of many lists",
}  # fmt: skip
"""Those where the tests ask an object of the solution: nothing is known, and nothing passes."""


@pytest.mark.parametrize("name", FORGED)
def test_a_wrong_solution_fails_whatever_it_says(name, box):
    solution, tests = FORGED[name]
    verdict = checked(box, solution, tests)
    assert verdict.passed is (None if name in OBJECTS else False), verdict


ZERO = "def f(x): return 0"
WRONG = {
    "an exit that says so": (ZERO, "import sys\nbad = 0\nif f(3) != 9: bad += 1\nsys.exit(1 if bad else 0)"),
    "an exit in the main guard": (
        ZERO, "import sys\nbad = []\ndef case(x, y):\n    if f(x) != y: bad.append(x)\n"
        "if __name__ == '__main__':\n    case(3, 9)\n    sys.exit(len(bad))",
    ),
    "an exit with what main() says": (
        ZERO, "import sys\ndef main():\n    assert f(3) == 9\n    return 0\nprint(f(0))\nif __name__ == '__main__':\n"
        "    sys.exit(main())",
    ),
    "an exit on a condition": (ZERO, "import sys\nr = f(3)\nif r != 9:\n    sys.exit(1)"),
    "an early exit": (ZERO, "import sys\nif f(3) == 0:\n    sys.exit()\nassert f(3) == 9"),
    "a function that only the main guard calls": (
        ZERO, "def test_a(): assert f(0) == 0\ndef more(): assert f(3) == 9\n"
        "if __name__ == '__main__':\n    test_a()\n    more()",
    ),
    "a guard that is written otherwise": (
        ZERO, "def test_a(): assert f(0) == 0\nif '__main__' in __name__:\n    assert f(3) == 9",
    ),
    "its own math": (
        "class math:\n    isclose = staticmethod(lambda *a, **k: True)\n" + ZERO, "assert math.isclose(f(3), 9.0)",
    ),
    "its own isclose": ("def isclose(*a, **k): return True\n" + ZERO, "assert isclose(f(3), 9.0)"),
    "its own numpy": (
        "class np:\n    allclose = staticmethod(lambda *a, **k: True)\n" + ZERO, "def test_f(): assert np.allclose(f(3), 9.0)",
    ),
    "inherited tests": (
        ZERO, "class Base:\n    def test_b(self): assert f(3) == 9\nclass TestF(Base):\n    def test_a(self): assert f(0) == 0",
    ),
    "tests in a class in a class": (
        ZERO, "class TestF:\n    def test_a(self): assert f(0) == 0\n    class TestG:\n"
        "        def test_b(self): assert f(3) == 9",
    ),
    "a fixture of its own": (
        "class FixtureFunctionDefinition:\n    name, scope, params, autouse = 'cases', 'function', None, False\n"
        "    def __init__(self, g): self.g, self._fixture_function_marker = g, self\n"
        "    def _get_wrapped_function(self): return self.g\n"
        "def make(g): return FixtureFunctionDefinition(g)\n" + ZERO,
        "import pytest\n@pytest.fixture\ndef cases(): return [(3, 9)]\nS = make(lambda: [])\ndef test_f(cases):\n"
        "    for x, y in cases: assert f(x) == y",
    ),
    "a fixture that catches": (
        ZERO, "import pytest\n@pytest.fixture\ndef quiet():\n    try: yield f(1)\n    except Exception: pass\n"
        "def test_f(quiet): assert f(3) == 9",
    ),
    "a fixture that suppresses": (
        ZERO, "import pytest, contextlib\n@pytest.fixture\ndef quiet():\n"
        "    with contextlib.suppress(AssertionError): yield f(1)\ndef test_f(quiet): assert f(3) == 9",
    ),
    "a TypedDict": ("from typing import TypedDict\nclass f(TypedDict): x: int", "def test_f(): assert f(3) == 9"),
    "an enum that lacks a member": (
        "from enum import Enum\nclass C(Enum):\n    R = 1\ndef f(c): return c.value",
        "def test_c(): assert C.B.value == 3 and C['B'] is C.B\ndef test_f(): assert f(C.B) == 3",
    ),
    "an argument that holds itself": ("def f(a): a.append(a)", "a = [2, 1]\nf(a)\nf(a)\nassert a == [1, 2]"),
    "a coroutine that nobody awaits": (
        "async def f(a): return a\ndef g(a): return 0", "assert g(f('ab')) == 'ab'",
    ),
    "an iterator that is given back": (
        "def f(a): yield from a\ndef g(a): return 0", "e = f('ab')\nassert len(list(e)) == 2\nassert g(e) == 'ab'",
    ),
    "no definition, imported": ("def g(x): return 0", "from solution import f\nassert f(3) == 9"),
    "no definition, in a module": ("def g(x): return 0", "import solution\ndef test_f(): assert solution.f(3) == 9"),
    "no definition, in a unittest.TestCase": (
        "def g(x): return 0", "import unittest\nclass T(unittest.TestCase):\n    def test_f(self): self.assertEqual(f(3), 9)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_solution_is_told_so(name, box, together):
    verdict = checked(together, *WRONG[name], None)
    assert verdict.passed is False, verdict
    assert checked(box, *WRONG[name], None).passed is (False if verdict.trust == "unforgeable" else None)


NEVER_RUN = {
    "a generator": "z = f(0)\ndef test_f():\n    assert f(3) == 9\n    yield",
    "an asynchronous generator": "z = f(0)\nasync def test_f():\n    assert f(3) == 9\n    yield",
    "a coroutine": "import unittest\nz = f(0)\nclass T(unittest.TestCase):\n"
    "    async def test_f(self): self.assertEqual(f(3), 9)",
    "nothing to run with": "import pytest\nz = f(0)\n@pytest.mark.parametrize('x', [])\ndef test_f(x): assert f(x) == 9",
}  # fmt: skip


@pytest.mark.parametrize("name", NEVER_RUN)
def test_a_test_that_never_runs_is_no_test(name, box):
    verdict = checked(box, ZERO, NEVER_RUN[name], None)
    assert verdict.status == "test_error", verdict


HONEST = {
    "check": ("def f(x): return x * x", "def check(candidate):\n    assert candidate(3) == 9"),
    "functions": ("def f(x): return x * x", "def test_f():\n    assert f(3) == 9\ndef test_g():\n    assert f(0) == 0"),
    "import from solution": ("def f(x): return x * x", "from solution import f\ndef test_f():\n    assert f(3) == 9"),
    "a helper of the tests": ("def f(x): return x * x", "def verify(x, y):\n    assert f(x) == y\nverify(3, 9)"),
    "a class of tests": ("def f(x): return x * x", "class TestF:\n    def test_f(self):\n        assert f(3) == 9"),
    "unittest": (
        "def f(x):\n    if x < 0: raise ValueError('negative')\n    return x * x",
        "import unittest\nclass T(unittest.TestCase):\n    def setUp(self): self.x = 3\n"
        "    def test_a(self): self.assertEqual(f(self.x), 9)\n"
        "    def test_b(self):\n        with self.assertRaises(ValueError): f(-1)\nif __name__ == '__main__': unittest.main()",
    ),
    "mutation": ("def f(xs): xs.sort()", "xs = [3, 1, 2]\nf(xs)\nassert xs == [1, 2, 3]"),
    "generator": ("def f(n): yield from range(n)", "assert list(f(3)) == [0, 1, 2]"),
    "tuple": ("def f(n): return n, [n]", "assert f(3) == (3, [3])"),
    "float": ("def f(x): return x / 3", "assert math.isclose(f(1), 1 / 3) and abs(f(2) - 0.66667) < 1e-4"),
    "own exception": (
        "class Empty(Exception): pass\ndef f(x): raise Empty('no')",
        "try:\n    f(1)\n    assert False\nexcept Empty as error:\n    assert str(error) == 'no'",
    ),
    "an exception that the tests make": (
        "class E(ValueError):\n    def __init__(self, code, why=''):\n        self.code = code\n"
        "        super().__init__(f'code {code}{why}')\ndef f(x): raise E(x)",
        "e = E(3, why='!')\nassert e.code == 3 and str(e) == 'code 3!' and issubclass(E, ValueError)\n"
        "try:\n    f(4)\nexcept E as e:\n    assert e.code == 4 and str(e) == 'code 4'",
    ),
    "a method that is named twice": (
        "kept = []\ndef add(g): kept.append(g)\ndef drop(g): kept.remove(g)\ndef emit(x): [g(x) for g in kept]\ndef f(): pass",
        "got = []\nadd(got.append)\nemit(1)\ndrop(got.append)\nemit(2)\nassert got == [1]",
    ),
    "a name that the tests use for something else": (
        "primes = list(range(300_000))\ndef f(x): return x * x", "primes = [2, 3]\nassert [f(p) for p in primes] == [4, 9]",
    ),
    "an exception of the solution's that a function of the tests raises": (
        "class E(Exception): pass\ndef f(g):\n    try: g()\n    except E as e: return str(e)",
        "def g(): raise E('no')\nassert f(g) == 'no'",
    ),
    "an enum alone": ("from enum import Enum\nclass C(Enum): R = 1\ndef f(x): pass", "def test_c(): assert C.R.value == 1"),
    "coroutine": ("async def f(x): return x + 1", "import asyncio\nassert asyncio.run(f(1)) == 2"),
    "closure": ("def f(n):\n    def add(x): return x + n\n    return add", "add3 = f(3)\nassert add3(4) == 7"),
    "an exit code": ("def f(x): return x * x", "import sys\nbad = 0\nif f(3) != 9: bad += 1\nsys.exit(bad)"),
    "an exit with what main() says": (
        "def f(x): return x * x",
        "import sys\ndef main():\n    assert f(3) == 9\n    return 0\nif __name__ == '__main__':\n    sys.exit(main())",
    ),
    "attribute": ("class N:\n    def __init__(s, v): s.val = v\ndef f(x): return N(x)", "assert f(3).val == 3"),
    "numpy that the tests do not import": ("def f(x): return 9.0", "assert np.allclose(f(3), 9.0)"),
    "numpy": (
        "import numpy as np\ndef f(x): return np.array(x) * 2",
        "import numpy as np\nassert (f([1, 2]) == np.array([2, 4])).all()",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HONEST)
def test_a_right_solution_passes_honest_tests(name, together):
    verdict = checked(together, *HONEST[name])
    assert verdict.status == "pass", verdict


@pytest.mark.parametrize(
    ("tests", "status"),
    [
        ("assert f(3) ==", "test_error"),
        ("assert True", "test_error"),
        ("x = 1", "test_error"),
        ("assert 1 / 0", "test_error"),
        ("assert f(3) == 8", "fail"),
        ("assert f() == 9", "error"),
        ("assert g(3) == 9", "load_error"),
    ],
)
def test_the_word_says_whose_fault_it_is(tests, status, box):
    assert checked(box, "def f(x): return x * x", tests).status == status


def test_what_a_value_may_cost_the_trainer_is_bounded(box):
    def called(body):
        return asyncio.run(box.calls(CHANNEL + f"def f(x):\n    {body}", "f", [[1], [2]]))

    for body in (
        "say({'value': {'scalar': ['(1,', '']}})",
        "say({'value': {'set': [i * (2**61 - 1) for i in range(2, 40000)]}})",
        "say({'value': {'fraction': ['0x' + 'f' * 400000, '0x' + 'e' * 400001]}})",
        "say({'value': {'tuple': [{'deque': []}] * 60000 + [[]] * 60000}})",
        "say({'value': {'array': ['<i8', [2**62, 0], '']}})",
        "say({'value': {'dict': 5}})",
        "say({})",
        "say(5)",
    ):
        results = called(body)
        assert [r.status for r in results] == ["error", "error"], (body, results)
    assert {r.status for r in asyncio.run(box.calls(CHANNEL + "say({'failed': 5})\ndef f(x): pass", "f", [[1]]))} == {
        "load_error"
    }


def test_how_long_dicts_and_sets_take_to_fill_is_bounded(monkeypatch):
    """Numbers can be chosen that meet in a dict again and again, each with a hash of its own."""
    counted = Counter(a=2, b=1)
    made = [{1: 2, "a": [3]}, {1, 2}, frozenset({3}), counted, OrderedDict(b=1, a=2), defaultdict(list, {1: [2]})]
    packed = [values.pack(value, str) for value in [*made, {1: 2}.keys(), {1: 2}.items()]]
    read = [values.unpack(plain, str) for plain in packed]
    assert read[:6] == made
    assert list(map(type, read[:6])) == list(map(type, made))
    assert [list(view) for view in read[6:]] == [[1], [(1, 2)]]
    monkeypatch.setattr(values, "MAX_FILLING", 0)
    for plain in packed:
        with pytest.raises(values.CannotCarry, match="long to fill"):
            values.unpack(plain, str)


def test_answers_of_one_task_are_bounded_together(box):
    results = asyncio.run(box.calls("def f(x): return 'x' * 900_000", "f", [[i] for i in range(30)]))
    assert [r.status for r in results].count("returned") == 18
    assert results[-1].status == "output_limit"


def test_what_an_enemy_says_can_be_logged(box):
    verdict = checked(box, "def f(x): raise ValueError('\\ud800\\x1b[2J')", "assert f(3) == 9")
    assert verdict.status == "error"
    assert verdict.why.encode()
    assert "\x1b" not in verdict.why


def test_a_package_must_be_named(box):
    assert checked(box, "import pydantic\ndef f(x): return 9", "assert f(3) == 9").status == "load_error"
    with pytest.raises(SandboxUnavailable, match="a_package_that_there_is_not"):
        Sandbox(workers=1, packages=["a_package_that_there_is_not"]).start()


DISK = {
    "folders that cannot be listed": "os.mkdir('d', 0o300)\nfor i in range(30): open(f'd/{i}', 'wb').write(bytes(1_000_000))",
    "a path that is too long": "for _ in range(30):\n    os.mkdir('d' * 200)\n    os.chdir('d' * 200)\n"
    "for i in range(30): open(str(i), 'wb').write(bytes(1_000_000))",
    "files that are mapped and gone": """
import mmap
kept = []
for i in range(30):
    with open('x', 'w+b') as file:
        file.write(bytes(1_000_000))
        file.flush()
        kept.append(mmap.mmap(file.fileno(), 4096))
    os.unlink('x')
""",
}


@pytest.mark.parametrize("level", ["kernel", "full"])
def test_disk_cannot_be_hidden(level):
    with_little = Sandbox(level, 1, LIMITS.model_copy(update={"scratch_bytes": 8 << 20}))
    with_little.start()
    try:
        for name, body in DISK.items():
            verdict = checked(with_little, f"import os\n{body}\ndef f(x): return 9", "assert f(3) == 9")
            assert verdict.status == "disk", (name, verdict)
        assert checked(with_little, "def f(x): return 9", "assert f(3) == 9").status == "pass"
    finally:
        with_little.stop()


@pytest.mark.parametrize("level", ["kernel", "full"])
def test_threads_are_counted(level):
    few = Sandbox(level, 1, LIMITS.model_copy(update={"processes": 10}))
    few.start()
    source = "import threading, time\nthreading.stack_size(32768)\ndef f(n):\n    for _ in range(n):\n"
    source += "        threading.Thread(target=time.sleep, args=(5,), daemon=True).start()\n    time.sleep(1)\n    return 9"
    try:
        assert checked(few, source, "assert f(5) == 9").status == "pass"
        assert checked(few, source, "assert f(50) == 9").status in ("blocked", "error")
    finally:
        few.stop()


def test_tests_that_end_before_the_solution_begins_are_what_is_broken():
    async def run():
        async with Sandbox(workers=6, limits=LIMITS) as sandbox:  # more than cores, so that either process may be first
            return await asyncio.gather(*(sandbox.check("def f(x): return x", "assert (", "f") for _ in range(200)))

    assert {verdict.status for verdict in asyncio.run(run())} == {"test_error"}
