"""Tests that are data: asserts which compare what one function answers with constants.

    assert f(1) == 2              def check(candidate):                    def test_f():
    assert f("ab", 2) == "abab"       assert candidate([1, 2]) == [2, 1]       assert f(1) == 2, "one"

Most tests of generated functions are nothing else (`docs/sandbox.md` counts them in HumanEval). Nothing of these has to run:
they are read here, the solution's process is asked as in IO mode, and what it answers is compared here, between values of
built-in types. That takes one process instead of two, which is half the cost of a check.

It may not be told apart from running the text (`inside.judge`) but by what it costs. So whatever is not exactly of this form
is not read, and an answer that is anything else than a plain value is not judged: then the tests run after all.
"""

from __future__ import annotations

import ast
import builtins
import json
import operator
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

from reward.sandbox.inside import channel, judge, values

LONGEST = 1 << 16
"""Characters of a text that is read here; parsing a longer one is left to a process that can be killed."""
KEPT = 64
"""Texts that are kept as read: one text judges several solutions."""
MAX_BITS = 256
_TABLE = "METADATA"
PLAIN = (bool, int, float, complex, str, bytes, list, tuple, dict, set, frozenset, type(None))
_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
}


class NotData(Exception):
    """It is not of the form that is read here, or no plain value."""


@dataclass(frozen=True, slots=True)
class Assertion:
    """One assert."""

    call: bytes
    """The message that asks for the answer; empty where the text asserts a constant."""
    compare: Callable[[Any], Any]
    """Whether an answer is right."""
    line: int
    message: str | None
    """What it says when it fails; None when that would have to be evaluated."""


Step: TypeAlias = tuple[Assertion, ...]
"""What counts as one test: an assert at the top of the text, or all those of a function."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A text that was read."""

    name: str
    """The function that it calls."""
    steps: tuple[Step, ...]


@lru_cache(maxsize=KEPT)
def read(tests: str, entry_point: str | None) -> Plan | None:
    """Return a text of tests as data, or None when it has to be run."""
    if len(tests) > LONGEST:
        return None
    try:
        return _Reader(entry_point).read(ast.parse(tests.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")))
    except (NotData, SyntaxError, TypeError, ValueError, ArithmeticError, RecursionError, MemoryError):
        return None


def judged(plan: Plan, solution: int, limit: int) -> dict[str, Any] | None:
    """Return the verdict as `inside.judge` gives it; None when the tests have to be run.

    Args:
        plan: the tests.
        solution: the channel to its process, which is loading it.
        limit: bytes of an answer.
    """
    outcomes: list[bool] = []
    said: dict[str, Any] = {"status": "pass", "why": "", "outcomes": outcomes}
    try:
        match _reply(solution, limit):
            case {"failed": [word, why]}:
                return said | {"status": word if word in judge.SAID_WHEN_LOADING else "load_error", "why": str(why)}
            case {"names": {plan.name: _}}:
                pass
            case _:
                return None
        for step in plan.steps:
            word, why = _step(step, solution, limit)
            outcomes.append(not word)
            if word and said["status"] == "pass":
                said |= {"status": word, "why": why}
    except (NotData, channel.Overlong, values.CannotCarry):
        return None
    except channel.Closed:
        return said | {"status": "gone", "outcomes": outcomes + [False] * (len(plan.steps) - len(outcomes))}
    return said


def _step(step: Step, solution: int, limit: int) -> tuple[str, str]:
    """Return the word and the reason of the first assertion that does not hold."""
    for assertion in step:
        if not assertion.call:
            continue
        channel.send(solution, assertion.call)
        match _reply(solution, limit + 1024):
            case {"raised": [_, _, word, why]}:
                return (word if word in judge.SAID_OF_CALLS else "error"), str(why)
            case {"value": packed, **more} if not more:
                value = values.unpack(packed, _no_data)
            case _:
                raise NotData
        if not _is_plain(value):
            raise NotData
        if not assertion.compare(value):
            if assertion.message is None:
                raise NotData
            said = f": {assertion.message}" if assertion.message else ""
            return "fail", f"AssertionError{said} (line {assertion.line} of the tests)"
    return "", ""


def _reply(solution: int, limit: int) -> Any:
    try:
        return json.loads(channel.receive(solution, limit))
    except (ValueError, RecursionError):
        raise NotData from None


def _no_data(_: Any) -> Any:
    raise values.CannotCarry("an object")


def _is_plain(value: Any) -> bool:
    """Is it made of built-in types alone? How others are compared is for the tests' process."""
    if type(value) not in PLAIN:
        return False
    if isinstance(value, dict):
        return all(_is_plain(key) and _is_plain(item) for key, item in value.items())
    return not isinstance(value, list | tuple | set | frozenset) or all(map(_is_plain, value))


# -- reading ------------------------------------------------------------------------------------------------------


class _Reader:
    """Reads one text."""

    def __init__(self, entry_point: str | None) -> None:
        self.entry_point = entry_point
        self.name = entry_point or ""
        self.functions: dict[str, Step] = {}

    def read(self, tree: ast.Module) -> Plan:
        """Return the tests.

        Raises:
            NotData: it is of another form.
        """
        statements = [statement for statement in tree.body if not _says_nothing(statement)]
        steps = [step for statement in statements for step in self._statement(statement)]
        steps += [self.functions[name] for name in sorted(self.functions, key=lambda name: name != "check")]
        if not any(assertion.call for step in steps for assertion in step):
            raise NotData
        if self.name in {*self.functions, _TABLE}:
            raise NotData
        return Plan(self.name, tuple(steps))

    def _statement(self, statement: ast.stmt) -> Iterator[Step]:
        """Yield what a statement runs at once, and keep what it defines."""
        match statement:
            case ast.Assert():
                yield (self._assertion(statement, ""),)
            case ast.FunctionDef(name=name, decorator_list=[]) if name not in self.functions:
                self.functions[name] = self._function(name, statement)
            case ast.Expr(ast.Call(ast.Name(name), [], [])) if name.startswith("test") and name in self.functions:
                yield self.functions[name]
            case ast.Expr(ast.Call(ast.Name("check"), [ast.Name(given)], [])) if given == self.entry_point:
                yield self._defined("check")
            case ast.ImportFrom(module=module, names=names, level=0) if module in judge.OWN_NAMES:
                for alias in names:
                    self._is_called(alias.name)
                    if alias.asname:
                        raise NotData
            case _:
                raise NotData

    def _defined(self, name: str) -> Step:
        if name not in self.functions:
            raise NotData
        return self.functions[name]

    def _function(self, name: str, function: ast.FunctionDef) -> Step:
        """Read `check(candidate)` or a test without parameters, either with nothing but asserts in it."""
        args, is_check = function.args, name == "check" and bool(self.entry_point)
        others = [*args.posonlyargs, *args.kwonlyargs, *args.defaults, args.vararg, args.kwarg]
        others += [argument.annotation for argument in args.args]
        if any(others) or not isinstance(function.returns, ast.Constant | None):
            raise NotData
        if len(args.args) != is_check or not (is_check or name.startswith("test")):
            raise NotData
        candidate = args.args[0].arg if is_check else ""
        body = [statement for statement in function.body if not _says_nothing(statement)]
        step = tuple(self._assertion(statement, candidate) for statement in body)
        if not any(assertion.call for assertion in step):  # a test that asks nothing is no test
            raise NotData
        return step

    def _assertion(self, statement: ast.stmt, candidate: str) -> Assertion:
        """Read `assert f(...) == constant` and its like; `candidate` is another name for the function."""
        if not isinstance(statement, ast.Assert):
            raise NotData
        call, compare = b"", bool
        match statement.test:
            case ast.Constant(value=truth) if truth:
                pass
            case ast.Compare(left, [operation], [right]) if type(operation) in _COMPARISONS:
                asked, other = (left, right) if isinstance(left, ast.Call) else (right, left)
                expected = constant(other)
                if isinstance(operation, ast.Is | ast.IsNot) and not (expected is None or isinstance(expected, bool)):
                    raise NotData
                call, compare = self._call(asked, candidate), _comparing(_COMPARISONS[type(operation)], expected)
            case ast.UnaryOp(ast.Not(), ast.Call() as asked):
                call, compare = self._call(asked, candidate), operator.not_
            case ast.Call() as asked:
                call = self._call(asked, candidate)
            case _:
                raise NotData
        message = "" if statement.msg is None else None
        if isinstance(statement.msg, ast.Constant):
            message = str(statement.msg.value)
        return Assertion(call, compare, statement.lineno, message)

    def _call(self, node: ast.expr, candidate: str) -> bytes:
        match node:
            case ast.Call(ast.Name(name), args, []):
                if name != candidate:
                    self._is_called(name)
                arguments = [constant(argument) for argument in args]
                return values.dump(["answer", self.name, arguments, {}], _no_data, 1 << 20)
        raise NotData

    def _is_called(self, name: str) -> None:
        """Note that the tests call a name of the solution: always the same, and one that means nothing else there."""
        known = hasattr(builtins, name) or name in judge.STANDARD or name in judge.ALIASES or name in sys.stdlib_module_names
        if not self.entry_point and (known or name[:1].isupper()):
            raise NotData
        if name in self.functions or name != (self.name or name):
            raise NotData
        self.name = name


def _says_nothing(statement: ast.stmt) -> bool:
    """Is it a docstring, `pass`, or HumanEval's table of who wrote the problem?"""
    match statement:
        case ast.Pass() | ast.Expr(ast.Constant()):
            return True
        case ast.Assign([ast.Name(name)], table) if name == _TABLE:
            constant(table)
            return True
    return False


def _comparing(compare: Callable[[Any, Any], Any], expected: Any) -> Callable[[Any], Any]:
    return lambda value: compare(value, expected)


def constant(node: ast.expr) -> Any:
    """Return the value of a constant: literals and small sums of them.

    Raises:
        NotData: it is no constant, or one that could take long.
        ValueError: it is no literal.
        ArithmeticError: it has no value.
    """
    match node:
        case ast.List(items):
            return [constant(item) for item in items]
        case ast.Tuple(items):
            return tuple(constant(item) for item in items)
        case ast.Set(items):
            return {constant(item) for item in items}
        case ast.Dict(keys, items):
            return {constant(_present(key)): constant(item) for key, item in zip(keys, items, strict=True)}
        case ast.BinOp(left, operation, right) if type(operation) in _OPERATORS:
            sides = constant(left), constant(right)
            if not (all(map(_is_small, sides)) or (isinstance(operation, ast.Add) and all(isinstance(s, str) for s in sides))):
                raise NotData
            if isinstance(operation, ast.Pow) and abs(sides[1]) > MAX_BITS:
                raise NotData
            return _OPERATORS[type(operation)](*sides)
    return ast.literal_eval(node)


def _present(key: ast.expr | None) -> ast.expr:
    if key is None:  # {**other}
        raise NotData
    return key


def _is_small(value: Any) -> bool:
    return isinstance(value, float) or (isinstance(value, int) and value.bit_length() <= MAX_BITS)
