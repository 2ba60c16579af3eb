"""One run at a time: rungs of a finished evaluation or fine-tune, if it was made of the images that count now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from workbench.decide.from_results import kind_by, of_comparison, of_finetune
from workbench.records.embeddings import read_provenance
from workbench.records.evidence import Recipe, Rung, RungKind
from workbench.records.finetunes import FinetuneResult
from workbench.records.index import ImageIndex
from workbench.records.jobs import EmbedJob
from workbench.records.pretrain_job import PretrainJob
from workbench.records.pretraining import RESULT, PretrainResult
from workbench.records.project import Project
from workbench.records.results import SEEN, EvaluationResult, Predictions
from workbench.records.runs import RunFolder
from workbench.records.text import printable
from workbench.records.view_trials import trials

Key = tuple[object, ...]  # two measures of one key are of the same model


class NotOfThese(ValueError):
    """A run that says nothing of the images that count now; the message is the end of a sentence about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A rung, and what tells it from another one of the same name.

    Attributes:
        model: name of its row in the result.
        purity: of the neighbours in a frozen feature, and the same by chance, where they were looked at.
        distance: of the images to those that the backbone was trained on, where it was measured.
        more: what may be added to the name where another rung has it, the first that helps.
    """

    key: Key
    rung: Rung
    model: str
    more: tuple[str, ...]
    purity: tuple[float, float] | None = None
    distance: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Reads runs of one project for one set of images.

    Attributes:
        index: that counts now. hash: its `content_hash`.
        metric: the target's.
        kinds: of frozen backbones, by id, as far as they are known.
        embed_seconds: by fingerprint of the feature, the longest time that embedding with it took.
    """

    project: Project
    index: ImageIndex
    hash: str
    metric: str
    kinds: Mapping[str, RungKind] = field(default_factory=dict)
    embed_seconds: Mapping[str, float] = field(default_factory=dict)

    def evaluation(self, run: RunFolder) -> tuple[EvaluationResult, list[Measure], list[str]]:
        """The result, its rungs, and notes.

        Raises:
            NotOfThese: it was made of other images, labels, groups or splits. ValueError: it can't be read.
        """
        result = EvaluationResult.load(run.path / "result.json")
        files = result.files(run.path)
        made = {name: read_provenance(path) for name, path in files.items()}
        if any(facts.get("index") != self.hash for facts in made.values()):
            raise NotOfThese("was made of other images, labels, groups or splits than those that count now")
        predictions = Predictions.load(run.path / result.predictions)
        status = run.status()
        each = max(status.ended - status.started, 0.0) / max(len(result.models), 1)
        kinds = {model.backbone: self._kind(model.backbone, made[model.name]) for model in result.models}
        rungs = of_comparison(
            result,
            kinds,
            self.metric,
            predictions=predictions,
            groups=self._groups(predictions) if result.grouped else None,
            seconds={
                model.name: each + self.embed_seconds.get(model.fingerprint, 0.0) for model in result.models
            },
            run=self.project.relative(run.path),
        )
        found, notes = [], []
        for model, rung in zip(result.models, rungs, strict=True):
            facts = made[model.name]
            if facts.get("trained_on_labels"):
                notes.append(
                    f"{model.name} has learnt from the labels, so that its probe in {run.id} is none of a frozen "
                    "backbone and no rung."
                )
                continue
            more = (model.feature, f"{model.image_size} px", result.standardise)
            key = ("frozen", model.backbone, model.feature, model.image_size, result.standardise)
            rung = _sound(self._pretrained(replace(rung, seen=_had_seen(model.name, result)), facts))
            pure = None
            if model.purity is not None and model.purity_by_chance is not None:
                pure = model.purity, model.purity_by_chance
            made_of = Measure(
                key=key, rung=rung, model=model.name, more=more, purity=pure, distance=model.distance
            )
            found.append(made_of)
        return result, found, notes

    def finetune(self, run: RunFolder) -> Measure:
        """Raises what `evaluation` raises."""
        result = FinetuneResult.load(run.path / "finetune.json")
        if result.index != self.hash:
            raise NotOfThese("was made of other images, labels, groups or splits than those that count now")
        began = _made_by(result.backbone)
        if began == "finetune":
            raise NotOfThese("went on from a backbone that had learnt from the labels already")
        predictions = Predictions.load(run.path / result.predictions)
        rung = of_finetune(
            result,
            self.metric,
            predictions=predictions,
            groups=self._groups(predictions) if result.grouped else None,
        )
        rung = replace(rung, run=self.project.relative(run.path))
        if began == "pretrain":  # it says nothing of what public features can be made to do
            rung = replace(rung, kind="pretrained")
        key = ("tuned", result.backbone, result.blocks, result.lora, result.image_size, result.augment)
        more = (f"LoRA {result.lora}", f"{result.image_size} px", f"augmented by {result.augment}")
        return Measure(key=key, rung=_sound(rung), model=result.title, more=more)

    def _groups(self, predictions: Predictions) -> np.ndarray:
        """(N,) group codes of the predicted items, -1 for none."""
        code = dict(zip(self.index.ids, self.index.group.tolist(), strict=True))
        return np.asarray([code.get(str(item), -1) for item in predictions.items], dtype=np.int64)

    def _kind(self, backbone: str, facts: Mapping[str, Any]) -> RungKind:
        """What the vectors say of themselves first: it stays true where the backbone is gone."""
        if facts.get("pretrained"):
            return "pretrained"
        weights = facts.get("weights")
        if isinstance(weights, dict):
            return kind_by(str(weights.get("source", "")), str(weights.get("training_data", "")))
        return self.kinds.get(backbone, "public")

    def _pretrained(self, rung: Rung, facts: Mapping[str, Any]) -> Rung:
        """With what is known of the pretraining, for a backbone that was pretrained here."""
        rung = replace(rung, projected=bool(facts.get("projector")))
        mark = facts.get("pretrained")
        if not isinstance(mark, dict):
            return rung
        recipe, unstable, seconds = self._recipe(mark)
        if seconds is not None:
            rung = replace(rung, seconds=seconds + (rung.seconds or 0.0))
        return replace(rung, recipe=recipe, unstable=unstable)

    def _recipe(self, mark: Mapping[str, Any]) -> tuple[Recipe, bool, float | None]:
        """What was pretrained, whether it went badly, and how many seconds its steps took; the method alone where its
        run is gone."""
        method = str(mark.get("method", ""))
        run = self.project.run(Path(str(mark.get("run", ""))).name or "none")
        try:
            result, job = PretrainResult.load(run.path / RESULT), run.job()
        except (ValueError, KeyError, TypeError):
            return Recipe(method=method), False, None
        if result.pool != mark.get("pool") or not isinstance(job, PretrainJob):
            return Recipe(method=method), False, None
        changes = trials(result.augmentation, coloured=True)
        recipe = Recipe(
            method=result.method,
            batch_size=result.batch_size,
            preset=job.preset,
            changes=tuple(trial.title for trial in changes),
        )
        return recipe, any(finding.severity == "bad" for finding in result.findings), result.seconds


def _sound(rung: Rung) -> Rung:
    """`rung`, if all of its scores are numbers, one a seed. Raises ValueError where a file holds something else."""
    scores = [rung.score, *([rung.knn] if rung.knn else [])]
    scores += [score for budget in rung.budgets for score in budget.scores.values()]
    for score in scores:
        ends = score.interval or (0.0, 0.0)
        if len(score.values) != len(rung.seeds) or len(ends) != 2:
            raise ValueError("its scores are not one a seed.")
        if not np.isfinite(np.asarray([*score.values, *ends], dtype=np.float64)).all():
            raise ValueError("a score of it is no number.")
    return rung


def _had_seen(model: str, result: EvaluationResult) -> bool:
    """By what the comparison found of its test images."""
    said = (
        f"{printable(model)} had learnt, ",
        f"{printable(model)} was pretrained here, and its file doesn't say",
    )
    return any(finding.name == SEEN and finding.advice.startswith(said) for finding in result.findings)


def _made_by(backbone: str) -> str:
    """Kind of the run whose folder holds the backbone; "" where no run of ours made it."""
    for folder in (Path(backbone), *Path(backbone).parents) if Path(backbone).is_absolute() else ():
        if (folder / "run.json").is_file():
            return str(RunFolder(folder).document()["kind"])
    return ""


def embed_facts(run: RunFolder) -> tuple[str, str, float, float]:
    """Of a finished embedding: the feature's fingerprint, the backbone, its seconds, and images a second (0: all of
    its vectors were there). Raises ValueError or KeyError for a damaged run."""
    job, status = run.job(), run.status()
    if not isinstance(job, EmbedJob):
        raise ValueError(f"{run.path} is no embedding.")
    rate = float(status.result.get("images_per_second", 0.0)) if status.result.get("computed") else 0.0
    fingerprint = str(status.result["fingerprint"])
    return fingerprint, job.backbone, max(status.ended - status.started, 0.0), rate
