"""What each `align` command does: one file a verb. `align.cli` reads the arguments."""

__all__: list[str] = []
