"""The data regime against counts made by hand, image by image."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest

from workbench.records.index import ImageIndex, Strings
from workbench.records.regime import Regime, describe_regime
from workbench.records.splits import SplitPlan

MODES = ("grey 16-bit", "RGB 8-bit", "grey 8-bit", "5 channels 16-bit")


def build(rows: list[tuple[int, int, int, tuple[int, int]]], copies: list[int] | None = None) -> ImageIndex:
    """An index of (label, group, mode, size) rows over three classes and three groups."""
    num = len(rows)
    label, group, mode, size = zip(*rows, strict=True)
    return ImageIndex(
        roots={"": "/data"},
        paths=Strings.of(f"{i:03d}.png" for i in range(num)),
        file_size=np.zeros(num, np.int64),
        mtime_ns=np.zeros(num, np.int64),
        width=np.asarray([w for w, _ in size], np.int32),
        height=np.asarray([h for _, h in size], np.int32),
        mode=np.asarray(mode, np.int16),
        digest=np.random.default_rng(0).integers(0, 256, (num, 16), dtype=np.uint8),
        label=np.asarray(label, np.int32),
        group=np.asarray(group, np.int32),
        copies=np.asarray(copies if copies is not None else [-1] * num, np.int32),
        modes=MODES,
        classes=("a", "b", "empty", "c"),
        groups=("x", "y", "z"),
    )


ROWS = [
    *[(0, 0, 0, (300, 200))] * 6,
    *[(1, 1, 0, (200, 300))] * 2,
    *[(1, -1, 0, (64, 64))] * 1,
    *[(3, 1, 1, (90, 80))] * 3,
    *[(-1, 2, 1, (500, 400))] * 2,
]


def test_every_count_agrees_with_one_by_hand() -> None:
    found = describe_regime(build(ROWS), build(ROWS[:5]), leaks=7)
    labelled = [row for row in ROWS if row[0] >= 0]
    sizes = sorted(Counter(row[0] for row in labelled).values())
    shorter = sorted(min(row[3]) for row in ROWS)
    assert (found.images, found.labelled, found.unlabelled, found.pool) == (14, len(labelled), 2, 5)
    assert found.all_unlabelled == 7
    assert found.classes == len(sizes) == 3, "a class without an image is none"
    assert (found.smallest, found.median, found.largest) == (sizes[0], sizes[1], sizes[2]) == (3, 3, 6)
    assert found.imbalance == pytest.approx(6 / 3)
    assert found.groups == 2, "group z holds no labelled image"
    assert found.ungrouped == 1
    units = {(row[0], row[1] if row[1] >= 0 else f"alone {n}") for n, row in enumerate(ROWS) if row[0] >= 0}
    assert found.testable == sum(n > 1 for n in Counter(label for label, _ in units).values()) == 1
    assert found.side == shorter[len(shorter) // 2]
    assert (found.colours, found.bits, found.bits_mixed) == ("mixed", 16, True)
    assert found.leaks == 7


def test_leaks_are_looked_for_where_nobody_has() -> None:
    copies = [-1] * len(ROWS)
    copies[0] = copies[1] = 0  # one group: safe
    copies[5] = copies[6] = 1  # two groups
    assert describe_regime(build(ROWS, copies)).leaks == 1


@pytest.mark.parametrize(
    ("mode", "colours", "bits"), [(0, "grey", 16), (1, "colour", 8), (2, "grey", 8), (3, "many channels", 16)]
)
def test_the_kind_of_picture(mode: int, colours: str, bits: int) -> None:
    found = describe_regime(build([(0, -1, mode, (95, 200))]))
    assert (found.colours, found.bits, found.bits_mixed, found.small) == (colours, bits, False, True)
    assert not describe_regime(build([(0, -1, mode, (96, 200))])).small


def test_nothing_at_all() -> None:
    assert describe_regime(None) == Regime()
    assert describe_regime(None, build(ROWS)) == Regime(pool=14)
    assert describe_regime(build(ROWS).take(np.zeros(0, np.int64))) == Regime()
    unlabelled = describe_regime(build([(-1, -1, 0, (10, 10))]))
    assert (unlabelled.labelled, unlabelled.classes, unlabelled.imbalance) == (0, 0, 0.0)


def test_it_is_plain_json() -> None:
    found = describe_regime(build(ROWS), leaks=1)
    body = json.loads(json.dumps(found.to_json()))
    assert Regime.from_json({**body, "new": 1}) == found


def test_classes_that_a_split_can_test_are_those_that_it_learns_from_too() -> None:
    each_its_own = [(label, group, 0, (64, 64)) for group, label in enumerate((0, 1, 3)) for _ in range(5)]
    assert describe_regime(build(each_its_own)).testable == 0, "a group stays whole"
    assert describe_regime(build([(0, -1, 0, (64, 64))] * 2 + [(1, -1, 0, (64, 64))])).testable == 1
    official = build([(0, -1, 0, (64, 64))] * 4 + [(1, -1, 0, (64, 64))] * 4)
    official.plan = SplitPlan(kind="official")
    official.part = np.array([0, 0, 1, 2, 0, 0, 0, 1], np.int8)
    assert describe_regime(official).testable == 1, "the other class has no test image"


def test_pictures_under_two_labels_are_counted() -> None:
    rows = [(0, -1, 0, (64, 64)), (1, -1, 0, (64, 64)), (3, -1, 0, (64, 64)), (3, -1, 0, (64, 64))]
    found = describe_regime(build(rows, [0, 0, 1, 1]))
    assert (found.leaks, found.conflicts) == (2, 1)
