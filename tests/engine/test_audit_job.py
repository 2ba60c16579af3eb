"""The audit finds the one change that a planted label doesn't survive, and opens no test image."""

from __future__ import annotations

import colorsys
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.engine.finetune.tuning import small_vit
from tests.engine.pretrain.made import pretrain_job
from workbench.engine.control import Control
from workbench.engine.jobs import audit
from workbench.engine.methods.simclr import SimCLR
from workbench.engine.pretrain.pool import Pool
from workbench.records.augmentation import CHANGEABLE, Augmentation, View, changed, under_preset
from workbench.records.index import ImageIndex
from workbench.records.pretrain_job import AuditJob
from workbench.records.pretrain_plans import AUDIT, Audit, AuditRow
from workbench.records.project import counting_index
from workbench.records.runs import RunFolder
from workbench.records.splits import make_split
from workbench.records.view_trials import STILL, changes, trials


@pytest.fixture
def hues(tmp_path: Path) -> Path:
    """150 noisy pictures in 3 classes whose hues lie a sixth of the colour circle apart, at any brightness."""
    rng = np.random.default_rng(2)
    root = tmp_path / "hues"
    for number, name in enumerate(("amber", "green", "red")):
        (root / name).mkdir(parents=True)
        for i in range(50):
            hue = (0.02 + 0.17 * number + rng.normal(0, 0.01)) % 1
            colour = np.array(colorsys.hsv_to_rgb(hue, rng.uniform(0.6, 0.8), rng.uniform(0.35, 0.75)))
            pixels = 255 * colour + rng.normal(0, 12, (32, 44, 3))
            Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(root / name / f"{i}.png")
    return root


class Auditing:
    def __init__(self, folder: Path, work: Path) -> None:
        self.work = work
        self.values = asdict(pretrain_job(folder, work))
        self.backbone = small_vit(work / "small-vit")

    def run(self, seeds: int = 4, images: int = 2000, **values: Any) -> Audit:
        ask = self.work / "ask.json"
        ask.write_text(json.dumps({"ask": 1, "config": {**self.values, **values}}))
        job = AuditJob(
            pretrain=str(ask), backbone=str(self.backbone), seeds=seeds, images=images, device="cpu"
        )
        run = RunFolder.create(self.work / "runs", job, name=f"audit-{len(list(self.work.glob('runs/*')))}")
        audit.run(job, run, Control(run))
        assert not list(run.path.glob("pixels-*")), "decoded pixels are gone"
        return Audit.load(run.path / AUDIT)


@pytest.mark.slow
def test_what_the_label_hangs_on_is_found_and_the_rest_acquitted(hues: Path, tmp_path: Path) -> None:
    auditing = Auditing(hues, tmp_path / "work")
    found = auditing.run()
    assert (found.metric, found.seeds, found.images) == ("accuracy", 4, 120)
    assert found.unchanged > 0.95
    rows = {row.change: row for row in found.rows}
    assert set(rows) == {
        "crop_min",
        "mirror",
        "brightness,contrast",
        "saturation,hue",
        "grey",
        "blur",
    }
    assert {change for change, row in rows.items() if row.destroys} == {"saturation,hue", "grey"}
    assert [row.cost for row in found.rows] == sorted((row.cost for row in found.rows), reverse=True)
    assert rows["grey"].instead == ("1.grey=0",) and rows["grey"].cost > 30
    for row in found.rows:
        assert row.interval is not None and row.interval[0] <= row.cost <= row.interval[1]
        milder = changed(SimCLR.views(), row.instead).views[0]
        assert bool(row.instead) == row.destroys
        if row.change == "saturation,hue":
            assert milder.hue < 0.2 and milder.brightness == 0.8
    assert "colour jitter" in found.sentence and "points of accuracy" in found.sentence
    assert "the labels do not survive colour taken away and colour jitter" in found.sentence
    spared = auditing.run(preset="histology")
    assert "grey" not in {row.change for row in spared.rows}
    assert not any(row.destroys for row in spared.rows) and "do not survive" not in spared.sentence


def test_no_image_of_the_test_part_is_opened_and_a_sample_is_stratified(
    hues: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Pool] = []
    fill = audit.fill
    monkeypatch.setattr(audit, "fill", lambda pool, *rest: opened.append(pool) or fill(pool, *rest))
    auditing = Auditing(hues, tmp_path / "work")
    still = ("crop_min=1", "mirror=0", "jitter=0", "grey=0", "blur=0")
    found = auditing.run(seeds=1, images=60, augment=still)
    assert found.rows == () and "change nothing" in found.sentence
    index = counting_index(Path(auditing.values["index"]), "", ())
    split = make_split(index.ids, index.label, None, seed=0, plan=index.plan)
    test = {index.digest[i].tobytes() for i in np.flatnonzero(split.part == 2)}
    [pool] = opened
    assert len(pool.files) == 60 and np.bincount(pool.label).tolist() == [20, 20, 20]
    assert not test & {digest.tobytes() for digest in pool.digests}


def test_the_sentence_says_what_is_not_known() -> None:
    def row(title: str, cost: float, low: float, high: float) -> AuditRow:
        return AuditRow(change=title, title=title, cost=cost, interval=(low, high), destroys=low > 2)

    lost, spared, open_ = row("grey", 30, 20, 40), row("blur", 0.5, 0, 1), row("light", 3, -5, 11)
    assert audit._sentence([lost, open_, row("crops", 2, -1, 5), spared], "accuracy") == (
        "What the views cost on this data, in points of accuracy: grey 30.0, light 3.0, crops 2.0, blur 0.5; the "
        "labels do not survive grey; there are too few labels to acquit light and crops."
    )
    assert audit._sentence([spared], "accuracy").endswith("blur 0.5; the labels survive each of them.")


def test_one_class_is_not_enough(hues: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="two or more"):
        Auditing(hues / "red", tmp_path / "work").run()


def test_copies_stay_on_one_side(hues: Path, tmp_path: Path) -> None:
    auditing = Auditing(hues, tmp_path / "work")
    path = Path(auditing.values["index"])
    index = ImageIndex.load(path)
    index.copies[:] = np.where(np.arange(len(index)) < 20, np.arange(len(index)) // 2, -1)
    sample = audit._sample(index, pretrain_job(hues, tmp_path / "work"), 2000)
    together = sample.groups[sample.groups >= 0]
    assert len(together) and set(np.unique(together, return_counts=True)[1]) <= {1, 2}


SEVERAL = Augmentation(
    views=(
        View(name="global", crop_min=0.3, flip=0.5, rotate=10, jitter=0.8, brightness=0.4, hue=0.1, blur=1.0),
        View(name="second", crop_min=0.4, jitter=0.8, brightness=0.8, blur=0.1, blur_max=3.0, solarise=0.2),
        View(name="local", count=6, share=96 / 224, crop_min=0.05, crop_max=0.25, mirror=0.0),
    )
)


def test_every_kind_of_change_is_tried_alone_at_its_strongest() -> None:
    found = {trial.title: trial for trial in trials(SEVERAL, coloured=True)}
    assert list(found) == [
        "crops from 30 % of the area",
        "local crops from 5 % of the area",
        "mirroring and turns",
        "light",
        "colour jitter",
        "blur",
        "inverted tones",
    ]
    light = found["light"].view
    assert (light.jitter, light.brightness, light.contrast, light.hue) == (1, 0.8, 0, 0)
    assert found["blur"].view.blur == 1 and found["blur"].view.blur_max == 3
    assert found["local crops from 5 % of the area"].kinds == (2,)
    for trial in found.values():
        changing = {name for name in CHANGEABLE if getattr(trial.view, name) != getattr(STILL, name)}
        assert changing <= {*trial.change.split(","), "jitter", "crop_max", "blur_max"}
    assert "colour jitter" not in {trial.title for trial in trials(SEVERAL, coloured=False)}


def test_what_is_proposed_instead_never_adds_strength() -> None:
    for augmentation in (SEVERAL, SimCLR.views(), under_preset(SEVERAL, "industrial")):
        for trial in trials(augmentation, coloured=True):
            for option in (*trial.milder, *([trial.off] if trial.off else [])):
                assert replace(trial.view, **option) != trial.view
                milder = changed(augmentation, changes(augmentation, trial.kinds, option))
                assert milder != augmentation
                for before, after in zip(augmentation.views, milder.views, strict=True):
                    for name in CHANGEABLE:
                        old, new = getattr(before, name), getattr(after, name)
                        assert (new >= old) if name == "crop_min" else (new <= old)
