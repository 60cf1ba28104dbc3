"""Does an answer do what an instruction asks, as a few lines of code can tell? (`kind: constraints`)."""

__all__: list[str] = []
