"""Runs in processes of their own that have imported everything already: importing torch and TRL takes five seconds each time.

Each is a fork of one server, which imports and does nothing else. Everything that the run does, and how it is killed, is as
in a process that a command starts.
"""

import multiprocessing
import os
import sys
from pathlib import Path

_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(
    [
        "align.train.bridge",
        "align.generate.backends.openai",
        "align.generate.backends.transformers",
        "data_synthesis.rejection_sampling",
        "reward.mathematics",
        "align.cli",
    ]
)


def start(*arguments, cwd, said=os.devnull):
    """Start `align` with these arguments, in its own session, so that a kill reaches all of it; return the process.

    Args:
        arguments: the command line, without its first word.
        cwd: the folder that it works in.
        said: the file that gets what it prints.
    """
    process = _SERVER.Process(target=_run, args=(list(map(str, arguments)), str(cwd), str(said), dict(os.environ)))
    process.start()
    return process


def _run(arguments, cwd, said, environment):
    os.setsid()
    os.chdir(cwd)
    os.environ |= environment
    with Path(said).open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    from align.cli import main

    sys.exit(main(arguments))
