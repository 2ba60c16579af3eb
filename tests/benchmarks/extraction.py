"""Embedding a folder: the workbench's own extraction against the script that the field writes.

Both read the same files with the same DINOv2-small-sized model (random weights: speed doesn't ask what they say) on
the processor, each in a fresh process, in turn. Timed is the extraction alone, after loading and a first batch.
Theirs is Pillow, AutoImageProcessor and AutoModel in fp32, 16 images a batch, torch's own number of threads. Ours is
`engine.extract.extract` in the worker's environment, with the decoding, precision and batches that an embed job
takes when nothing is said, and it writes its vectors to the cache.

Where there is a CUDA device, the extraction is also set against the forward passes alone.
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks import data
from tests.benchmarks.row import Row
from workbench.engine.device import best_precision

SMALL, LARGE = 48, 16  # images
RUNS = 3
GOAL_SMALL, GOAL_LARGE = 1.3, 2.0
GPU_IMAGES = 16_384
GOAL_SHARE, GOAL_WAIT = 0.8, 0.05
AGAINST = "AutoImageProcessor + AutoModel, fp32"

_MODEL = """
import sys
import torch, transformers
torch.manual_seed(0)
config = transformers.Dinov2Config(
    hidden_size=384, num_hidden_layers=12, num_attention_heads=6, patch_size=14, image_size=518
)
transformers.Dinov2Model(config).save_pretrained(sys.argv[1])
transformers.BitImageProcessor(
    size={"shortest_edge": 256}, crop_size={"height": 224, "width": 224}, resample=3,
    image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225],
).save_pretrained(sys.argv[1])
print("{}")
"""

_THEIRS = """
import json, sys, time
from pathlib import Path
import numpy as np
import torch
from PIL import Image
from transformers import AutoImageProcessor, AutoModel

model_folder, out, *folders = map(Path, sys.argv[1:])
processor = AutoImageProcessor.from_pretrained(model_folder)
model = AutoModel.from_pretrained(model_folder, dtype=torch.float32).eval()

@torch.inference_mode()
def extract(paths):
    vectors = []
    for start in range(0, len(paths), 16):
        images = [Image.open(path).convert("RGB") for path in paths[start : start + 16]]
        inputs = processor(images=images, return_tensors="pt")
        vectors.append(model(**inputs).last_hidden_state[:, 0])
    return torch.cat(vectors).numpy()

seconds = []
extract(sorted(folders[0].iterdir())[:16])
for folder in folders:
    paths = sorted(folder.iterdir())
    began = time.perf_counter()
    vectors = extract(paths)
    seconds.append(time.perf_counter() - began)
    np.save(out / f"theirs_{folder.name}.npy", vectors)
print(json.dumps({"seconds": seconds}))
"""

_SETUP = """
import json, sys, time
from pathlib import Path
from workbench import worker
worker.prepare_environment(allow_download=False)
import numpy as np
from workbench.engine.backbones.load import load_backbone
from workbench.engine.backbones.resolve import resolve
from workbench.engine.control import Control
from workbench.engine.extract import BATCH, extract
from workbench.engine.indexing import build_index
from workbench.engine.loader import BatchLoader
from workbench.records.features import FeatureStore
from workbench.records.jobs import EmbedJob
from workbench.records.runs import RunFolder

def run(index, positions, precision, device, scratch):
    job = EmbedJob(index="", backbone=sys.argv[1], precision=precision, device=device, feature="cls")
    spec = resolve(
        job.backbone, feature=job.feature, precision=job.precision, device=device, decode=job.decode
    ).spec
    folder = RunFolder.create(scratch / "runs", job)
    store = FeatureStore(scratch / folder.id)
    facts, refused = extract(index, positions, spec, job, store, folder, Control(folder))
    assert not refused, refused
    return facts, store, spec
"""

_OURS = (
    _SETUP
    + """
out, precision, folders = Path(sys.argv[2]), sys.argv[3], list(map(Path, sys.argv[4:]))
seconds = []
for folder in folders:
    index = build_index({"": str(folder)}, check="header")
    order = np.argsort(np.asarray(index.paths))
    if not seconds:
        run(index, order[:16], precision, "cpu", out)
    facts, store, spec = run(index, order, precision, "cpu", out)
    seconds.append(len(order) / facts["images_per_second"])
    np.save(out / f"ours_{precision}_{folder.name}.npy", store.rows(index.digest[order], ["cls"]))
print(json.dumps({"seconds": seconds, "precision": spec.precision}))
"""
)

_GPU = (
    _SETUP
    + """
out, folder, device, images = Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4], int(sys.argv[5])
index = build_index({"": str(folder)}, check="header")
positions = np.resize(np.arange(len(index)), images)
size = BATCH[device.partition(":")[0]]
run(index, positions[: 2 * size], "auto", device, out)
facts, store, spec = run(index, positions, "auto", device, out)
backbone = load_backbone(spec, device)
paths = [index.file(int(i)) for i in positions[:size]]
pixels = next(iter(BatchLoader(paths, spec.preprocess, batch_size=size, threads=2))).images
for _ in range(3):
    backbone.pooled_features(pixels)
passes = max(images // size, 1)
began = time.perf_counter()
for _ in range(passes):
    backbone.pooled_features(pixels)
forward = passes * len(pixels) / (time.perf_counter() - began)
print(json.dumps({"rate": facts["images_per_second"], "wait": facts["data_wait"], "forward": forward}))
"""
)


def measure(small: int = SMALL, large: int = LARGE, runs: int = RUNS) -> list[Row]:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        model = root / "model"
        folders = [root / "small", root / "large"]
        kind = data.surfaces(folders[0], small)
        data.photographs(folders[1], large)
        data.figures(_MODEL, model)
        rows = _against_script(root, model, folders, kind, runs)
        if _has_cuda():
            rows += on_device(root, model, folders[0], kind, "cuda", GPU_IMAGES)
    return rows


def on_device(root: Path, model: Path, folder: Path, kind: str, device: str, images: int) -> list[Row]:
    """The extraction's speed as a share of that of forward passes on pixels that are decoded already."""
    found = data.figures(_GPU, model, root, folder, device, str(images))
    share = found["rate"] / found["forward"]
    return [
        Row(
            what=f"Extraction on {device}, 200 px",
            ours=f"{found['rate']:.0f} images/s",
            against="forward passes alone, from decoded pixels",
            theirs=f"{found['forward']:.0f} images/s",
            ratio=share,
            goal=GOAL_SHARE,
            note=f"{images:,} images ({kind}, repeated), batches and precision as an embed job takes them.",
        ),
        Row(
            what=f"Share of the time waiting for data on {device}",
            ours=f"{found['wait']:.1%}",
            against="the most that is allowed",
            theirs=f"{GOAL_WAIT:.0%}",
            ratio=GOAL_WAIT / max(found["wait"], 1e-6),
            goal=1.0,
        ),
    ]


def _against_script(root: Path, model: Path, folders: list[Path], kind: str, runs: int) -> list[Row]:
    # Where nothing is gained from bf16, "auto" is fp32.
    precisions = ("auto",) if best_precision("cpu") == "fp32" else ("auto", "fp32")
    theirs: list[dict[str, Any]] = []
    ours: dict[str, list[dict[str, Any]]] = {precision: [] for precision in precisions}
    for _ in range(runs):
        theirs.append(data.figures(_THEIRS, model, root, *folders))
        for precision, done in ours.items():
            done.append(data.figures(_OURS, model, root, precision, *folders))

    rows = []
    for place, (folder, goal) in enumerate(zip(folders, (GOAL_SMALL, GOAL_LARGE), strict=True)):
        title = f"200-px JPEGs ({kind})" if place == 0 else "12-megapixel JPEGs (synthetic photographs)"
        number = len(list(folder.iterdir()))
        script = statistics.median(run["seconds"][place] for run in theirs)
        for precision, done in ours.items():
            took = statistics.median(run["seconds"][place] for run in done)
            chosen = done[0]["precision"]
            rows.append(
                Row(
                    what=f"Extraction, {title}, {chosen}{' (auto)' if precision == 'auto' else ''}",
                    ours=f"{number / took:.1f} images/s",
                    against=AGAINST,
                    theirs=f"{number / script:.1f} images/s",
                    ratio=script / took,
                    goal=goal if precision == "auto" else None,
                    note=_agreement(
                        root / f"ours_{precision}_{folder.name}.npy", root / f"theirs_{folder.name}.npy"
                    ),
                )
            )
    return rows


def _agreement(ours: Path, theirs: Path) -> str:
    """Cosines of our vectors to theirs, also less the mean vector: what a random model says of every image alike
    hides a difference."""
    mine, others = np.load(ours).astype(float), np.load(theirs).astype(float)
    plain = _cosines(mine, others)
    centred = _cosines(mine - others.mean(0), others - others.mean(0))
    return (
        f"cosine of our features to theirs {plain.mean():.5f} on average, {plain.min():.5f} at worst; "
        f"less the mean vector {centred.mean():.4f} and {centred.min():.4f}."
    )


def _cosines(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a * b).sum(1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1))


def _has_cuda() -> bool:
    import torch

    return torch.cuda.is_available()


if __name__ == "__main__":
    for row in measure():
        print(row.line())
