"""pip, in a process of its own: no terminal, no questions, and where nothing else is asked for no network."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
import subprocess
import sys
import sysconfig
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from workbench.records.plugins import PluginError
from workbench.records.text import printable

# Settings of the user that would put packages elsewhere, or nowhere.
_ELSEWHERE = ("TARGET", "PREFIX", "ROOT", "USER", "DRY_RUN", "REPORT", "NO_DEPS", "EDITABLE", "REQUIREMENT")
_OLDEST = (22, 3)  # the first pip that tells a dry run as data
_LONGEST = 60_000  # characters of what pip said that are kept
_UNREACHABLE = ("NewConnectionError", "ConnectTimeoutError", "name resolution", "ProxyError", "Retry(total=")


class Stopped(PluginError):
    """The user asked to stop."""


class PipError(PluginError):
    """pip could not do it; `log` is what it said."""

    def __init__(self, sentence: str, log: str) -> None:
        super().__init__(sentence)
        self.log = log


class Stop:
    """Asked by the window's thread, obeyed by the one that waits for pip."""

    def __init__(self) -> None:
        self._asked = threading.Event()

    def ask(self) -> None:
        self._asked.set()

    def obey(self) -> None:
        """Raises Stopped where it was asked."""
        if self._asked.is_set():
            raise Stopped("Stopped. Nothing was changed.")

    def wait(self, seconds: float) -> None:
        self._asked.wait(seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """`log`: what pip said beside its answer, as it came: it is not fit to be shown unescaped."""

    code: int
    out: str
    log: str


def why_not() -> str:
    """A sentence where pip can't change this environment; else ""."""
    here = printable(sys.prefix)
    if importlib.util.find_spec("pip") is None:
        return (
            f"{here} has no pip, so nothing can be installed. Run: {printable(sys.executable)} -m ensurepip"
        )
    version = metadata.version("pip")
    if tuple(int(part) for part in version.split(".")[:2] if part.isdigit()) < _OLDEST:
        oldest = ".".join(map(str, _OLDEST))
        return (
            f"pip {version} in {here} is too old: {oldest} or newer is needed. Run: "
            f"{printable(sys.executable)} -m pip install -U pip"
        )
    folder = Path(sysconfig.get_path("purelib"))
    if not os.access(folder, os.W_OK):
        return (
            f"{printable(str(folder))} can't be written to, so nothing can be installed. Ask whoever set the program "
            "up, or put plugins of one file into the plugin folder."
        )
    return ""


def run_pip(arguments: Sequence[str], folder: Path, *, network: bool, stop: Stop | None = None) -> Ran:
    """Run pip with `folder` as its working folder. With `stop` it is ended when that is asked.

    Raises:
        Stopped: it was; pip and what it had started have ended.
    """
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "--no-color"]
    if not network:
        command.append("--isolated")  # a user's settings may name an index
    environment = {
        name: value
        for name, value in os.environ.items()
        if name.upper() not in {f"PIP_{word}" for word in _ELSEWHERE}
    }
    environment["PYTHONIOENCODING"] = "utf-8"
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [*command, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=log,
            cwd=folder,
            env=environment,
            start_new_session=True,
        )
        while process.poll() is None:
            if stop is None:
                process.wait()
                break
            try:
                stop.wait(0.05)
                stop.obey()
            except BaseException:  # Ctrl+C too: what only looks may end at any time
                _end(process)
                raise
        return Ran(code=process.returncode, out=_text(out, 0), log=_text(log, _LONGEST))


def complaint(ran: Ran) -> str:
    """What went wrong in a run, in a sentence."""
    if any(word in ran.log for word in _UNREACHABLE):
        return (
            "The package index can't be reached. Look whether this machine is on the network; where it never is, "
            "take a wheel and put the wheels that it needs beside it."
        )
    errors = [
        line.strip()[len("ERROR:") :].strip()
        for line in ran.log.splitlines()
        if line.strip().startswith("ERROR:")
    ]
    last = printable(errors[-1])[:300] if errors else f"it ended with exit code {ran.code}"
    return f"pip can't do it: {last.rstrip('.')}."


def _end(process: subprocess.Popen[bytes]) -> None:
    """With everything that it has started."""
    if sys.platform == "win32":
        process.kill()
    else:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _text(stream: object, longest: int) -> str:
    assert hasattr(stream, "seek") and hasattr(stream, "read")
    stream.seek(0)
    text = stream.read().decode("utf-8", "replace")
    return str(text[-longest:] if longest else text)
