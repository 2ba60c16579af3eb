"""scikit-learn's components, and planted foregrounds and groups, are what the maps must show."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA

from workbench.engine.inspect.patch_maps import component_maps, likeness, principal_components, segments


@pytest.fixture
def scene() -> tuple[np.ndarray, np.ndarray]:
    """(3, 10, 10, 24) patches of three pictures with an object in the middle, and where the object is."""
    rng = np.random.default_rng(0)
    inside = np.zeros((3, 10, 10), bool)
    inside[:, 3:8, 2:7] = True
    axes = np.linalg.qr(rng.normal(size=(24, 24)))[0]
    tokens = rng.normal(0, 0.3, (3, 10, 10, 24))
    tokens += np.where(inside, 4.0, -2.0)[..., None] * axes[0]
    for axis, strength in ((1, 2.0), (2, 1.2), (3, 0.8)):
        tokens += inside[..., None] * rng.normal(0, strength, (3, 10, 10, 1)) * axes[axis]
    return tokens.astype(np.float32), inside


@pytest.mark.parametrize("rows", [500, 20_000])
def test_components_are_those_of_scikit_learn_up_to_their_sign(rows) -> None:
    """20,000 rows come in several pieces."""
    rng = np.random.default_rng(1)
    values = (rng.normal(size=(rows, 12)) * np.linspace(3, 0.5, 12) @ rng.normal(size=(12, 12)) + 5).astype(
        np.float32
    )
    got, shares = principal_components(values, 3)
    theirs = PCA(3, svd_solver="full").fit(values.astype(np.float64))
    expected = theirs.transform(values.astype(np.float64))
    signs = np.sign((got * expected).sum(0))
    np.testing.assert_allclose(got * signs, expected, rtol=0, atol=1e-6 * abs(expected).max())
    np.testing.assert_allclose(shares, theirs.explained_variance_ratio_, rtol=1e-6)
    axes = theirs.components_ * signs[:, None]
    assert (axes[np.arange(3), abs(axes).argmax(1)] > 0).all()  # the sign that is promised


def test_components_beyond_the_rank_are_nothing() -> None:
    line = np.outer(np.arange(30.0), np.ones(5))
    got, shares = principal_components(line, 3)
    assert shares == pytest.approx([1, 0, 0]) and not got[:, 1:].any() and got[-1, 0] > 0
    got, shares = principal_components(np.ones((30, 2)), 3)
    assert got.shape == (30, 3) and not got.any() and not shares.any()


def test_the_object_in_the_middle_is_the_foreground(scene) -> None:
    tokens, inside = scene
    maps = component_maps(tokens)
    np.testing.assert_array_equal(maps.foreground, inside)
    np.testing.assert_array_equal(component_maps(tokens, "outer").foreground, ~inside)
    assert component_maps(tokens, "all").foreground.all()
    np.testing.assert_array_equal(component_maps(-tokens).foreground, inside)  # whichever sign the axis has
    assert not maps.colours[~inside].any()
    assert maps.colours.dtype == np.float32 and maps.colours.min() >= 0 and maps.colours.max() <= 1


def test_colours_are_the_foregrounds_components_over_all_pictures_together(scene) -> None:
    tokens, inside = scene
    maps = component_maps(tokens)
    theirs = PCA(3, svd_solver="full").fit(tokens[inside].astype(np.float64))
    expected = theirs.transform(tokens[inside].astype(np.float64))
    for colour in range(3):
        low, high = np.percentile(expected[:, colour], [1, 99])
        scaled = ((expected[:, colour] - low) / (high - low)).clip(0, 1)
        got = maps.colours[inside][:, colour]
        assert min(abs(got - scaled).max(), abs(got - (1 - scaled)).max()) < 1e-5
    np.testing.assert_allclose(maps.shares, theirs.explained_variance_ratio_, rtol=1e-5)
    again = component_maps(tokens.copy())
    np.testing.assert_array_equal(maps.colours, again.colours)
    alone = component_maps(tokens[:1])
    assert abs(alone.colours[0] - maps.colours[0]).max() > 0.01  # one picture alone has axes of its own


def test_a_side_of_hardly_any_patches_leaves_nothing_out() -> None:
    rng = np.random.default_rng(2)
    tokens = rng.normal(0, 0.1, (1, 6, 6, 8)).astype(np.float32)
    tokens[0, 2, 2] = 50
    assert component_maps(tokens).foreground.all()
    assert component_maps(np.ones((1, 4, 4, 8), np.float32)).colours == pytest.approx(0.5)
    assert component_maps(rng.normal(size=(2, 2, 2, 8))).colours.shape == (2, 2, 2, 3)  # all of it is rim


def test_one_odd_patch_does_not_take_the_whole_range() -> None:
    tokens = np.random.default_rng(3).normal(size=(1, 20, 20, 8)).astype(np.float32)
    tokens[0, 4, 4] = 30
    colours = component_maps(tokens, "all").colours
    assert colours[..., 0].std() > 0.15  # from the smallest to the largest value it would be about 0.01


def test_likeness_is_the_cosine_in_the_same_and_in_other_pictures(scene) -> None:
    tokens, _ = scene
    tokens = tokens.copy()
    tokens[1, 0, 0] = 0
    got = likeness(tokens, 2, 4, 3)
    assert got.shape == (3, 10, 10) and got.dtype == np.float32
    chosen = tokens[2, 4, 3].astype(np.float64)
    for at in ((0, 1, 2), (2, 4, 3), (1, 9, 9), (2, 3, 4)):
        other = tokens[at].astype(np.float64)
        expected = other @ chosen / np.sqrt((other @ other) * (chosen @ chosen))
        assert got[at] == pytest.approx(expected, abs=1e-5)
    assert got[1, 0, 0] == 0 and got[2, 4, 3] == pytest.approx(1) and got.max() <= 1
    with pytest.raises(
        ValueError, match="no patch in row 11 and column 1 of picture 1: there are 3 pictures"
    ):
        likeness(tokens, 0, 10, 0)
    with pytest.raises(ValueError, match="no patch"):
        likeness(tokens, -1, 0, 0)


def test_segments_find_planted_groups_over_all_pictures() -> None:
    rng = np.random.default_rng(4)
    truth = rng.choice(3, p=[0.2, 0.5, 0.3], size=(4, 7, 7))
    centres = np.linalg.qr(rng.normal(size=(16, 16)))[0][:3]
    length = rng.uniform(1, 20, (*truth.shape, 1))  # how long a patch is says nothing of its group
    tokens = (centres[truth] + rng.normal(0, 0.05, (*truth.shape, 16))) * length
    found = segments(tokens.astype(np.float32), 3)
    by_size = np.argsort(-np.bincount(truth.ravel()))
    np.testing.assert_array_equal(by_size[found], truth)
    np.testing.assert_array_equal(found, segments(tokens.astype(np.float32), 3))
    assert found.dtype == np.int64
    for number in (1, 1000):
        with pytest.raises(ValueError, match="Choose from 2 to 196 groups"):
            segments(tokens, number)
    with pytest.raises(ValueError, match="fewer than 3 different patches"):
        segments(np.ones((1, 3, 3, 4), np.float32), 3)
