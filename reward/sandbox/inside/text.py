"""The text of the tests as it is run: without what starts a runner or leaves, and with what stands behind the main guard."""

from __future__ import annotations

import ast
from collections.abc import Iterator

_RUNNERS = {"unittest.main", "pytest.main"}
_EXITS = {"sys.exit", "exit", "quit"}


def prepared(tree: ast.Module) -> ast.Module:
    """Return the text with its main guard opened, if there is an assertion in it or no test anywhere else."""
    guards = [statement for statement in tree.body if _is_guard(statement)]
    others = [statement for statement in tree.body if statement not in guards]
    alone = not any(is_test(statement) or _defines_tests(statement) for statement in others)
    body = []
    for statement in tree.body:
        if statement not in guards:
            body.append(statement)
        elif isinstance(statement, ast.If) and (alone or is_test(statement)):
            body += _without_end(statement.body)
    return ast.Module(_without_end(body), [])


def is_test(statement: ast.stmt) -> bool:
    """Is it a statement, and no definition, that asserts?"""
    defines = isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    return not defines and any(isinstance(node, ast.Assert) for node in ast.walk(statement))


def skipped(tree: ast.Module) -> set[str]:
    """Return the tests that are skipped whatever the solution does, methods as `Class.method`."""
    found = set()
    for node in tree.body:
        parts = (
            [("", node), *((f"{node.name}.", part) for part in node.body)] if isinstance(node, ast.ClassDef) else [("", node)]
        )
        found |= {prefix + getattr(part, "name", "") for prefix, part in parts if "skip" in map(_last, _decorators(part))}
    return found


def _defines_tests(statement: ast.stmt) -> bool:
    functions = ast.FunctionDef | ast.AsyncFunctionDef
    if isinstance(statement, functions):
        return statement.name.startswith("test") or statement.name == "check"
    if not isinstance(statement, ast.ClassDef):
        return False
    return any(isinstance(part, functions) and part.name.startswith("test") for part in statement.body)


def _is_guard(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.If) and ast.unparse(statement.test) in ("__name__ == '__main__'", "'__main__' == __name__")


def _without_end(body: list[ast.stmt]) -> list[ast.stmt]:
    """Return statements without those that start a runner, and without a last one that leaves."""
    kept = [statement for statement in body if not _calls(statement) & _RUNNERS]
    return kept[:-1] if kept and _calls(kept[-1]) & _EXITS else kept


def _calls(statement: ast.stmt) -> set[str]:
    """Return the names of what a statement that is a call calls, in its arguments too."""
    if not isinstance(statement, ast.Expr) or not isinstance(statement.value, ast.Call):
        return set()
    return {ast.unparse(node.func) for node in (statement.value, *statement.value.args) if isinstance(node, ast.Call)}


def _decorators(node: ast.stmt) -> Iterator[ast.expr]:
    for decorator in getattr(node, "decorator_list", []):
        yield decorator.func if isinstance(decorator, ast.Call) else decorator


def _last(name: ast.expr) -> str:
    return ast.unparse(name).rpartition(".")[2]
