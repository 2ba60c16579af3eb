"""The verb about a backbone that learns from the labels: `finetune`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from workbench.headless import run_job
from workbench.records.finetunes import NOT_RANKED, FinetuneResult
from workbench.records.jobs import FinetuneJob
from workbench.records.scores import METRIC_NAMES
from workbench.records.text import count, duration, printable
from workbench.verbs.common import add_flags, add_verb, local, make_job, print_json
from workbench.verbs.data import add_folders, indexed_from


def register(verbs: Any) -> None:
    verb = add_verb(
        verbs,
        "finetune",
        _finetune,
        "Let the last blocks of a backbone learn from the labels, and export it.",
    )
    add_folders(verb)
    add_flags(verb, FinetuneJob)


def _finetune(options: argparse.Namespace) -> int:
    project, arranged, _ = indexed_from(options)
    if not len(arranged.index.labelled()):
        raise ValueError(
            f"{', '.join(options.folders)}: no image has a label. Put the images into one folder a class, or name a "
            "label table with --labels."
        )
    job = make_job(
        FinetuneJob,
        options,
        index=str(project.resolve(project.settings.index)),
        curation=str(project.keep_curation()),
        cache=str(project.finetune_cache),
        ledger=str(project.ledger),
        backbone=local(options.backbone),
    )
    run = run_job(project, job, f"Fine-tune {printable(options.backbone)}")
    result = FinetuneResult.load(run.path / "finetune.json")
    if options.json:
        return print_json(result.public_json(run.path))
    print("\n".join(_told(result, run.path)))
    return 0


def _told(result: FinetuneResult, folder: Path) -> list[str]:
    """The result in words, for a terminal."""
    score = result.scores[result.metric]
    interval = f", 95 % {score.interval[0]:.3f} to {score.interval[1]:.3f}" if score.interval else ""
    epochs = ", ".join(str(seed.chosen) for seed in result.seeds)
    leaks = f" {result.leaks.told()[:1].upper()}{result.leaks.told()[1:]}." if result.leaks else ""
    return [
        f"{printable(result.title)}, fine-tuned: {result.trained} "
        f"({result.trainable_parameters:,} of {result.total_parameters:,} parameters)",
        f"  {METRIC_NAMES[result.metric]} {score.mean:.3f}, SD {score.sd:.3f}{interval}, "
        f"{count(len(result.seeds), 'seed')} in {duration(result.seconds)}",
        f"  epochs chosen on validation: {epochs} (0: the probe that the head began as).{leaks}",
        f"  checkpoint of seed {result.checkpoint_seed} ({result.checkpoint_form}): "
        f"{printable(str(folder / result.checkpoint))}",
        *(f"Note: {finding.advice}" for finding in result.findings),
        NOT_RANKED,
    ]
