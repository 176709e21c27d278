"""The errors in the open image: a list, and their symbols in the viewer while it is looked at."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QObject

from napari_htcell.widgets.comparing import NOT_COMPARED, Row
from napari_htcell.widgets.desk import Desk
from napari_htcell.widgets.error_list import ErrorList
from napari_htcell.widgets.errors import ErrorsLayer, Outcome, outcomes


class ErrorsHere(QObject):
    """Keeps list and layer the same, and shows the error that is chosen.

    Parameters
    ----------
    desk : Desk
    """

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self.list, self._layer = ErrorList(), ErrorsLayer()
        self.outcomes: list[Outcome] = []
        self._is_shown = False
        self.list.chosen.connect(self._go_to)

    def fill(self, rows: Sequence[Row]) -> str:
        """Take the open image's outcomes from a comparison; return a title for them."""
        document = self._desk.session.document
        here = [
            one
            for one in rows
            if document is not None and document.in_project and one.compared.image == document.name
        ]
        self.outcomes = [
            outcome for one in here for outcome in outcomes(one.compared, one.match, one.threshold)
        ]
        wrong = [one for one in self.outcomes if one.kind != "found"]
        is_stack = any(one.is_stack for one in here)
        self.list.fill(wrong, is_stack=is_stack, hint="" if here else NOT_COMPARED)
        self._draw()
        return f"Errors here: {len(wrong)}" if here else "Errors here"

    def show(self, is_shown: bool) -> None:
        """Show the symbols in the viewer, or take them out."""
        self._is_shown = is_shown
        self._draw()

    def _draw(self) -> None:
        image, document, viewer = self._desk.image, self._desk.session.document, self._desk.viewer
        if self._is_shown and self.outcomes and image is not None and document is not None:
            size = document.picture.pixel_size_um
            self._layer.draw(viewer, image, self.outcomes, size, self.list.current)
            # Each of them has its own symbol now, and two on one cell hide it.
            self._desk.set_marks_aside(True)
        else:
            self._layer.remove(viewer)
            self._desk.set_marks_aside(False)

    def _go_to(self, chosen: Outcome) -> None:
        """Show an error in the middle of the view, with a ring around it."""
        image, document = self._desk.image, self._desk.session.document
        self._desk.go_to(chosen.frame, chosen.place)
        if self._is_shown and image is not None and document is not None:
            self._layer.mark(self._desk.viewer, image, chosen, document.picture.pixel_size_um)
