"""Keeps a list as tall as whole rows: half a row at its end cannot be read."""

from __future__ import annotations

from qtpy.QtCore import QSize
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QTreeView, QWidget


class WholeRows(QWidget):
    """Holds a list in the room that there is; what is less than a row stays empty below it.

    Parameters
    ----------
    table : QTreeView
        With rows of one height, scrolled row by row.
    row_px : int
    least : int
        Rows that are shown at least.
    """

    def __init__(self, table: QTreeView, row_px: int, least: int) -> None:
        super().__init__()
        self._table, self._row_px, self._least = table, row_px, least
        table.setVerticalScrollMode(QTreeView.ScrollMode.ScrollPerItem)
        table.setParent(self)

    @property
    def _rest_px(self) -> int:
        """Height of all but the rows."""
        header = self._table.header()
        return 2 * self._table.frameWidth() + (0 if header is None else header.sizeHint().height())

    def minimumSizeHint(self) -> QSize:
        """Return the list's least width, and the height of the least number of rows."""
        width = self._table.minimumSizeHint().width()
        return QSize(width, self._rest_px + self._least * self._row_px)

    def sizeHint(self) -> QSize:
        """Return what the list would like to have."""
        return self._table.sizeHint().expandedTo(self.minimumSizeHint())

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Give the list as many whole rows as there is room for."""
        super().resizeEvent(event)
        rows = max(self._least, (self.height() - self._rest_px) // self._row_px)
        self._table.setGeometry(0, 0, self.width(), self._rest_px + rows * self._row_px)
