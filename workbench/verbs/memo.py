"""The verb `memo`: the decision of a project as a document, and whether an older one still holds."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.records.files import write_text
from workbench.records.project import Project
from workbench.records.text import count, printable
from workbench.verbs.common import add_verb, print_json

if TYPE_CHECKING:
    from workbench.decide.memo.document import Memo

ENDINGS = (".html", ".md", ".pdf")
_TEXT = "Write the decision of a project as a memo, or check one."
_ABOUT = (
    f"{_TEXT} Every number is bound to the run that it comes from. The author's words are kept in "
    "decision/case.json of the project, under `prose`, a text for each section (question, data, results, boards, "
    "findings, verdict, next): plain text, an empty line between paragraphs. In them {{KEY}} stands for a number, by "
    "its key in the memo's appendix, such as {{threshold}} or {{data.labelled}}, and is filled in anew each time."
)


def register(verbs: Any) -> None:
    verb = add_verb(verbs, "memo", _memo, _TEXT, json_flag=False)
    verb.description = _ABOUT
    verb.add_argument("folder", metavar="PROJECT", help="Project folder.")
    verb.add_argument(
        "--out",
        action="append",
        default=[],
        metavar="FILE",
        help="File to write: .html, .md or .pdf; may be given several times (default: memo.html in the project). "
        "With --check: the copy to check.",
    )
    verb.add_argument(
        "--check",
        action="store_true",
        help="Write nothing; derive every number anew from the run folders and tell each that differs, also where a "
        "file was changed by hand. Ends with 1 when something differs.",
    )
    verb.add_argument("--json", action="store_true", help="Print one JSON document on stdout.")


def _memo(options: argparse.Namespace) -> int:
    folder = Path(options.folder).expanduser().absolute()
    files = [Path(name).expanduser().absolute() for name in options.out]
    return _check(folder, files, options) if options.check else _write(folder, files, options)


def _check(folder: Path, files: list[Path], options: argparse.Namespace) -> int:
    from workbench.decide.memo.check import check_memo  # SciPy takes a second that other verbs need not wait

    checked = check_memo(folder, files)
    if options.json:
        print_json(checked.to_json())
    else:
        lines = [*(each.said for each in checked.differences), *(f"Note: {note}" for note in checked.notes)]
        print("\n".join(printable(line) for line in (*lines, checked.told())))
    return 0 if checked.same else 1


def _write(folder: Path, files: list[Path], options: argparse.Namespace) -> int:
    from workbench.decide.memo.write import keep, memo_of

    project = Project.open(folder)
    files = files or [folder / "memo.html"]
    for file in files:
        if file.suffix.lower() not in ENDINGS:
            raise ValueError(f"A memo can be written as .html, .md or .pdf, and {file.name} ends otherwise.")
    memo = memo_of(project)
    for file in files:
        _one(project, memo, file)
    keep(project, memo, files)
    if options.json:
        return print_json(
            {
                "verdict": memo.verdict.text,
                "title": memo.title,
                "date": memo.date,
                "numbers": len(memo.numbers),
                "files": [printable(str(file)) for file in files],
            }
        )
    names = ", ".join(printable(str(file)) for file in files)
    print(f"{memo.verdict.text}. {count(len(memo.numbers), 'bound number')} in {names}.")
    return 0


def _one(project: Project, memo: Memo, file: Path) -> None:
    from workbench.decide.memo.write import text_of

    try:
        if file.suffix.lower() != ".pdf":
            write_text(file, text_of(project, memo, file))
            return
        from workbench.gui.memo_pdf import save_headless  # Qt loads only where it is needed

        save_headless(file, memo)
    except ImportError as error:  # a server without the libraries that Qt needs
        raise ValueError(f"A PDF can't be made here ({error}). Write .html and print that.") from None
    except OSError as error:
        raise ValueError(
            f"{file} can't be written: {error.strerror or error}. Choose another place for it."
        ) from None
