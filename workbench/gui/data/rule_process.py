"""The process that tries a group rule: paths come in by stdin, their groups go out by stdout, both as JSON.

A pattern that somebody is still typing may take for ever, and Python's `re` neither gives way to other threads nor
can be interrupted. A process can be ended.
"""

from __future__ import annotations

import json
import sys

from workbench.records.layout import Layout


def main() -> None:
    asked = json.load(sys.stdin)
    layout = Layout(group_by=asked["group_by"])
    json.dump([layout.group(path) for path in asked["paths"]], sys.stdout)


if __name__ == "__main__":
    main()
