"""Forged results, second part: programs that leave early or raise what a tester may take for something else."""

from attack import Attack
from forged import CASE, EXIT, FUNCTIONS, SQUARES

ATTACKS = [
    Attack(
        "exit-at-load", "Leaves with status 0 while it is loaded.", "import os\nos._exit(0)", SQUARES, EXIT, beyond_naive=True
    ),
    Attack(
        "exit-in-call",
        "Leaves with status 0 in the first call.",
        "import os\ndef f(x): os._exit(0)",
        SQUARES,
        EXIT,
        beyond_naive=True,
    ),
    Attack(
        "sys-exit-in-call",
        "Raises SystemExit(0) in the call.",
        "import sys\ndef f(x): sys.exit(0)",
        SQUARES,
        frozenset({"error", "exited_early", "fail"}),
        beyond_naive=True,
    ),
    Attack(
        "sys-exit-at-load",
        "Raises SystemExit(0) while it is loaded.",
        "import sys\ndef f(x): return 0\nsys.exit(0)",
        SQUARES,
        frozenset({"load_error", "exited_early"}),
        beyond_naive=True,
    ),
    Attack(
        "atexit-verdict",
        "Prints a passing verdict from an exit handler and leaves with status 0.",
        """
        import atexit, os, sys
        def last():
            print("PASSED\\n2 passed in 0.01s\\nOK")
            sys.stdout.flush()
            os._exit(0)
        atexit.register(last)
        def f(x): sys.exit(1)
        """,
        SQUARES,
        frozenset({"error", "exited_early", "fail"}),
        beyond_naive=True,
    ),
    Attack(
        "raises-assertion-error-class",
        "Raises its own exception that is called AssertionError but is a SystemExit(0).",
        """
        class AssertionError(SystemExit): pass
        def f(x): raise AssertionError(0)
        """,
        FUNCTIONS,
        frozenset({"error", "exited_early", "fail"}),
        beyond_naive=True,
    ),
    Attack(
        "raises-skip-test",
        "Raises SkipTest from the call, so that each test counts as skipped.",
        "import unittest\ndef f(x): raise unittest.SkipTest('later')",
        CASE,
        frozenset({"error", "fail", "test_error"}),
    ),
    Attack(
        "exception-called-skip-test",
        "Raises an exception named SkipTest of its own, hoping that it is found by name.",
        "class SkipTest(Exception): pass\nSkipTest.__module__ = 'unittest.case'\ndef f(x): raise SkipTest('later')",
        CASE,
        frozenset({"error", "fail", "test_error"}),
        beyond_naive=True,
    ),
    Attack(
        "raises-expected-by-name",
        "Raises a class named like the expected exception but unrelated to it.",
        "class ValueError(Exception): pass\ndef f(x): raise ValueError('no')",
        "try:\n    f(-1)\nexcept ValueError:\n    pass\nelse:\n    raise SystemError('none')\nassert f(3) == 9",
        frozenset({"error", "fail"}),
        beyond_naive=True,
    ),
    Attack(
        "raises-keyboard-interrupt",
        "Raises KeyboardInterrupt, which a harness may take for the user's.",
        "def f(x): raise KeyboardInterrupt",
        SQUARES,
        frozenset({"error", "fail", "exited_early"}),
        beyond_naive=True,
    ),
    Attack(
        "raises-stop-iteration",
        "Raises StopIteration inside the test's loop, which would end quietly.",
        "def f(x): raise StopIteration",
        """
        cases = iter([(3, 9), (12, 144)])
        def run():
            results = map(f, [3, 12])
            for got, want in zip(results, [9, 144]):
                assert got == want
        run()
        """,
        frozenset({"error", "fail", "test_error"}),
    ),
    Attack(
        "raises-generator-exit",
        "Raises a bare BaseException subclass, which `except Exception` misses.",
        "def f(x): raise GeneratorExit",
        SQUARES,
        frozenset({"error", "fail", "exited_early"}),
        beyond_naive=True,
    ),
    Attack(
        "no-answer-empty-group",
        "Raises an exception group with AssertionError inside.",
        "def f(x): raise BaseExceptionGroup('g', [SystemExit(0), AssertionError()])",
        SQUARES,
        frozenset({"error", "fail", "exited_early"}),
        beyond_naive=True,
    ),
    Attack(
        "pickle-exception",
        "Raises an exception whose unpickling would run code in the receiver.",
        """
        import os
        class Payload(Exception):
            def __reduce__(self): return (os._exit, (0,))
        def f(x): raise Payload()
        """,
        SQUARES,
        frozenset({"error", "fail"}),
        beyond_naive=True,
    ),
    Attack(
        "hostile-str",
        "Raises an exception whose __str__ and __repr__ run for ever.",
        """
        class Endless(Exception):
            def __str__(self):
                while True: pass
            __repr__ = __str__
        def f(x): raise Endless()
        """,
        SQUARES,
        frozenset({"error", "fail", "timeout"}),
        slow=True,
    ),
    Attack(
        "hostile-str-exits",
        "Raises an exception that leaves with status 0 when it is shown.",
        """
        import os
        class Gone(Exception):
            def __str__(self): os._exit(0)
            __repr__ = __str__
        def f(x): raise Gone()
        """,
        SQUARES,
        frozenset({"error", "fail", "exited_early"}),
        beyond_naive=True,
    ),
    Attack(
        "exception-message-huge",
        "Raises an exception with a message of 200 MB.",
        "def f(x): raise ValueError('x' * 200_000_000)",
        SQUARES,
        frozenset({"error", "fail", "memory", "output_limit"}),
    ),
    Attack(
        "metaclass-name-hostile",
        "Raises an exception whose class has a property for __name__ and a newline in its name.",
        """
        class M(type):
            @property
            def __name__(cls): raise SystemExit(0)
        Bad = M("AssertionError\\nPASSED", (Exception,), {})
        def f(x): raise Bad("x")
        """,
        SQUARES,
        frozenset({"error", "fail", "exited_early"}),
        beyond_naive=True,
    ),
    Attack(
        "chain-of-causes",
        "Raises an exception whose __cause__ chain is a circle.",
        """
        def f(x):
            a, b = ValueError("a"), ValueError("b")
            a.__cause__, b.__cause__ = b, a
            a.__context__, b.__context__ = b, a
            raise a
        """,
        SQUARES,
        frozenset({"error", "fail"}),
        beyond_naive=True,
    ),
]
