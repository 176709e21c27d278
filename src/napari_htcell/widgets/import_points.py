"""Import: clicks made elsewhere, in Fiji, a script or a table, into the project."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import napari.viewer
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QMessageBox,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_htcell.annotations import Annotation
from napari_htcell.importing import MASK_SUFFIXES, POINT_SUFFIXES
from napari_htcell.kept_imports import last_import
from napari_htcell.merging import merge
from napari_htcell.progress import Progress
from napari_htcell.project import Project
from napari_htcell.summaries import Summary, summarise_fully
from napari_htcell.widgets import jobs, undo_import
from napari_htcell.widgets.document import Document
from napari_htcell.widgets.panel import Panel, note
from napari_htcell.widgets.saving import same_px
from napari_htcell.widgets.undo_import import UndoImport
from napari_htcell.widgets.worker import Job
from napari_htcell.words import count

TOOLTIP = (
    "<qt>Files of Fiji's Cell Counter (.xml), ROIs (.zip, .roi), tables with x and y (.csv), and "
    "masks with a number for each cell (.tif, .png). They go to the image that the file names, or "
    "is named as. You can also drop a file, or a folder of files, here</qt>"
)


@dataclass(frozen=True)
class _Destination:
    """Where points are imported, whatever is opened meanwhile: a project, or a loose image."""

    project: Project | None
    document: Document | None


class ImportPanel(Panel):
    """Takes in clicks, after asking where some would be lost.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
    """

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__(viewer)
        self._looking, self._planning, self._keeping = (self.new_job() for _ in range(3))
        self.undo = UndoImport(self, self._say)
        self._path = Path()
        self._destination = _Destination(None, None)
        self._plan: dict[str, Annotation] = {}
        self._known: dict[str, Annotation] = {}
        self._kinds: dict[str, QCheckBox] = {}
        self._build()
        self._looking.returned.connect(self._on_kinds)
        self._planning.returned.connect(self._on_plan)
        self._keeping.returned.connect(self._on_kept)
        self._is_reading = self._is_stopped = False
        for job in self._jobs():
            job.progressed.connect(self._on_progress)
            job.finished.connect(self._refresh)
        for signal in (self.session.project_changed, self.session.document_changed):
            self.listen(signal, self._refresh)
        self._refresh()

    def _build(self) -> None:
        self.setAcceptDrops(True)
        self.button = QPushButton("Import clicks…")
        self.button.setToolTip(TOOLTIP)
        self.choice = QWidget()
        self.question, self.state = note(), note()
        # Cell Counter starts with eight types.
        self.kinds_layout = QGridLayout()
        self.import_button, self.cancel_button = QPushButton("Import these"), QPushButton("Cancel")
        buttons = QHBoxLayout()
        buttons.addWidget(self.import_button)
        buttons.addWidget(self.cancel_button)
        inside = QVBoxLayout(self.choice)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.addWidget(self.question)
        inside.addLayout(self.kinds_layout)
        inside.addLayout(buttons)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for widget in (self.button, self.choice, self.state, self.undo):
            layout.addWidget(widget)
        self.choice.hide()
        self.button.clicked.connect(self._on_click)
        self.import_button.clicked.connect(self._on_chosen)
        self.cancel_button.clicked.connect(self.choice.hide)

    @property
    def is_running(self) -> bool:
        """Whether something is being read or kept."""
        return any(job.is_running for job in self._jobs())

    def cancel(self) -> bool:
        """Stop an import; False if there is none."""
        if not self.is_running:
            return False
        # A job may have ended already, and the next must not begin.
        self._is_stopped = True
        for job in self._jobs():
            job.quit()
        return True

    def import_from(self, path: str | Path) -> None:
        """Import a file or folder, in the background."""
        document, project = self.session.document, self.session.project
        is_loose = document is not None and not document.in_project
        # What is only in memory yet must be on disk to be found there.
        if self.is_running or not self.desk.autosave.save():
            return
        if not is_loose and project is None:
            return
        self._path = Path(path)
        self._destination = (
            _Destination(None, document) if is_loose else _Destination(project, None)
        )
        self.choice.hide()
        self._is_reading, self._is_stopped = True, False
        file = self._path
        self._looking.start("importing", lambda: jobs.kinds_steps(file))
        self._refresh()

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        """Accept files."""
        if event is not None and self.button.isEnabled() and _dropped(event) is not None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:
        """Import a file that is dropped."""
        path = None if event is None else _dropped(event)
        if event is not None and path is not None:
            event.acceptProposedAction()
            self.import_from(path)

    def _on_click(self) -> None:
        if not self.cancel():
            self._ask()

    def _ask(self) -> None:
        endings = " ".join(f"*{suffix}" for suffix in (*POINT_SUFFIXES, ".txt", *MASK_SUFFIXES))
        kinds = f"Clicks and masks ({endings});;All files (*)"
        path, _ = QFileDialog.getOpenFileName(self, "Import clicks", str(self._folder()), kinds)
        if path:
            self.import_from(path)

    def _folder(self) -> Path:
        project = self.session.project
        return Path.home() if project is None else project.path

    def _on_kinds(self, kinds: dict[str, str]) -> None:
        """Ask which points are wanted where a file has several kinds."""
        if self._is_stopped:
            return
        if len(kinds) < 2:
            self._plan_import(())
            return
        while self.kinds_layout.count():
            item = self.kinds_layout.takeAt(0)
            box = None if item is None else item.widget()
            if box is not None:
                box.deleteLater()
        self._kinds = {kind: QCheckBox(text) for kind, text in kinds.items()}
        for box in self._kinds.values():
            box.setChecked(True)
            self.kinds_layout.addWidget(box, *divmod(self.kinds_layout.count(), 2))
        self.question.setText(f"Which are cells in {self._path.name}?")
        self.choice.show()

    def _on_chosen(self) -> None:
        kinds = tuple(kind for kind, box in self._kinds.items() if box.isChecked())
        if kinds and not self.is_running:
            self.choice.hide()
            self._plan_import(kinds)

    def _plan_import(self, kinds: tuple[str, ...]) -> None:
        path, to = self._path, self._destination
        if to.document is not None:
            document = to.document
            self._planning.start("importing", lambda: jobs.plan_loose_steps(document, path, kinds))
        elif to.project is not None:
            project = to.project
            self._planning.start("importing", lambda: jobs.plan_steps(project, path, kinds))
        self._refresh()

    def _on_plan(self, result: tuple[dict[str, Annotation], list[str]]) -> None:
        self._plan, taken = result
        if self._is_stopped:
            return
        self._is_reading = False
        if taken and not self._may_replace(taken):
            self.state.setText("Nothing was imported.")
            return
        to, plan = self._destination, self._plan
        if to.document is not None:
            to.document.take_over(plan[to.document.name])
            self.session.changed()
            self._say_done()
        elif to.project is not None:
            project = to.project
            self.desk.autosave.save()
            known = self._known = self.session.documents.saved(plan)
            self._keeping.start(
                "importing", lambda: jobs.import_steps(project, plan, known), is_asked_about=True
            )

    def _may_replace(self, taken: list[str]) -> bool:
        text = (
            f"{count(len(taken), 'image')} of {len(self._plan)} in {self._path.name} "
            f"{'has' if len(taken) == 1 else 'have'} clicks already, the first {taken[0]}. "
            f"Replace them? “{undo_import.TEXT}” brings them back."
        )
        buttons = QMessageBox.StandardButton
        answer = QMessageBox.question(
            self, "Replace clicks?", text, buttons.Yes | buttons.Cancel, buttons.Cancel
        )
        return bool(answer == buttons.Yes)

    def _on_kept(self, summaries: dict[str, Summary]) -> None:
        """Show what was imported into images that are open."""
        project = self._destination.project
        if project is not None and self.session.project is project:
            for name, annotation in self._plan.items():
                document = self.session.documents.get(name)
                if document is not None:
                    # Beside what was clicked meanwhile, here. Saving puts it beside what is on the
                    # disk, where others may have clicked.
                    now = document.annotation
                    before = self._known.get(name, now)
                    merged = merge(before, annotation, now, same_px(document))
                    document.take_over(merged.annotation)
                    summaries[name] = summarise_fully(document.annotation, document.found)
            self.session.changed()
            self.session.take_summaries(summaries)
        self._say_done()

    def _say_done(self) -> None:
        points = sum(len(annotation.points) for annotation in self._plan.values())
        images = count(len(self._plan), "image")
        text = f"✓ {count(points, 'point')} imported into {images}"
        project = self._destination.project
        kept = None if project is None else last_import(project)
        if kept is not None:
            text += f". What was there before is in {kept.folder.parent.name}/{kept.folder.name}"
        self.state.setText(text)

    def _say(self, text: str) -> None:
        self.state.setText(text)

    def _jobs(self) -> tuple[Job, ...]:
        return self._looking, self._planning, self._keeping, self.undo.job

    def _on_progress(self, progress: Progress) -> None:
        what = progress.what[0].upper() + progress.what[1:]
        where = f", {progress.done + 1} of {progress.total}" if progress.total > 1 else ""
        self.state.setText(f"{what}{where}…")

    def _refresh(self) -> None:
        session = self.session
        has_place = session.project is not None or session.document is not None
        # What is being kept is kept whole.
        is_kept_whole = self._keeping.is_running or self.undo.job.is_running
        self.button.setEnabled(has_place and not is_kept_whole)
        self.button.setText("Cancel import" if self.is_running else "Import clicks…")
        self.undo.refresh(is_free=not self.is_running)
        if self._is_reading and not self.is_running:
            # It waits for an answer, was stopped, or failed, which was told.
            self._is_reading = False
            self.state.setText("")


def _dropped(event: QDropEvent) -> Path | None:
    """Return the one file or folder that is dropped; None of anything else."""
    data = event.mimeData()
    urls = data.urls() if data is not None else []
    return Path(urls[0].toLocalFile()) if len(urls) == 1 and urls[0].isLocalFile() else None
