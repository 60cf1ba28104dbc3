"""`align peek`: rows of a stage, and what was dropped and why."""

from __future__ import annotations

import json
import textwrap
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from align.core import tables
from align.core.errors import UsageError
from align.core.rows import Demonstration, Message, Preference, Prompt, Row, Unpaired, as_text
from align.core.run_state import stages_of
from align.core.validation_errors import did_you_mean


def peek(directory: str, stage: str, count: int) -> str:
    """Return the first rows of each table of a stage, and how many rows were dropped for which reason.

    Raises:
        UsageError: the run has no such stage, or the stage has not run.
    """
    stages = stages_of(directory)
    if stage not in stages:
        raise UsageError(f"no stage {stage!r}{did_you_mean(stage, stages)}")
    folder = stages[stage].folder
    if not folder.is_dir():
        raise UsageError(f"stage {stage!r} has not run yet")
    parts = []
    for table in tables.held(folder):
        parts.append(f"{table}: {tables.count(folder, table):,} rows")
        parts += [_shown(row) for row in tables.read(folder, table)[:count]]
    parts += _reasons(folder / "dropped.jsonl", "dropped")
    parts += _reasons(folder / "untrained.jsonl", "answers not trained, of rows that are kept")
    parts += [(folder / "table.txt").read_text(encoding="utf-8")] if (folder / "table.txt").is_file() else []
    parts += _round_samples(folder, count)
    if not parts:
        files = ", ".join(sorted(p.name for p in folder.iterdir()))
        parts.append(f"stage {stage!r} holds no rows; its folder holds {files}")
    return "\n".join(parts) + "\n"


def _round_samples(folder: Path, count: int) -> list[str]:
    parts = []
    for path in sorted(folder.glob("rounds/*/pairs.json")):
        parts.append(f"round {path.parent.name}:")
        for sample in json.loads(path.read_text(encoding="utf-8"))["samples"][:count]:
            parts += [
                f"  {key:9}| {text}".replace("\n", "\n           | ") for key, text in sample.items()
            ] + [""]
    return parts


def _reasons(path: Path, what: str) -> list[str]:
    if not path.is_file():
        return []
    items = tables.read_lines(path)
    if not items:
        return []
    reasons = Counter(item["reason"] for item in items).most_common()
    example = {reason: next(i for i in items if i["reason"] == reason) for reason, _ in reasons}
    return [f"{what}: {len(items):,}"] + [
        f"  {count:>6,}  {reason}  (such as {_which(example[reason])})" for reason, count in reasons
    ]


def _which(item: dict[str, Any]) -> str:
    if "index" in item:
        place = next(
            (f"{name} {item[key]}" for key, name in (("line", "line"), ("number", "record")) if key in item),
            None,
        )
        return (place or f"row {item['index']}, counted from 0") + (
            f" of {item['file']}" if item.get("file") else ""
        )
    messages = item.get("messages") or [{"content": ""}]
    return repr(textwrap.shorten(as_text(messages[-1]), 60, placeholder=" ..."))


def _shown(row: Row) -> str:
    lines = [f"  id {row.id}"]
    if isinstance(row, Prompt):
        lines += _turns(row.messages) + ([f"    answer   | {row.answer}"] if row.answer is not None else [])
        lines += [f"    tests    | {json.dumps(row.tests)}"] if row.tests else []
    elif isinstance(row, Demonstration):
        lines += _turns(row.prompt) + _turns(row.completion)
    elif isinstance(row, Preference):
        lines += [*_turns(row.prompt), *_turns(row.chosen, "chosen"), *_turns(row.rejected, "rejected")]
    elif isinstance(row, Unpaired):
        lines += [*_turns(row.prompt), *_turns(row.completion, "good" if row.label else "bad")]
    lines += (
        [f"    tools    | {', '.join(tool['function']['name'] for tool in row.tools)}"] if row.tools else []
    )
    return "\n".join([*lines, ""])


def _turns(messages: Iterable[Message], label: str | None = None) -> list[str]:
    return [f"    {label or m['role']:9}| {_said(m)}".replace("\n", "\n             | ") for m in messages]


def _said(message: Message) -> str:
    """Return a turn's text with its reasoning, and with a mark if the turn is not trained."""
    thought = f"({message['reasoning']})\n" if message.get("reasoning") else ""
    return f"{thought}{as_text(message)}" + ("" if message.get("train", True) else "  [not trained]")
