"""The tables of scores, as text that looks the same in a terminal, a log and a README."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from align.evaluate.measure import TaskResults
from align.evaluate.scores import (
    Change,
    Estimate,
    groups,
    headline,
    metric_of,
    metrics,
    notes,
    score,
    skipped,
)
from align.evaluate.task import Figure
from align.evaluate.tax import Tax, points, scale

_NOTE = (
    "[low, high]: 95% intervals. change: against the line above, on the same items, in points.\n"
    "better, worse: p < 0.05, Holm-corrected over this table; else how many items would tell such a change"
)


def render(results: Mapping[str, TaskResults], models: Sequence[str], changes: Sequence[Change]) -> str:
    """Return a block for each task, with a line for each model: its scores, and what has changed."""
    found = {(c.task, c.metric, c.before, c.after): c for c in changes}
    return "\n\n".join(_block(name, each, models, found) for name, each in results.items()) + f"\n\n{_NOTE}\n"


def _block(
    name: str,
    results: TaskResults,
    models: Sequence[str],
    changes: Mapping[tuple[str, str, str, str], Change],
) -> str:
    asked = set(results.asked.values())
    several = len(asked) > 1
    rows, before = [_head(results, models, several=several)], ""
    for model in models:
        cells = [model, *([results.asked[model]] if several else [])]
        for metric in metrics(results):
            cells.append(_value(results, model, metric))
            if _is_compared(results, metric, models):
                change = changes.get((name, metric, before, model))
                cells.append(signed(change, results) if change else "")
        rows.append(cells)
        before = model
    how = "" if several else f" ({asked.pop()})"
    title = f"{name}{how}: {len(results.items)} items{_samples(results, models)}"
    overall = _overall(name, results, models, changes)
    left_out = _left_out(results, models)
    return "\n".join([title, aligned(rows), *overall, *_whole(results, models), *left_out])


def _head(results: TaskResults, models: Sequence[str], *, several: bool) -> list[str]:
    """Return the headings of a task's columns; `several`: the models were asked in several ways."""
    head = ["model", *(["asked"] if several else [])]
    for metric in metrics(results):
        head += [metric, *(["change"] if _is_compared(results, metric, models) else [])]
    return head


def _is_compared(results: TaskResults, metric: str, models: Sequence[str]) -> bool:
    return metric_of(results, metric).compared and len(models) > 1


def _samples(results: TaskResults, models: Sequence[str]) -> str:
    """Return how many samples each item has, for the title; "" where there is one."""
    found = [score(results, model, "sampled") for model in models]
    most = max((one.samples for one in found if one), default=1)
    return f", {most} samples each" if most > 1 else ""


def _value(results: TaskResults, model: str, metric: str) -> str:
    found = score(results, model, metric)
    return "not measured" if found is None else shown_score(found, metric_of(results, metric).bounds)


def shown_score(found: Estimate | Figure, bounds: tuple[float, float] | None) -> str:
    """Return a score with its interval, if it has one: as a percentage where its scale is 0 to 1."""
    form = "{:.1%}" if bounds == (0.0, 1.0) else "{:.2f}"
    if found.low is None or found.high is None:
        return form.format(found.value)
    value, low, high = (form.format(each) for each in (found.value, found.low, found.high))
    return f"{value} [{low}, {high}]"


def signed(change: Change, results: TaskResults) -> str:
    """Return a difference of scores in points with its interval and its verdict.

    Where less is better, a positive difference is for the worse.
    """
    one, factor = change.against, scale(results, change.metric)
    factor = -factor if metric_of(results, change.metric).better == "lower" else factor
    low, high = sorted((factor * one.low, factor * one.high))
    text = f"{factor * one.difference + 0.0:+.1f} [{low:+.1f}, {high:+.1f}]"  # + 0.0: no minus before a zero
    if one.verdict != "cannot tell":
        return f"{text} {one.verdict}"
    # at one comparison, fewer items than there are may be enough, and Holm's correction wants more
    more = one.items_needed and one.items_needed > one.n
    return f"{text} {one.items_needed:,} items would tell" if more else f"{text} cannot tell"


def _overall(
    name: str,
    results: TaskResults,
    models: Sequence[str],
    changes: Mapping[tuple[str, str, str, str], Change],
) -> list[str]:
    """Return the comparisons with models that are not the line above, such as the last with the first."""
    neighbours = set(itertools.pairwise(models))
    pairs: dict[tuple[str, str], list[Change]] = {}
    for (task, _, before, after), change in changes.items():
        if task == name and (before, after) not in neighbours and after == models[-1]:
            pairs.setdefault((before, after), []).append(change)
    return [
        f"{after} against {before}: " + "; ".join(f"{c.metric} {signed(c, results)}" for c in found)
        for (before, after), found in pairs.items()
    ]


def _whole(results: TaskResults, models: Sequence[str]) -> list[str]:
    """Return a line for each figure of the task as a whole, and one for each warning."""
    lines: dict[str, list[str]] = {}
    for model in models:
        for name, one in results.summaries[model].figures.items() if model in results.summaries else ():
            lines.setdefault(name, []).append(f"{model} {shown_score(one, one.bounds)}")
    warned = [
        f"warning: {model}: {what}"
        for model in models
        if model in results.summaries
        for what in results.summaries[model].warnings
    ]
    return [*(f"{name}: {'; '.join(each)}" for name, each in lines.items()), *warned]


def _left_out(results: TaskResults, models: Sequence[str]) -> list[str]:
    """Return a line for each model that was not measured on some items, with the share and the reasons."""
    lines: list[str] = []
    partly = [
        f"in part: {model}: {what} {n}"
        for model in models
        for what, n in notes(results, model).items()
        if what.startswith("answers not judged")
    ]
    for model in models:
        if reasons := skipped(results, model):
            count = sum(reasons.values())
            told = ", ".join(f"{what} {n}" for what, n in reasons.items())
            lines.append(
                f"not measured, and in no score: {model} on {count} of {len(results.items)} items "
                f"({count / len(results.items):.1%}): {told}"
            )
    if len({line.partition(" on ")[2] for line in lines}) == 1 and len(lines) == len(models) > 1:
        lines = [lines[0].replace(f": {models[0]} on", ": all models on", 1)]
    return lines + partly


def render_groups(results: Mapping[str, TaskResults], models: Sequence[str]) -> str:
    """Return a block for each task and metric, with a line for each language and tag of its items."""
    blocks = []
    for name, each in results.items():
        kept = groups(each)
        for metric in (m for m in metrics(each) if metric_of(each, m).compared and kept):
            rows = [["group", "items", *models]]
            for group, keep in kept.items():
                found = {model: score(each, model, metric, keep) for model in models}
                n = max((one.n for one in found.values() if one), default=0)
                bounds = metric_of(each, metric).bounds
                cells = [shown_score(one, bounds).partition(" ")[0] if one else "" for one in found.values()]
                rows += [[group, str(n), *cells]] if n else []
            blocks.append(f"\n{name} by group, {metric}\n{aligned(rows)}\n")
    return "".join(blocks)


def render_clean(
    results: Mapping[str, TaskResults],
    models: Sequence[str],
    seen: Mapping[str, frozenset[str]],
    compared: int,
) -> str:
    """Return every task's scores on all items beside those on the items that were not seen in training.

    Args:
        results: of all tasks.
        models: in the order of the table.
        seen: task -> ids of the items that share a 13-gram with a training row, or whose question is one.
        compared: number of training rows that the items were compared with.
    """
    rows = [["task", "items", "seen", *models]]
    for name, each in results.items():
        count, metric = len(seen[name]), headline(each)
        if not count or metric is None:
            continue
        bounds = metric_of(each, metric).bounds
        cells = []
        for model in models:
            whole = score(each, model, metric)
            clean = score(each, model, metric, lambda item, name=name: item.id not in seen[name])
            cells.append(
                " -> ".join(shown_score(one, bounds) if one else "not measured" for one in (whole, clean))
            )
        rows.append([name, str(len(each.items)), f"{count / len(each.items):.1%}", *cells])
    if len(rows) == 1:
        what = f"no item was seen in the {compared:,} training rows that are known; others are not compared"
        return f"\ncontamination: {what if compared else 'no training rows of these models are known'}\n"
    title = (
        "contamination: score on all items -> on those not seen in training (no 13-gram shared with a row)"
    )
    return f"\n{title}\n{aligned(rows)}\n"


def render_tax(
    results: Mapping[str, TaskResults],
    models: Sequence[str],
    references: Sequence[str],
    taxes: Mapping[tuple[str, str], Tax],
    targets: Sequence[str],
) -> str:
    """Return a table for each reference model: change of every task in points, and the alignment tax."""
    blocks = []
    for reference in references:
        head = [f"{name}{' (target)' if name in targets else ''}" for name in results]
        rows = [["model", *head, "alignment tax"]]
        for model in models[list(models).index(reference) + 1 :]:
            cells = []
            for each in results.values():
                change = points(each, reference, model)
                cells.append(f"{scale(each) * change.difference:+.1f}" if change else "")
            owed = taxes.get((model, reference))
            cells.append(f"{owed.value:+.1f} [{owed.low:+.1f}, {owed.high:+.1f}]" if owed else "")
            rows.append([model, *cells])
        if len(rows) > 1:
            blocks.append(f"\nchange against {reference}, in points\n{aligned(rows)}\n")
    over = f"outside {', '.join(targets)}" if targets else "of the table (no `targets` are named)"
    note = f"alignment tax: mean drop over the tasks {over}, in points; below 0 the model gained\n"
    note += "a positive change is for the better, also where less is better\n"
    return "".join([*blocks, note]) if blocks else ""


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as aligned columns of text, with a rule under the first row."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])
