"""What plugins may use of the engine. Everything else may change from one version to the next without a word.

`records.plugins.API` is its version: a name that goes, or another signature, raises the first number, a new name the
second. `tests/engine/test_api.py` holds what stands here to what was published.
"""

from __future__ import annotations

from workbench.engine.backbones.checkpoints import read_state
from workbench.engine.backbones.plugged import PluginBackbone
from workbench.engine.backbones.timm_models import build as timm_network
from workbench.engine.backbones.timm_models import describe as timm_facts
from workbench.engine.backbones.timm_models import reader as timm_reader
from workbench.engine.evals.plugged import Evaluation, Task
from workbench.engine.inspect.plugged import Inspection
from workbench.engine.methods.across import gather, processes, rank
from workbench.engine.methods.base import (
    Batch,
    Draw,
    Group,
    Method,
    Outcome,
    Plan,
    Recipe,
    constant_rate_of,
    cosine,
    split_by_decay,
)
from workbench.engine.methods.ema import copy_of, move
from workbench.engine.methods.encoder import Encoder
from workbench.engine.methods.heads import mlp
from workbench.engine.methods.likeness import mean_cosine, spread, unit
from workbench.engine.methods.prototypes import PrototypeHead
from workbench.engine.methods.published_views import (
    byol_views,
    coloured_view,
    crop_views,
    simclr_views,
    simsiam_views,
)
from workbench.engine.methods.recipes import (
    for_transformers,
    linear_rate,
    need_two,
    square_root_rate,
    warm_up,
)
from workbench.engine.plugins import House
from workbench.records.augmentation import Augmentation, View
from workbench.records.params import param
from workbench.records.plugins import API
from workbench.records.pretraining import Rule
from workbench.records.spec import Preprocess

__all__ = (
    "API",
    "Augmentation",
    "Batch",
    "Draw",
    "Encoder",
    "Evaluation",
    "Group",
    "House",
    "Inspection",
    "Method",
    "Outcome",
    "Plan",
    "PluginBackbone",
    "Preprocess",
    "PrototypeHead",
    "Recipe",
    "Rule",
    "Task",
    "View",
    "byol_views",
    "coloured_view",
    "constant_rate_of",
    "copy_of",
    "cosine",
    "crop_views",
    "for_transformers",
    "gather",
    "linear_rate",
    "mean_cosine",
    "mlp",
    "move",
    "need_two",
    "param",
    "processes",
    "rank",
    "read_state",
    "simclr_views",
    "simsiam_views",
    "split_by_decay",
    "spread",
    "square_root_rate",
    "timm_facts",
    "timm_network",
    "timm_reader",
    "unit",
    "warm_up",
)
