"""`python -m workbench.gui.checks.plugin NAME FILE`: build every view of a plugin, without a screen.

Each step is written to FILE (`records/plugin_checks.py`).
"""

from __future__ import annotations

import faulthandler
import os
import sys
from pathlib import Path


def main(arguments: list[str]) -> int:
    if len(arguments) != 2:
        print("usage: python -m workbench.gui.checks.plugin NAME FILE", file=sys.stderr)
        return 2
    faulthandler.enable(sys.stderr)
    os.environ["QT_QPA_PLATFORM"] = "offscreen"

    from PySide6.QtWidgets import QWidget

    from workbench.gui.app import application
    from workbench.gui.commands import Commands
    from workbench.gui.plugin_views import PluginView, load_views
    from workbench.gui.session import Session
    from workbench.plugins import plugin
    from workbench.records.plugin_checks import Steps

    app = application()
    steps = Steps(Path(arguments[1]))
    asked = plugin(arguments[0])
    views: dict[str, PluginView] = {}
    with steps.step("is imported and registers the views that its manifest promises"):
        views = load_views(asked, trial=True)
    session = Session()
    for name, view in views.items():
        with steps.step(f"{name}: is built and drawn without a project"):
            widget = view.build(session, Commands())
            if not isinstance(widget, QWidget):
                raise TypeError(f"build must give a widget, not {type(widget).__name__}.")
            widget.resize(960, 600)
            widget.show()
            app.processEvents()
            widget.grab()
            widget.close()
    session.close()
    return 0


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
