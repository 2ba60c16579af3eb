"""How pixels are read: what a reading may say, and that specs written before there were readings stay the same."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from workbench.records.spec import FeatureSpec, Preprocess, Reading, fixed_window

SPEC = FeatureSpec(
    backbone="b",
    weights="w",
    feature="cls",
    layer=-1,
    preprocess=Preprocess(
        resize="shortest", resize_to=256, size=224, interpolation="bicubic", mean=(0.5,) * 3, std=(0.5,) * 3
    ),
)


def test_fingerprints_from_before_there_were_readings_still_hold() -> None:
    # Both as the program made them when a spec held nothing but window="full".
    assert SPEC.fingerprint() == "8a22aafd9f2ab4c1"
    assert SPEC.extraction_fingerprint() == "2c38ee351ad66066"
    old = {key: value for key, value in SPEC.to_json().items() if key not in ("channels", "pages")}
    assert old["window"] == "full" and FeatureSpec.from_json(old) == SPEC


def test_every_part_of_a_reading_is_part_of_the_fingerprint() -> None:
    readings = [
        Reading(),
        Reading(window="u16=0:4095"),
        Reading(channels="pick:2,1,0"),
        Reading(channels="mean"),
        Reading(channels="all:5"),
        Reading(channels="all:6"),
        Reading(pages="each"),
        Reading(pages="channels"),
    ]
    specs = [replace(SPEC, reading=reading) for reading in readings]
    assert len({spec.fingerprint() for spec in specs}) == len(specs)
    assert len({spec.extraction_fingerprint() for spec in specs}) == len(specs)
    for spec in specs:
        assert FeatureSpec.from_json(spec.to_json()) == spec
        assert Reading.from_json(spec.reading.to_json()) == spec.reading


def test_equal_readings_are_written_alike() -> None:
    assert Reading(window="u16=0.0:4095.0, f32=-0.0:1e-5") == Reading(window="f32=0:0.00001,u16=0:4095")
    assert Reading(channels="pick: 2, 01,0").channels == "pick:2,1,0"
    third = 1 / 3
    assert Reading(window=fixed_window(["f64", "u16"], -third, 1e300)).ends("f64") == (-third, 1e300)
    assert Reading(window="u16=5:6").ends("i16") is None and Reading().ends("u16") is None


def test_what_the_channels_come_to() -> None:
    assert [
        Reading(channels=text).num_channels for text in ("first", "mean", "pick:0,0,0", "all:7", "all")
    ] == [
        3,
        3,
        3,
        7,
        None,
    ]
    assert Reading(channels="pick:4,0,0").picks == (4, 0, 0) and Reading(channels="all:4").picks is None


@pytest.mark.parametrize(
    "values",
    [
        {"window": "auto"},
        {"window": ""},
        {"window": "u16=5:5"},
        {"window": "u16=6:5"},
        {"window": "u8=0:255"},
        {"window": "u16=0:1,u16=0:2"},
        {"window": "u16=nan:1"},
        {"window": "f64=-1e308:1e308"},
        {"channels": "pick:1,2"},
        {"channels": "pick:1,2,3,4"},
        {"channels": "pick:-1,0,1"},
        {"channels": "all:0"},
        {"channels": "all:"},
        {"channels": "rgb"},
        {"pages": "last"},
    ],
    ids=str,
)
def test_a_reading_that_means_nothing_is_refused_in_words(values: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"\.$|not '"):
        Reading(**values)


def test_layers_are_part_of_the_fingerprint_and_come_back_from_a_file() -> None:
    specs = [replace(SPEC, layer=layer) for layer in (-1, 5, (5, 11), (5, 10))]
    assert len({spec.extraction_fingerprint() for spec in specs}) == len(specs)
    for spec in specs:
        assert FeatureSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec
    assert [spec.layers for spec in specs] == [(-1,), (5,), (5, 11), (5, 10)]
    assert SPEC.to_json()["layer"] == -1  # as specs have been written since before there were others


@pytest.mark.parametrize("layer", [-2, (5,), (-1, 3), (11, 5), (5, 5), ()], ids=str)
def test_layers_that_no_backbone_can_have_are_refused(layer: object) -> None:
    with pytest.raises(ValueError, match="layers"):
        replace(SPEC, layer=layer)
