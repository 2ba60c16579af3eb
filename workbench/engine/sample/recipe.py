"""Which pictures the sample project holds, and every fault planted among them - decided before a pixel is drawn.

The plan is a pure function of the seed and the counts. `SampleTruth` is what `sample.json` says of it:
each plant named there is something that the program must later find and show.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from workbench.engine.sample.camera import LAMP_CHANGED, LOTS, Lot, lot
from workbench.records.files import DocumentError, read_document, write_document

RECIPE = 1  # raise when the same seed would give other bytes
DOCUMENT, VERSION = "sample", 1
LABELLED_LOTS = 12  # later lots come without labels
SHARES = {"clean": 26, "scratch": 19, "stain": 15, "scale": 13, "pit": 11, "crack": 9, "inclusion": 7}
UNLABELLED_SHARES = {**SHARES, "clean": 60}  # a line that works makes mostly good parts
FIRST_UNLABELLED = 1001  # its number within the lot, so that no name comes twice
FEWEST = 4 * len(SHARES)

FAULTS = {
    "empty": "a file of zero bytes",
    "truncated": "a JPEG that stops at 40 % of its length",
    "text": "a text file named .jpg",
    "checksum": "a PNG whose pixel chunk has a wrong checksum",
    "compression": "a TIFF with a compression that no reader knows",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One readable file: a scene, how it is framed and how it is stored."""

    path: str  # relative to the sample folder, "/" between parts
    scene: str  # identity of the scene; two shots of one scene show the same sheet
    kind: str  # the class
    lot: int  # number of the lot whose light it was taken in
    shift: tuple[float, float] = (0.0, 0.0)  # pixels, of the frame from the canvas's middle
    zoom: float = 1.0  # above 1: a smaller part of the scene
    gain: float = 1.0
    encoding: str = "jpeg"  # jpeg, png, png16, tiff16, tiff12 (12 bits used of 16), jpeg-turned
    quality: int = 92


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleTruth:
    """What was planted where. Paths are relative to `folder`."""

    folder: Path
    seed: int
    labelled: int  # readable labelled images, planted copies included, bad files not
    unlabelled: int
    recipe: int = RECIPE
    lots: tuple[Lot, ...] = ()
    lamp_changed: str = f"lot{LAMP_CHANGED:02d}"
    near_duplicates: tuple[tuple[str, str], ...] = ()  # (original, re-framed copy filed in another lot)
    exact_duplicates: tuple[tuple[str, str], ...] = ()  # (original, same bytes)
    bad_files: dict[str, str] = field(default_factory=dict)  # path: one of FAULTS
    deep: dict[str, int] = field(default_factory=dict)  # 16-bit grey files: bits in use
    rotated: tuple[str, ...] = ()  # stored turned, put upright by their EXIF tag
    files: dict[str, str] = field(default_factory=dict)  # every readable file's class, unlabelled ones too

    @property
    def classes(self) -> dict[str, int]:
        """Readable labelled images by class, most frequent first."""
        return dict(
            Counter(kind for path, kind in self.files.items() if path.startswith("labelled/")).most_common()
        )

    def save(self, path: Path) -> None:
        write_document(
            path,
            DOCUMENT,
            VERSION,
            {
                "about": "A procedural surface-inspection set. Everything planted in it is listed here.",
                "recipe": self.recipe,
                "seed": self.seed,
                "labelled": self.labelled,
                "unlabelled": self.unlabelled,
                "classes": self.classes,
                "lamp_changed": self.lamp_changed,
                "near_duplicates": [list(pair) for pair in self.near_duplicates],
                "exact_duplicates": [list(pair) for pair in self.exact_duplicates],
                "bad_files": [
                    {"path": bad, "fault": fault, "meaning": FAULTS[fault]}
                    for bad, fault in self.bad_files.items()
                ],
                "deep": self.deep,
                "rotated": list(self.rotated),
                "lots": [day.to_json() for day in self.lots],
                "files": self.files,
            },
        )

    @classmethod
    def load(cls, folder: Path) -> SampleTruth:
        """Read `folder/sample.json`.

        Raises:
            DocumentError: there is none, or it is not ours.
        """
        path = folder / "sample.json"
        body = read_document(path, DOCUMENT, VERSION)
        try:
            return cls(
                folder=folder,
                recipe=body["recipe"],
                seed=body["seed"],
                labelled=body["labelled"],
                unlabelled=body["unlabelled"],
                lots=tuple(_lot_from_json(item) for item in body["lots"]),
                lamp_changed=body["lamp_changed"],
                near_duplicates=tuple((a, b) for a, b in body["near_duplicates"]),
                exact_duplicates=tuple((a, b) for a, b in body["exact_duplicates"]),
                bad_files={item["path"]: item["fault"] for item in body["bad_files"]},
                deep=dict(body["deep"]),
                rotated=tuple(body["rotated"]),
                files=dict(body["files"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise DocumentError(
                f"{path} is incomplete ({error!r}). Remove the folder and build it again."
            ) from None


@dataclass(frozen=True, slots=True)
class Plan:
    shots: tuple[Shot, ...]  # files to draw
    copies: tuple[tuple[str, str], ...]  # (source, destination): same bytes
    bad: tuple[tuple[str, str, str], ...]  # (fault, source path whose bytes are spoilt, destination)
    truth: SampleTruth


def plan(folder: Path, seed: int, labelled: int, unlabelled: int) -> Plan:
    """Decide every file of the sample.

    Raises:
        ValueError: too few images to hold every class and plant.
    """
    if labelled < FEWEST or unlabelled < 0:
        raise ValueError(
            f"The sample needs at least {FEWEST} labelled images and no negative number of unlabelled ones, "
            f"not {labelled} and {unlabelled}."
        )
    rng = np.random.default_rng([seed, 1])
    shots = _deal(rng, "labelled", labelled, LABELLED_LOTS, SHARES)
    shots, near, copies, deep, rotated = _plant(rng, shots)
    loose = _deal(rng, "unlabelled", unlabelled, LOTS, UNLABELLED_SHARES)
    bad = _bad_files(rng, shots, loose)
    copied = {destination for _, destination in copies}
    truth = SampleTruth(
        folder=folder,
        seed=seed,
        labelled=labelled,
        unlabelled=unlabelled,
        lots=tuple(lot(number, seed) for number in range(1, LOTS + 1)),
        near_duplicates=near,
        exact_duplicates=copies,
        bad_files={path: fault for fault, _, path in bad},
        deep=deep,
        rotated=rotated,
        files={shot.path: shot.kind for shot in [*shots, *loose]},
    )
    return Plan(tuple(shot for shot in [*shots, *loose] if shot.path not in copied), copies, bad, truth)


def digest(identity: str) -> int:
    """64 bits that stand for `identity` in a seed."""
    return int.from_bytes(hashlib.blake2b(identity.encode(), digest_size=8).digest(), "little")


def _deal(rng: np.random.Generator, part: str, number: int, lots: int, shares: dict[str, int]) -> list[Shot]:
    """`number` shots over classes and lots, numbered within each lot in the order they were taken."""
    per_lot: list[list[str]] = [[] for _ in range(lots)]
    for kind, count in zip(shares, _apportion(list(shares.values()), number), strict=True):
        size = rng.dirichlet(np.full(lots, 8.0))  # some lots have more of a defect than others
        for index, share in enumerate(_apportion(size, count)):
            per_lot[index] += [kind] * share
    shots = []
    first = 1 if part == "labelled" else FIRST_UNLABELLED
    for index, kinds in enumerate(per_lot):
        for place, kind in enumerate(rng.permutation(np.array(kinds, dtype=object)), start=first):
            name = f"lot{index + 1:02d}_{place:04d}"
            home = f"labelled/{kind}" if part == "labelled" else part
            lossless = part == "labelled" and rng.random() < 0.08
            shots.append(
                Shot(
                    path=f"{home}/{name}.{'png' if lossless else 'jpg'}",
                    scene=f"{part}/{name}",
                    kind=kind,
                    lot=index + 1,
                    encoding="png" if lossless else "jpeg",
                )
            )
    return shots


def _apportion(shares: Iterable[float], number: int) -> list[int]:
    """Whole numbers in the proportion of `shares` that add up to `number` (largest remainders)."""
    exact = np.array(list(shares), dtype=float)
    exact *= number / exact.sum()
    whole = np.floor(exact).astype(int)
    for index in np.argsort(whole - exact, kind="stable")[: number - whole.sum()]:
        whole[index] += 1
    return [int(value) for value in whole]


_Pairs = tuple[tuple[str, str], ...]


def _plant(
    rng: np.random.Generator, shots: list[Shot]
) -> tuple[list[Shot], _Pairs, _Pairs, dict[str, int], tuple[str, ...]]:
    """Turn some labelled shots into copies, deep files and a turned one; each shot serves one plant at most."""
    total = len(shots)
    shots = list(shots)
    free = [int(index) for index in rng.permutation(total)]

    def pair(elsewhere: bool) -> tuple[int, int] | None:
        """Two free shots of one class, from two lots or from one; same file type."""
        for first in free:
            for second in free:
                a, b = shots[first], shots[second]
                if (
                    first != second
                    and a.kind == b.kind
                    and (a.lot != b.lot) == elsewhere
                    and a.encoding == "jpeg"
                ):
                    free.remove(first)
                    free.remove(second)
                    return first, second
        return None

    near: list[tuple[str, str]] = []
    for _ in range(max(1, min(8, total // 75))):
        found = pair(elsewhere=True)
        if found is None:
            break
        source, target = shots[found[0]], shots[found[1]]
        shots[found[1]] = replace(
            target,
            path=str(Path(target.path).with_suffix(".jpg").as_posix()),
            scene=source.scene,
            lot=source.lot,
            shift=(float(rng.uniform(-5, 5)), float(rng.uniform(-5, 5))),
            zoom=float(rng.uniform(1.0, 1.06)),
            gain=float(rng.uniform(0.93, 1.07)),
            encoding="jpeg",
            quality=int(rng.integers(70, 88)),
        )
        near.append((source.path, shots[found[1]].path))

    exact: list[tuple[str, str]] = []
    for turn in range(max(1, min(3, total // 200))):
        found = pair(elsewhere=turn % 2 == 0)
        if found is None:
            break
        source, target = shots[found[0]], shots[found[1]]
        shots[found[1]] = replace(
            target, path=str(Path(target.path).with_suffix(".jpg").as_posix()), encoding="jpeg"
        )
        exact.append((source.path, shots[found[1]].path))

    deep: dict[str, int] = {}
    for encoding in ("png16", "tiff16", "tiff12", "png16", "tiff16", "png16")[: max(3, min(6, total // 100))]:
        index = free.pop()
        suffix = ".png" if encoding == "png16" else ".tif"
        path = Path(shots[index].path).with_suffix(suffix).as_posix()
        shots[index] = replace(shots[index], path=path, encoding=encoding)
        deep[path] = 12 if encoding == "tiff12" else 16

    index = free.pop()
    path = Path(shots[index].path).with_suffix(".jpg").as_posix()
    shots[index] = replace(shots[index], path=path, encoding="jpeg-turned")
    return shots, tuple(near), tuple(exact), deep, (path,)


def _bad_files(
    rng: np.random.Generator, shots: list[Shot], loose: list[Shot]
) -> tuple[tuple[str, str, str], ...]:
    """One file per fault, beside the good ones and named like them: (fault, source, destination)."""
    bad = []
    taken = {Path(shot.path).stem for shot in [*shots, *loose]}
    for fault in FAULTS:
        pool = loose if loose and fault in ("text", "compression") else shots
        pool = [shot for shot in pool if shot.encoding == "jpeg"]
        source = pool[int(rng.integers(len(pool)))]
        number = FIRST_UNLABELLED if pool[0].path.startswith("unlabelled/") else 1
        while f"lot{source.lot:02d}_{number:04d}" in taken:
            number += 1
        stem = f"lot{source.lot:02d}_{number:04d}"
        taken.add(stem)
        suffix = {"checksum": ".png", "compression": ".tif"}.get(fault, ".jpg")
        bad.append((fault, source.path, (Path(source.path).parent / f"{stem}{suffix}").as_posix()))
    return tuple(bad)


def _lot_from_json(body: dict[str, Any]) -> Lot:
    return Lot(**{**body, "finishes": tuple(body["finishes"].values())})
