"""Loading: every usual shape becomes rows, and every record that cannot is counted with its index and its reason."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from align.core import tables
from align.core.errors import StageFailed
from align.core.recipe import Recipe


def user(text):
    return {"role": "user", "content": text}


def says(text):
    return {"role": "assistant", "content": text}


def system(text):
    return {"role": "system", "content": text}


def load(folder, records, name="data.jsonl", **fields):
    """Run a recipe of one `load` stage; return its folder."""
    if not isinstance(records, str):
        records = "".join(json.dumps(r) + "\n" for r in records)
    (folder / name).write_text(records, encoding="utf-8", newline="")
    return run(folder, name, **fields)


def run(folder, path, **fields):
    (folder / "recipe.yaml").write_text(json.dumps(recipe_of(path, fields)))
    Recipe.load(folder / "recipe.yaml").run(folder / "out")
    return folder / "out" / "01-rows"


def recipe_of(path, fields):
    return {"name": "x", "base": "./m", "stages": {"rows": {"kind": "load", "path": path, **fields}}}


def report(stage):
    return json.loads((stage / "report.json").read_text())


def dropped(stage):
    return [json.loads(line) for line in (stage / "dropped.jsonl").read_text().splitlines()]


QA = ([user("q")], [says("a")])
PAIR = ([user("q")], [says("good")], [says("bad")])
SHAPES = {
    "TRL, conversational": ({"prompt": [user("q")], "completion": [says("a")]}, QA),
    "TRL, plain": ({"prompt": "q", "completion": "a"}, QA),
    "TRL, one turn not in a list": ({"prompt": "q", "completion": says("a")}, QA),
    "messages": ({"messages": [user("q"), says("a")]}, QA),
    "messages, several turns": (
        {"messages": [system("s"), user("1"), says("2"), user("3"), says("4"), user("and?")]},
        ([system("s"), user("1")], [says("2"), user("3"), says("4")]),
    ),
    "messages, more keys in a turn": ({"messages": [user("q") | {"name": "Al"}, says("a") | {"weight": 1}]}, QA),
    "preference, conversational": ({"prompt": [user("q")], "chosen": [says("good")], "rejected": [says("bad")]}, PAIR),
    "preference, plain": ({"prompt": "q", "chosen": "good", "rejected": "bad"}, PAIR),
    "preference, implicit prompt": ({"chosen": [user("q"), says("good")], "rejected": [user("q"), says("bad")]}, PAIR),
    "preference, implicit prompt of several turns": (
        {
            "chosen": [user("1"), says("2"), user("3"), says("good")],
            "rejected": [user("1"), says("2"), user("3"), says("bad")],
        },
        ([user("1"), says("2"), user("3")], [says("good")], [says("bad")]),
    ),
    "preference, both repeat the prompt": (
        {
            "prompt": "q",
            "messages": [user("q"), says("good")],
            "chosen": [user("q"), says("good")],
            "rejected": [user("q"), says("bad")],
        },
        PAIR,
    ),
    "ShareGPT": ({"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]}, QA),
    "ShareGPT, system beside it": (
        {"system": "s", "conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]},
        ([system("s"), user("q")], [says("a")]),
    ),
    "ShareGPT, with roles": ({"conversations": [user("q"), says("a")]}, QA),
    "ShareGPT, preference": (
        {
            "conversations": [{"from": "human", "value": "q"}],
            "chosen": {"from": "gpt", "value": "good"},
            "rejected": {"from": "gpt", "value": "bad"},
        },
        PAIR,
    ),
    "Alpaca": ({"instruction": "q", "input": "", "output": "a"}, QA),
    "Alpaca, all of it": (
        {"instruction": "add", "input": "1 2", "output": "3", "system": "s", "history": [["hi", "hello"]]},
        ([system("s"), user("hi"), says("hello"), user("add\n\n1 2")], [says("3")]),
    ),
    "Alpaca, preference": ({"instruction": "q", "chosen": "good", "rejected": "bad"}, PAIR),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_usual_shape_becomes_rows(shape, tmp_path):
    record, expected = SHAPES[shape]
    stage = load(tmp_path, [record])
    table = "demonstrations" if len(expected) == 2 else "preferences"
    assert tables.held(stage) == ["prompts", table]
    (row,) = tables.read(stage, table)
    assert (row.prompt, *((row.completion,) if table == "demonstrations" else (row.chosen, row.rejected))) == expected
    (prompt,) = tables.read(stage, "prompts")
    assert prompt.messages == row.prompt
    assert len({row.id, prompt.id}) == 2
    assert report(stage)["rows"] == {"prompts": 1, table: 1}


def test_columns_answers_tests_tags_and_margins(tmp_path):
    records = [
        {"question": "q1", "prompt": "not this", "gold": 4, "family": "add", "checks": '[{"check": "bullets", "n": 2}]'},
        {"question": "q2", "gold": None, "family": ["add", "easy"], "checks": [{"check": "no_commas"}]},
        {"question": "q3", "gold": "7", "family": None, "checks": None},
    ]
    stage = load(tmp_path, records, columns={"prompt": "question", "answer": "gold", "tags": "family", "tests": "checks"})
    rows = tables.read(stage, "prompts")
    assert [r.messages for r in rows] == [[user("q1")], [user("q2")], [user("q3")]]
    assert [r.answer for r in rows] == ["4", None, "7"]
    assert [r.tags for r in rows] == [["add"], ["add", "easy"], []]
    assert [r.tests for r in rows] == [[{"check": "bullets", "n": 2}], [{"check": "no_commas"}], []]
    pairs = load(tmp_path, [{"prompt": "q", "chosen": "a", "rejected": "b", "by": "2.5"}], columns={"margin": "by"})
    assert tables.read(pairs, "preferences")[0].margin == 2.5


BAD = {
    "no prompt": ({"text": "hi"}, "no prompt among the columns text; name it with `columns:`"),
    "not an object": (["hi"], "not a JSON object"),
    "prompt null": ({"prompt": None}, "prompt is empty"),
    "prompt blank": ({"prompt": "  "}, "prompt is empty"),
    "prompt a number": ({"prompt": 5}, "prompt is not text or a list of messages"),
    "messages empty": ({"messages": []}, "prompt is empty"),
    "messages of text": ({"messages": ["hi", "ho"]}, "messages is not text or a list of messages"),
    "completion null": ({"prompt": "q", "completion": None}, "completion is empty"),
    "completion blank": ({"prompt": "q", "completion": "\n"}, "completion is empty"),
    "no assistant turn": ({"prompt": "q", "completion": [user("a")]}, "completion does not start with an assistant turn"),
    "assistant first": ({"messages": [says("a"), user("q")]}, "the conversation starts with an assistant turn"),
    "prompt ends with assistant": ({"prompt": [user("q"), says("a")]}, "prompt ends with an assistant turn"),
    "unknown role": ({"messages": [{"role": "bard", "content": "x"}]}, "unknown role 'bard' in prompt"),
    "role of another type": ({"messages": [{"role": ["user"], "content": "x"}]}, "unknown role ['user'] in prompt"),
    "no role": ({"messages": [{"content": "x"}]}, "unknown role None in prompt"),
    "content null": ({"messages": [{"role": "user", "content": None}]}, "prompt has a message whose content is not text"),
    "half a surrogate pair": ({"prompt": "\ud83d"}, "prompt has text that is not Unicode"),
    "unknown ShareGPT role": ({"conversations": [{"from": "bard", "value": "x"}]}, "unknown role 'bard' in conversations"),
    "ShareGPT role a list": ({"conversations": [{"from": [], "value": "x"}]}, "unknown role [] in conversations"),
    "conversations empty": ({"conversations": []}, "conversations is empty"),
    "chosen missing": ({"prompt": "q", "rejected": "b"}, "chosen is missing"),
    "rejected null": ({"prompt": "q", "chosen": "a", "rejected": None}, "rejected is empty"),
    "chosen equals rejected": ({"prompt": "q", "chosen": "a", "rejected": "a"}, "chosen equals rejected"),
    "implicit, equal": ({"chosen": [user("q"), says("a")], "rejected": [user("q"), says("a")]}, "chosen equals rejected"),
    "implicit, apart": ({"chosen": "a", "rejected": "b"}, "no prompt column, and chosen and rejected share no first turn"),
    "margin a word": ({"prompt": "q", "chosen": "a", "rejected": "b", "margin": "wide"}, "margin is not a number"),
    "instruction a number": ({"instruction": 3, "output": "a"}, "instruction is not text"),
    "history not pairs": ({"instruction": "q", "history": ["hi"]}, "history is not a list of [user, assistant] pairs"),
    "tests not JSON": ({"prompt": "q", "tests": "{"}, "tests is not JSON"),
    "tests not objects": ({"prompt": "q", "tests": [1]}, "tests is not a list of objects"),
    "tags a number": ({"prompt": "q", "tags": 3}, "tags is not text or a list"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_a_bad_record_is_dropped_alone_with_index_and_reason(case, tmp_path):
    record, reason = BAD[case]
    stage = load(tmp_path, [{"prompt": "fine", "completion": "yes"}, record, {"prompt": "also fine"}])
    assert report(stage)["dropped"] == {reason: 1}
    assert report(stage)["inputs"] == 3
    assert dropped(stage) == [{"index": 1, "reason": reason, "record": record}]
    assert [r.messages for r in tables.read(stage, "prompts")] == [[user("fine")], [user("also fine")]]


def test_duplicates_are_dropped_and_a_second_answer_is_not_one(tmp_path):
    a, b = {"prompt": "q", "completion": "a"}, {"prompt": "q", "completion": "b"}
    stage = load(tmp_path, [a, b, a, a])
    assert [r.completion for r in tables.read(stage, "demonstrations")] == [[says("a")], [says("b")]]
    assert tables.count(stage, "prompts") == 1
    assert report(stage)["dropped"] == {"duplicate of an earlier record": 2}
    assert [d["index"] for d in dropped(stage)] == [2, 3]


def test_the_log_names_each_reason_with_its_first_records(tmp_path):
    stage = load(tmp_path, [{"prompt": "fine"}, *[{"prompt": ""}] * 7, {"text": "x"}])
    log = (stage / "log.txt").read_text()
    assert "dropped 7 x prompt is empty (records 1, 2, 3, 4, 5, ...)" in log
    assert "dropped 1 x no prompt among the columns text; name it with `columns:` (record 8)" in log


def test_strict_refuses_and_still_keeps_the_bad_records_aside(tmp_path):
    with pytest.raises(StageFailed, match=r"strict: true, and bad records: 1 x prompt is empty \(record 1\)"):
        load(tmp_path, [{"prompt": "fine"}, {"prompt": ""}], strict=True)
    stage = tmp_path / "out" / "01-rows"
    assert [d["index"] for d in dropped(stage)] == [1]
    assert not tables.held(stage)
    assert not (stage / "done.json").exists()


@pytest.mark.parametrize(("records", "why"), [([], "it is empty"), ([{"a": 1}], "1 x no prompt among the columns a")])
def test_data_without_a_usable_row_fails(records, why, tmp_path):
    with pytest.raises(StageFailed, match=f"data.jsonl gives no usable row: {why}"):
        load(tmp_path, records)


def test_a_column_that_is_not_there_is_named(tmp_path):
    stage = load(tmp_path, [{"q": "fine"}, {"Q": "wrong case"}], columns={"prompt": "q"})
    assert report(stage)["dropped"] == {"no column 'q'": 1}


def test_limit_counts_records(tmp_path):
    stage = load(tmp_path, [{"prompt": ""}, {"prompt": "1"}, {"prompt": "2"}, {"prompt": "3"}], limit=3)
    assert (report(stage)["inputs"], tables.count(stage, "prompts")) == (3, 2)


def test_a_half_broken_line_costs_one_record(tmp_path):
    text = (
        '\ufeff{"prompt": "1"}\n{"prompt": "2", "comp\n\n{"prompt": "3"}\n' + f'{{"prompt": {"9" * 5000}}}\n' + '{"prompt": "4"'
    )
    stage = load(tmp_path, text)
    assert report(stage)["dropped"] == {"not JSON": 3}
    assert [d["index"] for d in dropped(stage)] == [1, 3, 4]
    assert [r.messages[0]["content"] for r in tables.read(stage, "prompts")] == ["1", "3"]


def test_json_csv_and_parquet_give_the_rows_of_json_lines(tmp_path):
    records = [{"prompt": f"q{i}", "completion": f"say\n{i}, please", "answer": f"00{i}"} for i in range(3)]
    lines = load(tmp_path, records)
    expected = [tables.read(lines, table) for table in tables.held(lines)]
    csv = "prompt,completion,answer\r\n" + "".join(f'{r["prompt"]},"{r["completion"]}",{r["answer"]}\r\n' for r in records)
    pq.write_table(pa.Table.from_pylist(records), tmp_path / "data.parquet")
    (tmp_path / "many").mkdir()
    for i, record in enumerate(records):
        (tmp_path / "many" / f"{i}.json").write_text(json.dumps(record))
    for stage in (
        lambda: load(tmp_path, json.dumps(records), "data.json"),
        lambda: load(tmp_path, csv, "data.csv"),
        lambda: run(tmp_path, "data.parquet"),
        lambda: run(tmp_path, "many"),
    ):
        made = stage()
        assert [tables.read(made, table) for table in tables.held(made)] == expected
    assert expected[0][2].answer == "002", "a cell of CSV is text"


def test_csv_with_empty_cells_and_ragged_lines(tmp_path):
    text = "prompt,answer,tags\n12,1,\nplain,,easy\nshort\nlong,1,2,3\n,4,\n"
    stage = load(tmp_path, text, "data.csv")
    assert [(r.messages[0]["content"], r.answer, r.tags) for r in tables.read(stage, "prompts")] == [
        ("12", "1", []),
        ("plain", None, ["easy"]),
    ]
    assert report(stage)["dropped"] == {"not as many cells as columns": 2, "prompt is empty": 1}


def test_parquet_with_columns_that_json_cannot_hold(tmp_path):
    pq.write_table(pa.table({"prompt": ["q", ""], "when": pa.array([0, 1], pa.timestamp("s"))}), tmp_path / "data.parquet")
    stage = run(tmp_path, "data.parquet")
    assert [(d["index"], d["record"]["when"]) for d in dropped(stage)] == [(1, "1970-01-01 00:00:01")]
