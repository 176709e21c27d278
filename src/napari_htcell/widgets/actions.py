"""What keys and commands do to an image: from candidate to candidate, and a decision on each."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_htcell.widgets import point_layers

if TYPE_CHECKING:
    from napari_htcell.widgets.desk import Desk

STAYED_PX = 40
"""A mouse moved by less than this has not gone to another cell, but was bumped into."""

BANDS = 6
"""Candidates are visited in so many bands of the image, to and fro, as one mows a lawn."""


NO_IMAGE = "Open a folder, or an image in napari, to begin."
NO_CLICKS = (
    "Points are not to be changed now: tick “Clicks on the image change points” in Correct, and "
    "leave napari's own tools"
)
NONE_IN_VIEW, NONE_HERE = "No candidate in view", "No candidate in this image"


class Actions:
    """What can be done to the image that is shown; each is one undo step at most.

    All return what is missing, in words for the user, where nothing could be done.

    Parameters
    ----------
    desk : Desk
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._at: npt.NDArray[np.float64] | None = None
        self._pointer: tuple[float, ...] = ()
        desk.session.document_changed.connect(self._leave)

    def accept_nearest(self) -> str:
        """Accept the candidate that was gone to, or that nearest to the mouse."""
        return self._decide(rejects=False)

    def reject_nearest(self) -> str:
        """Reject the candidate that was gone to, or that nearest to the mouse."""
        return self._decide(rejects=True)

    def accept_all(self) -> str:
        """Accept every candidate of the frame that is shown."""
        return self._why_not() or self.decide_all(rejects=False)

    def reject_all(self) -> str:
        """Reject every candidate of the frame that is shown."""
        return self._why_not() or self.decide_all(rejects=True)

    def next_candidate(self) -> str:
        """Go to the next candidate of the frame, and show it."""
        return self._go(1)

    def previous_candidate(self) -> str:
        """Go to the candidate before, and show it."""
        return self._go(-1)

    def next_image(self) -> str:
        """Go to the next image of the project."""
        return self._turn_to(1)

    def previous_image(self) -> str:
        """Go to the image before."""
        return self._turn_to(-1)

    def toggle_complete(self) -> str:
        """Say that every cell of the frame is annotated, or no longer so."""
        desk, document = self._desk, self._desk.session.document
        if document is None:
            return NO_IMAGE
        if not desk.clicks.are_wanted:
            return NO_CLICKS
        is_complete = desk.frame in document.annotation.complete_frames
        document.mark_complete(not is_complete, desk.frame)
        desk.session.changed()
        return ""

    def toggle_candidates(self) -> str:
        """Hide the candidates, or show them again."""
        if not self._desk.has_layers:
            return NO_IMAGE
        self._desk.detected.visible = not self._desk.detected.visible
        return ""

    def undo(self) -> str:
        """Take the last change of the image back."""
        return "" if self._desk.session.undo() else "Nothing to undo in this image"

    def redo(self) -> str:
        """Make the change again that was taken back last."""
        return "" if self._desk.session.redo() else "Nothing to redo in this image"

    def _leave(self) -> None:
        self._at = None

    def _turn_to(self, by: int) -> str:
        if self._desk.session.project is None:
            return "Open the folder with your images to go from one to the next"
        self._desk.session.turn_to(by)
        return ""

    def _decide(self, rejects: bool) -> str:
        desk, document = self._desk, self._desk.session.document
        missing = self._why_not()
        if document is None or missing:
            return missing
        is_on_tour = self._is_on_tour()
        index = self._current() if is_on_tour else self._nearest_to_mouse()
        if index is None:
            return NONE_IN_VIEW
        (document.reject if rejects else document.accept)([index])
        desk.session.changed()
        if is_on_tour:
            self._go(1)
        return ""

    def _why_not(self) -> str:
        """Return why candidates cannot be decided on now; nobody decides on what is not seen."""
        if self._desk.session.document is None:
            return NO_IMAGE
        if not self._desk.clicks.are_wanted:
            return NO_CLICKS
        return "" if self._desk.detected.visible else "Candidates are hidden"

    def decide_all(self, rejects: bool) -> str:
        """Accept or reject every candidate of the frame, even where clicks change nothing."""
        session, chosen = self._desk.session, self._open()
        if session.document is None:
            return NO_IMAGE
        if not len(chosen):
            return NONE_HERE
        (session.document.reject if rejects else session.document.accept)(chosen)
        session.changed()
        return ""

    def _is_on_tour(self) -> bool:
        """Whether a candidate was gone to, and the mouse left where it was."""
        if self._at is None or self._current() is None:
            return False
        viewer = self._desk.viewer
        moved = math.dist(viewer.cursor.position[-2:], self._pointer) * viewer.scene.camera.zoom
        return bool(moved < STAYED_PX)

    def _current(self) -> int | None:
        """Return the candidate that was gone to, unless it is none any more."""
        points = self._desk.detected.data
        here = np.flatnonzero((points == self._at).all(axis=1))
        return int(here[0]) if len(here) else None

    def _nearest_to_mouse(self) -> int | None:
        desk = self._desk
        layer, chosen = desk.detected, self._open()
        inside = desk.within(*desk.corners, chosen)
        if not len(inside):
            return None
        mouse = np.asarray(layer.world_to_data(desk.viewer.cursor.position))[-2:]
        away = np.linalg.norm(layer.data[inside, -2:] - mouse, axis=1)
        return int(inside[away.argmin()])

    def _open(self) -> npt.NDArray[np.intp]:
        document = self._desk.session.document
        return (
            np.empty(0, np.intp) if document is None else document.candidates_in(self._desk.frame)
        )

    def _go(self, by: int) -> str:
        """Go along the candidates of the frame, from the last one decided on or from the top."""
        desk, document, chosen = self._desk, self._desk.session.document, self._open()
        if document is None or not desk.has_layers or not len(chosen):
            self._at = None
            return NO_IMAGE if document is None else NONE_HERE
        places = desk.detected.data
        order = sorted(chosen, key=lambda index: self._rank(places[index]))
        ranks = [self._rank(places[index]) for index in order]
        if self._at is None:
            at = 0 if by > 0 else -1
        else:
            rank = self._rank(self._at)
            at = (
                next((i for i, one in enumerate(ranks) if one > rank), 0)
                if by > 0
                else next((i for i in reversed(range(len(ranks))) if ranks[i] < rank), -1)
            )
        self._at = np.array(places[order[at]])
        self._show(int(order[at]))
        return ""

    def _rank(self, place: Any) -> tuple[int, float, float]:
        document = self._desk.session.document
        height = 1 if document is None else document.picture.shape[-2]
        y, x = (float(one) for one in place[-2:])
        band = math.floor(BANDS * y / height)
        return band, (x if band % 2 == 0 else -x), y

    def _show(self, index: int) -> None:
        """Mark a candidate, and bring it into view where it is outside."""
        desk, viewer = self._desk, self._desk.viewer
        desk.detected.visible = True
        point_layers.mark(desk.detected, index)
        if not len(desk.within(*desk.corners, np.asarray([index]))):
            viewer.scene.camera.center = desk.detected.data_to_world(desk.detected.data[index])[-2:]
        self._pointer = tuple(viewer.cursor.position[-2:])
