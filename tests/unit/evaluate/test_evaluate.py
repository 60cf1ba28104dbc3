"""Scores that can be trusted: no problem that was trained on, no verdict made up, no name taken for another."""

import json

import pytest

from align import Recipe, RecipeError, StageFailed

RECIPE = """
name: measured
base: {base}
stages:
  rows: {{kind: load, path: rows.jsonl}}
  held_out: {{kind: load, path: held_out.jsonl}}
  scores:
    kind: evaluate
    models: {models}
    tasks: [{{name: sums, prompts: held_out, reward: {reward}, max_new_tokens: 40}}]
    samples: 2
    dtype: float32
    allow_overlap: {allow}
"""
PROBLEMS = [
    {"prompt": "Ben has 42 cups and loses 17 of them. How many cups are there now?", "answer": "25", "tags": ["minus"]},
    {"prompt": "There are 3 rows of 8 books. Find out how many books that makes.", "answer": "24", "tags": ["times"]},
]


@pytest.fixture
def recipe(tmp_path, tiny):
    def write(rows, models="[base]", reward="{kind: math}", allow="false"):
        (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        (tmp_path / "held_out.jsonl").write_text("".join(json.dumps(row) + "\n" for row in PROBLEMS))
        text = RECIPE.format(base=tiny, models=models, reward=reward, allow=allow)
        (tmp_path / "recipe.yaml").write_text(text)
        return tmp_path / "recipe.yaml"

    return write


def scores(report):
    return json.loads((report.stage("scores") / "scores.json").read_text())


def test_scores_have_their_documented_shape(recipe, tmp_path):
    report = Recipe.load(recipe([{"prompt": "Hello", "answer": "1"}])).run(tmp_path / "run")
    score = scores(report)["base"]["sums"]
    assert set(score) == {"greedy", "sampled"}
    assert {"n", "value", "low", "high"} <= set(score["greedy"])
    results = json.loads((report.stage("scores") / "results.json").read_text())["base"]
    assert score["greedy"]["value"] == sum(group[0] for group in results["greedy"]["sums"]) / 2
    assert score["sampled"]["value"] == pytest.approx(sum(sum(g) / 2 for g in results["sampled"]["sums"]) / 2)
    by_tag = json.loads((report.stage("scores") / "by_tag.json").read_text())["sums"]
    assert {tag: shares["base"]["greedy"] for tag, shares in by_tag.items()} == {
        tag: float(group[0]) for tag, group in zip(("minus", "times"), results["greedy"]["sums"], strict=True)
    }
    table = (report.stage("scores") / "table.txt").read_text()
    assert "sums by tag, greedy\ntag    problems  base" in table
    assert "built in by its pretraining mix" in table


def test_a_problem_that_was_trained_on_fails_the_stage_or_is_reported(recipe, tmp_path):
    trained = [{"prompt": "ben has 42 cups, and loses 17 of them -- HOW MANY cups are there now", "answer": "25"}]
    with pytest.raises(StageFailed, match=r"1 held-out problems of 'sums' were trained on \(in rows\), such as 'Ben has 42"):
        Recipe.load(recipe(trained)).run(tmp_path / "run")
    report = Recipe.load(recipe(trained, allow="true")).run(tmp_path / "run")
    reported = json.loads((report.stage("scores") / "report.json").read_text())
    assert reported["overlap"]["held-out problems among them"] == 1


def test_sums_that_differ_in_a_sign_are_two_problems():
    from align.core.rows import prompt_key

    ask = [[{"role": "user", "content": text}] for text in ("What is 3 + 4?", "what is 3+4", "What is 3 - 4?", "Step-by-step")]
    keys = [prompt_key(messages) for messages in ask]
    assert keys[0] == keys[1] != keys[2]
    assert keys[3] == prompt_key([{"role": "user", "content": "step by step!"}])


def test_a_reward_without_a_verdict_is_refused(recipe, tmp_path):
    (tmp_path / "opinions.py").write_text(
        "from align import Reward, Score\n\n\nclass Opinion(Reward):\n"
        "    async def score(self, prompt, completions):\n        return [Score(1.0) for _ in completions]\n"
    )
    path = recipe([{"prompt": "Hello", "answer": "1"}], reward='{kind: "opinions:Opinion"}')
    with pytest.raises(StageFailed, match="gives no verdict"):
        Recipe.load(path).run(tmp_path / "run")


def test_what_could_not_be_judged_or_could_be_forged_is_counted(recipe, tmp_path):
    (tmp_path / "doubting.py").write_text(
        "from align import Reward, Score\n\nclass Doubting(Reward):\n"
        "    async def score(self, prompt, completions):\n"
        "        if prompt.answer == '25':\n"
        "            return [Score.ungraded('no compiler', lacks='g++')] * len(completions)\n"
        "        return [Score(1.0, True, forgeable=True)] * len(completions)\n"
    )
    path = recipe([{"prompt": "Hello", "answer": "1"}], reward='{kind: "doubting:Doubting"}')
    report = json.loads((Recipe.load(path).run(tmp_path / "run").stage("scores") / "report.json").read_text())
    assert report["verdicts on base that are not to be relied on"] == {"not judged without g++": 3, "forgeable": 3}


def test_a_judge_with_a_pass_mark_gives_verdicts_and_is_part_of_what_was_measured(recipe, tmp_path):
    path = recipe([{"prompt": "Hello", "answer": "1"}], reward="{kind: judge, generator: critic, pass_at: 6}")
    critic = {"kind": "scripted", "replies": {"Ben has": '{"score": 6}'}, "default": '{"score": 5.9}'}
    path.write_text(f"{path.read_text()}generators: {json.dumps({'critic': critic})}\n")
    report = Recipe.load(path).run(tmp_path / "run")
    results = json.loads((report.stage("scores") / "results.json").read_text())["base"]
    assert results["greedy"]["sums"] == [[True], [False]]
    assert "5.9" in "".join(file.read_text() for file in (report.stage("scores") / "calls").iterdir())
    again = Recipe.load(path, set={"generators.critic.default": '{"score": 7}'}).run(tmp_path / "run")
    assert again.ran == ["scores"]
    results = json.loads((report.stage("scores") / "results.json").read_text())["base"]
    assert results["greedy"]["sums"] == [[True], [True]]


def test_models_of_one_name_keep_theirs_apart_and_none_comes_twice(recipe, tmp_path, tiny):
    import shutil

    for folder in ("x", "y"):
        shutil.copytree(tiny, tmp_path / folder / "m")
    report = Recipe.load(recipe([{"prompt": "Hello", "answer": "1"}], models="[./x/m, ./y/m]")).run(tmp_path / "run")
    assert set(scores(report)) == {"./x/m", "./y/m"}
    with pytest.raises(RecipeError, match=r"models.1: 'base' comes twice"):
        Recipe.load(recipe([], models="[base, base]"))
