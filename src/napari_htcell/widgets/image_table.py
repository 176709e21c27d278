"""The project's images as a table for Qt: what each row says, how it is sorted and filtered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from enum import IntEnum
from typing import Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, QObject, QSize, QSortFilterProxyModel, Qt
from qtpy.QtGui import QPalette
from qtpy.QtWidgets import QWidget

from napari_htcell.imagefiles import SUFFIXES
from napari_htcell.summaries import Summary
from napari_htcell.widgets.theme import readable
from napari_htcell.widgets.thumbnails import SIZE_PX, Thumbnails

NAME_ROLE = int(Qt.ItemDataRole.UserRole)

ROW = QSize(0, SIZE_PX[0] + 2)

UNKNOWN = Summary()
"""Of images that were not looked at yet."""


class Column(IntEnum):
    """The columns in their order."""

    NAME = 0
    STATE = 1
    ANNOTATED = 2
    DETECTED = 3
    MODEL = 4


HEADERS = {
    Column.NAME: ("Image", "Name of the image file"),
    Column.STATE: ("◐", "State: ○ untouched, ◐ partly clicked, ● every cell is clicked"),
    Column.ANNOTATED: ("Clicked", "Number of points that you clicked or accepted"),
    Column.DETECTED: ("Found", "Number of cells that a model found; – where none was run"),
    Column.MODEL: ("Model", "The model that was run last"),
}

STATES = ("untouched", "partial", "complete", "damaged")
SIGNS = {"untouched": "○", "partial": "◐", "complete": "●", "damaged": "⚠"}
COLOURS = {"partial": "#e69f00", "complete": "#009e73", "damaged": "#d55e00"}
"""Of Okabe and Ito, told apart by every kind of colour vision; the others take the theme's."""

STATE_TEXTS = {
    "untouched": "Untouched",
    "partial": "Partly clicked",
    "complete": "Every cell is clicked",
    "damaged": "A file is damaged",
}


def state_of(summary: Summary) -> str:
    """Return which of `STATES` an image is in."""
    return "damaged" if summary.fault else summary.status


def labels(names: Sequence[str]) -> list[str]:
    """Return names as a narrow list shows them: without ending, where that suffices."""
    short = [_without_ending(name) for name in names]
    times = Counter(short)
    return [one if times[one] == 1 else name for one, name in zip(short, names, strict=True)]


def _without_ending(name: str) -> str:
    ending = next((one for one in SUFFIXES if name.lower().endswith(one)), "")
    stem = name[: len(name) - len(ending)]
    return stem[:-4] if stem.lower().endswith(".ome") else stem


class ImageTable(QAbstractTableModel):
    """One row for each image of a project.

    Parameters
    ----------
    thumbnails : Thumbnails
    parent : QWidget
        In whose colours the states are shown.
    """

    def __init__(self, thumbnails: Thumbnails, parent: QWidget) -> None:
        super().__init__(parent)
        self._thumbnails, self._palette = thumbnails, parent.palette
        self._names: tuple[str, ...] = ()
        self._labels: list[str] = []
        self._rows: dict[str, int] = {}
        self._summaries: list[Summary] = []
        self.models: set[str] = set()
        """Names of all models that there were in the project's images."""
        thumbnails.made.connect(self._on_thumbnail)

    def open(self, names: Sequence[str]) -> None:
        """Show the images of another project."""
        self.beginResetModel()
        self._names, self._labels = tuple(names), labels(names)
        self._rows = {name: row for row, name in enumerate(names)}
        self._summaries = [UNKNOWN] * len(names)
        self.models.clear()
        self.endResetModel()

    def take(self, summaries: Mapping[str, Summary]) -> None:
        """Show what is known about the images by now."""
        changed = []
        for row, name in enumerate(self._names):
            summary = summaries.get(name, UNKNOWN)
            if summary is not self._summaries[row]:
                self._summaries[row] = summary
                self.models.add(summary.model)
                changed.append(row)
        for first, last in _ranges(changed):
            self.dataChanged.emit(self.index(first, Column.STATE), self.index(last, Column.MODEL))

    def row(self, number: int) -> tuple[str, Summary]:
        """Return the image in a row, and what is known about it."""
        return self._names[number], self._summaries[number]

    def sort_key(self, number: int, column: int) -> Any:
        """Return what a column is sorted by."""
        return number if column == Column.NAME else _sort_key(column, self._summaries[number])

    def at(self, name: str) -> QModelIndex:
        """Return the index of an image's name; an invalid one if there is no such image."""
        return self.index(self._rows.get(name, -1), Column.NAME)

    def rowCount(self, parent: Any = None) -> int:
        """Return the number of images."""
        return 0 if parent is not None and parent.isValid() else len(self._names)

    def columnCount(self, parent: Any = None) -> int:
        """Return the number of columns."""
        return 0 if parent is not None and parent.isValid() else len(Column)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Return a column's title, or what it means."""
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(Column):
            return None
        title, meaning = HEADERS[Column(section)]
        if role == Qt.ItemDataRole.DisplayRole:
            return title
        return meaning if role == Qt.ItemDataRole.ToolTipRole else None

    def data(self, index: Any, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what a cell shows, is sorted by, or means."""
        if not index.isValid():
            return None
        name, summary = self.row(index.row())
        column = Column(index.column())
        if role == NAME_ROLE:
            return name
        if role == Qt.ItemDataRole.DisplayRole:
            is_name = column == Column.NAME
            return self._labels[index.row()] if is_name else _text(column, summary)
        if role == Qt.ItemDataRole.DecorationRole:
            return self._thumbnails.get(name) if column == Column.NAME else None
        if role == Qt.ItemDataRole.SizeHintRole:
            return ROW
        if role == Qt.ItemDataRole.ToolTipRole:
            if column == Column.MODEL and summary.model:
                return f"Found by the model {summary.model}"
            return summary.fault or f"{name}: {STATE_TEXTS[state_of(summary)].lower()}"
        return _look(column, summary, role, self._palette)

    def _on_thumbnail(self, name: str) -> None:
        index = self.at(name)
        self.dataChanged.emit(index, index, [Qt.ItemDataRole.DecorationRole])


def _text(column: Column, summary: Summary) -> str:
    if column == Column.STATE:
        return SIGNS[state_of(summary)]
    if column == Column.ANNOTATED:
        return str(summary.annotated or "–")
    if column == Column.DETECTED:
        return "–" if summary.detected is None else str(summary.detected)
    return summary.model


def _sort_key(column: int, summary: Summary) -> int | str:
    if column == Column.STATE:
        return STATES.index(state_of(summary))
    if column == Column.ANNOTATED:
        return summary.annotated
    if column == Column.DETECTED:
        return -1 if summary.detected is None else summary.detected
    return summary.model


def _look(column: Column, summary: Summary, role: int, palette: Callable[[], QPalette]) -> Any:
    if role == Qt.ItemDataRole.ForegroundRole and column == Column.STATE:
        colour = COLOURS.get(state_of(summary))
        return None if colour is None else readable(colour, palette())
    if role == Qt.ItemDataRole.TextAlignmentRole:
        if column == Column.STATE:
            return Qt.AlignmentFlag.AlignCenter
        if column in (Column.ANNOTATED, Column.DETECTED):
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
    return None


def _ranges(rows: Sequence[int]) -> list[tuple[int, int]]:
    """Return first and last of each run of consecutive numbers."""
    ranges: list[tuple[int, int]] = []
    for row in rows:
        if ranges and ranges[-1][1] == row - 1:
            ranges[-1] = ranges[-1][0], row
        else:
            ranges.append((row, row))
    return ranges


class ImageFilter(QSortFilterProxyModel):
    """The rows of an `ImageTable` that are wanted, in the order that is wanted.

    Parameters
    ----------
    table : ImageTable
    parent : QObject
    """

    def __init__(self, table: ImageTable, parent: QObject) -> None:
        super().__init__(parent)
        self._words: list[str] = []
        self._states: Collection[str] = STATES
        self._table = table
        self.setSourceModel(table)
        self.sort(Column.NAME)

    def want(self, text: str, states: Collection[str]) -> None:
        """Keep images whose name or model has all words of a text, and whose state is wanted."""
        self._words, self._states = text.lower().split(), states
        self.invalidateFilter()

    def filterAcceptsRow(self, row: int, parent: Any) -> bool:
        """Return whether an image is wanted."""
        name, summary = self._table.row(row)
        if state_of(summary) not in self._states:
            return False
        text = f"{name} {summary.model}".lower()
        return all(word in text for word in self._words)

    def lessThan(self, left: QModelIndex, right: QModelIndex) -> bool:
        """Return whether an image comes before another; faster than by the cells' data."""
        column, key = left.column(), self._table.sort_key
        return bool(key(left.row(), column) < key(right.row(), column))

    @property
    def names(self) -> list[str]:
        """The images that are wanted, in their order."""
        return [self.name(row) for row in range(self.rowCount())]

    def name(self, row: int) -> str:
        """Return the image in a row."""
        return str(self.index(row, Column.NAME).data(NAME_ROLE))

    def row(self, name: str) -> int:
        """Return the row of an image; -1 if it is not wanted."""
        return self.mapFromSource(self._table.at(name)).row()
