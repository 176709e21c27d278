"""What version E gets wrong in T98G's test images, told by the masks that were drawn of each cell.

    .venv/bin/python benchmarks/error_kinds.py --output benchmarks/error_kinds.json --sheets sheets

A detection beyond 16 um of any centre that is left lies on ground, in a cell whose centre nothing
else has found (right cell, too far from its middle), or in a cell that is found already. Beside it
the areas of cells: those of the test images are smaller than any that E has learnt from.

`--sheets` draws every false alarm on ground and every missed cell with its surroundings, the masks'
outlines on them, the surest first: who looks at these sheets counts the cells that nobody drew.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import numpy.typing as npt
import t98g
import tifffile
from scipy import ndimage

import napari_htcell as htcell
from napari_htcell.calibrate import CUTOFFS_UM
from napari_htcell.cards import software
from napari_htcell.evaluate import evaluate
from napari_htcell.images import to_grey

CUTOFF_UM = CUTOFFS_UM[0]
ON_GROUND, MISSED = "false: on ground", "missed: nothing in the cell"
SURROUNDINGS_UM = 120.0


@dataclass(frozen=True)
class Told:
    """What a detection or a missed cell came to.

    Parameters
    ----------
    what : str
    image : str
    y, x : float
        In pixels.
    score : float
        Of a detection; 0 for a missed cell.
    """

    what: str
    image: str
    y: float
    x: float
    score: float = 0.0


def kinds(image: str, found: htcell.Detections, labels: npt.NDArray[Any]) -> list[Told]:
    """Return what each detection and each cell of one image came to."""
    cells = np.unique(labels)[1:]
    truth = np.asarray(ndimage.center_of_mass(labels > 0, labels, cells))
    match = evaluate(found.points, truth, cutoff_um=CUTOFF_UM, pixel_size_um=t98g.PIXEL_SIZE_UM)
    right, known = match.pairs.T
    missed = dict(zip(cells.tolist(), truth, strict=True))
    for cell in cells[known].tolist():
        del missed[cell]
    told = [Told("found", image, *found.points[index]) for index in right]
    for index in np.delete(np.arange(len(found)), right):
        y, x = found.points[index]
        cell = int(labels[round(y), round(x)])
        if cell == 0:
            what = ON_GROUND
        elif missed.pop(cell, None) is not None:
            what = "right cell, too far from its middle"
        else:
            what = "false: second in a cell"
        told.append(Told(what, image, y, x, float(found.scores[index])))
    return told + [Told(MISSED, image, y, x) for y, x in missed.values()]


def draw(told: Sequence[Told], path: Path) -> None:
    """Draw the surroundings of places, with the outlines of the masks, the surest first."""
    from matplotlib.figure import Figure

    columns, half = 10, round(SURROUNDINGS_UM / 2 / t98g.PIXEL_SIZE_UM)
    rows = -(-len(told) // columns)
    figure = Figure((1.6 * columns, 1.75 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for panel in panels:
        panel.axis("off")
    for number, (panel, one) in enumerate(
        zip(panels, sorted(told, key=lambda one: -one.score), strict=False), start=1
    ):
        grey = to_grey(tifffile.imread(t98g.FOLDER / "images" / one.image)).astype(np.float32)
        labels = tifffile.imread(t98g.FOLDER / "labels" / one.image)
        y, x = round(one.y), round(one.x)
        around = tuple(slice(max(0, at - half), at + half) for at in (y, x))
        low, high = np.percentile(grey, [0.5, 99.5])
        panel.imshow(grey[around], cmap="gray", vmin=low, vmax=high)
        for cell in np.unique(labels[around]):
            if cell:
                panel.contour(labels[around] == cell, [0.5], colors="C1", linewidths=0.8)
        panel.plot(x - around[1].start, y - around[0].start, "+", color="C2")
        panel.set_title(f"{number}: {one.score:.2f}" if one.score else str(number), fontsize=7)
    figure.savefig(path, dpi=80)


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
@click.option("--sheets", type=click.Path(path_type=Path), help="Draw errors into this folder.")
def main(name: str, output: Path | None, sheets: Path | None) -> None:
    """Print how often each kind of error comes."""
    model = htcell.load_model(name)
    told: list[Told] = []
    for image in t98g.split("test"):
        pixels = tifffile.imread(t98g.FOLDER / "images" / image)
        found = htcell.detect(pixels, model, pixel_size_um=t98g.PIXEL_SIZE_UM)
        told += kinds(image, found, tifffile.imread(t98g.FOLDER / "labels" / image))
    counts = Counter(one.what for one in told)
    areas = {part: areas_um2(t98g.split(part)) for part in ("train", "test")}
    for what, number in counts.most_common():
        click.echo(f"{number:5}  {what}")
    for part, quartiles in areas.items():
        click.echo(f"quartiles of cells' areas, {part}: {quartiles} um2")
    if sheets is not None:
        sheets.mkdir(parents=True, exist_ok=True)
        for what in counts.keys() & {ON_GROUND, MISSED}:
            draw([one for one in told if one.what == what], sheets / f"{what.split()[-1]}.png")
    if output is not None:
        content = {"model": name, "kinds": counts, "areas_um2": areas, "software": software()}
        output.write_text(json.dumps(content, indent=1))


if __name__ == "__main__":
    main()
