"""How version E should be fine-tuned: one change after another, on sets that it has not seen.

    .venv/bin/python benchmarks/tuning.py --seeds 2 --output benchmarks/tuning.json

Somebody completes one or two images drawn by the seed, as in `clicks`, and the shipped E learns
from them with the steps of each row and nothing else: no part of the old weights is kept, no
cross-validation. Judged on images of the set that were never shown, at the threshold that is best
there: this asks what the weights have learnt, not how a threshold is found.
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
from clicks import SETS, Person, Way

import napari_htcell as htcell
from napari_htcell.calibrate import LOWEST, best_f_score
from napari_htcell.cards import software
from napari_htcell.config import DEFAULT_MODEL
from napari_htcell.dataset import learning_images
from napari_htcell.device import choose_precision, place
from napari_htcell.evaluate import Judgement
from napari_htcell.models import Model
from napari_htcell.progress import run
from napari_htcell.training import Lesson, plan, take_step
from napari_htcell.versions import QUICK, QUICK_TUNING, Stage

CPU = torch.device("cpu")


def rates(stage: Stage, rate: float) -> Stage:
    """Return a stage with another learning rate."""
    return replace(stage, optimiser=replace(stage.optimiser, learning_rate=rate))


BEFORE = rates(replace(QUICK, learn_from="complete", epochs=1, min_steps=60, most_steps=60), 0.001)
LONGER = replace(BEFORE, batch_size=4, min_steps=100, most_steps=100)
YOUNGER = replace(LONGER, averaging=0.9)
ROWS: dict[str, Stage] = {
    "60 steps of 8 squares, varied": BEFORE,
    "100 steps of 4": LONGER,
    "+ mean of the last 10 steps, not 100": YOUNGER,
    "+ learning rate 0.003, not 0.001": rates(YOUNGER, 0.003),
    "+ squares turned, not varied: E's": QUICK_TUNING,
    "E's, 300 steps": replace(QUICK_TUNING, min_steps=300, most_steps=300),
    "E's, 600 steps": replace(QUICK_TUNING, min_steps=600, most_steps=600),
}


def learn(person: Person, stage: Stage, seed: int) -> tuple[Model, float]:
    """Return the model after a stage's steps, and the seconds they took."""
    assert person.base is not None
    card = person.base.card
    settings = card.training.model_copy(update={"seed": seed})
    found = run(learning_images(person.project, stage, settings, card.image_pixel_size_um))
    lesson = Lesson(0, stage, found, settings)
    network = place(copy.deepcopy(person.base.network), CPU)
    precision = choose_precision(network, CPU)
    learner, start = lesson.learner(network), time.process_time()
    for step, batch in plan(lesson, 0):
        take_step(learner, lesson, step, batch, precision)
    learner.finish()
    seconds = time.process_time() - start
    run(network.settle(found, CPU, precision))
    return Model(card, network.eval()), seconds


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
        person = Person(name, Way(DEFAULT_MODEL, False), Path(folder), seed)
        for _ in range(images):
            person.finish(person.next_image())
        results = []
        for row in rows:
            model, seconds = learn(person, ROWS[row], seed)
            about = {"set": name, "images": images, "seed": seed, "row": row}
            figures = {"F 16 um": round(best_f(person, model), 4), "seconds": round(seconds, 1)}
            results.append(about | figures)
            click.echo(json.dumps(results[-1]))
    return results


@click.command()
@click.option("--seeds", default=2, show_default=True, help="Number of seeds, from 0.")
@click.option("--set", "sets", multiple=True, type=click.Choice(list(SETS)), help="These alone.")
@click.option("--row", "rows", multiple=True, type=click.Choice(list(ROWS)), help="These alone.")
@click.option("--output", type=click.Path(path_type=Path), help="Write JSON there.")
def main(seeds: int, sets: tuple[str, ...], rows: tuple[str, ...], output: Path | None) -> None:
    """Print F after each way of fine-tuning."""
    results = [
        result
        for name in sets or SETS
        for seed in range(seeds)
        for result in measure(name, 1 + seed % 2, seed, rows or list(ROWS))
    ]
    for name in sets or SETS:
        for row in rows or ROWS:
            found = [one for one in results if (one["set"], one["row"]) == (name, row)]
            mean = float(np.mean([one["F 16 um"] for one in found]))
            click.echo(f"{name}; {row}: {mean:.3f}, {[one['F 16 um'] for one in found]}")
    if output is not None:
        output.write_text(json.dumps({"results": results, "software": software()}, indent=1))


if __name__ == "__main__":
    main()
