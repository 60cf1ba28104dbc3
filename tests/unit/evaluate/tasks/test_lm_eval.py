"""Tasks of lm-evaluation-harness give the values that its own runner gives, and say why where they give none."""

import importlib.util
import json
import math

import numpy as np
import pytest
from pydantic import ValidationError

from align import Recipe, RecipeError, StageFailed
from align.evaluate.task import Outcome
from align.evaluate.tasks.lm_eval import HarnessTask, per_text, plain

INSTALLED = importlib.util.find_spec("lm_eval") is not None
needs_lm_eval = pytest.mark.skipif(not INSTALLED, reason="lm_eval is an extra that CI does not install")
DATA = {
    "choice": [
        {"text": "Ben has 4 cups and loses 1. How many are left?", "choices": ["3 cups", "7 cups", "a book"], "gold": 0},
        {"text": "There are 3 rows of 8 books. How many books?", "choices": ["11", "24 books in all"], "gold": 1},
        {"text": "No choice is right.", "choices": ["yes", "no"], "gold": 5},
    ],
    "sums": [{"text": f"What is {n} + {n}?", "gold": str(2 * n)} for n in range(1, 5)],
    "prose": [{"text": "Ben has 42 cups."}, {"text": "There are 3 rows of 8 books. " * 60}, {"text": "Hello"}],
}
TASKS = {
    "choice": {
        "output_type": "multiple_choice", "doc_to_choice": "choices", "num_fewshot": 1, "fewshot_split": "test",
        "metric_list": [{"metric": name} for name in ("acc", "acc_norm", "mcc")],
    },
    "sums": {
        "output_type": "generate_until", "generation_kwargs": {"until": ["\n"], "max_gen_toks": 8, "do_sample": False},
        "metric_list": [{"metric": "exact_match", "aggregation": "mean", "higher_is_better": True}, {"metric": "bleu"}],
    },
    "prose": {
        "output_type": "loglikelihood_rolling", "doc_to_text": "", "doc_to_target": "text",
        "metric_list": [{"metric": "word_perplexity"}, {"metric": "bits_per_byte"}],
    },
}  # fmt: skip


@pytest.fixture
def tasks(tmp_path):
    """A folder of tasks in the harness's format, with local data."""
    folder = tmp_path / "tasks"
    folder.mkdir()
    for name, more in TASKS.items():
        data = tmp_path / f"{name}.jsonl"
        data.write_text("".join(json.dumps(row) + "\n" for row in DATA[name]))
        task = {"task": name, "dataset_path": "json", "dataset_kwargs": {"data_files": {"test": str(data)}}}
        task |= {"test_split": "test", "doc_to_text": "{{text}}\nAnswer:", "doc_to_target": "gold"} | more
        (folder / f"{name}.yaml").write_text(json.dumps(task))
    (folder / "group.yaml").write_text(json.dumps({"group": "both", "task": ["choice", "sums"]}))
    return folder


@pytest.fixture
def measured(tmp_path, tiny):
    def measure(models="[base]", served="{kind: scripted, default: '4'}", **fields):
        task = {"kind": "lm_eval", "include_path": "tasks", "prompting": "text", **fields}
        scores = {"kind": "evaluate", "tasks": [task], "samples": 0, "dtype": "float32"}
        text = f"name: harness\nbase: {tiny}\ngenerators: {{served: {served}}}\n"
        text += f"stages:\n  scores: {json.dumps(scores)[:-1]}, models: {models}}}\n"
        (tmp_path / "recipe.yaml").write_text(text)
        return Recipe.load(tmp_path / "recipe.yaml").run(tmp_path / "run").stage("scores")

    return measure


def outcomes(folder, task, model="base"):
    lines = (folder / "results" / f"{task}.jsonl").read_text().splitlines()
    return [json.loads(line)["models"][model] for line in lines]


@pytest.mark.skipif(INSTALLED, reason="says what is missing")
def test_a_machine_without_the_harness_is_told_how_to_install_it(measured):
    with pytest.raises(RecipeError, match=r"pip install 'align-toolkit\[evaluate\]'"):
        measured(tasks=["arc_easy"])


def test_each_name_is_a_task_of_the_table_and_files_are_no_names(tmp_path):
    whole = HarnessTask.model_validate({"kind": "lm_eval", "tasks": ["arc_easy", "mmlu"]})
    assert [task.label for task in whole.expand()] == ["arc_easy", "mmlu"]
    assert [task.tasks for task in whole.expand()] == [["arc_easy"], ["mmlu"]]
    wrong = HarnessTask.model_validate({"kind": "lm_eval", "tasks": ["my/task.yaml", "mmlu"], "name": "one"})
    assert {"name", "tasks.0"} <= {field for field, _ in wrong.problems(tmp_path)}
    with pytest.raises(ValidationError):
        HarnessTask.model_validate({"kind": "lm_eval", "tasks": []})


def test_values_of_the_harness_become_numbers_that_json_has():
    assert plain((np.float64(0.5), np.array([1, 2]), {"a": np.bool_(True)}, None)) == [0.5, [1, 2], {"a": True}, None]
    assert per_text("bits_per_byte", [-8 * math.log(2), 4]) == {"bits per byte": 2.0}
    assert per_text("acc", [1, 2]) == {} == per_text("word_perplexity", [-3.0, 0])


@needs_lm_eval
@pytest.mark.filterwarnings("ignore")
def test_every_document_gets_the_value_that_the_harness_gives_it(tasks, measured, tiny):
    from lm_eval import simple_evaluate
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager

    reference = HFLM(pretrained=tiny, dtype="float32", batch_size=4, device="cpu")
    manager = TaskManager(include_path=str(tasks), include_defaults=False)
    theirs = simple_evaluate(reference, tasks=["choice", "sums", "prose"], task_manager=manager, bootstrap_iters=0)
    folder = measured(tasks=["choice", "sums", "prose"])
    scores = json.loads((folder / "scores.json").read_text())["base"]

    choice = outcomes(folder, "choice")
    assert choice[2] == {"skipped": "the gold answer is none of the choices"}
    for ours, sample in zip(choice[:2], theirs["samples"]["choice"][:2], strict=True):
        assert ours["scores"] == {name: sample[name] for name in ("acc", "acc_norm")}
        assert ours["parts"] == {"choice/mcc": list(sample["mcc"])}
    assert scores["choice"]["not measured"] == {"the gold answer is none of the choices": 1}
    for ours, sample in zip(outcomes(folder, "sums"), theirs["samples"]["sums"], strict=True):
        assert ours["answers"] == sample["resps"][0]
        assert ours["scores"] == {"exact_match": sample["exact_match"]}
    assert scores["sums"]["bleu"]["value"] == pytest.approx(theirs["results"]["sums"]["bleu,none"])
    for ours, sample in zip(outcomes(folder, "prose"), theirs["samples"]["prose"], strict=True):
        assert ours["parts"]["prose/bits_per_byte"] == pytest.approx(list(sample["bits_per_byte"]), rel=1e-4)
    expected = theirs["results"]["prose"]["word_perplexity,none"]
    assert scores["prose"]["word_perplexity"]["value"] == pytest.approx(expected, rel=1e-3)
    assert "word_perplexity: base " in (folder / "table.txt").read_text()


@needs_lm_eval
@pytest.mark.filterwarnings("ignore")
def test_a_group_is_one_task_whose_items_are_tagged_and_taken_in_turn(tasks, measured):
    folder = measured(tasks=["both"], limit=3)
    lines = [json.loads(line) for line in (folder / "results" / "both.jsonl").read_text().splitlines()]
    assert [line["tags"] for line in lines] == [["choice"], ["sums"], ["choice"]]
    scores = json.loads((folder / "scores.json").read_text())["base"]["both"]
    assert (scores["acc"]["n"], scores["exact_match"]["n"]) == (2, 1)
    assert {"choice: mcc", "sums: bleu"} <= set(scores)


@needs_lm_eval
@pytest.mark.filterwarnings("ignore")
def test_a_served_model_generates_and_is_refused_where_log_likelihoods_are_needed(tasks, measured):
    folder = measured("[{generator: served}]", tasks=["sums"], prompting="auto")
    assert [one["scores"]["exact_match"] for one in outcomes(folder, "sums", "served")] == [0, 1, 0, 0]
    with pytest.raises(StageFailed, match=r"'choice': choice needs log-likelihoods, and 'served' \(scripted\) gives none"):
        measured("[{generator: served}]", tasks=["choice"])


LIKELY = """
import json
from pathlib import Path
from align import Completion, Generator

class Likely(Generator):
    likelihoods = continues = True

    async def generate(self, messages, sampling):
        with Path("asked.jsonl").open("a") as file:
            file.write(json.dumps([messages, sampling.plain, sampling.continuations]) + "\\n")
        return [Completion(text, "given", [1], {}, [-len(text)]) for text in sampling.continuations]
"""


@needs_lm_eval
@pytest.mark.filterwarnings("ignore")
def test_a_server_is_asked_for_likelihoods_with_the_messages_of_a_chat(tasks, measured, tmp_path, monkeypatch):
    """Never with their JSON as a plain text; and whole texts need the tokenizer, which is at the server."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "likely.py").write_text(LIKELY)
    served, likely = "[{generator: served}]", "{kind: 'likely:Likely'}"
    measured(served, tasks=["choice"], prompting="chat", served=likely)
    messages, plain, texts = json.loads((tmp_path / "asked.jsonl").read_text().splitlines()[0])
    assert ([m["role"] for m in messages][-1], plain) == ("user", None)
    assert texts == ["3 cups", "7 cups", "a book"]
    with pytest.raises(StageFailed, match=r"prose needs the log-likelihood of whole texts.*measure the checkpoint itself"):
        measured(served, tasks=["prose"], served=likely)


@needs_lm_eval
@pytest.mark.filterwarnings("ignore")
def test_what_cannot_be_measured_is_not_scored(tasks, measured):
    (tasks.parent / "sums.jsonl").write_text(
        "".join(json.dumps({"text": text, "gold": "4"}) + "\n" for text in ("2 + 2?", "a very long text " * 400))
    )
    folder = measured(tasks=["sums"])
    assert outcomes(folder, "sums")[1] == {"skipped": "too long for the context"}
    assert json.loads((folder / "scores.json").read_text())["base"]["sums"]["exact_match"]["n"] == 1
    with pytest.raises(StageFailed, match="generates with num_beams: 4, which is not supported"):
        measured(tasks=["sums"], gen_kwargs={"num_beams": 4})


@needs_lm_eval
def test_an_unknown_name_is_refused_with_near_ones(tasks):
    from align.evaluate import harness_tasks

    harness_tasks._index.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        # the harness's whole index takes 13 s
        patch.setattr(harness_tasks, "_index", harness_tasks._own)
        with pytest.raises(harness_tasks.NotLoadable, match=r"has no task 'choise'; did you mean choice"):
            harness_tasks.load("choise", tasks)
    (tasks / "broken.yaml").write_text('{"task": "broken", "dataset_path": "json", "output_type": "generate_until"}')
    harness_tasks._own.cache_clear()
    with pytest.raises(harness_tasks.NotLoadable, match="cannot load 'broken'"):
        harness_tasks.load("broken", tasks)


def test_a_task_that_is_not_loaded_says_nothing_about_metrics():
    task = HarnessTask.model_validate({"kind": "lm_eval", "tasks": ["arc_easy"]})
    assert task.metric("bits per byte").better == "lower"
    assert not task.metric("acc").compared
    assert Outcome().parts == {}
