"""Shared by all tests: the shipped tiny model, and few threads, so that parallel tests do not fight for cores."""

import gc
import os
from pathlib import Path

import pytest

os.environ["OMP_NUM_THREADS"] = "1"  # read by torch when it is first imported, here and in child processes
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

ROOT = Path(__file__).resolve().parents[1]


def pytest_collection_finish():
    """What tests import stays: a collection after every stage need not look through it."""
    gc.freeze()


@pytest.fixture(scope="session")
def root():
    return ROOT


@pytest.fixture(scope="session")
def tiny():
    """The folder of the shipped base model: 1.4 million parameters, the Qwen2 architecture."""
    return str(ROOT / "recipes" / "tiny" / "model")
