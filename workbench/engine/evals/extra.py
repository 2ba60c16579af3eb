"""Evaluations beside the comparison's probe and k-NN, on the same splits: they never see the labels that they are
scored by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from workbench.decide.statistics import mean_interval
from workbench.engine.apart import Apart
from workbench.engine.evals import metrics
from workbench.engine.evals.inputs import ModelFeatures
from workbench.engine.evals.plugged import EVALUATIONS, Task
from workbench.plugins import Plugin, facts_of, plugin
from workbench.records.evaluations import EvaluationFacts, ExtraScore
from workbench.records.methods import asked_by_name, parse_settings
from workbench.records.params import build, config_of, describe
from workbench.records.plugins import PluginError
from workbench.records.scores import Score
from workbench.records.text import count, printable

SECONDS = 600.0  # that an evaluation may take for one split of one model
MOST_DRAWS = 1000

Predict = Callable[["Asked", Task], np.ndarray]


@dataclass(frozen=True, slots=True)
class Asked:
    """An evaluation, the words that it was asked for by, and the plugin that brings it, None for one of the program's
    own. `error` says why it can't be used, in a sentence; "" where nothing is known against it."""

    text: str
    title: str
    by: Plugin | None = None
    error: str = ""

    @property
    def plugin(self) -> str:
        """Its name and version."""
        if self.by is None:
            return ""
        return f"{self.by.name} {self.by.manifest.version}" if self.by.found.manifest else self.by.name


def open_evaluations(texts: Sequence[str]) -> list[Asked]:
    """Each as NAME or NAME:SETTING=VALUE,... Before anything is computed, so that a wrong one costs nothing. No
    plugin is loaded for it; one that nobody has tried yet is tried in a process of its own.

    Raises:
        ValueError: there is none of that name, or it has no such setting.
    """
    made = []
    for text in dict.fromkeys(one.strip() for one in texts):
        name, settings = asked_by_name(text)
        by = EVALUATIONS.bringer(name)
        told = None if by is None else facts_of(by)
        if by is not None and told is None:
            made.append(Asked(text, name, by, _why_unusable(by)))
            continue
        listed = told["evaluations"] if told else [EVALUATIONS.get(name).facts().to_json()]
        facts = next(EvaluationFacts.from_json(one) for one in listed if one["name"] == name)
        build(config_of("Settings", facts.params), parse_settings(facts.params, settings))
        made.append(Asked(text, facts.title, by))
    return made


def predicted(text: str, task: Task) -> np.ndarray:
    """(R, q) int64 class codes, R draws of each test vector, from an evaluation that is loaded into this process.

    Raises:
        ValueError: what `checked` raises, or its plugin can't be used.
    """
    name, settings = asked_by_name(text)
    found = EVALUATIONS.get(name)
    config = build(found.Config, parse_settings(describe(found.Config), settings))
    return checked(text, found(config).predict(task), task)


def predicted_apart(apart: Apart, seconds: float = SECONDS) -> Predict:
    """The same, a plugin's from its own process. Raises PluginError, whatever the plugin does."""

    def predict(one: Asked, task: Task) -> np.ndarray:
        if one.by is None:
            return predicted(one.text, task)
        arrays = {name: np.asarray(getattr(task, name)) for name in Task.__slots__}
        said = apart.ask(one.by, "evaluations", one.text, arrays, seconds)
        try:
            return checked(one.text, said, task)
        except ValueError as error:
            raise PluginError(str(error)) from None

    return predict


def extra_scores(
    asked: Sequence[Asked],
    models: Sequence[ModelFeatures],
    labels: np.ndarray,
    parts: Sequence[np.ndarray],
    seeds: Sequence[int],
    num_classes: int,
    metric: str,
    predict: Predict,
    on_progress: Callable[[int, int, str], None] = lambda done, total, what: None,
) -> tuple[ExtraScore, ...]:
    """One score for each evaluation and model, or why there is none: one that fails is asked nothing more.

    Args:
        labels: (N,) class codes. parts: per seed (N,) 0 train, 1 validation, 2 test, -1 unused.
        metric: one of records.scores.METRICS.
        predict: (R, q) class codes of R draws, as `checked` gives them. PluginError becomes the evaluation's own
            error, and everything else is raised.
    """
    scores: list[ExtraScore] = []
    total = len(asked) * len(models) * len(parts)
    for one in asked:
        error = one.error
        for model in models:
            score = None
            before = len(scores) * len(parts)
            try:
                values: list[float] = []
                for seed, part in () if error else zip(seeds, parts, strict=True):
                    on_progress(before + len(values), total, f"{model.name}: {one.text}")
                    said = predict(one, _task(model.X, labels, part, num_classes, seed))
                    tables = [metrics.confusion(labels[part == 2], draw, num_classes) for draw in said]
                    values.append(float(np.mean([metrics.SCORES[metric](table) for table in tables])))
                score = _score(metric, values, parts) if values else None
            except PluginError as failed:
                error = str(failed)
            scores.append(
                ExtraScore(
                    evaluation=one.text,
                    title=one.title,
                    model=model.name,
                    score=score,
                    plugin=one.plugin,
                    error="" if score else error,
                )
            )
    return tuple(scores)


def checked(text: str, said: object, task: Task) -> np.ndarray:
    """(R, q) int64. Raises ValueError for what is no class of each test item."""
    made = np.asarray(said)
    whole = made.ndim in (1, 2) and made.shape[-1] == len(task.test) and np.issubdtype(made.dtype, np.integer)
    if not whole or not made.size or not 0 <= made.min() <= made.max() < task.num_classes:
        raise ValueError(
            f"The evaluation {printable(text)} must give a class, 0 to {task.num_classes - 1}, for each of "
            f"{len(task.test)} test images; it gave {made.dtype} of shape {made.shape}."
        )
    drawn = np.atleast_2d(made)
    if len(drawn) > MOST_DRAWS:
        raise ValueError(
            f"The evaluation {printable(text)} gave {count(len(drawn), 'draw')}; {MOST_DRAWS} are the most."
        )
    return drawn.astype(np.int64)


def _why_unusable(by: Plugin) -> str:
    now = plugin(by.name)  # a trial may have found out more
    try:
        now.refuse_unusable()
    except PluginError as error:
        return str(error)
    return now.error or f"The plugin {by.name} can't be loaded."


def _score(metric: str, values: Sequence[float], parts: Sequence[np.ndarray]) -> Score:
    fitted = round(float(np.mean([np.isin(part, (0, 1)).sum() for part in parts])))
    tested = round(float(np.mean([(part == 2).sum() for part in parts])))
    return Score(metric, tuple(values), mean_interval(tuple(values), fitted, tested))


def _task(X: np.ndarray, labels: np.ndarray, part: np.ndarray, num_classes: int, seed: int) -> Task:
    """Copies, so that nothing that an evaluation does to them reaches the next one."""
    features = np.asarray(X, dtype=np.float32)
    return Task(
        train=features[part == 0],
        train_labels=labels[part == 0].astype(np.int64),
        validation=features[part == 1],
        validation_labels=labels[part == 1].astype(np.int64),
        test=features[part == 2],
        num_classes=num_classes,
        seed=int(seed),
    )
