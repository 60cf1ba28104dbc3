"""What everything else stands on: configuration, recipe, rows, artifacts, stage. Never imports torch."""

__all__: list[str] = []
