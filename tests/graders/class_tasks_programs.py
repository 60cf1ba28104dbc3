"""Class tasks about programs: what they print, read and take from their surroundings. See `class_tasks`."""

PROGRAMS_OF_CLASSES = {
    "command line with capsys": {
        "needs": ("output", "fixture"),
        "solution": """
import argparse
import sys


def build_parser():
    parser = argparse.ArgumentParser(prog="convert")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, unit in (("km", "miles"), ("kg", "pounds")):
        command = commands.add_parser(name)
        command.add_argument("values", type=float, nargs="+")
        command.add_argument("--digits", type=int, default=1)
        command.set_defaults(unit=unit)
    return parser


FACTORS = {"km": 0.621371, "kg": 2.204623}


def main(argv=None):
    args = build_parser().parse_args(argv)
    for value in args.values:
        if value < 0:
            print(f"negative: {value:g}", file=sys.stderr)
            return 1
        print(f"{value * FACTORS[args.command]:.{args.digits}f} {args.unit}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
""",
        "bug": ('print(f"negative: {value:g}", file=sys.stderr)', 'print(f"negative: {value:g}")'),
        "tests": """
import pytest

from solution import main


def test_prints_a_line_each(capsys):
    assert main(["km", "1", "10"]) == 0
    assert capsys.readouterr().out == "0.6 miles\\n6.2 miles\\n"


def test_digits(capsys):
    main(["kg", "2", "--digits", "3"])
    assert capsys.readouterr().out.strip() == "4.409 pounds"


def test_negative_goes_to_stderr(capsys):
    assert main(["km", "--", "-3"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "negative: -3\\n"


def test_usage(capsys):
    with pytest.raises(SystemExit) as caught:
        main([])
    assert caught.value.code == 2
    assert "usage: convert" in capsys.readouterr().err
""",
    },
    "to-do list that prints": {
        "needs": ("class", "output", "mock"),
        "solution": """
class TodoList:
    def __init__(self):
        self.tasks = []

    def add(self, title):
        self.tasks.append({"title": title, "done": False})
        print(f"Added: {title}")

    def complete(self, number):
        if not 1 <= number <= len(self.tasks):
            print("No such task")
            return
        self.tasks[number - 1]["done"] = True

    def show(self):
        if not self.tasks:
            print("Nothing to do")
        for number, task in enumerate(self.tasks, 1):
            mark = "x" if task["done"] else " "
            print(f"{number}. [{mark}] {task['title']}")

    def pending(self):
        return [task["title"] for task in self.tasks if not task["done"]]
""",
        "bug": ("if not 1 <= number <= len(self.tasks):", "if number > len(self.tasks):"),
        "tests": """
import contextlib
import io
import unittest
from unittest.mock import patch

from solution import TodoList


class TestTodoList(unittest.TestCase):
    def setUp(self):
        self.todo = TodoList()
        with contextlib.redirect_stdout(io.StringIO()) as self.said:
            self.todo.add("buy milk")
            self.todo.add("sleep")

    def shown(self, method, *args):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            method(*args)
        return out.getvalue().splitlines()

    def test_add(self):
        self.assertEqual(self.said.getvalue(), "Added: buy milk\\nAdded: sleep\\n")

    def test_show(self):
        self.todo.complete(2)
        self.assertEqual(self.shown(self.todo.show), ["1. [ ] buy milk", "2. [x] sleep"])
        self.assertEqual(self.todo.pending(), ["buy milk"])

    def test_wrong_number(self):
        self.assertEqual(self.shown(self.todo.complete, 0), ["No such task"])
        self.assertEqual(self.todo.pending(), ["buy milk", "sleep"])

    @patch("sys.stdout", new_callable=io.StringIO)
    def test_empty(self, stdout):
        TodoList().show()
        self.assertEqual(stdout.getvalue(), "Nothing to do\\n")


if __name__ == "__main__":
    unittest.main()
""",
    },
    "calculator that reads lines": {
        "needs": ("stdin", "output", "monkeypatch"),
        "solution": """
import sys


class StackError(Exception):
    pass


OPERATIONS = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a // b,
}


def evaluate(line):
    stack = []
    for word in line.split():
        if word in OPERATIONS:
            if len(stack) < 2:
                raise StackError("stack underflow")
            b, a = stack.pop(), stack.pop()
            stack.append(OPERATIONS[word](a, b))
        else:
            stack.append(int(word))
    if len(stack) != 1:
        raise StackError(f"{len(stack)} values left")
    return stack[0]


def main():
    for line in sys.stdin:
        if not line.strip():
            continue
        try:
            print(evaluate(line))
        except (StackError, ZeroDivisionError, ValueError) as error:
            print(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
""",
        "bug": ("b, a = stack.pop(), stack.pop()", "a, b = stack.pop(), stack.pop()"),
        "tests": """
import io
import sys

import pytest

import solution


def run(monkeypatch, capsys, text):
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))
    solution.main()
    return capsys.readouterr().out.splitlines()


def test_lines(monkeypatch, capsys):
    assert run(monkeypatch, capsys, "1 2 +\\n\\n10 4 - 2 *\\n") == ["3", "12"]


def test_errors_are_printed(monkeypatch, capsys):
    lines = run(monkeypatch, capsys, "+\\n1 2\\n1 0 /\\n")
    assert lines[:2] == ["StackError: stack underflow", "StackError: 2 values left"]
    assert lines[2].startswith("ZeroDivisionError")


def test_nothing(monkeypatch, capsys):
    assert run(monkeypatch, capsys, "") == []


def test_evaluate():
    assert solution.evaluate("7 2 /") == 3
    with pytest.raises(solution.StackError):
        solution.evaluate("")
""",
    },
    "progress bar on a stream": {
        "needs": ("class", "output", "iterator protocol"),
        "solution": r"""
import sys


class Progress:
    def __init__(self, items, width=10, file=None):
        self.items = list(items)
        self.width = width
        self.file = file if file is not None else sys.stdout
        self.done = 0

    def _draw(self):
        share = self.done / len(self.items) if self.items else 1
        filled = int(share * self.width)
        bar = "#" * filled + "." * (self.width - filled)
        self.file.write(f"\r[{bar}] {share:4.0%}")
        self.file.flush()

    def __iter__(self):
        self._draw()
        for item in self.items:
            yield item
            self.done += 1
            self._draw()
        self.file.write("\n")

    def __len__(self):
        return len(self.items)
""",
        "bug": (
            "            yield item\n            self.done += 1\n",
            "            self.done += 1\n            yield item\n",
        ),
        "tests": r"""
import io

from solution import Progress


class Stream(io.StringIO):
    def __init__(self):
        super().__init__()
        self.flushes = 0

    def flush(self):
        self.flushes += 1
        super().flush()


def test_draws_after_each_item():
    stream = Stream()
    assert list(Progress("ab", width=4, file=stream)) == ["a", "b"]
    assert stream.getvalue().split("\r")[1:] == ["[....]   0%", "[##..]  50%", "[####] 100%\n"]
    assert stream.flushes == 3


def test_stopped_early():
    progress = Progress(range(4), width=4, file=io.StringIO())
    for item in progress:
        if item == 2:
            break
    assert progress.done == 2
    assert not progress.file.getvalue().endswith("\n")


def test_empty(capsys):
    assert list(Progress([])) == []
    assert capsys.readouterr().out == "\r[##########] 100%\n"
""",
    },
    "settings from the environment": {
        "needs": ("class", "monkeypatch", "fixture", "dataclass", "parametrize"),
        "solution": """
import os
from dataclasses import dataclass, fields


class SettingsError(ValueError):
    pass


TRUTHS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


def _boolean(text):
    return TRUTHS[text.lower()]


@dataclass(frozen=True)
class Settings:
    host: str = "localhost"
    port: int = 8000
    debug: bool = False

    @classmethod
    def load(cls, prefix="APP_"):
        given = {}
        for field in fields(cls):
            text = os.environ.get(prefix + field.name.upper())
            if text is None:
                continue
            read = _boolean if field.type is bool else field.type
            try:
                given[field.name] = read(text)
            except (ValueError, KeyError):
                name = prefix + field.name.upper()
                raise SettingsError(f"{name}={text!r} is no {field.type.__name__}") from None
        return cls(**given)
""",
        "bug": ("read = _boolean if field.type is bool else field.type", "read = field.type"),
        "tests": """
import pytest

from solution import Settings, SettingsError


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    for name in ("HOST", "PORT", "DEBUG"):
        monkeypatch.delenv("APP_" + name, raising=False)


def test_defaults():
    assert Settings.load() == Settings("localhost", 8000, False)


def test_values(monkeypatch):
    monkeypatch.setenv("APP_PORT", "99")
    monkeypatch.setenv("APP_DEBUG", "no")
    settings = Settings.load()
    assert settings.port == 99
    assert settings.debug is False


def test_prefix(monkeypatch):
    monkeypatch.setenv("WEB_HOST", "example.org")
    assert Settings.load("WEB_").host == "example.org"
    assert Settings.load().host == "localhost"


@pytest.mark.parametrize("name, text", [("PORT", "many"), ("DEBUG", "maybe")])
def test_wrong(monkeypatch, name, text):
    monkeypatch.setenv(f"APP_{name}", text)
    with pytest.raises(SettingsError, match=f"APP_{name}='{text}'"):
        Settings.load()
""",
    },
    "guessing game": {
        "needs": ("mock", "stdin", "output"),
        "solution": """
import random


class Game:
    def __init__(self, low=1, high=100, tries=3):
        self.low, self.high, self.tries = low, high, tries

    def play(self):
        secret = random.randint(self.low, self.high)
        for turn in range(1, self.tries + 1):
            guess = self._ask(f"Guess {turn}: ")
            if guess == secret:
                print(f"Right after {turn}")
                return turn
            print("Too low" if guess < secret else "Too high")
        print(f"It was {secret}")
        return None

    def _ask(self, prompt):
        while True:
            text = input(prompt)
            if text.strip().isdigit():
                return int(text)
            print("A number, please")
""",
        "bug": ('"Too low" if guess < secret else "Too high"', '"Too low" if guess > secret else "Too high"'),
        "tests": """
import unittest
from unittest.mock import call, patch

from solution import Game


class TestGame(unittest.TestCase):
    @patch("builtins.print")
    @patch("builtins.input", side_effect=["10", "x", "42"])
    @patch("random.randint", return_value=42)
    def test_win(self, randint, ask, say):
        self.assertEqual(Game().play(), 2)
        randint.assert_called_once_with(1, 100)
        self.assertEqual(ask.call_count, 3)
        said = [call("Too low"), call("A number, please"), call("Right after 2")]
        self.assertEqual(say.call_args_list, said)

    @patch("builtins.print")
    @patch("builtins.input", return_value="9")
    @patch("random.randint", return_value=3)
    def test_lose(self, randint, ask, say):
        self.assertIsNone(Game(1, 10, tries=2).play())
        ask.assert_called_with("Guess 2: ")
        say.assert_any_call("Too high")
        say.assert_called_with("It was 3")


if __name__ == "__main__":
    unittest.main()
""",
    },
    "page builder": {
        "needs": ("class", "context manager"),
        "solution": """
from contextlib import contextmanager
from html import escape


class Page:
    def __init__(self):
        self._parts = []
        self._open = []

    @contextmanager
    def tag(self, name, **attributes):
        written = "".join(f' {key.rstrip("_")}="{escape(str(value))}"' for key, value in attributes.items())
        self._parts.append(f"<{name}{written}>")
        self._open.append(name)
        try:
            yield self
        finally:
            self._open.pop()
            self._parts.append(f"</{name}>")

    def text(self, words):
        self._parts.append(escape(words))
        return self

    @property
    def depth(self):
        return len(self._open)

    def __str__(self):
        return "".join(self._parts)
""",
        "bug": (
            "        try:\n            yield self\n        finally:\n",
            "        yield self\n        if True:\n",
        ),
        "tests": """
from solution import Page

page = Page()
with page.tag("ul", class_="list"):
    for word in ("a", "b & c"):
        with page.tag("li"):
            page.text(word)
            assert page.depth == 2
assert str(page) == '<ul class="list"><li>a</li><li>b &amp; c</li></ul>'
assert page.depth == 0

broken = Page()
try:
    with broken.tag("p"):
        broken.text("before")
        raise RuntimeError("stop")
except RuntimeError as error:
    assert str(error) == "stop"
assert str(broken) == "<p>before</p>"

with Page().tag("a", href='"x"') as link:
    link.text("1").text("2")
assert str(link) == '<a href="&quot;x&quot;">12</a>'
""",
    },
}
