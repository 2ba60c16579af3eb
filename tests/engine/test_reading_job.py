"""A declared reading reaches the backbone: channels are counted, pages are images, and the run says what it did."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from tests.indices import counted
from workbench.engine.control import Control
from workbench.engine.indexing import build_index
from workbench.engine.jobs import embed
from workbench.records.arrange import arrange
from workbench.records.curation import Curation
from workbench.records.embeddings import read_h5ad
from workbench.records.files import read_document
from workbench.records.index import ImageIndex
from workbench.records.jobs import EmbedJob
from workbench.records.runs import RunFolder
from workbench.records.spec import Reading

RNG = np.random.default_rng(12)


def embedded(
    tmp_path: Path, index: ImageIndex, backbone: str = "random_vit"
) -> tuple[RunFolder, dict[str, Any]]:
    index.save(tmp_path / "index.npz")
    job = EmbedJob(
        index=str(tmp_path / "index.npz"), cache=str(tmp_path / "cache"), backbone=backbone, image_size=32
    )
    run = RunFolder.create(tmp_path / "runs", job, name="run")
    return run, embed.run(job, run, Control(run))


def stack(path: Path, channels: int) -> None:
    path.parent.mkdir(exist_ok=True, parents=True)
    values = RNG.integers(0, 4096, (40, 44, channels), np.uint16)
    tifffile.imwrite(path, values, photometric="minisblack", planarconfig="contig")


def test_all_channels_are_counted_and_fed(tmp_path: Path) -> None:
    root = tmp_path / "images"
    for place in range(6):
        stack(root / "ab"[place % 2] / f"{place}.tif", 4 if place == 0 else 5)
    reading = Reading(channels="all", window="u16=0:4095")
    run, result = embedded(tmp_path, replace(counted(root), reading=reading))
    assert result["images"] == 5 and result["refused"] == 1
    (refused,) = read_document(run.path / "refused.json", "refused", 1)["refused"]
    assert refused["path"] == "a/0.tif" and "4 channels where the others" in refused["reason"]
    embeddings = read_h5ad(run.path / "embeddings.h5ad")
    assert embeddings.provenance["title"].endswith("(patch embedding adapted to 5 channels)")
    assert embeddings.provenance["spec"]["channels"] == "all:5"
    assert embeddings.provenance["spec"]["window"] == "u16=0:4095"
    assert run.document()["provenance"]["in_channels"] == 5


def test_pages_are_images_with_vectors_of_their_own(tmp_path: Path) -> None:
    root = tmp_path / "images"
    root.mkdir()
    values = RNG.integers(0, 65536, (3, 40, 44), np.uint16)
    tifffile.imwrite(root / "a.tif", values, photometric="minisblack")
    files = build_index({"": str(root)}, pages="each")
    index = arrange(files, Curation(reading=Reading(pages="each"))).index
    run, result = embedded(tmp_path, index, backbone="histogram")
    assert result["images"] == 3 and result["refused"] == 0
    vectors = read_h5ad(run.path / "embeddings.h5ad").X
    assert len(np.unique(vectors, axis=0)) == 3
    for page in range(3):
        alone = tmp_path / f"alone {page}"
        (alone / "images").mkdir(parents=True)
        tifffile.imwrite(alone / "images" / "a.tif", values[page], photometric="minisblack")
        single, _ = embedded(alone, counted(alone / "images"), backbone="histogram")
        assert np.array_equal(read_h5ad(single.path / "embeddings.h5ad").X[0], vectors[page])
