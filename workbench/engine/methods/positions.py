"""Fixed positions of patches, as sines and cosines (MAE, `util/pos_embed.py`)."""

from __future__ import annotations

import torch


def grid_positions(grid: int, width: int) -> torch.Tensor:
    """(grid * grid, width) float32, row by row: the first half of a position tells its column, the second its row,
    each as sines and then cosines of wavelengths from 2 pi to 20,000 pi patches.

    Raises:
        ValueError: the width isn't a multiple of four.
    """
    if width % 4:
        raise ValueError(f"Positions of sines and cosines need a width that is a multiple of 4, not {width}.")
    quarter = width // 4
    rates = 10_000.0 ** -(torch.arange(quarter, dtype=torch.float64) / quarter)
    phases = torch.arange(grid, dtype=torch.float64).unsqueeze(1) * rates
    along = torch.cat([phases.sin(), phases.cos()], dim=1)  # (grid, width / 2)
    columns = along.unsqueeze(0).expand(grid, -1, -1)
    rows = along.unsqueeze(1).expand(-1, grid, -1)
    return torch.cat([columns, rows], dim=2).reshape(grid * grid, width).float()
