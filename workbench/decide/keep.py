"""The decision of a project as files: gathered, decided and written in one go. `records/case.py` says where."""

from __future__ import annotations

from workbench.decide.decision import decide
from workbench.decide.gather import gather
from workbench.records.case import FOLDER, Case
from workbench.records.decision import Decision
from workbench.records.evidence import AtHand, Evidence, Machine
from workbench.records.files import DocumentError
from workbench.records.project import Project


def known(project: Project) -> tuple[tuple[AtHand, ...], Machine]:
    """Backbones and machine of the last decision; ((), Machine()) where there is none that can be read."""
    try:
        evidence = Evidence.load(project.folder / FOLDER / "evidence.json")
    except DocumentError:
        return (), Machine()
    return evidence.at_hand, evidence.machine


def decide_and_keep(
    project: Project, case: Case, at_hand: tuple[AtHand, ...], machine: Machine
) -> tuple[Evidence, Decision]:
    """Decide by what is known now, and write evidence.json and then decision.json."""
    evidence = gather(project, case, at_hand=at_hand, machine=machine)
    decision = decide(evidence)
    evidence.save(project.folder / FOLDER / "evidence.json")
    decision.save(project.folder / FOLDER / "decision.json")
    return evidence, decision
