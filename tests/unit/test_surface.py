"""The shape of the code: public names, sizes of files and functions, and which package may import which."""

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path

import house
import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted(p for package in ("align", "reward", "data_synthesis") for p in (ROOT / package).rglob("*.py"))


PACKAGES = sorted(".".join(p.parent.relative_to(ROOT).parts) for p in FILES if p.name == "__init__.py")
DENSE = {
    "align/train/merging/kernels.py": "compiled loops, in which a call by name would cost time",
}
"""Where functions above the bound of complexity are left, and why."""

LOADERS = {"from_pretrained", "save_pretrained", "from_config", "snapshot_download", "safe_open", "load_file", "save_file"}
"""Functions of transformers, peft, safetensors and the hub that read or write a model, a tokenizer or their files."""
READERS = {
    "reader",
    "DictReader",
    "ParquetFile",
    "read_table",
    "open_stream",
    "open_file",
    "load_dataset",
    "read_csv",
    "read_json",
}
"""Functions of csv, pyarrow, datasets and pandas that read records."""
READ_ELSEWHERE = {
    "data_synthesis/engine/publish.py": "the parts of the stage's own tables, as they were written",
    "reward/constraints/checks/structured.py": "an answer that is to be CSV, which is no file",
}
LOADED_ELSEWHERE = {"align/train/rounds.py": "what a killed round needs to go on: parameters and optimizer, no checkpoint"}


@pytest.mark.parametrize("package", PACKAGES)
def test_public_names_are_sorted_importable_and_documented(package):
    names = [node for node in ast.parse((ROOT / package.replace(".", "/") / "__init__.py").read_text()).body if _is_all(node)]
    assert names, "every package says what is public"
    if package.startswith("reward.sandbox.inside"):
        return  # runs in the sandbox, where the package is named otherwise
    module = importlib.import_module(package)
    assert module.__all__ == sorted(set(module.__all__), key=lambda name: (not name.isupper(), name))
    assert all(hasattr(module, name) for name in module.__all__)
    public = {name for name, value in vars(module).items() if _is_own_class(value) and not name.startswith("_")}
    assert public <= set(module.__all__), "a public class is in the list"
    assert all(getattr(module, name).__doc__ for name in public)


def _is_own_class(value):
    return isinstance(value, type) and value.__module__.partition(".")[0] in ("align", "data_synthesis", "reward")


def _is_all(node):
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return any(getattr(target, "id", "") == "__all__" for target in targets)


def test_files_and_functions_are_small():
    assert len(FILES) > 50
    assert not [path for path in FILES if len(path.read_text(encoding="utf-8").splitlines()) > 500]
    assert not [one for one in house.functions(ROOT) if one.lines > 60]
    dense = [one for one in house.functions(ROOT) if one.complexity > 15 and not one.place.startswith(tuple(DENSE))]
    assert not dense, "name the steps that a function takes"


def test_no_name_means_two_classes():
    assert not {name: places for name, places in house.classes(ROOT).items() if len(places) > 1}


def test_only_what_a_recipe_or_a_command_reaches_is_shipped():
    assert (
        house.islands(ROOT, ["align", "align.__main__", "align.cli", "data_synthesis", "data_synthesis.testing", "reward"])
        == []
    )


def test_unit_tests_mirror_the_packages():
    inside = {path.name for package in ("align", "reward", "data_synthesis") for path in (ROOT / package).iterdir()}
    folders = {p.name for p in (ROOT / "tests" / "unit").iterdir() if p.is_dir() and p.name != "__pycache__"}
    assert folders <= inside | {"reward", "data_synthesis"}


def test_models_are_loaded_and_saved_in_one_place():
    assert {file for file in _callers(LOADERS) if not file.startswith("align/models/")} == LOADED_ELSEWHERE.keys()


def test_files_of_records_are_read_in_one_place():
    own = ("align/core/sources/", "align/core/tables")
    assert {file for file in _callers(READERS) if not file.startswith(own)} == READ_ELSEWHERE.keys()


def _callers(names):
    """Return the modules that call functions of these names; there are some, or the names are no longer right."""
    found = {}
    for path in FILES:
        nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        called = {_called(node) for node in nodes if isinstance(node, ast.Call)} & names
        if called:
            found[path.relative_to(ROOT).as_posix()] = called
    assert len(set().union(*found.values())) > 3
    return set(found)


def _called(call):
    return getattr(call.func, "attr", None) or getattr(call.func, "id", None)


def test_every_file_says_what_it_is_and_none_is_a_drawer():
    assert not [p for p in FILES if re.fullmatch(r"_*(utils?|helpers?|common|misc)_*", p.stem)]
    assert not [p for p in FILES if not ast.get_docstring(ast.parse(p.read_text(encoding="utf-8")))]


def test_imports_flow_one_way():
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()", "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 kept, 0 broken" in done.stdout
