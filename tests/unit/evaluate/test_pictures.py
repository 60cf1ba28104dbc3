"""Pictures say their values, and no word covers another, however close the points lie."""

from itertools import combinations

import pytest
from matplotlib.text import Text

from align.evaluate.pictures import heat_map, picture_path, tax_picture
from align.evaluate.tax import Tax

CLOSE = [("sft", 1.2, 8.0), ("dpo", 1.3, 8.2), ("online", 1.25, 8.1), ("merged", 1.2, 8.0), ("last", 2.2, 8.05)]
LONG = [("an-organisation/smollm2-135m-sft-constraints-2026-11-30", 3.0, 4.0), ("checkpoint-of-step-400" * 4, 0.1, -6.0)]


def boxes(figure):
    figure.canvas.draw()
    texts = [text for text in figure.axes[0].texts if text.get_text()]
    return [(text.get_text(), Text.get_window_extent(text)) for text in texts]  # without the line to its point


@pytest.mark.parametrize("points", [CLOSE[:1], CLOSE, LONG, [("worse", -3.0, -4.0), ("same", 0.0, 0.0)]])
def test_the_names_of_checkpoints_do_not_cover_each_other(points, tmp_path):
    taxes = [Tax(name, "base", tax, tax - 1.5, tax + 1.5, ("sums",), gain) for name, tax, gain in points]
    figure = tax_picture(taxes, tmp_path / "new" / "tax.png")
    assert (tmp_path / "new" / "tax.png").read_bytes().startswith(b"\x89PNG")
    found = boxes(figure)
    names = [text.replace("\n", "")[:12] for text, _ in found]
    assert "base (start)"[:12] in names
    assert all(any(f"{i}  {name}".startswith(shown) for shown in names) for i, (name, *_) in enumerate(points, 1))
    assert not [(one, other) for (one, box), (other, more) in combinations(found, 2) if box.overlaps(more)]
    whole = figure.bbox
    assert all(box.x0 >= whole.x0 and box.x1 <= whole.x1 and box.y0 >= whole.y0 and box.y1 <= whole.y1 for _, box in found)


def test_each_cell_of_a_heat_map_says_its_value_or_that_there_is_none(tmp_path):
    figure = heat_map([[1.0, 0.25], [None, 0.0]], ["1,000", "2,000"], ["0%", "100%"], "base", tmp_path / "heat.png")
    assert [text for text, _ in boxes(figure)] == ["100%", "25%", "not\nmeasured", "0%"]
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1,000", "2,000"]
    assert axes.get_title() == "base"


def test_names_that_no_file_can_have_become_names_of_files(tmp_path):
    assert picture_path(tmp_path, "needle", "./org/model v2").name == "needle-._org_model_v2.png"
