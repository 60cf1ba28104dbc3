"""Odd values and odd sources: what breaks parsers, encoders and readers without any ill will.

Each answer is wrong by the tests, or has no plain-data form, so that a pass is not possible; what matters is the right word and
a sandbox that works afterwards.
"""

from attack import FORGED, Attack

LOAD = frozenset({"load_error"})
WORD = frozenset({"fail", "error", "unsupported"})
CRASH = frozenset({"crashed"})
NINE = "assert f(3) == 9"


def source(name: str, tries: str, text: str, expect=LOAD, tests: str = NINE, **fields) -> Attack:
    """A source that may not load."""
    return Attack(name, tries, text, tests, expect, **fields)


def value(name: str, tries: str, returned: str, setup: str = "", expect=WORD, tests: str = NINE, **fields) -> Attack:
    """A function that returns one odd value whatever it is asked."""
    return Attack(name, tries, f"{setup}\ndef f(x):\n    return {returned}\n", tests, expect, **fields)


SOURCES = [
    source("syntax-error", "Does not parse.", "def f(x:\n    return"),
    source("indent-error", "Mixes tabs and spaces.", "def f(x):\n\tif x:\n        return 9\n"),
    source("null-byte", "Has a null byte in its source.", "def f(x): return 0\n\0\n"),
    source("byte-order-mark", "Begins with a byte order mark, and is wrong.", "\ufeffdef f(x): return 0\n", WORD | LOAD),
    source("carriage-returns", "Has Windows line ends, and is wrong.", "def f(x):\r\n    return 0\r\n", WORD),
    source("old-mac-lines", "Has bare carriage returns.", "def f(x):\r    return 0\r", WORD | LOAD),
    source("form-feed", "Has form feeds and vertical tabs.", "\f\ndef f(x):\n\f    return 0\n\v\n", WORD | LOAD),
    source(
        "coding-cookie",
        "Names a codec that does not exist.",
        "# -*- coding: no-such-codec -*-\ndef f(x): return 0\n",
        WORD | LOAD,
    ),
    source(
        "coding-utf-7",
        "Names a codec under which the comment is code.",
        "# coding: utf-7\n# +AAo-import os; os._exit(0)\ndef f(x): return 0\n",
        WORD | LOAD,
    ),
    source("lone-surrogate", "Has a lone surrogate in its source.", "x = '\ud800'\ndef f(x): return 0\n", WORD | LOAD),
    source(
        "right-to-left",
        "Has direction marks, an identifier of wide letters and emoji.",
        "\uff46 = 1\ndef \uff46(x): return '\u202e🙂'\n",
        WORD,
    ),
    source("markdown-fence", "Is wrapped in a Markdown fence.", "```python\ndef f(x): return x * x\n```\n"),
    source("prose-first", "Begins with prose.", "Sure! Here is the function:\n\ndef f(x): return x * x\n"),
    source("empty", "Is empty.", "", LOAD | {"error"}),
    source("only-comment", "Is only a comment.", "# to do", LOAD | {"error"}),
    source(
        "large-source",
        "Is a source of 5 MB.",
        "def f(x): return 0\n" + "# " + "x" * 5_000_000 + "\n",
        WORD | LOAD | {"memory", "timeout"},
    ),
    source(
        "many-lines",
        "Is a source of 100,000 statements.",
        "def f(x): return 0\n" + "a = 1\n" * 100_000,
        WORD | LOAD | {"memory", "timeout"},
    ),
    source(
        "huge-literal",
        "Has a list literal of 200,000 items.",
        "xs = [" + "1.5," * 200_000 + "]\ndef f(x): return 0\n",
        WORD | LOAD | {"memory", "timeout"},
    ),
    source("deep-parentheses", "Nests 10,000 parentheses.", "x = " + "(" * 10_000 + ")" * 10_000, LOAD | {"crashed", "memory"}),
    source(
        "deep-brackets",
        "Nests 90 brackets in a function of 90 nested calls.",
        "x = " + "[" * 90 + "]" * 90 + "\ndef f(x): return 0\n",
        WORD | LOAD,
    ),
    source(
        "deep-unary",
        "Chains 100,000 minus signs, which once broke the compiler's stack.",
        "x = " + "-" * 100_000 + "1\n",
        LOAD | {"crashed", "memory"},
    ),
    source(
        "long-sum",
        "Adds up 20,000 terms in one expression.",
        "x = " + "1+" * 20_000 + "1\ndef f(x): return 0\n",
        LOAD | WORD | {"crashed", "memory"},
    ),
    source("deep-attribute", "Follows 50,000 attributes.", "x = f" + ".a" * 50_000 + "\n", LOAD | {"crashed", "memory"}),
    source(
        "constant-power",
        "Has a constant that a careless optimiser would compute.",
        "x = 1 << (1 << 40)\ndef f(x): return 0\n",
        LOAD | {"memory", "error"},
    ),
    source("constant-text", "Has a constant text of 10^12 letters.", "x = 'x' * 10 ** 12\n", LOAD | {"memory", "error"}),
    source("raises-at-load", "Raises while it is loaded.", "raise RuntimeError('no')\n"),
    source(
        "raises-at-load-base",
        "Raises KeyboardInterrupt while it is loaded.",
        "raise KeyboardInterrupt\n",
        LOAD | {"exited_early"},
    ),
    source("missing-module", "Imports a module that is not there.", "import no_such_module_at_all\ndef f(x): return 9\n"),
    source(
        "main-input",
        "Asks for input under the main guard and at load.",
        "if __name__ == '__main__':\n    f = int(input())\nelse:\n    f = int(input())\n",
        LOAD | {"error"},
    ),
    source("missing-entry", "Defines another name.", "def g(x): return x * x\n", LOAD | {"error"}),
    source(
        "misspelt-entry",
        "Defines the name with another case.",
        "def F(x): return x * x\n",
        LOAD | {"error"},
        CHECK := "def check(candidate):\n    assert candidate(3) == 9\n",
    ),
    source("entry-not-callable", "Defines the name as a number.", "f = 9\n", LOAD | {"error", "fail", "unsupported"}),
    source(
        "entry-is-module", "Defines the name as a module.", "import math as f\n", LOAD | {"error", "fail", "unsupported"}, CHECK
    ),
    source(
        "entry-odd-name",
        "Names an entry point that is no identifier.",
        "def f(x): return 0\n",
        LOAD | {"error", "fail", "unsupported", "test_error"},
        CHECK,
        entry_point="f); import os; os._exit(0",
    ),
    source(
        "entry-dunder",
        "Names builtins' exit as the entry point.",
        "def f(x): return 0\n",
        LOAD | {"error", "fail", "unsupported", "test_error", "exited_early"},
        "def check(candidate):\n    candidate(0)\n    assert False\n",
        entry_point="exit",
    ),
    source("wrong-arity", "Takes no argument.", "def f(): return 9\n", frozenset({"error", "fail"})),
    source(
        "tests-do-not-parse",
        "Comes with tests that do not parse.",
        "def f(x): return 9\n",
        frozenset({"test_error"}),
        "assert f(3) == = 9",
    ),
    source(
        "tests-name-error",
        "Comes with tests that use an unknown name.",
        "def f(x): return 9\n",
        frozenset({"test_error", "load_error"}),
        "assert g_unknown(3) == 9",
    ),
    source(
        "tests-null-byte",
        "Comes with tests with a null byte.",
        "def f(x): return 9\n",
        frozenset({"test_error"}),
        "assert f(3) == 9\n\0",
    ),
    source(
        "deletes-itself", "Deletes its own name when it is called.", "def f(x):\n    global f\n    del f\n    return 0\n", WORD
    ),
    source(
        "warnings-as-errors",
        "Turns every warning into an error.",
        "import warnings\nwarnings.simplefilter('error')\nwarnings.warn('x')\ndef f(x): return 0\n",
    ),
    source("prints-much", "Prints 0.9 MB, and is wrong.", "def f(x):\n    print('x' * 900_000)\n    return 0\n", WORD),
    source(
        "prints-bytes",
        "Writes bytes that are no UTF-8, null bytes and terminal codes.",
        "import sys\ndef f(x):\n    sys.stdout.buffer.write(b'\\xff\\xfe\\0\\x1b[2J\\x1b]0;x\\x07')\n    return 0\n",
        WORD,
    ),
    source(
        "stdout-closed",
        "Closes stdout, replaces it by None, and is wrong.",
        "import sys\nsys.stdout.close()\nsys.stdout = sys.stderr = sys.__stdout__ = None\n"
        "def f(x):\n    print('x')\n    return 0\n",
        WORD | LOAD,
    ),
]

VALUES = [
    value(
        "value-endless-generator",
        "Returns a generator without end.",
        "(i for i in iter(int, 1))",
        expect=WORD | {"output_limit", "memory", "timeout"},
    ),
    value(
        "value-count",
        "Returns itertools.count().",
        "itertools.count()",
        "import itertools",
        WORD | {"output_limit", "memory", "timeout"},
    ),
    value("value-recursive-list", "Returns a list that contains itself.", "xs", "xs = []; xs.append(xs)"),
    value("value-recursive-dict", "Returns a dict that contains itself.", "d", "d = {}; d['d'] = d"),
    value(
        "value-deep-list",
        "Returns a list nested 100,000 deep.",
        "xs",
        "xs = []\nfor _ in range(100_000): xs = [xs]",
        WORD | {"crashed", "memory"},
    ),
    value(
        "value-huge-int",
        "Returns an integer of a million digits.",
        "10 ** 1_000_000",
        expect=WORD | {"output_limit", "timeout"},
    ),
    value("value-surrogates", "Returns text with lone surrogates.", "'\\ud800\\udfff'"),
    value("value-null-text", "Returns text with null bytes and line separators.", "'\\0\\u2028\\x1e\\n'"),
    value("value-lambda", "Returns a function.", "lambda y: 9"),
    value("value-self", "Returns itself.", "f"),
    value("value-class", "Returns a class.", "type('C', (), {})"),
    value("value-instance", "Returns an instance of its own class.", "C()", "class C: pass"),
    value(
        "value-slots-cycle",
        "Returns an instance with hostile attribute access.",
        "C()",
        "class C:\n    def __getattribute__(self, name): raise SystemExit(0)",
    ),
    value("value-module", "Returns a module.", "__import__('os')"),
    value("value-frame", "Returns its own frame.", "__import__('sys')._getframe()"),
    value("value-file", "Returns an open file.", "open('/dev/null')", expect=WORD | {"blocked"}),
    value("value-lock", "Returns a lock.", "__import__('threading').Lock()"),
    value("value-coroutine", "Returns a coroutine that nobody awaits.", "g()", "async def g(): return 9"),
    value("value-exception", "Returns an exception.", "AssertionError('no')"),
    value("value-not-implemented", "Returns NotImplemented.", "NotImplemented"),
    value("value-ellipsis", "Returns Ellipsis.", "..."),
    value("value-nan-key", "Returns a dict with nan keys.", "{float('nan'): 1, float('nan'): 2}"),
    value("value-mixed-keys", "Returns a dict with tuple, None and bytes keys.", "{(1, 2): 3, None: 4, b'x': 5, 1.5: 6}"),
    value(
        "value-hash-raises",
        "Returns a set of objects whose hash counts up to an exception.",
        "{H()}",
        "class H:\n    n = 0\n    def __hash__(self):\n        H.n += 1\n"
        "        if H.n > 1: raise SystemExit(0)\n        return 1",
    ),
    value("value-memoryview", "Returns a memoryview.", "memoryview(b'abc')"),
    value(
        "value-object-array",
        "Returns a numpy array of objects with reference to itself.",
        "a",
        "import numpy as np\na = np.empty(2, object); a[:] = [a, lambda: 9]",
    ),
    value(
        "value-structured-array",
        "Returns a structured numpy array and a datetime one.",
        "np.zeros(3, [('a', 'i4'), ('b', 'U3')])",
        "import numpy as np",
    ),
    value(
        "value-strided-array",
        "Returns a numpy view that claims 10^12 items.",
        "np.broadcast_to(np.zeros(1), (10 ** 12,))",
        "import numpy as np",
        WORD | {"memory", "output_limit"},
    ),
    value(
        "value-array-interface",
        "Returns an object whose array interface points into nowhere.",
        "A()",
        "class A:\n    __array_interface__ = {'shape': (9,), 'typestr': '<i8', 'data': (8, False), 'version': 3}",
    ),
    value("value-decimal", "Returns a signalling Decimal.", "__import__('decimal').Decimal('sNaN')"),
    value(
        "value-fraction",
        "Returns a Fraction with a changed denominator.",
        "q",
        "from fractions import Fraction\nq = Fraction(1, 3); q._denominator = 0",
    ),
    value(
        "value-date",
        "Returns a date with a time zone of its own.",
        "d",
        "import datetime\nclass Z(datetime.tzinfo):\n    def utcoffset(self, d): raise SystemExit(0)\n"
        "d = datetime.datetime(2020, 1, 1, tzinfo=Z())",
        WORD | {"exited_early"},
    ),
    value("value-enum", "Returns an enum member whose value lies.", "E.A", "import enum\nclass E(enum.IntEnum):\n    A = 8"),
    value(
        "value-namedtuple",
        "Returns a named tuple with changed fields.",
        "P(1)",
        "import collections\nP = collections.namedtuple('P', 'a'); P._fields = ('__class__', 'b')",
    ),
    value(
        "value-dataclass",
        "Returns a dataclass whose field reads exit.",
        "D()",
        "import dataclasses, os\n@dataclasses.dataclass\nclass D:\n    a: int = 1\n"
        "    def __getattribute__(self, n):\n        if n == 'a': raise SystemExit(0)\n"
        "        return super().__getattribute__(n)",
    ),
    value(
        "value-weak-proxy",
        "Returns a proxy of a dead object.",
        "p",
        "import weakref\nclass C: pass\nc = C(); p = weakref.proxy(c); del c",
    ),
    value(
        "value-mock",
        "Returns a mock that answers everything.",
        "MagicMock()",
        "from unittest.mock import MagicMock",
        tests="assert f(3) == 9 or f(3).value == 9 or bool(f(3).ok == True)",
    ),
    value("value-any", "Returns unittest.mock.ANY, which equals everything.", "ANY", "from unittest.mock import ANY", FORGED),
]

CRASHES = [
    value("crash-null", "Reads address zero.", "ctypes.string_at(0)", "import ctypes", CRASH),
    value("crash-abort", "Calls abort.", "os.abort()", "import os", CRASH),
    value("crash-own-kill", "Sends itself SIGKILL.", "os.kill(os.getpid(), 9)", "import os", CRASH | {"blocked", "error"}),
    value(
        "crash-c-stack",
        "Overflows the stack in C code by a deep object.",
        "repr(xs)",
        "import sys\nsys.setrecursionlimit(10 ** 8)\nxs = []\nfor _ in range(1_000_000): xs = [xs]",
        CRASH | {"memory", "error", "timeout"},
    ),
    value("crash-divide", "Divides by zero in machine code.", "ctypes.CFUNCTYPE(ctypes.c_int)(1)()", "import ctypes", CRASH),
    value(
        "crash-handler",
        "Handles its own crash with an endless handler.",
        "ctypes.string_at(0)",
        "import ctypes, faulthandler, signal\nfaulthandler.enable()\nsignal.signal(signal.SIGSEGV, signal.SIG_IGN)",
        CRASH | {"timeout"},
        slow=True,
    ),
    value(
        "crash-code",
        "Runs broken bytecode.",
        "g()",
        "g = (lambda: 0)\ng.__code__ = g.__code__.replace(co_code=b'd\\xff' + g.__code__.co_code[2:], co_stacksize=0)",
        CRASH | {"error", "fail"},
    ),
    value(
        "crash-exit-codes",
        "Leaves with a status that looks like a signal or a retry.",
        "os._exit([137, 139, 124, 1, 255][x])",
        "import os",
        frozenset({"exited_early"}),
    ),
    value("crash-at-load", "Crashes while it is loaded.", "0", "import ctypes; ctypes.string_at(0)", CRASH | {"load_error"}),
    value(
        "crash-fatal-error",
        "Ends the interpreter by Py_FatalError.",
        "ctypes.pythonapi.Py_FatalError(b'x')",
        "import ctypes",
        CRASH,
    ),
    value(
        "crash-finalize",
        "Finalises the interpreter under its own feet.",
        "ctypes.pythonapi.Py_Finalize()",
        "import ctypes",
        CRASH | {"exited_early", "error", "fail", "timeout"},
    ),
    value(
        "crash-real-time-signal",
        "Sends itself a real-time signal.",
        "os.kill(os.getpid(), 40)",
        "import os",
        CRASH | {"blocked", "error", "fail"},
    ),
    value(
        "crash-in-thread",
        "Crashes in a thread while the call waits.",
        "t.join()",
        "import ctypes, threading\nt = threading.Thread(target=ctypes.string_at, args=(0,))\nt.start()",
        CRASH | {"load_error"},
    ),
]

ATTACKS = SOURCES + VALUES + CRASHES
