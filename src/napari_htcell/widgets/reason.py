"""Says why an image was suggested, and keeps that true while it is corrected."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QObject, QTimer

from napari_htcell.project import Project
from napari_htcell.summaries import Summary
from napari_htcell.widgets import jobs
from napari_htcell.widgets.session import Session
from napari_htcell.widgets.suggestions import NONE_LEFT, Suggestions
from napari_htcell.widgets.worker import Job

AGAIN_MS = 300
"""Pause after a correction after which what is left is computed anew."""


class Reason(QObject):
    """Chooses the next image, and says what there is to correct in it.

    Parameters
    ----------
    session : Session
    job : Job
        In which what is left is computed; used by nobody else.
    say : callable
        Shows a text, or nothing.
    """

    def __init__(self, session: Session, job: Job, say: Callable[[str], None]) -> None:
        super().__init__()
        self._session, self._job, self._say = session, job, say
        self._suggestions = Suggestions()
        self._shown = ""
        self._computes_in: Project | None = None
        self._again = QTimer(self)
        self._again.setSingleShot(True)
        self._again.setInterval(AGAIN_MS)
        self._again.timeout.connect(self._compute)
        job.returned.connect(self._on_computed)

    def forget(self) -> None:
        """Begin anew: another project was opened."""
        self._suggestions.forget()

    def show(self, name: str) -> None:
        """Take note of the image that is shown: a reason holds for the suggested one alone."""
        self._shown = name
        self._suggestions.show(name)
        self._say(self._suggestions.reason)

    def choose(self, names: set[str], *, are_all_read: bool) -> str | None:
        """Return which of the images to go to next; None, which is said, if none is left."""
        known: dict[str, Summary] = self._session.summaries
        name = self._suggestions.choose(known, names, are_all_read=are_all_read)
        if name is None:
            self._say(NONE_LEFT)
        return name

    def follow(self) -> None:
        """Say what is left in the suggested image now; it may have been corrected."""
        summary = self._session.summaries.get(self._shown)
        if summary is None or not self._suggestions.reason:
            return
        if summary.usefulness is None:
            self._again.start()
        else:
            self._suggestions.renew(summary.usefulness)
            self._say(self._suggestions.reason)

    def _compute(self) -> None:
        if self._job.is_running:
            self._again.start()
            return
        states = self._session.documents.states([self._shown])
        if states:
            self._computes_in = self._session.project
            self._job.start("comparing", lambda: jobs.usefulness_steps(states))

    def _on_computed(self, summaries: dict[str, Summary]) -> None:
        if self._computes_in is self._session.project:
            self._session.take_summaries(summaries)
