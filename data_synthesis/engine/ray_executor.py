"""Run a synthesizer on a Ray cluster: Ray Data sends batches of prompts to actors that run the engine.

Only prompt ids and counts travel through Ray. Every actor is a worker that writes its own journal and parts
to the run folder, which all nodes must be able to see. So a dead actor, driver or cluster loses only calls in
flight: when Ray retries a batch on another actor, that actor finds the first one's answers in the call log.
Needs `pip install 'align-toolkit[ray]'`.

Use it for stages that keep CPUs busy themselves (sandboxes, symbolic maths, embedding). One process can keep
dozens of GPUs busy with requests, and `--shard i/n` uses several machines without Ray.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from align.core import log
from align.core.artifacts import RunFolder
from align.core.errors import AlignError, StageFailed
from align.core.log import Progress
from align.core.rows import Prompt
from align.core.stage import Run
from data_synthesis.engine.executors import Executor

if TYPE_CHECKING:
    from align.generate.calls.log import Usage
    from data_synthesis.synthesizer import Synthesizer

BATCHES_A_WORKER = 4
"""More batches share the work more evenly, but each batch waits for its slowest prompt."""


class Ray(Executor):
    """Work in actors of a Ray cluster."""

    workers: int = Field(default=2, ge=1)
    """Number of actors, each with its own event loop and `concurrency` prompts."""
    address: str | None = None
    """The cluster's address; `auto` is the cluster that this machine belongs to. Left out, a cluster is
    started on this machine alone."""
    cpus_per_worker: float = Field(default=1, gt=0)
    """CPUs that Ray reserves for each actor."""

    def work(self, synthesizer: Synthesizer, run: Run, prompts: Sequence[Prompt]) -> Usage:
        """Send the prompts to actors and wait for them."""
        from align.generate.calls.log import Usage  # noqa: PLC0415 (`align check` does not need it)

        try:
            import ray  # noqa: PLC0415 (an optional extra)
            from ray.data import ActorPoolStrategy, DataContext  # noqa: PLC0415
        except ImportError as error:
            cause = f"executor: {{kind: ray}} needs Ray ({error}); pip install 'align-toolkit[ray]'"
            raise StageFailed(run.name, cause) from None
        mine = not ray.is_initialized()
        if mine:
            self._connect()
        try:
            DataContext.get_current().enable_progress_bars = False
            batch = -(-len(prompts) // (self.workers * BATCHES_A_WORKER))
            worked = ray.data.from_items([{"id": prompt.id} for prompt in prompts]).map_batches(
                Actor,
                batch_size=max(1, batch),
                compute=ActorPoolStrategy(size=self.workers),
                num_cpus=self.cpus_per_worker,
                fn_constructor_args=(str(run.runs.path.resolve()), run.name),
            )
            progress, total, errors = Progress(run.name, len(prompts)), Counter[str](), []
            for row in worked.iter_rows():
                errors += [row["error"]] if row["error"] else []
                progress.advance(row["prompts"], f"{len(errors)} batches failed")
                total.update({name: row[name] for name in asdict(Usage())})
            progress.close()
        finally:
            if mine:
                ray.shutdown()
        if errors:
            raise StageFailed(run.name, errors[0], run.log_file)
        return Usage(**total)

    def _connect(self) -> None:
        """Connect to the cluster, or start one on this machine."""
        import ray  # noqa: PLC0415 (an optional extra)

        path = os.pathsep.join(filter(None, sys.path))  # actors must be able to import plug-ins
        cpus = None if self.address else math.ceil(self.workers * self.cpus_per_worker)
        ray.init(
            address=self.address,
            num_cpus=cpus,
            include_dashboard=False,
            logging_level=logging.ERROR,
            log_to_driver=False,
            runtime_env={"env_vars": {"PYTHONPATH": path}},
        )


class Actor:
    """One worker, in its own process."""

    def __init__(self, folder: str, stage: str) -> None:
        import ray  # noqa: PLC0415

        runs, recipe = RunFolder.open(Path(folder))
        log.setup()
        self.run = Run(stage, runs.stage(stage, recipe), recipe, runs, log.LOGGER)
        synthesizer: Any = recipe.stages[stage]
        self.synthesizer: Synthesizer = synthesizer
        self.prompts = self.synthesizer.candidates(self.run)
        self.worker = f"ray{ray.get_runtime_context().get_actor_id()}"

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[Any]]:
        """Work on a batch of prompts until each has an outcome."""
        from align.generate.calls.log import Usage  # noqa: PLC0415
        from data_synthesis.engine.engine import Engine  # noqa: PLC0415

        error, usage = "", Usage()
        try:
            engine = Engine(self.synthesizer, self.run, self.worker)
            asyncio.run(engine.work([self.prompts[str(id_)] for id_ in batch["id"]]))
            usage = engine.session.usage
        except AlignError as raised:
            error = raised.cause if isinstance(raised, StageFailed) else str(raised)
        counts = {name: [value] for name, value in asdict(usage).items()}
        return {"prompts": [len(batch["id"])], "error": [error], **counts}
