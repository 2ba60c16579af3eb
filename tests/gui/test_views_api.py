"""The interface of views: what is public stands in `api-views.txt`.

After a change on purpose raise `records.plugins.API`, and write the file anew:
`python -m tests.gui.test_views_api > tests/gui/api-views.txt`.
"""

from __future__ import annotations

from pathlib import Path

from tests.api_told import told
from workbench.gui import api

PUBLISHED = Path(__file__).with_name("api-views.txt")
LARGE = (
    "Background",
    "Commands",
    "Session",
    "EmptyState",
    "Page",
    "Card",
)  # names alone; they have tests of their own


def test_what_is_public_is_what_was_published() -> None:
    assert told(api, LARGE) == PUBLISHED.read_text("utf-8")


if __name__ == "__main__":
    print(told(api, LARGE), end="")
