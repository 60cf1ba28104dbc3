"""Compile loops over numbers with numba, which only modules that contain such loops import."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba


def jit(function: Callable[..., Any]) -> Any:
    """Compile at first use, without Python's lock, and keep the result on disk where that is possible."""
    # with "numpy" errors, x/0 is inf as in torch, and loops can be vectorized
    options: dict[str, Any] = {
        "nogil": True,
        "error_model": "numpy",
    }
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # neither the package's folder nor the user's cache is writable
        return numba.njit(**options)(function)
