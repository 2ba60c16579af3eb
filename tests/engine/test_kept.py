"""What is kept of what was made: as much as was allowed, the last wanted longest."""

from __future__ import annotations

from workbench.engine.kept import Kept


def test_what_is_kept_is_bounded() -> None:
    for newest, expected in (
        (False, ["aa", "bb", "cc", "bb", "eeeeee", "eeeeee"]),
        (True, ["aa", "bb", "cc", "bb", "eeeeee"]),
    ):
        made: list[str] = []
        kept: Kept[str] = Kept(5, len, newest=newest)
        for key in ("aa", "bb", "aa", "cc", "aa", "bb", "eeeeee", "eeeeee"):
            assert kept.get(key, lambda key=key, made=made: made.append(key) or key) == key
        assert made == expected and len(kept) == int(newest)
