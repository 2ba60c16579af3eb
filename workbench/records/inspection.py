"""Looking into backbones: what can be asked, and what one model answers about some pictures.

A pass through a model is answered with raw maps, all layers and heads at once, so that a slider for layer, head,
opacity or kept share draws anew without asking again; `pixels/cells.py` makes pictures of them, for the window and
for files alike.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from workbench.records.files import whole_file
from workbench.records.lanes import ASIDE
from workbench.records.params import param

VERSION = 1
SHOWN = {  # by how they are asked for: how they are called
    "attention": "Attention",
    "reconstruction": "Reconstruction",
    "patch-pca": "Patch colours",
    "likeness": "Likeness",
    "segments": "Groups of patches",
}
BUILT_IN = frozenset(
    {*SHOWN, "neighbours"}
)  # all that `workbench inspect` has; names that no plugin may take
PLUGGED = "plugin"  # asked for like those of SHOWN, and shown where a plugin brings an inspection
FOR_LOOKING = (
    "For looking: a map shows where a model looks, not whether it separates your classes. The probe decides."
)
_ARRAYS = (
    *("pictures", "seen", "attention", "beside", "rollout", "artefacts", "colours", "foreground", "shares"),
    *("values", "groups", "painted", "hidden", "errors", "picture_errors"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectSettings:
    """What is looked at, and how it is drawn. Which fields count depends on `show`."""

    show: str = param("attention", help="What is shown of a model.", choices=(*SHOWN, PLUGGED))
    inspection: str = param(
        "",
        help="A plugin's way to look, one number a patch: NAME, or NAME:SETTING=VALUE,SETTING=VALUE. `workbench "
        "plugins` lists them.",
    )
    layer: int = param(
        0,
        help="Layer that is looked at, counted from 1; 0 takes the last of each model. A model with fewer layers "
        "shows its last.",
        minimum=0,
        at_minimum="the last",
        maximum=200,
    )
    head: int = param(
        0,
        help="Attention head, counted from 1; 0 takes the mean of all. A model with fewer heads shows the mean.",
        minimum=0,
        at_minimum="the mean of all",
        maximum=200,
    )
    query: str = param(
        "cls",
        help='Whose attention or likeness is shown: "cls" is the class token, "mean" the mean over all patches, and '
        '"0.5,0.25" the patch at half of the whole picture\'s width and a quarter of its height. A model without a '
        "class token shows the mean.",
    )
    query_image: int = param(
        1, help="Picture that the patch for likeness lies in, counted from 1.", minimum=1, advanced=True
    )
    rollout: str = param(
        "",
        help="Follow attention through all layers up to the chosen one (Abnar and Zuidema 2020), the heads of a "
        "layer fused in that way; empty shows the layer alone.",
        choices=("", "mean", "max", "min"),
        advanced=True,
    )
    keep_mass: float = param(
        1.0,
        help="Show only the patches that hold this share of the attention; DINO's pictures use 0.6.",
        label="Kept share",
        minimum=0.01,
        maximum=1,
    )
    opacity: float = param(0.6, help="How much the map covers the picture.", minimum=0, maximum=1)
    artefacts: bool = param(
        True,
        help="Outline patches that the model uses as scratch paper: tokens far longer than all others, which say "
        "nothing of their place.",
    )
    mask_ratio: float = param(
        0.75, help="Share of the patches that is hidden from the model.", minimum=0.01, maximum=0.99
    )
    boxes: tuple[str, ...] = param(
        (),
        help="Hide what lies in these boxes instead of random patches: left,top,right,bottom as shares of the whole "
        "picture's sides.",
    )
    own_statistics: bool = param(
        False,
        help="Give each painted patch the true picture's brightness and contrast, which a model that learnt with "
        "normalised targets does not know. It looks better than the model is.",
    )
    side: str = param(
        "all",
        help='Which patches get colours: "inner" leaves out what looks like background, "outer" what looks like the '
        'subject, "all" leaves nothing out.',
        choices=("all", "inner", "outer"),
    )
    groups: int = param(
        6, help="Groups that the patches of all pictures are put into.", minimum=2, maximum=12
    )
    seed: int = param(0, help="Another seed hides other patches and starts the groups elsewhere.", minimum=0)
    image_size: int = param(
        0,
        help="Side of the square that every model gets, or the nearest that its patches tile; 0 takes each model's "
        "own. Larger shows finer maps and costs more.",
        label="Input",
        minimum=0,
        at_minimum="each model's own",
        maximum=2048,
        unit="px",
    )

    def place(self) -> tuple[float, float] | None:
        """Of a query that is a patch, how far right and down it lies, as shares of the sides; else None.

        Raises:
            ValueError: the query is neither a word nor a place.
        """
        if self.query in ("cls", "mean"):
            return None
        try:
            across, down = (float(part) for part in self.query.split(","))
        except ValueError:
            across = down = -1.0
        if not (0 <= across <= 1 and 0 <= down <= 1):
            raise ValueError(
                f'The query must be "cls", "mean" or a place such as 0.5,0.25, not "{self.query}".'
            )
        return across, down

    def drawn_boxes(self) -> np.ndarray:
        """(K, 4) float: the boxes as numbers.

        Raises:
            ValueError: one isn't four shares, left below right and top below bottom.
        """
        made = []
        for text in self.boxes:
            try:
                left, top, right, bottom = (float(part) for part in text.split(","))
            except ValueError:
                left = top = right = bottom = -1.0
            if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
                raise ValueError(
                    "A box must be left,top,right,bottom as shares of the sides, such as 0.2,0.2,0.6,0.5; "
                    f'not "{text}".'
                )
            made.append((left, top, right, bottom))
        return np.asarray(made, dtype=float).reshape(-1, 4)


# What a pass through the model depends on, of each thing that is shown. The rest is drawn anew from the answer.
NEEDS = {
    "attention": ("query", "rollout", "layer", "image_size"),  # the layer for rollout alone
    "reconstruction": ("mask_ratio", "boxes", "own_statistics", "seed", "image_size"),
    "patch-pca": ("layer", "side", "image_size"),
    "likeness": ("layer", "query", "query_image", "image_size"),
    "segments": ("layer", "groups", "seed", "image_size"),
    PLUGGED: ("inspection", "layer", "image_size"),
}

# What can be set of each thing that is shown: what it needs, and what is only drawn.
SETTABLE = {
    "attention": ("layer", "head", "query", "rollout", "keep_mass", "opacity", "artefacts", "image_size"),
    "reconstruction": NEEDS["reconstruction"],
    "patch-pca": (*NEEDS["patch-pca"], "opacity"),
    "likeness": (*NEEDS["likeness"], "opacity"),
    "segments": (*NEEDS["segments"], "opacity"),
    PLUGGED: (*NEEDS[PLUGGED], "opacity"),
}


def same_answer(one: InspectSettings, other: InspectSettings) -> bool:
    """Whether both are drawn from the same answer of a model about the same pictures."""
    if one.show != other.show:
        return False
    needs = NEEDS[one.show]
    if one.show == "attention" and not one.rollout and not other.rollout:
        needs = ("query", "image_size")
    return all(getattr(one, name) == getattr(other, name) for name in needs)


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectJob(InspectSettings):
    """Look into backbones: what each sees in the same pictures.

    With `watch` it stays, models and pictures in memory, and answers again whenever `ask.json` in the run folder
    changes, until nobody has asked for a while.
    """

    kind: ClassVar[str] = "inspect"
    lane: ClassVar[str] = ASIDE
    models: tuple[str, ...] = param(
        (), help="Catalogue ids, Hugging Face ids, timm names, or local files or folders."
    )
    images: tuple[str, ...] = param((), help="Image files.")
    pages: tuple[int, ...] = param((), help="The page of each image, counted from 0; empty takes the first.")
    curation: str = param("", help="What was decided about how stored numbers become pictures.", path=True)
    watch: bool = param(False, help="Stay and answer again when the file changes.", advanced=True)
    device: str = param("auto", help='"auto", "cpu", "cuda", "cuda:1" or "mps".', advanced=True)
    memo: str = param(
        "", help="Folder that keeps what was found out about weight files.", path=True, advanced=True
    )


def in_view(places: np.ndarray, seen: np.ndarray | None) -> np.ndarray:
    """(..., 2) places in the whole picture, across and down as shares of its sides -> the same of what is seen of it.

    `seen`: (4,), as in `Sight`; None where the whole is seen. What lies outside is below 0 or above 1.
    """
    if seen is None:
        return places
    shares: np.ndarray = (places - seen[:2]) / (seen[2:] - seen[:2])
    return shares


def nearest_patch(
    place: tuple[float, float], seen: np.ndarray | None, grid: tuple[int, int]
) -> tuple[int, int]:
    """Row and column of the patch at a place in the whole picture, or of the nearest where none is there."""
    across, down = in_view(np.asarray(place, float), seen).tolist()
    return (
        min(max(int(down * grid[0]), 0), grid[0] - 1),
        min(max(int(across * grid[1]), 0), grid[1] - 1),
    )


def sight_file(place: int) -> str:
    """The file with the answer of the model that was asked for in that place, counted from 0."""
    return f"sight-{place}.npz"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What one model answers about B pictures of S pixels a side, seen as h x w patches.

    Pictures are as the model sees them: squashed or cut to its square. Every array has a row for each picture that
    was asked for; rows of pictures that can't be read are empty, and `reasons` says why. What wasn't asked for is
    None.

    Attributes:
        model: as it was asked for.
        error: a sentence, where the model can't answer at all; then nothing else counts.
        notes: sentences that belong beside the pictures, such as that a model has no class token.
        reasons: (B,) of each picture why it can't be shown; empty where it can.
        pictures: (B, S, S, 3) uint8.
        seen: (B, 4) float64, what part of the whole picture that is: left, top, right and bottom as shares of its
            sides; below 0 or above 1 where the model's square is larger than the picture.
        grid: rows and columns of patches.
        attention: (B, L, H, h*w) float16, how the query looks at each patch, in every layer and head.
        beside: (B, L, H) float32, what of the query's attention goes to tokens that are no patches.
        rollout: (B, h*w) float32.
        artefacts: (B, h, w) bool, patches used as scratch paper.
        colours: (B, h, w, 3) float32 in 0..1, black where `foreground` (B, h, w) is False; `shares` (3,) of the
            variance that red, green and blue hold.
        values: (B, h, w) float32, likeness to the query patch, -1 to 1, or what a plugin's inspection gives.
        groups: (B, h, w) int64.
        painted: (B, S, S, 3) uint8.
        hidden: (B, n, n) bool, n patches of the decoder a side.
        errors: (B, n, n) float32, root mean square of each patch, in levels of 0 to 255.
        picture_errors: (B,) float32, the same over the hidden patches; NaN where none is hidden.
        statistics: "pixels", "guessed" or "own": where brightness and contrast of painted patches come from.
    """

    model: str
    title: str = ""
    ask: int = 0
    error: str = ""
    notes: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    grid: tuple[int, int] = (0, 0)
    depth: int = 0
    heads: int = 0
    statistics: str = ""
    pictures: np.ndarray | None = None
    seen: np.ndarray | None = None
    attention: np.ndarray | None = None
    beside: np.ndarray | None = None
    rollout: np.ndarray | None = None
    artefacts: np.ndarray | None = None
    colours: np.ndarray | None = None
    foreground: np.ndarray | None = None
    shares: np.ndarray | None = None
    values: np.ndarray | None = None
    groups: np.ndarray | None = None
    painted: np.ndarray | None = None
    hidden: np.ndarray | None = None
    errors: np.ndarray | None = None
    picture_errors: np.ndarray | None = None

    def whole_place(self, row: int, across: float, down: float) -> tuple[float, float]:
        """A place in what the model sees of picture `row` -> in the whole picture, which is what a query names.

        Both are shares of the sides, from 0 to 1.
        """
        left, top, right, bottom = (0, 0, 1, 1) if self.seen is None else self.seen[row].tolist()
        whole = (left + across * (right - left), top + down * (bottom - top))
        return min(max(whole[0], 0.0), 1.0), min(max(whole[1], 0.0), 1.0)

    def patch_at(self, row: int, place: tuple[float, float]) -> tuple[int, int]:
        """Row and column of the patch of picture `row` that lies nearest to a place in the whole picture."""
        return nearest_patch(place, None if self.seen is None else self.seen[row], self.grid)

    def save(self, path: Path) -> None:
        facts = {item.name: getattr(self, item.name) for item in fields(self) if item.name not in _ARRAYS}
        made = {name: getattr(self, name) for name in _ARRAYS if getattr(self, name) is not None}
        with whole_file(path) as stream:
            np.savez(stream, facts=np.asarray(json.dumps({"version": VERSION, **facts})), **made)

    @classmethod
    def load(cls, path: Path) -> Sight:
        """Raises OSError or ValueError when there is none that this program reads."""
        with np.load(path, allow_pickle=False) as arrays:
            facts: dict[str, Any] = json.loads(str(arrays["facts"]))
            if int(facts.pop("version")) > VERSION:
                raise ValueError(f"{path} was written by a newer program.")
            for name in ("notes", "reasons", "grid"):
                facts[name] = tuple(facts[name])
            return cls(**facts, **{name: arrays[name] for name in _ARRAYS if name in arrays})
