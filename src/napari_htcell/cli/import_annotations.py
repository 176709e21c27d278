"""htcell import-annotations: clicks and masks made elsewhere, checked as a whole, then kept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from napari_htcell.cli.options import EXISTING, EXISTING_FOLDER, pixel_size
from napari_htcell.cli.reporting import Reporter, following
from napari_htcell.words import count

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_htcell.annotations import Annotation
    from napari_htcell.pointsfile import Points
    from napari_htcell.project import Project

MOST_LOOKED_AT = 20
"""So many images tell whether points are where they should be."""


@click.command("import-annotations")
@click.argument("project", type=EXISTING_FOLDER)
@click.argument("source", metavar="[FILE_OR_FOLDER]", type=EXISTING, required=False)
@click.option("--image", help="The image that all points belong to, whatever the file says.")
@click.option(
    "--type",
    "kinds",
    multiple=True,
    help="Marker type of a Cell Counter file, by number or name, or annotated, candidates or final "
    "of exported ROIs; may be given again.  [default: all types; annotated]",
)
@click.option("--complete", is_flag=True, help="Every cell of these images is annotated.")
@click.option("--common", is_flag=True, help="Leave out images that the project does not have.")
@pixel_size("kept in the project.")
@click.option("--replace", "replaces", is_flag=True, help="Replace annotations that are there.")
@click.option(
    "--undo",
    is_flag=True,
    help="Take the last import back: what was there before is there again, what was clicked since "
    "stays. Again for the one before.",
)
@following
def import_annotations(
    project: Path,
    source: Path | None,
    image: str | None,
    kinds: tuple[str, ...],
    complete: bool,
    common: bool,
    pixel_size_um: float | None,
    replaces: bool,
    undo: bool,
    report: Reporter,
) -> None:
    """Take clicks or masks made elsewhere into PROJECT.

    FILE_OR_FOLDER is a CSV file with y and x (or X and Y, or axis-0 and axis-1) in pixels and
    optionally `image`, Fiji's Results among them; an XML file of Fiji's Cell Counter; a zip of ROIs
    or a single one, whose areas give their centroid; a label image, 0 being background and each
    other number a cell; or a folder of such files. Files without names of images belong to the
    image that they are named as. Masks become their centroids. Everything is checked before
    anything is written.
    """
    from napari_htcell import importing, kept_imports
    from napari_htcell.project import ProjectError, open_project

    opened = open_project(project)
    if undo:
        if source is not None:
            raise click.UsageError("--undo takes the last import back, and no file.")
        _take_back(opened, report)
        return
    if source is None:
        raise click.UsageError("Missing argument 'FILE_OR_FOLDER'.")
    steps = importing.plan_steps(
        opened, source, image=image, kinds=kinds, complete=complete, common=common
    )
    try:
        plan = report.follow(steps, if_stopped="nothing is imported")
    except importing.UnknownImageError as error:
        raise ProjectError(
            f"{error} (--image NAME says which one is meant, --common leaves out those not there)"
        ) from error
    taken = kept_imports.annotated_already(opened, plan)
    if taken and not replaces:
        raise ProjectError(
            f"{len(taken)} of the images are annotated already, the first {taken[0]!r}; "
            "--replace replaces what is there"
        )
    report.keep_pixel_size(opened, pixel_size_um)
    reopened = [name for name in taken if opened.annotation(name).complete_frames and not complete]
    counts = report.follow(
        kept_imports.keep_steps(opened, plan),
        if_stopped="some images may be imported, others not; --undo takes back those that are",
    )
    lines = f"Imported {count(sum(counts.values()), 'point')} into {count(len(counts), 'image')}"
    if taken:
        lines += "; what was there before comes back with --undo"
    report.done({"images": counts, "complete": complete}, lines)
    if not counts:
        report.warn(f"{source}: has no points; was the right file chosen?")
    if reopened:
        report.warn(
            f"{len(reopened)} of them were complete and are no longer, the first {reopened[0]!r}; "
            "--complete says that every cell is annotated"
        )
    if hint := _hint(opened, plan):
        report.warn(f"{hint} If not, take them back with --undo")


def _hint(project: Project, plan: Mapping[str, Annotation]) -> str:
    """Return what to say if what was detected in the images contradicts the points."""
    from napari_htcell.misplaced import misplaced

    seen: list[tuple[Points, Points, float]] = []
    for name, annotation in plan.items():
        found = project.detections(name)
        if found is not None and len(seen) < MOST_LOOKED_AT:
            seen.append((found.points, annotation.points, found.provenance.pixel_size_um))
    return misplaced(seen)


def _take_back(project: Project, report: Reporter) -> None:
    from napari_htcell import kept_imports
    from napari_htcell.project import ProjectError

    kept = kept_imports.last_import(project)
    if kept is None:
        raise ProjectError(f"{project.path}: has no import that could be taken back")
    changed = report.follow(
        kept_imports.take_back_steps(project, kept), if_stopped="--undo again goes on"
    )
    lines = f"Took the import of {kept.folder.name} back from {count(len(changed), 'image')}"
    report.done({"images": changed}, lines)
