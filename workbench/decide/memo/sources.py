"""Where the numbers of a memo come from: the runs of a project, and the place of each rung in what they wrote."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from workbench.decide.memo.document import Source
from workbench.decide.standing import best
from workbench.records.evidence import Evidence, Rung
from workbench.records.files import DocumentError
from workbench.records.finetunes import FinetuneResult
from workbench.records.index import ImageIndex
from workbench.records.project import Project
from workbench.records.results import EvaluationResult, Predictions
from workbench.records.runs import RunFolder
from workbench.records.scores import ModelResult, Score

RESULTS = ("result.json", "finetune.json")  # of a comparison, of a fine-tune
Result = EvaluationResult | FinetuneResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a rung's scores stand. `place` is the model's in the result; `model` is None for a fine-tune."""

    run: str  # folder, relative to the project
    file: str  # relative to the project
    where: str  # in the file, without the metric: "models[1].probe"
    result: Result
    place: int
    model: ModelResult | None

    def scores(self) -> dict[str, Score]:
        if self.model is not None:
            return self.model.probe
        assert isinstance(self.result, FinetuneResult)
        return self.result.scores

    @property
    def confusion(self) -> tuple[tuple[int, ...], ...]:
        if self.model is not None:
            return self.model.confusion
        assert isinstance(self.result, FinetuneResult)
        return self.result.confusion


@dataclass(slots=True)
class Sources:
    """A project read for a memo. Results are read once; what can't be read is as if it weren't there."""

    project: Project
    evidence: Evidence
    _results: dict[str, tuple[str, Result] | None] = field(default_factory=dict)
    _listed: tuple[Source, ...] | None = None

    def folder(self, run: str) -> Path:
        """Of a run by its folder relative to the project, or by its id."""
        path = self.project.folder / run
        return path if path.is_dir() or "/" in run else self.project.run(run).path

    def name(self, run: str) -> str:
        """A run's folder relative to the project; "" for none."""
        return self.project.relative(self.folder(run)) if run else ""

    def read(self, run: str) -> tuple[str, Result] | None:
        """The file of a run's result, relative to the project, and the result; None where none can be read."""
        if run not in self._results:
            self._results[run] = None
            for name in RESULTS if run else ():
                path = self.folder(run) / name
                if (result := _result(path)) is not None:
                    self._results[run] = self.project.relative(path), result
        return self._results[run]

    def result(self, run: str) -> Result | None:
        """What a run wrote; None where it wrote nothing that can be read."""
        read = self.read(run)
        return read[1] if read else None

    def file(self, run: str) -> str:
        """The file of a run's result, relative to the project; "" where none can be read."""
        read = self.read(run)
        return read[0] if read else ""

    def origin(self, rung: Rung) -> Origin | None:
        """None where no run of the project holds the rung."""
        read = self.read(rung.run)
        if read is None:
            return None
        run, (file, result) = self.name(rung.run), read
        if isinstance(result, FinetuneResult):
            return Origin(run=run, file=file, where="scores", result=result, place=0, model=None)
        metric = self.evidence.target.metric
        for place, model in enumerate(result.models):
            score = model.probe.get(metric)
            if model.backbone == rung.checkpoint and score and score.values == rung.score.values:
                where = f"models[{place}].probe"
                return Origin(run=run, file=file, where=where, result=result, place=place, model=model)
        return None

    def runs(self) -> tuple[str, ...]:
        """Folders of the runs that the rungs come from, each once, in the order of the rungs."""
        return tuple(dict.fromkeys(self.name(rung.run) for rung in self.evidence.rungs if rung.run))

    def listed(self) -> tuple[Source, ...]:
        if self._listed is None:
            self._listed = tuple(self._source(number, run) for number, run in enumerate(self.runs(), start=1))
        return self._listed

    def _source(self, number: int, run: str) -> Source:
        folder = RunFolder(self.project.folder / run)
        document = _document(folder)
        created = document.get("created")
        return Source(
            label=f"R{number}",
            run=run,
            file=self.file(run),
            kind=str(document.get("kind", "")),
            title=str(document.get("title", "")),
            date=day(created) if isinstance(created, int | float) else "",
            device=str(_provenance(document).get("device", "")),
        )

    def date(self) -> str:
        """Day of the newest run that the memo rests on, in UTC; "" without one."""
        return max((source.date for source in self.listed()), default="")

    def comparison(self) -> tuple[str, EvaluationResult] | None:
        """The run and result that the best rung of a comparison comes from."""
        of_comparisons = [
            rung for rung in self.evidence.rungs if isinstance(self.result(rung.run), EvaluationResult)
        ]
        if not of_comparisons:
            return None
        run = best(tuple(of_comparisons)).run
        result = self.result(run)
        assert isinstance(result, EvaluationResult)
        return self.name(run), result

    def predictions(self, origin: Origin) -> Predictions | None:
        try:
            return Predictions.load(self.project.folder / origin.run / origin.result.predictions)
        except DocumentError:
            return None

    def images(self) -> tuple[ImageIndex, int] | None:
        """The index that counts and how many images the expert left out; None where it can't be made."""
        files = self.project.files_index()
        if files is None:
            return None
        try:
            made = self.project.arranged(files)
        except ValueError:
            return None
        return made.index, len(made.left_out) + made.ignored


def scores_again(origin: Origin, predictions: Predictions, metric: str) -> np.ndarray:
    """(seeds,) the metric of every seed, computed anew from what the model said of each test image.

    Over the true classes that occur, as `engine.evals.metrics` does.
    """
    made = []
    for table in _tables(origin, predictions):
        right, true, said = np.diag(table), table.sum(axis=1), table.sum(axis=0)
        present = true > 0
        if metric == "accuracy":
            made.append(right.sum() / true.sum())
        elif metric == "balanced_accuracy":
            made.append(np.mean(right[present] / true[present]))
        else:
            made.append(np.mean(2 * right[present] / (true + said)[present]))
    return np.asarray(made, dtype=np.float64)


def confusion_again(origin: Origin, predictions: Predictions) -> np.ndarray:
    """(classes, classes) int64, true class by said class, over the test parts of all seeds."""
    size = len(origin.result.classes)
    return sum(_tables(origin, predictions), np.zeros((size, size), np.int64))


def _tables(origin: Origin, predictions: Predictions) -> list[np.ndarray]:
    """A confusion matrix (classes, classes) for each seed that tested an image."""
    size = len(origin.result.classes)
    truth = np.asarray(predictions.truth, dtype=np.int64)
    made = []
    for row in np.asarray(predictions.predicted[origin.place], dtype=np.int64):
        tested = (row >= 0) & (row < size) & (truth >= 0) & (truth < size)
        pairs = truth[tested] * size + row[tested]
        if tested.any():
            made.append(np.bincount(pairs, minlength=size * size).reshape(size, size))
    return made


def day(seconds: float) -> str:
    """A Unix time as a day in UTC: "2026-11-26"."""
    return time.strftime("%Y-%m-%d", time.gmtime(seconds))


def _result(path: Path) -> Result | None:
    try:
        kind = json.loads(path.read_text("utf-8")).get("format", "")
        return FinetuneResult.load(path) if kind == "workbench.finetune" else EvaluationResult.load(path)
    except (OSError, ValueError, AttributeError):  # DocumentError is a ValueError
        return None


def _document(folder: RunFolder) -> dict[str, Any]:
    try:
        return folder.document()
    except DocumentError:
        return {}


def _provenance(document: dict[str, Any]) -> dict[str, Any]:
    found = document.get("provenance")
    return found if isinstance(found, dict) else {}
