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
    """Keys and values of one layer, (rows, heads, tokens, dimension), as views of larger tensors."""

    keys: torch.Tensor
    values: torch.Tensor

    def __init__(self, layer: DynamicLayer, most: int) -> None:
        """Take over what a layer holds; there will never be more than `most` rows."""
        super().__init__()
        assert layer.keys is not None
        assert layer.values is not None
        self.lazy_initialization(layer.keys, layer.values)
        self._most = most
        self._take(layer.keys, layer.values)

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write the keys and values of new tokens behind those that are held, and return all of them."""
        rows, _, before, _ = self.keys.shape
        after = before + key_states.shape[-2]
        if after > self._room[0].shape[-2]:
            self._take(self.keys, self.values, key_states.shape[-2])
        for held, new in zip(self._room, (key_states, value_states), strict=True):
            held[:rows, :, before:after] = new
        self._show(rows, after)
        return self.keys, self.values

    def fork(self, rows: torch.Tensor) -> None:
        """Add a copy of each of these rows behind the others."""
        before, length = self.keys.shape[0], self.keys.shape[-2]
        after = before + len(rows)
        for held in self._room:
            held[before:after, :, :length] = held[rows, :, :length]
        self._show(after, length)

    def select(self, rows: torch.Tensor, most: int) -> None:
        """Keep some rows, in the order given; there will never be more than `most`."""
        self._most, length = most, self.keys.shape[-2]
        if most > self._room[0].shape[0]:
            self._take(self.keys[rows], self.values[rows])
            return
        for room, held in zip(self._room, (self.keys, self.values), strict=True):
            # the right side is a copy, so no row is overwritten before it is read
            room[: len(rows), :, :length] = held[rows]
        self._show(len(rows), length)

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        """Keep some rows, in the order given."""
        self.select(indices, len(indices))

    def _take(self, keys: torch.Tensor, values: torch.Tensor, more: int = 0) -> None:
        """Hold keys and values, with room for more rows and more tokens."""
        rows, heads, length, _ = keys.shape
        tokens = length + max(ROOM, more)
        self._room = tuple(
            held.new_empty((self._most, heads, tokens, held.shape[-1])) for held in (keys, values)
        )
        for room, held in zip(self._room, (keys, values), strict=True):
            room[:rows, :, :length] = held
        self._show(rows, length)

    def _show(self, rows: int, length: int) -> None:
        self.keys, self.values = (room[:rows, :, :length] for room in self._room)


def make_room(cache: Any, most: int) -> bool:
    """Give every layer of a cache room for more tokens, and for `most` rows.

    Returns:
        False where some layer is no plain one (a sliding window, a state); then nothing is changed.
    """
    layers = getattr(cache, "layers", None) or []
    if not layers or not all(type(layer) is DynamicLayer and layer.is_initialized for layer in layers):
        return False
    layers[:] = [RoomyLayer(layer, most) for layer in layers]
    return True
