"""The examples are tested from their sources, without installing them."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.conftest import own_user_folders

__all__ = ["own_user_folders"]

for project in sorted(Path(__file__).parent.glob("*/pyproject.toml")):
    sys.path.insert(0, str(project.parent))
