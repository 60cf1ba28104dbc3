"""Does the program do what the tests say? (`kind: execution`) Code found in answers, put together, run in the sandbox."""

__all__: list[str] = []
