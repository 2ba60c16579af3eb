"""`python -m workbench` and the `workbench` command."""

from __future__ import annotations

import sys


def main() -> int:
    from workbench.cli import main as run

    return run()


if __name__ == "__main__":
    sys.exit(main())
