"""Cells in closed form: every pixel of a tiny picture can be told from the few numbers behind it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from workbench.pixels.cells import PANELS, attention_map, cells, error_top, plain_cell
from workbench.pixels.overlays import DIM, heat, kinds
from workbench.records.inspection import FOR_LOOKING, SHOWN, InspectSettings, Sight
from workbench.records.sight_words import asked_words, column_words, notes_of, reconstruction_errors

SIDE, GRID = 8, 2


def sight(**more: Any) -> Sight:
    """Three grey pictures of 8 px in 2 x 2 patches, the second of which can't be read, two layers and two heads."""
    pictures = np.full((3, SIDE, SIDE, 3), 100, np.uint8)
    pictures[1] = 0
    attention = np.zeros((3, 2, 2, 4), np.float16)
    attention[:, 0, 0] = [0.1, 0.2, 0.3, 0.4]
    attention[:, 0, 1] = [0.5, 0, 0, 0]
    attention[:, 1] = [0.25, 0.5, 0.125, 0]
    hidden = np.zeros((3, 2, 2), bool)
    hidden[0, 0, 0] = hidden[2, 1, 1] = True
    errors = np.full((3, 2, 2), 3.0, np.float32)
    errors[0, 0, 0] = 20
    errors[1] = np.nan
    values = np.array([[[-0.5, 0], [0.5, 1]], [[np.nan] * 2] * 2, [[0.25] * 2] * 2], np.float32)
    made: dict[str, Any] = {
        "model": "m",
        "title": "Model",
        "reasons": ("", "It is torn.", ""),
        "grid": (GRID, GRID),
        "depth": 2,
        "heads": 2,
        "pictures": pictures,
        "attention": attention,
        "beside": np.zeros((3, 2, 2), np.float32),
        "artefacts": np.zeros((3, 2, 2), bool),
        "colours": np.full((3, 2, 2, 3), 0.5, np.float32),
        "foreground": np.ones((3, 2, 2), bool),
        "shares": np.array([0.5, 0.25, 0.125]),
        "values": values,
        "groups": np.array([[[0, 1], [1, 1]], [[-1] * 2] * 2, [[0] * 2] * 2]),
        "painted": np.full((3, SIDE, SIDE, 3), 200, np.uint8),
        "hidden": hidden,
        "errors": errors,
        "picture_errors": np.array([20, np.nan, 3], np.float32),
        "statistics": "pixels",
    }
    return Sight(**{**made, **more})


def asked(show: str = "attention", **more: Any) -> InspectSettings:
    return InspectSettings(show=show, **{"opacity": 1.0, **more})


def patch(pixels: np.ndarray | None, row: int, column: int) -> np.ndarray:
    assert pixels is not None
    half = SIDE // GRID
    return pixels[row * half : (row + 1) * half, column * half : (column + 1) * half]


def flat(pixels: np.ndarray, colour: Any) -> bool:
    return bool((pixels == np.asarray(colour)).all())


@pytest.mark.parametrize("show", SHOWN)
def test_every_view_is_drawn_told_and_knows_what_it_lacks(show: str) -> None:
    settings = asked(show)
    for row in (0, 2):
        drawn = cells(sight(), row, settings)
        assert [cell.panel for cell in drawn] == (list(PANELS) if show == "reconstruction" else [""])
        for cell in drawn:
            assert cell.pixels is not None and cell.pixels.dtype == np.uint8
            assert cell.pixels.shape == (SIDE, SIDE, 3) and not cell.reason and "\n" not in cell.caption
    (torn,) = cells(sight(), 1, settings)
    assert torn.pixels is None and torn.reason == "It is torn."
    (absent,) = cells(Sight(model="x", error="It isn't here."), 0, settings)
    assert absent.pixels is None and absent.reason == "It isn't here."
    assert column_words(sight(), settings) and column_words(Sight(model="x", error="No."), settings) == ""
    told = asked_words(settings, 20)
    assert (told.endswith(".") and told[0].isupper()) or told[0].isdigit()
    assert "The probe decides." in FOR_LOOKING


def test_attention_is_that_of_the_layer_and_head() -> None:
    one = sight()
    first = attention_map(one, 0, asked(layer=1, head=1))
    np.testing.assert_allclose(first, [[0.1, 0.2], [0.3, 0.4]], atol=1e-3)
    mean = attention_map(one, 0, asked(layer=1))
    np.testing.assert_allclose(mean, [[0.3, 0.1], [0.15, 0.2]], atol=1e-3)
    for beyond in (asked(), asked(layer=9, head=7)):
        assert np.array_equal(attention_map(one, 0, beyond), attention_map(one, 0, asked(layer=2)))
    assert notes_of(one, asked(layer=9, head=7)) == (
        "It has 2 layers: its last is shown.",
        "It has 2 heads: their mean is shown.",
    )
    assert column_words(one, asked(layer=1, head=2)) == "layer 1 of 2, head 2 of 2"
    rolled = replace(one, rollout=np.tile(np.float32([0.4, 0.3, 0.2, 0.1]), (3, 1)))
    followed = attention_map(rolled, 0, asked(layer=9, head=7, rollout="max"))
    assert np.array_equal(followed, np.float32([[0.4, 0.3], [0.2, 0.1]]))
    assert not notes_of(rolled, asked(layer=9, rollout="max"))


def test_attention_covers_is_dimmed_and_outlined() -> None:
    one = sight()
    (cell,) = cells(one, 0, asked(layer=1, head=1, artefacts=False))
    for row, column, share in ((0, 0, 0.1), (0, 1, 0.2), (1, 1, 0.4)):
        expected = heat(np.array(share), 0, 0.4)  # each cell by its own strongest patch
        assert np.abs(patch(cell.pixels, row, column).astype(int) - expected).max() <= 1
    assert cell.caption == "strongest 40 % · no patch 0.0 %"
    (kept,) = cells(one, 0, asked(opacity=0.0, keep_mass=0.5))  # layer 2: 0.25, 0.5, 0.125, 0 of 0.875
    assert flat(patch(kept.pixels, 0, 1), 100) and flat(patch(kept.pixels, 0, 0), round(100 * DIM))
    assert kept.caption == "strongest 50 % · 50 % in 1 of 4 · no patch 12 %"
    flags = np.zeros((3, 2, 2), bool)
    flags[0, 1, 0] = True
    flagged = replace(one, artefacts=flags)
    (framed,) = cells(flagged, 0, asked(opacity=0.0))
    own = patch(framed.pixels, 1, 0)
    assert (
        flat(own[0], (0, 255, 255)) and flat(own[1:-1, 1:-1], 100) and flat(patch(framed.pixels, 0, 0), 100)
    )
    (without,) = cells(flagged, 0, asked(opacity=0.0, artefacts=False))
    assert flat(without.pixels, 100)
    (queried,) = cells(one, 0, asked(opacity=0.0, query="0.9,0.2"))
    assert flat(patch(queried.pixels, 0, 1)[0], (0, 230, 0)) and flat(patch(queried.pixels, 1, 1), 100)
    shifted = replace(
        one, seen=np.tile([0.0, 0, 2, 2], (3, 1))
    )  # the picture lies in the first quarter of the square
    (queried,) = cells(shifted, 0, asked(opacity=0.0, query="0.9,0.2"))
    assert flat(patch(queried.pixels, 0, 0)[0], (0, 230, 0)) and flat(patch(queried.pixels, 0, 1), 100)


def test_panels_of_a_reconstruction() -> None:
    one = sight()
    made = {cell.panel: cell for cell in cells(one, 0, asked("reconstruction"))}
    assert flat(made["original"].pixels, 100) and flat(made["painted"].pixels, 200)
    for name, under in (("masked", 128), ("pasted", 200)):
        assert flat(patch(made[name].pixels, 0, 0), under)
        assert flat(patch(made[name].pixels, 0, 1), 100) and flat(patch(made[name].pixels, 1, 1), 100)
    assert flat(patch(made["error"].pixels, 0, 0), heat(np.array(1.0), 0, 1))
    assert flat(patch(made["error"].pixels, 1, 0), 96), "what was visible has no error"
    assert made["masked"].caption == "25 % hidden" and made["error"].caption == "20.0 levels · lightest 20"
    other = replace(one, errors=np.full((3, 2, 2), 40, np.float32))
    top = error_top([one, other, Sight(model="x", error="No.")])
    assert top == 40 and error_top([one]) == 20 and error_top([]) == 1
    shared = cells(one, 0, asked("reconstruction"), top)[-1]
    assert flat(patch(shared.pixels, 0, 0), heat(np.array(20.0), 0, 40)) and "lightest 40" in shared.caption
    seen = replace(one, hidden=np.zeros((3, 2, 2), bool), picture_errors=np.full(3, np.nan, np.float32))
    assert "nothing hidden" in cells(seen, 0, asked("reconstruction"))[-1].caption
    assert reconstruction_errors([one, seen], 0) == [20] and reconstruction_errors([one], 1) == []


def test_colours_likeness_and_groups() -> None:
    foreground = np.ones((3, 2, 2), bool)
    foreground[0, 1, 1] = False
    (colours,) = cells(sight(foreground=foreground), 0, asked("patch-pca"))
    assert flat(patch(colours.pixels, 0, 0), 128) and flat(patch(colours.pixels, 1, 1), round(100 * DIM))
    assert (
        colours.caption == "75 % of its patches in colour"
        and cells(sight(), 0, asked("patch-pca"))[0].caption == ""
    )
    assert column_words(sight(), asked("patch-pca")) == "layer 2 of 2, red 50 %, green 25 %, blue 12 %"
    (alike,) = cells(sight(), 2, asked("likeness"))
    assert flat(alike.pixels, heat(np.array(0.25), -0.5, 1)), "one scale for all pictures of a model"
    assert column_words(sight(), asked("likeness")) == "layer 2 of 2, −0.50 to 1.00"
    (groups,) = cells(sight(), 0, asked("segments"))
    assert flat(patch(groups.pixels, 0, 0), kinds(np.array(0))) and flat(
        patch(groups.pixels, 1, 0), kinds(np.array(1))
    )
    assert groups.caption == "orange 75 %, blue 25 %"
    convolutional = sight(heads=0, depth=5)
    assert column_words(convolutional, asked("segments")) == "last map, 2 × 2 patches"


def test_the_picture_itself_comes_from_the_first_that_could_read_it() -> None:
    broken = Sight(model="x", error="No.")
    assert flat(plain_cell([broken, sight()], 0).pixels, 100)
    assert plain_cell([broken, sight()], 1).reason == "It is torn."
    assert plain_cell([broken], 0).pixels is None and plain_cell([broken], 0).reason


def test_a_sight_comes_back_from_its_file(tmp_path: Path) -> None:
    one = sight(seen=np.tile([0.1, 0.0, 0.9, 1.0], (3, 1)), notes=("A note.",))
    one.save(tmp_path / "s.npz")
    again = Sight.load(tmp_path / "s.npz")
    assert (again.notes, again.reasons, again.grid, again.title) == (
        one.notes,
        one.reasons,
        one.grid,
        one.title,
    )
    for name in ("seen", "attention", "hidden", "values"):
        np.testing.assert_array_equal(getattr(again, name), getattr(one, name))
    assert again.whole_place(0, 0.5, 0.25) == pytest.approx((0.5, 0.25))
    assert again.whole_place(0, 0.0, 0.0) == pytest.approx((0.1, 0.0))
    assert again.patch_at(0, (0.0, 1.0)) == (1, 0)
