"""What the workbench calls."""

from __future__ import annotations

from ssl_workbench_hubfolder.backbone import HubFolder
from workbench.engine.api import House


def register(house: House) -> None:
    house.add_backbone(HubFolder)
