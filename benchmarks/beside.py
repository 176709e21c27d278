"""Complete images beside partial ones, or after them: what E's second stage is to learn from.

    .venv/bin/python benchmarks/beside.py --seeds 3 --output benchmarks/beside.json

T98G's training images alone: 20 to learn from, six of them complete, a third of the cells clicked
in the others, crowded ones missing first; ten to look at, as they are and shown smaller. Trainings
are shorter than E's and have no cross-validation: judged at the threshold that is best, which asks
what the weights have learnt.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import t98g
import tifffile
from ablation import apart, parts
from bars import with_bar
from trials import TRAININGS, keep, recipe_of, result_of

import napari_htcell as htcell
from napari_htcell.calibrate import LOWEST, best_f_score
from napari_htcell.cards import software
from napari_htcell.evaluate import Judgement
from napari_htcell.learn import train_steps
from napari_htcell.models import Model
from napari_htcell.versions import VERSIONS, Version, get_version

DROPPED = 2 / 3
N_COMPLETE = 6
STEPS = (1100, 700)
SIZES = (1.0, 0.77, 0.6)
"""Of the cells, in those that were learnt from."""


def ways() -> dict[str, Version]:
    """Return the versions that are compared."""
    e = get_version("E")
    stages = zip(e.stages, STEPS, strict=True)
    shorter = replace(
        e,
        stages=tuple(replace(stage, min_steps=steps, turn_share=0.02) for stage, steps in stages),
        is_calibrated=False,
    )
    return {"complete images beside partial ones": shorter, "after them": apart(shorter)}


def best_f(model: Model, names: Sequence[str], size: float) -> float:
    """Return F at the best threshold on images shown so much smaller."""
    truth, judged = t98g.truth(), []
    for name in names:
        pixels = tifffile.imread(t98g.FOLDER / "images" / name)
        shown_um = t98g.PIXEL_SIZE_UM * size
        found = htcell.detect(pixels, model, pixel_size_um=shown_um, threshold=LOWEST)
        judged.append(Judgement(found.points, found.scores, truth[name], t98g.PIXEL_SIZE_UM))
    return best_f_score(judged, model.card.detection)


def measure(way: str, seed: int) -> dict[str, Any]:
    """Train in one way with one seed."""
    VERSIONS["E"] = ways()[way]
    learnt, looked_at = parts("train", seed)
    with tempfile.TemporaryDirectory() as folder:
        project = t98g.partial_project(
            Path(folder) / "t98g", dropped=DROPPED, order="crowded", seed=seed, names=learnt
        )
        t98g.complete(project, t98g.drawn(learnt, seed, N_COMPLETE))
        model = with_bar(train_steps("E", project, seed=seed), f"{way}, seed {seed}")
    figures = {str(size): round(best_f(model, looked_at, size), 4) for size in SIZES}
    return {"way": way, "seed": seed, "F": figures, "steps": model.card.steps}


@click.command()
@click.option("--seeds", default=3, show_default=True, help="Number of seeds, from 0.")
@click.option("--work", type=click.Path(path_type=Path), default=TRAININGS / "beside")
@click.option("--output", type=click.Path(path_type=Path), help="Write JSON there.")
@click.option("--single", nargs=2, type=(str, int), hidden=True)
def main(seeds: int, work: Path, output: Path | None, single: tuple[str, int] | None) -> None:
    """Print F on training images that were not learnt from."""

    def place(way: str, seed: int) -> Path:
        return work / f"{way}, seed {seed}.json"

    if single is not None:
        keep(place(*single), measure(*single), recipe_of(ways()[single[0]]))
        return
    results = []
    for way in ways():
        for seed in range(seeds):
            call = ["--work", str(work), "--single", way, str(seed)]
            recipe = recipe_of(ways()[way])
            results.append(result_of(place(way, seed), __file__, *call, recipe=recipe))
        for size in map(str, SIZES):
            each = [one["F"][size] for one in results if one["way"] == way]
            click.echo(f"{way}, cells of {size}: {np.mean(each):.3f} {each}")
    if output is not None:
        output.write_text(json.dumps({"results": results, "software": software()}, indent=1))


if __name__ == "__main__":
    main()
