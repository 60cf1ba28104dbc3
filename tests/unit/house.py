"""The size and shape of the code: `python tests/unit/house.py [FOLDER]` prints it, test_house.py holds it in bounds."""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

PACKAGES = ("align", "reward", "data_synthesis")
FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef
WINDOW = 6
"""Lines that stand twice, one behind the other and alike but for spaces, from which they count as duplicates."""
_BRANCHES = (
    ast.If,
    ast.IfExp,
    ast.For,
    ast.AsyncFor,
    ast.While,
    ast.ExceptHandler,
    ast.Assert,
    ast.match_case,
)


class Function(NamedTuple):
    """One function: where it stands, how long it is and how much it branches."""

    place: str
    lines: int
    complexity: int


def files(root: Path) -> list[Path]:
    """Return the modules of the packages."""
    return sorted(path for package in PACKAGES for path in (root / package).rglob("*.py") if "starters" not in path.parts)


def complexity(function: FUNCTION) -> int:
    """Return 1, and 1 more for each branch, boolean operator, comprehension and its conditions, nested functions included."""
    found = 1
    for node in ast.walk(function):
        if isinstance(node, ast.BoolOp):
            found += len(node.values) - 1
        elif isinstance(node, ast.comprehension):
            found += 1 + len(node.ifs)
        elif isinstance(node, _BRANCHES):
            found += 1
    return found


def functions(root: Path) -> Iterator[Function]:
    """Yield every function; its lines are those of its statements, without the docstring."""
    for path in files(root):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, FUNCTION):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                lines = (node.end_lineno or 0) - (body[0].lineno if body else node.end_lineno or 0) + 1 if body else 0
                yield Function(f"{path.relative_to(root)}:{node.lineno} {node.name}", lines, complexity(node))


def classes(root: Path) -> dict[str, list[str]]:
    """Return the classes of modules by name, with where each stands."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in files(root):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found[node.name].append(f"{path.relative_to(root)}:{node.lineno}")
    return found


def code_lines(path: Path) -> int:
    """Return how many lines hold code: no comments, docstrings or texts that document a name."""
    source = path.read_text(encoding="utf-8")
    lines = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in (
            tokenize.COMMENT,
            tokenize.NL,
            tokenize.NEWLINE,
            tokenize.INDENT,
            tokenize.DEDENT,
            tokenize.ENDMARKER,
        ):
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            lines -= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return len(lines)


def imports(root: Path) -> dict[str, set[str]]:
    """Return which modules of ours each module imports, at its top, inside functions or for types only."""
    names = {_name(path, root) for path in files(root)}
    found: dict[str, set[str]] = {}
    for path in files(root):
        name = _name(path, root)
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        wanted: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                wanted |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                parts = package.split(".")
                base = ".".join(parts[: len(parts) - node.level + 1]) if node.level else ""
                module = ".".join(part for part in (base, node.module) if part)
                wanted |= {f"{module}.{alias.name}" if f"{module}.{alias.name}" in names else module for alias in node.names}
        found[name] = (wanted & names) - {name}
    return found


def _name(path: Path, root: Path) -> str:
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Return the groups of modules that import each other (Tarjan's strongly connected components)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in sorted(graph[node]):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            group = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(group) > 1:
                found.append(sorted(group))

    for node in sorted(graph):
        if node not in index:
            visit(node)
    return found


_NAMED = re.compile(r"(?:align|reward|data_synthesis)(?:\.\w+)+")


def islands(root: Path, doors: list[str]) -> list[str]:
    """Return the modules that nothing leads to from some others.

    What leads on: an import, a module's name in a text ("reward.judge:Judge"), and, within a package, the name of a file that
    is read ("code_tools.py", "zygote").
    """
    graph = imports(root)
    leaves: dict[str, set[str]] = defaultdict(set)
    for name in graph:
        leaves[name.rpartition(".")[2]].add(name)
    for path in files(root):
        name = _name(path, root)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                graph[name] |= {part for found in _NAMED.findall(node.value) for part in _prefixes(found) if part in graph}
                package = name.rpartition(".")[0]
                graph[name] |= {one for one in leaves[node.value.removesuffix(".py")] if one.startswith(f"{package}.")}
    reached: set[str] = set()
    todo = list(doors)
    while todo:
        name = todo.pop()
        if name in graph and name not in reached:
            reached.add(name)
            todo += [*graph[name], name.rpartition(".")[0]]
    return sorted(set(graph) - reached)


def _prefixes(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts) + 1)]


def annotations(root: Path) -> tuple[int, int]:
    """Return how many annotations name `Any`, and how many there are."""
    loose = total = 0
    for path in files(root):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            told = (
                [node.annotation]
                if isinstance(node, ast.arg | ast.AnnAssign)
                else [node.returns]
                if isinstance(node, FUNCTION)
                else []
            )
            for annotation in told:
                if annotation is not None:
                    total += 1
                    loose += any(isinstance(part, ast.Name) and part.id == "Any" for part in ast.walk(annotation))
    return loose, total


def duplicates(root: Path) -> int:
    """Return how many lines stand in a run of `WINDOW` lines of code that stands somewhere else too."""
    seen: dict[tuple[str, ...], list[tuple[Path, int]]] = defaultdict(list)
    texts = {path: [line.strip() for line in path.read_text(encoding="utf-8").splitlines()] for path in files(root)}
    for path, lines in texts.items():
        kept = [(i, line) for i, line in enumerate(lines) if line and not line.startswith(("#", "from ", "import "))]
        for start in range(len(kept) - WINDOW + 1):
            run = tuple(line for _, line in kept[start : start + WINDOW])
            if sum(map(len, run)) > 100:
                seen[run].append((path, kept[start][0]))
    twice = {(path, line + i) for places in seen.values() if len(places) > 1 for path, line in places for i in range(WINDOW)}
    return len(twice)


def main() -> None:
    """Print the figures of a checkout."""
    root = Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    paths = files(root)
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in paths}
    every = list(functions(root))
    loose, total = annotations(root)
    sandbox = [path for path in (root / "reward" / "sandbox").rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    doubled = Counter({name: len(places) for name, places in classes(root).items() if len(places) > 1})
    groups = circles(imports(root))
    print(f"files                                {len(paths)}")
    print(f"lines                                {sum(lines.values())}, the longest file {max(lines.values())}")
    print(f"code lines (no docs, no comments)    {sum(map(code_lines, paths))}")
    print(f"lines of reward/sandbox, all kinds   {sum(len(path.read_text(encoding='utf-8').splitlines()) for path in sandbox)}")
    long, longer = (sum(one.lines > most for one in every) for most in (40, 60))
    print(f"functions over 40 lines / over 60    {long} / {longer} of {len(every)}")
    print(f"complexity above 15                  {sum(f.complexity > 15 for f in every)}")
    print(f"annotations that name Any            {loose} of {total} ({100 * loose / total:.1f}%)")
    print(f"import circles, deferred ones too    {len(groups)} ({', '.join(' '.join(group) for group in groups)})")
    print(f"lines in runs of {WINDOW} that stand twice  {duplicates(root)}")
    print(f"names of two classes                 {len(doubled)} ({', '.join(sorted(doubled))})")


if __name__ == "__main__":
    main()
