"""The kinds of job that a worker runs, and what each needs to know. One dataclass a kind."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, ClassVar, get_args

from workbench.records.inspection import InspectJob
from workbench.records.lanes import ASIDE, DEVICE, FILES, NETWORK
from workbench.records.neighbours_job import NeighboursJob
from workbench.records.params import build, param
from workbench.records.pretrain_job import AuditJob, EstimateJob, PretrainJob, PreviewJob
from workbench.records.projection import ProjectJob
from workbench.records.spec import FEATURES

# 0.8 GB as 8-bit RGB: more is taken for a decompression bomb unless the user says otherwise.
MAX_MEGAPIXELS = 268.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleJob:
    """Draw the sample project's images."""

    kind: ClassVar[str] = "sample"
    lane: ClassVar[str] = FILES
    folder: str = param(help="Folder that the images are written to.", path=True)
    seed: int = param(0, help="Another seed draws another set of images.", minimum=0)
    labelled: int = param(600, help="How many labelled images to draw.", minimum=60, unit="images")
    unlabelled: int = param(3000, help="How many unlabelled images to draw.", minimum=0, unit="images")


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexJob:
    """List a folder's images, check that each can be read, and hash them."""

    kind: ClassVar[str] = "index"
    lane: ClassVar[str] = FILES
    folders: tuple[str, ...] = param(help="Folders that hold the images.")
    pages: str = param(
        "first",
        help='What becomes of files with several pages (TIFF): "first" takes one page, "each" makes every page an '
        'image, "channels" takes them for the channels of one image.',
        choices=("first", "each", "channels"),
    )
    check: str = param(
        "pixels",
        help='How deep each file is checked: "pixels" decodes it, "header" reads only its head.',
        choices=("pixels", "header"),
        advanced=True,
    )
    previous: str = param(
        "", help="An earlier index; unchanged files are taken from it.", path=True, advanced=True
    )
    max_megapixels: float = param(
        MAX_MEGAPIXELS,
        help="Larger images are refused, so that a decompression bomb can't fill the memory.",
        minimum=1,
        unit="megapixels",
        advanced=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedJob:
    """Turn every image of an index into one vector with a frozen backbone."""

    kind: ClassVar[str] = "embed"
    lane: ClassVar[str] = DEVICE
    index: str = param(help="Index of the images.", path=True)
    curation: str = param("", help="What was decided about the images of the index.", path=True)
    roots: tuple[str, ...] = param(
        (), help="Folders of the images, in the index's order, where they have moved since they were indexed."
    )
    backbone: str = param(help="Catalogue id, Hugging Face id, timm name, or a local file or folder.")
    feature: str = param(
        "",
        help="Which of the backbone's outputs is the feature; empty takes what its family is usually used with.",
        choices=("", *FEATURES),
    )
    layers: str = param(
        "",
        help="Layers whose output is the feature, counted from 1: 6, or 9,12 or 9-12 for several, or last4 for the "
        "last four; empty takes the last.",
    )
    image_size: int = param(
        0,
        help="Side of the square that the backbone gets; 0 takes its own. Larger sees more and costs more.",
        minimum=0,
        at_minimum="the backbone's own",
        maximum=2048,
        unit="px",
    )
    nearest: bool = param(
        False,
        help="Where the backbone can't give exactly that feature, those layers or that size, take the nearest.",
        advanced=True,
    )
    decode: str = param(
        "scaled",
        help='"scaled" decodes large JPEGs at a fraction of their size, never below twice the input; '
        '"exact" decodes every pixel.',
        choices=("scaled", "exact"),
        advanced=True,
    )
    precision: str = param(
        "auto",
        help='Arithmetic of the backbone; "auto" takes bf16 where the device gains from it.',
        choices=("auto", "fp32", "bf16"),
        advanced=True,
    )
    device: str = param("auto", help='"auto", "cpu", "cuda", "cuda:1" or "mps".', advanced=True)
    batch_size: int = param(
        0, help="Images in one pass; 0 fits the device.", minimum=0, at_minimum="what fits", advanced=True
    )
    threads: int = param(
        0, help="Threads that decode; 0 takes one a core.", minimum=0, at_minimum="one a core", advanced=True
    )
    split_seed: int = param(0, help="Seed of the split that the exported file carries.", minimum=0)
    cache: str = param("", help="Folder that keeps vectors for the next time.", path=True, advanced=True)
    allow_download: bool = param(
        False, help="Fetch the backbone from its hub when it is not on this machine.", advanced=True
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateJob:
    """Compare embedded backbones by linear probe and k-NN on the same resampled splits."""

    kind: ClassVar[str] = "evaluate"
    lane: ClassVar[str] = DEVICE
    files: tuple[str, ...] = param(help="Embedding files (.h5ad) of the same images.")
    seeds: int = param(
        5,
        help="How many times the split is drawn anew; each draw gives one value of every score.",
        minimum=1,
        maximum=100,
        unit="splits",
    )
    metric: str = param(
        "auto",
        help='The score that decides; "auto" takes macro-F1 where classes are unequal by more than 1.5, '
        "else accuracy.",
        choices=("auto", "macro_f1", "accuracy", "balanced_accuracy"),
    )
    margin: float = param(
        1.0, help="Differences below this are called equivalent.", minimum=0, maximum=50, unit="points"
    )
    budgets: str = param(
        "",
        help='Label budgets in per cent, such as "1,5,10,25,50,100": what the probe reaches when only so much of the '
        "training and validation labels is known. Empty computes none.",
        label="Label budgets",
        unit="%",
    )
    target: float = param(
        0.0,
        help="The score that is good enough, 0 to 1; with label budgets, how many labels bring it. 0 sets none.",
        minimum=0,
        at_minimum="none",
        maximum=1,
    )
    evaluation: tuple[str, ...] = param(
        (),
        help="Another way to score, beside the table's own: NAME, or NAME:SETTING=VALUE,SETTING=VALUE, such as "
        '"knn:k=20" or one of a plugin.',
        label="Other evaluations",
        advanced=True,
    )
    standardise: str = param(
        "z-score",
        help='What the probe sees: "z-score" brings every feature to mean 0 and deviation 1, "l2" every vector to '
        "length 1.",
        choices=("z-score", "l2"),
        advanced=True,
    )
    strengths: int = param(
        12,
        help="How many strengths of regularisation validation chooses from, 1e-6 to 1e5; 45 is DINOv2's grid.",
        minimum=2,
        maximum=200,
        advanced=True,
    )
    device: str = param("auto", help='"auto", "cpu", "cuda", "cuda:1" or "mps".', advanced=True)
    ledger: str = param(
        "", help="File that counts how often the test part was opened.", path=True, advanced=True
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FinetuneJob:
    """Let the last blocks of a backbone learn from the labels, on the splits that the probes use."""

    kind: ClassVar[str] = "finetune"
    lane: ClassVar[str] = DEVICE
    index: str = param(help="Index of the images.", path=True)
    curation: str = param("", help="What was decided about the images of the index.", path=True)
    roots: tuple[str, ...] = param(
        (), help="Folders of the images, in the index's order, where they have moved since they were indexed."
    )
    backbone: str = param(help="Catalogue id, Hugging Face id, timm name, or a local file or folder.")
    blocks: str = param(
        "1",
        help='How much learns: "0" the head alone, "1", "2" or "4" that many of the last blocks with it, '
        '"all" everything.',
        choices=("0", "1", "2", "4", "all"),
    )
    lora: int = param(
        0,
        help="Rank of LoRA: with 1 or more, small adapters learn in these blocks and their own weights stay; "
        "0 takes none.",
        minimum=0,
        at_minimum="none",
        maximum=256,
        label="LoRA rank",
    )
    seeds: int = param(
        5,
        help="How many times the split is drawn anew, as in a comparison; each draw is one fine-tune.",
        minimum=1,
        maximum=100,
        unit="splits",
    )
    epochs: int = param(
        20, help="How often each training image is learnt from, at most.", minimum=1, maximum=1000
    )
    patience: int = param(
        5,
        help="Stop when validation has not improved for so many epochs; 0 never stops early.",
        minimum=0,
        at_minimum="never",
        unit="epochs",
    )
    augment: str = param(
        "none",
        help='How training images are varied: "mirror" turns left and right round, "flips" up and down too, "crops" '
        "mirrors and shows half to all of the picture. Only what leaves the label true; a label that means left or "
        'right needs "none".',
        choices=("none", "mirror", "flips", "crops"),
    )
    image_size: int = param(
        0,
        help="Side of the square that the backbone gets; 0 takes its own. Larger sees more and costs more.",
        minimum=0,
        at_minimum="the backbone's own",
        maximum=2048,
        unit="px",
    )
    metric: str = param(
        "auto",
        help='The score by which validation chooses the epoch; "auto" takes macro-F1 where classes are unequal by '
        "more than 1.5, else accuracy.",
        choices=("auto", "macro_f1", "accuracy", "balanced_accuracy"),
        advanced=True,
    )
    batch_size: int = param(
        32, help="Images in one step.", minimum=1, maximum=4096, unit="images", advanced=True
    )
    learning_rate: float = param(
        0.0,
        help="Peak rate of the last block (or of the adapters, or of the head where it learns alone); 0 takes the "
        "usual one.",
        minimum=0,
        at_minimum="the usual",
        maximum=1,
        advanced=True,
    )
    layer_decay: float = param(
        0.0,
        help="Each block learns at this share of the rate of the block after it; 1 for one rate, 0 takes the usual "
        "one (0.65 for transformers, 0.8 for convolutional networks).",
        minimum=0,
        at_minimum="the usual",
        maximum=1,
        advanced=True,
    )
    weight_decay: float = param(
        0.05, help="Weight decay of matrices (AdamW).", minimum=0, maximum=10, advanced=True
    )
    precision: str = param(
        "auto",
        help='Arithmetic; "auto" takes bf16 on a GPU that multiplies it, else fp32.',
        choices=("auto", "fp32", "bf16"),
        advanced=True,
    )
    device: str = param("auto", help='"auto", "cpu", "cuda", "cuda:1" or "mps".', advanced=True)
    threads: int = param(
        0, help="Threads that decode; 0 takes one a core.", minimum=0, at_minimum="one a core", advanced=True
    )
    ledger: str = param(
        "", help="File that counts how often the test part was opened.", path=True, advanced=True
    )
    cache: str = param(
        "", help="Folder that keeps what a stopped run goes on from.", path=True, advanced=True
    )
    allow_download: bool = param(
        False, help="Fetch the backbone from its hub when it is not on this machine.", advanced=True
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportJob:
    """Write embeddings in a form that other programs read."""

    kind: ClassVar[str] = "export"
    lane: ClassVar[str] = FILES
    files: tuple[str, ...] = param(help="Embedding files (.h5ad) of the same images.")
    format: str = param("h5ad", help="What to write: h5ad, parquet, projector, npz, clam or csv.")
    out: str = param(help="File to write.", path=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeJob:
    """Write down what this machine and this installation offer: backbones, devices, versions."""

    kind: ClassVar[str] = "describe"
    lane: ClassVar[str] = ASIDE
    devices: bool = param(False, help="Also ask torch which devices there are, which takes seconds.")
    names: bool = param(False, help="Also list every model that timm has weights for.")
    methods: bool = param(False, help="Also list the methods of pretraining, which takes seconds.")
    runs: str = param("", help="Folder of a project's runs: what was pretrained there is listed.", path=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchJob:
    """Bring a backbone to this machine: the one job that is there to use the network."""

    kind: ClassVar[str] = "fetch"
    lane: ClassVar[str] = NETWORK
    allow_download: ClassVar[bool] = True
    backbone: str = param(help="Catalogue id, Hugging Face id (org/name, org/name@revision) or timm name.")


@dataclass(frozen=True, slots=True, kw_only=True)
class PackJob:
    """Carry a backbone from one machine to another as a folder with hashes."""

    kind: ClassVar[str] = "pack"
    lane: ClassVar[str] = FILES
    action: str = param(
        "verify",
        help='"export" writes a pack, "import" checks one and puts its model on this machine, "verify" only checks.',
        choices=("export", "import", "verify"),
    )
    folder: str = param(help="The pack; for an export, the folder that it is written into.", path=True)
    backbone: str = param("", help="What is exported: a backbone of this machine.")


JobConfig = (
    SampleJob
    | IndexJob
    | EmbedJob
    | EvaluateJob
    | FinetuneJob
    | PretrainJob
    | PreviewJob
    | EstimateJob
    | AuditJob
    | ProjectJob
    | InspectJob
    | NeighboursJob
    | ExportJob
    | DescribeJob
    | FetchJob
    | PackJob
)
JOBS: dict[str, type[JobConfig]] = {job.kind: job for job in get_args(JobConfig)}


def job_from_json(kind: str, values: dict[str, Any]) -> JobConfig:
    """Raises ValueError for a kind or a value that this program doesn't know."""
    if kind not in JOBS:
        raise ValueError(f"there is no job of kind {kind!r}; known are {', '.join(JOBS)}.")
    return build(JOBS[kind], values)


def job_to_json(job: JobConfig) -> dict[str, Any]:
    return asdict(job)
