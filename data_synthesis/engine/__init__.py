"""The row engine: every prompt accounted for, every outcome on disk, the same rows on one machine or many."""

__all__: list[str] = []
