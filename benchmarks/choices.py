"""What E's choices are worth on training images that were not learnt from.

    .venv/bin/python benchmarks/choices.py --seeds 3 --output benchmarks/choices.json

T98G's training images alone: 20 to learn from, six of them complete, a third of the cells missing
in the others, crowded ones first; ten to look at, as they are and shown smaller; and the sets of
`clicks`, of kinds that were not learnt from. Trainings are shorter than E's and nobody judges them:
F is that at the best threshold, which asks what the weights have learnt.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import numpy.typing as npt
import t98g
import tifffile
from ablation import DROPPED, apart, parts, without
from bars import with_bar
from clicks import SETS, UNSTATED_UM
from trials import TRAININGS, keep, recipe_of, result_of

import napari_htcell as htcell
from napari_htcell.calibrate import LOWEST, best_f_score
from napari_htcell.cards import software
from napari_htcell.evaluate import Judgement
from napari_htcell.learn import train_steps
from napari_htcell.models import Model
from napari_htcell.versions import VERSIONS, Version, get_version

N_COMPLETE = 6
STEPS = (1100, 700)
SIZES = (1.0, 0.77, 0.6)
"""Of the cells, in those that were learnt from."""
Images = Iterator[tuple[npt.NDArray[Any], npt.NDArray[np.float64], float, float]]
"""Pixels, truth, pixel size that is told to the model, and the true one."""


def ways() -> dict[str, Version]:
    """Return the versions that are compared."""
    e = get_version("E")
    stages = zip(e.stages, STEPS, strict=True)
    shorter = replace(e, stages=tuple(replace(stage, min_steps=steps) for stage, steps in stages))
    return {
        "as E": shorter,
        "complete images after partial ones": apart(shorter),
        "grey levels in standard deviations": without(shorter, "scaling"),
    }


def shown_smaller(names: list[str], size: float) -> Images:
    """Yield T98G images, the model being told that their pixels are smaller than they are."""
    truth = t98g.truth()
    for name in names:
        pixels = tifffile.imread(t98g.FOLDER / "images" / name)
        yield pixels, truth[name], t98g.PIXEL_SIZE_UM * size, t98g.PIXEL_SIZE_UM


def elsewhere(where: str, folder: Path) -> Images:
    """Yield the images of a set that nobody learns from."""
    project, truth = SETS[where][0](folder)
    for name in project.images:
        file = project.read_image(name)
        size = file.pixel_size_um or UNSTATED_UM
        yield file.pixels, truth[name], size, size


def best_f(model: Model, images: Images) -> float:
    """Return F at the threshold that is best."""
    judged = []
    for pixels, truth, told_um, true_um in images:
        found = htcell.detect(pixels, model, pixel_size_um=told_um, threshold=LOWEST)
        judged.append(Judgement(found.points, found.scores, truth, true_um))
    return round(best_f_score(judged, model.card.detection), 4)


def figures(model: Model, looked_at: list[str]) -> dict[str, float]:
    """Return F on everything that is looked at."""
    found = {f"cells of {size}": best_f(model, shown_smaller(looked_at, size)) for size in SIZES}
    for where in SETS:
        with tempfile.TemporaryDirectory() as folder:
            found[where] = best_f(model, elsewhere(where, Path(folder) / "set"))
    return found


def measure(way: str, seed: int) -> dict[str, Any]:
    """Train in one way with one seed."""
    VERSIONS["E"] = ways()[way]
    learnt, looked_at = parts("train", seed)
    with tempfile.TemporaryDirectory() as folder:
        project = t98g.partial_project(
            Path(folder) / "t98g", dropped=DROPPED, order="crowded", seed=seed, names=learnt
        )
        t98g.complete(project, t98g.drawn(learnt, seed, N_COMPLETE))
        model = with_bar(train_steps("E", project, seed=seed, judges=()), f"{way}, seed {seed}")
    detection = model.card.detection.model_copy(update={"score_um": 0.0})
    alone = Model(model.card.model_copy(update={"detection": detection}), model.network)
    return {
        "way": way,
        "seed": seed,
        "F": figures(model, looked_at),
        "F, scores at the peak alone": figures(alone, looked_at),
        "steps": model.card.steps,
    }


@click.command()
@click.option("--way", "only", multiple=True, type=click.Choice(list(ways())), help="These alone.")
@click.option("--seeds", default=3, show_default=True, help="Number of seeds, from 0.")
@click.option("--work", type=click.Path(path_type=Path), default=TRAININGS / "choices")
@click.option("--output", type=click.Path(path_type=Path), help="Write JSON there.")
@click.option("--single", nargs=2, type=(str, int), hidden=True)
def main(
    only: tuple[str, ...],
    seeds: int,
    work: Path,
    output: Path | None,
    single: tuple[str, int] | None,
) -> None:
    """Print F on images that were not learnt from."""

    def place(way: str, seed: int) -> Path:
        return work / f"{way}, seed {seed}.json"

    if single is not None:
        keep(place(*single), measure(*single), recipe_of(ways()[single[0]]))
        return
    results = []
    for way in only or ways():
        for seed in range(seeds):
            call = ["--work", str(work), "--single", way, str(seed)]
            recipe = recipe_of(ways()[way])
            results.append(result_of(place(way, seed), __file__, *call, recipe=recipe))
        here = [one for one in results if one["way"] == way]
        for scores in ("F", "F, scores at the peak alone"):
            for what in here[0][scores]:
                each = [one[scores][what] for one in here]
                click.echo(f"{way}; {scores}; {what}: {np.mean(each):.3f} {each}")
    if output is not None:
        output.write_text(json.dumps({"results": results, "software": software()}, indent=1))


if __name__ == "__main__":
    main()
