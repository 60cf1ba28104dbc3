"""Functions that parse a model's source. They run in the sandbox, to which this file's text is sent.

Nothing here is called in the trainer's process on a model's text, because a source can be crafted to crash a
parser.
"""

from __future__ import annotations

import ast
import copy
import random
from typing import Any

MUTANTS = 8
"""Most mutants of one solution, besides the one that returns nothing."""


def signatures(sources: list[str]) -> list[str | None]:
    """Return, for each source, a hash of its syntax tree; None if it does not parse.

    Comments, docstrings and layout do not change the hash.
    """
    return [_signature(source) for source in sources]


def _signature(source: str) -> str | None:
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    for node in ast.walk(tree):
        documented = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module)
        if documented and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    try:
        text = ast.dump(tree)
    except RecursionError:  # a chain of 300 `elif` parses, but is nested too deeply to dump
        text = source
    # `random` hashes its seed with SHA-512; only the larger, slower workers have the module for hashes
    return f"{random.Random(text.encode('utf-8', 'surrogatepass')).getrandbits(64):016x}"


def asserts(texts: list[str], name: str, most: int) -> list[tuple[list[str], list[str]]]:
    """Return, for each text of tests, its imports and its first asserts that call a function.

    Both are empty if the text does not parse. An assert inside `def check(candidate)` or inside a test
    function counts too, with `candidate` replaced by the function, if it uses no local name of the function
    around it.
    """
    return [_asserts(text, name, most) for text in texts]


def _asserts(text: str, name: str, most: int) -> tuple[list[str], list[str]]:
    tree = _longest(text)
    imports = [ast.unparse(node) for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    found = [one for node in tree.body for one in _asserts_of(node, name)]
    calling = [one for one in found if name in _names(ast.parse(one))]
    return imports, calling[:most]


def _asserts_of(node: ast.stmt, name: str) -> list[str]:
    """Return the asserts in one statement: the statement itself, or those in a function of tests."""
    if isinstance(node, ast.Assert):
        return [ast.unparse(node)]
    if isinstance(node, ast.FunctionDef) and node.name != name:
        return _asserts_inside(node, name)
    return []


def _asserts_inside(function: ast.FunctionDef, name: str) -> list[str]:
    """Return the asserts in a test function that use none of its local names, as asserts about `name`."""
    own = _bound(function) - {name}
    asserts = [node for node in function.body if isinstance(node, ast.Assert)]
    if function.name == "check" and function.args.args:
        renamed = _Renamed(function.args.args[0].arg, name)
        asserts = [ast.fix_missing_locations(renamed.visit(copy.deepcopy(node))) for node in asserts]
    return [ast.unparse(node) for node in asserts if not _names(node) & own]


def _names(tree: ast.AST) -> set[str]:
    """Return the names that a syntax tree contains."""
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def _bound(function: ast.FunctionDef) -> set[str]:
    """Return the local names of a function: its parameters, and the names that it assigns."""
    names = [node for node in ast.walk(function) if isinstance(node, ast.Name)]
    assigned = {each.id for each in names if not isinstance(each.ctx, ast.Load)}
    return {each.arg for each in function.args.args} | assigned


def _longest(text: str) -> ast.Module:
    """Parse a text without its unfinished last lines: a completion may be cut in the middle of a line."""
    lines = text.split("\n")
    for end in range(len(lines), max(0, len(lines) - 20), -1):
        try:
            return ast.parse("\n".join(lines[:end]))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
    return ast.Module([], [])


class _Renamed(ast.NodeTransformer):
    def __init__(self, old: str, new: str) -> None:
        self.old, self.new = old, new

    def visit_Name(self, node: ast.Name) -> ast.Name:
        """Rename a name."""
        return ast.Name(self.new, node.ctx) if node.id == self.old else node


def mutants(source: str, name: str) -> list[str]:
    """Return changed copies of a solution, which should be wrong.

    The first copy only returns nothing; each other copy has one change. A change replaces a comparison, an
    arithmetic or boolean operator, or a constant, or negates a condition. The changes are spread over the
    source.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    places = [place for place, node in enumerate(ast.walk(copy.deepcopy(tree))) if _change(node)]
    made = [f"def {name}(*args, **kwargs):\n    return None\n"]
    for place in places[:: max(1, -(-len(places) // MUTANTS))]:
        changed = copy.deepcopy(tree)
        _change(list(ast.walk(changed))[place])
        made.append(ast.unparse(ast.fix_missing_locations(changed)))
    return made


_SWAPPED: dict[Any, Any] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add,
    ast.Div: ast.Mult, ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult,
    ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE, ast.LtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.And: ast.Or, ast.Or: ast.And,
}  # fmt: skip


def _change(node: Any) -> bool:
    """Change one node in place; return whether it could be changed."""
    if isinstance(node, ast.BinOp | ast.BoolOp) and type(node.op) in _SWAPPED:
        node.op = _SWAPPED[type(node.op)]()
    elif isinstance(node, ast.Compare) and type(node.ops[0]) in _SWAPPED:
        node.ops[0] = _SWAPPED[type(node.ops[0])]()
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
        node.value += 1
    elif isinstance(node, ast.If | ast.While) and not isinstance(
        node.test, ast.Compare | ast.BoolOp | ast.Constant
    ):
        node.test = ast.UnaryOp(ast.Not(), node.test)
    else:
        return False
    return True
