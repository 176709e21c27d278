"""What the project panel consists of: buttons, the filter, the list."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from qtpy.QtCore import QItemSelectionModel, QModelIndex, QSize, Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QPushButton,
    QTreeView,
    QVBoxLayout,
    QWidget,
)
from superqt import QElidingLabel

from napari_htcell.widgets.image_table import HEADERS, ROW, SIGNS, STATES, Column, ImageFilter
from napari_htcell.widgets.lines import Lines
from napari_htcell.widgets.panel import note
from napari_htcell.widgets.thumbnails import SIZE_PX
from napari_htcell.widgets.whole_rows import WholeRows

CHOICES = (
    ("All images", STATES),
    ("Not complete", ("untouched", "partial", "damaged")),
    (f"{SIGNS['untouched']} Untouched", ("untouched",)),
    (f"{SIGNS['partial']} Partly clicked", ("partial",)),
    (f"{SIGNS['complete']} Complete", ("complete",)),
    (f"{SIGNS['damaged']} Damaged", ("damaged",)),
)
"""Choices of states in the filter."""

HINT = (
    "Open the folder with your images; clicks and results are kept in it. Without one, the image "
    "that you open in napari is worked on, and you save the points yourself. "
    "To try things out: File > Open Sample > HTCell."
)


LEAST_ROWS = 3
"""Of the list, however low the window is."""

REASON_LINES = 2
"""Room for what is said about an image: a list that moves whenever something is said is hard to
click."""

REASON_TIP = (
    "<br><br>A cell counts where the model has found it, but doubtfully: near the threshold; as "
    "large a part of what you have not clicked as the model has missed of your clicks; and a tenth "
    "where cells are crowded, of which about so many are missed or merged"
)
"""What the number in a reason counts, see `usefulness`."""

CELL_MARGINS_PX = 14

MODEL_LETTERS = 13
"""Of a model's name that are shown: a new model is called by its version and the date."""


class ImageList:
    """The parts of a project panel, laid out.

    Parameters
    ----------
    panel : QWidget
        Which gets the layout.
    shown : ImageFilter
        What the list shows.
    """

    def __init__(self, panel: QWidget, shown: ImageFilter) -> None:
        self._shown = shown
        self.open_button = QPushButton("Open folder…")
        self.open_button.setToolTip("<qt>A folder with images, or a project worked on before</qt>")
        self.folder, self.others = QElidingLabel(), QElidingLabel()
        self.folder.setElideMode(Qt.TextElideMode.ElideMiddle)
        self.hint, self.reason = note(HINT), Lines(REASON_LINES)
        self.filter, self.state = _filter(), _states()
        self.list = _table(shown)
        self.previous_button = _button("◀", "Previous image in the list")
        self.next_button = _button("▶", "Next image in the list")
        self.useful_button = QPushButton("Next most useful")
        self.useful_button.setToolTip(
            "<qt>The image of the list that teaches the model most for your clicks: with cells "
            "enough, and the fewest of them to correct. What is right already you accept at "
            "once</qt>"
        )
        self._tools = _row(self.filter, self.state, wide=self.filter)
        steps = _row(
            self.previous_button,
            self.next_button,
            self.useful_button,
            self.reason,
            wide=self.reason,
        )
        rows = WholeRows(self.list, ROW.height(), LEAST_ROWS)
        self._project_parts = (self._tools, rows, steps)
        layout = QVBoxLayout(panel)
        layout.setSpacing(4)
        top = _row(self.open_button, self.folder, self.others, wide=self.folder)
        for widget in (top, self.hint, self._tools):
            layout.addWidget(widget)
        layout.addWidget(rows, 1)
        layout.addWidget(steps)
        layout.addStretch(0)

    def show_project(self, is_open: bool) -> None:
        """Show the list, or without a project what to do."""
        for widget in self._project_parts:
            widget.setVisible(is_open)
        self.hint.setVisible(not is_open)

    def give_reason(self, text: str) -> None:
        """Say something about the image that is shown, or nothing."""
        self.reason.setText(text)
        self.reason.setToolTip(f"<qt>{escape(text)}{REASON_TIP}</qt>" if text else "")

    def fit_models(self, names: Iterable[str]) -> None:
        """Make room for models' names, as far as images' names can spare it."""
        metrics = self.list.fontMetrics()
        most = metrics.horizontalAdvance("0" * MODEL_LETTERS)
        widest = max((metrics.horizontalAdvance(name) for name in names), default=0)
        wanted = max(_header_px(self.list, Column.MODEL), min(widest, most) + CELL_MARGINS_PX)
        if wanted != self.list.columnWidth(Column.MODEL):
            self.list.setColumnWidth(Column.MODEL, wanted)

    @property
    def selected(self) -> tuple[str, ...]:
        """Names of the images that are selected, in the list's order."""
        selection = self.list.selectionModel()
        rows = [] if selection is None else [one.row() for one in selection.selectedRows()]
        return tuple(self._shown.name(row) for row in sorted(rows))

    def select(self, row: int) -> None:
        """Choose a row and make it visible; none below 0."""
        selection = self.list.selectionModel()
        if selection is None:
            return
        if row < 0:
            selection.setCurrentIndex(QModelIndex(), QItemSelectionModel.SelectionFlag.Clear)
            return
        index = self._shown.index(row, Column.NAME)
        # Whoever has selected several images keeps them.
        if index.row() == selection.currentIndex().row():
            return
        flags = QItemSelectionModel.SelectionFlag
        selection.setCurrentIndex(index, flags.ClearAndSelect | flags.Rows)
        self.list.scrollTo(index)


def _row(*widgets: QWidget, wide: QWidget | None = None) -> QWidget:
    row = QWidget()
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    for widget in widgets:
        layout.addWidget(widget, 1 if widget is wide else 0)
    if wide is None:
        layout.addStretch(1)
    return row


def _button(sign: str, meaning: str) -> QPushButton:
    button = QPushButton(sign)
    button.setToolTip(meaning)
    button.setFixedWidth(34)
    return button


def _filter() -> QLineEdit:
    line = QLineEdit()
    line.setPlaceholderText("Search name or model")
    line.setToolTip("<qt>Shows the images whose name, or whose model, has all these words</qt>")
    line.setClearButtonEnabled(True)
    return line


def _states() -> QComboBox:
    box = QComboBox()
    for text, states in CHOICES:
        box.addItem(text, states)
    box.setToolTip("<qt>Shows only the images in this state</qt>")
    return box


def _header_px(table: QTreeView, column: Column) -> int:
    """Return the width that a column's title takes."""
    return table.fontMetrics().horizontalAdvance(HEADERS[column][0]) + CELL_MARGINS_PX


def _table(shown: ImageFilter) -> QTreeView:
    # A tree without branches: unlike a table's, its keys go from row to row.
    table = QTreeView()
    table.setToolTip("<qt>The images of the folder: click one to work on it</qt>")
    table.setModel(shown)
    table.setRootIsDecorated(False)
    table.setUniformRowHeights(True)
    table.setAllColumnsShowFocus(True)
    table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    # The start tells series apart, the end their images.
    table.setTextElideMode(Qt.TextElideMode.ElideMiddle)
    table.setIconSize(QSize(SIZE_PX[1], SIZE_PX[0]))
    table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    columns = table.header()
    if columns is not None:
        columns.setStretchLastSection(False)
        columns.setSectionsMovable(False)
        # Fixed: to measure thousands of rows takes seconds.
        columns.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        columns.setSectionResizeMode(Column.NAME, QHeaderView.ResizeMode.Stretch)
        columns.setMinimumSectionSize(24)
        for column in (Column.STATE, Column.ANNOTATED, Column.DETECTED, Column.MODEL):
            table.setColumnWidth(column, _header_px(table, column))
    table.setSortingEnabled(True)
    table.sortByColumn(Column.NAME, Qt.SortOrder.AscendingOrder)
    return table
