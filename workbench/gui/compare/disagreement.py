"""Where probe and k-NN disagree on a model: what was measured, in words. No Qt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from workbench.records.results import Diagnosis, EvaluationResult
from workbench.records.scores import score_text

CHIP = "Probe and k-NN disagree"


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """One model's diagnoses, the likely reasons first; `sentence` is what its line says."""

    model: str
    title: str
    sentence: str
    diagnoses: tuple[Diagnosis, ...]


def disagreements(result: EvaluationResult, titles: Mapping[str, str] | None = None) -> list[Disagreement]:
    """One for each model that was diagnosed, in the result's order."""
    found = []
    for model in result.models:
        mine = [diagnosis for diagnosis in result.diagnoses if diagnosis.model == model.name]
        if not mine:
            continue
        mine.sort(key=lambda diagnosis: not diagnosis.likely)
        title = (titles or {}).get(model.name, model.name)
        probe, knn = model.probe.get(result.metric), model.knn.get(result.metric)
        scores = (
            f"probe {score_text(probe.mean if probe else None)}, k-NN {score_text(knn.mean if knn else None)}"
        )
        found.append(
            Disagreement(
                model=model.name,
                title=title,
                sentence=f"{title}: {scores}. {_reasons(mine)}",
                diagnoses=tuple(mine),
            )
        )
    return found


def value_text(diagnosis: Diagnosis) -> str:
    """With its unit: "3.8 times", "9.0 points", "0.42"."""
    digits = 1 if abs(diagnosis.value) >= 1 or diagnosis.unit == "points" else 2
    return f"{diagnosis.value:,.{digits}f} {diagnosis.unit}".strip()


def _reasons(diagnoses: Sequence[Diagnosis]) -> str:
    """The likely reasons with their numbers, and what to do about the first of them."""
    likely = [diagnosis for diagnosis in diagnoses if diagnosis.likely]
    if not likely:
        return "No reason was found among what was measured."
    named = ", ".join(f"{diagnosis.name} {value_text(diagnosis)}" for diagnosis in likely)
    return f"{named[:1].upper()}{named[1:]}. {likely[0].advice}"
