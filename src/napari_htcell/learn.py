"""From a project to a model: a version's whole recipe, or its last stage from a model.

Both keep the new model in the project. The `_steps` forms yield progress after every step and stop
where they are closed; the same call goes on from there later.
"""

from __future__ import annotations

import copy
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

import torch

from napari_htcell import config, networks, own_models
from napari_htcell.cards import Card
from napari_htcell.config import DetectConfig, TrainConfig
from napari_htcell.models import Model
from napari_htcell.progress import run
from napari_htcell.project import Project
from napari_htcell.recipes import recipe_for
from napari_htcell.training_job import Job, Steps
from napari_htcell.versions import Version, get_version


def train(
    version: str,
    project: Project,
    *,
    name: str | None = None,
    summary: str = "",
    judges: Collection[str] | None = None,
    **settings: Any,
) -> Model:
    """Train a version from random weights on a project, and keep the model there.

    Parameters
    ----------
    version : str
        Name in `versions.VERSIONS`, such as "B".
    project : Project
    name : str, optional
        Name of the model; version and date without it.
    summary : str, optional
        What the images are, for the card.
    judges : collection of str, optional
        Names of the complete images that choose the threshold and give the figures, such as the
        real ones among simulated ones; all of them without it.
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
        If there is no such version, a setting is out of bounds, or a judge is not complete.
    """
    steps = train_steps(version, project, name=name, summary=summary, judges=judges, **settings)
    return run(steps)


def fine_tune(
    model: Model,
    project: Project,
    version: str | None = None,
    *,
    name: str | None = None,
    summary: str = "",
    **settings: Any,
) -> Model:
    """Improve a model with the complete images of a project, and keep the result.

    Parameters
    ----------
    model : Model
        Where to start; it is not changed.
    project : Project
        Its complete images and complete regions are learnt from.
    version : str, optional
        Its last stage is run; the model's own version without it, see `versions.fine_tuning_of`.
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
    judges: Collection[str] | None = None,
    **settings: Any,
) -> Steps:
    """Do what `train` does, yielding progress."""
    recipe = get_version(version)
    chosen = config.override(TrainConfig(), **(dict(recipe.settings) | settings))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(chosen.seed)
        network = networks.build(recipe.architecture, chosen)
    card = Card(
        name=_name(name, recipe, project),
        version=recipe.name,
        architecture=recipe.architecture,
        summary=summary,
        training=chosen,
        detection=DetectConfig(method=recipe.method),
    )
    return Job(Model(card, network), recipe, recipe.stages, project, judges=judges).steps()


def fine_tune_steps(
    model: Model,
    project: Project,
    version: str | None = None,
    *,
    name: str | None = None,
    summary: str = "",
    **settings: Any,
) -> Steps:
    """Do what `fine_tune` does, yielding progress."""
    job = fine_tuning_job(model, project, version, name=name, summary=summary, **settings)
    return job.steps()


def fine_tuning_job(
    model: Model,
    project: Project,
    version: str | None = None,
    *,
    name: str | None = None,
    summary: str = "",
    **settings: Any,
) -> Job:
    """Return what `fine_tune` would do."""
    old = model.card
    recipe = recipe_for(old, version)
    fixed = [field for field in config.FIXED_IN_FINE_TUNING if field in settings]
    if fixed:
        raise ValueError(f"{', '.join(fixed)} cannot change in fine-tuning; train anew")
    card = Card(
        name=_name(name, recipe, project),
        version=recipe.name,
        architecture=old.architecture,
        base_model=old.name,
        summary=summary,
        # How many devices there are is no property of the model.
        training=config.override(old.training, **({"devices": 1} | settings)),
        detection=config.override(old.detection, method=recipe.method),
        image_pixel_size_um=old.image_pixel_size_um,
        earlier_images=old.earlier_images + old.images,
    )
    start = Model(card, copy.deepcopy(model.network))
    return Job(start, recipe, (recipe.fine_tuning,), project, base=model)


def _name(name: str | None, version: Version, project: Project) -> str:
    """Return the new model's name, refusing one that cannot be kept before hours are spent."""
    if name is None:
        return f"{version.name}-{datetime.now(UTC):%Y-%m-%d}"
    own_models.check_new_name(name, project.models_folder)
    return name
