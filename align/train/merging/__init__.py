"""Online merging: each training step is merged with the task vector of the SFT model (arXiv 2405.17931)."""

__all__: list[str] = []
