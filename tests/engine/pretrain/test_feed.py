"""Pictures that a GPU keeps whole are gathered there, of 8 and of 16 bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from workbench.engine.pretrain.feed import rows_of


class Card(torch.Tensor):
    """Refuses what CUDA has no kernel for."""

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.Tensor.__getitem__ and args[0].dtype == torch.uint16:
            raise NotImplementedError("\"index_cuda\" not implemented for 'UInt16'")
        return super().__torch_function__(func, types, args, kwargs or {})


@pytest.mark.parametrize("kind", ["uint8", "uint16"])
def test_rows_are_those_of_the_store(kind: str) -> None:
    pixels = (
        np.random.default_rng(0).integers(0, np.iinfo(kind).max, (5, 4, 4, 1), endpoint=True).astype(kind)
    )
    places = np.array([3, 0, 3, 4])
    there = torch.from_numpy(pixels).as_subclass(Card)  # type: ignore[arg-type]
    found = rows_of(there, torch.from_numpy(places))
    assert found.dtype == getattr(torch, kind)
    np.testing.assert_array_equal(found.as_subclass(torch.Tensor).numpy(), pixels[places])
