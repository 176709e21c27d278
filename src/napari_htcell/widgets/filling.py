"""Reads in the background what is known about a project's images, while the list is shown."""

from __future__ import annotations

from collections import deque

from qtpy.QtCore import QObject

from napari_htcell.project import Project
from napari_htcell.summaries import Summary
from napari_htcell.widgets import jobs
from napari_htcell.widgets.session import Session
from napari_htcell.widgets.worker import Job


class Filling(QObject):
    """Fills a session's summaries, a few at a time.

    Parameters
    ----------
    session : Session
    job : Job
        In which they are read; used by nobody else.
    """

    def __init__(self, session: Session, job: Job) -> None:
        super().__init__()
        self._session, self._job = session, job
        self._project: Project | None = None
        self._found: deque[tuple[str, Summary]] = deque()
        job.progressed.connect(self._take)
        job.finished.connect(self._on_finished)

    @property
    def is_done(self) -> bool:
        """Whether something is known about every image of the session's project."""
        return not self._missing()

    def fill(self) -> None:
        """Read what is missing; what is being read of another project is given up."""
        project, missing = self._session.project, self._missing()
        if self._job.is_running:
            if project is not self._project:
                self._job.quit()
        elif project is not None and missing:
            self._project = project
            self._job.start(
                "reading annotations", lambda: jobs.fill_steps(project, missing, self._found)
            )

    def _missing(self) -> list[str]:
        project, known = self._session.project, self._session.summaries
        return [name for name in (project.images if project else ()) if name not in known]

    def _take(self) -> None:
        found = {}
        while self._found:
            name, summary = self._found.popleft()
            found[name] = summary
        if found and self._project is self._session.project:
            self._session.take_summaries(found)

    def _on_finished(self) -> None:
        self._take()
        if self._project is not self._session.project:
            self.fill()
