"""Prompts, tests and answers with the verdict of a careful reader (None: broken tests, no verdict), by the reason why."""

ADD = [{"args": [1, 2], "returns": 3, "entry_point": "add"}]
ADDS = "def add(a, b):\n    return a + b\n"
TAKES = "def add(a, b):\n    return a - b\n"
FENCED = f"```python\n{ADDS}```"
DOCUMENTED = 'def add(a, b):\n    """Sum.\n\n    ```\n    add(1, 2)\n    ```\n    """\n'
MEND = f"Mend this:\n```python\n{TAKES}```"
METHOD = "class Solution:\n    def add(self, a: int, b: int) -> int:\n        "
PYTEST = (
    "import pytest\nfrom your_module import add\n\n@pytest.fixture\ndef two():\n    return 2\n\n"
    "@pytest.mark.parametrize('a, result', [(1, 3), (5, 7)])\ndef test_add(a, result, two):\n    assert add(a, two) == result\n"
)
BANK = (
    "import pytest\nfrom bank import Account, Overdrawn\n\ndef test_account():\n    account = Account(10)\n"
    "    with pytest.raises(Overdrawn):\n        account.take(20)\n    assert account.left == 10\n"
)
ACCOUNT = (
    "class Overdrawn(Exception):\n    pass\n\nclass Account:\n    def __init__(self, left):\n        self.left = left\n\n"
    "    def take(self, much):\n        if self.left - much < 0:\n            raise Overdrawn\n        self.left -= much\n"
)
DOUBLE = [{"input": "4\n", "output": "8\n"}]
WRITE = "Write a function `add` of two numbers."
ENCODE = (
    "from typing import List\nimport math\n\n"
    "def helper(x: int) -> int:\n    return math.floor(x / 2)\n\n"
    'def halves(xs: List[int]) -> List[int]:\n    """Halve each with helper."""\n'
)
HALVES = [{"args": [[4, 7]], "returns": [2, 3]}]
TWO_SUM = "class Solution:\n    def twoSum(self, nums: List[int], target: int) -> List[int]:\n"
INDEX = "        seen = {}\n        for i, n in enumerate(nums):\n            if target - n in seen:\n"
INDEX += "                return [seen[target - n], i]\n            seen[n] = i\n"
PAIR = [{"args": [[2, 7], 9], "returns": [0, 1], "entry_point": "twoSum"}]
LOOP = (
    "def assertion(out, exp, atol):\n    assert out == exp, (out, exp)\n\n"
    "inputs = [[1, 2], [4, 5]]\nresults = [3, 9]\n"
    "for i, (inp, exp) in enumerate(zip(inputs, results)):\n    assertion(add(*inp), exp, 0)\n"
)
FACTORS = "def check(input, output):\n    a, b = map(int, output.split())\n    return a * b == int(input) and a > 1 and b > 1\n"
COMMON = "def check(args, returned, expected):\n    return len(returned) == len(expected) and set(returned) <= set(args[0])\n"


def py(*sources):
    """Return an answer with blocks of Python."""
    return "\n".join(f"```python\n{source}\n```" for source in sources)


def returning(value, expected, entry_point="f"):
    """Return (prompt, tests, answer) for a function that returns a value."""
    return "", [{"args": [], "returns": expected, "entry_point": entry_point}], f"def {entry_point}():\n    return {value}\n"


def printing(text, expected):
    """Return (prompt, tests, answer) for a program that prints a text."""
    return "", [{"input": "", "output": expected}], f"print({text!r})"


PROGRAMS = {
    "fences of all kinds": [
        (WRITE, ADD, FENCED, True),
        (WRITE, ADD, f"```python\n{TAKES}```", False),
        (WRITE, ADD, f"~~~\n{ADDS}~~~\nDone.", True),
        (WRITE, ADD, f"~~~py\n{TAKES}~~~", False),
        (WRITE, ADD, f"````Python3\n{ADDS}````", True),
        (WRITE, ADD, f'```{{.python}} title="a.py"\n{ADDS}```', True),
        (WRITE, ADD, "1. So:\n\n   ```python\n   def add(a, b):\n       return a + b\n   ```\n2. Done", True),
        (WRITE, ADD, "1. So:\n\n   ```python\n   def add(a, b):\n       return a * b\n   ```\n2. Done", False),
        (WRITE, ADD, "> ```python\n> def add(a, b):\n>\n>     return a + b\n> ```\n> Done", True),
        (WRITE, ADD, "> ```python\n> def add(a, b):\n\n>     return b\n> ```\n> Done", False),
        (WRITE, ADD, f"```python\n{ADDS}", True),
        (WRITE, ADD, "```python\ndef add(a, b):\n    return (a +", False),
        (WRITE, ADD, f"````markdown\n# Answer\n```python\n{ADDS}```\n````", True),
        (WRITE, ADD, f"```javascript\n{ADDS}```", False),
        (WRITE, ADD, "Use ```add = lambda a, b: a + b``` then.", False),
    ],
    "a fence in a docstring": [
        (WRITE, ADD, py(f"{DOCUMENTED}    return a + b"), True),
        (WRITE, ADD, py(f"{DOCUMENTED}    return a"), False),
        (WRITE, ADD, '```python\n"""Sums.\n\n```\nadd(1, 2)\n```\n"""\ndef add(a, b):\n    return a + b\n```\nDone', True),
        (WRITE, ADD, f"{DOCUMENTED}    return a + b", True),
        (WRITE, ADD, f"```python\nquotes = '\"\"\"'\n{ADDS}```\nand\n```python\nprint(add(2, 2))\n```", True),
    ],
    "programs without a fence": [
        (WRITE, ADD, f"Here is the function:\n\n{ADDS}\nThis works because it's a sum.", True),
        (WRITE, ADD, f"Here is the function:\n\n{TAKES}\nThis works because it's a sum.", False),
        (WRITE, ADD, f"{ADDS}\nComplexity: O(1)\n", True),
        (WRITE, ADD, "First:\n\ndef one(a):\n    return a\n\nIt's easy:\n\ndef add(a, b):\n    return one(a) + b\n\nSo!", True),
        (WRITE, ADD, f"{ADDS}\nExample:\n\n```python\nassert add(1, 2) == 4\n```", True),
        (WRITE, ADD, f"[PYTHON]\n{ADDS}[/PYTHON]", True),
        (WRITE, ADD, "I cannot write that function.", False),
        (WRITE, ADD, "add(a, b) is a + b, so 3", False),
    ],
    "reasoning is no answer": [
        (WRITE, ADD, f"<think>\n```python\n{TAKES}```\n</think>\n{FENCED}", True),
        (WRITE, ADD, f"<think>\n{FENCED}\n</think>\n```python\n{TAKES}```", False),
        (WRITE, ADD, f"<think>\n{FENCED}\n", False),
        (WRITE, ADD, f"<think>\n{FENCED}\n</think>\nI cannot.", False),
    ],
    "several blocks": [
        (WRITE, ADD, f"```python\n{TAKES}```\nThat is wrong. Better:\n{FENCED}", True),
        (WRITE, ADD, f"{FENCED}\nNo, it is\n```python\n{TAKES}```", False),
        (WRITE, ADD, f"{FENCED}\nNo, it is\n```python\ndef add(a, b) return a + b\n```", False),
        (WRITE, ADD, f"{FENCED}\nIts signature:\n```python\ndef add(a, b):\n```\nor\n{py('def add(a, b): ...')}", True),
        (WRITE, ADD, f"{FENCED}\nIts signature:\n```python\ndef add(a, b):  # two numbers\n```", True),
        (WRITE, ADD, f"{FENCED}\nTry it:\n```python\nprint(add(int(input()), 1 / 0))\n```", True),
        (WRITE, ADD, f"```python\nprint(add(3, 4))\n```\n```python\n{TAKES}```", False),
        (WRITE, ADD, py("import operator", "def add(a, b):\n    return operator.add(a, b)"), True),
        (WRITE, ADD, py("import operator", "def add(a, b):\n    return operators.add(a, b)"), False),
        (WRITE, ADD, py("def one(a):\n    return a\nassert one(1) == 2", "def add(a, b):\n    return one(a) + b"),
         True),
        (WRITE, ADD, py("def add(a, b):\n    return one(a) + b", "def one(a):\n    return a"), True),
        (WRITE, ADD, "```python\ndef one(a):\n    return 0\ndef add(a, b):\n    return one(a) + b\n```\nFixed:\n```python\n"
         "def one(a):\n    return a\n```", True),
        (WRITE, ADD, "```python\ndef one(a):\n    return a\ndef add(a, b):\n    return one(a) + b\n```\nFixed:\n```python\n"
         "def one(a):\n    return 0\n```", False),
        (WRITE, ADD, "```python\nimport builtins\nUnit = builtins.list\n```\n```python\nfrom __future__ import annotations\n"
         "def add(a: Unit, b):\n    return sum(Unit([a, b]))\n```", True),
        (WRITE, ADD, py("table = [0] * 9\nfor i in range(9):\n    table[i] = i\nprint(input())",
                        "def add(a, b):\n    return table[a] + table[b]"), True),
        (WRITE, ADD, py("table = [0] * 9\nfor i in range(8):\n    table[i + 1] = i\n",
                        "def add(a, b):\n    return table[a] + table[b]"), False),
        (WRITE, ADD, py("n = []\nn.append(1)", "def add(a, b):\n    return a + b * n[0]", "n.append(add(input()))"), False),
        (WRITE, ADD, f"```python\nimport a_plot_library\na_plot_library.draw()\n```\n{FENCED}", True),
        (WRITE, ADD, f"```bash\npip install adder\n```\n{FENCED}\n```text\n3\n```", True),
        (WRITE, ADD, py("import a_sum_library", "def add(a, b):\n    return a_sum_library.add(a, b)"), False),
    ],
    "what the prompt gives": [
        (ENCODE, HALVES, py("def halves(xs: List[int]) -> List[int]:\n    return [helper(x) for x in xs]"), True),
        (ENCODE, HALVES, py("def halves(xs: List[int]) -> List[int]:\n    return [helper(x) + 1 for x in xs]"), False),
        (ENCODE, HALVES, "    return [helper(x) for x in xs]\n", True),
        (ENCODE, HALVES, "return [helper(x) for x in xs]\n\n\ndef main():\n    print(halves([1]))\n\nmain(", True),
        (ENCODE, HALVES, "    return [helper(x) for x in xs[1:]]\n", False),
        (ENCODE, HALVES, py("    return [math.floor(x / 2) for x in xs]"), True),
        (ENCODE, HALVES, py("def helper(x):\n    return 0\ndef halves(xs):\n    return [helper(x) for x in xs]"), False),
        (ENCODE, HALVES, py("def other(xs):\n    return xs"), False),
        (ENCODE, HALVES, "    pass\n", False),
        (f"Add type hints:\n{ADDS}", ADD, "Done", False),
        (f"Add type hints:\n{ADDS}", ADD, "pass", False),
        (f"Add type hints:\n{ADDS}", ADD, "def add(a: int, b: int) -> int:\n    return a + b", True),
        (f"Complete:\n```python\n{ENCODE}```\nGo.", HALVES, "    return list(map(helper, xs))", True),
        (f"Complete:\n```python\n{ENCODE}```\nGo.", HALVES, "    return list(map(help, xs))", False),
        ("`def halves(xs: List[int])`", HALVES, "def halves(xs: List[int]):\n    return [x // 2 for x in xs]", True),
        ("`def halves(xs)`", HALVES, "def halves(xs: List[int]):\n    return [x // 2 for x in xs]", False),
        (ENCODE, [{"code": "assert halves([helper(9)]) == [2]"}], "def halves(xs):\n    return [x // 2 for x in xs]", True),
    ],
    "a method of class Solution": [
        (TWO_SUM, PAIR, f"```python\n{TWO_SUM}{INDEX}```", True),
        (TWO_SUM, PAIR, f"```python\n{TWO_SUM}{INDEX}```".replace("return [seen[target - n], i]", "return [i, i]"), False),
        (TWO_SUM, [{**PAIR[0], "entry_point": "Solution.twoSum"}], f"{TWO_SUM}{INDEX}", True),
        (TWO_SUM, [{**PAIR[0], "entry_point": "Solution().twoSum"}], f"{TWO_SUM}{INDEX}", True),
        (TWO_SUM, [{**PAIR[0], "entry_point": "Solution().twoSum"}], f"{TWO_SUM}{INDEX}".replace("Solution", "Answer"), False),
        (TWO_SUM, PAIR, "def twoSum(nums, target):\n    return [0, 1]\n", True),
        (TWO_SUM, PAIR, INDEX, True),
        ("", [{"args": [[3, 1]], "returns": 1, "entry_point": "low"}],
         "class Solution:\n    def low(self, nums):\n        heapify(nums)\n        return pow(nums[0], 5, 7)", True),
        ("", [{"args": [[3, 1]], "returns": 3, "entry_point": "low"}],
         "class Solution:\n    def low(self, nums):\n        heapify(nums)\n        return pow(nums[0], 5, 7)", False),
        ("", [{"args": [3], "returns": 3, "entry_point": "count"}],
         "class Solution:\n    n = 0\n    def count(self, k):\n        self.n += k\n        return self.n", True),
        ("", [{"code": "assert Solution().twice(2) == 4", "entry_point": "twice"}],
         "class Solution:\n    def twice(self, n):\n        return n + n", True),
        ("", [{"code": "assert Solution().twice(2) == 4", "entry_point": "twice"}],
         "class Solution:\n    def twice(self, n):\n        return n", False),
    ],
    "an integer is exact": [
        (*returning("2000000", 2000000), True), (*returning("2000001.0", 2000000), False),
        (*returning("2000000.0", 2000000), True), (*returning("2000001", 2000000), False),
        (*returning("2**60 + 1", 2**60), False), (*returning("float(2**60)", 2**60 + 1), False),
        (*returning("2000001", 2000000.0), False), (*returning("True", 1), False), (*returning("1", True), False),
        (*returning("'1'", 1), False), (*returning("[1, 2.5]", [1, 2]), False), (*returning("0.9999999999", 1), False),
    ],
    "a float is near": [
        (*returning("0.1 + 0.2", 0.3), True), (*returning("0.30001", 0.3), False), (*returning("3", 3.0), True),
        (*returning("1e-7", 0.0), True), (*returning("1e-5", 0.0), False), (*returning("2e-9", 1e-9), False),
        (*returning("float('inf')", float("inf")), True), (*returning("1e308", float("inf")), False),
        (*returning("float('nan')", float("nan")), True), (*returning("0.0", float("nan")), False),
        (*returning("10 ** 400", 0.5), False), (*returning("[[0.1 * 3]]", [[0.3]]), True),
        (*returning("0.0", 5.551115123125783e-17), True), (*returning("-0.3", 0.3), False),
    ],
    "None, containers and keys": [
        (*returning("None", None), True), (*returning("0", None), False), (*returning("False", None), False),
        ("", [{"args": [], "returns": None, "code": None, "entry_point": "f", "input": None}], "def f(): pass", True),
        ("", [{"args": [], "returns": None, "code": None, "entry_point": "f", "input": None}], "def f(): return []", False),
        ("", [{"code": "assert f() is None", "args": None, "returns": None}], "def f(): pass", True),
        (*returning("(1, (2, 3))", [1, [2, 3]]), True), (*returning("[1, [2]]", [1, [2, 3]]), False),
        (*returning("{1, 2}", [1, 2]), False), (*returning("{1: 'a'}", {"1": "a"}), True),
        (*returning("{None: 1, True: 2}", {"null": 1, "true": 2}), True), (*returning("{1: 'a', 2: 'b'}", {"1": "a"}), False),
        (*returning("{'a': {'b': 1.0000000001}}", {"a": {"b": 1.0}}), True), (*returning("[None]", [0]), False),
        (*returning("'a '", "a"), False), (*returning("[]", {}), False),
    ],
    "input and output": [
        ("", DOUBLE, "print(int(input()) * 2)", True),
        ("", DOUBLE, "print(int(input()) + 2)", False),
        ("", DOUBLE, "```python\nimport sys\n\ndef main():\n    print(2 * int(sys.stdin.readline()))\n\n"
         "if __name__ == '__main__':\n    main()\n```", True),
        ("", DOUBLE, "import sys\nsys.stdout.write(str(2 * int(sys.stdin.buffer.read())))\nsys.exit(0)", True),
        ("", DOUBLE, "print(2 * int(open(0).read()))\nexit()", True),
        ("", DOUBLE, "import os\nos.write(1, b'%d' % (2 * int(os.read(0, os.fstat(0).st_size))))", True),
        ("", DOUBLE,
         "import threading, time\ndef main():\n    time.sleep(0.1)\n    print(8)\nthreading.Thread(None, main).start()", True),
        ("", DOUBLE, "import atexit, io, sys\nout = io.StringIO()\n"
         "atexit.register(lambda: sys.__stdout__.write(out.getvalue()))\nsys.stdout = out\nprint(2 * int(input()))", True),
        ("", DOUBLE, "import sys\nprint(2 * int(input()))\nsys.exit(1)", False),
        ("", DOUBLE, "print(2 * int(input()))\nraise ValueError", False),
        ("", DOUBLE, "print(2 * int(input()) + int(input()))", False),
        ("", DOUBLE, "print(int(input('n: ')) * 2)", False),
        ("", DOUBLE, "def double(n):\n    return 2 * n", False),
        ("", DOUBLE, "Read it:\n\nn = int(input())\nprint(n * 2)\n\nIt's that simple.", True),
        ("", DOUBLE, "```python\ndef twice(n):\n    return 2 * n\n```\nThen\n```python\nprint(twice(int(input())))\n```\nFor\n"
         "```\n4\n```\nit prints\n```\n8\n```", True),
        ("", DOUBLE, "```python\nprint(int(input()) * 3)\n```\nNo:\n```python\nprint(int(input()) * 2)\n```", True),
        ("", DOUBLE, py("def solve():\n    print(2 * int(input()))", "if __name__ == '__main__':\n    solve()"), True),
        ("", DOUBLE, py("import sys\nn = int(sys.stdin.read())", "n += n", "print(n)"), True),
        ("", DOUBLE, py("def solve():\n    print(2 * int(input()))", "def main():\n    solve()"), False),
        ("", [*DOUBLE, {"input": "0", "output": "0"}], "print({'4': 8}[input()])", False),
        ("", [*DOUBLE, {"input": "0", "output": "0"}], "count = 0\ncount += 2 * int(input())\nprint(count)", True),
    ],
    "tokens of the output": [
        (*printing("1 2\n3", "1\n2 3\n"), True), (*printing("1 2  ", "1 2"), True), (*printing("12", "1 2"), False),
        (*printing("YES", "YES"), True), (*printing("Yes", "YES"), False), (*printing("0.3333333333", "0.333333333"), True),
        (*printing("0.34", "0.333333333"), False), (*printing("3.0", "3"), False), (*printing("3", "3.0"), True),
        (*printing("2000001", "2000000"), False), (*printing("1.2.4", "1.2.3"), False), (*printing("1e3", "1000.0"), True),
        (*printing("1 2 3", "1 2"), False), (*printing("1", "1 2"), False), (*printing("nan", "1.5"), False),
        (*printing("", ""), True), (*printing("x", ""), False), (*printing("007", "7"), False),
        (*printing("2.1", "2.10"), True), (*printing("$2.1", "$2.10"), False), (*printing("12.5%", "12.50%"), False),
        (*printing("1,234.5", "1,234.50"), False), (*printing("0,5", "0.5"), False), (*printing("+3", "3"), False),
    ],
    "several valid answers": [
        ("", [{"input": "6", "checker": FACTORS}], "input()\nprint(3, 2)", True),
        ("", [{"input": "6", "checker": FACTORS}], "input()\nprint(2, 3)", True),
        ("", [{"input": "6", "checker": FACTORS}], "input()\nprint(6, 1)", False),
        ("", [{"input": "6", "checker": FACTORS}], "input()\nprint('check = True')", None),
        ("", [{"args": [[1, 2, 3]], "returns": [1, 2], "checker": COMMON, "entry_point": "f"}], "def f(x): return x[1:]", True),
        ("", [{"args": [[1, 2, 3]], "returns": [1, 2], "checker": COMMON, "entry_point": "f"}], "def f(xs): return xs", False),
        ("", [{"args": [1], "checker": "def check(args, value): return 1", "entry_point": "f"}], "def f(x): return x", None),
        ("", [{"args": [1], "checker": "def chek(args, value): return True", "entry_point": "f"}], "def f(x): return x", None),
        ("", [{"args": [1], "checker": "def check(args, value): return True", "entry_point": "f"}], "def f(x): 1 / 0", False),
        ("", [{"args": [1], "checker": "def check(args, value): return 1", "entry_point": "f"}], "f = lambda x: open", False),
    ],
    "what stands beside a fence": [
        (WRITE, ADD, FENCED + "<|im_end|>", True),
        (WRITE, ADD, FENCED + "</s>", True),
        (WRITE, ADD, FENCED + ".", True),
        (WRITE, ADD, FENCED + "**", True),
        (WRITE, ADD, "```pypy3\n" + ADDS + "```", True),
        (WRITE, ADD, "```solution\n" + TAKES + "```", False),
        (WRITE, ADD, "[BEGIN]\n" + ADDS + "[DONE]", True),
        (WRITE, ADD, "[BEGIN]\n" + TAKES + "[DONE]\n[BEGIN]\n" + ADDS + "[DONE]", False),
        (WRITE, ADD, ADDS + "[DONE]\nmore", True),
        (WRITE, ADD, "\ufeff" + ADDS, True),
    ],
    "tests that assert in a helper": [
        (WRITE, [{"code": LOOP, "entry_point": "add"}], ADDS, True),
        (WRITE, [{"code": LOOP, "entry_point": "add"}], TAKES, False),
        (WRITE, [{"code": LOOP, "entry_point": "add"}], "def add(a, b): return 3", False),
    ],
    "code that is shown as the wrong one": [
        (MEND, ADD, f"The corrected code:\n{FENCED}\nand, for reference, the wrong one:\n{py(TAKES)}", True),
        (MEND, ADD, f"The corrected code:\n{py(TAKES)}\nand, for reference, the wrong one:\n{FENCED}", False),
        (MEND, ADD, f"{FENCED}\nFor reference, your original (wrong) code was:\n{py(TAKES)}", True),
        (MEND, ADD, f"### Fixed\n{FENCED}\n### Original (buggy)\n{py(TAKES)}", True),
        (MEND, ADD, f"{FENCED}\nThat will do. **Your original function was the following:**\n{py(TAKES)}", True),
        (MEND, ADD, f"After:\n{FENCED}\nBefore:\n{py(TAKES)}", True),
        (MEND, ADD, f"{FENCED}\n{py('# the old version' + chr(10) + TAKES)}", True),
        (MEND, ADD, f"{py(TAKES)}\n{py('# Old' + chr(10) + TAKES + chr(10) + '# New' + chr(10) + ADDS)}", True),
        (MEND, ADD, f"{FENCED}\nDo not write:\n{py(TAKES)}", True),
        (MEND, ADD, f"{FENCED}\nThe original code, with a sign changed:\n{py(TAKES)}", False),
        (MEND, ADD, f"{FENCED}\nThe code was wrong. Corrected version:\n{py(TAKES)}", False),
        (MEND, ADD, f"{FENCED}\nBased on the previous version:\n{py(TAKES)}", False),
        (MEND, ADD, f"The original code:\n{FENCED}", True),
        (MEND, ADD, f"The original code:\n{py(TAKES)}", False),
        (WRITE, ADD, f"<think>Old version:\n{FENCED}\n</think>\n{py(TAKES)}", False),
        ("", DOUBLE, py("print(int(input()) * 2)") + "\nThe buggy version:\n" + py("print(int(input()) + 2)"), True),
        ("", DOUBLE, py("print(int(input()) + 2)") + "\nThe buggy version:\n" + py("print(int(input()) * 2)"), False),
        (WRITE, ADD, py("def one(a): return a\ndef add(a, b): return one(a) + b") + "\nThe old version:\n"
         + py("def one(a): return 0"), True),
    ],
    "an answer after a fence, without one": [
        (MEND, ADD, f"{py(TAKES)}\nThat is wrong; correct is:\n\n{ADDS}\nDone!", True),
        (MEND, ADD, f"{FENCED}\nThat is wrong; correct is:\n\n{TAKES}\nDone!", False),
        (MEND, ADD, f"{FENCED}\nFor reference, the original code was:\n\n{TAKES}\nDone!", True),
        (WRITE, ADD, f"{FENCED}\nHere\ndef add(a, b):\ntakes two numbers.", True),
        ("", DOUBLE, py("print(int(input()) + 2)") + "\nNo, it is a product:\n\nprint(int(input()) * 2)\n", True),
        ("", DOUBLE, py("n = int(input())\nprint(2 * n)") + "\nWe read the line first:\nn = int(input())\nand go on.", True),
        (WRITE, ADD, "So:\n\n    def add(a, b):\n        return a + b\n\nDone.", True),
        (WRITE, ADD, "So:\n\n    def add(a, b):\n        return a - b\n\nDone.", False),
    ],
    "what does not belong to a block": [
        (WRITE, ADD, f"```python\nHere is the code:\n\n{ADDS}\nThis function adds two numbers.\n```", True),
        (WRITE, ADD, f"```python\n{ADDS}\nThis function adds two numbers.", True),
        (WRITE, ADD, f"```python\n{ADDS}\ndef main(", False),
        (WRITE, ADD, f"```python\n{ADDS}\nprint add(1, 2)\n```", False),
        (WRITE, ADD, f"```python\n!pip install adder\n%matplotlib inline\n{ADDS}```", True),
        (WRITE, ADD, f"```python\n!pip install adder\n{TAKES}```", False),
        (WRITE, ADD, f"```python\n{ADDS.rstrip()}```\nThis adds.", True),
        (WRITE, ADD, f"```python\n{TAKES.rstrip()}```\nThis adds.", False),
        (WRITE, ADD, f"```python\n{ADDS}``` <|im_end|>", True),
        ("", [{"args": [], "returns": "a\n!b", "entry_point": "f"}], py('def f():\n    return """a\n!b"""'), True),
    ],
    "helpers that a later block defines anew": [
        (WRITE, ADD, py("def h(x): return x\ndef add(a, b): return h(a) + b", "def h(): print(add(1, 2))\nh()"), True),
        (WRITE, ADD, py("def h(x): return x\ndef add(a, b): return h(a) + b", "def h(x):\n    return add(x, x)"), True),
        (WRITE, ADD, py("def h(x): return 0\ndef add(a, b): return h(a) + b", "def h(x, seen=()):\n    return x"), True),
        (WRITE, ADD, py("def h(x): return x\ndef add(a, b): return h(a) + b", "def h(x):\n    return -x"), False),
        ("", DOUBLE, py("def f(n): return n + 2\nprint(f(int(input())))", "def f(n):\n    return n * 2"), True),
        ("", DOUBLE, py("def f(n): return n * 2\nprint(f(int(input())))", "def f(n):\n    return n + 2"), False),
        ("", DOUBLE, py("def f(n): return n * 2\nprint(f(int(input())))", "def f(n):\n    return n\nprint(f(4))"), True),
    ],
    "a block that feeds itself an input": [
        ("", DOUBLE, py("def main():\n    print(2 * int(input()))\nif __name__ == '__main__':\n    main()",
                        "import io, sys\nsys.stdin = io.StringIO('5')\nmain()"), True),
        ("", DOUBLE, py("print(2 * int(input()))", "from unittest.mock import patch\n"
                        "with patch('builtins.input', return_value='5'):\n    print(input())"), True),
        ("", DOUBLE, py("import io, sys\nsys.stdin = io.StringIO('5')\nprint(2 * int(input()))"), False),
        ("", DOUBLE, py("import io, os, sys\nsys.stdin = io.BytesIO(os.read(0, 99))\nprint(2 * int(sys.stdin.readline()))"),
         True),
    ],
    "a coroutine is no answer": [
        (WRITE, ADD, f"async {ADDS}", False),
        (WRITE, [{"code": "assert add(1, 2) == 3"}], f"async {ADDS}", False),
        (WRITE, ADD, "async def go(a, b): return a + b\nadd = lambda a, b: go(a, b)", False),
        (WRITE, [{"code": "import asyncio\nassert asyncio.run(add(1, 2)) == 3"}], f"async {ADDS}", True),
        (WRITE, [{"code": "import asyncio\nassert asyncio.run(add(1, 2)) == 3"}], ADDS, False),
        (WRITE, [{"code": "async def test_add():\n    assert await add(1, 2) == 3"}], f"async {ADDS}", True),
    ],
    "tests that import what they test": [
        (WRITE, [{"code": PYTEST}], ADDS, True),
        (WRITE, [{"code": PYTEST}], TAKES, False),
        ("Write it.", [{"code": "from your_module import add\nassert add(1, 2) == 3"}], ADDS, True),
        ("Write it.", [{"code": "from your_module import add\nassert add(1, 2) == 3"}], TAKES, False),
        ("Write it.", [{"code": "from your_module import add\nassert add(1, 2) == 3"}], "def plus(a, b): return a + b", False),
        ("Write it.", [{"code": "from my_solution import add as plus\nassert plus(1, 2) == 3"}],
         py(ADDS, "def show():\n    print(add(1, 2))"), True),
        ("Write it.", [{"code": "assert add(1, 2) == 3"}], py(ADDS, "def main():\n    print(add(1, input()))\nmain()"), True),
        ("Write it.", [{"code": "assert add(1, 2) == 3"}], py(ADDS, "def main():\n    print(1)") + f"\nNo:\n\n{TAKES}", False),
        ("Write it.", [{"code": "from add import add\nassert add(1, 2) == 3"}], ADDS, True),
        (WRITE, [{"code": "from calculator import add\nassert add(1, 2) == 3"}], ADDS, True),
        (WRITE, [{"code": "from .sums import add\nassert add(1, 2) == 3"}], TAKES, False),
        (WRITE, [{"code": "import your_module as m\nassert m.add(1, 2) == 3"}], ADDS, True),
        (WRITE, [{"code": "import os, sys\nsys.path.append(os.path.dirname(__file__))\nfrom solution import *\n"
                          "assert add(1, 2) == 3"}], ADDS, True),
        ("", [{"code": BANK}], ACCOUNT, None),
        ("", [{"code": BANK, "entry_point": "Account"}], ACCOUNT, True),
        ("", [{"code": BANK, "entry_point": "Account"}], ACCOUNT.replace("< 0", "< -99"), False),
        (WRITE, [{"code": "from a_package_that_there_is_not import equal\nassert equal(add(1, 2), 3)"}], ADDS, None),
    ],
    "tests that cannot fail": [
        (WRITE, [{"code": "print(add(1, 2) == 3)"}], ADDS, None),
        (WRITE, [{"code": "add(1, 2) == 3"}], TAKES, None),
        (WRITE, [{"code": "print(add(1, 2))\nassert add(1, 2) == 3"}], TAKES, False),
    ],
    "methods without their class": [
        (METHOD, ADD, py("def add(self, a, b):\n    return self.one(a) + b\n\ndef one(self, a):\n    return a"), True),
        (METHOD, ADD, py("def add(self, a, b):\n    return self.one(a) - b\n\ndef one(self, a):\n    return a"), False),
        (METHOD, ADD, py("    def add(self, a, b):\n        return a + b"), True),
        (WRITE, ADD, py("def add(self, a, b):\n    return a + b"), False),
        (WRITE, ADD, py("class Solution:\n    add = lambda self, a, b: a + b"), True),
        (WRITE, ADD, py("class Solution:\n    add = lambda self, a, b: a - b"), False),
    ],
    "numbers that APPS writes as outputs": [
        ("", [{"inputs": ["4\n"], "outputs": [8]}], "print(int(input()) * 2)", True),
        ("", [{"inputs": ["4\n"], "outputs": [8]}], "print(int(input()) + 2)", False),
        ("", [{"inputs": [["2", "1 2"]], "outputs": [[1, 2]]}], "input()\nfor n in input().split(): print(n)", True),
        ("", [{"inputs": [["2", "1 2"]], "outputs": [[1, 2]]}], "input()\nfor n in input().split()[::-1]: print(n)", False),
        ("", [{"inputs": ["1"], "outputs": [0.5]}], "print(int(input()) / 2)", True),
    ],
    "shapes of data sets": [
        ("", [{"inputs": ["6", "9"], "outputs": ["2 3", "3 3"]}, {"checker": FACTORS}],
         "n = int(input())\nd = next(d for d in range(2, n) if n % d == 0)\nprint(n // d, d)", True),
        ("", [{"inputs": ["6", "9"], "outputs": ["2 3", "3 3"]}, {"checker": FACTORS}], "print(input(), 1)", False),
        ("", [{"inputs": [[1]], "outputs": [None], "fn_name": "f", "args": None, "returns": None}], "def f(x): 0", True),
        ("", [{"inputs": [[1]], "outputs": [None], "fn_name": "f", "args": None, "returns": None}], "f = lambda x: 0", False),
        ("Use `def helper(x)`. Write `double`.", [{"code": "assert double(2) == 4"}], "def double(x):\n    return 2 * x", True),
        ("", [{"code": "def check(candidate):\n    assert candidate(n=2) == 4", "entry_point": "Solution().twice"}],
         "class Solution:\n    def twice(self, n):\n        return n + n", True),
        ("", [{"inputs": ["4\n", "1\n"], "outputs": ["8\n", "2\n"]}], "print(int(input()) * 2)", True),
        ("", [{"inputs": ["4\n", "1\n"], "outputs": ["8\n", "2\n"]}], "print(8)", False),
        ("", [{"inputs": [["1", "2"]], "outputs": [["3"]]}], "print(int(input()) + int(input()))", True),
        ("", [{"inputs": [[1, 2], [3, 4]], "outputs": [[3], 7], "fn_name": "add"}], ADDS, True),
        ("", [{"inputs": [[1, 2], [3, 4]], "outputs": [[3], 7], "fn_name": "add"}], TAKES, False),
        ("", [{"input": ["4\n", "1\n"], "output": ["8\n", "2\n"]}], "print(int(input()) * 2)", True),
        ("", [{"input": ["4\n", "1\n"], "output": ["8\n", "2\n"]}], "print(int(input()) + 4)", False),
        ("", [{"input": "1\n2", "output": "3", "testtype": "functional", "func_name": "add"}], ADDS, True),
        ("", [{"input": "1\n2", "output": "3", "testtype": "functional", "func_name": "add"}], TAKES, False),
        ("", [{"input": "4", "output": "8", "testtype": "stdin"}], "print(int(input()) * 2)", True),
        ("", [{"test_cases": [{"type": "function_call", "fn_name": "add", "input": [1, 2], "output": [3]}]}], ADDS, True),
        ("", [{"test_cases": [{"type": "stdin_stdout", "fn_name": None, "input": "4", "output": "8"}], "language": "python"}],
         "print(int(input()) - 4)", False),
    ],
}  # fmt: skip
