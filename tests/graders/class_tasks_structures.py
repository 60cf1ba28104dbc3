"""Class tasks about data structures. See `class_tasks`."""

STRUCTURES = {
    "LRU cache": {
        "needs": ("class",),
        "solution": """
from collections import OrderedDict


class LRUCache:
    def __init__(self, capacity: int):
        self.capacity = capacity
        self.entries = OrderedDict()

    def get(self, key: int) -> int:
        if key not in self.entries:
            return -1
        self.entries.move_to_end(key)
        return self.entries[key]

    def put(self, key: int, value: int) -> None:
        if key in self.entries:
            self.entries.move_to_end(key)
        self.entries[key] = value
        if len(self.entries) > self.capacity:
            self.entries.popitem(last=False)
""",
        "bug": ("        self.entries.move_to_end(key)\n        return", "        return"),
        "tests": """
cache = LRUCache(2)
cache.put(1, 1)
cache.put(2, 2)
assert cache.get(1) == 1
cache.put(3, 3)
assert cache.get(2) == -1
cache.put(4, 4)
assert cache.get(1) == -1
assert cache.get(3) == 3
assert cache.get(4) == 4

small = LRUCache(1)
small.put(5, 50)
small.put(5, 51)
assert small.get(5) == 51 and small.get(6) == -1
""",
    },
    "linked list": {
        "needs": ("class", "iterator protocol"),
        "solution": """
class Node:
    def __init__(self, value, next=None):
        self.value = value
        self.next = next


class LinkedList:
    def __init__(self, values=()):
        self.head = None
        for value in reversed(list(values)):
            self.head = Node(value, self.head)

    def __iter__(self):
        node = self.head
        while node:
            yield node.value
            node = node.next

    def __len__(self):
        return sum(1 for _ in self)

    def append(self, value):
        if self.head is None:
            self.head = Node(value)
            return
        node = self.head
        while node.next:
            node = node.next
        node.next = Node(value)

    def remove(self, value):
        before, node = None, self.head
        while node and node.value != value:
            before, node = node, node.next
        if node is None:
            raise ValueError(f"{value!r} not in list")
        if before is None:
            self.head = node.next
        else:
            before.next = node.next

    def reverse(self):
        before, node = None, self.head
        while node:
            node.next, before, node = before, node, node.next
        self.head = before
""",
        "bug": ("            self.head = node.next\n", "            self.head = None\n"),
        "tests": """
import unittest

from solution import LinkedList


class TestLinkedList(unittest.TestCase):
    def setUp(self):
        self.items = LinkedList([1, 2, 3])

    def test_iteration_starts_anew(self):
        self.assertEqual(list(self.items), [1, 2, 3])
        self.assertEqual(list(self.items), [1, 2, 3])
        self.assertEqual(len(self.items), 3)

    def test_append(self):
        self.items.append(4)
        empty = LinkedList()
        empty.append("a")
        self.assertEqual(list(self.items), [1, 2, 3, 4])
        self.assertEqual(empty.head.value, "a")

    def test_remove(self):
        self.items.remove(1)
        self.assertEqual(list(self.items), [2, 3])
        self.items.remove(3)
        self.assertEqual(list(self.items), [2])
        with self.assertRaises(ValueError) as caught:
            self.items.remove("x")
        self.assertIn("'x'", str(caught.exception))

    def test_reverse(self):
        self.items.reverse()
        self.assertEqual(list(self.items), [3, 2, 1])
        self.assertIsNone(self.items.head.next.next.next)


if __name__ == "__main__":
    unittest.main()
""",
    },
    "trie": {
        "needs": ("class",),
        "entry_point": "Trie",
        "solution": """
class Trie:
    def __init__(self):
        self.children = {}
        self.count = 0

    def insert(self, word):
        node = self
        for letter in word:
            node = node.children.setdefault(letter, Trie())
        node.count += 1

    def _find(self, prefix):
        node = self
        for letter in prefix:
            node = node.children.get(letter)
            if node is None:
                return None
        return node

    def search(self, word):
        node = self._find(word)
        return node is not None and node.count > 0

    def starts_with(self, prefix):
        return self._find(prefix) is not None

    def words(self, prefix=""):
        node, found = self._find(prefix), []
        if node is None:
            return found
        if node.count:
            found.append(prefix)
        for letter in sorted(node.children):
            found += self.words(prefix + letter)
        return found
""",
        "bug": ("return node is not None and node.count > 0", "return node is not None"),
        "tests": """
def check(candidate):
    trie = candidate()
    for word in ["apple", "app", "apt", "bat"]:
        trie.insert(word)
    assert trie.search("app") is True
    assert trie.search("appl") is False
    assert trie.starts_with("appl")
    assert not trie.starts_with("c")


check(Trie)
""",
    },
    "stable priority queue": {
        "needs": ("class", "exception class", "fixture"),
        "solution": """
import heapq
from itertools import count


class Empty(LookupError):
    pass


class PriorityQueue:
    REMOVED = object()

    def __init__(self):
        self._heap, self._entries, self._turn = [], {}, count()

    def push(self, task, priority=0):
        if task in self._entries:
            self.remove(task)
        entry = [-priority, next(self._turn), task]
        self._entries[task] = entry
        heapq.heappush(self._heap, entry)

    def remove(self, task):
        self._entries.pop(task)[-1] = self.REMOVED

    def pop(self):
        while self._heap:
            *_, task = heapq.heappop(self._heap)
            if task is not self.REMOVED:
                del self._entries[task]
                return task
        raise Empty("pop from an empty queue")

    def __len__(self):
        return len(self._entries)

    def __bool__(self):
        return bool(self._entries)
""",
        "bug": ("return len(self._entries)", "return len(self._heap)"),
        "tests": """
import pytest

from solution import Empty, PriorityQueue


@pytest.fixture
def queue():
    queue = PriorityQueue()
    queue.push("write", 1)
    queue.push("test", 5)
    queue.push("ship", 1)
    return queue


def drain(queue):
    while queue:
        yield queue.pop()


def test_highest_first_and_stable(queue):
    assert list(drain(queue)) == ["test", "write", "ship"]


def test_change_of_priority(queue):
    queue.push("ship", 9)
    assert len(queue) == 3
    assert queue.pop() == "ship"


def test_empty(queue):
    list(drain(queue))
    with pytest.raises(Empty):
        queue.pop()
    assert issubclass(Empty, LookupError)
    assert not queue
""",
    },
    "matrix": {
        "needs": ("class", "operator overloading"),
        "solution": """
class Matrix:
    def __init__(self, rows):
        self.rows = [list(row) for row in rows]
        if len({len(row) for row in self.rows}) != 1:
            raise ValueError("rows differ in length")
        self.shape = len(self.rows), len(self.rows[0])

    @classmethod
    def identity(cls, n):
        return cls([[int(i == j) for j in range(n)] for i in range(n)])

    def __eq__(self, other):
        return isinstance(other, Matrix) and self.rows == other.rows

    def __add__(self, other):
        if self.shape != other.shape:
            raise ValueError("shapes differ")
        return Matrix([[a + b for a, b in zip(x, y)] for x, y in zip(self.rows, other.rows)])

    def __matmul__(self, other):
        if self.shape[1] != other.shape[0]:
            raise ValueError("shapes do not fit")
        columns = list(zip(*other.rows))
        return Matrix([[sum(a * b for a, b in zip(row, column)) for column in columns] for row in self.rows])

    def __pow__(self, n):
        power, base = Matrix.identity(self.shape[0]), self
        while n:
            if n % 2:
                power = power @ base
            base, n = base @ base, n // 2
        return power

    def __getitem__(self, place):
        i, j = place
        return self.rows[i][j]

    @property
    def T(self):
        return Matrix(zip(*self.rows))
""",
        "bug": ("columns = list(zip(*other.rows))", "columns = other.rows"),
        "tests": """
import unittest

from your_module import Matrix


class MatrixTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.a = Matrix([[1, 2], [3, 4]])
        cls.wide = Matrix([[1, 0, 2]])

    def test_add(self):
        self.assertEqual(self.a + self.a, Matrix([[2, 4], [6, 8]]))
        with self.assertRaises(ValueError):
            self.a + self.wide

    def test_product(self):
        self.assertEqual((self.a @ self.a).rows, [[7, 10], [15, 22]])
        self.assertEqual(self.wide @ self.wide.T, Matrix([[5]]))

    def test_identity(self):
        self.assertEqual(self.a @ Matrix.identity(2), self.a)
        self.assertNotEqual(Matrix.identity(2), [[1, 0], [0, 1]])

    def test_fibonacci_by_powers(self):
        self.assertEqual((Matrix([[1, 1], [1, 0]]) ** 10)[0, 1], 55)

    def test_transpose(self):
        self.assertEqual(self.wide.T.shape, (3, 1))
        self.assertEqual(self.wide.T[2, 0], 2)

    def test_ragged(self):
        self.assertRaisesRegex(ValueError, "differ", Matrix, [[1], [1, 2]])
""",
    },
    "weighted graph": {
        "needs": ("class",),
        "solution": """
import heapq


class Graph:
    def __init__(self, directed=False):
        self.edges = {}
        self.directed = directed

    def connect(self, a, b, weight=1):
        self.edges.setdefault(a, {})[b] = weight
        self.edges.setdefault(b, {})
        if not self.directed:
            self.edges[b][a] = weight

    def neighbours(self, node):
        return sorted(self.edges[node])

    def shortest(self, start, end):
        heap, seen = [(0, start, (start,))], set()
        while heap:
            cost, node, path = heapq.heappop(heap)
            if node == end:
                return cost, list(path)
            if node in seen:
                continue
            seen.add(node)
            for other, weight in self.edges[node].items():
                heapq.heappush(heap, (cost + weight, other, (*path, other)))
        return None

    def components(self):
        found, left = [], set(self.edges)
        while left:
            group, waiting = set(), [min(left)]
            while waiting:
                node = waiting.pop()
                if node not in group:
                    group.add(node)
                    waiting += self.edges[node]
            found.append(sorted(group))
            left -= group
        return found
""",
        "bug": (
            "heapq.heappush(heap, (cost + weight, other, (*path, other)))",
            "heap.append((cost + weight, other, (*path, other)))",
        ),
        "tests": """
from solution import Graph


def roads():
    graph = Graph()
    for a, b, weight in [("A", "B", 4), ("A", "C", 1), ("C", "B", 2), ("B", "D", 5), ("X", "Y", 1)]:
        graph.connect(a, b, weight)
    return graph


def test_neighbours():
    assert roads().neighbours("B") == ["A", "C", "D"]


def test_shortest():
    graph = roads()
    assert graph.shortest("A", "D") == (8, ["A", "C", "B", "D"])
    assert graph.shortest("A", "A") == (0, ["A"])
    assert graph.shortest("A", "X") is None


def test_directed():
    graph = Graph(directed=True)
    graph.connect(1, 2)
    assert graph.shortest(1, 2) == (1, [1, 2])
    assert graph.shortest(2, 1) is None


def test_components():
    assert roads().components() == [["A", "B", "C", "D"], ["X", "Y"]]
""",
    },
    "min stack": {
        "needs": ("class",),
        "solution": """
class MinStack:
    def __init__(self):
        self.stack = []
        self.least = []

    def push(self, val: int) -> None:
        self.stack.append(val)
        if not self.least or val <= self.least[-1]:
            self.least.append(val)

    def pop(self) -> None:
        if self.stack.pop() == self.least[-1]:
            self.least.pop()

    def top(self) -> int:
        return self.stack[-1]

    def getMin(self) -> int:
        return self.least[-1]
""",
        "bug": ("val <= self.least[-1]", "val < self.least[-1]"),
        "tests": """
def run(operations, arguments):
    results, instance = [], None
    for operation, values in zip(operations, arguments):
        if instance is None:
            instance = globals()[operation](*values)
            results.append(None)
        else:
            results.append(getattr(instance, operation)(*values))
    return results


assert run(
    ["MinStack", "push", "push", "push", "getMin", "pop", "top", "getMin"],
    [[], [-2], [0], [-3], [], [], [], []],
) == [None, None, None, None, -3, None, 0, -2]
assert run(
    ["MinStack", "push", "push", "push", "pop", "getMin"],
    [[], [1], [0], [0], [], []],
) == [None, None, None, None, None, 0]
""",
    },
}
