"""How version E should be fine-tuned: one change after another, on sets that it has not seen.

    .venv/bin/python benchmarks/tuning.py --seeds 2 --output benchmarks/tuning.json
    .venv/bin/python benchmarks/tuning.py --images 4 --output benchmarks/tuning_many.json \
        --set "simulated, other optics" --set "BBBC039, fluorescent nuclei" \
        --row "+ batch normalisation settled first: E's" --row "E's, of many images"

Somebody completes one or two images drawn by the seed, as in `clicks`, or as many as are asked for,
and the shipped E learns from them with the steps of each row and no cross-validation; half of what
has changed is kept, or all. Judged on images of the set that were never shown, at the threshold
that is best there: this asks what the weights have learnt, not how share and threshold are found.
"""

from __future__ import annotations

import copy
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from clicks import SCRATCH_STEPS, SETS, Person, Truth, Way

import napari_htcell as htcell
from napari_htcell import Annotation, Project, augment, head, sample
from napari_htcell.calibrate import LOWEST, best_f_score
from napari_htcell.cards import software
from napari_htcell.config import DEFAULT_MODEL
from napari_htcell.dataset import learning_images
from napari_htcell.device import choose_precision, place
from napari_htcell.evaluate import Judgement
from napari_htcell.mixing import mixed
from napari_htcell.models import Model
from napari_htcell.progress import run
from napari_htcell.training import Lesson, plan, take_step
from napari_htcell.versions import QUICK, QUICK_TUNING, Stage

CPU = torch.device("cpu")
SHARES = (0.5, 1.0)


def like_the_sample(folder: Path) -> tuple[Project, Truth]:
    """Copy the sample project without its clicks."""
    project = sample.copy_sample(folder)
    truth = {name: sample.read_truth(project, name) for name in project.images}
    for name in project.images:
        project.save_annotation(name, Annotation.of(np.empty((0, 2))))
    return project, truth


# Nobody clicks through it in `clicks`; people meet it first.
SETS["simulated, as in the sample"] = (like_the_sample, 3)


def of_steps(stage: Stage, steps: int) -> Stage:
    """Return a stage of so many steps."""
    return replace(stage, min_steps=steps, most_steps=steps)


BEFORE = replace(
    of_steps(QUICK_TUNING, 100),
    batch_size=4,
    averaging=0.9,
    augmentation=augment.turned,
    head_first=False,
    settles_first=False,
)
FITTED = replace(BEFORE, head_first=True)
SHORTER = replace(of_steps(FITTED, 200), batch_size=2, averaging=0.95)
ROWS: dict[str, Stage] = {
    "100 steps of 4 squares, turned": BEFORE,
    "+ the scale of scores fitted first": FITTED,
    "+ 200 steps of 2": SHORTER,
    "+ other looks": replace(QUICK_TUNING, settles_first=False),
    "+ batch normalisation settled first: E's": QUICK_TUNING,
    "E's, of many images": of_steps(QUICK_TUNING, QUICK_TUNING.steps_if_many or 0),
    "E's, 400 steps": of_steps(QUICK_TUNING, 400),
    "E's, 800 steps": of_steps(QUICK_TUNING, 800),
    "E's, as many squares as from scratch": replace(
        of_steps(QUICK_TUNING, SCRATCH_STEPS), batch_size=QUICK.batch_size
    ),
}


def learn(person: Person, stage: Stage, seed: int) -> tuple[dict[float, Model], float]:
    """Return the model after a stage's steps, by the share that is kept, and their seconds."""
    assert person.base is not None
    card = person.base.card
    settings = card.training.model_copy(update={"seed": seed})
    found = run(learning_images(person.project, stage, settings, card.image_pixel_size_um))
    lesson = Lesson(0, stage, found, settings)
    network = place(copy.deepcopy(person.base.network), CPU)
    precision = choose_precision(network, CPU)
    start = time.process_time()
    if stage.settles_first:
        run(network.settle(found, CPU, precision))
    if stage.head_first:
        head.fit(network, lesson)
    learner = lesson.learner(network)
    for step, batch in plan(lesson, 0):
        take_step(learner, lesson, step, batch, precision)
    learner.finish()
    seconds = time.process_time() - start
    old = place(copy.deepcopy(person.base.network), CPU)
    images = lesson.to_settle_on
    mixes = {share: run(mixed(old, network, share, images, CPU, precision)) for share in SHARES}
    return {share: Model(card, one.eval()) for share, one in mixes.items()}, seconds


def kept(share: float) -> str:
    """Return the name of a share's figure."""
    return f"F 16 um, {share:g} kept"


def best_f(person: Person, model: Model) -> float:
    """Return F on the images never shown, at the threshold that is best there."""
    judged = []
    for name in person.hidden:
        pixels, size = person.project.read_image(name).pixels, person.size(name)
        found = htcell.detect(pixels, model, pixel_size_um=size, threshold=LOWEST)
        judged.append(Judgement(found.points, found.scores, person.truth[name], size))
    return best_f_score(judged, model.card.detection)


def measure(name: str, images: int, seed: int, rows: Sequence[str]) -> list[dict[str, Any]]:
    """Try all rows on one set."""
    with tempfile.TemporaryDirectory() as folder:
        person = Person(name, Way(DEFAULT_MODEL), Path(folder), seed)
        for _ in range(images):
            person.finish(person.next_image())
        results = []
        for row in rows:
            models, seconds = learn(person, ROWS[row], seed)
            about = {"set": name, "images": images, "seed": seed, "row": row}
            figures = {kept(share): round(best_f(person, models[share]), 4) for share in SHARES}
            results.append(about | figures | {"seconds": round(seconds, 1)})
            click.echo(json.dumps(results[-1]))
    return results


@click.command()
@click.option("--seeds", default=2, show_default=True, help="Number of seeds, from 0.")
@click.option("--set", "sets", multiple=True, type=click.Choice(list(SETS)), help="These alone.")
@click.option("--row", "rows", multiple=True, type=click.Choice(list(ROWS)), help="These alone.")
@click.option("--images", type=click.IntRange(min=1), help="So many, and not one or two.")
@click.option("--output", type=click.Path(path_type=Path), help="Write JSON there.")
def main(
    seeds: int,
    sets: tuple[str, ...],
    rows: tuple[str, ...],
    images: int | None,
    output: Path | None,
) -> None:
    """Print F after each way of fine-tuning."""
    results = [
        result
        for name in sets or SETS
        for seed in range(seeds)
        for result in measure(name, images or 1 + seed % 2, seed, rows or list(ROWS))
    ]
    for name in sets or SETS:
        for row in rows or ROWS:
            found = [one for one in results if (one["set"], one["row"]) == (name, row)]
            for share in map(kept, SHARES):
                mean = float(np.mean([one[share] for one in found]))
                click.echo(f"{name}; {row}; {share}: {mean:.3f}, {[one[share] for one in found]}")
    if output is not None:
        output.write_text(json.dumps({"results": results, "software": software()}, indent=1))


if __name__ == "__main__":
    main()
