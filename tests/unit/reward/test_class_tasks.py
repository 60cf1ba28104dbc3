"""Sixty tasks about classes, fixtures, output and the like: judged in one process where that is allowed, else not at all."""

import asyncio

import pytest

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


def test_right_solutions_pass_and_wrong_ones_fail_in_one_process_alone(tasks, box, together):
    async def judged(task):
        pairs = [(one, source) for one in (together, box) for source in (task.solution, task.wrong)]
        return [await one.check(source, task.tests, task.entry_point) for one, source in pairs]

    async def all_judged():
        return {task.name: await judged(task) for task in tasks.TASKS}

    for name, (right, wrong, *apart) in asyncio.run(all_judged()).items():
        assert (right.passed, wrong.passed, right.trust, wrong.trust) == (True, False, "forgeable", "forgeable"), name
        assert [verdict.status for verdict in apart] == ["unsupported", "unsupported"], name


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
