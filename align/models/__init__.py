"""Models and tokenizers: the one place that loads or saves them, and the one place that turns messages into tokens."""

__all__: list[str] = []
