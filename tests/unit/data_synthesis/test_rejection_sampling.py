"""Rejection sampling on scripted replies: which samples become demonstrations, which become pairs, and what is refused."""

import json
import sys
from collections.abc import Sequence
from dataclasses import replace

import pytest

from align import Prompt, Reward, Score, StageFailed
from align.core import tables
from align.core.plugins import Completion
from align.core.recipe import Recipe
from align.generate.backends.scripted import Scripted
from data_synthesis.rejection_sampling.synthesizer import yes_or_no

SEEN = []
"""The conversations that `Listening` was asked to continue."""


class Listening(Scripted):
    """Remembers whole conversations."""

    async def generate(self, messages, sampling) -> list[Completion]:
        SEEN.append([dict(m) for m in messages])
        return await super().generate(messages, sampling)


class Opinion(Reward):
    """Has a value and no verdict."""

    async def score(self, prompt: Prompt, completions: Sequence[str]) -> list[Score]:
        return [Score(float(len(text))) for text in completions]


@pytest.fixture
def sampled(tmp_path, monkeypatch):
    """Run rejection sampling over one prompt (3 + 4 = 7, unless told otherwise); return completions, pairs and report."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    SEEN.clear()

    def run(replies, prompts=({"prompt": "3 + 4?", "answer": "7"},), judge=None, **fields):
        (tmp_path / "prompts.jsonl").write_text("".join(json.dumps(p) + "\n" for p in prompts))
        replies = replies if isinstance(replies, dict) else {"": replies}
        generators = {"solver": {"kind": "test_rejection_sampling:Listening", "replies": replies}}
        generators["judge"] = {"kind": "scripted", "replies": judge or {}, "default": "yes"}
        most = max(len(r) for r in replies.values())
        stage = {"kind": "rejection_sampling", "prompts": "prompts", "generator": "solver", "samples": most}
        stage |= {"reward": {"kind": "math", "symbolic": False}, "max_new_tokens": 12, **fields}
        stages = {"prompts": {"kind": "load", "path": "prompts.jsonl"}, "right": stage}
        recipe = {"name": "x", "base": "./m", "generators": generators, "stages": stages}
        (tmp_path / "recipe.yaml").write_text(json.dumps(recipe))
        Recipe.load(tmp_path / "recipe.yaml").run(tmp_path / "out")
        out = tmp_path / "out" / "02-right"
        said = [row.completion[0]["content"] for row in tables.read(out, "demonstrations")]
        pairs = [(row.chosen[0]["content"], row.rejected[0]["content"]) for row in tables.read(out, "preferences")]
        return said, pairs, json.loads((out / "report.json").read_text())

    return run


def test_distinct_right_paths_are_kept_and_repeated_ones_are_not(sampled):
    said, pairs, report = sampled(["3 + 4 = 7", "4 + 3 = 7", "So 3 + 4 = 7.", "3 + 4 = 7", "I say 7", "I say 8"])
    assert said == ["4 + 3 = 7", "So 3 + 4 = 7.", "I say 7"], "of two on one path, the one less like the others"
    assert report["tallies"] == {"samples right": 5, "right samples on a path already kept": 2, "samples wrong": 1}
    assert len(pairs) == 1


def test_a_right_answer_by_an_equation_that_does_not_hold_is_refused(sampled):
    replies = ["3 + 3 = 7", "3 + 4 = 7", "no idea"]
    said, pairs, report = sampled(replies)
    assert said == ["3 + 4 = 7"]
    assert pairs == [("3 + 4 = 7", "no idea")], "nor is it a wrong sample to pair with"
    assert report["tallies"]["right samples whose equations do not hold"] == 1
    assert sampled(replies, check_equations=False)[0] == ["3 + 3 = 7", "3 + 4 = 7"]


def test_a_cut_sample_is_neither_right_nor_wrong(sampled):
    long = "well " * 10 + "the answer is 7"
    said, pairs, report = sampled(["3 + 4 = 7", long, "well " * 20])
    assert (said, pairs) == (["3 + 4 = 7"], [])
    tallies = report["tallies"]
    assert (tallies["samples truncated"], tallies["samples right"], "samples wrong" in tallies) == (2, 1, False)
    assert tallies["prompts without a wrong sample to pair"] == 1
    assert sampled(["3 + 4 = 7", long], max_new_tokens=30)[0] == ["3 + 4 = 7", long]


def test_a_pair_takes_the_wrong_sample_closest_to_the_right_one(sampled):
    _, pairs, _ = sampled(["3 + 4 = 7, the answer is 7", "no idea at all", "3 + 5 = 8, the answer is 8", "8"])
    assert pairs == [("3 + 4 = 7, the answer is 7", "3 + 5 = 8, the answer is 8")]


@pytest.mark.parametrize(("most", "count"), [(0, 0), (1, 1), (2, 2), (5, 2)])
def test_max_pairs_bounds_the_pairs_and_each_wrong_sample_is_used_once(most, count, sampled):
    _, pairs, _ = sampled(["3 + 4 = 7", "4 + 3 = 7", "I say 7", "3 + 4 = 8", "3 + 4 = 8", "4 + 3 = 8"], max_pairs=most)
    assert pairs == [("3 + 4 = 7", "3 + 4 = 8"), ("4 + 3 = 7", "4 + 3 = 8")][:count]


def test_max_demonstrations_bounds_the_demonstrations(sampled):
    replies = ["3 + 4 = 7", "4 + 3 = 7", "I say 7"]
    assert sampled(replies, max_demonstrations=2)[0] == ["3 + 4 = 7", "4 + 3 = 7"]


def test_a_prompt_without_a_use_is_dropped_with_its_reason(sampled):
    prompts = [{"prompt": word, "answer": "7"} for word in ("wrong", "cut", "empty", "unsound", "fine")]
    replies = {"wrong": ["8", "9"], "cut": ["x " * 20], "empty": ["  ", ""], "unsound": ["3 + 3 = 7"], "fine": ["3 + 4 = 7"]}
    said, _, report = sampled(replies, prompts)
    assert said == ["3 + 4 = 7"]
    assert report["dropped"] == {
        "no sample is a whole answer": 2,
        "no sample is right": 1,
        "right answers only by unsound paths": 1,
    }
    assert (report["inputs"], report["emitted"], report["failed"]) == (5, 1, {})


def test_shots_are_shown_while_sampling_and_are_absent_from_the_rows(sampled, tmp_path):
    shots = [
        {"question": "1 + 1?", "completion": "1 + 1 = 2", "family": "add"},
        {"question": "2 * 2?", "completion": "2 * 2 = 4", "family": "times"},
        {"question": "Any?", "completion": "Yes."},
    ]
    (tmp_path / "shots.jsonl").write_text("".join(json.dumps(s) + "\n" for s in shots))
    asked = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "3 + 4?"}]
    sampled(["3 + 4 = 7", "8"], [{"prompt": asked, "answer": "7", "tags": ["add"]}], shots="shots.jsonl")
    (seen,) = SEEN
    assert [m["content"] for m in seen] == ["Be brief.", "1 + 1?", "1 + 1 = 2", "Any?", "Yes.", "3 + 4?"]
    assert [m["role"] for m in seen] == ["system", "user", "assistant", "user", "assistant", "user"]
    for table in ("demonstrations", "preferences"):
        (row,) = tables.read(tmp_path / "out" / "02-right", table)
        assert row.prompt == asked


@pytest.mark.parametrize(
    ("file", "text", "why"),
    [
        (
            "shots.jsonl",
            '{"question": "a", "completion": "b"}\n\n{"question": "a"}\n',
            "line 3 lacks `question` or `completion`",
        ),
        ("shots.jsonl", "[1]\n", "record 1 lacks `question`"),
        ("shots.jsonl", '{"question": "a", "completion": "b"}\n{', "line 2 is not JSON"),
        ("shots.csv", "question,completion\n1 + 1?,\n", "line 2 lacks `question` or `completion`"),
    ],
)
def test_a_shot_that_cannot_be_shown_stops_the_stage_with_its_line(sampled, tmp_path, file, text, why):
    (tmp_path / file).write_text(text)
    with pytest.raises(StageFailed, match=why):
        sampled(["7"], shots=file)


def test_shots_are_read_from_any_file_that_load_reads(sampled, tmp_path):
    (tmp_path / "shots.csv").write_text('question,completion\n1 + 1?,"1 + 1 = 2"\n')
    sampled(["3 + 4 = 7"], shots="shots.csv")
    assert [m["content"] for m in SEEN[0]][:2] == ["1 + 1?", "1 + 1 = 2"]


def test_the_judge_refuses_paths_that_are_not_reasonable(sampled):
    # the judge reads the whole problem and solution in one message
    judge = {r"4 \+ 3 = 7": ["No, luck."], "I say": ["Perhaps"], "Thus": ["<think>No? No. Fine.</think>\n**Yes**."]}
    said, _, report = sampled(["3 + 4 = 7", "4 + 3 = 7", "I say 7", "Thus: 7"], judge=judge, reasonable="judge")
    assert said == ["3 + 4 = 7", "Thus: 7"]
    assert report["tallies"]["right samples judged unreasonable"] == 2
    assert report["tallies"]["judgements that are neither yes nor no"] == 1
    with pytest.raises(StageFailed, match="no prompt gave a row: 1 x right answers only by unsound paths"):
        sampled(["3 + 4 = 7", "I say 7"], judge={"": ["no"]}, reasonable="judge")


@pytest.mark.parametrize(
    ("said", "judgement"),
    [
        *[(text, True) for text in ("yes", "Yes.", "**Yes**", "YES!", "Yes, every step follows.", "Answer: yes", '"yes"')],
        *[(text, True) for text in ("<think>No, wait.</think>\n\nyes", "Hm, no. No?\n</think>\n\nYes", "[THINK]no[/THINK]yes")],
        *[(text, True) for text in ("The answer is **yes**.", "Step 2 holds.\nFinal answer: yes", "All steps follow.\n\nYes.")],
        *[
            (text, True)
            for text in ("No mistakes found: yes", "No issues. Yes.", "There is no error, so yes.", r"\boxed{Yes}", "Yep")
        ],
        *[(text, False) for text in ("Yes/No: No", "Yes or no? No.", "Therefore, no.", "Nope", "N")],
        *[(text, True) for text in ("Answer (yes/no): yes", "Y", "true")],
        ("no\n\nExplanation: the sum is 7.", False),
        *[
            (text, None)
            for text in ("Yes and no.", "Yes? No.", "No mistakes found.", "No problem at all: every step is right.")
        ],
        *[(text, False) for text in ("no", "No.", "No, step 2 is wrong", "<think>yes yes</think>no", "Verdict: no")],
        *[(text, None) for text in ("", "Perhaps", "<think>yes", "yesterday", "nothing", "Yes.\nOn reflection:\nNo.")],
    ],
)
def test_a_yes_is_understood_behind_whatever_comes_before_it(said, judgement):
    assert yes_or_no(said) is judgement


@pytest.mark.parametrize("word", ["content_filter", "max_tokens", "abort", "unknown"])
def test_a_sample_that_is_not_whole_makes_no_row_and_is_counted_by_its_word(sampled, monkeypatch, word):
    async def cut(self, messages, sampling):
        said = await Scripted.generate(self, messages, sampling)
        return [replace(c, finish_reason=word) if c.text.endswith("!") else c for c in said]

    monkeypatch.setattr(Listening, "generate", cut)
    said, pairs, report = sampled(["4 + 3 = 7!", "3 + 4 = 7", "8!", "9"])
    assert (said, pairs) == (["3 + 4 = 7"], [("3 + 4 = 7", "9")])
    assert report["tallies"][f"samples ended by {word!r}"] == 2


def test_a_reward_without_a_verdict_is_refused_with_a_sentence(sampled):
    with pytest.raises(StageFailed, match=r"'test_rejection_sampling:Opinion' gives no verdict .* needs a verifier"):
        sampled(["7"], reward={"kind": "test_rejection_sampling:Opinion"})


def test_every_row_says_where_it_came_from(sampled, tmp_path):
    sampled(["3 + 4 = 7", "8"])
    out = tmp_path / "out" / "02-right"
    lineage = {item["id"]: item for item in map(json.loads, (out / "lineage.jsonl").read_text().splitlines())}
    (demonstration,), (pair,) = (tables.read(out, table) for table in ("demonstrations", "preferences"))
    (source,) = tables.read(tmp_path / "out" / "01-prompts", "prompts")
    assert set(lineage) == {demonstration.id, pair.id}
    assert all(item["parents"] == [source.id] for item in lineage.values())
    assert lineage[pair.id]["note"] == {"rejected_because": "expected 7, got 8"}
    assert pair.margin == 1.0
