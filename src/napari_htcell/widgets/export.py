"""Export: counts, points and a summary of the whole project as files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path

import napari.viewer
import numpy as np
from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QProgressBar, QPushButton

from napari_htcell import export_files
from napari_htcell.atomic import free_path
from napari_htcell.evenness import Searched, uneven_text
from napari_htcell.export import ImageRecord
from napari_htcell.export_files import Content
from napari_htcell.formats import FORMATS, What
from napari_htcell.imagefiles import ImageFile
from napari_htcell.models import ModelEntry
from napari_htcell.progress import Progress
from napari_htcell.widgets.document import Document
from napari_htcell.widgets.import_points import ImportPanel
from napari_htcell.widgets.panel import Panel, note
from napari_htcell.widgets.scrolled import inside_of
from napari_htcell.widgets.worker import Steps, error_text
from napari_htcell.words import count

EXPLANATION = (
    "Every cell is counted once. In a complete image your clicks count; elsewhere your clicks and "
    "what the model found besides them, without what you rejected."
)

TOOLTIPS: dict[What, str] = {
    "counts": "A row for each image: how many cells, how many per mm², and how found",
    "points": "A row for each cell: where it is, and who found it. Or all of them as ROIs for Fiji",
    "summary": "One page to print or show: numbers, densities, and an image with its cells",
}


class ExportPanel(Panel):
    """Writes the tables, and takes in clicks made elsewhere.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
    """

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__(viewer)
        self.job = self.new_job()
        self._path, self._what = Path(), ""
        self.importer = ImportPanel(viewer)
        self._build()
        self.job.progressed.connect(self._on_progress)
        self.job.returned.connect(self._on_written)
        self.job.failed.connect(self._on_failed)
        self.job.finished.connect(self._on_finished)
        for signal in (self.session.project_changed, self.session.document_changed):
            self.listen(signal, self._refresh)
        self.listen(self.session.summaries_changed, self._look_for_differences)
        self._refresh()

    def _build(self) -> None:
        self.scope, self.uneven, self.state = note(), note(), note()
        self.uneven.hide()
        self.counts_button = QPushButton("Export counts…")
        self.points_button = QPushButton("Export points…")
        self.summary_button = QPushButton("Export a summary page…")
        self.bar, self.cancel_button = QProgressBar(), QPushButton("Cancel")
        self.bar.setTextVisible(False)
        running = QHBoxLayout()
        running.addWidget(self.bar, 1)
        running.addWidget(self.cancel_button)
        layout = inside_of(self)
        layout.addWidget(self.scope)
        layout.addWidget(self.uneven)
        for what, button in self._buttons().items():
            button.setToolTip(f"<qt>{TOOLTIPS[what]}</qt>")
            button.clicked.connect(lambda _=False, what=what: self._ask(what))
            layout.addWidget(button)
        layout.addWidget(note(EXPLANATION))
        layout.addLayout(running)
        layout.addWidget(self.state)
        layout.addWidget(self.importer)
        layout.addStretch(1)
        self.cancel_button.clicked.connect(self.job.quit)
        self._on_finished()

    def _buttons(self) -> dict[What, QPushButton]:
        return {
            "counts": self.counts_button,
            "points": self.points_button,
            "summary": self.summary_button,
        }

    def rest(self) -> None:
        """Stop what runs and save."""
        self.importer.rest()
        super().rest()

    def cancel(self) -> bool:
        """Stop writing; False if nothing is written."""
        is_running = self.job.is_running
        self.job.quit()
        return is_running

    def export_counts(self, path: Path) -> None:
        """Write the counts, in the background, in the format that the name says."""
        self._export(path, "counts")

    def export_points(self, path: Path) -> None:
        """Write the points, in the background, in the format that the name says."""
        self._export(path, "points")

    def export_summary(self, path: Path) -> None:
        """Write the summary page, in the background, in the format that the name says."""
        self._export(path, "summary")

    def _export(self, path: Path, what: What) -> None:
        project, document = self.session.project, self.session.document
        if self.job.is_running or not self.desk.autosave.save():
            return
        self._path, self._what = path, what
        if document is not None and not document.in_project:
            content = content_of(document, self.session.models)
            self._begin(lambda: export_files.write_steps(content, path, what))
        elif project is not None:
            self._begin(lambda: export_files.export_steps(project, path, what))

    def _begin(self, make: Callable[[], Steps]) -> None:
        self.job.start("exporting", make, is_asked_about=True)
        self.state.setText("")
        self.bar.setRange(0, 0)
        self.bar.show()
        self.cancel_button.show()

    def _ask(self, what: What) -> None:
        formats = FORMATS[what]
        usual = next(iter(formats))
        start = free_path(self._folder() / f"{what}{usual}", usual)
        kinds = {f"{words} (*{suffix})": suffix for suffix, words in formats.items()}
        chosen, kind = QFileDialog.getSaveFileName(self, "Export", str(start), ";;".join(kinds))
        if chosen:
            path = Path(chosen)
            if path.suffix.lower() not in formats:
                # The dialog has asked about the name without the ending only.
                suffix = kinds.get(kind, usual)
                path = free_path(path.with_name(path.name + suffix), suffix)
            self._export(path, what)

    def _folder(self) -> Path:
        """Return where files go unless the user says otherwise."""
        document, project = self.session.document, self.session.project
        if document is not None and not document.in_project:
            return Path.home() if document.picture.path is None else document.picture.path.parent
        if project is None:
            return Path.home()
        project.exports_folder.mkdir(exist_ok=True)
        return project.exports_folder

    def _on_progress(self, progress: Progress) -> None:
        self.bar.setRange(0, progress.total)
        self.bar.setValue(progress.done)

    def _on_written(self, number: int) -> None:
        noun = "point" if self._path.suffix.lower() == ".zip" else "row"
        what = "Page" if self._what == "summary" else count(number, noun)
        text = f"✓ {what} written to {self._where()}"
        self.state.setText(f"{text}. {self.uneven.text()}" if self.uneven.text() else text)
        self.state.setToolTip(f"<qt>{escape(str(self._path))}</qt>")

    def _on_failed(self, error: BaseException) -> None:
        self.state.setText(f"⚠ {error_text(error)}")

    def _where(self) -> Path:
        """Return where the file is, as seen from the project's folder."""
        project = self.session.project
        if project is not None and self._path.is_relative_to(project.path):
            return self._path.relative_to(project.path.parent)
        return self._path

    def _on_finished(self) -> None:
        self.bar.hide()
        self.cancel_button.hide()

    def _refresh(self) -> None:
        document, project = self.session.document, self.session.project
        loose = document if document is not None and not document.in_project else None
        for button in self._buttons().values():
            button.setEnabled(loose is not None or project is not None)
        if loose is not None:
            self.scope.setText(f"Of the image {loose.name}, which is in no project.")
        elif project is not None:
            self.scope.setText(f"Of {count(len(project.images), 'image')} of {project.path.name}.")
        else:
            self.scope.setText("Open a folder, or an image in napari, to begin.")
        self._look_for_differences()

    def event(self, event: QEvent | None) -> bool:
        """Look at all images when somebody turns to this step."""
        if event is not None and event.type() == QEvent.Type.ShowToParent:
            self._look_for_differences()
        return super().event(event)

    def _look_for_differences(self) -> None:
        """Say what makes the project's counts hard to compare, while that is looked at."""
        if not self.isVisibleTo(self.window()):
            return
        document, project = self.session.document, self.session.project
        text = ""
        if project is not None and (document is None or document.in_project):
            text = uneven_text(
                Searched(name, one.status == "complete", one.model, one.threshold)
                for name, one in self.session.summaries.items()
                if not one.fault
            )
        self.uneven.setText(f"⚠ {text[0].upper()}{text[1:]}." if text else "")
        self.uneven.setVisible(bool(text))


def content_of(document: Document, models: Sequence[ModelEntry]) -> Content:
    """Return what can be exported of an image that is in no project."""
    picture = document.picture
    height, width = picture.shape[-2:]
    record = ImageRecord(
        picture.name if picture.path is None else picture.path.name,
        document.found,
        document.annotation,
        picture.shape[0] if picture.ndim == 3 else 1,
        picture.pixel_size_um,
        extent=(height, width),
    )

    def read(_name: str) -> ImageFile:
        return ImageFile(np.asarray(picture.pixels), picture.is_rgb, picture.pixel_size_um)

    return Content(record.image, [record], read, models)
