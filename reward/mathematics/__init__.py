"""Find the final answer that a text states, and compare it with the right one (`kind: math`)."""

__all__: list[str] = []
