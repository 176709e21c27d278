"""From a project to what a training stage learns from, at the network's resolution."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_htcell import images, targets
from napari_htcell.annotations import Annotation
from napari_htcell.cards import TrainingImage
from napari_htcell.config import TrainConfig
from napari_htcell.frame import frame_image
from napari_htcell.imagefiles import PixelSizeAssumedWarning
from napari_htcell.lazyfiles import sha256_of
from napari_htcell.progress import Clock, Progress
from napari_htcell.project import Project
from napari_htcell.relief import is_in_relief
from napari_htcell.targets import Truth
from napari_htcell.versions import Stage
from napari_htcell.words import count

KNOWN_ABOVE = float(np.exp(-2))
"""Outside complete regions the truth is known within two sigma of annotated and rejected points:
where a spot there is above this."""


class NothingToLearnError(ValueError):
    """A project has no image of the kind that a version learns from."""


@dataclass(frozen=True, eq=False)
class LearningImage:
    """One image or frame, ready for training.

    Parameters
    ----------
    card : TrainingImage
        What the model's card says about it.
    image : ndarray of float32, shape (Y, X)
        Standardised grey level.
    truth : Truth
    target : ndarray of float32, shape (Y, X)
        What the network is to draw.
    known : ndarray of bool, shape (Y, X)
        Where the loss counts.
    complete : ndarray of bool, shape (Y, X)
        Where every cell is annotated, so that what is found there can be judged.
    pixel_size_um : float
        Micrometres per pixel of the network.
    """

    card: TrainingImage
    image: npt.NDArray[np.float32]
    truth: Truth
    target: npt.NDArray[np.float32]
    known: npt.NDArray[np.bool_]
    complete: npt.NDArray[np.bool_]
    pixel_size_um: float

    @cached_property
    def is_finished(self) -> bool:
        """Whether every cell is annotated somewhere in it."""
        return bool(self.complete.any())

    @property
    def complete_points(self) -> npt.NDArray[np.floating[Any]]:
        """The cells where every cell is annotated, shape (N, 2)."""
        return self.truth.points[self.is_complete_at(self.truth.points)]

    def is_complete_at(self, points: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        """Return which points, shape (N, 2), lie where every cell is annotated."""
        return _are_within(points, self.complete)

    @property
    def n_known(self) -> int:
        """Number of annotated cells in the image where the loss counts."""
        return int(_are_within(self.truth.points, self.known).sum())

    def digest(self) -> str:
        """Return a hash of everything that training sees of it."""
        parts = (self.image, self.target, self.known)
        return hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()


def _are_within(points: npt.NDArray[Any], where: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return which points lie in an image, and there where an array of its shape says so."""
    nearest = np.rint(points).astype(int)
    in_image = ((nearest >= 0) & (nearest < where.shape)).all(axis=1)
    clipped = np.clip(nearest, 0, np.asarray(where.shape) - 1)
    inside: npt.NDArray[np.bool_] = in_image & where[clipped[:, 0], clipped[:, 1]]
    return inside


def learning_images(
    project: Project, stage: Stage, config: TrainConfig, usual_pixel_size_um: float
) -> Generator[Progress, None, list[LearningImage]]:
    """Read what a stage learns from.

    Parameters
    ----------
    project : Project
    stage : Stage
        Learns from partially annotated frames, from complete frames and complete regions, or both.
    config : TrainConfig
    usual_pixel_size_um : float
        Micrometres per pixel of images whose pixel size nobody states.

    Yields
    ------
    Progress
        After each image.

    Returns
    -------
    list of LearningImage
        At least one.

    Raises
    ------
    NothingToLearnError
        If the project has none.
    """
    found: list[LearningImage] = []
    names = project.images
    clock = Clock(len(names))
    for done, name in enumerate(names, start=1):
        annotation = project.annotation(name)
        frames = [f for f in annotation.frames if _is_wanted(annotation, f, stage)]
        if stage.most_images is not None:
            frames = frames[: max(0, stage.most_images - len(found))]
        if frames:
            found += _read(project, name, annotation, frames, stage, config, usual_pixel_size_um)
        yield Progress("reading images", done, len(names), clock.seconds_left(done))
    if not any(one.is_finished or stage.learn_from == "partial" for one in found):
        raise NothingToLearnError(_missing(project, stage))
    assumed = sum(one.card.pixel_size_assumed for one in found)
    if assumed:
        warnings.warn(
            f"{assumed} of {count(len(found), 'image')} to learn from without a stated pixel size: "
            f"{usual_pixel_size_um:g} um is assumed, and if that is wrong, so is the model",
            PixelSizeAssumedWarning,
            stacklevel=2,
        )
    return found


def check_lessons(project: Project, stages: Sequence[Stage]) -> None:
    """Raise NothingToLearnError if there is nothing for a stage to learn from; reads no image."""
    for stage in stages:
        annotations = map(project.annotation, project.images)
        is_needed = _is_partial if stage.learn_from == "partial" else _is_finished
        if not any(is_needed(one, f) for one in annotations for f in one.frames):
            raise NothingToLearnError(_missing(project, stage))


def _missing(project: Project, stage: Stage) -> str:
    """Return what a stage would learn from and the project does not have."""
    if stage.needs_masks:
        return (
            f"{project.path.name} has no complete image with cell masks: put label images, named "
            "as their images, into its folder masks, or choose a version that learns from points"
        )
    if stage.learn_from == "partial":
        return (
            f"{project.path.name} has no partially annotated image: click a few cells in some "
            "images (in the window, or htcell import-annotations)"
        )
    return (
        f"{project.path.name} has no complete image or region: click every cell of one, then mark "
        "it complete (in the window, or htcell mark-complete)"
    )


def _is_wanted(annotation: Annotation, frame: int, stage: Stage) -> bool:
    if stage.learn_from != "partial" and _is_finished(annotation, frame):
        return True
    return stage.learn_from != "complete" and _is_partial(annotation, frame)


def _is_partial(annotation: Annotation, frame: int) -> bool:
    # Clicks, not a region alone: without any, all cells around it would be background.
    return annotation.status(frame) == "partial" and len(annotation.in_frame(frame)) > 0


def _is_finished(annotation: Annotation, frame: int) -> bool:
    """Return whether every cell is annotated in a frame or in regions of it."""
    return annotation.status(frame) == "complete" or bool(annotation.regions_in(frame))


def _read(
    project: Project,
    name: str,
    annotation: Annotation,
    frames: list[int],
    stage: Stage,
    config: TrainConfig,
    usual_pixel_size_um: float,
) -> list[LearningImage]:
    file = project.read_image(name)
    grey = images.to_grey(file.pixels, is_rgb=file.is_rgb)
    masks = project.read_masks(name) if stage.needs_masks else None
    if stage.needs_masks and masks is None:
        return []
    sha256 = sha256_of(project.image_path(name))
    found = []
    for index in frames:
        pixels = _frame(name, grey, index)
        frame = frame_image(
            (pixels.shape[0], pixels.shape[1]),
            file.pixel_size_um or usual_pixel_size_um,
            network_pixel_size_um=config.pixel_size_um,
            crop=config.crop,
        )
        prepared = images.prepare(frame.cut(pixels), config)
        truth = Truth(
            frame.to_network(annotation.in_frame(index)),
            None if masks is None else frame.cut_labels(_masks(name, masks, index, pixels.shape)),
            frame.network_shape,
            is_in_relief(prepared, config.pixel_size_um),
        )
        sigma_px = config.spot_sigma_um / config.pixel_size_um
        target = stage.target(truth, sigma_px)
        # Without memory of its own: most images are known everywhere.
        everywhere: npt.NDArray[np.bool_] = np.broadcast_to(np.True_, frame.network_shape)
        known, complete = everywhere, everywhere
        if stage.learn_from == "partial" or not _is_finished(annotation, index):
            complete = np.broadcast_to(np.False_, frame.network_shape)
        elif annotation.status(index) != "complete":
            masked = [region.mask(pixels.shape) for region in annotation.regions_in(index)]
            complete = frame.cut_labels(np.any(masked, axis=0).astype(np.uint8)) > 0
            said = _said(annotation, index)
            spots = targets.gaussian_spots(replace(truth, points=frame.to_network(said)), sigma_px)
            known = complete | (spots > KNOWN_ABOVE)
        found.append(
            LearningImage(
                TrainingImage(
                    name=name,
                    frame=index,
                    sha256=sha256,
                    status=annotation.status(index),
                    points=len(truth.points),
                    pixel_size_um=file.pixel_size_um or usual_pixel_size_um,
                    pixel_size_assumed=file.pixel_size_um is None,
                ),
                prepared,
                truth,
                target,
                known,
                complete,
                config.pixel_size_um,
            )
        )
    return found


def _said(annotation: Annotation, frame: int) -> npt.NDArray[np.float64]:
    """Return the points of which a person has said that they are cells, or none, shape (N, 2)."""
    return np.concatenate([annotation.in_frame(frame), annotation.rejected_in(frame)])


def _frame(name: str, stack: npt.NDArray[Any], index: int) -> npt.NDArray[Any]:
    """Return one frame of a time stack; an image has frame 0 alone."""
    frames = stack if stack.ndim == 3 else stack[np.newaxis]
    if index >= len(frames):
        raise ValueError(
            f"frame {index} is annotated, but {name} ends at frame {len(frames) - 1}; was the "
            "annotation made on another image?"
        )
    found: npt.NDArray[Any] = frames[index]
    return found


def _masks(
    name: str, masks: npt.NDArray[Any], index: int, shape: tuple[int, ...]
) -> npt.NDArray[Any]:
    """Return one frame's cell masks, which must be of the image's shape."""
    labels = _frame(f"the masks of {name}", masks, index)
    if labels.shape != shape:
        raise ValueError(
            f"the masks of {name} have shape {labels.shape}, the image has {shape}; draw masks on "
            "the image itself"
        )
    return labels
