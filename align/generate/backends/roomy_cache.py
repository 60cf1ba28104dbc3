"""A key-value cache with room for more tokens, so that a decoding step does not copy it.

transformers' `DynamicLayer` concatenates: each new token copies the keys and values of all tokens before it,
in every layer. On a CPU that copying took three quarters of the time of decoding 512 sequences with the
shipped tiny model. Here a layer's tensors are views of larger ones, and a new token is written behind the
last.

This module needs transformers, so it is imported where a model is decoded.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers.cache_utils import DynamicLayer

ROOM = 64
"""Number of tokens for which a layer makes room at once. It then copies once in 64 steps."""


class RoomyLayer(DynamicLayer):
    """Keys and values of one layer, (batch, heads, tokens, dimension), as views of larger tensors."""

    def __init__(self, layer: DynamicLayer) -> None:
        super().__init__()
        self.lazy_initialization(layer.keys, layer.values)
        self._take(layer.keys, layer.values)

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write the keys and values of new tokens behind those that are held, and return all of them."""
        before, after = self.keys.shape[-2], self.keys.shape[-2] + key_states.shape[-2]
        if after > self._room[0].shape[-2]:
            self._take(self.keys, self.values, key_states.shape[-2])
        for held, new in zip(self._room, (key_states, value_states), strict=True):
            held[:, :, before:after] = new
        self.keys, self.values = (held[:, :, :after] for held in self._room)
        return self.keys, self.values

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        """Keep some sequences of the batch, in the order given."""
        self._take(self.keys[indices], self.values[indices])

    def _take(self, keys: torch.Tensor, values: torch.Tensor, more: int = 0) -> None:
        """Hold keys and values, with room for more tokens behind them."""
        length = keys.shape[-2]
        self._room = tuple(
            held.new_empty((*held.shape[:2], length + max(ROOM, more), held.shape[-1]))
            for held in (keys, values)
        )
        for room, held in zip(self._room, (keys, values), strict=True):
            room[:, :, :length] = held
        self.keys, self.values = (room[:, :, :length] for room in self._room)


def make_room(cache: Any) -> None:
    """Give every plain layer of a cache room for more tokens; layers of other kinds stay as they are."""
    layers = getattr(cache, "layers", None) or []
    for i, layer in enumerate(layers):
        if type(layer) is DynamicLayer and layer.is_initialized:
            layers[i] = RoomyLayer(layer)
