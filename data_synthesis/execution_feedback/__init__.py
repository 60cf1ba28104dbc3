"""Execution feedback: rows that were checked by running code, for programs and for instructions."""

__all__: list[str] = []
