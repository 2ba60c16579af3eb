"""The files that the program brings along."""

from __future__ import annotations

import pytest

from workbench.records.resources import resource


def test_a_missing_resource_is_told() -> None:
    assert resource("icons/data.svg").is_file()
    with pytest.raises(FileNotFoundError, match="installation is incomplete"):
        resource("icons/no-such-thing.svg")
