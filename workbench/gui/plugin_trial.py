"""`python -m workbench.gui.plugin_trial NAME FILE`: load a plugin's views and write which they are to FILE.

In a process of its own, so that whatever the plugin does, the window goes on (`workbench.plugins.try_out`). Nothing
is shown: Qt draws into memory.
"""

from __future__ import annotations

import faulthandler
import os
import sys
from pathlib import Path


def main(arguments: list[str]) -> int:
    if len(arguments) != 2:
        print("usage: python -m workbench.gui.plugin_trial NAME FILE", file=sys.stderr)
        return 2
    faulthandler.enable(sys.stderr)
    os.environ["QT_QPA_PLATFORM"] = "offscreen"

    from workbench.gui.app import application
    from workbench.gui.plugin_views import load_views
    from workbench.plugins import plugin, save_facts
    from workbench.records.plugins import PluginError

    application()
    asked = plugin(arguments[0])
    try:
        views = load_views(asked, trial=True)
    except PluginError as error:
        print(error, file=sys.stderr)
        return 1
    told = [{"name": name, "title": views[name].title} for name in asked.names("views")]
    save_facts(Path(arguments[1]), asked, {"views": told})
    return 0


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
