"""One file for each kind of stage, with its fields and `run`, which imports heavy libraries."""

__all__: list[str] = []
