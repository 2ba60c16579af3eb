"""Published views that the workbench has no method of its own for."""

from __future__ import annotations

from dataclasses import replace

from workbench.engine.api import Augmentation, coloured_view

LOCAL = 96 / 224  # side of a small crop, as a share of the image size


def focal(num_local: int) -> Augmentation:
    """A target, an anchor that is masked, and small crops (Assran et al. 2022, arXiv 2204.07141, section 5)."""
    target = coloured_view("target", crop_min=0.3, blur=0.5)
    local = coloured_view("focal crops", crop_min=0.05, blur=0.5, count=num_local)
    return Augmentation(
        views=(target, replace(target, name="masked view"), replace(local, crop_max=0.3, share=LOCAL))
    )


def patches(count: int) -> Augmentation:
    """Many small parts of a picture, a quarter of its area or less (Tong et al. 2023, arXiv 2304.03977)."""
    part = coloured_view("parts", crop_min=0.08, blur=0.5, count=count)
    return Augmentation(views=(replace(part, crop_max=0.25, share=LOCAL, solarise=0.1),))
