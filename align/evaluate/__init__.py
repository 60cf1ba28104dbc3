"""Measure models: tasks, the statistics of their scores, and what was lost where."""

from align.evaluate.subject import Subject
from align.evaluate.task import Item, Metric, Outcome, Task

__all__ = ["Item", "Metric", "Outcome", "Subject", "Task"]
