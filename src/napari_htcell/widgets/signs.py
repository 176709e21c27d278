"""The symbols of layers as small pictures, for legends and lists."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QPainter, QPen, QPixmap, QPolygonF

from napari_htcell.widgets.states import Form

SIDE = 18
"""Side of a picture in the window's pixels."""

EDGE = "#1e1e1e"
"""Around each symbol: its colour is made for images, and on a light ground some are hard to see. On
a dark ground the edge is not seen."""

LINE, EDGE_LINE = 2.0, 4.0
"""Widths of hollow forms."""

HOLLOW: tuple[Form, ...] = ("ring", "square")


def picture(form: Form, colour: str) -> QPixmap:
    """Return the symbol that a layer draws, readable on every ground."""
    pixmap = QPixmap(SIDE, SIDE)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    draw = _FORMS[form]
    if form in HOLLOW:
        for ink, width in ((EDGE, EDGE_LINE), (colour, LINE)):
            painter.setPen(QPen(QColor(ink), width))
            draw(painter)
    else:
        painter.setPen(QPen(QColor(EDGE), 1))
        painter.setBrush(QColor(colour))
        draw(painter)
    painter.end()
    return pixmap


def _polygon(*corners: tuple[float, float]) -> Callable[[QPainter], None]:
    return lambda painter: painter.drawPolygon(QPolygonF([QPointF(x, y) for x, y in corners]))


_FORMS: Mapping[Form, Callable[[QPainter], None]] = {
    "disc": lambda painter: painter.drawEllipse(QRectF(4, 4, 10, 10)),
    "ring": lambda painter: painter.drawEllipse(QRectF(3, 3, 12, 12)),
    "square": lambda painter: painter.drawRect(QRectF(3, 3, 12, 12)),
    "diamond": _polygon((9, 1), (17, 9), (9, 17), (1, 9)),
    "triangle_up": _polygon((9, 2), (17, 16), (1, 16)),
    "cross": _polygon(
        (7, 2), (11, 2), (11, 7), (16, 7), (16, 11), (11, 11),
        (11, 16), (7, 16), (7, 11), (2, 11), (2, 7), (7, 7),
    ),
}  # fmt: skip
