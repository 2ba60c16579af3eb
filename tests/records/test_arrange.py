"""Decisions applied to the index of the files; undo; and what is worth knowing of the outcome."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.records.made import files
from workbench.records import layout
from workbench.records.arrange import arrange
from workbench.records.curation import IGNORED, Curation
from workbench.records.dataset_findings import find
from workbench.records.edits import DEPTH, Edits
from workbench.records.index import ImageIndex
from workbench.records.label_table import parse_table
from workbench.records.layout import Layout
from workbench.records.leaks import conflicting_sets, in_pool, leaking_sets, superfluous
from workbench.records.project import Project, counting_index
from workbench.records.roots import locate, moved, name_roots
from workbench.records.spec import Reading
from workbench.records.splits import SplitPlan

PATHS = [
    "crack/lot1_1.png",
    "crack/lot1_2.png",
    "dent/lot1_1.png",
    "dent/lot2_1.png",
    "scratch/lot3_1.png",
    "x.png",
]
BY_LOT = Layout(group_by="name:(lot[0-9])")


def labels(index: ImageIndex) -> list[str]:
    return [index.classes[code] if code >= 0 else "" for code in index.label]


def groups(index: ImageIndex) -> list[str]:
    return [index.groups[code] if code >= 0 else "" for code in index.group]


def test_folders_and_names_tell_labels_and_groups() -> None:
    index = arrange(files(PATHS), Curation(layout=BY_LOT)).index
    assert labels(index) == ["crack", "crack", "dent", "dent", "scratch", ""]
    assert groups(index) == ["lot1", "lot1", "lot1", "lot2", "lot3", ""]


def test_classes_are_renamed_merged_ignored_and_brought_back() -> None:
    curation = Curation().rename("crack", "fissure").rename("dent", "fissure").rename("scratch", IGNORED)
    made = arrange(files(PATHS), curation)
    assert labels(made.index) == ["fissure"] * 4 + [""]
    assert list(made.index.paths) == [*PATHS[:4], "x.png"], "ignored images take no part"
    assert (made.found, made.ignored) == (("crack", "dent", "scratch"), 1)
    renamed = curation.rename("fissure", "gap")
    assert set(labels(arrange(files(PATHS), renamed).index)) == {"gap", ""}
    assert arrange(files(PATHS), curation.restore_class("scratch")).index.classes == ("fissure", "scratch")
    there_and_back = Curation().rename("crack", "a").rename("a", "crack")
    assert labels(arrange(files(PATHS), there_and_back).index) == labels(
        arrange(files(PATHS), Curation()).index
    )
    with pytest.raises(ValueError, match="letters"):
        Curation().rename("crack", "  ")


def test_images_are_left_out_and_brought_back() -> None:
    curation = Curation().leave_out(["dent/lot1_1.png", "gone.png"])
    made = arrange(files(PATHS), curation)
    assert len(made.index) == 5
    assert made.left_out == ("dent/lot1_1.png",)
    assert len(arrange(files(PATHS), curation.bring_back(curation.left_out)).index) == 6


def test_pages_have_names_of_their_own() -> None:
    index = files(["a/s.tif", "a/s.tif", "a/s.tif"], pages=[0, 1, 2])
    assert index.names() == ["a/s.tif", "a/s.tif#page=2", "a/s.tif#page=3"]
    kept = arrange(index, Curation().leave_out(["a/s.tif#page=2"])).index
    assert kept.page.tolist() == [0, 2]


def test_joined_images_take_their_whole_groups_along() -> None:
    curation = Curation(layout=BY_LOT).join(
        [["crack/lot1_1.png", "dent/lot2_1.png"], ["scratch/lot3_1.png", "x.png"]]
    )
    index = arrange(files(PATHS), curation).index
    assert groups(index) == ["lot1 + lot2"] * 4 + ["lot3", "lot3"]
    without = Curation().join([["x.png", "crack/lot1_1.png"]])
    assert groups(arrange(files(PATHS), without).index).count("copies of crack/lot1_1.png") == 2
    assert curation.join([["dent/lot2_1.png", "crack/lot1_1.png"]]) == curation, "the same set twice is one"


def test_a_table_tells_labels_groups_and_parts() -> None:
    table = parse_table(
        "path,label,group,split\ncrack/lot1_1.png,A,p1,train\nx.png,B,p2,test\nnone.png,B,,\n"
    )
    layout = Layout(labels="table", group_by="table")
    made = arrange(files(PATHS), Curation(layout=layout, table="t.csv"), table)
    assert labels(made.index) == ["A", "", "", "", "", "B"]
    assert groups(made.index) == ["p1", "", "", "", "", "p2"]
    assert made.index.part.tolist() == [0, -1, -1, -1, -1, 2]
    assert (made.rows, made.unlisted, len(made.unmatched)) == (2, 4, 1)
    with pytest.raises(ValueError, match="Choose the table again"):
        arrange(files(PATHS), Curation(layout=layout))


def test_a_pattern_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "PATIENCE", 0.5)
    evil = files(["a" * 60 + "!.png"])
    with pytest.raises(ValueError, match="takes too long"):
        Layout(group_by="name:((a|aa)+)$").group_all(list(evil.paths))


def test_a_curation_comes_back_from_json() -> None:
    curation = Curation(
        layout=BY_LOT,
        classes={"crack": "fissure"},
        left_out=frozenset({"x.png", "caf\udce9.png"}),
        joined=(("a", "b"),),
        pool_left_out=frozenset({"p.png"}),
        reading=Reading(window="u16=0:4095", channels="mean"),
        window_told="fixed",
        plan=SplitPlan(kind="folds", folds=4),
        table="tables/x.csv",
        table_name="labels.csv",
    )
    assert Curation.from_json(json.loads(json.dumps(curation.to_json()))) == curation
    assert Curation.from_json({}) == Curation()


def test_the_counting_index_of_a_job_is_the_project_s(tmp_path: Path) -> None:
    project = Project.create(tmp_path / "p")
    source = tmp_path / "labels.csv"
    source.write_text("path,label\nx.png,other\n")
    project.settings.curation = Curation(
        layout=Layout(labels="table"), table=project.keep_table(source), table_name="labels.csv"
    )
    files(PATHS).save(project.folder / "index.npz")
    source.write_text("path,label\nx.png,changed since\n")
    path = project.keep_curation()
    index = counting_index(project.folder / "index.npz", str(path), ["/moved"])
    assert labels(index)[-1] == "other"
    assert index.file(5) == Path("/moved/x.png")
    assert project.keep_curation() == path
    with pytest.raises(ValueError, match="folders"):
        counting_index(project.folder / "index.npz", "", ["/a", "/b"])


def test_roots_get_names_and_can_move(tmp_path: Path) -> None:
    one, two = tmp_path / "x" / "images", tmp_path / "y" / "images"
    assert name_roots([one]) == {"": str(one)}
    roots = name_roots([one, two])
    assert roots == {"images": str(one), "images (2)": str(two)}
    assert locate("images (2)/a/1.png", roots) == two / "a/1.png"
    assert moved(roots, "images", tmp_path)["images"] == str(tmp_path)
    for wrong in ([one, one], [one, one / "inner"], []):
        with pytest.raises(ValueError, match=r"twice|within|at least one"):
            name_roots(wrong)


def test_leaks_are_copies_that_a_split_can_tear_apart() -> None:
    copies = [0, 0, 1, -1, 1, 1]
    index = arrange(files(PATHS, copies=copies), Curation()).index
    assert leaking_sets(index) == [[0, 1], [2, 4]], "the third copy has no label and is in no part"
    by_lot = arrange(files(PATHS, copies=copies), Curation(layout=BY_LOT)).index
    assert leaking_sets(by_lot) == [[2, 4]], "lot1 stays whole, so its copies stay together"
    joined = Curation(layout=BY_LOT).join([["dent/lot1_1.png", "scratch/lot3_1.png"]])
    assert leaking_sets(arrange(files(PATHS, copies=copies), joined).index) == []
    official = replace(index, plan=SplitPlan(kind="official"), part=np.asarray([0, 0, 0, 1, 2, -1], np.int8))
    assert leaking_sets(official) == [[2, 4]]


def test_one_copy_is_kept_and_none_where_labels_contradict_each_other() -> None:
    index = arrange(files(PATHS, copies=[0, 0, 1, -1, 1, 1]), Curation()).index
    assert conflicting_sets(index) == [[2, 4, 5]]
    assert superfluous(index, [[0, 1]]) == ["crack/lot1_2.png"]
    assert superfluous(index, [[2, 4]]) == ["dent/lot1_1.png", "scratch/lot3_1.png"]
    unlabelled_first = superfluous(index, [[5, 0]])
    assert unlabelled_first == ["x.png"], "the labelled one is kept"


def test_the_pool_is_checked_against_what_may_be_tested() -> None:
    index = arrange(files(PATHS), Curation()).index
    pool = files(["p1.png", "p2.png", "p3.png"], contents=[99, 2, 5])
    assert in_pool(index, pool).tolist() == [1], "x.png has no label, so its copy spoils nothing"
    part = np.asarray([0, 0, 0, 0, 2, -1], np.int8)
    assert in_pool(replace(index, plan=SplitPlan(kind="official"), part=part), pool).tolist() == []


def test_findings_name_small_classes_and_groups() -> None:
    paths = [f"big/lot{i % 2}_{i}.png" for i in range(20)] + [f"small/lot9_{i}.png" for i in range(3)]
    index = arrange(files(paths), Curation(layout=Layout(group_by="name:(lot[0-9])"))).index
    told = {finding.name: finding.advice for finding in find(index)}
    assert "small: fewer than 5 images" in told["small class"]
    assert "small: all images are of one group" in told["one group"]
    assert "7 times" in told["imbalance"]
    assert "Only 3 groups" in told["few groups"]
    assert "dominant group" not in told
    folds = replace(index, plan=SplitPlan(kind="folds"))
    assert "few groups" not in {finding.name for finding in find(folds)}
    uneven = [f"big/lot{int(i > 15)}_{i}.png" for i in range(20)]
    index = arrange(files(uneven), Curation(layout=Layout(group_by="name:(lot[0-9])"))).index
    assert "big: one group holds more than half" in {f.name: f.advice for f in find(index)}["dominant group"]


def test_a_split_that_the_images_do_not_allow_is_told() -> None:
    index = arrange(files(PATHS), Curation(layout=BY_LOT, plan=SplitPlan(kind="folds", folds=5))).index
    told = {finding.name: finding.advice for finding in find(index)}
    assert told["too many folds"].startswith("3 groups for 5 folds")
    official = arrange(files(PATHS), Curation(plan=SplitPlan(kind="official"))).index
    assert (
        "No image has an official training part"
        in {f.name: f.advice for f in find(official)}["no official part"]
    )
    part = np.asarray([0, 0, 1, 2, 2, -1], np.int8)
    assert "no official part" not in {f.name for f in find(replace(official, part=part))}


def test_undo_and_redo_walk_the_states(tmp_path: Path) -> None:
    edits = Edits.load(tmp_path / "edits.json")
    assert edits.undo({"n": 0}) is None
    edits.did("one", {"n": 0})
    edits.did("two", {"n": 1})
    again = Edits.load(tmp_path / "edits.json")
    assert again.undo({"n": 2}) == ("two", {"n": 1})
    assert again.undo({"n": 1}) == ("one", {"n": 0})
    assert again.redo({"n": 0}) == ("one", {"n": 1})
    again.did("other", {"n": 1})
    assert again.redo({"n": 9}) is None, "a new edit ends what could be redone"
    for number in range(DEPTH + 5):
        again.did(str(number), {})
    assert len(again.past) == DEPTH
    (tmp_path / "edits.json").write_text("{")
    assert Edits.load(tmp_path / "edits.json").past == []


def test_a_great_many_joined_sets_take_seconds() -> None:
    paths = [f"x/{number}.png" for number in range(300_000)]
    index = files(paths)
    curation = Curation(layout=Layout(group_by="name:([0-9]+)")).join(
        zip(paths[::2], paths[1::2], strict=True)
    )
    started = time.process_time()
    groups = arrange(index, curation).index.group
    assert time.process_time() - started < 12  # 3 seconds; 25 where every set goes through all images
    assert np.array_equal(groups[::2], groups[1::2])
    assert len(np.unique(groups)) == 150_000
