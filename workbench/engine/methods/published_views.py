"""Views that several methods share, as they were published."""

from __future__ import annotations

from dataclasses import replace

from workbench.records.augmentation import PAPER_SIZE, Augmentation, View

LOCAL_SIZE = 96  # px of a small crop, at an input of PAPER_SIZE


def coloured_view(
    name: str, *, crop_min: float, blur: float, saturation: float = 0.2, count: int = 1
) -> View:
    """A view with the changes of colour of BYOL, which DINO and many others take over. MoCo v2 and SimSiam change
    `saturation` more."""
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


def simclr_views() -> Augmentation:
    """Chen et al. 2020 (arXiv 2002.05709), appendix A."""
    view = View(
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
    )
    return Augmentation(views=(view,))


def simsiam_views() -> Augmentation:
    """Chen and He 2020 (arXiv 2011.10566), section 4."""
    return Augmentation(views=(coloured_view("two views", crop_min=0.2, blur=0.5, saturation=0.4, count=2),))


def byol_views() -> Augmentation:
    """Grill et al. 2020 (arXiv 2006.07733), table 6; MoCo v3, Barlow Twins and VICReg take them over."""
    first = coloured_view("first view", crop_min=0.08, blur=1.0)
    return Augmentation(views=(first, replace(first, name="second view", blur=0.1, solarise=0.2)))


def crop_views(*, global_min: float, local_max: float, num_local: int) -> Augmentation:
    """Two large views and many small ones (SwAV, arXiv 2006.09882; DINO, arXiv 2104.14294).

    Args:
        global_min: smallest share of the picture's area that a large view shows.
        local_max: largest share that a small one shows.
        num_local: small views of each picture.
    """
    first = coloured_view("first view", crop_min=global_min, blur=1.0)
    local = coloured_view("local crops", crop_min=0.05, blur=0.5, count=num_local)
    return Augmentation(
        views=(
            first,
            replace(first, name="second view", blur=0.1, solarise=0.2),
            replace(local, crop_max=local_max, share=LOCAL_SIZE / PAPER_SIZE),
        )
    )
