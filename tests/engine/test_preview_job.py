"""Previews: the pretraining's own views, answered again when the file changes, also after a wrong wish."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.engine.pretrain.made import pretrain_job
from workbench.engine import watching
from workbench.engine.control import Control, StopRequested
from workbench.engine.jobs import preview
from workbench.engine.methods.base import Draw
from workbench.engine.methods.mae import MAE
from workbench.records.files import write_text
from workbench.records.pretrain_job import PreviewJob
from workbench.records.pretrain_plans import PREVIEW, PREVIEW_ERROR, Preview
from workbench.records.runs import RunFolder


class Window:
    """Writes what is asked, and reads the answer."""

    def __init__(self, pictures: Path, work: Path) -> None:
        self.values = asdict(pretrain_job(pictures, work))
        self.ask_file = work / "ask.json"
        self.work = work

    def ask(self, number: int = 1, **values: Any) -> None:
        more = {key: values.pop(key) for key in ("draw",) if key in values}
        write_text(self.ask_file, json.dumps({"ask": number, **more, "config": {**self.values, **values}}))

    def start(self, **more: Any) -> tuple[RunFolder, Control, PreviewJob]:
        job = PreviewJob(pretrain=str(self.ask_file), **more)
        run = RunFolder.create(self.work / "runs", job, name=f"preview-{time.monotonic_ns()}")
        return run, Control(run), job

    def drawn(self, number: int = 1, images: int = 6, **values: Any) -> Preview:
        self.ask(number, **values)
        run, control, job = self.start(images=images)
        preview.run(job, run, control)
        return Preview.load(run.path / PREVIEW)


@pytest.fixture
def window(picture_folder: Path, tmp_path: Path) -> Window:
    return Window(picture_folder, tmp_path / "work")


def test_it_shows_pictures_of_every_class_and_where_their_views_lie(window: Window) -> None:
    shown = window.drawn(7, images=6)
    assert shown.ask == 7 and shown.kinds == ("two views", "two views")
    assert shown.pictures.shape == (6, 32, 32, 3) and {view.shape for view in shown.views} == {(6, 32, 32, 3)}
    assert shown.boxes.shape == (6, 2, 4, 2) and shown.masks == (None, None)
    assert (shown.shapes == [64, 48]).all()
    colours = shown.pictures.mean((1, 2)).argmax(1)
    assert np.bincount(colours, minlength=3).tolist() == [2, 2, 2], "two of every class"
    assert len(set(shown.names)) >= 2


def test_the_test_part_is_never_shown(window: Window) -> None:
    from workbench.engine.pretrain.pool import find_pool

    job = pretrain_job(Path(), window.work)
    pool = find_pool(job)
    learnt = {pool.files[place].name for place in np.flatnonzero(pool.learn)}
    everything = window.drawn(images=64)
    assert len(everything.names) == pool.learn.sum() < 36
    assert set(everything.names) == learnt


def test_a_draw_is_repeated_and_another_is_another(window: Window) -> None:
    first, again, other = window.drawn(), window.drawn(), window.drawn(draw=1)
    assert all(np.array_equal(a, b) for a, b in zip(first.views, again.views, strict=True))
    assert first.names == other.names and not np.array_equal(first.boxes, other.boxes)


def test_preset_and_changes_are_obeyed(window: Window) -> None:
    plain = ("jitter=0", "grey=0", "blur=0", "crop_min=1", "mirror=0", "flip=0", "quarters=0")
    still = window.drawn(augment=plain, preset="satellite")
    assert np.abs(still.views[0].astype(int) - still.pictures).max() <= 90, (
        "only the ratio of the crop differs"
    )
    assert np.array_equal(still.boxes[:, 0], still.boxes[:, 1])
    second = window.drawn(augment=(*plain, "solarise=1"))
    assert not np.array_equal(second.views[0], still.views[0])


def test_hidden_patches_are_those_that_a_step_would_hide(window: Window) -> None:
    shown = window.drawn(draw=3, method="mae", settings=("mask_ratio=0.5",))
    expected = MAE.hidden(MAE.Config(mask_ratio=0.5), Draw(0, 3, 6, slice(0, 6)), 6, 4, 0)
    [mask] = shown.masks
    assert mask is not None and expected is not None
    assert np.array_equal(mask, expected.view(6, 4, 4).numpy()) and (mask.sum((1, 2)) == 8).all()
    several = window.drawn(method="ibot", settings=())
    assert several.kinds[0] != several.kinds[-1] and several.masks[0] is not None
    assert several.masks[-1] is None, "nothing of local crops is hidden"


def test_sixteen_bit_pictures_are_shown(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "a"
    folder.mkdir(parents=True)
    for number in range(3):
        ramp = (np.arange(48)[None, :] * 1300 + number * 100 + np.zeros((40, 1))).astype(np.uint16)
        Image.fromarray(ramp).save(folder / f"{number}.png")
    shown = Window(folder.parent, tmp_path / "work").drawn(preset="xray")
    assert shown.pictures.shape == (3, 32, 32, 3)
    assert shown.pictures[..., -1, 0].min() > 200 > shown.pictures[..., 0, 0].max()


def wait_for(what: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not what():
        assert time.monotonic() < until, "nothing came"
        time.sleep(0.01)


def test_it_answers_again_and_outlives_what_is_asked_wrongly(
    window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded = []
    gather = preview.fill
    monkeypatch.setattr(preview, "fill", lambda *args: decoded.append(1) or gather(*args))
    run, control, job = window.start(watch=True, images=3)
    ended = []

    def work() -> None:
        try:
            preview.run(job, run, control)
        except StopRequested:
            ended.append("stopped")

    thread = threading.Thread(target=work)
    thread.start()
    window.ask(1)
    wait_for(lambda: (run.path / PREVIEW).exists() and Preview.load(run.path / PREVIEW).ask == 1)
    window.ask(2, augment=("hue=7",))
    error = run.path / PREVIEW_ERROR
    wait_for(error.exists)
    body = json.loads(error.read_text())
    assert body["ask"] == 2 and "hue must be between" in body["error"]
    assert Preview.load(run.path / PREVIEW).ask == 1
    write_text(window.ask_file, "{")
    wait_for(lambda: json.loads(error.read_text())["ask"] == 0)
    window.ask(3, augment=("hue=0",))
    wait_for(lambda: Preview.load(run.path / PREVIEW).ask == 3)
    wait_for(lambda: not error.exists())
    assert len(decoded) == 1, "pictures are kept"
    control.command("stop")
    thread.join(10)
    assert ended == ["stopped"]


def test_it_ends_when_nobody_asks(window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "PATIENCE_SECONDS", 0.2)
    window.ask(1)
    run, control, job = window.start(watch=True)
    assert preview.run(job, run, control)["answered"] == 1


def test_what_no_pretraining_can_be_is_said(window: Window) -> None:
    with pytest.raises(ValueError, match="no architecture 'vit_huge_imagined'"):
        window.drawn(backbone="vit_huge_imagined")
    with pytest.raises(ValueError, match="does not hold the values"):
        run, control, job = window.start()
        window.ask_file.unlink(missing_ok=True)
        preview.run(job, run, control)
    with pytest.raises(ValueError, match="takes a transformer"):
        window.drawn(method="mae", backbone="resnet18", patch_size=0, settings=())
    with pytest.raises(ValueError, match="no multiple"):
        window.drawn(patch_size=7)


def test_a_convolutional_network_has_views_and_no_masks(window: Window) -> None:
    shown = window.drawn(backbone="resnet18", patch_size=0)
    assert shown.masks == (None, None) and shown.views[0].shape[1:3] == (32, 32)
