"""What the text of tests means to the sandbox: which statements are tests, what is opened, what is the solution's."""

import asyncio

import pytest

from reward.sandbox.inside import prepare_tests

SOLUTION = """
def patch(one, other): return one + other
def f(n): return list(range(n))
def deg(n, edges): return max(sum(e[0] == i for e in edges[:9]) for i in range(2)) + len(edges)
class Node: pass
"""
RIGHT = {
    "a function with the name of unittest's": "assert patch('a', 'b') == 'ab'",
    "a class of the tests by the name of one of the solution's": "class Node: x = 2\nassert f(Node.x) == [0, 1]",
    "a variable by the name of a function": "f = f(2)\nassert f == [0, 1]",
    "a large argument": "n = 100_001\nassert deg(n, [[i, i + 1] for i in range(n)]) == n + 1",
    "a success that leaves": "import sys\ndef main():\n    if f(2) == [0, 1]:\n        sys.exit(0)\n    sys.exit(1)\nmain()",
}


@pytest.mark.parametrize("name", RIGHT)
def test_right_solutions_pass(name, box):
    verdict = asyncio.run(box.check(SOLUTION, RIGHT[name], None))
    assert verdict.status == "pass", verdict


@pytest.mark.parametrize(
    ("text", "count", "statements"),
    [
        ("assert f(1)\nassert f(2)\nprint(f(3))", 2, 3),
        ("def test_a(): assert f(1)\nclass TestB:\n    def test_c(self): pass\n    def test_d(self): pass", 3, 2),
        ("def check(candidate): assert candidate(1)", 1, 1),
        ("def helper(x): assert f(x)\nfor x in (1, 2): helper(x)", 1, 2),
        ("import unittest\nclass T(unittest.TestCase):\n    def test_a(self): pass\nunittest.main()", 1, 2),
        ("if __name__ == '__main__':\n    assert f(1)\n    assert f(2)", 2, 2),
        ("def test_a(): assert f(1)\nif __name__ == '__main__':\n    test_a()\n    print(1)", 1, 1),
        ("def test_a(): assert f(1)\nif __name__ == '__main__':\n    assert f(2)\n    sys.exit(0)", 2, 2),
    ],
)
def test_statements_and_tests_are_counted(text, count, statements):
    read = prepare_tests.read(text, "f", lambda name: name == "sys")
    assert (read.count, len(read.body)) == (count, statements)


@pytest.mark.parametrize(
    ("line", "becomes"),
    [
        ("from your_module import f", "solution"), ("from my_code_2 import g", "solution"), ("import f", "solution"),
        ("from .anything import g", "solution"), ("from stack import Stack", "solution"), ("from x import f", "solution"),
        ("from lru_cache import LRUCache", "solution"), ("from sys import path", "sys"), ("from pandas import x", "pandas"),
    ],
)  # fmt: skip
def test_imports_of_what_stands_for_the_solution_are_its(line, becomes):
    (statement,) = prepare_tests.read(line, "f", lambda name: name == "sys").body
    assert getattr(statement, "module", None) == becomes or statement.names[0].name == becomes
