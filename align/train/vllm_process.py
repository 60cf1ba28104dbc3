"""A vLLM server of the stage's own, on the machine that trains: started when it is first needed, ended with the stage.

It is the server of `align.train.vllm_server`, weights, checks and all; only who starts it differs. A process of its own
keeps vLLM's choice of CUDA graphs, allocator and fork method out of training, and may even use another environment
(`command`). It takes its share of the GPU's memory (`gpu_memory_utilization`) as long as the stage runs.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from accelerate import PartialState
from accelerate.utils import broadcast_object_list

from align.train.sampling import sampler_copy
from align.train.vllm_server import SamplerError, VLLMServer

ENDS_IN_SECONDS = 30
"""What a server is given to end by itself."""
SHOWN = 15
"""Lines of the server's log that an error quotes."""
_PR_SET_PDEATHSIG = 1


class OwnVLLM(VLLMServer):
    """`PolicySampler` of `kind: vllm`."""

    def __init__(
        self, tokenizer: Any, folder: Path, command: Sequence[str], log: Path, *, start_seconds: float, **limits: Any
    ) -> None:
        """Take a command that `serve MODEL --port N` can follow; `limits` are those of `VLLMServer`."""
        super().__init__(tokenizer, "", folder, **limits)
        self.command, self.log, self.start_seconds = list(command), log, start_seconds
        self._first = folder.with_name(f"{folder.name}_first")  # what the server starts with
        self._process: subprocess.Popen[bytes] | None = None

    def sync(self, model: Any) -> None:
        """Start the server if it is not there yet, and give it the policy's weights.

        Raises:
            SamplerError: it did not start, or what `VLLMServer.sync` raises.
        """
        if not self.url:
            if PartialState().is_main_process:
                self._start(model)
            [self.url] = broadcast_object_list([self.url])
        super().sync(model)

    def close(self) -> None:
        """End the server and remove the weights."""
        super().close()
        shutil.rmtree(self._first, ignore_errors=True)  # only the main process has it
        process, self._process, self.url = self._process, None, ""
        if process is None:
            return
        process.terminate()
        try:
            process.wait(ENDS_IN_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _start(self, model: Any) -> None:
        """Serve the policy as it is, which tells the server its architecture; the weights follow by `sync`."""
        shutil.rmtree(self._first, ignore_errors=True)  # what a killed run left
        sampler_copy(model, None).save_pretrained(self._first)
        self.tokenizer.save_pretrained(self._first)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        program, *rest = self.command
        command = [program, "serve", str(self._first), "--host", "127.0.0.1", "--port", str(port), *rest]
        with self.log.open("ab") as log:
            try:
                self._process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, preexec_fn=_end_with_us,
                    env=os.environ | {"VLLM_SERVER_DEV_MODE": "1"},
                )  # fmt: skip
            except OSError as error:
                raise SamplerError(
                    f"{program} cannot be started ({error}); install vLLM, or name its program in `command`"
                ) from None
        self._wait_for(f"http://127.0.0.1:{port}")

    def _wait_for(self, url: str) -> None:
        assert self._process is not None
        until = time.monotonic() + self.start_seconds
        while time.monotonic() < until and self._process.poll() is None:
            try:
                with urllib.request.urlopen(f"{url}/health", timeout=5):
                    self.url = url
                    return
            except (urllib.error.URLError, TimeoutError, ConnectionError):
                time.sleep(0.2)
        ended = self._process.poll()
        what = f"ended with {ended}" if ended is not None else f"was not ready in start_seconds={self.start_seconds:g}"
        self.close()
        last = "\n".join(self.log.read_text(errors="replace").splitlines()[-SHOWN:])
        raise SamplerError(f"the vLLM server {what}; its log, {self.log}, ends:\n{last}")


def _end_with_us() -> None:
    """In the new process: end when the one that started it does, however that ends (Linux, where vLLM runs)."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
