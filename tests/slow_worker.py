"""A Python that runs the real worker with a slow `describe` job: what the supervisor's tests start.

usage (as the supervisor calls it): slow_worker.py -m workbench.worker RUN_FOLDER
"""

from __future__ import annotations

import errno
import os
import signal
import sys
import time
import types
from typing import Any

from workbench.plugins import plugin_home
from workbench.records import plugin_state, runs


def no_room(*_: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def slow(job: Any, run: Any, control: Any) -> dict[str, Any]:
    """60 steps of 50 ms. A file `fault` beside the run says how to misbehave at step 5."""
    fault = run.path.parent / "fault"
    print("a library prints to stdout")
    os.write(1, b'{"kind": "done", "result": "forged by a C library"}\n')
    kept = run.path / "kept"
    start = len(kept.read_text()) if kept.exists() else 0
    for step in range(start, 60):
        control.progress(step, 60, unit="steps")
        with kept.open("a") as stream:
            stream.write("x")
        if step == 5 and fault.exists():
            what = fault.read_text()
            fault.unlink()
            if what != "bus":
                plugin_state.put_mark(plugin_home(), "mine", "stamp", "use")
            if what == "raise":
                raise ValueError("The moon is in the wrong house. Wait a night.")
            if what == "abort":
                os.abort()
            if what == "bus":
                os.kill(os.getpid(), signal.SIGBUS)
            if what == "full":
                runs.write_document = no_room
                no_room()
        time.sleep(0.05)
    return {"steps": 60, "resumed_at": start}


if __name__ == "__main__":
    module = types.ModuleType("slow_job")
    module.run = slow  # type: ignore[attr-defined]
    sys.modules["slow_job"] = module
    from workbench import worker
    from workbench.engine import registry

    registry._MODULES["describe"] = "slow_job"
    code = worker.main([sys.argv[3]])
    sys.stderr.flush()
    os._exit(code)
