"""What a stage reports: typed parts and own figures, one flat file, and the reports of earlier versions."""

import json

from align.core import stage_report
from align.core.stage_report import StageReport


def test_parts_and_own_figures_are_one_flat_object_with_the_seconds_last():
    report = StageReport(inputs=3, seconds=4.2)
    report.rows = {"prompts": 2}
    report["ended at"] = "candidates"
    report |= {"dropped": {"dull": 1}, "pairs": 0}
    assert (report.dropped, report.figures) == ({"dull": 1}, {"ended at": "candidates", "pairs": 0})
    assert (report["ended at"], report["dropped"]) == ("candidates", {"dull": 1})
    assert list(report.entries()) == ["inputs", "rows", "dropped", "ended at", "pairs", "seconds"], "what is None is left out"
    assert report.summary() == "inputs 3 | rows: 2 prompts | dropped: 1 dull | ended at candidates | 4s"
    assert report.counts() == "inputs 3; rows: 2 prompts; dropped: 1 dull; pairs 0"


def test_a_report_is_read_back_as_it_was_written(tmp_path):
    report = StageReport(steps=0, samples={}, figures={"overlap": {}, "figures": 1})
    (tmp_path / stage_report.FILE).write_text(json.dumps(report.entries()))
    assert StageReport.read(tmp_path) == report
    assert StageReport.read(tmp_path / "not run") == StageReport()


def test_an_earlier_version_may_have_written_what_no_part_is_called(tmp_path):
    held = {"an answer ends with": "<|im_end|>", "rows": 4, "dropped": {}, "steps": 2, "seconds": 0.4, "flavour": ["sweet"]}
    (tmp_path / stage_report.FILE).write_text(json.dumps(held))
    report = StageReport.read(tmp_path)
    assert (report.rows, report.steps, report.seconds) == (4, 2, 0.4)
    assert report.entries() == held
