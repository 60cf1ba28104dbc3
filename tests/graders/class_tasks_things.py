"""Class tasks about things with a state: thermometers, loans, lights, machines. See `class_tasks`."""

THINGS = {
    "thermometer properties": {
        "needs": ("class", "property"),
        "solution": '''
class Temperature:
    """A temperature that can be read and set in three units."""

    ABSOLUTE_ZERO = -273.15

    def __init__(self, celsius=0.0):
        self.celsius = celsius

    @property
    def celsius(self):
        return self._celsius

    @celsius.setter
    def celsius(self, value):
        if value < self.ABSOLUTE_ZERO:
            raise ValueError("below absolute zero")
        self._celsius = float(value)

    @property
    def fahrenheit(self):
        return self.celsius * 9 / 5 + 32

    @fahrenheit.setter
    def fahrenheit(self, value):
        self.celsius = (value - 32) * 5 / 9

    @property
    def kelvin(self):
        return self.celsius - self.ABSOLUTE_ZERO

    @classmethod
    def from_fahrenheit(cls, value):
        made = cls()
        made.fahrenheit = value
        return made

    def __repr__(self):
        return f"{type(self).__name__}({self.celsius:g})"
''',
        "bug": ("self.celsius = (value - 32) * 5 / 9", "self._celsius = (value - 32) * 5 / 9"),
        "tests": """
import unittest

from your_module import Temperature


class TestTemperature(unittest.TestCase):
    def setUp(self):
        self.boiling = Temperature(100)

    def test_units(self):
        self.assertAlmostEqual(self.boiling.fahrenheit, 212)
        self.assertAlmostEqual(self.boiling.kelvin, 373.15)

    def test_set_fahrenheit(self):
        self.boiling.fahrenheit = -40
        self.assertAlmostEqual(self.boiling.celsius, -40)

    def test_absolute_zero(self):
        for wrong in (-300, -273.16):
            with self.subTest(wrong=wrong), self.assertRaises(ValueError):
                self.boiling.celsius = wrong
        with self.assertRaisesRegex(ValueError, "absolute zero"):
            self.boiling.fahrenheit = -1000
        self.assertEqual(self.boiling.celsius, 100.0)

    def test_kelvin_is_read_only(self):
        with self.assertRaises(AttributeError):
            self.boiling.kelvin = 1

    def test_named_constructor(self):
        self.assertEqual(repr(Temperature.from_fahrenheit(32)), "Temperature(0)")
""",
    },
    "library loans": {
        "needs": ("class", "exception class", "inheritance", "callback", "fixture"),
        "solution": """
from datetime import date, timedelta


class LoanError(Exception):
    pass


class NotAvailable(LoanError):
    pass


class LimitReached(LoanError):
    pass


class Library:
    def __init__(self, titles, today=date.today, days=14, most=2):
        self._free = set(titles)
        self._loans = {}
        self._today, self._days, self._most = today, days, most

    def lend(self, title, member):
        if title not in self._free:
            raise NotAvailable(title)
        if sum(borrower == member for borrower, _ in self._loans.values()) >= self._most:
            raise LimitReached(member)
        due = self._today() + timedelta(days=self._days)
        self._free.remove(title)
        self._loans[title] = (member, due)
        return due

    def give_back(self, title):
        _, due = self._loans.pop(title)
        self._free.add(title)
        return max((self._today() - due).days, 0) * 0.25

    def overdue(self):
        return sorted(title for title, (_, due) in self._loans.items() if due < self._today())
""",
        "bug": ("if due < self._today())", "if due <= self._today())"),
        "tests": """
from datetime import date, timedelta

import pytest

from solution import Library, LimitReached, LoanError, NotAvailable


class Calendar:
    def __init__(self):
        self.day = date(2024, 2, 20)

    def __call__(self):
        return self.day


@pytest.fixture
def calendar():
    return Calendar()


@pytest.fixture
def library(calendar):
    return Library(["Emma", "Ulysses", "Dune"], today=calendar)


def test_due_date(library):
    assert library.lend("Emma", "ann") == date(2024, 3, 5)


def test_fee(library, calendar):
    library.lend("Emma", "ann")
    calendar.day += timedelta(days=14)
    assert library.overdue() == []
    calendar.day += timedelta(days=2)
    assert library.overdue() == ["Emma"]
    assert library.give_back("Emma") == 0.5


def test_refusals(library):
    library.lend("Emma", "ann")
    with pytest.raises(NotAvailable):
        library.lend("Emma", "bob")
    library.lend("Dune", "ann")
    with pytest.raises(LoanError) as caught:
        library.lend("Ulysses", "ann")
    assert caught.type is LimitReached
    assert caught.value.args == ("ann",)
""",
    },
    "abstract shapes": {
        "needs": ("class", "inheritance"),
        "solution": """
import math
from abc import ABC, abstractmethod


class Shape(ABC):
    @abstractmethod
    def area(self):
        ...

    @abstractmethod
    def perimeter(self):
        ...

    def describe(self):
        return f"{type(self).__name__}: area {self.area():.2f}, perimeter {self.perimeter():.2f}"

    def __lt__(self, other):
        return self.area() < other.area()


class Circle(Shape):
    def __init__(self, radius):
        self.radius = radius

    def area(self):
        return math.pi * self.radius**2

    def perimeter(self):
        return 2 * math.pi * self.radius


class Rectangle(Shape):
    def __init__(self, width, height):
        self.width, self.height = width, height

    def area(self):
        return self.width * self.height

    def perimeter(self):
        return 2 * (self.width + self.height)


class Square(Rectangle):
    def __init__(self, side):
        super().__init__(side, side)
""",
        "bug": ("return 2 * (self.width + self.height)", "return 2 * self.width + self.height"),
        "tests": """
import unittest

from solution import Circle, Rectangle, Shape, Square


class TestShapes(unittest.TestCase):
    def test_shape_is_abstract(self):
        with self.assertRaises(TypeError):
            Shape()

    def test_half_a_shape_is_abstract_too(self):
        class Line(Shape):
            def area(self):
                return 0

        self.assertRaises(TypeError, Line)

    def test_describe(self):
        self.assertEqual(Square(2).describe(), "Square: area 4.00, perimeter 8.00")
        self.assertEqual(Circle(1).describe(), "Circle: area 3.14, perimeter 6.28")

    def test_own_shape(self):
        class Dot(Shape):
            def area(self):
                return 0

            def perimeter(self):
                return 0

        self.assertEqual(Dot().describe(), "Dot: area 0.00, perimeter 0.00")

    def test_sorted_by_area(self):
        shapes = [Rectangle(3, 4), Circle(1), Square(2)]
        self.assertEqual([type(shape) for shape in sorted(shapes)], [Circle, Square, Rectangle])
        self.assertIsInstance(Square(1), Rectangle)
        self.assertFalse(issubclass(Circle, Rectangle))


class TestPerimeter(unittest.TestCase):
    def test_rectangle(self):
        self.assertEqual(Rectangle(3, 4).perimeter(), 14)
""",
    },
    "traffic light": {
        "needs": ("class", "enum", "parametrize"),
        "solution": """
from enum import Enum


class Light(Enum):
    RED = 30
    GREEN = 25
    YELLOW = 5

    @property
    def seconds(self):
        return self.value

    def next(self):
        order = [Light.RED, Light.GREEN, Light.YELLOW]
        return order[(order.index(self) + 1) % len(order)]

    def may_go(self):
        return self is Light.GREEN


class TrafficLight:
    def __init__(self, start=Light.RED):
        self.light = start
        self._left = start.seconds

    def tick(self, seconds=1):
        self._left -= seconds
        while self._left <= 0:
            self.light = self.light.next()
            self._left += self.light.seconds
        return self.light


def program(start, count):
    light, shown = start, []
    for _ in range(count):
        shown.append(light)
        light = light.next()
    return shown
""",
        "bug": ("while self._left <= 0:", "if self._left <= 0:"),
        "tests": """
import pytest

from your_module import Light, TrafficLight, program


def test_order():
    assert Light.RED.next() is Light.GREEN
    assert Light.YELLOW.next() == Light.RED
    assert program(Light.YELLOW, 4) == [Light.YELLOW, Light.RED, Light.GREEN, Light.YELLOW]


def test_members():
    assert [light.name for light in Light] == ["RED", "GREEN", "YELLOW"]
    assert Light["GREEN"].may_go() and not Light(30).may_go()
    with pytest.raises(ValueError):
        Light(7)


@pytest.mark.parametrize(
    "seconds, expected",
    [(29, Light.RED), (30, Light.GREEN), (55, Light.YELLOW), (60, Light.RED), (150, Light.GREEN)],
)
def test_tick(seconds, expected):
    assert TrafficLight().tick(seconds) is expected
""",
    },
    "permission flags": {
        "needs": ("enum", "operator overloading"),
        "solution": """
from enum import Flag, auto


class Permission(Flag):
    NONE = 0
    READ = auto()
    WRITE = auto()
    EXECUTE = auto()
    ALL = READ | WRITE | EXECUTE


def from_text(text):
    found = Permission.NONE
    for letter, permission in zip("rwx", (Permission.READ, Permission.WRITE, Permission.EXECUTE)):
        if letter in text:
            found |= permission
    return found


def to_octal(owner, group, others):
    weights = {Permission.READ: 4, Permission.WRITE: 2, Permission.EXECUTE: 1}
    digits = []
    for who in (owner, group, others):
        digits.append(sum(weight for flag, weight in weights.items() if flag in who))
    return "".join(map(str, digits))


def revoke(permission, *taken):
    for one in taken:
        permission &= ~one
    return permission
""",
        "bug": ("permission &= ~one", "permission ^= one"),
        "tests": """
from solution import Permission, from_text, revoke, to_octal


def test_from_text():
    assert from_text("rw-") == Permission.READ | Permission.WRITE
    assert from_text("---") is Permission.NONE
    assert not from_text("")
    assert from_text("rwx") == Permission.ALL


def test_contains():
    assert Permission.READ in from_text("r-x")
    assert Permission.WRITE not in from_text("r-x")


def test_octal():
    assert to_octal(Permission.ALL, from_text("r-x"), Permission.READ) == "754"


def test_revoke():
    assert revoke(Permission.ALL, Permission.WRITE) == from_text("r-x")
    assert revoke(Permission.READ, Permission.WRITE) == Permission.READ
""",
    },
    "vending machine": {
        "needs": ("class", "enum", "exception class"),
        "solution": """
from enum import Enum, auto


class State(Enum):
    IDLE = auto()
    PAID = auto()
    OUT_OF_ORDER = auto()


class WrongState(Exception):
    def __init__(self, state, action):
        super().__init__(f"{action} is not possible when {state.name}")
        self.state = state


class VendingMachine:
    TABLE = {
        (State.IDLE, "coin"): State.PAID,
        (State.PAID, "coin"): State.PAID,
        (State.PAID, "select"): State.IDLE,
        (State.PAID, "refund"): State.IDLE,
        (State.OUT_OF_ORDER, "repair"): State.IDLE,
    }

    def __init__(self, prices):
        self.prices, self.credit, self.state = prices, 0, State.IDLE
        self.trail = [State.IDLE]

    def _go(self, action):
        if (self.state, action) not in self.TABLE:
            raise WrongState(self.state, action)
        self.state = self.TABLE[self.state, action]
        self.trail.append(self.state)

    def coin(self, cents):
        self._go("coin")
        self.credit += cents

    def select(self, name):
        if self.state is State.PAID and self.credit < self.prices[name]:
            return None
        self._go("select")
        change, self.credit = self.credit - self.prices[name], 0
        return name, change

    def refund(self):
        self._go("refund")
        given, self.credit = self.credit, 0
        return given
""",
        "bug": (
            "change, self.credit = self.credit - self.prices[name], 0",
            "change = self.credit - self.prices[name]",
        ),
        "tests": """
import unittest

from solution import State, VendingMachine, WrongState


class TestVendingMachine(unittest.TestCase):
    def setUp(self):
        self.machine = VendingMachine({"cola": 150, "gum": 50})

    def test_buy(self):
        self.machine.coin(200)
        self.assertEqual(self.machine.select("cola"), ("cola", 50))
        self.assertEqual(self.machine.trail, [State.IDLE, State.PAID, State.IDLE])
        self.machine.coin(50)
        self.assertEqual(self.machine.select("gum"), ("gum", 0))

    def test_too_little(self):
        self.machine.coin(100)
        self.assertIsNone(self.machine.select("cola"))
        self.assertIs(self.machine.state, State.PAID)
        self.assertEqual(self.machine.refund(), 100)

    def test_wrong_state(self):
        with self.assertRaises(WrongState) as caught:
            self.machine.refund()
        self.assertEqual(str(caught.exception), "refund is not possible when IDLE")
        self.assertIs(caught.exception.state, State.IDLE)

    def test_out_of_order(self):
        self.machine.state = State.OUT_OF_ORDER
        self.assertRaises(WrongState, self.machine.coin, 10)
        self.assertEqual(self.machine.credit, 0)


if __name__ == "__main__":
    unittest.main()
""",
    },
}
