"""The job that pretrains: what it may be asked."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import ClassVar

from workbench.records.augmentation import PRESET_IDS
from workbench.records.lanes import ASIDE, DEVICE
from workbench.records.params import param

# Parameters that a run may go on with though they differ: they change how far it goes, and where, and not what it is.
MAY_CHANGE = (
    "index",
    "curation",
    "roots",
    "pool_index",
    "pool_roots",
    "epochs",
    "max_steps",
    "evaluate_every",
    "checkpoint_minutes",
    "checkpoint_steps",
    "processes",
    "compile",
    "device",
    "threads",
    "branch",
    "cache",
    "allow_download",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PretrainJob:
    """Let a backbone learn from images without their labels."""

    kind: ClassVar[str] = "pretrain"
    lane: ClassVar[str] = DEVICE
    index: str = param(help="Index of the images.", path=True)
    curation: str = param("", help="What was decided about the images of the index.", path=True)
    roots: tuple[str, ...] = param(
        (), help="Folders of the images, in the index's order, where they have moved since they were indexed."
    )
    pool_index: str = param(
        "", help="Index of a folder of unlabelled images that are learnt from too.", path=True
    )
    pool_roots: tuple[str, ...] = param(
        (), help="Folders of the unlabelled images, where they have moved since they were indexed."
    )
    method: str = param(help="How it learns: simclr, moco, byol, simsiam, mae, dino, ibot, or a plugin's.")
    backbone: str = param(
        "vit_small_patch16_224",
        help="Architecture, by timm's name: a vit_*, resnet18, resnet50, a convnext_*.",
        label="Architecture",
    )
    start: str = param(
        "",
        help="Weights to start from: catalogue id, Hugging Face id, timm name, or a local file or folder. Empty "
        "starts from nothing.",
        label="Start from",
    )
    learn_from: str = param(
        "safe",
        help='Which images: "safe" takes unlabelled ones and the training part of the split, so that validation and '
        'test stay unseen; "unlabelled" takes only those; "all" takes everything, and no test on these images is '
        "one of unseen ones any more.",
        label="Learn from",
        choices=("safe", "unlabelled", "all"),
    )
    image_size: int = param(
        0,
        help="Side of a view; 0 takes the architecture's own. Smaller is faster and sees less.",
        minimum=0,
        at_minimum="the architecture's own",
        maximum=1024,
        unit="px",
    )
    patch_size: int = param(
        0,
        help="Side of a patch of a transformer; 0 takes the architecture's own.",
        minimum=0,
        at_minimum="the architecture's own",
        maximum=64,
        unit="px",
    )
    epochs: int = param(
        100,
        help="How often each image is learnt from. Schedules are laid over them.",
        minimum=1,
        maximum=100_000,
    )
    batch_size: int = param(
        0,
        help="Images of one step, over all devices; 0 takes the largest up to 256 that fits.",
        minimum=0,
        at_minimum="what fits",
        maximum=65_536,
        unit="images",
    )
    max_steps: int = param(
        0,
        help="Stop after so many steps, whatever the epochs say; 0 sets no limit.",
        minimum=0,
        at_minimum="no limit",
        unit="steps",
        advanced=True,
    )
    preset: str = param(
        "published",
        help="What kind of picture it is; a preset keeps the views from destroying what such pictures show.",
        label="Kind of picture",
        choices=PRESET_IDS,
    )
    augment: tuple[str, ...] = param(
        (),
        help='Change of the views, NAME=NUMBER for all of them or 2.NAME=NUMBER for the second kind: "hue=0".',
        advanced=True,
    )
    settings: tuple[str, ...] = param(
        (), help="Setting of the method, NAME=VALUE; `workbench methods` lists them.", advanced=True
    )
    learning_rate: float = param(
        0.0,
        help="Peak learning rate for this batch size; 0 takes the published rule's.",
        minimum=0,
        at_minimum="by the published rule",
        maximum=100,
        advanced=True,
    )
    weight_decay: float = param(
        -1.0,
        help="Weight decay; -1 takes the published one.",
        minimum=-1,
        at_minimum="as published",
        maximum=10,
        advanced=True,
    )
    evaluate_every: int = param(
        0,
        help="Epochs between two looks at validation (k-NN and linear probe, where there are labels); 0 takes a "
        "twentieth of all.",
        minimum=0,
        at_minimum="a twentieth of all",
        unit="epochs",
        advanced=True,
    )
    checkpoint_minutes: float = param(
        5.0,
        help="Minutes between two checkpoints at most; one is also written at the end of an epoch that takes longer "
        "than a minute, and at the end.",
        minimum=0,
        advanced=True,
        unit="min",
    )
    checkpoint_steps: int = param(
        0,
        help="Steps between two checkpoints; 0 goes by minutes.",
        minimum=0,
        at_minimum="by minutes",
        unit="steps",
        advanced=True,
    )
    seed: int = param(0, help="Of weights, order, views and masks.", minimum=0)
    split_seed: int = param(0, help="Seed of the split whose validation part is looked at.", minimum=0)
    stored_size: int = param(
        0,
        help="Side at which decoded pixels are kept on disk; 0 takes up to twice the image size, as the images and "
        "the disk allow.",
        minimum=0,
        at_minimum="as the images allow",
        maximum=4096,
        unit="px",
        advanced=True,
    )
    accumulate: int = param(
        0,
        help="Parts that a batch is computed in where it doesn't fit the memory; 0 takes as few as fit.",
        minimum=0,
        at_minimum="as few as fit",
        maximum=1024,
        advanced=True,
    )
    processes: int = param(
        1,
        help="GPUs (or, on a CPU, processes) that share a batch.",
        minimum=1,
        maximum=64,
        advanced=True,
    )
    compile: bool = param(
        True,
        help="On a GPU, in runs of 600 steps or more, let torch compile a transformer's blocks first: "
        "about a quarter of a minute at the start, faster steps.",
        advanced=True,
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
    branch: str = param(
        "", help="Checkpoint of another run (a .safetensors file) to go on from.", path=True, advanced=True
    )
    cache: str = param("", help="Folder that keeps decoded pixels.", path=True, advanced=True)
    allow_download: bool = param(
        False, help="Fetch the start weights from their hub when they are not on this machine.", advanced=True
    )


def changed(before: PretrainJob, now: PretrainJob) -> tuple[str, ...]:
    """Parameters in which a run can't go on as it is asked to now: their names.

    A batch size of 0 stands for one that only the run knows.
    """
    return tuple(
        item.name
        for item in fields(PretrainJob)
        if item.name not in MAY_CHANGE
        and getattr(before, item.name) != getattr(now, item.name)
        and not (item.name == "batch_size" and 0 in (before.batch_size, now.batch_size))
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewJob:
    """Draw the views of a few images as the model would see them, again whenever `ask.json` in the run folder
    changes, until nobody has asked for a while.

    That file is {"ask": number, "draw": number, "config": the pretraining job's values}; its `draw` wins over the
    parameter, so that other views are drawn without another worker.
    """

    kind: ClassVar[str] = "preview"
    lane: ClassVar[str] = ASIDE
    pretrain: str = param(help="File with the pretraining job's values (JSON).", path=True)
    images: int = param(6, help="How many images are shown.", minimum=1, maximum=64)
    draw: int = param(0, help="Another number draws other views.", minimum=0)
    watch: bool = param(False, help="Stay and draw again when the file changes.")
    device: ClassVar[str] = "cpu"


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimateJob:
    """Say what a pretraining would take: memory, time an epoch, room on the disk; and what speaks against it."""

    kind: ClassVar[str] = "estimate"
    lane: ClassVar[str] = DEVICE
    pretrain: str = param(help="File with the pretraining job's values (JSON).", path=True)
    device: str = param("auto", help='"auto", "cpu", "cuda", "cuda:1" or "mps".', advanced=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditJob:
    """Measure which change of the views destroys what the labels say, with a probe on a frozen backbone."""

    kind: ClassVar[str] = "audit"
    lane: ClassVar[str] = DEVICE
    pretrain: str = param(help="File with the pretraining job's values (JSON).", path=True)
    backbone: str = param(
        "efficientnet_lite0", help="Frozen backbone whose features are probed: the best that is at hand."
    )
    seeds: int = param(5, help="How many times the split is drawn anew.", minimum=1, maximum=100)
    images: int = param(
        2000, help="Labelled images at most; a stratified sample of more.", minimum=50, unit="images"
    )
    device: str = param("auto", help='"auto", "cpu", "cuda", "cuda:1" or "mps".', advanced=True)
