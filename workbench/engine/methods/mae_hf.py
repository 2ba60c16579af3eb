"""MAE with its decoder as transformers' `ViTMAEForPreTraining` and back, by the names that published files have
(facebook/vit-mae-base), which every version of transformers reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from workbench.engine.backbones.huggingface import quietly
from workbench.engine.methods.mae import MAE

_BLOCK = {
    "norm1": "layernorm_before",
    "norm2": "layernorm_after",
    "attn.proj": "attention.output.dense",
    "mlp.fc1": "intermediate.dense",
    "mlp.fc2": "output.dense",
}
_LAYERS = {
    "encoder.module.patch_embed.proj": "vit.embeddings.patch_embeddings.projection",
    "encoder.module.norm": "vit.layernorm",
    "decoder.enter": "decoder.decoder_embed",
    "decoder.norm": "decoder.decoder_norm",
    "decoder.paint": "decoder.decoder_pred",
}
_TOKENS = {
    "encoder.module.cls_token": "vit.embeddings.cls_token",
    "decoder.mask_token": "decoder.mask_token",
}
_POSITIONS = {
    "encoder.module.pos_embed": "vit.embeddings.position_embeddings",
    "decoder.positions": "decoder.decoder_pos_embed",
}
# transformers 5 writes the decoder's blocks under a name of its own.
_OTHER_SPELLING = ("decoder.decoder_encoder.layer.", "decoder.decoder_layers.")


def to_hugging_face(method: MAE) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """`config.json` as a dictionary, and the weights on the CPU, for the size that was trained with.

    Raises:
        ValueError: the encoder has parts that ViTMAE knows nothing of (registers, layer scale, ...).
    """
    table = _table(method)
    values = {name: value.detach().cpu() for name, value in method.state_dict().items()}
    odd = sorted(set(values) - set(table) - set(_POSITIONS))
    if odd or method.encoder.prefix != 1:
        parts = ", ".join(odd[:3]) if odd else "no class token, or more than one token, before its patches"
        raise ValueError(
            f"This encoder can't be written as transformers' ViTMAE, which doesn't know {parts}. Its timm layout can."
        )
    state: dict[str, torch.Tensor] = {}
    for name, theirs in table.items():
        pieces = values[name].chunk(len(theirs))
        for their_name, piece in zip(theirs, pieces, strict=True):
            state[their_name] = piece.reshape(1, 1, -1) if name in _TOKENS else piece.contiguous()
    grid = method.plan.image_size // method.encoder.patch
    first = values["encoder.module.pos_embed"][0, :1]
    if method.encoder.module.no_embed_class:
        first = torch.zeros_like(first)
    own = method.encoder.positions((grid, grid)).detach().cpu()
    state[_POSITIONS["encoder.module.pos_embed"]] = torch.cat([first, own]).unsqueeze(0)
    painted = values["decoder.positions"]
    state[_POSITIONS["decoder.positions"]] = torch.cat([torch.zeros_like(painted[:1]), painted]).unsqueeze(0)
    return _config(method), state


def whole_mae(method: MAE) -> Any:
    """transformers' ViTMAEForPreTraining with these weights; None where the encoder has parts that it knows not."""
    from transformers import ViTMAEConfig, ViTMAEForPreTraining

    try:
        config, state = to_hugging_face(method)
    except ValueError:
        return None
    with torch.random.fork_rng(devices=[]), quietly():
        model, report = ViTMAEForPreTraining.from_pretrained(
            None, config=ViTMAEConfig(**config), state_dict=state, output_loading_info=True
        )
    strange = [*report["missing_keys"], *report["unexpected_keys"]]
    if strange:
        raise ValueError(f"transformers' ViTMAE has other weights: {', '.join(sorted(strange)[:3])}.")
    return model.eval()


def load_hugging_face(method: MAE, state: Mapping[str, torch.Tensor]) -> None:
    """Take over the weights of encoder and decoder from the file of a ViTMAE of the same sizes.

    Raises:
        ValueError: a weight is missing or of another shape.
    """
    state = {name.replace(*_OTHER_SPELLING): value for name, value in state.items()}
    own = method.state_dict()
    table = _table(method)
    values: dict[str, torch.Tensor] = {}
    for name, theirs in table.items():
        values[name] = torch.cat([_found(state, their_name) for their_name in theirs])
    values["encoder.module.pos_embed"] = _found(state, _POSITIONS["encoder.module.pos_embed"])
    if method.encoder.module.no_embed_class:
        values["encoder.module.pos_embed"] = values["encoder.module.pos_embed"][:, 1:]
    values["decoder.positions"] = _found(state, _POSITIONS["decoder.positions"])[0, 1:]
    with torch.no_grad():
        for name, value in values.items():
            if name in _TOKENS and value.numel() == own[name].numel():
                value = value.reshape(own[name].shape)
            if value.shape != own[name].shape:
                raise ValueError(
                    f"The weights are of a ViTMAE of other sizes: {name} is {tuple(own[name].shape)} here and "
                    f"{tuple(value.shape)} there. Choose the same architecture, image size and decoder."
                )
            own[name].copy_(value)


def _found(state: Mapping[str, torch.Tensor], name: str) -> torch.Tensor:
    if name not in state:
        raise ValueError(f"The weights are not those of a whole ViTMAE: {name} is missing.")
    return state[name]


def _table(method: MAE) -> dict[str, tuple[str, ...]]:
    """Our names of weights, and theirs; what is one weight here and three there is cut along its first axis."""
    layers: dict[str, tuple[str, ...]] = {ours: (theirs,) for ours, theirs in _LAYERS.items()}
    for ours, theirs, blocks in (
        ("encoder.module.blocks", "vit.encoder.layer", method.encoder.module.blocks),
        ("decoder.blocks", "decoder.decoder_layers", method.decoder.blocks),
    ):
        for number in range(len(blocks)):
            for own, their in _BLOCK.items():
                layers[f"{ours}.{number}.{own}"] = (f"{theirs}.{number}.{their}",)
            attention = f"{theirs}.{number}.attention.attention"
            layers[f"{ours}.{number}.attn.qkv"] = tuple(
                f"{attention}.{part}" for part in ("query", "key", "value")
            )
    table = {ours: (theirs,) for ours, theirs in _TOKENS.items()}
    for ours, many in layers.items():
        for kind in ("weight", "bias"):
            table[f"{ours}.{kind}"] = tuple(f"{theirs}.{kind}" for theirs in many)
    return table


def _config(method: MAE) -> dict[str, Any]:
    encoder, decoder = method.encoder, method.decoder
    block, last = encoder.module.blocks[0], decoder.blocks[0]
    return {
        "architectures": ["ViTMAEForPreTraining"],
        "model_type": "vit_mae",
        "hidden_size": encoder.width,
        "num_hidden_layers": len(encoder.module.blocks),
        "num_attention_heads": block.attn.num_heads,
        "intermediate_size": block.mlp.fc1.out_features,
        "hidden_act": "gelu",
        "layer_norm_eps": block.norm1.eps,
        "qkv_bias": True,
        "image_size": method.plan.image_size,
        "patch_size": encoder.patch,
        "num_channels": method.channels,
        "decoder_hidden_size": decoder.enter.out_features,
        "decoder_num_hidden_layers": len(decoder.blocks),
        "decoder_num_attention_heads": last.attn.num_heads,
        "decoder_intermediate_size": last.mlp.fc1.out_features,
        "mask_ratio": method.config.mask_ratio,
        "norm_pix_loss": method.config.norm_pixels,
    }
