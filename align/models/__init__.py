"""The one place that loads or saves models and tokenizers, and that turns messages into tokens."""

__all__: list[str] = []
