"""What an evaluation says, as plain data: one document feeds the table, the plots, `--json` and the memo."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal
from zipfile import BadZipFile

import numpy as np

from workbench.records.evaluations import ExtraScore
from workbench.records.files import DocumentError, read_document, whole_path, write_document
from workbench.records.scores import ModelResult

VERSION = 1

Verdict = Literal["better", "equivalent", "undecided", "not ranked"]

SEEN = "seen in pretraining"  # name of the finding of a backbone that had learnt from test images


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """`a` against `b` on the same items and splits, `a` being the one with the higher mean.

    `difference`, `interval` and `minimum_detectable_difference` are in the metric's own unit, 0 to 1, a minus b.
    `p` is of this pair alone; `p_adjusted` of this pair among all of the table (Holm 1979). What is None nobody
    knows: with one seed, or in a result of an earlier version. "not ranked" are two rows whose features were not made
    alike: their difference is no difference between backbones.
    """

    a: str
    b: str
    metric: str
    difference: float
    interval: tuple[float, float]
    verdict: Verdict
    reason: str  # one sentence in plain words
    p: float | None = None
    p_adjusted: float | None = None
    minimum_detectable_difference: float | None = None  # found four times in five with these seeds and labels
    outlook: str = ""  # what more seeds or labels would bring, in a sentence or two
    mcnemar: float | None = (
        None  # p of McNemar's exact test by groups, on the test part of the first seed alone
    )

    def seen_from(self, name: str) -> tuple[float, tuple[float, float], str]:
        """Difference, interval and verdict with `name` first; "worse" where the other one is better."""
        if name == self.a:
            return self.difference, self.interval, self.verdict
        lo, hi = self.interval
        return -self.difference, (-hi, -lo), "worse" if self.verdict == "better" else self.verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something the reader must know before believing a number."""

    name: str  # a word or a few, as they are shown: "few seeds"
    severity: Literal["info", "warn", "bad"]
    advice: str


DISAGREEMENT = "probe and k-NN apart"  # the finding that the diagnoses of a model are summed up in


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """One reason why probe and k-NN may disagree on a model, measured."""

    model: str  # ModelResult.name
    name: str  # a word or a few: "norm spread"
    value: float
    unit: str  # "points", "times"; "" for a pure number
    advice: str  # what the number means and what to do, in a sentence or two
    likely: bool  # whether the number is large enough to be a reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaks:
    """Copies of test images among the images that were learnt from, in the worst of the splits."""

    sets: int  # of copies that a split tore apart
    test_images: int  # test images that have a copy in training or validation
    near: bool  # whether copies were looked for by their looks, and not by their bytes only

    def told(self) -> str:
        """In a few words, for the head of a table."""
        how = "" if self.near else " (exact copies only)"
        if not self.sets:
            return f"no leaks found{how}"
        images = f"{self.test_images:,} test image" + ("" if self.test_images == 1 else "s")
        return f"leaks left in: {images}{how}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationResult:
    """A comparison on one protocol. Two results may be ranked together only when `protocol` is equal."""

    protocol: str  # fingerprint of items, labels, split rule, seeds, grid and kind of evaluation
    kind: str  # "frozen probe"
    metric: str  # the primary one
    margin: float  # differences inside +-margin are called equivalent
    seeds: tuple[int, ...]
    classes: tuple[str, ...]
    split_hashes: tuple[str, ...]  # per seed
    split_counts: tuple[int, int, int]  # train, validation, test items of the first seed
    grouped: bool  # whether the splits keep groups whole
    models: tuple[ModelResult, ...]
    comparisons: tuple[Comparison, ...]
    findings: tuple[Finding, ...] = ()
    leaks: Leaks | None = None  # None in results of earlier versions, which did not look
    plan: str = ""  # how the splits were drawn, in words: "5 folds"; "" by shares
    diagnoses: tuple[Diagnosis, ...] = ()  # of the models whose probe and k-NN disagree
    feature_rule: str = ""  # what "the feature" was in this comparison, in words; "" in earlier results
    standardise: str = "z-score"  # of the features before the probe: "z-score" or "l2"
    target: float | None = None  # the primary score that the user asked for, 0 to 1
    extra: tuple[ExtraScore, ...] = ()  # what evaluations of plugins say of the models
    predictions: str = "predictions.npz"  # beside the result: per-item predictions, see Predictions

    def model(self, name: str) -> ModelResult:
        return next(model for model in self.models if model.name == name)

    def files(self, folder: Path) -> dict[str, Path]:
        """Each model's embedding file by the model's name; the result lies in the run folder `folder`.

        A file that is no longer where it was is looked for in the run folders beside, as after a move.
        """
        found = {}
        for model in self.models:
            path = folder / model.source
            beside = folder.parent / path.parent.name / path.name
            found[model.name] = beside if not path.exists() and beside.exists() else path
        return found

    def comparison(self, first: str, second: str) -> Comparison | None:
        wanted = {first, second}
        return next((pair for pair in self.comparisons if {pair.a, pair.b} == wanted), None)

    def public_json(self) -> dict[str, Any]:
        """The document that `evaluate --json` prints; its keys are a contract with other programs."""
        models = []
        for model in self.models:
            probe, knn = model.probe[self.metric], model.knn[self.metric]
            models.append(
                {
                    "name": model.name,
                    "backbone": model.backbone,
                    "feature": model.feature,
                    "fingerprint": model.fingerprint,
                    "image_size": model.image_size,
                    "probe": {**probe.to_json(), "strengths": list(model.strengths)},
                    "knn": {**knn.to_json(), "k": list(model.neighbours)},
                    "metrics": {
                        name: {"probe": score.to_json(), "knn": model.knn[name].to_json()}
                        for name, score in model.probe.items()
                    },
                    "confusion": [list(row) for row in model.confusion],
                    "macro_f1": model.probe["macro_f1"].mean,
                    "balanced_accuracy": model.probe["balanced_accuracy"].mean,
                    "ece": model.calibration.ece if model.calibration else None,
                    "calibration": asdict(model.calibration) if model.calibration else None,
                    "labels_to_target": asdict(model.to_target) if model.to_target else None,
                    "per_class": [asdict(score) for score in model.per_class],
                    "evaluations": [
                        {
                            "name": one.evaluation,
                            "title": one.title,
                            "plugin": one.plugin,
                            "error": one.error,
                            **(one.score.to_json() if one.score else {}),
                        }
                        for one in self.extra
                        if one.model == model.name
                    ],
                    "budgets": [
                        {"fraction": budget.fraction, "labels": budget.labels}
                        | budget.scores[self.metric].to_json()
                        for budget in model.budgets
                    ],
                }
            )
        return {
            "protocol": self.protocol,
            "kind": self.kind,
            "metric": self.metric,
            "margin": self.margin,
            "seeds": list(self.seeds),
            "classes": list(self.classes),
            "splits": list(self.split_hashes),
            "grouped": self.grouped,
            "models": models,
            "comparisons": [asdict(pair) for pair in self.comparisons],
            "findings": [asdict(finding) for finding in self.findings],
            "diagnoses": [asdict(diagnosis) for diagnosis in self.diagnoses],
            "feature_rule": self.feature_rule,
            "standardise": self.standardise,
            "target": self.target,
            "leaks": asdict(self.leaks) if self.leaks is not None else None,
            "split_plan": self.plan or "shares",
        }

    def save(self, path: Path) -> None:
        body = asdict(self)
        body["models"] = [model.to_json() for model in self.models]
        body["extra"] = [one.to_json() for one in self.extra]
        write_document(path, "evaluation", VERSION, body)

    @classmethod
    def load(cls, path: Path) -> EvaluationResult:
        body = read_document(path, "evaluation", VERSION)
        try:
            return cls(
                protocol=body["protocol"],
                kind=body["kind"],
                metric=body["metric"],
                margin=body["margin"],
                seeds=tuple(body["seeds"]),
                classes=tuple(body["classes"]),
                split_hashes=tuple(body["split_hashes"]),
                split_counts=tuple(body["split_counts"]),
                grouped=body["grouped"],
                models=tuple(ModelResult.from_json(model) for model in body["models"]),
                comparisons=tuple(
                    Comparison(**{**pair, "interval": tuple(pair["interval"])})
                    for pair in body["comparisons"]
                ),
                findings=tuple(Finding(**finding) for finding in body["findings"]),
                leaks=Leaks(**body["leaks"]) if body.get("leaks") else None,
                plan=body.get("plan", ""),
                diagnoses=tuple(Diagnosis(**item) for item in body.get("diagnoses", ())),
                feature_rule=body.get("feature_rule", ""),
                standardise=body.get("standardise", "z-score"),
                target=body.get("target"),
                extra=tuple(ExtraScore.from_json(one) for one in body.get("extra", ())),
                predictions=body["predictions"],
            )
        except (KeyError, TypeError) as error:
            raise DocumentError(f"{path} lacks or misspells a field ({error}). Evaluate again.") from None


@dataclass(slots=True, kw_only=True)
class Predictions:
    """What every model said of every test item, for every seed. Written once, never changed.

    `predicted[m, s, i]` is model m's class code for item i under seed s, -1 where i was not in the
    test part of seed s. `confidence` is the probability that it gave to that class, NaN there; None in files of
    earlier versions.
    """

    items: np.ndarray  # (N,) str, item ids
    truth: np.ndarray  # (N,) int32, class codes
    predicted: np.ndarray  # (models, seeds, N) int32
    models: tuple[str, ...] = field(default=())
    confidence: np.ndarray | None = None  # (models, seeds, N) float16

    def save(self, path: Path) -> None:
        arrays = {
            "items": np.asarray(self.items, dtype=str),
            "truth": self.truth,
            "predicted": self.predicted,
            "models": np.asarray(self.models, dtype=str),
        }
        if self.confidence is not None:
            arrays["confidence"] = self.confidence
        with whole_path(path) as temporary, temporary.open("wb") as stream:
            np.savez_compressed(stream, allow_pickle=False, **arrays)

    @classmethod
    def load(cls, path: Path) -> Predictions:
        """Raises DocumentError when the file is missing or damaged."""
        try:
            with np.load(path, allow_pickle=False) as arrays:
                return cls(
                    items=arrays["items"],
                    truth=arrays["truth"],
                    predicted=arrays["predicted"],
                    models=tuple(arrays["models"].tolist()),
                    confidence=arrays.get("confidence"),
                )
        except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
            raise DocumentError(f"{path} can't be read ({error}). Evaluate again.") from None
