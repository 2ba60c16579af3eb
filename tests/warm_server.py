"""Forks Pythons that have the large libraries imported already: `python -m tests.warm_server NAME`, see `warm.py`.

The server has no thread and has only imported, so that forking it is sound. It ends when its stdin does. A keeper,
forked for each request, forks the process itself, says its number, waits for its end and says its exit code.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
import traceback
from typing import Any

LIBRARIES = (
    "numpy",
    "torch",
    "torch._dynamo",
    "torch.distributed",
    "torch.utils.checkpoint",
    "timm",
    "h5py",
    "pyarrow.parquet",
    "scipy.stats",
    "scipy.sparse",
    "scipy.spatial",
    "scipy.optimize",
    "sklearn.linear_model",
    "transformers.models.auto.modeling_auto",
    "transformers.models.auto.image_processing_auto",
    "transformers.models.vit.modeling_vit",
    "transformers.models.vit_mae.modeling_vit_mae",
)


def main(name: str) -> None:
    for library in LIBRARIES:
        importlib.import_module(library)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # keepers are nobody's to wait for
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"\0{name}")
        listener.listen(64)
        print("ready", flush=True)
        while True:
            ready, _, _ = select.select([listener, 0], [], [])
            if 0 in ready:
                os._exit(0)
            connection, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                _keep(connection)
            connection.close()


def _keep(connection: socket.socket) -> None:
    """In the keeper: fork the process that is asked for, and say how it ends."""
    try:
        body, files, _, _ = socket.recv_fds(connection, 1 << 20, 3)
        asked = json.loads(body)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        child = os.fork()
        if child == 0:
            connection.close()
            _become(asked, files)
        for file in files:
            os.close(file)
        connection.sendall(f"{child}\n".encode())
        status = os.waitpid(child, 0)[1]
        with contextlib.suppress(OSError):  # who asked may have ended
            connection.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
    finally:
        os._exit(0)


def _become(asked: dict[str, Any], files: list[int]) -> None:
    """In the process itself: what a new one would find, then the module."""
    code = 1
    try:
        if asked["session"]:
            os.setsid()
        for target, file in enumerate(files):
            os.dup2(file, target)
            if file > 2:
                os.close(file)
        os.chdir(asked["folder"])
        os.environ.clear()
        os.environ.update(asked["environment"])
        sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)  # the old ones know what the server's were
        sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False, buffering=1)
        sys.stderr = os.fdopen(
            2, "w", encoding="utf-8", closefd=False, buffering=1, errors="backslashreplace"
        )
        if (
            "HF_ENDPOINT" in os.environ
        ):  # a hub of a test's own, of which the library hears when it is imported
            for name in [name for name in sys.modules if name.partition(".")[0] == "huggingface_hub"]:
                del sys.modules[name]
        sys.path[0] = asked["folder"]
        added = os.environ.get("PYTHONPATH", "").split(os.pathsep)
        sys.path[1:1] = [path for path in added if path and path not in sys.path]
        module, sys.argv = asked["module"], [asked["module"], *asked["words"]]
        os.fsync = os.fstat  # as in the tests' own process, see conftest.py
        from tests import warm

        warm.supervise(os.environ[warm.SERVER])
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else 0 if left.code is None else 1
        if isinstance(left.code, str):
            print(left.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main(sys.argv[1])
