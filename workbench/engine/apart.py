"""Asking plugins in processes of their own, one for each plugin of a job: none takes the job with it, and none keeps
it waiting. A process is started at the first ask and stays for the next (`engine/plugin_host.py`).
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

import numpy as np

from workbench.engine import plugins
from workbench.plugins import START_SECONDS, Plugin, answer_seconds, load_seconds, plugin_home
from workbench.records import plugin_state
from workbench.records.plugins import PluginError
from workbench.records.text import printable

EVERY = 0.1  # s, between two looks at whether the job is to stop
PATIENCE = 1.0  # s, before a stop or a newer ask ends what is being computed
GRACE = 10.0  # s, after which a process is ended that should have ended itself
LEAVE = 3.0  # s, for a process that isn't needed any more to go by itself
LOUD = 1 << 20  # characters of what a plugin prints that go into the job's log
LARGEST = 1 << 30  # bytes of an answer


class Apart:
    """The plugins that a job asks. Use as a context manager: at its end no process is left.

    Args:
        folder: made and removed again, for what is asked and answered.
        check: called while an answer is waited for; what it raises ends the waiting and the process.
    """

    def __init__(self, folder: Path, check: Callable[[], None] = lambda: None) -> None:
        self.check = check
        self._folder = folder
        self._hosts: dict[str, _Host] = {}
        self._crashed: dict[str, str] = {}
        self._number = 0

    def ask(
        self, by: Plugin, kind: str, text: str, arrays: Mapping[str, np.ndarray], seconds: float
    ) -> np.ndarray:
        """What the plugin answers, an array of which nothing is known but that it holds plain numbers.

        Args:
            kind: "evaluations" or "inspections". text: NAME or NAME:SETTING=VALUE,... of what is asked.
            arrays: of plain numbers, as `plugin_host` hands them on.
            seconds: that the answer may usually take (`workbench.plugins.answer_seconds`).

        Raises:
            PluginError: it may not be loaded, can't be, raises, or its process ends; a sentence. That is listed with
                the plugin; a crash is counted, and ends what this job asks of the plugin until `forgive`.
        """
        if by.name in self._crashed:
            raise PluginError(self._crashed[by.name])
        host = self._hosts.get(by.name)
        try:
            if host is None:
                by.refuse_unusable()
                host = self._hosts[by.name] = _Host(by)
                plugins.note(by)
                host.hear(START_SECONDS + load_seconds(), self.check)
            seconds = answer_seconds(seconds)
            files = self._files()
            with files[0].open("wb") as stream:
                np.savez(stream, **arrays)
            host.say({"kind": kind, "text": text, "arrays": str(files[0]), "answer": str(files[1])}, seconds)
            host.hear(seconds + GRACE, self.check)
            return _read(files[1], by)
        except _Crash as crash:
            self._drop(by.name)
            self._crashed[by.name] = str(crash)
            raise PluginError(str(crash)) from None
        except PluginError:
            raise
        except BaseException:  # the job is to stop, or something else is asked
            self._drop(by.name)
            raise

    def forgive(self) -> None:
        """Ask again what crashed, unless it has been switched off meanwhile."""
        self._crashed.clear()

    def close(self) -> None:
        for name in list(self._hosts):
            self._hosts.pop(name).leave()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _drop(self, name: str) -> None:
        host = self._hosts.pop(name, None)
        if host is not None:
            host.end()

    def _files(self) -> tuple[Path, Path]:
        """For what is asked and what is answered. The last ones are gone, so that no answer is taken for another."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        self._number += 1
        return self._folder / f"ask-{self._number}.npz", self._folder / f"answer-{self._number}.npy"


class _Crash(Exception):
    """The process has ended; the message is a sentence."""


class _Host:
    """One process, and what it says."""

    def __init__(self, by: Plugin) -> None:
        self._by = by
        self._killed = False
        self._said: deque[str] = deque(maxlen=plugin_state.LONGEST_TRACEBACK // 100)
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "workbench.engine.plugin_host", by.name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            start_new_session=sys.platform != "win32",  # what it starts itself is ended with it
        )
        assert self._process.stdout is not None and self._process.stderr is not None
        threading.Thread(target=self._listen, args=(self._process.stdout,), daemon=True).start()
        self._words = threading.Thread(target=self._keep, args=(self._process.stderr,), daemon=True)
        self._words.start()

    def say(self, ask: dict[str, Any], seconds: float) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError, ValueError):  # it has ended: `hear` finds out
            self._process.stdin.write(json.dumps({**ask, "seconds": seconds}) + "\n")
            self._process.stdin.flush()

    def hear(self, seconds: float, check: Callable[[], None]) -> None:
        """Wait for the end of what was said last. Raises PluginError where it failed, and _Crash."""
        began = time.monotonic()
        line = None
        while line is None:
            try:
                line = self._lines.get(timeout=EVERY)
            except queue.Empty:
                waited = time.monotonic() - began
                if waited > PATIENCE:
                    check()
                if waited > seconds:
                    self._kill()
                    line = ""
        try:
            told = json.loads(line)
            error, trace = str(told["error"]), str(told["trace"])
        except (ValueError, KeyError, TypeError):
            raise _Crash(self._blamed()) from None
        if not error:
            return
        if told.get("listed"):
            raise _Crash(error)
        if told.get("refused"):
            raise PluginError(error)
        name = self._by.name
        sentence = f"The plugin {name} failed: {error}{'' if error.endswith('.') else '.'}"
        plugin_state.raised(plugin_home(), name, self._by.found.stamp, sentence, trace)
        raise PluginError(sentence)

    def leave(self) -> None:
        """It is not needed any more, and has done nothing wrong."""
        with contextlib.suppress(OSError, ValueError):
            assert self._process.stdin is not None
            self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(LEAVE)
        self.end()

    def end(self) -> None:
        """Whatever it does. Nothing is counted."""
        self._kill()
        plugin_state.remove_marks(plugin_home(), self._process.pid)
        with contextlib.suppress(OSError, ValueError):
            assert self._process.stdin is not None
            self._process.stdin.close()

    def _blamed(self) -> str:
        """Count the end of the process against the plugin. Returns a sentence."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(LEAVE)
        self._kill()  # one that has closed its line, or speaks in tongues
        code = self._process.poll() or 0
        how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
        if self._killed:
            how = "only when it was made to"
        elif code == -9:
            how += ", as a system does whose memory is full"
        self._words.join(1.0)
        said = "".join(self._said)
        sentence = plugin_state.blame(plugin_home(), self._process.pid, how, said)
        return sentence or f"The process of the plugin {self._by.name} ended {how}."

    def _kill(self) -> None:
        """The process, where it lives, and whatever it has started."""
        self._killed = self._killed or self._process.poll() is None
        with contextlib.suppress(OSError):
            if sys.platform != "win32":
                os.killpg(self._process.pid, signal.SIGKILL)
            elif self._killed:
                self._process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(LEAVE)

    def _listen(self, stream: TextIO) -> None:
        with contextlib.suppress(OSError, ValueError), stream:
            for line in stream:
                self._lines.put(line)
        self._lines.put("")

    def _keep(self, stream: TextIO) -> None:
        """The last words are kept, the first ones go into the job's log, and what is too much is let go."""
        passed = 0
        with contextlib.suppress(OSError, ValueError), stream:
            while words := stream.readline(400):
                self._said.append(words)
                if passed < LOUD:
                    passed += len(words)
                    print(words, end="", file=sys.stderr)


def _read(path: Path, by: Plugin) -> np.ndarray:
    """Raises PluginError for what is no array, or more than anybody asked for."""
    try:
        if path.stat().st_size > LARGEST:
            raise PluginError(f"The answer of the plugin {by.name} is larger than {LARGEST >> 30} GB.")
        made: np.ndarray = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError, MemoryError) as error:
        if isinstance(error, PluginError):
            raise
        why = printable(str(error))
        raise PluginError(f"The answer of the plugin {by.name} can't be read: {why}.") from None
    return made
