"""The order in which pictures are learnt from. A function of seed and step: nothing has to be kept to go on."""

from __future__ import annotations

import numpy as np

_STREAM = 0x0D3A


class Order:
    """Each epoch is a permutation of `places` of its own, cut into whole batches; what is left over waits for the
    next epoch's permutation. A set smaller than a batch is repeated until it fills one."""

    def __init__(self, places: np.ndarray, batch_size: int, seed: int) -> None:
        self._places, self._batch, self._seed = places, batch_size, seed
        self._epoch = -1
        self._order = places

    @property
    def steps_per_epoch(self) -> int:
        return max(1, len(self._places) // self._batch)

    def batch(self, step: int) -> np.ndarray:
        """(batch_size,) positions, of the step counted from 0."""
        epoch, place = divmod(step, self.steps_per_epoch)
        if epoch != self._epoch:
            rng = np.random.default_rng([self._seed, epoch, _STREAM])
            order = rng.permutation(self._places)
            while len(order) < self._batch:
                order = np.concatenate([order, rng.permutation(self._places)])
            self._epoch, self._order = epoch, order
        return self._order[place * self._batch : (place + 1) * self._batch]
