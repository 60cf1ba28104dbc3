"""Measure whether a model got better: intervals, and the table of scores across stages."""

__all__: list[str] = []
