"""The tasks that models are measured on: one file a benchmark, or a family of them."""

__all__: list[str] = []
