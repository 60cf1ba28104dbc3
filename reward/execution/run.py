"""Run a whole program on an input, and return what it prints. This module runs in the sandbox.

The program finds what its own process would have: its input as file descriptor 0 and `sys.stdin`, `__name__`
as "__main__", and threads and exit handlers that are waited for. The process handles only one input, so
nothing that the program changes reaches the next run. The output is compared elsewhere: the expected output
never enters this process.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import threading
import types
from typing import Any


def run(source: str, given: str) -> tuple[str, int]:
    """Run the program.

    Args:
        source: the program's text.
        given: the program's input.

    Returns:
        The printed output, and the exit status.
    """
    kept = _redirected(given)
    module = types.ModuleType("__main__")
    sys.modules["__main__"], sys.argv = module, ["solution.py"]
    try:
        status = _executed(source, module)
        streams = {id(stream): stream for stream in (sys.stdout, sys.__stdout__) if stream is not None}
        for stream in streams.values():
            # the program may have closed the stream, or replaced it by something else
            with contextlib.suppress(AttributeError, TypeError, ValueError):
                stream.flush()
    finally:
        vars(sys).update(stdout=None)  # a write that failed must not fail again at exit
    return os.pread(kept, os.fstat(kept).st_size, 0).decode("utf-8", "replace"), status


def _executed(source: str, module: types.ModuleType) -> int:
    """Run the program, with its threads and exit handlers, to its end; return its exit status."""
    status = 0
    try:
        exec(compile(source, "solution.py", "exec", dont_inherit=True), module.__dict__)
    except SystemExit as error:
        status = _status(error.code)
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
    atexit._run_exitfuncs()
    return status


def _redirected(given: str) -> int:
    """Replace descriptors 0 and 1 by an input file and an output file; return a duplicate of the output's."""
    files = []
    for name, content in (("stdin", given.encode("utf-8", "surrogateescape")), ("stdout", b"")):
        descriptor = os.open(name, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        os.unlink(name)
        while content:
            content = content[os.write(descriptor, content) :]
        os.lseek(descriptor, 0, os.SEEK_SET)
        files.append(descriptor)
    sys.stdout.flush()
    for target, descriptor in enumerate(files):
        os.dup2(descriptor, target)
    # both stay open as long as the process runs
    sys.stdin = open(0, encoding="utf-8", errors="surrogateescape", closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", encoding="utf-8", errors="surrogateescape", closefd=False)  # noqa: SIM115
    vars(sys).update(__stdin__=sys.stdin, __stdout__=sys.stdout)
    return files[1]


def _status(code: Any) -> int:
    """Return the exit status that `sys.exit(code)` gives; for a message it is 1."""
    if code is None:
        return 0
    return code & 0xFF if isinstance(code, int) else 1
