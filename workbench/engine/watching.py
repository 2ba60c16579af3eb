"""A job that stays: it answers a file whenever that changes, until nobody has asked for a while."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from workbench.engine.control import Control

LOOK_SECONDS = 0.05  # between two looks at the file
PATIENCE_SECONDS = 120.0  # without a change, after which the job ends

Stamp = tuple[int, int, int]
Check = Callable[[], None]


class Superseded(Exception):
    """A newer ask was written while an older one was being answered."""


def watch(path: Path, control: Control, answer: Callable[[Check], object]) -> int:
    """Call `answer` for the file as it is and after every change; returns how many asks were answered.

    `answer` is given what it may call between two parts of its work. That raises Superseded where another ask lies
    in the file, which is then answered at once.

    Raises:
        StopRequested: the job is to end.
    """
    answered, seen = 0, None
    changed_at = time.monotonic()
    while time.monotonic() - changed_at < PATIENCE_SECONDS:
        control.checkpoint()
        stamp = stamp_of(path)
        if stamp is None or stamp == seen:
            time.sleep(LOOK_SECONDS)
            continue
        seen = stamp
        try:
            answer(partial(_give_up, path, stamp))
            answered += 1
        except Superseded:
            pass
        changed_at = time.monotonic()
    return answered


def stamp_of(path: Path) -> Stamp | None:
    """Of a file; another where it is replaced, even twice within a tick of the clock. None where there is none."""
    try:
        facts = path.stat()
    except OSError:
        return None
    return facts.st_mtime_ns, facts.st_ino, facts.st_size


def _give_up(path: Path, stamp: Stamp) -> None:
    if stamp_of(path) not in (stamp, None):
        raise Superseded
