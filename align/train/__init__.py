"""Code that works on tensors: optimizers, packing, rounds, samplers. A stage imports it only when it runs."""

__all__: list[str] = []
