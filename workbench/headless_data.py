"""A data set without a window: folders and decisions from the command line become the index that counts."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from workbench.headless import project_for, run_job
from workbench.records.arrange import Arranged
from workbench.records.curation import IGNORED, Curation
from workbench.records.index import ImageIndex
from workbench.records.jobs import IndexJob
from workbench.records.label_table import read_table
from workbench.records.layout import Layout
from workbench.records.leaks import leaking_sets, superfluous
from workbench.records.params import param
from workbench.records.project import Project
from workbench.records.roots import name_roots, same
from workbench.records.spec import Reading
from workbench.records.splits import SplitPlan
from workbench.records.text import printable

COPIES = ("keep", "leave-out", "group")


@dataclass(frozen=True, slots=True, kw_only=True)
class DataOptions:
    """What a command line may decide about the images. Empty keeps what the project has."""

    labels: str = param(
        "",
        help='Where labels come from: "folder" for the first folder below the root, "folder:2" for the second, '
        '"folder:last" for the one that holds the file, "none", or a CSV or TSV file with columns path and label.',
    )
    group_by: str = param(
        "",
        help='What belongs together and must not be torn between train and test: "folder:2" for the second folder, '
        '"name:(lot[0-9]+)" for a part of the file name, "table" for the label table, "none" for no groups.',
    )
    window: str = param(
        "",
        help='How 16-bit and float levels become a picture: "full", "percentile:1:99" of the data set, or '
        '"fixed:0:4095" in the files\' own numbers.',
    )
    channels: str = param(
        "",
        help='Which channels a picture is made of: "first" (three), "pick:2,0,1", "mean", or "all" for a backbone '
        "whose first layer is adapted.",
    )
    split: str = param(
        "", help='How images are divided: "60/20/20" (train, validation, test), "folds:5", or "official".'
    )
    copies: str = param(
        "",
        help="What becomes of copies that a split can tear apart: they are kept, all but one are left out, or each "
        "set becomes one group.",
        choices=("", *COPIES),
    )
    rename: tuple[str, ...] = param(
        (), help='"OLD=NEW" renames a class; two with one name are merged. May be given several times.'
    )
    ignore: tuple[str, ...] = param(
        (), help="Leave the images of this class out. May be given several times."
    )


def indexed(
    folders: Sequence[Path], options: DataOptions, scan: dict[str, object], project_folder: str = ""
) -> tuple[Project, Arranged, list[list[str]]]:
    """Index `folders` and apply what was decided.

    Args:
        scan: parameters of `IndexJob` other than the folders.
        project_folder: the project to keep it in; by default one that belongs to the folders.

    Returns:
        the project; what counts and what became of the rest; the names of the images of each leak, as it was before
        the copies were left out or grouped.

    Raises:
        ValueError: an option that makes no sense, with a sentence. JobFailed: the index job failed.
    """
    for folder in folders:
        if not folder.is_dir():
            what = "is not a folder" if folder.exists() else "does not exist"
            raise ValueError(f"{folder} {what}. Name the folder that holds the images.")
    roots = name_roots(folders)
    project = project_for(folders[0] if len(folders) == 1 else Path("+".join(roots.values())), project_folder)
    settings = project.settings
    known = settings.curation if project_folder and same(settings.roots, roots.values()) else Curation()
    curation = _decided(options, known, project)
    files = _scan(project, roots, replace(curation.reading, pages=str(scan.get("pages", "first"))), scan)
    settings.curation = known
    project.save()  # the index is worth keeping even where a decision makes no sense
    curation = replace(curation, reading=replace(curation.reading, pages=files.reading.pages))
    if options.window:
        curation = _with_window(curation, options.window, files)
    settings.curation = curation
    arranged = project.arranged(files)
    _check_classes(options, known, arranged)
    leaks = leaking_sets(arranged.index)
    names = [[arranged.index.name(position) for position in members] for members in leaks]
    if leaks and options.copies in ("leave-out", "group"):
        if options.copies == "group":
            settings.curation = curation.join(names)
        else:
            settings.curation = curation.leave_out(superfluous(arranged.index, leaks))
        arranged = project.arranged(files)
    project.save()
    return project, arranged, names


def indexed_pool(project: Project, folder: Path, scan: dict[str, object]) -> Path:
    """Index a folder of unlabelled images. Returns the index's file.

    Raises:
        ValueError: no such folder, with a sentence. JobFailed: the index job failed.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a folder. Name the folder that holds the unlabelled images.")
    settings = project.settings
    previous = project.resolve(settings.pool_index) if settings.pool_index else None
    job = IndexJob(
        folders=(str(folder),),
        previous=str(previous) if previous and previous.exists() else "",
        **scan,  # type: ignore[arg-type]
    )
    run = run_job(project, job, "Index the unlabelled images")
    kept = project.folder / "pool.npz"
    (run.path / "index.npz").replace(kept)
    shutil.rmtree(run.path, ignore_errors=True)
    settings.pool, settings.pool_index = str(folder), "pool.npz"
    project.save()
    return kept


def _decided(options: DataOptions, known: Curation, project: Project) -> Curation:
    layout, table, table_name = known.layout, known.table, known.table_name
    group_by = {"": layout.group_by, "none": ""}.get(options.group_by, options.group_by)
    labels = options.labels or layout.labels
    file = Path(labels).expanduser()
    if options.labels and file.is_file():
        table, table_name, labels = project.keep_table(file.absolute()), file.name, "table"
        if not options.group_by and read_table(file).has_groups:
            group_by = "table"
    elif options.labels and file.is_dir():
        raise ValueError(
            f"{printable(labels)} is a folder, not a CSV or TSV file. "
            "For the first folder below the root write folder:1."
        )
    elif options.labels and (file.suffix.lower() in (".csv", ".tsv", ".txt") or "/" in labels):
        raise ValueError(
            f"{printable(labels)} does not exist. Name a CSV or TSV file with columns path and label."
        )
    if "table" not in (labels, group_by):
        table = table_name = ""
    plan = SplitPlan.parse(options.split) if options.split else known.plan
    reading = replace(known.reading, channels=options.channels or known.reading.channels)
    curation = replace(
        known,
        layout=Layout(labels=labels, group_by=group_by),
        table=table,
        table_name=table_name,
        plan=plan,
        reading=reading,
    )
    for rule in options.rename:
        old, equals, new = rule.partition("=")
        if not equals or not old or not new:
            raise ValueError(f'--rename {printable(rule)!r}: write "OLD=NEW".')
        curation = curation.rename(old, new)
    for name in options.ignore:
        curation = curation.rename(name, IGNORED)
    return curation


def _check_classes(options: DataOptions, known: Curation, arranged: Arranged) -> None:
    """Raise ValueError for a class to be renamed or ignored that there is not: most likely it is misspelt."""
    names = {*arranged.found, *known.classes.values()}
    for rule in options.rename:
        old, _, new = rule.partition("=")
        _require_class(old, names, arranged)
        names.add(new.strip())
    for name in options.ignore:
        _require_class(name, names, arranged)


def _require_class(name: str, names: set[str], arranged: Arranged) -> None:
    if name not in names:
        some = ", ".join(arranged.found[:8]) + (", ..." if len(arranged.found) > 8 else "")
        there = f"The classes are {some}." if some else "No image has a label."
        raise ValueError(f"there is no class {printable(name)!r}. {printable(there)}")


def _scan(project: Project, roots: dict[str, str], reading: Reading, scan: dict[str, object]) -> ImageIndex:
    settings = project.settings
    previous = project.resolve(settings.index) if settings.index else None
    job = IndexJob(
        folders=tuple(roots.values()),
        previous=str(previous) if previous and previous.exists() else "",
        **scan,  # type: ignore[arg-type]
    )
    run = run_job(project, job, "Index")
    kept = project.folder / "index.npz"
    (run.path / "index.npz").replace(kept)
    shutil.rmtree(run.path, ignore_errors=True)
    settings.roots, settings.index = roots, "index.npz"
    files = project.files_index()
    assert files is not None
    return files


def _with_window(curation: Curation, text: str, files: ImageIndex) -> Curation:
    """The intensity window as `--window` says it. Raises ValueError with a sentence."""
    from workbench.pixels.histogram import measure_index, window_from_text

    histograms = measure_index(files, curation.reading) if text != "full" else {}
    window, told = window_from_text(text.removeprefix("fixed:"), histograms)
    return replace(curation, reading=replace(curation.reading, window=window), window_told=told)
