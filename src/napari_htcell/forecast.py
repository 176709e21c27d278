"""What fine-tuning would learn from, and how long it would take here."""

from __future__ import annotations

import copy
import time
from collections.abc import Generator
from dataclasses import dataclass

from napari_htcell.dataset import learning_images
from napari_htcell.device import choose_device, choose_precision, place
from napari_htcell.folds import turns_of
from napari_htcell.models import Model
from napari_htcell.progress import Progress
from napari_htcell.project import Project
from napari_htcell.recipes import recipe_for
from napari_htcell.training import Lesson, take_step

TRIALS = 3
"""Steps that are timed, after one to warm up."""


@dataclass(frozen=True)
class Forecast:
    """What fine-tuning would cost.

    Parameters
    ----------
    images, cells : int
        What it learns from, frames counted as images.
    steps : int
        With those of the cross-validation; more are taken on images of a kind that the model does
        not know, which nobody can tell before it has looked at them (see `novelty`).
    seconds : float
        From a few steps taken on this machine as it is now; reading and saving come on top.
    """

    images: int
    cells: int
    steps: int
    seconds: float


def forecast_steps(
    model: Model, project: Project, version: str | None = None
) -> Generator[Progress, None, Forecast]:
    """Find out what `learn.fine_tune` would take, by a few steps that are thrown away.

    Parameters
    ----------
    model : Model
        Where to start; it is not changed.
    project : Project
    version : str, optional

    Raises
    ------
    NothingToLearnError
        If the project has nothing to learn from.
    ValueError
        If the version cannot fine-tune the model, see `recipes.recipe_for`.
    """
    card = model.card
    recipe = recipe_for(card, version)
    stage = recipe.fine_tuning
    found = yield from learning_images(project, stage, card.training, card.image_pixel_size_um)
    lesson = Lesson(0, stage, found, card.training)
    turns = turns_of(lesson, lambda one: not card.knows(one.card), recipe.turn_share)
    steps = lesson.steps + sum(turn.steps for turn, _ in turns.values())
    yield Progress("timing a few steps", 0, TRIALS)
    device = choose_device(card.training.device)
    network = place(copy.deepcopy(model.network), device)
    precision = choose_precision(network, device, card.training.precision)
    learner, batches = lesson.learner(network), lesson.batches(0)
    seconds = []
    for trial in range(TRIALS + 1):
        start = time.perf_counter()
        take_step(learner, lesson, trial, batches[trial % len(batches)], precision)
        seconds.append(time.perf_counter() - start)
        yield Progress("timing a few steps", trial, TRIALS)
    return Forecast(
        len(found), sum(one.n_known for one in found), steps, steps * sum(seconds[1:]) / TRIALS
    )
