"""Which layers a feature is read from: what a person writes, what a spec keeps, what is said of it.

People count layers from 1, so that 12 is the last of twelve; a spec counts from 0, as programs do. A layer is a
block of a transformer or a stage of a convolutional network.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from workbench.records.text import count

LAST = -1  # the output that the backbone's feature is usually read from
LAST_WORD = "last"
Layers = int | tuple[int, ...]  # as a spec keeps it: counted from 0, or LAST
MOST = 999

HOW = (
    "Layers are written 6, or 9,12 or 9-12 for several, or last4 for the last four; they are counted from 1."
)
_PART = r"[1-9][0-9]{0,2}( *[-–] *[1-9][0-9]{0,2})?"


def check_layers(text: str) -> None:
    """Raises ValueError for what names no layers of any backbone."""
    _numbers(text, MOST)


def parse_layers(text: str, depth: int, name: str) -> Layers:
    """The layers that `text` asks of a backbone of `depth` layers; "" is the last.

    Several come in order of depth, each once. The last alone is LAST, so that one feature has one fingerprint.

    Raises:
        ValueError: not layers, or more than there are; says how many there are.
    """
    if text.strip() in ("", LAST_WORD):
        return LAST
    if not depth:
        raise ValueError(f"{name} has no layers to choose from. Leave them out.")
    wanted = _numbers(text, depth)
    beyond = [number for number in wanted if not 1 <= number <= depth]
    if beyond:
        asked = f"the last {len(wanted)}" if text.strip().startswith(LAST_WORD) else f"layer {beyond[-1]}"
        raise ValueError(
            f"{name} has {count(depth, 'layer')}, and {asked} was asked for. Choose from 1 to {depth}."
        )
    if wanted == [depth]:
        return LAST
    return wanted[0] - 1 if len(wanted) == 1 else tuple(number - 1 for number in wanted)


def counted_from_1(layer: Layers) -> list[int] | str:
    """As files and sentences have it: "last", or a list of numbers."""
    if layer == LAST:
        return LAST_WORD
    return [number + 1 for number in (layer if isinstance(layer, tuple) else (layer,))]


def layers_words(layers: Sequence[int] | str) -> str:
    """ "layer 6", "layers 9+12", "layers 9–12" for all from 9 to 12; "" for the last alone."""
    if isinstance(layers, str):
        return ""
    runs: list[list[int]] = []
    for number in layers:
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    parts = [f"{run[0]}–{run[-1]}" if len(run) > 2 else "+".join(map(str, run)) for run in runs]
    return f"{'layer' if len(layers) == 1 else 'layers'} {'+'.join(parts)}"


def _numbers(text: str, depth: int) -> list[int]:
    text = text.strip()
    if text in ("", LAST_WORD):
        return [depth]
    last = re.fullmatch(r"last *([1-9][0-9]{0,2})", text)
    if last:
        return list(range(depth - int(last[1]) + 1, depth + 1))
    if not re.fullmatch(rf"{_PART}( *[,+] *{_PART})*", text):
        raise ValueError(f"{text!r} names no layers. {HOW}")
    found: set[int] = set()
    for part in re.split(r"[,+]", text):
        ends = [int(number) for number in re.split("[-–]", part)]
        if ends[0] > ends[-1]:
            raise ValueError(f"{text!r} names no layers. {HOW}")
        found.update(range(ends[0], ends[-1] + 1))
    return sorted(found)
