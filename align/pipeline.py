"""Run the stages of a recipe in order, and skip those that are done.

A stage runs in this process or, where the recipe has an `accelerate:` block and the stage trains, in its own
process(es) under `accelerate launch` (`align.worker`), so that its memory is returned and a crash loses one
stage only. Either way it goes through `run_stage`, and it is done when its folder holds `done.json`.
"""

from __future__ import annotations

import gc
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from align import lifeline
from align.core import log, run_state
from align.core.artifacts import RunFolder
from align.core.errors import AlignError, StageFailed, UsageError, of_the_system
from align.core.recipe import Accelerate, Loaded, Recipe
from align.core.run_state import StageState
from align.core.stage import Run, Shard
from align.preflight import rehearse

QUIET = {
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TRL_EXPERIMENTAL_SILENCE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    # transparent huge pages: allocating and zeroing 10 MB takes 1.3 instead of 13.7 ms (CPU)
    "THP_MEM_ALLOC_ENABLE": "1",
}
"""Environment variables of stages: no telemetry (TRL would send a ping for every trainer), no warnings about
forks, faster allocation."""

FULL = 1 << 20
"""A disk with fewer free bytes counts as full."""


@dataclass
class Report:
    """What a run did."""

    folder: Path
    ran: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    def stage(self, name: str) -> Path:
        """Return the folder of a stage's artifact."""
        return next(self.folder.glob(f"[0-9][0-9]-{name}"))


def run(
    loaded: Loaded,
    out: str | Path | None = None,
    *,
    until: str | None = None,
    only: str | None = None,
    shard: str | None = None,
) -> Report:
    """Run every stage that is not done.

    Args:
        loaded: a recipe, as `Recipe.load` returns it.
        out: the run folder; `runs/NAME` when left out.
        until: the last stage to run.
        only: the one stage to run; those before it must be done.
        shard: `i/n`, to work on that share of the prompts of the stage `only`; other processes work on the
            others.

    Raises:
        StageFailed: a stage stopped; running again resumes it.
        RecipeError: a tokenizer or chat template that a stage needs cannot be used.
        UsageError: `until` or `only` name no stage, what `only` needs is not done, or the stage has no
            shards.
    """
    recipe = loaded.recipe
    for name in (until, only):
        if name is not None and name not in recipe.stages:
            raise UsageError(f"no stage {name!r}; the recipe has: {', '.join(recipe.stages)}")
    log.setup()
    runs = RunFolder(out or Path("runs") / recipe.name, loaded.folder)
    if shard is not None:
        return _run_shard(runs, loaded, only, Shard.parse(shard))
    with runs.lock() as lock:
        rehearse(loaded, runs, load=True)
        runs.record(loaded)
        return _run_stages(runs, recipe, until, only, lock)


def _run_shard(runs: RunFolder, loaded: Loaded, name: str | None, shard: Shard) -> Report:
    """Work on a share of one stage; the last shard to finish publishes the stage."""
    recipe = loaded.recipe
    if name is None or not type(recipe.stages[name]).shards:
        able = ", ".join(n for n, stage in recipe.stages.items() if type(stage).shards) or "none"
        raise UsageError(
            f"--shard needs --only STAGE with a stage that makes rows one by one; the recipe's: {able}"
        )
    if getattr(recipe.stages[name], "until", None) is not None:
        raise UsageError(
            f"stage {name!r} has `until`, and only a single process knows when it is met; leave --shard out"
        )
    with runs.lock(shared=True), ExitStack() as own:
        with runs.turn():
            own.enter_context(runs.shard(shard.worker))
            _check_shard(runs, loaded, name, shard)
            runs.record(loaded)
            if runs.status(name, recipe).state == "done":
                log.LOGGER.info("%-12s done already", name)
                return Report(runs.path, skipped=[name])
            folder = runs.begin(name, recipe)
        with _reported(name, folder, f"log-{shard.worker}.txt", runs, recipe) as context:
            stage: Any = recipe.stages[name]
            stage.run_shard(context, shard)
            with runs.turn(), own:  # a shard leaves `own` within its turn, so exactly one shard is the last
                if others := runs.others_at_work(shard.worker):
                    context.report.note = f"shard {shard.worker} is through; at work: {', '.join(others)}"
                elif left := stage.publish_shards(context):
                    context.report.note = (
                        f"shard {shard.worker} is through; {left} prompts are left for other shards"
                    )
                else:
                    _publish(context)
    return Report(runs.path, ran=[name])


def _check_shard(runs: RunFolder, loaded: Loaded, name: str, shard: Shard) -> None:
    """Raise UsageError where a shard would collide with others, or its inputs are not done."""
    recipe, status = loaded.recipe, runs.status(name, loaded.recipe)
    others = runs.others_at_work(shard.worker)
    if status.state == "stale" and others:
        why = "; ".join(status.changed)
        raise UsageError(
            f"shards {', '.join(others)} of {name!r} work on another recipe ({why}); wait for them"
        )
    if unlike := [worker for worker in others if not worker.endswith(f"of{shard.of}")]:
        raise UsageError(
            f"shards {', '.join(unlike)} are at work, which share the stage among another number than "
            f"{shard.of}; wait for them"
        )
    _check_before(name, runs, recipe)


def _check_before(name: str, runs: RunFolder, recipe: Recipe) -> None:
    """Raise UsageError where a stage before this one is not done."""
    for before in list(recipe.stages)[: list(recipe.stages).index(name)]:
        if runs.status(before, recipe).state != "done":
            raise UsageError(f"--only {name}: stage {before!r} before it is not done; run it first")


def _run_stages(runs: RunFolder, recipe: Recipe, until: str | None, only: str | None, lock: int) -> Report:
    if only is not None:
        _check_before(only, runs, recipe)
    report = Report(runs.path)
    for name in recipe.stages:
        status = runs.status(name, recipe)
        if status.state != "done" and runs.restore(name, recipe):
            log.LOGGER.info("%-12s is again what it was before; nothing to do", name)
            report.skipped.append(name)
        elif status.state == "done":
            report.skipped.append(name)
            log.LOGGER.info("%-12s done already", name)
        else:
            if status.changed:
                log.LOGGER.info("%-12s runs again: %s", name, "; ".join(status.changed))
            if runs.kept(name).exists() or (
                status.changed and (runs.stage(name, recipe) / "done.json").is_file()
            ):
                log.LOGGER.info("%-12s its earlier result is in %s until it is done", name, runs.kept(name))
            _start(name, runs, recipe, lock)
            report.ran.append(name)
        if name in (until, only):
            break
    return report


def _start(name: str, runs: RunFolder, recipe: Recipe, lock: int) -> None:
    stage = recipe.stages[name]
    if recipe.accelerate is None or not type(stage).trains:
        run_stage(name, runs, recipe)
        gc.collect()
        if "torch" in sys.modules and _has_gpu():
            sys.modules["torch"].cuda.empty_cache()  # the next stage may run in a process of its own
        return
    folder = runs.begin(name, recipe)
    command = [*_launcher(recipe.accelerate, runs.home), "-m", "align.worker", str(runs.path), name]
    cpu = {} if _has_gpu() else {"ACCELERATE_USE_CPU": "true"}
    told = {lifeline.PARENT: str(os.getpid()), lifeline.STAGE: str(folder)}
    try:
        code = _launch(command, QUIET | cpu | os.environ | told, lock)
    except KeyboardInterrupt:
        # a stage that was stopped together with this process did not fail
        (folder / run_state.FAILED).unlink(missing_ok=True)
        raise
    if code:
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"code {code}"
        run_state.fail(
            folder,
            f"its launcher ended with {how} and no process said why; what it printed is above",
            "log.txt",
        )
        failure = StageState(name, stage.kind, folder).failure  # of the process that failed first
        raise StageFailed(name, failure["why"], Path(failure["log"]))


def _launch(command: list[str], env: dict[str, str], lock: int) -> int:
    """Run a launcher to its end and return its exit code; if this process is stopped, kill the launcher."""
    # a session of its own: Ctrl-C is for this process
    process = subprocess.Popen(command, env=env, pass_fds=[lock], start_new_session=True)
    try:
        return process.wait()
    finally:
        if process.poll() is None:
            process.kill()  # its workers end with it; a stage can be killed at any moment
            process.wait()


def _launcher(accelerate: Accelerate, home: Path) -> list[str]:
    """Return the command that launches a training stage; several processes on a CPU talk through gloo."""
    command = [sys.executable, "-m", "align.lifeline"]
    if accelerate.config_file:
        command += ["--config_file", str(home / accelerate.config_file)]
    else:
        command += ["--num_machines", "1", "--dynamo_backend", "no", "--main_process_port", "0"]
        command += ["--mixed_precision", accelerate.mixed_precision or "no"]
    if accelerate.config_file and accelerate.mixed_precision:
        command += ["--mixed_precision", accelerate.mixed_precision]
    if accelerate.num_processes or not accelerate.config_file:
        command += ["--num_processes", str(accelerate.num_processes or 1)]
        several = (accelerate.num_processes or 1) > 1
        command += ["--multi_gpu"] if several else []  # this launcher also starts processes on CPUs
    return command


def _has_gpu() -> bool:
    import torch  # noqa: PLC0415

    return torch.cuda.is_available()


def run_stage(name: str, runs: RunFolder, recipe: Recipe, *, main: bool = True) -> None:
    """Run one stage here and publish it.

    Args:
        name: the stage.
        runs: the run folder.
        recipe: the recipe.
        main: False in all but the first of several processes: they work too, but only the first writes
            bookkeeping.

    Raises:
        StageFailed: the stage stopped. The message says why; the traceback is in the stage's log.txt.
    """
    os.environ.update({key: value for key, value in QUIET.items() if key not in os.environ})
    folder = runs.begin(name, recipe) if main else runs.stage(name, recipe)
    with _reported(name, folder, run_state.log_of(os.getpid(), main=main), runs, recipe) as context:
        context.started -= json.loads((folder / "stage.json").read_text(encoding="utf-8")).get("earlier", 0.0)
        recipe.stages[name].run(context)
        if main:
            _publish(context)


@contextmanager
def _reported(name: str, folder: Path, log_file: str, runs: RunFolder, recipe: Recipe) -> Iterator[Run]:
    """Yield a stage's `Run`, log its start and its result, and turn any error into a StageFailed."""
    with log.to_file(folder / log_file):
        context = Run(name, folder, recipe, runs, log.LOGGER, log_name=log_file)
        log.LOGGER.info("%-12s %s ...", name, recipe.stages[name].kind)
        try:
            yield context
        except Exception as error:
            expected = isinstance(error, AlignError)
            cause = _cause(error, folder)
            _to_log(folder / log_file, cause if expected else traceback.format_exc())
            run_state.fail(folder, cause, log_file)
            if isinstance(error, StageFailed):
                raise
            raise StageFailed(name, cause, folder / log_file) from (None if expected else error)
        log.LOGGER.info("%-12s %s", name, context.report.summary())


def _cause(error: Exception, folder: Path) -> str:
    """Return what stopped a stage, as a sentence."""
    if isinstance(error, AlignError):
        return error.cause if isinstance(error, StageFailed) else str(error)
    if isinstance(error, OSError) and error.errno:
        return of_the_system(error)
    # of a full disk torch.save says only that it could not write
    full = not isinstance(error, OSError) and shutil.disk_usage(folder).free < FULL
    return f"{type(error).__name__}: {error}" + (f"; the disk of {folder} is full" if full else "")


def _publish(context: Run) -> None:
    """Mark a stage done; remove what only a resume needs: optimizer states (twice the model), table parts."""
    folder = context.folder
    context.report.seconds = round(time.monotonic() - context.started, 1)
    context.runs.publish(context.name, context.recipe, context.report)
    for leftover in (folder / "checkpoints", folder / "parts", *folder.glob("rounds/*/state")):
        shutil.rmtree(leftover, ignore_errors=True)


def _to_log(path: Path, text: str) -> None:
    # the text may be about a full disk, and may quote what is not Unicode
    with suppress(OSError), path.open("a", encoding="utf-8", errors="backslashreplace") as file:
        file.write(text.rstrip() + "\n")
