"""`workbench doctor`: what this machine can do, and how to mend what it can't.

Each library is asked in a process of its own, so that one that crashes is a finding and not the end.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from platformdirs import user_data_path

MINIMUM_FREE = 5e9  # bytes; a project of 100,000 images with three backbones takes about one
SECONDS = 120

_TORCH = """
import json, torch
facts = {"version": torch.__version__, "cuda_build": torch.version.cuda, "cuda": torch.cuda.is_available()}
if facts["cuda"]:
    facts["name"] = torch.cuda.get_device_name(0)
    facts["memory"] = torch.cuda.mem_get_info(0)
    facts["arch"] = "sm_%d%d" % torch.cuda.get_device_capability(0)
    facts["built_for"] = torch.cuda.get_arch_list()
    (torch.ones(8, 8, device="cuda") @ torch.ones(8, 8, device="cuda")).sum().item()
facts["mps"] = torch.backends.mps.is_available()
print(json.dumps(facts))
"""
_QT = """
import json
from PySide6.QtWidgets import QApplication
app = QApplication([])
from PySide6.QtGui import QFontDatabase
import PySide6
print(json.dumps({"version": PySide6.__version__, "platform": app.platformName(),
                  "fonts": len(QFontDatabase.families())}))
"""
_VISION = """
import json, timm, torchvision, transformers
print(json.dumps({"timm": timm.__version__, "transformers": transformers.__version__,
                  "torchvision": torchvision.__version__}))
"""
_BUNDLED = """
import json
from workbench.engine.backbones.catalogue import catalogue
print(json.dumps({entry.id: entry.available for entry in catalogue() if entry.source not in ("huggingface", "timm")}))
"""


def examine() -> list[dict[str, Any]]:
    """Every check: {name, ok, detail, remedy}; `remedy` is empty where nothing is to be done."""
    return [_python(), _torch(), _gpu(), _vision(), _window(), _bundled(), _disk(), _cores()]


def _check(name: str, ok: bool, detail: str, remedy: str = "") -> dict[str, Any]:
    return {"name": name, "ok": ok, "detail": detail, "remedy": "" if ok else remedy}


def _python() -> dict[str, Any]:
    ok = (3, 11) <= sys.version_info[:2] <= (3, 13)
    return _check(
        "python", ok, platform.python_version(), "Install Python 3.11, 3.12 or 3.13 and run `make run` again."
    )


def _torch() -> dict[str, Any]:
    facts, error = _ask(_TORCH)
    detail = f"torch {facts['version']}, built for CUDA {facts['cuda_build']}" if facts else error
    return _check("torch", bool(facts), detail, "Remove .venv and run `make run`: it installs torch anew.")


def _gpu() -> dict[str, Any]:
    """A graphics card that is there and isn't used is the fault that people notice last."""
    facts, error = _ask(_TORCH)
    card = _nvidia_smi()
    if facts.get("cuda"):
        free, total = facts["memory"]
        detail = f"{facts['name']}, {(total - free) / 2**30:.1f} of {total / 2**30:.1f} GB used"
        built = facts["built_for"]
        ok = facts["arch"] in built or any(name.startswith("compute_") for name in built)
        return _check(
            "gpu", ok, detail, f"This torch has no code for {facts['arch']}: install a newer torch."
        )
    if facts.get("mps"):
        return _check("gpu", True, "Apple GPU (MPS)")
    if card and not facts.get("cuda_build"):
        return _check(
            "gpu",
            False,
            f"{card} is there, but this torch is a CPU build.",
            "pip install --force-reinstall torch",
        )
    if card:
        return _check(
            "gpu", False, f"{card} is there, but torch can't use it. {error}", "Update the NVIDIA driver."
        )
    return _check("gpu", True, "No GPU; work runs on the processor, which is slower.")


def _nvidia_smi() -> str:
    program = shutil.which("nvidia-smi")
    if not program:
        return ""
    try:
        done = subprocess.run(
            [program, "--query-gpu=name", "--format=csv,noheader"], capture_output=True, text=True, timeout=20
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.splitlines()[0].strip() if done.returncode == 0 and done.stdout.strip() else ""


def _vision() -> dict[str, Any]:
    facts, error = _ask(_VISION)
    detail = ", ".join(f"{name} {version}" for name, version in facts.items()) or error
    return _check("vision libraries", bool(facts), detail, "Run `make run`: it installs what is missing.")


def _window() -> dict[str, Any]:
    facts, error = _ask(_QT)
    if not facts:
        remedy = (
            "Run `sh packaging/system_libraries.sh` in the program's folder and then the line that it prints."
        )
        if sys.platform.startswith("linux") and not (
            os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
        ):
            facts, second = _ask(_QT, QT_QPA_PLATFORM="offscreen")
            if facts:
                detail = f"Qt {facts['version']}; no display here, so jobs run without a window"
                return _check("window", True, detail)
            error = second
        return _check("window", False, error, remedy)
    detail = f"Qt {facts['version']} on {facts['platform']}, {facts['fonts']} fonts"
    return _check(
        "window", facts["fonts"] > 0, detail, "Install a font, such as the package fonts-dejavu-core."
    )


def _bundled() -> dict[str, Any]:
    facts, error = _ask(_BUNDLED)
    detail = ", ".join(facts) or error
    absent = [name for name, here in facts.items() if not here]
    return _check(
        "offline backbones",
        bool(facts) and not absent,
        detail,
        f"Not found: {', '.join(absent)}. Run `make run`: it installs what is missing.",
    )


def _disk() -> dict[str, Any]:
    place = user_data_path("ssl-workbench")
    existing = next(folder for folder in (place, *place.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    return _check(
        "disk",
        free > MINIMUM_FREE,
        f"{free / 1e9:.0f} GB free at {existing}",
        f"Free some space at {existing}.",
    )


def _cores() -> dict[str, Any]:
    return _check("processor", True, f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}")


_answers: dict[tuple[str, str], tuple[dict[str, Any], str]] = {}


def _ask(program: str, **environment: str) -> tuple[dict[str, Any], str]:
    """What a short program prints as JSON, or {} and the last line of its complaint."""
    key = (program, json.dumps(environment))
    if key not in _answers:
        _answers[key] = _ask_anew(program, environment)
    return _answers[key]


def _ask_anew(program: str, environment: dict[str, str]) -> tuple[dict[str, Any], str]:
    try:
        done = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            env={**os.environ, "HF_HUB_OFFLINE": "1", **environment},
            cwd=Path(__file__).resolve().parents[1],
        )
    except subprocess.TimeoutExpired:
        return {}, f"no answer in {SECONDS} s"
    lines = done.stdout.strip().splitlines()
    if done.returncode == 0 and lines:
        facts: dict[str, Any] = json.loads(lines[-1])
        return facts, ""
    complaint = done.stderr.strip().splitlines()
    return {}, complaint[-1] if complaint else f"ended with code {done.returncode}"
