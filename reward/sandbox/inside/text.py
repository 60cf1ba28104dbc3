"""The text of the tests as it is run: without what starts a runner or leaves, and with what stands behind the main guard."""

from __future__ import annotations

import ast
import builtins
import itertools
import re
from collections.abc import Callable, Mapping
from typing import Any

_RUNNERS = {"unittest.main", "pytest.main"}
_EXITS = {"sys.exit", "exit", "quit"}
_HEARD = {"builtins.input", "builtins.print", "sys.stdout", "sys.stderr", "sys.stdin"}
"""What tests may replace: the solution asks for it here (`inside.heard`)."""
SAME = "__same__"
_STANDS = "solution|submission|implementation|answer|candidate|module|script|program|code|main|task|file|functions?"
_STANDS_FOR = re.compile(
    rf"(?:(?:your|my|the|user|student|model)_)?(?:{_STANDS})(?:_(?:{_STANDS}|name|here|under_test|to_test)|\d+)*"
)
"""Names of modules that stand for the solution, whatever it is called: `your_module`, `my_code`, `solution_file`."""
_DEFINES = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
Nodes = list[ast.AST]
"""All nodes of a text, walked once: a check costs some milliseconds, and a walk one in ten of them."""


def prepared(tree: ast.Module, nodes: Nodes) -> ast.Module:
    """Return the text with its main guard opened, if it asserts what nothing else does, or there is no test anywhere else."""
    guards = [statement for statement in tree.body if _is_guard(statement)]
    others = [statement for statement in tree.body if statement not in guards]
    alone = not any(
        _defines_tests(statement) or (_asserts(statement) and not isinstance(statement, _DEFINES)) for statement in others
    )
    body = []
    for statement in tree.body:
        if statement not in guards:
            body.append(statement)
        elif isinstance(statement, ast.If) and (alone or _asserts(statement) or _leads_to_more(statement, others)):
            body += _without_end(statement.body)
    made = ast.Module(_without_end(body), [])
    asks = any(isinstance(op, ast.Is | ast.IsNot) for node in nodes if isinstance(node, ast.Compare) for op in node.ops)
    return ast.fix_missing_locations(_Identity().visit(made)) if asks else made


class _Identity(ast.NodeTransformer):
    """Asks `inside.remote.same` where the text says `is`: two answers may be one object without being it here."""

    def __init__(self) -> None:
        self._asserted: set[int] = set()

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        """Note what must be true for an assertion to hold."""
        both = isinstance(node.test, ast.BoolOp) and isinstance(node.test.op, ast.And)
        self._asserted |= {id(part) for part in (node.test.values if both else [node.test])}
        return self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        """Replace `a is b`, but for b that is None, True or the like."""
        self.generic_visit(node)
        sides = [node.left, *node.comparators]
        if len(sides) > 2 and all(isinstance(op, ast.Is) for op in node.ops) and all(isinstance(s, ast.Name) for s in sides):
            pairs = [ast.Compare(one, [ast.Is()], [other]) for one, other in itertools.pairwise(sides)]
            chain: Any = ast.BoolOp(ast.And(), [self.visit_Compare(ast.copy_location(pair, node)) for pair in pairs])
            return ast.copy_location(chain, node)
        if len(sides) > 2 or not isinstance(node.ops[0], ast.Is | ast.IsNot) or any(isinstance(s, ast.Constant) for s in sides):
            return node
        is_not = isinstance(node.ops[0], ast.IsNot)
        # that two answers are one may be a lie, which is believed only where an assertion would fail by it
        negated = [ast.keyword("negated", ast.Constant(True))] if is_not and id(node) in self._asserted else []
        asks = ast.copy_location(ast.Call(ast.Name(SAME, ast.Load()), sides, negated), node)
        return asks if not is_not else ast.copy_location(ast.UnaryOp(ast.Not(), asks), node)


def from_solution(nodes: Nodes, entry_point: str | None, is_there: Callable[[str], bool]) -> None:
    """Let imports from a module that there is not, and that stands for the solution, be of `solution`.

    By its name, such as `your_module`, or because the tests import from it the function that is tested, or one that the module
    is named after. Whether the solution has what is imported plays no part: one that lacks it is wrong, not the tests broken.
    Any other module that is missing is a package that is not installed.

    Args:
        nodes: of the text.
        entry_point: the function that it is about.
        is_there: says whether a module can be imported.
    """
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            names = {alias.name for alias in node.names}
            module = (node.module or "").rpartition(".")[2]
            named_after = any(_plain(name) == _plain(module) for name in names)
            stands = node.level > 0 or entry_point in names or named_after or _STANDS_FOR.fullmatch(module)
            if stands and (node.level or not is_there((node.module or "").partition(".")[0])):
                node.module, node.level = "solution", 0
        elif isinstance(node, ast.Import):
            for alias in node.names:
                stands = alias.name == entry_point or _STANDS_FOR.fullmatch(alias.name)
                if stands and not is_there(alias.name):
                    alias.name, alias.asname = "solution", alias.asname or alias.name


def _plain(name: str) -> str:
    return name.replace("_", "").lower()


def patched(nodes: Nodes) -> str:
    """Return what a text replaces by `patch` and the solution would not notice; empty if there is nothing."""
    if not any(isinstance(node, ast.alias) and {"mock", "patch"} & set(node.name.split(".")) for node in nodes):
        return ""  # a function of the solution may be called `patch`, too
    modules = {alias.asname or alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    for node in nodes:
        name = ast.unparse(node.func).split(".") if isinstance(node, ast.Call) and node.args else [""]
        if not isinstance(node, ast.Call) or "patch" not in name[-2:]:
            continue
        target, *more = [part.value if isinstance(part, ast.Constant) else ast.unparse(part) for part in node.args[:2]]
        if name[-1] == "object":
            target = f"{target}.{more[0] if more else ''}" if target in modules else ""
        elif not isinstance(node.args[0], ast.Constant) and target != "os.environ":
            continue
        if target and target not in _HEARD:
            return str(target)
    return ""


def raises(nodes: Nodes) -> set[int]:
    """Return the lines on which a text raises whatever it finds, directly in a `with`."""
    contexts = [node for node in nodes if isinstance(node, ast.With)]
    statements = [statement for node in contexts for statement in node.body]
    return {s.lineno for s in statements if isinstance(s, ast.Raise) or _is_by_itself(s)}


def _is_by_itself(statement: ast.stmt) -> bool:
    """Is it an expression of constants and built-in functions alone, such as `1 / 0`, which can only be there to raise?"""
    names = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
    return isinstance(statement, ast.Expr) and names <= set(dir(builtins)) - {"print", "input"}


def leaves_early(nodes: Nodes) -> set[int]:
    """Return the lines on which a text leaves under a condition without saying how it went: it found a fault there."""
    conditions = [node for node in nodes if isinstance(node, ast.If | ast.For | ast.While | ast.ExceptHandler)]
    inner = [node for one in conditions if not (isinstance(one, ast.If) and _is_guard(one)) for node in ast.walk(one)]
    return {node.lineno for node in inner if isinstance(node, ast.Call) and ast.unparse(node.func) in _EXITS and not node.args}


def called_only(nodes: Nodes) -> set[str]:
    """Return the names with a capital that a text calls and compares the results of, and no more: functions, not classes.

    A class's objects have attributes that are used, are operands of each other, or are asked what they are.
    """
    called = {node.func.id for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    called = {name for name in called if name[:1].isupper()}
    parents = {child: node for node in nodes for child in ast.iter_child_nodes(node)} if called else {}
    return {name for name in called if _is_called_only(name, nodes, parents)}


def _is_called_only(name: str, nodes: Nodes, parents: Mapping[ast.AST, ast.AST]) -> bool:
    loads = [node for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)]
    results: list[ast.AST] = []
    held: set[str] = set()
    for node in loads:
        if node.id == name:
            call = parents[node]
            if not isinstance(call, ast.Call) or call.func is not node:
                return False
            results.append(call)
            kept = parents[call]
            held |= {t.id for t in kept.targets if isinstance(t, ast.Name)} if isinstance(kept, ast.Assign) else set()
    results += [node for node in loads if node.id in held]
    compared = False
    for node in results:
        above = parents[node]
        sides = [above.left, *above.comparators] if isinstance(above, ast.Compare) else []
        sides = [above.left, above.right] if isinstance(above, ast.BinOp) else sides
        others = [side for side in sides if side is not node]
        if any(isinstance(side, ast.Call) or any(part in results for part in ast.walk(side)) for side in others):
            return False
        asserts = isinstance(above, ast.Call) and ast.unparse(above.func).rpartition(".")[2].startswith("assert")
        if isinstance(above, ast.Call) and not asserts and ast.unparse(above.func) not in dir(builtins):
            return False
        if isinstance(above, ast.Attribute | ast.withitem | ast.List | ast.Tuple | ast.Set | ast.Dict):
            return False
        compared = compared or asserts or bool(others)
    return compared


def is_test(statement: ast.stmt) -> bool:
    """Is it a statement, and no definition, that asserts, or that raises or leaves when something is wrong?"""
    return not isinstance(statement, _DEFINES) and any(_asserting(node) for node in ast.walk(statement))


def may_refute(statement: ast.stmt) -> bool:
    """Is it a call by itself that may raise where something is wrong? To print a comparison finds nothing."""
    if not isinstance(statement, ast.Expr) or not isinstance(statement.value, ast.Call | ast.Await):
        return False
    function = statement.value.func if isinstance(statement.value, ast.Call) else None
    return not (isinstance(function, ast.Name) and hasattr(builtins, function.id))


def leads_to_asserts(statement: ast.stmt, tree: ast.Module) -> bool:
    """Is it a statement, and no definition, that leads to assertions through functions of the text, as EvalPlus' loops do?"""
    defined = {part.name: part for part in tree.body if isinstance(part, _DEFINES)}
    return not isinstance(statement, _DEFINES) and any(_asserts(defined[name]) for name in _reached([statement], defined))


def _asserting(node: ast.AST) -> bool:
    return isinstance(node, ast.Assert | ast.Raise) or (isinstance(node, ast.Call) and ast.unparse(node.func) in _EXITS)


def _asserts(statement: ast.stmt) -> bool:
    return any(isinstance(node, ast.Assert) for node in ast.walk(statement))


def _leads_to_more(guard: ast.If, others: list[ast.stmt]) -> bool:
    """Does a guard lead to assertions, through functions of the text, by more than calling tests?"""
    defined = {statement.name: statement for statement in others if isinstance(statement, _DEFINES)}
    more = [statement for statement in guard.body if not _calls_a_test(statement)]
    return any(_asserts(defined[name]) for name in _reached(more, defined))


def _calls_a_test(statement: ast.stmt) -> bool:
    """Is it `test_x()` and no more, which is run as a test anyway?"""
    call = statement.value if isinstance(statement, ast.Expr) else None
    bare = isinstance(call, ast.Call) and not call.args and not call.keywords
    return bare and isinstance(call.func, ast.Name) and call.func.id.startswith("test")


def _reached(statements: list[ast.stmt], defined: Mapping[str, ast.stmt]) -> set[str]:
    """Return the names of the definitions that statements lead to, their own names among them."""
    reached: set[str] = set()
    while statements:
        statement = statements.pop()
        used = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)} | {getattr(statement, "name", "")}
        new = (used & defined.keys()) - reached
        reached |= new
        statements += [defined[name] for name in new]
    return reached


def skipped(tree: ast.Module) -> set[str]:
    """Return the tests that are skipped whatever the solution does, methods as `Class.method`."""
    found = set()
    for node in tree.body:
        parts = (
            [("", node), *((f"{node.name}.", part) for part in node.body)] if isinstance(node, ast.ClassDef) else [("", node)]
        )
        found |= {prefix + getattr(part, "name", "") for prefix, part in parts if any(map(_is_skip, _decorators(part)))}
    return found


def decorated(tree: ast.Module) -> dict[str, set[str]]:
    """Return the tests of a text that are decorated, methods as `Class.method`, and the names of what decorates them.

    A decorated function with parameters is a helper, unless something else gives it these.
    """
    found: dict[str, set[str]] = {}
    for prefix, node in _tests(tree):
        names = {_root(decorator) for decorator in _decorators(node)}
        args = getattr(node, "args", None)
        takes = len(args.args) - len(args.defaults) > bool(prefix) if args else False
        if names and not (takes and len(_decorators(node)) == 1):
            found[prefix + getattr(node, "name", "")] = names
    return found


def written(tree: ast.Module, entry_point: str | None) -> int:
    """Return how many tests a text has at least: what asserts at its top, what it calls there, and what it defines."""
    defined = [getattr(node, "name", "") for _, node in _tests(tree) if not isinstance(node, ast.ClassDef)]
    checks = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == "check" and entry_point]
    called = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    calls = [
        n
        for n in tree.body
        if isinstance(n, ast.Expr) and isinstance(n.value, ast.Call) and getattr(n.value.func, "id", "") in called
    ]
    return sum(map(is_test, tree.body)) + len(defined) + len(checks) + len(calls)


def _tests(tree: ast.Module) -> list[tuple[str, ast.stmt]]:
    """Return the functions, classes and methods that are tests, with the prefix of their names."""
    found: list[tuple[str, ast.stmt]] = []
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            methods = [("", node), *((f"{node.name}.", part) for part in node.body)]
            found += methods if _defines_tests(node) else []
        elif isinstance(node, _DEFINES):
            found.append(("", node))
    return [(prefix, node) for prefix, node in found if isinstance(node, ast.ClassDef) or _named_test(node)]


def _named_test(node: ast.stmt) -> bool:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test")


def _root(decorator: ast.expr) -> str:
    """Return the name by which a decorator is found: `a` of `@a.b(1).c`."""
    while not isinstance(decorator, ast.Name):
        match decorator:
            case ast.Call(inner) | ast.Attribute(inner) | ast.Subscript(inner):
                decorator = inner
            case _:
                return ""
    return decorator.id


def free(nodes: Nodes) -> set[str]:
    """Return the names that a text uses and binds nowhere."""
    used, bound = set[str](), set[str]()
    for node in nodes:
        if isinstance(node, ast.Name):
            (used if isinstance(node.ctx, ast.Load) else bound).add(node.id)
        elif isinstance(node, ast.alias):
            bound.add((node.asname or node.name).partition(".")[0])
        elif isinstance(node, _DEFINES | ast.arg):
            bound.add(node.arg if isinstance(node, ast.arg) else node.name)
    return used - bound


def holders(nodes: Nodes) -> set[str]:
    """Return the names whose attributes a text uses."""
    attributes = [node.value for node in nodes if isinstance(node, ast.Attribute)]
    return {node.id for node in attributes if isinstance(node, ast.Name)}


def _is_skip(decorator: ast.expr) -> bool:
    """Does it skip a test, or give it no parameters at all?"""
    called = isinstance(decorator, ast.Call)
    name = ast.unparse(decorator.func if called else decorator).rpartition(".")[2]
    rows = decorator.args[1] if called and name == "parametrize" and len(decorator.args) > 1 else None
    return name == "skip" or (isinstance(rows, ast.List | ast.Tuple) and not rows.elts)


def _defines_tests(statement: ast.stmt) -> bool:
    functions = ast.FunctionDef | ast.AsyncFunctionDef
    if isinstance(statement, functions):
        return statement.name.startswith("test") or statement.name == "check"
    if not isinstance(statement, ast.ClassDef):
        return False
    return any(isinstance(part, functions) and part.name.startswith("test") for part in statement.body)


def _is_guard(statement: ast.stmt) -> bool:
    """Is what stands there run only when the text is the program? What else the condition asks for is not asked."""
    if not isinstance(statement, ast.If):
        return False
    test = statement.test
    compared = test.values if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And) else [test]
    return any(
        isinstance(part, ast.Compare)
        and isinstance(part.ops[0], ast.Eq | ast.In)
        and {ast.unparse(side) for side in (part.left, *part.comparators)} == {"__name__", "'__main__'"}
        for part in compared
    )


def _without_end(body: list[ast.stmt]) -> list[ast.stmt]:
    """Return statements without those that start a runner, and without a last one that leaves and says nothing by it."""
    kept = [statement for statement in body if not _calls(statement) & _RUNNERS]
    return kept[:-1] if kept and _leaves(kept[-1]) else kept


def _leaves(statement: ast.stmt) -> bool:
    if not isinstance(statement, ast.Expr) or not isinstance(statement.value, ast.Call):
        return False
    said = statement.value.args
    return ast.unparse(statement.value.func) in _EXITS and (not said or ast.unparse(said[0]) in ("0", "None"))


def _calls(statement: ast.stmt) -> set[str]:
    """Return the names of what a statement that is a call calls, in its arguments too."""
    if not isinstance(statement, ast.Expr) or not isinstance(statement.value, ast.Call):
        return set()
    return {ast.unparse(node.func) for node in (statement.value, *statement.value.args) if isinstance(node, ast.Call)}


def _decorators(node: ast.stmt) -> list[ast.expr]:
    return getattr(node, "decorator_list", [])
