"""`python -m workbench.engine.plugin_host NAME`: the process in which a plugin answers, so that its end harms no job.

Asks come in by stdin, a line of JSON each, with their arrays in a file; each is answered by a line on a duplicate of
stdout, and by a file with one array. fd 1 points at stderr before anything of the plugin runs, so what it prints ends
among its last words. Who asks is `engine/apart.py`; when stdin ends, so does this process.

    {"kind": "evaluations", "text": "prototypes:shots=5", "arrays": FILE, "answer": FILE, "seconds": 600}
    {"error": "", "trace": "", "refused": false}
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import sys
import threading
import time
import traceback
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TextIO

import numpy as np

from workbench.engine import plugins
from workbench.plugins import plugin, plugin_home
from workbench.records import plugin_state
from workbench.records.plugins import PluginError
from workbench.records.text import printable
from workbench.worker import prepare_environment

ORPHAN_GRACE = 3.0  # s that a plugin which still computes gets after whoever asked has gone
LONGEST = 2000  # characters of an error's own words


def main(arguments: list[str]) -> int:
    out = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    if len(arguments) != 1:
        print("usage: python -m workbench.engine.plugin_host NAME", file=sys.stderr)
        return 2
    faulthandler.enable(sys.stderr)
    _go_first()
    asks: SimpleQueue[str] = SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin, asks), daemon=True).start()
    prepare_environment(allow_download=False)
    plugins.watch()
    one = plugin(arguments[0])
    try:
        plugins.load(one)
    except PluginError as error:  # counted already
        _say(out, error=str(error), listed=True)
        return 1
    _say(out)
    while line := asks.get():
        ask = json.loads(line)
        seconds = float(ask["seconds"])
        plugin_state.put_mark(plugin_home(), one.name, one.found.stamp, "use", seconds)
        faulthandler.dump_traceback_later(seconds, exit=True, file=2)  # also where it holds the interpreter
        try:
            with np.load(ask["arrays"], allow_pickle=False) as arrays:
                said = _answer(ask["kind"], ask["text"], dict(arrays))
            np.save(Path(ask["answer"]), said, allow_pickle=False)
        except BaseException as error:  # sys.exit and the like too
            traceback.print_exc()
            words, trace = _told(error), traceback.format_exc()
            _say(out, error=words, trace=trace, refused=_refuses(error))
        else:
            _say(out)
        finally:
            faulthandler.cancel_dump_traceback_later()
    plugins.release()
    return 0


def _answer(kind: str, text: str, arrays: dict[str, Any]) -> np.ndarray:
    if kind == "evaluations":
        from workbench.engine.evals.extra import predicted
        from workbench.engine.evals.plugged import Task

        numbers = {name: int(arrays.pop(name)) for name in ("num_classes", "seed")}
        return predicted(text, Task(**arrays, **numbers))
    from workbench.engine.inspect.plugged import looked

    return looked(text, arrays["tokens"], arrays["pictures"])


def _say(
    out: TextIO, *, error: str = "", trace: str = "", refused: bool = False, listed: bool = False
) -> None:
    trace = trace[-plugin_state.LONGEST_TRACEBACK :]
    body = {"error": error, "trace": trace, "refused": refused, "listed": listed}
    with contextlib.suppress(OSError, ValueError):  # whoever asked has gone
        out.write(json.dumps(body) + "\n")
        out.flush()


def _told(error: BaseException) -> str:
    try:
        words = printable(" ".join(str(error)[: 4 * LONGEST].split()))[:LONGEST]
    except Exception:  # of an error whose words raise another
        words = ""
    return words if _refuses(error) and words else f"{type(error).__name__}: {words or 'no message'}"


def _refuses(error: BaseException) -> bool:
    """Whether it says in a sentence that it can't be asked this, which is no fault."""
    try:
        return isinstance(error, ValueError) and str(error).strip().endswith((".", "?"))
    except Exception:
        return False


def _listen(stream: TextIO, asks: SimpleQueue[str]) -> None:
    for line in stream:
        asks.put(line)
    asks.put("")
    time.sleep(ORPHAN_GRACE)
    plugins.release()
    os._exit(3)


def _go_first() -> None:
    """Where the memory ends, Linux ends this process and not the job that asks it."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
