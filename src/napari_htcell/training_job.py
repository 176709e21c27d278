"""One job: a recipe's stages, the networks that judge it, and the model that is kept."""

from __future__ import annotations

import copy
from collections.abc import Collection, Generator, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import torch

from napari_htcell import atomic, checkpoint, models, team
from napari_htcell.assessment import Jury, assess, calibrated
from napari_htcell.cards import Card
from napari_htcell.course import Course, fingerprint
from napari_htcell.dataset import LearningImage
from napari_htcell.device import choose_device, choose_precision, give_back_memory, place
from napari_htcell.dosage import dosage
from napari_htcell.evaluate import Judgement
from napari_htcell.folds import turns_of
from napari_htcell.lessons import lessons_of, others_complete
from napari_htcell.memory import is_short_of_memory
from napari_htcell.mixing import best_share, mixed
from napari_htcell.models import Model
from napari_htcell.network import Network
from napari_htcell.progress import Progress
from napari_htcell.project import Project
from napari_htcell.training import Lesson
from napari_htcell.versions import Stage, Version

Steps: TypeAlias = Generator[Progress, None, Model]

CHECKING = "checking on images left out"


@dataclass(frozen=True, eq=False)
class Job:
    """What becomes of a model's network.

    Parameters
    ----------
    start : Model
        Its network is trained in place, and its card says with which settings.
    version : Version
    stages : sequence of Stage
        Those of the version that are run.
    project : Project
        Learnt from, and where the new model is kept.
    base : Model or None
        What is improved; None if weights are random.
    judges : collection of str or None
        Names of the complete images that may judge; all of them without it.
    """

    start: Model
    version: Version
    stages: Sequence[Stage]
    project: Project
    base: Model | None = None
    judges: Collection[str] | None = None

    def steps(self) -> Steps:
        """Do it where there is the memory, on the CPU at last."""
        chosen = self.start.card.training
        device = choose_device(chosen.device)
        if chosen.devices > 1:
            team.check(device, chosen.devices, self.stages)
        again = replace(self, start=Model(self.start.card, copy.deepcopy(self.start.network)))
        try:
            return (yield from _steps_on(device, self))
        except RuntimeError as error:
            if device.type == "cpu" or not is_short_of_memory(error):
                raise
        give_back_memory(device)
        # From the last checkpoint, which is the same on every device.
        return (yield from _steps_on(torch.device("cpu"), again))


@dataclass(frozen=True, eq=False)
class Plan:
    """What is learnt, in which order, and what judges it.

    Parameters
    ----------
    lessons : sequence of Lesson
        One for each stage.
    turns : dict of str to (Lesson, tuple of LearningImage)
        The cross-validation of the last, with the images left out of each.
    others : sequence of LearningImage
        Complete images that are not learnt from.
    jury : Jury
    before : sequence of Judgement
        Of the model that is improved, on others and those left out, if nothing of what changes may
        be kept.
    shares : tuple of float
        Parts of what changes of which one is kept.
    preferred : tuple of float
        Which of them, see `dosage`.
    """

    lessons: Sequence[Lesson]
    turns: dict[str, tuple[Lesson, tuple[LearningImage, ...]]]
    others: Sequence[LearningImage]
    jury: Jury
    before: Sequence[Judgement] = field(default=())
    shares: tuple[float, ...] = (1.0,)
    preferred: tuple[float, ...] = (1.0,)

    @property
    def is_too_little(self) -> bool:
        """Whether nothing is learnt: so few cells would make a model worse as easily as better."""
        return self.shares == (0.0,)

    @property
    def earlier(self) -> dict[str, Lesson]:
        """All lessons but the last, by the names of their parts of the course."""
        return {f"stage{lesson.number}": lesson for lesson in self.lessons[:-1]}

    @property
    def last(self) -> Lesson:
        """The lesson after which the network is judged."""
        return self.lessons[-1]

    @property
    def parts(self) -> dict[str, Lesson]:
        """All that is trained, in its order."""
        turns = {name: lesson for name, (lesson, _) in self.turns.items()}
        return self.earlier | {"last": self.last} | turns

    @property
    def judging(self) -> list[LearningImage]:
        """All images that judge networks which have not learnt from them."""
        left_out = [one for _, images in self.turns.values() for one in images]
        return [*self.others, *left_out]

    def begun_with(self, before: Sequence[Judgement], job: Job) -> Plan:
        """Return the plan for a model of which it is known what it finds."""
        cells = [len(one.complete_points) for one in self.last.images]
        dose = dosage(job.version, cells, before, job.start.card.detection)

        def begun(lesson: Lesson) -> Lesson:
            share = lesson.share if any(dose.shares) else 0.0
            return replace(lesson, stage=dose.stage, share=share)

        return replace(
            self,
            lessons=(*self.lessons[:-1], begun(self.last)),
            turns={
                name: (begun(lesson), left_out) for name, (lesson, left_out) in self.turns.items()
            },
            before=before,
            shares=dose.shares,
            preferred=dose.preferred,
        )


def planned(job: Job) -> Generator[Progress, None, Plan]:
    """Read what a job learns from, and what may judge it.

    Parameters
    ----------
    job : Job
        Its network is where it is to compute.

    Yields
    ------
    Progress
        After every image that is read, or looked at.

    Raises
    ------
    NothingToLearnError
        If a stage has nothing to learn from.
    ValueError
        If an image is asked to judge that is not complete.
    """
    card = job.start.card
    lessons = yield from lessons_of(job.project, job.stages, card)
    others = yield from others_complete(job.project, lessons[-1], card)
    _check_judges(job.judges, lessons[-1], others)
    jury = Jury.of(lessons, others, job.base, job.judges)
    is_trained = len(lessons) > 1 or job.base is not None
    share = lessons[-1].stage.turn_share if is_trained else 1.0
    plan = Plan(lessons, turns_of(lessons[-1], jury.may_judge, share), others, jury)
    if job.base is None:
        return plan
    if 0.0 not in job.version.shares:
        return replace(plan, shares=job.version.shares)
    before: list[Judgement] = []
    for done, one in enumerate(plan.judging, start=1):
        before += jury.judge(job.start.network, [one], card)
        yield Progress(f"looking what {job.base.card.name} finds", done, len(plan.judging))
    return plan.begun_with(before, job)


def _check_judges(
    names: Collection[str] | None, last: Lesson, others: Sequence[LearningImage]
) -> None:
    """Raise ValueError if an image is asked to judge that cannot."""
    complete = {one.card.name for one in (*last.images, *others) if one.is_finished}
    unknown = sorted(set(names or ()) - complete)
    if unknown:
        raise ValueError(
            f"{', '.join(unknown)} cannot judge: not among the complete images, which are "
            f"{', '.join(sorted(complete)) or 'none'}"
        )


def _before(job: Job, plan: Plan) -> Sequence[Judgement]:
    """Return what the model that is improved finds, drawn as its own card says."""
    base = job.base
    if base is None:
        return ()
    if plan.before and base.card.detection.method == job.start.card.detection.method:
        return plan.before
    return plan.jury.judge(base.network, plan.judging, base.card)


def _steps_on(device: torch.device, job: Job) -> Steps:
    """Train a job's network, calibrate it, and keep it in the project."""
    network, card, project = place(job.start.network, device), job.start.card, job.project
    plan = yield from planned(job)
    fingerprinted = fingerprint(job.start, job.version, plan.lessons)
    project.check_is_there()
    project.training_folder.mkdir(exist_ok=True)
    checkpoint.sweep(project.training_folder, keep=fingerprinted)
    course = Course(
        fingerprinted,
        project.training_folder,
        plan.parts,
        card.training.checkpoint_seconds,
        card.training.devices,
    )
    precision = course.precision or choose_precision(network, device, card.training.precision)
    for name in plan.earlier:
        yield from course.train(name, network, precision)
    beginner = copy.deepcopy(network).eval()
    yield from course.train("last", network, precision)
    judged = yield from _judged(card, plan, course, beginner, network, precision)
    share = best_share(judged, card.detection, plan.preferred)
    # Only now: to settle on all images takes as long as to detect in them.
    network = yield from mixed(beginner, network, share, plan.last.to_settle_on, device, precision)
    judgements = judged[share]
    if job.version.is_calibrated:
        judgements = calibrated(network, judgements)
    card = card.model_copy(
        update={
            # Two stages may learn from the same image.
            "images": tuple(
                dict.fromkeys(one.card for each in plan.lessons for one in each.images)
            ),
            "steps": sum(lesson.steps for lesson in plan.lessons),
            "seconds": round(course.seconds, 1),
            "device": device.type,
            "precision": str(precision).removeprefix("torch."),
            "new_share": share,
        }
    )
    card = card.model_copy(update={"image_pixel_size_um": card.learnt_pixel_size_um})
    card = assess(
        Model(card, network),
        plan.last,
        plan.jury,
        judgements,
        before=_before(job, plan),
        in_turns=bool(plan.turns),
        preferred=job.version.preferred,
    )
    model = _keep(Model(card, network.cpu().eval()), project)
    checkpoint.delete(project.training_folder, fingerprinted)
    return model


def _judged(
    card: Card,
    plan: Plan,
    course: Course,
    beginner: Network,
    network: Network,
    precision: torch.dtype,
) -> Generator[Progress, None, dict[float, list[Judgement]]]:
    """Return what networks find in images that they have not learnt from, by the share kept."""
    device = network.device
    # Nothing kept of what has changed is the model as it was.
    judged = {share: [] if share else list(plan.before) for share in plan.shares}
    changed = [share for share in plan.shares if share]
    for share in changed if plan.others else ():
        rival = yield from mixed(
            beginner, network, share, plan.last.to_settle_on, device, precision
        )
        judged[share] += plan.jury.judge(rival, plan.others, card)
    for name, (lesson, left_out) in plan.turns.items() if changed else ():
        learner = copy.deepcopy(beginner)
        watched = replace(lesson, images=left_out)
        yield from course.train(name, learner, precision, check=CHECKING, watched=watched)
        for share in changed:
            rival = yield from mixed(
                beginner, learner, share, lesson.to_settle_on, device, precision
            )
            judged[share] += plan.jury.judge(rival, left_out, card)
    return judged


def _keep(model: Model, project: Project) -> Model:
    """Save a model in the project, under another name if somebody has taken its own by now."""
    project.check_is_there()
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
