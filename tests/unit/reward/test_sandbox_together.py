"""Tests about more than data: judged in one process where the recipe says so, else `unsupported`; data is judged apart.

Each entry of `HONEST`: tests, a right solution, and what to replace in it to make it wrong.
"""

import asyncio

import pytest


def checked(box, solution, tests, entry_point=None):
    return asyncio.run(box.check(solution, tests, entry_point))


POINT = """
from dataclasses import dataclass
@dataclass
class P:
    x: int
    y: int = 0
    def norm(self): return abs(self.x) + abs(self.y)
    def shift(self, d): self.x += d
"""
COLOUR = "from enum import Enum\nclass C(Enum):\n    R = 1\n    G = 2\n    def low(self): return self.name.lower()\n"
ADD = "kept = []\ndef add(x):\n    kept.append(x)\n    return len(kept)\ndef reset(): kept.clear()"
HONEST = {
    "a subclass of list": (
        "s = Stack()\ns.push(1)\ns.push(2)\nassert s.peek() == 2 and len(s) == 2 and s[0:1] == [1]",
        "class Stack(list):\n    def push(self, x): self.append(x)\n    def peek(self): return self[-1]",
        ("[-1]", "[0]"),
    ),
    "a subclass of OrderedDict": (
        "c = LRU(1)\nc.put(1, 1)\nc.put(2, 2)\nassert c.fetch(1) == -1 and c.fetch(2) == 2",
        "from collections import OrderedDict\nclass LRU(OrderedDict):\n    def __init__(self, n):\n        super().__init__()\n"
        "        self.n = n\n    def put(self, k, v):\n        self[k] = v\n"
        "        while len(self) > self.n: self.popitem(last=False)\n"
        "    def fetch(self, k): return self.get(k, -1)",
        ("last=False", "last=True"),
    ),
    "a Counter": (
        "assert f('aab').most_common(1) == [('a', 2)] and f('aab') == Counter('aab')",
        "from collections import Counter\ndef f(s): return Counter(s)",
        ("Counter(s)", "Counter(s[1:])"),
    ),
    "a defaultdict": (
        "g = f(['a', 'bb'])\nassert g[1] == ['a'] and g[5] == []",
        "from collections import defaultdict\ndef f(x):\n    d = defaultdict(list)\n"
        "    for w in x: d[len(w)].append(w)\n    return d",
        ("(w)\n", "(x)\n"),
    ),
    "an OrderedDict": (
        "r = f()\nr.move_to_end('a')\nassert list(r) == ['b', 'a']",
        "from collections import OrderedDict\ndef f(): return OrderedDict(a=1, b=2)",
        ("b=2", "c=2"),
    ),
    "a view of a dict": ("assert f({'a': 1}) == {'a'}", "def f(d): return d.keys()", ("d.keys()", "list(d)")),
    "an endless generator": (
        "from itertools import islice\nassert list(islice(f(), 4)) == [0, 1, 2, 3]\nit = f()\n"
        "assert [next(it), next(it)] == [0, 1]",
        "def f():\n    n = 0\n    while True:\n        yield n\n        n += 1",
        ("n += 1", "n += 2"),
    ),
    "an item that takes for ever behind those that are wanted": (
        "from itertools import islice\nassert list(islice(f(), 4)) == [1, 2, 3, 4]",
        "import time\ndef f():\n    for n in (1, 2, 3): yield n\n    time.sleep(0.01)\n    yield 4\n    while True: pass",
        ("yield 4", "yield 5"),
    ),
    "send": (
        "a = f()\nnext(a)\nassert a.send(3) == 3 and a.send(4) == 7",
        "def f():\n    t = 0\n    while True: t += yield t",
        ("t += yield t", "t = yield t"),
    ),
    "a generator that fails late": (
        "it = f()\nassert next(it) == 1\ntry:\n    list(it)\n    assert False\nexcept KeyError:\n    pass",
        "def f():\n    yield 1\n    yield 2\n    raise KeyError('x')",
        ("raise KeyError('x')", "return"),
    ),
    "an asynchronous generator": (
        "import asyncio\nasync def m(): return [x async for x in f()]\nassert asyncio.run(m()) == [0, 1, 2]",
        "async def f():\n    for i in range(3): yield i",
        ("range(3)", "range(2)"),
    ),
    "an iterator of its own": (
        "c = Count(2)\nassert next(c) == 1 and list(c) == [0]",
        "class Count:\n    def __init__(s, n): s.n = n\n    def __iter__(s): return s\n    def __next__(s):\n"
        "        if s.n <= 0: raise StopIteration\n        s.n -= 1\n        return s.n",
        ("s.n <= 0", "s.n < 0"),
    ),
    "a list that is yielded again": (
        "assert [list(x) for x in f()] == [[0], [1]] and list(f()) == [[2], [2]]",
        "def f():\n    x = [0]\n    yield x\n    x[0] = 1\n    yield x\n    x[0] = 2",
        ("yield x\n    x[0] = 2", "yield [1]\n    x[0] = 2"),
    ),
    "a keyword argument that is changed": (
        "a = []\nf(1, xs=a)\nassert a == [1]", "def f(x, xs): xs.append(x)", ("xs.append(x)", "xs + [x]"),
    ),
    "lists in lists that are changed": (
        "row = [1]\nm = [row, [2]]\nf(m)\nassert m == [[2], [9]] and row == [9]",
        "def f(m):\n    m.reverse()\n    m[1][0] = 9",
        ("m[1][0] = 9", "m[1] = [9]"),
    ),
    "a list in a tuple that is changed": ("t = ([],)\nf(t)\n"
    "assert t == ([5],)", "def f(t): t[0].append(5)", ("append(5)", "append(6)")),
    "the argument itself is returned": ("a = [2, 1]\nassert f(a) is a and a == [1, 2]", "def f(a):\n    a.sort()\n"
    "    return a", (
        "return a", "return a[:]",
    )),
    "output": (
        "import io, contextlib\nb = io.StringIO()\nwith contextlib.redirect_stdout(b): f()\nassert b.getvalue() == 'hi\\n'",
        "def f(): print('hi')",
        ("'hi'", "'ho'"),
    ),
    "output by capsys": (
        "def test_f(capsys):\n    f()\n    assert capsys.readouterr().out == 'hi\\n'", "def f(): print('hi')", ("'hi'", "'ho'"),
    ),
    "input": (
        "from unittest.mock import patch\ndef test_f():\n    with patch('builtins.input', side_effect=['4', '5']):\n"
        "        assert f() == 9",
        "def f(): return int(input()) + int(input('> '))",
        ("+", "-"),
    ),
    "standard input": (
        "import io, sys\nfrom unittest.mock import patch\ndef test_f():\n    with patch('sys.stdin', io.StringIO('4\\n"
        "5\\n')):\n"
        "        assert f() == 4 and f() == 5",
        "import sys\ndef f(): return int(sys.stdin.readline())",
        ("int(", "-int("),
    ),
    "a warning": (
        "import pytest\ndef test_f():\n    with pytest.warns(DeprecationWarning): assert f() == 1",
        "import warnings\ndef f():\n    warnings.warn('old', DeprecationWarning)\n    return 1",
        ("DeprecationWarning", "UserWarning"),
    ),
    "what an exception holds": (
        "import pytest\ndef test_f():\n    with pytest.raises(E, match='code 4') as e: f(4)\n    assert e.value.code == 4",
        "class E(Exception):\n    def __init__(s, code):\n        super().__init__(f'code {code}')\n"
        "        s.code = code\ndef f(x): raise E(x)",
        ("s.code = code", "s.code = 0"),
    ),
    "an exception caught as its base": (
        "import pytest\ndef test_f():\n    with pytest.raises(A): f()\n    with pytest.raises(B): f()\n"
        "    with pytest.raises(KeyError): f()",
        "class A(Exception): pass\nclass B(A, KeyError): pass\ndef f(): raise B('b')",
        ("raise B", "raise A"),
    ),
    "arguments of an exception": (
        "try:\n    f('zz')\n    assert False\nexcept KeyError as error:\n"
        "    assert error.args == ('zz',) and str(error) == \"'zz'\"",
        "def f(k): raise KeyError(k)",
        ("KeyError(k)", "KeyError(k, k)"),
    ),
    "the cause of an exception": (
        "import pytest\ndef test_f():\n    with pytest.raises(ValueError) as e: f()\n"
        "    assert isinstance(e.value.__cause__, ZeroDivisionError)",
        "def f():\n    try: 1 / 0\n    except ZeroDivisionError as e: raise ValueError('x') from e",
        (" from e", " from None"),
    ),
    "an error of json": (
        "import json, pytest\ndef test_f():\n    with pytest.raises(json.JSONDecodeError): f('{')",
        "import json\ndef f(s): return json.loads(s)",
        ("json.loads(s)", "s"),
    ),
    "a result of the module": ("RESULT = f(3)\ndef test_f(): assert RESULT == 9", "def f(x): return x * x", ("x * x", "x + x")),
    "assertions behind the main guard": (
        "if __name__ == '__main__':\n    assert f(3) == 9\n    print('ok')", "def f(x): return x * x", ("x * x", "x + x"),
    ),
    "a bare runner": (
        "import unittest\nclass T(unittest.TestCase):\n    def test_f(self): self.assertEqual(f(3), 9)\nunittest.main()",
        "def f(x): return x * x",
        ("x * x", "x + x"),
    ),
    "an exit that says no": (
        "import sys\nassert f(0) == 0\nif f(3) != 9:\n    sys.exit(1)", "def f(x): return x * x", ("x * x", "x + x"),
    ),
    "fixtures": (
        "import pytest\n@pytest.fixture\ndef data(): return [1, 2]\n@pytest.fixture\ndef more(data):\n    yield data + [3]\n"
        "def test_f(more): assert f(more) == 6",
        "def f(x): return sum(x)",
        ("sum", "len"),
    ),
    "reflected operators": ("assert (3 * V(2)).x == 6 and (V(2) | V(1)).x == 3", (
        "class V:\n    def __init__(s, x): s.x = x\n    def __mul__(s, k): return V(s.x * k)\n    __rmul__ = __mul__\n"
        "    def __or__(s, o): return V(s.x | o.x)"
    ), ("s.x * k", "s.x + k")),
    "a sum of objects": ("assert sum([V(1), V(2), V(3)]).x == 6", (
        "class V:\n    def __init__(s, x): s.x = x\n    def __add__(s, o): return V(s.x + (o.x if isinstance(o, V) else o))\n"
        "    __radd__ = __add__"
    ), ("s.x + (", "s.x - (")),
    "a number of an object": ("assert float(T(2)) == 2.0 and int(T(3)) == 3", (
        "class T:\n    def __init__(s, x): s.x = x\n    def __float__(s): return float(s.x)\n"
        "    def __int__(s): return int(s.x)"
    ), ("int(s.x)", "0")),
    "a context": (
        "with T() as t:\n    assert t.open\nassert not t.open",
        "class T:\n    def __enter__(s):\n        s.open = True\n        return s\n    def __exit__(s, *a): s.open = False",
        ("s.open = False", "pass"),
    ),
    "names and classes": (
        "assert type(f()).__name__ == 'B' and isinstance(f(), A) and issubclass(B, A) and f.__name__ == 'f' "
        "and f.__doc__ == 'Doc.'",
        "class A: pass\nclass B(A): pass\ndef f():\n    'Doc.'\n    return B()",
        ("return B()", "return A()"),
    ),
    "a copy": (
        "import copy\ns = S()\nt = copy.deepcopy(s)\nt.push(1)\nassert s.a == [] and t.a == [1]",
        "class S:\n    def __init__(s): s.a = []\n    def push(s, x): s.a.append(x)",
        ("append(x)", "append(0)"),
    ),
    "dataclasses": (
        "from dataclasses import asdict\np = P(1, 2)\nassert f(p, 3) == P(4, 2) and P(4, 2) == f(p, 3) != P(4)\n"
        "assert P(3, -4).norm() == 7 and asdict(P(1)) == {'x': 1, 'y': 0}\np.shift(2)\nassert p == P(3, 2) and p.x == 3",
        POINT + "def f(p, d): return P(p.x + d, p.y)",
        ("p.x + d", "p.x - d"),
    ),
    "many dataclasses": (
        "assert f(150) == [P(i, [P(i)]) for i in range(150)]",
        POINT + "def f(n): return [P(i, [P(i)]) for i in range(n)]",
        ("[P(i)]) for", "[P(1)]) for"),
    ),
    "a long chain of dataclasses": (
        "e = None\nfor i in range(70): e = P(i, e)\nassert f(70) == e",
        POINT + "def f(n):\n    p = None\n    for i in range(n): p = P(i, p)\n    return p",
        ("P(i, p)", "P(i or 5, p)"),
    ),
    "named tuples": (
        "m = f(Q(0, 0), Q(2, 2))\nassert m == Q(1, 1) and m.x == 1 and m._asdict() == {'x': 1, 'y': 1} and Q(3, 4).norm() == 7",
        "from typing import NamedTuple\nclass Q(NamedTuple):\n    x: int\n    y: int\n"
        "    def norm(self): return self.x + self.y\n"
        "def f(a, b): return Q((a.x + b.x) // 2, (a.y + b.y) // 2)",
        ("(a.x + b.x) // 2", "a.x"),
    ),
    "enums": (
        "assert f(C.R) == C.G and f(C.G) is C.R and f(C.R).name == 'G' and C(1) == C.R and len(C) == 2 and C.R.low() == 'r'",
        COLOUR + "def f(c): return C.G if c is C.R else C.R",
        ("else C.R", "else C.G"),
    ),
    "a function of the tests": (
        "assert f(lambda x: x + 1, 3) == 4 and f(abs, -3) == 3 and f(str, 3) == '3'", "def f(g, x): return "
        "g(x)", ("g(x)", "x + 1"),
    ),
    "a function that calls back into the solution": (
        "assert f(lambda x: g(x) + 1, 3) == 7", "def g(x): return 2 * x\ndef f(h, x): return h(x)", ("2 * x", "3 * x"),
    ),
    "a decorator": (
        "calls = []\n@f\ndef square(x):\n    calls.append(x)\n    return x * x\n"
        "assert square(2) == 4 and square(2) == 4 and calls == [2] and square.__name__ == 'square'",
        "import functools\ndef f(g):\n    kept = {}\n    @functools.wraps(g)\n    def w(x):\n"
        "        if x not in kept: kept[x] = g(x)\n"
        "        return kept[x]\n    return w",
        ("if x not in kept: ", ""),
    ),
    "a function of the tests that fails": (
        "tries = []\ndef g():\n    tries.append(1)\n    if len(tries) < 3: raise ValueError('again')\n    return 9\n"
        "assert f(g) == 9",
        "def f(g):\n    while True:\n        try: return g()\n        except ValueError: pass",
        ("while True", "for _ in range(2)"),
    ),
    "frozen records in a set": (
        "import dataclasses\nassert f(2) == {P(0), P(1)} and len({P(1), P(1)}) == 1 and max(f(2)) == P(1) < P(2)\n"
        "assert dataclasses.is_dataclass(P) and dataclasses.replace(P(1), x=2) == P(2)",
        "from dataclasses import dataclass\n@dataclass(frozen=True, order=True)\nclass P:\n    x: int\n"
        "def f(n): return {P(i) for i in range(n)}",
        ("range(n)", "range(1, n)"),
    ),
    "a dataclass that checks": (
        "import pytest\ndef test_f():\n    assert f(P(1)) == 1\n    with pytest.raises(ValueError): P(-1)",
        "from dataclasses import dataclass\n@dataclass\nclass P:\n    x: int\n    def __setattr__(self, name, value):\n"
        "        if value < 0: raise ValueError\n        object.__setattr__(self, name, value)\ndef f(p): return p.x",
        ("value < 0", "value < -1"),
    ),
    "enums with more to them": (
        "assert Low.parse('A') == Low.A and f'{Low.A}' == 'a' and Own.A < Own.B and str(Own.A) == 'own'",
        "from enum import Enum, StrEnum\nclass Low(StrEnum):\n    A = 'a'\n    @classmethod\n"
        "    def parse(cls, text): return cls(text.lower())\nclass Own(Enum):\n    A = 1\n    B = 2\n"
        "    def __lt__(self, other): return self.value < other.value\n    def __str__(self): return 'own'",
        ("self.value < ", "self.value > "),
    ),
    "a name of itertools": ("assert count([1]) == 1", "def count(x): return len(x)", ("len(x)", "0")),
    "what pytest sets up": (
        "def setup_function(): reset()\nclass TestF:\n    def setup_method(self, method): reset()\n"
        "    @classmethod\n    def setup_class(cls): cls.n = 1\n    def test_a(self): assert add(1) == self.n\n"
        "    def test_b(self): assert add(1) == self.n\ndef test_a(): assert add(1) == 1\ndef test_b(): assert add(2) == 1",
        ADD, ("append", "count"),
    ),
    "fixtures of pytest": (
        "import pytest\n@pytest.fixture(autouse=True)\ndef clean():\n    reset()\n    yield\n    reset()\n"
        "@pytest.fixture(scope='module')\ndef numbers(): return []\n@pytest.fixture\ndef one(): add(1)\n"
        "def test_a(numbers):\n    numbers.append(1)\n    assert add(1) == 1\n"
        "@pytest.mark.usefixtures('one')\ndef test_b(numbers): assert (numbers, add(1)) == ([1], 2)\n"
        "class TestF:\n    @pytest.fixture\n    def two(self): return 2\n    def test_a(self, two): assert add(two) == 1",
        ADD, ("append", "count"),
    ),
    "parameters of a class": (
        "import pytest\n@pytest.mark.parametrize('x,y', [(1, 1), pytest.param(3, 9, id='three')])\nclass TestF:\n"
        "    def test_f(self, x, y): assert f(x) == y",
        "def f(x): return x * x", ("x * x", "x"),
    ),
    "patch": (
        "from unittest.mock import patch\nclass TestF:\n    @patch('builtins.input', return_value=' Bob ')\n"
        "    def test_f(self, mock):\n        assert ask() == 'Bob'\n        assert mock.call_count == 1",
        "def ask(): return input('Name? ').strip()", (".strip()", ""),
    ),
    "a mock": (
        "from unittest.mock import Mock\ng = Mock(return_value=2)\nassert f(g) == 4\ng.assert_called_once_with(3)",
        "def f(g): return 2 * g(3)",
        ("g(3)", "g(4)"),
    ),
}  # fmt: skip


DATA = {
    "a Counter", "a defaultdict", "an OrderedDict", "a view of a dict", "a keyword argument that is changed",
    "lists in lists that are changed", "a list in a tuple that is changed", "the argument itself is returned",
    "what an exception holds", "an exception caught as its base", "arguments of an exception", "the cause of an exception",
    "an error of json", "a result of the module", "assertions behind the main guard", "a bare runner", "an exit that says no",
    "a name of itertools", "parameters of a class",
}  # fmt: skip
"""Those that need no more than data."""


@pytest.mark.parametrize("name", HONEST)
def test_right_passes_and_wrong_fails(name, box, together):
    tests, solution, (was, becomes) = HONEST[name]
    assert was in solution
    for source, passes in ((solution, True), (solution.replace(was, becomes), False)):
        apart, joined = checked(box, source, tests), checked(together, source, tests)
        assert joined.passed is passes, joined
        if name in DATA:
            assert (apart.passed, apart.trust, joined.trust) == (passes, "unforgeable", "unforgeable"), apart
        else:
            assert (apart.status, joined.trust) == ("unsupported", "forgeable"), apart
            assert "together: true" in apart.why


SAY = "import os, json\ndef say(x):\n    data = json.dumps(x).encode()\n    os.write(3, len(data).to_bytes(4, 'big') + data)\n"
LIAR = """
class Liar:
    def __init__(self, *args): self.args = args
    def __enter__(self): return self
    def __exit__(self, *args): return True
    def __getattr__(self, name): return 9
    __sub__ = __add__ = __radd__ = __abs__ = __mul__ = lambda self, *other: Liar()
    __float__ = lambda self: 9.0
    __int__ = __index__ = lambda self: 9
"""
HOSTILE = {
    "a class named as the library's function": (
        "class R: pass\nR.__name__ = 'sqrt'\ndef sqrt(x): return R()", "assert 1.9 < sqrt(4) < 2.1",
    ),
    "an assertion swallowed while parameters are made": (
        "def rows(cb):\n    try: cb(5)\n    except BaseException: pass\n    return [1]\ndef f(x): return x",
        "import pytest\ndef cb(x): assert x == 1\n@pytest.mark.parametrize('v', rows(cb))\ndef test(v): assert f(v) == 1",
    ),
    "a context that swallows": (LIAR + "def f(x): return 0", "with Liar() as t:\n    assert f(3) == 9\nassert f(0) == 0"),
    "an answer that says a number": (LIAR + "def f(x): return Liar()", "assert abs(float(f(3)) - 9.0) < 1e-6"),
    "an answer in a sum": (LIAR + "def f(x): return Liar()", "assert sum([f(3), -9]).real == 9"),
    "an assertion that is swallowed": (
        "def f(g):\n    try: g(0)\n    except BaseException: pass\n    return 9",
        "def g(x):\n    assert x == 9\nassert f(g) == 9",
    ),
    "calls back without end": ("def f(g):\n    while True: g(0)", "assert f(lambda x: x) == 9"),
    "an answer too deep, through a function of the tests": (
        "def f(g):\n    x = []\n    for _ in range(70): x = [x]\n    return g(x)",
        "def g(x):\n    for _ in range(40): x = [x]\n    return x\nassert f(g) == 9",
    ),
    "fields that are kept back": (
        POINT + "P.__dataclass_fields__['x'].name = 'none'\ndef f(p, d): return P(9, 9)", "e = P(4, 2)\nassert f(e, 3) == e",
    ),
    "skips where it likes": (
        "def f(x): return None",
        "import unittest\nR = f(3)\nclass T(unittest.TestCase):\n    @unittest.skipIf(R is None, 'none')\n"
        "    def test_f(self): self.assertEqual(f(3), 9)\n    def test_g(self): self.assertIsNone(f(0))",
    ),
    "arguments changed into other things": (
        SAY + "def f(x): say({'value': None, 'changed': {'0': 9, '-1': [9], 'x': []}})", "a = [1]\nf(a)\nassert a == [9]",
    ),
    "an exception with a trick in it": (
        "class E(Exception): pass\ndef f(x):\n    e = E('x')\n    e.with_traceback = e.__cause__ = None\n    raise e",
        "import unittest\nclass T(unittest.TestCase):\n    def test_f(self):\n        with self.assertRaises(ValueError): f(3)",
    ),
    "bases in a circle": (
        SAY + "say({'names': {'A': ['exception', 'solution', 'B'], 'B': ['exception', 'solution', 'A'], 'f': "
        "['function', 'solution']}})\n"
        "import time\ntime.sleep(1)",
        "try:\n    f(3)\nexcept A:\n    pass\nassert f(3) == 9",
    ),
    "what was expected, read from what was printed": (
        "def f(x): return 0",
        "import io, contextlib\nwith contextlib.redirect_stdout(io.StringIO()) as b:\n    print('9')\n    f(3)\n"
        "assert b.getvalue() == '9\\n9\\n'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_forged_is_called_unforgeable(name, box, together):
    assert checked(box, *HOSTILE[name]).passed is not True
    verdict = checked(together, *HOSTILE[name])
    assert verdict.passed is not True or verdict.trust == "forgeable", verdict


@pytest.mark.parametrize(
    ("tests", "apart", "joined"),
    [
        (
            "import pytest\n@pytest.mark.skip\ndef test_g(): assert f(1) == 5\ndef test_f(): assert f(3) == 9",
            "test_error", "test_error",
        ),
        (
            "import unittest\nclass T(unittest.TestCase):\n    @unittest.skip('x')\n    def test_g(self): pass\n"
            "    def test_f(self): self.assertEqual(f(3), 9)",
            "test_error", "test_error",
        ),
        ("import pytest\n@pytest.mark.xfail\ndef test_f(): assert f(3) == 0", "unsupported", "test_error"),
        ("def test_f(tmp_path): assert f(3) == 9 and tmp_path.is_dir()", "unsupported", "pass"),
        ("def test_f(monkeypatch):\n    monkeypatch.setattr('solution.K', 3)\n    assert g(3) == 9", "unsupported", "pass"),
        ("def test_f(nobody_knows): assert f(3) == 9", "unsupported", "test_error"),
        ("async def test_f(capsys): assert f(3) == 9", "unsupported", "pass"),
        ("open('a.txt', 'w').write('ab')\nassert size('a.txt') == 2", "unsupported", "pass"),
        ("import random\nrandom.seed(1)\none = draw()\nrandom.seed(1)\nassert draw() == one", "unsupported", "pass"),
        ("import gone_from_here\nassert f(3) == 9", "test_error", "test_error"),
        ("def test_f(): assert Missing().x == 9", "load_error", "load_error"),
        ("def check(candidate):\n    assert candidate(3) == Box(9).x", "unsupported", "pass"),
        ("class TestF:\n    def test_f(self): assert Box(9) == Box(9)", "unsupported", "fail"),
        ("def test_f(capsys):\n    yield", "unsupported", "test_error"),
        ("x = Box(1)", "unsupported", "test_error"),
        ("assert Box(1).x ==", "test_error", "test_error"),
    ],
)  # fmt: skip
def test_what_each_way_says(tests, apart, joined, box, together):
    solution = (
        "import os, random\nK = 2\nclass Box:\n    def __init__(self, x): self.x = x\ndef f(x): return x * x\n"
        "def g(x): return x * K\ndef size(name): return os.path.getsize(name)\ndef draw(): return random.random()"
    )
    entry_point = "f" if "candidate" in tests else None
    said = [checked(one, solution, tests, entry_point) for one in (box, together)]
    assert [verdict.status for verdict in said] == [apart, joined], said


TRICKS = {
    "leaves": "os._exit(0)",
    "leaves by an exception": "raise SystemExit(0)",
    "writes a verdict everywhere": "[os.write(d, frame) for d in range(3, 9) if is_open(d)]\nos._exit(0)",
    "closes everything": "os.closerange(0, 99)",
    "kills itself": "os.kill(os.getpid(), 9)",
    "prints": "print('PASS', frame)",
    "takes the names of functions that send": "import json\njson.dumps = lambda *a: 'pass'\nos._exit = lambda *a: None",
}


@pytest.mark.parametrize("name", TRICKS)
def test_a_verdict_needs_more_than_to_leave_or_to_write(name, together):
    head = (
        "import os, json\ndef is_open(d):\n    try: os.fstat(d)\n    except OSError: return False\n    return True\n"
        "data = json.dumps({'status': 'pass', 'why': '', 'outcomes': [True], 'token': 'x' * 32}).encode()\n"
        "frame = len(data).to_bytes(4) + data\nclass Box:\n    def open(self):\n"
    )
    body = "\n".join(f"        {line}" for line in TRICKS[name].split("\n"))
    verdict = checked(together, head + body, "assert Box().open() == 9")
    assert (verdict.passed, verdict.trust) == (False, "forgeable"), verdict


def test_calls_of_the_trainer_get_plain_data(box):
    (result,) = asyncio.run(box.calls("def f(n): yield from range(n)", "f", [[3]]))
    assert list(result.value) == [0, 1, 2]
