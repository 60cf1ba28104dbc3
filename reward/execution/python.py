"""Analyse Python source by its syntax tree. Runs in the sandbox, for `reward.execution.assembly`."""

from __future__ import annotations

import ast
import builtins
import re
import symtable
import textwrap
from collections.abc import Sequence
from typing import Any

_SENTENCE = r"(?:[#>*\-\d.]+\s+)?[A-Z][\w'\u2019]*(?:,?(?:\s+\S+){2,}|[:!.])\s*$"
"""A line of prose above or below code."""
_MAGIC = r"\s*(?:!|%%?)[A-Za-z]"
"""The start of a command for a notebook, such as `!pip install numpy`."""
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
MAX_TRIES = 60
"""Times that one text is cut and compiled again in search of its longest beginning that is Python."""
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_CHANGING = (ast.AugAssign, ast.Expr, ast.For, ast.If, ast.While, ast.With)


def as_python(text: str) -> tuple[str, bool]:
    """Return a text turned into Python, and whether that worked.

    The text is tried as it stands, then dedented, then without the prose above and below its code.
    """
    for change in (str, textwrap.dedent, _without_prose):
        version = change(text)
        if (version or not text) and compiles(version):
            return version, True
    return text, False


def _without_prose(text: str) -> str:
    """Return a text without the prose above and below its code, and without commands for a notebook."""
    lines = ["" if re.match(_MAGIC, line) else line for line in text.split("\n")]
    code = [number for number, line in enumerate(lines) if line.strip() and not re.match(_SENTENCE, line)]
    return "\n".join(lines[code[0] : code[-1] + 1]) if code else ""


def wrong_line(text: str) -> int | None:
    """Return the number of the first line with a syntax error; None if the text is valid Python."""
    try:
        compile(text, "answer", "exec", dont_inherit=True)
    except SyntaxError as error:
        return error.lineno or 1
    except (ValueError, OverflowError, RecursionError, MemoryError):
        return 1
    return None


def compiles(text: str) -> bool:
    """Is a text valid Python?"""
    return wrong_line(text) is None


def longest(lines: list[str]) -> int:
    """Return how many of the first lines are whole statements of Python."""
    end = len(lines)
    for _ in range(MAX_TRIES):
        line = wrong_line("\n".join(lines[:end]))
        if line is None:
            return end
        at = min(line, end) - 1
        while at > 0 and (not lines[at].strip() or lines[at][0] in " \t)]}#"):
            at -= 1
        end = at
        if end <= 0:
            break
    return 0


def without_words(text: str) -> str:
    """Return Python source without lines of prose that happen to be Python: "Done", "Complexity: O(n)"."""
    if not compiles(text):
        return text
    lines = text.split("\n")
    for node in ast.parse(text).body:
        word = isinstance(node, ast.Expr) and isinstance(node.value, ast.Name)
        label = isinstance(node, ast.AnnAssign) and node.value is None
        if (word or label) and ";" not in lines[node.lineno - 1]:
            lines[node.lineno - 1 : node.end_lineno] = [""] * ((node.end_lineno or 0) - node.lineno + 1)
    return "\n".join(lines)


def names_of(text: str) -> tuple[set[str], set[str]]:
    """Return the global names that some source binds, and the global names that it reads in any scope."""
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
    """Return the global names that statements use but do not define."""
    bound, used = names_of(written(nodes))
    return used - bound


def not_builtin(names: set[str]) -> set[str]:
    """Return the names that are neither built in nor defined in every module."""
    return names - set(dir(builtins)) - _MODULE


def written(nodes: Sequence[ast.stmt]) -> str:
    """Return the source of some statements."""
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
    """Return the name that an import binds: `import os.path` binds `os`."""
    name = alias.asname or alias.name
    return name.partition(".")[0] if isinstance(node, ast.Import) else name


def _changed(node: ast.AST) -> set[str]:
    """Return the names that a node changes at any depth: `table[0] = 1`, `total += 1`, `seen.add(0)`."""
    found = set()
    for inner in ast.walk(node):
        if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute):
            owner = inner.func.value
            found |= _root(owner) if isinstance(owner, ast.Name | ast.Subscript) else set()
        elif isinstance(getattr(inner, "ctx", None), ast.Store):
            found |= _root(inner)
    return found


def _root(node: Any) -> set[str]:
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Starred):
        node = node.value
    return {node.id} if isinstance(node, ast.Name) else set()


def is_future(node: ast.stmt) -> bool:
    """Is a statement a `from __future__` import, which must come first in a module?"""
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


def is_empty(node: Any) -> bool:
    """Does a function hold only constants, imports, `pass`, `...` or `raise NotImplementedError`?"""
    for inner in getattr(node, "body", [node]):
        constant = isinstance(inner, ast.Expr) and isinstance(inner.value, ast.Constant)
        unwritten = isinstance(inner, ast.Raise) and "NotImplementedError" in ast.dump(inner)
        if not (constant or unwritten or isinstance(inner, ast.Pass | ast.Import | ast.ImportFrom)):
            return False
    return True
