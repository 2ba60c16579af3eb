"""MAE against transformers' ViTMAE, which equals the published code where its positions are filled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import load_file, save_file
from transformers import ViTMAEConfig, ViTMAEForPreTraining

from tests.engine.methods.made import batch_of
from tests.engine.methods.tiny import IMAGE, method, plan, vit
from workbench.engine.methods.decoder import Decoder
from workbench.engine.methods.encoder import Encoder
from workbench.engine.methods.mae import MAE, cut
from workbench.engine.methods.mae_hf import load_hugging_face, to_hugging_face
from workbench.engine.methods.masks import STREAM, random_mask
from workbench.engine.methods.positions import grid_positions

SMALL: dict[str, Any] = {"decoder_depth": 2, "decoder_width": 32, "decoder_heads": 2}


def mae(**settings: Any) -> MAE:
    made: MAE = method("mae", vit(), **{**SMALL, **settings})
    return made


def theirs(of: MAE) -> ViTMAEForPreTraining:
    config, state = to_hugging_face(of)
    model, report = ViTMAEForPreTraining.from_pretrained(
        None, config=ViTMAEConfig(**config), state_dict=state, output_loading_info=True
    )
    assert not report["missing_keys"] and not report["unexpected_keys"]
    return model.train()


@pytest.mark.parametrize("norm_pixels", [True, False])
@pytest.mark.parametrize("ratio", [0.75, 0.5])
def test_loss_mask_logits_and_gradients_are_those_of_transformers(norm_pixels: bool, ratio: float) -> None:
    own = mae(norm_pixels=norm_pixels, mask_ratio=ratio)
    other = theirs(own)
    given = batch_of(own, 0)
    noise = given.draw.uniform(STREAM, 16)

    outcome = own(given)
    result = other(given.views[0], noise=noise)
    hidden = own.hidden(own.config, given.draw, 4, 4, 0)
    assert torch.equal(hidden.float(), result.mask)
    torch.testing.assert_close(outcome.loss, result.loss, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(own.reconstruct(given.views[0], hidden), result.logits, rtol=1e-5, atol=1e-5)
    outcome.loss.backward()
    result.loss.backward()
    for one, two in (
        (own.encoder.module.patch_embed.proj, other.vit.embeddings.patch_embeddings.projection),
        (own.encoder.module.blocks[1].mlp.fc2, other.vit.layers[1].mlp.fc2),
        (own.decoder.enter, other.decoder.decoder_embed),
        (own.decoder.blocks[0].attn.proj, other.decoder.decoder_layers[0].attention.o_proj),
    ):
        torch.testing.assert_close(one.weight.grad, two.weight.grad, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(
        own.decoder.mask_token.grad, other.decoder.mask_token.grad.flatten(), rtol=1e-4, atol=1e-6
    )


def test_positions_are_those_of_transformers_and_not_nought() -> None:
    from transformers.models.vit_mae.modeling_vit_mae import ViTMAEEmbeddings

    own = mae()
    config = ViTMAEConfig(hidden_size=32, image_size=IMAGE, patch_size=8)
    embeddings = ViTMAEEmbeddings(config)
    embeddings.initialize_weights()
    torch.testing.assert_close(own.encoder.module.pos_embed, embeddings.position_embeddings.detach())
    assert own.encoder.module.pos_embed[:, 1:].abs().sum(-1).min() > 1
    assert own.decoder.positions.abs().sum(-1).min() > 1
    assert not own.encoder.module.pos_embed.requires_grad
    assert len(torch.unique(grid_positions(14, 64), dim=0)) == 196


def test_shuffled_patches_are_another_picture() -> None:
    own = mae()
    images = batch_of(own, 0).views[0]
    shuffled = images.roll(8, dims=3)
    moved = (own.encoder(images) - own.encoder(shuffled)).abs().max()
    assert moved > 1e-3
    own.encoder.module.pos_embed.zero_()
    assert (own.encoder(images) - own.encoder(shuffled)).abs().max() < 1e-5


def test_only_hidden_patches_count() -> None:
    own = mae(norm_pixels=False)
    given = batch_of(own, 0)
    hidden = own.hidden(own.config, given.draw, 4, 4, 0)
    errors = (own.reconstruct(given.views[0], hidden) - cut(given.views[0], 8)).square().mean(-1)
    torch.testing.assert_close(own(given).loss, errors[hidden].mean())


def test_only_visible_patches_are_encoded(monkeypatch: pytest.MonkeyPatch) -> None:
    own = mae()
    seen: list[int] = []
    own.encoder.module.blocks[0].register_forward_hook(lambda *call: seen.append(call[1][0].shape[1]))
    own.decoder.blocks[0].register_forward_hook(lambda *call: seen.append(call[1][0].shape[1]))
    own(batch_of(own, 0))
    assert seen == [1 + 4, 1 + 16]


def test_hidden_pixels_reach_the_loss_only_as_target() -> None:
    own = mae()
    given = batch_of(own, 0)
    hidden = own.hidden(own.config, given.draw, 4, 4, 0)
    images = given.views[0].clone()
    painted = own.reconstruct(images, hidden)
    patches = hidden.reshape(4, 1, 4, 1, 4, 1).expand(4, 3, 4, 8, 4, 8).reshape(4, 3, 32, 32)
    images[patches] = 9.0
    torch.testing.assert_close(own.reconstruct(images, hidden), painted)


@pytest.mark.parametrize(
    ("total", "ratio", "kept"), [(196, 0.75, 49), (16, 0.75, 4), (4, 0.95, 1), (4, 0.05, 3)]
)
def test_as_many_are_hidden_in_every_picture(total: int, ratio: float, kept: int) -> None:
    hidden = random_mask(torch.rand(50, total), ratio)
    assert ((~hidden).sum(1) == kept).all()
    assert len(torch.unique(hidden, dim=0)) > min(total, 25) - 1


def test_loaded_weights_keep_their_positions() -> None:
    encoder = vit()
    encoder.fresh = False
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    method("mae", encoder, **SMALL)
    assert all(torch.equal(value, before[name]) for name, value in encoder.state_dict().items())


@pytest.mark.parametrize("changes", [{"reg_tokens": 2}, {"class_token": False, "global_pool": "avg"}])
def test_other_tokens_before_the_patches(changes: dict[str, Any]) -> None:
    own = method("mae", vit(**changes), **SMALL)
    outcome = own(batch_of(own, 0))
    outcome.loss.backward()
    assert outcome.vectors.shape == (4, 32)
    assert all(value.grad is not None for _, value in own.learning())
    with pytest.raises(ValueError, match="ViTMAE"):
        to_hugging_face(own)


def test_written_file_is_read_by_transformers_and_read_back(tmp_path: Path) -> None:
    own = mae()
    config, state = to_hugging_face(own)
    ViTMAEConfig(**config).save_pretrained(tmp_path)
    save_file(state, tmp_path / "model.safetensors", metadata={"format": "pt"})
    other, report = ViTMAEForPreTraining.from_pretrained(tmp_path, output_loading_info=True)
    assert not report["missing_keys"] and not report["unexpected_keys"]
    given = batch_of(own, 0)
    noise = given.draw.uniform(STREAM, 16)
    loss = own(given).loss
    torch.testing.assert_close(other.train()(given.views[0], noise=noise).loss, loss)

    other.save_pretrained(tmp_path / "again")  # transformers' own spelling
    for folder in (tmp_path, tmp_path / "again"):
        back = method("mae", vit(seed=9), **SMALL)
        assert not torch.allclose(back(given).loss, loss)
        load_hugging_face(back, load_file(folder / "model.safetensors"))
        torch.testing.assert_close(back(given).loss, loss)
    with pytest.raises(ValueError, match="missing"):
        load_hugging_face(own, {name: value for name, value in state.items() if "query" not in name})
    with pytest.raises(ValueError, match="other sizes"):
        load_hugging_face(method("mae", vit(), **{**SMALL, "decoder_width": 64}), state)


def test_decoder_is_half_as_wide_as_the_encoder_and_512_at_most() -> None:
    widths = {}
    for name in ("vit_tiny_patch16_224", "vit_small_patch16_224"):
        encoder = Encoder(timm.create_model(name, num_classes=0, depth=1))
        decoder: Decoder = MAE(encoder, MAE.Config(decoder_depth=1), plan(image_size=224)).decoder
        widths[name] = (decoder.enter.out_features, decoder.blocks[0].attn.num_heads)
    assert widths == {"vit_tiny_patch16_224": (96, 3), "vit_small_patch16_224": (192, 6)}


def test_recipe() -> None:
    recipe = MAE.recipe(MAE.Config(), plan(batch_size=512, epochs=800, steps_per_epoch=10), tokens=True)
    assert (recipe.optimiser, recipe.learning_rate, recipe.betas) == ("adamw", 3e-4, (0.9, 0.95))
    assert (recipe.warm_up, recipe.weight_decay, recipe.clip) == (400, 0.05, 0.0)
    with pytest.raises(ValueError, match="transformer"):
        MAE.recipe(MAE.Config(), plan(), tokens=False)


def test_what_cannot_be_hidden_is_refused() -> None:
    with pytest.raises(ValueError, match="one patch"):
        random_mask(torch.rand(2, 1), 0.75)
    own = mae()
    uneven = torch.zeros(4, 16, dtype=torch.bool)
    uneven[0, 0] = True
    with pytest.raises(ValueError, match="As many"):
        own.reconstruct(batch_of(own, 0).views[0], uneven)
    with pytest.raises(ValueError, match="position"):
        method("mae", vit(pos_embed="none"), **SMALL)
    with pytest.raises(ValueError, match="multiple"):
        method("mae", vit(), decoder_width=36, decoder_heads=5)
