"""The processes that a job starts itself, on this machine, when it is asked for more than one.

They are watched: where one of them dies, the run fails at once and says so, instead of waiting for it. A CPU's
processes see a closed connection by themselves; a GPU's would wait in a kernel for ever.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from workbench.engine.control import Control

CHILD = "WORKBENCH_CHILD"  # set for processes that end when their stdin does
PROGRAM = ("-m", "workbench.engine.pretrain.rank")
PATIENCE_SECONDS = 5.0  # for the others to end after rank 0
GRACE_SECONDS = 30.0  # for rank 0 to end by itself after another has died
_POLL_SECONDS = 0.5
_NAMES = ("WORLD_SIZE", "RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")


class Others:
    """Ranks 1 and up. This process becomes rank 0 while they are there."""

    def __init__(self, processes: int, run: Path, control: Control) -> None:
        self._run, self._control = run, control
        self._over = threading.Event()
        self._lost = ""  # about the first; the rest are then ended by this process
        self.processes: list[subprocess.Popen[bytes]] = []
        if processes == 1:
            return
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        common = {"WORLD_SIZE": str(processes), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        for number in range(1, processes):
            with self._log(number).open("ab") as log:
                self.processes.append(
                    subprocess.Popen(
                        [sys.executable, *PROGRAM, str(run)],
                        stdin=subprocess.PIPE,  # its end tells them that this process is gone
                        stdout=log,
                        stderr=log,
                        env={
                            **os.environ,
                            **common,
                            CHILD: "1",
                            "RANK": str(number),
                            "LOCAL_RANK": str(number),
                        },
                    )
                )
        os.environ |= {**common, "RANK": "0", "LOCAL_RANK": "0"}
        threading.Thread(target=self._watch, daemon=True).start()

    def lost(self, patience: float = 0.0) -> str:
        """A sentence about the first one that ended before its time; "" where none did within `patience` seconds."""
        until = time.monotonic() + patience
        while not self._lost:
            for number, process in enumerate(self.processes, start=1):
                if process.poll() and not self._lost:
                    self._lost = self._told(number, process.returncode)
            if not self.processes or time.monotonic() >= until:
                break
            time.sleep(0.05)
        return self._lost

    def end(self) -> None:
        """Let them end by themselves, for a moment; then end them. This process is alone again."""
        self._over.set()
        for process in self.processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(PATIENCE_SECONDS)
            with contextlib.suppress(OSError):
                if process.stdin is not None:
                    process.stdin.close()
            process.wait()
        if self.processes:
            for name in _NAMES:
                os.environ.pop(name, None)

    def _watch(self) -> None:
        while not self._over.wait(_POLL_SECONDS):
            sentence = self.lost()
            if not sentence:
                continue
            for process in self.processes:
                process.kill()
            if not self._over.wait(GRACE_SECONDS):
                self._control.finish("failed", error=sentence)
                os._exit(1)
            return

    def _log(self, number: int) -> Path:
        return self._run / f"log-{number}.txt"

    def _told(self, number: int, code: int) -> str:
        how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
        lines = self._log(number).read_text("utf-8", "replace").strip().splitlines()
        said = f" Its last words: {lines[-1][:200]!r}." if lines else ""
        return (
            f"Process {number} of {len(self.processes) + 1}, counted from 0, ended {how} before the run did, so the "
            f"run was stopped.{said} {self._log(number).name} in the run folder has more. What the last checkpoint "
            "holds is kept: go on from it, with fewer processes if it happens again."
        )
