"""The model card of a pretrained backbone, for people, and its curves as a small picture. No torch.

Names come from folders, so they are made printable.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from workbench.records.pretraining import PretrainResult
from workbench.records.scores import METRIC_NAMES
from workbench.records.text import count, duration, printable

if TYPE_CHECKING:
    from workbench.engine.pretrain.encoders import Built

_WIDTH, _HEIGHT = 640, 220  # px, of one panel
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 32, 36
_TICKS = 4
_BLUE, _ORANGE, _GREY = "#0072b2", "#d55e00", "#767676"  # Okabe and Ito's, told apart by the colour-blind


def card(result: PretrainResult, built: Built, mark: dict[str, Any], transformers: str, why_not: str) -> str:
    """README.md of the folder. `transformers`: the model_type of the folder for transformers; "": none, `why_not`."""
    size = built.image_size
    lines = [
        f"# {_plain(mark['title'])}, pretrained without labels",
        "",
        f"Made by SSL workbench, run {_plain(result.run)}. {_began(built)} What it learnt here it learnt without "
        f"labels. {_heads(result.method, transformers)}",
        "",
        "    # timm",
        '    model = timm.create_model("local-dir:FOLDER", pretrained=True)',
    ]
    if transformers:
        lines += ["    # transformers", '    model = AutoModel.from_pretrained("FOLDER/transformers")']
    lines += [
        "    # SSL workbench",
        "    workbench embed IMAGES --backbone FOLDER --out vectors.h5ad",
        "",
    ]
    if not transformers:
        lines += [f"There is no folder for transformers: {_plain(why_not)}", ""]
    lines += [
        f"- Feature: {_FEATURES[mark['feature']]}.",
        f"- Pictures: squashed to {size} x {size} px (bilinear, with antialiasing), then normalised by mean "
        f"{_numbers(built.mean)} and deviation {_numbers(built.std)}.",
    ]
    if transformers == "vit":
        lines.append(
            "- transformers adds a pooling layer with random weights to a ViT: take `last_hidden_state`, never "
            "`pooler_output`."
        )
    lines += [
        f"- Learnt from {count(mark['images'], 'different image')} (content hash `{mark['pool']}`; `pool.npz` lists "
        f"their digests); {result.left_out:,} at hand were left out, for validation and test. Index "
        f"`{_plain(result.index)}`.",
        f"- {count(result.steps, 'step')} of {count(result.batch_size, 'image')}: {result.epochs:g} of "
        f"{count(result.planned_epochs, 'planned epoch')} in {duration(result.seconds)} on {_plain(result.device)} "
        f"({_plain(result.precision)}), seed {result.seed}.",
    ]
    lines += [
        f"- {_plain(rule.name).capitalize()}: {_plain(rule.value)} ({_plain(rule.rule)})."
        for rule in result.rules
    ]
    if result.settings:
        told = (f"{_plain(str(name))} {_plain(str(value))}" for name, value in result.settings.items())
        lines.append(f"- Settings: {', '.join(told)}.")
    views = (f"{view.count} x {_plain(view.name)}" for view in result.augmentation.views)
    lines.append(f"- Views ({_plain(result.augmentation.preset)}): {', '.join(views)}.")
    lines.append(_looks(result))
    lines += [
        f"- {item.severity.capitalize()}: {_plain(item.name)}. {_plain(item.advice)}"
        for item in result.findings
    ]
    return "\n".join([*lines, "", "![Loss, and scores on validation](curves.svg)", ""])


def curves(result: PretrainResult) -> str:
    """An SVG of the loss over the steps and, where there are labels, of the scores on validation."""
    steps = max(result.steps, 1)
    places = [steps * (number + 1) / max(len(result.loss), 1) for number in range(len(result.loss))]
    panels = [_panel("Loss", steps, [("loss", _BLUE, places, result.loss)])]
    if result.looks:
        at = [look.step for look in result.looks]
        lines = [("k-NN", _BLUE, at, [look.knn for look in result.looks])]
        probed = [(look.step, look.probe) for look in result.looks if look.probe is not None]
        if probed:
            lines.append(("probe", _ORANGE, [step for step, _ in probed], [score for _, score in probed]))
        metric = METRIC_NAMES.get(result.looks[-1].metric, printable(result.looks[-1].metric))
        panels.append(_panel(f"{metric} on validation", steps, lines))
    height = _HEIGHT * len(panels)
    inside = "".join(
        f'<g transform="translate(0 {_HEIGHT * number})">{panel}</g>' for number, panel in enumerate(panels)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" '
        f'viewBox="0 0 {_WIDTH} {height}" font-family="sans-serif" font-size="12">'
        f'<rect width="100%" height="100%" fill="white"/>{inside}</svg>\n'
    )


_FEATURES = {
    "cls": "the class token, `[:, 0]` of the tokens",
    "mean": "the mean of the patch tokens, for no loss of its own trained the class token",
    "pooled": "the pooled output",
}


def _began(built: Built) -> str:
    if not built.start:
        return "It began from nothing."
    licence = _plain(built.start_licence)
    terms = (
        f"whose licence goes on: {licence}" if licence else "whose licence goes on; see where it is published"
    )
    return f"It began as {_plain(built.start_title)} (`{_plain(built.start)}`), {terms}."


def _heads(method: str, transformers: str) -> str:
    if method == "mae" and transformers == "vit_mae":
        return "The folder for transformers holds the decoder too; no feature comes from it."
    return "The method's heads (projector, predictor, prototypes, decoder) are left out."


def _looks(result: PretrainResult) -> str:
    if not result.looks:
        return "- Nothing was looked at on validation, so no score is known."
    last, best = result.looks[-1], max(result.looks, key=lambda look: look.knn)
    name = METRIC_NAMES.get(last.metric, _plain(last.metric))
    probe = f", probe {last.probe:.3f}" if last.probe is not None else ""
    peak = f" The highest k-NN was {best.knn:.3f}, at step {best.step:,}." if best is not last else ""
    return (
        f"- At the last look (step {last.step:,}), {name}: k-NN {last.knn:.3f}{probe}.{peak} These are scores on "
        "validation, looked at while it learnt; they are no test scores."
    )


def _numbers(values: Sequence[float]) -> str:
    return "(" + ", ".join(f"{value:.4g}" for value in values) + ")"


def _plain(text: str) -> str:
    """Text that can't end a line, nor begin Markdown's code or HTML."""
    return printable(text).replace("`", "'").replace("<", "&lt;")


def _panel(title: str, steps: int, lines: Sequence[tuple[str, str, Sequence[float], Sequence[float]]]) -> str:
    """One plot, 0 to `steps` by the range of all values. Values that are no numbers break the line."""
    values = [value for _, _, _, each in lines for value in each if math.isfinite(value)]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    if high - low < 1e-12:
        low, high = low - 0.5, high + 0.5
    across, down = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM

    def x(step: float) -> float:
        return _LEFT + across * step / steps

    def y(value: float) -> float:
        return _TOP + down * (high - value) / (high - low)

    parts = [f'<text x="{_LEFT}" y="18" font-weight="bold">{escape(title)}</text>']
    for number in range(_TICKS + 1):
        value, step = low + (high - low) * number / _TICKS, steps * number / _TICKS
        parts.append(
            f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}" stroke="#ddd"/>'
            f'<text x="{_LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end" fill="{_GREY}">{value:.4g}</text>'
            f'<text x="{x(step):.1f}" y="{_HEIGHT - _BOTTOM + 16}" text-anchor="middle" fill="{_GREY}">'
            f"{step:,.0f}</text>"
        )
    for place, (name, colour, at, each) in enumerate(lines):
        parts += [
            f'<polyline fill="none" stroke="{colour}" stroke-width="1.5" points="{points}"/>'
            for points in _pieces(at, each, x, y)
        ]
        if len(lines) > 1:
            parts.append(
                f'<text x="{_WIDTH - _RIGHT - 60 * (len(lines) - 1 - place)}" y="18" text-anchor="end" '
                f'fill="{colour}">{escape(name)}</text>'
            )
    parts.append(
        f'<text x="{_WIDTH - _RIGHT}" y="{_HEIGHT - 4}" text-anchor="end" fill="{_GREY}">steps</text>'
    )
    return "".join(parts)


def _pieces(at: Sequence[float], each: Sequence[float], x: Any, y: Any) -> list[str]:
    """The points of every unbroken piece; a piece of one point is drawn as a short dash."""
    pieces: list[list[str]] = [[]]
    for step, value in zip(at, each, strict=True):
        if math.isfinite(value):
            pieces[-1].append(f"{x(step):.1f},{y(value):.1f}")
        elif pieces[-1]:
            pieces.append([])
    return [" ".join(piece if len(piece) > 1 else [piece[0], piece[0]]) for piece in pieces if piece]
