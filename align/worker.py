"""Run one stage in its own process. `accelerate launch` starts this module once for each device.

accelerate launch -m align.worker RUN_FOLDER STAGE
"""

from __future__ import annotations

import os
import sys

from align import lifeline

if lifeline.PARENT in os.environ:
    lifeline.end_with(int(os.environ[lifeline.PARENT]))  # before the slow imports
if __name__ == "__main__":
    lifeline.leave_first()

from align import pipeline
from align.core import log, run_state
from align.core.artifacts import RunFolder
from align.core.errors import AlignError


def main(arguments: list[str]) -> int:
    """Run the stage; return the exit code."""
    folder, name = arguments
    log.setup()
    first = os.environ.get("RANK", "0") == "0"
    if not first:
        log.LOGGER.setLevel("ERROR")
    try:
        runs, recipe = RunFolder.open(folder)
        lifeline.tell_when_stopped(runs.stage(name, recipe), run_state.log_of(os.getpid(), main=first))
        with runs.at_work():
            pipeline.run_stage(name, runs, recipe, main=first)
            _disconnect()
    except AlignError as error:
        log.LOGGER.error("%s", error)
        return 1
    return 0


def _disconnect() -> None:
    """Close the connections to the other processes at the same time as they do."""
    from accelerate import PartialState  # noqa: PLC0415 (torch is loaded only when a stage runs)

    PartialState().destroy_process_group()


if __name__ == "__main__":
    lifeline.ended_with(main(sys.argv[1:]))
