"""Keys and values of conversations so far: a turn of an in-process model computes only what is new."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

Ids = tuple[int, ...]
Layers = list[tuple[Any, Any]]


class PrefixCache:
    """Remembers the attention states of token sequences, the least recently used first to go. Threads may share it.

    Args:
        max_bytes: Kept at most, over all sequences; 0 keeps nothing. A token costs 2 * layers * key-value heads * head
            dimension numbers. With too little for all the conversations of a batch, each evicts the next one's.
    """

    def __init__(self, max_bytes: int):
        self._max_bytes, self._bytes = max_bytes, 0
        self._states: OrderedDict[Ids, Layers] = OrderedDict()
        self._lock = threading.Lock()

    def clear(self) -> None:
        """Forget everything, as after a change of weights."""
        with self._lock:
            self._states.clear()
            self._bytes = 0

    def find(self, ids: Ids) -> tuple[int, Layers]:
        """The longest remembered prefix that leaves at least one token to compute: its length and states."""
        with self._lock:
            for length in sorted({len(known) for known in self._states if len(known) < len(ids)}, reverse=True):
                known = ids[:length]
                if known in self._states:
                    self._states.move_to_end(known)
                    return length, self._states[known]
        return 0, []

    def keep(self, ids: Ids, states: Layers) -> None:
        """Remember the states of a sequence: per layer, keys and values of shape (heads, len(ids), dimension)."""
        with self._lock:
            if ids in self._states:
                self._states.move_to_end(ids)
                return
            self._states[ids] = states
            self._bytes += _size(states)
            while self._bytes > self._max_bytes:
                self._bytes -= _size(self._states.popitem(last=False)[1])


def reusable(cache: Any) -> bool:
    """Whether a model's cache is one plain growing layer of keys and values per attention layer."""
    from transformers.cache_utils import DynamicLayer

    from forge_train.policies.roomy_layer import RoomyLayer

    return all(type(layer) in (DynamicLayer, RoomyLayer) for layer in getattr(cache, "layers", [None]))


def row_states(cache: Any, row: int, columns: Any) -> Layers:
    """Copy the given columns of one row out of a batch's cache."""
    return [(layer.keys[row][:, columns], layer.values[row][:, columns]) for layer in cache.layers]


def batch_cache(found: Sequence[tuple[int, Layers]], *, room: int) -> Any:
    """A `DynamicCache` of several rows, each padded on the left to the longest; None where no row has states.

    Args:
        found: Length and states of each row.
        room: Tokens that will be added.
    """
    from transformers import DynamicCache

    from forge_train.policies.roomy_layer import RoomyLayer

    width = max(length for length, _ in found)
    if width == 0:
        return None
    cache = DynamicCache()
    for number, pair in enumerate(next(states for length, states in found if length)):
        padded = []
        for side, like in enumerate(pair):
            heads, _, dimension = like.shape
            block = like.new_zeros(len(found), heads, width + room, dimension)
            for row, (length, states) in enumerate(found):
                if length:
                    block[row, :, width - length : width] = states[number][side]
            padded.append(block)
        cache.layers.append(RoomyLayer(padded[0], padded[1], width))
    return cache


def _size(states: Layers) -> int:
    return sum(int(side.nbytes) for layer in states for side in layer)
