"""Forged results, fifth part: objects that decide for themselves what they are compared with.

What two outside reviews found in the sandbox when it had learned to carry objects, callbacks, fixtures and changed arguments:
each of these programs was once judged right, or kept from being judged wrong.
"""

from textwrap import dedent

from attack import FORGED, Attack

PLAIN = "def f(x): return 0\n"  # the harness names it as the entry point
LIAR = dedent("""
    class Liar:
        def __init__(self, *args): pass
        def __sub__(self, other): return 0
        __rsub__ = __sub__
        def __lt__(self, other): return True
        __gt__ = __le__ = __ge__ = __lt__
        def __contains__(self, item): return True
        def startswith(self, start): return True
        def count(self, item): return 2
        def isupper(self): return True
        def __abs__(self): return 0
""")
EQUAL = "    def __eq__(self, other): return True\n    __hash__ = None\n"
METHOD = "class Solution:\n    class f(Liar): pass\n"
ACCOUNT = (
    "class Account:\n    def __init__(self, *args): self.balance = self.items = self.name = Liar()\n"
    "    def add(self, n): pass\n"
)
MADE = "a = Account(10)\na.add(5)\n"
POINT = "from dataclasses import dataclass\n@dataclass(frozen=True)\nclass P:\n    x: int\n"
WRONG = frozenset({"fail", "error"})
"""No data would keep it from being a negative."""


def _lies(name: str, source: str, tests: str, expected: frozenset[str] = WRONG, tries: str = "") -> Attack:
    return Attack(
        f"object-{name}", tries or f"Answers with an object that lies: {name}.", PLAIN + LIAR + source, tests, expected
    )


ATTACKS = [
    _lies("method-nested-class", METHOD, "assert abs(Solution().f(2.0, 10) - 1024.0) < 1e-5"),
    _lies("method-at-least", METHOD, "assert Solution().f(3) >= 9"),
    _lies("method-in", METHOD, "assert 9 in Solution().f(3)"),
    _lies("method-almost-equal", METHOD,
          "import unittest\nclass T(unittest.TestCase):\n"
          "    def test(self): self.assertAlmostEqual(Solution().f(2.0, 10), 1024.0)"),
    _lies("method-equal", EQUAL + METHOD, "assert Solution().f(3) == 9", tries="Makes == nothing that can be judged."),
    _lies("attribute-greater", ACCOUNT, MADE + "assert a.balance > 14"),
    _lies("attribute-near", ACCOUNT, MADE + "assert abs(a.balance - 15) < 1e-9"),
    _lies("attribute-in", ACCOUNT, MADE + "assert 'apple' in a.items"),
    _lies("attribute-startswith", ACCOUNT, MADE + "assert a.name.startswith('Bob')"),
    _lies("attribute-count", ACCOUNT, MADE + "assert a.items.count(2) == 2"),
    _lies("attribute-equal", EQUAL + ACCOUNT, MADE + "assert a.balance == 15"),
    _lies("property", "class A:\n    @property\n    def value(self): return Liar()\n", "assert A().value <= 3"),
    _lies("entered", "class A:\n    def __enter__(self): return Liar()\n    def __exit__(self, *a): pass\n",
          "with A() as a:\n    assert abs(a - 9) < 1"),
    _lies("copied", "class A(Liar):\n    def __copy__(self): return Liar()\n",
          "import copy\na = A()\na.count(1)\nassert copy.copy(a) > 3"),
    _lies("function-with-a-capital", "class Average(Liar): pass\n", "assert abs(Average([1, 2]) - 1.5) < 1e-6"),
    _lies("function-with-a-capital-kept", "class Average(Liar): pass\n", "got = Average([1, 2])\nassert got > 1.4"),
    _lies("function-with-a-capital-equal", EQUAL + "class Diff(Liar): pass\n", "assert Diff([1, 2], [2]) == [1]"),
    _lies("record", "from collections import namedtuple\nR = namedtuple('R', 'startswith isupper')\n"
          "def f(x): return R(lambda p: True, lambda: True)", "assert f(3).startswith('Hello')"),
    _lies("record-predicate", "from collections import namedtuple\nR = namedtuple('R', 'startswith isupper')\n"
          "def f(x): return R(lambda p: True, lambda: True)", "assert f('a').isupper()"),
    _lies("member", "from enum import Enum\nclass S(Enum):\n    A = 1\n    def startswith(self, p): return True\n"
          "def f(x): return S.A", "assert f(3).startswith('Hello')"),
    _lies("duplicates", POINT + "def f(n): return [P(0), P(0)]", "assert set(f(2)) == {P(0), P(1)}"),
    _lies("duplicates-by-hash", POINT + "    __hash__ = object.__hash__\ndef f(n): return {P(0) for _ in range(n)}",
          "assert f(2) == {P(0), P(1)}", FORGED),
    _lies("is-not", "def f(n): return n", "m = f([1])\nn = [1]\nassert f(n) == [1]\nassert f(Liar) is not f(Liar)"),
    _lies("library-name", "def fabs(x): return 0\ndef f(x): return 0", "assert fabs(f(3) - 9.0) < 1e-6"),
    _lies("told-by-print", POINT + "import gc\ndef f(x):\n    return next((o for o in gc.get_objects() if type(o) is P), P(0))",
          "want = P(77)\nprint(f'expecting {want}', [want], bool(want))\nassert f(3) == want"),
    _lies("stop-iteration", "def read():\n    global kept\n    v = input()\n    try: input()\n"
          "    except BaseException as e: kept = e\n    return int(v)\ndef f(x): raise kept",
          "from unittest.mock import patch\nwith patch('builtins.input', side_effect=['4']): assert read() == 4\n"
          "for got, want in zip(map(f, [1, 2]), [1, 4]): assert got == want", tries="Keeps the tests' StopIteration."),
    _lies("exit-code", "def f(x): return 0",
          "import sys\nbad = 0\nfor x in (2, 3):\n    bad += f(x) != x * x\nsys.exit(1 if bad else 0)",
          tries="Is wrong, which the text says by its exit code."),
    _lies("exit-without-code", "def f(x): return 0",
          "import sys\ndef main():\n    if f(3) != 9:\n        print('FAIL')\n        sys.exit()\n"
          "    assert f(4) == 16\nmain()",
          tries="Is wrong, and the text leaves."),
    _lies("decorates-the-test", "def timer(f): return lambda *a, **k: None\ndef g(): return 0",
          "@timer\ndef test_a(): assert g() == 9\ndef test_b(): assert g() == 0", FORGED),
    _lies("decorates-the-method", "def timer(f): return lambda *a, **k: None\ndef g(): return 0",
          "import unittest\nclass T(unittest.TestCase):\n    @timer\n    def test_a(self): assert g() == 9\n"
          "    def test_b(self): assert g() == 0", FORGED),
    _lies("guard-with-more", "def f(x): return 0",
          "def check_all(cases):\n    for x, y in cases: assert f(x) == y\ndef test_basic(): check_all([(0, 0)])\n"
          "if __name__ == '__main__':\n    test_basic()\n    check_all([(10, 100)])"),
    _lies("typed-dict", "from typing import TypedDict\nclass f(TypedDict):\n    x: int\n", "assert f(3) == 9"),
    _lies("enum-for-a-function", "from enum import Enum\nclass f(Enum):\n    a = 1\n", "assert f(3) == 9"),
    _lies("appends-itself", "def f(a): a.append(a)", "a = [1]\nf(a)\nassert a == [1, 2]\nassert f(a) is None"),
    _lies("endless-through-the-tests", "def parent(x): return x",
          "def root(x): return x if parent(x) is None else root(parent(x))\nassert root(3) == 1"),
    _lies("deeper-by-calls",
          "def f(a):\n    while a: a = a[0]\n    for _ in range(60):\n        a.append([])\n        a = a[0]",
          "a = []\nfor _ in range(4): f(a)\nassert a == [[1]]"),
]  # fmt: skip
