"""What a table synthesizer must account for, and what the stage makes of what it yields."""

import json
from dataclasses import replace

import pytest

from align import Demonstration, Prompt, Recipe, StageFailed, UsageError
from align.cli import main
from align.core import tables
from align.core.wiring import Ref
from data_synthesis import Derived, DroppedRow, TableSynthesizer

HEAD = "name: x\nbase: ./none\nstages:\n  rows: {kind: load, path: rows.jsonl}\n"
ROWS = "".join(json.dumps({"prompt": f"Question {n}?", "answer": str(n)}) + "\n" for n in range(4))


class Told(TableSynthesizer):
    """Does what a field says with four rows a, b, c, d."""

    makes = frozenset({"prompts", "demonstrations"})
    says: str

    def synthesize_all(self, rows, run):
        """Yield what is said."""
        a, b, c, d = rows
        words = {"a": a, "b": b, "c": c, "d": d, "Derived": Derived, "DroppedRow": DroppedRow, "replace": replace}
        yield from eval(self.says, words | {"Prompt": Prompt, "Demonstration": Demonstration})


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows.jsonl").write_text(ROWS)


def run(says, more=""):
    stage = json.dumps({"kind": "test_table_synthesizer:Told", "rows": "rows", "says": says})
    with open("recipe.yaml", "w") as file:
        file.write(f"{HEAD}  told: {stage}\n{more}")
    return Recipe.load("recipe.yaml").run("out").stage("told")


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_rows_are_kept_changed_derived_and_dropped():
    made = run(
        "[d, DroppedRow(b.id, 'dull', {'repeats': d.id}), replace(a, tags=['new']),"
        " Derived(Demonstration(prompt=c.messages, completion='No.', note={'judge': 3}), [c.id, d.id]),"
        " Derived(Demonstration(prompt=c.messages, completion='Yes.'), [c.id, d.id])]"
    )
    a, b, c, d = tables.read(made.parent / "01-rows", "prompts")
    kept, changed = tables.read(made, "prompts")
    assert kept == d, "a row that is kept is the same row, id included"
    assert (changed.messages, changed.tags) == (a.messages, ["new"])
    answers = tables.read(made, "demonstrations")
    assert [row.completion[0]["content"] for row in answers] == ["No.", "Yes."]
    assert len({kept.id, changed.id, a.id, *(row.id for row in answers)}) == 5
    lineage = {item["id"]: item for item in lines(made / "lineage.jsonl")}
    assert lineage[kept.id]["parents"] == [d.id]
    assert lineage[changed.id]["parents"] == [a.id]
    no = lineage[answers[0].id]
    assert (no["parents"], no["note"], no["table"], no["version"]) == (
        [c.id, d.id],
        {"judge": 3},
        "demonstrations",
        Told.version,
    )
    assert lines(made / "dropped.jsonl") == [{"reason": "dull", "id": b.id, "repeats": d.id, "messages": b.messages}]
    report = json.loads((made / "report.json").read_text())
    assert {key: report[key] for key in ("inputs", "emitted", "dropped", "rows")} == {
        "inputs": 4, "emitted": 3, "dropped": {"dull": 1}, "rows": {"prompts": 2, "demonstrations": 2},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("says", "why"),
    [
        ("[a, b, c]", "says nothing of 1 of 4 rows: '"),
        ("[a, b, c, d, d]", "yielded the row .* twice"),
        ("[a, b, c, d, DroppedRow(d.id, 'x')]", "dropped rows that it also made rows of"),
        ("[a, b, c, DroppedRow(d.id, 'x'), DroppedRow(d.id, 'y')]", "dropped the row .* twice"),
        (
            "[a, b, c, d, Prompt(messages=a.messages)]",
            "names rows that the table does not have: ''; for a new row yield Derived",
        ),
        ("[a, b, c, d, Derived(a, ['0'])]", "names rows that the table does not have: '0'"),
        ("[a, b, c, d, None]", "yielded NoneType; yield a row, Derived"),
        ("[a, b, c, d, Derived('text', [a.id])]", "yielded Derived; yield a row"),
        ("[DroppedRow(r.id, 'dull') for r in (a, b, c, d)]", "no row is left: 4 x dull"),
        ("[a, b, c, d, 1 / 0]", "ZeroDivisionError"),
    ],
)
def test_what_is_not_accounted_for_stops_the_stage(says, why, tmp_path):
    with pytest.raises(StageFailed, match=why):
        run(says)
    assert not (tmp_path / "out" / "02-told" / "done.json").exists()


def test_a_table_that_the_class_does_not_declare_stops_the_stage(monkeypatch):
    monkeypatch.setattr(Told, "makes", frozenset({"prompts"}))
    with pytest.raises(StageFailed, match=r"made demonstrations, and its class says makes = .'prompts'.; add 'demonstrations'"):
        run("[a, b, c, Derived(Demonstration(prompt=d.messages, completion='No.'), [d.id])]")


def test_what_a_killed_run_made_of_another_table_is_gone(tmp_path):
    says = "[a, b, c, d] if __import__('os').path.exists('mended') else 1 / 0"  # as code that is mended, of one version
    with pytest.raises(StageFailed):
        run(says)
    tables.write(
        tmp_path / "out" / "02-told",
        "demonstrations",
        [Demonstration(prompt=[{"role": "user", "content": "?"}], completion="!")],
    )
    (tmp_path / "mended").touch()
    made = run(says)
    assert tables.held(made) == ["prompts"]


def test_a_stage_that_is_done_is_not_done_again_and_commands_show_it(capsys):
    made = run("[a, c, d, DroppedRow(b.id, 'dull')]")
    before = (made / "prompts.parquet").stat().st_mtime_ns
    run("[a, c, d, DroppedRow(b.id, 'dull')]")
    assert (made / "prompts.parquet").stat().st_mtime_ns == before
    assert main(["check", "recipe.yaml", "--out", "out"]) == 0
    assert main(["status", "out"]) == 0
    assert main(["peek", "out", "told"]) == 0
    said = capsys.readouterr().out
    assert "inputs 4; emitted 3; rows: 3 prompts; dropped: 1 dull" in said
    assert "1  dull  (such as 'Question 1?')" in said


def test_shards_are_refused():
    run("[a, b, c, d]")
    with pytest.raises(UsageError, match=r"needs --only STAGE with a stage that makes rows one by one; the recipe's: none"):
        Recipe.load("recipe.yaml").run("other", only="told", shard="0/2")


def test_an_artifact_with_several_tables_needs_to_be_told_which(tmp_path, capsys):
    both = "[a, b, c, d, Derived(Demonstration(prompt=a.messages, completion='No.'), [a.id])]"
    with pytest.raises(StageFailed, match="'told' holds prompts and demonstrations; say which with `table`"):
        run(both, "  again: {kind: deduplicate, rows: told}\n")
    made = run(both, "  again: {kind: deduplicate, rows: told, table: demonstrations}\n")
    assert tables.held(made.parent / "03-again") == ["demonstrations"]


@pytest.mark.parametrize(
    ("stage", "why"),
    [
        ("{kind: deduplicate, rows: pairs, table: prompts}", "stage 'pairs' makes preferences, but prompts are needed here"),
        ("{kind: deduplicate, rows: trained}", "stage 'trained' makes a model, but rows are needed here; stages that do: rows"),
        ("{kind: deduplicate, rows: base}", "'base' is a model; rows are needed here"),
        ("{kind: deduplicate, rows: rows, table: unpaired}", "table"),
        ("{kind: deduplicate, rows: ./empty}", "'./empty' holds no tables; a stage `{kind: load, path: ./empty}` reads it"),
        ("{kind: deduplicate, rows: ./rows.jsonl}", "'./rows.jsonl' is a file"),
    ],
)
def test_check_tells_of_references_that_cannot_hold(stage, why, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    text = HEAD + "  trained: {kind: sft, model: base, data: [rows]}\n"
    text += "  pairs: {kind: test_table_synthesizer:Pairs, rows: rows}\n"
    (tmp_path / "recipe.yaml").write_text(f"{text}  clean: {stage}\n")
    assert main(["check", "recipe.yaml"]) == 2
    said = capsys.readouterr()
    assert why in said.out + said.err
    assert "clean" in said.out + said.err


class Silent(TableSynthesizer):
    """Forgets to yield."""

    makes = frozenset({"prompts"})

    def synthesize_all(self, rows, run):
        """Return nothing."""


class Waits(TableSynthesizer):
    """Is a coroutine."""

    makes = frozenset({"prompts"})

    async def synthesize_all(self, rows, run):
        """Yield each."""
        for row in rows:
            yield row


def test_a_method_that_yields_nothing_or_is_a_coroutine_is_told(tmp_path, capsys):
    text = HEAD + "  told: {kind: test_table_synthesizer:KIND, rows: rows}\n"
    (tmp_path / "recipe.yaml").write_text(text.replace("KIND", "Silent"))
    with pytest.raises(StageFailed, match=r"synthesize_all\(\) returned NoneType; yield what becomes of each row"):
        Recipe.load("recipe.yaml").run("out")
    (tmp_path / "recipe.yaml").write_text(text.replace("KIND", "Waits"))
    assert main(["check", "recipe.yaml"]) == 2
    assert "Waits.synthesize_all is a coroutine; write `def synthesize_all`" in capsys.readouterr().err


class Pairs(TableSynthesizer):
    """Makes preferences only."""

    makes = frozenset({"preferences"})

    def synthesize_all(self, rows, run):
        """Is never called."""
        raise NotImplementedError


def test_a_reference_is_narrowed_by_the_field_that_it_names():
    told = Told(kind="x", rows="rows", says="")
    marker = Ref("rows", field="table")
    assert marker.of(told) == marker
    assert marker.of(told.model_copy(update={"table": "preferences"})) == Ref("preferences")
