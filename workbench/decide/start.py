"""Which jobs a step of the ladder starts: a plan as data, that the window's queue and the command line can run.

A plan's later jobs work on what its earlier ones make. Where that will lie is known when their run folders are there,
and not before: until then a path stands as `OUTPUT` of the stage that makes it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from workbench.decide.costs import PRETRAIN_EPOCHS, SEEDS
from workbench.decide.proposal import propose
from workbench.decide.standing import best, frozen_public
from workbench.records.asked import BUDGETS
from workbench.records.augmentation import preset_of
from workbench.records.catalogue import BackboneFacts, load_catalogue
from workbench.records.decision import NextStep
from workbench.records.evidence import Evidence, Rung
from workbench.records.files import DocumentError
from workbench.records.jobs import EmbedJob, FinetuneJob, JobConfig
from workbench.records.pretrain_job import AuditJob, EstimateJob
from workbench.records.project import Chosen, Project
from workbench.records.project_jobs import (
    embed_job,
    evaluate_job,
    finetune_job,
    pretrain_job,
    write_asked,
)
from workbench.records.results import EvaluationResult
from workbench.records.runs import RunFolder
from workbench.records.text import count, printable

OUTPUT = "<output of stage {}>"  # counted from 0; stands for the folder of its run
FLOORS = {"histogram": "Colour and texture", "random_vit": "Random ViT"}
VECTORS = "embeddings.h5ad"
PRETRAININGS = ("pretrain", "method")  # steps in which a backbone is pretrained
# The splits of a comparison test every labelled image in turn: what had learnt from one would be tested on it.
LEARN_FROM = "unlabelled"
NEEDS_TRANSFORMER = ("mae", "dino", "ibot")  # of the methods that are proposed

# What no job can do, by step: what a person does, and what happens then.
BY_HAND = {
    "label": "Only people who know these images can label them. With more labels the ladder goes on from here.",
    "labels": "Look at some images of each class beside their labels: only people who know them see whether the "
    "labels are right, and whether the pictures show what they say.",
    "threshold": "Say which score is good enough: whoever bears the cost of an error knows it.",
    "leaks": "Say what becomes of the copies: leave all but one of each set out, or make each set one group. Then "
    "everything is measured again, from vectors that are kept.",
}
_NOT_HERE = "{} is not on this machine. Fetch it, or bring it as a pack from a machine that has it."


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One job of a plan. `after` are the places of the stages that must be done before it."""

    job: JobConfig
    title: str
    after: tuple[int, ...] = ()

    def ready(self, folders: Sequence[Path]) -> JobConfig:
        """The job with the run folders of the stages before it, in the plan's order."""

        def placed(value: Any) -> Any:
            if isinstance(value, tuple):
                return tuple(placed(each) for each in value)
            if isinstance(value, str):
                for place in self.after:
                    value = value.replace(OUTPUT.format(place), str(folders[place]))
            return value

        return replace(
            self.job, **{item.name: placed(getattr(self.job, item.name)) for item in fields(self.job)}
        )


Begin = Callable[[JobConfig, str, tuple[str, ...]], RunFolder]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Jobs in their order; or, where there are none, what a person has to do instead, in a sentence or two."""

    stages: tuple[Stage, ...] = ()
    by_hand: str = ""

    def start(self, begin: Begin) -> list[RunFolder]:
        """Hand over all stages in turn. `begin` takes a job, its title and the ids of the runs that it waits for, and
        gives the run's folder: whether it queues the job or runs it at once is its own affair."""
        runs: list[RunFolder] = []
        for stage in self.stages:
            job = stage.ready([run.path for run in runs])
            runs.append(begin(job, stage.title, tuple(runs[place].id for place in stage.after)))
        return runs


def jobs_for(step: NextStep, project: Project, evidence: Evidence) -> Plan:
    """What starts `step`, from the project as it is now. Reads results and run folders: call it in a thread where
    somebody waits. What has been embedded already is not embedded again.

    Raises:
        ValueError: a project without images, or a result that can't be read, in a sentence.
    """
    if step.step in BY_HAND:
        return Plan(by_hand=BY_HAND[step.step])
    if not project.settings.index:
        raise ValueError("Choose an image folder first.")
    if not set(step.rungs) <= {rung.name for rung in evidence.rungs}:
        raise ValueError("This step is of another decision: what was measured has changed. Decide again.")
    return _Planner(project, evidence).plan(step)


def proposed_values(project: Project, evidence: Evidence) -> tuple[dict[str, Any], str]:
    """What `jobs_for` would ask of a pretraining, without the project's files, and in a few sentences where that
    comes from; no values where none is proposed, and why. Reads the catalogue: call it in a thread where somebody
    waits."""
    return _Planner(project, evidence).proposed()


def estimate_for(step: NextStep, project: Project, evidence: Evidence) -> Plan:
    """What tells the cost of a pretraining before it is begun: one step of it is tried. Nothing where `step` is no
    pretraining, where how fast this machine is has been measured, or where there is none to propose."""
    if step.step not in PRETRAININGS or evidence.machine.pretrain_rate is not None:
        return Plan()
    return _Planner(project, evidence).estimate()


class _Planner:
    """Makes the plans of one project and its evidence."""

    def __init__(self, project: Project, evidence: Evidence) -> None:
        self.project, self.evidence = project, evidence
        self._catalogue = _catalogue(project)

    def plan(self, step: NextStep) -> Plan:
        if step.step == "floors":
            return self._frozen(list(FLOORS))
        if step.step in ("supervised", "public"):
            return self._public(step)
        if step.step == "probe":
            return self._frozen([self.evidence.rung(name).checkpoint for name in step.rungs])
        if step.step == "seeds":
            return self._seeds(step)
        if step.step == "budget":
            return self._compared((), seeds=0, budgets=True)
        if step.step == "last block":
            return self._last_block(step.backbone)
        if step.step == "views":
            return self._audit()
        if step.step in PRETRAININGS:
            return self._pretrain()
        raise ValueError(f"There is no step {step.step!r}.")

    # Frozen backbones

    def _public(self, step: NextStep) -> Plan:
        here = {item.id for item in self.evidence.at_hand}
        if step.backbone and step.backbone in here:
            return self._frozen([step.backbone])
        if not step.backbone:
            return Plan(by_hand="Look up first which backbones are on this machine.")
        return Plan(by_hand=_NOT_HERE.format(self._title(step.backbone)))

    def _frozen(self, backbones: Sequence[str]) -> Plan:
        """Embed with each that has no vectors yet, then compare all that there are."""
        stages: list[Stage] = []
        files: list[str] = []
        for backbone in dict.fromkeys(backbones):
            job = embed_job(self.project, self._choice(backbone))
            made = self._vectors(job)
            if made is not None:
                files.append(str(made))
                continue
            files.append(f"{OUTPUT.format(len(stages))}/{VECTORS}")
            stages.append(Stage(job=job, title=f"Embed with {self._title(backbone)}"))
        return self._compared(stages, files=files)

    def _compared(
        self,
        stages: Sequence[Stage],
        *,
        files: Sequence[str] = (),
        seeds: int = 0,
        budgets: bool = False,
    ) -> Plan:
        """`stages`, and then the comparison of what they make with every frozen rung that was climbed.

        As many seeds as any of these had: with fewer an interval would grow wide again that was narrow enough.
        """
        frozen = [rung for rung in self.evidence.rungs if not rung.blocks]
        every = list(dict.fromkeys([*self._measured(frozen), *files]))
        if not every:
            raise ValueError(
                "No frozen backbone was measured yet, so that there is nothing to measure again."
            )
        settings = self.project.settings
        curve = budgets or any(rung.budgets for rung in frozen)
        target = self.evidence.target
        job = evaluate_job(
            self.project,
            every,
            seeds=max(seeds, settings.seeds, *(rung.num_seeds for rung in frozen), 1),
            budgets=settings.budgets or (BUDGETS if curve else ""),
            metric=target.metric,
            target=target.threshold or 0.0,
        )
        title = f"Compare {count(len(every), 'backbone')}"
        return Plan(stages=(*stages, Stage(job=job, title=title, after=tuple(range(len(stages))))))

    def _measured(self, rungs: Sequence[Rung]) -> list[str]:
        """The embedding files of frozen rungs. Raises ValueError where a result is gone."""
        found = []
        for rung in rungs:
            folder = self.project.resolve(rung.run)
            result = EvaluationResult.load(folder / "result.json")
            files = result.files(folder)
            found += [
                str(files[model.name].resolve())
                for model in result.models
                if model.backbone == rung.checkpoint and model.probe.get(rung.score.metric) == rung.score
            ]
        return found

    def _vectors(self, job: EmbedJob) -> Path | None:
        """What the same job has made before, of the images that count now; the newest."""
        now: str | None = None
        for run in reversed(self.project.runs("embed")):
            try:
                made, facts, done = run.job(), run.document()["provenance"], run.status().state == "done"
            except (ValueError, KeyError):
                continue
            same = isinstance(made, EmbedJob) and _asked(made) == _asked(job)
            if not same or not done or not (run.path / VECTORS).exists():
                continue
            now = now or self._content_hash()
            if facts.get("inputs", {}).get("index") == now:
                return (run.path / VECTORS).resolve()
        return None

    def _content_hash(self) -> str:
        files = self.project.files_index()
        return self.project.arranged(files).index.content_hash() if files is not None else ""

    # What learns

    def _last_block(self, backbone: str) -> Plan:
        values = {
            "backbone": backbone,
            "blocks": "1",
            "seeds": self.project.settings.seeds,
            "metric": self.evidence.target.metric,
            "image_size": self._choice(backbone).image_size or self.project.settings.image_size,
        }
        job = finetune_job(self.project, values)
        return Plan(stages=(Stage(job=job, title=f"Fine-tune the last block of {self._title(backbone)}"),))

    def _seeds(self, step: NextStep) -> Plan:
        """The comparison again for frozen rungs; each fine-tune again, asked as it was."""
        seeds = step.seeds or SEEDS
        rungs = [self.evidence.rung(name) for name in step.rungs]
        tuned = [rung for rung in rungs if rung.blocks]
        stages = []
        for rung in tuned:
            made = self.project.run(Path(rung.run).name).job()
            if not isinstance(made, FinetuneJob):
                raise ValueError(f"{printable(rung.run)} is no fine-tune. Fine-tune again.")
            values = {name: value for name, value in asdict(made).items() if name not in _FILES}
            job = finetune_job(self.project, {**values, "seeds": seeds})
            title = f"Fine-tune {self._title(rung.checkpoint)} on {count(seeds, 'split')}"
            stages.append(Stage(job=job, title=title))
        if tuned and len(tuned) == len(rungs):
            return Plan(stages=tuple(stages))
        return self._compared(stages, seeds=seeds)

    def _pretrain(self) -> Plan:
        """Pretrain as proposed, then embed with what came out, and compare."""
        made = self._untested()
        if made is not None:
            return self._frozen([made])
        proposal = propose(self.evidence)
        values, why = self.proposed()
        if not values:
            return Plan(by_hand=why)
        learn = Stage(job=pretrain_job(self.project, values), title=f"Pretrain {proposal.title}")
        embed = Stage(
            job=embed_job(self.project, Chosen(backbone=OUTPUT.format(0))),
            title=f"Embed with what {proposal.title} has learnt",
            after=(0,),
        )
        return self._compared((learn, embed), files=[f"{OUTPUT.format(1)}/{VECTORS}"])

    def estimate(self) -> Plan:
        values, _ = self.proposed()
        if not values or self._untested() is not None:
            return Plan()
        asked = write_asked(self.project, pretrain_job(self.project, values))
        return Plan(stages=(Stage(job=EstimateJob(pretrain=str(asked)), title="Estimate the pretraining"),))

    def proposed(self) -> tuple[dict[str, Any], str]:
        proposal = propose(self.evidence)
        if not proposal.method:
            return {}, proposal.why[0]
        start = self._start(proposal.method)
        values: dict[str, Any] = {
            "method": proposal.method,
            "preset": proposal.preset,
            "epochs": PRETRAIN_EPOCHS,
            "start": start,
            "learn_from": LEARN_FROM,
        }
        if self.evidence.architecture == "cnn" and not start:
            values["backbone"] = "resnet50"
        weights = f"{self._title(start)}, the best public backbone measured that it can go on from"
        began = (
            weights if start else "random weights, for no public backbone that it can go on from was measured"
        )
        views = preset_of(proposal.preset).title
        said = f"{proposal.title} from {began}; {count(PRETRAIN_EPOCHS, 'epoch')}; views as for {views!r}; "
        said += "unlabelled images alone, for the splits of a comparison test every labelled one in turn."
        return values, f"{said} {' '.join(proposal.why)}"

    def _untested(self) -> str | None:
        """The newest backbone that was pretrained here and that nobody has tested yet."""
        tested = {rung.checkpoint for rung in self.evidence.rungs}
        for run in reversed(self.project.runs("pretrain")):
            if run.status().state == "done" and (run.path / "backbone").is_dir():
                return None if str(run.path.absolute()) in tested else str(run.path.absolute())
        return None

    def _start(self, method: str) -> str:
        """The best public backbone that was measured and that `method` can teach; "" for none."""
        transformer = method in NEEDS_TRANSFORMER or self.evidence.architecture == "vit"
        fitting = []
        for rung in frozen_public(self.evidence):
            facts = self._catalogue.get(rung.checkpoint)
            if facts is None or not facts.available:
                continue
            if facts.patch > 0 if transformer else self.evidence.architecture != "cnn" or not facts.patch:
                fitting.append(rung)
        return best(tuple(fitting)).checkpoint if fitting else ""

    def _audit(self) -> Plan:
        """Of the views that are proposed for the method whose views destroyed the label."""
        recipes = [rung.recipe for rung in self.evidence.of("pretrained") if rung.recipe]
        recipe = self.evidence.plan or (recipes[-1] if recipes else None)
        proposal = propose(self.evidence)
        method = recipe.method if recipe is not None else proposal.method
        if not method:
            return Plan(by_hand=proposal.why[0])
        values = {"method": method, "preset": proposal.preset, "start": self._start(method)}
        asked = write_asked(self.project, pretrain_job(self.project, values))
        measured = frozen_public(self.evidence)
        here = [item.id for item in self.evidence.at_hand]
        backbone = best(measured).checkpoint if measured else here[0] if here else ""
        job = AuditJob(pretrain=str(asked), backbone=backbone) if backbone else AuditJob(pretrain=str(asked))
        return Plan(stages=(Stage(job=job, title="Audit the views"),))

    # Words

    def _choice(self, backbone: str) -> Chosen:
        chosen = (choice for choice in self.project.settings.chosen if choice.backbone == backbone)
        return next(chosen, Chosen(backbone=backbone))

    def _title(self, backbone: str) -> str:
        known = {item.id: item.title for item in self.evidence.at_hand} | FLOORS
        facts = self._catalogue.get(backbone)
        return printable(known.get(backbone) or (facts.title if facts else "") or Path(backbone).name)


# Parameters of a fine-tune that the project fills in.
_FILES = ("index", "curation", "roots", "ledger", "cache")


def _asked(job: EmbedJob) -> tuple[object, ...]:
    """What decides the vectors, beside the images."""
    return job.backbone, job.feature, job.layers, job.image_size, job.decode, job.precision


def _catalogue(project: Project) -> dict[str, BackboneFacts]:
    try:
        return {facts.id: facts for facts in load_catalogue(project.folder / "caches" / "catalogue.json")}
    except DocumentError:
        return {}
