"""How time and memory grow with pixels, images and points.

    .venv/bin/python benchmarks/growth.py --output growth.json --plot growth.png

Seconds are those of the processor on one thread, which other programs hardly change.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click
import numpy as np
import tifffile
import torch

from napari_htcell import many, models, processes
from napari_htcell.cards import software
from napari_htcell.config import PAPER_CUTOFF_UM
from napari_htcell.evaluate import evaluate
from napari_htcell.items import list_items
from napari_htcell.journal import Journal
from napari_htcell.progress import run

PIXEL_SIZE_UM = 1.61
CELLS_PER_PX = 20_000 / (1532 * 2048)
"""As dense as it gets: 20,000 points on one image, 2.5 to a cell's radius."""

CHILD = """
import json, resource, sys, time
import numpy as np
import torch
from napari_htcell import detect, load_model
torch.set_num_threads(1)
side = int(sys.argv[1])
image = np.random.default_rng(0).integers(0, 255, (side, side), dtype=np.uint8)
model = load_model("B")
detect(image[:200, :200], model, pixel_size_um=1.61)
start = time.process_time()
detect(image, model, pixel_size_um=1.61)
took = time.process_time() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"pixels": side ** 2, "seconds": took, "peak_mb": peak}))
"""


def over_pixels(sides: list[int]) -> list[dict[str, float]]:
    """Return time and memory of detection in square images, each in a process of its own."""
    found = []
    for side in sides:
        done = subprocess.run(
            [sys.executable, "-c", CHILD, str(side)], capture_output=True, text=True, check=True
        )
        found.append(json.loads(done.stdout.splitlines()[-1]))
    return found


def over_images(numbers: list[int], side: int = 128) -> list[dict[str, float]]:
    """Return the seconds for each image of folders of small ones."""
    entry = models.find_model("B")
    job, found = many.Job.of(entry, entry.card.detection, PIXEL_SIZE_UM), []
    pixels = np.random.default_rng(0).integers(0, 255, (side, side), dtype=np.uint8)
    for number in numbers:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place) / "images"
            folder.mkdir()
            for index in range(number):
                tifffile.imwrite(folder / f"{index:06}.tif", pixels)
            with Journal(Path(place) / "found", job.content) as journal:
                start = time.process_time()
                run(many.detect_many(list_items([folder]), job, journal))
                took = time.process_time() - start
        found.append({"images": number, "seconds_each": took / number})
    return found


def over_points(numbers: list[int], cutoff_um: float) -> list[dict[str, float]]:
    """Return the seconds of matching points with as many others, at one density."""
    found = []
    for number in numbers:
        rng, side = np.random.default_rng(0), np.sqrt(number / CELLS_PER_PX)
        truth = rng.uniform(0, side, (number, 2))
        points = truth + rng.normal(0, 2, truth.shape)
        start = time.process_time()
        evaluate(points, truth, cutoff_um=cutoff_um, pixel_size_um=PIXEL_SIZE_UM)
        found.append({"points": number, "seconds": time.process_time() - start})
    return found


def draw(results: dict[str, list[dict[str, float]]], path: Path) -> None:
    """Draw each result, logarithmically."""
    from matplotlib.figure import Figure

    figure = Figure((12, 3.2), layout="constrained")
    axes = figure.subplots(1, len(results))
    for axis, (title, rows) in zip(axes, results.items(), strict=True):
        first, *others = rows[0]
        for name in others:
            axis.loglog([one[first] for one in rows], [one[name] for one in rows], "o-", label=name)
        axis.set(title=title, xlabel=first)
        if first == "images":
            axis.set_yscale("linear")
            axis.set_ylim(0, 1.5 * max(one[others[0]] for one in rows))
        axis.legend()
    figure.savefig(path)


@click.command()
@click.option("--most-points", default=20_000, show_default=True)
@click.option("--most-images", default=1000, show_default=True)
@click.option("--output", type=click.Path(path_type=Path), default=None, help="JSON file to write.")
@click.option("--plot", type=click.Path(path_type=Path), default=None, help="PNG file to write.")
def main(most_points: int, most_images: int, output: Path | None, plot: Path | None) -> None:
    """Print how cost grows."""
    torch.set_num_threads(1)
    over_images([2])  # loads the model
    points = [n for n in (200, 1000, 5000, 20_000, 100_000) if n <= most_points]
    images = [n for n in (10, 100, 1000, 10_000) if n <= most_images]
    results: dict[str, Any] = {
        "detecting in one image": over_pixels([500, 1000, 2000, 4000, 8000]),
        "detecting in many images": over_images(images),
        "matching within 16 um": over_points(points, 16.0),
        "matching within 113 um": over_points(points, PAPER_CUTOFF_UM),
    }
    for title, rows in results.items():
        click.echo(title)
        for row in rows:
            said = ", ".join(f"{name} {value:.4g}" for name, value in row.items())
            click.echo(f"    {said}")
    if plot is not None:
        draw(results, plot)
    if output is not None:
        about = {"cores": processes.cores(), "software": software()}
        output.write_text(json.dumps(results | about, indent=1))


if __name__ == "__main__":
    main()
