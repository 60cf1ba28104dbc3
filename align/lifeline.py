"""Processes that end with the one that started them, however that ends.

A chain: `align run` starts this module as the launcher, which becomes `accelerate launch`, which starts the workers. Linux
sends each of them a signal when its parent is gone (PR_SET_PDEATHSIG, prctl(2)), so nothing trains on in a folder that the
next `align run` believes to be free. On other systems a worker that lost its parent ends at its next look (`end_with`).
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time

PARENT = "ALIGN_LAUNCHER"
"""Environment variable in which the launcher tells its workers who their parent is."""
_PR_SET_PDEATHSIG = 1
_LOOK_SECONDS = 1.0


def end_with(parent: int) -> None:
    """Let this process be killed when its parent ends; ends at once where the parent is gone already."""
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


def main() -> None:
    """Run `accelerate launch` in this process, and end when the `align run` that started it ends."""
    end_with(int(os.environ[PARENT]))
    os.environ[PARENT] = str(os.getpid())
    from accelerate.commands.launch import main as launch  # noqa: PLC0415

    launch()


if __name__ == "__main__":
    main()
