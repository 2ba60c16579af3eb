"""Masked autoencoders with their decoder, which paint the hidden patches of a picture from the others.

ViTMAE of transformers' layout (He et al. 2022), published or made by a pretraining here. A painter whose targets were
each patch's own deviation from its own mean ("norm_pix_loss") says nothing of a hidden patch's brightness and
contrast. Taking these from the picture itself, as is usual, shows what the model was never asked: here they are
guessed from the visible patches around, unless the picture's own are asked for.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

from workbench.engine.backbones import hub
from workbench.engine.backbones.huggingface import quietly
from workbench.engine.backbones.resolve import resolve
from workbench.records.spec import FeatureSpec
from workbench.records.text import printable

_INSIDE = "transformers"  # where a pretraining puts the folder with the decoder
_KIND = "vit_mae"
_SMALL = 1e-6  # to a patch's variance, as trained (facebookresearch/mae, models_mae.py)


@dataclass(frozen=True, eq=False, slots=True)
class Painted:
    """Pictures as painted. Values of pixels are 0 to 1; nothing is cut off in `painted`, so that errors are true.

    `original`, `painted`: (B, S, S, 3) float32. `hidden`: (B, n, n) bool, n patches a side. `errors`: (B, n, n)
    float32, the root mean square difference of each patch, in levels of 0 to 255. `losses`: (B,) float32, the mean
    square over the hidden patches in the units that the model learnt with; NaN where none is hidden.
    """

    original: np.ndarray
    painted: np.ndarray
    hidden: np.ndarray
    errors: np.ndarray
    losses: np.ndarray
    statistics: str  # "pixels"; "guessed" or "own": where brightness and contrast of a hidden patch come from

    def pasted(self) -> np.ndarray:
        """(B, S, S, 3): what is visible as it is, the rest as painted."""
        return np.where(self._hidden_pixels(), self.painted, self.original)

    def masked(self, grey: float = 0.5) -> np.ndarray:
        """(B, S, S, 3): what the model sees; the rest is grey."""
        return np.where(self._hidden_pixels(), np.float32(grey), self.original)

    def picture_errors(self) -> np.ndarray:
        """(B,) root mean square over the hidden patches, levels of 0 to 255; NaN where none is hidden."""
        squares = np.where(self.hidden, self.errors**2, 0).sum((1, 2))
        counts = self.hidden.sum((1, 2))
        return np.sqrt(np.divide(squares, counts, out=np.full(len(squares), np.nan), where=counts > 0))

    def _hidden_pixels(self) -> np.ndarray:
        patch = self.original.shape[1] // self.hidden.shape[1]
        return self.hidden.repeat(patch, 1).repeat(patch, 2)[..., None]


class Painter:
    """A masked autoencoder on a device. `spec` says how pictures are prepared for it."""

    def __init__(self, module: Any, spec: FeatureSpec, title: str, device: str) -> None:
        self.spec, self.title = spec, title
        self.size = spec.preprocess.size
        self.patch = int(module.config.patch_size)
        self.grid = self.size // self.patch
        self.depth, self.heads = int(module.config.num_hidden_layers), int(module.config.num_attention_heads)
        self.norm_pixels = bool(module.config.norm_pix_loss)
        self.module, self._device = module.to(device).eval(), torch.device(device)
        self._mean, self._std = (
            torch.tensor(values, device=self._device).view(1, 3, 1, 1)
            for values in (spec.preprocess.mean, spec.preprocess.std)
        )

    @torch.inference_mode()
    def paint(self, images: np.ndarray, hidden: np.ndarray, *, own_statistics: bool = False) -> Painted:
        """Hide patches and paint every one.

        Args:
            images: (B, S, S, 3) uint8, or float32 in 0..1, prepared as `spec` says.
            hidden: (B, n, n) bool, True where hidden; as many as wanted in each picture, but not all.
            own_statistics: of a model that learnt with `norm_pixels`: give each patch the true picture's brightness
                and contrast. Of any other it changes nothing.

        Raises:
            ValueError: other shapes, or a picture with no visible patch.
        """
        side, wanted = self.grid, (len(images), self.grid, self.grid)
        if images.shape[1:] != (self.size, self.size, 3) or not len(images):
            raise ValueError(
                f"expected images of shape (B, {self.size}, {self.size}, 3), got {images.shape}."
            )
        if hidden.shape != wanted:
            raise ValueError(f"expected a mask of shape {wanted}, got {hidden.shape}.")
        if hidden.all((1, 2)).any():
            raise ValueError(
                "A picture has no visible patch, so there is nothing to paint from. Show some of it."
            )
        pixels = torch.from_numpy(np.ascontiguousarray(images)).to(self._device)
        original = (pixels.float() / 255 if images.dtype == np.uint8 else pixels.float()).permute(0, 3, 1, 2)
        given = self._given(
            (original - self._mean) / self._std, torch.from_numpy(hidden.reshape(len(images), -1))
        )
        target = self.module.patchify((original - self._mean) / self._std, interpolate_pos_encoding=True)
        deviation = (target.var(-1, keepdim=True) + _SMALL).sqrt()
        mean = target.mean(-1, keepdim=True)
        mask = torch.from_numpy(hidden.reshape(len(images), -1)).to(self._device)
        wrong = given - ((target - mean) / deviation if self.norm_pixels else target)
        losses = (wrong.square().mean(-1) * mask).sum(1) / mask.sum(1)
        statistics = "pixels"
        if self.norm_pixels:
            statistics = "own" if own_statistics else "guessed"
            if not own_statistics:
                mean, deviation = (guessed(each[..., 0], mask, side)[..., None] for each in (mean, deviation))
            given = given * deviation + mean
        painted = (
            self.module.unpatchify(given, original_image_size=(self.size, self.size)) * self._std + self._mean
        )
        squares = (painted - original).square().mean(1, keepdim=True)
        errors = torch.nn.functional.avg_pool2d(squares, self.patch)[:, 0].sqrt() * 255
        return Painted(
            original=_shown(original),
            painted=_shown(painted),
            hidden=hidden,
            errors=errors.cpu().numpy(),
            losses=losses.cpu().numpy(),
            statistics=statistics,
        )

    def _given(self, pixels: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
        """(B, N, patch * patch * 3) in the units that the model learnt with. Pictures with as many hidden patches go
        through together, for the model keeps the same number of each."""
        counts = hidden.sum(1)
        total = hidden.shape[1]
        given = pixels.new_zeros(len(pixels), total, self.patch**2 * 3)
        for number in counts.unique().tolist():
            rows = (counts == number).nonzero()[:, 0]
            # transformers keeps int(N * (1 - ratio)) patches: those with the least noise.
            self.module.config.mask_ratio = (number - 0.5) / total
            noise = hidden[rows].float().to(pixels.device)
            noise = noise + torch.arange(total, device=pixels.device) / (2 * total)
            out = self.module(pixels[rows.to(pixels.device)], noise=noise, interpolate_pos_encoding=True)
            given[rows.to(pixels.device)] = out.logits.float()
        return given


def open_painter(
    identifier: str,
    device: str = "cpu",
    *,
    image_size: int | None = None,
    nearest: bool = False,
    cache: Path | None = None,
    memo: Path | None = None,
) -> Painter:
    """The masked autoencoder that `identifier` names (see `resolve`); of a run that pretrained one, its own.

    `nearest` takes the size nearest to `image_size` that its patches tile.

    Raises:
        ValueError: it isn't on this machine, is damaged, or has no decoder.
    """
    found = resolve(identifier, image_size=image_size, nearest=nearest, cache=cache, memo=memo)
    folder = next(
        (
            place
            for place in ((found.folder, found.folder / _INSIDE) if found.folder is not None else ())
            if (place / hub.CONFIG).is_file() and hub.read_json(place / hub.CONFIG).get("model_type") == _KIND
        ),
        None,
    )
    shown = printable(found.title)
    if folder is None:
        raise ValueError(
            f"{shown} has no decoder, so it can't paint what is hidden. Choose a masked autoencoder: starter_mae, "
            "facebook/vit-mae-base, or a run that pretrained by MAE."
        )
    try:
        with quietly():
            module, report = transformers.ViTMAEForPreTraining.from_pretrained(
                folder,
                local_files_only=True,
                trust_remote_code=False,
                dtype=torch.float32,
                output_loading_info=True,
            )
    except pickle.UnpicklingError:
        raise ValueError(
            f"The weights in {printable(str(folder))} hold more than weights and were refused."
        ) from None
    except (OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
        raise ValueError(f"The model in {printable(str(folder))} can't be loaded: {error}") from None
    if report["missing_keys"] or report["mismatched_keys"]:
        raise ValueError(
            f"{shown} was saved without its decoder, so it can't paint what is hidden. Fetch the whole model."
        )
    return Painter(module, found.spec, found.title, device)


def random_hidden(grid: int, ratio: float, seed: int) -> np.ndarray:
    """A mask as MAE learns with: one for all pictures, and the same for every model with as many patches.

    A mask for each picture would make its error a matter of luck, and of the row that it stands in.

    Args:
        ratio: share of the patches that is hidden; one at least stays visible.

    Returns:
        (grid, grid) bool, True where hidden.
    """
    total = grid * grid
    count = min(max(round(total * ratio), 0), total - 1)
    return (np.random.default_rng(seed).permutation(total) < count).reshape(grid, grid)


def drawn_hidden(boxes: np.ndarray, grid: int) -> np.ndarray:
    """A mask of what was drawn by hand: the patches with their middle in one of the boxes.

    Args:
        boxes: (K, 4) left, top, right, bottom, as shares of the picture's sides.

    Returns:
        (grid, grid) bool.
    """
    middles = (np.arange(grid) + 0.5) / grid
    hidden = np.zeros((grid, grid), dtype=bool)
    for left, top, right, bottom in np.asarray(boxes, dtype=float).reshape(-1, 4):
        across, down = (middles >= left) & (middles < right), (middles >= top) & (middles < bottom)
        hidden |= down[:, None] & across[None, :]
    return hidden


def guessed(values: torch.Tensor, hidden: torch.Tensor, grid: int) -> torch.Tensor:
    """A statistic of each patch from the visible ones alone: their mean, weighted by one over the squared distance.

    Args:
        values: (B, N), of which only those that are visible are read.
        hidden: (B, N) bool.

    Returns:
        (B, N): visible patches keep their own.
    """
    places = torch.stack(torch.meshgrid(torch.arange(grid), torch.arange(grid), indexing="ij"), -1).reshape(
        -1, 2
    )
    squared = torch.cdist(places.double(), places.double()).square().to(values.device)
    weights = (1 / squared.clamp(min=1)).float()
    visible = (~hidden).to(values.dtype)
    guess = ((values * visible) @ weights) / (visible @ weights)
    return torch.where(hidden, guess, values)


def _shown(pictures: torch.Tensor) -> np.ndarray:
    return pictures.permute(0, 2, 3, 1).contiguous().cpu().numpy()
