"""Files that appear whole or not at all, and JSON documents that carry a format and a version.

Every file of a project goes through here: a temporary file in the same folder, fsync, rename. A
reader therefore sees the old file or the new one, never half of either, also after a power cut or
on a full disk.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, BinaryIO

Migration = Callable[[dict[str, Any]], dict[str, Any]]


class DocumentError(ValueError):
    """A file of ours that can't be read; the message names the file and how to mend it."""


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary file beside `path` for writing; it takes `path`'s place when the block ends well."""
    handle, temporary = _beside(path, path.name, ".part")
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        _name(error, path)
        raise


@contextlib.contextmanager
def whole_path(path: Path) -> Iterator[Path]:
    """Like `whole_file`, for libraries that want a path to write to (h5py, pyarrow, Qt)."""
    handle, temporary = _beside(path, path.stem, path.suffix)
    os.close(handle)
    try:
        yield temporary
        with temporary.open("rb+") as stream:
            os.fsync(stream.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        _name(error, path)
        raise


@contextlib.contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """A new folder beside `folder` to be filled; it takes `folder`'s place when the block ends well."""
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        yield part
        for file in part.rglob("*"):
            if file.is_file():  # some libraries write files that nobody else may read
                file.chmod(0o666 & ~_umask())
        shutil.rmtree(folder, ignore_errors=True)
        part.rename(folder)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def write_text(path: Path, text: str) -> None:
    with whole_file(path) as stream:
        stream.write(text.encode("utf-8", "surrogateescape"))


def write_document(path: Path, kind: str, version: int, body: Mapping[str, Any]) -> None:
    """Write `body` as JSON under a header that names the document's kind and format version."""
    document = {"format": f"workbench.{kind}", "version": version, **body}
    write_text(path, json.dumps(document, indent=1, ensure_ascii=True, allow_nan=False) + "\n")


def read_document(
    path: Path, kind: str, version: int, migrations: Mapping[int, Migration] | None = None
) -> dict[str, Any]:
    """Read a document that `write_document` wrote, migrating older versions step by step.

    `migrations[n]` turns a version-n body into a version-(n + 1) body.

    Raises:
        DocumentError: the file is missing, is not JSON, is of another kind, or is newer than this program.
    """
    try:
        document: Any = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise DocumentError(f"{path} does not exist.") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise DocumentError(
            f"{path} can't be read ({error}). Restore it from a backup or remove it."
        ) from None
    if not isinstance(document, dict) or document.get("format") != f"workbench.{kind}":
        raise DocumentError(f"{path} is not a workbench {kind} file.")
    found = document.get("version")
    if not isinstance(found, int) or found > version:
        raise DocumentError(
            f"{path} was written by a newer program (format {found}, this one reads up to {version}). "
            "Update the workbench to open it."
        )
    while found < version:
        step = (migrations or {}).get(found)
        if step is None:
            raise DocumentError(f"{path} has format {found}, which this program no longer reads.")
        document = step(document)
        found += 1
    return dict(document)


def known_fields(kind: Any, body: Mapping[str, Any]) -> dict[str, Any]:
    """Those entries of `body` that are fields of the dataclass `kind`; what a newer program added is left out."""
    return {item.name: body[item.name] for item in fields(kind) if item.name in body}


def _beside(path: Path, name: str, suffix: str) -> tuple[int, Path]:
    """A new temporary file in the folder of `path`, which is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle, made = tempfile.mkstemp(dir=path.parent, prefix=f".{name[:40]}.", suffix=suffix)
    except OSError as error:
        error.filename = str(path)
        raise
    return handle, Path(made)


def _name(error: BaseException, path: Path) -> None:
    """Writes to an open file fail without its name; whoever reads of it wants to know which it was."""
    if isinstance(error, OSError) and error.errno is not None and error.filename is None:
        error.filename = str(path)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
