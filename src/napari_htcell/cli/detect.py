"""htcell detect."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from napari_htcell import config
from napari_htcell.cli.options import EXISTING, build, given, pixel_size, settings_options
from napari_htcell.cli.reporting import Reporter, following
from napari_htcell.cli.tables import check_tables, table_options, write_tables
from napari_htcell.config import DetectConfig
from napari_htcell.formats import What
from napari_htcell.words import count

if TYPE_CHECKING:
    from napari_htcell.batch import FileResult
    from napari_htcell.comparison import Compared
    from napari_htcell.items import Item
    from napari_htcell.journal import Journal
    from napari_htcell.many import Job

OTHER_SIZE = 1.25
"""Pixel sizes whose ratio is larger are not the same one, measured twice."""

MOST_LOOKED_AT = 20
"""Among so many images one is looked for that states its pixel size."""

UNFINISHED = ".unfinished"
"""After a table's name: what is found so far, gone when the table is written."""


@click.command()
@click.argument("paths", nargs=-1, required=True, type=EXISTING)
@click.option(
    "--model",
    default=config.DEFAULT_MODEL,
    show_default=True,
    help="Name of a model, or its folder.",
)
@pixel_size("kept in a project.  [default: what the project, else each file, states]")
@settings_options(DetectConfig, default="the model's own")
@table_options
@click.option(
    "--save/--no-save",
    default=None,
    help="Keep the detections in the folders that are given.  "
    "[default: in those with annotations, detections or settings]",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Processes of this machine, each with an image of its own at a time.",
)
@click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="Use the workers of a Dask cluster, such as tcp://10.0.0.1:8786; all of them must see "
    "the images under the same paths.",
)
@following
def detect(
    paths: tuple[Path, ...],
    model: str,
    pixel_size_um: float | None,
    counts: Path | None,
    points: Path | None,
    save: bool | None,
    workers: int,
    scheduler: str | None,
    report: Reporter,
    **values: Any,
) -> None:
    """Find the cells in images, in folders of images, or in a project.

    An image that cannot be used is reported and stops nothing; the exit code is 1 then. With
    --output or --points, a run that was stopped is gone on with by the same command.
    """
    from napari_htcell import models
    from napari_htcell.lazyfiles import is_zarr
    from napari_htcell.project import open_project

    build(DetectConfig, values)
    asked: dict[What, Path | None] = {"counts": counts, "points": points}
    wanted = {what: path for what, path in asked.items() if path is not None}
    check_tables(wanted)
    # Before torch is loaded: it takes seconds, and these are the usual mistakes.
    folders = [open_project(path) for path in paths if path.is_dir() and not is_zarr(path)]
    for folder in folders:
        if left_out := folder.left_out:
            report.warn(left_out)
    place = folders[0] if len(folders) == 1 else None
    entry = models.find_model(model, place)
    settings = config.override(entry.card.detection, **given(DetectConfig, values))
    from napari_htcell import many
    from napari_htcell.items import is_project, list_items

    items = list_items(paths, save=save)
    models.load_model(model, place)  # or each image would say what is wrong with it
    report.say(f"Detecting with the model {entry.card.name}, threshold {settings.threshold:g}")
    source = click.get_current_context().get_parameter_source("model")
    if source is ParameterSource.DEFAULT and place is not None:
        own = [one.card.name for one in models.list_models(place) if one.origin == "project"]
        if own:
            report.warn(f"{place.path.name} has models of its own (--model {own[-1]})")
    if pixel_size_um is not None:
        for folder in folders:
            # Or the next call without the flag would replace what this one keeps there.
            if is_project(folder.path) if save is None else save:
                report.keep_pixel_size(folder, pixel_size_um)
        _doubt_size(items, pixel_size_um, report)
    job = many.Job.of(entry, settings, pixel_size_um)
    with _journal(wanted, job) as journal:
        before = len(many.finished(items, job, journal))
        if before:
            report.say(f"Going on after {count(before, 'image')}")
        results = report.follow(
            many.detect_many(items, job, journal, workers=workers, scheduler=scheduler),
            if_stopped="the same command goes on from here"
            if wanted
            else "saved detections are kept",
        )
        failed = _report(results, report)
        _give(results, failed, wanted, report)
        journal.delete()
    if failed:
        sys.exit(1)


def _doubt_size(items: Sequence[Item], pixel_size_um: float, report: Reporter) -> None:
    """Warn if the first image that states a pixel size states quite another one."""
    from napari_htcell.imagefiles import ImageError
    from napari_htcell.lazyfiles import open_image

    for item in items[:MOST_LOOKED_AT]:
        try:
            stated = open_image(item.path).pixel_size_um
        except (ImageError, OSError):  # said when it is its turn
            continue
        if stated is not None:
            ratio = pixel_size_um / stated
            if not 1 / OTHER_SIZE < ratio < OTHER_SIZE:
                report.warn(
                    f"{item.name} itself states {stated:g} um per pixel, not {pixel_size_um:g}: "
                    "counts are wrong if that is right (leave --pixel-size out)"
                )
            return


@contextmanager
def _journal(wanted: Mapping[What, Path], job: Job) -> Iterator[Journal]:
    """Yield where images are kept as they are finished: beside the first table, if there is one."""
    from napari_htcell.journal import Journal

    with ExitStack() as stack:
        if wanted:
            table = next(iter(wanted.values()))
            path = table.with_name(f"{table.name}{UNFINISHED}")
        else:
            path = Path(stack.enter_context(TemporaryDirectory())) / "found"
        yield stack.enter_context(Journal(path, job.content))


def _report(results: Sequence[FileResult], report: Reporter) -> list[dict[str, str]]:
    """Warn of what was assumed or cannot be true, and report which images failed; return these."""
    from napari_htcell.comparison import Comparison, compare_image

    assumed: list[float] = []
    failed: list[dict[str, str]] = []
    have_interval = False
    compared: list[Compared] = []
    for result in results:  # which are read from a file one by one, once
        if result.error is not None:
            report.fail(result.error)
            failed.append({"image": result.name, "error": result.error})
        elif result.record is not None and (found := result.detections) is not None:
            if found.provenance.pixel_size_assumed:
                assumed.append(found.provenance.pixel_size_um)
            have_interval |= found.provenance.count_errors is not None
            compared += compare_image(result.name, result.record.annotation, found)
    if assumed:
        report.warn(
            f"{len(assumed)} of {count(len(results), 'image')} without a stated pixel size: "
            f"{assumed[0]:g} um, which the model's card names for such images, was assumed. Counts "
            "may be off by a factor of two if it is wrong, and have no interval "
            "(state it with --pixel-size)"
        )
    intervals = Comparison(tuple(compared)).intervals
    if intervals is None and have_interval:
        report.say(
            "Intervals hold their rate in images like those that the model's counts were measured "
            "on; whether in these, a few complete ones tell (htcell evaluate)"
        )
    if intervals is not None and intervals.is_refuted:
        report.warn(
            f"of the complete images {intervals.in_words}; fine-tune on them, and detect again"
        )
    return failed


def _give(
    results: Sequence[FileResult],
    failed: list[dict[str, str]],
    wanted: Mapping[What, Path],
    report: Reporter,
) -> None:
    """Write the tables and say what was found."""
    from napari_htcell import export
    from napari_htcell.export_files import Content
    from napari_htcell.imagefiles import ImageFile
    from napari_htcell.many import Records

    records = Records(results)
    # What nobody reads is not made: there may be a million images.
    is_said = report.is_json or not (wanted and report.is_quiet)
    rows = [row for record in records for row in record.count_rows] if is_said else []
    lines = [export.in_words(row) for row in rows if row["model"]]
    # Tables of failures alone would look like results.
    if len(failed) < len(results):
        lines += write_tables(Content("", records, ImageFile.read), wanted, report)
    tell = report.done if wanted else report.result
    tell({"counts": rows, "failed": failed}, lines)
