"""Painters against transformers' own forward pass, and displays that don't borrow from what is hidden."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import transformers

from workbench.engine.inspect.painters import drawn_hidden, guessed, open_painter, random_hidden

SIZE, PATCH, GRID = 32, 8, 4


@pytest.fixture(scope="module", params=[False, True], ids=["pixels", "norm_pixels"])
def folder(request, tmp_path_factory) -> Path:
    torch.manual_seed(0)
    config = transformers.ViTMAEConfig(
        image_size=SIZE,
        patch_size=PATCH,
        hidden_size=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=48,
        decoder_hidden_size=16,
        decoder_num_hidden_layers=1,
        decoder_num_attention_heads=2,
        decoder_intermediate_size=32,
        norm_pix_loss=request.param,
    )
    made = tmp_path_factory.mktemp("mae")
    transformers.ViTMAEForPreTraining(config).save_pretrained(made)
    transformers.ViTImageProcessor(size={"height": SIZE, "width": SIZE}).save_pretrained(made)
    return made


@pytest.fixture
def pictures() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (3, SIZE, SIZE, 3), dtype=np.uint8)


def test_what_is_painted_is_what_transformers_paints(folder, pictures, tmp_path) -> None:
    painter = open_painter(str(folder), memo=tmp_path)
    assert (painter.size, painter.patch, painter.grid) == (SIZE, PATCH, GRID)
    hidden = np.stack([random_hidden(GRID, 0.75, seed) for seed in (1, 2, 3)])
    done = painter.paint(pictures, hidden, own_statistics=True)
    model = transformers.ViTMAEForPreTraining.from_pretrained(folder).eval()
    recipe = painter.spec.preprocess
    pixels = (pictures / 255 - np.asarray(recipe.mean)) / np.asarray(recipe.std)
    batch = torch.from_numpy(pixels).float().permute(0, 3, 1, 2)
    with torch.no_grad():
        out = model(batch, noise=torch.from_numpy(hidden.reshape(3, -1)).float())
    assert np.array_equal(out.mask.numpy() > 0, hidden.reshape(3, -1))
    assert done.losses.mean() == pytest.approx(float(out.loss), rel=1e-5)
    patches = out.logits
    if model.config.norm_pix_loss:
        target = model.patchify(batch)
        patches = patches * (target.var(-1, keepdim=True) + 1e-6).sqrt() + target.mean(-1, keepdim=True)
    theirs = model.unpatchify(patches).permute(0, 2, 3, 1).numpy() * recipe.std + recipe.mean
    np.testing.assert_allclose(done.painted, theirs, atol=1e-5)
    assert done.statistics == ("own" if model.config.norm_pix_loss else "pixels")


def test_a_hidden_patch_gives_nothing_of_itself_away(folder, pictures, tmp_path) -> None:
    """Whatever lies under the mask, the painted picture is the same; with its own statistics it isn't."""
    painter = open_painter(str(folder), memo=tmp_path)
    hidden = np.stack([random_hidden(GRID, 0.5, seed) for seed in (2, 3, 4)])
    other = pictures.copy()
    under = hidden.repeat(PATCH, 1).repeat(PATCH, 2)
    other[under] //= 4
    first, second = painter.paint(pictures, hidden), painter.paint(other, hidden)
    np.testing.assert_allclose(first.painted[under], second.painted[under], atol=1e-6)
    assert first.statistics == ("guessed" if painter.norm_pixels else "pixels")
    own = painter.paint(other, hidden, own_statistics=True)
    borrowed = np.abs(own.painted - painter.paint(pictures, hidden, own_statistics=True).painted)[under].max()
    assert (borrowed > 1e-3) == painter.norm_pixels


def test_each_picture_may_hide_another_number(folder, pictures, tmp_path) -> None:
    painter = open_painter(str(folder), memo=tmp_path)
    hidden = np.zeros((3, GRID, GRID), dtype=bool)
    hidden[1, 0, 0] = hidden[2, 1:] = True
    together = painter.paint(pictures, hidden)
    for row in range(3):
        alone = painter.paint(pictures[row : row + 1], hidden[row : row + 1])
        np.testing.assert_allclose(together.painted[row], alone.painted[0], atol=1e-5)
    assert np.isnan(together.losses[0]) and np.isnan(together.picture_errors()[0])
    assert np.array_equal(together.pasted()[0], together.original[0])
    kept = ~hidden.repeat(PATCH, 1).repeat(PATCH, 2)
    assert np.array_equal(together.pasted()[kept], together.original[kept])
    assert (together.masked()[~kept] == 0.5).all()
    slow = 255 * np.sqrt(((together.painted - together.original)[2, 8:16, 24:32] ** 2).mean())
    assert together.errors[2, 1, 3] == pytest.approx(slow, rel=1e-5)
    mean = np.sqrt(((together.painted - together.original)[2, 8:] ** 2).mean()) * 255
    assert together.picture_errors()[2] == pytest.approx(mean, rel=1e-5)


def test_what_can_not_be_painted_is_said(folder, pictures, tmp_path) -> None:
    painter = open_painter(str(folder), memo=tmp_path)
    with pytest.raises(ValueError, match="no visible patch"):
        painter.paint(pictures, np.ones((3, GRID, GRID), dtype=bool))
    with pytest.raises(ValueError, match="expected a mask"):
        painter.paint(pictures, np.zeros((2, GRID, GRID), dtype=bool))
    with pytest.raises(ValueError, match="has no decoder"):
        open_painter("random_vit", memo=tmp_path)


def test_an_encoder_alone_is_refused(folder, tmp_path) -> None:
    model = transformers.ViTMAEForPreTraining.from_pretrained(folder)
    model.vit.save_pretrained(tmp_path / "encoder")
    transformers.ViTImageProcessor(size={"height": SIZE, "width": SIZE}).save_pretrained(tmp_path / "encoder")
    with pytest.raises(ValueError, match="without its decoder"):
        open_painter(str(tmp_path / "encoder"), memo=tmp_path / "memo")


def test_masks() -> None:
    first = random_hidden(12, 0.75, seed=3)
    assert first.sum() == 108 and np.array_equal(first, random_hidden(12, 0.75, seed=3))
    assert not np.array_equal(first, random_hidden(12, 0.75, seed=4))
    assert random_hidden(2, 1.0, seed=0).sum() == 3
    drawn = drawn_hidden(np.array([[0.0, 0.5, 0.5, 1.0]]), 4)
    assert drawn[2:, :2].all() and drawn.sum() == 4
    assert not drawn_hidden(np.zeros((0, 4)), 4).any()


def test_statistics_are_guessed_from_what_is_visible() -> None:
    values = torch.rand(1, 9)
    hidden = torch.zeros(1, 9, dtype=torch.bool)
    hidden[0, [4, 5]] = True
    weighed = [
        (values[0, place], 1 / ((place // 3 - 1) ** 2 + (place % 3 - 1) ** 2))
        for place in (0, 1, 2, 3, 6, 7, 8)
    ]
    slow = sum(value * weight for value, weight in weighed) / sum(weight for _, weight in weighed)
    found = guessed(values, hidden, 3)
    assert found[0, 4] == pytest.approx(float(slow), rel=1e-5)
    assert torch.equal(found[~hidden], values[~hidden])
