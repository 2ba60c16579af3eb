"""Draw the sample project and put it in place.

Each picture has its own random generator, made from the seed and the scene's identity, so the bytes don't
depend on how many threads draw or in which order. The folder appears whole: it is built beside its place
and renamed. numpy, scipy and Pillow let go of the interpreter lock in the heavy parts, hence threads.
"""

from __future__ import annotations

import os
import shutil
import struct
import tempfile
import time
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from workbench.engine.sample.camera import lot, photograph
from workbench.engine.sample.defects import DEFECTS, harmless
from workbench.engine.sample.recipe import RECIPE, Plan, SampleTruth, Shot, digest, plan
from workbench.engine.sample.textures import CANVAS, FINISHES, bare_metal
from workbench.records.files import DocumentError

SIZE = 200  # pixels, both sides of a picture
TURNED_HEIGHT = 168  # the picture with an EXIF rotation isn't square, so that a forgotten rotation shows
_UPRIGHT_BY_TURNING_RIGHT = 6  # EXIF orientation: turn 90 degrees clockwise to see it upright
_ORIENTATION = 0x0112

Progress = Callable[[int, int], None]


def build_sample(
    folder: Path,
    *,
    seed: int = 0,
    on_progress: Progress | None = None,
    labelled: int = 600,
    unlabelled: int = 3000,
    threads: int | None = None,
) -> SampleTruth:
    """Write the surface-inspection sample into `folder` and say what was planted in it.

    Makes `labelled/<class>/<lot>_<nnnn>.jpg`, `unlabelled/<lot>_<nnnn>.jpg` and `sample.json`. Returns at
    once if the folder already holds the same sample. `on_progress(done, total)` is called from this
    thread; an exception raised there stops the build and leaves nothing behind.

    Raises:
        ValueError: the counts are too small, or `folder` holds files that are not a sample's.
    """
    folder = Path(folder).resolve()
    standing = _standing(folder)
    if standing is not None and (standing.recipe, standing.seed, standing.labelled, standing.unlabelled) == (
        RECIPE,
        seed,
        labelled,
        unlabelled,
    ):
        return standing
    todo = plan(folder, seed, labelled, unlabelled)
    _refuse_strangers(folder, standing)
    folder.parent.mkdir(parents=True, exist_ok=True)
    _sweep(folder)
    scaffold = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name[:40]}.", suffix=".part"))
    try:
        _draw_all(scaffold, todo, seed, on_progress, threads or min(os.cpu_count() or 1, 8))
        for source, destination in todo.copies:
            _write(scaffold / destination, (scaffold / source).read_bytes())
        for fault, source, destination in todo.bad:
            _write(scaffold / destination, _spoil(fault, (scaffold / source).read_bytes()))
        todo.truth.save(scaffold / "sample.json")
        scaffold.chmod(0o755)
        _put_in_place(scaffold, folder)
    finally:
        shutil.rmtree(scaffold, ignore_errors=True)
    return todo.truth


def render(shot: Shot, seed: int) -> NDArray[np.float32]:
    """The picture of `shot`, (SIZE, SIZE, 3) or (TURNED_HEIGHT, SIZE, 3), 0 to 1."""
    rng = np.random.default_rng([seed, digest(shot.scene)])
    day = lot(shot.lot, seed)
    finish = FINISHES[int(rng.choice(len(FINISHES), p=np.array(day.finishes) / sum(day.finishes)))]
    surface = bare_metal(rng, finish, day.texture_scale)
    harmless(rng, surface)
    DEFECTS[shot.kind](rng, surface, float(rng.uniform(0.4, 1.0)))
    canvas = photograph(rng, surface, day)
    height = TURNED_HEIGHT if shot.encoding == "jpeg-turned" else SIZE
    if shot.shift == (0.0, 0.0) and shot.zoom == 1.0:
        x, y = (CANVAS - SIZE) // 2, (CANVAS - height) // 2
        return canvas[y : y + height, x : x + SIZE]
    return np.clip(_reframe(canvas, shot) * np.float32(shot.gain), 0, 1)


def encode(picture: NDArray[np.float32], shot: Shot) -> bytes:
    """`picture` as the bytes of the file that `shot.encoding` names."""
    stream = BytesIO()
    if shot.encoding in ("png16", "tiff16", "tiff12"):
        grey = picture @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
        levels = np.rint(grey * (4095 if shot.encoding == "tiff12" else 65535)).astype(np.uint16)
        Image.fromarray(levels).save(stream, "PNG" if shot.encoding == "png16" else "TIFF")
        return stream.getvalue()
    image = Image.fromarray(np.rint(picture * 255).astype(np.uint8))
    if shot.encoding == "png":
        image.save(stream, "PNG", compress_level=6)
    elif shot.encoding == "jpeg-turned":
        exif = Image.Exif()
        exif[_ORIENTATION] = _UPRIGHT_BY_TURNING_RIGHT
        image.transpose(Image.Transpose.ROTATE_90).save(stream, "JPEG", quality=shot.quality, exif=exif)
    else:
        image.save(stream, "JPEG", quality=shot.quality)
    return stream.getvalue()


def _reframe(canvas: NDArray[np.float32], shot: Shot) -> NDArray[np.float32]:
    """A shifted and zoomed SIZE x SIZE view of the canvas, each channel resampled as floats."""
    half = SIZE / shot.zoom / 2
    cx, cy = CANVAS / 2 + shot.shift[0], CANVAS / 2 + shot.shift[1]
    box = (cx - half, cy - half, cx + half, cy + half)
    planes = [
        np.asarray(
            Image.fromarray(canvas[..., c].copy()).resize((SIZE, SIZE), Image.Resampling.BICUBIC, box=box)
        )
        for c in range(3)
    ]
    return np.stack(planes, axis=-1)


def _draw_all(scaffold: Path, todo: Plan, seed: int, on_progress: Progress | None, threads: int) -> None:
    for parent in sorted({(scaffold / path).parent for path in todo.truth.files}):
        parent.mkdir(parents=True, exist_ok=True)

    def draw(shot: Shot) -> None:
        _write(scaffold / shot.path, encode(render(shot, seed), shot))

    total = len(todo.shots)
    pool = ThreadPoolExecutor(threads, thread_name_prefix="sample")
    try:
        for done, future in enumerate(
            as_completed([pool.submit(draw, shot) for shot in todo.shots]), start=1
        ):
            future.result()
            if on_progress is not None:
                on_progress(done, total)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def _spoil(fault: str, jpeg: bytes) -> bytes:
    """The bytes of a bad file; `jpeg` is the good picture that it might have been."""
    if fault == "empty":
        return b""
    if fault == "truncated":
        return jpeg[: len(jpeg) * 2 // 5]
    if fault == "text":
        return b"Pictures of this lot were moved to the archive on Monday.\r\nAsk the night shift for the disk.\r\n"
    image = Image.open(BytesIO(jpeg)).convert("RGB")
    if fault == "checksum":
        stream = BytesIO()
        image.save(stream, "PNG")
        return _wrong_checksum(stream.getvalue())
    return _unknown_compression(np.asarray(image.convert("L")))


def _wrong_checksum(png: bytes) -> bytes:
    """`png` with the last bit of its first pixel chunk's CRC flipped (chunk: length, type, data, CRC)."""
    at = png.index(b"IDAT")
    (length,) = struct.unpack(">I", png[at - 4 : at])
    end = at + 4 + length
    crc = zlib.crc32(png[at:end]) ^ 1
    return png[:end] + struct.pack(">I", crc) + png[end + 4 :]


def _unknown_compression(grey: NDArray[np.uint8]) -> bytes:
    """A well-formed grey TIFF whose Compression tag says 60123, a private code that nobody registered."""
    height, width = grey.shape
    tags = [
        (256, 4, width),  # ImageWidth
        (257, 4, height),  # ImageLength
        (258, 3, 8),  # BitsPerSample
        (259, 3, 60123),  # Compression
        (262, 3, 1),  # PhotometricInterpretation: black is zero
        (273, 4, 8 + 2 + 9 * 12 + 4),  # StripOffsets: behind the directory
        (277, 3, 1),  # SamplesPerPixel
        (278, 4, height),  # RowsPerStrip
        (279, 4, grey.size),  # StripByteCounts
    ]
    directory = struct.pack("<H", len(tags)) + b"".join(
        struct.pack("<HHII", tag, kind, 1, v) for tag, kind, v in tags
    )
    return b"II*\x00" + struct.pack("<I", 8) + directory + struct.pack("<I", 0) + grey.tobytes()


def _standing(folder: Path) -> SampleTruth | None:
    try:
        return SampleTruth.load(folder)
    except DocumentError:
        return None


def _refuse_strangers(folder: Path, standing: SampleTruth | None) -> None:
    """A sample may be replaced by another one, but no file of somebody else's may go with it."""
    ours = {"sample.json", *standing.files, *standing.bad_files} if standing is not None else set()
    if not folder.exists():
        return
    for path in folder.rglob("*"):
        if path.is_dir() and not path.is_symlink():
            continue
        if path.relative_to(folder).as_posix() not in ours:
            raise ValueError(
                f"{folder} holds files that are not the sample's, for example {path.name!r}. "
                "Choose an empty folder, or one that does not exist yet."
            )


def _sweep(folder: Path) -> None:
    """Remove what a killed build left beside the folder more than an hour ago."""
    for stale in folder.parent.glob(f".{folder.name[:40]}.*.part"):
        if stale.is_dir() and time.time() - stale.stat().st_mtime > 3600:
            shutil.rmtree(stale, ignore_errors=True)


def _put_in_place(scaffold: Path, folder: Path) -> None:
    if not folder.exists():
        scaffold.rename(folder)
        return
    aside = scaffold.with_suffix(".old.part")
    folder.rename(aside)
    try:
        scaffold.rename(folder)
    except OSError:
        aside.rename(folder)
        raise
    shutil.rmtree(aside)
