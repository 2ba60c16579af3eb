"""Which pretraining to propose, if any, from the data and the machine."""

from __future__ import annotations

from workbench.decide.regime_facts import FEW_UNLABELLED
from workbench.records.decision import Proposal
from workbench.records.evidence import Evidence
from workbench.records.text import count, data_size

# Images that pass as one, below which SimCLR has few negatives: the smallest batch that its authors report (Chen et
# al. 2020, arXiv 2002.05709, figure 9).
SIMCLR_BATCH = 256
# Judgement, where no batch was measured: 512 views of 224 px through a ResNet-50 keep about 45 MB each in mixed
# precision.
LITTLE_MEMORY = 24_000_000_000  # bytes
TITLES = {"": "no pretraining", "mae": "MAE", "dino": "DINO", "moco": "MoCo", "simclr": "SimCLR"}

_QUEUE = (
    "SimCLR's negatives depend on the batch; MoCo on a convolutional network keeps them in a queue, made by a "
    "momentum encoder, so that a batch of any size will do."
)


def propose(evidence: Evidence) -> Proposal:
    """The method with the reasons for it; method "" where none should be tried."""
    images = evidence.regime.all_unlabelled
    if images <= FEW_UNLABELLED:
        few = f"{count(images, 'unlabelled image')} are too few to learn from: it takes more than {FEW_UNLABELLED:,}."
        return Proposal(method="", title=TITLES[""], preset="published", why=(few,))
    preset = preset_for(evidence)
    kept = _label_in_the_views(evidence)
    method, why = _for_cnn(evidence) if evidence.architecture == "cnn" else _for_vit(evidence, bool(kept))
    return Proposal(
        method=method, title=TITLES[method], preset=preset, why=(*why, *(() if method == "mae" else kept))
    )


def little_memory(evidence: Evidence) -> str:
    """Why SimCLR's batch doesn't fit, in a sentence; "" where it does."""
    machine = evidence.machine
    if machine.batch is not None:
        if machine.batch >= SIMCLR_BATCH:
            return ""
        return f"{count(machine.batch, 'image')} fit the GPU's memory at once; SimCLR wants {SIMCLR_BATCH} or more."
    if machine.gpu_bytes is None:
        return "No GPU was measured, so that large batches can't be counted on."
    if machine.gpu_bytes >= LITTLE_MEMORY:
        return ""
    return (
        f"The GPU has {data_size(machine.gpu_bytes)} of memory; {SIMCLR_BATCH} images in two views take about "
        f"{data_size(LITTLE_MEMORY)}."
    )


def preset_for(evidence: Evidence) -> str:
    """The preset of the views: the plan's own if it has one, else a guess from the pictures, the mildest in doubt."""
    if evidence.plan is not None and evidence.plan.preset != "published":
        return evidence.plan.preset
    if evidence.regime.colours == "many channels":
        return "microscopy"
    if evidence.colour_is_signal:
        return "histology"
    return "natural" if evidence.domain.everyday else "industrial"


def _label_in_the_views(evidence: Evidence) -> tuple[str, ...]:
    """What the views must leave alone, in sentences."""
    said = []
    if evidence.colour_is_signal:
        said.append(
            "Colour tells the classes apart, so that no view may change it: take a preset that leaves it be."
        )
    if evidence.destroyed:
        said.append(f"The audit found that the label does not survive {' and '.join(evidence.destroyed)}.")
    return tuple(said)


def _for_cnn(evidence: Evidence) -> tuple[str, tuple[str, ...]]:
    need = "A convolutional network is to be deployed, which MAE and iBOT can't train."
    little = little_memory(evidence)
    if little:
        return "moco", (need, little, _QUEUE)
    return "simclr", (
        need,
        f"{SIMCLR_BATCH} images fit the memory at once, which SimCLR needs for its negatives.",
    )


def _for_vit(evidence: Evidence, label_in_views: bool) -> tuple[str, tuple[str, ...]]:
    recipes = (evidence.plan, *(rung.recipe for rung in evidence.of("pretrained")))
    contrast = any(recipe is not None and recipe.method == "simclr" for recipe in recipes)
    little = little_memory(evidence)
    if label_in_views:
        why = "MAE hides patches and paints them in; it changes no colour, so that what tells classes apart stays."
        return "mae", (why,)
    if contrast and little and evidence.architecture != "vit":
        return "moco", (little, _QUEUE)
    if little:
        why = "MAE sends a quarter of the patches through the network and needs no other image, so that it fits."
        return "mae", (little, why)
    why = (
        "DINO goes on from public weights such as DINOv2's, needs no negatives, and its frozen features do well "
        "under a probe: 86.1 % against 84.1 for MAE in stable-pretraining's runs of a small transformer on the 9,469 "
        "images of Imagenette."
    )
    return "dino", (why,)
