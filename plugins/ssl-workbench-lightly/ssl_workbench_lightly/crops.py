"""Losses of many crops of the same pictures that one network sees: LeJEPA, VISReg, SwAV, EMP-SSL."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
from lightly.loss import EMPSSLLoss, LeJEPALoss, SwaVLoss, VISRegLoss
from lightly.loss.emp_ssl_loss import invariance_loss, tcr_loss
from torch import nn
from torch.nn import functional

from ssl_workbench_lightly import views
from ssl_workbench_lightly.base import GATHERED, OneNetwork
from ssl_workbench_lightly.settings import Told, hidden, output, settings
from workbench.engine.api import Augmentation, Batch, Encoder, Plan, crop_views, mlp, param

NUM_GLOBAL = 2
SUBJECT = "Pictures with one subject that small parts give away."
SPOT = "Pictures whose label hangs on a small spot, which most crops don't show."


class Crops(OneNetwork):
    """Large and small crops; those of one size pass through the network together."""

    when = SUBJECT
    when_not = SPOT

    def __init__(self, encoder: Encoder, config: Any, plan: Plan) -> None:
        super().__init__(encoder, config, plan)
        self.projector = mlp((encoder.width, config.hidden, config.output))

    @classmethod
    def views(cls) -> Augmentation:
        return crop_views(num_local=6, global_min=0.3, local_max=0.3)

    def projected(self, batch: Batch) -> tuple[torch.Tensor, list[torch.Tensor]]:
        num = len(batch.views[0])
        sizes = [view.shape[-1] for view in batch.views]
        seen: list[torch.Tensor] = []
        first = 0
        while first < len(sizes):
            end = next((at for at in range(first, len(sizes)) if sizes[at] != sizes[first]), len(sizes))
            seen.append(self.encoder(torch.cat(batch.views[first:end])))
            first = end
        return seen[0][:num], list(self.projector(torch.cat(seen)).chunk(len(sizes)))

    def compared(self, each: list[torch.Tensor]) -> torch.Tensor:
        loss: torch.Tensor = self.criterion(
            global_proj=torch.stack(each[:NUM_GLOBAL]), local_proj=torch.stack(each[NUM_GLOBAL:])
        )
        return loss


class LeJEPA(Crops):
    name = "lightly_lejepa"
    title = "LeJEPA (lightly)"
    family = "decorrelation"
    summary = "Crops of a picture get one vector, and all vectors together are spread like a Gaussian."
    source = "Balestriero and LeCun 2025 (arXiv 2511.08544), lightly LeJEPALoss"
    loss = LeJEPALoss
    draws = True  # the directions along which the spread is looked at
    held = GATHERED
    Config = settings(
        LeJEPALoss,
        {
            "lambda_param": Told("How much the spread counts; how much agreement counts is the rest.", 0, 1),
            "sigreg_knots": Told("Frequencies at which the spread is looked at.", 2, 1000, True),
            "sigreg_t_max": Told("Largest of these frequencies.", 0.1, 100, True),
            "sigreg_num_vectors": Told("Directions along which it is looked at.", 1, 65_536, True),
        },
        hidden=hidden(),
        output=output(128),
    )


class VISReg(Crops):
    name = "lightly_visreg"
    title = "VISReg (lightly)"
    family = "decorrelation"
    summary = "Like LeJEPA, with centre, scale and shape of the spread looked at apart."
    source = "Wu et al. 2026 (arXiv 2606.02572), lightly VISRegLoss"
    loss = VISRegLoss
    draws = True
    held = GATHERED
    Config = settings(
        VISRegLoss,
        {
            "lambda_param": Told("How much the spread counts; 0.6 for small sets, say its authors.", 0, 1),
            "num_slices": Told("Directions along which the shape is looked at.", 1, 65_536, True),
            "lambda_scale": Told("How much the scale of the spread counts.", 0, 100),
            "lambda_shape": Told("How much its shape counts; more where classes differ in size.", 0, 100),
            "lambda_center": Told("How much its centre counts.", 0, 100),
            "eps": Told("Added to the scale before the shape is looked at.", 1e-12, 1, True),
        },
        hidden=hidden(),
        output=output(128),
    )


class EMPSSL(Crops):
    """lightly's own sum adds the coding rate where the paper subtracts it, and would so be least where all pictures
    get one vector; here the paper's loss is made of lightly's two terms."""

    name = "lightly_emp_ssl"
    title = "EMP-SSL (lightly)"
    family = "decorrelation"
    summary = "Many small parts of a picture get one vector, and the vectors of all fill their space."
    when = "Few epochs: every step shows a picture twenty times."
    source = "Tong et al. 2023 (arXiv 2304.03977), the terms of lightly EMPSSLLoss"
    loss = EMPSSLLoss
    Config = settings(
        EMPSSLLoss,
        {
            "tcr_eps": Told("Distortion that the coding rate allows.", 1e-4, 10),
            "inv_coef": Told("How much it counts that parts of a picture agree.", 0, 10_000),
        },
        hidden=hidden(),
        output=output(256),
    )

    @classmethod
    def views(cls) -> Augmentation:
        return views.patches(20)

    def compared(self, each: list[torch.Tensor]) -> torch.Tensor:
        z = functional.normalize(torch.stack(each), dim=-1)
        rate = tcr_loss(z, eps=self.config.tcr_eps)
        loss: torch.Tensor = self.config.inv_coef * invariance_loss(z) - rate
        return loss


class SwAV(Crops):
    name = "lightly_swav"
    title = "SwAV (lightly)"
    family = "distillation"
    summary = "From one crop it is said to which cluster another crop of the picture was assigned."
    source = "Caron et al. 2020 (arXiv 2006.09882), lightly SwaVLoss"
    loss = SwaVLoss
    base, rule = 0.6, "SwAV, appendix A.6, and lightly's benchmark"
    held: ClassVar[dict[str, str]] = {"sinkhorn_gather_distributed": GATHERED["gather_distributed"]}
    Config = settings(
        SwaVLoss,
        {
            "temperature": Told("How sharply clusters are told apart.", 0.01, 2),
            "sinkhorn_iterations": Told("Rounds in which clusters are made equally large.", 0, 100, True),
            "sinkhorn_epsilon": Told(
                "How soft the assignment is. Raise it where clusters collapse.", 0.01, 1
            ),
        },
        prototypes=param(
            512,
            help="Clusters; published are 3,000 for a million pictures. Several times the classes.",
            minimum=2,
            maximum=65_536,
        ),
        frozen_epochs=param(
            1, help="Epochs in which the clusters don't move yet.", minimum=0, unit="epochs", advanced=True
        ),
        hidden=hidden(),
        output=output(128),
    )

    def __init__(self, encoder: Encoder, config: Any, plan: Plan) -> None:
        super().__init__(encoder, config, plan)
        self.prototypes = nn.Linear(config.output, config.prototypes, bias=False)
        self._unit()

    @classmethod
    def views(cls) -> Augmentation:
        return crop_views(num_local=6, global_min=0.14, local_max=0.14)

    def compared(self, each: list[torch.Tensor]) -> torch.Tensor:
        said = [self.prototypes(functional.normalize(one, dim=1)) for one in each]
        loss: torch.Tensor = self.criterion(said[:NUM_GLOBAL], said[NUM_GLOBAL:])
        return loss

    def uniform(self, num: int) -> float | None:
        return math.log(self.config.prototypes)

    def after_backward(self, step: int) -> None:
        if step < self.config.frozen_epochs * self.plan.steps_per_epoch:
            self.prototypes.weight.grad = None

    def after_step(self, step: int) -> None:
        self._unit()

    @torch.no_grad()
    def _unit(self) -> None:
        """Prototypes have length 1 (`main_swav.py`)."""
        self.prototypes.weight.copy_(functional.normalize(self.prototypes.weight, dim=1))
