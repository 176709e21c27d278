"""Whether something has become slow: ratios measured within one run, with generous bounds.

    make ratios

Figures that are published come from the other scripts; this one only has to notice a step done
twice, work that grows with a square, or data that training waits for.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import click
import torch
import training_speed
from growth import over_images, over_points
from speed import make_image, measure
from start import MAIN, run_once

from napari_htcell import models
from napari_htcell.sample import make_project
from napari_htcell.simulate import SimulationConfig

BOUNDS = {
    "file to CSV over the bare forward pass": 2.0,
    "matching 20,000 points over matching 5,000": 10.0,
    "each of 80 images over each of 8": 2.5,
    "htcell --help over an empty Python": 15.0,
    "a training step over the bare one": 1.5,
}
"""Measured are 1.1, 4, 1.0, 5 and 1.0."""

FIELDS = SimulationConfig(height_px=766, width_px=1024)


def measured() -> dict[str, float]:
    """Return each ratio."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        one = measure(make_image(folder), models.load_model("B"), folder, repeats=3)
        project = make_project(folder / "p", FIELDS, n_images=4, n_complete=0, n_masks=0)
        step = training_speed.measure("A", training_speed.lesson_of("A", project), steps=10)
    few, more = (
        min(over_points([n], 16.0)[0]["seconds"] for _ in range(3)) for n in (5000, 20_000)
    )
    alone, together = (over_images([n])[0]["seconds_each"] for n in (8, 80))
    empty, shown = (
        min(run_once(code).wall for _ in range(3)) for code in ("", MAIN.format(["--help"]))
    )
    values = (one["ratio"], more / few, together / alone, shown / empty, step["ratio"])
    return dict(zip(BOUNDS, values, strict=True))


@click.command()
def main() -> None:
    """Print ratios and bounds; the exit code is 1 if one is exceeded."""
    torch.set_num_threads(1)
    is_slow = False
    for name, value in measured().items():
        is_slow |= value > BOUNDS[name]
        click.echo(f"{name}: {value:.2f} (at most {BOUNDS[name]:g})")
    sys.exit(int(is_slow))


if __name__ == "__main__":
    main()
