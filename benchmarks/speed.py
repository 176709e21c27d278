"""What one image takes from file to CSV, stage by stage, over the network's bare forward pass.

    .venv/bin/python benchmarks/speed.py --output speed.json

The models are the shipped B, at the paper's resolution, and version E's network at twice that,
with random weights: time does not depend on them. Stages and the bare pass are measured in turns,
and the ratio is the median of those of each turn, so that a busy machine slows both alike. On one
thread seconds are those of the processor, which other programs hardly change, and the ratio by the
clock is told too: that waits for the disk. With --forms other forms of the network are timed
beside the one in use.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
import tifffile
import torch
from network_forms import PIXEL_SIZE_UM, SHAPE, clock, measure_forms

from napari_htcell import (
    batch,
    config,
    export_files,
    heatmap,
    images,
    items,
    models,
    networks,
    processes,
)
from napari_htcell.cards import Card, software
from napari_htcell.config import DetectConfig, TrainConfig
from napari_htcell.detect import Prediction, predict_steps
from napari_htcell.device import place
from napari_htcell.export import ImageRecord
from napari_htcell.export_files import Content
from napari_htcell.frame import frame_image
from napari_htcell.imagefiles import ImageFile
from napari_htcell.models import Model
from napari_htcell.progress import run
from napari_htcell.simulate import SimulationConfig, simulate_image
from napari_htcell.versions import VERSIONS
from napari_htcell.words import count

N_CELLS = 400
CELLS_ABOVE = 0.999
"""A random network's heat map is scaled so that this part of it is background."""


def make_image(folder: Path) -> Path:
    """Write a simulated image and return its file."""
    path = folder / "field.tif"
    scene = SimulationConfig(
        height_px=SHAPE[0], width_px=SHAPE[1], pixel_size_um=PIXEL_SIZE_UM, n_cells=N_CELLS
    )
    tifffile.imwrite(path, simulate_image(scene, np.random.default_rng(0)).image)
    return path


def random_model(version: str, path: Path) -> Model:
    """Return a version's network with random weights and about as many peaks as there are cells."""
    settings = config.override(TrainConfig(), **dict(VERSIONS[version].settings))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = networks.build(VERSIONS[version].architecture, settings).eval()
    card = Card(name=version, version=version, training=settings, detection=DetectConfig())
    model = Model(card, network)
    pixels = ImageFile.read(path).pixels
    heat = run(predict_steps(pixels, model, pixel_size_um=PIXEL_SIZE_UM)).heat_maps[0]
    assert heat is not None
    logits = np.log(heat / (1 - heat))
    slope = 3 / float(logits.std())
    network.rescale(slope, -slope * float(np.quantile(logits, CELLS_ABOVE)))
    return model


def timed(function: Callable[[], Any]) -> tuple[float, Any]:
    """Return how many seconds a function took, and what it returned."""
    now = clock()
    start = now()
    found = function()
    return now() - start, found


def timed_twice(function: Callable[[], Any]) -> tuple[float, float, Any]:
    """Return how many seconds a function took, and took by the clock, and what it returned."""
    start = time.perf_counter()
    took, found = timed(function)
    return took, time.perf_counter() - start, found


def time_stages(path: Path, model: Model, folder: Path) -> tuple[dict[str, float], torch.Tensor]:
    """Return the seconds of each stage, and what the network was given."""
    card, seconds = model.card, {}
    seconds["read"], file = timed(lambda: ImageFile.read(path))
    seconds["grey"], grey = timed(lambda: images.to_grey(file.pixels))
    frame = frame_image(SHAPE, PIXEL_SIZE_UM, network_pixel_size_um=card.training.pixel_size_um)
    seconds["rescale"], part = timed(lambda: frame.cut(grey))
    seconds["prepare"], seen = timed(lambda: images.prepare(part, card.training))
    steps = heatmap.heat_map_steps(model.network, seen)
    seconds["network"], heat = timed(lambda: run(steps))
    prediction = Prediction((heat,), frame, False, card, PIXEL_SIZE_UM, False)
    seconds["peaks"], found = timed(prediction.detections)
    record = ImageRecord(path.name, found, extent=file.extent)
    seconds["write"], _ = timed(lambda: write([record], folder))
    return seconds, torch.from_numpy(seen)[None, None]


def write(records: list[ImageRecord], folder: Path) -> None:
    """Write both tables."""
    content = Content("", records, ImageFile.read)
    run(export_files.write_steps(content, folder / "counts.csv", "counts"))
    run(export_files.write_steps(content, folder / "points.csv", "points"))


def from_file_to_csv(path: Path, model: Model, folder: Path) -> int:
    """Do the whole as `htcell detect` does it, and return the number of cells."""
    results = run(batch.detect_items([items.file_item(path)], model, pixel_size_um=PIXEL_SIZE_UM))
    write([one.record for one in results if one.record is not None], folder)
    assert results[0].detections is not None
    return len(results[0].detections)


def measure(path: Path, model: Model, folder: Path, repeats: int) -> dict[str, Any]:
    """Return medians of the stages, of the whole and of the bare pass, and their ratio."""
    bare = place(model.network, torch.device("cpu"))
    turns: list[dict[str, float]] = []
    by_clock: list[float] = []
    n_cells = 0
    for turn in range(repeats + 1):
        stages, seen = time_stages(path, model, folder)
        whole, wall, n_cells = timed_twice(lambda: from_file_to_csv(path, model, folder))
        with torch.inference_mode():
            alone, bare_wall, _ = timed_twice(lambda image=seen: bare(image))
        if turn:  # the first one warms up
            turns.append(stages | {"whole": whole, "bare_forward": alone})
            by_clock.append(wall / bare_wall)
    medians = {name: float(np.median([one[name] for one in turns])) for name in turns[0]}
    ratio = float(np.median([one["whole"] / one["bare_forward"] for one in turns]))
    by_the_clock = float(np.median(by_clock))
    return {
        "seconds": medians,
        "cells": n_cells,
        "ratio": ratio,
        "ratio_by_the_clock": by_the_clock,
    }


def measure_all(threads: int, repeats: int, *, forms: bool) -> dict[str, Any]:
    """Print and return what each model takes on so many threads."""
    import cv2

    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)
    results: dict[str, Any] = {"shape": SHAPE, "pixel_size_um": PIXEL_SIZE_UM}
    with tempfile.TemporaryDirectory() as place_:
        folder = Path(place_)
        path = make_image(folder)
        shipped = models.load_model("B")
        for name, model in {"B": shipped, "E, random weights": random_model("E", path)}.items():
            results[name] = found = measure(path, model, folder, repeats)
            said = ", ".join(f"{key} {1000 * value:.1f}" for key, value in found["seconds"].items())
            click.echo(f"{name}, {found['cells']} cells, in ms: {said}")
            click.echo(
                f"{name}: the whole takes {found['ratio']:.2f} of the bare forward pass "
                f"({found['ratio_by_the_clock']:.2f} by the clock)"
            )
            if forms:
                _, seen = time_stages(path, model, folder)
                found["forms"] = measure_forms(model.network, seen, repeats)
                for form, one in found["forms"].items():
                    click.echo(f"    {form}: {one['ratio']:.2f}, differs {one['difference']:.1g}")
    return results


@click.command()
@click.option("--repeats", default=7, show_default=True, help="Turns of which medians are taken.")
@click.option(
    "--threads", "numbers", multiple=True, type=int, help="Of torch and OpenCV; may be given again."
)
@click.option("--forms", is_flag=True, help="Time other forms of the network too.")
@click.option("--output", type=click.Path(path_type=Path), default=None, help="JSON file to write.")
def main(repeats: int, numbers: tuple[int, ...], forms: bool, output: Path | None) -> None:
    """Print what each stage takes, and the ratio of the whole to the bare forward pass."""
    results: dict[str, Any] = {}
    for threads in numbers or (torch.get_num_threads(),):
        results[count(threads, "thread")] = measure_all(threads, repeats, forms=forms)
    if output is not None:
        results["cores"] = processes.cores()
        results["capability"] = torch.backends.cpu.get_cpu_capability()
        output.write_text(json.dumps(results | {"software": software()}, indent=1) + "\n")


if __name__ == "__main__":
    main()
