"""What models, verdicts and features are called in the window."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from workbench.records.brought import Brought
from workbench.records.catalogue import BackboneFacts
from workbench.records.methods import asked_by_name
from workbench.records.results import EvaluationResult
from workbench.records.text import printable

FEATURE_NAMES = {"cls": "CLS", "mean": "mean", "cls+mean": "CLS+mean", "pooled": "pooled"}
VERDICT_SEVERITY = {
    "better": "good",
    "worse": "bad",
    "undecided": "undecided",
    "equivalent": "neutral",
    "baseline": "info",
    "not ranked": "neutral",
}
VERDICT_HELP = {
    "better": "The interval of the difference excludes zero: better than the baseline.",
    "worse": "The interval of the difference excludes zero: worse than the baseline.",
    "undecided": "The interval of the difference holds zero and reaches beyond the margin: these splits can't tell.",
    "equivalent": "The whole interval of the difference lies within the margin: no difference that matters.",
    "baseline": "The others are compared with this one.",
    "not ranked": "The features of the two were not made alike: their difference says nothing of the backbones.",
}


def titles_of(result: EvaluationResult, catalogue: Iterable[BackboneFacts]) -> dict[str, str]:
    """What each model is called, by its name in the result.

    A model is called what its backbone is called in the catalogue, else its own name. Where two would
    then be called the same (one backbone with two features), both keep their own names.
    """
    listed = {facts.id: facts.title for facts in catalogue}
    called = {model.name: listed.get(model.backbone, model.name) for model in result.models}
    often = Counter(called.values())
    return {name: printable(name if often[title] > 1 else title) for name, title in called.items()}


def feature_name(feature: str) -> str:
    """ "CLS", "CLS, layers 9+12"."""
    pooling, comma, layers = feature.partition(", ")
    return FEATURE_NAMES.get(pooling, printable(pooling)) + comma + printable(layers)


def evaluation_words(text: str, brought: Brought) -> str:
    """ "Nearest class mean, shots=1"; of one that nobody brings what it was asked for by."""
    name, settings = asked_by_name(text)
    facts = brought.evaluation(name)
    return printable(", ".join((facts.title, *settings))) if facts else printable(text)
