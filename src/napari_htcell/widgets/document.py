"""One image with all that is known about it while it is worked on."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_htcell.annotations import BY_HAND, Annotation, Region, frames_of
from napari_htcell.config import PAPER_PIXEL_SIZE_UM, DetectConfig
from napari_htcell.detections import Detections
from napari_htcell.pairing import REJECTED_UM, Pairing, pair
from napari_htcell.pointsfile import Points
from napari_htcell.stamps import Stamps
from napari_htcell.widgets.history import History
from napari_htcell.widgets.picture import Picture

if TYPE_CHECKING:
    from napari_htcell.prediction import Prediction

STATED_HERE = "stated here"
"""Who says the pixel size of an image that belongs to no project, if the user does."""


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
        self.is_left = False
        """Whether another folder was opened since: what a job still finds in it has no place."""
        self._history = History(annotation)
        self._found = detections
        self.saved_annotation, self.saved_detections = annotation, detections
        self.stamps: Stamps | None = None
        """What its files were like when it was read or saved last; None if it has none."""

    def on(self, picture: Picture) -> Document:
        """Return all that is said of this image, undo steps too, as said of other pixels.

        But for the heat map. A job that still works on the pixels before has this document, and
        what it finds does not come into the new one.
        """
        other = Document(picture, self.annotation, self.found, in_project=self.in_project)
        other._history = self._history
        other.saved_annotation, other.saved_detections = (
            self.saved_annotation,
            self.saved_detections,
        )
        other.stamps = self.stamps
        return other

    @property
    def name(self) -> str:
        """The picture's name."""
        return self.picture.name

    def state_pixel_size(self, size_um: float | None) -> None:
        """Have the pixel size that somebody states, if anybody does."""
        if size_um is None or self.picture.pixel_size_um == size_um:
            return
        known_from = "stated for the project" if self.in_project else STATED_HERE
        self.picture = replace(self.picture, pixel_size_um=size_um, known_from=known_from)
        self.prediction = None

    @property
    def annotation(self) -> Annotation:
        """What a person has said, now."""
        return self._history.value

    @property
    def found(self) -> Detections | None:
        """All that the model found with the present settings; None if it was not run."""
        return self._found

    @found.setter
    def found(self, found: Detections | None) -> None:
        self._found = found
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

    def _push(self, annotation: Annotation) -> None:
        self._history.push(annotation)
        self._forget()

    def _forget(self) -> None:
        for name in ("pairing", "candidates"):
            self.__dict__.pop(name, None)

    @cached_property
    def pairing(self) -> Pairing | None:
        """What the annotation and the detections are to each other; None if no model was run."""
        return None if self._found is None else pair(self.annotation, self._found)

    @cached_property
    def candidates(self) -> Detections | None:
        """Detections still to be accepted or rejected; None if no model was run."""
        if self._found is None or self.pairing is None:
            return None
        return self._found.part(self.pairing.is_candidate)

    def candidates_in(self, frame: int) -> npt.NDArray[np.intp]:
        """Return the indices of the candidates of one frame."""
        if self.candidates is None:
            return np.empty(0, dtype=np.intp)
        return np.flatnonzero(frames_of(self.candidates.points) == frame)

    def contains(self, point: npt.ArrayLike) -> bool:
        """Return whether a point lies in the image; a pixel reaches half beyond its centre."""
        place = np.asarray(point, dtype=float)
        inside = (place >= -0.5) & (place <= np.asarray(self.picture.shape) - 0.5)
        return bool(inside.all())

    def add(self, point: npt.ArrayLike) -> None:
        """Annotate a cell by hand, (y, x) or (frame, y, x) in pixels."""
        places = _on_frame(np.atleast_2d(point))
        self._push(self._open_again(places).add(places, BY_HAND))

    def remove(self, indices: list[int]) -> None:
        """Take annotated points away."""
        self._push(self.annotation.remove(indices))

    def move(self, index: int, point: npt.ArrayLike) -> None:
        """Put an annotated point elsewhere."""
        points = self.annotation.points.copy()
        points[index] = _on_frame(np.atleast_2d(point))[0]
        self._push(replace(self.annotation, points=points))

    def replace_points(self, points: Points, sources: tuple[str, ...]) -> None:
        """Take over points that were changed with napari's own tools."""
        points = _on_frame(np.asarray(points, dtype=np.float64))
        self._push(replace(self.annotation, points=points, sources=sources))

    def accept(self, indices: npt.ArrayLike) -> None:
        """Annotate candidates, under the name of the model that found them."""
        if self.candidates is not None:
            chosen = self.candidates.points[np.asarray(indices, dtype=np.intp)]
            self._push(self.annotation.add(chosen, self.candidates.provenance.model))

    def reject(self, indices: npt.ArrayLike) -> None:
        """Say that candidates are no cells, for good."""
        if self.candidates is not None:
            chosen = self.candidates.points[np.asarray(indices, dtype=np.intp)]
            self._push(self.annotation.reject(chosen))

    def _open_again(self, places: Points) -> Annotation:
        """Return the annotation without rejections at places that are now said to be cells."""
        annotation = self.annotation
        size = self.picture.pixel_size_um or PAPER_PIXEL_SIZE_UM
        apart = np.linalg.norm(annotation.rejected[:, None, -2:] - places[None, :, -2:], axis=-1)
        same = frames_of(annotation.rejected)[:, None] == frames_of(places)[None]
        is_taken_back = (same & (apart <= REJECTED_UM / size)).any(axis=1)
        return replace(annotation, rejected=annotation.rejected[~is_taken_back])

    def mark_complete(self, complete: bool, frame: int = 0) -> None:
        """Say that every cell of a frame is annotated, or no longer so."""
        self._push(self.annotation.mark_complete(complete, frame))

    def replace_regions(self, regions: tuple[Region, ...]) -> None:
        """Say in which regions every cell is annotated."""
        self._push(replace(self.annotation, regions=regions))

    def take_over(self, annotation: Annotation) -> None:
        """Go on with an annotation that was changed elsewhere; undo goes back to the one here."""
        self._push(annotation=annotation)

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


def _on_frame(points: Points) -> Points:
    """Put points of a stack exactly onto their frame."""
    points = np.array(points, dtype=np.float64)
    if points.shape[1] == 3:
        points[:, 0] = np.rint(points[:, 0])
    return points
