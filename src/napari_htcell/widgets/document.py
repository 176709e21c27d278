"""One image with all that is known about it while it is worked on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_htcell.annotations import BY_HAND, Annotation
from napari_htcell.config import DetectConfig, EvaluateConfig
from napari_htcell.detections import Detections
from napari_htcell.evaluate import evaluate
from napari_htcell.pointsfile import Points
from napari_htcell.widgets.history import History

if TYPE_CHECKING:
    from napari_htcell.detect import Prediction


@dataclass(frozen=True, eq=False)
class Picture:
    """The pixels of an image or time stack, and how large they are.

    Parameters
    ----------
    name : str
        The project's name of the image, or the layer's.
    pixels : array_like, shape (Y, X) or (T, Y, X), with a last axis of colours if `is_rgb`
        Not necessarily in memory.
    is_rgb : bool
    pixel_size_um : float or None
        Micrometres per pixel, where known.
    known_from : str
        Who states the pixel size, in words; empty if nobody does.
    path : Path or None
        The file, where there is one.
    """

    name: str
    pixels: Any
    is_rgb: bool = False
    pixel_size_um: float | None = None
    known_from: str = ""
    path: Path | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """(Y, X) or (T, Y, X)."""
        shape = tuple(int(size) for size in self.pixels.shape)
        return shape[:-1] if self.is_rgb else shape

    @property
    def ndim(self) -> int:
        """2 for an image, 3 for a time stack."""
        return len(self.shape)


@dataclass(frozen=True, eq=False)
class Marks:
    """What a person has said about an image.

    Parameters
    ----------
    annotation : Annotation
    rejected : ndarray of float, shape (N, 2) or (N, 3)
        Where a model's candidate was said to be no cell.
    """

    annotation: Annotation
    rejected: Points


class Document:
    """An image with its annotation, its detections, and the way back through all changes.

    Parameters
    ----------
    picture : Picture
    annotation : Annotation, optional
        Untouched without it.
    detections : Detections, optional
        What was last found.
    in_project : bool, optional
        Whether the image is one of the session's project, so that changes are kept there.

    Raises
    ------
    ValueError
        If the image is neither 2D nor a time stack, or the points are of another kind of image.
    """

    def __init__(
        self,
        picture: Picture,
        annotation: Annotation | None = None,
        detections: Detections | None = None,
        *,
        in_project: bool = False,
    ) -> None:
        if picture.ndim not in (2, 3):
            raise ValueError(
                f"{picture.name} has {picture.ndim} dimensions; cells are sought in images (Y, X) "
                "and time stacks (T, Y, X)"
            )
        annotation = annotation or Annotation.empty(picture.ndim)
        for what, found in (("points", annotation), ("detections", detections)):
            if found is not None and found.points.shape[1] != picture.ndim:
                raise ValueError(
                    f"the {what} kept for {picture.name} have {found.points.shape[1]} coordinates, "
                    f"but the image has {picture.ndim} dimensions; move them away to start anew"
                )
        self.picture = picture
        self.in_project = in_project
        self.prediction: Prediction | None = None
        self._history = History(Marks(annotation, np.empty((0, picture.ndim))))
        self._found = detections
        self._kept: tuple[Points, Detections | None] | None = None
        self.saved_annotation, self.saved_detections = annotation, detections

    @property
    def name(self) -> str:
        """The picture's name."""
        return self.picture.name

    @property
    def marks(self) -> Marks:
        """What a person has said, now."""
        return self._history.value

    @property
    def annotation(self) -> Annotation:
        """The annotation, now."""
        return self.marks.annotation

    @property
    def found(self) -> Detections | None:
        """All that the model found with the present settings; None if it was not run."""
        return self._found

    @found.setter
    def found(self, found: Detections | None) -> None:
        self._found, self._kept = found, None
        self._forget()

    @property
    def can_undo(self) -> bool:
        """Whether a change can be taken back."""
        return self._history.can_undo

    @property
    def can_redo(self) -> bool:
        """Whether a change was taken back."""
        return self._history.can_redo

    def undo(self) -> bool:
        """Take the last change back; False if there is none."""
        self._forget()
        return self._history.undo()

    def redo(self) -> bool:
        """Make the change again that was taken back last; False if there is none."""
        self._forget()
        return self._history.redo()

    def _push(self, **changes: Any) -> None:
        self._history.push(replace(self.marks, **changes))
        self._forget()

    def _forget(self) -> None:
        self.__dict__.pop("candidates", None)

    @property
    def kept(self) -> Detections | None:
        """What the model found without what a person rejected; the same object until it changes."""
        rejected = self.marks.rejected
        if self._found is None or not len(rejected):
            return self._found
        if self._kept is None or self._kept[0] is not rejected:
            # Half the usual distance: debris rejected beside a cell must not hide the cell.
            cutoff_um = EvaluateConfig().cutoff_um / 2
            self._kept = rejected, _without(self._found, rejected, cutoff_um)
        return self._kept[1]

    @cached_property
    def candidates(self) -> Detections | None:
        """Detections still to be accepted or rejected: on no annotated cell, in no complete frame.

        The same rule as that of the exported counts.
        """
        if self.kept is None:
            return None
        rest = _without(self.kept, self.annotation.points, EvaluateConfig().cutoff_um)
        open_ = [f not in self.annotation.complete_frames for f in _frames(rest.points)]
        return rest.part(np.asarray(open_, dtype=bool))

    def candidates_in(self, frame: int) -> npt.NDArray[np.intp]:
        """Return the indices of the candidates of one frame."""
        if self.candidates is None:
            return np.empty(0, dtype=np.intp)
        return np.flatnonzero(_frames(self.candidates.points) == frame)

    def contains(self, point: npt.ArrayLike) -> bool:
        """Return whether a point lies in the image; a pixel reaches half beyond its centre."""
        place = np.asarray(point, dtype=float)
        inside = (place >= -0.5) & (place <= np.asarray(self.picture.shape) - 0.5)
        return bool(inside.all())

    def add(self, point: npt.ArrayLike) -> None:
        """Annotate a cell by hand, (y, x) or (frame, y, x) in pixels."""
        self._push(annotation=self.annotation.add(_on_frame(np.atleast_2d(point)), BY_HAND))

    def remove(self, indices: list[int]) -> None:
        """Take annotated points away."""
        self._push(annotation=self.annotation.remove(indices))

    def move(self, index: int, point: npt.ArrayLike) -> None:
        """Put an annotated point elsewhere."""
        points = self.annotation.points.copy()
        points[index] = _on_frame(np.atleast_2d(point))[0]
        self._push(annotation=replace(self.annotation, points=points))

    def replace_points(self, points: Points, sources: tuple[str, ...]) -> None:
        """Take over points that were changed with napari's own tools."""
        points = _on_frame(np.asarray(points, dtype=np.float64))
        self._push(annotation=replace(self.annotation, points=points, sources=sources))

    def accept(self, indices: npt.ArrayLike) -> None:
        """Annotate candidates, under the name of the model that found them."""
        if self.candidates is not None:
            chosen = self.candidates.points[np.asarray(indices, dtype=np.intp)]
            self._push(annotation=self.annotation.add(chosen, self.candidates.provenance.model))

    def reject(self, indices: npt.ArrayLike) -> None:
        """Say that candidates are no cells."""
        if self.candidates is not None:
            chosen = self.candidates.points[np.asarray(indices, dtype=np.intp)]
            self._push(rejected=np.concatenate([self.marks.rejected, chosen]))

    def mark_complete(self, complete: bool, frame: int = 0) -> None:
        """Say that every cell of a frame is annotated, or no longer so."""
        self._push(annotation=self.annotation.mark_complete(complete, frame))

    def redraw(self, settings: DetectConfig) -> bool:
        """Draw the detections anew from the kept heat maps; False if they are not all there."""
        prediction = self.prediction
        if prediction is None:
            return False
        if self._found is not None:
            looked_at = self._found.provenance.frames
            known = range(len(prediction.heat_maps)) if looked_at is None else looked_at
            if not set(known) <= set(prediction.frames):
                return False
        self.found = prediction.detections(settings)
        return True

    def take(self, prediction: Prediction, settings: DetectConfig) -> None:
        """Draw detections from new heat maps.

        Of frames that were not looked at now, what was found the same way before stays.
        """
        before, older = self.prediction, self._found
        self.prediction = prediction if before is None else prediction.beside(before)
        found = self.prediction.detections(settings)
        how = found.provenance
        if older is not None and (how.model, settings, how.pixel_size_um) == (
            older.provenance.model,
            older.provenance.settings,
            older.provenance.pixel_size_um,
        ):
            found = found.beside(older)
        self.found = found


def _frames(points: Points) -> npt.NDArray[np.intp]:
    """Return the frame of each point, shape (N,); 0 for those of an image."""
    if points.shape[1] == 2:
        return np.zeros(len(points), dtype=np.intp)
    return np.rint(points[:, 0]).astype(np.intp)


def _on_frame(points: Points) -> Points:
    """Put points of a stack exactly onto their frame."""
    points = np.array(points, dtype=np.float64)
    if points.shape[1] == 3:
        points[:, 0] = np.rint(points[:, 0])
    return points


def _without(found: Detections, known: Points, cutoff_um: float) -> Detections:
    """Return the detections that are none of the known places, one to one."""
    match = evaluate(
        found.points, known, cutoff_um=cutoff_um, pixel_size_um=found.provenance.pixel_size_um
    )
    rest = np.ones(len(found), dtype=bool)
    rest[match.pairs[:, 0]] = False
    return found.part(rest)
