"""Where in a backbone every parameter stands: its blocks in order, what comes before them and what after.

Known by structure and not by name of the model: timm and transformers keep the repeated part of every architecture
in a list called blocks, stages, layers or layer (ResNets: layer1 to layer4). A stage of a convolutional or windowed
model is opened, so that a block is what a paper calls one: a residual block, or attention and feed-forward.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

_LISTS = ("blocks", "stages", "layers", "layer")
_INSIDE = ("blocks", "layers")  # what a stage calls its blocks
_NUMBERED = (("layer1", "layer2", "layer3", "layer4"), ("s1", "s2", "s3", "s4"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Layers:
    """The blocks of a backbone and the depth of every parameter.

    Attributes:
        blocks: names of the block modules, in the order in which they run. Empty where the structure is unknown.
        entries: per block, the module whose input is all that the block and what follows need of the network before
            it: the block itself, its stage where that changes the size first, or "" where there is none such.
        depth: by parameter name, 0 for what stands before the blocks (embedding, stem), i + 1 for block i, and
            len(blocks) + 1 for what follows them.
    """

    blocks: tuple[str, ...]
    entries: tuple[str, ...]
    depth: dict[str, int]

    @property
    def deepest(self) -> int:
        return len(self.blocks) + 1


def layers_of(module: nn.Module) -> Layers:
    """Registration order is taken for the order of execution, which holds for every architecture tested."""
    found = _blocks(module)
    blocks = tuple(name for name, _ in found)
    inside = [f"{name}." for name in blocks]
    depth: dict[str, int] = {}
    between: dict[
        int, list[str]
    ] = {}  # parameters before a block that are not in it, such as a stage's first
    passed = 0
    for name, _ in module.named_parameters():
        block = next((i for i, prefix in enumerate(inside) if name.startswith(prefix)), None)
        if block is not None:
            depth[name] = passed = block + 1
        elif passed == 0:
            depth[name] = 0
        else:
            depth[name] = passed + 1
            if passed < len(blocks):
                between.setdefault(passed, []).append(name)
    entries = []
    for i, (name, stage) in enumerate(found):
        outside = between.get(i, [])
        if not outside:
            entries.append(name)
        elif stage and all(other.startswith(f"{stage}.") for other in outside):
            entries.append(stage)
        else:
            entries.append("")
    return Layers(blocks=blocks, entries=tuple(entries), depth=depth)


def _blocks(module: nn.Module) -> list[tuple[str, str]]:
    """(block, the stage that it is the first of, or "") by name, in order."""
    found: list[tuple[str, str]] = []
    for name, element in _elements(module):
        inner = _inner(element)
        if inner is None:
            found.append((name, ""))
            continue
        path, children = inner
        for place, child in enumerate(children):
            found.append((".".join(part for part in (name, path, child) if part), "" if place else name))
    return found


def _elements(module: nn.Module) -> list[tuple[str, nn.Module]]:
    """The blocks or stages: of the list of them that lies least deep, the first of those that lie equally deep."""
    for names in _NUMBERED:
        if all(isinstance(getattr(module, name, None), nn.Module) for name in names):
            return [(name, getattr(module, name)) for name in names]
    lists = [
        (name.count("."), name, part)
        for name, part in module.named_modules()
        if name.rpartition(".")[2] in _LISTS and isinstance(part, nn.ModuleList | nn.Sequential) and len(part)
    ]
    if not lists:
        return []
    _, name, part = min(lists, key=lambda entry: entry[0])
    return [(f"{name}.{child}", element) for child, element in part.named_children()]


def _inner(element: nn.Module) -> tuple[str, list[str]] | None:
    if isinstance(element, nn.Sequential):
        return "", [name for name, _ in element.named_children()]
    for name in _INSIDE:
        part = getattr(element, name, None)
        if isinstance(part, nn.ModuleList | nn.Sequential) and len(part):
            return name, [child for child, _ in part.named_children()]
    return None
