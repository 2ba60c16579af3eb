"""What the workbench calls."""

from __future__ import annotations

from ssl_workbench_vicreg.barlow_twins import BarlowTwins
from ssl_workbench_vicreg.vicreg import VICReg
from workbench.engine.api import House


def register(house: House) -> None:
    house.add_method(BarlowTwins)
    house.add_method(VICReg)
