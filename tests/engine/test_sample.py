"""Every plant of the sample is looked for with means that had no part in planting it."""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from workbench.engine.sample.build import SIZE, TURNED_HEIGHT, build_sample, encode, render
from workbench.engine.sample.camera import LAMP_CHANGED, LOTS, lot
from workbench.engine.sample.defects import DEFECTS, _draw
from workbench.engine.sample.recipe import FAULTS, FEWEST, RECIPE, SHARES, SampleTruth, Shot, plan
from workbench.engine.sample.textures import CANVAS, FINISHES, bare_metal, oriented_noise
from workbench.pixels.decode import ImageError, read_image
from workbench.pixels.examine import examine
from workbench.records.files import DocumentError


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> SampleTruth:
    return build_sample(tmp_path_factory.mktemp("sample") / "steel", labelled=150, unlabelled=32)


@pytest.fixture(scope="module")
def thumbs(truth: SampleTruth) -> dict[str, np.ndarray]:
    """Each ordinary labelled file as 40 x 40 grey, mean 0, norm 1."""
    out = {}
    for path in truth.files:
        if path.startswith("labelled/") and path not in truth.deep and path not in truth.rotated:
            grey = np.asarray(Image.open(truth.folder / path).convert("L").resize((40, 40)), dtype=float)
            grey -= grey.mean()
            out[path] = grey / np.linalg.norm(grey)
    return out


def on_disk(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_what_is_on_disk_is_what_the_truth_says(truth: SampleTruth) -> None:
    found = set(on_disk(truth.folder))
    assert found == {*truth.files, *truth.bad_files, "sample.json"}
    labelled = Counter(path.split("/")[1] for path in truth.files if path.startswith("labelled/"))
    assert labelled == truth.classes
    assert labelled.total() == 150
    assert sum(path.startswith("unlabelled/") for path in truth.files) == 32
    assert set(labelled) == set(DEFECTS) == set(SHARES)
    assert 3 <= max(labelled.values()) / min(labelled.values()) <= 4.5
    assert {name[:5] for name in (path.rpartition("/")[2] for path in found) if name != "sample.json"} <= {
        f"lot{number:02d}" for number in range(1, LOTS + 1)
    }
    assert truth.folder.stat().st_mode & 0o777 == 0o755
    assert [path.name for path in truth.folder.parent.iterdir()] == ["steel"]


def test_every_image_decodes_and_every_bad_file_is_refused(truth: SampleTruth) -> None:
    for path in truth.files:
        height = TURNED_HEIGHT if path in truth.rotated else SIZE
        assert read_image(truth.folder / path).shape == (height, SIZE, 3), path
    assert sorted(truth.bad_files.values()) == sorted(FAULTS)
    for path, fault in truth.bad_files.items():
        with pytest.raises(ImageError):
            examine(truth.folder / path)
            pytest.fail(f"{fault} passed")


def test_the_wrong_checksum_is_the_only_fault_of_its_png(truth: SampleTruth) -> None:
    (path,) = (path for path, fault in truth.bad_files.items() if fault == "checksum")
    data = (truth.folder / path).read_bytes()
    wrong, at = [], 8
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        (crc,) = struct.unpack(">I", data[at + 8 + length : at + 12 + length])
        if zlib.crc32(data[at + 4 : at + 8 + length]) != crc:
            wrong.append(kind)
        at += 12 + length
    assert wrong == [b"IDAT"]


def test_exact_duplicates_are_the_only_files_with_the_same_bytes(truth: SampleTruth) -> None:
    by_bytes: dict[bytes, list[str]] = {}
    for path, data in on_disk(truth.folder).items():
        by_bytes.setdefault(data, []).append(path)
    same = {frozenset(paths) for paths in by_bytes.values() if len(paths) > 1}
    assert same == {frozenset(pair) for pair in truth.exact_duplicates}
    assert truth.exact_duplicates
    assert all(a.split("/")[1] == b.split("/")[1] for a, b in truth.exact_duplicates)


def test_near_duplicates_look_alike_and_nothing_else_does(
    truth: SampleTruth, thumbs: dict[str, np.ndarray]
) -> None:
    names = list(thumbs)
    x = np.stack([thumbs[name] for name in names])
    best = np.full((len(x), len(x)), -1.0)
    for dy in range(-2, 3):  # the copy is framed up to 5 of 200 pixels elsewhere
        for dx in range(-2, 3):
            a = x[:, 3:-3, 3:-3].reshape(len(x), -1)
            b = np.roll(x, (dy, dx), (1, 2))[:, 3:-3, 3:-3].reshape(len(x), -1)
            a = a - a.mean(1, keepdims=True)
            b = b - b.mean(1, keepdims=True)
            a /= np.linalg.norm(a, axis=1, keepdims=True)
            b /= np.linalg.norm(b, axis=1, keepdims=True)
            best = np.maximum(best, a @ b.T)
    np.fill_diagonal(best, -1)
    planted = {frozenset(pair) for pair in (*truth.near_duplicates, *truth.exact_duplicates)}
    alike = {frozenset((names[i], names[j])): best[i, j] for i in range(len(x)) for j in range(i)}
    lowest = min(alike[pair] for pair in planted)
    others = [value for pair, value in alike.items() if pair not in planted]
    assert lowest > 0.6
    assert np.quantile(others, 0.99) < lowest
    assert truth.near_duplicates
    for a, b in truth.near_duplicates:
        assert a.split("/")[1] == b.split("/")[1]
        assert a.split("/")[2][:5] != b.split("/")[2][:5]
        assert (truth.folder / a).read_bytes() != (truth.folder / b).read_bytes()


def test_deep_files_use_the_bits_that_they_claim(truth: SampleTruth) -> None:
    assert set(truth.deep.values()) == {12, 16}
    assert {Path(path).suffix for path in truth.deep} == {".png", ".tif"}
    for path, bits in truth.deep.items():
        image = Image.open(truth.folder / path)
        assert image.mode.startswith("I;16")
        levels = np.asarray(image)
        assert 2 ** (bits - 2) < levels.max() < 2**bits
        assert len(np.unique(levels)) > 256


def test_the_turned_picture_is_upright_after_its_exif_tag(truth: SampleTruth) -> None:
    (path,) = truth.rotated
    image = Image.open(truth.folder / path)
    assert image.getexif()[0x0112] == 6
    assert image.size == (TURNED_HEIGHT, SIZE)
    assert ImageOps.exif_transpose(image).size == (SIZE, TURNED_HEIGHT)
    todo = plan(truth.folder, 0, 150, 32)
    shot = next(shot for shot in todo.shots if shot.path == path)
    drawn = np.rint(render(shot, 0) * 255)
    assert np.abs(np.asarray(ImageOps.exif_transpose(image), dtype=float) - drawn).mean() < 6


def test_the_lamp_change_shows_in_the_pixels(truth: SampleTruth) -> None:
    warmth: dict[bool, list[float]] = {False: [], True: []}
    for path in truth.files:
        if path.endswith(".jpg"):
            rgb = np.asarray(Image.open(truth.folder / path), dtype=float).mean((0, 1))
            number = int(path.rpartition("/")[2][3:5])
            warmth[number >= LAMP_CHANGED].append(rgb[0] / rgb[2])
    assert np.mean(warmth[False]) - np.mean(warmth[True]) > 0.12
    assert truth.lamp_changed == f"lot{LAMP_CHANGED:02d}"
    assert [day.name for day in truth.lots] == [f"lot{n:02d}" for n in range(1, LOTS + 1)]
    first, last = truth.lots[0], truth.lots[-1]
    assert last.noise > first.noise and last.texture_scale > first.texture_scale


def test_the_truth_comes_back_from_its_file(truth: SampleTruth) -> None:
    assert SampleTruth.load(truth.folder) == truth


def test_bytes_do_not_depend_on_threads_or_on_the_rest_of_the_set(tmp_path: Path) -> None:
    one = build_sample(tmp_path / "one", labelled=FEWEST, unlabelled=4, threads=1)
    build_sample(tmp_path / "many", labelled=FEWEST, unlabelled=4, threads=4)
    assert on_disk(tmp_path / "one") == on_disk(tmp_path / "many")
    other = build_sample(tmp_path / "other", labelled=FEWEST, unlabelled=4, seed=1)
    shared = set(one.files) & set(other.files)
    assert all((one.folder / path).read_bytes() != (other.folder / path).read_bytes() for path in shared)


def test_a_second_call_returns_at_once_and_another_recipe_replaces(tmp_path: Path) -> None:
    folder = tmp_path / "sample"
    first = build_sample(folder, labelled=FEWEST, unlabelled=2)
    before = (folder / "sample.json").stat()
    assert build_sample(folder, labelled=FEWEST, unlabelled=2, on_progress=_never) == first
    assert (folder / "sample.json").stat() == before
    build_sample(folder, labelled=FEWEST, unlabelled=0)
    assert not (folder / "unlabelled").exists()
    truth = SampleTruth.load(folder)
    assert (truth.unlabelled, truth.recipe) == (0, RECIPE)
    assert sorted(truth.bad_files.values()) == sorted(FAULTS)
    assert [path.name for path in tmp_path.iterdir()] == ["sample"]


def test_other_peoples_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/mine.jpg").write_bytes(b"precious")
    with pytest.raises(ValueError, match=r"mine\.jpg"):
        build_sample(tmp_path / "photos", labelled=FEWEST, unlabelled=0)
    build_sample(tmp_path / "sample", labelled=FEWEST, unlabelled=0)
    (tmp_path / "sample/labelled/clean/mine.jpg").write_bytes(b"precious")
    with pytest.raises(ValueError, match=r"mine\.jpg"):
        build_sample(tmp_path / "sample", labelled=FEWEST, unlabelled=1)
    assert (tmp_path / "sample/labelled/clean/mine.jpg").read_bytes() == b"precious"
    (tmp_path / "empty").mkdir()
    build_sample(tmp_path / "empty", labelled=FEWEST, unlabelled=0)
    assert (tmp_path / "empty/sample.json").exists()


def test_a_stopped_build_leaves_nothing(tmp_path: Path) -> None:
    seen = []

    def stop(done: int, total: int) -> None:
        seen.append((done, total))
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_sample(tmp_path / "sample", labelled=FEWEST, unlabelled=5, on_progress=stop)
    assert [done for done, _ in seen] == [1, 2, 3]
    assert list(tmp_path.iterdir()) == []


def test_too_few_images_and_a_spoilt_truth_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"at least {FEWEST} labelled"):
        build_sample(tmp_path / "sample", labelled=FEWEST - 1)
    (tmp_path / "sample.json").write_text('{"format": "workbench.sample", "version": 1}')
    with pytest.raises(DocumentError, match="incomplete"):
        SampleTruth.load(tmp_path)


def test_the_full_plan_has_what_the_sample_promises() -> None:
    todo = plan(Path("sample"), 0, 600, 3000)
    truth = todo.truth
    assert len(todo.shots) + len(todo.copies) == 3600 == len(truth.files)
    assert (len(truth.near_duplicates), len(truth.exact_duplicates), len(truth.deep)) == (8, 3, 6)
    assert len(truth.bad_files) == 5
    for kind in SHARES:  # so that a split that keeps lots whole has every class on each side
        assert len({path.rpartition("/")[2][:5] for path in truth.files if f"labelled/{kind}/" in path}) >= 8
    labelled = {path.rpartition("/")[2][:5] for path in truth.files if path.startswith("labelled/")}
    assert labelled == {f"lot{n:02d}" for n in range(1, 13)}
    later = {path.rpartition("/")[2][:5] for path in truth.files if path.startswith("unlabelled/")}
    assert {"lot13", "lot16"} <= later
    planted = [p for pair in (*truth.near_duplicates, *truth.exact_duplicates) for p in pair]
    planted += [*truth.deep, *truth.rotated]
    assert len(planted) == len(set(planted))
    names = [Path(path).stem for path in (*truth.files, *truth.bad_files)]
    assert len(set(names)) == len(names)
    assert max(truth.classes.values()) / min(truth.classes.values()) == pytest.approx(4, abs=0.6)


@pytest.mark.parametrize("kind", [kind for kind in DEFECTS if kind != "clean"])
def test_a_defect_changes_the_surface(kind: str) -> None:
    """At full strength every defect darkens or lightens a fair number of pixels by well over the grain."""
    areas = []
    for seed in range(5):
        before = bare_metal(np.random.default_rng(seed), "brushed", 1.0)
        after = bare_metal(np.random.default_rng(seed), "brushed", 1.0)
        DEFECTS[kind](np.random.default_rng(seed + 100), after, 1.0)
        areas.append(float((np.abs(after.albedo - before.albedo) > 0.08).mean()))
    assert all(0.001 < area < 0.7 for area in areas), areas


def test_noise_is_longest_along_its_direction() -> None:
    field = oriented_noise(np.random.default_rng(0), 0.0, 10.0, 1.0)
    assert field.std() == pytest.approx(1, abs=1e-3)
    along = np.mean(field[:, :-8] * field[:, 8:])
    across = np.mean(field[:-8] * field[8:])
    # white noise blurred by a Gaussian of deviation s is correlated as exp(-d^2 / 4 s^2) at distance d
    assert along == pytest.approx(np.exp(-64 / 400), abs=0.08)
    assert abs(across) < 0.15


def test_a_drawn_line_peaks_at_its_depth() -> None:
    curve = np.stack([np.linspace(20, 190, 341), np.full(341, 100.0)], axis=1)
    line = _draw(curve, np.full(341, 0.7), 1.2)
    assert line[100, 60:150] == pytest.approx(0.7, abs=0.04)
    assert line[110].max() < 1e-3


def test_lots_and_pictures_are_functions_of_the_seed() -> None:
    assert lot(3, 0) == lot(3, 0) != lot(3, 1)
    shot = Shot(path="x.jpg", scene="unlabelled/x", kind="pit", lot=2)
    picture = render(shot, 0)
    assert picture.shape == (SIZE, SIZE, 3) and picture.dtype == np.float32
    assert 0 <= picture.min() < picture.max() <= 1
    assert encode(picture, shot) == encode(render(shot, 0), shot)
    assert CANVAS > SIZE
    with pytest.raises(ValueError, match="finish must be one of"):
        bare_metal(np.random.default_rng(0), "gilded", 1.0)
    assert len(FINISHES) == len(lot(1, 0).finishes)


def _never(done: int, total: int) -> None:
    raise AssertionError("drew again")
