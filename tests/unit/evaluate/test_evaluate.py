"""Scores that can be trusted: no problem that was trained on, no verdict made up, no name taken for another."""

import json
import re
import shutil

import pytest

from align import Recipe, RecipeError, StageFailed
from align.cli import main
from align.commands.evaluate import _recipe
from align.evaluate.measure import TaskResults
from align.evaluate.scores import Change
from align.evaluate.statistics.comparison import adjusted, compare
from align.evaluate.table import signed
from align.evaluate.tasks.safety import Safety
from reward.mathematics.verifier import MathAnswer

RECIPE = """
name: measured
base: {base}
stages:
  held_out: {{kind: load, path: held_out.jsonl}}
  scores:
    kind: evaluate
    models: {models}
    tasks: [{{kind: rows, name: sums, prompts: held_out, reward: {reward}, max_new_tokens: 40}}]
    samples: 2
    dtype: float32
"""
TRAINED = """
name: trained
base: {base}
stages:
  rows: {{kind: load, path: rows.jsonl}}
  held_out: {{kind: load, path: held_out.jsonl}}
  sft: {{kind: sft, model: base, data: [rows], learning_rate: 1e-5, max_steps: 1, max_length: 128, decontaminate: {rule}}}
  scores:
    kind: evaluate
    models: [base, sft]
    tasks: [{{kind: rows, name: sums, prompts: held_out, reward: {{kind: math}}, max_new_tokens: 24}}]
    samples: 0
    dtype: float32
    allow_overlap: {allow}
"""
BEN = "Ben has 42 cups and loses 17 of them. How many cups are there now?"
LENA = "There are 3 rows of 8 books. Find out how many books that makes."
PROBLEMS = [
    {"prompt": BEN, "answer": "25", "tags": ["minus", "language:en", "cluster:one"]},
    {"prompt": LENA, "answer": "24", "tags": ["times", "language:en"]},
]


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture
def recipe(tmp_path, tiny):
    def make(models="[base]", reward="{kind: math}", problems=PROBLEMS):
        write(tmp_path / "held_out.jsonl", problems)
        (tmp_path / "recipe.yaml").write_text(RECIPE.format(base=tiny, models=models, reward=reward))
        return tmp_path / "recipe.yaml"

    return make


def read(report, name="scores"):
    return json.loads((report.stage("scores") / f"{name}.json").read_text())


def results(report, task="sums"):
    return [json.loads(line) for line in (report.stage("scores") / "results" / f"{task}.jsonl").read_text().splitlines()]


def test_scores_have_their_documented_shape(recipe, tmp_path):
    report = Recipe.load(recipe()).run(tmp_path / "run")
    score, items = read(report)["base"]["sums"], results(report)
    assert set(score) == {"greedy", "sampled", "pass@2"}
    assert {"n", "value", "low", "high"} <= set(score["greedy"])
    got = [item["models"]["base"]["scores"] for item in items]
    assert score["greedy"]["value"] == sum(one["greedy"] for one in got) / 2
    assert score["sampled"]["value"] == pytest.approx(sum(sum(one["sampled"]) / 2 for one in got) / 2)
    assert [len(item["models"]["base"]["answers"]) for item in items] == [3, 3]  # the greedy one and two samples
    groups = read(report, "by_group")["sums"]
    assert list(groups) == ["minus", "times"]  # all items are English, so the language would only repeat the score
    assert [groups[tag]["base"]["greedy"]["value"] for tag in groups] == [one["greedy"] for one in got]
    table = (report.stage("scores") / "table.txt").read_text()
    assert "sums (chat): 2 items, 2 samples each" in table
    assert "sums by group, greedy\ngroup  items  base" in table
    assert "built in by its pretraining mix" in table


def trained(tmp_path, tiny, rule="{}", allow="false"):
    write(tmp_path / "held_out.jsonl", PROBLEMS)
    asked = ["ben has 42 cups, and loses 17 of them -- HOW MANY cups are there now", "What is 1 + 1?", "What is 2 + 2?"]
    write(tmp_path / "rows.jsonl", [{"prompt": text, "completion": "It is 4."} for text in asked])
    (tmp_path / "recipe.yaml").write_text(TRAINED.format(base=tiny, rule=rule, allow=allow))
    return Recipe.load(tmp_path / "recipe.yaml")


def test_training_leaves_out_the_rows_that_the_recipe_measures_on(tmp_path, tiny):
    report = trained(tmp_path, tiny).run(tmp_path / "run")
    told = json.loads((report.stage("sft") / "contamination.json").read_text())
    assert [one["reason"] for one in told["left out"].values()] == ["contaminated: same prompt"]
    trained_on = json.loads((report.stage("sft") / "report.json").read_text())
    assert (trained_on["rows"], trained_on["rows with test items, left out"]) == (2, {"sums": 1})
    assert json.loads((report.stage("scores") / "report.json").read_text())["overlap"]["held-out problems among them"] == 0
    assert "no item was seen in the 48,002 training rows that are known" in (report.stage("scores") / "table.txt").read_text()


def test_tasks_of_one_name_in_two_stages_are_both_left_out_of_training(tmp_path, tiny):
    trained(tmp_path, tiny)
    write(tmp_path / "other.jsonl", [{"question": "What is 1 + 1?", "answer": "2"}])
    quick = {"kind": "evaluate", "models": ["base"], "samples": 0, "dtype": "float32"}
    quick["tasks"] = [{"kind": "gsm8k", "name": "sums", "path": "other.jsonl", "config": None, "prompting": "chat"}]
    text = (tmp_path / "recipe.yaml").read_text().replace("  scores:", f"  quick: {json.dumps(quick)}\n  scores:")
    (tmp_path / "recipe.yaml").write_text(text)
    report = Recipe.load(tmp_path / "recipe.yaml").run(tmp_path / "run", until="sft")
    told = json.loads((report.stage("sft") / "contamination.json").read_text())
    assert (told["compared with"], len(told["left out"])) == ({"sums": 3}, 2)


def test_a_problem_that_was_trained_on_fails_the_stage_or_is_scored_apart(tmp_path, tiny, monkeypatch):
    with pytest.raises(StageFailed, match=r"1 held-out problems of 'sums' were trained on, such as 'Ben has 42"):
        trained(tmp_path, tiny, "null").run(tmp_path / "run")
    report = trained(tmp_path, tiny, "null", "true").run(tmp_path / "run")
    assert json.loads((report.stage("scores") / "report.json").read_text())["overlap"]["held-out problems among them"] == 1
    seen = json.loads((report.stage("scores") / "contamination.json").read_text())["sums"]
    assert (seen["items"], seen["seen"], len(seen["same_prompt"])) == (2, 1, 1)
    assert "contamination: score on all items -> on those not seen" in (report.stage("scores") / "table.txt").read_text()
    # another evaluation knows what the checkpoint's own run trained it on
    write(tmp_path / "sums.jsonl", [{"question": row["prompt"], "answer": row["answer"]} for row in PROBLEMS])
    task = json.dumps({"kind": "gsm8k", "path": "sums.jsonl", "max_new_tokens": 8})
    monkeypatch.chdir(tmp_path)
    assert main(["eval", str(report.stage("sft")), "--tasks", task, "--out", "again"]) == 0
    known = json.loads((tmp_path / "again" / "01-scores" / "contamination.json").read_text())["gsm8k"]
    assert (known["items"], known["seen"], len(known["same_prompt"])) == (2, 1, 1)


def test_sums_that_differ_in_a_sign_are_two_problems():
    from align.core.rows import prompt_key

    ask = [[{"role": "user", "content": text}] for text in ("What is 3 + 4?", "what is 3+4", "What is 3 - 4?", "Step-by-step")]
    keys = [prompt_key(messages) for messages in ask]
    assert keys[0] == keys[1] != keys[2]
    assert keys[3] == prompt_key([{"role": "user", "content": "step by step!"}])


def plug_in(tmp_path, name, body):
    (tmp_path / f"{name}.py").write_text(
        "from align import Reward, Score\n\n\nclass Opinion(Reward):\n"
        f"    async def score(self, prompt, completions):\n        {body}\n"
    )


def test_a_reward_without_a_verdict_is_refused(recipe, tmp_path):
    plug_in(tmp_path, "opinions", "return [Score(1.0) for _ in completions]")
    with pytest.raises(StageFailed, match="gives no verdict"):
        Recipe.load(recipe(reward='{kind: "opinions:Opinion"}')).run(tmp_path / "run")


def test_what_could_not_be_judged_is_in_no_score_and_shown_as_a_share(recipe, tmp_path):
    plug_in(
        tmp_path,
        "doubts",
        "return [Score.ungraded('no compiler', lacks='g++') if prompt.answer == '25' else Score(1.0, True, forgeable=True)"
        " for _ in completions]",
    )
    report = Recipe.load(recipe(reward='{kind: "doubts:Opinion"}')).run(tmp_path / "run")
    score = read(report)["base"]["sums"]
    assert score["greedy"]["n"] == 1
    assert score["not measured"] == {"its answers could not be judged without g++": 1}
    table = (report.stage("scores") / "table.txt").read_text()
    assert "not measured, and in no score: base on 1 of 2 items (50.0%): its answers could not be judged without g++ 1" in table
    noted = json.loads((report.stage("scores") / "report.json").read_text())["of base"]
    assert noted["sums: verdicts that could be forged (trust: forgeable)"] == 3


def test_a_judge_with_a_pass_mark_gives_verdicts_and_is_part_of_what_was_measured(recipe, tmp_path):
    path = recipe(reward="{kind: judge, generator: critic, pass_at: 6}")
    critic = {"kind": "scripted", "replies": {"Ben has": '{"score": 6}'}, "default": '{"score": 5.9}'}
    path.write_text(f"{path.read_text()}generators: {json.dumps({'critic': critic})}\n")
    report = Recipe.load(path).run(tmp_path / "run")
    assert [item["models"]["base"]["scores"]["greedy"] for item in results(report)] == [1.0, 0.0]
    assert "5.9" in "".join(file.read_text() for file in (report.stage("scores") / "calls").iterdir())
    again = Recipe.load(path, set={"generators.critic.default": '{"score": 7}'}).run(tmp_path / "run")
    assert again.ran == ["scores"]
    assert [item["models"]["base"]["scores"]["greedy"] for item in results(again)] == [1.0, 1.0]


def test_the_first_metric_is_the_same_whatever_the_first_item_got(recipe, tmp_path):
    """It stands for the task in gates and in the alignment tax."""
    plug_in(
        tmp_path,
        "first",
        "return [Score(1.0, True) if i or prompt.answer == '24' else Score.ungraded('no') for i, _ in enumerate(completions)]",
    )
    path = recipe("[base, {model: base, name: again}]", '{kind: "first:Opinion"}')
    loaded = Recipe.load(path, set={"scores.gate": {"min_gain": {"sums": 1}}})
    with pytest.raises(StageFailed, match=r"sums: again gained 0\.0 points"):
        loaded.run(tmp_path / "run")
    table = (tmp_path / "run" / "02-scores" / "table.txt").read_text()
    assert re.search(r"model +greedy +change +sampled +change +pass@2\n", table)


def test_models_of_one_name_keep_theirs_apart_and_none_comes_twice(recipe, tmp_path, tiny):
    for folder in ("x", "y"):
        shutil.copytree(tiny, tmp_path / folder / "m")
    report = Recipe.load(recipe("[./x/m, ./y/m]")).run(tmp_path / "run")
    assert set(read(report)) == {"./x/m", "./y/m"}
    given = Recipe.load(recipe("[{model: base, name: qwen/7b}, {model: base, name: llama/7b}, ./x/m]"))
    assert given.recipe.stages["scores"].labels() == ["qwen/7b", "llama/7b", "m"]
    task = json.dumps({"kind": "gsm8k", "path": str(tmp_path / "held_out.jsonl")})
    asked = [str(tmp_path / "x/m"), str(tmp_path / "y/m"), f"{{model: {tmp_path}/x/m, name: mine}}"]
    labels = _recipe(asked, [task], tmp_path / "eval", {}, {}).recipe.stages["scores"].labels()
    assert labels == [str((tmp_path / name).resolve()) for name in ("x/m", "y/m")] + ["mine"]
    with pytest.raises(RecipeError, match=r"models.1: 'base' comes twice"):
        Recipe.load(recipe("[base, base]"))


SERVED = "[{generator: wrong}, {generator: right, name: served}]"
GENERATORS = {
    "wrong": {"kind": "scripted", "default": "The answer is 7."},
    "right": {"kind": "scripted", "replies": {"Ben": "The answer is 25."}, "default": "It is 24."},
}


def served(recipe, **changes):
    path = recipe(SERVED)
    path.write_text(f"{path.read_text()}generators: {json.dumps(GENERATORS)}\n")
    return Recipe.load(path, set={f"scores.{key}": value for key, value in changes.items()})


def test_generators_are_measured_compared_and_asked_once(recipe, tmp_path):
    report = served(recipe).run(tmp_path / "run")
    assert {m: s["sums"]["greedy"]["value"] for m, s in read(report).items()} == {"wrong": 0.0, "served": 1.0}
    (greedy,) = (c for c in read(report, "comparisons") if c["metric"] == "greedy")
    assert (greedy["from"], greedy["to"], greedy["difference"], greedy["clusters"]) == ("wrong", "served", 1.0, 2)
    assert greedy["verdict"] == "cannot tell"  # two items tell nothing
    calls = report.stage("scores") / "calls"
    before = sorted(calls.iterdir())
    again = served(recipe, targets=["sums"]).run(tmp_path / "run")
    assert again.ran == ["scores"]
    assert sorted(calls.iterdir()) == before
    assert "measured before" in (again.stage("scores") / "log.txt").read_text()


def test_the_table_never_says_that_fewer_items_than_it_has_would_tell():
    """At one comparison fewer items would do; beside nineteen others, 100 do not."""
    differences = [1.0] * 12 + [-1.0] + [0.0] * 87
    one = compare([max(0.0, -d) for d in differences], [max(0.0, d) for d in differences])
    held = adjusted([one] * 20)[0]
    assert (held.verdict, held.items_needed < held.n) == ("cannot tell", True)
    results = TaskResults(Safety(kind="safety"), [])
    assert signed(Change("t", "harmful", "a", "b", held), results).endswith("] cannot tell")


def test_every_k_is_estimated_or_refused(recipe, tmp_path):
    task = {"kind": "rows", "name": "sums", "prompts": "held_out", "reward": {"kind": "math"}, "k": [1, 2]}
    assert list(read(served(recipe, tasks=[task]).run(tmp_path / "run"))["wrong"]["sums"]) == [
        "greedy",
        "sampled",
        "pass@1",
        "pass@2",
    ]
    with pytest.raises(StageFailed, match="task 'sums': pass@10 needs as many samples of each item, and there are 2; raise"):
        served(recipe, tasks=[task | {"k": [10]}]).run(tmp_path / "run")


def test_another_version_of_a_verifier_that_is_no_field_is_measured_again(tmp_path, tiny, monkeypatch):
    said = {"kind": "scripted", "default": "It is 25."}
    stage = {"kind": "evaluate", "models": [{"generator": "said"}], "tasks": ["arithmetic"], "samples": 0, "limit": 1}
    recipe = {"name": "t", "base": tiny, "generators": {"said": said}, "stages": {"scores": stage}}
    (tmp_path / "recipe.yaml").write_text(json.dumps(recipe))
    outcomes = Recipe.load(tmp_path / "recipe.yaml").run(tmp_path / "run").stage("scores") / "outcomes"
    monkeypatch.setattr(MathAnswer, "version", "another")
    Recipe.load(tmp_path / "recipe.yaml", set={"scores.targets": ["arithmetic"]}).run(tmp_path / "run")
    assert len(list(outcomes.iterdir())) == 2


@pytest.mark.parametrize(
    ("gate", "said"),
    [
        ({"max_drop": {"sums": 1}, "against": "served", "model": "wrong"}, "wrong dropped 100.0 points"),
        ({"min_gain": {"sums/sampled": 101}}, "served gained 100.0 points"),
        ({"max_tax": 5, "against": "served", "model": "wrong"}, "alignment tax: 100.0 points"),
        (
            {"max_drop": {"sums/gready": 1}},
            "sums/gready: the task has no metric 'gready' that can be better; it has greedy, sampled, pass@2",
        ),
        ({"max_drop": {"sums": 1}}, None),
        ({"min_gain": {"sums": 50}, "max_tax": 0}, None),
    ],
)
def test_a_gate_fails_the_recipe_after_the_tables_are_written(recipe, tmp_path, gate, said):
    loaded = served(recipe, gate=gate)
    if said is None:
        assert loaded.run(tmp_path / "run").ran[-1] == "scores"
        return
    with pytest.raises(StageFailed, match=f"the gate is broken: .*{said}"):
        loaded.run(tmp_path / "run")
    assert "sums (chat)" in (tmp_path / "run" / "02-scores" / "table.txt").read_text()


def test_a_gate_that_names_nothing_is_refused(recipe):
    with pytest.raises(RecipeError, match="'summs' is no task of this stage; it has sums"):
        served(recipe, gate={"max_drop": {"summs": 1}})
    with pytest.raises(RecipeError, match="it compares a model with itself"):
        served(recipe, gate={"max_drop": {"sums": 1}, "against": "served"})
    with pytest.raises(RecipeError, match="'sft' is no model of this stage; it has wrong, served"):
        served(recipe, gate={"max_drop": {"sums": 1}, "against": "sft"})


def test_a_target_is_a_task_and_no_metric_of_one(recipe):
    """The tax would count `sums` as no target."""
    with pytest.raises(RecipeError, match="targets: 'sums/greedy' is no task of this stage; it has sums"):
        served(recipe, targets=["sums/greedy"])


def test_a_tax_that_could_not_be_measured_breaks_its_bound(recipe, tmp_path):
    loaded = served(recipe, targets=["sums"], gate={"max_tax": 0})
    with pytest.raises(StageFailed, match="no task outside the targets was measured on both wrong and served"):
        loaded.run(tmp_path / "run")


def test_a_model_of_an_sft_stage_is_a_reference_under_any_name(tmp_path, tiny):
    trained(tmp_path, tiny)
    text = (tmp_path / "recipe.yaml").read_text().replace("  sft: {", "  tuned: {")
    text = text.replace("[base, sft]", "[base, {model: tuned, name: mine}, {generator: right}]")
    (tmp_path / "recipe.yaml").write_text(f"{text}generators: {json.dumps({'right': GENERATORS['right']})}\n")
    owed = read(Recipe.load(tmp_path / "recipe.yaml").run(tmp_path / "run"), "tax")
    assert [(one["model"], one["against"]) for one in owed] == [("mine", "base"), ("right", "base"), ("right", "mine")]


def test_a_conversation_needs_a_chat_template(recipe, tmp_path, tiny):
    shutil.copytree(tiny, tmp_path / "bare")
    (tmp_path / "bare" / "chat_template.jinja").unlink()
    with pytest.raises(StageFailed, match="'sums' is a conversation, and 'bare' has no chat template; give the stage `chat_"):
        Recipe.load(recipe("[./bare]")).run(tmp_path / "run")


@pytest.mark.parametrize(
    ("records", "task", "said"),
    [
        (None, {"path": "owner/rows"}, "task 'gsm8k' has no data: 'owner/rows' is no file or folder here"),
        ([], {}, "has no record in the split 'test'"),
        ([{"q": "1 + 1?", "answer": "2"}], {}, "rows.jsonl, line 1 has q, answer, and lacks 'question'; map your names"),
        ([{"question": "1 + 1?", "answer": "2"}], {"columns": {"question": "qestion"}}, "`columns` names 'qestion', and rows"),
        ([{"question": "1 + 1?", "answer": None}], {}, "has no item that can be measured; the first one: no gold answer"),
        ([{"question": "1 + 1?", "answer": "2"}], {"shots": 1}, "shows 'base' 1 worked examples, and rows.jsonl has 0"),
    ],
)
def test_data_that_is_missing_or_of_another_shape_stops_the_stage(tmp_path, tiny, records, task, said):
    if records is not None:
        write(tmp_path / "rows.jsonl", records)
    task = {"kind": "gsm8k", "path": "rows.jsonl", "config": None, **task}
    stage = {"kind": "evaluate", "models": ["base"], "tasks": [task], "samples": 0}
    recipe = {"name": "missing", "base": tiny, "stages": {"scores": stage}}
    (tmp_path / "recipe.yaml").write_text(json.dumps(recipe))
    with pytest.raises(StageFailed, match=said.replace("+", r"\+")):
        Recipe.load(tmp_path / "recipe.yaml").run(tmp_path / "run")


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        ("{'liked': 7.0}", r"'liked' is 7\.0, and must be a number from 0 to 1"),
        ("{}", "its outcome has no score, and `skipped`"),
    ],
)
def test_a_value_off_its_scale_and_none_at_all_name_task_and_item(recipe, tmp_path, scores, said):
    name = f"seven{len(scores)}"
    (tmp_path / f"{name}.py").write_text(
        "from align.evaluate import Item, Outcome, Task\n\n\nclass Seven(Task):\n"
        "    def items(self, run):\n        return [Item(id='one', messages=[{'role': 'user', 'content': 'Hi'}])]\n\n"
        f"    async def measure(self, item, model):\n        return Outcome({scores})\n"
    )
    loaded = served(recipe, tasks=[{"kind": f"{name}:Seven", "name": "seven"}])
    with pytest.raises(StageFailed, match=f"task 'seven', item one: {said}"):
        loaded.run(tmp_path / "run")
