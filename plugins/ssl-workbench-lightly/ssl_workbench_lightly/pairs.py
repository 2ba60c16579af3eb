"""Losses of two views of the same pictures, which one network sees: contrast, and decorrelation."""

from __future__ import annotations

import math
import warnings
from typing import Any, ClassVar

import torch
from lightly.loss import (
    BarlowTwinsLoss,
    DCLLoss,
    DCLWLoss,
    DirectCLRLoss,
    FroSSLLoss,
    MACLLoss,
    NegativeCosineSimilarity,
    NTXentLoss,
    VICRegLoss,
    WMSELoss,
)
from lightly.loss.hypersphere_loss import HypersphereLoss
from torch import nn

from ssl_workbench_lightly.base import GATHERED, OneNetwork
from ssl_workbench_lightly.settings import Told, hidden, output, settings
from workbench.engine.api import (
    Augmentation,
    Batch,
    Encoder,
    Group,
    Outcome,
    Plan,
    Recipe,
    Rule,
    byol_views,
    constant_rate_of,
    mlp,
    simclr_views,
    simsiam_views,
    spread,
    square_root_rate,
)

NO_BANK = {"memory_bank_size": "a bank of earlier vectors; MoCo of the workbench has one"}
TEMPERATURE = Told("How sharply near pictures count more than far ones.", 0.01, 2)
ALL_PUSHED = "Small batches, for they hold few negatives, and classes that colour tells apart."
LARGE = "Many different pictures, and a GPU that holds batches of 256 or more."
NOTHING_PUSHED = "Batches from 64, and pictures that are much alike: nothing is pushed apart."
COLOUR = "Classes that colour tells apart, for the views change colour, and very small batches."


class Pair(OneNetwork):
    """Two views, one head, one loss of both."""

    together: ClassVar[bool] = True  # whether both views pass through the network as one batch

    def __init__(self, encoder: Encoder, config: Any, plan: Plan) -> None:
        super().__init__(encoder, config, plan)
        self.projector = self.head(encoder.width)

    def head(self, width: int) -> nn.Module:
        return mlp((width, self.config.hidden, self.config.output), norm=True)

    @classmethod
    def views(cls) -> Augmentation:
        return simclr_views()

    def projected(self, batch: Batch) -> tuple[torch.Tensor, list[torch.Tensor]]:
        if self.together:
            vectors = self.encoder(torch.cat(batch.views))
            each = list(self.projector(vectors).chunk(2))
            return vectors[: len(each[0])], each
        vectors = self.encoder(batch.views[0])
        return vectors, [self.projector(vectors), self.projector(self.encoder(batch.views[1]))]

    def compared(self, each: list[torch.Tensor]) -> torch.Tensor:
        loss: torch.Tensor = self.criterion(*each)
        return loss


class Contrast(Pair):
    """With SimCLR's head, views and rate, as lightly's benchmarks of SimCLR, DCL and DCLW."""

    family = "contrast"
    when = LARGE
    when_not = ALL_PUSHED
    held = GATHERED
    rule = "lightly's benchmark of SimCLR"

    @classmethod
    def recipe(cls, config: Any, plan: Plan, tokens: bool) -> Recipe:
        if tokens:
            return super().recipe(config, plan, tokens)
        source = "LARS; SimCLR, appendix B.1, and lightly's benchmark"
        rate, about_rate = square_root_rate(0.075, plan, source)
        return cls.convolutional(plan, rate, (about_rate,))

    def negatives(self, together: int) -> int | None:
        return 2 * (together - 1)


class Softmax(Contrast):
    """Its loss is that of naming the other view of a picture among all views but its own."""

    def uniform(self, num: int) -> float | None:
        return math.log(2 * num - 1) if num > 1 else None


class NTXent(Softmax):
    name = "lightly_ntxent"
    title = "NT-Xent (lightly)"
    summary = "Two views of a picture find each other among all others of the batch, as in SimCLR."
    source = "Chen et al. 2020 (arXiv 2002.05709), lightly NTXentLoss"
    loss = NTXentLoss
    held = GATHERED | NO_BANK
    Config = settings(NTXentLoss, {"temperature": TEMPERATURE}, hidden=hidden(), output=output(128))


class DCL(Contrast):
    name = "lightly_dcl"
    title = "DCL (lightly)"
    summary = "NT-Xent without the pair itself among what it is told from, so that small batches do."
    when = "Batches too small for SimCLR."
    source = "Yeh et al. 2021 (arXiv 2110.06848), lightly DCLLoss"
    loss = DCLLoss
    held = GATHERED | {"weight_fn": "a function; lightly_dclw takes the published one"}
    Config = settings(DCLLoss, {"temperature": TEMPERATURE}, hidden=hidden(), output=output(128))


class DCLW(Contrast):
    name = "lightly_dclw"
    title = "DCLW (lightly)"
    summary = "DCL in which pairs that are far apart count more."
    when = "Batches too small for SimCLR."
    source = "Yeh et al. 2021 (arXiv 2110.06848), lightly DCLWLoss"
    loss = DCLWLoss
    Config = settings(
        DCLWLoss,
        {"temperature": TEMPERATURE, "sigma": Told("How sharply pairs are weighted by distance.", 0.01, 10)},
        hidden=hidden(),
        output=output(128),
    )

    def compared(self, each: list[torch.Tensor]) -> torch.Tensor:
        # lightly makes a tensor of a tensor there, of which torch warns at every step.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            return super().compared(each)


class MACL(Contrast):
    name = "lightly_macl"
    title = "MACL (lightly)"
    summary = "NT-Xent whose temperature follows how well pairs agree already."
    source = "Huang et al. 2023 (arXiv 2207.07874), lightly MACLLoss"
    loss = MACLLoss
    Config = settings(
        MACLLoss,
        {
            "temperature": TEMPERATURE,
            "alpha": Told("How far the temperature changes.", 0, 1),
            "A_0": Told("Agreement of pairs at which the temperature is as set.", 0, 1, True),
        },
        hidden=hidden(),
        output=output(128),
    )


class Hypersphere(Contrast):
    name = "lightly_hypersphere"
    title = "Alignment and uniformity (lightly)"
    summary = "Views of one picture lie near each other, and all pictures are spread evenly over a sphere."
    source = "Wang and Isola 2020 (arXiv 2005.10242), lightly HypersphereLoss"
    loss = HypersphereLoss
    held: ClassVar[dict[str, str]] = {}
    Config = settings(
        HypersphereLoss,
        {
            "t": Told("How near pictures must be to push each other apart: larger is nearer.", 0.01, 100),
            "lam": Told("How much it counts that pictures are spread evenly.", 0, 100),
            "alpha": Told("Power of the distance between two views.", 0.5, 8, True),
        },
        hidden=hidden(),
        output=output(128),
    )


class DirectCLR(Softmax):
    name = "lightly_directclr"
    title = "DirectCLR (lightly)"
    summary = "NT-Xent of the first entries of the backbone's own vector, without a head behind it."
    source = "Jing et al. 2021 (arXiv 2110.09348), lightly DirectCLRLoss"
    loss = DirectCLRLoss
    held = GATHERED | NO_BANK
    Config = settings(
        DirectCLRLoss,
        {
            "loss_dim": Told("How many entries of the vector are compared.", 2, 65_536),
            "temperature": TEMPERATURE,
        },
    )

    def head(self, width: int) -> nn.Module:
        return nn.Identity()


class Decorrelation(Pair):
    """With the three wide layers of Barlow Twins and VICReg, and BYOL's views."""

    family = "decorrelation"
    when = NOTHING_PUSHED
    when_not = COLOUR
    held = GATHERED
    together = False

    @classmethod
    def views(cls) -> Augmentation:
        return byol_views()

    def head(self, width: int) -> nn.Module:
        wide = self.config.hidden
        return mlp((width, wide, wide, self.config.output), bias=False)


class BarlowTwins(Decorrelation):
    name = "lightly_barlow_twins"
    title = "Barlow Twins (lightly)"
    summary = "Each output agrees with itself in the other view of a picture, and with no other output."
    source = "Zbontar et al. 2021 (arXiv 2103.03230), lightly BarlowTwinsLoss"
    loss = BarlowTwinsLoss
    decay = 1.5e-6
    rule = "lightly's benchmark of Barlow Twins"
    Config = settings(
        BarlowTwinsLoss,
        {"lambda_param": Told("How much it counts that no two outputs say the same.", 0, 10)},
        hidden=hidden(),
        output=output(2048),
    )


class VICReg(Decorrelation):
    name = "lightly_vicreg"
    title = "VICReg (lightly)"
    summary = "Two views of a picture get one vector, whose entries must vary and must not say the same."
    source = "Bardes et al. 2021 (arXiv 2105.04906), lightly VICRegLoss"
    loss = VICRegLoss
    rule = "as Barlow Twins; VICReg's own at 1000 epochs"
    Config = settings(
        VICRegLoss,
        {
            "lambda_param": Told("How much it counts that both views get the same vector.", 0, 1000),
            "mu_param": Told("How much it counts that every entry varies over pictures.", 0, 1000),
            "nu_param": Told("How much it counts that no two entries say the same.", 0, 1000),
            "eps": Told("Under the root of the variance.", 1e-12, 1, True),
        },
        hidden=hidden(),
        output=output(2048),
    )


class FroSSL(Decorrelation):
    name = "lightly_frossl"
    title = "FroSSL (lightly)"
    summary = "Views agree, and the covariance of their entries is made even by its Frobenius norm."
    source = "Skean et al. 2023 (arXiv 2310.02903), lightly FroSSLLoss"
    loss = FroSSLLoss
    held: ClassVar[dict[str, str]] = {}
    Config = settings(
        FroSSLLoss,
        {"invariance_weight": Told("How much it counts that views agree.", 0, 1000)},
        hidden=hidden(),
        output=output(1024),
    )

    def compared(self, each: list[torch.Tensor]) -> torch.Tensor:
        loss: torch.Tensor = self.criterion(each)
        return loss


class WMSE(Decorrelation):
    name = "lightly_wmse"
    title = "W-MSE (lightly)"
    summary = "Two views get the same vector after all vectors are whitened, so that they can't collapse."
    source = "Ermolov et al. 2021 (arXiv 2007.06346), lightly WMSELoss"
    loss = WMSELoss
    draws = True  # which pictures are whitened together
    held: ClassVar[dict[str, str]] = {
        "loss_fn": "a function; the published one is lightly's default",
        "num_samples": "the two views",
        "track_running_stats": "nothing reads them in training",
        "momentum": "of what track_running_stats keeps",
    }
    Config = settings(
        WMSELoss,
        {
            "embedding_dim": Told("Entries that are whitened; half of the batch at most.", 2, 4096),
            "w_size": Told("Pictures that are whitened together; the batch where it is smaller.", 4, 65_536),
            "w_iter": Told("How often pictures are shared out anew in a step.", 1, 16, True),
            "eps": Told("How much of a unit matrix is mixed into the covariance.", 0, 1, True),
        },
        hidden=hidden(1024),
    )

    @classmethod
    def arguments(cls, config: Any, plan: Plan) -> dict[str, Any]:
        size = max(min(config.w_size, plan.batch_size), 2)
        return {**super().arguments(config, plan), "w_size": size, "embedding_dim": _entries(config, plan)}

    @classmethod
    def told(cls, config: Any, plan: Plan) -> tuple[Rule, ...]:
        entries = _entries(config, plan)
        why = "as asked for" if entries == config.embedding_dim else "half of what is whitened together"
        return (Rule(name="whitened entries", value=f"{entries:,}", rule=why),)

    def head(self, width: int) -> nn.Module:
        return mlp((width, self.config.hidden, _entries(self.config, self.plan)))

    def compared(self, each: list[torch.Tensor]) -> torch.Tensor:
        """Raises ValueError where too few pictures came for as many entries."""
        num, entries = each[0].shape
        most = min(self.arguments(self.config, self.plan)["w_size"], num)
        size = next(size for size in range(most, 0, -1) if num % size == 0)
        if size < 2 * entries:
            raise ValueError(
                f"W-MSE whitens {entries} entries and needs {2 * entries} pictures at a time for it; {num} come "
                f"together, in groups of {size}. Take a batch that {most} divides, or a smaller embedding-dim."
            )
        self.criterion.w_size = size
        loss: torch.Tensor = self.criterion(torch.cat(each))
        return loss


def _entries(config: Any, plan: Plan) -> int:
    most: int = min(config.embedding_dim, config.w_size // 2, plan.batch_size // 2)
    return max(most, 1)


class NegativeCosine(Pair):
    name = "lightly_negative_cosine"
    title = "Negative cosine (lightly)"
    family = "distillation"
    summary = "What is predicted from one view is to be like the other, which is held still, as in SimSiam."
    when = "Small batches and little memory: it keeps neither a queue nor a second network."
    when_not = "Very small sets, where it collapses most easily."
    source = "Chen and He 2020 (arXiv 2011.10566), lightly NegativeCosineSimilarity"
    loss = NegativeCosineSimilarity
    held: ClassVar[dict[str, str]] = {"dim": "the axis of a vector's entries"}
    together = False
    optimiser, base, decay, rule = "sgd", 0.05, 1e-4, "SimSiam, main_simsiam.py"
    Config = settings(
        NegativeCosineSimilarity,
        {"eps": Told("Length below which a vector counts as that long.", 1e-12, 1, True)},
        hidden=hidden(),
        output=output(2048),
    )

    def __init__(self, encoder: Encoder, config: Any, plan: Plan) -> None:
        super().__init__(encoder, config, plan)
        self.predictor = mlp((config.output, max(config.output // 4, 8), config.output))

    @classmethod
    def views(cls) -> Augmentation:
        return simsiam_views()

    def head(self, width: int) -> nn.Module:
        wide = self.config.hidden
        return mlp((width, wide, wide, self.config.output), norm=True, learnt_norm=False)

    def groups(self) -> list[Group]:
        return constant_rate_of(self, self.predictor)

    def forward(self, batch: Batch) -> Outcome:
        vectors, (a, b) = self.projected(batch)
        predicted_a, predicted_b = self.predictor(a), self.predictor(b)
        with self.counting(batch):
            loss = self.criterion(predicted_a.float(), b.detach().float())
            loss = loss + self.criterion(predicted_b.float(), a.detach().float())
        return Outcome(loss=loss / 2, vectors=vectors.detach(), numbers={"output_spread": spread(a)})
