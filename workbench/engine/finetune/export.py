"""A fine-tuned network as a folder that timm or transformers loads by itself, with the classifier in it.

timm kinds (and the bundled and random ones, whose architectures are timm's) become timm's hub layout; Hugging Face
kinds the layout of `save_pretrained`, see `export_hf`. Every config.json carries a mark (`backbones/marks.py`) that
these weights have seen labels, and a model card beside it says which. The folder appears whole or not at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import timm
import torch
from safetensors.torch import save_file

from workbench.engine.backbones import catalogue, marks
from workbench.engine.backbones.model_folders import timm_facts, write_model
from workbench.engine.backbones.resolve import Resolved
from workbench.engine.finetune.adapters import merge_adapters
from workbench.engine.finetune.export_hf import save_transformers
from workbench.engine.finetune.head import Head
from workbench.engine.finetune.network import Network
from workbench.engine.finetune.trainable import Trainable
from workbench.records.files import whole_folder
from workbench.records.finetunes import NOT_RANKED, FinetuneResult
from workbench.records.scores import METRIC_NAMES
from workbench.records.text import count, printable

_TINY = "vit_tiny_patch16_224"  # what the random floor is made as


def export(
    folder: Path,
    resolved: Resolved,
    network: Network,
    head: Head,
    trainable: Trainable,
    result: FinetuneResult,
) -> str:
    """Write the network, as it now is, to `folder`. Adapters are merged into the weights for good.

    The classifier goes into the model only where the library's own model then gives the same logits for a few
    pictures; else the head is written beside the backbone.

    Returns:
        "timm", "transformers", "timm backbone + head" or "transformers backbone + head".
    """
    if trainable.lora:
        merge_adapters(network.module)
    mark = mark_of(result)
    network.module.eval().to("cpu")
    weight, bias = head.folded()
    trial = _trial(network, resolved, weight, bias)
    save = save_transformers if resolved.kind == "huggingface" else save_timm
    with whole_folder(folder) as part:
        form = save(part, resolved, network.module, weight, bias, result.classes, mark, trial)
        (part / "README.md").write_text(_card(result, form), encoding="utf-8")
    return form


def mark_of(result: FinetuneResult) -> dict[str, Any]:
    """What the checkpoint says of itself, for programs."""
    seed = next(seed for seed in result.seeds if seed.seed == result.checkpoint_seed)
    return {
        "kind": marks.TUNED,
        "backbone": result.backbone,
        "trained": result.trained,
        "index": result.index,
        "split": seed.split,
        "seed": seed.seed,
        "epoch": seed.chosen,
        "images": seed.counts[0],
        "classes": list(result.classes),
        "metric": result.metric,
        "validation": seed.at(seed.chosen).val[result.metric],
        "test": seed.test[result.metric],
        "run": result.run,
    }


def save_timm(
    folder: Path,
    resolved: Resolved,
    module: torch.nn.Module,
    weight: torch.Tensor,
    bias: torch.Tensor,
    classes: tuple[str, ...],
    mark: dict[str, Any],
    trial: Trial,
) -> str:
    """model.safetensors and config.json, as `timm.models.save_for_hf` lays them out. Returns the form.

    The feature is what timm's own classifier gets, but for the mean of the patches, for which the model is made with
    average pooling after the norm.
    """
    architecture = resolved.architecture or _TINY
    spec = resolved.spec
    arguments = dict(resolved.arguments or {})
    if getattr(module, "dynamic_img_size", False):  # keeps the positions of the size that it was made for
        arguments |= {"dynamic_img_size": True, "img_size": int(module.patch_embed.img_size[0])}
    if spec.feature == "mean" and hasattr(module, "num_prefix_tokens"):
        arguments |= {"global_pool": "avg", "fc_norm": False}
    name = architecture.partition(".")[0]
    state = {key: value.detach().contiguous().clone() for key, value in module.state_dict().items()}
    whole = _with_classifier(
        name, arguments, timm_facts(module, spec.preprocess, len(classes)), state, weight, bias
    )
    form = "timm" if whole is not None and trial.agrees(whole) else "timm backbone + head"
    num_classes = len(classes) if form == "timm" else 0
    if form == "timm":
        assert whole is not None
        state = whole.state_dict()
    else:
        arguments = dict(resolved.arguments or {})
        save_file({"weight": weight, "bias": bias}, folder / "head.safetensors", metadata={"format": "pt"})
    body = {
        "architecture": name,
        "num_classes": num_classes,
        "label_names": [printable(label) for label in classes],
        **({"model_args": arguments} if arguments else {}),
        "pretrained_cfg": timm_facts(module, spec.preprocess, num_classes),
    }
    write_model(folder, body, state, mark)
    return form


def _with_classifier(
    name: str,
    arguments: dict[str, Any],
    config: dict[str, Any],
    state: dict[str, torch.Tensor],
    weight: torch.Tensor,
    bias: torch.Tensor,
) -> torch.nn.Module | None:
    """timm's own model with these weights; None where its classifier is no one layer, or it has other tensors."""
    with torch.random.fork_rng(devices=[]):
        whole = timm.create_model(name, num_classes=len(bias), pretrained_cfg=config, **arguments).eval()
    classifier = whole.get_classifier()
    prefix = next((key for key, part in whole.named_modules() if part is classifier), "")
    layer = getattr(classifier, "weight", None)
    if not prefix or layer is None or layer.numel() != weight.numel():
        return None
    state = {**state, f"{prefix}.weight": weight.view(layer.shape), f"{prefix}.bias": bias}
    if set(state) != set(whole.state_dict()):
        return None
    try:
        whole.load_state_dict(state)
    except RuntimeError:  # tensors of other shapes
        return None
    return whole


@dataclass(frozen=True, slots=True)
class Trial:
    """A few pictures, normalised, and the logits that they must have."""

    pictures: torch.Tensor  # (B, 3, S, S)
    logits: torch.Tensor  # (B, K)

    def agrees(self, model: torch.nn.Module, **more: Any) -> bool:
        with torch.no_grad():
            found = model(self.pictures, **more)
        found = found if torch.is_tensor(found) else found.logits
        size = float(self.logits.abs().max())
        return found.shape == self.logits.shape and bool(
            torch.allclose(found, self.logits, rtol=1e-4, atol=1e-4 * max(size, 1e-6))
        )


def _trial(network: Network, resolved: Resolved, weight: torch.Tensor, bias: torch.Tensor) -> Trial:
    size = resolved.spec.preprocess.size
    pictures = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        features = network.features_of(pictures)
    return Trial(pictures, features @ weight.T + bias)


def _card(result: FinetuneResult, form: str) -> str:
    """The model card, for people. Class names come from folders, so they are made printable."""
    mark = mark_of(result)
    seed = next(seed for seed in result.seeds if seed.seed == result.checkpoint_seed)
    metric = METRIC_NAMES[result.metric]
    mean = result.scores[result.metric]
    loads = {
        "timm": 'model = timm.create_model("local-dir:FOLDER", pretrained=True)',
        "transformers": 'model = AutoModelForImageClassification.from_pretrained("FOLDER")',
    }.get(form)
    library, maker = ("timm", "its loader") if form.startswith("timm") else ("transformers", "AutoModel")
    how = [
        "    " + loads
        if loads
        else f"The folder holds the backbone alone, as {maker} of {library} loads it; `head.safetensors` holds "
        f"`weight` (classes x features) and `bias` of the linear layer on its feature `{result.feature}`: "
        f"{library} has no such head.",
        "",
    ]
    names = ", ".join(printable(name).replace("`", "'") for name in result.classes)
    interval = f", 95 % {mean.interval[0]:.3f} to {mean.interval[1]:.3f}" if mean.interval else ""
    lines = [
        f"# {printable(result.title)}, fine-tuned on labels",
        "",
        f"Made by SSL workbench, run {result.run}. {catalogue_word(result)}",
        "",
        *how,
        f"- Learnt: {result.trained} ({result.trainable_parameters:,} of {result.total_parameters:,} parameters).",
        f"- Classes, in the order of the outputs: {names}.",
        f"- Data: {count(seed.counts[0], 'image')} learnt from, {seed.counts[1]:,} for choosing the epoch, "
        f"{seed.counts[2]:,} tested; content hash `{mark['index']}`.",
        f"- Split: seed {seed.seed}, hash `{seed.split}`. The seed was chosen by its validation score "
        f"({metric} {mark['validation']:.3f}), never by its test score ({mark['test']:.3f}).",
        f"- Over {count(len(result.seeds), 'seed')}: {metric} {mean.mean:.3f}, SD {mean.sd:.3f}{interval}.",
        "",
        NOT_RANKED
        + " Nor is a probe on this checkpoint one of a frozen public backbone: it has seen labels.",
        "",
    ]
    return "\n".join(lines)


def catalogue_word(result: FinetuneResult) -> str:
    """Which backbone it began as, and that its licence goes on."""
    if result.backbone == catalogue.RANDOM_VIT:
        return "It began as a backbone that had learnt nothing."
    return f"It began as `{printable(result.backbone).replace('`', '')}`, whose licence goes on."
