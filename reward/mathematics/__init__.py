"""Is the final answer right? (`kind: math`) Which answer a text states, and whether two answers are the same."""

__all__: list[str] = []
