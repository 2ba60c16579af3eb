"""Patches made visible: principal components as colours, likeness to a chosen patch, and groups of patches.

All of it is computed over the pictures of one model together, so that a colour or a group means the same in each.

Shapes: B pictures, h x w patches, D features.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np

from workbench.records.text import count

Side = Literal["inner", "outer", "all"]
_COLOURS = 3
_PERCENTILES = (1.0, 99.0)  # a few odd patches would take the whole range of colours
_ROWS = 8192
_STARTS = 4  # of k-means, of which the best counts


@dataclass(frozen=True, slots=True)
class ComponentMaps:
    """The first principal components of the patches as red, green and blue."""

    colours: np.ndarray  # (B, h, w, 3) float32 in 0..1; black where `foreground` is False
    foreground: np.ndarray  # (B, h, w) bool
    shares: np.ndarray  # (3,) of the foreground's variance that each component holds


def component_maps(tokens: np.ndarray, side: Side = "inner") -> ComponentMaps:
    """(B, h, w, D) patches -> colours, as Oquab et al. 2024 (DINOv2, figure 1) draw them.

    The first component of all patches, cut at zero, tells foreground from background; three components of the
    foreground alone become the colours. The paper picks by eye which side is the foreground. Here "inner" takes the
    side that the middle of the pictures holds more of than their rim, "outer" the other, "all" leaves nothing out.
    Where a side has fewer than 4 patches, all count. Each colour runs from the 1st to the 99th percentile.
    """
    batch, height, width, length = tokens.shape
    flat = tokens.reshape(-1, length)
    foreground = np.ones(len(flat), bool)
    if side != "all":
        first = principal_components(flat, 1)[0][:, 0]
        inner = first > 0 if _inside_more(first.reshape(batch, height, width)) else first < 0
        chosen = inner if side == "inner" else ~inner
        if chosen.sum() > _COLOURS:
            foreground = chosen
    projected, shares = principal_components(flat[foreground], _COLOURS)
    colours = np.zeros((len(flat), _COLOURS), np.float32)
    colours[foreground] = _to_unit(projected)
    return ComponentMaps(
        colours.reshape(batch, height, width, _COLOURS),
        foreground.reshape(batch, height, width),
        shares,
    )


def principal_components(values: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray]:
    """(M, D) -> each row along the first `number` principal axes, (M, number), and their shares of the variance.

    The sign of an axis is chosen so that its largest entry is positive: the same patches always give the same
    colours. Axes beyond the rank of the values are zero.
    """
    mean = values.mean(axis=0, dtype=np.float64)
    covariance = np.zeros((values.shape[1], values.shape[1]))
    for part in _parts(values):  # D x D and never M x M: many pictures have far more patches than features
        centred = part - mean
        covariance += centred.T @ centred
    spread, axes = np.linalg.eigh(covariance)
    spread, axes = spread[::-1][:number], axes[:, ::-1][:, :number]
    largest = np.abs(axes).argmax(axis=0)
    axes = axes * np.where(axes[largest, np.arange(axes.shape[1])] < 0, -1, 1)
    total = float(np.trace(covariance))
    shares = np.zeros(number)
    if total > 0:
        shares[: len(spread)] = spread.clip(0) / total
    projected = np.zeros((len(values), number))
    projected[:, : axes.shape[1]] = np.concatenate([(part - mean) @ axes for part in _parts(values)])
    projected[:, shares < np.finfo(np.float64).eps * max(values.shape)] = 0
    return projected, shares


def likeness(tokens: np.ndarray, picture: int, row: int, column: int) -> np.ndarray:
    """(B, h, w, D) patches -> the cosine of each to one of them, (B, h, w) float32 in -1..1.

    Across pictures the patches must be of one model and layer. A patch of zeros is like nothing: 0.

    Raises:
        ValueError: there is no such patch.
    """
    batch, height, width, _ = tokens.shape
    if not (0 <= picture < batch and 0 <= row < height and 0 <= column < width):
        raise ValueError(
            f"There is no patch in row {row + 1} and column {column + 1} of picture {picture + 1}: there are "
            f"{count(batch, 'picture')} of {height} x {width} patches."
        )
    return likeness_to(tokens, tokens[picture, row, column])


def likeness_to(tokens: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """(B, h, w, D) patches -> the cosine of each to a vector (D,) of the same layer, (B, h, w) float32 in -1..1."""
    return (_unit(tokens) @ _unit(vector)).clip(-1, 1)


def segments(tokens: np.ndarray, number: int, seed: int = 0) -> np.ndarray:
    """(B, h, w, D) patches -> the group of each by k-means, (B, h, w) int64 in 0..number - 1, over all pictures.

    Patches are brought to length 1 first, so that their direction counts and not their norm. Groups are numbered by
    size, the largest first. The same seed gives the same groups.

    Raises:
        ValueError: a number of groups below 2, or above that of different patches.
    """
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    flat = _unit(tokens).reshape(-1, tokens.shape[-1])
    if not 2 <= number <= len(flat):
        raise ValueError(f"Choose from 2 to {len(flat)} groups for {len(flat)} patches, not {number}.")
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        try:
            found = KMeans(number, n_init=_STARTS, random_state=seed).fit_predict(flat)
        except ConvergenceWarning:
            raise ValueError(
                f"There are fewer than {number} different patches. Choose fewer groups or more pictures."
            ) from None
    sizes = np.bincount(found, minlength=number)
    rank = np.empty(number, np.int64)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(number)
    return rank[found].reshape(tokens.shape[:-1])


def _parts(values: np.ndarray) -> list[np.ndarray]:
    """The rows in pieces, so that only one of them exists in double precision."""
    return [values[start : start + _ROWS] for start in range(0, len(values), _ROWS)]


def _unit(tokens: np.ndarray) -> np.ndarray:
    """Every patch at length 1, float32."""
    norms = np.linalg.norm(tokens, axis=-1, keepdims=True)
    return np.divide(tokens, norms, out=np.zeros(tokens.shape, np.float32), where=norms > 0)


def _inside_more(values: np.ndarray) -> bool:
    """Whether values above zero are more frequent inside of (B, h, w) pictures than on the outermost patches."""
    above = values > 0
    inside = above[:, 1:-1, 1:-1]
    if not inside.size:
        return True
    rim = (above.sum() - inside.sum()) / (above.size - inside.size)
    return bool(inside.mean() >= rim)


def _to_unit(values: np.ndarray) -> np.ndarray:
    """(M, 3) -> 0..1 by each column's percentiles; a column without any spread lies in the middle."""
    low, high = np.percentile(values, _PERCENTILES, axis=0)
    spread = high - low
    scaled = np.divide(values - low, spread, out=np.full(values.shape, 0.5), where=spread > 0)
    return scaled.clip(0, 1).astype(np.float32)
