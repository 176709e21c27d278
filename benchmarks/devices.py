"""Two processes that learn together beside one: the same losses, and the seconds of a step.

    .venv/bin/python benchmarks/devices.py --output benchmarks/devices.json

Version E's first stage with its own network and batch, on a project of simulated images; DDP over
gloo, one thread to a process. Sums are taken in another order, and every step magnifies what that
rounds otherwise. So there is a control: one process with its numbers in another order in memory,
which is the same mathematics too. With fewer free cores than devices the seconds say nothing.
"""

from __future__ import annotations

import json
import tempfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from training_speed import lesson_of

from napari_htcell import config, networks, processes
from napari_htcell.cards import software
from napari_htcell.device import place
from napari_htcell.sample import make_project
from napari_htcell.simulate import SimulationConfig
from napari_htcell.team import train_together
from napari_htcell.training import Keeper, Lesson, train_network

EARLY, TOLERANCE = 5, 1e-3
"""Of the first steps' losses, relative."""

AS_CONTROL = 3.0
"""The median difference is at most so many times the control's."""


def measure(
    lesson: Lesson, devices: int, folder: Path, *, is_control: bool = False
) -> tuple[list[float], float]:
    """Return each step's loss, and the median seconds of a step."""
    torch.manual_seed(0)
    network = networks.build("U-Net", lesson.config)
    if not is_control:
        place(network, torch.device("cpu"))
    train = train_network if devices == 1 else partial(train_together, devices=devices)
    keeper = Keeper(folder / f"{devices} {is_control}", "", 3600)
    losses, ended = [], [time.perf_counter()]
    for report in train(network, [lesson], torch.float32, keeper):
        losses.append(float(report.loss or 0))
        ended.append(time.perf_counter())
    # The first step waits for the processes.
    return losses, float(np.median(np.diff(ended)[1:]))


@click.command()
@click.option("--steps", default=40, show_default=True)
@click.option("--devices", default=2, show_default=True)
@click.option("--square", default=64, show_default=True, help="Side of squares; E's own are 128.")
@click.option("--output", type=click.Path(path_type=Path), default=None, help="JSON file to write.")
def main(steps: int, devices: int, square: int, output: Path | None) -> None:
    """Print the largest difference of the losses, and the seconds of a step."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as place_:
        folder = Path(place_)
        scene = SimulationConfig(height_px=766, width_px=1024)
        project = make_project(folder / "p", scene, n_images=6, n_complete=0, n_masks=0)
        lesson = lesson_of("E", project)
        lesson = replace(lesson, stage=replace(lesson.stage, epochs=0, min_steps=steps))
        lesson = replace(lesson, config=config.override(lesson.config, square_px=square))
        (one, alone), (two, together) = (measure(lesson, n, folder) for n in (1, devices))
        control, _ = measure(lesson, 1, folder, is_control=True)
    differences = {
        name: {"most, first steps": float(found[:EARLY].max()), "median": float(np.median(found))}
        for name, other in {"devices": two, "control": control}.items()
        for found in (np.abs(np.divide(other, one) - 1),)
    }
    result: dict[str, Any] = {
        "steps": steps,
        "devices": devices,
        "batch": lesson.stage.batch_size,
        "square_px": square,
        "losses": {"1": one, str(devices): two, "control": control},
        "relative_differences": differences,
        "seconds_of_a_step": {"1": alone, str(devices): together},
    }
    click.echo(f"{steps} steps: losses from {one[0]:.4f} to {one[-1]:.4f}")
    for name, found in differences.items():
        click.echo(
            f"{name}: at most {found['most, first steps']:.1g} apart in the first {EARLY} steps, "
            f"{found['median']:.1g} in the median of all"
        )
    click.echo(f"a step takes {alone:.2f} s alone, {together:.2f} s on {devices} devices")
    if output is not None:
        about = {"cores": processes.cores(), "software": software()}
        output.write_text(json.dumps(result | about, indent=1))
    mine, usual = differences["devices"], differences["control"]["median"]
    if mine["most, first steps"] > TOLERANCE or mine["median"] > AS_CONTROL * usual:
        raise click.ClickException("the losses differ by more than rounding explains")


if __name__ == "__main__":
    main()
