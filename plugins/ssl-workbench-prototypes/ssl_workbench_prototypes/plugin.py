"""What the workbench calls."""

from __future__ import annotations

from ssl_workbench_prototypes.prototypes import Prototypes
from workbench.engine.api import House


def register(house: House) -> None:
    house.add_evaluation(Prototypes)
