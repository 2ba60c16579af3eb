"""The `workbench` command: the window by default, a verb for everything that a click can do.

With --json a verb prints one JSON document on stdout and nothing else there; progress goes to stderr. Where it
fails, the document is {"error": SENTENCE, "exit_code": CODE}.
Exit codes: 0 done, 1 the job failed, 2 the request was wrong. The verbs themselves stand in `verbs/`.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from workbench.headless import JobFailed
from workbench.records import disk_faults
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
from workbench.verbs.common import print_json
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
    as_json = "--json" in words
    try:
        options = parser.parse_args(words)
        options.own_flags = own
        return int(options.run(options) or 0)
    except JobFailed as error:
        return _failed(str(error), 1, as_json)
    except _NoSuchWords as error:
        print(error.usage, end="", file=sys.stderr)
        return _failed(printable(str(error)), 2, as_json, error.prog)
    except ValueError as error:
        return _failed(printable(str(error)), 2, as_json)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the reader has gone; nothing is left to say
        return 0
    except OSError as error:  # the disk is full, a file is gone or may not be written to
        return _failed(disk_faults.told(error), 1, as_json)
    except KeyboardInterrupt:  # between two jobs: a job itself stops in order
        return _failed("Stopped. What was finished is kept.", 1, as_json)


def _failed(sentence: str, code: int, as_json: bool, prog: str = "workbench") -> int:
    """Say why, on stderr; and as the one document of --json, so that a program that reads it need not guess."""
    print(f"{prog}: {sentence}", file=sys.stderr)
    if as_json:
        print_json({"error": sentence, "exit_code": code})
    return code


class _NoSuchWords(ValueError):
    """A command line that its parser refuses."""

    def __init__(self, message: str, usage: str, prog: str) -> None:
        super().__init__(f"error: {message}")
        self.usage, self.prog = usage, prog


class _Parser(argparse.ArgumentParser):
    """One that leaves it to `main` how a refusal is told. Verbs' parsers are of its kind too."""

    def error(self, message: str) -> NoReturn:
        raise _NoSuchWords(message, self.format_usage(), self.prog)


def _parser() -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    """The parser, and those of its verbs by their names."""
    parser = _Parser(prog="workbench", description="Is a public vision backbone good enough for your images?")
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
