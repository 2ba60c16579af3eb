"""Label tables: how they are read, how rows find their images, and what is reported."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from workbench.records.label_table import match, parse_table, read_table

PATHS = ["a/1.png", "a/2.png", "b/1.png", "b/sub/3.png", "stack.tif", "stack.tif"]
ROOTS = {"": "/data/set"}


def labels(text: str, paths: list[str] = PATHS, roots: dict[str, str] = ROOTS):  # type: ignore[no-untyped-def]
    return match(parse_table(text), paths, roots)


@pytest.mark.parametrize(
    "path",
    [
        "a/2.png",
        "./a/2.png",
        "/data/set/a/2.png",
        "2.png",
        "a\\2.png",
        "set/a/2.png",
        "a//2.png",
        "b/../a/2.png",
    ],
)
def test_relative_absolute_and_bare_names_find_their_image(path: str) -> None:
    found = labels(f"path,label\n{path},crack\n")
    assert found.labels == ["", "crack", "", "", "", ""]
    assert (found.rows, found.images, found.unmatched) == (1, 1, [])


def test_a_path_may_be_told_by_its_end() -> None:
    assert labels("path,label\nsub/3.png,x\n").labels[3] == "x"


@pytest.mark.parametrize("path", ["A/2.PNG", "a/2", "2", "A\\2", "SUB/3", "STACK"])
def test_other_capitals_and_a_missing_ending_find_the_only_image_that_can_be_meant(path: str) -> None:
    found = labels(f"path,label\n{path},crack\n")
    assert found.rows == 1 and not found.unmatched
    meant = {2: ["stack.tif"] * 2}.get(found.images) or [PATHS[found.labels.index("crack")]]
    assert all(path.lower().replace("\\", "/") in name for name in meant)


def test_capitals_and_endings_are_not_guessed_where_they_tell_images_apart() -> None:
    paths = ["a/X.png", "a/x.png", "b/y.jpg", "b/y.png"]
    found = labels("path,label\na/x.png,small\na/X.png,big\nb/y.jpg,j\n", paths)
    assert found.labels == ["big", "small", "j", ""]
    unclear = labels("path,label\nA/X.PNG,x\nb/y,y\nb/z,z\n", paths)
    assert unclear.labels == [""] * 4
    assert [row.reason.partition(";")[0] for row in unclear.unmatched] == [
        "2 images are called so",
        "2 images are called so",
        "there is no such image in the chosen folders",
    ]


def test_an_end_and_the_root_s_own_name_must_not_lead_to_two_images() -> None:
    found = labels("path,label\nset/1.png,x\n", ["1.png", "deep/set/1.png"])
    assert found.labels == ["", ""]
    assert "2 images are called so" in found.unmatched[0].reason


def test_a_name_with_a_backslash_is_found_as_it_is() -> None:
    assert labels("path,label\nx\\y.png,z\n", ["x\\y.png"]).labels == ["z"]


def test_a_hundred_thousand_images_of_one_name_take_no_longer_than_others() -> None:
    paths = [f"scans/{number}/slice.png" for number in range(100_000)]
    table = parse_table("path,label\n" + "".join(f"{number}/slice.png,x\n" for number in range(100_000)))
    started = time.perf_counter()
    found = match(table, paths, ROOTS)
    assert (
        time.perf_counter() - started < 20
    )  # a second; hours where every row looks at every image of its name
    assert found.images == 100_000


def test_a_quotation_mark_that_is_never_closed_is_pointed_out() -> None:
    assert "never closed" in labels('path,label\n"a/1.png,x\na/2.png,y\n').unmatched[0].reason
    with pytest.raises(ValueError, match="never closed"):
        parse_table('path,label\n"a/1.png,x\n' + "a/2.png,y\n" * 20_000)


def test_the_separator_is_the_one_that_shows_the_columns() -> None:
    table = parse_table("path;label;what, where, when, who\na/1.png;x;n\n")
    assert table.rows[0][1:3] == ("a/1.png", "x")


@pytest.mark.parametrize("head", ["path,label,label", "path,Label,label", "path,path,label"])
def test_two_columns_of_one_name_are_not_chosen_from(head: str) -> None:
    with pytest.raises(ValueError, match="more than one column"):
        parse_table(f"{head}\na/1.png,x,y\n")


def test_what_does_not_fit_is_reported_and_nothing_is_guessed() -> None:
    found = labels(
        "path,label\n1.png,crack\nnowhere.png,crack\n/elsewhere/a/1.png,crack\n,crack\n"
        "a/1.png,dent\na/1.png,crack\na/1.png,dent\n"
    )
    assert found.labels == ["dent", "", "", "", "", ""]
    told = {item.line: item.reason for item in found.unmatched}
    assert "2 images are called so" in told[2]
    assert "no such image" in told[3]
    assert "no such image" in told[4]
    assert "no path" in told[5]
    assert "contradicts line 6" in told[7]
    assert "repeats line 6" in told[8]


def test_all_pages_of_a_file_are_labelled() -> None:
    found = labels("path,label\nstack.tif,cell\n")
    assert found.labels[4:] == ["cell", "cell"]
    assert (found.rows, found.images) == (1, 2)


def test_groups_parts_and_other_words_for_the_columns() -> None:
    table = parse_table(
        "Image;Class;Patient;Part\na/1.png;x;p1;train\na/2.png;y;p2;Validation\nb/1.png;x;;hold\n"
    )
    assert table.columns == {"path": "Image", "label": "Class", "group": "Patient", "split": "Part"}
    found = match(table, PATHS, ROOTS)
    assert found.groups[:3] == ["p1", "p2", ""]
    assert found.parts.tolist()[:3] == [0, 1, -1]
    assert found.labels[2] == "x", "a strange part costs the part, not the label"
    assert "none of train, val and test" in found.unmatched[0].reason


def test_the_exact_name_of_a_column_wins() -> None:
    assert parse_table("image,path,class,label\nq,a/1.png,no,yes\n").columns["label"] == "label"


@pytest.mark.parametrize("none", ["", "NaN", "none", "?"])
def test_words_for_no_label(none: str) -> None:
    assert labels(f"path,label\na/1.png,{none}\n").labels[0] == ""


def test_several_folders() -> None:
    roots = {"north": "/data/north", "south": "/mnt/south"}
    paths = ["north/a/1.png", "south/a/1.png"]
    found = labels("path,label\n/mnt/south/a/1.png,x\nnorth/a/1.png,y\n", paths, roots)
    assert found.labels == ["y", "x"]
    assert "2 images" in labels("path,label\n1.png,x\n", paths, roots).unmatched[0].reason


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "is empty"),
        (b"a/1.png,crack\n", 'no column "path"'),
        (b"path,colour\nx,y\n", 'no column "label"'),
        (b"path,label\n\x00\x00", "not a text file"),
    ],
)
def test_a_file_that_is_no_table(tmp_path: Path, data: bytes, sentence: str) -> None:
    path = tmp_path / "labels.csv"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=sentence) as error:
        read_table(path)
    assert "labels.csv" in str(error.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_what_spreadsheets_write(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "labels.csv"
    path.write_bytes('path\tlabel\r\na/1.png\t"Riß, tief"\r\n'.encode(encoding))
    assert read_table(path).rows[0].label == "Riß, tief"


def test_a_table_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="can't be read"):
        read_table(tmp_path / "none.csv")
