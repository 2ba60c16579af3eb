"""Which models are the columns of a board, and what their heads say. No Qt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.gui.compare.words import feature_name, titles_of
from workbench.records.catalogue import PRETRAINED_HERE, BackboneFacts, gives_patches
from workbench.records.results import EvaluationResult
from workbench.records.scores import METRIC_NAMES
from workbench.records.text import count, printable

if TYPE_CHECKING:
    from workbench.gui.session import Session

AT_FIRST = 6  # columns, where nobody chose any
NOT_PROBED = "not probed yet"
HOW_TO_PROBE = "Choose it under Models and run the comparison: a number says what a picture can't."


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardColumn:
    """A model.

    Attributes:
        model: as a job is asked for it.
        title: what it is called.
        name: whose colour it has: its name in the comparison, else its own.
        probe: "probe 0.931 ± 0.012", or that there is none.
        probe_tip: what that number is, or how to come to one.
    """

    model: str
    title: str
    name: str
    probe: str
    probe_tip: str


def default_models(
    result: EvaluationResult | None,
    chosen: Sequence[str],
    catalogue: Sequence[BackboneFacts],
) -> tuple[str, ...]:
    """Those of the comparison, else the chosen ones that are on this machine; then what was pretrained here.

    Floors and backbones of plugins that have no patches have nothing to look at. Where no trained model has any, the
    small ones that the program brings along join, so that there is something to see.
    """
    known = {facts.id: facts for facts in catalogue}
    if result is not None:
        wanted = [model.backbone for model in result.models]
    else:
        wanted = [each for each in chosen if each not in known or known[each].available]
    own = [facts.id for facts in catalogue if facts.source == PRETRAINED_HERE and facts.available]
    found = dict.fromkeys(each for each in (*wanted, *own) if not _is_blind(known.get(each)))
    if not any(_is_trained_with_patches(known.get(each)) for each in found):
        brought = (each for each in catalogue if each.source == "built in" and _is_trained_with_patches(each))
        found |= dict.fromkeys(facts.id for facts in brought)
    return tuple(found)[:AT_FIRST]


def _is_trained_with_patches(facts: BackboneFacts | None) -> bool:
    return facts is None or (facts.patch > 0 and facts.family != "Floor")


def _is_blind(facts: BackboneFacts | None) -> bool:
    return facts is not None and not gives_patches(facts)


def columns_of(session: Session, models: Sequence[str]) -> tuple[BoardColumn, ...]:
    """With the numbers of the comparison that is shown."""
    result = session.result
    titles = titles_of(result, session.catalogue) if result is not None else {}
    made = []
    for model in models:
        rows = [row for row in result.models if row.backbone == model] if result is not None else []
        listed = any(facts.id == model for facts in session.catalogue)
        title = session.title_of(model) if listed or not rows else titles[rows[0].name]
        probe, tip = NOT_PROBED, HOW_TO_PROBE
        if result is not None and rows and result.metric in rows[0].probe:
            probe = _probe_words(rows[0].probe[result.metric].mean, rows[0].probe[result.metric].sd)
            tip = "\n".join(
                f"{feature_name(row.feature)}: "
                f"{_probe_words(row.probe[result.metric].mean, row.probe[result.metric].sd)}"
                for row in rows
                if result.metric in row.probe
            )
            splits = count(len(result.seeds), "split")
            tip = f"{METRIC_NAMES[result.metric]} of the probe on the test part, mean and SD of {splits}.\n{tip}"
        made.append(
            BoardColumn(
                model=model,
                title=printable(title),
                name=rows[0].name if rows else model,
                probe=probe,
                probe_tip=tip,
            )
        )
    return tuple(made)


def _probe_words(mean: float, sd: float) -> str:
    return f"probe {mean:.3f} ± {sd:.3f}" if sd else f"probe {mean:.3f}"
