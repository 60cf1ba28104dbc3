"""Prepare the source of tests before it runs: find the tests, imports of the solution and the main guard.

1. A statement that starts a runner (`unittest.main()`) is left out, because the sandbox runs the tests one by
   one.
2. Statements behind `if __name__ == "__main__"` run only if they assert something that nothing else does.
3. An import from a missing module that stands for the solution becomes an import from `solution`.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

FILE = "tests.py"
_RUNNERS = {"unittest.main", "pytest.main"}
_EXITS = {"sys.exit", "exit", "quit"}
SHARING = frozenset({
    "assertLogs", "assertNoLogs", "chdir", "environ", "getrefcount", "getsource", "mock", "monkeypatch",
    "open", "patch", "putenv", "seed", "setrecursionlimit", "settrace", "signature", "tempfile",
    "__context__", "__suppress_context__",
})  # fmt: skip
"""Names by which tests change or look at something in their own process that the solution would have to
share. When tests replace streams or warnings, that is noticed when they call the solution
(`inside.stand_ins`)."""
UNTOLD = frozenset({
    "BaseExceptionGroup", "ExceptionGroup", "GeneratorExit", "KeyboardInterrupt", "StopAsyncIteration",
    "StopIteration", "SystemExit",
})  # fmt: skip
"""The solution's exceptions that the tests' process cannot raise again. Tests may raise these themselves."""
_STANDS = (
    "solution|submission|implementation|answer|candidate|module|script|program|code|main|task|file|functions?"
)
_STANDS_FOR = re.compile(
    rf"(?:(?:your|my|the|user|student|model)_)?(?:{_STANDS})(?:_(?:{_STANDS}|name|here|under_test|to_test)|_?\d+)*"
)
"""Module names that stand for the solution, whatever it is called: `your_module`, `my_code`,
`solution_file`."""
_FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef
_DEFINES = _FUNCTIONS | ast.ClassDef


@dataclass
class TestsText:
    """A source of tests that compiles."""

    body: list[ast.stmt]
    """The statements to run."""
    flags: int
    """The flags of its `from __future__` imports, for `compile`."""
    used: set[str] = field(default_factory=set)
    """Names that it reads."""
    bound: set[str] = field(default_factory=set)
    """Names that it binds somewhere."""
    names: set[str] = field(default_factory=set)
    """All names in it, attribute names included."""
    holders: set[str] = field(default_factory=set)
    """Names whose attributes it uses."""
    early: set[int] = field(default_factory=set)
    """Lines on which it exits under a condition without reporting a result; such an exit means that it found
    a fault."""
    shared: set[str] = field(default_factory=set)
    """What else it would share with the solution: exceptions that it expects, and attributes that it sets in
    modules."""
    count: int = 0
    """How many tests it has at least."""

    def has_test_functions(self) -> bool:
        """Does it define tests that pytest would find?"""
        return any(_is_for_pytest(statement) for statement in self.body)


def read(source: str, entry_point: str | None, is_there: Callable[[str], bool]) -> TestsText:
    """Parse a source of tests and prepare it for a run.

    Args:
        source: the source.
        entry_point: the function that the tests are about.
        is_there: says whether a module can be imported.

    Raises:
        SyntaxError: it does not compile; some sources raise ValueError, RecursionError or MemoryError
            instead.
    """
    tree = ast.parse(source, FILE)
    code = compile(tree, FILE, "exec", dont_inherit=True)
    nodes = list(ast.walk(tree))  # done once, because a walk takes a tenth of a check
    _import_from_solution(nodes, entry_point, is_there)
    text = TestsText(_without_guards(tree.body), code.co_flags & _futures())
    for node in nodes:
        _note_names(node, text)
    text.early = _early_exits(nodes)
    text.names |= text.used | text.bound
    text.shared = _expected(nodes) | _replaced(nodes)
    text.count = sum(_tests_in(s) or _leads_to_asserts([s], text.body) for s in text.body if not _is_check(s))
    text.count += bool(entry_point and any(map(_is_check, text.body)))
    return text


def _note_names(node: ast.AST, text: TestsText) -> None:
    """Note the names that a node uses or binds."""
    match node:
        case ast.Name(id=name, ctx=ast.Load()):
            text.used.add(name)
        case ast.Name(id=name) | ast.arg(arg=name):
            text.bound.add(name)
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            text.bound.add(name)
        case ast.alias(name=name, asname=other):
            text.bound.add((other or name).partition(".")[0])
            text.names |= set(name.split("."))
        case ast.Attribute(attr=name):
            text.names.add(name)
            if isinstance(node.value, ast.Name):
                text.holders.add(node.value.id)


def _early_exits(nodes: Iterable[ast.AST]) -> set[int]:
    """Return the lines on which a source exits under a condition without reporting a result."""
    conditions = [
        node for node in nodes if isinstance(node, ast.If | ast.For | ast.While | ast.ExceptHandler)
    ]
    guarded = [node for node in conditions if not _is_guard(node)]
    inner = [node for condition in guarded for node in ast.walk(condition)]
    return {getattr(node, "lineno", 0) for node in inner if _leaves_silently(node)}


def _leaves_silently(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        return not node.args and ast.unparse(node.func) in _EXITS
    return isinstance(node, ast.Raise) and _leaves_by(node)


def _leaves_by(node: ast.Raise) -> bool:
    return node.exc is not None and ast.unparse(node.exc) in ("SystemExit", "SystemExit()")


def _expected(nodes: list[ast.AST]) -> set[str]:
    """Return the names in `UNTOLD` that a source uses for anything but raising them."""
    raises = [node.exc for node in nodes if isinstance(node, ast.Raise) and node.exc]
    raised = {id(part) for made in raises for part in ast.walk(made)}
    names = {node.id for node in nodes if isinstance(node, ast.Name) and id(node) not in raised}
    groups = {"ExceptionGroup"} if any(isinstance(node, ast.TryStar) for node in nodes) else set()
    return names & UNTOLD | groups


def _replaced(nodes: list[ast.AST]) -> set[str]:
    """Return the attributes of imported modules that a source sets, such as `time.sleep`."""
    imported = [alias for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    modules = {alias.asname or alias.name.partition(".")[0] for alias in imported} - {"unittest"}
    attributes = [
        node for node in nodes if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load)
    ]
    return {ast.unparse(node) for node in attributes if ast.unparse(node.value).partition(".")[0] in modules}


def asserts(statement: ast.stmt) -> bool:
    """Does a statement that is not a definition assert, or raise or exit when something is wrong?"""
    return not isinstance(statement, _DEFINES) and any(map(_asserting, ast.walk(statement)))


def may_refute(statement: ast.stmt, body: Iterable[ast.stmt]) -> bool:
    """Could a statement find a fault by a call of its own (of no built-in function) or by a helper's asserts?

    A statement that only prints a comparison finds nothing.
    """
    if isinstance(statement, _DEFINES):
        return False
    match statement:
        case ast.Expr(ast.Await()):
            return True
        case ast.Expr(ast.Call(function)):
            return not (isinstance(function, ast.Name) and hasattr(builtins, function.id))
    return _leads_to_asserts([statement], body)


def _futures() -> int:
    import __future__  # noqa: PLC0415 (`annotations` of this file must not count)

    return sum(getattr(__future__, name).compiler_flag for name in __future__.all_feature_names)


# -- the main guard ------------------------------------------------------------------------------------------


def _without_guards(body: list[ast.stmt]) -> list[ast.stmt]:
    """Return the statements to run, with those behind a main guard if only they assert something."""
    others = [statement for statement in body if not _is_guard(statement)]
    alone = not any(_tests_in(statement) or _is_check(statement) for statement in others)
    made: list[ast.stmt] = []
    for statement in body:
        if not isinstance(statement, ast.If) or not _is_guard(statement):
            made.append(statement)
        elif alone or _leads_to_asserts([s for s in statement.body if not _calls_a_test(s)], others):
            made += _without_end(statement.body)
    return _without_end(made)


def _is_guard(statement: ast.AST) -> bool:
    """Does a statement run only when the file is a program? Other parts of its condition are ignored."""
    if not isinstance(statement, ast.If):
        return False
    test = statement.test
    parts = test.values if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And) else [test]
    compared = [p for p in parts if isinstance(p, ast.Compare) and isinstance(p.ops[0], ast.Eq | ast.In)]
    return any(
        {ast.unparse(s) for s in (p.left, *p.comparators)} == {"__name__", "'__main__'"} for p in compared
    )


def _without_end(body: list[ast.stmt]) -> list[ast.stmt]:
    """Return the statements without those that start a runner, and without a plain exit at the end."""
    kept = [statement for statement in body if not _called(statement) & _RUNNERS]
    return kept[:-1] if kept and _leaves_plainly(kept[-1]) else kept


def _leaves_plainly(statement: ast.stmt) -> bool:
    match statement:
        case ast.Expr(ast.Call(function, given)) if ast.unparse(function) in _EXITS:
            return not given or ast.unparse(given[0]) in ("0", "None")
    return False


def _called(statement: ast.stmt) -> set[str]:
    """Return the names that a call statement calls, in its arguments too."""
    if not isinstance(statement, ast.Expr) or not isinstance(statement.value, ast.Call):
        return set()
    return {
        ast.unparse(node.func)
        for node in (statement.value, *statement.value.args)
        if isinstance(node, ast.Call)
    }


def _calls_a_test(statement: ast.stmt) -> bool:
    """Is a statement only `test_x()`, a call of a test that is run anyway?"""
    match statement:
        case ast.Expr(ast.Call(ast.Name(name), [], [])):
            return name.startswith("test")
    return False


# -- what is a test ------------------------------------------------------------------------------------------


def _asserting(node: ast.AST) -> bool:
    return isinstance(node, ast.Assert | ast.Raise) or (
        isinstance(node, ast.Call) and ast.unparse(node.func) in _EXITS
    )


def _leads_to_asserts(statements: list[ast.stmt], body: Iterable[ast.stmt]) -> bool:
    """Do statements other than definitions assert, directly or through functions, as EvalPlus' loops do?"""
    statements = [statement for statement in statements if not isinstance(statement, _DEFINES)]
    defined = {part.name: part for part in body if isinstance(part, _DEFINES)}
    reached = [*statements, *(defined[name] for name in _reached(statements, defined))]
    return any(isinstance(node, ast.Assert) for statement in reached for node in ast.walk(statement))


def _reached(statements: list[ast.stmt], defined: Mapping[str, ast.stmt]) -> set[str]:
    """Return the names of the definitions that statements use, directly or through other definitions."""
    reached: set[str] = set()
    left = list(statements)
    while left:
        used = {node.id for node in ast.walk(left.pop()) if isinstance(node, ast.Name)}
        new = (used & defined.keys()) - reached
        reached |= new
        left += [defined[name] for name in new]
    return reached


def _is_check(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.FunctionDef) and statement.name == "check"


def _is_for_pytest(statement: ast.stmt) -> bool:
    """Is a statement a test function, a test class in pytest's style, or a TestCase class with fixtures?"""
    if isinstance(statement, ast.ClassDef):
        functions = [part for part in statement.body if isinstance(part, _FUNCTIONS)]
        fixtures = [
            each for part in functions for each in part.decorator_list if "fixture" in ast.unparse(each)
        ]
        cases = any(ast.unparse(base).endswith("TestCase") for base in statement.bases)
        found = bool(fixtures) if cases else statement.name.startswith("Test")
        return found and bool(_tests_in(statement))
    return bool(_tests_in(statement)) and isinstance(statement, _FUNCTIONS)


def _tests_in(statement: ast.stmt) -> int:
    """Return how many tests a statement is or defines: an assert, a test function, or a class's methods."""
    if isinstance(statement, _FUNCTIONS):
        return int(statement.name.startswith("test"))
    if isinstance(statement, ast.ClassDef):
        return sum(map(_tests_in, (part for part in statement.body if isinstance(part, _FUNCTIONS))))
    return int(asserts(statement))


# -- imports -------------------------------------------------------------------------------------------------


def _import_from_solution(
    nodes: Iterable[ast.AST], entry_point: str | None, is_there: Callable[[str], bool]
) -> None:
    """Redirect imports from a missing module that stands for the solution to `solution`.

    A module stands for the solution if its name says so, such as `your_module`, or if the tests import from
    it the function that is tested, or something with the same name as the module. It does not matter whether
    the solution defines what is imported: if it does not, the solution is wrong, not the tests. Any other
    missing module is a package that is not installed.
    """
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            top = (node.module or "").partition(".")[0]
            if _stands_for_solution(node, entry_point) and (node.level or not is_there(top)):
                node.module, node.level = "solution", 0
        elif isinstance(node, ast.Import):
            for alias in node.names:
                stands = alias.name == entry_point or _STANDS_FOR.fullmatch(alias.name)
                if stands and not is_there(alias.name):
                    alias.name, alias.asname = "solution", alias.asname or alias.name


def _stands_for_solution(node: ast.ImportFrom, entry_point: str | None) -> bool:
    names = {alias.name for alias in node.names}
    module = (node.module or "").rpartition(".")[2]
    named_after = any(_plain(name) == _plain(module) for name in names)
    return bool(node.level > 0 or entry_point in names or named_after or _STANDS_FOR.fullmatch(module))


def _plain(name: str) -> str:
    return name.replace("_", "").lower()
