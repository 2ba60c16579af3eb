"""The index, the layout rules and the splits."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from workbench.records.files import DocumentError
from workbench.records.index import ImageIndex, Refused, Strings
from workbench.records.layout import Layout
from workbench.records.splits import Split, SplitPlan, make_split


def made(paths: list[str], contents: list[int], label: list[int], group: list[int]) -> ImageIndex:
    n = len(paths)
    digest = np.zeros((n, 16), dtype=np.uint8)
    digest[:, 0] = contents
    return ImageIndex(
        roots={"": "/data"},
        paths=Strings.of(paths),
        file_size=np.full(n, 10),
        mtime_ns=np.arange(n),
        width=np.full(n, 64, np.int32),
        height=np.full(n, 48, np.int32),
        mode=np.zeros(n, np.int16),
        digest=digest,
        label=np.asarray(label, np.int32),
        group=np.asarray(group, np.int32),
        modes=("RGB 8-bit",),
        classes=("a", "b"),
        groups=("lot1", "lot2"),
        refused=(Refused("x.png", "The file is empty."),),
    )


def test_an_index_comes_back_from_the_disk_as_it_was(tmp_path: Path) -> None:
    odd = b"b/\xff\n\xe8\xa9\xa6.png".decode("utf-8", "surrogateescape")
    index = made(["a/1.png", odd, "c.png"], [1, 2, 1], [0, 1, -1], [0, 1, -1])
    index.save(tmp_path / "index.npz")
    again = ImageIndex.load(tmp_path / "index.npz")
    assert list(again.paths) == ["a/1.png", odd, "c.png"]
    assert again.paths[-1] == "c.png"
    assert again.paths[0:2] == ["a/1.png", odd]
    assert again.refused == index.refused
    assert again.class_counts() == {"a": 1, "b": 1}
    assert again.group_counts() == {"lot1": 1, "lot2": 1}
    assert again.mode_counts() == {"RGB 8-bit": 3}
    assert again.content_hash() == index.content_hash()
    assert again.exact_duplicates() == [[0, 2]]
    assert again.ids[2] == again.ids[0] + "~2"
    assert again.file(0, {"": "/moved"}) == Path("/moved/a/1.png")


def test_a_damaged_index_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "index.npz"
    path.write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(DocumentError, match="Index the folder again"):
        ImageIndex.load(path)


def test_the_content_hash_sees_labels_and_not_the_root() -> None:
    first = made(["a/1.png", "b/2.png"], [1, 2], [0, 1], [0, 0])
    moved = made(["a/1.png", "b/2.png"], [1, 2], [0, 1], [0, 0])
    moved.roots = {"": "/elsewhere"}
    other = made(["a/1.png", "b/2.png"], [1, 2], [1, 1], [0, 0])
    assert first.content_hash() == moved.content_hash() != other.content_hash()


def test_an_index_of_a_million_files_is_small_in_memory() -> None:
    n = 100_000
    paths = Strings.of(f"class_{i % 10}/lot{i % 12:02d}_{i:07d}.jpg" for i in range(n))
    blob, ends = paths.arrays()
    columns = 8 + 8 + 4 + 4 + 2 + 16 + 4 + 4  # bytes of the other columns
    assert (blob.nbytes + ends.nbytes) / n + columns < 500


@pytest.mark.parametrize(
    ("path", "group_by", "label", "group"),
    [
        ("scratch/lot03_0001.png", "name:(lot[0-9]+)", "scratch", "lot03"),
        ("scratch/week2/img.png", "folder:2", "scratch", "week2"),
        ("scratch/img.png", "folder:2", "scratch", ""),
        ("img.png", "folder:1", "", ""),
        ("scratch/img.png", "name:(lot[0-9]+)", "scratch", ""),
        ("scratch/img.png", "", "scratch", ""),
    ],
)
def test_layout(path: str, group_by: str, label: str, group: str) -> None:
    layout = Layout(group_by=group_by)
    assert (layout.label(path), layout.group(path)) == (label, group)
    assert Layout(labels="none").label(path) == ""


@pytest.mark.parametrize("rule", ["folder:0", "folder:x", "name:lot", "name:([", "lot"])
def test_a_group_rule_that_makes_no_sense_is_refused(rule: str) -> None:
    with pytest.raises(ValueError, match="group rule"):
        Layout(group_by=rule)


def data(n: int = 600, groups: int = 0) -> tuple[list[str], np.ndarray, np.ndarray | None]:
    rng = np.random.default_rng(3)
    labels = rng.choice(5, n, p=[0.4, 0.25, 0.2, 0.1, 0.05])
    return [f"{i:05d}" for i in range(n)], labels, rng.integers(0, groups, n) if groups else None


def test_a_split_is_stratified_seeded_and_independent_of_the_listing_order() -> None:
    ids, labels, _ = data()
    split = make_split(ids, labels, seed=1)
    for label in range(5):
        of_class = split.part[labels == label]
        for part, share in enumerate((0.6, 0.2, 0.2)):
            assert abs(np.mean(of_class == part) - share) < 0.5 / len(of_class) + 0.02
    assert split.hash == make_split(ids, labels, seed=1).hash
    assert split.hash != make_split(ids, labels, seed=2).hash
    shuffled = np.random.default_rng(0).permutation(len(ids))
    other = make_split([ids[i] for i in shuffled], labels[shuffled], seed=1)
    assert other.hash == split.hash


@pytest.mark.parametrize("seed", range(8))
def test_no_group_is_in_two_parts_and_shares_are_near(seed: int) -> None:
    ids, labels, groups = data(groups=24)
    assert groups is not None
    split = make_split(ids, labels, groups, seed=seed)
    assert split.grouped
    for group in range(24):
        assert len(set(split.part[groups == group].tolist())) == 1
    train, val, test = (count / len(ids) for count in split.counts())
    assert abs(train - 0.6) < 0.1
    assert abs(val - 0.2) < 0.09
    assert abs(test - 0.2) < 0.09
    assert all(len(set(labels[split.part == part].tolist())) == 5 for part in range(3))


def test_items_without_a_label_take_no_part_and_small_classes_reach_every_part() -> None:
    split = make_split(list("abcdefg"), np.asarray([0, 0, 0, 1, 1, 1, -1]))
    assert split.part[-1] == -1
    assert split.counts() == (2, 2, 2)


def test_a_split_comes_back_from_the_disk(tmp_path: Path) -> None:
    ids, labels, groups = data(100, 7)
    split = make_split(ids, labels, groups, seed=5)
    split.save(tmp_path / "split.json")
    again = Split.load(tmp_path / "split.json")
    assert again.hash == split.hash
    assert again.names() == split.names()


def test_wrong_requests_are_refused() -> None:
    with pytest.raises(ValueError, match="sum to 1"):
        SplitPlan(fractions=(0.5, 0.2, 0.2))
    with pytest.raises(ValueError, match="unique"):
        make_split(["a", "a"], np.zeros(2, int))


def test_an_index_of_the_first_version_is_read(tmp_path: Path) -> None:
    paths = Strings.of(["a/1.png", "b/2.png"])
    blob, ends = paths.arrays()
    head = {
        "format": "workbench.index",
        "version": 1,
        "root": "/data",
        "modes": ["RGB 8-bit"],
        "classes": ["a", "b"],
        "groups": [],
        "checked": "pixels",
        "refused": [],
    }
    old = made(["a/1.png", "b/2.png"], [1, 1], [0, 1], [-1, -1])
    columns = ("file_size", "mtime_ns", "width", "height", "mode", "digest", "label", "group")
    np.savez(
        tmp_path / "index.npz",
        head=np.frombuffer(json.dumps(head).encode(), np.uint8),
        paths=blob,
        path_ends=ends,
        **{name: getattr(old, name) for name in columns},
    )
    index = ImageIndex.load(tmp_path / "index.npz")
    assert (index.roots, list(index.paths), index.classes) == (
        {"": "/data"},
        ["a/1.png", "b/2.png"],
        ("a", "b"),
    )
    assert index.exact_duplicates() == [[0, 1]]
    assert not index.signature.any() and np.isnan(index.levels).all() and (index.part == -1).all()


def test_part_of_an_index_keeps_what_it_is(tmp_path: Path) -> None:
    index = made(["a/1.png", "b/2.png", "c.png"], [1, 2, 1], [0, 1, -1], [0, 1, -1])
    part = index.take(np.asarray([2, 0]))
    assert list(part.paths) == ["c.png", "a/1.png"]
    assert part.ids == [index.ids[0], index.ids[2]], (
        "the first of two copies has the plain id, whichever it is"
    )
    assert part.label.tolist() == [-1, 0]
