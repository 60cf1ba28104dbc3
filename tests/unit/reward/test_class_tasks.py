"""The table of class tasks, in plain Python and pytest, outside the sandbox: right solutions pass, wrong ones fail."""

import os
import subprocess
import sys

import pytest

RUNNER = """
import asyncio, gc, os, sys, unittest.mock
import pytest
gc.freeze()

for folder in sys.argv[1:]:
    child = os.fork()
    if not child:
        os.chdir(folder)
        sys.path.insert(0, folder)
        options = ["-q", "--tb=line", "-p", "no:cacheprovider", "--assert=plain", "--rootdir", folder]
        os._exit(pytest.main([*options, "test_it.py"]))
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with open(os.path.join(folder, "status"), "w") as file:
        file.write(str(status))
"""
"""Runs pytest in each folder, in a process of its own that is forked, because importing pytest takes longest."""
QUICK = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""}
PASSED, FAILED = "0", "1"
SHOWN = {
    "fixture": "@pytest.fixture",
    "parametrize": "@pytest.mark.parametrize",
    "mock": "unittest.mock",
    "monkeypatch": "monkeypatch",
    "tmp_path": "tmp_path",
    "output": "capsys",
}
"""Needs that a text of tests shows by a word."""


@pytest.fixture(scope="module")
def tasks(root):
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(root / "tests" / "graders")
        import class_tasks
    return class_tasks


def as_test_module(task):
    """Return the tests as pytest runs them, with the solution's names there; a text that is no set of tests is one test."""
    header = "from solution import *\n"
    if "def test" in task.tests:
        return header + task.tests
    script = header + task.tests
    if "def check(" in task.tests:
        script += f"\ncheck({task.entry_point})\n"
    return f"SCRIPT = {script!r}\n\ndef test_script():\n    exec(SCRIPT, {{}})\n"


def lay_out(folder, task, solution):
    folder.mkdir(parents=True)
    for name in ("solution.py", "your_module.py"):
        (folder / name).write_text(solution, encoding="utf-8")
    (folder / "test_it.py").write_text(as_test_module(task), encoding="utf-8")


def test_right_solutions_pass_and_wrong_ones_fail(tasks, tmp_path):
    wanted = {}
    for number, task in enumerate(tasks.TASKS):
        for kind, solution, status in ("right", task.solution, PASSED), ("wrong", task.wrong, FAILED):
            folder = tmp_path / f"{number}-{kind}"
            lay_out(folder, task, solution)
            wanted[str(folder)] = (task.name, kind, status)
    ran = subprocess.run([sys.executable, "-B", "-c", RUNNER, *wanted], env=QUICK, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    found = [(*wanted[folder][:2], (tmp_path / folder / "status").read_text()) for folder in wanted]
    assert found == list(wanted.values()), ran.stdout[-10_000:]


def test_the_table_is_sixty_different_tasks(tasks):
    assert len(tasks.TASKS) == len({task.name for task in tasks.TASKS}) == len({task.solution for task in tasks.TASKS}) == 60
    assert [task.name for task in tasks.TASKS if task.solution.count(task.bug[0]) != 1] == []
    assert {need for task in tasks.TASKS for need in task.needs} == set(tasks.NEEDS)


def test_needs_are_those_that_the_tests_show(tasks):
    unsaid = [
        (task.name, need)
        for task in tasks.TASKS
        for need, word in SHOWN.items()
        if word in task.tests and need not in task.needs
    ]
    assert unsaid == []
