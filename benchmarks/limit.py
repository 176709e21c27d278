"""What keeps version E from more on T98G's test images, their kind or too little to learn from.

    .venv/bin/python benchmarks/limit.py --output benchmarks/limit.json

Nothing is chosen here, and no model comes of it. E learns from the 30 training images as `ablation`
has them, and besides from eight of the ten test images with all of their cells; it is judged on
the other two, in five turns, at the threshold that is best there, which nobody can know. Had E only
not known this kind of field, or where to put its threshold, it would know it now. What remains is
what images of this kind, learnt from in this number, do not tell: cells that can be drawn in more
than one way among it.

The other bound needs no training: somebody who finds every cell and nothing else, and clicks each
where it is thickest, which is its body, has not clicked the centroid of its outline, arms and all.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np
import numpy.typing as npt
import t98g
import tifffile
from ablation import CUTOFFS_UM, DROPPED, at_best_threshold, counted, f_of
from bars import with_bar
from tqdm import tqdm
from trials import TRAININGS, keep, recipe_of, result_of

from napari_htcell.cards import software
from napari_htcell.evaluate import Totals, evaluate, total
from napari_htcell.learn import train_steps
from napari_htcell.versions import get_version

TURNS = 5


def measure(seed: int, turn: int) -> dict[str, Any]:
    """Learn from the training images and eight test images, and count on the other two."""
    train, test = t98g.split("train"), t98g.split("test")
    left_out = test[turn::TURNS]
    known = [name for name in test if name not in left_out]
    with tempfile.TemporaryDirectory() as folder:
        project = t98g.partial_project(
            Path(folder) / "t98g", dropped=DROPPED, order="crowded", seed=seed, names=train + known
        )
        t98g.complete(project, [*t98g.drawn(train, seed), *known])
        steps = train_steps("E", project, seed=seed, judges=())
        model = with_bar(steps, f"turn {turn}, seed {seed}")
    model = at_best_threshold(model, left_out)
    return {
        "images": left_out,
        "threshold": model.card.detection.threshold,
        "training s": model.card.seconds,
        "counts": counted(model, left_out),
    }


def thickest(labels: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.float64]:
    """Return of each mask the pixel that is furthest from its outline, shape (N, 2)."""
    places = []
    for number in np.unique(labels)[1:]:
        mask = np.pad((labels == number).astype(np.uint8), 1)
        depth = cv2.distanceTransform(mask, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        places.append(np.unravel_index(depth.argmax(), depth.shape))
    return np.asarray(places, np.float64) - 1


def of_bodies(part: str, cutoff_um: float) -> Totals:
    """Return what points at the thickest place of every cell come to."""
    truth = t98g.truth()
    return total(
        evaluate(
            thickest(tifffile.imread(t98g.FOLDER / "labels" / name)),
            truth[name],
            cutoff_um=cutoff_um,
            pixel_size_um=t98g.PIXEL_SIZE_UM,
        )
        for name in t98g.split(part)
    )


@click.command()
@click.option("--seeds", default=1, show_default=True, help="Number of seeds, from 0.")
@click.option("--work", type=click.Path(path_type=Path), default=TRAININGS / "limit")
@click.option("--output", type=click.Path(path_type=Path), help="Write JSON there.")
@click.option("--single", nargs=2, type=int, hidden=True)
def main(seeds: int, work: Path, output: Path | None, single: tuple[int, int] | None) -> None:
    """Print F on the test images of networks that know their neighbours."""

    def place(seed: int, turn: int) -> Path:
        return work / f"seed {seed}, turn {turn}.json"

    recipe = recipe_of(get_version("E"))
    if single is not None:
        keep(place(*single), measure(*single), recipe)
        return
    bodies = {
        part: {f"F {um:.0f} um": round(of_bodies(part, um).f_score, 4) for um in CUTOFFS_UM}
        for part in ("train", "test")
    }
    for part, figures in bodies.items():
        click.echo(f"the thickest place of every cell, {part} images: {figures}")
    rows = []
    for seed in tqdm(range(seeds), unit="seed"):
        results = [
            result_of(
                place(seed, turn),
                __file__,
                *("--work", str(work), "--single", str(seed), str(turn)),
                recipe=recipe,
            )
            for turn in range(TURNS)
        ]
        counts = [row for one in results for row in one["counts"]]
        figures = {
            f"F {um:.0f} um": round(f_of(counts, index), 4) for index, um in enumerate(CUTOFFS_UM)
        }
        rows.append({"seed": seed, **figures, "turns": results})
        click.echo(f"seed {seed}: {figures}")
    if output is not None:
        content = {"thickest places": bodies, "seeds": rows, "software": software()}
        output.write_text(json.dumps(content, indent=1))


if __name__ == "__main__":
    main()
