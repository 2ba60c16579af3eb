"""One list of items for files of other orders: every map's row is still the item that the file says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.gui.maps.conftest import FACTS, place_of, write_files
from workbench.gui.maps.atlas import NO_CODE, Atlas, centred, read_atlas, stamps
from workbench.gui.maps.colouring import (
    CLASS,
    COLOURS,
    COPIES,
    ERROR,
    GREY,
    GROUP,
    PART,
    SAID,
    Colouring,
    answers,
    available,
    colouring,
)
from workbench.gui.maps.words import how_drawn, how_true, pairs_told
from workbench.gui.session import Session
from workbench.gui.theme import LIGHT
from workbench.records.embeddings import read_h5ad
from workbench.records.index import ImageIndex
from workbench.records.projection import MapResult, MapSettings, PairOverlap, ProjectionResult
from workbench.records.runs import RunFolder


@pytest.fixture
def atlas(session: Session, small_index: ImageIndex) -> Atlas:
    return read_atlas(write_files(session, small_index))


def test_every_row_is_the_item_that_its_file_says(
    atlas: Atlas, session: Session, small_index: ImageIndex
) -> None:
    files = session.maps.files
    assert sorted(atlas.ids) == sorted(small_index.ids)
    assert all(atlas.ids[place] == name for name, place in atlas.where.items())
    for model in files:
        drawn = atlas.maps[model]["umap"]
        ids = [atlas.ids[item] for item in drawn.items]
        assert sorted(ids) == sorted(read_h5ad(files[model]).ids)
        wanted = centred(np.stack([place_of(model, name) for name in ids]))
        np.testing.assert_allclose(drawn.positions, wanted, atol=1e-6)
    for name, place in atlas.where.items():
        row = small_index.ids.index(name)
        assert atlas.paths[place] == str(small_index.paths[row])
        assert atlas.labels.names[atlas.labels.code[place]] == small_index.classes[small_index.label[row]]
        assert atlas.groups.names[atlas.groups.code[place]] == small_index.groups[small_index.group[row]]


def test_a_map_is_centred_and_keeps_its_shape() -> None:
    positions = np.random.default_rng(0).normal(3, 2, (50, 2)).astype(np.float32) * [1, 4]
    made = centred(positions)
    assert np.abs(made).max() == pytest.approx(1)
    np.testing.assert_allclose(made.max(0), -made.min(0), atol=1e-6)
    slope = (positions[1] - positions[0]) / (made[1] - made[0])
    assert slope[0] == pytest.approx(slope[1], rel=1e-4)
    assert centred(np.ones((3, 2), np.float32)).tolist() == [[0, 0]] * 3  # all at one place


def test_vectors_are_not_read_for_a_map(session: Session, small_index: ImageIndex) -> None:
    path = next(iter(write_files(session, small_index).values()))
    whole, light = read_h5ad(path), read_h5ad(path, maps_only=True)
    assert light.X.shape == (len(whole), 0) and set(light.obsm) == {"X_umap"}
    assert light.ids == whole.ids and light.labels == whole.labels


def test_a_file_that_cannot_be_read_is_told_and_the_others_are_shown(
    session: Session, small_index: ImageIndex
) -> None:
    files = write_files(session, small_index)
    files["weak"].write_bytes(b"no HDF5")
    atlas = read_atlas(files)
    assert "not an HDF5 file" in atlas.problems["weak"] and not atlas.maps["weak"]
    assert atlas.kinds() == ["umap"] and atlas.maps["strong"]
    files["weak"].unlink()
    assert stamps(files)[2] is None


def test_places_that_are_not_finite_are_left_out(
    session: Session, small_index: ImageIndex, tmp_path: Path
) -> None:
    from workbench.records.embeddings import Embeddings, write_h5ad

    path = tmp_path / "odd.h5ad"
    umap = np.asarray([[0, 0], [1, 1], [np.nan, 1], [np.inf, 0]], np.float32)
    write_h5ad(path, Embeddings(X=np.ones((4, 2)), ids=list("abcd"), obsm={"X_umap": umap}))
    atlas = read_atlas({"one": path})
    assert sorted(atlas.ids[item] for item in atlas.maps["one"]["umap"].items) == ["a", "b"]
    assert not atlas.labels.names and (atlas.labels.code == NO_CODE).all()


def made_map(file: Path, **facts: object) -> MapResult:
    plain = MapResult(
        file=str(file),
        settings=MapSettings(),
        items=37,
        judged_neighbours=15,
        judged_items=37,
        trustworthiness=0.93,
        overlap=0.61,
        device="cpu",
    )
    return replace(plain, **facts)


def test_pairs_come_from_the_job_that_drew_these_maps(
    session: Session, small_index: ImageIndex, tmp_path: Path
) -> None:
    files = write_files(session, small_index)
    atlas = read_atlas(files)
    moved = {name: Path("/elsewhere") / path.parent.name / path.name for name, path in files.items()}
    pair = PairOverlap(one=str(moved["strong"]), other=str(moved["weak"]), items=35, vectors=0.41, maps=0.32)
    maps = tuple(made_map(path) for path in moved.values())
    run = RunFolder(tmp_path / "project-1")
    run.path.mkdir()
    ProjectionResult(maps=maps, pairs=(pair,)).save(run.path / "projection.json")
    assert read_atlas(files, [run]).pairs["umap"] == ()  # what the files say of their maps is of another job
    from workbench.records.map_file import stamp, write_map

    for name, made in zip(files, maps, strict=True):
        drawn = read_h5ad(files[name]).obsm["X_umap"]
        write_map(files[name], "X_umap", drawn, made.provenance(), read=stamp(files[name]))
    (found,) = read_atlas(files, [run, RunFolder(tmp_path / "none")]).pairs["umap"]
    assert (found.one, found.other, found.vectors) == ("strong", "weak", 0.41)
    line, _ = pairs_told([found], {"strong": "DINOv2", "weak": "Histogram"})
    assert (
        line
        == "Of the 15 nearest of an image, the same in both models: DINOv2 and Histogram 41 % (32 % on the maps)."
    )
    assert atlas.pairs["umap"] == ()


def test_many_pairs_are_told_by_the_ends() -> None:
    pairs = [PairOverlap(one="a", other=str(n), items=9, vectors=n / 10, maps=None) for n in range(5)]
    line, told = pairs_told(pairs, {})
    assert line.endswith("most a and 4 40 %, least a and 0 0 %.") and len(told.splitlines()) == 5


def test_words_of_a_map() -> None:
    assert how_drawn(FACTS) == "UMAP, 15 neighbours, least distance 0.1, by cosine, seed 0"
    assert how_drawn({"map": "pca"}) == "PCA" and how_drawn({}) == ""
    assert (
        how_drawn({"map": "tsne", "perplexity": 30.0, "metric": "cosine"})
        == "t-SNE, perplexity 30, by cosine, seed 0"
    )
    assert how_true(FACTS) == "Keeps 61 % of neighbours · trust 0.93"
    assert how_true({"trustworthiness": None, "overlap": None}) == ""


# Colours


@pytest.mark.parametrize("key", [CLASS, PART, GROUP, SAID, ERROR, COPIES])
def test_every_point_has_the_category_of_its_item(
    key: str, atlas: Atlas, session: Session, small_index: ImageIndex
) -> None:
    predictions, result = session.predictions, session.result
    assert key in available(atlas, predictions)
    found = colouring(key, atlas, result, answers(atlas, predictions))
    names = [*found.names, found.rest]
    for place, model in enumerate(result.models):
        items = atlas.maps[model.name]["umap"].items
        for item, row in zip(items, found.rows(model.name, items), strict=True):
            at = small_index.ids.index(atlas.ids[item])
            said = [int(code) for code in predictions.predicted[place, :, at] if code >= 0]
            truth = int(predictions.truth[at])
            most = min(range(9), key=lambda code: (-said.count(code), code)) if said else None
            wanted = {
                CLASS: small_index.classes[small_index.label[at]],
                PART: ("Training", "Validation", "Test")[at % 3],
                GROUP: small_index.groups[small_index.group[at]],
                SAID: result.classes[most] if most is not None else "Never tested",
                ERROR: ("Wrong" if 2 * sum(code != truth for code in said) > len(said) else "Right")
                if said
                else "Never tested",
                COPIES: "Has a copy" if small_index.copies[at] >= 0 else "No copy",
            }[key]
            assert names[row] == wanted
    assert sum(found.counts) == len(atlas.ids) * (3 if key in (SAID, ERROR) else 1)


def test_without_predictions_nothing_is_offered_that_needs_them(atlas: Atlas, session: Session) -> None:
    assert available(atlas, None) == [CLASS, PART, GROUP, COPIES]
    found = colouring(SAID, atlas, session.result, {})
    assert found.counts[-1] == 3 * len(atlas.ids)


def test_more_categories_than_colours_pass_them_on() -> None:
    names = tuple(f"lot {n}" for n in range(10))
    found = Colouring(GROUP, names, {}, "No group", (*range(10, 0, -1), 0))
    everything = found.colours(np.ones(11, bool), LIGHT)
    assert found.crowded and everything[:7] == list(COLOURS) and everything[7:10] == [GREY] * 3
    fewer = np.ones(11, bool)
    fewer[:4] = False
    assert found.colours(fewer, LIGHT)[4:10] == list(COLOURS[:6])
    small = Colouring(CLASS, names[:3], {}, "No label", (1, 1, 1, 0))
    assert small.colours(np.asarray([False, True, True, True]), LIGHT)[:3] == list(COLOURS[:3])


def test_files_are_found_after_their_project_was_moved(
    session: Session, small_index: ImageIndex, tmp_path: Path
) -> None:
    files = write_files(session, small_index)
    folder = session.project.run(session.settings.result).path
    assert session.maps.files == files == {name: folder / f"{name}.h5ad" for name in files}
    for name, path in files.items():
        target = folder.parent / f"embed-{name}" / "embeddings.h5ad"
        target.parent.mkdir()
        path.rename(target)
    models = tuple(
        replace(model, source=f"/elsewhere/runs/embed-{model.name}/embeddings.h5ad")
        for model in session.result.models
    )
    moved = replace(session.result, models=models).files(folder)
    assert moved == {name: folder.parent / f"embed-{name}" / "embeddings.h5ad" for name in files}
    assert session.result.files(folder)["weak"] == folder / "weak.h5ad", "one that is gone is named as it was"
