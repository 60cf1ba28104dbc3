"""Tests that are data are judged as if they were run: the same verdict either way, for right, wrong and odd solutions."""

import asyncio
import re
import socket

import pytest

from reward.sandbox import Limits, Sandbox
from reward.sandbox.host import data_tests, worker
from reward.sandbox.inside import channel, read_tests
from reward.sandbox.inside.stand_ins import GONE

RUN = "\n(lambda: 0)()\n"  # at the end of a text: the same tests, and no data any more
FORMS = {
    "asserts": ("assert f(1) == 2\nassert f(5) == 6, 'five'\nassert f(-1) == 0", None),
    "of one's own name": ("from solution import f\nassert f(1) == 2\nassert f(2) == 3", None),
    "check": (
        "METADATA = {'author': 'x'}\ndef check(candidate):\n    assert True\n    assert candidate(1) == 2\n"
        "    assert candidate(2) == 3\n",
        "f",
    ),
    "check that is called": ("def check(g):\n    assert g(1) == 2\n    assert f(2) == 3, 'two'\ncheck(f)", "f"),
    "functions": ("def test_a() -> None:\n    'one'\n    assert f(1) == 2\ndef test_b():\n    assert f(2) == 3\n", None),
    "functions, called": ("def test_a():\n    assert f(1) == 2\ntest_a()\nassert f(2) == 3", "f"),
    "all kinds": ("assert f(1) is not None\nassert f(1) != 3\nassert f(0)\nassert not f(-1)\nassert 3 == f(1 + 1)", "f"),
    "odd arguments": ("assert f(2 ** 3 - 8) == 1\nassert f(0.5) == 3 / 2\nassert f(10**9 + 6) == 10**9 + 7", "f"),
    "keywords": ("assert f(x=1) == 2\nassert 6 == f(x=5)", "f"),
    "a message that must be evaluated": ("assert f(1) == 2, 'got ' + str(f(1))\nassert f(4) == 5, [f(4)]", "f"),
}
SOLUTIONS = {
    "right": "def f(x): return x + 1",
    "wrong": "def f(x): return x + 2",
    "wrong at the second": "def f(x): return 2 if x == 1 else 0",
    "right, and prints": "def f(x):\n    print('PASS')\n    return x + 1",
    "raises": "def f(x): raise ValueError('no\\x00 \\ud800')",
    "raises what tests expect": "def f(x): raise AssertionError('x')",
    "another name": "def g(x): return x + 1",
    "does not load": "def f(x: return 1",
    "leaves": "def f(x): raise SystemExit(0)",
    "leaves when loaded": "import os\nos._exit(0)",
    "closes everything": "import os\ndef f(x):\n    os.closerange(0, 64)\n    import time; time.sleep(9)",
    "equals all": "class A:\n    def __eq__(self, other): return True\ndef f(x): return A()",
    "an int that equals all": "class A(int):\n    def __eq__(self, other): return True\n    def __bool__(self): return True\n"
    "def f(x): return A(7)",
    "an iterator": "def f(x): return iter([x + 1])",
    "a coroutine": "async def f(x): return x + 1",
    "a number that no comparison takes": "from decimal import Decimal\ndef f(x): return Decimal('sNaN')",
    "a number of numpy": "import numpy as np\ndef f(x): return np.array(x + 1)[()]",
    "an array": "import numpy as np\ndef f(x): return np.array([x + 1])",
    "nothing": "def f(x): return None",
    "a class": "class f(int):\n    def __new__(cls, x): return x + 1",
    "too much": "def f(x): return 'x' * 3_000_000",
    "too deep": "def f(x):\n    v = []\n    for _ in range(500): v = [v]\n    return v",
    "runs out of memory": "def f(x): return len(bytearray(1 << 40))",
    "loops": "def f(x):\n    while True: pass",
    "nonsense": "import os\ndef f(x):\n    os.write(3, b'\\0\\0\\0\\7[1,2,3]')\n    return x + 1",
    "a forged pass": "import os, json\ndef f(x):\n"
    "    d = json.dumps({'status': 'pass', 'why': '', 'outcomes': [True]}).encode()\n"
    "    os.write(3, len(d).to_bytes(4) + d)\n    return 0",
}
PASSING = {"right", "right, and prints", "a class", "a number of numpy", "an array"}
OBJECTS = {"equals all", "an iterator"}
SLOW = {"closes everything", "loops"}
"""Of these the form of the tests changes nothing; one is enough."""


@pytest.fixture(scope="module")
def box():
    sandbox = Sandbox("kernel", 2, Limits(cpu_seconds=1, wall_seconds=8))
    sandbox.start()
    yield sandbox
    sandbox.stop()


def read(tests, entry_point):
    return data_tests.Plans().get(tests, entry_point, lambda: read_tests.read(tests, entry_point))


async def both_ways(box, solution, tests, entry_point):
    ways = await asyncio.gather(*(box.check(solution, text, entry_point) for text in (tests, tests + RUN)))
    return [(v.status, v.passed_tests, v.total_tests, v.outcomes, re.sub(r"0x\w+", "0x", v.why)) for v in ways]


@pytest.mark.parametrize("form", FORMS)
def test_data_and_a_run_say_the_same(box, form):
    tests, entry_point = FORMS[form]
    assert read(tests, entry_point) is not None
    assert read(tests + RUN, entry_point) is None
    for name, solution in SOLUTIONS.items():
        if name in SLOW and form != "check":
            continue
        data, run = asyncio.run(both_ways(box, solution, tests, entry_point))
        if "evaluated" in form and name in OBJECTS:  # the words of the message would look into the answer
            assert (data[0], run[0]) == ("fail", "unsupported")
            continue
        words = slice(4) if "evaluated" in form else slice(5)
        assert data[words] == run[words], name
        assert worker.PLANS.get(tests, entry_point, lambda: pytest.fail("it was run")) is not None
        assert (data[0] == "pass") == (name in PASSING), (name, data)


@pytest.mark.parametrize(
    ("tests", "entry_point"),
    [
        ("", "f"),
        ("assert True", "f"),
        ("assert False", "f"),
        ("def check(candidate):\n    assert True", "f"),
        ("def test_a():\n    assert True\nassert f(1) == 2", "f"),
        ("def check(candidate):\n    assert candidate(1) == 2", None),
        ("def check(candidate, more=1):\n    assert candidate(1) == 2", "f"),
        ("@skip\ndef test_a():\n    assert f(1) == 2", "f"),
        ("def test_a(tmp_path):\n    assert f(1) == 2", "f"),
        ("def test_a() -> unknown:\n    assert f(1) == 2", "f"),
        ("def test_a():\n    assert f(1) == 2\ndef test_a():\n    assert f(2) == 2", "f"),
        ("def test_a():\n    assert test_a(1) == 2", "test_a"),
        ("def test_a():\n    assert f(1) == 2\nassert test_a(1) == 2", None),
        ("METADATA = {}\nassert METADATA(1) == 2", "METADATA"),
        ("assert f(1) == 2\nassert g(1) == 2", None),
        ("assert g(1) == 2", "f"),
        ("assert sum([1]) == 1", None),
        ("assert sqrt(4) == 2", None),
        ("assert Thing(1) == 2", None),
        ("from solution import g\nassert f(1) == 2", "f"),
        ("from solution import f as g\nassert f(1) == 2", "f"),
        ("import f\nassert f(1) == 2", "f"),
        ("f = abs\nassert f(1) == 1", "f"),
        ("assert f(1) is 2", "f"),
        ("assert f(1) == f(2)", "f"),
        ("assert f(1) == x", "f"),
        ("assert f(**{'x': 1}) == 1", "f"),
        ("assert f(*[1]) == 1", "f"),
        ("assert f(1).x == 1", "f"),
        ("assert f(1) == 2 == 2", "f"),
        ("assert f(1) < 2", "f"),
        ("assert f({[]: 1}) == 2", "f"),
        ("assert f({**{}}) == 2", "f"),
        ("assert f(1 / 0) == 2", "f"),
        ("assert f(10 ** 10 ** 10) == 2", "f"),
        ("assert f('x' * 10 ** 9) == 2", "f"),
        ("assert f(" + "[" * 150 + "]" * 150 + ") == 1", "f"),
        ("assert f(1)" + ".x" * 20_000 + " == 1", "f"),
        ("assert f(1) == 2\n" * 8_000, "f"),
        ("assert f((2**255)**255) == 1", "f"),
        (("assert f(" + "10**999, " * 60 + "1) == 1\n") * 90, "f"),
        ("def check(METADATA):\n    assert METADATA(1) == 2", "f"),
        ("def check(__debug__):\n    assert __debug__(1) == 2", "f"),
        ("def check(set):\n    assert set([1]) == set()", "f"),
        ("assert set([1]) == set()", "set"),
        ("def test_a():\n    assert f(1) == 2, (f := 3)", "f"),
        ("def test_a():\n    assert f(1) == 2, (yield)", "f"),
        ("assert f(1) == 2, (yield)", "f"),
        ("assert f(1) == 2, await f(1)", "f"),
        ("assert f(1 == 2", "f"),
        ("assert f(1) == 2\0", "f"),
    ],
)  # fmt: skip
def test_what_is_of_another_form_is_not_read(tests, entry_point):
    assert read(tests, entry_point) is None


@pytest.mark.parametrize(
    "said",
    [
        None, 5, [], ["f"], ["f", [5]], ["f", [[["==", 2, 1, ""]]]], ["f", [[[b"1", "exec", 2, 1, ""]]]],
        ["f", [[[1, "==", 2, 1, ""]]]], ["f", [[[b"1", "==", 2, "x", ""]]]], ["f", [[[b"1", "==", 2, 1, 5]]]],
    ],
)  # fmt: skip
def test_what_is_no_plan_is_none(said):
    assert data_tests.Plans().get("assert", None, lambda: said) is None
    assert data_tests.Plans().get("assert", None, lambda: ["f", [[[b"1", "==", 2, 1, ""]]]]) is not None


def test_what_has_failed_is_not_tried_again(box):
    source = "kept = []\ndef f(x):\n    kept.append(x)\n    return object() if len(kept) == 2 else 0"
    for tests in (
        "assert f(1) == 2\nassert f(2) == 3",
        "def test_a():\n    assert f(1) == 2\ndef test_b():\n    assert f(2) == 3",
    ):
        verdict = asyncio.run(box.check(source, tests, "f"))
        assert (verdict.status, verdict.outcomes) == ("fail", (False, False))
    told = asyncio.run(box.check("def f(x): return [x] * 99", "assert f(1) == 2, f'got {f(1)}'", "f"))
    assert told.why == "AssertionError: the answer is [1, 1, 1, 1, 1, 1, ...] (line 1 of the tests)"


def test_a_set_has_the_order_that_it_has_where_tests_run(box):
    words = "{'alpha', 'beta', 'gamma', 'delta', 'epsilon', 'zeta', 'eta', 'theta'}"
    joins = "def f(words): return ' '.join(words)"
    order = re.search(r"'(.+)'", asyncio.run(box.check(joins, f"assert f({words}) == 0, [f({words})]" + RUN, "f")).why)
    tests = f"assert f({words}) == {order.group(1)!r}"
    assert read(tests, "f") is not None
    for text in (tests, tests + RUN):
        assert asyncio.run(box.check(joins, text, "f")).status == "pass"


def test_what_a_caller_reads_has_bounds(monkeypatch):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        receive = data_tests.Line(ours.fileno(), 100, pytest.fail)
        for _ in range(data_tests.MAX_ANSWERS):
            channel.send(theirs.fileno(), b"1" * 100)
            assert len(receive.frame()) == 100
        channel.send(theirs.fileno(), b"1")
        with pytest.raises(data_tests.TooMuch, match="16 x 100 bytes"):
            receive.frame()
        monkeypatch.setattr(data_tests, "MAX_READING", -1.0)
        channel.send(theirs.fileno(), b"1")
        with pytest.raises(data_tests.TooMuch, match="to read"):
            data_tests.Line(ours.fileno(), 100, pytest.fail).frame()


def test_texts_are_read_once_and_the_oldest_are_forgotten(monkeypatch):
    monkeypatch.setattr(data_tests, "KEPT", 40)
    plans, read_again = data_tests.Plans(), []

    def get(text):
        return plans.get(text, "f", lambda: read_again.append(text) or ["f", [[[b"1234", "==", 2, 1, ""]]]])

    texts = [f"assert {n}" for n in range(3)]  # eight characters and four bytes each: three fit
    for text in [*texts, *texts, "assert 3", "assert 1", "assert 0"]:
        assert get(text) is not None
    assert read_again == [*texts, "assert 3", "assert 0"]


def test_a_solution_that_leaves_as_the_tests_do_is_no_failure_of_ours(box):
    leaves = f"import os\ndef f(x): os._exit({GONE})"
    for _ in range(60):  # whether the zygote or the caller notices first is chance
        assert asyncio.run(box.check(leaves, "assert f(1) == 2", "f")).status == "exited_early"
        assert asyncio.run(box.calls(leaves, "f", [[1]]))[0].status == "exited_early"


def test_a_call_says_how_the_process_ended(box):
    said = [asyncio.run(box.calls(f"import os\ndef f(x): {code}", "f", [[1]]))[0] for code in ("exit(1)", "os._exit(7)")]
    assert [(result.status, result.why) for result in said] == [
        ("exited_early", "calls exit()"), ("exited_early", "its process left with exit status 7"),
    ]  # fmt: skip
