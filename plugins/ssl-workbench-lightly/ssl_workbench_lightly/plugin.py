"""What the workbench calls."""

from __future__ import annotations

from ssl_workbench_lightly import crops, pairs, slow_copy, taught
from ssl_workbench_lightly.base import LossMethod
from workbench.engine.api import House

METHODS: tuple[type[LossMethod], ...] = (
    pairs.NTXent,
    pairs.DCL,
    pairs.DCLW,
    pairs.MACL,
    pairs.Hypersphere,
    pairs.DirectCLR,
    pairs.BarlowTwins,
    pairs.VICReg,
    pairs.FroSSL,
    pairs.WMSE,
    pairs.NegativeCosine,
    slow_copy.TiCo,
    slow_copy.MMCR,
    slow_copy.MSN,
    slow_copy.PMSN,
    crops.SwAV,
    crops.LeJEPA,
    crops.VISReg,
    crops.EMPSSL,
    taught.DINO,
    taught.KoLeo,
    taught.IBOT,
    taught.IBOTPlusPlus,
    taught.CAPI,
    taught.PatchKernel,
)


def register(house: House) -> None:
    for method in METHODS:
        house.add_method(method)
