"""Check that a table synthesizer keeps the promises of its kind.

One line in a test of your own runs all checks:

    conforms_table({"kind": "my_lab.longest:Longest"}, RECORDS, tmp_path)

`RECORDS` are records as `load` reads them. The stage is run on them many times, in separate processes:

- clean: every row is emitted or dropped with a reason, the accounts add up, and every row that was made has
  its parents;
- in processes with different orders of sets (`PYTHONHASHSEED`): the same rows in the same order, the same
  reasons;
- with every row given twice, as a source with duplicates would: the same;
- on one row alone: it is accounted for, or the stage says that no row was left;
- killed (SIGKILL) before each of its writes: the next run ends with the same.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from align.core import tables
from align.core.errors import StageFailed
from align.core.recipe import Recipe
from align.core.rows import TABLES
from data_synthesis.engine.whole_table import NOTHING_LEFT
from data_synthesis.testing.conformance import CRASHES, Failed, crash_runs, same


def conforms_table(
    stage: Mapping[str, Any], records: Sequence[Mapping[str, Any]], folder: Path
) -> dict[str, Any]:
    """Run every check; return the report of the clean run.

    Args:
        stage: the table synthesizer's fields as in a recipe, `kind` included; `rows` is left out.
        records: records of the table as `load` reads them, some of which the stage keeps and some of which it
        drops.
        folder: an empty folder to work in.

    Raises:
        Failed: a promise was broken; the message says which one and shows the difference.
    """
    kit = _TableKit(dict(stage), list(records), folder)
    report = kit.clean()
    kit.every_row_twice()
    kit.one_row()
    kit.killed_at_every_write()
    return report


class _TableKit:
    def __init__(self, stage: dict[str, Any], records: list[Mapping[str, Any]], folder: Path) -> None:
        self.stage, self.records, self.folder = stage, records, folder
        self.expected: dict[str, Any] = {}

    def clean(self) -> dict[str, Any]:
        """Run once; all other runs must make the same rows."""
        made = self._run("clean")
        report = json.loads((made / "report.json").read_text(encoding="utf-8"))
        self.expected = snapshot_table(made)
        inputs = [row.id for table in TABLES for row in self._read(made.parent / "01-rows", table)]
        used = {parent for item in self.expected["lineage"] for parent in item["parents"]}
        dropped = Counter(item["id"] for item in self.expected["dropped"])
        same(
            "inputs = emitted + dropped",
            report["emitted"] + sum(report["dropped"].values()),
            report["inputs"],
        )
        same(
            "rows that are a parent or in dropped.jsonl",
            used | set(dropped),
            set(inputs) & (used | set(dropped)),
        )
        same(
            "inputs that are both or twice",
            sorted(used & set(dropped)) + [i for i, n in dropped.items() if n > 1],
            [],
        )
        same("inputs accounted for", len(used | set(dropped)), report["inputs"])
        ids = [record["id"] for rows in self.expected["rows"].values() for record in rows]
        same("rows in the lineage", sorted(item["id"] for item in self.expected["lineage"]), sorted(ids))
        same("ids that stand twice", [id_ for id_, count in Counter(ids).items() if count > 1], [])
        return report

    def every_row_twice(self) -> None:
        """Give every row twice."""
        clean = self.folder / "runs" / "clean" / "01-rows"
        (self.folder / "twice").mkdir()
        for table in tables.held(clean):
            rows = tables.read(clean, table)
            tables.write(self.folder / "twice", table, [*rows, *rows])
        self._compare("every row twice", self._run("duplicates", source="./twice"))

    def one_row(self) -> None:
        """Give one row alone; the stage may say that nothing is left."""
        try:
            made = self._run("one", records=self.records[:1])
        except StageFailed as error:
            if not error.cause.startswith(NOTHING_LEFT):
                raise Failed(f"one row alone: {error.cause}") from None
            return
        report = json.loads((made / "report.json").read_text(encoding="utf-8"))
        same("inputs of one row", report["emitted"] + sum(report["dropped"].values()), report["inputs"])

    def killed_at_every_write(self) -> None:
        """Kill a run before each of its writes, then run it again.

        Once more in an interpreter with another hash seed, which orders sets differently.
        """
        for seed, most in (("1", CRASHES), ("2", 1)):
            for out in crash_runs(
                self._recipe("crash"), self.folder / f"crashes {seed}", {"PYTHONHASHSEED": seed}, most
            ):
                self._compare(f"killed before {out.name}, PYTHONHASHSEED={seed}", next(out.glob("02-*")))

    def _recipe(
        self, name: str, records: Sequence[Mapping[str, Any]] | None = None, source: str = "rows"
    ) -> Path:
        given = self.records if records is None else records
        (self.folder / f"{name}.jsonl").write_text(
            "".join(json.dumps(record) + "\n" for record in given), encoding="utf-8"
        )
        stages = {"rows": {"kind": "load", "path": f"{name}.jsonl"}, "made": self.stage | {"rows": source}}
        path = self.folder / f"{name}.yaml"
        recipe = {"name": "kit", "base": "./none", "stages": stages}
        path.write_text(json.dumps(recipe), encoding="utf-8")  # JSON is YAML
        return path

    def _run(
        self, name: str, records: Sequence[Mapping[str, Any]] | None = None, source: str = "rows"
    ) -> Path:
        Recipe.load(self._recipe(name, records, source)).run(self.folder / "runs" / name)
        return self.folder / "runs" / name / "02-made"

    def _read(self, folder: Path, table: str) -> list[Any]:
        wanted = self.stage.get("table") in (None, table)
        return tables.read(folder, table) if wanted and tables.exists(folder, table) else []

    def _compare(self, what: str, made: Path) -> None:
        found = snapshot_table(made)
        for part, expected in self.expected.items():
            same(f"{part}, {what}", found[part], expected)


def snapshot_table(made: Path) -> dict[str, Any]:
    """Return a finished stage's output, in order, to compare: rows, lineage and dropped rows."""
    rows = {table: [tables.record(row) for row in tables.read(made, table)] for table in tables.held(made)}
    return {"rows": rows} | {
        name: tables.read_lines(made / f"{name}.jsonl") for name in ("lineage", "dropped")
    }
