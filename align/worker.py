"""One stage in its own process: what `accelerate launch` starts, once per device.

accelerate launch -m align.worker RUN_FOLDER STAGE
"""

from __future__ import annotations

import atexit
import os
import sys
from typing import NoReturn

from align import lifeline

_done: list[int] = []
"""The exit code, once the stage has come to its end."""


def _leave() -> NoReturn:
    """End this process before the interpreter takes itself apart.

    Threads of gloo that still hold a tensor ask for the interpreter's lock; during its end they are ended instead, and that
    aborts a process whose work is done ("terminate called without an active exception"; pytorch pull request 179291). What is
    alive then is not known to us: DDP and FSDP keep references to the groups that `_part` ends.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(_done[0] if _done else 1)


if __name__ == "__main__":
    atexit.register(_leave)  # the first that is registered runs last: trackers and loggers have ended properly by then

if lifeline.PARENT in os.environ:
    lifeline.end_with(int(os.environ[lifeline.PARENT]))  # before anything that takes its time

from align import pipeline
from align.core import held, log
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
        lifeline.tell_when_stopped(runs.stage(name, recipe), held.log_of(os.getpid(), main=first))
        with runs.at_work():
            pipeline.run_stage(name, runs, recipe, main=first)
            _part()
    except AlignError as error:
        log.LOGGER.error("%s", error)
        return 1
    return 0


def _part() -> None:
    """End the connections to the other processes, in step with them."""
    from accelerate import PartialState  # noqa: PLC0415 (torch is loaded only when a stage runs)

    PartialState().destroy_process_group()


if __name__ == "__main__":
    _done.append(main(sys.argv[1:]))
    sys.exit(_done[0])
