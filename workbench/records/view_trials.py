"""Which changes of the views an audit tries, one kind at a time, and what could be asked instead of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from workbench.records.augmentation import Augmentation, View

STILL = View(name="unchanged", crop_min=1.0, mirror=0.0)
_AREAS = (0.1, 0.2, 0.35, 0.5, 0.7)  # smallest areas of crops that are tried instead of smaller ones

Option = dict[str, Any]  # fields of View and their values


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One kind of change at the full strength that the views have, done to every picture.

    What exchanges two states (mirroring, flips, turns, inverted tones) is done to every other picture instead: done
    to all, it would be another world in which labels can be learnt as well.
    """

    change: str  # fields of View
    title: str
    view: View
    kinds: tuple[int, ...]  # which kinds of view do it, counted from 0
    milder: tuple[Option, ...] = ()  # weaker forms, the least weakened first
    off: Option | None = None  # what leaves it out; None where it can't be

    @property
    def crops(self) -> bool:
        return self.view.crop_min < 1


def trials(augmentation: Augmentation, *, coloured: bool) -> list[Trial]:
    """Every kind of change that a view makes; `coloured`: whether pictures have a colour that could change."""
    found = [_crops(augmentation, local) for local in (False, True)]
    found += [_turns(augmentation), _jitter(augmentation, "light", ("brightness", "contrast"))]
    if coloured:
        found += [
            _jitter(augmentation, "colour jitter", ("saturation", "hue")),
            _simple(augmentation, "grey", "colour taken away", 1.0),
        ]
    found += [_blur(augmentation), _simple(augmentation, "solarise", "inverted tones", 0.5)]
    return [trial for trial in found if trial is not None]


def changes(augmentation: Augmentation, kinds: Sequence[int], option: Option) -> tuple[str, ...]:
    """`option` for those of the `kinds` of view that do more, as `records.augmentation.changed` takes it."""
    texts = []
    for kind in kinds:
        view = augmentation.views[kind]
        for name, value in option.items():
            old = getattr(view, name)
            if name == "crop_min":
                value = min(value, view.crop_max)
            if (old < value) if name == "crop_min" else (old > value):
                if name == "blur_max" and view.blur_min > value:
                    texts.append(f"{kind + 1}.blur_min={value:g}")
                texts.append(f"{kind + 1}.{name}={value:g}")
    return tuple(texts)


def _doing(augmentation: Augmentation, *names: str) -> list[tuple[int, View]]:
    return [
        (kind, view)
        for kind, view in enumerate(augmentation.views)
        if any(getattr(view, name) > 0 for name in names)
    ]


def _crops(augmentation: Augmentation, local: bool) -> Trial | None:
    views = [
        (kind, view)
        for kind, view in enumerate(augmentation.views)
        if view.is_local == local and view.crop_min < 1
    ]
    if not views:
        return None
    smallest = min((view for _, view in views), key=lambda view: (view.crop_min, view.crop_max))
    milder = [area for area in _AREAS if smallest.crop_min < area <= smallest.crop_max]
    return Trial(
        change="crop_min",
        title=f"{'local crops' if local else 'crops'} from {100 * smallest.crop_min:.2g} % of the area",
        view=replace(STILL, crop_min=smallest.crop_min, crop_max=smallest.crop_max),
        kinds=tuple(kind for kind, _ in views),
        milder=tuple({"crop_min": area} for area in milder),
    )


def _turns(augmentation: Augmentation) -> Trial | None:
    names = ("mirror", "flip", "quarters", "rotate")
    views = _doing(augmentation, *names)
    if not views:
        return None
    rotate = max(view.rotate for _, view in views)
    doing = {name for name in names if any(getattr(view, name) > 0 for _, view in views)}
    full = {"mirror": 0.5, "flip": 0.5, "quarters": 0.75, "rotate": rotate}
    milder: list[Option] = []
    for without in (("rotate",), ("rotate", "quarters"), ("rotate", "quarters", "flip")):
        option = {name: 0.0 for name in without if name in doing}
        if option and len(option) < len(doing) and option not in milder:
            milder.append(option)
    whole: Option = {name: full[name] for name in doing}
    return Trial(
        change=",".join(name for name in names if name in doing),
        title="mirroring and turns" if doing & {"quarters", "rotate"} else "mirroring",
        view=replace(STILL, **whole),
        kinds=tuple(kind for kind, _ in views),
        milder=tuple(milder),
        off=dict.fromkeys((name for name in names if name in doing), 0.0),
    )


def _jitter(augmentation: Augmentation, title: str, names: tuple[str, ...]) -> Trial | None:
    views = [(kind, view) for kind, view in _doing(augmentation, *names) if view.jitter > 0]
    if not views:
        return None
    full = {name: max(getattr(view, name) for _, view in views) for name in names}
    doing = {name: value for name, value in full.items() if value > 0}
    return Trial(
        change=",".join(doing),
        title=title,
        view=replace(STILL, jitter=1.0, **doing),
        kinds=tuple(kind for kind, _ in views),
        milder=tuple({name: value * share for name, value in doing.items()} for share in (0.5, 0.25)),
        off=dict.fromkeys(doing, 0.0),
    )


def _blur(augmentation: Augmentation) -> Trial | None:
    views = _doing(augmentation, "blur")
    if not views:
        return None
    widest = max((view for _, view in views), key=lambda view: view.blur_max)
    milder = [share * widest.blur_max for share in (0.5, 0.25)]
    return Trial(
        change="blur",
        title="blur",
        view=replace(STILL, blur=1.0, blur_min=widest.blur_min, blur_max=widest.blur_max),
        kinds=tuple(kind for kind, _ in views),
        milder=tuple({"blur_max": width} for width in milder if width > widest.blur_min),
        off={"blur": 0.0},
    )


def _simple(augmentation: Augmentation, name: str, title: str, often: float) -> Trial | None:
    views = _doing(augmentation, name)
    if not views:
        return None
    whole: Option = {name: often}
    return Trial(
        change=name,
        title=title,
        view=replace(STILL, **whole),
        kinds=tuple(kind for kind, _ in views),
        off={name: 0.0},
    )
