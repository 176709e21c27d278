"""htcell detect."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from napari_htcell import config, export, models, pointsfile
from napari_htcell.cli.options import EXISTING, build, given, pixel_size, settings_options
from napari_htcell.cli.reporting import Reporter, following
from napari_htcell.cli.tables import check_tables, table_options
from napari_htcell.config import DetectConfig
from napari_htcell.export import ImageRecord
from napari_htcell.project import open_project
from napari_htcell.words import count

if TYPE_CHECKING:
    from napari_htcell.batch import FileResult


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
@following
def detect(
    paths: tuple[Path, ...],
    model: str,
    pixel_size_um: float | None,
    counts: Path | None,
    points: Path | None,
    save: bool | None,
    report: Reporter,
    **values: Any,
) -> None:
    """Find the cells in images, in folders of images, or in a project.

    An image that cannot be used is reported and stops nothing; the exit code is 1 then.
    """
    build(DetectConfig, values)
    check_tables(counts, points)
    # Before torch is loaded: it takes seconds, and these are the usual mistakes.
    folders = [open_project(path) for path in paths if path.is_dir()]
    place = folders[0] if len(folders) == 1 else None
    models.find_model(model, place)
    from napari_htcell import batch

    items = batch.list_items(paths, save=save)
    loaded = models.load_model(model, place)
    settings = config.override(loaded.card.detection, **given(DetectConfig, values))
    report.say(f"Detecting with the model {loaded.name}, threshold {settings.threshold:g}")
    source = click.get_current_context().get_parameter_source("model")
    if source is ParameterSource.DEFAULT and place is not None:
        own = [one.card.name for one in models.list_models(place) if one.origin == "project"]
        if own:
            report.warn(f"{place.path.name} has models of its own (--model {own[-1]})")
    if pixel_size_um is not None:
        for folder in folders:
            # Or the next call without the flag would replace what this one keeps there.
            if batch.is_project(folder.path) if save is None else save:
                report.keep_pixel_size(folder, pixel_size_um)
    steps = batch.detect_items(items, loaded, pixel_size_um=pixel_size_um, settings=settings)
    results = report.follow(steps, if_stopped="no table is written; saved detections are kept")
    _warn_of_assumed(results, report)
    for result in results:
        if result.error is not None:
            report.fail(result.error)
    _give(results, counts, points, report)
    if any(result.error is not None for result in results):
        sys.exit(1)


def _warn_of_assumed(results: Sequence[FileResult], report: Reporter) -> None:
    assumed = [
        result.detections.provenance.pixel_size_um
        for result in results
        if result.detections is not None and result.detections.provenance.pixel_size_assumed
    ]
    if assumed:
        report.warn(
            f"{len(assumed)} of {count(len(results), 'image')} without a stated pixel size: "
            f"{assumed[0]:g} um, that of the model's training images, was assumed "
            "(state it with --pixel-size)"
        )


def _give(
    results: Sequence[FileResult], counts: Path | None, points: Path | None, report: Reporter
) -> None:
    """Write the tables and say what was found."""
    rows = [
        row
        for result in results
        for row in (result.record or ImageRecord(result.name, is_readable=False)).count_rows
    ]
    lines = [export.in_words(row) for row in rows if row["model"]]
    # Tables of failures alone would look like results.
    if any(result.record for result in results):
        if counts is not None:
            pointsfile.write_rows(counts, export.COUNT_COLUMNS, rows)
            read = [result for result in results if result.record]
            lines.append(f"Wrote the counts of {count(len(read), 'image')} to {counts}")
        if points is not None:
            cells = [row for one in results if one.record for row in one.record.point_rows]
            pointsfile.write_rows(points, export.POINT_COLUMNS, cells)
            lines.append(f"Wrote {count(len(cells), 'point')} to {points}")
    failed = [{"image": one.name, "error": one.error} for one in results if one.error is not None]
    tell = report.result if counts is None and points is None else report.done
    tell({"counts": rows, "failed": failed}, lines)
