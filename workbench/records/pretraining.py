"""What a pretraining run leaves, as plain facts: its measurements while it runs, and its result.

    metrics.jsonl     one line a step, one a look at validation (`Measured` says which keys)
    health.json       what the collapse doctor says now
    checkpoints/      step-000000123.safetensors: all that is needed to go on
    backbone/         what is embedded with: weights, config.json, model card
    pretrain.json     the result, when the run has ended or was stopped and kept

Lines of metrics.jsonl hold `step` (updates done), `epoch`, `loss`, `learning_rate`, `weight_decay`, `gradient_norm`,
`images_per_second`, `data_wait` and `augment_share` (shares of the time, 0 to 1), `memory` (bytes, on a GPU), and
what the method tells (`momentum`, `temperature`, ...). A look at validation holds `step`, `epoch`, `knn` and `probe`.
A look at health holds `step`, `feature_std`, `rank`, `rank_of`, `entropy` where the method has prototypes.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from workbench.records.augmentation import Augmentation
from workbench.records.files import read_document, write_document
from workbench.records.jobs import job_from_json
from workbench.records.results import Finding
from workbench.records.runs import RunFolder

VERSION = 1
RESULT = "pretrain.json"
HEALTH = "health.json"
BACKBONE = "backbone"
CHECKPOINTS = "checkpoints"

# Curves that a view can draw: key of a line, title, unit, whether it is best read on a logarithmic axis.
CURVES: tuple[tuple[str, str, str, bool], ...] = (
    ("loss", "Loss", "", False),
    ("learning_rate", "Learning rate", "", False),
    ("weight_decay", "Weight decay", "", False),
    ("momentum", "Teacher momentum", "", False),
    ("temperature", "Temperature", "", False),
    ("gradient_norm", "Gradient norm", "", True),
    ("images_per_second", "Images a second", "", False),
    ("data_wait", "Waiting for data", "%", False),
    ("augment_share", "Augmentation", "%", False),
    ("memory", "GPU memory", "GB", False),
    ("feature_std", "Feature spread", "", False),
    ("rank", "Effective rank (RankMe)", "", False),
    ("entropy", "Teacher entropy", "nats", False),
)


def extend(run: RunFolder, epochs: int) -> None:
    """Plan more epochs for a run that has ended; run again, it goes on from its last checkpoint.

    Raises:
        ValueError: fewer epochs than it has already, or a folder that holds no pretraining.
    """
    document = run.document()
    if document["kind"] != "pretrain":
        raise ValueError(f"{run.path} is no pretraining run.")
    planned = int(document["config"]["epochs"])
    if epochs <= planned:
        raise ValueError(f"The run was planned for {planned} epochs. More are needed to continue it.")
    run.ask_again(job_from_json("pretrain", {**document["config"], "epochs": epochs}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look at the labelled images' validation part, with the network as it was. Never at the test part."""

    step: int
    epoch: float
    metric: str
    knn: float
    probe: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A number that the published rule gave for this run."""

    name: str
    value: str
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PretrainResult:
    """Raises ValueError when read from something else."""

    run: str
    method: str
    title: str  # "MAE, ViT tiny, patch 8, from nothing"
    backbone: str
    start: str  # "" for none
    image_size: int
    patch_size: int  # 0 for a convolutional network
    images: int  # learnt from
    left_out: int  # of the images at hand, because they are validation or test
    index: str  # content hash
    pool: str  # content hash of the set that was learnt from
    steps: int
    epochs: float  # done
    planned_epochs: int
    batch_size: int
    loss: tuple[float, ...]  # of every step, thinned to 2,000
    looks: tuple[Look, ...]
    images_per_second: float
    rules: tuple[Rule, ...]
    augmentation: Augmentation
    settings: dict[str, Any]  # of the method
    findings: tuple[Finding, ...]
    checkpoint: str  # relative to the run folder
    seed: int
    device: str
    precision: str
    seconds: float  # that its steps took, over all interruptions

    def save(self, path: Path) -> None:
        body = {**asdict(self), "augmentation": self.augmentation.to_json()}
        write_document(path, "pretrain", VERSION, body)

    @classmethod
    def load(cls, path: Path) -> PretrainResult:
        body = read_document(path, "pretrain", VERSION)
        known = {item.name for item in fields(cls)}
        values = {key: value for key, value in body.items() if key in known}
        made: dict[str, Any] = {
            **values,
            "loss": tuple(values["loss"]),
            "looks": tuple(Look(**item) for item in values["looks"]),
            "rules": tuple(Rule(**item) for item in values["rules"]),
            "findings": tuple(Finding(**item) for item in values["findings"]),
            "augmentation": Augmentation.from_json(values["augmentation"]),
        }
        return cls(**made)

    def public_json(self, folder: Path) -> dict[str, Any]:
        """What `pretrain --json` prints; the keys are a contract."""
        return {
            "run": str(folder),
            "method": self.method,
            "steps": self.steps,
            "loss": list(self.loss),
            "images_per_second": self.images_per_second,
            "knn": [look.knn for look in self.looks],
            "checkpoint": str(folder / self.checkpoint),
            "findings": [
                {"name": item.name, "severity": item.severity, "advice": item.advice}
                for item in self.findings
            ],
            "epochs": self.epochs,
            "probe": [look.probe for look in self.looks],
            "images": self.images,
            "backbone": str(folder / BACKBONE),
            "rules": [asdict(rule) for rule in self.rules],
            "seconds": self.seconds,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthRow:
    """One line of the health card."""

    name: str  # "Feature spread"
    value: str  # "0.94", "141 of 384"
    state: str  # "good", "warn", "bad"
    word: str  # "healthy", "clipped 12 %"
    means: str  # one sentence that defines the number


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What the collapse doctor says: rows that are always shown, and findings where something is wrong."""

    step: int
    every: int  # steps between two checks
    rows: tuple[HealthRow, ...]
    findings: tuple[Finding, ...]

    def save(self, path: Path) -> None:
        write_document(path, "health", VERSION, asdict(self))

    @classmethod
    def load(cls, path: Path) -> Health:
        body = read_document(path, "health", VERSION)
        return cls(
            step=body["step"],
            every=body["every"],
            rows=tuple(HealthRow(**row) for row in body["rows"]),
            findings=tuple(Finding(**item) for item in body["findings"]),
        )
