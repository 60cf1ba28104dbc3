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


LONGEST = [
    "test_sandbox_attacks.py",
    "test_conformance.py",
    "test_families.py",
    "test_families_real.py",
    "test_sharded_training.py",
    "test_stopping.py",
    "test_effects.py",
    "test_chain.py",
    "test_kills.py",
]
"""Files that take a minute or more, the longest first."""


def pytest_collection_modifyitems(items):
    """Start the longest files first: one that starts last runs alone, and the other processes wait for it."""
    order = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path.name, len(order)))


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
