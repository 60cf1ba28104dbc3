"""Samplers of online training: the policy itself, or a vLLM server that loads the policy's weights."""

__all__: list[str] = []
