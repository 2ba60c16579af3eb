"""A backbone's name that nobody knows: which known one was meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_NEAR = 0.72  # of difflib's likeness, 0 to 1: "vit_tinny_patch16_224" is 0.98 like "vit_tiny_patch16_224"
_MOST = 3


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """ " Did you mean a, b?", or "" where nothing of `names` is like `name`.

    Upper case, "-" for "_" and a missing organisation don't count; what is only a part of names, such as "dinov3",
    brings some that hold it.
    """
    wanted = _plain(name)
    forms: dict[str, str] = {}
    for known in names:
        forms.setdefault(_plain(known), known)
        forms.setdefault(_plain(known.rpartition("/")[2]), known)
    near = difflib.get_close_matches(wanted, forms, 2 * _MOST, _NEAR)
    if not near and len(wanted) >= _MOST:
        near = [form for form in forms if wanted in form]
    found = list(dict.fromkeys(forms[form] for form in near))[:_MOST]
    return f" Did you mean {', '.join(found)}?" if found else ""


def _plain(name: str) -> str:
    return name.lower().replace("-", "_").removeprefix("timm/")
