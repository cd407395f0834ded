"""Attention states of a batch that grow into memory taken ahead."""

from typing import Any

from torch import Tensor
from transformers.cache_utils import DynamicLayer


class RoomyLayer(DynamicLayer):
    """A `DynamicLayer` with room: concatenation would copy the states of all tokens for each new one.

    Args:
        keys: (rows, heads, length + room, dimension); the part after `length` is to be written.
        values: As `keys`.
        length: Tokens that are known.
    """

    def __init__(self, keys: Tensor, values: Tensor, length: int):
        super().__init__()
        self.lazy_initialization(keys, values)
        self._space = (keys, values)
        self.keys, self.values = keys[:, :, :length], values[:, :, :length]

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Add the states of new tokens; all states."""
        length = self.keys.shape[-2]
        grown = length + key_states.shape[-2]
        keys, values = self._space
        if grown > keys.shape[-2]:
            grown_states: tuple[Tensor, Tensor] = super().update(key_states, value_states, *args, **kwargs)
            self._space = grown_states
            return grown_states
        keys[:, :, length:grown], values[:, :, length:grown] = key_states, value_states
        self.keys, self.values = keys[:, :, :grown], values[:, :, :grown]
        return self.keys, self.values
