"""A folder of odd files, indexed: each one named with the right reason, none in the way of the others."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.pixels.odd_files import SECRET, odd_files
from workbench.engine.indexing import build_index

NOBODY = 65534


@pytest.mark.parametrize("check", ["pixels", "header"])
def test_what_becomes_of_each(tmp_path: Path, check: str) -> None:
    expected = odd_files(tmp_path)
    began = time.perf_counter()
    index = build_index({"": str(tmp_path)}, check=check)
    assert time.perf_counter() - began < 60, "what blocks or swells takes far longer"
    reasons = {item.path: item.reason for item in index.refused}
    assert not set(reasons) & set(index.paths)
    assert set(reasons) | set(index.paths) == set(expected)
    if check == "header":  # what only shows in the pixels is told when they are read
        only_pixels = ("cut ", "not a number", "complex")
        expected = {name: reason for name, reason in expected.items() if not name.startswith(only_pixels)}
    for name, reason in expected.items():
        assert (reason is None) == (name in index.paths), name
        if reason is not None:
            assert reason in reasons[name] and reasons[name].endswith("."), (name, reasons[name])


def test_the_limit_against_bombs_can_be_changed(tmp_path: Path) -> None:
    odd_files(tmp_path)
    tight, fitting = (
        {item.path: item.reason for item in build_index({"": str(tmp_path)}, max_pixels=limit).refused}
        for limit in (120 * 90 - 1, 120 * 90)
    )
    assert "limit" in tight["whole.jpg"] and "limit" in tight["wide.png"] and "one pixel.png" not in tight
    assert "whole.jpg" not in fitting and "limit" in fitting["wide.png"] and "limit" in fitting["bomb.png"]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")
def test_a_file_that_may_not_be_read_is_listed_by_another_user(tmp_path: Path) -> None:
    """Root reads everything. The other user is given what was imported: it may not be able to read the program."""
    odd_files(tmp_path)
    for folder in (tmp_path, *tmp_path.parents):
        if (folder.stat().st_mode & 0o055) != 0o055:
            folder.chmod(folder.stat().st_mode | 0o055)
    script = """
import json, os, sys
from workbench.engine.indexing import build_index
root = sys.argv[1]
build_index({"": root})  # what is imported late is imported now
os.setgroups([]); os.setgid(int(sys.argv[2])); os.setuid(int(sys.argv[2]))
index = build_index({"": root})
print(json.dumps([[item.path, item.reason] for item in index.refused]))
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path), str(NOBODY)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    reasons = dict(json.loads(done.stdout))
    assert "permission" in reasons[SECRET] or "allowed" in reasons[SECRET]
    ours = {item.path: item.reason for item in build_index({"": str(tmp_path)}).refused}
    assert {name: reason for name, reason in reasons.items() if name != SECRET} == ours
