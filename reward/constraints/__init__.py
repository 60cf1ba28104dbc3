"""Check with a few lines of code whether an answer follows an instruction (`kind: constraints`)."""

__all__: list[str] = []
