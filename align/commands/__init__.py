"""The `align` commands, one file each. `align.cli` reads their arguments."""

__all__: list[str] = []
