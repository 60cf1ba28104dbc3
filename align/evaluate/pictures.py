"""Pictures of scores: a heat map of a grid of shares, and the alignment tax beside the gain on the target.

Colours are those of cividis (Nunez, Anderton and Renslow 2018, doi 10.1371/journal.pone.0199239), which
people with any kind of colour vision read alike, and each cell also says its value.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from align.evaluate.tax import Tax

FOLDER = "pictures"
"""Where a stage puts its pictures."""
DOTS = 130
"""Dots per inch: pictures are about 900 dots wide."""
ROOM = 0.3
"""Smallest share of an axis on each side of 0, so that the words in the corners have room."""
DARK, LIGHT = "black", "white"
_BETTER, _WORSE, _LINE = "#e8f1fa", "#fbeee2", "#555555"
"""Blue and orange tints: people with red-green blindness tell them apart."""


def picture_path(folder: Path, task: str, model: str) -> Path:
    """Return the path of a picture of a task and a model; marks that file names cannot have become `_`."""
    name = re.sub(r"[^\w.-]+", "_", f"{task}-{model}")
    return folder / f"{name}.png"


def heat_map(
    grid: Sequence[Sequence[float | None]],
    columns: Sequence[str],
    rows: Sequence[str],
    title: str,
    path: Path,
    *,
    across: str = "length in tokens",
    down: str = "depth of the fact in the text",
) -> Figure:
    """Draw shares as colours, each with its value, and return the figure.

    Args:
        grid: (rows, columns) shares from 0 to 1; None where nothing was measured.
        columns: names of the columns.
        rows: names of the rows.
        title: says what it is, and of which model.
        path: of the picture (PNG).
        across: what the columns are.
        down: what the rows are.
    """
    import numpy as np  # noqa: PLC0415 (read by `align check`)

    width = max(4.8, 1.6 + 0.95 * len(columns))
    figure, axes = _figure(width, 1.9 + 0.55 * len(rows))
    shares = np.array([[np.nan if share is None else share for share in row] for row in grid], dtype=float)
    axes.set_facecolor("#d9d9d9")  # cells without a value
    image = axes.imshow(shares, cmap="cividis", vmin=0, vmax=1, aspect="auto")
    for (row, column), share in np.ndenumerate(shares):
        said = "not\nmeasured" if np.isnan(share) else f"{share:.0%}"
        colour = DARK if np.isnan(share) or share > 0.5 else LIGHT
        size = 7 if np.isnan(share) else 10
        axes.text(column, row, said, ha="center", va="center", color=colour, fontsize=size)
    axes.set_xticks(range(len(columns)), columns)
    axes.set_yticks(range(len(rows)), rows)
    axes.set_xticks(np.arange(0.5, len(columns) - 1), minor=True)
    axes.set_yticks(np.arange(0.5, len(rows) - 1), minor=True)
    axes.grid(which="minor", color="white", linewidth=1.5)
    axes.tick_params(which="both", length=0)
    axes.set(xlabel=across, ylabel=down)
    axes.set_title(_wrapped(title, int(7 * width)), fontsize=11)  # 7 letters of this size an inch
    bar = figure.colorbar(image, ax=axes, label="share found", ticks=[0, 0.25, 0.5, 0.75, 1])
    bar.ax.set_yticklabels(["0%", "25%", "50%", "75%", "100%"])
    return _saved(figure, path)


def tax_picture(taxes: Sequence[Tax], path: Path) -> Figure:
    """Draw what checkpoints gained on the target against what they lost elsewhere, and return the figure.

    Each checkpoint is a point with the 95% interval of its tax and its name at the right edge. Arrows lead
    from the model that all are compared with through the checkpoints in order.

    Args:
        taxes: of the checkpoints in the order in which they were trained, at least one, all against one model
            and each with a gain on the target.
        path: of the picture (PNG).
    """
    figure, axes = _figure(8.4, 5.2)
    points = [(0.0, 0.0), *((float(tax.target or 0.0), tax.value) for tax in taxes)]
    names = [f"{taxes[0].against} (start)", *(tax.model for tax in taxes)]
    _quarters(axes, points, [end for tax in taxes for end in (tax.low, tax.high)])
    for (x, y), (next_x, next_y) in pairwise(points):
        style = {"arrowstyle": "-|>", "color": _LINE, "shrinkA": 7, "shrinkB": 7, "linewidth": 1}
        axes.annotate("", (next_x, next_y), (x, y), arrowprops=style, zorder=3)
    for number, ((x, y), tax) in enumerate(zip(points, [None, *taxes], strict=True)):
        colour = _colour(number, len(points))
        if tax is not None:
            ends = [[y - tax.low], [tax.high - y]]
            axes.errorbar([x], [y], yerr=ends, color=colour, capsize=5, linewidth=1.6, zorder=2)
        marker = "o" if number else "s"
        axes.plot([x], [y], marker, markersize=11, color=colour, markeredgecolor="white", zorder=4)
    _names(axes, points, names)
    axes.set(xlabel="gain on the target tasks, in points", ylabel="alignment tax: loss elsewhere, in points")
    axes.set_title(_wrapped(f"What was gained and lost against {taxes[0].against}"), fontsize=11)
    return _saved(figure, path)


def _quarters(axes: Axes, points: Sequence[tuple[float, float]], ends: Sequence[float]) -> None:
    """Set the limits so that every quarter has room for the words that say what it means, and write them."""
    left, right = _limits([x for x, _ in points])
    low, high = _limits([*(y for _, y in points), *ends])
    axes.set(xlim=(left, right), ylim=(low, high))
    axes.axhline(0, color="black", linewidth=0.8, zorder=1)
    axes.axvline(0, color="black", linewidth=0.8, zorder=1)
    axes.fill_between([0, right], low, 0, color=_BETTER, zorder=0)
    axes.fill_between([left, 0], 0, high, color=_WORSE, zorder=0)
    for x, target in ((left, "worse at the target,"), (right, "better at the target,")):
        for y, elsewhere in ((low, "nothing lost elsewhere"), (high, "lost elsewhere")):
            axes.annotate(
                f"{target}\n{elsewhere}", (x, y), (6 if x == left else -6, 6 if y == low else -6),
                textcoords="offset points", ha="left" if x == left else "right",
                va="bottom" if y == low else "top", color=_LINE, fontsize=8, zorder=1,
            )  # fmt: skip


def _limits(found: Sequence[float]) -> tuple[float, float]:
    """Return limits around values and 0 that give each side of 0 at least ROOM of the axis."""
    low, high = min(0.0, *found), max(0.0, *found)
    span = max(high - low, 1.0)  # a point, where all values are nearly equal
    low, high = low - span / 5, high + span / 5
    return min(low, -high * ROOM / (1 - ROOM)), max(high, -low * ROOM / (1 - ROOM))


def _names(axes: Axes, points: Sequence[tuple[float, float]], names: Sequence[str]) -> None:
    """Write the names at the right edge in the order of height, each with a line to its point.

    Beside the points, names would cover each other wherever points lie close together.
    """
    low, high = axes.get_ylim()
    order = sorted(range(len(points)), key=lambda i: points[i][1])
    step = 0.11
    wanted = [(points[i][1] - low) / (high - low) for i in order]
    for place, i in zip(_apart(wanted, step), order, strict=True):
        x, y = points[i]
        line = {
            "arrowstyle": "-",
            "color": _colour(i, len(points)),
            "lw": 0.8,
            "linestyle": ":",
            "shrinkB": 6,
        }
        axes.annotate(
            _wrapped(f"{i}  {names[i]}" if i else names[i], 26, lines=3), (x, y), (1.04, place),
            textcoords="axes fraction", va="center", ha="left", fontsize=9, annotation_clip=False, zorder=2,
            arrowprops=line,
        )  # fmt: skip


def _apart(wanted: Sequence[float], step: float) -> list[float]:
    """Return rising places near the wanted ones (0 to 1), at least `step` apart, or as far as fits."""
    step = min(step, 1 / max(1, len(wanted) - 1))
    places: list[float] = []
    for place in wanted:
        places.append(max(place, places[-1] + step) if places else max(0.0, place))
    for i in reversed(range(len(places))):
        places[i] = min(places[i], 1 - step * (len(places) - 1 - i))
    return places


def _colour(number: int, count: int) -> Any:
    """Return a colour of cividis: early checkpoints dark, late ones bright, but none too bright to see."""
    import matplotlib  # noqa: PLC0415

    return matplotlib.colormaps["cividis"](0.85 * number / max(1, count - 1))


def _wrapped(text: str, width: int = 60, lines: int | None = None) -> str:
    return "\n".join(textwrap.wrap(text, width, max_lines=lines, placeholder="..."))


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    """Return a figure of a size in inches, and its axes. No window system is asked."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 (slow to import)
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.add_subplot()


def _saved(figure: Figure, path: Path) -> Figure:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=DOTS)
    return figure
