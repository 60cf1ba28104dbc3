"""Class tasks about texts that are read or written. See `class_tasks`."""

TEXT = {
    "tokenizer": {
        "needs": ("named tuple", "exception class", "generator"),
        "solution": r"""
import re
from typing import NamedTuple


class Token(NamedTuple):
    kind: str
    text: str
    column: int


class LexError(SyntaxError):
    def __init__(self, text, column):
        super().__init__(f"unexpected {text!r} at column {column}")
        self.column = column


RULES = [
    ("number", r"\d+(?:\.\d+)?"),
    ("name", r"[A-Za-z_]\w*"),
    ("string", r'"(?:\\.|[^"\\])*"'),
    ("operator", r"==|<=|>=|[-+*/=<>()]"),
    ("space", r"\s+"),
]
PATTERN = re.compile("|".join(f"(?P<{kind}>{rule})" for kind, rule in RULES))
KEYWORDS = {"if", "else", "while", "let"}


def tokens(source):
    place = 0
    while place < len(source):
        found = PATTERN.match(source, place)
        if not found:
            raise LexError(source[place], place + 1)
        kind, text = found.lastgroup, found.group()
        if kind == "name" and text in KEYWORDS:
            kind = "keyword"
        if kind != "space":
            yield Token(kind, text, place + 1)
        place = found.end()
""",
        "bug": (r"==|<=|>=|[-+*/=<>()]", r"[-+*/=<>()]|==|<=|>="),
        "tests": r"""
import pytest

from solution import LexError, Token, tokens


def test_kinds():
    assert [token.kind for token in tokens('let x = 3.5 + "a b"')] == [
        "keyword", "name", "operator", "number", "operator", "string",
    ]


def test_columns():
    assert list(tokens("a  b")) == [Token("name", "a", 1), Token("name", "b", 4)]


def test_longest_operator():
    assert [token.text for token in tokens("a<=b==c")] == ["a", "<=", "b", "==", "c"]


def test_escaped_quote():
    assert next(tokens(r'"a\"b" c')).text == r'"a\"b"'


def test_errors_come_when_reached():
    stream = tokens("ok $")
    assert next(stream) == ("name", "ok", 1)
    with pytest.raises(LexError, match=r"'\$' at column 4") as caught:
        next(stream)
    assert caught.value.column == 4
    assert isinstance(caught.value, SyntaxError)
""",
    },
    "expression parser": {
        "needs": ("class", "exception class"),
        "solution": r"""
import re


class ParseError(Exception):
    def __init__(self, message, position):
        super().__init__(message)
        self.position = position


class Parser:
    def __init__(self, text, names=None):
        self.tokens = [(m.group(), m.start()) for m in re.finditer(r"\d+\.?\d*|\w+|\S", text)]
        self.tokens.append(("end", len(text)))
        self.names = names or {}
        self.at = 0

    def _take(self, *wanted):
        token, _ = self.tokens[self.at]
        if token in wanted:
            self.at += 1
            return token
        return None

    def parse(self):
        value = self._sum()
        if not self._take("end"):
            raise ParseError(f"unexpected {self.tokens[self.at][0]}", self.tokens[self.at][1])
        return value

    def _sum(self):
        value = self._product()
        while sign := self._take("+", "-"):
            other = self._product()
            value = value + other if sign == "+" else value - other
        return value

    def _product(self):
        value = self._atom()
        while sign := self._take("*", "/"):
            other = self._atom()
            value = value * other if sign == "*" else value / other
        return value

    def _atom(self):
        if self._take("-"):
            return -self._atom()
        if self._take("("):
            value = self._sum()
            if not self._take(")"):
                raise ParseError("missing )", self.tokens[self.at][1])
            return value
        token, position = self.tokens[self.at]
        self.at += 1
        if token[0].isdigit():
            return float(token)
        if token in self.names:
            return self.names[token]
        raise ParseError(f"unknown {token}", position)
""",
        "bug": ("            other = self._product()\n", "            other = self._sum()\n"),
        "tests": """
import unittest

from solution import ParseError, Parser


def value(text, **names):
    return Parser(text, names).parse()


class TestValues(unittest.TestCase):
    def test_precedence(self):
        self.assertEqual(value("2 + 3 * 4"), 14)
        self.assertEqual(value("(2 + 3) * 4"), 20)

    def test_left_to_right(self):
        self.assertEqual(value("10 - 4 - 3"), 3)
        self.assertEqual(value("16 / 4 / 2"), 2)

    def test_names(self):
        self.assertAlmostEqual(value("-x / (y + 1)", x=3, y=2.0), -1)


class TestErrors(unittest.TestCase):
    def test_position(self):
        for text, position in ("1 + ?", 4), ("(1 + 2", 6), ("1 2", 2):
            with self.subTest(text), self.assertRaises(ParseError) as caught:
                value(text)
            self.assertEqual(caught.exception.position, position)

    def test_message(self):
        self.assertRaisesRegex(ParseError, "^unknown z$", value, "1 + z", x=1)

    def test_division_by_zero_is_no_parse_error(self):
        with self.assertRaises(ZeroDivisionError):
            value("1 / 0")


if __name__ == "__main__":
    unittest.main()
""",
    },
    "template with filters": {
        "needs": ("class", "callback"),
        "solution": r"""
import re


class Template:
    FILTERS = {"upper": str.upper, "title": str.title, "len": lambda text: str(len(text))}

    def __init__(self, source, **filters):
        self.source = source
        self.filters = {**self.FILTERS, **filters}

    def _value(self, expression, context):
        path, *names = [part.strip() for part in expression.split("|")]
        value = context
        for key in path.split("."):
            value = value[int(key)] if isinstance(value, (list, tuple)) else value[key]
        text = str(value)
        for name in names:
            if name not in self.filters:
                raise LookupError(f"no filter {name}")
            text = self.filters[name](text)
        return text

    def render(self, **context):
        return re.sub(r"\{\{(.*?)\}\}", lambda found: self._value(found.group(1), context), self.source)
""",
        "bug": (r"\{\{(.*?)\}\}", r"\{\{(.*)\}\}"),
        "tests": """
import pytest

from your_module import Template


def shout(text):
    return text + "!"


def test_plain():
    assert Template("Hello {{ name }}, {{name}}!").render(name="Ann") == "Hello Ann, Ann!"


def test_paths():
    context = {"user": {"tags": ["a", "b"]}}
    assert Template("{{ user.tags.1 }}").render(**context) == "b"


def test_own_filters():
    template = Template("{{ word | upper | shout }} {{ word | shout | len }}", shout=shout)
    assert template.render(word="hey") == "HEY! 4"
    assert Template("{{ n | twice }}", twice=lambda text: text * 2).render(n=7) == "77"


def test_filter_is_called_for_each_use():
    seen = []

    def note(text):
        seen.append(text)
        return text

    Template("{{ a | note }}{{ b | note }}", note=note).render(a=1, b=2)
    assert seen == ["1", "2"]


def test_unknown():
    with pytest.raises(LookupError, match="no filter nope"):
        Template("{{ a | nope }}").render(a=1)
    with pytest.raises(KeyError):
        Template("{{ b }}").render(a=1)
""",
    },
    "configuration as a mapping": {
        "needs": ("class", "operator overloading", "inheritance"),
        "solution": """
from collections.abc import MutableMapping


class Config(MutableMapping):
    def __init__(self, parent=None):
        self._own, self._parent = {}, parent

    def __getitem__(self, key):
        if key in self._own:
            return self._own[key]
        if self._parent is not None:
            return self._parent[key]
        raise KeyError(key)

    def __setitem__(self, key, value):
        if not isinstance(key, str):
            raise TypeError("keys are texts")
        self._own[key.lower()] = value

    def __delitem__(self, key):
        del self._own[key]

    def __iter__(self):
        yield from self._own
        for key in self._parent or ():
            if key not in self._own:
                yield key

    def __len__(self):
        return sum(1 for _ in self)

    def child(self):
        return Config(self)

    @classmethod
    def parse(cls, text):
        config = section = cls()
        for line in map(str.strip, text.splitlines()):
            if line.startswith("["):
                section = config[line.strip("[]")] = config.child()
            elif line and not line.startswith("#"):
                key, _, value = line.partition("=")
                section[key.strip()] = value.strip()
        return config
""",
        "bug": ("            if key not in self._own:\n                yield key", "            yield key"),
        "tests": """
import unittest
from collections.abc import Mapping

from solution import Config

TEXT = '''
debug = no
# servers
[web]
port = 80
[db]
port = 5432
DEBUG = yes
'''


class ConfigTest(unittest.TestCase):
    def setUp(self):
        self.config = Config.parse(TEXT)

    def test_sections_inherit(self):
        self.assertEqual(self.config["web"]["debug"], "no")
        self.assertEqual(self.config["db"]["debug"], "yes")

    def test_mapping_protocol(self):
        self.assertIsInstance(self.config, Mapping)
        self.assertIn("port", self.config["web"])
        self.assertEqual(self.config.get("nothing", 7), 7)
        self.assertEqual(self.config.pop("debug"), "no")
        with self.assertRaises(KeyError):
            self.config["debug"]

    def test_each_key_once(self):
        child = self.config.child()
        child["debug"] = "maybe"
        child.update(verbose=True)
        self.assertEqual(sorted(child), ["db", "debug", "verbose", "web"])
        self.assertEqual(len(child), 4)

    def test_keys_are_texts(self):
        with self.assertRaisesRegex(TypeError, "keys are texts"):
            self.config[3] = "x"
""",
    },
    "JSON of own types": {
        "needs": ("class", "inheritance", "dataclass", "parametrize"),
        "solution": """
import json
from dataclasses import asdict, dataclass, is_dataclass
from datetime import date, datetime
from decimal import Decimal


@dataclass
class Point:
    x: int
    y: int


class Encoder(json.JSONEncoder):
    def default(self, o):
        if isinstance(o, datetime):
            return {"$time": o.isoformat()}
        if isinstance(o, date):
            return {"$date": o.isoformat()}
        if isinstance(o, Decimal):
            return {"$decimal": str(o)}
        if isinstance(o, (set, frozenset)):
            return {"$set": sorted(o)}
        if is_dataclass(o):
            return {"$type": type(o).__name__, **asdict(o)}
        return super().default(o)


class Decoder(json.JSONDecoder):
    READ = {
        "$time": datetime.fromisoformat,
        "$date": date.fromisoformat,
        "$decimal": Decimal,
        "$set": set,
    }

    def __init__(self, types=(Point,), **options):
        super().__init__(object_hook=self._read, **options)
        self._types = {one.__name__: one for one in types}

    def _read(self, found):
        for key, read in self.READ.items():
            if key in found:
                return read(found[key])
        if "$type" in found:
            return self._types[found.pop("$type")](**found)
        return found


def dumps(value, **options):
    return json.dumps(value, cls=Encoder, **options)


def loads(text, **options):
    return json.loads(text, cls=Decoder, **options)
""",
        "bug": ('        if isinstance(o, datetime):\n            return {"$time": o.isoformat()}\n', ""),
        "tests": """
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import pytest

from solution import Encoder, Point, dumps, loads


@dataclass
class Segment:
    a: int
    name: str


@pytest.mark.parametrize(
    "value",
    [
        date(2024, 2, 29),
        datetime(2024, 2, 29, 12, 30),
        Decimal("1.10"),
        {1, 2},
        Point(1, -2),
        [Point(0, 0), {"a": None}],
    ],
)
def test_round_trip(value):
    assert loads(dumps(value)) == value
    assert type(loads(dumps(value))) is type(value)


def test_own_type():
    text = dumps(Segment(1, "s"), sort_keys=True)
    assert text == '{"$type": "Segment", "a": 1, "name": "s"}'
    assert loads(text, types=[Segment]) == Segment(1, "s")


def test_unknown():
    with pytest.raises(TypeError):
        Encoder().encode(object())
    with pytest.raises(KeyError):
        loads('{"$type": "Nope"}')
""",
    },
}
