"""One vision transformer in two layouts: timm's VisionTransformer, and transformers' ViT, ViTMAE, ViTMSN, Dinov2 and
Dinov2WithRegisters.

The layout of transformers is that of its files, which is the same in all of its versions; what its modules call their
tensors in memory is not. Nothing here needs transformers.

The tokens and their places are laid out differently: transformers' registers have no place of their own, and its
class token always has one. A place is a constant that is added to the token, so it is added once and for all where
the other layout lacks it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional

from workbench.records.text import printable

State = dict[str, torch.Tensor]

MODELS = {  # model_type: the class that AutoModel makes of it
    "vit": "ViTModel",
    "vit_mae": "ViTMAEModel",
    "vit_msn": "ViTMSNModel",
    "dinov2": "Dinov2Model",
    "dinov2_with_registers": "Dinov2WithRegistersModel",
}
REGISTERS = "dinov2_with_registers"
_SCALED = ("dinov2", REGISTERS)  # have LayerScale, and names of their own within a block
# What a config.json may be silent about (transformers' own defaults).
_USUAL: dict[str, Any] = {
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "image_size": 224,
    "patch_size": 16,
    "num_channels": 3,
    "qkv_bias": True,
    "hidden_act": "gelu",
    "mlp_ratio": 4,
    "use_swiglu_ffn": False,
    "num_register_tokens": 4,
}
_EPS = 1e-6  # timm's, and that of the authors of all these models; transformers' ViT takes 1e-12 instead
# (embed_dim, depth): what it is called. Dosovitskiy et al. 2021, table 1; Zhai et al. 2022, table 2.
SIZES = {
    (192, 12): "tiny",
    (384, 12): "small",
    (768, 12): "base",
    (1024, 24): "large",
    (1280, 32): "huge",
    (1536, 40): "giant",
}
_NAMED = ("tiny", "small", "base", "large")  # have an entry of timm's with patches of 16 px
_SWIGLU = "vit_giant_patch14_dinov2"  # timm's entry with the gated MLP, which no argument of JSON asks for
_WHOLE = ("vit.", "dinov2.", f"{REGISTERS}.")  # before every name where a head or a decoder was saved too
_UNUSED = ("pooler.", "decoder.", "classifier.", "embeddings.mask_token")

# timm's name within a block: transformers' in a file, for ViT and for Dinov2. `qkv` is three tensors there.
_BLOCK = {
    "norm1": ("layernorm_before", "norm1"),
    "attn.proj": ("attention.output.dense", "attention.output.dense"),
    "norm2": ("layernorm_after", "norm2"),
    "mlp.fc1": ("intermediate.dense", "mlp.fc1"),
    "mlp.fc2": ("output.dense", "mlp.fc2"),
}
_QKV = ("attention.attention.query", "attention.attention.key", "attention.attention.value")
_GATED = {"mlp.fc1": "mlp.weights_in", "mlp.fc2": "mlp.weights_out"}
_SCALES = {"ls1.gamma": "layer_scale1.lambda1", "ls2.gamma": "layer_scale2.lambda1"}
_PROJECTION = "embeddings.patch_embeddings.projection"


@dataclass(frozen=True, slots=True, kw_only=True)
class TimmViT:
    """What `timm.create_model` needs for the network of a transformers config; `img_size` is left to the caller."""

    architecture: str
    arguments: dict[str, Any]
    norm_eps: float  # of the config's layer norms, which no argument of timm's sets


def timm_of_config(config: Mapping[str, Any], name: str) -> TimmViT:
    """timm's model for the network that `config` (a config.json of transformers) describes.

    Raises:
        ValueError: timm has no such network in its VisionTransformer.
    """
    kind = str(config.get("model_type"))
    if kind not in MODELS:
        raise ValueError(
            f"{printable(name)} is of the kind {printable(kind)!r}, which timm's plain vision transformer is not. "
            f"Take one of the kinds {', '.join(MODELS)}, or the same network under timm's name."
        )
    told = {**_USUAL, **{key: value for key, value in config.items() if value is not None}}
    act = told["hidden_act"]
    if act != "gelu" or not isinstance(told["patch_size"], int) or not isinstance(told["image_size"], int):
        raise ValueError(
            f"{printable(name)} has another activation than GELU, or patches or pictures that are not square, which "
            "timm's vision transformer has not. Choose other weights."
        )
    width, depth = int(told["hidden_size"]), int(told["num_hidden_layers"])
    gated = kind in _SCALED and bool(told["use_swiglu_ffn"])
    hidden = _hidden(told, kind, width, gated)
    arguments: dict[str, Any] = {
        "patch_size": told["patch_size"],
        "embed_dim": width,
        "depth": depth,
        "num_heads": int(told["num_attention_heads"]),
        "mlp_ratio": _ratio(hidden * (2 if gated else 1), width),
        "qkv_bias": bool(told["qkv_bias"]),
    }
    if int(told["num_channels"]) != 3:
        arguments["in_chans"] = int(told["num_channels"])
    if kind in _SCALED:
        arguments["init_values"] = 1e-5
    if kind == REGISTERS:
        arguments |= {"reg_tokens": int(told["num_register_tokens"]), "no_embed_class": True}
    size = SIZES.get((width, depth))
    architecture = f"vit_{size if size in _NAMED else 'base'}_patch16_224"
    eps = float(told.get("layer_norm_eps") or (_EPS if kind in _SCALED else 1e-12))
    return TimmViT(architecture=_SWIGLU if gated else architecture, arguments=arguments, norm_eps=eps)


def config_of_timm(module: Any, image_size: int) -> dict[str, Any]:
    """The config.json of the transformers model that computes what `module` computes. Heads are left out.

    LayerScale, registers or a gated MLP make it a Dinov2, else it is a ViT. Whether both agree has still to be tried:
    activations and the like don't show in the weights.

    Raises:
        ValueError: transformers has no such network; a sentence that says why.
    """
    state = {key: tuple(value.shape) for key, value in module.state_dict().items()}
    blocks, registers = len(module.blocks), int(module.num_reg_tokens)
    scaled, gated = "blocks.0.ls1.gamma" in state, _is_gated(state)
    kind = REGISTERS if registers else "dinov2" if scaled or gated else "vit"
    bias = "blocks.0.attn.qkv.bias" in state
    wanted = {"cls_token", "pos_embed", "patch_embed.proj.weight", "patch_embed.proj.bias"}
    wanted |= {"norm.weight", "norm.bias"} | ({"reg_token"} if registers else set())
    for number in range(blocks):
        inside = {f"{part}.{what}" for part in _BLOCK for what in ("weight", "bias")} | {"attn.qkv.weight"}
        inside |= ({"attn.qkv.bias"} if bias else set()) | (set(_SCALES) if scaled else set())
        wanted |= {f"blocks.{number}.{part}" for part in inside}
    mine = {key for key in state if not key.startswith(("head.", "fc_norm.", "attn_pool."))}
    odd = sorted((mine - wanted) | (wanted - mine))
    if odd:
        raise ValueError(
            f"transformers has no model with exactly its parts: {', '.join(odd[:3])} makes the difference."
        )
    width, hidden = state["norm.weight"][0], state["blocks.0.mlp.fc1.weight"][0]
    patch, square = state["patch_embed.proj.weight"][2:]
    if patch != square or math.isqrt(_places(module)) ** 2 != _places(module):
        raise ValueError("its patches or its pictures are not square, which transformers asks for.")
    body: dict[str, Any] = {
        "model_type": kind,
        "architectures": [MODELS[kind]],
        "dtype": "float32",
        "hidden_size": width,
        "num_hidden_layers": blocks,
        "num_attention_heads": int(module.blocks[0].attn.num_heads),
        "hidden_act": "gelu",
        "image_size": image_size,
        "patch_size": patch,
        "num_channels": state["patch_embed.proj.weight"][1],
        "qkv_bias": bias,
        "layer_norm_eps": float(module.norm.eps),
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
    }
    if kind == "vit":
        return {**body, "intermediate_size": hidden}
    ratio = _dinov2_ratio(width, hidden, gated)
    body |= {"mlp_ratio": ratio, "use_swiglu_ffn": gated, "layerscale_value": 1.0}
    return {**body, "num_register_tokens": registers} if kind == REGISTERS else body


def state_to_timm(config: Mapping[str, Any], state: Mapping[str, torch.Tensor]) -> State:
    """Weights of a transformers file under timm's names. Heads, poolers and decoders are left out.

    Raises:
        ValueError: a tensor that the network has is missing, or one is there that it hasn't.
    """
    kind = str(config["model_type"])
    there = _without_prefix(state)
    left = {key for key in there if not key.startswith(_UNUSED)}

    def take(name: str) -> torch.Tensor:
        if name not in there:
            raise ValueError(f"The weights lack {printable(name)}. Fetch or copy the model again.")
        left.discard(name)
        return there[name]

    made: State = {}
    for what in ("weight", "bias"):
        made[f"patch_embed.proj.{what}"] = take(f"{_PROJECTION}.{what}")
        made[f"norm.{what}"] = take(f"layernorm.{what}")
    places, token = take("embeddings.position_embeddings"), take("embeddings.cls_token")
    if kind == REGISTERS:
        made["reg_token"] = take("embeddings.register_tokens")
        token, places = token + places[:, :1], places[:, 1:]
    made |= {"cls_token": token, "pos_embed": places}
    for number in _block_numbers(left):
        inner, outer = f"encoder.layer.{number}.", f"blocks.{number}."
        for what in ("weight", "bias"):
            for part, theirs in _names(kind, gated=f"{inner}mlp.weights_in.weight" in there).items():
                made[f"{outer}{part}.{what}"] = take(f"{inner}{theirs}.{what}")
            if what == "weight" or f"{inner}{_QKV[0]}.bias" in there:
                made[f"{outer}attn.qkv.{what}"] = torch.cat([take(f"{inner}{part}.{what}") for part in _QKV])
        if kind in _SCALED:
            made |= {f"{outer}{mine}": take(f"{inner}{theirs}") for mine, theirs in _SCALES.items()}
    if left:
        raise ValueError(
            f"The weights hold what the network hasn't: {', '.join(map(printable, sorted(left)[:3]))}."
        )
    return made


def state_to_transformers(
    config: Mapping[str, Any], module: Any, mask_token: torch.Tensor | None = None
) -> State:
    """Weights of timm's `module` under the names of the file that `config` (of `config_of_timm`) belongs to.

    `mask_token`: (width,), what hidden patches are replaced by, for the kinds that keep one; None writes zeros.
    """
    kind = str(config["model_type"])
    state: State = {key: value.detach() for key, value in module.state_dict().items()}
    made: State = {}
    for what in ("weight", "bias"):
        made[f"{_PROJECTION}.{what}"] = state[f"patch_embed.proj.{what}"]
        made[f"layernorm.{what}"] = state[f"norm.{what}"]
    token, places = state["cls_token"], state["pos_embed"]
    registers = state.get("reg_token")
    if module.no_embed_class:
        places = torch.cat([torch.zeros_like(token), places], dim=1)
    elif registers is not None:
        num = registers.shape[1]
        registers = registers + places[:, 1 : 1 + num]
        places = torch.cat([places[:, :1], places[:, 1 + num :]], dim=1)
    made |= {"embeddings.cls_token": token, "embeddings.position_embeddings": places}
    if registers is not None:
        made["embeddings.register_tokens"] = registers
    if kind in _SCALED:
        width = token.shape[-1]
        token = torch.zeros(width) if mask_token is None else mask_token.detach()
        made["embeddings.mask_token"] = token.reshape(1, width)
    shapes = {key: tuple(value.shape) for key, value in state.items()}
    for number in range(len(module.blocks)):
        inner, outer = f"encoder.layer.{number}.", f"blocks.{number}."
        for what in ("weight", "bias"):
            for part, theirs in _names(kind, gated=_is_gated(shapes)).items():
                made[f"{inner}{theirs}.{what}"] = state[f"{outer}{part}.{what}"]
            joined = state.get(f"{outer}attn.qkv.{what}")
            if joined is not None:
                parts = joined.chunk(3)
                made |= {f"{inner}{name}.{what}": part for name, part in zip(_QKV, parts, strict=True)}
        if kind in _SCALED:
            for mine, theirs in _SCALES.items():
                ones = torch.ones(config["hidden_size"])
                made[f"{inner}{theirs}"] = state.get(f"{outer}{mine}", ones)
    return {key: value.float().contiguous().clone() for key, value in made.items()}


def resampled(places: torch.Tensor, kind: str, side: int) -> torch.Tensor:
    """(1, 1 + n * n, D) places of a file brought to `side` patches a side, exactly as transformers does it for `kind`
    ("embeddings.position_embeddings" of `state_to_timm`'s input)."""
    first, rest = places[:, :1], places[:, 1:]
    old = math.isqrt(rest.shape[1])
    if old == side:
        return places
    table = rest.float().reshape(1, old, old, -1).permute(0, 3, 1, 2)
    table = functional.interpolate(
        table, size=(side, side), mode="bicubic", align_corners=False, antialias=kind == REGISTERS
    )
    return torch.cat([first, table.permute(0, 2, 3, 1).reshape(1, side * side, -1)], dim=1)


def set_norm_eps(module: torch.nn.Module, eps: float) -> None:
    """Of every layer norm of timm's `module`: what no argument of timm's sets."""
    for layer in module.modules():
        if isinstance(layer, torch.nn.LayerNorm):
            layer.eps = eps


def _names(kind: str, *, gated: bool) -> dict[str, str]:
    """timm's name of each layer within a block, and transformers'; `qkv` aside."""
    column = int(kind in _SCALED)
    return {part: names[column] for part, names in _BLOCK.items()} | (_GATED if gated else {})


def _without_prefix(state: Mapping[str, torch.Tensor]) -> Mapping[str, torch.Tensor]:
    prefix = next((text for text in _WHOLE if f"{text}embeddings.cls_token" in state), "")
    return {key.removeprefix(prefix): value for key, value in state.items()}


def _block_numbers(names: set[str]) -> list[int]:
    found = (re.match(r"encoder\.layer\.(\d+)\.", name) for name in names)
    return sorted({int(match[1]) for match in found if match})


def _is_gated(shapes: Mapping[str, tuple[int, ...]]) -> bool:
    return shapes["blocks.0.mlp.fc1.weight"][0] != shapes["blocks.0.mlp.fc2.weight"][1]


def _places(module: Any) -> int:
    """Of the patches."""
    return int(module.pos_embed.shape[1]) - (0 if module.no_embed_class else int(module.num_prefix_tokens))


def _hidden(told: Mapping[str, Any], kind: str, width: int, gated: bool) -> int:
    """Width of the MLP's inner layer, of one of its two halves where it is gated."""
    if kind not in _SCALED:
        return int(told.get("intermediate_size") or 3072)
    hidden = int(width * told["mlp_ratio"])
    return (int(hidden * 2 / 3) + 7) // 8 * 8 if gated else hidden


def _dinov2_ratio(width: int, hidden: int, gated: bool) -> int:
    """The whole number that transformers' Dinov2 makes `hidden` of."""
    told: dict[str, Any] = {}
    for told["mlp_ratio"] in range(1, 17):
        if _hidden(told, "dinov2", width, gated) * (2 if gated else 1) == hidden:
            return int(told["mlp_ratio"])
    raise ValueError(f"the inner layer of its MLPs has {hidden} numbers, no whole multiple of {width}.")


def _ratio(hidden: int, width: int) -> float:
    """timm takes int(width * ratio): the ratio that gives `hidden` exactly."""
    ratio = hidden / width
    return ratio if int(width * ratio) == hidden else math.nextafter(ratio, math.inf)
