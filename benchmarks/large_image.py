"""How much memory and time an image takes that is never wholly in memory.

    .venv/bin/python benchmarks/large_image.py --side 30000 \
        --output benchmarks/large_image.json

A field of simulated cells, repeated to the side that is asked for, is written as a tiled TIFF or an
OME-Zarr, and detected in by a process of its own with one thread, whose largest resident memory is
measured (Linux), and whose seconds of the processor, which other programs hardly change. A crop of
it is detected in as an ordinary image, and the points well inside compared.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Any

import click
import numpy as np
import tifffile
import torch
import zarr
from peak import in_own_process

from napari_htcell import batch, models
from napari_htcell.cards import software
from napari_htcell.detect import detect
from napari_htcell.evaluate import evaluate
from napari_htcell.progress import Clock, run
from napari_htcell.simulate import SimulationConfig, simulate_image

PIXEL_SIZE_UM, CHUNK = 1.61, 512
CROP_PX, BORDER_PX = 3072, 700
"""A crop's side, and how far from its border the light around and the network's reach matter."""


def detect_lazily(path: Path, output: Path) -> dict[str, float]:
    """Detect in an image of any size, as the command line does; write the points."""
    torch.set_num_threads(1)
    model = models.load_model("B")
    place = batch.Place("large", 0, Clock(batch.UNITS))
    start, worked = time.perf_counter(), time.process_time()
    looked = run(batch.find_in(path, PIXEL_SIZE_UM, model, model.card.detection, place))
    seconds, processor = time.perf_counter() - start, time.process_time() - worked
    np.save(output, looked.found.points)
    return {"wall_seconds": seconds, "processor_seconds": processor}


def write_image(path: Path, side: int) -> np.ndarray[Any, Any]:
    """Write the image, and return the field that it repeats."""
    scene = SimulationConfig(
        height_px=1024, width_px=1024, pixel_size_um=PIXEL_SIZE_UM, n_cells=120, wall_probability=0
    )
    field = simulate_image(scene, np.random.default_rng(0)).image

    def tiles() -> Any:
        for top in range(0, side, CHUNK):
            for left in range(0, side, CHUNK):
                tile = np.zeros((CHUNK, CHUNK), np.uint8)
                rows, columns = (np.arange(at, min(side, at + CHUNK)) % 1024 for at in (top, left))
                tile[: len(rows), : len(columns)] = field[np.ix_(rows, columns)]
                yield tile

    if path.suffix == ".zarr":
        group = zarr.open_group(path, mode="w", zarr_format=2)
        array = group.create_array("0", shape=(side, side), chunks=(CHUNK, CHUNK), dtype="u1")
        for top in range(0, side, CHUNK):
            rows = np.arange(top, min(side, top + CHUNK)) % 1024
            array[top : top + CHUNK] = np.tile(field[rows], side // 1024 + 1)[:, :side]
        axes = [{"name": name, "unit": "micrometer"} for name in "yx"]
        scale = [{"type": "scale", "scale": [PIXEL_SIZE_UM] * 2}]
        dataset = {"path": "0", "coordinateTransformations": scale}
        group.attrs.update({"multiscales": [{"axes": axes, "datasets": [dataset]}]})
    else:
        tifffile.imwrite(
            path, tiles(), shape=(side, side), dtype=np.uint8, tile=(CHUNK, CHUNK), bigtiff=True
        )
    return field


def compare_crop(field: np.ndarray[Any, Any], points: np.ndarray[Any, Any]) -> dict[str, Any]:
    """Return how well the points in the middle of a crop are those of the crop alone."""
    rows = np.arange(CROP_PX) % 1024
    alone = detect(field[np.ix_(rows, rows)], models.load_model("B"), pixel_size_um=PIXEL_SIZE_UM)
    inside = [
        one[((one > BORDER_PX) & (one < CROP_PX - BORDER_PX)).all(axis=1)]
        for one in (points, alone.points)
    ]
    match = evaluate(*inside, cutoff_px=1.0)
    return {"both": match.tp, "large_only": match.fp, "crop_only": match.fn}


@click.command()
@click.option("--side", default=30_000, show_default=True, help="Of the image, in pixels.")
@click.option("--kind", type=click.Choice(["tif", "zarr"]), default="tif", show_default=True)
@click.option("--output", type=click.Path(path_type=Path), default=None, help="JSON file to write.")
def main(side: int, kind: str, output: Path | None) -> None:
    """Print memory, time, and how the points compare with those of a crop."""
    with tempfile.TemporaryDirectory() as place:
        path, output_points = Path(place) / f"large.{kind}", Path(place) / "points.npy"
        field = write_image(path, side)
        took = in_own_process(detect_lazily, path, output_points)
        points = np.load(output_points)
    found: dict[str, Any] = {"side": side, "kind": kind, "cells": len(points)} | took
    if side >= 2 * CROP_PX:
        found["crop"] = compare_crop(field, points)
    click.echo(json.dumps(found, indent=1))
    if output is not None:
        output.write_text(json.dumps(found | {"software": software()}, indent=1) + "\n")


if __name__ == "__main__":
    main()
