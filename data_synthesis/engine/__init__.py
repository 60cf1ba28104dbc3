"""The row engine accounts for every prompt, saves every outcome, and makes the same rows on any machine."""

__all__: list[str] = []
