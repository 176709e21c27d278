"""Seconds of a training step over those of its bare forward, backward and optimiser's step.

    .venv/bin/python benchmarks/training_speed.py --threads 1 \
        --output benchmarks/training_speed.json

A project of simulated images of the usual size is learnt from as a version's first stage does. Each
turn takes one whole step (squares drawn, cut and varied, the loss, averaged weights) and the
bare one of the same batch, which lies ready; the ratio is the median of those of each turn. On one
thread seconds are those of the processor, which other programs hardly change.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from network_forms import clock

from napari_htcell import config, losses, networks, processes
from napari_htcell.cards import software
from napari_htcell.config import PAPER_PIXEL_SIZE_UM, TrainConfig
from napari_htcell.dataset import LearningImage, learning_images
from napari_htcell.device import place
from napari_htcell.progress import run
from napari_htcell.project import Project
from napari_htcell.sample import make_project
from napari_htcell.simulate import SimulationConfig
from napari_htcell.training import Lesson, plan, take_step
from napari_htcell.versions import VERSIONS

CPU = torch.device("cpu")


def lesson_of(version: str, project: Project) -> Lesson:
    """Return a version's first stage with a project's images."""
    recipe = VERSIONS[version]
    settings = config.override(TrainConfig(), **dict(recipe.settings))
    found = run(learning_images(project, recipe.stages[0], settings, PAPER_PIXEL_SIZE_UM))
    return Lesson(0, recipe.stages[0], found, settings)


def bytes_of(image: LearningImage) -> int:
    """Return what an image to learn from takes in memory."""
    known = image.known.nbytes if any(image.known.strides) else 1  # one value for all pixels
    return image.image.nbytes + image.target.nbytes + known


def measure(version: str, lesson: Lesson, steps: int) -> dict[str, Any]:
    """Return medians of whole and bare steps, of the data's preparation, and the ratio."""
    torch.manual_seed(0)
    nets = [place(networks.build("U-Net", lesson.config), CPU) for _ in range(2)]
    learner, bare = lesson.learner(nets[0]), nets[1].train()
    optimiser = lesson.stage.optimiser.of(bare.parameters())
    turns, now = [], clock()
    coming = plan(lesson, 0)
    for _ in range(steps + 2):
        start = now()
        number, batch = next(coming)
        drawn = now()
        image, target, weight = lesson.load(batch, CPU)
        loaded = now()
        take_step(learner, lesson, number, batch, torch.float32)
        stepped = now()
        optimiser.zero_grad()
        losses.mean(*lesson.stage.loss(bare.learn(image), target, weight)).backward()
        optimiser.step()
        ended = now()
        turns.append((drawn - start, loaded - drawn, stepped - loaded, ended - stepped))
    draw, load, step, alone = np.asarray(turns[2:]).T
    ratio = (draw + step) / alone
    return {
        "seconds": {
            "draw": float(np.mean(draw)),  # once an epoch
            "load": float(np.median(load)),
            "step": float(np.median(step)),
            "bare_step": float(np.median(alone)),
        },
        "ratio": float(np.median(ratio)),
        "batch": [len(batch), *image.shape[-2:]],
        "bytes_per_image": float(np.mean([bytes_of(one) for one in lesson.images])),
    }


@click.command()
@click.option("--steps", default=30, show_default=True, help="Turns of which medians are taken.")
@click.option("--images", default=6, show_default=True, help="To learn from.")
@click.option("--threads", default=None, type=int, help="Of torch.  [default: its own]")
@click.option("--output", type=click.Path(path_type=Path), default=None, help="JSON file to write.")
def main(steps: int, images: int, threads: int | None, output: Path | None) -> None:
    """Print what a training step takes, and its ratio to the bare one."""
    if threads is not None:
        torch.set_num_threads(threads)
    results: dict[str, Any] = {"images": images, "threads": torch.get_num_threads()}
    with tempfile.TemporaryDirectory() as folder:
        scene = SimulationConfig(height_px=1532, width_px=2048)
        project = make_project(Path(folder) / "p", scene, n_images=images, n_complete=0, n_masks=0)
        for version in ("A", "A+DA", "E"):
            results[version] = found = measure(version, lesson_of(version, project), steps)
            said = ", ".join(f"{key} {1000 * value:.1f}" for key, value in found["seconds"].items())
            click.echo(
                f"{version}: a step takes {found['ratio']:.2f} of the bare one; in ms: {said}; "
                f"{found['bytes_per_image'] / 1e6:.2f} MB in memory per image"
            )
    if output is not None:
        results["cores"] = processes.cores()
        output.write_text(json.dumps(results | {"software": software()}, indent=1) + "\n")


if __name__ == "__main__":
    main()
