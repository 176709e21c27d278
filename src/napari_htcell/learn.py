"""From a project to a model: a version's whole recipe, or its last stage from a model.

Both keep the new model in the project. The `_steps` forms yield progress after every step and stop
where they are closed; the same call goes on from there later.
"""

from __future__ import annotations

import copy
import hashlib
import json
import time
from collections.abc import Generator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import torch

from napari_htcell import atomic, calibrate, checkpoint, config, models
from napari_htcell.cards import Card, software
from napari_htcell.config import DetectConfig, TrainConfig
from napari_htcell.dataset import learning_images
from napari_htcell.device import choose_device, choose_precision, place
from napari_htcell.models import Model
from napari_htcell.progress import Progress, run
from napari_htcell.project import Project
from napari_htcell.training import Keeper, Lesson, settle, train_network
from napari_htcell.unet import UNet
from napari_htcell.versions import Stage, Version, get_version

Steps = Generator[Progress, None, Model]


def train(
    version: str,
    project: Project,
    *,
    name: str | None = None,
    summary: str = "",
    **settings: Any,
) -> Model:
    """Train a version from random weights on a project, and keep the model there.

    Parameters
    ----------
    version : str
        Name in `versions.VERSIONS`: "A", "A+DA", "B", "B+DA", "C" or "D".
    project : Project
    name : str, optional
        Name of the model; version and date without it.
    summary : str, optional
        What the images are, for the card.
    **settings
        Fields of `TrainConfig`.

    Returns
    -------
    Model

    Raises
    ------
    NothingToLearnError
        If the project has no images of a kind that the version learns from.
    ValueError
        If there is no such version, or a setting is out of bounds.
    """
    return run(train_steps(version, project, name=name, summary=summary, **settings))


def fine_tune(
    model: Model,
    project: Project,
    version: str = "B",
    *,
    name: str | None = None,
    summary: str = "",
    **settings: Any,
) -> Model:
    """Improve a model with the complete images of a project (version B), and keep the result.

    Parameters
    ----------
    model : Model
        Where to start; it is not changed.
    project : Project
        Its complete images and complete regions are learnt from.
    version : str, optional
        Its last stage is run.
    name, summary, **settings
        As of `train`; resolution, spot size and network are the model's own.

    Returns
    -------
    Model

    Raises
    ------
    NothingToLearnError
        If the project has no complete image or region.
    """
    return run(fine_tune_steps(model, project, version, name=name, summary=summary, **settings))


def train_steps(
    version: str,
    project: Project,
    *,
    name: str | None = None,
    summary: str = "",
    **settings: Any,
) -> Steps:
    """Do what `train` does, yielding progress."""
    recipe = get_version(version)
    chosen = config.override(TrainConfig(), **settings)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(chosen.seed)
        network = UNet(chosen.base_width, chosen.depth)
    card = Card(
        name=_name(name, recipe, project),
        version=recipe.name,
        summary=summary,
        training=chosen,
        detection=DetectConfig(method=recipe.method),
    )
    return _learn(Model(card, network), recipe, recipe.stages, project)


def fine_tune_steps(
    model: Model,
    project: Project,
    version: str = "B",
    *,
    name: str | None = None,
    summary: str = "",
    **settings: Any,
) -> Steps:
    """Do what `fine_tune` does, yielding progress."""
    recipe, old = get_version(version), model.card
    fixed = [field for field in config.FIXED_IN_FINE_TUNING if field in settings]
    if fixed:
        raise ValueError(f"{', '.join(fixed)} cannot change in fine-tuning; train anew")
    card = Card(
        name=_name(name, recipe, project),
        version=recipe.name,
        base_model=old.name,
        summary=summary,
        training=config.override(old.training, **settings),
        detection=config.override(old.detection, method=recipe.method),
        image_pixel_size_um=old.image_pixel_size_um,
    )
    start = Model(card, copy.deepcopy(model.network))
    return _learn(start, recipe, (recipe.fine_tuning,), project)


def _name(name: str | None, version: Version, project: Project) -> str:
    """Return the new model's name, refusing one that cannot be kept before hours are spent."""
    if name is None:
        return f"{version.name}-{datetime.now(UTC):%Y-%m-%d}"
    models.check_new_name(name, project.models_folder)
    return name


def _learn(start: Model, version: Version, stages: Sequence[Stage], project: Project) -> Steps:
    """Run stages on a model's network, then calibrate it and keep it in the project."""
    chosen, network = start.card.training, start.network
    lessons = []
    for number, stage in enumerate(stages):
        found = yield from learning_images(project, stage, chosen, start.card.image_pixel_size_um)
        lessons.append(Lesson(number, stage, found, chosen))
    job = _fingerprint(start, version, lessons)
    keeper = Keeper(
        project.training_folder / f"{job[:16]}.safetensors", job, chosen.checkpoint_seconds
    )
    checkpoint.sweep(project.training_folder, keep=keeper.path)
    device = choose_device(chosen.device)
    place(network, device)
    known = checkpoint.peek(keeper.path, job)
    precision = known.precision if known else choose_precision(network, device, chosen.precision)
    began = time.monotonic() - (known.seconds if known else 0)
    yield from train_network(network, lessons, device, precision, keeper)
    yield from settle(network, lessons[-1].images, device)
    card = start.card.model_copy(
        update={
            "name": atomic.free_path(project.models_folder / start.card.name).name,
            "images": tuple(one.card for lesson in lessons for one in lesson.images),
            "steps": sum(lesson.steps for lesson in lessons),
            "seconds": round(time.monotonic() - began, 1),
            "device": device.type,
            "precision": str(precision).removeprefix("torch."),
        }
    )
    if lessons[-1].stage.learn_from == "complete":
        card = _measured(card, network, lessons[-1])
    model = models.save_model(Model(card, network.cpu().eval()), project.models_folder)
    keeper.path.unlink(missing_ok=True)
    return model


def _fingerprint(start: Model, version: Version, lessons: Sequence[Lesson]) -> str:
    """Return a hash of all that the result depends on: recipe, settings, weights and images."""
    recipe = json.dumps(asdict(version), default=lambda part: part.__qualname__)
    settings = start.card.training.model_dump_json(exclude={"checkpoint_seconds", "device"})
    versions = json.dumps(software())
    digest = hashlib.sha256((recipe + settings + versions).encode())
    for value in start.network.state_dict().values():
        digest.update(value.cpu().numpy().tobytes())
    for lesson in lessons:
        for one in lesson.images:
            digest.update(one.digest().encode())
    return digest.hexdigest()


def _measured(card: Card, network: UNet, lesson: Lesson) -> Card:
    """Return the card with a threshold and figures from the complete images."""
    size = card.training.pixel_size_um
    settings = calibrate.calibrate(network, lesson.images, card.detection, size)
    found = calibrate.figures(
        network, lesson.images, settings, size, "the complete images that it learnt from"
    )
    return card.model_copy(update={"detection": settings, "figures": found})
