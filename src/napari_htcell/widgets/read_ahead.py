"""Reads the neighbours of the image that is shown, so that the next one is there at once."""

from __future__ import annotations

from collections.abc import Generator, Sequence

from qtpy.QtCore import QObject

from napari_htcell.lazyfiles import is_zarr
from napari_htcell.progress import Progress
from napari_htcell.project import Project
from napari_htcell.widgets import reading, saving
from napari_htcell.widgets.document import Document
from napari_htcell.widgets.worker import Job

LARGEST_BYTES = 200_000_000
"""Of an image or stack that is read on suspicion."""


class ReadAhead(QObject):
    """Keeps a few images that are likely to be wanted next, and no others.

    Parameters
    ----------
    job : Job
        In which they are read; used by nobody else.
    """

    def __init__(self, job: Job) -> None:
        super().__init__()
        self._job = job
        self._project: Project | None = None
        self._wanted: tuple[str, ...] = ()
        self._tried: dict[str, tuple[Project, Document | None]] = {}
        job.finished.connect(self._start)

    def want(self, project: Project | None, names: Sequence[str]) -> None:
        """Read these images in the background, in this order, and forget all others."""
        kept = self._tried if project is self._project else {}
        self._project, self._wanted = project, tuple(names)
        self._tried = {name: kept[name] for name in names if name in kept}
        self._start()

    def take(self, name: str) -> Document | None:
        """Return an image if it was read, and is still what its files say."""
        project, document = self._tried.pop(name, (None, None))
        self._wanted = tuple(one for one in self._wanted if one != name)
        if document is None or project is None or project is not self._project:
            return None
        return document if saving.is_current(project, document) else None

    @property
    def is_ready(self) -> bool:
        """Whether all that is wanted was read."""
        return self._next() is None

    def _next(self) -> str | None:
        return next((name for name in self._wanted if name not in self._tried), None)

    def _start(self) -> None:
        project = self._project
        if project is not None and self._next() is not None and not self._job.is_running:
            self._job.start("reading ahead", lambda: self._steps(project))

    def _steps(self, project: Project) -> Generator[Progress, None, None]:
        while self._project is project:
            name = self._next()
            if name is None:
                return
            found = _read(project, name)
            # Whoever wants others by now has another dictionary.
            if self._project is project and name in self._wanted:
                self._tried[name] = project, found
            yield Progress("reading ahead", 0, 1)


def _read(project: Project, name: str) -> Document | None:
    """Read an image; None if it is too large, or is damaged, which is told when it is opened."""
    try:
        path = project.image_path(name)
        # What of an OME-Zarr is large is known once it is opened.
        if is_zarr(path) or path.stat().st_size > LARGEST_BYTES:
            return None
        document = reading.read_document(project, name)
    # Nobody has asked for it yet: whatever is wrong is told when somebody does, memory included.
    except Exception:  # noqa: BLE001
        return None
    return document if document.picture.nbytes <= LARGEST_BYTES else None
