"""Class tasks about records: money, goods, people, shapes. See `class_tasks`."""

RECORDS = {
    "bank account": {
        "needs": ("class", "exception class"),
        "solution": '''
class InsufficientFunds(Exception):
    """Raised when a withdrawal is larger than the balance."""

    def __init__(self, balance, amount):
        super().__init__(f"cannot withdraw {amount}: balance is {balance}")
        self.missing = amount - balance


class BankAccount:
    """A bank account with deposits, withdrawals and transfers."""

    def __init__(self, owner, balance=0):
        self.owner = owner
        self.balance = balance
        self.history = []

    def deposit(self, amount):
        if amount <= 0:
            raise ValueError("Invalid amount")
        self.balance += amount
        self.history.append(("deposit", amount))
        return self.balance

    def withdraw(self, amount):
        if amount <= 0:
            raise ValueError("Invalid amount")
        if amount > self.balance:
            raise InsufficientFunds(self.balance, amount)
        self.balance -= amount
        self.history.append(("withdraw", amount))
        return self.balance

    def transfer(self, other, amount):
        self.withdraw(amount)
        other.deposit(amount)
''',
        "bug": ("if amount > self.balance:", "if amount >= self.balance:"),
        "tests": """
import unittest

from solution import BankAccount, InsufficientFunds


class TestBankAccount(unittest.TestCase):
    def setUp(self):
        self.account = BankAccount("Ann", 100)

    def test_deposit(self):
        self.assertEqual(self.account.deposit(50), 150)
        self.assertEqual(self.account.history, [("deposit", 50)])

    def test_deposit_negative(self):
        with self.assertRaises(ValueError) as context:
            self.account.deposit(-1)
        self.assertEqual(str(context.exception), "Invalid amount")

    def test_withdraw_everything(self):
        self.assertEqual(self.account.withdraw(100), 0)

    def test_overdraft(self):
        with self.assertRaises(InsufficientFunds) as context:
            self.account.withdraw(130)
        self.assertEqual(context.exception.missing, 30)
        self.assertEqual(self.account.balance, 100)

    def test_transfer(self):
        other = BankAccount("Bob")
        self.account.transfer(other, 30)
        self.assertEqual((self.account.balance, other.balance), (70, 30))


if __name__ == "__main__":
    unittest.main()
""",
    },
    "money with Decimal": {
        "needs": ("class", "operator overloading"),
        "solution": """
from decimal import ROUND_HALF_EVEN, Decimal


class Money:
    CENT = Decimal("0.01")

    def __init__(self, amount, currency="EUR"):
        self.amount = Decimal(str(amount)).quantize(self.CENT, ROUND_HALF_EVEN)
        self.currency = currency

    def _same(self, other):
        if self.currency != other.currency:
            raise ValueError(f"cannot mix {self.currency} and {other.currency}")
        return other.amount

    def __add__(self, other):
        return Money(self.amount + self._same(other), self.currency)

    def __sub__(self, other):
        return Money(self.amount - self._same(other), self.currency)

    def __mul__(self, factor):
        return Money(self.amount * Decimal(str(factor)), self.currency)

    __rmul__ = __mul__

    def __eq__(self, other):
        return isinstance(other, Money) and (self.amount, self.currency) == (other.amount, other.currency)

    def __hash__(self):
        return hash((self.amount, self.currency))

    def __lt__(self, other):
        return self.amount < self._same(other)

    def __str__(self):
        return f"{self.amount:,} {self.currency}"

    def split(self, parts):
        share = (self.amount / parts).quantize(self.CENT, "ROUND_DOWN")
        left = int((self.amount - share * parts) / self.CENT)
        return [Money(share + (self.CENT if i < left else 0), self.currency) for i in range(parts)]
""",
        "bug": ("if i < left else 0", "if i <= left else 0"),
        "tests": """
from decimal import Decimal

import pytest

from your_module import Money


def test_sums_are_exact():
    assert Money("0.10") + Money("0.20") == Money("0.30")
    assert (Money(5) - Money("7.5")).amount == Decimal("-2.50")


def test_multiples():
    assert 3 * Money("1.25") == Money("1.25") * 3 == Money("3.75")
    assert Money("0.125").amount == Decimal("0.12")


def test_split_loses_no_cent():
    shares = Money(100).split(3)
    assert [str(share) for share in shares] == ["33.34 EUR", "33.33 EUR", "33.33 EUR"]
    assert sum(shares[1:], shares[0]) == Money(100)


def test_currencies_do_not_mix():
    with pytest.raises(ValueError, match="cannot mix EUR and USD"):
        Money(1) + Money(1, "USD")


def test_ordered_and_hashable():
    assert max([Money(2), Money(10), Money(3)]) == Money("10.00")
    assert len({Money(1), Money("1.00"), Money(1, "USD")}) == 2
    assert str(Money(1234567)) == "1,234,567.00 EUR"
""",
    },
    "inventory of dataclasses": {
        "needs": ("class", "dataclass", "fixture"),
        "solution": '''
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, order=True)
class Item:
    sku: str
    price: float = field(compare=False)
    quantity: int = field(default=0, compare=False)

    @property
    def value(self):
        return self.price * self.quantity


@dataclass
class Inventory:
    items: dict[str, Item] = field(default_factory=dict)

    def receive(self, item):
        """Add an item, or more of one that is there, at the newest price."""
        known = self.items.get(item.sku)
        held = known.quantity if known else 0
        self.items[item.sku] = replace(item, quantity=held + item.quantity)

    def ship(self, sku, quantity):
        item = self.items[sku]
        if quantity > item.quantity:
            raise ValueError(f"only {item.quantity} of {sku} left")
        self.items[sku] = replace(item, quantity=item.quantity - quantity)

    def total(self):
        return sum(item.value for item in self.items.values())

    def low(self, limit=5):
        return sorted(item for item in self.items.values() if item.quantity < limit)
''',
        "bug": (
            "replace(item, quantity=held + item.quantity)",
            "replace(known or item, quantity=held + item.quantity)",
        ),
        "tests": """
import dataclasses

import pytest

from solution import Inventory, Item


@pytest.fixture
def inventory():
    inventory = Inventory()
    inventory.receive(Item("pen", 1.5, 10))
    inventory.receive(Item("ink", 8.0, 2))
    return inventory


def test_total(inventory):
    assert inventory.total() == pytest.approx(31.0)


def test_receive_more_takes_new_price(inventory):
    inventory.receive(Item("pen", 2.0, 5))
    assert inventory.items["pen"] == Item("pen", 2.0, 15)
    assert inventory.items["pen"].quantity == 15
    assert inventory.items["pen"].price == 2.0


def test_ship(inventory):
    inventory.ship("pen", 7)
    assert [item.sku for item in inventory.low()] == ["ink", "pen"]
    with pytest.raises(ValueError, match="only 3 of pen left"):
        inventory.ship("pen", 4)


def test_items_are_frozen(inventory):
    with pytest.raises(dataclasses.FrozenInstanceError):
        inventory.items["pen"].price = 0
    assert dataclasses.asdict(inventory.items["ink"]) == {"sku": "ink", "price": 8.0, "quantity": 2}


def test_inventories_share_nothing():
    assert Inventory() == Inventory(items={})
    Inventory().receive(Item("cap", 1.0, 1))
    assert Inventory().items == {}
""",
    },
    "named tuple of log lines": {
        "needs": ("named tuple",),
        "solution": r'''
import re
from collections import Counter
from typing import NamedTuple


class Entry(NamedTuple):
    host: str
    method: str
    path: str
    status: int
    size: int = 0


LINE = re.compile(r'(\S+) \S+ \S+ \[[^\]]*\] "(\S+) (\S+)[^"]*" (\d{3}) (\d+|-)')


def parse(line):
    """Parse one line of an access log; None for a line of another form."""
    found = LINE.match(line)
    if not found:
        return None
    host, method, path, status, size = found.groups()
    return Entry(host, method, path, int(status), 0 if size == "-" else int(size))


def summarize(lines):
    """Return the most frequent host and the bytes of each status class."""
    entries = [entry for line in lines if (entry := parse(line))]
    sizes = Counter()
    for entry in entries:
        sizes[entry.status // 100] += entry.size
    hosts = Counter(entry.host for entry in entries)
    return (hosts.most_common(1)[0][0] if hosts else None), dict(sizes)
''',
        "bug": ("entry.status // 100", "entry.status // 10"),
        "tests": """
import unittest

from solution import Entry, parse, summarize

GET = '10.0.0.1 - - [01/Jan/2024:00:00:01 +0000] "GET /index.html HTTP/1.1" 200 512'
POST = '10.0.0.2 - ann [01/Jan/2024:00:00:02 +0000] "POST /login HTTP/1.1" 302 -'


class LogTest(unittest.TestCase):
    def test_parse_gives_fields(self):
        entry = parse(GET)
        self.assertIsInstance(entry, Entry)
        self.assertEqual(entry.path, "/index.html")
        self.assertEqual(entry, ("10.0.0.1", "GET", "/index.html", 200, 512))
        host, *_, size = entry
        self.assertEqual((host, size), ("10.0.0.1", 512))

    def test_no_size(self):
        self.assertEqual(parse(POST)._replace(host="x"), Entry("x", "POST", "/login", 302))

    def test_other_form(self):
        self.assertIsNone(parse("hello"))

    def test_summary(self):
        host, sizes = summarize([GET, POST, GET, "broken"])
        self.assertEqual(host, "10.0.0.1")
        self.assertEqual(sizes, {2: 1024, 3: 0})
        self.assertEqual(summarize([]), (None, {}))
""",
    },
    "shopping cart with discounts": {
        "needs": ("class", "callback"),
        "solution": """
class Cart:
    def __init__(self):
        self._lines = {}
        self._discounts = []

    def add(self, name, price, quantity=1):
        if price < 0 or quantity < 1:
            raise ValueError("price and quantity must be positive")
        if name in self._lines:
            price, held = self._lines[name]
            quantity += held
        self._lines[name] = (price, quantity)
        return self

    def remove(self, name):
        del self._lines[name]
        return self

    def discount(self, rule):
        self._discounts.append(rule)
        return self

    def subtotal(self):
        return sum(price * quantity for price, quantity in self._lines.values())

    def total(self):
        total = self.subtotal()
        for rule in self._discounts:
            total -= rule(total, dict(self._lines))
        return round(max(total, 0), 2)

    def __len__(self):
        return sum(quantity for _, quantity in self._lines.values())
""",
        "bug": (
            "total -= rule(total, dict(self._lines))",
            "total -= rule(self.subtotal(), dict(self._lines))",
        ),
        "tests": """
def tenth(total, lines):
    return total * 0.1


def free_tea(total, lines):
    price, quantity = lines.get("tea", (0, 0))
    return price if quantity >= 3 else 0


cart = Cart().add("tea", 4.0, 3).add("mug", 10.0)
assert len(cart) == 4
assert cart.total() == 22.0
assert cart.discount(free_tea).total() == 18.0
assert cart.discount(tenth).total() == 16.2
assert cart.discount(lambda total, lines: 99).total() == 0
assert len(cart.add("mug", 12.0).remove("tea")) == 2
assert cart.subtotal() == 20.0

try:
    Cart().add("tea", -1)
except ValueError as error:
    assert "positive" in str(error)
else:
    assert False, "a negative price was taken"
""",
    },
    "grade book": {
        "needs": ("class", "parametrize", "fixture"),
        "solution": """
from statistics import mean, median


class GradeBook:
    LETTERS = ((90, "A"), (80, "B"), (70, "C"), (60, "D"))

    def __init__(self):
        self._grades = {}

    def record(self, student, score):
        if not 0 <= score <= 100:
            raise ValueError(f"score out of range: {score}")
        self._grades.setdefault(student, []).append(score)

    def average(self, student):
        if student not in self._grades:
            raise KeyError(student)
        return mean(self._grades[student])

    def letter(self, student):
        average = self.average(student)
        for least, letter in self.LETTERS:
            if average >= least:
                return letter
        return "F"

    def ranking(self):
        return sorted(self._grades, key=lambda student: (-self.average(student), student))

    def class_median(self):
        return median(self.average(student) for student in self._grades)
""",
        "bug": ("if average >= least:", "if average > least:"),
        "tests": """
import pytest

from solution import GradeBook


@pytest.fixture
def book():
    book = GradeBook()
    for student, score in [("Zoe", 90), ("Ann", 70), ("Ann", 90), ("Bob", 80), ("Cid", 12)]:
        book.record(student, score)
    return book


@pytest.mark.parametrize(
    ("student", "letter"),
    [("Zoe", "A"), ("Ann", "B"), ("Bob", "B"), ("Cid", "F")],
)
def test_letter(book, student, letter):
    assert book.letter(student) == letter


@pytest.mark.parametrize("score", [-1, 101, 1000])
def test_out_of_range(book, score):
    with pytest.raises(ValueError):
        book.record("Ann", score)


def test_ranking(book):
    assert book.ranking() == ["Zoe", "Ann", "Bob", "Cid"]


def test_median_and_unknown(book):
    assert book.class_median() == 80
    with pytest.raises(KeyError):
        book.average("Nobody")
""",
    },
}
