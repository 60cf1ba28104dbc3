"""Rejection sampling: many solutions, the right ones that reason differently kept, right paired against wrong."""

__all__: list[str] = []
