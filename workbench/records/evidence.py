"""What a decision rests on, as plain data: the target, the images, the machine, and what was measured.

`Evidence` holds everything that the rules of `workbench.decide` look at and nothing that they find: a decision
(`records.decision`) is a function of it. What nobody knows is None, and never a guess. Scores, intervals and
thresholds are 0 to 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from workbench.records.files import DocumentError, known_fields, read_document, write_document
from workbench.records.regime import Regime
from workbench.records.scores import METRIC_NAMES, METRICS, Budget, Score

VERSION = 1

Problem = Literal["images", "table", "sequence", "policy"]  # policy: actions and rewards that come later
RungKind = Literal["floor", "supervised", "public", "adapted", "pretrained"]

PROBLEMS: tuple[Problem, ...] = ("images", "table", "sequence", "policy")
RUNG_KINDS: tuple[RungKind, ...] = ("floor", "supervised", "public", "adapted", "pretrained")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What the expert wants, and what it costs to get it.

    Raises:
        ValueError: a metric that nobody knows, a threshold that no score can reach, or a cost below 0.
    """

    metric: str = "macro_f1"
    threshold: float | None = None  # above 0, up to 1
    labelling_hour_cost: float | None = None
    labels_an_hour: float | None = None
    gpu_hour_cost: float | None = None
    currency: str = ""  # as it is written after a sum: "EUR"

    def __post_init__(self) -> None:
        if self.metric not in METRICS:
            raise ValueError(f"The target's metric must be one of {', '.join(METRICS)}, not {self.metric!r}.")
        if self.threshold is not None and not 0 < self.threshold <= 1:
            raise ValueError(
                f"The target's threshold is {self.threshold:g}. It must be above 0 and at most 1, as in "
                f"{self.metric}:0.9."
            )
        for name in ("labelling_hour_cost", "gpu_hour_cost"):
            if (getattr(self, name) or 0) < 0:
                raise ValueError("The cost of an hour can't be below 0. Leave it out where it isn't known.")
        if self.labels_an_hour is not None and self.labels_an_hour <= 0:
            raise ValueError("The labels of an hour must be above 0. Leave them out where they aren't known.")

    @classmethod
    def parse(cls, text: str) -> Target:
        """ "macro_f1:0.9", as a command line takes it; raises ValueError for anything else."""
        metric, colon, number = text.partition(":")
        try:
            threshold = float(number)
        except ValueError:
            threshold = 0.0
        if not colon or not 0 < threshold <= 1:
            raise ValueError(
                f"The target {text!r} is none: write a score and the least that is good enough, from 0 to 1, as in "
                f"macro_f1:0.9. Scores are {', '.join(METRICS)}."
            )
        return cls(metric=metric.strip().replace("-", "_"), threshold=threshold)

    @property
    def metric_name(self) -> str:
        return METRIC_NAMES[self.metric]


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """How near these images are to what a public backbone has seen.

    Attributes:
        everyday: what the expert says: whether these are photographs of everyday things.
        purity: share of an image's ten nearest neighbours, in the frozen feature, that have its label; 0 to 1.
            Its copies and the images of its group are no neighbours.
        purity_by_chance: the same if neighbours were drawn at random.
        distance: how far the activations of these images lie from those of the images that a public backbone was
            trained on, over the same of everyday photographs; 1 is at home (`workbench.engine.home_distance`).
        backbone: title of the backbone that purity was measured with.
        distance_backbone: of the one that distance was measured with.
    """

    everyday: bool | None = None
    purity: float | None = None
    purity_by_chance: float | None = None
    distance: float | None = None
    backbone: str = ""
    distance_backbone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What there is to compute with, as far as it was measured."""

    gpu_bytes: int | None = None  # of the GPU's memory; None: no GPU, or nobody knows
    batch: int | None = None  # images of one pretraining step that fit it
    embed_rate: float | None = None  # images a second through a small frozen backbone
    tune_rate: float | None = None  # images a second that a last-block fine-tune learns from
    pretrain_rate: float | None = None  # images a second that pretraining learns from


@dataclass(frozen=True, slots=True, kw_only=True)
class AtHand:
    """A frozen backbone that this machine can use without a network."""

    id: str
    title: str
    kind: RungKind  # "supervised" or "public"
    parameters: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A pretraining, planned or done."""

    method: str  # as `--method` takes it
    batch_size: int = 0  # images that pass through as one; 0: not known
    preset: str = "published"
    changes: tuple[str, ...] = ()  # what its views change, as the augmentation audit names them


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One step of the ladder that was climbed: a model and what it scored.

    Attributes:
        name: as it is shown, unique within the evidence: "DINOv2 small, frozen".
        kind: "floor" (histogram, random network), "supervised" and "public" (frozen public backbones, learnt with
            and without labels), "adapted" (fine-tuned), "pretrained" (frozen, pretrained on one's own images).
        score: on the test part, one value a seed, in the target's metric.
        n_train, n_test: images that a seed learns from (validation too, where it is fitted again on that) and is
            tested on.
        seeds: which they were; two rungs with the same seeds and protocol are paired.
        items: 95 % interval of the score over the test images or their groups, where every seed tests the same
            (`same_test`) or divides the same few groups; None where the spread of the seeds tells enough.
        evenness: as how many of the test images they count, where the score averages classes and these are of
            unequal sizes: 1 where they are equal, or where every image weighs the same (`decide.items.evenness`).
        blocks: of an adapted rung, what learnt: "1", "2", "4" or "all"; "" for a frozen one.
        budgets: the label-budget curve, by rising labels; empty where none was measured.
        projected: whether the feature was read behind the projection head of the pretraining.
        seen: whether it had learnt, without their labels, from images that it was tested on.
        unstable: whether the pretraining collapsed, or its loss was no steady one; a guard rail says so.
        run: folder of the run that the numbers come from, relative to the project.
    """

    name: str
    kind: RungKind
    score: Score
    n_train: int
    n_test: int
    seeds: tuple[int, ...] = ()
    protocol: str = ""
    same_test: bool = False
    items: tuple[float, float] | None = None
    evenness: float = 1.0
    seconds: float | None = None
    checkpoint: str = ""
    run: str = ""
    blocks: str = ""
    knn: Score | None = None
    budgets: tuple[Budget, ...] = ()
    projected: bool = False
    recipe: Recipe | None = None
    seen: bool = False
    unstable: bool = False

    def __post_init__(self) -> None:
        if self.kind not in RUNG_KINDS:
            raise ValueError(f"A rung is one of {', '.join(RUNG_KINDS)}, not {self.kind!r}.")
        if not self.score.values or self.n_train < 1 or self.n_test < 1:
            raise ValueError(
                f"{self.name!r} needs a score, and images that it learnt from and was tested on."
            )

    @property
    def frozen(self) -> bool:
        return self.kind != "adapted"

    @property
    def num_seeds(self) -> int:
        return len(self.score.values)

    @property
    def labelled(self) -> int:
        return self.n_train + self.n_test

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Rung:
        made = known_fields(cls, body)
        made["score"] = Score.from_json(body["score"])
        made["knn"] = Score.from_json(body["knn"]) if body.get("knn") else None
        made["budgets"] = tuple(Budget.from_json(item) for item in body.get("budgets", ()))
        made["recipe"] = _recipe(body.get("recipe"))
        made["seeds"] = tuple(body.get("seeds", ()))
        made["items"] = tuple(body["items"]) if body.get("items") else None
        return cls(**made)

    def to_json(self) -> dict[str, Any]:
        return {
            **asdict(self),
            "score": self.score.to_json(),
            "knn": self.knn.to_json() if self.knn else None,
            "budgets": [budget.to_json() for budget in self.budgets],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything that is known.

    Attributes:
        rungs: in the order in which they were climbed.
        claims: pairs of rung names that somebody ranks, the better one first.
        margin: differences up to this are of no consequence.
        openings: how often the test part was opened.
        leaked: test images with a copy among those that were learnt from; None: not counted yet.
        attention_seen: whether attention maps were looked at, or shown, as a sign of quality.
        plan: a pretraining that somebody proposes.
        destroyed: changes that cost the label, as the augmentation audit names them.
        colour_is_signal: whether colour tells classes apart: stain, hue, ripeness. None: nobody said.
        architecture: what must be deployed: "vit", "cnn", or "" for either.
        at_hand: frozen backbones on this machine, the cheapest first; empty: not looked up.
        notes: what was measured and is no part of this, a sentence each: damaged runs, runs of other images. No rule
            reads them.

    Raises:
        ValueError: an unknown problem, two rungs of one name, a rung in another metric, or a claim about none.
    """

    problem: Problem = "images"
    regime: Regime = field(default_factory=Regime)
    target: Target = field(default_factory=Target)
    domain: Domain = field(default_factory=Domain)
    machine: Machine = field(default_factory=Machine)
    rungs: tuple[Rung, ...] = ()
    claims: tuple[tuple[str, str], ...] = ()
    margin: float = 0.01
    openings: int = 0
    leaked: int | None = None
    attention_seen: bool = False
    plan: Recipe | None = None
    destroyed: tuple[str, ...] = ()
    colour_is_signal: bool | None = None
    architecture: Literal["", "vit", "cnn"] = ""
    at_hand: tuple[AtHand, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.problem not in PROBLEMS:
            raise ValueError(f"The problem is one of {', '.join(PROBLEMS)}, not {self.problem!r}.")
        names = [rung.name for rung in self.rungs]
        if len(set(names)) < len(names):
            raise ValueError("Two rungs of the ladder have the same name. Give each its own.")
        other = next((rung for rung in self.rungs if rung.score.metric != self.target.metric), None)
        if other is not None:
            raise ValueError(
                f"{other.name!r} is scored by {other.score.metric}, and the target is set in {self.target.metric}. "
                "Give every rung the target's metric."
            )
        unknown = {name for pair in self.claims for name in pair} - set(names)
        if unknown:
            raise ValueError(f"No rung of the ladder is called {', '.join(map(repr, sorted(unknown)))}.")

    def of(self, *kinds: RungKind) -> tuple[Rung, ...]:
        return tuple(rung for rung in self.rungs if rung.kind in kinds)

    def rung(self, name: str) -> Rung:
        return next(rung for rung in self.rungs if rung.name == name)

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "rungs": [rung.to_json() for rung in self.rungs]}

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Evidence:
        """Keys that are missing keep their defaults; others are left out."""
        made = known_fields(cls, body)
        parts = {"target": Target, "domain": Domain, "machine": Machine}
        made |= {name: part(**known_fields(part, body.get(name, {}))) for name, part in parts.items()}
        made["regime"] = Regime.from_json(body.get("regime", {}))
        made["rungs"] = tuple(Rung.from_json(item) for item in body.get("rungs", ()))
        made["claims"] = tuple((better, worse) for better, worse in body.get("claims", ()))
        made["plan"] = _recipe(body.get("plan"))
        made["destroyed"] = tuple(body.get("destroyed", ()))
        made["at_hand"] = tuple(AtHand(**known_fields(AtHand, item)) for item in body.get("at_hand", ()))
        made["notes"] = tuple(body.get("notes", ()))
        return cls(**made)

    def save(self, path: Path) -> None:
        write_document(path, "evidence", VERSION, self.to_json())

    @classmethod
    def load(cls, path: Path) -> Evidence:
        """Raises DocumentError when the file is missing or is not one of ours."""
        body = read_document(path, "evidence", VERSION)
        try:
            return cls.from_json(body)
        except (KeyError, TypeError, ValueError) as error:
            raise DocumentError(f"{path} lacks or misspells a field ({error}). Decide again.") from None


def _recipe(body: Mapping[str, Any] | None) -> Recipe | None:
    return (
        Recipe(**{**known_fields(Recipe, body), "changes": tuple(body.get("changes", ()))}) if body else None
    )
