"""How a stage queries a model: every call is logged, replayed and counted; answers may have a schema."""

__all__: list[str] = []
