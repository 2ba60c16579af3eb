"""Rungs of the ladder from what runs wrote: a comparison's rows and a fine-tune; backbones from the catalogue."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from workbench.decide.items import evenness, items_interval, same_test
from workbench.decide.significance import unit_codes
from workbench.records.catalogue import PRETRAINED_HERE, BackboneFacts
from workbench.records.dataset_findings import FEW_FOR_SHARES
from workbench.records.evidence import AtHand, Rung, RungKind
from workbench.records.finetunes import FinetuneResult
from workbench.records.results import EvaluationResult, Predictions

# What the catalogue writes of a backbone that was learnt with labels; the rest are timm's tags for such weights.
SUPERVISED = ("labelled images", "in1k", "in12k", "in21k", "in22k")


def kind_of(facts: BackboneFacts) -> RungKind:
    """Which kind of rung a frozen backbone is. One of unknown training counts as public, which asks most of it; the
    small ones that the program brings along are there to be looked at, and count as floors."""
    return kind_by(facts.source, facts.training_data)


def kind_by(source: str, training_data: str) -> RungKind:
    """`kind_of`, by what the catalogue says of a backbone's weights and of what they have learnt from."""
    if source == "built in":
        return "floor"
    if source == PRETRAINED_HERE:
        return "pretrained"
    return "supervised" if any(sign in training_data for sign in SUPERVISED) else "public"


def at_hand(entries: tuple[BackboneFacts, ...]) -> tuple[AtHand, ...]:
    """The frozen public backbones of this machine, DINOv2 before others and the smaller first."""
    here = [facts for facts in entries if facts.available and kind_of(facts) in ("supervised", "public")]
    here.sort(key=lambda facts: (facts.family != "DINOv2", facts.parameters or np.inf, facts.id))
    return tuple(
        AtHand(id=facts.id, title=facts.title, kind=kind_of(facts), parameters=facts.parameters)
        for facts in here
    )


def of_comparison(
    result: EvaluationResult,
    kinds: Mapping[str, RungKind],
    metric: str,
    *,
    titles: Mapping[str, str] | None = None,
    predictions: Predictions | None = None,
    groups: np.ndarray | None = None,
    seconds: Mapping[str, float] | None = None,
    run: str = "",
) -> tuple[Rung, ...]:
    """The rows of a comparison, in its order.

    Args:
        kinds: by `ModelResult.backbone`; a backbone that it doesn't hold counts as public.
        titles, seconds: by `ModelResult.name`, what is shown and what the row took.
        predictions: beside the result; with them the interval minds the luck of the test images where it must.
        groups: (N,) codes of the predictions' items, negative for none.

    Raises:
        ValueError: a metric that the result doesn't hold, or predictions of other models.
    """
    rungs = []
    train, val, test = result.split_counts
    for place, model in enumerate(result.models):
        if metric not in model.probe:
            raise ValueError(
                f"The comparison holds no {metric}. Evaluate again, or set the target in another score."
            )
        same, items = (
            (False, None) if predictions is None else _over_items(predictions, place, metric, groups)
        )
        title = (titles or {}).get(model.name, model.name)
        rungs.append(
            Rung(
                name=title if kinds.get(model.backbone) == "floor" else f"{title}, frozen",
                kind=kinds.get(model.backbone, "public"),
                score=model.probe[metric],
                n_train=train + val,  # the probe is fitted again on both
                n_test=test,
                seeds=result.seeds,
                protocol=result.protocol,
                same_test=same,
                items=items,
                evenness=_evenness(predictions, place, metric),
                seconds=(seconds or {}).get(model.name),
                checkpoint=model.backbone,
                run=run,
                knn=model.knn.get(metric),
                budgets=tuple(budget for budget in model.budgets if metric in budget.scores),
            )
        )
    return tuple(rungs)


def of_finetune(
    result: FinetuneResult,
    metric: str,
    *,
    predictions: Predictions | None = None,
    groups: np.ndarray | None = None,
) -> Rung:
    """A fine-tune as a rung. Arguments and errors as `of_comparison`'s."""
    if metric not in result.scores:
        raise ValueError(
            f"The fine-tune holds no {metric}. Fine-tune again, or set the target in another score."
        )
    same, items = (False, None) if predictions is None else _over_items(predictions, 0, metric, groups)
    train, test = (round(float(np.mean([seed.counts[part] for seed in result.seeds]))) for part in (0, 2))
    return Rung(
        name=f"{result.title}, {result.trained} fine-tuned",
        kind="adapted",
        score=result.scores[metric],
        n_train=train,
        n_test=test,
        seeds=tuple(seed.seed for seed in result.seeds),
        same_test=same,
        items=items,
        evenness=_evenness(predictions, 0, metric),
        seconds=result.seconds,
        checkpoint=result.backbone,
        run=result.run,
        blocks=result.blocks,
    )


def _evenness(predictions: Predictions | None, place: int, metric: str) -> float:
    if predictions is None:
        return 1.0
    tested = np.any(np.asarray(predictions.predicted[place]) >= 0, axis=0)
    return evenness(np.asarray(predictions.truth)[tested], metric)


def _over_items(
    predictions: Predictions, place: int, metric: str, groups: np.ndarray | None
) -> tuple[bool, tuple[float, float] | None]:
    """Whether every seed tests the same images, and the interval of the score over them where it must count.

    It must where the seeds don't resample the test part, and where they divide the same few groups over and over: of
    eight groups the interval over the seeds alone called a score sufficient in 10 % of simulated cases instead of 4.
    The score is its difference to a model that is never wrong, less 1.
    """
    said, truth = np.asarray(predictions.predicted[place]), np.asarray(predictions.truth)
    same = same_test(said)
    units = unit_codes(groups, len(truth))[
        np.any(said >= 0, axis=0)
    ]  # an image without a group is one by itself
    few = groups is not None and len(np.unique(units)) < FEW_FOR_SHARES
    if not same and not few:
        return same, None
    perfect = np.where(said >= 0, truth[None], -1)
    low, high = items_interval(truth, said, perfect, groups, metric=metric)
    return same, (max(1 + low, 0.0), min(1 + high, 1.0))
