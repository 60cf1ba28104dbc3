"""Controls: right programs of the ordinary kind, which a guard must not break. Each has to pass."""

from attack import PASS, Attack


def right(name: str, shows: str, solution: str, tests: str, **fields) -> Attack:
    """A right program with its tests."""
    return Attack(name, shows, solution, tests, PASS, **fields)


CHECK_PALINDROME = """
    METADATA = {'author': 'x', 'dataset': 'test'}
    def check(candidate):
        assert candidate('abcba') == True
        assert candidate('') == True
        assert candidate('ab') == False, "two letters"
"""

ATTACKS = [
    right("human-eval", "HumanEval's style.", "def f(text: str) -> bool:\n    return text == text[::-1]", CHECK_PALINDROME),
    right(
        "human-eval-typed",
        "Solution with typing imports and helper.",
        "from typing import List\ndef half(xs): return xs[: len(xs) // 2]\n"
        "def f(xs: List[int]) -> List[int]:\n    return half(sorted(xs))",
        "def check(candidate):\n    assert candidate([4, 1, 3, 2]) == [1, 2]\n    assert candidate([]) == []",
    ),
    right(
        "mbpp",
        "MBPP's style.",
        "import math\ndef f(r): return math.pi * r ** 2",
        "import math\nassert math.isclose(f(2), 12.566370614359172, rel_tol=0.001)\nassert f(0) == 0",
    ),
    right(
        "mbpp-set-up",
        "Tests with code before them.",
        "def f(xs): return {x: xs.count(x) for x in xs}",
        "data = ['a', 'b', 'a']\nwanted = dict(a=2, b=1)\nassert f(data) == wanted",
    ),
    right(
        "pytest-functions",
        "Test functions.",
        "def f(x): return x * 2",
        "def test_one():\n    assert f(1) == 2\ndef test_two():\n    for x in range(5):\n        assert f(x) == x + x",
    ),
    right(
        "unittest-case",
        "A test case with set-up.",
        "def f(xs): return sorted(xs)",
        "import unittest\nclass TestF(unittest.TestCase):\n    def setUp(self): self.xs = [2, 1]\n"
        "    def test_sorted(self): self.assertEqual(f(self.xs), [1, 2])\n"
        "    def test_empty(self): self.assertListEqual(f([]), [])",
    ),
    right(
        "unittest-raises",
        "assertRaises.",
        "def f(x):\n    if x < 0: raise ValueError('negative')\n    return x ** 0.5",
        "import unittest\nclass TestF(unittest.TestCase):\n    def test_bad(self):\n"
        "        with self.assertRaises(ValueError): f(-1)\n    def test_good(self): self.assertAlmostEqual(f("
        "4), 2.0)",
    ),
    right(
        "expected-exception",
        "Exceptions expected by try.",
        "def f(d, k): return d[k]",
        "try:\n    f({}, 'a')\n    assert False\nexcept KeyError:\n    pass\nassert f({'a': 1}, 'a') == 1",
    ),
    right(
        "exception-message",
        "The message of an exception.",
        "def f(x): raise ValueError(f'bad {x}')",
        "try:\n    f(3)\nexcept ValueError as error:\n    assert str(error) == 'bad 3'\nelse:\n    assert False",
    ),
    right("recursion", "900 levels of recursion.", "def f(n): return 0 if n == 0 else 1 + f(n - 1)", "assert f(900) == 900"),
    right(
        "numpy",
        "Numpy in the solution.",
        "import numpy as np\ndef f(xs): return float(np.linalg.norm(np.array(xs)))",
        "assert abs(f([3, 4]) - 5.0) < 1e-9",
    ),
    right(
        "numpy-arrays",
        "Numpy arrays in and out.",
        "import numpy as np\ndef f(a): return a @ a.T",
        "import numpy as np\nassert np.allclose(f(np.eye(3) * 2), np.eye(3) * 4)\n"
        "assert f(np.arange(4).reshape(2, 2)).shape == (2, 2)",
    ),
    right(
        "regex",
        "Regular expressions.",
        "import re\ndef f(s): return re.findall(r'[a-z]+', s)",
        "assert f('ab1cd') == ['ab', 'cd']",
    ),
    right(
        "itertools",
        "Permutations.",
        "import itertools\ndef f(xs): return list(itertools.permutations(xs))",
        "assert f([1, 2]) == [(1, 2), (2, 1)]\nassert len(f(range(5))) == 120",
    ),
    right(
        "changes-argument",
        "A list changed in place.",
        "def f(xs): xs.sort(); xs.append(0)",
        "xs = [3, 1]\nassert f(xs) is None\nassert xs == [1, 3, 0]",
    ),
    right(
        "changes-nested",
        "A nested list and a dict changed in place.",
        "def f(grid, seen):\n    for row in grid: row[0] = 1\n    seen['n'] = len(grid)",
        "grid, seen = [[0, 0], [0, 0]], {}\nf(grid, seen)\nassert grid == [[1, 0], [1, 0]] and seen == {'n': 2}",
    ),
    right(
        "thread-pool",
        "Four threads.",
        "from concurrent.futures import ThreadPoolExecutor\ndef f(xs):\n"
        "    with ThreadPoolExecutor(4) as pool: return list(pool.map(abs, xs))",
        "assert f([-1, 2, -3]) == [1, 2, 3]",
    ),
    right(
        "asyncio",
        "An event loop inside.",
        "import asyncio\nasyncio.sleep\nasync def one(x):\n    await asyncio.sleep(0.01)\n"
        "    return x\ndef f(n):\n    async def all_of(): return await asyncio.gather(*map(one, range(n)))\n"
        "    return asyncio.run(all_of())",
        "assert f(3) == [0, 1, 2]",
    ),
    right(
        "temporary-file",
        "A file written and read in the working directory and by tempfile.",
        "import os, tempfile\ndef f(text):\n    with open('own.txt', 'w') as file: file.write(text)\n"
        "    with tempfile.TemporaryDirectory() as d:\n        path = os.path.join(d, 'x')\n"
        "        with open(path, 'w') as file: file.write(open('own.txt').read())\n"
        "        os.rename(path, path + '2')\n        return open(path + '2').read()",
        "assert f('héllo') == 'héllo'",
    ),
    right(
        "float-tolerance",
        "Floats within a tolerance.",
        "def f(xs): return sum(xs) / len(xs)",
        "assert abs(f([0.1, 0.2, 0.3]) - 0.2) < 1e-9\nassert f([1.0, 2.0]) == 1.5",
    ),
    right(
        "infinity",
        "Infinity, negative zero and nan.",
        "import math\ndef f(x): return {'i': math.inf, 'n': math.nan, 'z': -0.0}[x]",
        "import math\nassert f('i') == math.inf\nassert math.isnan(f('n'))\nassert math.copysign(1, f('z')) == -1",
    ),
    right(
        "generator",
        "A generator drawn by the tests.",
        "def f(n):\n    for i in range(n): yield i * i",
        "assert list(f(4)) == [0, 1, 4, 9]\nassert sum(f(3)) == 5",
        joined=True,
    ),
    right(
        "class-methods",
        "A class whose methods the tests use.",
        "class Stack:\n    def __init__(self): self.items = []\n    def push(self, x): self.items.append(x)\n"
        "    def pop(self): return self.items.pop()\n    def __len__(self): return len(self.items)",
        "s = Stack()\ns.push(1); s.push(2)\nassert s.pop() == 2\nassert len(s) == 1",
        entry_point="Stack",
        joined=True,
    ),
    right(
        "memory-100-mb",
        "100 MB of memory.",
        "def f(n):\n    xs = bytearray(n)\n    xs[::4096] = b'x' * len(xs[::4096])\n    return len(xs)",
        "assert f(100_000_000) == 100_000_000",
    ),
    right(
        "cpu-one-second",
        "A second of CPU time under a limit of two.",
        "import time\ndef f(seconds):\n    start = time.process_time()\n"
        "    while time.process_time() - start < seconds: pass\n    return True",
        "assert f(1.0) is True",
        slow=True,
    ),
    right(
        "big-integers",
        "Integers beyond any machine word.",
        "def f(n): return 2 ** n",
        "assert f(1000) == 1 << 1000\nassert f(200) % 10 ** 9 == pow(2, 200, 10 ** 9)",
    ),
    right(
        "unicode",
        "Text of many scripts.",
        "def f(s): return s[::-1].upper()",
        "assert f('añ🙂ß') == 'SS🙂ÑA'\nassert f('日本') == '本日'",
    ),
    right(
        "bytes-and-sets",
        "Bytes, sets, tuples and complex numbers.",
        "def f(x): return (bytes([x]), {x, x + 1}, frozenset([x]), complex(x, 1), None)",
        "assert f(1) == (b'\\x01', {1, 2}, frozenset([1]), 1 + 1j, None)\nassert isinstance(f(1), tuple)",
    ),
    right(
        "deep-copy",
        "A deep copy.",
        "import copy\ndef f(xs):\n    ys = copy.deepcopy(xs)\n    ys[0][0] = 9\n    return ys",
        "xs = [[1], [2]]\nassert f(xs) == [[9], [2]] and xs == [[1], [2]]",
    ),
    right(
        "default-dict",
        "defaultdict, Counter and OrderedDict.",
        "from collections import Counter, OrderedDict, defaultdict\ndef f(s):\n"
        "    d = defaultdict(list)\n    for i, c in enumerate(s): d[c].append(i)\n"
        "    return d, Counter(s), OrderedDict(sorted(d.items()))",
        "d, c, o = f('aba')\nassert d == {'a': [0, 2], 'b': [1]} and c['a'] == 2 and list(o) == ['a', 'b']",
    ),
    right(
        "prints",
        "Prints beside the answer.",
        "def f(x):\n    print('working on', x)\n    return x + 1",
        "print('testing')\nassert f(1) == 2",
    ),
    right(
        "main-guard",
        "A main guard with input.",
        "def f(x): return x + 1\nif __name__ == '__main__':\n    print(f(int(input())))",
        "assert f(1) == 2",
    ),
    right(
        "random-seed",
        "Random numbers with a seed.",
        "import random\ndef f(seed):\n    r = random.Random(seed)\n    return [r.randint(0, 9) for _ in range(5)]",
        "import random\nr = random.Random(1)\nassert f(1) == [r.randint(0, 9) for _ in range(5)]",
    ),
    right(
        "time-and-date",
        "Clock and calendar.",
        "import datetime, time\ndef f():\n    return time.time() > 1_600_000_000 and datetime.datetime.now().year "
        ">= 2024 and datetime.date(2024, 2, 29).isoformat()",
        "assert f() == '2024-02-29'",
    ),
    right(
        "decimal-fraction",
        "Exact arithmetic.",
        "from decimal import Decimal\nfrom fractions import Fraction\n"
        "def f(): return str(Decimal('0.1') + Decimal('0.2')), float(Fraction(1, 4))",
        "assert f() == ('0.3', 0.25)",
    ),
    right(
        "hash-json-heap",
        "hashlib, json, heapq and bisect.",
        "import bisect, hashlib, heapq, json\ndef f(xs):\n    heapq.heapify(xs)\n"
        "    low = heapq.heappop(xs)\n    return json.dumps({'low': low, 'at': bisect.bisect([1, 2, 3], 2), 'h': "
        "hashlib.md5(b'a').hexdigest()[:4]})",
        "import json\nassert json.loads(f([3, 1, 2])) == {'low': 1, 'at': 2, 'h': '0cc1'}",
    ),
    right(
        "cache",
        "lru_cache.",
        "import functools\n@functools.lru_cache(maxsize=None)\ndef f(n): return n if n < 2 else f(n - 1) + f(n - 2)",
        "assert f(80) == 23416728348467685",
    ),
    right(
        "global-state",
        "State between calls.",
        "count = 0\ndef f():\n    global count\n    count += 1\n    return count",
        "assert f() == 1\nassert f() == 2",
    ),
    right(
        "several-functions",
        "Tests that call a helper too.",
        "def g(x): return x + 1\ndef f(x): return g(g(x))",
        "assert f(1) == 3\nassert g(1) == 2",
    ),
    right(
        "dataclass",
        "A dataclass returned.",
        "from dataclasses import dataclass\n@dataclass\nclass P:\n    x: int\n    y: int\ndef f(a): return P(a, a + 1)",
        "p = f(1)\nassert (p.x, p.y) == (1, 2)",
        joined=True,
    ),
    right(
        "named-tuple",
        "A named tuple returned.",
        "from collections import namedtuple\nP = namedtuple('P', 'x y')\ndef f(a): return P(a, y=2)",
        "p = f(1)\nassert p.x == 1 and p[1] == 2 and tuple(p) == (1, 2)",
    ),
    right(
        "keyword-arguments",
        "Defaults and keywords.",
        "def f(a, *rest, scale=1, **more): return (a + sum(rest)) * scale + len(more)",
        "assert f(1) == 1\nassert f(1, 2, scale=3) == 9\nassert f(1, z=1) == 2",
    ),
    right(
        "future-annotations",
        "A future import and a docstring first.",
        "'''Adds.'''\nfrom __future__ import annotations\ndef f(x: NotThere) -> int: return x + 1",
        "assert f(1) == 2",
    ),
    right(
        "import-torch-missing-ok",
        "An optional import guarded.",
        "try:\n    import no_such_module\nexcept ImportError:\n    no_such_module = None\n"
        "def f(): return no_such_module is None",
        "assert f() is True",
    ),
    right(
        "io-values",
        "IO mode with several types.",
        "def f(x): return {'v': [x, (x, None)], 'n': x * 2}",
        "",
        arguments=((1,), ("a",)),
        values=({"v": [1, (1, None)], "n": 2}, {"v": ["a", ("a", None)], "n": "aa"}),
    ),
    right(
        "io-many",
        "IO mode with two hundred calls.",
        "def f(a, b): return a * b",
        "",
        arguments=tuple((i, i + 1) for i in range(200)),
        values=tuple(i * (i + 1) for i in range(200)),
    ),
    right(
        "io-boolean",
        "A verification function in IO mode.",
        "def evaluate(response): return response.count(',') == 2",
        "",
        entry_point="evaluate",
        arguments=(("a,b,c",), ("a",)),
        values=(True, False),
    ),
]
