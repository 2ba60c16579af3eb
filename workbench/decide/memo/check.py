"""Whether a memo holds: each number derived anew from the run folders, each file beside what it should say."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from workbench.decide.decision import decide
from workbench.decide.gather import gather
from workbench.decide.keep import known
from workbench.decide.memo.content import compose
from workbench.decide.memo.document import Memo
from workbench.decide.memo.edits import edits
from workbench.decide.memo.sources import Sources, confusion_again, scores_again
from workbench.decide.memo.write import TEXTS, digest_of, stored, text_of
from workbench.records.case import Case
from workbench.records.memo import Bound, MemoRecord, Written
from workbench.records.project import Project
from workbench.records.text import count, printable

SAME = 1e-6  # scores that are nearer were rounded on their way
MOST_EDITS = 8  # of a file that are told


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """`number`: its key, or "" where none is meant. `memo`, `runs`: what each says."""

    kind: str  # "number", "run", "file"
    said: str  # the whole, as a sentence
    number: str = ""
    memo: str = ""
    runs: str = ""
    run: str = ""
    file: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """`numbers` were checked, sentences counted; `files` were held beside what they should say."""

    numbers: int
    files: int
    differences: tuple[Difference, ...]
    notes: tuple[str, ...]

    @property
    def same(self) -> bool:
        return not self.differences

    def told(self) -> str:
        files = f", and {count(self.files, 'file')}" if self.files else ""
        if self.same:
            return f"{count(self.numbers, 'number')}{files} checked: the run folders say the same."
        return (
            f"{count(self.numbers, 'number')}{files} checked: {count(len(self.differences), 'difference')}."
        )

    def to_json(self) -> dict[str, Any]:
        """What `memo --check --json` prints; its keys are a contract."""
        return {
            "same": self.same,
            "checked": self.numbers,
            "files": self.files,
            "differences": [asdict(each) for each in self.differences],
            "notes": list(self.notes),
        }


def check_memo(project_folder: Path, files: Sequence[Path] = ()) -> Checked:
    """Derive the memo anew and compare. Nothing is written.

    Args:
        files: copies of the memo to look at instead of those that were written last.

    Raises:
        DocumentError: there is no project, no memo of it, or the record of it can't be read.
    """
    project = Project.open(project_folder)
    record = MemoRecord.load(project.folder)
    sources, memo, troubles = _again(project)
    differences = [*troubles, *_numbers(project, record, memo), *_scores(sources)]
    notes = list(sources.evidence.notes)
    seen = 0
    for written in _files(project, record, files):
        found, told = _file(project, written, memo)
        seen += found is not None
        differences += found or []
        notes += told
    return Checked(
        numbers=len(record.numbers), files=seen, differences=tuple(differences), notes=tuple(notes)
    )


def _again(project: Project) -> tuple[Sources, Memo, list[Difference]]:
    """The memo as the runs tell it now; without the author's words and boards where those can't be shown any more."""
    case = Case.load(project.folder)
    at_hand, machine = known(project)
    evidence = gather(project, case, at_hand=at_hand, machine=machine)
    sources, decision = Sources(project, evidence), decide(evidence)
    try:
        return sources, compose(project, case, evidence, decision), []
    except ValueError as error:
        bare = replace(case, prose={}, boards=())
        trouble = Difference(kind="file", said=str(error), file="decision/case.json")
        return sources, compose(project, bare, evidence, decision), [trouble]


def _numbers(project: Project, record: MemoRecord, memo: Memo) -> Iterator[Difference]:
    now = {number.key: number for number in memo.numbers}
    for number in record.numbers:
        found = now.pop(number.key, None)
        if found is None or (found.text, _plain(found.value)) != (number.text, _plain(number.value)):
            yield _changed(project, number, found)
    if now:
        first = ", ".join(f"{number.key} ({_short(number.text)})" for number in list(now.values())[:3])
        lacking = count(len(now), "number")
        said = f"The runs tell {lacking} that the memo lacks, such as {first}. Write the memo again."
        yield Difference(kind="number", said=said, runs=first)


def _changed(project: Project, number: Bound, found: Bound | None) -> Difference:
    gone = [
        run for run in ((number.run,) if number.run else number.runs) if not (project.folder / run).is_dir()
    ]
    place = found or number
    where = ", ".join(part for part in (place.file, place.where) if part)
    if found is None or gone:
        why = f"its run folder {printable(gone[0])} is gone" if gone else "no run tells it any more"
    elif found.text != number.text:
        why = f"the runs say {_short(found.text)}"
    else:
        why = f"the runs say {found.value!r} instead of {number.value!r}, which rounds to the same"
    told = f"{number.key}: the memo says {_short(number.text)}, and {why}" + (
        f" ({printable(where)})." if where else "."
    )
    return Difference(
        kind="run" if gone else "number",
        said=told,
        number=number.key,
        memo=number.text,
        runs=found.text if found else "",
        run=gone[0] if gone else place.run or ", ".join(place.runs),
        file=place.file,
    )


def _scores(sources: Sources) -> Iterator[Difference]:
    """Results that don't follow from what the model said of each test image."""
    metric = sources.evidence.target.metric
    for rung in sources.evidence.rungs:
        origin = sources.origin(rung)
        predictions = sources.predictions(origin) if origin else None
        if origin is None or predictions is None:
            continue
        name = printable(rung.name)
        computed = scores_again(origin, predictions, metric)
        score = origin.scores()[metric]
        if len(computed) != len(score.values):
            continue
        for place in np.flatnonzero(np.abs(computed - np.asarray(score.values)) > SAME):
            yield Difference(
                kind="run",
                said=f"{name}, split {place + 1}: {origin.file} says {metric} {score.values[place]:.4f}, and the "
                f"predictions beside it give {computed[place]:.4f}.",
                memo=f"{score.values[place]:.4f}",
                runs=f"{computed[place]:.4f}",
                run=origin.run,
                file=origin.file,
            )
        table = confusion_again(origin, predictions)
        if np.shape(origin.confusion) == table.shape and not np.array_equal(origin.confusion, table):
            said = f"{name}: the confusion matrix in {origin.file} does not follow from the predictions beside it."
            yield Difference(kind="run", said=said, run=origin.run, file=origin.file)


def _files(project: Project, record: MemoRecord, files: Sequence[Path]) -> list[Written]:
    if not files:
        return list(record.files)
    known_ones = {written.path: written for written in record.files}
    asked = [stored(project, file) for file in files]
    return [known_ones.get(path, Written(path=path, digest="", content="")) for path in asked]


def _file(project: Project, written: Written, memo: Memo) -> tuple[list[Difference] | None, list[str]]:
    """What differs in a file, and what is only worth a note; None where the file can't be looked at."""
    path, name = project.folder / written.path, printable(written.path)
    try:
        touched = digest_of(path) != written.digest
        text = path.read_bytes().decode("utf-8", "replace") if path.suffix.lower() in TEXTS else None
    except OSError:
        return None, [f"{name} is no longer there."]
    if text is None:
        if touched:
            said = f"{name} is not the file that was written. Write the memo again."
            return [Difference(kind="file", said=said, file=written.path)], []
        return _outdated(written, memo), []
    changes, words = edits(text_of(project, memo, path), text)
    notes = [f"The author's words in {name} are others than those of the project."] if words else []
    if not touched:  # what differs now are the runs, or a newer program lays it out otherwise
        return _outdated(written, memo), notes
    made = [
        Difference(
            kind="file",
            said=f"{name}, line {edit.line}{f' ({edit.key})' if edit.key else ''}: the file says "
            f"“{printable(edit.found)}”, and the runs make it “{printable(edit.wanted)}”.",
            number=edit.key,
            memo=edit.found,
            runs=edit.wanted,
            file=written.path,
        )
        for edit in changes[:MOST_EDITS]
    ]
    if len(changes) > MOST_EDITS:
        more = f"{name}: {count(len(changes) - MOST_EDITS, 'more line')} differ. Write the memo again."
        made.append(Difference(kind="file", said=more, file=written.path))
    return made, notes


def _outdated(written: Written, memo: Memo) -> list[Difference]:
    if written.content == memo.digest():
        return []
    said = f"{printable(written.path)} was written from other numbers. Write the memo again."
    return [Difference(kind="file", said=said, file=written.path)]


def _plain(value: Any) -> Any:
    """As it would be read from a file."""
    return json.loads(json.dumps(value))


def _short(text: str) -> str:
    return text if len(text) <= 120 else f"{text[:119]}…"
