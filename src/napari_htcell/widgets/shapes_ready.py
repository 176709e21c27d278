"""Gets napari ready to draw shapes, in the background.

Where numba is installed, as with `napari[all]`, the first shape that is drawn after an installation
is compiled for: 15 to 40 s on a free core, and minutes on a busy one, in which the window would
stand still. Napari does so wherever its first Shapes layer is made, so one is made here, and thrown
away, before the user wants one.
"""

from __future__ import annotations

from collections.abc import Generator

import numpy as np
from napari.layers import Shapes
from qtpy.QtCore import QObject, Signal

from napari_htcell.progress import Progress
from napari_htcell.widgets.worker import Job

CORNERS = ((0.0, 0.0), (0.0, 9.0), (5.0, 4.0), (9.0, 9.0), (9.0, 0.0))
"""Of a polygon with a dent, which takes another path than one without."""

_done: set[str] = set()
"""Not empty once shapes can be drawn at once, in whichever window."""


class ShapesReady(QObject):
    """Knows whether shapes can be drawn without a wait, and sees to it."""

    became_ready = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._job = Job()
        # Were it to fail, drawing itself would say why.
        self._job.finished.connect(self._on_finished)

    @property
    def is_ready(self) -> bool:
        """Whether shapes can be drawn at once."""
        return bool(_done)

    def prepare(self) -> None:
        """Get ready in the background, unless that is done or under way."""
        if not self.is_ready and not self._job.is_running:
            self._job.start("getting ready to draw", warm_up_steps)

    def _on_finished(self) -> None:
        _done.add("shapes")
        self.became_ready.emit()


def warm_up_steps() -> Generator[Progress, None, None]:
    """Draw a shape that nobody sees, as it is drawn later."""
    waiting = Progress("getting ready to draw", 0, 0)
    yield waiting
    layer = Shapes(ndim=2)
    yield waiting
    for corners in (CORNERS, CORNERS[::2]):
        layer.add([np.asarray(corners)], shape_type="polygon", face_color="transparent")
        yield waiting
    layer.add([np.asarray(CORNERS[:3])], shape_type="path")
    yield waiting
    layer.data = []
    _done.add("shapes")
