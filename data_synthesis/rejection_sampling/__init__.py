"""Rejection sampling: keep right solutions that reason differently, and pair right with wrong ones."""

__all__: list[str] = []
