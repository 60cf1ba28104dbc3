"""What the commands print: the plan of a recipe, the state of a run, the fields of a kind, the rows of a stage."""

from __future__ import annotations

import json
import sys
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from align.core import catalog, log, tables, wiring
from align.core.artifacts import RunFolder, Status, worked
from align.core.config import Plugin
from align.core.errors import AlignError, UsageError
from align.core.explained import did_you_mean, limits, written
from align.core.held import Held, held, recipe_of, worker_of
from align.core.loads_model import LoadsModel
from align.core.outside import path_of
from align.core.plugins import Generator, Optimizer, Reward, Sampler
from align.core.recipe import Loaded, Recipe, find, shipped
from align.core.rows import Demonstration, Message, Preference, Prompt, Row, Unpaired, as_text
from align.core.stage import Stage
from align.evaluate.table import aligned
from align.rehearsal import rehearse
from align.report.model_card import counts
from data_synthesis import ledger
from data_synthesis.executors import Executor

FAMILIES: dict[str, type[Plugin]] = {
    "stage": Stage,
    "generator": Generator,
    "reward": Reward,
    "executor": Executor,
    "optimizer": Optimizer,
    "sampler": Sampler,
}


def plan(loaded: Loaded, out: str | None) -> str:
    """Return the plan table of a recipe: stage, what it needs and makes, whether it is done.

    Raises:
        RecipeError: a chat template that a stage or generator needs cannot be used.
    """
    recipe = loaded.recipe
    runs = RunFolder(out or Path("runs") / recipe.name, loaded.folder)
    rehearse(loaded, runs)
    rows = [("stage", "kind", "needs", "makes", "done?")]
    for name, stage in recipe.stages.items():
        needs = dict.fromkeys(ref for _, _, ref in wiring.references(stage))
        status = runs.status(name, recipe) if runs.path.exists() else Status("missing")
        done = {"done": "yes", "missing": "", "partial": "begun", "stale": "runs again"}[status.state]
        done += f": {textwrap.shorten('; '.join(status.changed), 80, placeholder=' ...')}" if status.changed else ""
        rows.append((name, stage.kind, ", ".join(needs), ", ".join(sorted(type(stage).makes)), done))
    return f"{loaded.file}: {len(recipe.stages)} stages, base {recipe.base}, seed {recipe.seed}\n\n{aligned(rows)}\n"


def status(directory: str) -> str:
    """Return what a run has done: a line a stage."""
    recipe, stages = recipe_of(directory), held(directory)
    changed, note = _changed(directory)
    worker = worker_of(directory)
    latest = max(stages.values(), key=lambda stage: stage.since)
    rows = [("stage", "kind", "state", "time", "what happened")]
    more = [f"process {worker} works on it"] if worker is not None else []
    for name, stage in stages.items():
        state, what = _state(stage, at_work=worker is not None and stage is latest)
        if name in changed and stage.done:
            state, what = "stale", "; ".join(changed[name])
        spent = stage.report.get("seconds") if stage.done else worked(stage.folder) if stage.begun else None
        short = textwrap.shorten(what, 90, placeholder=" ...")
        rows.append((name, stage.kind, state, "" if spent is None else log.duration(spent), short))
        if state == "failed":
            more += [f"{name} failed: {what}", f"  log: {stage.failure['log']}"]
        elif short.endswith(" ..."):
            more.append(f"{name} ({state}): {what}")
    return "\n".join([f"{directory}: {recipe['name']}, seed {recipe['seed']}", "", aligned(rows), *more, ""]) + note


def _state(stage: Held, *, at_work: bool) -> tuple[str, str]:
    """Return what became of a stage, in a word and in a line."""
    if stage.done:
        return "done", counts(stage.report)
    live = stage.folder / log.LIVE
    far = (live.read_text(encoding="utf-8") if live.is_file() else "") or _worked_on(stage.folder)
    if at_work:
        return "running", far
    if stage.failure:
        return "failed", stage.failure["why"]
    return ("interrupted", far) if stage.begun else ("missing", "")


def _there(given: str, recipe: Recipe, runs: RunFolder) -> bool:
    return path_of(recipe.base if given == "base" else given, runs.home).exists()


def _changed(directory: str) -> tuple[dict[str, tuple[str, ...]], str]:
    """Return what differs now from what each stage was made with, and a note where that cannot be told."""
    try:
        runs, recipe = RunFolder.open(directory)
        found = {name: runs.status(name, recipe) for name in recipe.stages}
    except (AlignError, OSError, ValueError) as error:  # a plug-in or a file of the recipe is gone
        return {}, f"\nnot compared with the recipe as it would be read now: {error}\n"
    vanished: set[str] = set()  # inputs that are not there any more, and stages of which nothing else differs
    changed = {}
    for name, status in found.items():
        inputs = [what.removeprefix("input ") for what in status.changed if what.startswith("input ")]
        gone = {given for given in inputs if given not in recipe.stages and not _there(given, recipe, runs)}
        if status.state == "stale" and len(inputs) == len(status.changed) and set(inputs) <= vanished | gone:
            vanished |= {name, *gone}
        elif status.state == "stale":
            changed[name] = status.changed
    files = sorted(vanished - recipe.stages.keys())
    note = (
        f"\nnot there any more: {', '.join(files)}; what was made of it stands, and `align run` would need it\n"
        if files
        else ""
    )
    return changed, note


def _worked_on(folder: Path) -> str:
    """Return how far a stage that makes rows has come."""
    outcomes = Counter(outcome.outcome for outcome in ledger.read(folder).values())
    return ", ".join(f"{count:,} {outcome}" for outcome, count in outcomes.most_common()) + (" so far" if outcomes else "")


def explain(kind: str | None) -> str:
    """Return the list of kinds and shipped recipes, or what one of them is, or what a field means and where it is.

    Raises:
        UsageError: nothing is called so.
    """
    if kind is None:
        lines = []
        for family in FAMILIES:
            lines.append(f"{family}s:")
            lines += [f"  {name:20} {_first_line(family, name)}" for name in catalog.kinds(family) if _is(family, name)]
        lines += ["recipes that are shipped:", *(f"  {name:20} {what}" for name, what in shipped())]
        return "\n".join([*lines, "", "align explain KIND shows its fields. Your own: kind: module:Class.", ""])
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))  # a plug-in beside the recipe, as `align run` finds it
    found = [family for family in FAMILIES if (":" in kind or kind in catalog.kinds(family)) and _is(family, kind)]
    if found:
        return "\n".join(_explained(family, kind) for family in found)
    if ":" in kind:
        whys = {_why_not(family, kind) for family in FAMILIES}
        raise UsageError(min(whys, key=lambda why: "must be a subclass" in why))
    if kind in dict(shipped()):
        return find(kind).read_text(encoding="utf-8")
    if lines := _of_field(kind):
        return "\n".join([*lines, ""])
    known = {name for family in FAMILIES for name in catalog.kinds(family)}
    raise UsageError(f"no kind or field {kind!r}{did_you_mean(kind, known)}")


def _of_field(name: str) -> list[str]:
    """Return what a field of the recipe, or of any kind that is built in, means, and which kinds have it."""
    owners: dict[str, list[str]] = {}
    for words, cls in _all_classes():
        if name in cls.model_fields:
            owners.setdefault("\n".join(_fields(cls, [name], "  ")), []).append(words)
    return [line for text, words in owners.items() for line in (f"{', '.join(words)}:", text)]


def _all_classes() -> Iterator[tuple[str, type[BaseModel]]]:
    yield "a recipe", Recipe
    for family in FAMILIES:
        for kind in catalog.BUILT_IN[family]:
            yield from _classes(family, kind).items()


def _why_not(family: str, kind: str) -> str:
    try:
        catalog.resolve(family, kind, FAMILIES[family])
    except catalog.PluginError as error:
        return str(error)
    return ""


def _is(family: str, kind: str) -> bool:
    """Is it of that family? Installed plug-ins are listed under one name for all families."""
    try:
        _classes(family, kind)
    except catalog.PluginError:
        return False
    return True


def _first_line(family: str, name: str) -> str:
    first = next(iter(_classes(family, name).values()))
    cls = first.__mro__[1] if catalog.modes(family, name) else first
    return (cls.__doc__ or "").strip().partition("\n")[0]


def _classes(family: str, kind: str) -> dict[str, type[Plugin]]:
    """Return the class of a kind, or of each of its modes, by the words that ask for it."""
    modes = catalog.modes(family, kind)
    if not modes:
        return {kind: catalog.resolve(family, kind, FAMILIES[family])}
    return {f"{kind}, mode: {mode}": catalog.resolve(family, kind, FAMILIES[family], mode) for mode in modes}


def _explained(family: str, kind: str) -> str:
    return "\n".join(_of_class(family, words, cls) for words, cls in _classes(family, kind).items())


def _of_class(family: str, kind: str, cls: type[Plugin]) -> str:
    module = __import__(cls.__module__, fromlist=["x"]).__doc__ or cls.__doc__ or ""
    lines = [f"{kind} ({family}, {cls.__module__}:{cls.__name__}, version {cls.version})", "", module.strip(), ""]
    names = sorted(cls.model_fields, key=lambda name: name in LoadsModel.model_fields)  # how weights are loaded comes last
    return "\n".join([*lines, *_fields(cls, [name for name in names if name != "kind"], "  "), ""])


def _fields(cls: type[BaseModel], names: Iterable[str], indent: str) -> list[str]:
    """Return lines about fields, and below a field that holds a config of its own those of that."""
    lines = []
    for name in names:
        field = cls.model_fields[name]
        default = "required" if field.is_required() else f"default {written(field.get_default(call_default_factory=True))}"
        refers = next((f"refers to {m.need}" for m in field.metadata if isinstance(m, wiring.Ref)), "")
        lines.append(f"{indent}{field.alias or name}  ({', '.join(filter(None, [refers, default, *limits(field)]))})")
        inner = indent + " " * 4
        lines += textwrap.wrap(
            " ".join((field.description or "").split()), 110 - len(inner), initial_indent=inner, subsequent_indent=inner
        )
        for part in wiring.config_classes(field.annotation):
            if not issubclass(part, Plugin):
                lines += _fields(part, part.model_fields, inner)
    return lines


def peek(directory: str, stage: str, count: int) -> str:
    """Return the first rows of each table of a stage, and what was dropped with reasons.

    Raises:
        UsageError: the run has no such stage, or the stage has not run.
    """
    stages = held(directory)
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
            parts += [f"  {key:9}| {text}".replace("\n", "\n           | ") for key, text in sample.items()] + [""]
    return parts


def _reasons(path: Path, what: str) -> list[str]:
    if not path.is_file():
        return []
    items = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
    if not items:
        return []
    reasons = Counter(item["reason"] for item in items).most_common()
    example = {reason: next(i for i in items if i["reason"] == reason) for reason, _ in reasons}
    return [f"{what}: {len(items):,}"] + [
        f"  {count:>6,}  {reason}  (such as {_which(example[reason])})" for reason, count in reasons
    ]


def _which(item: dict[str, Any]) -> str:
    if "index" in item:
        place = next((f"{name} {item[key]}" for key, name in (("line", "line"), ("number", "record")) if key in item), None)
        return (place or f"row {item['index']}, counted from 0") + (f" of {item['file']}" if item.get("file") else "")
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
    lines += [f"    tools    | {', '.join(tool['function']['name'] for tool in row.tools)}"] if row.tools else []
    return "\n".join([*lines, ""])


def _turns(messages: Iterable[Message], label: str | None = None) -> list[str]:
    return [f"    {label or m['role']:9}| {_said(m)}".replace("\n", "\n             | ") for m in messages]


def _said(message: Message) -> str:
    """Return what a turn says, with its reasoning, and whether it is not trained."""
    thought = f"({message['reasoning']})\n" if message.get("reasoning") else ""
    return f"{thought}{as_text(message)}" + ("" if message.get("train", True) else "  [not trained]")
