"""The neighbours job: a picture from outside is embedded as the items were, and refused where it can't be."""

from __future__ import annotations

import contextlib
import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.engine.backbones.conftest import photographs, published
from tests.indices import counted
from workbench.engine import watching
from workbench.engine.backbones import load as load_module
from workbench.engine.control import Control, StopRequested
from workbench.engine.jobs import embed, neighbours
from workbench.records.embeddings import Embeddings, read_h5ad, write_h5ad
from workbench.records.features import FeatureStore
from workbench.records.files import DocumentError, write_text
from workbench.records.jobs import EmbedJob, NeighboursJob
from workbench.records.neighbours_job import RESULT, NeighboursResult, item_file, votes
from workbench.records.runs import ASK, RunFolder

__all__ = ["photographs", "published"]  # fixtures

Ask = Callable[..., NeighboursResult]


@pytest.fixture
def embedded(tmp_path: Path, picture_folder: Path) -> Callable[..., Path]:
    """Embeds the folder and returns the file."""

    def make(backbone: str, name: str = "", **more: Any) -> Path:
        index = tmp_path / "index.npz"
        counted(picture_folder).save(index)
        job = EmbedJob(
            index=str(index), backbone=backbone, cache=str(tmp_path / "cache"), device="cpu", **more
        )
        run = RunFolder.create(tmp_path / "runs", job)
        embed.run(job, run, Control(run))
        out = tmp_path / f"{name or Path(backbone).name}.h5ad"
        shutil.move(run.path / "embeddings.h5ad", out)
        return out

    return make


@pytest.fixture
def ask(tmp_path: Path, picture_folder: Path) -> Ask:
    def run_it(images: list[str | Path], files: list[Path], k: int = 5, **more: Any) -> NeighboursResult:
        job = NeighboursJob(
            images=tuple(map(str, images)),
            files=tuple(map(str, files)),
            k=k,
            device="cpu",
            **{"folders": (str(picture_folder),), **more},
        )
        run = RunFolder.create(tmp_path / "runs", job)
        neighbours.run(job, run, Control(run))
        ask_run.append(run)
        return NeighboursResult.load(run.path / "neighbours.json")

    ask_run: list[RunFolder] = []
    run_it.runs = ask_run  # type: ignore[attr-defined]
    return run_it


def test_an_image_of_the_data_set_finds_itself_from_outside(
    ask: Ask, embedded: Callable[..., Path], published: Any, picture_folder: Path, tmp_path: Path
) -> None:
    """By a floor, a small network that is read at its last layer, and one at two layers and another size."""
    network = str(published("vit").folder)
    files = [
        embedded("histogram", image_size=64),
        embedded(network, "last"),
        embedded(network, "inner", layers="1,2", feature="mean", image_size=32, precision="bf16"),
    ]
    own = picture_folder / "red" / "lot3_09.png"
    copy = tmp_path / "elsewhere.png"
    shutil.copy(own, copy)
    found = ask([copy], files)
    assert all(file.title for file in found.files) and [file.items for file in found.files] == [36] * 3
    (image,) = found.images
    for answer in image.answers:
        first = answer.nearest[0]
        assert (first.path, first.label) == ("red/lot3_09.png", "red")
        assert 0 <= first.distance < 1e-5 < answer.nearest[1].distance
        assert [item.distance for item in answer.nearest] == sorted(item.distance for item in answer.nearest)
        assert len(answer.nearest) == 5
    assert [item.path for item in image.same] == ["red/lot3_09.png"] and image.label == "red"
    assert image.told() == "The same file as red/lot3_09.png, which is in the data set"
    (run,) = ask.runs  # type: ignore[attr-defined]
    stores = [FeatureStore(folder) for folder in (run.path / "features").iterdir()]
    assert [len(store) for store in stores] == [1, 1, 1]


def test_distances_are_those_of_the_file_by_a_slow_way(
    ask: Ask, embedded: Callable[..., Path], published: Any, picture_folder: Path, tmp_path: Path
) -> None:
    """A new picture is embedded with the others once more, and compared in double precision."""
    pixels = np.random.default_rng(4).integers(0, 120, (50, 41, 3), dtype=np.uint8)
    pixels[..., 1] += 100
    outside = tmp_path / "new.png"
    Image.fromarray(pixels).save(outside)
    network = str(published("vit").folder)
    file = embedded(network, "before")
    answer = ask([outside], [file], 36).images[0].answers[0]
    shutil.copy(outside, picture_folder / "green" / "new.png")
    again = read_h5ad(embedded(network, "after"))
    vectors = again.X.astype(float) / np.linalg.norm(again.X.astype(float), axis=1, keepdims=True)
    apart = 1 - vectors @ vectors[again.paths.index("green/new.png")]
    wanted = {name: apart[row] for row, name in enumerate(again.paths) if name != "green/new.png"}
    assert {item.path for item in answer.nearest} == set(wanted)
    for item in answer.nearest:
        assert item.distance == pytest.approx(wanted[item.path], abs=1e-5)


def test_an_item_is_asked_for_by_id_or_path_and_is_not_its_own_neighbour(
    ask: Ask, embedded: Callable[..., Path]
) -> None:
    file = embedded("histogram", image_size=64)
    items = read_h5ad(file)
    row = items.paths.index("blue/lot0_00.png")
    found = ask([items.ids[row], "blue/lot0_00.png"], [file], 40)
    unit = items.X / np.linalg.norm(items.X, axis=1, keepdims=True)
    apart = 1 - (unit @ unit[row]).astype(float)
    for image in found.images:
        assert (image.item.id, image.label, image.told()) == (items.ids[row], "blue", "In the data set")
        (answer,) = image.answers
        assert len(answer.nearest) == 35 and items.ids[row] not in {item.id for item in answer.nearest}
        for item in answer.nearest:
            assert item.distance == pytest.approx(apart[items.ids.index(item.id)], abs=1e-5)
    with pytest.raises(ValueError, match=r"blue/none\.png is neither a file .* histogram\.h5ad"):
        ask(["blue/none.png"], [file])


def test_a_copy_is_told_by_its_looks_where_the_images_are_known(
    ask: Ask,
    embedded: Callable[..., Path],
    photographs: list[np.ndarray],
    picture_folder: Path,
    tmp_path: Path,
) -> None:
    Image.fromarray(photographs[0]).resize((300, 200)).save(picture_folder / "red" / "china.png")
    file = embedded("histogram", image_size=64)
    copy = tmp_path / "smaller.jpg"
    Image.fromarray(photographs[0]).resize((240, 160)).save(copy, quality=80)
    new = tmp_path / "flower.png"
    Image.fromarray(photographs[1]).resize((300, 200)).save(new)
    copied, other = ask([copy, new], [file]).images
    assert not copied.same and [item.path for item in copied.copies] == ["red/china.png"]
    assert copied.told() == "A copy of red/china.png, which is in the data set" and copied.label == ""
    assert not other.same and not other.copies and other.told() == "Not in the data set"
    assert not ask([copy], [file], folders=()).images[0].copies
    # Another picture by that name now: what looks like it is not the item.
    Image.fromarray(photographs[0]).resize((280, 190)).save(picture_folder / "red" / "china.png")
    assert not ask([copy], [file]).images[0].copies


def test_a_file_of_another_backbone_has_no_answer_and_stops_no_other(
    ask: Ask, embedded: Callable[..., Path], published: Any, picture_folder: Path, tmp_path: Path
) -> None:
    model = tmp_path / "model"
    shutil.copytree(published("vit").folder, model)
    changed, fine = embedded(str(model), "changed"), embedded("histogram", image_size=64)
    imported = tmp_path / "imported.h5ad"
    items = read_h5ad(fine)
    write_h5ad(imported, Embeddings(X=items.X, ids=items.ids, paths=items.paths))
    weights = next(model.glob("*.safetensors"))
    data = bytearray(weights.read_bytes())
    data[-3] ^= 1
    weights.write_bytes(bytes(data))
    own = picture_folder / "red" / "lot3_09.png"
    answers = ask([own], [changed, imported, fine]).images[0].answers
    assert "its weights are others by now. Embed the images again." in answers[0].error
    assert "changed.h5ad" in answers[0].error and not answers[0].nearest
    assert "imported.h5ad doesn't say how its vectors were made" in answers[1].error
    assert not answers[2].error and answers[2].nearest[0].path == "red/lot3_09.png"
    config = json.loads((model / "preprocessor_config.json").read_text())
    shutil.copy(next(published("vit").folder.glob("*.safetensors")), weights)
    (model / "preprocessor_config.json").write_text(json.dumps({**config, "image_std": [0.31, 0.32, 0.33]}))
    assert "it is read in another way by now" in ask([own], [changed]).images[0].answers[0].error
    shutil.rmtree(model)
    error = ask([own], [changed]).images[0].answers[0].error
    assert "made the vectors of changed.h5ad and can't be used" in error and str(model) in error
    # An item needs no backbone.
    assert ask(["red/lot3_09.png"], [changed]).images[0].answers[0].nearest


def test_a_picture_that_cannot_be_read_says_why(
    ask: Ask, embedded: Callable[..., Path], tmp_path: Path
) -> None:
    torn, sound = tmp_path / "torn.png", tmp_path / "sound.png"
    torn.write_bytes(b"no picture")
    Image.fromarray(np.full((30, 30, 3), 90, np.uint8)).save(sound)
    first, second = ask([torn, sound], [embedded("histogram", image_size=64)]).images
    assert first.answers[0].error and not first.answers[0].nearest
    assert second.answers[0].nearest and not second.answers[0].error


def test_votes_and_files_of_items(tmp_path: Path) -> None:
    assert votes(["b", "a", "b", ""]) == "2 b, 1 a, 1 without a label" and votes(["", ""]) == ""
    assert votes([*"aabbccde"]) == "2 a, 2 b, 2 c, 2 of other classes"
    (tmp_path / "one" / "in").mkdir(parents=True)
    (tmp_path / "two").mkdir()
    for name in ("one/in/a.tif", "two/a.tif"):
        (tmp_path / name).write_bytes(b"")
    one, two = str(tmp_path / "one"), str(tmp_path / "two")
    assert item_file("in/a.tif#page=3", (one,)) == (tmp_path / "one/in/a.tif", 2)
    assert item_file("two/a.tif", (one, two)) == (tmp_path / "two/a.tif", 0)
    assert item_file("two/a.tif", (one,)) is None and item_file("three/a.tif", (one, two)) is None
    assert item_file("a.tif", ()) is None


# A worker that stays


class Watched:
    """The job in a thread of its own, asked as the window asks."""

    def __init__(self, folder: Path) -> None:
        job = NeighboursJob(watch=True, device="cpu")
        self.run = RunFolder.create(folder, job)
        self.control = Control(self.run)
        self.ended: list[str] = []
        self._number = 0
        self._thread = threading.Thread(target=self._work, args=(job,))
        self._thread.start()

    def _work(self, job: NeighboursJob) -> None:
        try:
            neighbours.run(job, self.run, self.control)
        except StopRequested:
            self.ended.append("stopped")

    def write(self, text: str) -> None:
        write_text(self.run.path / ASK, text)

    def ask(self, *images: Path, files: list[Path], **more: Any) -> int:
        self._number += 1
        config = {"images": list(map(str, images)), "files": list(map(str, files)), "device": "cpu", **more}
        self.write(json.dumps({"ask": self._number, "config": config}))
        return self._number

    def answer(self, number: int) -> NeighboursResult:
        limit = time.monotonic() + 20
        while time.monotonic() < limit:
            with contextlib.suppress(DocumentError):
                result = NeighboursResult.load(self.run.path / RESULT)
                if result.ask == number:
                    return result
            time.sleep(0.01)
        raise AssertionError(f"{number} is not answered")

    def stop(self) -> None:
        self.control.command("stop")
        self._thread.join(20)
        assert not self._thread.is_alive()


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    made = Watched(tmp_path / "runs")
    yield made
    made.stop()
    assert made.ended == ["stopped"]


def test_a_worker_that_stays_answers_as_a_fresh_one_and_loads_models_once(
    ask: Ask,
    watched: Watched,
    embedded: Callable[..., Path],
    published: Any,
    picture_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files = [embedded("histogram", image_size=64), embedded(str(published("vit").folder), "network")]
    one, other = picture_folder / "red" / "lot3_09.png", tmp_path / "new.png"
    Image.fromarray(np.full((40, 30, 3), (20, 160, 70), np.uint8)).save(other)
    folders = (str(picture_folder),)
    expected = [ask([picture], files, folders=folders).images for picture in (one, other)]
    loaded, read = [], []
    load, reader = load_module.load_backbone, neighbours.read_h5ad
    monkeypatch.setattr(
        load_module,
        "load_backbone",
        lambda spec, device: (loaded.append(spec.backbone), load(spec, device))[1],
    )
    monkeypatch.setattr(
        neighbours, "read_h5ad", lambda path, **how: (read.append(path), reader(path, **how))[1]
    )
    asked = {"files": files, "k": 5, "folders": folders}
    assert [watched.answer(watched.ask(each, **asked)).images for each in (one, other, one)] == [
        *expected,
        expected[0],
    ]
    assert len(loaded) == 2 and sorted(read) == sorted(files)
    # A file that is another by now is read again, and what can't be asked is said; the worker stays.
    items = read_h5ad(files[0])
    write_h5ad(files[0], Embeddings(X=items.X, ids=items.ids, paths=items.paths))
    answers = watched.answer(watched.ask(one, **asked)).images[0].answers
    assert "doesn't say how its vectors were made" in answers[0].error and answers[1].nearest
    assert watched.answer(watched.ask(files=files)).error.startswith("Name a picture")
    watched.write("{")
    assert watched.answer(0).error.startswith("What is asked can't be read")
    assert watched.answer(watched.ask(other, **asked)).images[0].answers[1] == expected[1][0].answers[1]


def test_a_newer_picture_is_answered_at_once(
    watched: Watched, embedded: Callable[..., Path], picture_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [embedded("histogram", name, image_size=64) for name in ("one", "two")]
    going, go_on = threading.Event(), threading.Event()
    seen: list[str] = []
    same_feature = neighbours._same_feature

    def slow(source: Any, device: str) -> Any:
        seen.append(source.path.stem)
        if len(seen) == 1:
            going.set()
            assert go_on.wait(10)
        return same_feature(source, device)

    monkeypatch.setattr(neighbours, "_same_feature", slow)
    watched.ask(picture_folder / "red" / "lot3_09.png", files=files)
    assert going.wait(10)
    number = watched.ask(picture_folder / "blue" / "lot0_00.png", files=files)
    go_on.set()
    assert watched.answer(number).images[0].answers[0].nearest[0].path == "blue/lot0_00.png"
    assert seen == ["one", "one", "two"], "the second file was asked about the first picture too"


def test_a_worker_ends_when_nobody_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "PATIENCE_SECONDS", 0.2)
    run = RunFolder.create(tmp_path, NeighboursJob(watch=True))
    assert neighbours.run(NeighboursJob(watch=True), run, Control(run)) == {"answered": 0}
