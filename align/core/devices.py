"""Tell, without torch, whether this machine can have the device that a recipe names."""

from __future__ import annotations

import re
import sys
from pathlib import Path

_NVIDIA = Path("/proc/driver/nvidia")
_SIGNS = (_NVIDIA, *map(Path, ("/dev/nvidiactl", "/dev/nvidia0", "/dev/kfd", "/dev/dxg", "/dev/nvmap")))
"""Where Linux shows a driver that torch calls `cuda`: NVIDIA (or only its devices), AMD, WSL, Jetson."""
_OTHERS = ("dri", "accel", "davinci_manager", "hl0", "cambricon_dev0", "mtgpu.0")
"""Where Linux shows other accelerators, under /dev: Intel, TPU, Ascend, Gaudi, Cambricon, Moore Threads."""


def no_device(name: str) -> str | None:
    """Return why nothing can run on a device (torch's name: `cuda:1`, `cpu`), if so."""
    found = re.fullmatch(r"(cpu|cuda|mps|xpu|npu|hpu|mlu|musa|tpu|xla)(?::(\d+))?", name)
    if found is None:
        return f"{name!r} is no device; torch's names are cpu, cuda, cuda:1, mps, xpu..."
    kind, index = found[1], int(found[2] or 0)
    if kind == "cuda" and sys.platform == "linux":
        if not any(map(Path.exists, _SIGNS)):
            why = "no driver of a GPU is loaded; leave device out, or run on a machine with a GPU"
            return f"there is no {name!r} here: {why}"
        gpus = len(list((_NVIDIA / "gpus").glob("*")))
        if gpus and index >= gpus:
            count = f"{gpus} GPU{'s' if gpus > 1 else ''}"
            return f"there is no {name!r} here: this machine has {count}, counted from 0"
    if kind == "mps" and sys.platform != "darwin":
        return "'mps' needs an Apple machine, and this is none"
    return None


def no_accelerator() -> str | None:
    """Return a message if it is sure that this machine has no accelerator of any kind."""
    if sys.platform != "linux" or any(Path("/dev", name).exists() for name in _OTHERS):
        return None
    return "there is none here: no driver of a GPU is loaded" if no_device("cuda") else None
