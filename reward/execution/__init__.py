"""Judge a program by its tests (`kind: execution`): find the code in an answer, and run it in the sandbox."""

__all__: list[str] = []
