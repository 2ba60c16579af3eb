"""Losses between a student and its teacher, the slowly moving copy: of whole pictures (DINO), and of patches."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
from lightly.loss import (
    CAPILoss,
    DINOLoss,
    IBOTPatchLoss,
    IBOTPlusPlusPatchLoss,
    KoLeoLoss,
    PatchKernelAlignmentLoss,
)
from torch import nn

from ssl_workbench_lightly.base import LossMethod, whole
from ssl_workbench_lightly.masks import hidden_patches
from ssl_workbench_lightly.settings import Told, hidden, hidden_share, momentum, settings
from workbench.engine.api import (
    Augmentation,
    Batch,
    Draw,
    Encoder,
    Outcome,
    Plan,
    PrototypeHead,
    Recipe,
    Rule,
    byol_views,
    copy_of,
    cosine,
    crop_views,
    linear_rate,
    move,
    need_two,
    param,
    warm_up,
)

NUM_GLOBAL = 2
DINO_TOLD = {
    "teacher_temp": Told("How sharply the teacher decides.", 0.005, 1),
    "warmup_teacher_temp": Told("The teacher's temperature in the first epoch.", 0.005, 1, True),
    "warmup_teacher_temp_epochs": Told("Epochs until the teacher's temperature is reached.", 1, 1000, True),
    "student_temp": Told("How sharply the student decides.", 0.01, 1, True),
    "center_momentum": Told("How slowly the centre of what the teacher says follows.", 0, 1, True),
}
CENTRE = {"output_dim": "the number of prototypes", "center_mode": "lightly has one"}
OWN = {
    "prototypes": param(
        4096,
        help="Outputs that pictures are spread over; published are 65,536 for a million pictures.",
        minimum=2,
        maximum=262_144,
    ),
    "frozen_epochs": param(
        1, help="Epochs in which the prototypes don't learn yet.", minimum=0, unit="epochs", advanced=True
    ),
    "momentum": momentum(0.996),
    "hidden": hidden(),
}


class Taught(LossMethod):
    """A student, with a head of prototypes where `headed`, and a teacher that follows it; DINO's recipe."""

    family = "distillation"
    headed: ClassVar[bool] = True

    def __init__(self, encoder: Encoder, config: Any, plan: Plan) -> None:
        super().__init__(encoder, config, plan)
        self.teacher = copy_of(encoder)
        if self.headed:
            self.head = PrototypeHead(encoder.width, config.prototypes, config.hidden)
            self.teacher_head = copy_of(self.head)

    @classmethod
    def views(cls) -> Augmentation:
        return crop_views(num_local=6, global_min=0.4, local_max=0.4)

    @classmethod
    def recipe(cls, config: Any, plan: Plan, tokens: bool) -> Recipe:
        """Of DINO: AdamW for a transformer, SGD for a convolutional network (`main_dino.py`, README)."""
        need_two(plan, cls.title)
        if cls.tokens_only and not tokens:
            raise ValueError(f"{cls.title} looks at patches, so it needs a transformer (vit_*). Choose one.")
        rate, about_rate = linear_rate(5e-4 if tokens else 0.03, plan, "DINO, main_dino.py")
        steps, about_steps = warm_up(plan, 10, 100)
        kept = Rule(name="teacher momentum", value=f"{config.momentum:g}", rule="as asked for; it rises to 1")
        return Recipe(
            optimiser="adamw" if tokens else "sgd",
            learning_rate=rate,
            warm_up=steps,
            weight_decay=0.04 if tokens else 1e-4,
            final_rate=min(1e-6, rate),
            final_decay=0.4 if tokens else None,
            clip=3.0,
            clip_each=True,
            told=(about_rate, about_steps, kept),
        )

    def after_backward(self, step: int) -> None:
        if self.headed and step < self.config.frozen_epochs * self.plan.steps_per_epoch:
            self.head.hold_prototypes()

    def after_step(self, step: int) -> None:
        kept = cosine(self.config.momentum, 1.0, step, self.plan.steps)
        move(self.teacher, self.encoder, kept)
        if self.headed:
            move(self.teacher_head, self.head, kept)

    @property
    def backbone(self) -> Encoder:
        return self.teacher

    @property
    def num_outputs(self) -> int | None:
        return self.config.prototypes if self.headed else None


class DINO(Taught):
    name = "lightly_dino"
    title = "DINO (lightly)"
    summary = "A student learns to say of small crops what its slowly moving teacher says of large ones."
    when = "Transformers, batches from 64, and pictures with one subject that small parts give away."
    when_not = "Pictures whose label hangs on a small spot, which most crops don't show."
    source = "Caron et al. 2021 (arXiv 2104.14294), lightly DINOLoss"
    loss: ClassVar[type[nn.Module]] = DINOLoss
    held: ClassVar[dict[str, str]] = CENTRE
    Config = settings(DINOLoss, DINO_TOLD, **OWN)

    @classmethod
    def arguments(cls, config: Any, plan: Plan) -> dict[str, Any]:
        return {**super().arguments(config, plan), "output_dim": config.prototypes}

    def forward(self, batch: Batch) -> Outcome:
        vectors, told, said, seen = self.spoken(batch)
        loss, numbers = self.compared(batch, told, said, seen)
        return Outcome(
            loss=loss,
            vectors=vectors,
            numbers={name: value.detach() for name, value in numbers.items()},
            uniform_loss=math.log(self.config.prototypes),
            outputs=self.probabilities(told[0]),
        )

    def spoken(
        self, batch: Batch
    ) -> tuple[torch.Tensor, list[torch.Tensor], list[torch.Tensor], torch.Tensor]:
        """(B, D) of the teacher for the first view; (B, K) of the teacher for large crops and of the student for all;
        (2 B, D) of the student for large crops."""
        large, small = batch.views[:NUM_GLOBAL], batch.views[NUM_GLOBAL:]
        with torch.no_grad():
            vectors = self.teacher(torch.cat(large))
            told = self.teacher_head(vectors).chunk(len(large))
        seen = self.encoder(torch.cat(large))
        parts = [seen, self.encoder(torch.cat(small))] if small else [seen]
        said = self.head(torch.cat(parts)).chunk(len(batch.views))
        return vectors[: len(large[0])], list(told), list(said), seen

    def compared(
        self, batch: Batch, told: list[torch.Tensor], said: list[torch.Tensor], seen: torch.Tensor
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """The loss, and its parts by name."""
        with self.counting(batch):
            loss = self.criterion(
                [one.float() for one in told],
                [one.float() for one in said],
                epoch=batch.step // self.plan.steps_per_epoch,
            )
        return loss, {"picture_loss": loss}

    @torch.no_grad()
    def probabilities(self, told: torch.Tensor) -> torch.Tensor:
        """(B, K) of what the teacher said."""
        centre = self.criterion.center.reshape(-1)
        return torch.softmax((told.float() - centre) / self.config.teacher_temp, dim=-1)


class KoLeo(DINO):
    name = "lightly_koleo"
    title = "DINO and KoLeo (lightly)"
    summary = "DINO, with every picture pushed away from its nearest neighbour, as in DINOv2."
    when = "Transformers, where DINO puts many pictures into one place."
    when_not = "Sets with many copies, which are neighbours for a good reason."
    source = (
        "Sablayrolles et al. 2019 (arXiv 1806.03198), Oquab et al. 2023 (arXiv 2304.07193), lightly KoLeoLoss"
    )
    held: ClassVar[dict[str, str]] = {**CENTRE, "p": "published is 2", "eps": "against a logarithm of 0"}
    Config = settings(
        DINOLoss,
        DINO_TOLD,
        koleo_weight=param(
            0.1, help="How much it counts that neighbours lie apart; 0.1 in DINOv2.", minimum=0, maximum=10
        ),
        **OWN,
    )

    koleo: KoLeoLoss

    def __init__(self, encoder: Encoder, config: Any, plan: Plan) -> None:
        super().__init__(encoder, config, plan)
        self.koleo = KoLeoLoss()

    def compared(
        self, batch: Batch, told: list[torch.Tensor], said: list[torch.Tensor], seen: torch.Tensor
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        loss, numbers = super().compared(batch, told, said, seen)
        with self.counting(batch):
            apart = torch.stack([self.koleo(whole(one)) for one in seen.chunk(NUM_GLOBAL)]).mean()
        return loss + self.config.koleo_weight * apart, {**numbers, "koleo_loss": apart}


class Patches(Taught):
    """A student that is shown a view with hidden patches, and its teacher, which is shown the whole of it."""

    tokens_only = True
    when = "Transformers, and labels that hang on parts and textures as much as on the whole."
    when_not = "Few patches: below about 8 x 8 too little is left to guess hidden ones from."

    def __init__(self, encoder: Encoder, config: Any, plan: Plan) -> None:
        encoder.add_mask_token()  # before the teacher is copied
        super().__init__(encoder, config, plan)

    @classmethod
    def views(cls) -> Augmentation:
        return byol_views()

    @classmethod
    def hidden(cls, config: Any, draw: Draw, num: int, grid: int, view: int) -> torch.Tensor | None:
        return hidden_patches(draw, grid, config.mask_ratio, view) if view < NUM_GLOBAL else None

    def forward(self, batch: Batch) -> Outcome:
        images = torch.cat(batch.views[:NUM_GLOBAL])
        grid = images.shape[-1] // self.encoder.patch
        num = len(batch.views[0])
        drawn = [self.hidden(self.config, batch.draw, num, grid, view) for view in range(NUM_GLOBAL)]
        mask = torch.cat([one for one in drawn if one is not None]).to(images.device)
        with torch.no_grad():
            whole_tokens = self.teacher.all_tokens(images)
        tokens = self.encoder.all_tokens(images, mask)
        loss, numbers = self.compared(batch, whole_tokens, tokens, mask)
        vectors = self.teacher.vector_of(whole_tokens)[:num]
        return Outcome(
            loss=loss,
            vectors=vectors.detach(),
            numbers={name: value.detach() for name, value in numbers.items()},
        )

    def compared(
        self, batch: Batch, whole_tokens: torch.Tensor, tokens: torch.Tensor, mask: torch.Tensor
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """The loss and its parts, of the teacher's and the student's tokens (2 B, prefix + N, D).

        Args:
            mask: (2 B, N) bool, True where hidden from the student.
        """
        raise NotImplementedError


class IBOT(Patches):
    name = "lightly_ibot"
    title = "iBOT (lightly)"
    summary = "What the teacher sees in hidden patches is guessed from the rest; and DINO of both views."
    source = "Zhou et al. 2022 (arXiv 2111.07832), lightly IBOTPatchLoss and DINOLoss"
    loss: ClassVar[type[nn.Module]] = IBOTPatchLoss
    held: ClassVar[dict[str, str]] = CENTRE
    TOLD: ClassVar[dict[str, Told]] = {
        "teacher_temp": Told("How sharply the teacher decides.", 0.005, 1),
        "student_temp": Told("How sharply the student decides.", 0.01, 1, True),
        "center_momentum": Told("How slowly the centre of what the teacher says follows.", 0, 1, True),
    }
    MINE: ClassVar[dict[str, Any]] = {
        **OWN,
        "mask_ratio": hidden_share(0.3),
        "picture_weight": param(
            1.0, help="How much whole pictures count beside patches.", minimum=0, maximum=100
        ),
    }
    Config = settings(IBOTPatchLoss, TOLD, **MINE)

    def __init__(self, encoder: Encoder, config: Any, plan: Plan) -> None:
        super().__init__(encoder, config, plan)
        self.pictures = DINOLoss(
            output_dim=config.prototypes,
            teacher_temp=config.teacher_temp,
            warmup_teacher_temp=config.teacher_temp,
            student_temp=config.student_temp,
            center_momentum=config.center_momentum,
        )

    @classmethod
    def arguments(cls, config: Any, plan: Plan) -> dict[str, Any]:
        return {**super().arguments(config, plan), "output_dim": config.prototypes}

    def compared(
        self, batch: Batch, whole_tokens: torch.Tensor, tokens: torch.Tensor, mask: torch.Tensor
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        with torch.no_grad():
            told = self.teacher_head(self.teacher.vector_of(whole_tokens)).float().chunk(NUM_GLOBAL)
            patches_told = self.teacher_head(self.teacher.patches_of(whole_tokens)).float()
        said = self.head(self.encoder.vector_of(tokens)).float().chunk(NUM_GLOBAL)
        patches_said = self.head(self.encoder.patches_of(tokens)).float()
        with self.counting(batch):
            pictures = self.pictures(list(told), list(said))
            patches = self.of_patches(patches_told, patches_said, mask)
        loss = self.config.picture_weight * pictures + patches
        return loss, {"picture_loss": pictures, "patch_loss": patches}

    def of_patches(self, told: torch.Tensor, said: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Of (V, N, K) and (V, N, K), only where (V, N) is hidden."""
        loss: torch.Tensor = self.criterion(told[mask], said[mask], mask.unsqueeze(1))
        return loss


class IBOTPlusPlus(IBOT):
    name = "lightly_ibot_plus_plus"
    title = "iBOT++ (lightly)"
    summary = "Like iBOT, and what the teacher sees in visible patches is learnt too."
    source = "TIPSv2, 2026 (arXiv 2604.12012), lightly IBOTPlusPlusPatchLoss and DINOLoss"
    loss = IBOTPlusPlusPatchLoss
    Config = settings(
        IBOTPlusPlusPatchLoss,
        IBOT.TOLD,
        visible_weight=param(
            1.0, help="How much visible patches count beside hidden ones.", minimum=0, maximum=100
        ),
        **IBOT.MINE,
    )

    def of_patches(self, told: torch.Tensor, said: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        loss: torch.Tensor = self.criterion(told, said, mask, visible_loss_weight=self.config.visible_weight)
        return loss


class CAPI(Patches):
    """The published predictor looks from hidden places at visible patches through a network of its own; here the
    student itself guesses, by a mask token, as in iBOT."""

    name = "lightly_capi"
    title = "CAPI (lightly)"
    summary = "The cluster that the teacher puts a hidden patch into is guessed from the rest."
    source = "Darcet et al. 2025 (arXiv 2502.08769), lightly CAPILoss"
    loss = CAPILoss
    held: ClassVar[dict[str, str]] = {"gather_distributed": "the workbench gathers what all processes say"}
    Config = settings(
        CAPILoss,
        {
            "teacher_temperature": Told("How sharply the teacher puts patches into clusters.", 0.005, 1),
            "student_temperature": Told("How sharply the student guesses.", 0.01, 1, True),
            "sinkhorn_iterations": Told("Rounds in which clusters are made equally large.", 0, 100, True),
        },
        mask_ratio=hidden_share(0.65),
        **{
            **OWN,
            "frozen_epochs": param(
                0,
                help="Epochs in which the student's clusters don't learn yet.",
                minimum=0,
                unit="epochs",
                advanced=True,
            ),
        },
    )

    def __init__(self, encoder: Encoder, config: Any, plan: Plan) -> None:
        super().__init__(encoder, config, plan)
        self.clusters = nn.Linear(encoder.width, config.prototypes, bias=False)

    def compared(
        self, batch: Batch, whole_tokens: torch.Tensor, tokens: torch.Tensor, mask: torch.Tensor
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        seen = torch.nn.functional.normalize(self.teacher.patches_of(whole_tokens).float(), dim=-1)
        said = self.head(self.encoder.patches_of(tokens))
        places = mask.nonzero()[:, 1].view(len(mask), -1)
        index = places.unsqueeze(-1).expand(-1, -1, said.shape[-1])
        with self.counting(batch):
            told = self.clusters(seen.detach())
            every = whole(told)
            clustering = self.criterion(every, every)
            guessing = self.criterion(every, whole(said.gather(1, index)), whole(places).long())
        return clustering + guessing, {"cluster_loss": clustering, "patch_loss": guessing}


class PatchKernel(Patches):
    name = "lightly_patch_kernel"
    title = "Patch kernel alignment (lightly)"
    summary = "Which patches of a picture are alike is to be the same with patches hidden as without."
    when = "Going on from a good transformer, where parts of a picture matter more than the whole."
    when_not = "Beginning from nothing: it keeps what the teacher knows and teaches little else."
    source = "PaKa, 2025 (arXiv 2509.05606), lightly PatchKernelAlignmentLoss"
    loss = PatchKernelAlignmentLoss
    headed = False
    held: ClassVar[dict[str, str]] = {"max_tokens": "draws patches at random; all are taken"}
    Config = settings(PatchKernelAlignmentLoss, {}, mask_ratio=hidden_share(0.3), momentum=momentum(0.996))

    def compared(
        self, batch: Batch, whole_tokens: torch.Tensor, tokens: torch.Tensor, mask: torch.Tensor
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        with self.counting(batch):
            loss = self.criterion(
                self.encoder.patches_of(tokens).float(), self.teacher.patches_of(whole_tokens).float()
            )
        return loss, {"patch_loss": loss}
