"""Where answers come from: transformers, vLLM, any server that speaks OpenAI's protocol, a script."""

__all__: list[str] = []
