"""The loss while a network learns, on what it learns from and on images left out."""

from __future__ import annotations

import math
from collections.abc import Sequence

from qtpy.QtCore import Qt
from qtpy.QtGui import QPaintEvent, QPen, QPolygonF

from napari_htcell.widgets.plots import Plot
from napari_htcell.widgets.theme import readable

MAX_POINTS = 400
"""More than a dock is wide; beyond it neighbours are averaged."""

SMOOTHING = 0.15
"""Weight of the newest value in the running mean: single squares jump."""

HELD_OUT_COLOUR = "#e69f00"
"""Orange of Okabe and Ito; the line is dashed besides."""


class Line:
    """A running mean of values that come one after another."""

    def __init__(self) -> None:
        self._values: list[float] = []
        self._mean: float | None = None

    @property
    def values(self) -> tuple[float, ...]:
        """The values shown."""
        return tuple(self._values)

    def add(self, value: float) -> None:
        """Append a value; one that is not finite is left out."""
        if not math.isfinite(value):
            return
        old = value if self._mean is None else self._mean
        self._mean = old + SMOOTHING * (value - old)
        self._values.append(self._mean)
        if len(self._values) > MAX_POINTS:
            pairs = zip(self._values[::2], self._values[1::2], strict=False)
            self._values = [(a + b) / 2 for a, b in pairs]


class LossCurve(Plot):
    """Two curves without axes, on one logarithmic scale, each over its own part of the work."""

    def __init__(self) -> None:
        super().__init__(64)
        self.loss, self.held_out = Line(), Line()
        self.setToolTip(
            "<qt>How far the network is from your clicks while it learns; it should fall, then "
            "level off. Dashed: on complete images left out of a second round, which "
            "says how it does on new ones</qt>"
        )

    def clear(self) -> None:
        """Start new curves."""
        self.loss, self.held_out = Line(), Line()
        self.update()

    def add(self, loss: float | None, held_out: float | None) -> None:
        """Append what a report says."""
        for line, value in ((self.loss, loss), (self.held_out, held_out)):
            if value is not None:
                line.add(value)
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw the curves, and the last values above them."""
        painter = self.begin()
        logs = [_log(value) for line in (self.loss, self.held_out) for value in line.values]
        solid, dashed = Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine
        left, right = Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight
        for line, name, pen, side in (
            (self.loss, "loss", QPen(self.text_colour(), 1.5, solid), left),
            (
                self.held_out,
                "left out",
                QPen(readable(HELD_OUT_COLOUR, self.palette()), 1.5, dashed),
                right,
            ),
        ):
            if len(line.values) > 1:
                painter.setPen(pen)
                painter.drawPolyline(self._polygon(line.values, min(logs), max(logs)))
                self.write(painter, f"{name} {line.values[-1]:.2g}", side)

    def _polygon(self, values: Sequence[float], low: float, high: float) -> QPolygonF:
        span, steps = (high - low) or 1, len(values) - 1
        return QPolygonF(
            [self.at(i / steps, (_log(value) - low) / span) for i, value in enumerate(values)]
        )


def _log(value: float) -> float:
    return math.log(max(value, 1e-12))
