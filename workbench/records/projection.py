"""Maps of embeddings: what can be asked of one, and what is said of it afterwards."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from workbench.records.files import DocumentError, read_document, write_document
from workbench.records.lanes import FILES
from workbench.records.params import param

VERSION = 1
MAPS = {"umap": "UMAP", "pca": "PCA", "tsne": "t-SNE"}  # by how they are asked for: how they are called
JUDGED = 15  # neighbours by which every map is judged, whatever it was drawn with: so figures can be compared


@dataclass(frozen=True, slots=True, kw_only=True)
class MapSettings:
    """How a map is drawn, apart from what it is drawn of."""

    map: str = param(
        "umap",
        help='How positions are found: "umap" and "tsne" keep neighbours together, "pca" shows the directions of '
        "largest variance.",
        choices=tuple(MAPS),
    )
    neighbours: int = param(
        15,
        help="How many neighbours UMAP holds together, the item itself counted. More shows larger structures, fewer "
        "finer ones.",
        minimum=2,
        maximum=500,
    )
    min_dist: float = param(
        0.1,
        help="How near UMAP lets items come to each other; smaller packs clusters tighter.",
        label="Least distance",
        minimum=0,
        maximum=0.99,
    )
    dimensions: int = param(2, help="Axes of the map: 2 or 3.", minimum=2, maximum=3)
    metric: str = param(
        "cosine",
        help='How far vectors are apart: "cosine" looks at their direction alone, as k-NN does, "euclidean" also at '
        "their length.",
        choices=("cosine", "euclidean"),
    )
    perplexity: float = param(
        0.0,
        help="How many neighbours t-SNE weighs for each item, about; 0 takes 30, or fewer where there are few items.",
        minimum=0,
        at_minimum="as usual",
        maximum=500,
        advanced=True,
    )
    seed: int = param(0, help="Another seed draws another UMAP of the same vectors.", minimum=0)

    @property
    def key(self) -> str:
        """The name of the map in a file's `obsm`; one of `embeddings.PROJECTIONS`."""
        return f"X_{self.map}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectJob(MapSettings):
    """Draw a map of embeddings and write it into their file."""

    kind: ClassVar[str] = "project"
    lane: ClassVar[str] = FILES
    files: tuple[str, ...] = param(
        help="Embedding files (.h5ad); of several that hold the same items it is said how alike they are."
    )
    out: str = param(
        "",
        help="Where the file with the map is written, or for several files the folder; empty writes the map into the "
        "files themselves.",
        path=True,
    )
    device: str = param("auto", help='"auto", "cpu", "cuda", "cuda:1" or "mps".', advanced=True)

    def settings(self) -> MapSettings:
        return MapSettings(**{name: getattr(self, name) for name in MapSettings.__dataclass_fields__})


@dataclass(frozen=True, slots=True, kw_only=True)
class MapResult:
    """One file's map: what was asked, and what the map keeps of its vectors' neighbourhoods."""

    file: str  # that holds the map
    settings: MapSettings
    items: int
    judged_neighbours: int  # k of the trustworthiness; below `JUDGED` where there are few items
    judged_items: int  # a seeded sample where there are many
    trustworthiness: float | None  # 0 to 1; None where there are too few items
    overlap: (
        float | None
    )  # share of the `JUDGED` nearest vectors that are nearest on the map, too; None for one item
    perplexity: float | None = None  # that was taken; None for maps without
    device: str = ""
    seconds: float = 0.0  # reading and writing not counted
    versions: dict[str, str] = field(default_factory=dict)

    def public_json(self) -> dict[str, Any]:
        """The document that `project --json` prints of a file; its keys are a contract."""
        facts = asdict(self)
        asked = facts.pop("settings")
        return {"file": facts.pop("file"), **asked, **facts}

    def provenance(self) -> dict[str, Any]:
        """What the file itself says of its map: all but where it lies."""
        facts = self.public_json()
        del facts["file"]
        return facts


@dataclass(frozen=True, slots=True, kw_only=True)
class PairOverlap:
    """How alike two files of the same items are: shares of the `JUDGED` nearest of an item that are so in both."""

    one: str
    other: str
    items: int  # in both, matched by id
    vectors: float | None
    maps: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectionResult:
    """What a job says: a map for each file, and each pair of files that share items."""

    maps: tuple[MapResult, ...]
    pairs: tuple[PairOverlap, ...] = ()

    def public_json(self) -> dict[str, Any]:
        """A file's document for one file; for several `maps`, which is a list of them, and `pairs`."""
        if len(self.maps) == 1:
            return self.maps[0].public_json()
        return {
            "maps": [made.public_json() for made in self.maps],
            "pairs": [asdict(pair) for pair in self.pairs],
        }

    def save(self, path: Path) -> None:
        write_document(path, "projection", VERSION, asdict(self))

    @classmethod
    def load(cls, path: Path) -> ProjectionResult:
        """Raises DocumentError when the file is missing or is not one of ours."""
        body = read_document(path, "projection", VERSION)
        try:
            return cls(
                maps=tuple(
                    MapResult(**{**made, "settings": MapSettings(**made["settings"])})
                    for made in body["maps"]
                ),
                pairs=tuple(PairOverlap(**pair) for pair in body["pairs"]),
            )
        except (KeyError, TypeError) as error:
            raise DocumentError(f"{path} lacks or misspells a field ({error}). Draw the map again.") from None
