"""The verbs that open the window: `open` and `demo`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from workbench.verbs.common import add_verb


def register(verbs: Any) -> None:
    verb = add_verb(verbs, "open", _open, "Open the window (what happens without a verb).", json_flag=False)
    verb.add_argument("project", nargs="?", help="Project folder.")
    verb = add_verb(
        verbs, "demo", _demo, "Build the sample project and compare backbones on it.", json_flag=False
    )
    verb.add_argument("--headless", action="store_true", help="No window: print the table, leave the files.")
    verb.add_argument("--out", default="build/demo", help="Folder of the sample project and its results.")
    verb.add_argument("--labelled", type=int, default=600, help="Labelled sample images.")
    verb.add_argument("--unlabelled", type=int, default=3000, help="Unlabelled sample images.")


def _open(options: argparse.Namespace) -> int:
    from workbench.gui.app import open_window

    return open_window(Path(options.project) if options.project else None)


def _demo(options: argparse.Namespace) -> int:
    from workbench.gui.demo import has_display, run_demo

    return run_demo(
        Path(options.out),
        headless=options.headless or not has_display(),
        labelled=options.labelled,
        unlabelled=options.unlabelled,
    )
