"""Where tensors live: optimizers, losses, packing, rollouts. Imported by a stage only when it runs."""

__all__: list[str] = []
