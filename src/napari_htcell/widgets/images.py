"""Project: open a folder, see which images are done, go from one to the next."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import napari.viewer
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
)
from superqt import QElidingLabel

from napari_htcell.project import Project
from napari_htcell.widgets import jobs
from napari_htcell.widgets.document import Document
from napari_htcell.widgets.panel import Panel, note
from napari_htcell.widgets.session import Summary

STATUS_SIGNS = {"untouched": "○", "partial": "◐", "complete": "●"}
HINT = (
    "Open the folder with your images; clicks and results are kept in it. Without one, the image "
    "that you open in napari is worked on, and you save the points yourself. "
    "To try things out: File > Open Sample > HTCell."
)


class ImagesPanel(Panel):
    """The project's images, their status, and which one is shown.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
    """

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__(viewer)
        self._opening, self._reading = self.new_job(), self.new_job()
        self._wanted = self._being_read = ""
        self._build()
        self._opening.returned.connect(self._on_opened)
        self._opening.finished.connect(self._allow_opening)
        self._reading.returned.connect(self._on_read)
        self._reading.finished.connect(self._on_reading_finished)
        self.listen(self.session.project_changed, self._on_project)
        self.listen(self.session.document_changed, self._on_document)
        self.listen(self.session.summaries_changed, self._on_summaries)
        self.listen(self.session.image_called, self.show_image)
        self._on_project()

    def _build(self) -> None:
        self.open_button = QPushButton("Open folder…")
        self.open_button.setToolTip("<qt>A folder with images, or a project worked on before</qt>")
        self.folder = QElidingLabel()
        self.folder.setElideMode(Qt.TextElideMode.ElideMiddle)
        self.previous_button, self.next_button = QPushButton("◀"), QPushButton("▶")
        for button, what in ((self.previous_button, "Previous"), (self.next_button, "Next")):
            button.setToolTip(f"{what} image")
            button.setFixedWidth(34)
        self.list = QTreeWidget()
        self.list.setHeaderLabels(["Image", "Clicked", "Found"])
        self.list.setRootIsDecorated(False)
        self.list.setUniformRowHeights(True)
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.list.setToolTip(
            "<qt>○ untouched &nbsp; ◐ partly clicked &nbsp; ● every cell is clicked</qt>"
        )
        header: Any = self.list.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column in (1, 2):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        self.hint = note(HINT)
        row = QHBoxLayout()
        for widget in (self.open_button, self.folder, self.previous_button, self.next_button):
            row.addWidget(widget, 1 if widget is self.folder else 0)
        layout = QVBoxLayout(self)
        layout.addLayout(row)
        layout.addWidget(self.hint)
        layout.addWidget(self.list, 1)
        layout.addStretch(0)
        self.open_button.clicked.connect(self._ask_for_folder)
        self.previous_button.clicked.connect(lambda: self._step(-1))
        self.next_button.clicked.connect(lambda: self._step(1))
        self.list.currentItemChanged.connect(self._on_chosen)
        self.list.itemSelectionChanged.connect(self._on_selected)

    def open_folder(self, path: str | Path) -> None:
        """Open a folder as the session's project, in the background."""
        if self.desk.autosave.save() and not self._opening.is_running:
            self.open_button.setEnabled(False)
            self._opening.start("opening a folder", lambda: jobs.open_steps(path))

    def show_image(self, name: str) -> None:
        """Show an image of the project; it is read in the background."""
        self._wanted = name
        document, project = self.session.opened(name), self.session.project
        if document is not None:
            self._on_read(document)
        elif project is not None and not self._reading.is_running:
            self._being_read = name
            self.folder.setText(f"reading {name}…")
            self._reading.start(f"reading {name}", lambda: jobs.read_steps(project, name))

    def _allow_opening(self) -> None:
        self.open_button.setEnabled(True)

    def _ask_for_folder(self) -> None:
        path = QFileDialog.getExistingDirectory(self, "Open the folder with your images")
        if path:
            self.open_folder(path)

    def _on_opened(self, result: tuple[Project, dict[str, Summary]]) -> None:
        project, summaries = result
        self.session.open(project, summaries)
        unfinished = [name for name, one in summaries.items() if one.status != "complete"]
        self.show_image((unfinished or list(summaries))[0])

    def _on_read(self, document: Document) -> None:
        # Whoever presses Next five times wants the fifth image only.
        if document.name == self._wanted and self.desk.autosave.save():
            self.session.show(document)

    def _on_reading_finished(self) -> None:
        self._on_project_text()
        if self._wanted != self._being_read and self._wanted in self._names():
            self.show_image(self._wanted)
        else:
            # Back to the image that is shown, if this one could not be read.
            self._on_document()

    def _on_project(self) -> None:
        project = self.session.project
        self.list.blockSignals(True)
        self.list.clear()
        for name in project.images if project is not None else ():
            item = QTreeWidgetItem([name])
            item.setData(0, Qt.ItemDataRole.UserRole, name)
            item.setToolTip(0, name)
            for column in (1, 2):
                item.setTextAlignment(column, Qt.AlignmentFlag.AlignRight)
            self.list.addTopLevelItem(item)
        self.list.blockSignals(False)
        self._on_project_text()
        self._on_summaries()
        self._on_document()

    def _on_project_text(self) -> None:
        project = self.session.project
        self.list.setVisible(project is not None)
        self.hint.setText(HINT)
        self.hint.setVisible(project is None)
        self.folder.setText("" if project is None else project.path.name)
        self.folder.setToolTip("" if project is None else str(project.path))

    def _on_summaries(self) -> None:
        for row in range(self.list.topLevelItemCount()):
            item: Any = self.list.topLevelItem(row)
            name = item.data(0, Qt.ItemDataRole.UserRole)
            summary = self.session.summaries.get(name, Summary())
            sign = "⚠" if summary.fault else STATUS_SIGNS[summary.status]
            texts = (
                f"{sign} {name}",
                str(summary.annotated or "–"),
                "–" if summary.detected is None else str(summary.detected),
            )
            for column, text in enumerate(texts):
                if item.text(column) != text:
                    item.setText(column, text)
            item.setToolTip(0, summary.fault or name)

    def _on_document(self) -> None:
        document = self.session.document
        names = self._names()
        self.list.blockSignals(True)
        if document is not None and document.in_project and document.name in names:
            item = self.list.topLevelItem(names.index(document.name))
            # Else what is selected besides would not be any more.
            if item is not self.list.currentItem() or (item and not item.isSelected()):
                self.list.setCurrentItem(item)
        else:
            self.list.setCurrentItem(None)
        self.list.blockSignals(False)
        self._on_selected()
        at = self._row()
        self.previous_button.setEnabled(at > 0)
        self.next_button.setEnabled(-1 < at + 1 < len(names))

    def _names(self) -> tuple[str, ...]:
        return self.session.project.images if self.session.project is not None else ()

    def _row(self) -> int:
        item: Any = self.list.currentItem()
        return -1 if item is None else self.list.indexOfTopLevelItem(item)

    def _step(self, by: int) -> None:
        names, row = self._names(), self._row() + by
        if 0 <= row < len(names):
            self.list.setCurrentItem(self.list.topLevelItem(row))

    def _on_selected(self) -> None:
        rows = self.list.selectedItems()
        self.session.select(tuple(row.data(0, Qt.ItemDataRole.UserRole) for row in rows))

    def _on_chosen(self, item: QTreeWidgetItem | None, _before: Any = None) -> None:
        if item is not None:
            self.show_image(item.data(0, Qt.ItemDataRole.UserRole))
