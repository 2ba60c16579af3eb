"""The levels of a data set, the windows that are made from them, and which pictures a window saturates."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from tests.indices import counted
from workbench.pixels import histogram
from workbench.pixels.decode import read_image
from workbench.pixels.histogram import (
    Levels,
    largest,
    measure,
    measure_index,
    saturated,
    type_of_mode,
    window_from_text,
)
from workbench.records.spec import Reading

RNG = np.random.default_rng(6)


def rank(values: np.ndarray, percent: float) -> float:
    """The lowest value that at least `percent` % don't exceed, by sorting."""
    return float(np.quantile(values, percent / 100, method="inverted_cdf"))


def tiffs(folder: Path, pictures: list[np.ndarray]) -> list[Path]:
    paths = [folder / f"{place:03}.tif" for place in range(len(pictures))]
    for path, picture in zip(paths, pictures, strict=True):
        tifffile.imwrite(
            path, picture, photometric="minisblack", planarconfig="contig" if picture.ndim == 3 else None
        )
    return paths


@pytest.mark.parametrize(
    ("dtype", "kind"), [("uint16", "u16"), ("int16", "i16"), ("int32", "i32"), ("float32", "f32")]
)
def test_percentiles_are_those_of_all_numbers_together(tmp_path: Path, dtype: str, kind: str) -> None:
    pictures = [
        (RNG.normal(900 + 50 * n, 200, (40, 50)) - 600 * (dtype[0] != "u")).astype(dtype) for n in range(6)
    ]
    found = measure(tiffs(tmp_path, pictures))
    assert list(found) == [kind]
    levels, together = found[kind], np.concatenate([picture.ravel() for picture in pictures])
    assert (levels.minimum, levels.maximum) == (together.min(), together.max())
    assert levels.num_files == 6 and levels.counts.sum() == together.size
    for percent in (0, 0.1, 1, 50, 99, 99.9, 100):
        assert levels.percentile(percent) == rank(together, percent)
    assert levels.window(1, 99) == (rank(together, 1), rank(together, 99))
    counts, edges = levels.drawn(32)
    assert np.array_equal(counts, np.histogram(together, 32)[0]) and len(edges) == 33


def test_an_outlier_costs_floats_no_precision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(histogram, "MOST_BINS", 500)
    values = RNG.normal(0, 1, (200, 100)).astype(np.float32)
    values[0, :3] = [np.nan, np.inf, 1e9]
    levels = measure(tiffs(tmp_path, [values]))["f32"]
    finite = values[np.isfinite(values)]
    assert len(levels.levels) <= 500 and levels.counts.sum() == finite.size and levels.maximum == 1e9
    for percent in (1, 25, 50, 99):
        assert (finite <= levels.percentile(percent)).mean() == pytest.approx(percent / 100, abs=1 / 400)


def test_a_sample_is_spread_over_all_files_and_passes_over_bad_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(histogram, "SAMPLE", 5)
    paths = tiffs(tmp_path, [np.full((4, 4), place, np.uint16) for place in range(21)])
    heard: list[tuple[int, int]] = []
    found = measure(paths, on_progress=lambda done, total: heard.append((done, total)))
    assert found["u16"].levels.tolist() == [0, 5, 10, 15, 20] and found["u16"].num_files == 5
    assert heard == [(n, 5) for n in range(6)]
    paths[10].write_bytes(b"no picture at all")
    paths[15].unlink()
    assert measure(paths)["u16"].levels.tolist() == [0, 5, 20]
    assert measure([]) == {}


def test_only_the_channels_that_are_used_count_and_no_opacity(tmp_path: Path) -> None:
    five = np.arange(5, dtype=np.uint16)[None, None].repeat(6, 0).repeat(6, 1)
    paths = tiffs(tmp_path, [five])
    for channels, expected in (("first", [0, 1, 2]), ("pick:4,4,3", [3, 4]), ("all", [0, 1, 2, 3, 4])):
        assert measure(paths, reading=Reading(channels=channels))["u16"].levels.tolist() == expected
    assert measure(paths, reading=Reading(channels="pick:5,0,0")) == {}
    tifffile.imwrite(paths[0], five[..., :4], photometric="rgb", extrasamples=["unassalpha"])
    assert measure(paths, reading=Reading(channels="all"))["u16"].levels.tolist() == [0, 1, 2]


def test_modes_name_their_types() -> None:
    expected = {
        "grey 16-bit": "u16",
        "RGB 12-bit": "u16",
        "grey signed 16-bit": "i16",
        "5 channels 32-bit": "u32",
        "grey signed 32-bit": "i32",
        "RGB float 32-bit": "f32",
        "grey float 16-bit": "f32",
        "grey float 64-bit": "f64",
        "RGB 8-bit": "",
        "palette 8-bit": "",
        "grey 1-bit": "",
        "grey signed 8-bit": "",
        "grey 64-bit": "",
        "grey complex 64-bit": "",
    }
    assert {mode: type_of_mode(mode) for mode in expected} == expected


def test_windows_in_words() -> None:
    levels = Levels(levels=np.arange(1000.0), counts=np.ones(1000, np.int64), num_files=12, minimum=0.0)
    both = {"f32": levels, "u16": levels}
    assert window_from_text("full", {}) == ("full", "")
    assert window_from_text("0:4095", both) == ("f32=0:4095,u16=0:4095", "fixed")
    assert window_from_text("u16=0:4095", {}) == ("u16=0:4095", "fixed")
    window, told = window_from_text("percentile:1:99.5", {"u16": levels})
    assert (window, told) == ("u16=9:994", "1st to 99.5th percentile of 12 images")
    assert "22nd to 93rd percentile of 24 images" in window_from_text("percentile:22:93", both)[1]
    for text in (
        "",
        "percentile",
        "percentile:1",
        "percentile:99:1",
        "percentile:1:101",
        "7",
        "9:9",
        "u9=0:1",
    ):
        with pytest.raises(ValueError, match="window"):
            window_from_text(text, both)
    with pytest.raises(ValueError, match="8 bits"):
        window_from_text("percentile:1:99", {})
    flat = Levels(levels=np.array([7.0]), counts=np.array([5]), num_files=1, minimum=7.0)
    assert flat.window(1, 99) == (7, 8)
    rare = Levels(levels=np.array([0.0, 50.0]), counts=np.array([9999, 1]), num_files=1, minimum=0.0)
    assert rare.window(1, 99) == (0, 50)  # both percentiles are 0: the whole range is better than none


def test_a_window_saturates_what_it_makes_white(tmp_path: Path) -> None:
    """Against the pictures that come out: more than 1 % exactly white, or exactly black."""
    pictures = {
        "dark": np.linspace(0, 3000, 10_000),
        "bright": np.linspace(100, 4300, 10_000),  # 4.9 % above 4095
        "hardly": np.r_[np.linspace(100, 4000, 9_950), np.full(50, 5000)],
        "low": np.linspace(300, 2000, 10_000),
    }
    for name, values in pictures.items():
        tifffile.imwrite(
            tmp_path / f"{name}.tif", RNG.permutation(values).reshape(100, 100).astype(np.uint16)
        )
    index = counted(tmp_path)
    for window in ("u16=0:4095", "u16=200:5000", "u16=0:65535", "full"):
        reading = Reading(window=window)
        expected = []
        for place in range(len(index)):
            image = read_image(index.file(place), reading=reading)[..., 0]
            black = (image == 0).mean() > 0.01 and window == "u16=200:5000"
            expected.append(bool((image == 1).mean() > 0.01 or black))
        assert saturated(index, reading).tolist() == expected, window
        assert saturated(replace(index, reading=reading)).tolist() == expected


def test_saturation_of_other_types(tmp_path: Path) -> None:
    ramp = np.linspace(0, 1, 10_000).reshape(100, 100)
    cut = (ramp * 1.1).clip(0, 1)
    stored = {
        "bytes.png": (ramp * 250).astype(np.uint8),
        "bytes_cut.png": (cut * 255).astype(np.uint8),
        "float.tif": ramp.astype(np.float32) * 0.9,
        "float_cut.tif": cut.astype(np.float32),
        "counts.tif": (ramp * 70_000).astype(np.int32),
        "counts_cut.tif": (cut * 70_000).astype(np.int32),
        "signed_cut.tif": (cut * 32767).astype(np.int16),
        "one_level.tif": np.full((9, 9), 65535, np.uint16),
    }
    for name, values in stored.items():
        Image.fromarray(values).save(tmp_path / name) if name.endswith("png") else tifffile.imwrite(
            tmp_path / name, values
        )
    tifffile.imwrite(
        tmp_path / "twelve_cut.tif",
        (cut * 4095).astype(np.uint16),
        bitspersample=12,
        photometric="minisblack",
    )
    index = counted(tmp_path)
    expected = ["cut" in path for path in index.paths]
    assert sum(expected) == 5 and saturated(index).tolist() == expected
    unmeasured = counted(tmp_path, check="header")
    assert not saturated(unmeasured).any()


def test_an_index_is_measured_by_its_deep_pictures_and_pages(tmp_path: Path) -> None:
    Image.new("L", (9, 9), 200).save(tmp_path / "a.png")
    tifffile.imwrite(tmp_path / "b.tif", np.arange(81, dtype=np.uint16).reshape(9, 9))
    index = counted(tmp_path)
    found = measure_index(index, Reading())
    assert list(found) == ["u16"] and found["u16"].levels.tolist() == list(range(81))
    assert largest(index) == 1 << 28
    assert largest(replace(index, width=np.array([30_000, 1]), height=np.array([20_000, 1]))) == 600_000_000
