"""Execution feedback: make rows that are checked by running code, for programs and for instructions."""

__all__: list[str] = []
