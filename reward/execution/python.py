"""What a text of Python defines and uses, by its syntax tree. Runs in the sandbox, for `reward.execution.assembly`."""

from __future__ import annotations

import ast
import builtins
import re
import symtable
import textwrap
from collections.abc import Sequence
from typing import Any

_SENTENCE = r"(?:[#>*\-\d.]+\s+)?[A-Z][\w'\u2019]*(?:,?(?:\s+\S+){2,}|[:!.])\s*$"
"""A sentence, where one stands above or below code."""
_MAGIC = r"\s*(?:!|%%?)[A-Za-z]"
"""A command for the notebook that a block was written for: `!pip install numpy`."""
_MODULE = {
    "__name__",
    "__file__",
    "__doc__",
    "__builtins__",
    "__annotations__",
    "__spec__",
    "__package__",
    "__loader__",
}
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_CHANGING = (ast.AugAssign, ast.Expr, ast.For, ast.If, ast.While, ast.With)


def as_python(text: str) -> tuple[str, bool]:
    """Return a text as Python, and whether it is: as it stands, or less indented, or without sentences at its ends."""
    for change in (str, textwrap.dedent, _without_sentences):
        version = change(text)
        if (version or not text) and compiles(version):
            return version, True
    return text, False


def _without_sentences(text: str) -> str:
    """Return the code of a text that has sentences above and below it, and commands for a notebook in it."""
    lines = ["" if re.match(_MAGIC, line) else line for line in text.split("\n")]
    code = [number for number, line in enumerate(lines) if line.strip() and not re.match(_SENTENCE, line)]
    return "\n".join(lines[code[0] : code[-1] + 1]) if code else ""


def wrong_line(text: str) -> int | None:
    """Return the line at which a text stops being Python; None where it is."""
    try:
        compile(text, "answer", "exec", dont_inherit=True)
    except SyntaxError as error:
        return error.lineno or 1
    except (ValueError, OverflowError, RecursionError, MemoryError):
        return 1
    return None


def compiles(text: str) -> bool:
    """Is a text Python?"""
    return wrong_line(text) is None


def names_of(text: str) -> tuple[set[str], set[str]]:
    """Return the names that a module binds at its top level, and those of its own that it reads anywhere."""
    top = symtable.symtable(text, "answer", "exec")
    bound, used, tables = set(), set(), [top]
    while tables:
        table = tables.pop()
        tables += table.get_children()
        for symbol in table.get_symbols():
            if table is top or symbol.is_global():
                sets = symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace()
                bound |= {symbol.get_name()} if sets else set()
                used |= {symbol.get_name()} if symbol.is_referenced() else set()
    return bound, used


def used_by(nodes: Sequence[ast.stmt]) -> set[str]:
    """Return the names that statements use and do not define."""
    bound, used = names_of(written(nodes))
    return used - bound


def unbuilt(names: set[str]) -> set[str]:
    """Return the names that are not built in."""
    return names - set(dir(builtins)) - _MODULE


def written(nodes: Sequence[ast.stmt]) -> str:
    """Return statements as text."""
    return "\n".join(ast.unparse(node) for node in nodes)


def binds(node: ast.stmt) -> set[str]:
    """Return the names that a statement defines or whose values it changes."""
    if isinstance(node, DEFINITIONS):
        return {node.name}
    if isinstance(node, ast.Import | ast.ImportFrom):
        return set() if is_future(node) else {_imported(alias, node) for alias in node.names}
    if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return set().union(*map(_changed, targets))
    if isinstance(node, ast.Try):
        return set().union(*map(binds, node.body))
    return _changed(node) if isinstance(node, _CHANGING) and "__name__" not in ast.dump(node) else set()


def _imported(alias: ast.alias, node: ast.Import | ast.ImportFrom) -> str:
    """Return the name by which an import makes something known: `import os.path` makes `os` known."""
    name = alias.asname or alias.name
    return name.partition(".")[0] if isinstance(node, ast.Import) else name


def _changed(node: ast.AST) -> set[str]:
    """Return the names whose values a statement changes: `table[0] = 1`, `total += 1`, `seen.add(0)`, in a loop or not."""
    found = set()
    for inner in ast.walk(node):
        if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute):
            found |= (
                _root(inner.func.value) if isinstance(inner.func.value, ast.Name | ast.Subscript) else set()
            )
        elif isinstance(getattr(inner, "ctx", None), ast.Store):
            found |= _root(inner)
    return found


def _root(node: Any) -> set[str]:
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Starred):
        node = node.value
    return {node.id} if isinstance(node, ast.Name) else set()


def is_future(node: ast.stmt) -> bool:
    """Is it `from __future__ import ...`, which must stand first?"""
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


def is_empty(node: Any) -> bool:
    """Has a function nothing in it but its docstring, imports, `pass`, `...` or `raise NotImplementedError`?"""
    for inner in getattr(node, "body", [node]):
        constant = isinstance(inner, ast.Expr) and isinstance(inner.value, ast.Constant)
        unwritten = isinstance(inner, ast.Raise) and "NotImplementedError" in ast.dump(inner)
        if not (constant or unwritten or isinstance(inner, ast.Pass | ast.Import | ast.ImportFrom)):
            return False
    return True
