"""htcell simulate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from napari_htcell.cli.options import build, given, settings_options
from napari_htcell.cli.reporting import Reporter, following
from napari_htcell.sample import SampleConfig, make_project_steps
from napari_htcell.simulate import SimulationConfig
from napari_htcell.words import count

FROM_SAMPLE = ("n_cells", "density_spread")
"""A sample's images differ in density as it says itself."""

NAMES = {"n_images": "--images", "n_complete": "--complete", "n_masks": "--masks"}


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@settings_options(SampleConfig, names=NAMES)
@settings_options(SimulationConfig, leave_out=FROM_SAMPLE)
@following
def simulate(folder: Path, report: Reporter, **values: Any) -> None:
    """Make a project of simulated images with partial clicks, the complete truth and masks.

    FOLDER is made; a folder that is there already is not touched. Flags with two values are the
    lowest and the highest, between which each image draws its own.
    """
    simulation = build(SimulationConfig, values)
    project = report.follow(make_project_steps(folder, simulation, **given(SampleConfig, values)))
    report.done(
        {"project": str(project.path), "images": list(project.images)},
        f"Made {project.path} with {count(len(project.images), 'image')}",
    )
