"""Multiple choice: published prompts, exact scores, and no item that is scored though it cannot be measured."""

import json

import pytest

from align import Recipe, StageFailed

WATCH = '''
import json
from pathlib import Path
from typing import ClassVar
from align import Completion, Generator

class Watch(Generator):
    """Writes down what it is asked. The log-likelihood of a text is that of `likely`; 0 where it is not there."""
    likelihoods: ClassVar[bool] = True
    continues: ClassVar[bool] = True
    log: str
    likely: dict[str, float | str] = {}
    says: str = "B"

    async def generate(self, messages, sampling):
        asked = {"messages": messages, "plain": sampling.plain, "texts": sampling.continuations}
        with Path(self.log).open("a") as file:
            file.write(json.dumps(asked) + "\\n")
        if not sampling.continuations:
            return [Completion(self.says, "stop")]
        likely = [float(self.likely.get(text.strip(), 0.0)) for text in sampling.continuations]
        return [Completion(text, "given", [1], {}, [one]) for text, one in zip(sampling.continuations, likely)]
'''
MMLU = [
    {"question": " What is 2 + 2? ", "subject": "abstract_algebra", "choices": ["3", "4", "5", "6"], "answer": 1},
    {"question": "What cools?", "subject": "anatomy", "choices": ["sweat", "fat", "hair", "bone"], "answer": "A"},
]
MMLU_DEV = [
    {"question": "Bone?", "subject": "anatomy", "choices": ["a", "b", "c", "d"], "answer": 3},
    {"question": "1 + 1?", "subject": "abstract_algebra", "choices": ["1", "2", "3", "4"], "answer": 1},
]
ALGEBRA = "The following are multiple choice questions (with answers) about abstract algebra.\n\n"


@pytest.fixture
def measured(tmp_path, tiny):
    """Measure the watching generator on a task; the folder of the stage has the answers, `asked.jsonl` the questions."""
    (tmp_path / "watch.py").write_text(WATCH)

    def run(task, rows, likely=None, says="B", models=None, **files):
        for name, records in {"test": rows, **files}.items():
            (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
        watch = {"kind": "watch:Watch", "log": str(tmp_path / "asked.jsonl"), "likely": likely or {}, "says": says}
        stage = {"kind": "evaluate", "models": models or [{"generator": "watch"}], "tasks": [task], "samples": 0}
        recipe = {
            "name": "choices",
            "base": tiny,
            "generators": {"watch": watch},
            "stages": {"scores": {**stage, "dtype": "float32"}},
        }
        (tmp_path / "recipe.yaml").write_text(json.dumps(recipe))
        folder = Recipe.load(tmp_path / "recipe.yaml").run(tmp_path / "run").stage("scores")
        (results,) = (folder / "results").iterdir()
        lines = [json.loads(line) for line in results.read_text().splitlines()]
        (model,) = lines[0]["models"]
        return [line["models"][model] for line in lines], folder

    return run


def asked(tmp_path):
    return [json.loads(line) for line in (tmp_path / "asked.jsonl").read_text().splitlines()]


def test_mmlu_asks_as_the_paper_does(measured, tmp_path):
    task = {"kind": "mmlu", "path": "test.jsonl", "shots_path": "dev.jsonl", "prompting": "text", "shots": 1}
    rows = [*MMLU, {**MMLU[0], "question": "What is 3 + 1?"}]
    got, _ = measured(task, rows, {"B": -0.5, "A": -1, "C": -2, "D": -3}, dev=MMLU_DEV)
    first = next(one for one in asked(tmp_path) if "2 + 2" in one["messages"][-1]["content"])
    assert first["messages"][-1]["content"] == (
        ALGEBRA + "1 + 1?\nA. 1\nB. 2\nC. 3\nD. 4\nAnswer: B\n\nWhat is 2 + 2?\nA. 3\nB. 4\nC. 5\nD. 6\nAnswer:"
    )
    assert (first["plain"], first["texts"]) == (True, [" A", " B", " C", " D"])
    assert [one["scores"] for one in got] == [{"accuracy": 1.0}, {"accuracy": 0.0}, {"accuracy": 1.0}]


def test_in_a_chat_worked_examples_are_turns_and_the_answer_begins_the_assistants_turn(measured, tmp_path):
    task = {"kind": "mmlu", "path": "test.jsonl", "shots_path": "dev.jsonl", "shots": 1}
    measured(task, MMLU[:1], {"A": 1.0}, dev=MMLU_DEV)
    (only,) = asked(tmp_path)
    roles = [message["role"] for message in only["messages"]]
    assert (roles, only["texts"], only["plain"]) == (["user", "assistant", "user"], ["A", "B", "C", "D"], None)
    first, answer, last = (message["content"] for message in only["messages"])
    assert first == ALGEBRA + "1 + 1?\nA. 1\nB. 2\nC. 3\nD. 4\nAnswer:"
    assert (answer, last) == ("B", "What is 2 + 2?\nA. 3\nB. 4\nC. 5\nD. 6\nAnswer:")


def test_mmlu_pro_shows_solutions_and_reads_the_letter_at_the_end(measured, tmp_path):
    record = {"question": "Which?", "options": ["x", "y", "z"], "answer": "C", "answer_index": 2, "category": "law"}
    shot = {
        **record,
        "question": "What?",
        "answer": "A",
        "cot_content": "A: Let's think step by step. It is x. The answer is (A).",
    }
    task = {"kind": "mmlu_pro", "path": "test.jsonl", "shots_path": "dev.jsonl", "prompting": "text", "shots": 1}
    got, _ = measured(task, [record, {**record, "answer": "A"}], says=" So z. The answer is (C).", dev=[shot])
    assert asked(tmp_path)[0]["messages"][0]["content"] == (
        "The following are multiple choice questions (with answers) about law. Think step by step and then finish your answer "
        'with "the answer is (X)" where X is the correct letter choice.\n'
        "Question:\nWhat?\nOptions:\nA. x\nB. y\nC. z\nAnswer: Let's think step by step. It is x. The answer is (A).\n\n"
        "Question:\nWhich?\nOptions:\nA. x\nB. y\nC. z\nAnswer: Let's think step by step."
    )
    assert [one["scores"]["accuracy"] for one in got] == [1.0, 0.0]


def test_gpqa_shuffles_each_question_by_itself(measured, tmp_path):
    rows = [
        {"Question": f"Q{i}?", "Correct Answer": "right\n", **{f"Incorrect Answer {j}": f"wrong  {j}" for j in (1, 2, 3)}}
        for i in range(8)
    ]
    task = {"kind": "gpqa", "path": "test.jsonl", "prompting": "text"}
    likely = dict.fromkeys(["(A)", "(B)", "(C)", "(D)"], -1.0)
    together = [one["scores"]["accuracy"] for one in measured(task, rows, {**likely, "(A)": -0.5})[0]]
    alone = [measured(task, [row], {**likely, "(A)": -0.5})[0][0]["scores"]["accuracy"] for row in rows]
    assert together == alone
    assert 0 < sum(together) < len(rows)  # the right answer is not always first
    other = measured({**task, "order": 1}, rows, {**likely, "(A)": -0.5})[0]
    assert [one["scores"]["accuracy"] for one in other] != together
    prompts = {one["messages"][0]["content"] for one in asked(tmp_path)}
    of_first = [one for one in prompts if one.startswith("What is the correct answer to this question:Q0?\nChoices:\n(A) ")]
    assert len(of_first) == 2  # one for each order
    assert all(one.endswith("\nAnswer:") and one.count("wrong ") == 3 and "\n(D) " in one for one in of_first)


def test_c_eval_has_its_subjects_from_folders_files_or_a_column(measured, tmp_path):
    record = {"id": 0, "question": "问？", "A": "一", "B": "二", "C": "三", "D": "四", "answer": "B"}
    for file in ("hub/accountant/val-00000-of-00001.jsonl", "archive/val/accountant_val.jsonl"):
        (tmp_path / file).parent.mkdir(parents=True)
        (tmp_path / file).write_text(json.dumps(record, ensure_ascii=False) + "\n")
    task = {"kind": "c_eval", "prompting": "text", "shots": 0}
    for path in ("test.jsonl", "./hub", "./archive"):
        got, folder = measured({**task, "path": path}, [{**record, "subject": "accountant"}], {"B": 1.0})
        assert got[0]["scores"] == {"accuracy": 1.0}
        assert '"language": "zh"' in next((folder / "results").iterdir()).read_text()
    prompts = [one["messages"][0]["content"] for one in asked(tmp_path)]
    assert prompts == [
        "以下是中国关于注册会计师的单项选择题，请选出其中的正确答案。\n\n问？\nA. 一\nB. 二\nC. 三\nD. 四\n答案："
    ] * len(prompts)
    with pytest.raises(StageFailed, match=r"lacks 'subject'"):
        measured({**task, "path": "test.jsonl"}, [record])


def test_truthfulqa_adds_up_the_probability_of_what_is_true(measured, tmp_path):
    row = {
        "question": "Is it?",
        "mc1_targets": {"choices": ["no", "yes", "maybe"], "labels": [1, 0, 0]},
        "mc2_targets": {"choices": ["no", "never", "yes", "maybe"], "labels": [1, 1, 0, 0]},
    }
    task = {"kind": "truthfulqa_mc", "path": "test.jsonl", "prompting": "text"}
    # probabilities 1 : 3 : 2 : 2, so far below the smallest float that only their ratios can be computed
    ln2, ln3 = 0.6931471805599453, 1.0986122886681098
    (got,), _ = measured(task, [row], {"no": -900, "never": -900 + ln3, "yes": -900 + ln2, "maybe": -900 + ln2})
    assert got["scores"] == {"mc1": 0.0, "mc2": pytest.approx(0.5)}
    (only,) = asked(tmp_path)
    assert only["texts"] == [" no", " yes", " maybe", " never"]
    prompt = only["messages"][0]["content"]
    assert prompt.startswith("Q: What is human life expectancy in the United States?\nA: Human life expectancy in the United")
    assert prompt.endswith("A: The 1992 Olympics were held in Barcelona, Spain.\n\nQ: Is it?\nA:")
    measured(task | {"shots": 1, "shots_path": "mine.jsonl"}, [row], mine=[row | {"question": "Was it?"}] * 2)
    assert asked(tmp_path)[-1]["messages"][0]["content"] == "Q: Was it?\nA: no\n\nQ: Is it?\nA:"


def test_length_normalised_divides_by_characters_and_the_first_of_equals_wins(measured):
    rows = [
        {"question": "Which?", "choices": choices, "answer": answer}
        for choices, answer in ((["ab", "abcdef"], 1), (["x", "y"], 1))
    ]
    task = {"kind": "choices", "path": "test.jsonl", "answers": "texts", "prompting": "text"}
    (one, other), folder = measured(task, rows, {"ab": -2.0, "abcdef": -3.0, "x": -1.0, "y": -1.0})
    assert one["scores"] == {"accuracy": 0.0, "accuracy, length-normalised": 1.0}
    assert other["scores"] == {"accuracy": 0.0, "accuracy, length-normalised": 0.0}
    assert (other["notes"], "notes" in one) == ({"ties between choices": 1}, False)
    assert "length-normalised" not in (folder / "comparisons.json").read_text()


def test_a_written_answer_without_a_letter_is_wrong_and_noted(measured, tmp_path):
    rows = [{"question": "Which?", "choices": ["x", "y"], "answer": 1}]
    task = {"kind": "choices", "path": "test.jsonl", "by": "generation"}
    (got,), folder = measured(task, rows, says="It is A or B.")
    assert (got["scores"], got["notes"]) == ({"accuracy": 0.0}, {"no letter found": 1})
    assert "no letter found" in (folder / "report.json").read_text()
    assert "'Answer: $LETTER' (without quotes) where LETTER is one of AB." in asked(tmp_path)[0]["messages"][0]["content"]
    (got,), _ = measured(task, rows, says="Thus the answer is (B).")
    assert (got["scores"], "notes" in got) == ({"accuracy": 1.0}, False)


def test_answers_are_indices_letters_labels_or_texts(measured):
    arc = {"label": ["1", "2"], "text": ["x", "y"]}
    cases = [
        (["x", "y"], 1, 1), (["x", "y"], "B", 1), (["x", "y"], "y", 1), (["x", "y"], "1", 1), (arc, "2", 1),
        (["1", "4"], "4", 1),
        (["1", "2", "3"], "1", "a gold answer that can name two choices; set `answer_is`"),
        (["x", "y"], 2, "a gold answer that names no choice"), (["x", "y"], None, "no gold answer"),
        (["x"], 0, "fewer than two choices"), (["x", " "], 0, "an empty choice"), ("xy", 0, "no choices"),
    ]  # fmt: skip
    rows = [{"question": f"Q{i}?", "choices": choices, "answer": answer} for i, (choices, answer, _) in enumerate(cases)]
    got, folder = measured({"kind": "choices", "path": "test.jsonl", "prompting": "text"}, rows, {"B": 1.0})
    assert [one.get("skipped") or one["scores"]["accuracy"] for one in got] == [expected for _, _, expected in cases]
    assert "on 6 of 12 items (50.0%)" in (folder / "table.txt").read_text()


def test_data_that_cannot_be_used_stops_the_stage(measured):
    task = {"kind": "mmlu", "path": "test.jsonl", "shots_path": "dev.jsonl", "prompting": "text"}
    with pytest.raises(
        StageFailed, match=r"'mmlu': test.jsonl, line 1 has prompt, and lacks 'question'.*columns: {question: YOUR"
    ):
        measured(task, [{"prompt": "?"}], dev=MMLU_DEV)
    with pytest.raises(
        StageFailed, match=r"'watch' 5 worked examples of '\w+', and dev.jsonl has 1 in the split 'dev'; name other"
    ):
        measured(task, MMLU, dev=MMLU_DEV)
    with pytest.raises(StageFailed, match=r"dev.jsonl, line 1 has other, and lacks 'question'"):
        measured(task, MMLU, dev=[{"other": 1}])


def test_a_chat_needs_no_worked_examples(measured, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "test.jsonl").write_text(json.dumps(MMLU[0]) + "\n")
    got, _ = measured({"kind": "mmlu", "path": "./data", "config": None}, [], {"B": 1.0})
    assert got[0]["scores"] == {"accuracy": 1.0}
    with pytest.raises(StageFailed, match=r"has 0 in the split 'dev' \(task 'mmlu' has no data: .*no split 'dev'.*`shots`"):
        measured({"kind": "mmlu", "path": "./data", "config": None, "prompting": "text"}, [])


def test_a_question_is_no_worked_example_of_itself(measured, tmp_path):
    task = {"kind": "mmlu", "path": "test.jsonl", "shots_split": "test", "shots": 1, "prompting": "text"}
    rows = [{**MMLU[0], "question": f"Q{i}?"} for i in range(3)]
    measured(task, rows, {"A": 1.0})
    prompts = [one["messages"][0]["content"].removeprefix(ALGEBRA) for one in asked(tmp_path)]
    assert sorted(one.count("Q0?") for one in prompts) == [1, 1, 1]
    assert any(one.startswith("Q1?") and "Q0?" in one for one in prompts)


def test_a_likelihood_that_is_no_number_is_no_score(measured):
    rows = [{"question": "Which?", "choices": ["x", "y"], "answer": 1}] * 2
    task = {"kind": "choices", "path": "test.jsonl", "prompting": "text"}
    got, _ = measured(task, rows, {"B": "nan"})
    assert {one["skipped"] for one in got} == {"a log-likelihood is not a finite number"}


@pytest.mark.parametrize("by", ["loglikelihood", "generation"])
def test_items_longer_than_the_context_are_left_out(measured, by):
    rows = [{"question": text, "choices": ["x", "y"], "answer": 1} for text in ("Which?", "Which? " * 600)]
    task = {"kind": "choices", "path": "test.jsonl", "by": by, "max_new_tokens": 4, "prompting": "text"}
    (short, long), folder = measured(task, rows, models=["base"])  # 512 positions, rotary
    assert set(short["scores"]) == {"accuracy"}
    assert long == {"skipped": "too long for the context"}
    assert "base on 1 of 2 items (50.0%): too long for the context 1" in (folder / "table.txt").read_text()
