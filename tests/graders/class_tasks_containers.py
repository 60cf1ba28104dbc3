"""Class tasks about containers of one's own. See `class_tasks`."""

CONTAINERS = {
    "sorted list": {
        "needs": ("class", "operator overloading", "iterator protocol"),
        "solution": """
from bisect import bisect_left, bisect_right, insort


class SortedList:
    def __init__(self, values=(), key=lambda value: value):
        self._key = key
        self._values = sorted(values, key=key)

    def add(self, value):
        insort(self._values, value, key=self._key)

    def count(self, value):
        wanted = self._key(value)
        left = bisect_left(self._values, wanted, key=self._key)
        return bisect_right(self._values, wanted, key=self._key) - left

    def between(self, low, high):
        left = bisect_left(self._values, low, key=self._key)
        right = bisect_right(self._values, high, key=self._key)
        return self._values[left:right]

    def __contains__(self, value):
        return self.count(value) > 0

    def __getitem__(self, index):
        return self._values[index]

    def __len__(self):
        return len(self._values)

    def __iadd__(self, values):
        for value in values:
            self.add(value)
        return self

    def __repr__(self):
        return f"SortedList({self._values})"
""",
        "bug": ("right = bisect_right(self._values, high", "right = bisect_left(self._values, high"),
        "tests": """
from your_module import SortedList


def test_kept_sorted():
    numbers = SortedList([3, 1, 2])
    numbers.add(0)
    numbers += [5, 2]
    assert list(numbers) == [0, 1, 2, 2, 3, 5]
    assert repr(numbers) == "SortedList([0, 1, 2, 2, 3, 5])"


def test_membership_and_slices():
    numbers = SortedList(range(0, 20, 2))
    assert 4 in numbers and 5 not in numbers
    assert numbers[-1] == 18
    assert numbers[1:3] == [2, 4]
    assert len(numbers) == 10


def test_between_is_closed():
    assert SortedList([5, 1, 9, 3]).between(1, 5) == [1, 3, 5]


def test_key():
    words = SortedList(["ccc", "a", "bb"], key=len)
    assert [*words] == ["a", "bb", "ccc"]
    assert words.count("xx") == 1
""",
    },
    "set of intervals": {
        "needs": ("class", "operator overloading"),
        "solution": """
class Intervals:
    def __init__(self, *pairs):
        self.pairs = []
        for start, end in sorted(pairs):
            if start >= end:
                raise ValueError(f"empty interval: {start}, {end}")
            if self.pairs and start <= self.pairs[-1][1]:
                self.pairs[-1] = (self.pairs[-1][0], max(end, self.pairs[-1][1]))
            else:
                self.pairs.append((start, end))

    def __or__(self, other):
        return Intervals(*self.pairs, *other.pairs)

    def __and__(self, other):
        found = [(max(a, c), min(b, d)) for a, b in self.pairs for c, d in other.pairs]
        return Intervals(*[(start, end) for start, end in found if start < end])

    def __sub__(self, other):
        left = self.pairs
        for c, d in other.pairs:
            left = [(x, y) for a, b in left for x, y in ((a, min(b, c)), (max(a, d), b)) if x < y]
        return Intervals(*left)

    def __contains__(self, point):
        return any(start <= point < end for start, end in self.pairs)

    def __eq__(self, other):
        return self.pairs == other.pairs

    def __repr__(self):
        return " + ".join(f"[{start}, {end})" for start, end in self.pairs) or "nothing"

    def length(self):
        return sum(end - start for start, end in self.pairs)
""",
        "bug": ("max(end, self.pairs[-1][1]))", "end)"),
        "tests": """
import unittest

from solution import Intervals


class TestIntervals(unittest.TestCase):
    def test_merging(self):
        self.assertEqual(Intervals((5, 7), (1, 4), (2, 3), (7, 8)).pairs, [(1, 4), (5, 8)])

    def test_union(self):
        self.assertEqual(Intervals((1, 3)) | Intervals((2, 6)), Intervals((1, 6)))

    def test_intersection(self):
        self.assertEqual(Intervals((1, 5), (8, 9)) & Intervals((4, 9)), Intervals((4, 5), (8, 9)))

    def test_difference(self):
        rest = Intervals((0, 10)) - Intervals((2, 4), (6, 12))
        self.assertEqual(repr(rest), "[0, 2) + [4, 6)")
        self.assertEqual(rest.length(), 4)

    def test_half_open(self):
        self.assertIn(1, Intervals((1, 2)))
        self.assertNotIn(2, Intervals((1, 2)))

    def test_empty(self):
        self.assertEqual(str(Intervals()), "nothing")
        with self.assertRaises(ValueError):
            Intervals((3, 3))
""",
    },
    "disjoint sets": {
        "needs": ("class", "fixture"),
        "solution": """
class UnionFind:
    def __init__(self, items=()):
        self.parent = {item: item for item in items}
        self.size = dict.fromkeys(self.parent, 1)
        self.groups = len(self.parent)

    def find(self, item):
        if item not in self.parent:
            self.parent[item], self.size[item] = item, 1
            self.groups += 1
        root = item
        while self.parent[root] != root:
            root = self.parent[root]
        while self.parent[item] != root:
            self.parent[item], item = root, self.parent[item]
        return root

    def union(self, a, b):
        a, b = self.find(a), self.find(b)
        if a == b:
            return False
        if self.size[a] < self.size[b]:
            a, b = b, a
        self.parent[b] = a
        self.size[a] += self.size[b]
        self.groups -= 1
        return True

    def connected(self, a, b):
        return self.find(a) == self.find(b)
""",
        "bug": ("        self.groups -= 1\n        return True", "        return True"),
        "tests": """
import pytest

from solution import UnionFind


@pytest.fixture(params=[4, 7])
def sets(request):
    return UnionFind(range(request.param))


@pytest.fixture
def joined(sets):
    sets.union(0, 1)
    sets.union(2, 3)
    yield sets
    assert sets.connected(0, 1), "nothing may come apart"


def test_groups(joined):
    assert joined.groups == len(joined.parent) - 2


def test_union_says_whether_it_joined(joined):
    assert joined.union(1, 2) is True
    assert joined.union(0, 3) is False
    assert joined.size[joined.find(3)] == 4


def test_new_items(joined):
    before = joined.groups
    assert not joined.connected("new", 0)
    assert joined.groups == before + 1
""",
    },
    "binary search tree": {
        "needs": ("class", "generator"),
        "solution": """
class Tree:
    def __init__(self):
        self.value = self.left = self.right = None

    def insert(self, value):
        if self.value is None:
            self.value, self.left, self.right = value, Tree(), Tree()
        elif value < self.value:
            self.left.insert(value)
        elif value > self.value:
            self.right.insert(value)

    def walk(self, order="in"):
        if self.value is None:
            return
        if order == "pre":
            yield self.value
        yield from self.left.walk(order)
        if order == "in":
            yield self.value
        yield from self.right.walk(order)
        if order == "post":
            yield self.value

    def height(self):
        return 0 if self.value is None else 1 + max(self.left.height(), self.right.height())

    @classmethod
    def of(cls, values):
        tree = cls()
        for value in values:
            tree.insert(value)
        return tree
""",
        "bug": ("yield from self.right.walk(order)", "yield from self.right.walk()"),
        "tests": """
import types
from itertools import islice

from solution import Tree

VALUES = [5, 2, 8, 1, 9, 3, 5]


def test_orders():
    tree = Tree.of(VALUES)
    assert list(tree.walk()) == sorted(set(VALUES))
    assert list(tree.walk("pre")) == [5, 2, 1, 3, 8, 9]
    assert list(tree.walk("post")) == [1, 3, 2, 9, 8, 5]


def test_walk_is_lazy():
    walk = Tree.of(VALUES).walk()
    assert isinstance(walk, types.GeneratorType)
    assert next(walk) == 1
    assert list(islice(walk, 2)) == [2, 3]


def test_height():
    assert Tree.of(VALUES).height() == 3
    assert Tree().height() == 0
    assert list(Tree().walk()) == []
""",
    },
    "ring buffer": {
        "needs": ("class", "iterator protocol", "exception class"),
        "solution": """
class BufferFull(Exception):
    pass


class RingBuffer:
    def __init__(self, size):
        self._slots = [None] * size
        self._start = self._count = 0

    def write(self, value):
        if self._count == len(self._slots):
            raise BufferFull("buffer is full")
        self._slots[(self._start + self._count) % len(self._slots)] = value
        self._count += 1

    def overwrite(self, value):
        if self._count == len(self._slots):
            self.read()
        self.write(value)

    def read(self):
        if not self._count:
            raise IndexError("buffer is empty")
        value = self._slots[self._start]
        self._start = (self._start + 1) % len(self._slots)
        self._count -= 1
        return value

    def __iter__(self):
        return _Cursor(self)

    def __len__(self):
        return self._count


class _Cursor:
    def __init__(self, buffer):
        self._buffer, self._at = buffer, 0

    def __iter__(self):
        return self

    def __next__(self):
        buffer = self._buffer
        if self._at >= len(buffer):
            raise StopIteration
        self._at += 1
        return buffer._slots[(buffer._start + self._at - 1) % len(buffer._slots)]
""",
        "bug": (
            "            self.read()\n        self.write(value)",
            "            self._start = self._count = 0\n        self.write(value)",
        ),
        "tests": """
import unittest

from solution import BufferFull, RingBuffer


class RingBufferTest(unittest.TestCase):
    def setUp(self):
        self.buffer = RingBuffer(3)
        for value in "abc":
            self.buffer.write(value)

    def tearDown(self):
        self.assertLessEqual(len(self.buffer), 3)

    def test_first_in_first_out(self):
        self.assertEqual([self.buffer.read() for _ in range(3)], ["a", "b", "c"])
        self.assertRaises(IndexError, self.buffer.read)

    def test_full(self):
        with self.assertRaisesRegex(BufferFull, "is full"):
            self.buffer.write("d")

    def test_overwrite_drops_the_oldest(self):
        self.buffer.overwrite("d")
        self.assertEqual(list(self.buffer), ["b", "c", "d"])

    def test_two_iterators(self):
        first, second = iter(self.buffer), iter(self.buffer)
        self.assertEqual(next(first), "a")
        self.assertEqual(next(first), "b")
        self.assertEqual(next(second), "a")
        self.assertIs(iter(first), first)
        self.assertEqual(next(first), "c")
        with self.assertRaises(StopIteration):
            next(first)


if __name__ == "__main__":
    unittest.main(verbosity=2)
""",
    },
    "cache that forgets": {
        "needs": ("class", "monkeypatch", "operator overloading", "fixture"),
        "solution": """
import time


class TTLCache:
    def __init__(self, seconds, most=100):
        self.seconds, self.most = seconds, most
        self._entries = {}

    def __setitem__(self, key, value):
        self._entries.pop(key, None)
        self._sweep()
        if len(self._entries) >= self.most:
            del self._entries[next(iter(self._entries))]
        self._entries[key] = value, time.time() + self.seconds

    def __getitem__(self, key):
        value, end = self._entries[key]
        if time.time() >= end:
            del self._entries[key]
            raise KeyError(key)
        return value

    def get(self, key, default=None):
        try:
            return self[key]
        except KeyError:
            return default

    def _sweep(self):
        now = time.time()
        self._entries = {key: entry for key, entry in self._entries.items() if entry[1] > now}

    def __len__(self):
        self._sweep()
        return len(self._entries)
""",
        "bug": ("        self._entries.pop(key, None)\n", ""),
        "tests": """
import time

import pytest

from solution import TTLCache


@pytest.fixture
def at(monkeypatch):
    def go(seconds):
        monkeypatch.setattr(time, "time", lambda: seconds)

    go(0)
    return go


def test_entries_end(at):
    cache = TTLCache(10)
    cache["a"] = 1
    at(9.9)
    assert cache["a"] == 1
    at(10)
    with pytest.raises(KeyError):
        cache["a"]
    assert cache.get("a", "gone") == "gone"


def test_length(at):
    cache = TTLCache(10)
    cache["a"] = 1
    at(5)
    cache["b"] = 2
    assert len(cache) == 2
    at(12)
    assert len(cache) == 1


def test_oldest_makes_room(at):
    cache = TTLCache(10, most=2)
    for key in "aba":
        cache[key] = key
    cache["c"] = "c"
    assert [cache.get(key) for key in "abc"] == ["a", None, "c"]


def test_a_new_value_needs_no_room(at):
    cache = TTLCache(10, most=2)
    for key in "abb":
        cache[key] = key
    assert [cache.get(key) for key in "ab"] == ["a", "b"]
""",
    },
}
