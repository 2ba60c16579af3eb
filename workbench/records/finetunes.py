"""What a fine-tune says, as plain data. Shown in a table of its own and never ranked with probes: a probe compares
frozen features, a fine-tune changes them with the labels, and spends far more choices on the validation part."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from workbench.records.files import DocumentError, read_document, write_document
from workbench.records.results import Finding, Leaks
from workbench.records.runs import ENDED, RunFolder
from workbench.records.scores import Score, scores_from_json, scores_to_json

VERSION = 1
KIND = "fine-tune"
STATE = "state"  # in a run's provenance: the folder in the cache that it goes on from
NOT_RANKED = (
    "A fine-tune is never ranked with a probe: it changes the backbone with the labels, where a probe compares "
    "frozen features."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """One point of the curve. Epoch 0 is the head's start, the probe of the frozen features, before any training."""

    epoch: int
    train_loss: float | None  # mean over the epoch, while it learnt; None for epoch 0
    train_accuracy: float | None
    val_loss: float
    val: dict[str, float]  # by metric name


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedTuned:
    """One seed: a split, what was learnt on its training part, chosen on validation, and tested once."""

    seed: int
    split: str  # hash of the split, equal to a probe's where both used the same
    counts: tuple[int, int, int]  # train, validation, test images
    strength: float  # of the probe that the head began as
    curve: tuple[Epoch, ...]
    chosen: int  # the epoch with the best validation score, of equal ones that with the smallest loss
    stopped_early: bool
    test: dict[str, float]  # by metric name, of the chosen epoch
    seconds: float
    images_per_second: float  # learnt from

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> SeedTuned:
        curve = tuple(Epoch(**point) for point in body["curve"])
        return cls(**{**body, "counts": tuple(body["counts"]), "curve": curve})

    def at(self, epoch: int) -> Epoch:
        return self.curve[epoch]


@dataclass(frozen=True, slots=True, kw_only=True)
class FinetuneResult:
    """One backbone, fine-tuned once a seed on the splits that the probes use."""

    run: str
    backbone: str
    title: str
    feature: str
    image_size: int
    trained: str  # in words: "the last block and the head"
    blocks: str  # "0", "1", "2", "4" or "all"
    lora: int  # rank; 0 without
    trainable_parameters: int  # the head's counted
    total_parameters: int
    augment: str
    metric: str  # the primary one, by which epochs were chosen
    classes: tuple[str, ...]
    index: str  # content hash of the images and labels
    grouped: bool
    plan: str  # how the splits were drawn, in words; "" by shares
    seeds: tuple[SeedTuned, ...]
    scores: dict[str, Score]  # on the test parts, by metric name
    confusion: tuple[tuple[int, ...], ...]  # true class x predicted, summed over the seeds' test parts
    findings: tuple[Finding, ...] = ()
    leaks: Leaks | None = None
    checkpoint: str = "checkpoint"  # folder beside the result
    checkpoint_seed: int = 0
    checkpoint_form: str = ""  # "timm", "transformers", or "transformers backbone + head"
    seconds: float = 0.0
    device: str = ""
    kind: str = KIND
    predictions: str = "predictions.npz"  # beside the result, see results.Predictions

    @property
    def split_hashes(self) -> tuple[str, ...]:
        return tuple(seed.split for seed in self.seeds)

    def same_splits(self, hashes: tuple[str, ...]) -> bool:
        """Whether a comparison with the splits `hashes` was made on these very splits, or more of them."""
        return bool(hashes) and set(self.split_hashes) <= set(hashes)

    def public_json(self, folder: Path) -> dict[str, Any]:
        """The document that `finetune --json` prints; its keys are a contract. `folder` is the run's."""
        return {
            "run": self.run,
            "kind": self.kind,
            "backbone": self.backbone,
            "title": self.title,
            "feature": self.feature,
            "image_size": self.image_size,
            "trained": self.trained,
            "blocks": self.blocks,
            "lora": self.lora,
            "trainable_parameters": self.trainable_parameters,
            "total_parameters": self.total_parameters,
            "augment": self.augment,
            "metric": self.metric,
            "classes": list(self.classes),
            "seeds": [seed.seed for seed in self.seeds],
            **{name: score.to_json() for name, score in self.scores.items()},
            "epochs": [seed.chosen for seed in self.seeds],
            "curves": [[asdict(point) for point in seed.curve] for seed in self.seeds],
            "splits": list(self.split_hashes),
            "grouped": self.grouped,
            "split_plan": self.plan or "shares",
            "confusion": [list(row) for row in self.confusion],
            "findings": [asdict(finding) for finding in self.findings],
            "leaks": asdict(self.leaks) if self.leaks is not None else None,
            "checkpoint": str(folder / self.checkpoint),
            "checkpoint_seed": self.checkpoint_seed,
            "checkpoint_form": self.checkpoint_form,
            "ranked": False,
            "note": NOT_RANKED,
            "device": self.device,
            "seconds": self.seconds,
        }

    def save(self, path: Path) -> None:
        write_document(path, "finetune", VERSION, {**asdict(self), "scores": scores_to_json(self.scores)})

    @classmethod
    def load(cls, path: Path) -> FinetuneResult:
        """Raises DocumentError when the file is missing or is not one of ours."""
        body = read_document(path, "finetune", VERSION)
        try:
            values = {key: body[key] for key in cls.__dataclass_fields__ if key in body}
            return cls(
                **{
                    **values,
                    "classes": tuple(body["classes"]),
                    "seeds": tuple(SeedTuned.from_json(seed) for seed in body["seeds"]),
                    "scores": scores_from_json(body["scores"]),
                    "confusion": tuple(tuple(row) for row in body["confusion"]),
                    "findings": tuple(Finding(**finding) for finding in body["findings"]),
                    "leaks": Leaks(**body["leaks"]) if body.get("leaks") else None,
                }
            )
        except (KeyError, TypeError) as error:
            raise DocumentError(f"{path} lacks or misspells a field ({error}). Fine-tune again.") from None


def discard_state(cache: Path, run: RunFolder, others: Iterable[RunFolder], trash: Path) -> bool:
    """Move what a run that was stopped would go on from to `trash`, unless one of `others` goes on from it now."""
    name = _state_of(run)
    if not name or not (cache / name).is_dir():
        return False
    if any(_state_of(other) == name and other.status().state not in ENDED for other in others):
        return False
    (trash / "finetune").mkdir(parents=True, exist_ok=True)
    shutil.move(cache / name, trash / "finetune" / name)
    return True


def restore_state(cache: Path, trash: Path) -> None:
    """Bring back what `discard_state` moved, unless the same was begun anew in the meantime."""
    for folder in (trash / "finetune").glob("*"):
        if not (cache / folder.name).exists():
            cache.mkdir(parents=True, exist_ok=True)
            shutil.move(folder, cache / folder.name)


def _state_of(run: RunFolder) -> str:
    try:
        name = run.document().get("provenance", {}).get(STATE, "")
    except DocumentError:
        return ""
    return name if isinstance(name, str) and re.fullmatch("[0-9a-f]{16}", name) else ""
