"""htcell train and htcell fine-tune."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from napari_htcell import config
from napari_htcell.cli import Stopped
from napari_htcell.cli.options import EXISTING_FOLDER, given, pixel_size, settings_options
from napari_htcell.cli.reporting import Reporter, following
from napari_htcell.config import TrainConfig

if TYPE_CHECKING:
    from napari_htcell.project import Project
    from napari_htcell.training_job import Steps

FLAGS = {"pixel_size_um": "--network-pixel-size"}
"""An image's pixel size is another thing."""

new_name = click.option("--name", help="Name of the new model.  [default: version and date]")
new_summary = click.option("--summary", default="", help="What it learns from, for its card.")

images_pixel_size = pixel_size(
    "kept in the project.  [default: what the project, else each file, states]",
    parameter="image_pixel_size_um",
)

GOES_ON = "what it has learnt is kept, and the same command goes on from there"
AT_ONCE = "what was saved last is kept, and the same command goes on from there"
NOT_BEGUN = "the same command goes on from what is kept; if nothing is yet, it begins anew"


@contextmanager
def _resumable() -> Iterator[None]:
    """Tell who presses Ctrl+C while everything is loaded how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        raise Stopped(NOT_BEGUN) from None


@click.command()
@click.argument("version")
@click.argument("project", type=EXISTING_FOLDER)
@new_name
@new_summary
@images_pixel_size
@settings_options(TrainConfig, names=FLAGS)
@following
@_resumable()
def train(
    version: str,
    project: Path,
    name: str | None,
    summary: str,
    image_pixel_size_um: float | None,
    report: Reporter,
    **values: Any,
) -> None:
    """Train VERSION, such as A, B or B+DA, from random weights on PROJECT.

    The model is kept in the project. After Ctrl+C the same command goes on where it was.
    """
    from napari_htcell.project import open_project

    opened = open_project(project)
    from napari_htcell.dataset import check_lessons
    from napari_htcell.learn import train_steps
    from napari_htcell.versions import get_version

    _check(version, name, opened)
    settings = given(TrainConfig, values)
    check_lessons(opened, get_version(version).stages)
    report.keep_pixel_size(opened, image_pixel_size_um)
    steps = train_steps(version, opened, name=name, summary=summary, **settings)
    _finish(steps, opened, report)


@click.command("fine-tune")
@click.argument("project", type=EXISTING_FOLDER)
@click.option(
    "--from",
    "start",
    default=config.DEFAULT_MODEL,
    show_default=True,
    help="Model to start from: its name, or its folder; it is not changed.",
)
@click.option(
    "--version", help="Its last stage is run.  [default: the model's own, or B if that has none]"
)
@new_name
@new_summary
@images_pixel_size
@settings_options(TrainConfig, leave_out=config.FIXED_IN_FINE_TUNING, default="the model's own")
@following
@_resumable()
def fine_tune(
    project: Path,
    start: str,
    version: str | None,
    name: str | None,
    summary: str,
    image_pixel_size_um: float | None,
    report: Reporter,
    **values: Any,
) -> None:
    """Improve a model with the complete images and regions of PROJECT.

    The new model is kept in the project. After Ctrl+C the same command goes on where it was.
    """
    from napari_htcell.models import find_model, load_model
    from napari_htcell.project import open_project

    opened = open_project(project)
    find_model(start, opened)
    from napari_htcell.dataset import check_lessons
    from napari_htcell.learn import fine_tune_steps
    from napari_htcell.recipes import recipe_for

    _check(version, name, opened)
    model = load_model(start, opened)
    recipe = recipe_for(model.card, version)
    settings = given(TrainConfig, values)
    check_lessons(opened, (recipe.fine_tuning,))
    report.keep_pixel_size(opened, image_pixel_size_um)
    steps = fine_tune_steps(model, opened, recipe.name, name=name, summary=summary, **settings)
    _finish(steps, opened, report)


def _check(version: str | None, name: str | None, project: Project) -> None:
    from napari_htcell.own_models import check_new_name
    from napari_htcell.versions import get_version

    try:
        if version is not None:
            get_version(version)
        if name is not None:
            check_new_name(name, project.models_folder)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def _finish(steps: Steps, project: Project, report: Reporter) -> None:
    card = report.follow(steps, if_stopped=GOES_ON, if_at_once=AT_ONCE).card
    lines = [f"Made the model {card.name} in {project.models_folder / card.name}"]
    lines += [
        f"F {figure.f_score:.3f} at {figure.cutoff_um:g} um on {figure.on}"
        for figure in card.figures
    ]
    lines += [
        f"{card.base_model}: F {figure.f_score:.3f} at {figure.cutoff_um:g} um on {figure.on}"
        for figure in card.base_figures
    ]
    lines += [f"counts there: {figure.count_in_words}" for figure in card.figures[:1]]
    if card.kept_part:
        lines.append(f"kept: {card.kept_part}")
    lines.append(f"threshold: {card.detection.threshold:.2f}")
    if card.count_errors is None:
        lines.append(
            "counts will have no interval: that takes three complete images to judge the model"
        )
    if card.is_no_better:
        report.warn(
            f"{card.name} is no better there than {card.base_model}, which knew such images "
            "already, or more complete images are needed"
        )
    report.done(card.model_dump(mode="json"), lines)
