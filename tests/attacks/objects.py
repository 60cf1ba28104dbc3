"""Forged results, fifth part: objects that decide for themselves what they are compared with.

What three outside reviews found in the sandbox when it carried objects, callbacks, fixtures and changed arguments from one
process to the other: each of these programs was once judged right, or kept from being judged wrong. Today the sandbox asks
no object of another process, so most are `unsupported` (`_ASKED`).
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
SETS = (
    "class S:\n    def difference(self, other):\n        self.other = other\n        return set()\n"
    "    def __iter__(self): return iter(self.other)\n    symmetric_difference = difference\n"
    "    def union(self, other): return other\n    def compare(self, other): return 0\ndef f(x): return S()"
)
HASHED = "class H:\n    def __eq__(self, other): return True\n    def __hash__(self): return 1\n"
FROZEN = (
    "from dataclasses import dataclass\n@dataclass(frozen=True)\nclass P:\n    xs: list\n    def total(self): return 6\n"
    "def f(x):\n"
)
STAR = (
    "class K(str):\n    n = 0\n    def __str__(self):\n        K.n += 1\n        return 'zz' if K.n == 1 else '__all__'\n"
    "globals()[K('zz')] = 0\n"
)
NUMBERED = "import inside.solution as I\nold = I.Server._opaque\nI.Server._opaque = lambda self, v: {**old(self, v), 'id': 0}\n"
_ASKED = """
attribute-count attribute-equal attribute-greater attribute-in attribute-near attribute-startswith
comes-with-a-constructor constructor-changes-to-a-set constructor-makes-a-set copied duplicates entered
function-with-a-capital function-with-a-capital-equal function-with-a-capital-kept held-by-a-class
held-by-a-class-near is-a-type is-not key-of-a-defaultdict member method-almost-equal method-at-least
method-equal method-in method-nested-class property record record-predicate rewrites-what-is-expected
stop-iteration told-by-compare told-by-difference told-by-print told-by-symmetric-difference told-by-union
"""
