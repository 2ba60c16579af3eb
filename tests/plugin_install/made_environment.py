"""An environment of a test's own, so that nothing is installed into the one that the tests run in."""

from __future__ import annotations

import json
import os
import site
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Environment:
    """A virtual environment without packages of its own; pip and the program come from this process's."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder, with_pip=False)
        scheme = {"base": str(folder), "platbase": str(folder)}
        self.packages = Path(sysconfig.get_path("purelib", "venv", vars=scheme))
        self.python = Path(sysconfig.get_path("scripts", "venv", vars=scheme)) / Path(sys.executable).name
        there = [str(path) for path in map(Path, site.getsitepackages()) if path.is_dir()]
        (self.packages / "seen.pth").write_text("\n".join(there))

    def workbench(self, *words: str) -> tuple[int, dict]:
        environment = {name: value for name, value in os.environ.items() if name != "WORKBENCH_PLUGINS"}
        environment["PYTHONPATH"] = str(ROOT)
        done = subprocess.run(
            [self.python, "-m", "workbench", "plugins", *words, "--json"],
            capture_output=True,
            text=True,
            timeout=250,
            env=environment,
        )
        return done.returncode, json.loads(done.stdout) if done.stdout else {"stderr": done.stderr}

    def own(self) -> set[str]:
        return {path.name for path in self.packages.iterdir() if path.name != "seen.pth"}
