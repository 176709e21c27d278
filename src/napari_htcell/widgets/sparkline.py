"""A small curve of the training loss."""

from __future__ import annotations

import math

from qtpy.QtCore import QPointF, QSize, Qt
from qtpy.QtGui import QPainter, QPaintEvent, QPalette, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QWidget

MAX_POINTS = 400
"""More than a dock is wide; beyond it neighbours are averaged."""

SMOOTHING = 0.15
"""Weight of the newest value in the running mean: single squares jump."""


class Sparkline(QWidget):
    """A curve without axes, on a logarithmic scale, in the theme's colours."""

    def __init__(self) -> None:
        super().__init__()
        self._values: list[float] = []
        self._mean: float | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setToolTip(
            "<qt>How far the network is from your clicks while it learns; it should fall, then "
            "level off</qt>"
        )

    def sizeHint(self) -> QSize:
        """Return the usual size."""
        return QSize(200, 56)

    @property
    def values(self) -> tuple[float, ...]:
        """The values shown."""
        return tuple(self._values)

    def clear(self) -> None:
        """Start a new curve."""
        self._values, self._mean = [], None
        self.update()

    def add(self, value: float) -> None:
        """Append a value."""
        if not math.isfinite(value):
            return
        old = value if self._mean is None else self._mean
        self._mean = old + SMOOTHING * (value - old)
        self._values.append(self._mean)
        if len(self._values) > MAX_POINTS:
            pairs = zip(self._values[::2], self._values[1::2], strict=False)
            self._values = [(a + b) / 2 for a, b in pairs]
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw the curve."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colour = self.palette().color(QPalette.ColorRole.WindowText)
        faint = self.palette().color(QPalette.ColorRole.Mid)
        painter.setPen(QPen(faint, 1))
        painter.drawLine(0, self.height() - 1, self.width(), self.height() - 1)
        painter.setPen(QPen(colour, 1.5))
        if len(self._values) > 1:
            painter.drawPolyline(QPolygonF(self._curve()))
            # On the right, where a falling curve leaves room.
            right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop
            painter.drawText(self.rect(), int(right), f"loss {self._values[-1]:.2g}")

    def _curve(self) -> list[QPointF]:
        logs = [math.log(max(value, 1e-12)) for value in self._values]
        low, high = min(logs), max(logs)
        height, width = self.height() - 8, self.width() - 2
        return [
            QPointF(
                1 + width * index / (len(logs) - 1),
                4 + height * (1 - (log - low) / ((high - low) or 1)),
            )
            for index, log in enumerate(logs)
        ]
