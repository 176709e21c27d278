"""Thumbnails for a list, made in the background for what is visible, and kept in memory."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Generator

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QObject, Qt, Signal
from qtpy.QtGui import QImage, QPainter, QPixmap

from napari_htcell.progress import Progress
from napari_htcell.project import Project
from napari_htcell.thumbnails import thumbnail
from napari_htcell.widgets.worker import Job

SIZE_PX = (24, 32)
"""Largest height and width."""

MOST_KEPT = 5000
"""Thumbnails in memory: 15 MB."""

MOST_WANTED = 60
"""Who scrolls through thousands of images wants those that are visible at last."""


class Thumbnails(QObject):
    """Makes thumbnails of a project's images when they are asked for.

    Parameters
    ----------
    job : Job
        In which they are made; used by nobody else.
    """

    made = Signal(str)

    def __init__(self, job: Job) -> None:
        super().__init__()
        self._job = job
        self._project: Project | None = None
        self._kept: OrderedDict[str, QPixmap] = OrderedDict()
        self._none = _pixmap()
        self._wanted: deque[str] = deque(maxlen=MOST_WANTED)
        self._made: deque[tuple[Project, str, npt.NDArray[np.uint8] | None]] = deque()
        job.progressed.connect(self._take)
        job.finished.connect(self._on_finished)

    def open(self, project: Project | None) -> None:
        """Go over to another project."""
        if project is self._project:
            return
        self._project = project
        self._kept.clear()
        self._wanted.clear()

    def is_made(self, name: str) -> bool:
        """Whether an image's thumbnail was made, or cannot be."""
        return name in self._kept

    def get(self, name: str) -> QPixmap:
        """Return an image's thumbnail; an empty one if it is not made yet, which it soon is."""
        if name in self._kept:
            self._kept.move_to_end(name)
            return self._kept[name]
        if name not in self._wanted:
            self._wanted.append(name)
            self._start()
        return self._none

    def _start(self) -> None:
        project = self._project
        if project is not None and self._wanted and not self._job.is_running:
            self._job.start("making thumbnails", lambda: self._steps(project))

    def _steps(self, project: Project) -> Generator[Progress, None, None]:
        while self._project is project:
            try:
                # What was asked for last is what is visible now.
                name = self._wanted.pop()
            except IndexError:
                return
            try:
                picture = thumbnail(project.image_path(name), SIZE_PX)
            # Told when the image is opened; else it would be tried again without end.
            except Exception:  # noqa: BLE001
                picture = None
            self._made.append((project, name, picture))
            yield Progress("making thumbnails", 0, 1)

    def _take(self) -> None:
        while self._made:
            project, name, picture = self._made.popleft()
            if project is self._project:
                self._kept[name] = _pixmap(picture)
                if len(self._kept) > MOST_KEPT:
                    self._kept.popitem(last=False)
                self.made.emit(name)

    def _on_finished(self) -> None:
        self._take()
        self._start()


def _pixmap(picture: npt.NDArray[np.uint8] | None = None) -> QPixmap:
    """Return a picture, or nothing, in the middle of a pixmap that is as large as all others."""
    pixmap = QPixmap(SIZE_PX[1], SIZE_PX[0])
    pixmap.fill(Qt.GlobalColor.transparent)
    if picture is None:
        return pixmap
    height, width = picture.shape[:2]
    is_grey = picture.ndim == 2
    kind = QImage.Format.Format_Grayscale8 if is_grey else QImage.Format.Format_RGB888
    # Qt takes no array, and does not keep the bytes.
    pixels = picture.tobytes()
    image = QImage(pixels, width, height, width * (1 if is_grey else 3), kind)
    painter = QPainter(pixmap)
    painter.drawImage((SIZE_PX[1] - width) // 2, (SIZE_PX[0] - height) // 2, image)
    painter.end()
    return pixmap
