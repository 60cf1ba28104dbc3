"""Online merging: every training step is merged with the task vector of the SFT model (Lu et al., arXiv 2405.17931)."""

__all__: list[str] = []
