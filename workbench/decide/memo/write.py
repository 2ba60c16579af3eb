"""Write the memo of a project, and keep what it was made of beside the decision."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from workbench.decide.keep import decide_and_keep, known
from workbench.decide.memo.as_html import as_html
from workbench.decide.memo.as_markdown import as_markdown
from workbench.decide.memo.content import compose
from workbench.decide.memo.document import Memo
from workbench.records.case import Case
from workbench.records.files import DocumentError, write_text
from workbench.records.memo import MemoRecord, Written
from workbench.records.project import Project
from workbench.records.text import printable

TEXTS = (".html", ".md")


def write_memo(project_folder: Path, out: Path) -> None:
    """Decide anew and write the memo to `out`, .html or .md.

    Raises:
        DocumentError: there is no project, or a file of it can't be read.
        ValueError: another ending, or words of the author that name no number.
        OSError: the file can't be written.
    """
    project = Project.open(project_folder)
    memo = memo_of(project)
    write_text(out, text_of(project, memo, out))
    keep(project, memo, [out])


def memo_of(project: Project) -> Memo:
    """The memo of a decision that is made now, and kept."""
    case = Case.load(project.folder)
    evidence, decision = decide_and_keep(project, case, *known(project))
    return compose(project, case, evidence, decision)


def text_of(project: Project, memo: Memo, out: Path) -> str:
    """What a file of that ending would hold. Raises ValueError for an ending that isn't in `TEXTS`."""
    ending = out.suffix.lower()
    if ending == ".md":
        return as_markdown(memo)
    if ending == ".html":
        return as_html(memo, _base(project, out))
    raise ValueError(
        f"A memo can be written as .html, .md or .pdf, and {printable(out.name)} ends otherwise."
    )


def keep(project: Project, memo: Memo, files: Sequence[Path]) -> None:
    """Remember the memo's numbers, and its files with those that were written before and are still there."""
    try:
        before = MemoRecord.load(project.folder).files
    except DocumentError:
        before = ()
    content = memo.digest()
    written = {each.path: each for each in before if (project.folder / each.path).exists()}
    for file in files:
        path = stored(project, file)
        written[path] = Written(path=path, digest=digest_of(file), content=content)
    MemoRecord(numbers=memo.numbers, files=tuple(written[path] for path in sorted(written))).save(
        project.folder
    )


def stored(project: Project, file: Path) -> str:
    """A file's path as the record has it: relative to the project, also where it lies elsewhere."""
    try:
        return Path(os.path.relpath(file.absolute(), project.folder)).as_posix()
    except ValueError:  # another drive
        return file.absolute().as_posix()


def digest_of(file: Path) -> str:
    return hashlib.blake2b(file.read_bytes(), digest_size=16).hexdigest()


def _base(project: Project, out: Path) -> str | None:
    """The project's folder as seen from the file's, where the file lies in the project."""
    folder, root = out.resolve().parent, project.folder.resolve()
    return Path(os.path.relpath(root, folder)).as_posix() if folder.is_relative_to(root) else None
