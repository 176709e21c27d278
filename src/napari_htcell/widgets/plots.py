"""Two small plots in the theme's colours: cells over time, and figures over the threshold."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPalette, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_htcell.curve import Curve
from napari_htcell.widgets.theme import readable

MARGIN = 6
PRECISION_COLOUR, RECALL_COLOUR = "#56b4e9", "#e69f00"
"""Sky blue and orange of Okabe and Ito; the lines differ in their strokes besides."""


class Plot(QWidget):
    """A plot without axes; 0 to 1 both ways is what it shows."""

    def __init__(self, height: int) -> None:
        super().__init__()
        self._height = height
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """Return the usual size."""
        return QSize(200, self._height)

    def minimumSizeHint(self) -> QSize:
        """Return the least size."""
        return QSize(120, self._height)

    def area(self) -> QRectF:
        """Return where the plot itself is."""
        line = self.fontMetrics().height()
        return QRectF(self.rect()).adjusted(MARGIN, line, -MARGIN, -MARGIN)

    def at(self, x: float, y: float) -> QPointF:
        """Return the place of a value."""
        area = self.area()
        return QPointF(area.left() + x * area.width(), area.bottom() - y * area.height())

    def begin(self) -> QPainter:
        """Return a painter that has drawn the ground line."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self.palette().color(QPalette.ColorRole.Mid), 1))
        painter.drawLine(self.at(0, 0), self.at(1, 0))
        return painter

    def text_colour(self) -> QColor:
        """Return the theme's colour of text."""
        return self.palette().color(QPalette.ColorRole.WindowText)

    def write(self, painter: QPainter, text: str, side: Qt.AlignmentFlag) -> None:
        """Write a line above the plot."""
        painter.setPen(self.text_colour())
        painter.drawText(self.rect(), int(side | Qt.AlignmentFlag.AlignTop), text)


class CountPlot(Plot):
    """Cells in each frame of a time stack; a click goes to the frame."""

    frame_chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__(72)
        self._counts: tuple[int | None, ...] = ()
        self._frame = 0
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setToolTip(
            "<qt>Cells in each frame: your clicks, and what the model found besides. Click to go "
            "to a frame</qt>"
        )

    @property
    def counts(self) -> tuple[int | None, ...]:
        """The counts shown; None of a frame that was not looked at."""
        return self._counts

    def show_counts(self, counts: Sequence[int | None], frame: int) -> None:
        """Show other counts, and which frame is seen."""
        self._counts, self._frame = tuple(counts), frame
        self.update()

    def place_of(self, frame: int) -> QPointF:
        """Return where a frame's count is drawn."""
        highest = max((one for one in self._counts if one is not None), default=0)
        return self.at(
            frame / max(1, len(self._counts) - 1), (self._counts[frame] or 0) / max(1, highest)
        )

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Go to the frame under the mouse."""
        if event is None or not self._counts:
            return
        area = self.area()
        share = (event.position().x() - area.left()) / max(1.0, area.width())
        self.frame_chosen.emit(round(min(1.0, max(0.0, share)) * (len(self._counts) - 1)))

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw the counts."""
        painter = self.begin()
        known = [frame for frame, one in enumerate(self._counts) if one is not None]
        if not known:
            return
        painter.setPen(QPen(self.text_colour(), 1.5))
        for first, second in pairwise(known):
            # No line over frames of which nothing is known.
            if second == first + 1:
                painter.drawLine(self.place_of(first), self.place_of(second))
        painter.setBrush(self.text_colour())
        for frame in known if len(known) <= 60 else ():
            painter.drawEllipse(self.place_of(frame), 1.5, 1.5)
        here = min(self._frame, len(self._counts) - 1)
        painter.setPen(QPen(readable(RECALL_COLOUR, self.palette()), 1.5))
        x = self.place_of(here).x()
        painter.drawLine(QPointF(x, self.at(0, 1).y()), QPointF(x, self.at(0, 0).y()))
        count = self._counts[here]
        said = "not looked at" if count is None else f"{count} cells"
        self.write(painter, f"frame {here}: {said}", Qt.AlignmentFlag.AlignLeft)
        highest = max(one for one in self._counts if one is not None)
        self.write(painter, f"most {highest}", Qt.AlignmentFlag.AlignRight)


class CurvePlot(Plot):
    """Precision, recall and F over the threshold, the best F marked."""

    def __init__(self) -> None:
        super().__init__(100)
        self.curve: Curve | None = None
        self.threshold: float | None = None
        self.setToolTip(
            "<qt>What each threshold would give, from low on the left to high. Precision: how many "
            "of the rings are cells. Recall: how many of the cells have a ring. F: both in one "
            "number</qt>"
        )

    def show_curve(self, curve: Curve | None, threshold: float | None) -> None:
        """Show another curve, and the threshold in use."""
        self.curve, self.threshold = curve, threshold
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw the three lines."""
        painter = self.begin()
        curve = self.curve
        if curve is None:
            return
        x = curve.thresholds
        for values, colour, style, width in (
            (
                curve.precision,
                readable(PRECISION_COLOUR, self.palette()),
                Qt.PenStyle.DashLine,
                1.5,
            ),
            (curve.recall, readable(RECALL_COLOUR, self.palette()), Qt.PenStyle.DotLine, 2.0),
            (curve.f_score, self.text_colour(), Qt.PenStyle.SolidLine, 2.0),
        ):
            painter.setPen(QPen(colour, width, style))
            painter.drawPolyline(self._line(x, values))
        if self.threshold is not None:
            painter.setPen(QPen(self.palette().color(QPalette.ColorRole.Mid), 1))
            painter.drawLine(self.at(self.threshold, 0), self.at(self.threshold, 1))
        painter.setPen(QPen(self.text_colour(), 1.5))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        best = curve.best
        painter.drawEllipse(self.at(float(x[best]), float(curve.f_score[best])), 5, 5)
        self._legend(painter)

    def _line(self, x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> QPolygonF:
        return QPolygonF([self.at(*pair) for pair in zip(x.tolist(), y.tolist(), strict=True)])

    def _legend(self, painter: QPainter) -> None:
        left, line = float(MARGIN), self.fontMetrics().height()
        for text, colour, style in (
            ("F", self.text_colour(), Qt.PenStyle.SolidLine),
            ("precision", readable(PRECISION_COLOUR, self.palette()), Qt.PenStyle.DashLine),
            ("recall", readable(RECALL_COLOUR, self.palette()), Qt.PenStyle.DotLine),
        ):
            painter.setPen(QPen(colour, 2, style))
            painter.drawLine(QPointF(left, line / 2), QPointF(left + 16, line / 2))
            painter.setPen(self.text_colour())
            painter.drawText(QPointF(left + 20, line * 0.8), text)
            left += 30 + self.fontMetrics().horizontalAdvance(text)
