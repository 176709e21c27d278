"""How real are the simulated images? Version D learns from them alone and is tried on T98G.

    .venv/bin/python benchmarks/transfer.py --output benchmarks/transfer.json

Many small fields, each under a microscope of its own, at the density of T98G; as many steps
whatever the number of fields. The threshold is chosen on simulated fields that D has not learnt
from. T98G's training images may be used to improve the simulation; its test images are looked at
with --test alone.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import t98g
from bars import with_bar

from napari_htcell import Project
from napari_htcell.calibrate import CUTOFFS_UM, THRESHOLDS, choose_threshold, judge
from napari_htcell.cards import software
from napari_htcell.dataset import learning_images
from napari_htcell.evaluate import Judgement, total
from napari_htcell.learn import train_steps
from napari_htcell.models import Model
from napari_htcell.progress import run
from napari_htcell.sample import make_project
from napari_htcell.simulate import SimulationConfig
from napari_htcell.versions import VERSIONS, get_version

FIELD = SimulationConfig(height_px=550, width_px=550, cells_per_mm2=64)
N_FOR_THRESHOLD = 25


def simulated(folder: Path, n_fields: int, seed: int) -> Project:
    """Write complete simulated fields."""
    return make_project(folder, FIELD, n_images=n_fields, n_complete=n_fields, seed=seed)


def real(folder: Path, part: str) -> Project:
    """Write T98G's training or test images, complete."""
    names = t98g.split(part)
    project = t98g.partial_project(folder, dropped=0, order="random", seed=0, names=names)
    t98g.complete(project, names)
    return project


def judged(model: Model, project: Project) -> list[Judgement]:
    """Detect in all images of a complete project."""
    card, stage = model.card, get_version(model.card.version).fine_tuning
    images = run(learning_images(project, stage, card.training, card.image_pixel_size_um))
    return judge(model.network, images, card.detection, card.training.pixel_size_um)


def transfer(n_fields: int, seed: int, parts: list[str]) -> dict[str, Any]:
    """Train D on simulated fields and measure it."""
    with tempfile.TemporaryDirectory() as folder:
        fields = simulated(Path(folder) / "fields", n_fields, seed=2 * seed + 1)
        name = f"{n_fields} fields, seed {seed}"
        model = with_bar(train_steps("D", fields, seed=seed, judges=[]), name)
        others = simulated(Path(folder) / "others", N_FOR_THRESHOLD, seed=2 * seed + 2)
        at_home = judged(model, others)
        chosen = choose_threshold(at_home, model.card.detection).threshold
        found = {part: judged(model, real(Path(folder) / part, part)) for part in parts}
    row: dict[str, Any] = {"fields": n_fields, "seed": seed, "threshold": chosen}
    row |= {"training s": model.card.seconds, "steps": model.card.steps}
    for part, judgements in {"simulated": at_home, **found}.items():
        for cutoff in CUTOFFS_UM:
            scores = {
                threshold: total(one.match(threshold, cutoff) for one in judgements).f_score
                for threshold in THRESHOLDS
            }
            row[f"F {cutoff:.0f} um, {part}"] = round(scores[chosen], 4)
            row[f"F {cutoff:.0f} um, {part}, best threshold"] = round(max(scores.values()), 4)
    return row


@click.command()
@click.option("--fields", multiple=True, type=int, default=(12, 100, 450), show_default=True)
@click.option("--seeds", default=3, show_default=True, help="Number of seeds, from 0.")
@click.option("--steps", default=4500, show_default=True, help="Training steps.")
@click.option("--test", is_flag=True, help="Look at T98G's test images too.")
@click.option("--output", type=click.Path(path_type=Path), help="Write JSON there.")
def main(fields: tuple[int, ...], seeds: int, steps: int, test: bool, output: Path | None) -> None:
    """Print F of version D on T98G for several numbers of simulated fields."""
    recipe = get_version("D")
    stages = tuple(replace(stage, epochs=1, min_steps=steps) for stage in recipe.stages)
    VERSIONS["D"] = replace(recipe, stages=stages)
    rows = []
    for n_fields in fields:
        for seed in range(seeds):
            rows.append(transfer(n_fields, seed, ["train", "test"] if test else ["train"]))
            click.echo(json.dumps(rows[-1]))
            if output is not None:
                output.write_text(json.dumps({"rows": rows, "software": software()}, indent=1))


if __name__ == "__main__":
    main()
