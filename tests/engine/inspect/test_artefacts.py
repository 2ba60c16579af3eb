"""Planted tokens that are far too long are found; spreads without a second hump are left alone."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.engine.inspect.artefacts import find_artefacts, token_norms
from workbench.engine.inspect.vision import open_vision


def test_planted_artefacts_are_found_and_nothing_else() -> None:
    rng = np.random.default_rng(0)
    norms = rng.normal(
        45, 8, (6, 16, 16)
    )  # as DINOv2's ordinary patches; its artefacts lie at 150 and beyond
    planted = rng.random(norms.shape) < 0.024  # the share that Darcet et al. report
    norms[planted] = rng.normal(300, 60, planted.sum())
    found = find_artefacts(norms)
    np.testing.assert_array_equal(found.flagged, planted)
    assert found.counts.sum() == norms.size and len(found.edges) == len(found.counts) + 1
    assert found.edges[0] == 0 and found.edges[-1] == norms.max()
    beyond = found.counts[found.edges[:-1] >= found.cut].sum()
    assert abs(beyond - planted.sum()) <= 3  # the bin that the cut lies in may hold some


@pytest.mark.parametrize("seed", range(3))
def test_one_hump_has_no_artefacts(seed) -> None:
    rng = np.random.default_rng(seed)
    for norms in (
        rng.normal(45, 0.1, (4, 16, 16)),
        rng.normal(45, 10, (4, 16, 16)),
        rng.lognormal(3, 0.2, (4, 16, 16)),
        np.full((1, 4, 4), 7.0),
    ):
        found = find_artefacts(norms)
        assert not found.flagged.any() and found.edges[-1] >= found.cut
    assert (
        find_artefacts(rng.lognormal(3, 0.3, (40, 16, 16))).flagged.mean() < 0.001
    )  # a heavy tail: some few


def test_the_cut_is_what_the_rule_says() -> None:
    norms = np.array([[[8.0, 9.0, 10.0], [11.0, 12.0, 10.0], [10.0, 9.0, 40.0]]])
    found = find_artefacts(
        norms
    )  # median 10, median deviation 1: twice the median lies above 10 + 6 * 1.4826
    assert found.cut == pytest.approx(20)
    assert np.argwhere(found.flagged).tolist() == [[0, 2, 2]]
    wide = np.array([[[4.0, 6.0, 8.0], [10.0, 12.0, 14.0], [16.0, 10.0, 40.0]]])  # median deviation 4
    assert find_artefacts(wide).cut == pytest.approx(10 + 6 * 1.4826 * 4)


@pytest.mark.parametrize("kind", ["registers", "siglip", "vit_mae"])
def test_norms_are_those_of_patches_before_the_final_norm(kind, published, photographs, memo) -> None:
    vision = open_vision(str(published(kind).folder), memo=memo)
    pictures = vision.prepare(photographs)
    norms = token_norms(vision, pictures)
    assert norms.shape == (4, *vision.grid)
    raw = vision.raw_tokens(pictures)
    np.testing.assert_allclose(norms, np.sqrt((raw.astype(np.float64) ** 2).sum(-1)), rtol=1e-5)
    with pytest.raises(ValueError, match="is no vision transformer"):
        network = open_vision(str(published("convnext").folder), memo=memo)
        token_norms(network, network.prepare(photographs[:1]))
