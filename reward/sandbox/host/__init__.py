"""The trainer's side of the sandbox: start confined processes, send them tasks, and judge their answers."""

__all__: list[str] = []
