"""The embed job on real files: cache, resume, stop, refusal, a full device; and the other jobs' artefacts."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.indices import counted
from workbench.engine.backbones import load
from workbench.engine.control import Control, StopRequested
from workbench.engine.jobs import embed, evaluate
from workbench.records.embeddings import read_h5ad
from workbench.records.features import FeatureStore
from workbench.records.files import read_document
from workbench.records.jobs import EmbedJob, EvaluateJob
from workbench.records.results import EvaluationResult
from workbench.records.runs import RunFolder


class Embedding:
    """Runs embed jobs on one folder with one cache."""

    def __init__(self, tmp_path: Path, root: Path) -> None:
        self.root, self.cache, self.runs = root, tmp_path / "cache", tmp_path / "runs"
        self.index = tmp_path / "index.npz"
        self.number = 0
        self.reindex()

    def reindex(self) -> None:
        counted(self.root, group_by="name:(lot[0-9])").save(self.index)

    def job(self, **more: object) -> EmbedJob:
        values = {"backbone": "histogram", "image_size": 64, "batch_size": 8, **more}
        return EmbedJob(index=str(self.index), cache=str(self.cache), **values)  # type: ignore[arg-type]

    def run(
        self, control_type: type[Control] = Control, **more: object
    ) -> tuple[RunFolder, dict[str, object]]:
        self.number += 1
        run = RunFolder.create(self.runs, self.job(**more), name=f"run-{self.number}")
        return run, embed.run(self.job(**more), run, control_type(run))

    def stored(self) -> int:
        return sum(len(FeatureStore(folder)) for folder in self.cache.iterdir())


@pytest.fixture
def embedding(tmp_path: Path, picture_folder: Path) -> Embedding:
    return Embedding(tmp_path, picture_folder)


def test_what_was_embedded_is_never_embedded_again(embedding: Embedding) -> None:
    run, result = embedding.run()
    assert (result["images"], result["computed"]) == (36, 36)
    first = read_h5ad(run.path / "embeddings.h5ad")
    assert first.X.shape == (36, result["dimension"])
    assert sorted(set(first.labels)) == ["blue", "green", "red"]
    assert set(first.splits) == {"train", "val", "test"}
    assert sorted(set(first.groups)) == [f"lot{i}" for i in range(6)]
    again, result = embedding.run()
    assert result["computed"] == 0
    np.testing.assert_array_equal(read_h5ad(again.path / "embeddings.h5ad").X, first.X)


def test_ten_new_images_embed_ten_and_a_copy_none(embedding: Embedding) -> None:
    embedding.run()
    rng = np.random.default_rng(1)
    from PIL import Image

    for i in range(10):
        Image.fromarray(rng.integers(0, 255, (40, 40, 3), dtype=np.uint8)).save(
            embedding.root / "red" / f"new{i}.png"
        )
    shutil.copy(embedding.root / "red/lot0_00.png", embedding.root / "red/copy.png")
    embedding.reindex()
    run, result = embedding.run()
    assert (result["images"], result["computed"]) == (47, 10)
    ids = read_h5ad(run.path / "embeddings.h5ad").ids
    assert len(set(ids)) == 47


def test_vectors_that_are_no_numbers_are_told_and_refused_where_there_are_no_others(
    embedding: Embedding, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedding.run()
    plain = FeatureStore.rows

    def spoilt(bad: int) -> None:
        def rows(store: FeatureStore, *asked: object) -> np.ndarray:
            found = plain(store, *asked)  # type: ignore[arg-type]
            found[:bad, 3] = np.nan
            return found

        monkeypatch.setattr(FeatureStore, "rows", rows)

    spoilt(2)
    noted: list[str] = []
    monkeypatch.setattr(Control, "note", lambda self, text, severity="info": noted.append(text))
    embedding.run()
    assert any("infinite numbers in 2 vectors of 36" in text for text in noted)
    spoilt(36)
    with pytest.raises(
        ValueError, match=r"Every vector of .* holds NaN or infinite numbers: its weights are damaged"
    ):
        embedding.run()


def test_a_folder_that_went_away_is_told_with_the_first_reason(embedding: Embedding) -> None:
    shutil.rmtree(embedding.root)
    with pytest.raises(
        ValueError, match=r"Not one of the 36 images .* blue/lot0_00\.png: .*not there.* Is the folder"
    ):
        embedding.run()


def test_a_cached_answer_imports_no_torch(embedding: Embedding) -> None:
    embedding.run()
    run = RunFolder.create(embedding.runs, embedding.job(), name="cached")
    code = (
        "import sys\nfrom pathlib import Path\nfrom workbench.records.runs import RunFolder\n"
        "from workbench.engine.control import Control\nfrom workbench.engine.jobs import embed\n"
        f"run = RunFolder(Path({str(run.path)!r}))\n"
        "assert embed.run(run.job(), run, Control(run))['computed'] == 0\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


class StopsAfter(Control):
    """Asked to stop once 16 images are done."""

    def progress(self, done: int, total: int, **more: object) -> None:  # type: ignore[override]
        if done >= 16:
            self.command("stop")
        super().progress(done, total, **more)  # type: ignore[arg-type]


def test_stop_keeps_what_is_done_and_the_next_run_goes_on(embedding: Embedding) -> None:
    with pytest.raises(StopRequested):
        embedding.run(StopsAfter)
    assert embedding.stored() == 16
    _, result = embedding.run()
    assert (result["images"], result["computed"]) == (36, 20)


def test_a_file_that_changed_or_vanished_since_the_index_is_left_out_with_a_reason(
    embedding: Embedding,
) -> None:
    (embedding.root / "red/lot0_00.png").unlink()
    changed = embedding.root / "red/lot1_01.png"
    changed.write_bytes((embedding.root / "blue/lot1_01.png").read_bytes())
    os.utime(changed, ns=(1, 1))
    run, result = embedding.run()
    assert (result["images"], result["refused"]) == (34, 2)
    refused = read_document(run.path / "refused.json", "refused", 1)["refused"]
    assert {item["path"] for item in refused} == {"red/lot0_00.png", "red/lot1_01.png"}
    assert any("left out" in note for note in run.status().notes)
    job = EvaluateJob(files=(str(run.path / "embeddings.h5ad"),), seeds=1)
    evaluation = RunFolder.create(embedding.runs, job, name="evaluation")
    evaluate.run(job, evaluation, Control(evaluation))
    found = EvaluationResult.load(evaluation.path / "result.json").findings
    assert "2 images could not be read" in {item.name: item.advice for item in found}["images not read"]


class FullDevice:
    """A backbone whose device holds 3 images at most."""

    def __init__(self, spec: object, device: str) -> None:
        self.released = 0

    def pooled_features(self, images: np.ndarray) -> dict[str, np.ndarray]:
        if len(images) > 3:
            raise RuntimeError("CUDA error: out of memory")
        return {"pooled": images.reshape(len(images), -1)[:, :4].astype(np.float32)}

    def release_memory(self) -> None:
        self.released += 1


def test_a_full_device_halves_the_batch_goes_on_and_says_so(
    embedding: Embedding, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "load_backbone", FullDevice)
    run, result = embedding.run()
    assert (result["images"], result["batch_size"]) == (36, 2)
    notes = run.status().notes
    assert any("4 images" in note for note in notes)
    assert any("2 images" in note for note in notes)


def test_an_error_that_is_not_memory_is_not_swallowed(
    embedding: Embedding, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(FullDevice):
        def pooled_features(self, images: np.ndarray) -> dict[str, np.ndarray]:
            raise RuntimeError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr(load, "load_backbone", Broken)
    with pytest.raises(RuntimeError, match="illegal"):
        embedding.run()


def test_the_run_records_what_it_was_made_of(embedding: Embedding) -> None:
    run, result = embedding.run()
    provenance = run.document()["provenance"]
    assert provenance["fingerprint"] == result["fingerprint"]
    assert provenance["seeds"] == {"split": 0}
    assert provenance["inputs"]["index"]
    assert provenance["device"]
    file = read_h5ad(run.path / "embeddings.h5ad").provenance
    assert file["spec"]["backbone"] == "histogram"
    assert file["split"]["hash"]


def test_the_same_run_again_gives_the_same_numbers(embedding: Embedding) -> None:
    first, _ = embedding.run(backbone="random_vit", precision="fp32")
    shutil.rmtree(embedding.cache)
    second, _ = embedding.run(backbone="random_vit", precision="fp32")
    a, b = (read_h5ad(run.path / "embeddings.h5ad") for run in (first, second))
    np.testing.assert_array_equal(a.X, b.X)
    assert a.splits == b.splits


def test_a_folder_that_is_gone_is_asked_for_with_the_first_file_and_its_reason(embedding: Embedding) -> None:
    embedding.root.rename(embedding.root.with_name("elsewhere"))
    with pytest.raises(
        ValueError, match=r"The first, .*lot0_00\.png: The file is not there.* still where it was\?"
    ):
        embedding.run()


def test_an_unknown_backbone_is_refused_in_a_sentence(embedding: Embedding) -> None:
    with pytest.raises(ValueError, match="no_such_model"):
        embedding.run(backbone="no_such_model")
