"""How time and memory grow with pixels, images and points.

    .venv/bin/python benchmarks/growth.py --output growth.json --plot growth.png

Each size is measured in a process of its own, once its model is loaded: seconds of the processor
on one thread, which other programs hardly change, and the most memory that the process has had.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np
import tifffile
import torch
from peak import in_own_process

from napari_htcell import detect, many, models, processes
from napari_htcell.cards import software
from napari_htcell.config import PAPER_CUTOFF_UM
from napari_htcell.evaluate import evaluate
from napari_htcell.items import list_items
from napari_htcell.journal import Journal
from napari_htcell.progress import run

PIXEL_SIZE_UM = 1.61
CELLS_PER_PX = 20_000 / (1532 * 2048)
"""As dense as it gets: 20,000 points on one image, 2.5 to a cell's radius."""

Measure = Callable[[list[int]], list[dict[str, float]]]


def over_pixels(sides: list[int]) -> list[dict[str, float]]:
    """Return the seconds of detection in square images."""
    found, model = [], models.load_model("B")
    for side in sides:
        image = np.random.default_rng(0).integers(0, 255, (side, side), dtype=np.uint8)
        detect(image[:200, :200], model, pixel_size_um=PIXEL_SIZE_UM)
        start = time.process_time()
        detect(image, model, pixel_size_um=PIXEL_SIZE_UM)
        found.append({"pixels": side**2, "seconds": time.process_time() - start})
    return found


def over_images(numbers: list[int]) -> list[dict[str, float]]:
    """Return the seconds for each image of folders of small ones."""
    _detect_in(2)  # loads the model
    return [{"images": n, "seconds_each": _detect_in(n) / n} for n in numbers]


def _detect_in(number: int, side: int = 128) -> float:
    """Return the seconds of detection in a folder of so many small images."""
    entry = models.find_model("B")
    job = many.Job.of(entry, entry.card.detection, PIXEL_SIZE_UM)
    pixels = np.random.default_rng(0).integers(0, 255, (side, side), dtype=np.uint8)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "images"
        folder.mkdir()
        for index in range(number):
            tifffile.imwrite(folder / f"{index:06}.tif", pixels)
        with Journal(Path(place) / "found", job.content) as journal:
            start = time.process_time()
            run(many.detect_many(list_items([folder]), job, journal))
            return time.process_time() - start


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


def alone(measure: Measure, sizes: list[int]) -> list[dict[str, float]]:
    """Measure each size in a process of its own, and add the memory that this took at most."""
    return [in_own_process(_once, measure, size) for size in sizes]


def _once(measure: Measure, size: int) -> dict[str, float]:
    torch.set_num_threads(1)
    return measure([size])[0]


def draw(results: dict[str, list[dict[str, float]]], path: Path) -> None:
    """Draw time above and memory below, over pixels, images and points."""
    from matplotlib.figure import Figure

    columns: dict[str, list[str]] = {}
    for title, rows in results.items():
        columns.setdefault(next(iter(rows[0])), []).append(title)
    figure = Figure((10, 5.6), layout="constrained")
    axes = figure.subplots(2, len(columns), sharex="col", squeeze=False)
    for column, (size, titles) in zip(axes.T, columns.items(), strict=True):
        for title in titles:
            rows = results[title]
            seconds = [one.get("seconds", one.get("seconds_each")) for one in rows]
            sizes = [one[size] for one in rows]
            column[0].loglog(sizes, seconds, "o-", label=title)
            column[1].semilogx(sizes, [one["peak_mb"] for one in rows], "o-", label=title)
        is_each = "seconds_each" in rows[0]
        column[0].set_ylabel("seconds for each image" if is_each else "seconds")
        if is_each:
            column[0].set_yscale("linear")
            column[0].set_ylim(0, 1.5 * max(one["seconds_each"] for one in rows))
        column[0].margins(y=0.3)  # room for the legend
        column[0].legend(loc="upper left")
        column[1].set(xlabel=size, ylabel="memory at most, MB")
        column[1].set_ylim(0, 1.2 * max(one["peak_mb"] for t in titles for one in results[t]))
    figure.savefig(path)


@click.command()
@click.option("--most-points", default=20_000, show_default=True)
@click.option("--most-images", default=1000, show_default=True)
@click.option("--output", type=click.Path(path_type=Path), default=None, help="JSON file to write.")
@click.option("--plot", type=click.Path(path_type=Path), default=None, help="PNG file to write.")
def main(most_points: int, most_images: int, output: Path | None, plot: Path | None) -> None:
    """Print how cost grows."""
    points = [n for n in (200, 1000, 5000, 20_000, 100_000) if n <= most_points]
    images = [n for n in (10, 100, 1000, 10_000) if n <= most_images]
    results: dict[str, Any] = {
        "detecting in one image": alone(over_pixels, [500, 1000, 2000, 4000, 8000]),
        "detecting in many images": alone(over_images, images),
        "matching within 16 um": alone(partial(over_points, cutoff_um=16.0), points),
        "matching within 113 um": alone(partial(over_points, cutoff_um=PAPER_CUTOFF_UM), points),
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
        output.write_text(json.dumps(results | about, indent=1) + "\n")


if __name__ == "__main__":
    main()
