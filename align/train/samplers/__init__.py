"""What draws the samples of online training: the policy itself, or a vLLM server that is given its weights."""

__all__: list[str] = []
