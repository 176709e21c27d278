"""Whether scores are probabilities, and intervals hold the true counts.

    .venv/bin/python benchmarks/honesty.py --model E --output benchmarks/honesty.json

On T98G (--part test only for what is final; the shipped models know the others by heart, so that
--part train is for a --model that left them out) and on simulated images of other densities and
seeds than those that the shipped models learnt from.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import numpy.typing as npt
import t98g
import tifffile

import napari_htcell as htcell
from napari_htcell import sample
from napari_htcell.cards import software
from napari_htcell.counting import CountError
from napari_htcell.evaluate import Judgement
from napari_htcell.models import Model
from napari_htcell.reliability import calibration_error, diagram
from napari_htcell.sample import make_project
from napari_htcell.simulate import SimulationConfig

LOWEST = 0.1
"""Detections that score less are shown to nobody."""

DENSITIES = (10, 40, 90)
"""Cells per mm2 of the simulated images."""
N_SIMULATED = 8


def t98g_images(part: str) -> Iterator[tuple[Any, Any, float]]:
    """Yield pixels, truth and pixel size of each T98G image of a part."""
    truth = t98g.truth()
    for name in t98g.split(part):
        yield tifffile.imread(t98g.FOLDER / "images" / name), truth[name], t98g.PIXEL_SIZE_UM


def simulated_images(density: float, folder: Path) -> Iterator[tuple[Any, Any, float]]:
    """Yield pixels, truth and pixel size of new simulated images."""
    field = SimulationConfig(height_px=1000, width_px=1000, cells_per_mm2=density)
    project = make_project(folder, field, n_images=N_SIMULATED, seed=7000, n_complete=0)
    for name in project.images:
        file = project.read_image(name)
        assert file.pixel_size_um is not None
        yield file.pixels, sample.read_truth(project, name), file.pixel_size_um


def look(model: Model, images: Iterator[tuple[Any, Any, float]]) -> dict[str, Any]:
    """Return reliability and intervals over images."""
    settings, errors = model.card.detection, model.card.count_errors
    judgements, counts = [], []
    for pixels, truth, size in images:
        found = htcell.detect(pixels, model, pixel_size_um=size, threshold=LOWEST)
        judgements.append(Judgement(found.points, found.scores, truth, size))
        counts.append((found.scores[found.scores >= settings.threshold], len(truth)))
    bins = diagram(judgements)
    return {
        "images": len(counts),
        "expected calibration error": round(calibration_error(bins), 4),
        "diagram": [
            {"score": round(b.score, 3), "rate": round(b.rate, 3), "detections": b.detections}
            for b in bins
        ],
        "detected and true": [(len(scores), true) for scores, true in counts],
    } | ({} if (error := errors and errors.at(settings)) is None else held(error, counts))


def held(error: CountError, counts: list[tuple[npt.NDArray[Any], int]]) -> dict[str, Any]:
    """Return how often intervals hold the truth, and how wide they are."""
    intervals = [error.interval(scores) for scores, _ in counts]
    inside = [low <= true <= high for (low, high), (_, true) in zip(intervals, counts, strict=True)]
    widths = [
        (high - low) / max(true, 1)
        for (low, high), (_, true) in zip(intervals, counts, strict=True)
    ]
    return {
        "stated rate": error.rate,
        "intervals that hold the truth": sum(inside),
        "mean width, part of the true count": round(sum(widths) / len(widths), 3),
    }


@click.command()
@click.option("--model", "name", default="E", show_default=True, help="Shipped, or a folder.")
@click.option("--part", type=click.Choice(["train", "test"]), default="train", show_default=True)
@click.option("--output", type=click.Path(path_type=Path), help="Write JSON there.")
def main(name: str, part: str, output: Path | None) -> None:
    """Print calibration and intervals on each set."""
    model = htcell.load_model(name)
    results = {f"T98G {part}": look(model, t98g_images(part))}
    with tempfile.TemporaryDirectory() as folder:
        for density in DENSITIES:
            images = simulated_images(density, Path(folder) / str(density))
            results[f"simulated, {density} cells per mm2"] = look(model, images)
    for what, result in results.items():
        click.echo(f"{what}: {json.dumps({k: v for k, v in result.items() if k != 'diagram'})}")
    if output is not None:
        content = {"model": model.card.name, "results": results, "software": software()}
        output.write_text(json.dumps(content, indent=1))


if __name__ == "__main__":
    main()
