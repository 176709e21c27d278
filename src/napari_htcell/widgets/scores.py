"""Candidates in the colour of their score, and a legend of these colours."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from napari.utils.colormaps import ensure_colormap
from qtpy.QtCore import QRectF, QSize, Qt
from qtpy.QtGui import QColor, QLinearGradient, QPainter, QPaintEvent, QPalette
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_htcell.widgets.states import CANDIDATE

COLOURMAP = "viridis"
"""Perceptually uniform, and in order for every kind of colour vision."""

DARKEST = 0.3
"""Where the map begins: its dark end cannot be seen on a dark image."""


def colours(scores: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Return the colour of each score, shape (N, 4), for scores of 0 to 1."""
    places = DARKEST + (1 - DARKEST) * np.clip(np.asarray(scores, dtype=np.float32), 0, 1)
    return np.asarray(ensure_colormap(COLOURMAP).map(places), dtype=np.float32)


def ring_colours(scores: npt.ArrayLike, *, shows: bool) -> npt.NDArray[np.float32]:
    """Return the colour of each ring, shape (N, 4): of its score, or the same of all."""
    if shows:
        return colours(scores)
    return np.tile(np.asarray(CANDIDATE.rgba, dtype=np.float32), (np.size(scores), 1))


class ScoreLegend(QWidget):
    """The colours of the scores from 0 to 1."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setToolTip("<qt>How sure the model is of each ring: 0 not at all, 1 entirely</qt>")

    def sizeHint(self) -> QSize:
        """Return the usual size."""
        return QSize(90, 16)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw the bar between its two ends."""
        painter = QPainter(self)
        text = self.palette().color(QPalette.ColorRole.WindowText)
        edge = painter.fontMetrics().horizontalAdvance("0") + 4
        bar = QRectF(self.rect()).adjusted(edge, 3, -edge, -3)
        gradient = QLinearGradient(bar.topLeft(), bar.topRight())
        places = np.linspace(0, 1, 16)
        for place, (red, green, blue, _) in zip(places, colours(places).tolist(), strict=True):
            gradient.setColorAt(place, QColor.fromRgbF(red, green, blue))
        painter.fillRect(bar, gradient)
        painter.setPen(text)
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(self.rect(), int(middle | Qt.AlignmentFlag.AlignLeft), "0")
        painter.drawText(self.rect(), int(middle | Qt.AlignmentFlag.AlignRight), "1")
