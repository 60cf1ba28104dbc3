"""Needle in a haystack: facts stand where and in texts as long as asked for, and only the right number counts."""

import json
import random

import pytest

from align import Recipe, StageFailed
from align.evaluate.tasks.needle import NOISE, hidden, numbers

READERS = '''
import re
from align.core.plugins import Completion, Generator

class Reader(Generator):
    """Finds the fact that is asked for; a careless one says all numbers of the text."""
    careless: bool = False

    async def generate(self, messages, sampling):
        text = messages[-1]["content"]
        key = re.search(r"magic number for (\\S+) mentioned", text)[1]
        said = re.findall(r"numbers for \\S+ is: (\\d+)" if self.careless else rf"numbers for {key} is: (\\d+)", text)
        return [Completion(f"It is {', '.join(said)}.", "stop")]
'''
RECIPE = """
name: haystack
base: {base}
generators:
  reader: {{kind: "readers:Reader"}}
  careless: {{kind: "readers:Reader", careless: true}}
stages:
  scores:
    kind: evaluate
    models: {models}
    tasks: [{task}]
    samples: 0
    dtype: float32
"""


@pytest.fixture
def measured(tmp_path, tiny):
    def measure(models, **fields):
        (tmp_path / "readers.py").write_text(READERS)
        task = json.dumps({"kind": "needle", **fields})
        (tmp_path / "recipe.yaml").write_text(RECIPE.format(base=tiny, models=models, task=task))
        return Recipe.load(tmp_path / "recipe.yaml").run(tmp_path / "run").stage("scores")

    return measure


def test_a_reader_finds_every_fact_and_one_that_says_all_numbers_finds_none(measured):
    fields = {"lengths": [300, 600], "depths": [0, 0.5, 1], "needles": 2}
    folder = measured("[{generator: reader}, {generator: careless}]", **fields)
    scores = json.loads((folder / "scores.json").read_text())
    assert scores["reader"]["needle"]["found"]["value"] == 1
    assert scores["reader"]["needle"]["found"]["n"] == 12
    assert scores["careless"]["needle"]["found"]["value"] == 0
    groups = json.loads((folder / "by_group.json").read_text())["needle"]
    assert list(groups) == ["length 300", "length 600", "depth 0%", "depth 50%", "depth 100%"]
    table = (folder / "table.txt").read_text()
    assert "needle (chat, lengths estimated): 12 items" in table
    assert {path.name for path in (folder / "pictures").iterdir()} == {"needle-reader.png", "needle-careless.png"}
    answers = [json.loads(line)["answer"] for line in (folder / "results" / "needle.jsonl").read_text().splitlines()]
    assert len(set(answers)) == 12  # a sentence known by heart is no score


def test_prompts_have_the_length_asked_for_and_too_long_ones_are_not_scored(measured, tiny):
    from align.models.tokenizers import load_chat

    folder = measured("[base]", lengths=[400, 700], depths=[0.5], needles=2, max_new_tokens=4)
    score = json.loads((folder / "scores.json").read_text())["base"]["needle"]
    assert score["not measured"] == {"too long for the context": 2}
    assert score["found"]["n"] == 2
    calls = [json.loads(line) for path in (folder / "calls").glob("*.jsonl*") for line in lines(path)]
    assert len(calls) == 2
    tokenizer = load_chat(tiny).tokenizer
    around = len(tokenizer.apply_chat_template([{"role": "user", "content": ""}], add_generation_prompt=True)["input_ids"])
    for call in calls:
        asked = call["completions"][0]["usage"]["prompt_tokens"] - around
        assert 400 - 40 <= asked <= 400 + 5  # cut behind a whole sentence


def lines(path):
    import gzip

    return gzip.open(path, "rt").readlines() if path.suffix == ".gz" else path.read_text().splitlines()


def test_a_fact_stands_behind_the_sentence_before_its_depth():
    text = "One is here. Two is here. Three is here. Four is here. Fi"
    assert hidden(text, [(0, "Fact.")]) == "Fact. One is here. Two is here. Three is here. Four is here."
    assert hidden(text, [(0.5, "Fact.")]) == "One is here. Two is here. Fact. Three is here. Four is here."
    assert hidden(text, [(1, "Last."), (0, "First.")]).startswith("First. One")
    assert hidden(text, [(1, "Last.")]).endswith("Four is here. Last.")
    assert hidden("一句話。二句話。", [(0.5, "F.")]) == "一句話。F. 二句話。"
    many = [(random.Random(i).random(), f"Fact {i}.") for i in range(9)]
    told = hidden("\n".join([NOISE] * 20), many)
    assert all(told.count(fact) == 1 for _, fact in many)
    order = [told.index(fact) for _, fact in sorted(many)]
    assert order == sorted(order)


def test_only_whole_numbers_count():
    assert numbers("It is 1,234,567, not 89.") == {"1234567", "89"}
    assert "123" not in numbers("1234567")


def test_a_text_of_yours_is_used_and_an_empty_one_is_refused(measured, tmp_path):
    (tmp_path / "mine.txt").write_text("The sea was calm that morning. Nobody spoke. " * 50)
    folder = measured("[{generator: reader}]", lengths=[400], depths=[0.5], needles=1, text="mine.txt")
    assert json.loads((folder / "scores.json").read_text())["reader"]["needle"]["found"]["value"] == 1
    (tmp_path / "mine.txt").write_text(" \n")
    with pytest.raises(StageFailed, match=r"'needle': mine.txt is empty; name a text"):
        measured("[{generator: reader}]", lengths=[400], depths=[0.5], needles=1, text="mine.txt")
