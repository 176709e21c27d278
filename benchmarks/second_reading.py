"""How many of E's errors on T98G's test images a second reader calls errors of the truth.

    .venv/bin/python benchmarks/second_reading.py draw sheets
    .venv/bin/python benchmarks/second_reading.py count --output benchmarks/second_reading.json

Sheets show places in random order and without a mark of what they are: false alarms on ground,
missed cells, found cells, and ground where there is neither cell nor detection. A reader says of
each whether a cell is there: "y", "n" or "?". What was shown, `places.json`, which `draw` writes
beside the sheets, and the answers, a `reader*.json` of number to answer each, are kept in
`second_reading`: another model errs elsewhere. `count` says what each kind was called, how far
readers agree, and F with that corrected of which all readers say the same. And what a finder has
that errs nowhere, finds the cells that nobody drew too, and points where each is thickest: an
estimate of what can be had, and no bound.

The two readers whose answers are kept are two runs of a vision-language model, no biologists.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import numpy as np
import t98g
import tifffile
from ablation import CUTOFFS_UM
from error_kinds import MISSED, ON_GROUND, SURROUNDINGS_UM, Told, kinds
from limit import of_bodies
from scipy.spatial import KDTree

import napari_htcell as htcell
from napari_htcell.cards import software
from napari_htcell.config import DEFAULT_MODEL
from napari_htcell.evaluate import f_score
from napari_htcell.images import to_grey

ANSWERS = Path(__file__).with_name("second_reading")
KEY = "places.json"
FOUND, GROUND = "found", "ground"
N_CONTROLS = 50
"""Found cells, and as many places on ground: what a reader is worth."""
FAR_UM = 40.0
"""Ground is this far from cells and detections."""
COLUMNS, ROWS = 5, 6


def places() -> tuple[list[Told], Counter[str]]:
    """Return what is shown, in the order of the sheets, and how many there are of each kind."""
    model, rng = htcell.load_model(DEFAULT_MODEL), np.random.default_rng(0)
    told: list[Told] = []
    ground: list[Told] = []
    truth = t98g.truth()
    for image in t98g.split("test"):
        pixels = tifffile.imread(t98g.FOLDER / "images" / image)
        found = htcell.detect(pixels, model, pixel_size_um=t98g.PIXEL_SIZE_UM)
        told += kinds(image, found, tifffile.imread(t98g.FOLDER / "labels" / image))
        taken = KDTree(np.concatenate([truth[image], found.points]))
        margin = SURROUNDINGS_UM / 2 / t98g.PIXEL_SIZE_UM
        tried = rng.uniform(margin, np.asarray(pixels.shape) - margin, (2000, 2))
        far = taken.query(tried)[0] > FAR_UM / t98g.PIXEL_SIZE_UM
        ground += [Told(GROUND, image, *place) for place in tried[far][: N_CONTROLS // 10]]
    counts = Counter(one.what for one in told)
    cells = [one for one in told if one.what == FOUND]
    chosen = [cells[index] for index in rng.permutation(len(cells))[:N_CONTROLS]]
    shown = [one for one in told if one.what in (ON_GROUND, MISSED)] + chosen + ground
    return [shown[index] for index in rng.permutation(len(shown))], counts


@click.group()
def main() -> None:
    """Draw the sheets, or count what readers said."""


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
def draw(folder: Path) -> None:
    """Draw the sheets into FOLDER."""
    from matplotlib.figure import Figure

    folder.mkdir(parents=True, exist_ok=True)
    shown, counts = places()
    content = {"counts": counts, "places": [asdict(one) for one in shown]}
    (folder / KEY).write_text(json.dumps(content, indent=1))
    half, a_sheet = round(SURROUNDINGS_UM / 2 / t98g.PIXEL_SIZE_UM), COLUMNS * ROWS
    for first in range(0, len(shown), a_sheet):
        figure = Figure((2.8 * COLUMNS, 3.0 * ROWS), layout="constrained")
        panels = figure.subplots(ROWS, COLUMNS, squeeze=False).ravel()
        for panel in panels:
            panel.axis("off")
        for number, (panel, one) in enumerate(
            zip(panels, shown[first : first + a_sheet], strict=False), start=first + 1
        ):
            grey = to_grey(tifffile.imread(t98g.FOLDER / "images" / one.image))
            low, high = np.percentile(grey, [0.5, 99.5])
            y, x = round(one.y), round(one.x)
            around = tuple(slice(max(0, at - half), at + half) for at in (y, x))
            panel.imshow(grey[around], cmap="gray", vmin=low, vmax=high)
            # A ring, so that what is in the middle can be seen.
            middle = x - around[1].start, y - around[0].start
            panel.plot(*middle, "o", color="C1", fillstyle="none", markersize=28, alpha=0.8)
            panel.set_title(str(number), fontsize=11)
        figure.savefig(folder / f"sheet{first // a_sheet + 1}.png", dpi=100)


@main.command()
@click.option("--output", type=click.Path(path_type=Path), help="Write JSON there.")
def count(output: Path | None) -> None:
    """Print what readers called each kind of place, and F corrected by what all of them say."""
    content = json.loads((ANSWERS / KEY).read_text())
    shown, counts = [Told(**one) for one in content["places"]], Counter(content["counts"])
    readers: list[dict[str, str]] = [
        json.loads(path.read_text()) for path in sorted(ANSWERS.glob("reader*.json"))
    ]
    said = [[reader[str(number)] for reader in readers] for number in range(1, 1 + len(shown))]
    what = np.asarray([one.what for one in shown])
    called: dict[str, Any] = {}
    for kind in (ON_GROUND, MISSED, FOUND, GROUND):
        answers = [each for each, one in zip(said, what, strict=True) if one == kind]
        called[kind] = {
            "places": len(answers),
            "called a cell by each": [
                sum(each[reader] == "y" for each in answers) for reader in range(len(readers))
            ],
            "by all": sum(all(one == "y" for one in each) for each in answers),
            "no cell by all": sum(all(one == "n" for one in each) for each in answers),
        }
        click.echo(f"{kind}: {called[kind]}")
    agreed = float(np.mean([len(set(each)) == 1 for each in said]))
    tp, too_far = counts[FOUND], counts["right cell, too far from its middle"]
    fp = counts[ON_GROUND] + counts["false: second in a cell"] + too_far
    fn = counts[MISSED] + too_far
    undrawn, wrong = called[ON_GROUND]["by all"], called[MISSED]["no cell by all"]
    figures = {
        "readers": len(readers),
        "answers alike": round(agreed, 3),
        "F 16 um": round(f_score(tp, fp, fn), 4),
        "F 16 um, cells that nobody drew put in": round(f_score(tp + undrawn, fp - undrawn, fn), 4),
        "F 16 um, and what is no cell left out": round(
            f_score(tp + undrawn, fp - undrawn, fn - wrong), 4
        ),
    }
    for um in CUTOFFS_UM:
        best = of_bodies("test", um)
        most = f_score(best.tp, best.fp + undrawn, best.fn)
        figures[f"F {um:.0f} um, without errors but at bodies"] = round(most, 4)
    click.echo(json.dumps(figures))
    if output is not None:
        content = {"figures": figures, "called": called, "software": software()}
        output.write_text(json.dumps(content, indent=1))


if __name__ == "__main__":
    main()
