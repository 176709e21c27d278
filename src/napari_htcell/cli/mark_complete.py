"""htcell mark-complete."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from napari_htcell.cli.options import EXISTING_FOLDER
from napari_htcell.cli.reporting import Reporter, reporting
from napari_htcell.words import count

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_htcell.annotations import Annotation
    from napari_htcell.project import Project

LARGEST_SHARE = 0.25
"""So many false alarms for each point are no reason to doubt that an image is complete."""


@click.command("mark-complete")
@click.argument("project", type=EXISTING_FOLDER)
@click.argument("images", nargs=-1, required=True)
@click.option(
    "--frame", type=click.IntRange(min=0), help="One frame of time stacks.  [default: all]"
)
@click.option("--undo", is_flag=True, help="They are not complete after all.")
@reporting
def mark_complete(
    project: Path, images: tuple[str, ...], frame: int | None, undo: bool, report: Reporter
) -> None:
    """Say that in IMAGES of PROJECT every cell has a point, so that models learn from them.

    IMAGES are named as in the project's folder of images. An image without points is complete if
    it has no cells.
    """
    from napari_htcell.project import open_project

    opened = open_project(project)
    names = [opened.find_image(name) or name for name in images]
    numbers: dict[str, tuple[int, int]] = {}
    for name in names:  # there may be more of them than fit into memory
        file = opened.open_image(name)
        numbers[name] = file.ndim, file.n_frames
    for name, (_, n_frames) in numbers.items():
        if frame is not None and frame >= n_frames:
            raise click.BadParameter(f"{name} has frames 0 to {n_frames - 1}, not {frame}")
    marked = {}
    # Read and saved without a window in between: it may be open, and clicked in.
    with opened.saving():
        for name, (ndim, n_frames) in numbers.items():
            annotation = opened.annotation(name, ndim)
            for one in range(n_frames) if frame is None else (frame,):
                annotation = annotation.mark_complete(not undo, one)
            marked[name] = annotation
        for name, annotation in marked.items():
            opened.save_annotation(name, annotation)
    points = {name: len(annotation.points) for name, annotation in marked.items()}
    state = "no longer complete" if undo else "complete"
    lines = [f"{name} is {state}, with {count(n, 'point')}" for name, n in points.items()]
    report.done({"images": points, "complete": not undo}, lines)
    empty = [name for name, n in points.items() if not n]
    if frame is None and not undo:
        _doubt(opened, marked, report)
    if empty and not undo:
        report.warn(
            f"no points in {len(empty)} of them, the first {empty[0]!r}: models will learn that "
            "there is no cell; if there are some, take it back with --undo"
        )


def _doubt(project: Project, marked: Mapping[str, Annotation], report: Reporter) -> None:
    """Warn of images in which much of what a model found there has no point."""
    from napari_htcell.pairing import pair

    doubtful = {}
    for name, annotation in marked.items():
        found = project.detections(name)
        if found is None or not len(annotation.points):
            continue
        pairing = pair(annotation, found)
        open_ = len(found) - len(pairing.pairs) - int(pairing.is_rejected.sum())
        if open_ > LARGEST_SHARE * len(annotation.points):
            doubtful[name] = open_
    if doubtful:
        name, open_ = next(iter(doubtful.items()))
        report.warn(
            f"in {len(doubtful)} of them a model found much that has no point, in {name!r} "
            f"{open_} beside {count(len(marked[name].points), 'point')}: models will learn that "
            "these are no cells; if some are, take it back with --undo"
        )
