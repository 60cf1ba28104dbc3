"""Loading: every usual shape becomes rows, and every record that cannot is counted with its place and its reason."""

import io
import json
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import Dataset, DatasetDict, load_dataset

from align.commands.peek import peek
from align.core import tables
from align.core.dropped import Dropped
from align.core.errors import BadRow, StageFailed
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


TOOLS = [{"type": "function", "function": {"name": "add", "parameters": {"type": "object", "properties": {}}}}]
CALLED = [
    user("1 + 2?"),
    says("")
    | {"tool_calls": [{"type": "function", "function": {"name": "add", "arguments": {"a": 1, "b": "\u00e9"}}}], "train": False},
    {"role": "tool", "content": "3", "name": "add"},
    says("3") | {"reasoning": "1 + 2"},
]


def test_what_few_rows_have_goes_through_a_table_and_stays_out_of_others(tmp_path):
    records = [{"messages": CALLED, "tools": TOOLS}, {"messages": [user("q"), says("a")]}]
    stage = load(tmp_path, records)
    called, plain = tables.read(stage, "demonstrations")
    assert (called.prompt, called.completion, called.tools) == (CALLED[:1], CALLED[1:], TOOLS)
    assert (plain.prompt, plain.completion, plain.tools) == ([user("q")], [says("a")], [])
    columns = load_dataset("parquet", data_files=str(stage / "demonstrations.parquet"), split="train", cache_dir=str(tmp_path))
    assert columns[0]["completion"][0]["tool_calls"] == CALLED[1]["tool_calls"], "datasets and TRL read them as objects"
    assert columns[0]["tools"] == TOOLS
    narrow = load(tmp_path, records[1:])
    assert pq.read_schema(narrow / "demonstrations.parquet").names == ["id", "prompt", "completion"]
    assert {field.name for field in pq.read_schema(narrow / "demonstrations.parquet").field("prompt").type.value_type} == {
        "role",
        "content",
    }


def test_unpaired_rows_are_a_table_of_their_own_that_sft_refuses(tmp_path, tiny):
    stage = load(tmp_path, [{"prompt": "q", "completion": "a", "label": True}, {"prompt": "q", "completion": "b", "label": 0}])
    assert tables.held(stage) == ["prompts", "unpaired"]
    assert [row.label for row in tables.read(stage, "unpaired")] == [True, False]
    recipe = recipe_of("data.jsonl", {}) | {"base": tiny}
    recipe["stages"]["sft"] = {"kind": "sft", "model": "base", "data": ["rows"]}
    (tmp_path / "recipe.yaml").write_text(json.dumps(recipe))
    with pytest.raises(StageFailed, match=r"'rows' holds prompts, unpaired, but demonstrations are needed.*ignore: \[label\]"):
        Recipe.load(tmp_path / "recipe.yaml").run(tmp_path / "run")


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


def test_a_bad_record_is_dropped_alone_with_index_and_reason(tmp_path):
    records = [{"prompt": "fine", "completion": "yes"}, {"messages": [user("x") | {"role": "bard"}]}, {"prompt": "also fine"}]
    stage = load(tmp_path, records)
    assert report(stage)["dropped"] == {"unknown role 'bard' in messages": 1}
    assert report(stage)["inputs"] == 3
    assert dropped(stage) == [
        {"index": 1, "reason": "unknown role 'bard' in messages", "file": "data.jsonl", "line": 2, "record": records[1]}
    ]
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
    assert "dropped 7 x prompt is empty (lines 2, 3, 4, 5, 6 of data.jsonl, ...)" in log
    assert (
        "dropped 1 x no prompt among the columns text; name it with `columns:` (line 9 of data.jsonl); say what they are" in log
    )


def test_strict_refuses_and_still_keeps_the_bad_records_aside(tmp_path):
    with pytest.raises(StageFailed, match=r"strict: true, and bad records: 1 x prompt is empty \(line 2 of data.jsonl\)"):
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
    assert report(stage)["dropped"] == {"no column 'q'; did you mean 'Q'?": 1}


def test_limit_counts_records(tmp_path):
    stage = load(tmp_path, [{"prompt": ""}, {"prompt": "1"}, {"prompt": "2"}, {"prompt": "3"}], limit=3)
    assert (report(stage)["inputs"], tables.count(stage, "prompts")) == (3, 2)


def test_a_half_broken_line_costs_one_record(tmp_path):
    text = (
        '\ufeff{"prompt": "1"}\n{"prompt": "2", "comp\n\n{"prompt": "3"}\n' + f'{{"prompt": {"9" * 5000}}}\n' + '{"prompt": "4"'
    )
    stage = load(tmp_path, text)
    assert report(stage)["dropped"] == {"not JSON": 3}
    assert [(d["index"], d["line"]) for d in dropped(stage)] == [(1, 2), (3, 5), (4, 6)]  # a line may be blank
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


def folder(place, **files):
    """Write files of one prompt each, by path; the prompt is the path."""
    for path in files.get("paths", ()):
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        write_as(place / path, [{"prompt": path}])
    return place


def write_as(path, records):
    """Write records in the way that a file's suffixes say."""
    kind = path.suffixes[0] if path.suffix in (".gz", ".bz2", ".zst") else path.suffix
    made = io.BytesIO()
    if kind == ".parquet":
        pq.write_table(pa.Table.from_pylist(records), made)
    elif kind == ".arrow":
        with pa.ipc.new_stream(made, pa.Table.from_pylist(records).schema) as writer:
            writer.write_table(pa.Table.from_pylist(records))
    elif kind in (".csv", ".tsv"):
        rows = [records[0].keys(), *(record.values() for record in records)]
        made.write("".join(("," if kind == ".csv" else "\t").join(row) + "\n" for row in rows).encode())
    else:
        made.write("".join(json.dumps(record) + "\n" for record in records).encode())
    data = made.getvalue()
    packed = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd"}.get(path.suffix)
    if packed:
        with pa.CompressedOutputStream(str(path), packed) as file:
            file.write(data)
    else:
        path.write_bytes(data)


def prompts(stage):
    return sorted(row.messages[0]["content"] for row in tables.read(stage, "prompts"))


LAYOUTS = {
    "names": (["train-00000-of-00002.parquet", "train-00001-of-00002.parquet", "test-00000-of-00001.parquet"], "train", 2),
    "names, another split": (["train.jsonl", "test.jsonl"], "test", 1),
    "words in names": (["my_training_data.jsonl", "my_dev_data.jsonl"], "train", 1),
    "dev is validation": (["train.csv", "dev.csv"], "validation", 1),
    "folders": (["train/a.jsonl", "train/b.jsonl", "test/a.jsonl"], "train", 2),
    "data folder": (["data/train-0.parquet", "data/test-0.parquet"], "test", 1),
    "a split of its own name": (["data/train_sft-0.parquet", "data/train_gen-0.parquet"], "train_sft", 1),
    "no split named": (["a.jsonl", "b.jsonl.gz", "deep/c.tsv"], "train", 3),
    "the name before the folder": (["test/train.jsonl", "train/test.jsonl"], "train", 1),
    "hidden": (["a.jsonl", ".b.jsonl", ".cache/c.jsonl", "__pycache__/d.json"], "train", 1),
    "checkpoints": (["a.jsonl", "b-checkpoint.jsonl", "checkpoint-5/d.json"], "train", 1),
    "records of others": (["a.jsonl", "dataset_info.json", "trainer_state.json"], "train", 1),
    "a word inside a word": (["latest.jsonl", "contest.jsonl"], "train", 2),
    "numbers behind the word": (["train1.jsonl", "train2.jsonl", "test1.jsonl", "x_test2024.jsonl"], "train", 2),
    "shards of splits of their own": (
        ["data/train_sft-00000-of-00001.parquet", "data/train-00000-of-00001.parquet", "data/gen-00000-of-00001.parquet"],
        "train",
        1,
    ),
}  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_folder_gives_the_split_that_is_asked_for(layout, tmp_path):
    paths, split, count = LAYOUTS[layout]
    folder(tmp_path / "data", paths=paths)
    assert len(prompts(run(tmp_path, "data", split=split))) == count


def test_a_split_that_is_not_there_is_refused_with_those_that_are(tmp_path):
    folder(tmp_path / "data", paths=["train.jsonl", "val.jsonl"])
    with pytest.raises(StageFailed, match=r"has no split 'test'; it has: train, validation"):
        run(tmp_path, "data", split="test")
    (tmp_path / "empty").mkdir()
    with pytest.raises(StageFailed, match="holds no data"):
        run(tmp_path, "empty")


def test_configurations_are_folders_or_what_the_readme_says(tmp_path):
    place = folder(tmp_path / "data", paths=["main/train-0.parquet", "main/test-0.parquet", "socratic/train-0.parquet"])
    assert prompts(run(tmp_path, "data", config="main", split="test")) == ["main/test-0.parquet"]
    with pytest.raises(StageFailed, match="no configuration 'mian'"):
        run(tmp_path, "data", config="mian")
    files = "  data_files:\n  - {split: train, path: main/train-*}\n  - {split: held, path: [main/test-*]}\n"
    other = "- {config_name: other, data_files: socratic/*}"
    (place / "README.md").write_text(f"---\nconfigs:\n- config_name: main\n{files}{other}\n---\n# x\n")
    assert prompts(run(tmp_path, "data", config="main", split="held")) == ["main/test-0.parquet"]
    assert prompts(run(tmp_path, "data", config="other")) == ["socratic/train-0.parquet"]
    with pytest.raises(StageFailed, match=r"several configurations.*main, other"):
        run(tmp_path, "data")


@pytest.mark.parametrize(
    "name", ["a.jsonl.gz", "a.jsonl.zst", "a.csv.bz2", "a.tsv", "a.json", "a.arrow", "a.ndjson", "a.parquet"]
)
def test_files_of_every_kind_are_read(name, tmp_path):
    write_as(tmp_path / name, [{"prompt": "1"}, {"prompt": "2"}])
    assert prompts(run(tmp_path, name)) == ["1", "2"]


def test_what_datasets_saved_is_read(tmp_path):
    rows = Dataset.from_list([{"prompt": "1"}, {"prompt": "2"}])
    DatasetDict(train=rows, test=rows.select([1])).save_to_disk(tmp_path / "both", num_shards={"train": 2, "test": 1})
    rows.save_to_disk(tmp_path / "one")
    assert prompts(run(tmp_path, "both")) == ["1", "2"]
    assert prompts(run(tmp_path, "both", split="test")) == ["2"]
    assert prompts(run(tmp_path, "one")) == ["1", "2"]
    with pytest.raises(StageFailed, match="has no split 'dev'; it has: train, test"):
        run(tmp_path, "both", split="dev")


@pytest.mark.parametrize("name", ["rows.csv", "rows.parquet"])
def test_a_table_of_several_shapes_is_read_row_by_row(name, tmp_path):
    columns = ["prompt", "completion", "chosen", "rejected"]
    rows = [["1", "a", "", ""], ["2", "", "b", "c"], ["3", "", "", ""]]
    records = [{c: v or None for c, v in zip(columns, row, strict=True)} for row in rows]
    if name == "rows.csv":
        (tmp_path / name).write_text("\n".join(",".join(row) for row in [columns, *rows]) + "\n")
    else:
        pq.write_table(pa.Table.from_pylist(records), tmp_path / name)
    stage = run(tmp_path, name)
    assert report(stage)["rows"] == {"prompts": 3, "demonstrations": 1, "preferences": 1}
    assert report(stage)["dropped"] == {}


def test_ignored_columns_are_said_once(tmp_path):
    stage = load(tmp_path, [{"prompt": f"q{i}", "completion": "a", "source": "web", "label": "science"} for i in range(3)])
    assert (stage / "log.txt").read_text().count("ignored columns: source, label") == 1
    assert report(stage)["ignored columns"] == ["source", "label"]


ROWS = [{"prompt": "1"}, {"prompt": "2"}]
AS_TEXT = {
    "an array under another name": ("a.jsonl", json.dumps(ROWS).encode()),
    "lines with a mark in front": ("a.json", b"\xef\xbb\xbf" + b"".join(json.dumps(row).encode() + b"\n" for row in ROWS)),
    "splits in one object": ("a.json", json.dumps({"train": ROWS, "test": [{"prompt": "3"}]}).encode()),
    "rows in one object": ("a.json", json.dumps({"data": ROWS}).encode()),
    "what Excel writes": ("a.csv", "prompt,answer\r\n1,\u00e9\r\n2,\r\n".encode("utf-16")),
    "quotes that are none": ("a.tsv", b'prompt\tanswer\n1\t"Hello" he said\n2\t"\n'),
}


@pytest.mark.parametrize("case", AS_TEXT)
def test_files_are_read_as_they_are_meant(case, tmp_path):
    name, data = AS_TEXT[case]
    (tmp_path / name).write_bytes(data)
    stage = run(tmp_path, name)
    assert prompts(stage) == ["1", "2"]
    assert report(stage)["dropped"] == {}
    if name == "a.tsv":
        assert [row.answer for row in tables.read(stage, "prompts")] == ['"Hello" he said', '"']


UNREADABLE = {
    "a quote that is never closed": (
        "a.csv",
        b'prompt,completion\nq,a\nq,"b\nq,c\n',
        "a quote that opens on line 3 is never closed",
    ),
    "a column twice": ("a.csv", b"prompt,completion,prompt\nq,a,b\n", "has two columns 'prompt'"),
    "a pointer": ("a.parquet", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a pointer of git-lfs"),
    "half a file": ("a.jsonl.gz", b"\x1f\x8b\x08\x00\x00", "a.jsonl.gz cannot be read"),
    "no Parquet": ("a.parquet", b"PAR1 is not all", "a.parquet cannot be read"),
    "another split": ("a.json", b'{"test": [{"prompt": "q"}]}', "it holds test, and not the split 'train'"),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_a_file_that_cannot_be_read_is_named(case, tmp_path):
    name, data, why = UNREADABLE[case]
    (tmp_path / name).write_bytes(data)
    with pytest.raises(StageFailed, match=why):
        run(tmp_path, name)


def test_a_bad_quote_costs_one_record(tmp_path):
    (tmp_path / "a.csv").write_text('prompt,completion\nq1,a\nq2,"b"c\nq3,"d, e"\n')
    stage = run(tmp_path, "a.csv")
    assert prompts(stage) == ["q1", "q3"]
    assert report(stage)["dropped"] == {"not CSV: ',' expected after '\"'": 1}


def test_a_dropped_record_names_its_file_and_is_kept_short(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.jsonl").write_text('{"prompt": "fine"}\n')
    (tmp_path / "data" / "b.jsonl").write_text(json.dumps({"prompt": "", "image": "x" * 50_000}) + "\n")
    stage = run(tmp_path, "data")
    (item,) = dropped(stage)
    assert (item["index"], item["file"]) == (1, "b.jsonl")
    assert item["record"]["image"] == f"{'x' * 10_000}... (50000 characters)"
    assert "(line 1 of b.jsonl)" in (stage / "log.txt").read_text()


PLACES = {
    "a.jsonl": {"line": 3},
    "b.csv": {"line": 4},
    "c.parquet": {"number": 2},
    "d.json": {"number": 2},
    "deep/a.jsonl.gz": {"line": 2},
    "e.arrow": {"number": 2},
}
"""Where the second record of each of these files stands."""


def test_each_dropped_record_of_a_mixed_folder_names_its_file_and_its_place_there(tmp_path):
    (tmp_path / "data" / "deep").mkdir(parents=True)
    for name in PLACES:
        write_as(tmp_path / "data" / name, [{"prompt": name}, {"prompt": ""}])
    (tmp_path / "data" / "a.jsonl").write_text('{"prompt": "a"}\n\n{"prompt": ""}\n')
    (tmp_path / "data" / "b.csv").write_text('prompt,tags\n"two\nlines",x\n,y\n')
    (tmp_path / "data" / "d.json").write_text(json.dumps([{"prompt": "d"}, {"prompt": ""}], indent=1))
    stage = run(tmp_path, "data")
    found = {item["file"]: {key: item[key] for key in ("line", "number") if key in item} for item in dropped(stage)}
    assert found == PLACES
    assert [item["index"] for item in dropped(stage)] == [1, 3, 5, 7, 9, 11], "the number among all records"
    shown = "line 3 of a.jsonl; line 4 of b.csv; record 2 of c.parquet; record 2 of d.json; line 2 of deep/a.jsonl.gz, ..."
    assert f"dropped 6 x prompt is empty ({shown})" in (stage / "log.txt").read_text()
    assert "6  prompt is empty  (such as line 3 of a.jsonl)" in peek(str(tmp_path / "out"), "rows", 1)
    pq.write_table(pa.Table.from_pylist([{"prompt": "c"}, {"prompt": ""}]), tmp_path / "one.parquet")
    assert [(item["file"], item["number"]) for item in dropped(run(tmp_path, "one.parquet"))] == [("one.parquet", 2)]
    assert "(such as record 2 of one.parquet)" in peek(str(tmp_path / "out"), "rows", 1)


def test_a_turn_at_fault_is_named_with_the_place_of_its_record():
    account = Dropped("record")
    account.add(0, BadRow("why").at(3), file="a.jsonl", line=1)
    account.add(4, BadRow("why"), file="b.parquet", number=1)
    assert account.lines() == ["2 x why (line 1 of a.jsonl; record 1 of b.parquet; turn 3 of line 1 of a.jsonl)"]


HOSTILE = {
    "a set": "<tool_call>{'name': 'f', 'arguments': {'x': {1}}}</tool_call>",
    "keys of two types": "<tool_call>{'name': 'f', 'arguments': {1: 1, 'a': 2}}</tool_call>",
    "a lone surrogate": '<tool_call>{"name": "f", "arguments": {"x": "\\ud83d"}}</tool_call>',
    "a deep list": '<tool_call>{"name": "f", "arguments": {"x": ' + "[" * 900 + "]" * 900 + "}}</tool_call>",
}


def test_no_call_stops_the_stage_whatever_it_holds(tmp_path):
    records = [{"messages": [user("q"), says(text)], "tools": TOOLS} for text in HOSTILE.values()]
    deep = {"prompt": "q", "answer": json.loads("[" * 900 + "]" * 900)}
    stage = load(tmp_path, [{"messages": CALLED, "tools": TOOLS}, *records, deep])
    assert [item["line"] for item in dropped(stage)] == [2, 3, 4, 5, 6]
    assert report(stage)["rows"] == {"prompts": 1, "demonstrations": 1}


def test_a_date_in_a_call_of_a_parquet_file_costs_one_record(tmp_path):
    when = pa.array([None, 0], pa.timestamp("s")).to_pylist()
    talks = [[user("q"), says("") | {"tool_calls": [{"name": "f", "arguments": {"on": on}}]}] for on in when]
    pq.write_table(pa.Table.from_pylist([{"messages": talk} for talk in talks]), tmp_path / "data.parquet")
    stage = run(tmp_path, "data.parquet")
    assert [(item["number"], item["reason"]) for item in dropped(stage)] == [
        (2, "JSON has no form for a value of type datetime in the arguments of a tool call")
    ]


def test_a_stage_of_a_run_needs_no_loading_and_its_tables_can_be_loaded(tmp_path):
    stage = load(tmp_path, [{"messages": CALLED, "tools": TOOLS}])
    (tmp_path / "mine").mkdir()
    shutil.copy(stage / "demonstrations.parquet", tmp_path / "mine" / "rows.parquet")
    shutil.copytree(stage, tmp_path / "theirs")
    with pytest.raises(StageFailed, match="is a stage of a run: its rows need no loading"):
        run(tmp_path, "theirs")
    again = tables.read(run(tmp_path, "mine/rows.parquet"), "demonstrations")
    assert [(row.completion, row.tools) for row in again] == [(CALLED[1:], TOOLS)]


def test_a_column_that_no_record_has_is_refused_and_one_that_some_lack_is_not(tmp_path):
    with pytest.raises(StageFailed, match=r"no record has the column 'glod' that `columns` names"):
        load(tmp_path, [{"prompt": "1"}], columns={"answer": "glod"})
    stage = load(tmp_path, [{"prompt": "1", "gold": 2}, {"prompt": "2"}], columns={"answer": "gold"})
    assert [row.answer for row in tables.read(stage, "prompts")] == ["2", None]
