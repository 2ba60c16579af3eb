"""One step of each method as `lightly` has its users write it: its transforms in a DataLoader, its heads and losses,
a timm backbone, an optimiser of torch. The heads have the widths of ours. Its MoCo is written for both directions and
with a predictor, for that is what MoCo does for a transformer.

`main` times it: images a second in the steady state of one epoch, which is long enough for all steps.
"""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import timm
import torch
from lightly.data import LightlyDataset
from lightly.loss import DINOLoss, IBOTPatchLoss, NegativeCosineSimilarity, NTXentLoss
from lightly.models import utils
from lightly.models.modules import (
    MaskedVisionTransformerDecoderTIMM,
    MaskedVisionTransformerTIMM,
    heads,
)
from lightly.transforms import (
    BYOLTransform,
    BYOLView1Transform,
    BYOLView2Transform,
    DINOTransform,
    IBOTTransform,
    MAETransform,
    MoCoV2Transform,
    SimCLRTransform,
    SimSiamTransform,
)
from torch import nn
from torch.utils.data import ConcatDataset, DataLoader

Views = list[torch.Tensor]


def transform_of(method: str, size: int, local: int, num_local: int) -> Any:
    crops = {"global_crop_size": size, "local_crop_size": local, "n_local_views": num_local}
    made: dict[str, Callable[[], Any]] = {
        "simclr": lambda: SimCLRTransform(input_size=size),
        "moco": lambda: MoCoV2Transform(input_size=size),
        "byol": lambda: BYOLTransform(
            view_1_transform=BYOLView1Transform(input_size=size),
            view_2_transform=BYOLView2Transform(input_size=size),
        ),
        "simsiam": lambda: SimSiamTransform(input_size=size),
        "mae": lambda: MAETransform(input_size=size),
        "dino": lambda: DINOTransform(**crops),
        "ibot": lambda: IBOTTransform(**crops),
    }
    return made[method]()


class Contrast(nn.Module):
    """SimCLR."""

    def __init__(self, backbone: Any) -> None:
        super().__init__()
        self.backbone, self.head = backbone, heads.SimCLRProjectionHead(backbone.num_features, 2048, 128)
        self.loss_of = NTXentLoss(temperature=0.1)

    def forward(self, views: Views) -> torch.Tensor:
        first, second = (self.head(self.backbone(view)) for view in views)
        return self.loss_of(first, second)


class Momentum(nn.Module):
    """MoCo and BYOL: what a view's prediction says of the other view's key."""

    def __init__(
        self, backbone: nn.Module, head: nn.Module, predictor: nn.Module, loss_of: nn.Module
    ) -> None:
        super().__init__()
        self.backbone, self.head, self.predictor, self.loss_of = backbone, head, predictor, loss_of
        self.slow_backbone, self.slow_head = copy.deepcopy(backbone), copy.deepcopy(head)
        utils.deactivate_requires_grad(self.slow_backbone)
        utils.deactivate_requires_grad(self.slow_head)

    def forward(self, views: Views) -> torch.Tensor:
        utils.update_momentum(self.backbone, self.slow_backbone, m=0.99)
        utils.update_momentum(self.head, self.slow_head, m=0.99)
        first, second = (self.predictor(self.head(self.backbone(view))) for view in views)
        with torch.no_grad():
            keys = [self.slow_head(self.slow_backbone(view)) for view in views]
        return 0.5 * (self.loss_of(first, keys[1]) + self.loss_of(second, keys[0]))


class Siamese(nn.Module):
    """SimSiam."""

    def __init__(self, backbone: Any) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = heads.SimSiamProjectionHead(backbone.num_features, 2048, 2048)
        self.predictor = heads.SimSiamPredictionHead(2048, 512, 2048)
        self.loss_of = NegativeCosineSimilarity()

    def forward(self, views: Views) -> torch.Tensor:
        first, second = (self.head(self.backbone(view)) for view in views)
        said = self.predictor(first), self.predictor(second)
        return 0.5 * (self.loss_of(said[0], second.detach()) + self.loss_of(said[1], first.detach()))


class Painter(nn.Module):
    """MAE, with a decoder of the size that ours takes."""

    def __init__(self, vit: Any, depth: int = 8) -> None:
        super().__init__()
        width = vit.num_features // 2
        self.patch = vit.patch_embed.patch_size[0]
        self.backbone = MaskedVisionTransformerTIMM(vit=vit)
        self.embed = nn.Linear(vit.num_features, width)
        self.decoder = MaskedVisionTransformerDecoderTIMM(
            num_patches=vit.patch_embed.num_patches, embed_dim=width, depth=depth, num_heads=width // 32
        )
        self.predict = nn.Linear(width, self.patch**2 * 3)

    def forward(self, views: Views) -> torch.Tensor:
        images = views[0]
        length = self.backbone.sequence_length
        kept, hidden = utils.random_token_mask(
            size=(len(images), length), mask_ratio=0.75, device=images.device
        )
        encoded = self.embed(self.backbone.encode(images=images, idx_keep=kept))
        tokens = utils.repeat_token(self.decoder.mask_token, (len(images), length))
        tokens = utils.set_at_index(tokens, kept, encoded.type_as(tokens))
        painted = self.predict(utils.get_at_index(self.decoder(tokens), hidden))
        target = utils.get_at_index(utils.patchify(images, self.patch), hidden - 1)
        return nn.functional.mse_loss(painted, target)


class Distilled(nn.Module):
    """DINO, and with `masked` iBOT."""

    def __init__(self, vit: Any, prototypes: int, masked: bool) -> None:
        super().__init__()

        def head() -> nn.Module:
            return heads.DINOProjectionHead(vit.num_features, 2048, 256, prototypes, freeze_last_layer=1)

        self.masked = masked
        self.student = MaskedVisionTransformerTIMM(vit=vit)
        self.teacher = copy.deepcopy(self.student)
        self.student_head, self.teacher_head = head(), head()
        utils.deactivate_requires_grad(self.teacher)
        utils.deactivate_requires_grad(self.teacher_head)
        self.dino_loss = DINOLoss(output_dim=prototypes)
        self.patch_loss = IBOTPatchLoss(output_dim=prototypes)

    def forward(self, views: Views) -> torch.Tensor:
        utils.update_momentum(self.student, self.teacher, m=0.996)
        utils.update_momentum(self.student_head, self.teacher_head, m=0.996)
        if not self.masked:
            with torch.no_grad():
                taught = [self.teacher_head(self.teacher(view)) for view in views[:2]]
            return self.dino_loss(taught, [self.student_head(self.student(view)) for view in views], epoch=0)
        whole = torch.cat(views[:2])
        side = round((self.student.sequence_length - 1) ** 0.5)
        mask = utils.random_block_mask(size=(len(whole), side, side), device=whole.device)
        mask_tokens = torch.cat([mask.new_zeros(len(whole), 1), mask.flatten(1)], dim=1)
        with torch.no_grad():
            tokens = self.teacher.encode(whole)
            taught_whole = self.teacher_head(tokens[:, 0])
            taught_patches = self.teacher_head(tokens[mask_tokens])
        tokens = self.student.encode(whole, mask=mask_tokens)
        said = [self.student_head(tokens[:, 0])]
        said_patches = self.student_head(tokens[mask_tokens])
        said += [self.student_head(self.student.encode(view)[:, 0]) for view in views[2:]]
        said = [*said[0].chunk(2), *said[1:]]
        loss = self.dino_loss(list(taught_whole.chunk(2)), said, teacher_temp=0.04)
        return loss + self.patch_loss(taught_patches, said_patches, mask=mask, teacher_temp=0.04)


def model_of(method: str, backbone: str, size: int, patch: int, prototypes: int) -> nn.Module:
    several = method in ("dino", "ibot")
    vit: Any = timm.create_model(
        backbone, num_classes=0, img_size=size, patch_size=patch, dynamic_img_size=several
    )
    if method == "simclr":
        return Contrast(vit)
    if method == "moco":
        head = heads.ProjectionHead(_layers((vit.num_features, 4096, 4096, 256)))
        predictor = heads.ProjectionHead(_layers((256, 4096, 256)))
        return Momentum(vit, head, predictor, NTXentLoss(temperature=0.2))
    if method == "byol":
        head, predictor = (
            heads.BYOLProjectionHead(vit.num_features, 4096, 256),
            heads.BYOLPredictionHead(256, 4096, 256),
        )
        return Momentum(vit, head, predictor, NegativeCosineSimilarity())
    if method == "simsiam":
        return Siamese(vit)
    return Painter(vit) if method == "mae" else Distilled(vit, prototypes, masked=method == "ibot")


def _layers(widths: tuple[int, ...]) -> list[Any]:
    pairs = list(pairwise(widths))
    return [
        (given, made, nn.BatchNorm1d(made), nn.ReLU() if place + 1 < len(pairs) else None)
        for place, (given, made) in enumerate(pairs)
    ]


def main(folder: Path, asked: dict[str, Any]) -> None:
    """Prints {"rate": images a second}. On a GPU pictures come from pinned memory, and it computes in bf16 with tf32
    for what stays fp32."""
    torch.manual_seed(0)
    torch.set_num_threads(asked["threads"])
    method, batch = asked["method"], asked["batch"]
    warm_up, steps = asked["warm_up"], asked["steps"]
    transform = transform_of(method, asked["size"], asked["local"], asked["num_local"])
    once = LightlyDataset(str(folder), transform=transform)
    enough = ConcatDataset([once] * (-(-(warm_up + steps + 1) * batch // len(once))))
    device = torch.device(asked["device"])
    cuda = device.type == "cuda"
    torch.set_float32_matmul_precision("high" if cuda else "highest")
    loader = DataLoader(
        enough,
        batch_size=batch,
        shuffle=True,
        drop_last=True,
        num_workers=asked["workers"],
        pin_memory=cuda,
    )
    model = model_of(method, asked["backbone"], asked["size"], asked["patch"], asked["prototypes"]).to(device)
    learning = [value for value in model.parameters() if value.requires_grad]
    if method in ("simsiam", "byol", "simclr"):
        optimiser: torch.optim.Optimizer = torch.optim.SGD(learning, lr=0.06)
    else:
        optimiser = torch.optim.AdamW(learning, lr=1e-4)
    began = 0.0
    for number, (views, _, _) in enumerate(loader):
        if number == warm_up:
            if cuda:
                torch.cuda.synchronize()
            began = time.perf_counter()
        views = [
            view.to(device, non_blocking=True) for view in (views if isinstance(views, list) else [views])
        ]
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=cuda):
            loss = model(views)
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
        if number + 1 == warm_up + steps:
            break
    if cuda:
        torch.cuda.synchronize()
    took = time.perf_counter() - began
    print(json.dumps({"rate": steps * batch / took, "loss": float(loss.detach())}))
