"""Removal of rows that repeat an earlier row, word for word or nearly so."""

__all__: list[str] = []
