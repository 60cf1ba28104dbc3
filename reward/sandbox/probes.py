"""Try to escape, at every start."""
from __future__ import annotations
from reward.sandbox.worker import Worker
def probe(worker: Worker, level: str) -> None:
    """x"""
