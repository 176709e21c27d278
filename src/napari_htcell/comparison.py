"""Detections beside a project's complete images: how good a model is on the user's own cells."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy.typing as npt

from napari_htcell.annotations import Annotation, frames_of
from napari_htcell.cards import Card, TrainingImage
from napari_htcell.config import DetectConfig
from napari_htcell.counting import CountErrors, Intervals
from napari_htcell.detections import Detections
from napari_htcell.evaluate import Judgement, Match, Totals, total
from napari_htcell.lazyfiles import sha256_of
from napari_htcell.models import Model, ModelError, find_model
from napari_htcell.progress import Clock, Progress, run
from napari_htcell.project import Project, ProjectError

LOWEST = 0.05
"""Threshold of a new detection, so that a curve can be drawn from there."""

COMPARED = "comparing"
"""What progress says after each image."""


@dataclass(frozen=True, eq=False)
class Compared:
    """A complete frame, or the complete regions of one, beside what a model found there.

    Parameters
    ----------
    image : str
    frame : int
    judgement : Judgement
        In pixels of the original image.
    model : str
    settings : DetectConfig
        Of the detection; its threshold is the one to compare at.
    has_learnt : bool
        Whether the model is known to have learnt from this frame, so that figures flatter.
    count_errors : CountErrors or None
        What errors of counts are said to be; None where that is not known, or where only regions
        are complete.
    """

    image: str
    frame: int
    judgement: Judgement
    model: str
    settings: DetectConfig
    has_learnt: bool = False
    count_errors: CountErrors | None = None

    @property
    def scores(self) -> npt.NDArray[Any]:
        """Scores of the detections at the threshold, shape (N,)."""
        return self.judgement.scores[self.judgement.scores >= self.settings.threshold]

    @property
    def n_found(self) -> int:
        """Number of detections at the threshold."""
        return len(self.scores)

    @property
    def interval(self) -> tuple[int, int] | None:
        """Between what numbers the true one is said to lie; None where nothing is said."""
        error = None if self.count_errors is None else self.count_errors.at(self.settings)
        return None if error is None else error.interval(self.scores)

    @property
    def interval_holds(self) -> bool | None:
        """Whether the true number is in the interval around the count; None without one."""
        if self.interval is None:
            return None
        low, high = self.interval
        return low <= len(self.judgement.truth) <= high

    def at(self, threshold: float) -> Compared:
        """Return the same to be compared at another threshold."""
        return replace(self, settings=self.settings.model_copy(update={"threshold": threshold}))

    def match(self, cutoff_um: float, threshold: float | None = None) -> Match:
        """Compare at the detection's own threshold, or at another one."""
        threshold = self.settings.threshold if threshold is None else threshold
        return self.judgement.match(threshold, cutoff_um)


@dataclass(frozen=True, eq=False)
class Comparison:
    """All that is complete in a project beside what was found there.

    Parameters
    ----------
    images : tuple of Compared
    not_detected : tuple of str
        Complete images in which nothing was detected yet.
    found : mapping of str to Detections
        What was compared, by image.
    """

    images: tuple[Compared, ...]
    not_detected: tuple[str, ...] = ()
    found: Mapping[str, Detections] = field(default_factory=dict)

    @property
    def judgements(self) -> tuple[Judgement, ...]:
        """For `precision_recall`."""
        return tuple(one.judgement for one in self.images)

    @property
    def has_curve(self) -> bool:
        """Whether another threshold gives fewer of the same detections, not others."""
        return bool(self.images) and all(one.settings.method == "peaks" for one in self.images)

    @property
    def intervals(self) -> Intervals | None:
        """How often the intervals of counts hold the truth; None without one."""
        held = [one.interval_holds for one in self.images if one.interval_holds is not None]
        rates = {one.count_errors.rate for one in self.images if one.count_errors and one.interval}
        return Intervals(sum(held), len(held), min(rates)) if held else None

    def totals(self, cutoff_um: float) -> Totals:
        """Compare all images and sum."""
        return total(one.match(cutoff_um) for one in self.images)


Steps = Generator[Progress, None, Comparison]


def evaluate_project(project: Project, model: Model | None = None) -> Comparison:
    """Compare detections with the complete images, frames and regions of a project.

    Parameters
    ----------
    project : Project
    model : Model, optional
        Run on the complete images; nothing is saved. Without it, the detections that are kept in
        the project are compared.

    Returns
    -------
    Comparison

    Raises
    ------
    ProjectError
        If nothing in the project is complete.
    ValueError
        If a file is damaged; with its name.
    """
    return run(evaluate_project_steps(project, model))


def evaluate_project_steps(
    project: Project, model: Model | None = None, found: Mapping[str, Detections] | None = None
) -> Steps:
    """Do what `evaluate_project` does, yielding progress after each image.

    `found` goes before what is kept in the project.
    """
    complete = complete_images(project)
    if not complete:
        raise ProjectError(
            f"{project.path.name} has no complete image or region to compare with: click every "
            "cell of one, then mark it complete (in the window, or htcell mark-complete)"
        )
    images: list[Compared] = []
    used: dict[str, Detections] = {}
    missing: list[str] = []
    in_memory = found or {}
    clock = Clock(len(complete))
    for done, (name, annotation) in enumerate(complete.items(), start=1):
        here: Detections | None
        if model is not None:
            here = yield from _detect(project, name, annotation, model)
        else:
            here = in_memory[name] if name in in_memory else project.detections(name)
        if here is None:
            missing.append(name)
        else:
            used[name] = here
            card = _card(project, here.provenance.model) if model is None else model.card
            learnt = _learnt_frames(project, name, annotation, card)
            settings = None if model is None else model.card.detection
            images += compare_image(name, annotation, here, learnt, settings)
        yield Progress(COMPARED, done, clock.total, clock.seconds_left(done))
    return Comparison(tuple(images), tuple(missing), used)


def complete_images(project: Project) -> dict[str, Annotation]:
    """Return the annotations of the images with a complete frame or region."""
    annotations = {name: project.annotation(name) for name in project.images}
    return {name: one for name, one in annotations.items() if complete_frames(one)}


def complete_frames(annotation: Annotation) -> tuple[int, ...]:
    """Return the frames that are complete or have a complete region."""
    return tuple(
        frame
        for frame in annotation.frames
        if annotation.status(frame) == "complete" or annotation.regions_in(frame)
    )


def compare_image(
    name: str,
    annotation: Annotation,
    found: Detections,
    learnt: frozenset[int] = frozenset(),
    settings: DetectConfig | None = None,
) -> tuple[Compared, ...]:
    """Put what was found in an image beside what is complete there, frame by frame.

    Parameters
    ----------
    name : str
    annotation : Annotation
    found : Detections
    learnt : frozenset of int, optional
        Frames that the model has learnt from.
    settings : DetectConfig, optional
        What to compare at, where more was detected than is to count; the detection's own without.
    """
    how = found.provenance
    compared = []
    for frame in complete_frames(annotation):
        if not how.looked_at(frame):
            continue
        points, truth = found.in_frame(frame), annotation.in_frame(frame)
        scores = found.scores[frames_of(found.points) == frame]
        inside, true = (annotation.is_complete_at(one, frame) for one in (points, truth))
        # Other thresholds give other contours, not fewer of the same.
        lowest = how.settings.threshold if how.settings.method == "peaks" else 0.0
        judgement = Judgement(
            points[inside], scores[inside], truth[true], how.pixel_size_um, lowest
        )
        at = settings or how.settings
        errors = how.count_errors if annotation.status(frame) == "complete" else None
        compared.append(Compared(name, frame, judgement, how.model, at, frame in learnt, errors))
    return tuple(compared)


def _detect(
    project: Project, name: str, annotation: Annotation, model: Model
) -> Generator[Progress, None, Detections]:
    """Run a model on an image's complete frames, down to a low threshold."""
    from napari_htcell.detect import predict_steps

    settings = model.card.detection
    if settings.method == "peaks":
        low = min(LOWEST, settings.threshold)
        settings = settings.model_copy(update={"threshold": low})
    file = project.open_image(name)
    prediction = yield from predict_steps(
        file.pixels,
        model,
        pixel_size_um=file.pixel_size_um,
        is_rgb=file.is_rgb,
        frames=complete_frames(annotation),
    )
    return prediction.detections(settings)


def _learnt_frames(
    project: Project, name: str, annotation: Annotation, card: Card | None
) -> frozenset[int]:
    """Return the frames of an image that a model has learnt from, as far as its card is here."""
    if card is None or not card.images + card.earlier_images:
        return frozenset()
    sha256 = sha256_of(project.image_path(name))
    return frozenset(
        frame
        for frame in complete_frames(annotation)
        if card.knows(
            TrainingImage(
                name=name,
                frame=frame,
                sha256=sha256,
                status=annotation.status(frame),
                points=len(annotation.in_frame(frame)),
            )
        )
    )


def _card(project: Project, model: str) -> Card | None:
    try:
        return find_model(model, project).card
    except ModelError:
        return None
