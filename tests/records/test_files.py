"""Whole files, versioned documents, text made fit to be shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.records.files import (
    DocumentError,
    read_document,
    whole_file,
    whole_folder,
    whole_path,
    write_document,
)
from workbench.records.text import count, duration, printable, spreadsheet_safe


def test_a_write_that_fails_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    with pytest.raises(OSError, match="full"), whole_file(path) as stream:
        stream.write(b"half of the new")
        raise OSError("disk full")
    with pytest.raises(OSError, match="full"), whole_path(path) as temporary:
        temporary.write_bytes(b"half of the new")
        raise OSError("disk full")
    assert path.read_bytes() == b"old"
    assert [item.name for item in tmp_path.iterdir()] == ["a.bin"]


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    with whole_folder(folder) as part:
        (part / "inner").mkdir()
        (part / "inner" / "a").write_text("old")
        (part / "inner" / "a").chmod(0o600)
    assert (folder / "inner" / "a").stat().st_mode & 0o044, "as readable as any other file"
    with pytest.raises(OSError, match="full"), whole_folder(folder) as part:
        (part / "b").write_text("half of the new")
        raise OSError("disk full")
    assert [item.name for item in tmp_path.iterdir()] == ["model"]
    assert (folder / "inner" / "a").read_text() == "old"
    with whole_folder(folder) as part:
        (part / "b").write_text("new")
    assert [item.name for item in folder.iterdir()] == ["b"]


def test_documents_migrate_step_by_step(tmp_path: Path) -> None:
    path = tmp_path / "d.json"
    write_document(path, "thing", 1, {"length": 2})
    steps = {
        1: lambda body: {**body, "length_mm": body["length"]},
        2: lambda body: {**body, "length_mm": body["length_mm"] * 10},
    }
    assert read_document(path, "thing", 3, steps)["length_mm"] == 20
    with pytest.raises(DocumentError, match="no longer reads"):
        read_document(path, "thing", 3, {1: steps[1]})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "does not exist"),
        ("{", "can't be read"),
        ("[1]", "not a workbench thing"),
        ('{"format": "workbench.other", "version": 1}', "not a workbench thing"),
        ('{"format": "workbench.thing", "version": 9}', "newer program"),
    ],
)
def test_a_document_that_is_none_is_named_with_what_to_do(
    tmp_path: Path, content: str | None, said: str
) -> None:
    path = tmp_path / "d.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(DocumentError, match=said) as caught:
        read_document(path, "thing", 1)
    assert str(path) in str(caught.value)


def test_not_a_number_is_no_json(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_document(tmp_path / "d.json", "thing", 1, {"x": float("nan")})
    assert not list(tmp_path.iterdir())


def test_untrusted_text_is_escaped() -> None:
    assert printable("scratch 3.png") == "scratch 3.png"
    assert printable("übung 試料.png") == "übung 試料.png"
    assert printable("a\nb\x1b[31m") == "a\\nb\\x1b[31m"
    assert printable("gnp.\u202egpj.exe") == "gnp.\\u202egpj.exe"
    assert printable(b"\xff.png".decode("utf-8", "surrogateescape")) == "\\xff.png"
    assert spreadsheet_safe("=HYPERLINK(1)") == "'=HYPERLINK(1)"
    assert (count(1, "image"), count(1674, "image"), count(2, "class", "classes")) == (
        "1 image",
        "1,674 images",
        "2 classes",
    )
    assert (duration(44.4), duration(180), duration(7800)) == ("44 s", "3 min", "2 h 10 min")
