"""What keys do, besides the mouse: from candidate to candidate, and a decision on each."""

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


class Actions:
    """What can be done by keys; each is one undo step at most.

    Parameters
    ----------
    desk : Desk
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._at: npt.NDArray[np.float64] | None = None
        self._pointer: tuple[float, ...] = ()
        desk.session.document_changed.connect(self._leave)

    def accept_nearest(self) -> None:
        """Accept the candidate that was gone to, or that nearest to the mouse."""
        self._decide(rejects=False)

    def reject_nearest(self) -> None:
        """Reject the candidate that was gone to, or that nearest to the mouse."""
        self._decide(rejects=True)

    def next_candidate(self) -> None:
        """Go to the next candidate of the frame, and show it."""
        self._go(1)

    def previous_candidate(self) -> None:
        """Go to the candidate before, and show it."""
        self._go(-1)

    def next_image(self) -> None:
        """Go to the next image of the project."""
        self._desk.session.image_wanted.emit(1)

    def previous_image(self) -> None:
        """Go to the image before."""
        self._desk.session.image_wanted.emit(-1)

    def toggle_complete(self) -> None:
        """Say that every cell of the frame is annotated, or no longer so."""
        desk, document = self._desk, self._desk.session.document
        if document is not None and desk.clicks.are_wanted:
            is_complete = desk.frame in document.annotation.complete_frames
            document.mark_complete(not is_complete, desk.frame)
            desk.session.changed()

    def toggle_candidates(self) -> None:
        """Hide the candidates, or show them again."""
        if self._desk.has_layers:
            self._desk.detected.visible = not self._desk.detected.visible

    def undo(self) -> None:
        """Take the last change of the image back."""
        self._desk.session.undo()

    def redo(self) -> None:
        """Make the change again that was taken back last."""
        self._desk.session.redo()

    def _leave(self) -> None:
        self._at = None

    def _decide(self, rejects: bool) -> None:
        desk, document = self._desk, self._desk.session.document
        if document is None or not desk.clicks.are_wanted or not desk.detected.visible:
            return
        is_on_tour = self._is_on_tour()
        index = self._current() if is_on_tour else self._nearest_to_mouse()
        if index is None:
            desk.viewer.status = "No candidate in view"
            return
        (document.reject if rejects else document.accept)([index])
        desk.session.changed()
        if is_on_tour:
            self._go(1)

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

    def _go(self, by: int) -> None:
        """Go along the candidates of the frame, from the last one decided on or from the top."""
        desk, document, chosen = self._desk, self._desk.session.document, self._open()
        if document is None or not desk.has_layers or not len(chosen):
            self._at = None
            return
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
