"""htcell simulate."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import click

from napari_htcell.cli.options import build, given, settings_options
from napari_htcell.cli.reporting import Reporter, following
from napari_htcell.paper_record import PaperConfig
from napari_htcell.sample_config import CommonConfig, SampleConfig
from napari_htcell.simulate import SimulationConfig
from napari_htcell.words import count

FROM_ELSEWHERE = ("n_cells",)
"""Images differ in density: a project's as it says itself, the paper's as the density's spread."""

NAMES = {"n_images": "--images", "n_complete": "--complete", "n_masks": "--masks"}

ONLY_PROJECT = SampleConfig.model_fields.keys() - CommonConfig.model_fields.keys()
ONLY_PAPER = PaperConfig.model_fields.keys() - CommonConfig.model_fields.keys() | {"density_spread"}

GOES_ON = "the finished images are kept, and the same command goes on from there"


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--paper",
    "is_paper",
    is_flag=True,
    help="Make three projects, partial, clean and test, with as many images as the paper's; the "
    "same command goes on where it was stopped.",
)
@settings_options(PaperConfig, leave_out=(*CommonConfig.model_fields, "network_resolution"))
@click.option(
    "--network-resolution",
    is_flag=True,
    default=None,
    help=PaperConfig.model_fields["network_resolution"].description,
)
@settings_options(SampleConfig, names=NAMES)
@settings_options(SimulationConfig, leave_out=FROM_ELSEWHERE)
@following
def simulate(folder: Path, is_paper: bool, report: Reporter, **values: Any) -> None:
    """Make a project of simulated images with partial clicks, the complete truth and masks.

    FOLDER is made; a folder that is there already is not touched. Flags with two values are the
    lowest and the highest, between which each image draws its own.

    With --paper FOLDER gets three projects with the numbers of images of the paper. --scale,
    --network-resolution, --workers and --density-spread are for these alone.
    """
    from napari_htcell.sample import make_project_steps

    simulation = build(SimulationConfig, values)
    if is_paper:
        _refuse(ONLY_PROJECT, values, "without --paper, which sets the numbers; take --scale")
        _make_paper_set(folder, simulation, report, values)
        return
    _refuse(ONLY_PAPER, values, "with --paper alone")
    project = report.follow(make_project_steps(folder, simulation, **given(SampleConfig, values)))
    report.done(
        {"project": str(project.path), "images": list(project.images)},
        f"Made {project.path} with {count(len(project.images), 'image')}",
    )


def _make_paper_set(
    folder: Path, simulation: SimulationConfig, report: Reporter, values: dict[str, Any]
) -> None:
    from napari_htcell.paper_set import make_paper_set_steps

    steps = make_paper_set_steps(folder, simulation, **given(PaperConfig, values))
    projects = report.follow(steps, if_stopped=GOES_ON)
    report.done(
        {
            name: {"project": str(project.path), "images": len(project.images)}
            for name, project in projects.items()
        },
        [
            f"Made {project.path} with {count(len(project.images), 'image')}"
            for project in projects.values()
        ],
    )


def _refuse(names: Collection[str], values: dict[str, Any], why: str) -> None:
    """Refuse flags that would do nothing."""
    context = click.get_current_context()
    flags = [
        parameter.opts[0]
        for parameter in context.command.params
        if parameter.name in names and values.get(parameter.name) is not None
    ]
    if flags:
        raise click.UsageError(f"{', '.join(flags)} can be given {why}", context)
