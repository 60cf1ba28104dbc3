"""Remove rows that repeat an earlier row, exactly or nearly."""

__all__: list[str] = []
