"""Processes that need not import the large libraries anew: torch, timm, transformers and scikit-learn.

Importing them takes a worker five to nine seconds, and makes up most of what a test of the command line costs. So one
server a test process imports them once and forks (`warm_server.py`). What it forks are processes as any other: own
number, pipes, environment and folder, to be killed like any; and the workers that a command started so starts come
from there too. The program's own modules are imported anew in each. Where there is no fork to rely on, as on Windows
and macOS, these are ordinary Pythons.

Not for tests of what an import does. What huggingface_hub reads when it is imported counts where HF_ENDPOINT is set.
`test_supervisor.py` and `test_layers.py` have ordinary workers, and so has `test_warm.py` for the whole command line.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self, TextIO

from workbench import plugin_checks, plugins, supervisor
from workbench.engine import apart

SERVER = "WORKBENCH_TEST_WARM"
COLD = "WORKBENCH_TEST_COLD"  # set: ordinary Pythons here too
STARTERS: tuple[Any, ...] = (supervisor, plugins, plugin_checks, apart)  # modules that start processes
HERE = sys.platform == "linux" and not os.environ.get(COLD)


@functools.cache
def _server() -> str:
    """The name of this process's server, which is started now and ends with the process."""
    name = f"workbench-test-{os.getpid()}"  # of a socket that needs no file
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.warm_server", name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).resolve().parents[1],
        env={**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"},
    )
    assert process.stdin is not None and process.stdout is not None
    atexit.register(process.stdin.close)
    assert process.stdout.readline() == b"ready\n"
    return name


class WarmProcess:
    """A `subprocess.Popen` of `python -m MODULE WORDS...`, as far as tests and the supervisor use one; text only."""

    def __init__(
        self,
        module: str,
        words: Sequence[str],
        *,
        stdin: int | None = None,
        stdout: int | None = None,
        stderr: int | TextIO | None = None,
        env: dict[str, str] | None = None,
        start_new_session: bool = False,
        server: str = "",
    ) -> None:
        server = server or _server()
        self.returncode: int | None = None
        self._ended = threading.Event()
        theirs: list[int] = []
        self.stdin = self._piped(stdin, 0, theirs)
        self.stdout = self._piped(stdout, 1, theirs)
        self.stderr = self._piped(stderr, 2, theirs)
        asked = {
            "module": module,
            "words": list(words),
            "folder": str(Path.cwd()),
            "environment": {**(dict(os.environ) if env is None else env), SERVER: server},
            "session": start_new_session,
        }
        self._connection = socket.socket(socket.AF_UNIX)
        self._connection.connect(f"\0{server}")
        socket.send_fds(self._connection, [json.dumps(asked).encode()], theirs)
        for file in theirs:
            os.close(file)
        self._told = self._connection.makefile("r")
        self.pid = int(self._told.readline())
        threading.Thread(target=self._hear, daemon=True).start()

    def _piped(self, wish: int | TextIO | None, own: int, theirs: list[int]) -> TextIO | None:
        """Our end, where a pipe is wished; the other end is added to `theirs`."""
        if wish == subprocess.PIPE:
            read, write = os.pipe()
            theirs.append(read if own == 0 else write)
            return os.fdopen(
                write if own == 0 else read, "w" if own == 0 else "r", encoding="utf-8", errors="replace"
            )
        if wish == subprocess.DEVNULL:
            theirs.append(os.open(os.devnull, os.O_RDWR))
        else:
            theirs.append(os.dup(own if wish is None else wish if isinstance(wish, int) else wish.fileno()))
        return None

    def _hear(self) -> None:
        told = self._told.readline()
        self.returncode = int(told) if told else -9
        self._told.close()
        self._connection.close()
        self._ended.set()

    def poll(self) -> int | None:
        return self.returncode if self._ended.is_set() else None

    def wait(self, timeout: float | None = None) -> int:
        if not self._ended.wait(timeout):
            raise subprocess.TimeoutExpired("a warm process", timeout or 0)
        assert self.returncode is not None
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """What it prints, once it has ended; ends it where that takes longer than `timeout` seconds."""
        texts = ["", ""]

        def read(number: int, stream: TextIO) -> None:
            texts[number] = stream.read()
            stream.close()

        streams = [(number, one) for number, one in enumerate((self.stdout, self.stderr)) if one is not None]
        readers = [threading.Thread(target=read, args=each, daemon=True) for each in streams]
        for reader in readers:
            reader.start()
        if self.stdin is not None:
            self.stdin.close()
        try:
            self.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        for reader in readers:
            reader.join()
        return texts[0], texts[1]

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for stream in (self.stdin, self.stdout, self.stderr):
            if stream is not None:
                stream.close()
        self.wait()


def started(module: str, *words: str, **how: Any) -> Any:
    """A process that runs `python -m MODULE WORDS...`, with the pipes of `subprocess.Popen`, as text."""
    if HERE:
        return WarmProcess(module, words, **how)
    return subprocess.Popen([sys.executable, "-m", module, *words], text=True, **how)


def run(
    module: str, *words: str, timeout: float = 240, **environment: str
) -> subprocess.CompletedProcess[str]:
    """`subprocess.run` of `python -m MODULE WORDS...`, with what it prints; `environment` is added to this one's."""
    with Path(os.devnull).open() as nothing:
        process = started(
            module,
            *words,
            stdin=nothing.fileno(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **environment},
        )
    out, errors = process.communicate(timeout=timeout)
    return subprocess.CompletedProcess([module, *words], process.returncode, out, errors)


class Starter:
    """`subprocess`, as the program uses it, with processes of a server: this process's own unless one is named."""

    PIPE, DEVNULL, TimeoutExpired = subprocess.PIPE, subprocess.DEVNULL, subprocess.TimeoutExpired

    def __init__(self, server: str = "") -> None:
        self._server = server

    def Popen(self, command: list[str], **how: Any) -> Any:
        python, flag, module, *words = command
        assert (python, flag) == (sys.executable, "-m")
        if module.startswith("workbench.gui."):  # the window never has torch
            return subprocess.Popen(command, **how)
        for name in ("text", "encoding", "errors"):  # they are text in any case
            how.pop(name, None)
        return WarmProcess(module, words, server=self._server, **how)


def supervise(server: str = "") -> None:
    """Let this process take its workers, its trials and checks of plugins and the processes that plugins answer in
    from a server."""
    if HERE:
        for module in STARTERS:
            module.subprocess = Starter(server)
