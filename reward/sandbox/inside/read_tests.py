"""Read tests that are data, without running them: asserts that compare one function's answers with constants.

    assert f(1) == 2              def check(candidate):                    def test_f():
    assert f("ab", 2) == "abab"       assert candidate([1, 2]) == [2, 1]       assert f(1) == 2, "one"

Tests that do not have exactly this form are not read, because a source that is read
(`reward.sandbox.host.data_tests`) must get the same verdict as running it (`inside.run_tests`). Reading is
also done in a confined process: a model wrote the source, and some sources crash a parser.
"""

from __future__ import annotations

import ast
import builtins
import operator
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from . import run_tests, values

MAX_BITS = 256
"""Most bits of a number in a calculation; the result may have 16 times as many."""
LONGEST = 1 << 18
"""Most bytes of all calls in a source together."""
_TABLE = "METADATA"
_MEANT_OTHERWISE = (_TABLE, "__debug__", "set")
_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
_COMPARISONS: dict[type[ast.cmpop], str] = {ast.Eq: "==", ast.NotEq: "!=", ast.Is: "is", ast.IsNot: "is not"}
Assertion: TypeAlias = list[Any]
"""[message that asks for the answer, how the answer is compared, with what, line, text of the assertion (None
where it would have to be evaluated)]."""
Step: TypeAlias = list[Assertion]
"""What counts as one test: an assert at the top level of the source, or all asserts of a function."""


class NotData(Exception):
    """A source does not have the form that is read here."""


def read(tests: str, entry_point: str | None) -> list[Any] | None:
    """Return the name of the function that a source calls, and its steps; None when it has to be run."""
    try:
        tree = ast.parse(tests.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}"))
        compile(tree, "tests.py", "exec", dont_inherit=True)
        return _Reader(entry_point).read(tree)
    except (NotData, SyntaxError, TypeError, ValueError, ArithmeticError, RecursionError, MemoryError):
        return None


class _Reader:
    """Read one source."""

    def __init__(self, entry_point: str | None) -> None:
        self.entry_point = entry_point
        self.name = entry_point or ""
        self.functions: dict[str, Step] = {}

    def read(self, tree: ast.Module) -> list[Any]:
        """Return the function's name and the steps.

        Raises:
            NotData: the source has another form.
        """
        statements = [statement for statement in tree.body if not _says_nothing(statement)]
        steps = [step for statement in statements for step in self._statement(statement)]
        steps += [self.functions[name] for name in sorted(self.functions, key=lambda name: name != "check")]
        if not any(steps) or self.name in {*self.functions, *_MEANT_OTHERWISE}:
            raise NotData
        if sum(len(call) for step in steps for call, *_ in step) > LONGEST:
            raise NotData
        return [self.name, steps]

    def _statement(self, statement: ast.stmt) -> Iterator[Step]:
        """Yield the steps that a statement runs at once, and keep the step of a function that it defines."""
        match statement:
            case ast.Assert():
                yield self._assertion(statement, "")
            case ast.FunctionDef(name=name, decorator_list=[]) if name not in self.functions:
                self.functions[name] = self._function(name, statement)
            case ast.Expr(ast.Call(ast.Name(name), [], [])) if (
                name.startswith("test") and name in self.functions
            ):
                yield self.functions[name]
            case ast.Expr(ast.Call(ast.Name("check" as name), [ast.Name(self.entry_point)], [])) if (
                name in self.functions
            ):
                yield self.functions[name]
            case ast.ImportFrom(module=module, names=names, level=0) if module in run_tests.OWN_NAMES:
                for alias in names:
                    self._is_called(alias.name)
                    if alias.asname:
                        raise NotData
            case _:
                raise NotData

    def _function(self, name: str, function: ast.FunctionDef) -> Step:
        """Read `check(candidate)` or a test without parameters; either may contain nothing but asserts."""
        args, is_check = function.args, name == "check" and bool(self.entry_point)
        others = [*args.posonlyargs, *args.kwonlyargs, *args.defaults, args.vararg, args.kwarg]
        others += [argument.annotation for argument in args.args] + getattr(function, "type_params", [])
        if any(others) or not isinstance(function.returns, ast.Constant | None):
            raise NotData
        if len(args.args) != is_check or not (is_check or name.startswith("test")):
            raise NotData
        candidate = args.args[0].arg if is_check else ""
        if candidate in _MEANT_OTHERWISE:
            raise NotData
        body = [statement for statement in function.body if not _says_nothing(statement)]
        step = [assertion for statement in body for assertion in self._assertion(statement, candidate)]
        if not step:  # a test that asserts nothing is not a test
            raise NotData
        return step

    def _assertion(self, statement: ast.stmt, candidate: str) -> Step:
        """Read `assert f(...) == constant` or a similar assert; `candidate` also names the function."""
        if not isinstance(statement, ast.Assert):
            raise NotData
        compared, expected = "true", None
        match statement.test:
            case ast.Constant(value=truth) if truth:
                return []
            case ast.Compare(left, [operation], [right]) if type(operation) in _COMPARISONS:
                asked, other = (left, right) if isinstance(left, ast.Call) else (right, left)
                compared, expected = _COMPARISONS[type(operation)], constant(other)
                if "is" in compared and not (expected is None or isinstance(expected, bool)):
                    raise NotData
            case ast.UnaryOp(ast.Not(), asked):
                compared = "not"
            case _:
                asked = statement.test
        return [[self._call(asked, candidate), compared, expected, statement.lineno, _words(statement.msg)]]

    def _call(self, node: ast.expr, candidate: str) -> bytes:
        match node:
            case ast.Call(ast.Name(name), args, keywords) if all(keyword.arg for keyword in keywords):
                if name != candidate:
                    self._is_called(name)
                named = {str(keyword.arg): constant(keyword.value) for keyword in keywords}
                # packed in this process, because here a set has the same order as in the tests' process
                message = ["answer", self.name, [constant(argument) for argument in args], named]
                return values.dump(message, values.no_data, LONGEST)
        raise NotData

    def _is_called(self, name: str) -> None:
        """Note that the tests call a name, which must be the one function and have no other meaning there."""
        if not self.entry_point and (
            hasattr(builtins, name) or run_tests.is_standard(name) or name[:1].isupper()
        ):
            raise NotData
        if name in self.functions or name != (self.name or name):
            raise NotData
        self.name = name


def _says_nothing(statement: ast.stmt) -> bool:
    """Is it a docstring, `pass`, or HumanEval's table about the author of the problem?"""
    match statement:
        case ast.Pass() | ast.Expr(ast.Constant()):
            return True
        case ast.Assign([ast.Name(name)], table) if name == _TABLE:
            constant(table)
            return True
    return False


def _words(message: ast.expr | None) -> str | None:
    """Return an assertion's text; None if it has to be evaluated, which must have no side effect."""
    if message is None or isinstance(message, ast.Constant):
        return "" if message is None else str(message.value)
    if any(isinstance(node, ast.NamedExpr | ast.Yield | ast.YieldFrom) for node in ast.walk(message)):
        raise NotData
    return None


def constant(node: ast.expr) -> Any:
    """Return the value of a constant: a literal, or a small calculation with literals.

    Raises:
        NotData: it is not a constant, or its calculation could take long.
        ValueError: it is not a literal.
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
            return _computed(constant(left), operation, constant(right))
    return ast.literal_eval(node)


def _computed(left: Any, operation: ast.operator, right: Any) -> Any:
    """Return the result of a small calculation.

    Raises:
        NotData: the calculation could take long, or its result could be long.
    """
    texts = isinstance(operation, ast.Add) and isinstance(left, str) and isinstance(right, str)
    if not texts and not (_is_small(left) and _is_small(right)):
        raise NotData
    if isinstance(operation, ast.Pow) and abs(right) > MAX_BITS:
        raise NotData
    result = _OPERATORS[type(operation)](left, right)
    if isinstance(result, int) and result.bit_length() > 16 * MAX_BITS:
        raise NotData
    return result


def _present(key: ast.expr | None) -> ast.expr:
    if key is None:  # {**other}
        raise NotData
    return key


def _is_small(value: Any) -> bool:
    return isinstance(value, float) or (isinstance(value, int) and value.bit_length() <= MAX_BITS)
