"""The `workbench` command: the window by default, a verb for everything that a click can do.

With --json a verb prints one JSON document on stdout and nothing else there; progress goes to stderr.
Exit codes: 0 done, 1 the job failed, 2 the request was wrong. The verbs themselves stand in `verbs/`.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from workbench.headless import JobFailed
from workbench.records.text import printable
from workbench.verbs import (
    adapting,
    comparing,
    data,
    deciding,
    inspecting,
    machine,
    mapping,
    memo,
    models,
    plugins,
    pretraining,
    window,
)
from workbench.verbs.own_flags import set_aside


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line. Returns the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    # Undecodable bytes of a path must not stop the report of it.
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    sys.stderr.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    parser, verbs = _parser()
    if not words or (not words[0].startswith("-") and words[0] not in verbs):
        words = ["open", *words]
    words, own = set_aside(verbs.get(words[0]), words)
    options = parser.parse_args(words)
    options.own_flags = own
    try:
        return int(options.run(options) or 0)
    except JobFailed as error:
        print(f"workbench: {error}", file=sys.stderr)
        return 1
    except ValueError as error:
        print(f"workbench: {printable(str(error))}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the reader has gone; nothing is left to say
        return 0


def _parser() -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    """The parser, and those of its verbs by their names."""
    parser = argparse.ArgumentParser(
        prog="workbench", description="Is a public vision backbone good enough for your images?"
    )
    verbs = parser.add_subparsers(metavar="VERB")
    for group in (
        window,
        data,
        comparing,
        mapping,
        inspecting,
        adapting,
        pretraining,
        deciding,
        memo,
        models,
        plugins,
        machine,
    ):
        group.register(verbs)
    return parser, dict(verbs.choices)
