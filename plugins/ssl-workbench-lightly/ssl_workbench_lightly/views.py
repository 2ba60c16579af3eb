"""Published views, in the words of the workbench."""

from __future__ import annotations

from dataclasses import replace

from workbench.engine.api import Augmentation, View

LOCAL = 96 / 224  # side of a small crop, as a share of the image size


def simclr() -> Augmentation:
    """Chen et al. 2020 (arXiv 2002.05709), appendix A."""
    return Augmentation(
        views=(
            View(
                name="two views",
                count=2,
                crop_min=0.08,
                mirror=0.5,
                jitter=0.8,
                brightness=0.8,
                contrast=0.8,
                saturation=0.8,
                hue=0.2,
                grey=0.2,
                blur=0.5,
            ),
        )
    )


def simsiam() -> Augmentation:
    """Chen and He 2020 (arXiv 2011.10566), section 4."""
    return Augmentation(views=(_coloured("two views", crop_min=0.2, saturation=0.4, blur=0.5, count=2),))


def byol() -> Augmentation:
    """Grill et al. 2020 (arXiv 2006.07733), table 6; Barlow Twins, VICReg and TiCo take them over."""
    first = _coloured("first view", crop_min=0.08, blur=1.0)
    return Augmentation(views=(first, replace(first, name="second view", blur=0.1, solarise=0.2)))


def crops(num_local: int, global_min: float, local_max: float) -> Augmentation:
    """Two large crops and small ones (SwAV, arXiv 2006.09882; DINO, arXiv 2104.14294)."""
    first = _coloured("first view", crop_min=global_min, blur=1.0)
    local = _coloured("local crops", crop_min=0.05, blur=0.5, count=num_local)
    return Augmentation(
        views=(
            first,
            replace(first, name="second view", blur=0.1, solarise=0.2),
            replace(local, crop_max=local_max, share=LOCAL),
        )
    )


def focal(num_local: int) -> Augmentation:
    """A target, an anchor that is masked, and small crops (Assran et al. 2022, arXiv 2204.07141, section 5)."""
    target = _coloured("target", crop_min=0.3, blur=0.5)
    local = _coloured("focal crops", crop_min=0.05, blur=0.5, count=num_local)
    return Augmentation(
        views=(target, replace(target, name="masked view"), replace(local, crop_max=0.3, share=LOCAL))
    )


def patches(count: int) -> Augmentation:
    """Many small parts of a picture, a quarter of its area or less (Tong et al. 2023, arXiv 2304.03977)."""
    part = _coloured("parts", crop_min=0.08, blur=0.5, count=count)
    return Augmentation(views=(replace(part, crop_max=0.25, share=LOCAL, solarise=0.1),))


def _coloured(name: str, *, crop_min: float, blur: float, saturation: float = 0.2, count: int = 1) -> View:
    return View(
        name=name,
        count=count,
        crop_min=crop_min,
        mirror=0.5,
        jitter=0.8,
        brightness=0.4,
        contrast=0.4,
        saturation=saturation,
        hue=0.1,
        grey=0.2,
        blur=blur,
    )
