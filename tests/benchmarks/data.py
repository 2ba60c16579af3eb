"""What several benchmarks share: images to read, features to search, and figures out of a fresh process."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

SURFACES = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "neu_surface_defects"
PHOTOGRAPH = (4000, 3000)  # 12 megapixels
QUALITY = 90
_VARIANTS = (
    None,
    Image.Transpose.FLIP_LEFT_RIGHT,
    Image.Transpose.FLIP_TOP_BOTTOM,
    Image.Transpose.ROTATE_180,
)


def photographs(folder: Path, number: int, size: tuple[int, int] = PHOTOGRAPH, seed: int = 0) -> None:
    """`number` JPEGs with a photograph's spectrum: structure at every scale, amplitude falling with frequency,
    and a sensor's noise. Every fourth is drawn anew, the others are mirror images of it."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    for place in range(number):
        variant = _VARIANTS[place % len(_VARIANTS)]
        if variant is None:
            base = _photograph(rng, size)
        picture = base if variant is None else base.transpose(variant)
        picture.save(folder / f"photograph_{place:03d}.jpg", quality=QUALITY)


def surfaces(folder: Path, number: int) -> str:
    """`number` JPEGs of 200 px, real steel surfaces where they are at hand. Returns what they are, in words."""
    if not SURFACES.is_dir():
        photographs(folder, number, (200, 200))
        return "synthetic images"
    folder.mkdir(parents=True)
    found = sorted(SURFACES.rglob("*.jpg"))
    for place in np.linspace(0, len(found) - 1, number).astype(int):
        shutil.copyfile(found[place], folder / found[place].name)
    return "steel surfaces of NEU"


def clustered(rows: int, width: int, clusters: int, spread: float, seed: int = 0) -> tuple[np.ndarray, ...]:
    """(rows, width) float32 features in clusters, and their (rows,) int64 cluster.

    The spread around a centre falls with the square root of the direction's number, as in features of images, and
    is `spread` times as long as the centres are.
    """
    rng = np.random.default_rng(seed)
    falling = np.arange(1, width + 1, dtype=np.float32) ** -0.5
    falling *= np.sqrt(width) / np.linalg.norm(falling)
    turned = np.linalg.qr(rng.standard_normal((width, width), np.float32))[0]
    centres = rng.standard_normal((clusters, width), np.float32)
    label = rng.integers(clusters, size=rows)
    around = rng.standard_normal((rows, width), np.float32) * (falling * np.float32(spread))
    return centres[label] + around @ turned, label


def figures(program: str, *arguments: str | Path) -> dict[str, Any]:
    """Run `program` in a Python of its own and return the JSON object that it prints last.

    Raises RuntimeError with what it wrote when it fails.
    """
    command = [sys.executable, "-c", program, *map(str, arguments)]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise RuntimeError(f"A benchmark's program failed:\n{done.stderr}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _photograph(rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    width, height = size
    planes = []
    light = _fractal(rng, width, height, finest=1)
    for gain in (1.0, 0.9, 0.8):
        colour = _fractal(rng, width, height, finest=64)
        planes.append(light * np.float32(38 * gain) + colour * np.float32(14) + np.float32(112))
    pixels = np.stack(planes, axis=-1)
    pixels += rng.standard_normal((height, width, 1), np.float32) * np.float32(3)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def _fractal(rng: np.random.Generator, width: int, height: int, finest: int) -> np.ndarray:
    """(height, width) float32 of unit deviation: octaves of noise, each 0.7 times as strong as the coarser one."""
    step = max(width, height) // 4
    field, strength = None, 1.0
    while step >= finest:
        shape = (max(width // step, 1), max(height // step, 1))
        noise = rng.standard_normal(shape[::-1], np.float32) * np.float32(strength)
        if field is not None:
            coarser = Image.fromarray(field).resize(shape, Image.Resampling.BICUBIC)
            noise += np.asarray(coarser)
        field = noise
        strength, step = strength * 0.7, step // 2
    assert field is not None
    whole = np.asarray(Image.fromarray(field).resize((width, height), Image.Resampling.BICUBIC))
    return (whole - whole.mean()) / whole.std()
