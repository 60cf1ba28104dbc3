"""Judged tasks: both orders, a judge that only looks at the order, nonsense, and nothing asked twice."""

import asyncio
import json
import re

import pytest

from align import Prompt, Recipe, RecipeError, StageFailed

GOOD, POOR = "It is seven, as two and five make seven.", "no idea"
PAIR_JUDGE = {
    "kind": "scripted",
    "replies": {
        r"Assistant A's Answer\]\nIt is": "A explains it. [[A]]",
        r"Assistant B's Answer\]\nIt is": "B explains it. [[B]]",
    },
    "default": "[[C]]",
}
FIVE_JUDGE = {
    "kind": "scripted",
    "replies": {
        "Write code": "[[A=B]]",
        r"Assistant A's Answer\|>\nIt is": "[[A>>B]]",
        r"Assistant B's Answer\|>\nIt is": "[[B>A]]",
    },
    "default": "[[A=B]]",
}


NOTING = """
import json
from align.core.errors import TooLong
from align.generate.backends.scripted import Scripted

class Noting(Scripted):
    file: str

    async def generate(self, messages, sampling):
        with open(self.file, "a") as notes:
            notes.write(json.dumps({"messages": list(messages), "temperature": sampling.temperature}) + "\\n")
        return await super().generate(messages, sampling)

class Short(Noting):
    async def generate(self, messages, sampling):
        if "Greet" in str(messages):
            raise TooLong("the prompt has 900 tokens, and the model reads 512")
        return await super().generate(messages, sampling)
"""


def generator(reply):
    return {"kind": "scripted", "default": reply}


@pytest.fixture
def evaluate(tmp_path, tiny):
    def run(task, models=("good",), judge=PAIR_JUDGE, files=(), **fields):
        for name, rows in dict(files).items():
            (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
        (tmp_path / "noting.py").write_text(NOTING)
        noted = {"kind": "noting:Noting", "file": str(tmp_path / "asked.jsonl")}
        recipe = {
            "name": "judged",
            "base": tiny,
            "generators": {
                "good": generator(GOOD) | noted,
                "poor": generator(POOR) | noted,
                "critic": judge | noted | ({"kind": judge["kind"]} if judge["kind"] != "scripted" else {}),
            },
            "stages": {
                **({"held": {"kind": "load", "path": "rows.jsonl"}} if "rows.jsonl" in dict(files) else {}),
                "scores": {
                    "kind": "evaluate",
                    "models": [{"generator": model} for model in models],
                    "tasks": [task],
                    "samples": 0,
                    "dtype": "float32",
                    **fields,
                },
            },
        }
        (tmp_path / "recipe.yaml").write_text(json.dumps(recipe))
        return Recipe.load(tmp_path / "recipe.yaml").run(tmp_path / "run").stage("scores")

    return run


def rows(count, answer=POOR):
    return {"rows.jsonl": [{"prompt": f"What is {i} and five?", "answer": answer} for i in range(count)]}


WIN_RATE = {"kind": "win_rate", "prompts": "held", "judge": {"generator": "critic"}}


def scores(folder, model="good"):
    (task,) = json.loads((folder / "scores.json").read_text())[model].values()
    return task


def asked(folder):
    """Return what generators were asked, each a record with `messages` and `temperature`."""
    return [json.loads(line) for line in (folder.parents[1] / "asked.jsonl").read_text().splitlines()]


def judgements(folder):
    """Return what the judge was asked: its last message."""
    texts = [record["messages"][-1]["content"] for record in asked(folder)]
    return [text for text in texts if "Answer" in text or "Assistant A" in text or text.startswith("That cannot")]


def test_a_better_answer_wins_in_both_orders(evaluate):
    folder = evaluate(WIN_RATE, models=("poor", "good"), files=rows(6, answer="seven I think"))
    good, poor = scores(folder), scores(folder, "poor")
    assert good["win rate"]["value"] == 1.0
    assert (good["position bias"]["value"], good["orders disagree"]["value"], good["ties"]["value"]) == (0, 0, 0)
    assert (poor["win rate"]["value"], poor["ties"]["value"]) == (0.5, 1.0)
    table = (folder / "table.txt").read_text()
    assert "+50.0" in table
    assert "warning: good: no length-controlled win rate: all items have the same win rate" in table
    assert len(judgements(folder)) == 2 * 2 * 6


def test_a_judge_that_always_says_the_first_gets_a_warning_and_decides_nothing(evaluate):
    folder = evaluate(WIN_RATE, judge=generator("I like it. [[A]]"), files=rows(6))
    got = scores(folder)
    assert got["win rate"]["value"] == 0.5
    assert (got["position bias"]["value"], got["orders disagree"]["value"]) == (0.5, 1.0)
    warning = "the judge changed its verdict with the order of the answers on 6 of 6 items, and the answer shown first won 100%"
    assert warning in (folder / "table.txt").read_text()
    assert warning in json.dumps(json.loads((folder / "report.json").read_text()))


def test_nonsense_is_asked_about_once_and_then_left_out(evaluate):
    nonsense = evaluate(WIN_RATE, judge=generator("both have merits"), files=rows(4))
    assert scores(nonsense)["not measured"] == {"the judge gave no readable verdict": 4}
    assert "win rate" not in scores(nonsense)
    assert "warning" not in (nonsense / "table.txt").read_text()
    assert len(judgements(nonsense)) == 4 * 2 * 2


def test_a_verdict_that_was_cut_does_not_count(evaluate):
    task = WIN_RATE | {"judge": {"generator": "critic", "max_new_tokens": 1}}
    folder = evaluate(task, judge=generator("[[A]] unless one looks closer"), files=rows(1))
    assert scores(folder)["not measured"] == {"the judge gave no readable verdict": 1}
    assert "it was cut at max_new_tokens=1" in judgements(folder)[-1]


def test_what_is_too_long_for_the_judge_is_not_said_to_be_too_long_for_the_model(evaluate):
    questions = [{"prompt": f"{what} two and five?", "answer": POOR} for what in ("What is", "Greet")]
    folder = evaluate(WIN_RATE, judge=PAIR_JUDGE | {"kind": "noting:Short"}, files={"rows.jsonl": questions})
    assert scores(folder)["not measured"] == {"the question with its answers is too long for the judge": 1}
    assert scores(folder)["win rate"]["n"] == 1
    assert "the judge 'critic' cannot read it: the prompt has 900 tokens" in (folder / "log.txt").read_text()


def test_nonsense_and_then_a_verdict_counts(evaluate):
    judge = generator("hard to say") | {"replies": {"That cannot be read: there is no verdict": "[[A]]"}}
    folder = evaluate(WIN_RATE, judge=judge, files=rows(3))
    assert scores(folder)["win rate"] == {**scores(folder)["win rate"], "n": 3, "value": 0.5}
    assert len(judgements(folder)) == 3 * 2 * 2


def test_judging_again_asks_nothing(evaluate):
    folder = evaluate(WIN_RATE, files=rows(4))
    before = asked(folder)
    for file in (folder / "outcomes").iterdir():
        file.unlink()
    again = evaluate(WIN_RATE, files=rows(4), targets=["win_rate"])
    assert len(before) == 4 + 4 * 2
    assert scores(again)["win rate"]["n"] == 4
    assert asked(again) == before


def test_a_model_of_the_table_is_the_baseline(evaluate):
    folder = evaluate(WIN_RATE | {"against": "poor"}, models=("good", "poor"), files=rows(5, answer="seven"))
    assert scores(folder)["win rate"]["value"] == 1.0
    assert scores(folder, "poor")["win rate"]["value"] == 0.5
    assert "the baseline" in (folder / "table.txt").read_text()
    assert len(judgements(folder)) == 10
    assert all("[The Start of Reference Answer]\nseven" in text for text in judgements(folder))
    assert len(asked(folder)) == 20, "the baseline answers once, though it comes last"


def test_a_baseline_that_is_no_model_of_the_stage_is_named(evaluate):
    with pytest.raises(StageFailed, match="compares with 'sft', which is no model of this stage; it has good"):
        evaluate(WIN_RATE | {"against": "sft"}, files=rows(2))


def test_equal_answers_are_a_tie_without_a_judge_and_missing_ones_are_counted(evaluate):
    mixed = rows(2, answer=GOOD)["rows.jsonl"] + [{"prompt": "And now?"}]
    folder = evaluate(WIN_RATE, files={"rows.jsonl": mixed})
    got = scores(folder)
    assert (got["win rate"]["value"], got["ties"]["value"]) == (0.5, 1.0)
    assert "position bias" not in got
    assert got["not measured"] == {"no answer of the baseline": 1}
    assert judgements(folder) == []


def test_the_baseline_may_stand_in_a_file(evaluate):
    answers = [{"instruction": f"What is {i} and five?", "output": POOR} for i in range(2)]
    folder = evaluate(WIN_RATE | {"answers": "alpaca.jsonl"}, files={**rows(3, answer="seven"), "alpaca.jsonl": answers})
    assert scores(folder)["win rate"] == {**scores(folder)["win rate"], "n": 2, "value": 1.0}
    assert scores(folder)["not measured"] == {"no answer of the baseline": 1}
    with pytest.raises(StageFailed, match="lacks `instruction` or `output`; each record needs"):
        evaluate(WIN_RATE | {"answers": "bad.jsonl"}, files={**rows(1), "bad.jsonl": [{"prompt": "x"}]})


def test_length_control_takes_out_what_length_alone_has_won(evaluate, tmp_path):
    """The judge likes the longer answer; the model's are longer in most pairs."""
    long = "It is seven, as everybody knows who has ever counted to seven on two hands and more."
    answers = [POOR if i % 4 else long for i in range(60)]
    held = [{"prompt": f"{'Rate' if i % 6 == 0 else 'What is'} {i} and five?", "answer": a} for i, a in enumerate(answers)]
    judge = {
        "kind": "scripted",
        "replies": {
            "Rate": "[[C]]",
            r"Assistant A's Answer\]\nIt is seven, as everybody": "[[A]]",
            r"Assistant B's Answer\]\nIt is seven, as everybody": "[[B]]",
            **PAIR_JUDGE["replies"],
        },
    }
    folder = evaluate(WIN_RATE, judge=judge, files={"rows.jsonl": held})
    got = scores(folder)
    raw = got["win rate"]["value"]
    assert raw == pytest.approx((40 + 5) / 60)
    controlled = got["length-controlled win rate"]
    assert controlled["n"] == 60
    assert controlled["low"] <= controlled["value"] <= controlled["high"]
    assert 0.5 < controlled["value"] < raw
    assert re.search(r"length-controlled win rate: good \d+\.\d% \[", (folder / "table.txt").read_text())


def test_a_reward_may_be_the_judge(evaluate, tmp_path):
    (tmp_path / "longest.py").write_text(
        "from align import Reward, Score\n\n\nclass Longest(Reward):\n"
        "    async def score(self, prompt, completions):\n"
        "        return [Score(float(len(text))) if 'lost' not in text else Score.ungraded('x', lacks='an eye')\n"
        "                for text in completions]\n"
    )
    task = {"kind": "win_rate", "prompts": "held", "reward": {"kind": "longest:Longest"}}
    held = [{"prompt": f"Question {i}", "answer": text} for i, text in enumerate((POOR, GOOD + " Indeed.", "I am lost"))]
    got = scores(evaluate(task, files={"rows.jsonl": held}))
    assert (got["win rate"]["n"], got["win rate"]["value"], got["ties"]["value"]) == (2, 0.5, 0.0)
    assert got["not measured"] == {"its answers could not be scored without an eye": 1}
    assert "position bias" not in got
    near = scores(evaluate(task | {"tie_within": 10}, files={"rows.jsonl": held}))
    assert (near["win rate"]["value"], near["ties"]["value"]) == (0.75, 0.5)


def test_a_reward_model_may_be_the_judge(evaluate, tmp_path, tiny):
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    from align.core.plugins import Reward

    torch.manual_seed(0)  # the head of the reward model is random
    AutoModelForSequenceClassification.from_pretrained(tiny, num_labels=1).save_pretrained(tmp_path / "rm")
    AutoTokenizer.from_pretrained(tiny).save_pretrained(tmp_path / "rm")
    reward = {"kind": "reward_model", "model": "./rm"}
    task = {"kind": "win_rate", "prompts": "held", "reward": reward}
    folder = evaluate(task, files=rows(5, answer="Six, and that is all there is to say."))
    scorer = Reward.model_validate(reward)
    scorer.start(lambda reference: str(tmp_path / reference))
    wins = []
    for line in (folder / "results" / "win_rate.jsonl").read_text().splitlines():
        prompt = Prompt(messages=json.loads(line)["messages"])
        mine, theirs = asyncio.run(scorer.score(prompt, [GOOD, "Six, and that is all there is to say."]))
        wins.append(mine.value > theirs.value)
    assert scores(folder)["win rate"] == {**scores(folder)["win rate"], "n": 5, "value": sum(wins) / 5}


def test_fields_that_exclude_each_other_are_refused(evaluate, tmp_path):
    (tmp_path / "mine.txt").write_text("Better: {answer_a} or {answer_b}?")
    for more, what in (
        ({"judge": None}, "needs either a `judge`, or a `reward`"),
        ({"reward": {"kind": "math"}}, "needs either a `judge`, or a `reward`"),
        ({"against": "good", "answers": "rows.jsonl"}, "leave one out"),
        ({"template": "mine.txt"}, r"the template needs \{question\}"),
        ({"tie_within": 1}, "a `judge` says itself what is a tie"),
    ):
        with pytest.raises(RecipeError, match=what):
            evaluate({key: value for key, value in (WIN_RATE | more).items() if value}, files=rows(1))


QUESTIONS = [
    {"question_id": 81, "category": "writing", "turns": ["Write a line.", "Now another."]},
    {"question_id": 111, "category": "math", "turns": ["What is 2+5?", "And 3 more?"], "reference": ["7", "10"]},
    {"question_id": 103, "category": "reasoning", "turns": ["Who is it?", "Why?"], "reference": ["a doctor", ""]},
    {"question_id": 82, "category": "stem", "turns": ["Only one turn?"]},
]
MT_BENCH = {"kind": "mt_bench", "path": "question.jsonl", "judge": {"generator": "critic"}}
GRADER = {
    "kind": "scripted",
    "replies": {r"### User:\nAnd 3 more": "Rating: [[4]]", "reference answer": "Rating: [[7]]", "### User:": "[[2]]"},
    "default": "Good. Rating: [[9]]",
}


def test_mt_bench_grades_both_turns_with_the_published_templates(evaluate):
    folder = evaluate(MT_BENCH, judge=GRADER, files={"question.jsonl": QUESTIONS})
    got = scores(folder)
    assert (got["turn 1"]["value"], got["turn 2"]["value"]) == (8.0, 3.0)
    assert (got["score"]["n"], got["score"]["value"]) == (4, 5.5)
    assert got["not measured"] == {"no reference answer for each turn": 1, "not two turns": 1}
    by_group = json.loads((folder / "by_group.json").read_text())["mt_bench"]
    assert by_group["math"]["good"]["score"]["value"] == 5.5
    texts = "".join(judgements(folder))
    assert "<|The Start of Reference Answer|>\n\n### User:\nWhat is 2+5?\n\n### Reference answer:\n7" in texts
    assert f"### User:\nNow another.\n\n### Assistant A:\n{GOOD}" in texts


def test_mt_bench_samples_at_the_temperature_of_the_category(evaluate):
    folder = evaluate(MT_BENCH, judge=GRADER, files={"question.jsonl": QUESTIONS[:2]})
    used = {(r["messages"][0]["content"], r["temperature"]) for r in asked(folder) if "judge" not in str(r)}
    assert used == {("Write a line.", 0.7), ("What is 2+5?", 0.0)}
    assert [r["messages"][1]["content"] for r in asked(folder) if len(r["messages"]) == 3] == [GOOD, GOOD]
    greedy = evaluate(MT_BENCH | {"greedy": True, "name": "greedy"}, judge=GRADER, files={"question.jsonl": QUESTIONS[:1]})
    assert asked(greedy)[-4]["temperature"] == 0.0


def test_mt_bench_takes_references_from_a_file(evaluate):
    given = [{"question_id": i, "choices": [{"turns": ["seven", "ten"]}]} for i in (111, 103)]
    task = MT_BENCH | {"references": "gpt-4.jsonl"}
    folder = evaluate(task, judge=GRADER, files={"question.jsonl": QUESTIONS, "gpt-4.jsonl": given})
    assert scores(folder)["not measured"] == {"not two turns": 1}
    assert "### Reference answer:\nseven" in "".join(judgements(folder))
    with pytest.raises(StageFailed, match=r"gpt-4.jsonl has no `choices\[0\].turns` for question 5"):
        evaluate(task, judge=GRADER, files={"question.jsonl": QUESTIONS, "gpt-4.jsonl": [{"question_id": 5}]})
    with pytest.raises(StageFailed, match=r"gpt-4.jsonl, line 1 needs 'question_id'"):
        evaluate(task, judge=GRADER, files={"question.jsonl": QUESTIONS, "gpt-4.jsonl": [{"choices": []}]})


def test_mt_bench_leaves_out_what_is_graded_off_the_scale(evaluate):
    got = scores(evaluate(MT_BENCH, judge=generator("[[12]]"), files={"question.jsonl": QUESTIONS[:1]}))
    assert got == {"not measured": {"the judge gave no readable verdict": 1}}
    with pytest.raises(RecipeError, match="shots: unknown key"):
        evaluate(MT_BENCH | {"shots": 2}, judge=GRADER, files={"question.jsonl": QUESTIONS[:1]})


PROMPTS = [
    {"uid": "a", "category": "hard_prompt", "subcategory": "math", "prompt": "What is 2 and 5?"},
    {"uid": "b", "category": "hard_prompt", "subcategory": "coding", "prompt": "Write code."},
    {"uid": "c", "category": "creative_writing", "subcategory": "creative_writing", "prompt": "Write a poem."},
    {"question_id": "d", "category": "hard_prompt", "cluster": "Sums", "turns": [{"content": "What is 3 and 5?"}]},
]
ARENA = {"kind": "arena_hard", "path": "question.jsonl", "judge": {"generator": "critic"}, "answers": ["o3.jsonl"]}


def model_answers(*uids, text=POOR):
    new = [
        {"uid": uid, "model": "o3", "messages": [{"role": "user", "content": "?"}, {"content": {"answer": text}}]}
        for uid in uids
        if uid != "d"
    ]
    old = [{"question_id": uid, "choices": [{"index": 0, "turns": [{"content": text}]}]} for uid in uids if uid == "d"]
    return new + old


def test_arena_hard_weighs_clear_verdicts_and_controls_style(evaluate):
    files = {"question.jsonl": PROMPTS, "o3.jsonl": model_answers("a", "b", "d")}
    answers = files["o3.jsonl"]
    answers[0]["messages"][-1]["content"]["answer"] = "no idea, sorry"  # else equal answers of `poor` are no verdict
    folder = evaluate(ARENA, models=("poor", "good"), judge=FIVE_JUDGE, files=files)
    good, poor = scores(folder), scores(folder, "poor")
    assert (good["win rate"]["n"], good["win rate"]["value"]) == (4 + 2 + 4, 0.9)
    assert (poor["win rate"]["n"], poor["win rate"]["value"]) == (3 * 2, 0.5)
    (change,) = json.loads((folder / "comparisons.json").read_text())
    assert (change["metric"], change["n"], change["difference"]) == ("win rate", 3, pytest.approx(0.4))
    assert good["not measured"] == {"no answer of the baseline": 1}
    assert 0.5 < good["style-controlled win rate"]["value"] <= 1
    assert good["style-controlled win rate"]["n"] == 3
    table = (folder / "table.txt").read_text()
    assert "warning: poor: no style-controlled win rate: all items have the same win rate" in table
    systems = [r["messages"][0]["content"] for r in asked(folder) if r["messages"][0]["role"] == "system"]
    assert len(systems) == 3 * 2 + 2
    assert all("generating your own answer" in text for text in systems)


def test_arena_hard_has_a_baseline_and_a_template_for_each_category(evaluate):
    files = {
        "question.jsonl": PROMPTS,
        "o3.jsonl": model_answers("a", "b", "c", "d"),
        "flash.jsonl": model_answers("c", text="roses"),
    }
    both = {"answers": ["o3.jsonl", "flash.jsonl"]}
    named = {"baselines": {"hard_prompt": "o3.jsonl", "creative_writing": "flash.jsonl"}}
    folder = evaluate(ARENA | both | named, judge=FIVE_JUDGE, files=files)
    poems = [r["messages"] for r in asked(folder) if "a poem" in str(r) and len(r["messages"]) == 2]
    assert len(poems) == 2
    assert all("roses" in user["content"] for _, user in poems)
    assert not any("generating your own answer" in system["content"] for system, _ in poems)
    with pytest.raises(RecipeError, match="`baselines` says which category"):
        evaluate(ARENA | both, judge=FIVE_JUDGE, files=files)
    with pytest.raises(RecipeError, match="either `against` a model of the stage, or given by files"):
        evaluate(ARENA | {"against": "poor"}, judge=FIVE_JUDGE, files=files)


def test_arena_hard_says_nothing_where_there_is_no_verdict(evaluate):
    files = {"question.jsonl": PROMPTS[:1], "o3.jsonl": model_answers("a")}
    folder = evaluate(ARENA, models=("poor", "good"), judge=generator("both have merits"), files=files)
    assert scores(folder) == {"not measured": {"the judge gave no readable verdict": 1}}
    assert scores(folder, "poor")["win rate"]["value"] == 0.5
    assert "warning: good" not in (folder / "table.txt").read_text()


def test_arena_hard_against_a_model_of_the_table(evaluate):
    task = {key: value for key, value in ARENA.items() if key != "answers"} | {"against": "poor"}
    folder = evaluate(task, models=("poor", "good"), judge=FIVE_JUDGE, files={"question.jsonl": PROMPTS})
    assert scores(folder)["win rate"]["value"] == pytest.approx((3 * 4 + 2 * 0.5) / (3 * 4 + 2))
    assert scores(folder)["style-controlled win rate, hard_prompt"]["n"] == 3
    assert "style-controlled win rate, hard_prompt: good" in (folder / "table.txt").read_text()
    assert scores(folder, "poor")["win rate"]["value"] == 0.5
