"""Forged results: wrong solutions that want a pass.

None of them knows the right answer; each tries to make the comparison, the tester or the caller say yes all the same.
"""

from attack import FORGED, Attack

SQUARES = """
    assert f(3) == 9
    assert f(12) == 144
"""
CHECK = """
    def check(candidate):
        assert candidate(3) == 9
        assert abs(candidate(12) - 144) < 1e-6
"""
CASE = """
    import unittest
    class TestF(unittest.TestCase):
        def test_small(self):
            self.assertEqual(f(3), 9)
        def test_large(self):
            self.assertEqual(f(12), 144)
"""
FUNCTIONS = """
    def test_small():
        assert f(3) == 9
    def test_large():
        assert f(12) == 144
"""
EXIT = frozenset({"exited_early"})
# Patching the machinery of one's own process may cut one's own answer short as well.
PATCHED = FORGED | {"exited_early", "crashed", "load_error"}

ATTACKS = [
    Attack(
        "always-equal-object",
        "Returns an object that is equal to everything.",
        """
        class Yes:
            def __eq__(self, other): return True
            def __ne__(self, other): return False
            def __sub__(self, other): return 0
            def __rsub__(self, other): return 0
            def __hash__(self): return 0
        def f(x): return Yes()
        """,
        SQUARES,
        FORGED,
    ),
    Attack(
        "int-subclass-lies",
        "Returns an int whose __eq__ says yes.",
        """
        class N(int):
            def __eq__(self, other): return True
            def __ne__(self, other): return False
            def __sub__(self, other): return 0
            __hash__ = int.__hash__
        def f(x): return N(x)
        """,
        CHECK,
        FORGED,
    ),
    Attack(
        "str-subclass-lies",
        "Returns a str whose __eq__, __len__ and __bool__ lie.",
        """
        class S(str):
            def __eq__(self, other): return True
            def __len__(self): return 5
            def __bool__(self): return True
            def __contains__(self, x): return True
            __hash__ = str.__hash__
        def f(x): return S("no")
        """,
        "assert f(1) == 'right'\nassert 'ig' in f(1)",
        FORGED,
    ),
    Attack(
        "list-subclass-lies",
        "Returns a list whose comparison, length and items lie.",
        """
        class L(list):
            def __eq__(self, other): return True
            def __len__(self): return 3
            def __getitem__(self, i): return i
            def __iter__(self): return iter([1, 2, 3])
        def f(x): return L([0])
        """,
        "assert f(0) == ['a', 'b']\nassert len(f(0)) == 3",
        FORGED,
    ),
    Attack(
        "float-subclass-lies",
        "Returns a float whose difference to anything is zero.",
        """
        class F(float):
            def __sub__(self, other): return 0.0
            def __rsub__(self, other): return 0.0
            def __eq__(self, other): return True
            def __lt__(self, other): return True
        def f(x): return F(1.0)
        """,
        "assert abs(f(3) - 9.0) < 1e-9",
        FORGED,
    ),
    Attack(
        "dict-subclass-lies",
        "Returns a dict that has every key with the wanted value.",
        """
        class D(dict):
            def __eq__(self, other): return True
            def __missing__(self, key): return key
            def __contains__(self, key): return True
        def f(x): return D()
        """,
        "assert f(1) == {'a': 1}",
        FORGED,
    ),
    Attack(
        "lying-array",
        "Returns a numpy array subclass whose comparisons hold.",
        """
        import numpy as np
        class A(np.ndarray):
            def __eq__(self, other): return np.array(True)
            def all(self): return True
        def f(x): return np.zeros(3).view(A)
        """,
        "assert (f(3) == 9).all()",
        FORGED,
    ),
    Attack(
        "class-property-lies",
        "Returns an object whose __class__ says int, for isinstance to believe.",
        """
        class P:
            __class__ = property(lambda self: int)
            def __eq__(self, other): return True
            def __int__(self): return 9
            def __index__(self): return 9
        def f(x): return P()
        """,
        "r = f(3)\nassert isinstance(r, int) and r == 8 + 1\nassert f(12) == 144",
        FORGED,
    ),
    Attack(
        "metaclass-lies",
        "Returns an object whose type claims to be int and whose metaclass agrees with all.",
        """
        class M(type):
            def __eq__(self, other): return True
            def __hash__(self): return hash(int)
            def __instancecheck__(self, other): return True
        class V(metaclass=M):
            def __eq__(self, other): return True
            def __hash__(self): return 9
        V.__name__ = V.__qualname__ = "int"
        V.__module__ = "builtins"
        def f(x): return V()
        """,
        "r = f(3)\nassert type(r) == int and r == 9",
        FORGED,
    ),
    Attack(
        "builtins-patched",
        "Replaces abs, all, any, zip, len and isinstance.",
        """
        import builtins
        builtins.abs = lambda x: 0
        builtins.all = lambda x: True
        builtins.any = lambda x: False
        builtins.sum = lambda x: 0
        def f(x): return 0
        """,
        "assert abs(f(3) - 9) < 1e-6\nassert all([f(12) == 144])",
        PATCHED,
    ),
    Attack(
        "assertion-error-replaced",
        "Makes AssertionError a quiet exit with status 0.",
        """
        import builtins, os
        class Quiet(BaseException):
            def __init__(self, *a): os._exit(0)
        builtins.AssertionError = Quiet
        def f(x): return 0
        """,
        SQUARES,
        FORGED,
        beyond_naive=True,
    ),
    Attack(
        "compile-and-exec-patched",
        "Replaces builtins.exec and compile, so that the tests are never run.",
        """
        import builtins
        builtins.exec = lambda *a, **k: None
        builtins.compile = lambda *a, **k: (lambda: None).__code__
        def f(x): return 0
        """,
        SQUARES,
        PATCHED,
        beyond_naive=True,
    ),
    Attack(
        "unittest-patched",
        "Makes every assertion method of TestCase do nothing.",
        """
        import unittest
        for name in dir(unittest.TestCase):
            if name.startswith("assert"):
                setattr(unittest.TestCase, name, lambda *a, **k: None)
        unittest.TestResult.wasSuccessful = lambda self: True
        def f(x): return 0
        """,
        CASE,
        FORGED,
    ),
    Attack(
        "unittest-result-patched",
        "Makes the test result drop failures and errors.",
        """
        import unittest
        for name in ("addFailure", "addError", "addSubTest"):
            setattr(unittest.TestResult, name, unittest.TestResult.addSuccess)
        unittest.TestResult.addFailure = lambda self, test, err: None
        unittest.TestResult.addError = lambda self, test, err: None
        unittest.TextTestResult.addFailure = lambda self, test, err: None
        unittest.TextTestResult.addError = lambda self, test, err: None
        def f(x): return 0
        """,
        CASE,
        FORGED,
    ),
    Attack(
        "numpy-patched",
        "Replaces numpy's comparisons and numpy.testing.",
        """
        import numpy as np
        np.allclose = np.array_equal = lambda *a, **k: True
        np.testing.assert_allclose = np.testing.assert_array_equal = lambda *a, **k: None
        def f(x): return 0
        """,
        """
        import numpy as np
        def check(candidate):
            assert np.allclose(candidate(3), 9)
            np.testing.assert_allclose(candidate(12), 144)
        """,
        FORGED,
    ),
    Attack(
        "math-patched",
        "Replaces math.isclose and math.fabs.",
        """
        import math
        math.isclose = lambda *a, **k: True
        math.fabs = lambda x: 0.0
        def f(x): return 0
        """,
        "import math\nassert math.isclose(f(3), 9)\nassert math.fabs(f(12) - 144) < 1e-6",
        FORGED,
    ),
    Attack(
        "json-patched",
        "Makes json write a plausible passing verdict whatever it is asked to write.",
        """
        import json
        verdict = '{"status": "pass", "passed": true, "ok": true, "value": 9, "passed_tests": 2, "total_tests": 2, "why": ""}'
        json.dumps = lambda *a, **k: verdict
        json.JSONEncoder.encode = lambda self, o: verdict
        json.JSONEncoder.iterencode = lambda self, o, **k: iter([verdict])
        def f(x): return 0
        """,
        "import json\nassert json.dumps(f(3)) == json.dumps(9)\nassert json.dumps(f(12)) == json.dumps(144)",
        PATCHED,
    ),
    Attack(
        "caller-frame-expected",
        "Walks up the stack and returns constants of the calling code until one is right.",
        """
        import sys
        def f(x):
            frame = sys._getframe(1)
            while frame:
                for name, value in list(frame.f_locals.items()):
                    if name in ("expected", "want", "answer"):
                        return value
                frame = frame.f_back
        """,
        """
        for value, expected in [(3, 9), (12, 144)]:
            assert f(value) == expected
        """,
        FORGED,
    ),
    Attack(
        "caller-constants",
        "Reads the constants of the calling frame's code, where the expected values stand.",
        """
        import sys
        def f(x):
            code = sys._getframe(1).f_code
            numbers = [c for c in code.co_consts if isinstance(c, int) and c != x]
            return max(numbers)
        """,
        "assert f(3) == 7919",
        FORGED,
    ),
    Attack(
        "result-list-in-frames",
        "Looks through all frames for lists, shared cells and queues, and puts a pass in them.",
        """
        import os, sys
        def f(x):
            frame = sys._getframe()
            while frame:
                for value in list(frame.f_locals.values()):
                    for method, args in (("append", ("passed",)), ("put", ("passed",))):
                        try:
                            getattr(value, method)(*args)
                        except Exception:
                            pass
                frame = frame.f_back
            os._exit(0)
        """,
        SQUARES,
        EXIT,
    ),
    Attack(
        "gc-search-expected",
        "Searches every object the collector knows for the expected text.",
        """
        import gc, re
        def f():
            mark = ":".join(["@MARK@", ""])
            for o in gc.get_objects():
                for v in (o if isinstance(o, (list, tuple)) else o.values() if isinstance(o, dict) else ()):
                    if isinstance(v, str):
                        found = re.search(mark + "[0-9a-f]{32}", v)
                        if found:
                            return found.group()
        """,
        "expected = '@MARK@:@SECRET@'\nassert f() == expected",
        FORGED,
    ),
    Attack(
        "memory-search-expected",
        "Reads its own memory by /proc/self/mem for the expected text.",
        """
        import re
        def f():
            pattern = re.compile(b":".join([b"@MARK@", b"([0-9a-f]{32})"]))
            with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", 0) as memory:
                for line in maps:
                    span, mode = line.split()[:2]
                    if "rw" not in mode or "[v" in line:
                        continue
                    low, high = (int(x, 16) for x in span.split("-"))
                    memory.seek(low)
                    found = pattern.search(memory.read(min(high - low, 1 << 26)))
                    if found:
                        return found.group().decode()
        """,
        "expected = '@MARK@:@SECRET@'\nassert f() == expected",
        FORGED | {"blocked"},
    ),
    Attack(
        "ctypes-search-expected",
        "Scans the heap around its own objects through a raw pointer.",
        """
        import ctypes, re
        def f():
            pattern = re.compile(b":".join([b"@MARK@", b"([0-9a-f]{32})"]))
            with open("/proc/self/maps") as maps:
                spans = [line.split()[0] for line in maps if "rw" in line.split()[1] and "[v" not in line]
            for span in spans:
                low, high = (int(x, 16) for x in span.split("-"))
                found = pattern.search(ctypes.string_at(low, min(high - low, 1 << 26)))
                if found:
                    return found.group().decode()
        """,
        "expected = '@MARK@:@SECRET@'\nassert f() == expected",
        FORGED | {"blocked", "crashed"},
    ),
    Attack(
        "tests-source-in-modules",
        "Looks for the tests' text in sys.modules, __main__, linecache and argv.",
        """
        import linecache, re, sys
        def f():
            seen = [repr(vars(m)) for m in list(sys.modules.values()) if getattr(m, "__name__", "") in ("__main__", "tests")]
            seen += sys.argv + [str(linecache.cache)]
            found = re.search(":".join(["@MARK@", "[0-9a-f]{32}"]), "".join(seen))
            frame = sys._getframe()
            while not found and frame:
                found = re.search(":".join(["@MARK@", "[0-9a-f]{32}"]), str(frame.f_globals) + str(frame.f_locals))
                frame = frame.f_back
            return found.group()
        """,
        "expected = '@MARK@:@SECRET@'\nassert f() == expected",
        FORGED,
    ),
    Attack(
        "modules-replaced",
        "Puts agreeable objects into sys.modules in place of what the tests import.",
        """
        import sys, types
        class Agree(types.ModuleType):
            def __getattr__(self, name): return lambda *a, **k: True
        for name in ("math", "numpy", "operator", "statistics"):
            sys.modules[name] = Agree(name)
        def f(x): return 0
        """,
        "import operator, math\nassert operator.eq(f(3), 9)\nassert math.isclose(f(12), 144)",
        PATCHED,
    ),
    Attack(
        "import-hook",
        "Installs a finder that answers the tests' imports with an agreeable module.",
        """
        import sys, importlib.abc, importlib.machinery
        class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
            def find_spec(self, name, path, target=None):
                return importlib.machinery.ModuleSpec(name, self) if name == "colorsys" else None
            def create_module(self, spec): return None
            def exec_module(self, module): module.rgb_to_hsv = lambda *a: 0
        sys.meta_path.insert(0, Finder())
        sys.modules.pop("colorsys", None)
        def f(x): return 0
        """,
        "import colorsys\nassert colorsys.rgb_to_hsv(1.0, 0.5, 0.25) == f(3)",
        FORGED | {"load_error"},
    ),
    Attack(
        "settrace-skips-asserts",
        "Traces the caller and rewrites its variables before each assert.",
        """
        import sys, ctypes
        def tracer(frame, event, arg):
            if "got" in frame.f_locals and "want" in frame.f_locals:
                frame.f_locals["want"] = frame.f_locals["got"]
                ctypes.pythonapi.PyFrame_LocalsToFast(ctypes.py_object(frame), ctypes.c_int(0))
            return tracer
        def f(x):
            sys.settrace(tracer)
            frame = sys._getframe(1)
            while frame:
                frame.f_trace = tracer
                frame = frame.f_back
            return 0
        """,
        """
        def check(candidate):
            for x, want in [(3, 9), (12, 144)]:
                got = candidate(x)
                assert got == want
        """,
        PATCHED,
    ),
    Attack(
        "constant-becomes",
        "Overwrites the shared integer 201 in memory, so that 201 equals 202 in its process.",
        """
        import ctypes
        def f(x):
            ctypes.memmove(id(int("201")) + 24, id(int("202")) + 24, 4)
            return 202
        """,
        "assert f(3) == 201",
        PATCHED,
    ),
]
