"""Export: counts and points of the whole project as tables."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import napari.viewer
from qtpy.QtWidgets import QFileDialog, QPushButton, QVBoxLayout

from napari_htcell import export
from napari_htcell.atomic import free_path
from napari_htcell.project import Project
from napari_htcell.widgets import jobs
from napari_htcell.widgets.document import Document
from napari_htcell.widgets.panel import Panel, note
from napari_htcell.words import count

EXPLANATION = (
    "Every cell is counted once. In a complete image your clicks count; elsewhere your clicks and "
    "what the model found besides them, without what you rejected."
)


class ExportPanel(Panel):
    """Writes the tables.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
    """

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__(viewer)
        self.job = self.new_job()
        self._path = Path()
        self._build()
        self.job.returned.connect(self._on_written)
        for signal in (self.session.project_changed, self.session.document_changed):
            self.listen(signal, self._refresh)
        self._refresh()

    def _build(self) -> None:
        self.scope = note()
        self.counts_button = QPushButton("Export counts…")
        self.counts_button.setToolTip(
            "<qt>A row for each image: how many cells, and how found</qt>"
        )
        self.points_button = QPushButton("Export points…")
        self.points_button.setToolTip("<qt>A row for each cell: where it is, and who found it</qt>")
        self.state = note()
        layout = QVBoxLayout(self)
        for widget in (
            self.scope, self.counts_button, self.points_button, note(EXPLANATION), self.state
        ):  # fmt: skip
            layout.addWidget(widget)
        layout.addStretch(1)
        self.counts_button.clicked.connect(lambda: self._ask("counts.csv", self.export_counts))
        self.points_button.clicked.connect(lambda: self._ask("points.csv", self.export_points))

    def export_counts(self, path: Path) -> None:
        """Write the counts table, in the background."""
        self._export(path, export.export_counts, export.COUNT_COLUMNS, "count_rows")

    def export_points(self, path: Path) -> None:
        """Write the points table, in the background."""
        self._export(path, export.export_points, export.POINT_COLUMNS, "point_rows")

    def _export(
        self, path: Path, write: Callable[[Project, Path], int], columns: tuple[str, ...], rows: str
    ) -> None:
        project, document = self.session.project, self.session.document
        if self.job.is_running or not self.desk.autosave.save():
            return
        self._path = path
        if document is not None and not document.in_project:
            record = record_of(document)
            self.job.start("exporting", lambda: jobs.table_steps(path, columns, record, rows))
        elif project is not None:
            self.job.start("exporting", lambda: jobs.export_steps(write, project, path))

    def _ask(self, name: str, write: Callable[[Path], None]) -> None:
        start = free_path(self._folder() / name, ".csv")
        chosen, _ = QFileDialog.getSaveFileName(self, "Export", str(start), "Table (*.csv)")
        if chosen:
            path = Path(chosen)
            write(path if path.suffix else path.with_suffix(".csv"))

    def _folder(self) -> Path:
        """Return where tables go unless the user says otherwise."""
        document, project = self.session.document, self.session.project
        if document is not None and not document.in_project:
            return Path.home() if document.picture.path is None else document.picture.path.parent
        if project is None:
            return Path.home()
        project.exports_folder.mkdir(exist_ok=True)
        return project.exports_folder

    def _on_written(self, rows: int) -> None:
        self.state.setText(f"✓ {rows} rows written to {self._path}")

    def _refresh(self) -> None:
        document, project = self.session.document, self.session.project
        loose = document if document is not None and not document.in_project else None
        for button in (self.counts_button, self.points_button):
            button.setEnabled(loose is not None or project is not None)
        if loose is not None:
            self.scope.setText(f"Of the image {loose.name}, which is in no project.")
        elif project is not None:
            self.scope.setText(f"Of {count(len(project.images), 'image')} of {project.path.name}.")
        else:
            self.scope.setText("Open a folder, or an image in napari, to begin.")


def record_of(document: Document) -> export.ImageRecord:
    """Return what is said about an image that is in no project."""
    picture = document.picture
    return export.ImageRecord(
        picture.name if picture.path is None else picture.path.name,
        document.found,
        document.annotation,
        picture.shape[0] if picture.ndim == 3 else 1,
        picture.pixel_size_um,
    )
