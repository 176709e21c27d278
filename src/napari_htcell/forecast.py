"""What fine-tuning would learn from, and how long it would take here."""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import dataclass

from napari_htcell.device import choose_device, choose_precision, place
from napari_htcell.learn import fine_tuning_job
from napari_htcell.models import Model
from napari_htcell.progress import Progress
from napari_htcell.project import Project
from napari_htcell.training import take_step
from napari_htcell.training_job import planned

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
        With those of the cross-validation.
    seconds : float
        By the clock, from a few steps taken on this machine as it is now; reading, detecting in the
        images left out and saving come on top.
    is_too_little : bool
        Whether the cells are too few to change the model.
    """

    images: int
    cells: int
    steps: int
    seconds: float
    is_too_little: bool = False


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
    job = fine_tuning_job(model, project, version)
    chosen = job.start.card.training
    device = choose_device(chosen.device)
    network = place(job.start.network, device)
    plan = yield from planned(job)
    lesson, steps = plan.last, sum(one.steps for one in plan.parts.values())
    cells = sum(one.n_known for one in lesson.images)
    if not lesson.steps:
        return Forecast(len(lesson.images), cells, 0, 0.0, plan.is_too_little)
    yield Progress("timing a few steps", 0, TRIALS)
    precision = choose_precision(network, device, chosen.precision)
    learner, batches = lesson.learner(network), lesson.batches(0)
    seconds = []
    for trial in range(TRIALS + 1):
        start = time.perf_counter()
        take_step(learner, lesson, trial, batches[trial % len(batches)], precision)
        seconds.append(time.perf_counter() - start)
        yield Progress("timing a few steps", trial, TRIALS)
    return Forecast(len(lesson.images), cells, steps, steps * sum(seconds[1:]) / TRIALS)
