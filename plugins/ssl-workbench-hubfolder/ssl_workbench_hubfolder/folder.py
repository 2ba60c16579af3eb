"""What a folder says of its weights: `backbone.toml`, where somebody wrote one, and the one weight file in it.

Nothing of the folder is imported or run, and nothing outside of it is read.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

SETTINGS = "backbone.toml"
LARGEST = 64 << 10  # bytes, of it
SUFFIXES = (".safetensors", ".pth", ".pt", ".bin", ".ckpt")
INTERPOLATIONS = ("bilinear", "bicubic", "lanczos")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Of `backbone.toml`; every entry may be left out.

    `architecture`: timm's name of it. `weights`: file in the folder. `mean` and `std`: of pixels from 0 to 1, RGB.
    """

    architecture: str = ""
    weights: str = ""
    title: str = ""
    training_data: str = "not told"
    licence: str = ""
    image_size: int = 0  # px; 0: as the weights say, else 224
    resize_to: int = 0  # px, of the shorter side before the crop; 0: 256 for 224
    interpolation: str = "bicubic"
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)  # of ImageNet
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)


def settings_of(folder: Path) -> Settings:
    """Raises ValueError, a sentence, for a `backbone.toml` that can't be read or says what nobody understands."""
    path = folder / SETTINGS
    if not path.is_file():
        return Settings()
    try:
        if path.stat().st_size > LARGEST:
            raise ValueError(f"it is larger than {LARGEST >> 10} kB")
        body = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"{path} can't be read: {error}.") from None
    known = {field.name: getattr(Settings(), field.name) for field in fields(Settings)}
    values: dict[str, Any] = {}
    for name, value in body.items():
        if name not in known:
            raise ValueError(f"{path} has an entry {name[:40]!r}. Known are {', '.join(known)}.")
        wrong = _wrong(value, known[name])
        if wrong:
            raise ValueError(f"{name} in {path} must be {wrong}, not {str(value)[:60]!r}.")
        values[name] = tuple(value) if isinstance(value, list) else value
    made = Settings(**values)
    if made.interpolation not in INTERPOLATIONS:
        raise ValueError(f"interpolation in {path} must be one of {', '.join(INTERPOLATIONS)}.")
    return made


def weights_in(folder: Path, settings: Settings) -> Path:
    """The file that `settings` name, or the only one in the folder or in a folder of it.

    Raises:
        ValueError: there is none, there are several, or it lies outside.
    """
    if settings.weights:
        named = folder / settings.weights
        if not named.resolve().is_relative_to(folder.resolve()):
            raise ValueError(
                f"{SETTINGS} names {settings.weights!r}, which is not in {folder}. Put it there."
            )
        if not named.is_file():
            raise ValueError(f"{SETTINGS} names {settings.weights!r}, and there is no such file in {folder}.")
        return named
    found = sorted(
        path
        for pattern in ("*", "*/*")
        for path in folder.glob(pattern)
        if path.suffix in SUFFIXES and path.is_file()
    )
    if not found:
        raise ValueError(
            f"{folder} holds no weights ({', '.join(SUFFIXES)}). Its code would fetch them, and is never run: fetch "
            "the file that its hubconf.py names, and put it there."
        )
    if len(found) > 1:
        names = ", ".join(str(path.relative_to(folder)) for path in found[:5])
        raise ValueError(
            f"{folder} holds {len(found)} weight files: {names}. Write into {SETTINGS} which is meant: "
            'weights = "FILE".'
        )
    return found[0]


def licence_in(folder: Path) -> str:
    """Where its licence stands."""
    found = sorted(path.name for path in folder.glob("LICEN[CS]E*"))
    return f"see {found[0]} in its folder" if found else "not told"


def _wrong(value: Any, default: Any) -> str:
    """What a value must be that isn't like `default`; "" where it is."""
    if isinstance(default, str):
        return "" if isinstance(value, str) else "a text"
    if isinstance(default, int):
        whole = isinstance(value, int) and not isinstance(value, bool)
        return "" if whole and 0 < value <= 4096 else "a number of pixels"
    numbers = isinstance(value, list) and len(value) == 3 and all(type(one) in (int, float) for one in value)
    return "" if numbers else "three numbers, of red, green and blue"
