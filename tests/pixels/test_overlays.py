"""Maps over pictures: patches where they belong, colours that read in grey."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.pixels.overlays import (
    DIM,
    KIND_NAMES,
    as_picture,
    dimmed,
    heat,
    kinds,
    laid_over,
    mass_mask,
    outlined,
    spread,
)


def test_heat_rises_in_lightness() -> None:
    colours = heat(np.linspace(0, 1, 200), 0, 1).astype(float)
    lightness = colours @ (0.2126, 0.7152, 0.0722)
    assert (np.diff(lightness) > -0.6).all() and lightness[-1] - lightness[0] > 200
    assert np.array_equal(heat(np.array([-5.0, np.nan, 9.0]), 0, 1), heat(np.array([0.0, 0.0, 1.0]), 0, 1))
    assert heat(np.full((2, 3), 4.0), 4, 4).shape == (2, 3, 3)


def test_kinds_are_told_apart() -> None:
    found = kinds(np.arange(12))
    assert len({tuple(colour) for colour in found.tolist()}) == 12
    assert np.array_equal(kinds(np.array([12])), found[:1])
    assert not kinds(np.array([-1])).any()
    assert len(set(KIND_NAMES)) == 12


@pytest.mark.parametrize(("height", "width"), [(8, 8), (9, 14), (3, 2), (2, 1)])
def test_each_pixel_has_the_value_of_its_patch(height: int, width: int) -> None:
    patches = np.arange(6).reshape(3, 2)
    found = spread(patches, height, width)
    for row in range(height):
        for column in range(width):
            assert found[row, column] == patches[row * 3 // height, column * 2 // width]


def test_opacity_and_masks() -> None:
    picture = np.full((4, 4, 3), 100, dtype=np.uint8)
    colours = np.zeros((2, 2, 3), dtype=np.uint8)
    colours[1, 0] = 200
    assert np.array_equal(laid_over(picture, colours, 0.0), picture)
    half = laid_over(picture, colours, 0.5)
    assert (half[2:, :2] == 150).all() and (half[:2] == 50).all()
    kept = np.array([[True, False], [False, False]])
    dark = dimmed(picture, kept)
    assert (dark[:2, :2] == 100).all() and (dark[2:] == round(100 * DIM)).all()


def test_a_line_stays_inside_its_patch() -> None:
    marked = np.zeros((3, 3), dtype=bool)
    marked[1, 2] = True
    made = outlined(np.zeros((10, 10, 3), dtype=np.uint8), marked, (9, 9, 9))
    touched = made.any(-1)
    inside = spread(marked, 10, 10)
    assert touched.any() and not (touched & ~inside).any()
    rows, columns = np.nonzero(inside)
    assert touched[rows.min(), columns].all() and touched[rows.max()][columns].all()
    thick = outlined(np.zeros((10, 10, 3), dtype=np.uint8), marked, (9, 9, 9), width=9).any(-1)
    assert np.array_equal(thick, inside)


def test_values_outside_are_cut_off() -> None:
    assert as_picture(np.array([[[-1.0, 0.5, 2.0]]])).tolist() == [[[0, 128, 255]]]


@pytest.mark.parametrize("share", [0.1, 0.6, 0.95, 1.0])
def test_the_mass_mask_is_the_smallest_set_that_holds_the_share(share) -> None:
    rng = np.random.default_rng(3)
    rows = rng.gamma(0.3, size=(5, 2, 30))
    mask = mass_mask(rows, share)
    for index in np.ndindex(5, 2):
        values, kept = rows[index].tolist(), set(np.flatnonzero(mask[index]).tolist())
        expected: set[int] = set()
        held = 0.0
        for place in sorted(range(30), key=lambda at: -values[at]):
            if held >= share * sum(values) - 1e-12:
                break
            expected.add(place)
            held += values[place]
        assert kept == expected
    dino = np.sort(rows, axis=-1)  # as DINO writes it: rising sums above what may be lost
    rising = np.cumsum(dino / dino.sum(-1, keepdims=True), axis=-1) > 1 - share
    if share < 1:
        np.testing.assert_array_equal(mask.sum(-1), rising.sum(-1))
    assert mass_mask(np.array([0.25, 0.25, 0.25, 0.25]), 0.5).tolist() == [True, True, False, False]
    assert not mass_mask(np.zeros(4)).any()
    with pytest.raises(ValueError, match="above 0 and up to 1"):
        mass_mask(rows, 0)
