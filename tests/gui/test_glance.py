"""The cards that tell at a glance what the images are, and the data regime."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint

from workbench.gui.data.glance_card import MODES, GlanceCard, count_sizes
from workbench.gui.data.regime_card import RegimeCard
from workbench.gui.dataset_facts import count_facts
from workbench.records.index import ImageIndex
from workbench.records.regime import Regime, describe_regime
from workbench.records.splits import make_split


@pytest.fixture
def mixed(small_index: ImageIndex) -> ImageIndex:
    """Sizes from 10 to 1,000 px in many pixel types."""
    rng = np.random.default_rng(0)
    num = len(small_index)
    return replace(
        small_index,
        width=rng.integers(10, 1001, num).astype(np.int32),
        height=rng.integers(10, 1001, num).astype(np.int32),
        mode=(np.arange(num) % 6).astype(np.int16),
        modes=tuple(f"{n} channels 8-bit" for n in range(6)),
    )


def test_sizes_agree_with_a_slow_count(mixed) -> None:
    sizes = count_sizes(mixed)
    sides = [min(w, h) for w, h in zip(mixed.width.tolist(), mixed.height.tolist(), strict=True)]
    assert sizes.counts.sum() == len(sides)
    for number, low, high in zip(sizes.counts, sizes.edges, sizes.edges[1:], strict=False):
        assert number == sum(low <= side < high for side in sides)
    ratios = sizes.edges[1:] / sizes.edges[:-1]
    assert np.allclose(ratios, ratios[0])
    assert sizes.shapes == len(set(zip(mixed.width.tolist(), mixed.height.tolist(), strict=True)))
    assert sizes.median == sorted(sides)[len(sides) // 2]


def test_the_glance_tells_sizes_types_and_parts(qtbot, mixed) -> None:
    split = make_split(mixed.ids, mixed.label, mixed.group, seed=0)
    card = GlanceCard()
    qtbot.addWidget(card)
    card.show_facts(count_facts(mixed, split, None), mixed)
    qtbot.waitUntil(lambda: bool(card.size.text()))
    assert card.size.text().startswith(f"{count_sizes(mixed).shapes} sizes; median of the shorter side")
    assert len(card.mode_bars.rows) == MODES + 1
    assert card.mode_bars.rows[-1][0] == "2 other types"
    assert sum(number for _, number in card.mode_bars.rows) == len(mixed)
    train, val, test = split.counts()
    assert card.split.text() == f"train {train} · validation {val} · test {test}"
    assert tuple(card.split_bar.parts) == (train, val, test)
    card.size_bars.resize(300, 72)
    bars = card.size_bars.bars()
    counts = count_sizes(mixed).counts
    assert max(range(len(bars)), key=lambda i: bars[i].height()) == int(counts.argmax())
    told = card.size_bars.told(QPoint(299, 10))
    assert told.startswith(f"{counts[-1]} image")
    assert f"{int(np.minimum(mixed.width, mixed.height).max()):,} px" in told


def test_images_of_one_size_need_no_plot(qtbot, small_index) -> None:
    card = GlanceCard()
    qtbot.addWidget(card)
    card.show_facts(count_facts(small_index, None, None), small_index)
    qtbot.waitUntil(lambda: bool(card.size.text()))
    assert card.size.text() == "All images are 60 × 40 px"
    assert not card.size_bars.isVisible()
    assert not card.split_bar.isVisible()
    card.show_facts(count_facts(None, None, None), None)
    assert not card.isVisible()


def test_the_regime_is_told_in_lines(qtbot, small_index) -> None:
    card = RegimeCard()
    qtbot.addWidget(card)
    card.show_regime(describe_regime(small_index, small_index, leaks=1))
    assert {key: value.text() for key, value in card.values.items()} == {
        "labelled": "37 images in 3 classes",
        "sizes": "12 to 13, median 12 (1.1 : 1)",
        "unlabelled": "37 images, in the pool",
        "groups": "4 among the labelled images",
        "kind": "colour, 8-bit, 40 px, small",
    }
    assert card.leaks.text() == "1 leak left in"
    assert card.isVisible()


def test_the_regime_of_little(qtbot) -> None:
    card = RegimeCard()
    qtbot.addWidget(card)
    card.show_regime(
        Regime(images=9, unlabelled=9, pool=3, colours="grey", bits=16, bits_mixed=True, side=300)
    )
    texts = {key: value.text() for key, value in card.values.items()}
    assert texts["labelled"] == "none"
    assert texts["sizes"] == "no labels, no classes"
    assert texts["unlabelled"] == "12 (9 here, 3 in the pool)"
    assert texts["kind"] == "grey, mostly 16-bit, 300 px"
    assert not card.leaks.isVisible()
    even = Regime(images=4, labelled=4, classes=2, smallest=2, median=2, largest=2, imbalance=1.0)
    card.show_regime(replace(even, groups=3, ungrouped=1))
    assert card.values["sizes"].text() == "2 images each"
    assert card.values["groups"].text() == "3 among the labelled images, 1 image in none"
    assert card.leaks.text() == "no leaks"
    card.show_regime(Regime())
    assert not card.isVisible()
