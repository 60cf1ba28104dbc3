"""Make processes end when the process that started them ends, whatever the cause.

`align run` starts this module as the launcher, which becomes `accelerate launch`, which starts the workers.
Linux sends each of them a signal when its parent ends (PR_SET_PDEATHSIG, prctl(2)), so that no process goes
on training in a folder that the next `align run` believes to be free. On other systems a worker looks once a
second whether its parent is still there, and exits if it is not (`end_with`).
"""

from __future__ import annotations

import atexit
import ctypes
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, NoReturn

from align.core import run_state

PARENT, STAGE = "ALIGN_LAUNCHER", "ALIGN_STAGE"
"""Environment variables: `PARENT` tells the launcher and the workers the process id of their parent, `STAGE`
tells the launcher the stage's folder."""
_KILLED = {-signal.SIGKILL, -signal.SIGSEGV, -signal.SIGABRT, -signal.SIGBUS, -signal.SIGILL, -signal.SIGFPE}
"""Exit codes of processes that could not report their end. The launcher ends the others with SIGTERM."""
_PR_SET_PDEATHSIG = 1
_LOOK_SECONDS = 1.0
_code: list[int] = []


def end_with(parent: int) -> None:
    """Have this process killed when its parent ends; exit at once if the parent has ended already."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
        return

    def look() -> None:
        while os.getppid() == parent:
            time.sleep(_LOOK_SECONDS)
        os._exit(1)

    threading.Thread(target=look, daemon=True).start()


def leave_first() -> None:
    """Let this process exit before the interpreter shuts down, after all other exit handlers have run.

    A gloo thread that still holds a tensor asks for the interpreter's lock. While the interpreter shuts down,
    such a thread is ended instead, which aborts a process whose work is done ("terminate called without an
    active exception"; pytorch pull request 179291). These threads outlive `destroy_process_group`, because
    DDP and FSDP keep references to the group.
    """

    def leave() -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(_code[0] if _code else 1)  # without a code: an exception has been printed

    # handlers registered later run earlier: trackers and loggers have ended properly before this one
    atexit.register(leave)


def ended_with(code: int) -> NoReturn:
    """Exit with this code, also if `leave_first` is to end the process."""
    _code.append(code)
    sys.exit(code)


def main() -> None:
    """Run `accelerate launch` in this process, and end when the `align run` that started it ends."""
    end_with(int(os.environ[PARENT]))
    os.environ[PARENT] = str(os.getpid())
    from accelerate.commands.launch import main as launch  # noqa: PLC0415
    from torch.distributed.elastic.multiprocessing.api import SignalException  # noqa: PLC0415
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError  # noqa: PLC0415

    # it would print every ended process, twice
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
    try:
        launch()
    except ChildFailedError as error:  # one of several processes failed
        ended = [(failure.exitcode, failure.pid, rank) for rank, failure in sorted(error.failures.items())]
        _record_killed(*min(ended, key=lambda one: one[0] not in _KILLED))
    except SignalException as stopped:  # the launcher has passed the signal on to its workers
        why = f"the launcher was ended by {signal.Signals(stopped.sigval).name}"
        run_state.fail(Path(os.environ[STAGE]), why, "log.txt", certain=True)
        sys.exit(1)
    except subprocess.CalledProcessError as error:  # the only process failed
        _record_killed(error.returncode, 0, 0)


def _record_killed(code: int, process: int, rank: int) -> None:
    """Record which process was killed, as it could not do so itself, and exit."""
    if code < 0:
        why = f"the process of rank {rank} was ended by {signal.Signals(-code).name}"
        why += "; the system does that when memory runs out" if code == -signal.SIGKILL else ""
        run_state.fail(
            Path(os.environ[STAGE]), why, run_state.log_of(process, main=rank == 0), certain=code in _KILLED
        )
    sys.exit(1)


def tell_when_stopped(folder: Path, log: str) -> None:
    """Have this worker record which signal ends it, before other processes report a broken connection."""

    def stop(number: int, _: Any) -> None:
        run_state.fail(
            folder,
            f"the process of rank {os.environ.get('RANK', 0)} was ended by {signal.Signals(number).name}",
            log,
        )
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)


if __name__ == "__main__":
    main()
