"""How much memory and time an image takes that is never wholly in memory.

    .venv/bin/python benchmarks/large_image.py --side 30000 --output large.json

A field of simulated cells, repeated to the side that is asked for, is written as a tiled TIFF or an
OME-Zarr, and detected in by a process of its own, whose largest resident memory is measured. A crop
of it is detected in as an ordinary image, and the points well inside compared.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import click
import numpy as np
import tifffile
import zarr

from napari_htcell import models
from napari_htcell.cards import software
from napari_htcell.detect import detect
from napari_htcell.evaluate import evaluate
from napari_htcell.simulate import SimulationConfig, simulate_image

PIXEL_SIZE_UM, CHUNK = 1.61, 512
CROP_PX, BORDER_PX = 3072, 700
"""A crop's side, and how far from its border the light around and the network's reach matter."""

CHILD = """
import json, resource, sys, time
from pathlib import Path
from napari_htcell import batch, models
from napari_htcell.progress import Clock, run
from napari_htcell import models
path, output = map(Path, sys.argv[1:])
model, start = models.load_model("B"), time.perf_counter()
place = batch.Place("large", 0, Clock(batch.UNITS))
looked = run(batch.find_in(path, 1.61, model, model.card.detection, place))
seconds = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
points = looked.found.points.tolist()
output.write_text(json.dumps({"seconds": seconds, "peak_mb": peak, "points": points}))
"""


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
        path, result = Path(place) / f"large.{kind}", Path(place) / "result.json"
        field = write_image(path, side)
        subprocess.run([sys.executable, "-c", CHILD, str(path), str(result)], check=True)
        found = json.loads(result.read_text())
    points = np.asarray(found.pop("points")).reshape(-1, 2)
    found |= {"side": side, "kind": kind, "cells": len(points)}
    if side >= 2 * CROP_PX:
        found["crop"] = compare_crop(field, points)
    click.echo(json.dumps(found, indent=1))
    if output is not None:
        output.write_text(json.dumps(found | {"software": software()}, indent=1))


if __name__ == "__main__":
    main()
