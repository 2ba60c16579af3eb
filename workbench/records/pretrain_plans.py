"""What is known of a pretraining before it starts: how its views look, what it would take, which views destroy the
label. Results of the `preview`, `estimate` and `audit` jobs, read by the window and printed by the command line."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from workbench.records.files import read_document, whole_file, write_document
from workbench.records.pretraining import Rule
from workbench.records.results import Finding

VERSION = 1
PREVIEW = "preview.npz"
PREVIEW_ERROR = (
    "preview-error.json"  # {"ask": number, "error": a sentence}, where a request can't be answered
)
ESTIMATE = "estimate.json"
AUDIT = "audit.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """The views of n images, drawn.

    Attributes:
        names: of the images, n.
        pictures: (n, P, P, 3) uint8, the whole image squashed to a square; `shapes` (n, 2) tells width and height.
        views: for each view (n, S, S, 3) uint8, before normalisation; S differs between kinds.
        kinds: for each view, the name of its kind.
        boxes: (n, views, 4, 2) float32, the corners of what each view shows, as shares of the image's width and
            height, in the order of the view's corners: top left, top right, bottom right, bottom left.
        masks: for each view (n, G, G) bool, True where a patch is hidden from the network; None where none is.
        ask: number of the request that was answered.
    """

    names: tuple[str, ...]
    shapes: np.ndarray
    pictures: np.ndarray
    views: tuple[np.ndarray, ...]
    kinds: tuple[str, ...]
    boxes: np.ndarray
    masks: tuple[np.ndarray | None, ...]
    ask: int = 0

    def save(self, path: Path) -> None:
        arrays: dict[str, np.ndarray] = {
            "names": np.asarray(self.names, dtype=str),
            "kinds": np.asarray(self.kinds, dtype=str),
            "shapes": self.shapes,
            "pictures": self.pictures,
            "boxes": self.boxes,
            "ask": np.asarray(self.ask),
            "version": np.asarray(VERSION),
        }
        for number, view in enumerate(self.views):
            arrays[f"view_{number}"] = view
            mask = self.masks[number]
            if mask is not None:
                arrays[f"mask_{number}"] = mask
        with whole_file(path) as stream:
            np.savez(stream, **arrays)  # type: ignore[arg-type]

    @classmethod
    def load(cls, path: Path) -> Preview:
        """Raises OSError or ValueError when there is none that this program reads."""
        with np.load(path, allow_pickle=False) as arrays:
            if int(arrays["version"]) > VERSION:
                raise ValueError(f"{path} was written by a newer program.")
            kinds = tuple(str(kind) for kind in arrays["kinds"])
            return cls(
                names=tuple(str(name) for name in arrays["names"]),
                shapes=arrays["shapes"],
                pictures=arrays["pictures"],
                views=tuple(arrays[f"view_{number}"] for number in range(len(kinds))),
                kinds=kinds,
                boxes=arrays["boxes"],
                masks=tuple(arrays.get(f"mask_{number}") for number in range(len(kinds))),
                ask=int(arrays["ask"]),
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a pretraining would take. Numbers that were not measured on the device itself are None."""

    images: int  # to learn from
    left_out: int  # validation and test, and copies of them
    batch_size: int
    accumulate: int  # parts that a batch is computed in
    steps_per_epoch: int
    epochs: int
    images_per_second: float
    seconds_per_epoch: float
    seconds: float
    peak_bytes: int | None  # of the device's memory
    memory_bytes: int | None  # that the device has
    store_bytes: int  # of decoded pixels on the disk
    stored_size: int  # px
    free_bytes: int  # of that disk
    device: str
    rules: tuple[Rule, ...]
    findings: tuple[Finding, ...]

    def save(self, path: Path) -> None:
        write_document(path, "estimate", VERSION, asdict(self))

    @classmethod
    def load(cls, path: Path) -> Estimate:
        body = read_document(path, "estimate", VERSION)
        rules = tuple(Rule(**item) for item in body["rules"])
        findings = tuple(Finding(**item) for item in body["findings"])
        known = cls.__dataclass_fields__
        values = {key: value for key, value in body.items() if key in known}
        return cls(**{**values, "rules": rules, "findings": findings})


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    """What one kind of change costs a probe that sees only changed pictures."""

    change: str  # field or fields of View: "crop_min", "hue"
    title: str  # "colour jitter"
    cost: float  # points of the metric lost; below 0: gained
    interval: tuple[float, float] | None  # of the cost, 95 %
    destroys: bool  # whether more than two points are lost, with confidence
    instead: tuple[str, ...] = ()  # changes, as `augmentation.changed` takes them, that cost less
    advice: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    metric: str
    backbone: str  # title
    unchanged: float  # score of the probe on unchanged pictures
    seeds: int
    images: int
    rows: tuple[AuditRow, ...]  # the costliest first
    sentence: str  # the whole in one sentence

    def save(self, path: Path) -> None:
        write_document(path, "audit", VERSION, asdict(self))

    @classmethod
    def load(cls, path: Path) -> Audit:
        body = read_document(path, "audit", VERSION)
        rows = tuple(_audit_row(row) for row in body["rows"])
        known = cls.__dataclass_fields__
        return cls(**{**{key: value for key, value in body.items() if key in known}, "rows": rows})


def _audit_row(row: dict[str, Any]) -> AuditRow:
    interval = tuple(row["interval"]) if row["interval"] else None
    return AuditRow(**{**row, "interval": interval, "instead": tuple(row["instead"])})
