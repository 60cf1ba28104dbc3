"""A vLLM server that the stage starts on the machine that trains, at first need, and ends with itself.

It gets its weights and is checked like the server of `align.train.samplers.vllm_server`. It is a process of
its own, so vLLM's CUDA graphs, allocator and fork method do not affect training, and it may use another
environment (`command`). It holds its share of the GPU's memory (`gpu_memory_utilization`) as long as the
stage runs.
"""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from accelerate import PartialState
from accelerate.utils import broadcast_object_list

from align.core.plugins import Completion, Sampling
from align.models import checkpoints
from align.models.chat import Chat
from align.models.tokenizers import save_tokenizer
from align.train.samplers.vllm_server import SamplerError, VLLMServer

ENDS_IN_SECONDS = 30
"""Time for a server to end after SIGTERM; then it is killed."""
SHOWN = 15
"""Lines of the server's log that an error quotes."""
_LIBC, _PR_SET_PDEATHSIG = ctypes.CDLL(None), 1
_LAUNCHER_VARIABLES = re.compile(
    r"(TORCHELASTIC|ACCELERATE|GROUP|ROLE|MASTER)_|(LOCAL_)?(RANK|WORLD_SIZE)$|OMP_NUM_THREADS$"
)


class OwnVLLM(VLLMServer):
    """`PolicySampler` of `kind: vllm`."""

    def __init__(
        self,
        chat: Chat,
        folder: Path,
        command: Sequence[str],
        log: Path,
        *,
        start_seconds: float,
        **limits: Any,
    ) -> None:
        """Set the server's command, to which `serve MODEL --port N` is added; `limits` as of `VLLMServer`."""
        super().__init__(chat, "", folder, **limits)
        self.command, self.log, self.start_seconds = list(command), log, start_seconds
        self._first = folder.with_name(f"{folder.name}_first")  # the weights that the server starts with
        self._process: subprocess.Popen[bytes] | None = None

    def reach(self, plain: Any) -> None:
        """Start the server if it does not run yet.

        Raises:
            SamplerError: it did not start, or has ended since; every process of the stage raises it.
        """
        if not self.url:
            error = ""
            if PartialState().is_main_process:
                try:
                    self._start(plain)
                except SamplerError as failure:
                    error = str(failure)
            self.url, error = broadcast_object_list([self.url, error])
            if error:
                raise SamplerError(error)
        self._check()

    def sample(self, prompts: Sequence[list[int]], samplings: Sequence[Sampling]) -> list[list[Completion]]:
        """Return n completions of each prompt; see `VLLMServer`."""
        try:
            return super().sample(prompts, samplings)
        except SamplerError:
            self._check()  # if it has ended, its log says more
            raise

    def close(self) -> None:
        """End the server with all its processes, and remove the weights."""
        process, self._process, self.url = self._process, None, ""
        if process is not None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(ENDS_IN_SECONDS)
            with suppress(ProcessLookupError):  # processes of the group that are left
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        super().close()
        shutil.rmtree(self._first, ignore_errors=True)  # only the main process has it

    def _start(self, plain: Any) -> None:
        """Serve the policy's present weights, which tell the server its architecture.

        `sync` sends it the later ones.
        """
        if os.environ.get("WORLD_SIZE", "1") != os.environ.get(
            "LOCAL_WORLD_SIZE", os.environ.get("WORLD_SIZE", "1")
        ):
            raise SamplerError(
                "`kind: vllm` serves one machine; with several machines use `kind: vllm_server`"
            )
        shutil.rmtree(self._first, ignore_errors=True)  # what a killed run left
        checkpoints.save(plain, self._first)
        save_tokenizer(self.chat.tokenizer, self._first)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        program, *rest = self.command
        command = [program, "serve", str(self._first), "--host", "127.0.0.1", "--port", str(port), *rest]
        # variables that a launcher set for the training processes are wrong for vLLM's
        env = {name: value for name, value in os.environ.items() if not _LAUNCHER_VARIABLES.match(name)}
        with self.log.open("ab") as log:
            try:
                self._process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                    preexec_fn=_end_with_parent, env=env | {"VLLM_SERVER_DEV_MODE": "1"},
                )  # fmt: skip
            except (OSError, subprocess.SubprocessError) as error:
                raise SamplerError(
                    f"{program} cannot be started ({error}); name vLLM's program in `command`"
                ) from None
        self._wait_for(f"http://127.0.0.1:{port}")

    def _wait_for(self, url: str) -> None:
        until = time.monotonic() + self.start_seconds
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        while time.monotonic() < until:
            self._check()
            try:
                with direct.open(f"{url}/health", timeout=5):
                    self.url = url
                    return
            except (urllib.error.URLError, TimeoutError, ConnectionError):
                time.sleep(0.2)
        raise self._failure(f"was not ready in start_seconds={self.start_seconds:g}")

    def _check(self) -> None:
        """Raise SamplerError if the server, which this process started, has ended."""
        if self._process is not None and (status := self._process.poll()) is not None:
            raise self._failure(f"ended with {status}")

    def _failure(self, what: str) -> SamplerError:
        last = "\n".join(self.log.read_text(errors="replace").splitlines()[-SHOWN:])
        return SamplerError(f"the vLLM server {what}; its log, {self.log}, ends:\n{last}")


def _end_with_parent() -> None:
    """Make this new process end when the thread that started it ends, however that ends.

    This works on Linux, where vLLM runs. Stages run in the main thread, so it ends with the stage's process.
    """
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
