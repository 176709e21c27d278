"""htcell detect."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from napari_htcell import config, export, models
from napari_htcell.cli.options import EXISTING, build, given, pixel_size, settings_options
from napari_htcell.cli.reporting import Reporter, following
from napari_htcell.cli.tables import check_tables, table_options, write_tables
from napari_htcell.config import DetectConfig
from napari_htcell.export import ImageRecord
from napari_htcell.export_files import Content, What
from napari_htcell.imagefiles import ImageFile
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
    asked: dict[What, Path | None] = {"counts": counts, "points": points}
    wanted = {what: path for what, path in asked.items() if path is not None}
    check_tables(wanted)
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
    _give(results, wanted, report)
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


def _give(results: Sequence[FileResult], wanted: Mapping[What, Path], report: Reporter) -> None:
    """Write the tables and say what was found."""
    records = [one.record or ImageRecord(one.name, is_readable=False) for one in results]
    rows = [row for record in records for row in record.count_rows]
    lines = [export.in_words(row) for row in rows if row["model"]]
    # Tables of failures alone would look like results.
    if any(result.record for result in results):
        lines += write_tables(Content("", records, ImageFile.read), wanted, report)
    failed = [{"image": one.name, "error": one.error} for one in results if one.error is not None]
    tell = report.done if wanted else report.result
    tell({"counts": rows, "failed": failed}, lines)
