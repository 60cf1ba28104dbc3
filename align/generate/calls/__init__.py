"""How a stage asks a model: every call logged, replayed and counted; answers that fit a schema."""

__all__: list[str] = []
