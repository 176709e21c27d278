"""The inside of a step, which scrolls where it needs more height than there is."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject, QSize, Qt
from qtpy.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

MARGIN_PX = 6

WIDTH_PX = 404
"""Least width of each step, that of the widest: the dock must not grow from step to step."""

LEAST_PX = 120
"""Height below which a step is not squeezed; what it needs besides is scrolled to."""


class _Scrolled(QScrollArea):
    """As wide as what is inside needs, and never taller than there is room for.

    A window grows with the least height of what is in it, and a laptop's screen does not: what a
    step needs in its worst state must not count.
    """

    def __init__(self, inside: QWidget) -> None:
        super().__init__()
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(inside)

    def sizeHint(self) -> QSize:
        """Return what everything inside would take, without a scroll bar."""
        inside = self.widget()
        height = LEAST_PX if inside is None else inside.sizeHint().height()
        return QSize(self.minimumSizeHint().width(), height)

    def minimumSizeHint(self) -> QSize:
        """Return the width of what is inside, beside a scroll bar, and a small height."""
        inside, bar = self.widget(), self.verticalScrollBar()
        width = 0 if inside is None else inside.minimumSizeHint().width()
        width += 0 if bar is None else bar.sizeHint().width()
        return QSize(max(width, WIDTH_PX), LEAST_PX)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Ask for another width when what is inside has changed."""
        if event is not None and event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()
        return bool(super().eventFilter(watched, event))


def inside_of(panel: QWidget) -> QVBoxLayout:
    """Return the layout for all that a panel shows; it scrolls where there is too little room."""
    inside = QWidget()
    around = QVBoxLayout(panel)
    around.setContentsMargins(0, 0, 0, 0)
    around.addWidget(_Scrolled(inside))
    layout = QVBoxLayout(inside)
    layout.setContentsMargins(MARGIN_PX, MARGIN_PX, MARGIN_PX, MARGIN_PX)
    return layout
