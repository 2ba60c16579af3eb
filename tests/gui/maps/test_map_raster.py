"""Points as pixels, against painting them one after the other and counting them one by one."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.gui.maps.raster import FLOOR, as_argb, density, discs, over

SIZE = (23, 17)


def points(seed: int, number: int = 300) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(-5, 28, number), rng.uniform(-5, 22, number)
    return (
        x.astype(np.float32),
        y.astype(np.float32),
        rng.random((4, 3)).astype(np.float32),
        rng.integers(0, 4, number),
    )


@pytest.mark.parametrize("radius", [1, 2, 3])
def test_the_last_disc_lies_on_top(radius: int) -> None:
    x, y, colours, code = points(radius)
    wanted = np.zeros((SIZE[1], SIZE[0], 4))
    for px, py, kind in zip(x, y, code, strict=True):
        for row in range(SIZE[1]):
            for column in range(SIZE[0]):
                apart = (column - np.floor(px)) ** 2 + (row - np.floor(py)) ** 2
                if apart <= radius * (radius + 0.7):
                    wanted[row, column] = [*colours[kind], 1]
    np.testing.assert_allclose(discs(x, y, colours[code], SIZE, radius), wanted, atol=1e-6)


def test_density_is_a_count_with_the_mean_colour() -> None:
    x, y, colours, code = points(9, 2000)
    made = density(x, y, colours, code, SIZE)
    cells: dict[tuple[int, int], list[int]] = {}
    for px, py, kind in zip(x, y, code, strict=True):
        row, column = int(np.floor(py)), int(np.floor(px))
        if 0 <= row < SIZE[1] and 0 <= column < SIZE[0]:
            cells.setdefault((row, column), []).append(int(kind))
    full = np.quantile([len(kinds) for kinds in cells.values()], 0.99)
    for row in range(SIZE[1]):
        for column in range(SIZE[0]):
            kinds = cells.get((row, column), [])
            if not kinds:
                assert made[row, column, 3] == 0
                continue
            np.testing.assert_allclose(made[row, column, :3], colours[kinds].mean(axis=0), atol=1e-5)
            share = min(np.log1p(len(kinds)) / np.log1p(full), 1)
            assert made[row, column, 3] == pytest.approx(FLOOR + (1 - FLOOR) * share, abs=1e-5)
    assert not density(x + 99, y, colours, code, SIZE).any()


def test_over_is_painting_one_on_the_other() -> None:
    rng = np.random.default_rng(1)
    upper, lower = rng.random((5, 4, 4)).astype(np.float32), rng.random((5, 4, 4)).astype(np.float32)
    upper[0, 0, 3] = lower[0, 0, 3] = 0
    white = np.ones(3)

    def on(ground: np.ndarray, picture: np.ndarray) -> np.ndarray:
        return picture[..., :3] * picture[..., 3:] + ground * (1 - picture[..., 3:])

    np.testing.assert_allclose(on(white, over(upper, lower)), on(on(white, lower), upper), atol=1e-5)


def test_colours_are_multiplied_by_how_opaque_they_are() -> None:
    made = as_argb(np.asarray([[[1, 0.5, 0, 0.5], [1, 1, 1, 0]]], np.float32))
    assert [f"{value:08x}" for value in made.ravel().tolist()] == ["80804000", "00000000"]
