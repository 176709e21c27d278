"""Small tables: many rows in little room."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QSizePolicy,
    QTreeWidget,
    QTreeWidgetItem,
)

LEAST_PX = 80
"""Least height."""

NUMBER = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


def table(columns: Sequence[str], tips: Sequence[str], wide: int) -> QTreeWidget:
    """Return an empty table; one column takes what room there is."""
    widget = QTreeWidget()
    widget.setHeaderLabels(list(columns))
    widget.setRootIsDecorated(False)
    widget.setUniformRowHeights(True)
    widget.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    widget.setMinimumHeight(LEAST_PX)
    # The room that there is: what Qt would like, ten rows, makes a step scroll.
    widget.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)
    header: Any = widget.header()
    header.setStretchLastSection(False)
    header.setMinimumSectionSize(20)
    header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    header.setSectionResizeMode(wide, QHeaderView.ResizeMode.Stretch)
    head: Any = widget.headerItem()
    for column, tip in enumerate(tips):
        head.setToolTip(column, f"<qt>{tip}</qt>" if tip else "")
    return widget


def row(*texts: str, is_bold: bool = False, words: Sequence[int] = (0,)) -> QTreeWidgetItem:
    """Return a row; all but the columns of words are numbers."""
    item = QTreeWidgetItem(list(texts))
    for column in range(len(texts)):
        if column not in words:
            item.setTextAlignment(column, NUMBER)
        if is_bold:
            font = item.font(column)
            font.setBold(True)
            item.setFont(column, font)
    return item
