"""The base of all other packages: configuration, recipe, rows, artifacts, stages. Never imports torch."""

__all__: list[str] = []
