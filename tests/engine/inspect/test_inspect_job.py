"""Looking into several models at once: what each answers, what stops none of the others, and asks that change."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from workbench.engine import watching
from workbench.engine.apart import Apart
from workbench.engine.control import Control, StopRequested
from workbench.engine.inspect import looker as looking
from workbench.engine.inspect.artefacts import token_norms
from workbench.engine.inspect.attention import read_attention
from workbench.engine.inspect.painters import drawn_hidden, open_painter, random_hidden
from workbench.engine.inspect.patch_maps import component_maps, segments
from workbench.engine.inspect.vision import open_vision
from workbench.engine.jobs import inspect
from workbench.records.files import write_document, write_text
from workbench.records.inspection import SHOWN, InspectJob, InspectSettings, Sight, sight_file
from workbench.records.runs import ASK, RunFolder
from workbench.records.sight_words import asked_words, column_words
from workbench.records.spec import Reading

# What each view needs of a model beside the pictures. A new one has to say so here.
ARRAYS = {
    "attention": {"attention", "beside", "artefacts"},
    "reconstruction": {"painted", "hidden", "errors", "picture_errors"},
    "patch-pca": {"colours", "foreground", "shares"},
    "likeness": {"values"},
    "segments": {"groups"},
}
EVERY = set().union(*ARRAYS.values()) | {"rollout"}


@pytest.fixture
def files(photographs: list[np.ndarray], tmp_path: Path) -> tuple[str, ...]:
    """Four photographs of different shapes; in the second place a file that is none."""
    made = []
    for number, image in enumerate(photographs):
        made.append(tmp_path / f"{number}.png")
        Image.fromarray(image).save(made[-1])
    (tmp_path / "torn.png").write_bytes(b"no picture")
    return tuple(map(str, (made[0], tmp_path / "torn.png", *made[1:])))


@pytest.fixture
def look(tmp_path: Path, memo: Path) -> Callable[..., list[Sight]]:
    def run(**values: Any) -> list[Sight]:
        job = InspectJob(memo=str(memo), device="cpu", **values)
        folder = RunFolder.create(tmp_path / "runs", job, name=f"look-{time.monotonic_ns()}")
        inspect.run(job, folder, Control(folder))
        return [Sight.load(folder.path / sight_file(place)) for place in range(len(job.models))]

    return run


@pytest.mark.parametrize("show", SHOWN)
def test_every_view_is_answered_beside_a_model_and_a_picture_that_are_damaged(
    show, look, files, published, tmp_path
) -> None:
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    (damaged / "config.json").write_text('{"model_type": "vit_mae"}')
    (damaged / "model.safetensors").write_bytes(b"torn")
    names = (str(damaged), str(published("vit_mae").folder), "nobody/nothing", "histogram")
    wrong, right, absent, floor = look(show=show, models=names, images=files)
    for sight in (wrong, absent, floor):
        assert sight.error and sight.pictures is None
    assert "not on this machine" in absent.error
    assert right.error == "" and (right.depth, right.heads, right.grid) == (3, 4, (4, 4))
    assert [bool(reason) for reason in right.reasons] == [False, True, False, False, False]
    assert {name for name in EVERY if getattr(right, name) is not None} == ARRAYS[show]
    for name in ARRAYS[show] - {"shares"}:
        rows = np.asarray(getattr(right, name), float)
        assert len(rows) == 5, name
        assert not np.nan_to_num(rows[1]).any() or (rows[1] == -1).all(), "the torn picture's row is empty"
    assert not right.pictures[1].any() and right.pictures[0].any()


def test_attention_is_that_of_the_model_in_every_layer_and_head(look, files, published, memo) -> None:
    folder = str(published("registers").folder)
    (sight,) = look(models=(folder,), images=files, rollout="max", layer=2)
    vision = open_vision(folder, memo=memo)
    good = [0, 2, 3, 4]
    pictures = vision.load([Path(files[place]) for place in good])
    np.testing.assert_array_equal(sight.pictures[good], pictures)
    read = read_attention(vision, pictures)
    np.testing.assert_allclose(sight.attention[good], read.rows("cls").patches, atol=1e-3)
    np.testing.assert_allclose(sight.attention[good].sum(-1, dtype=float) + sight.beside[good], 1, atol=2e-3)
    np.testing.assert_allclose(
        sight.rollout[good], read.rollout("cls", fusion="max", through=1), rtol=1e-4, atol=1e-6
    )


def test_a_place_is_the_same_spot_of_the_picture_for_every_model(look, files, published, memo) -> None:
    """dinov2 is shown the middle of a picture, vit all of it, squashed: a place is one of the whole picture."""
    cut, whole = (str(published(kind).folder) for kind in ("dinov2", "vit"))
    across, down = 0.3, 0.6
    first, second = look(models=(cut, whole), images=files, query=f"{across},{down}")
    assert np.array_equal(second.seen, np.tile([0, 0, 1, 1], (5, 1)))
    width, height = Image.open(files[0]).size
    short = 56 / 64 * min(width, height)  # px of the picture that the model is shown, from the middle
    left, top = (width - short) / 2 / width, (height - short) / 2 / height
    np.testing.assert_allclose(first.seen[0], [left, top, 1 - left, 1 - top], atol=0.01)
    for sight, name in ((first, cut), (second, whole)):
        vision = open_vision(name, memo=memo)
        for row in (0, 4):
            box = sight.seen[row]
            at = (across - box[0]) / (box[2] - box[0]), (down - box[1]) / (box[3] - box[1])
            column, line = (min(max(int(part * 4), 0), 3) for part in at)
            assert sight.patch_at(row, (across, down)) == (line, column)
            expected = read_attention(vision, sight.pictures[row : row + 1]).rows(line * 4 + column).patches
            np.testing.assert_allclose(sight.attention[row], expected[0], atol=1e-3)
            back = sight.whole_place(row, (column + 0.5) / 4, (line + 0.5) / 4)
            assert sight.patch_at(row, back) == (line, column)
    inside, outside = (
        look(models=(cut, whole), images=files, query=place) for place in ("0.5,0.5", "0.01,0.5")
    )
    assert not inside[0].notes and not outside[1].notes
    assert any("in 4 pictures the place lies outside" in note for note in outside[0].notes)


def test_what_a_model_has_not_is_replaced_and_told(look, files, published) -> None:
    siglip, mae = (str(published(kind).folder) for kind in ("siglip", "vit_mae"))
    without, with_token = look(models=(siglip, mae), images=files)
    assert any("no class token" in note for note in without.notes)
    assert not any("no class token" in note for note in with_token.notes)
    (deep,) = look(models=(mae,), images=files, rollout="mean", layer=9)
    (last,) = look(models=(mae,), images=files, rollout="mean")
    assert any("3 layers" in note for note in deep.notes) and not last.notes
    assert np.array_equal(deep.rollout, last.rollout)
    convolutional, deep = look(
        models=("efficientnet_lite0", mae), images=files, show="segments", layer=9, image_size=64
    )
    assert any("only the last map" in note for note in convolutional.notes)
    assert any("3 layers: its last" in note for note in deep.notes)
    (refused,) = look(models=("efficientnet_lite0",), images=files, image_size=64)
    assert "no attention to show" in refused.error and refused.title == "EfficientNet-Lite0"


def test_masks_are_the_same_for_every_model_and_what_is_painted_is_the_models_own(
    look, files, published, memo
) -> None:
    folder = str(published("vit_mae").folder)
    one, two = look(show="reconstruction", models=(folder, folder), images=files, seed=3, mask_ratio=0.5)
    assert np.array_equal(one.hidden, two.hidden)
    good = [0, 2, 3, 4]
    hidden = np.tile(random_hidden(4, 0.5, 3), (4, 1, 1))  # all alike: an error isn't the luck of a mask
    assert np.array_equal(one.hidden[good], hidden) and not one.hidden[1].any()
    painted = open_painter(folder, memo=memo).paint(one.pictures[good], hidden)
    assert np.abs(one.painted[good] - painted.painted.clip(0, 1) * 255).max() <= 0.51
    np.testing.assert_allclose(one.errors[good], painted.errors, rtol=1e-5)
    np.testing.assert_allclose(one.picture_errors[good], painted.picture_errors(), rtol=1e-5)
    assert np.isnan(one.picture_errors[1]) and one.statistics == painted.statistics == "pixels"
    boxed = look(show="reconstruction", models=(folder,), images=files, boxes=("0,0,0.5,0.5",))[0]
    assert np.array_equal(boxed.hidden[0], drawn_hidden(np.array([[0, 0, 0.5, 0.5]]), 4))
    (nothing,) = look(show="reconstruction", models=(folder,), images=files, boxes=("0.4,0.4,0.41,0.41",))
    assert (
        any("nothing is hidden" in note for note in nothing.notes) and np.isnan(nothing.picture_errors).all()
    )
    (covered,) = look(show="reconstruction", models=(folder,), images=files, boxes=("0,0,1,1",))
    assert "no visible patch" in covered.error


def test_patch_maps_are_made_over_all_good_pictures(look, files, published, memo) -> None:
    folder = str(published("dinov2").folder)
    vision = open_vision(folder, memo=memo)
    good = [0, 2, 3, 4]
    tokens = vision.tokens(vision.load([Path(files[place]) for place in good]), 1)
    asked = {"models": (folder,), "images": files, "layer": 2}
    (colours,) = look(show="patch-pca", side="outer", **asked)
    np.testing.assert_allclose(colours.colours[good], component_maps(tokens, "outer").colours, atol=1e-5)
    (groups,) = look(show="segments", groups=3, seed=2, **asked)
    assert np.array_equal(groups.groups[good], segments(tokens, 3, 2)) and (groups.groups[1] == -1).all()
    (alike,) = look(show="likeness", query="0.5,0.5", query_image=4, **asked)
    patch = tokens[2, 2, 2]
    slow = [
        [[float(v @ patch / np.linalg.norm(v) / np.linalg.norm(patch)) for v in line] for line in rows]
        for rows in tokens
    ]
    np.testing.assert_allclose(alike.values[good], slow, atol=1e-5)
    mean, token = look(show="likeness", query="mean", **asked)[0], look(show="likeness", **asked)[0]
    assert not np.allclose(mean.values[good], token.values[good], atol=1e-3)
    assert "picture of the query can't be read" in look(show="likeness", query_image=2, **asked)[0].error
    assert "There is no picture 9" in look(show="likeness", query_image=9, **asked)[0].error


@pytest.mark.parametrize("kind", ["vit", "clip"])  # clip has no final norm: another pass tells its norms
def test_scratch_paper_is_counted(look, files, published, monkeypatch, kind) -> None:
    read = looking.read_attention
    made = np.random.default_rng(0).normal(10, 0.5, (4, 4, 4))
    made[0, 1, 2] = made[1, 3, 3] = 90

    def reading(vision: Any, pictures: np.ndarray) -> Any:
        found = read(vision, pictures)
        assert (found.norms is None) == (kind == "clip")
        if found.norms is None:
            return found
        np.testing.assert_allclose(found.norms, token_norms(vision, pictures), rtol=1e-5)
        return replace(found, norms=made)

    monkeypatch.setattr(looking, "read_attention", reading)
    monkeypatch.setattr(looking, "token_norms", lambda *_: made)
    (sight,) = look(models=(str(published(kind).folder),), images=files)
    assert np.argwhere(sight.artefacts).tolist() == [[0, 1, 2], [2, 3, 3]]
    assert any("2 patches of 64" in note for note in sight.notes)


def test_pictures_are_read_as_the_curation_says(look, published, tmp_path) -> None:
    ramp = (np.arange(64)[None, :] * 10 + 1000 + np.zeros((64, 1))).astype(np.uint16)
    Image.fromarray(ramp).save(tmp_path / "deep.png")
    path = tmp_path / "curation.json"
    write_document(path, "curation", 1, {"reading": {"window": "u16=1000:1640"}})
    asked = {"models": (str(published("vit").folder),), "images": (str(tmp_path / "deep.png"),)}
    (plain,), (read,) = look(**asked), look(curation=str(path), **asked)
    assert np.ptp(plain.pictures) < 10 and np.ptp(read.pictures) > 240


def test_memory_that_is_full_halves_the_batch(look, files, published, monkeypatch) -> None:
    folder = str(published("dinov2").folder)
    (whole,) = look(models=(folder,), images=files)
    sizes, read = [], read_attention

    def full(vision: Any, pictures: np.ndarray) -> Any:
        sizes.append(len(pictures))
        if len(pictures) > 1:
            raise RuntimeError("CUDA out of memory")
        return read(vision, pictures)

    monkeypatch.setattr(looking, "read_attention", full)
    (parts,) = look(models=(folder,), images=files)
    assert sizes == [4, 2, 1, 1, 1, 1]
    np.testing.assert_allclose(parts.attention, whole.attention, atol=1e-3)
    monkeypatch.setattr(
        looking, "read_attention", lambda *_: (_ for _ in ()).throw(RuntimeError("out of memory"))
    )
    assert "memory is too small" in look(models=(folder,), images=files)[0].error


def test_a_model_that_finds_no_room_makes_some(files, published, monkeypatch, memo, tmp_path) -> None:
    """The first model leaves the device when the second doesn't fit beside it."""
    opening, opened = looking.open_vision, []
    first, second = (str(published(kind).folder) for kind in ("dinov2", "vit"))
    looker = looking.Looker("cpu", Apart(tmp_path))

    def fits_alone(name: str, *more: Any, **values: Any) -> Any:
        opened.append(name)
        if len(looker._models):
            raise RuntimeError("CUDA out of memory")
        return opening(name, *more, **values)

    monkeypatch.setattr(looking, "open_vision", fits_alone)
    for name in (first, second):
        job = InspectJob(models=(name,), images=files, show="segments", groups=2, memo=str(memo))
        assert not looker.look(job, name, Reading()).error
    assert opened == [first, second, second]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"models": ()}, "Choose a model"),
        ({"images": ()}, "no picture to look at"),
        ({"pages": (0, 1)}, "2 pages"),
        ({"query": "left"}, 'not "left"'),
        ({"boxes": ("1,1,0,0",)}, "box must be"),
    ],
)
def test_what_no_model_can_answer_is_said_at_once(values, said, look, files) -> None:
    with pytest.raises(ValueError, match=said):
        look(**{"models": ("random_vit",), "images": files, **values})


def test_files_that_all_fail_are_said(look, tmp_path, published) -> None:
    gone = tuple(str(tmp_path / name) for name in ("gone.png", "lost.png"))
    (sight,) = look(models=(str(published("vit").folder),), images=gone)
    assert "Not one of the pictures can be read" in sight.error
    (sight,) = look(models=(str(published("vit").folder),), images=gone[:1])
    assert sight.error.startswith("The picture can't be read. The file is not there any more")


@pytest.mark.parametrize("show", ["attention", "reconstruction", "patch-pca"])
def test_one_size_serves_models_of_other_patches(show, look, files, published) -> None:
    """Patches of 16 px tile 80 and not 70; the nearest that they do is taken, and told."""
    model = str(published("vit_mae").folder)
    (own,), (larger,), (odd,) = (
        look(show=show, models=(model,), images=files, image_size=size) for size in (0, 96, 70)
    )
    assert (own.grid, larger.grid, odd.grid) == ((4, 4), (6, 6), (4, 4))
    assert [sight.pictures.shape[1] for sight in (own, larger, odd)] == [64, 96, 64]
    said = "It gets 64 px: its patches don't tile 70."
    assert said in odd.notes and not any("px" in note for note in (*own.notes, *larger.notes))
    settings = InspectSettings(show=show, image_size=96)
    assert column_words(larger, settings).endswith(", 96 px")
    assert not column_words(own, InspectSettings(show=show)).endswith("px")
    assert asked_words(settings).endswith("Every model gets 96 px, or what its patches tile.")


class Watched:
    """A watching job in a thread, and its folder."""

    def __init__(self, work: Path, values: dict[str, Any]) -> None:
        self.values = values
        job = InspectJob(watch=True)
        self.run = RunFolder.create(work, job)
        self.control = Control(self.run)
        self.ended: list[str] = []
        self.thread = threading.Thread(target=self._work, args=(job,))
        self.thread.start()

    def _work(self, job: InspectJob) -> None:
        try:
            inspect.run(job, self.run, self.control)
        except StopRequested:
            self.ended.append("stopped")

    def ask(self, number: int, **values: Any) -> None:
        body = {"ask": number, "config": {**self.values, **values}}
        write_text(self.run.path / ASK, json.dumps(body))

    def answer(self, number: int, place: int = 0) -> Sight:
        path = self.run.path / sight_file(place)
        until = time.monotonic() + 20
        while not path.exists() or Sight.load(path).ask != number:
            assert self.thread.is_alive() and time.monotonic() < until, "nothing came"
            time.sleep(0.01)
        return Sight.load(path)


@pytest.fixture
def watched(tmp_path: Path, memo: Path, files, published) -> Iterator[Watched]:
    models = (str(published("dinov2").folder), "random_vit")
    values = asdict(InspectJob(models=models, images=files, device="cpu", memo=str(memo), image_size=56))
    values["image_size"] = 0
    made = Watched(tmp_path / "watched", values)
    yield made
    made.control.command("stop")
    made.thread.join(20)
    assert made.ended == ["stopped"]


def test_it_answers_again_and_keeps_models_and_pictures(watched, files, monkeypatch) -> None:
    opened, read = [], []
    opening, reading = looking.open_vision, looking.read_attention
    monkeypatch.setattr(looking, "open_vision", lambda *a, **k: opened.append(a[0]) or opening(*a, **k))
    monkeypatch.setattr(looking, "read_attention", lambda *a: read.append(1) or reading(*a))
    watched.ask(1)
    first, other = watched.answer(1), watched.answer(1, 1)
    assert first.attention.shape[:2] == (5, 3) and other.attention.shape[1] == 12
    watched.ask(2, query="0.5,0.5")
    second = watched.answer(2)
    assert not np.array_equal(first.attention, second.attention)
    watched.answer(2, 1)
    watched.ask(3, query="lost")
    assert 'not "lost"' in watched.answer(3).error and 'not "lost"' in watched.answer(3, 1).error
    write_text(watched.run.path / ASK, "{")
    assert "Ask again" in watched.answer(0).error
    watched.ask(4, models=watched.values["models"][:1])
    again = watched.answer(4)
    assert np.array_equal(first.attention, again.attention)
    assert len(opened) == 2 and len(read) == 2, "models and what they read are kept"
    until = time.monotonic() + 5
    while (watched.run.path / sight_file(1)).exists():
        assert time.monotonic() < until, "the sight of a model that is no longer asked stays"
        time.sleep(0.01)


def test_an_older_ask_is_given_up_for_a_newer_one(watched, monkeypatch) -> None:
    """The second ask is written while the first one's first model works: its second model never answers it."""
    answered, look = [], looking.Looker.look
    going, go_on = threading.Event(), threading.Event()

    def slow(self: Any, job: InspectJob, model: str, reading: Any) -> Sight:
        answered.append((job.seed, model))
        if job.seed == 1:
            going.set()
            assert go_on.wait(10)
        return look(self, job, model, reading)

    monkeypatch.setattr(looking.Looker, "look", slow)
    watched.ask(1, seed=1)
    assert going.wait(10)
    watched.ask(2, seed=2)
    go_on.set()
    watched.answer(2, 1)
    dinov2, random = watched.values["models"]
    assert answered == [(1, dinov2), (2, dinov2), (2, random)]


def test_it_ends_when_nobody_asks(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(watching, "PATIENCE_SECONDS", 0.2)
    job = InspectJob(watch=True)
    run = RunFolder.create(tmp_path, job)
    assert inspect.run(job, run, Control(run)) == {"answered": 0}
