"""Projects, runs, parameters, messages and the vectors' cache."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from workbench.records.curation import Curation
from workbench.records.features import FeatureStore, discard_run, restore_run
from workbench.records.files import DocumentError, write_document
from workbench.records.jobs import JOBS, EmbedJob, EvaluateJob, IndexJob, job_from_json, job_to_json
from workbench.records.layout import Layout
from workbench.records.messages import Message, command_line, parse_command
from workbench.records.params import build, describe, validate
from workbench.records.project import Chosen, Project, append_ledger
from workbench.records.runs import RunFolder
from workbench.records.spec import FeatureSpec, Preprocess

PREPROCESS = Preprocess(
    resize="shortest", resize_to=256, size=224, interpolation="bicubic", mean=(0.5,) * 3, std=(0.5,) * 3
)


def spec(**more: object) -> FeatureSpec:
    values = {"backbone": "b", "weights": "w", "feature": "cls", "layer": -1, "preprocess": PREPROCESS}
    return FeatureSpec(**{**values, **more})  # type: ignore[arg-type]


def test_a_project_remembers_and_can_be_moved(tmp_path: Path) -> None:
    project = Project.create(tmp_path / "p", "Line 4")
    project.settings.chosen.append(Chosen(backbone="random_vit", image_size=96))
    run = project.new_run(IndexJob(folders=("/images",)), title="Index")
    project.settings.index = project.relative(run.path / "index.npz")
    project.save()
    (tmp_path / "p").rename(tmp_path / "q")
    again = Project.open(tmp_path / "q")
    assert again.settings.chosen == [Chosen(backbone="random_vit", image_size=96)]
    assert again.resolve(again.settings.index) == again.run(run.id).path / "index.npz"
    assert [found.id for found in again.runs("index")] == [run.id]
    assert again.runs("embed") == []
    with pytest.raises(ValueError, match="already holds"):
        Project.create(tmp_path / "q")
    with pytest.raises(DocumentError, match="does not exist"):
        Project.open(tmp_path / "nowhere")


def test_unknown_settings_of_another_version_do_not_stop_it(tmp_path: Path) -> None:
    project = Project.create(tmp_path / "p")
    path = project.folder / "project.json"
    path.write_text(path.read_text().replace('"name"', '"novelty": 1, "name"'))
    assert Project.open(project.folder).settings.name == "p"


@pytest.mark.parametrize(
    ("name", "value"),
    [("chosen", [None]), ("chosen", 5), ("curation", []), ("seeds", "five"), ("view", []), ("roots", True)],
)
def test_a_damaged_project_is_named_and_opens_nothing(tmp_path: Path, name: str, value: object) -> None:
    path = Project.create(tmp_path / "p").folder / "project.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), name: value}))
    with pytest.raises(DocumentError, match=r"project\.json is damaged"):
        Project.open(tmp_path / "p")


def test_a_folder_that_is_gone_is_not_begun_anew(tmp_path: Path) -> None:
    project = Project.create(tmp_path / "p")
    (tmp_path / "p").rename(tmp_path / "q")
    with pytest.raises(FileNotFoundError):
        project.save()
    with pytest.raises(FileNotFoundError):
        project.new_run(IndexJob(folders=("/images",)))
    heard: list[OSError | None] = []
    project.on_saved = heard.append
    project.save()
    (tmp_path / "q").rename(tmp_path / "p")
    project.save()
    assert isinstance(heard[0], FileNotFoundError)
    assert heard[1:] == [None]


def test_discard_can_be_undone_with_its_vectors(tmp_path: Path) -> None:
    project = Project.create(tmp_path / "p")
    run = project.new_run(IndexJob(folders=("/images",)), name="20260101-000000-index-abcd")
    store = FeatureStore(project.features_cache / "f")
    store.append(np.full((1, 16), 1, np.uint8), {"cls": np.ones((1, 4), np.float32)}, run.id)
    store.append(np.full((1, 16), 2, np.uint8), {"cls": np.ones((1, 4), np.float32)}, "another")
    trash = project.discard(run)
    assert discard_run(project.features_cache, run.id, trash) == 1
    assert len(FeatureStore(project.features_cache / "f")) == 1
    restore_run(project.features_cache, trash)
    assert project.restore(run.id).document()["title"] == "index"
    assert len(FeatureStore(project.features_cache / "f")) == 2


def test_the_ledger_only_grows(tmp_path: Path) -> None:
    project = Project.create(tmp_path / "p")
    append_ledger(project.ledger, {"run": "a"})
    append_ledger(project.ledger, {"run": "b"})
    with project.ledger.open("a") as stream:
        stream.write('{"run": "cut o')
    assert project.test_openings() == 2


def test_vectors_are_found_by_content_and_in_the_order_asked(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    digests = rng.integers(0, 255, (10, 16), dtype=np.uint8)
    cls, mean = rng.normal(size=(10, 3)).astype("f4"), rng.normal(size=(10, 2)).astype("f4")
    store = FeatureStore(tmp_path)
    assert store.missing(digests).tolist() == list(range(10))
    store.append(digests[:4], {"cls": cls[:4], "mean": mean[:4]})
    store.append(digests[4:9], {"cls": cls[4:9], "mean": mean[4:9]})
    again = FeatureStore(tmp_path)
    assert again.missing(digests).tolist() == [9]
    order = np.asarray([8, 0, 3, 3, 5])
    np.testing.assert_array_equal(again.rows(digests[order], ["cls", "mean"]), np.hstack([cls, mean])[order])
    with pytest.raises(KeyError):
        again.rows(digests[9:], ["cls"])


def test_a_damaged_chunk_costs_its_images_only(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path)
    for value in (1, 2):
        store.append(np.full((1, 16), value, np.uint8), {"cls": np.ones((1, 2), np.float32)})
    first = sorted(tmp_path.glob("chunk-*"))[0]
    first.write_bytes(first.read_bytes()[:100])
    again = FeatureStore(tmp_path)
    assert len(again) == 1
    again.append(np.full((1, 16), 1, np.uint8), {"cls": np.ones((1, 2), np.float32)})
    assert len(FeatureStore(tmp_path)) == 2


def test_vectors_that_the_disk_has_changed_are_removed_and_made_again_the_next_time(tmp_path: Path) -> None:
    digests = np.ones((1, 16), np.uint8)
    FeatureStore(tmp_path).append(digests, {"cls": np.full((1, 50), 0.5, np.float32)})
    chunk = next(tmp_path.glob("chunk-*"))
    data = chunk.read_bytes()
    place = data.index(np.full(50, 0.5, np.float32).tobytes())
    chunk.write_bytes(data[:place] + b"\x01" + data[place + 1 :])
    store = FeatureStore(tmp_path)
    assert not len(store.missing(digests)), "the names of the images are sound"
    with pytest.raises(DocumentError, match=r"are damaged .*, and were removed\. Run the same again"):
        store.rows(digests, ["cls"])
    assert FeatureStore(tmp_path).missing(digests).tolist() == [0]


@pytest.mark.parametrize("kind", JOBS)
def test_every_job_describes_all_its_fields_and_survives_json(kind: str) -> None:
    config = JOBS[kind]
    described = describe(config)
    assert {item.name for item in described} == {item.name for item in fields(config)}
    for item in described:
        assert item.help.endswith("."), item.name
    values = {item.name: ("x",) if item.type == "list" else "/x" for item in described if item.required}
    job = build(config, values)
    again = job_from_json(kind, job_to_json(job))
    assert again == job


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"seeds": 0}, "seeds must be between 1 and 100, not 0"),
        ({"seeds": 2.5}, "seeds must be a number"),
        ({"metric": "luck"}, "metric must be one of"),
        ({"nonsense": 1}, "has no parameter nonsense"),
        ({"files": ()}, ""),
    ],
)
def test_wrong_values_are_named(values: dict[str, object], said: str) -> None:
    if not said:
        assert build(EvaluateJob, values).files == ()
        return
    with pytest.raises(ValueError, match=said):
        build(EvaluateJob, {"files": ("a.h5ad",), **values})


def test_a_missing_value_and_an_unknown_kind_are_named() -> None:
    with pytest.raises(ValueError, match="needs backbone, index"):
        build(EmbedJob, {})
    with pytest.raises(ValueError, match="backbone is missing"):
        validate(EmbedJob(index="i", backbone=""))
    with pytest.raises(ValueError, match="no job of kind"):
        job_from_json("dance", {})


def test_only_our_own_lines_are_messages() -> None:
    sent = Message("progress", {"done": 3, "detail": "a\nb"})
    assert sent.line().count("\n") == 1
    assert Message.parse(sent.line()) == sent
    for line in ("", "hello", "[1]", '{"kind": "dance"}', "3", '{"done": 1}'):
        assert Message.parse(line) is None
    assert parse_command(command_line("pause")) == "pause"
    for line in ("", "{}", '{"command": "rm"}', "[]", "7"):
        assert parse_command(line) is None


def test_a_run_survives_a_torn_metric_and_a_damaged_status(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path, IndexJob(folders=("/x",)))
    run.add_metric({"loss": 1})
    with (run.path / "metrics.jsonl").open("a") as stream:
        stream.write('{"loss": 2')
    assert run.metrics() == [{"loss": 1}]
    run.add_provenance({"device": "cpu"})
    run.add_provenance({"seeds": [1]})
    assert run.document()["provenance"] == {"device": "cpu", "seeds": [1]}
    assert run.job() == IndexJob(folders=("/x",))
    (run.path / "status.json").write_text("{")
    assert run.status().state == "failed"


def test_fingerprints_tell_apart_what_differs_and_pooling_shares_a_pass() -> None:
    base = spec()
    others = [
        spec(backbone="c"),
        spec(weights="v"),
        spec(layer=3),
        spec(decode="exact"),
        spec(precision="bf16"),
        spec(preprocess=PREPROCESS.at(448)),
    ]
    assert len({each.fingerprint() for each in [base, *others]}) == 7
    assert len({each.extraction_fingerprint() for each in [base, *others]}) == 7
    mean = spec(feature="mean")
    assert mean.fingerprint() != base.fingerprint()
    assert mean.extraction_fingerprint() == base.extraction_fingerprint()
    assert FeatureSpec.from_json(base.to_json()) == base
    assert PREPROCESS.at(448).resize_to == 512
    with pytest.raises(ValueError, match="feature must be one of"):
        spec(feature="projector")


def test_a_project_of_the_first_version_opens(tmp_path: Path) -> None:
    folder = tmp_path / "old"
    body = {
        "name": "Old",
        "root": "/images",
        "labels": "none",
        "group_by": "folder:2",
        "pool": "/pool",
        "seeds": 7,
    }
    write_document(folder / "project.json", "project", 1, body)
    settings = Project.open(folder).settings
    assert (settings.roots, settings.pool, settings.seeds) == ({"": "/images"}, "/pool", 7)
    assert settings.curation == Curation(layout=Layout(labels="none", group_by="folder:2"))
    write_document(folder / "project.json", "project", 1, {"name": "Empty", "root": ""})
    assert Project.open(folder).settings.roots == {}


def test_what_was_decided_is_kept_with_the_project(tmp_path: Path) -> None:
    project = Project.create(tmp_path / "p")
    project.settings.roots = {"a": "/a", "b": "/b"}
    project.settings.curation = Curation(classes={"x": "y"}, left_out=frozenset({"a/1.png"}))
    project.save()
    again = Project.open(project.folder).settings
    assert (again.roots, again.curation) == (project.settings.roots, project.settings.curation)
