"""The door into the engine: `python -m workbench.worker RUN_FOLDER` runs exactly one job and exits.

Messages leave by a duplicate of stdout that is made before anything else is imported, and fd 1 points
at stderr from then on, so that a library's prints end in the log and never corrupt a message.
Commands come in by stdin; its end means that the parent has died, and the worker follows.

Exit codes: 0 done or stopped, 1 failed (status.json says why), 2 no job could be read.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import TextIO

ORPHAN_GRACE = 3.0  # seconds that a worker without a parent gets to write what it has


def main(arguments: list[str]) -> int:
    out = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    if len(arguments) != 1:
        print("usage: python -m workbench.worker RUN_FOLDER", file=sys.stderr)
        return 2

    faulthandler.enable(sys.stderr)  # where a library crashed, the log says

    # After the pipes are safe: even these imports may print.
    from workbench.engine import plugins
    from workbench.engine.control import Control, StopRequested
    from workbench.engine.registry import job_function
    from workbench.records.messages import Message
    from workbench.records.runs import RunFolder

    run = RunFolder(Path(arguments[0]))
    lock = threading.Lock()

    def send(message: Message) -> None:
        try:
            with lock:
                out.write(message.line())
        except (OSError, ValueError):
            pass  # the parent is gone; the stdin thread sees that too and ends the process

    control = Control(run, send)
    plugins.watch()
    run.beat()
    threading.Thread(target=_beat, args=(run,), daemon=True).start()
    threading.Thread(target=_obey, args=(sys.stdin, control), daemon=True).start()
    try:
        job = run.job()
        prepare_environment(bool(getattr(job, "allow_download", False)))
        control.begin()
        run.add_provenance(_versions())
        result = job_function(job.kind)(job, run, control)
        if plugins.versions():
            run.add_provenance({"plugins": plugins.versions()})
        control.finish("done", result=result)
    except StopRequested:
        plugins.release()
        control.finish("stopped")
        send(Message("state", {"state": "stopped"}))
        return 0
    except Exception as error:
        traceback.print_exc()
        sentence = _sentence(error, plugins.culprit(error))
        plugins.release()
        send(Message("failed", {"error": sentence}))
        with contextlib.suppress(OSError):  # the disk that is full, or gone: the supervisor has heard it
            control.finish("failed", error=sentence)
        return 1
    plugins.release()
    send(Message("done", {"result": result}))
    return 0


def _beat(run: object) -> None:
    from workbench.records.runs import HEARTBEAT_SECONDS, RunFolder

    assert isinstance(run, RunFolder)
    while True:
        try:
            run.beat()
        except OSError as error:
            print(f"heartbeat: {error}", file=sys.stderr)
        time.sleep(HEARTBEAT_SECONDS)


def _obey(stream: TextIO, control: object) -> None:
    from workbench.engine import plugins
    from workbench.engine.control import Control
    from workbench.records.messages import parse_command

    assert isinstance(control, Control)
    for line in stream:
        command = parse_command(line)
        if command is not None:
            control.command(command)
    print("The program that started this worker has ended; stopping.", file=sys.stderr)
    control.command("stop")
    time.sleep(ORPHAN_GRACE)
    plugins.release()
    os._exit(3)


def prepare_environment(allow_download: bool) -> None:
    """What libraries read when they are imported; so it must be set before.

    The worker yields to the window: a lower priority, and threads that sleep while they wait. OpenMP's own way, to
    spin, makes work on a busy processor several times slower.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if hasattr(os, "nice"):
        os.nice(5)
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    os.environ["DO_NOT_TRACK"] = "1"
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    if not allow_download:
        os.environ["HF_HUB_OFFLINE"] = "1"


def _versions() -> dict[str, object]:
    import platform
    from importlib import metadata

    names = ("ssl-workbench", "numpy", "pillow", "torch", "timm", "transformers", "peft", "scikit-learn")
    found = {}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "absent"
    return {"versions": {"python": platform.python_version(), **found}, "platform": platform.platform()}


def _sentence(error: Exception, plugin: str = "") -> str:
    """What the user reads. Our own errors are sentences already; others are named, and so is the `plugin` in whose
    code they came up."""
    from workbench.records import disk_faults

    text = str(error).strip()
    if isinstance(error, ValueError) and text.endswith((".", "?")):
        return text
    if disk_faults.is_full(error):
        return disk_faults.FULL
    if isinstance(error, OSError) and error.errno is not None and not plugin:
        return disk_faults.told(error)
    named = f"{type(error).__name__}: {text or 'no message'}"
    return f"The plugin {plugin} failed. {named}" if plugin else named


if __name__ == "__main__":
    code = main(sys.argv[1:])
    # Daemon threads may sit in a read or in a library's pool; nothing of ours is unwritten.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
