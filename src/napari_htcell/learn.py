"""From a project to a model: a version's whole recipe, or its last stage from a model.

Both keep the new model in the project. The `_steps` forms yield progress after every step and stop
where they are closed; the same call goes on from there later.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Generator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import torch

from napari_htcell import (
    atomic,
    checkpoint,
    config,
    models,
    networks,
    own_models,
    team,
)
from napari_htcell.assessment import Jury, assess, calibrated
from napari_htcell.cards import Card
from napari_htcell.config import DetectConfig, TrainConfig
from napari_htcell.course import Course, fingerprint
from napari_htcell.device import (
    choose_device,
    choose_precision,
    give_back_memory,
    place,
)
from napari_htcell.evaluate import Judgement
from napari_htcell.folds import turns_of
from napari_htcell.lessons import lessons_of, others_complete
from napari_htcell.memory import is_short_of_memory
from napari_htcell.mixing import best_share, mixed
from napari_htcell.models import Model
from napari_htcell.progress import Progress, run
from napari_htcell.project import Project
from napari_htcell.recipes import recipe_for
from napari_htcell.second_look import second_look
from napari_htcell.versions import Stage, Version, get_version

Steps = Generator[Progress, None, Model]

CHECKING = "checking on images left out"


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
        If there is no such version, or a setting is out of bounds.
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
    return _learn(Model(card, network), recipe, recipe.stages, project, judges=judges)


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
    return _learn(start, recipe, (recipe.fine_tuning,), project, base=model)


def _name(name: str | None, version: Version, project: Project) -> str:
    """Return the new model's name, refusing one that cannot be kept before hours are spent."""
    if name is None:
        return f"{version.name}-{datetime.now(UTC):%Y-%m-%d}"
    own_models.check_new_name(name, project.models_folder)
    return name


def _learn(
    start: Model,
    version: Version,
    stages: Sequence[Stage],
    project: Project,
    *,
    base: Model | None = None,
    judges: Collection[str] | None = None,
) -> Steps:
    """Run stages on a model's network where there is the memory, on the CPU at last."""
    device, devices = choose_device(start.card.training.device), start.card.training.devices
    if devices > 1:
        team.check(device, devices, stages)
    again = Model(start.card, copy.deepcopy(start.network))
    try:
        return (yield from _learn_on(device, start, version, stages, project, base, judges))
    except RuntimeError as error:
        if device.type == "cpu" or not is_short_of_memory(error):
            raise
    give_back_memory(device)
    # From the last checkpoint, which is the same on every device.
    cpu = torch.device("cpu")
    return (yield from _learn_on(cpu, again, version, stages, project, base, judges))


def _learn_on(
    device: torch.device,
    start: Model,
    version: Version,
    stages: Sequence[Stage],
    project: Project,
    base: Model | None,
    judges: Collection[str] | None,
) -> Steps:
    """Run stages on a model's network, then calibrate it and keep it in the project."""
    chosen, network, card = start.card.training, start.network, start.card
    lessons = yield from lessons_of(project, stages, card)
    last = lessons[-1]
    others = yield from others_complete(project, last, card)
    jury = Jury.of(lessons, base, judges)
    is_trained = len(lessons) > 1 or base is not None
    turns = turns_of(last, jury.may_judge, version.turn_share if is_trained else 1.0)
    job = fingerprint(start, version, lessons)
    checkpoint.sweep(project.training_folder, keep=job)
    earlier = {f"stage{lesson.number}": lesson for lesson in lessons[:-1]}
    later = {"last": last} | {name: lesson for name, (lesson, _) in turns.items()}
    course = Course(
        job,
        project.training_folder,
        earlier | later,
        chosen.checkpoint_seconds,
        chosen.devices,
    )
    place(network, device)
    precision = course.precision or choose_precision(network, device, chosen.precision)
    for name, lesson in earlier.items():
        learnt = lesson
        if not course.has_finished(name):
            learnt = yield from second_look(lesson, network, device, precision)
        yield from course.train(name, network, precision, lesson=learnt)
    beginner = copy.deepcopy(network).eval()
    yield from course.train("last", network, precision)
    yield from network.settle(last.images, device, precision)
    shares = (1.0,) if base is None else version.shares
    judged: dict[float, list[Judgement]] = {share: [] for share in shares}
    for share in shares if others else ():
        rival = yield from mixed(beginner, network, share, last.images, device, precision)
        judged[share] += jury.judge(rival, others, card)
    for name, (lesson, left_out) in turns.items():
        learner = copy.deepcopy(beginner)
        watched = replace(lesson, images=left_out)
        yield from course.train(name, learner, precision, check=CHECKING, watched=watched)
        yield from learner.settle(lesson.images, device, precision)
        for share in shares:
            rival = yield from mixed(beginner, learner, share, lesson.images, device, precision)
            judged[share] += jury.judge(rival, left_out, card)
    share = best_share(judged, card.detection)
    # Only now: to settle on all images takes as long as to detect in them.
    network = yield from mixed(beginner, network, share, last.images, device, precision)
    judgements = judged[share]
    if judgements and version.is_calibrated:
        judgements = calibrated(network, judgements)
    card = card.model_copy(
        update={
            # Two stages may learn from the same image.
            "images": tuple(dict.fromkeys(one.card for each in lessons for one in each.images)),
            "steps": sum(lesson.steps for lesson in lessons),
            "seconds": round(course.seconds, 1),
            "device": device.type,
            "precision": str(precision).removeprefix("torch."),
            "new_share": share,
        }
    )
    card = assess(
        Model(card, network),
        last,
        jury,
        judgements,
        before=judged.get(0.0, ()),  # Nothing kept of what has changed: the model as it was.
        in_turns=bool(turns),
        preferred=version.preferred,
    )
    model = _keep(Model(card, network.cpu().eval()), project)
    checkpoint.delete(project.training_folder, job)
    return model


def _keep(model: Model, project: Project) -> Model:
    """Save a model in the project, under another name if somebody has taken its own by now."""
    wanted = project.models_folder / model.card.name
    while True:
        name = atomic.free_path(wanted).name
        named = Model(model.card.model_copy(update={"name": name}), model.network)
        try:
            return models.save_model(named, project.models_folder)
        except FileExistsError:
            # Another training has ended at the same moment.
            if not (project.models_folder / name).exists():
                raise
