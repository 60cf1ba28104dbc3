"""The sandbox seen from the trainer's process: start confined processes, hand them tasks, judge what comes back."""

__all__: list[str] = []
