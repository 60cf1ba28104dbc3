"""Documents about a run: for now, the model card of an export."""

__all__: list[str] = []
