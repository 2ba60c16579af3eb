"""Processes of the server are as any other; and the command line does the same without it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import warm

ROOT = Path(__file__).resolve().parents[1]
TELLS = """
import os, sys
print(sys.argv[1:], os.getcwd(), os.environ.get("TOLD"), __name__, "timm" in sys.modules)
print(sys.stdin.readline().strip(), file=sys.stderr)
if "die" in sys.argv:
    os.abort()
sys.exit({"text": "a sentence"}.get(sys.argv[1], 3))
"""


@pytest.fixture
def tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "tells.py").write_text(TELLS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOLD", "yes")
    return "tells"


@pytest.mark.parametrize(("word", "code"), [("ü", 3), ("text", 1), ("die", -6)])
def test_a_process_is_as_an_ordinary_one(tells: str, word: str, code: int) -> None:
    own = [sys.executable, "-m", tells, word]
    usual = subprocess.run(own, input="a line\n", capture_output=True, text=True)
    with warm.started(
        tells, word, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as one:
        one.stdin.write("a line\n")
        out, errors = one.communicate(timeout=60)
    assert (one.returncode, usual.returncode) == (code, code)
    assert errors.splitlines() == usual.stderr.splitlines()
    assert out == usual.stdout.replace("False\n", f"{warm.HERE}\n")


def test_one_that_is_killed_says_so(tells: str) -> None:
    with warm.started(tells, "-", stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() and process.poll() is None
        process.kill()
        assert process.wait(30) == process.poll() == -9


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_the_command_line_does_the_same_in_ordinary_processes() -> None:
    files = sorted(str(file) for file in (ROOT / "tests").glob("test_cli*.py"))
    own = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *files]
    done = subprocess.run(own, cwd=ROOT, capture_output=True, text=True, env={**os.environ, warm.COLD: "1"})
    assert done.returncode == 0, done.stdout[-4000:]
