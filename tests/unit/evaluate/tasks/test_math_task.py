"""MATH: where the gold answer is, and the two ways of asking."""

import json

import pytest
from scripted_run import measured

from align.evaluate.tasks.math import MINERVA, Math

PROBLEMS = [
    {"problem": "What is 1/2 of 3?", "level": "Level 2", "type": "Prealgebra", "solution": "It is $\\boxed{\\frac{3}{2}}$."},
    {"problem": "What is 2+2?", "level": 1, "subject": "Algebra", "solution": "Four.", "answer": "4"},
    {"problem": "What is it?", "level": "Level 5", "type": "Algebra", "solution": "Nobody knows."},
]  # fmt: skip


def test_answers_in_a_chat(tmp_path, tiny):
    said = {
        r"1/2 of 3\?\nPlease reason step by step, and put your final answer within \\boxed\{\}\.$": "So \\boxed{1.5}.",
        "2.2": "\\boxed{5}",
    }
    (half, four, without), place = measured(tmp_path, tiny, {"kind": "math"}, PROBLEMS, said)
    assert half["scores"] == {"greedy": 1.0}
    assert four["scores"] == {"greedy": 0.0}
    assert without == {"skipped": "no gold answer"}
    table = (place / "table.txt").read_text()
    assert "math (0-shot chat): 3 items" in table
    for group in ("Prealgebra", "level 1", "level 2"):
        assert f"\n{group} " in table


def test_a_text_has_the_four_worked_examples_of_minerva(tmp_path, tiny):
    said = {
        r"^Problem:\nFind the domain (?s:.*)I hope it is correct\.\n\nProblem:\nWhat is 2\+2\?\n\nSolution:$": " It is $4$.",
        "4-shot": "",
    }
    task = {"kind": "math", "prompting": "text"}
    (_, four, _), place = measured(tmp_path, tiny, task, PROBLEMS, said)
    assert four["scores"] == {"greedy": 1.0}
    assert "4-shot text" in (place / "table.txt").read_text()


@pytest.mark.parametrize(("shots", "last"), [(1, "domain"), (0, "")])
def test_fewer_worked_examples(tmp_path, tiny, shots, last):
    said = {rf"^(Problem:\nFind the {last}(?:(?!Problem:)(?s:.))*)?Problem:\nWhat is 2\+2": "4"}
    task = {"kind": "math", "prompting": "text", "shots": shots}
    assert measured(tmp_path, tiny, task, PROBLEMS, said)[0][1]["scores"] == {"greedy": 1.0}


@pytest.mark.parametrize(
    ("solution", "gold"),
    [
        (r"$\boxed{1}$ is not, $\boxed{\frac{a}{b}}$ is it", r"\frac{a}{b}"),
        (r"So $\boxed 5$.", "5"),
        (r"It is $\fbox{7}$.", "7"),
        (r"$\boxed{\text{(A)}}$, so the answer is 3", r"\text{(A)}"),
    ],
)
def test_the_gold_answer_is_in_the_last_box(solution, gold):
    assert Math(kind="math").item("1", {"problem": "?", "solution": solution}).answer == gold


def test_the_worked_examples_are_right_by_their_own_gold_answers(tmp_path, tiny):
    problems = [{"problem": problem, "solution": solution} for problem, solution in MINERVA]
    words = ("domain", "mathbf", "Terrell", "system of")
    said = {word: solution for word, (_, solution) in zip(words, MINERVA, strict=True)}
    outcomes, place = measured(tmp_path, tiny, {"kind": "math"}, problems, said)
    assert [outcome["scores"]["greedy"] for outcome in outcomes] == [1.0] * 4
    lines = (place / "results" / "math.jsonl").read_text().splitlines()
    assert [json.loads(line)["answer"] for line in lines] == ["[2,5)", "24", "16", "-\\frac{2}{3}"]
