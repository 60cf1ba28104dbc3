"""The shape of the code: public names, sizes of files and functions, and which package may import which."""

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted(p for package in ("align", "reward", "data_synthesis") for p in (ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("package", ["align", "data_synthesis", "reward"])
def test_public_names_are_sorted_importable_and_documented(package):
    module = importlib.import_module(package)
    assert module.__all__ == sorted(set(module.__all__))
    assert all(getattr(module, name).__doc__ for name in module.__all__)
    public = {name for name, value in vars(module).items() if isinstance(value, type) and not name.startswith("_")}
    assert public == set(module.__all__) & public, "a public class is in the list"


def test_files_and_functions_are_small():
    assert len(FILES) > 50
    texts = {path.relative_to(ROOT): path.read_text(encoding="utf-8") for path in FILES}
    assert not [path for path, text in texts.items() if len(text.splitlines()) > 500]
    functions = [
        (node.end_lineno - node.lineno + 1, f"{path}:{node.lineno} {node.name}")
        for path, text in texts.items()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    assert not [where for size, where in functions if size > 80]


def test_every_file_says_what_it_is_and_none_is_a_drawer():
    assert not [p for p in FILES if re.fullmatch(r"_*(utils?|helpers?|common|misc)_*", p.stem)]
    assert not [p for p in FILES if not ast.get_docstring(ast.parse(p.read_text(encoding="utf-8")))]


def test_imports_flow_one_way():
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()", "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 kept, 0 broken" in done.stdout
