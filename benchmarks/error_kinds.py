"""What version E gets wrong in T98G's test images, told by the masks that were drawn of each cell.

    .venv/bin/python benchmarks/error_kinds.py --output benchmarks/error_kinds.json

A detection beyond 16 um of any centre that is left lies on ground, in a cell whose centre nothing
else has found (right cell, too far from its middle), or in a cell that is found already. Beside it
the areas of cells: those of the test images are smaller than any that E has learnt from.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import click
import numpy as np
import numpy.typing as npt
import t98g
import tifffile
from scipy import ndimage

import napari_htcell as htcell
from napari_htcell.cards import software
from napari_htcell.evaluate import evaluate

CUTOFF_UM = 16.0


def kinds(found: npt.NDArray[Any], labels: npt.NDArray[Any]) -> Counter[str]:
    """Count what each detection and each cell of one image came to."""
    cells = np.unique(labels)[1:]
    truth = np.asarray(ndimage.center_of_mass(labels > 0, labels, cells))
    match = evaluate(found, truth, cutoff_um=CUTOFF_UM, pixel_size_um=t98g.PIXEL_SIZE_UM)
    right, known = match.pairs.T
    missed = set(np.delete(cells, known).tolist())
    told: Counter[str] = Counter({"found": len(right)})
    for y, x in np.rint(np.delete(found, right, axis=0)).astype(int):
        cell = int(labels[y, x])
        if cell == 0:
            told["false: on ground"] += 1
        elif cell in missed:
            missed.remove(cell)
            told["right cell, too far from its middle"] += 1
        else:
            told["false: second in a cell"] += 1
    told["missed: nothing in the cell"] = len(missed)
    return told


def areas_um2(names: list[str]) -> list[float]:
    """Return the quartiles of the areas of all cells."""
    areas = []
    for name in names:
        labels = tifffile.imread(t98g.FOLDER / "labels" / name)
        areas += np.unique(labels, return_counts=True)[1][1:].tolist()
    quartiles = np.percentile(np.asarray(areas) * t98g.PIXEL_SIZE_UM**2, [25, 50, 75])
    return [float(one) for one in quartiles.round()]


@click.command()
@click.option("--model", "name", default="E", show_default=True)
@click.option("--output", type=click.Path(path_type=Path), help="Write JSON there.")
def main(name: str, output: Path | None) -> None:
    """Print how often each kind of error comes."""
    model = htcell.load_model(name)
    told: Counter[str] = Counter()
    for image in t98g.split("test"):
        pixels = tifffile.imread(t98g.FOLDER / "images" / image)
        found = htcell.detect(pixels, model, pixel_size_um=t98g.PIXEL_SIZE_UM).points
        told += kinds(found, tifffile.imread(t98g.FOLDER / "labels" / image))
    areas = {part: areas_um2(t98g.split(part)) for part in ("train", "test")}
    for what, number in told.most_common():
        click.echo(f"{number:5}  {what}")
    for part, quartiles in areas.items():
        click.echo(f"quartiles of cells' areas, {part}: {quartiles} um2")
    if output is not None:
        content = {"model": name, "kinds": told, "areas_um2": areas, "software": software()}
        output.write_text(json.dumps(content, indent=1))


if __name__ == "__main__":
    main()
