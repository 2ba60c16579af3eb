"""Many hands for many files: threads for a few, processes for thousands.

Looking at a small file is half Python, which threads do one after the other; from some thousands of files on,
processes are worth the half second in which they start. They die with the process that started them.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from types import TracebackType
from typing import Any, TypeVar

MANY = 4000  # files from which on processes pay
MOST = 32  # processes; a disk feeds no more

Answer = TypeVar("Answer")


class Crew:
    """An executor of `hands` threads or processes. Leaving it drops what is queued and waits for what is in hand."""

    def __init__(self, num_files: int, processes: int | None = None) -> None:
        """`processes`: how many; 0 takes threads, None decides by the number of files."""
        cores = os.cpu_count() or 2
        if processes is None:
            processes = min(cores, MOST) if num_files >= MANY and cores > 1 else 0
        self.hands = processes or cores
        self._executor: Executor
        if processes:
            # "spawn", since a process with threads must not be forked.
            context = multiprocessing.get_context("spawn")
            self._executor = ProcessPoolExecutor(processes, context, initializer=_die_with_the_parent)
        else:
            self._executor = ThreadPoolExecutor(cores)

    def submit(self, work: Callable[..., Answer], *arguments: Any) -> Future[Answer]:
        """Run `work`, a function of a module, with arguments that can be pickled."""
        return self._executor.submit(work, *arguments)

    def __enter__(self) -> Crew:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._executor.shutdown(wait=True, cancel_futures=True)


def _die_with_the_parent() -> None:
    """A killed parent closes nothing: whoever waits for its next task would wait for ever."""
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, name="parent", daemon=True).start()
