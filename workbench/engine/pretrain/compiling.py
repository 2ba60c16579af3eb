"""torch.compile where it pays: the blocks of transformers, on a GPU, in runs that are long enough.

Only the blocks, for all of a kind are alike: one is compiled, when it is first used, and the others take what was
made of it, which takes seconds where the whole network takes minutes. Methods stay as they are written. Where
compiling fails (a machine without a compiler for C, say), torch computes as it does without it.
"""

from __future__ import annotations

import contextlib

import torch

from workbench.engine.pretrain.assemble import Ready

PAYS = 600  # steps: compiling takes about 13 s, and a step of ViT-S is then 20 to 40 ms shorter (NVIDIA H200)


def pays(ready: Ready, steps: int) -> bool:
    """Whether to compile for so many steps to come."""
    return (
        ready.job.compile
        and ready.device.type == "cuda"
        and ready.built.encoder.tokens
        and ready.method.compiles
        and steps >= PAYS
    )


def compile_blocks(ready: Ready, backend: str = "inductor") -> None:
    """Every block of encoders, their copies and MAE's decoder, for inputs of the very shapes that they see."""
    from timm.models.vision_transformer import Block

    torch._dynamo.config.suppress_errors = True  # compute uncompiled rather than fail
    for module in ready.method.modules():
        if isinstance(module, Block):
            module.compile(dynamic=False, backend=backend)
    ready.compiled = True


def uncompiled(ready: Ready) -> contextlib.AbstractContextManager[object]:
    """What is computed within is not compiled: looks, which see other shapes, and are few."""
    return torch.compiler.set_stance("force_eager") if ready.compiled else contextlib.nullcontext()
