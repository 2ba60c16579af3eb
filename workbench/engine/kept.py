"""What was made once and may be wanted again: models, pictures, what a model computed of them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from workbench.engine.device import memory

_MODELS = 4 << 30  # bytes of parameters: eight ViT-L, or fifty ViT-S
_SHARE = 0.5  # of a device's own memory, where it has less

Thing = TypeVar("Thing")


class Kept(Generic[Thing]):
    """The things that were wanted last, as many as `limit` bytes hold."""

    def __init__(self, limit: int, size: Callable[[Thing], int], *, newest: bool = False) -> None:
        """`size`: bytes of a thing. `newest`: the newest stays also where it alone is larger than the limit."""
        self.limit, self._size, self._least = limit, size, int(newest)
        self._things: OrderedDict[Hashable, Thing] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], Thing]) -> Thing:
        """What was made for `key` before, or made now. What `make` raises passes, and nothing is kept."""
        if key in self._things:
            self._things.move_to_end(key)
            return self._things[key]
        thing = make()
        self._things[key] = thing
        while len(self._things) > self._least and sum(map(self._size, self._things.values())) > self.limit:
            self._things.popitem(last=False)
        return thing

    def forget(self, besides: Hashable = None) -> None:
        """Let everything go, but what was made for `besides`."""
        self._things = OrderedDict((key, thing) for key, thing in self._things.items() if key == besides)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._things

    def __len__(self) -> int:
        return len(self._things)


def room_for_models(device: str) -> int:
    """Bytes of parameters that may stay on a device for the next question."""
    own = memory(device)
    return _MODELS if own is None else min(_MODELS, int(_SHARE * own[1]))
