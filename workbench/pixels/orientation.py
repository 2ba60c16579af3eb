"""EXIF orientation (tag 0x0112 of Exif 2.32, TIFF 6.0 "Orientation"): read it, undo it.

Only the EXIF or TIFF tag counts, for the header and the pixels alike; an orientation noted in XMP alone is ignored.
"""

from __future__ import annotations

import struct

import numpy as np

TAG = 0x0112


def of_exif(block: bytes) -> int:
    """Orientation 1 to 8 in an EXIF block (with or without its "Exif" prefix); 1 where none is readable."""
    tiff = block.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return 1
    try:
        (start,) = struct.unpack_from(order + "I", tiff, 4)
        (entries,) = struct.unpack_from(order + "H", tiff, start)
        for entry in range(entries):
            tag, kind, count, value = struct.unpack_from(order + "HHIH", tiff, start + 2 + 12 * entry)
            if tag == TAG and kind == 3 and count == 1:
                return valid(value)
    except struct.error:  # a damaged block says nothing of the picture's own bytes
        return 1
    return 1


def valid(value: int) -> int:
    """`value` if it is an orientation, otherwise 1 (upright), as every viewer does."""
    return value if 1 <= value <= 8 else 1


def swaps_sides(orientation: int) -> bool:
    """True where width and height change places."""
    return orientation >= 5


def upright(image: np.ndarray, orientation: int) -> np.ndarray:
    """(H, W, C) stored pixels as they are meant to be seen, C-contiguous."""
    if orientation == 1:
        return image
    if swaps_sides(orientation):
        image = image.swapaxes(0, 1)
    flip_y, flip_x = _FLIPS[orientation]
    return np.ascontiguousarray(image[:: -1 if flip_y else 1, :: -1 if flip_x else 1])


def flips(orientation: int) -> tuple[bool, bool]:
    """Whether `upright` reverses x and y (in the upright picture's own axes)."""
    flip_y, flip_x = _FLIPS[orientation]
    return flip_x, flip_y


# (reverse y, reverse x), after the sides were swapped for 5 to 8
_FLIPS = {
    1: (False, False),
    2: (False, True),
    3: (True, True),
    4: (True, False),
    5: (False, False),
    6: (False, True),
    7: (True, True),
    8: (True, False),
}
