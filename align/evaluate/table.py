"""The table of scores across stages, as text that looks the same in a terminal, a log and a README."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_NOTE = "[low, high]: 95% intervals; change: against the line above, on the same problems (paired bootstrap)"


def render(
    scores: dict[str, dict[str, dict[str, Any]]], comparisons: list[dict[str, Any]], temperature: float
) -> str:
    """Return a block for each task, with a line for each model.

    A line holds the model's scores, their 95% intervals, and the change since the model before it.
    """
    tasks = list(next(iter(scores.values())))
    blocks = []
    for task in tasks:
        modes = list(next(iter(scores.values()))[task])
        rows = [["model", *(h for mode in modes for h in (_heading(mode, temperature), "change"))]]
        previous = None
        for model, by_task in scores.items():
            cells = [model]
            for mode in modes:
                score = by_task[task][mode]
                cells.append(f"{score['value']:.1%} [{score['low']:.1%}, {score['high']:.1%}]")
                cells.append(_change(comparisons, task, mode, previous, model))
            rows.append(cells)
            previous = model
        first = scores[next(iter(scores))][task]
        sampled = f", {first['sampled']['samples']} samples each" if "sampled" in first else ""
        blocks.append(
            f"{task}: {first['greedy']['n']} held-out "
            f"problems{sampled}\n{aligned(rows)}{_overall(comparisons, task)}"
        )
    return "\n\n".join(blocks) + f"\n\n{_NOTE}\n"


def render_tags(tags: dict[str, dict[str, dict[str, Any]]]) -> str:
    """Return a block for each task and mode, with a line for each tag.

    A line holds the number of problems, and each model's share of right answers.
    """
    blocks = []
    for task, by_tag in tags.items():
        models = [name for name in next(iter(by_tag.values())) if name != "n"]
        for mode in next(iter(by_tag.values()))[models[0]]:
            rows = [["tag", "problems", *models]]
            for tag, shares in by_tag.items():
                rows.append([tag, str(shares["n"]), *(f"{shares[model][mode]:.0%}" for model in models)])
            blocks.append(f"\n{task} by tag, {mode}\n{aligned(rows)}\n")
    return "".join(blocks)


def _heading(mode: str, temperature: float) -> str:
    return "greedy" if mode == "greedy" else f"sampled, T = {temperature:g}"


def _change(comparisons: list[dict[str, Any]], task: str, mode: str, before: str | None, after: str) -> str:
    for c in comparisons:
        if (c["task"], c["mode"], c["from"], c["to"]) == (task, mode, before, after):
            return _signed(c)
    return ""


def _signed(c: dict[str, Any]) -> str:
    return f"{100 * c['difference']:+.1f} [{100 * c['low']:+.1f}, {100 * c['high']:+.1f}]"


def _overall(comparisons: list[dict[str, Any]], task: str) -> str:
    mine = [c for c in comparisons if c["task"] == task]
    last: dict[str, dict[str, Any]] = {c["mode"]: c for c in mine}
    if not mine or sum(c["mode"] == mine[-1]["mode"] for c in mine) < 3:
        return ""
    one = next(iter(last.values()))
    return f"\n{one['to']} against {one['from']}: " + "; ".join(
        f"{mode} {_signed(c)}" for mode, c in last.items()
    )


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as aligned columns of text, with a rule under the first row."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])
