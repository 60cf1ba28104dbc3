"""Language models behind one verb, `generate`: in this process, in vLLM, at an HTTP address, or scripted."""

__all__: list[str] = []
