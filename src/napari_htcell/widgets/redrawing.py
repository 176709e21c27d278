"""Draws an image's points anew while sliders move; those of a long stack in the background."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QObject, QTimer, Signal

from napari_htcell.config import DetectConfig
from napari_htcell.widgets import jobs
from napari_htcell.widgets.document import Document
from napari_htcell.widgets.session import Session
from napari_htcell.widgets.worker import Job


class Redrawing(QObject):
    """Follows settings.

    Parameters
    ----------
    session : Session
    job : Job
        In which long stacks are drawn; used by nobody else.
    settings : callable
        Returns what the form says now.
    """

    said = Signal(str)
    """What the user has to know meanwhile."""

    def __init__(self, session: Session, job: Job, settings: Callable[[], DetectConfig]) -> None:
        super().__init__()
        self._session, self._job, self._settings = session, job, settings
        self._document: Document | None = None
        self._tried: DetectConfig | None = None
        # At once, but once for all the moves that a slider made meanwhile.
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._draw)
        job.failed.connect(self._on_failed)
        job.finished.connect(self._on_finished)

    def want(self) -> None:
        """Draw the open image as the form says, when the window has nothing else to do."""
        self._document = self._session.document
        self._timer.start()

    def _draw(self) -> None:
        document, settings = self._session.document, self._settings()
        # Of an image that was left meanwhile the form says nothing.
        if document is None or document is not self._document or document.found is None:
            return
        if document.found.provenance.settings == settings:
            return
        prediction = document.prediction
        if prediction is None or prediction.is_quick(settings):
            if not self._session.redraw(settings):
                self.said.emit("Press Detect to see what these settings find.")
            return
        self.said.emit("Drawing the points of all frames…")
        if self._job.is_running:
            self._job.quit()
        else:
            self._tried = settings
            self._job.start("drawing points", lambda: jobs.draw_steps(prediction, settings))

    def _on_failed(self, _error: BaseException) -> None:
        self.said.emit("The points were not drawn; try it again.")

    def _on_finished(self) -> None:
        document, settings = self._document, self._settings()
        prediction = None if document is None else document.prediction
        is_drawn = prediction is not None and prediction.is_quick(settings)
        # Not again what has failed, which was told.
        if is_drawn or settings != self._tried:
            self._timer.start()
