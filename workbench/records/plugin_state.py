"""What became of plugins: which are switched off, what went wrong, and how often. Kept in a folder of the user's.

    NAME.json           off, crashes, error, traceback; of which stamp of the plugin's files
    NAME.PID.mark       a process that loads the plugin, or that works with it; removed when that went well
    NAME.PART.facts.json  what the plugin brings to the engine or to the window, as a trial found it

A mark is written before a plugin is imported, so that one that takes its process with it, or never comes back, is
found by whoever looks next. A crash is an import or a registration that fails, or the death of a process that used
the plugin, also of one that had to be ended because it gave no answer; after the second the plugin is switched off
until somebody asks for it. An error that it raises while it answers is kept and shown, and is no crash.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from workbench.records.files import DocumentError, known_fields, read_document, write_document, write_text
from workbench.records.plugins import Found, State
from workbench.records.text import count, printable

VERSION = 1
MOST_CRASHES = 2
LONGEST_TRACEBACK = 20_000  # characters

Stage = Literal["load", "use", "show"]  # imported; used by a worker; shown by the window


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """`off`: "" for on, "asked" by the user, "crashes" by itself. `error` and `crashes` are of the plugin's files as
    `stamp` names them. `raised`: whether the error is one that it raised while it answered, which breaks nothing."""

    off: str = ""
    crashes: int = 0
    error: str = ""
    traceback: str = ""
    stamp: str = ""
    raised: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """That a process works with a plugin. `limit`: s, that it may take from `started` on; 0 for any time."""

    plugin: str
    stamp: str
    stage: Stage
    pid: int
    node: str
    started: float  # Unix time
    limit: float


def kept(home: Path, found: Found) -> Kept:
    """What is known of a plugin as it is now; of other files of it only that it was switched off."""
    try:
        body = read_document(_file(home, found.name), "plugin-state", VERSION)
        known = Kept(**known_fields(Kept, body))
    except (DocumentError, TypeError):
        return Kept()
    if not isinstance(known.off, str) or not isinstance(known.crashes, int):
        return Kept()
    if known.stamp == found.stamp:
        return known
    return Kept(off=known.off, error=str(known.error) if known.off else "", stamp=found.stamp)


def standing(home: Path, found: Found) -> tuple[State, str, str]:
    """State, error and traceback of a plugin."""
    if found.error:
        return ("incompatible" if found.incompatible else "broken"), found.error, ""
    known = kept(home, found)
    error, traceback = printable(str(known.error)), str(known.traceback)
    if known.off:
        return "off", error if known.off == "crashes" else "", traceback
    return ("broken" if error and not known.raised else "enabled"), error, traceback


def crashed(home: Path, name: str, stamp: str, error: str, traceback: str = "") -> None:
    """Count a crash. `error` is a sentence."""
    before = kept(home, Found(name=name, origin="file", place=Path(), stamp=stamp))
    crashes = before.crashes + 1
    off = before.off
    if crashes >= MOST_CRASHES and not off:
        off = "crashes"
        error = (
            f"{error} It was switched off after {count(crashes, 'crash', 'crashes')}: "
            f"`workbench plugins enable {name}` switches it on again."
        )
    made = Kept(off=off, crashes=crashes, error=error, traceback=traceback[-LONGEST_TRACEBACK:], stamp=stamp)
    _write(home, name, made)


def raised(home: Path, name: str, stamp: str, error: str, traceback: str) -> None:
    """Keep an error that it raised while it answered. `error` is a sentence."""
    known = kept(home, Found(name=name, origin="file", place=Path(), stamp=stamp))
    if not known.off:
        told = traceback[-LONGEST_TRACEBACK:]
        _write(home, name, replace(known, error=error, traceback=told, stamp=stamp, raised=True))


def went_well(home: Path, name: str, stamp: str) -> None:
    """It was loaded, or used to the end. Earlier crashes still count: one that fails now and then is not sound."""
    known = kept(home, Found(name=name, origin="file", place=Path(), stamp=stamp))
    if known.error and not known.off:
        _write(home, name, replace(known, error="", traceback="", raised=False))


def switch(home: Path, found: Found, on: bool) -> None:
    """As the user asks. Switched on, everything that went wrong before is forgotten."""
    _write(home, found.name, Kept(off="" if on else "asked", stamp=found.stamp))


def put_mark(home: Path, name: str, stamp: str, stage: Stage, limit: float = 0.0) -> None:
    """Of this process. Loading and using have one mark, which says the last of the two. `limit`: see `Mark`."""
    made = Mark(
        plugin=name,
        stamp=stamp,
        stage=stage,
        pid=os.getpid(),
        node=platform.node(),
        started=time.time(),
        limit=limit,
    )
    with contextlib.suppress(
        OSError
    ):  # where nothing can be written, nothing is remembered, and plugins work
        write_text(home / f"{name}.{made.pid}.mark", json.dumps(asdict(made)))


def remove_mark(home: Path, name: str, pid: int) -> None:
    with contextlib.suppress(OSError):
        (home / f"{name}.{pid}.mark").unlink(missing_ok=True)


def remove_marks(home: Path, pid: int) -> tuple[Mark, ...]:
    """Of one process of this machine. Returns what they said."""
    found = []
    for path in _mark_paths(home):
        mark = _read_mark(path)
        if mark is not None and mark.pid == pid and mark.node == platform.node():
            found.append(mark)
            path.unlink(missing_ok=True)
    return tuple(found)


def blame(home: Path, pid: int, how: str, log: str = "", *, used: bool = True) -> str:
    """After the death of a process of this machine: count it against the plugins that it was working with.

    Args:
        how: how it died, such as "by signal 11".
        log: its last words.
        used: whether one that had been loaded is blamed too, and not only one that was being loaded.

    Returns:
        A sentence about it, or "" where no plugin is to blame.
    """
    marks = remove_marks(home, pid)
    guilty = [mark for mark in marks if mark.stage == "load"] or [
        mark for mark in marks if used or mark.stage == "show"
    ]
    sentences = []
    for mark in guilty:
        sentence = _why(mark, how)
        crashed(home, mark.plugin, mark.stamp, sentence, log)
        sentences.append(sentence)
    return " ".join(sentences)


def sweep(home: Path) -> None:
    """Find marks of processes that are no more and that nobody watched. A worker that only used a plugin is not held
    against it then: it may have ended with the machine, and while the machine runs a supervisor sees to it."""
    for path in _mark_paths(home):
        mark = _read_mark(path)
        if mark is None:
            path.unlink(missing_ok=True)
        elif mark.node == platform.node() and not _lives(mark.pid):
            blame(home, mark.pid, "without a word", used=False)


def _why(mark: Mark, how: str) -> str:
    late = bool(mark.limit) and time.time() - mark.started >= mark.limit
    if mark.stage == "use" and late:
        return f"The plugin {mark.plugin} gave no answer within {mark.limit:g} s, and its process was ended."
    if mark.stage == "use":
        return f"A worker that used the plugin {mark.plugin} ended {how}."
    if mark.stage == "show":
        return f"The window ended {how} while it showed the plugin {mark.plugin}."
    if late:
        return f"The plugin {mark.plugin} was not loaded within {mark.limit:g} s, and its process was ended."
    return f"The plugin {mark.plugin} ended its process {how} while it was being loaded."


def _lives(pid: int) -> bool:
    if sys.platform == "win32":
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _mark_paths(home: Path) -> list[Path]:
    try:
        return sorted(path for path in home.iterdir() if path.suffix == ".mark")
    except OSError:
        return []


def _read_mark(path: Path) -> Mark | None:
    try:
        body: Any = json.loads(path.read_text("utf-8"))
        mark = Mark(**known_fields(Mark, body))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError):
        return None
    return mark if isinstance(mark.pid, int) and path.name == f"{mark.plugin}.{mark.pid}.mark" else None


def _write(home: Path, name: str, made: Kept) -> None:
    with contextlib.suppress(OSError):  # a full disk must not stop a job that works
        write_document(_file(home, name), "plugin-state", VERSION, asdict(made))


def _file(home: Path, name: str) -> Path:
    return home / f"{name}.json"
