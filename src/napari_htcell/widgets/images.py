"""Project: open a folder, see which images are done, go to the one that is to be done next."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import napari.viewer
from qtpy.QtCore import QModelIndex
from qtpy.QtWidgets import QFileDialog

from napari_htcell.project import Project
from napari_htcell.summaries import Summary
from napari_htcell.widgets import jobs, reading
from napari_htcell.widgets.autosave import others_text
from napari_htcell.widgets.document import Document
from napari_htcell.widgets.filling import Filling
from napari_htcell.widgets.image_list import ImageList
from napari_htcell.widgets.image_table import NAME_ROLE, ImageFilter, ImageTable
from napari_htcell.widgets.panel import Panel
from napari_htcell.widgets.read_ahead import ReadAhead
from napari_htcell.widgets.reason import Reason
from napari_htcell.widgets.thumbnails import Thumbnails


class ImagesPanel(Panel):
    """The project's images, what is known about them, and which one is shown.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
    """

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__(viewer)
        self._opening, self._reading, self._comparing = (self.new_job() for _ in range(3))
        self._wanted = ""
        self._being_read: tuple[Project | None, str] = None, ""
        self._compares_in: Project | None = None
        self._is_to_show_first = False
        # Where the image that is shown is in the list, or was before it was filtered out.
        self._at = 0
        self._is_choosing, self._is_resting = True, False
        self.thumbnails = Thumbnails(self.new_job())
        self.ahead = ReadAhead(self.new_job())
        self.filling = Filling(self.session, self.new_job())
        self.table = ImageTable(self.thumbnails, self)
        self.shown = ImageFilter(self.table, self)
        self._parts = ImageList(self, self.shown)
        self._name_parts()
        self._why = Reason(self.session, self.new_job(), self._parts.give_reason)
        self._connect()
        self._on_project()

    def _name_parts(self) -> None:
        parts = self._parts
        self.open_button, self.folder, self.hint = parts.open_button, parts.folder, parts.hint
        self.filter, self.state, self.list = parts.filter, parts.state, parts.list
        self.previous_button, self.next_button = parts.previous_button, parts.next_button
        self.useful_button, self.reason, self.others = (
            parts.useful_button,
            parts.reason,
            parts.others,
        )

    def _connect(self) -> None:
        self._opening.returned.connect(self._on_opened)
        self._opening.finished.connect(self._allow_opening)
        self._reading.returned.connect(self._on_returned)
        self._reading.finished.connect(self._on_reading_finished)
        self._comparing.returned.connect(self._on_compared)
        self._comparing.finished.connect(self._allow_steps)
        self.open_button.clicked.connect(self._ask_for_folder)
        self.previous_button.clicked.connect(lambda: self._step(-1))
        self.next_button.clicked.connect(lambda: self._step(1))
        self.useful_button.clicked.connect(self.show_most_useful)
        self.filter.textChanged.connect(self._on_filter)
        self.state.currentIndexChanged.connect(self._on_filter)
        self.shown.layoutChanged.connect(self._on_sorted)
        selection: Any = self.list.selectionModel()
        selection.currentRowChanged.connect(self._on_chosen)
        selection.selectionChanged.connect(self._on_selected)
        self.listen(self.session.project_changed, self._on_project)
        self.listen(self.session.document_changed, self._on_document)
        self.listen(self.session.summaries_changed, self._on_summaries)
        self.listen(self.session.others_changed, self._on_others)
        self.listen(self.session.image_wanted, self._on_wanted)
        self.listen(self.session.image_called, self.show_image)
        self.listen(self.session.pixels_changed, self._on_pixels_changed)

    def open_folder(self, path: str | Path) -> None:
        """Open a folder as the session's project, in the background."""
        if self.desk.autosave.save() and not self._opening.is_running:
            self.open_button.setEnabled(False)
            self._opening.start("opening a folder", lambda: jobs.open_folder_steps(path))

    def show_image(self, name: str) -> None:
        """Show an image of the project; it is read in the background unless it was before."""
        self._wanted = name
        project = self.session.project
        document = self.session.opened(name) or self.ahead.take(name)
        if document is not None:
            self._on_read(document)
        elif project is not None and not self._reading.is_running:
            self._being_read = project, name
            self.folder.setText(f"reading {name}…")
            self._reading.start(f"reading {name}", lambda: reading.read_steps(project, name))

    def show_most_useful(self) -> None:
        """Show the image of those in the list that teaches most for its clicks."""
        if self._comparing.is_running:
            return
        changed = [name for name, one in self.session.summaries.items() if one.usefulness is None]
        states = self.session.documents.states(changed)
        self.useful_button.setEnabled(False)
        self._compares_in = self.session.project
        self._comparing.start("comparing images", lambda: jobs.usefulness_steps(states))

    def rest(self) -> None:
        """Stop what runs and save."""
        self._is_resting = True
        self.thumbnails.open(None)
        self.ahead.want(None, ())
        super().rest()

    def showEvent(self, event: Any) -> None:
        """Go on after a rest."""
        super().showEvent(event)
        if self._is_resting:
            self._is_resting = False
            self.thumbnails.open(self.session.project)
            self._read_ahead()
            self.filling.fill()

    def _allow_opening(self) -> None:
        self.open_button.setEnabled(True)

    def _ask_for_folder(self) -> None:
        path = QFileDialog.getExistingDirectory(self, "Open the folder with your images")
        if path:
            self.open_folder(path)

    def _on_opened(self, result: tuple[Project, dict[str, Summary], list[str]]) -> None:
        project, summaries, news = result
        self._is_to_show_first = True
        self.session.open(project, summaries)
        for text in news:
            self.session.told.emit(text)

    def _show_first(self) -> None:
        """Show the first image that is not complete, as soon as it is known which that is."""
        names, summaries = self._names(), self.session.summaries
        if not self._is_to_show_first or not names:
            return
        for name in names:
            if name not in summaries:
                return
            if summaries[name].status != "complete":
                break
        else:
            name = names[0]
        self._is_to_show_first = False
        self.show_image(name)

    def _on_returned(self, document: Document) -> None:
        # Another folder may have an image of the same name.
        if self._being_read[0] is self.session.project:
            self._on_read(document)

    def _on_read(self, document: Document) -> None:
        # Whoever presses Next five times wants the fifth image only.
        if document.name == self._wanted:
            # Where that fails the user is told, and it is tried again: no reason to stay here.
            self.desk.autosave.save()
            self.session.show(document)

    def _on_reading_finished(self) -> None:
        self._say_what_is_shown()
        project, name = self._being_read
        done = name if project is self.session.project else "", self._shown_name()
        if self._wanted not in done and self._wanted in self._names():
            self.show_image(self._wanted)
        else:
            # Back to the image that is shown, if this one could not be read.
            self._on_document()

    def _on_pixels_changed(self, name: str) -> None:
        # Unless somebody is on the way to another one.
        if self._wanted in ("", name):
            self.show_image(name)

    def _on_project(self) -> None:
        project = self.session.project
        self._why.forget()
        self._at = 0
        self.thumbnails.open(project)
        self._quietly(lambda: self.table.open(self._names()))
        self._parts.show_project(project is not None)
        self._on_summaries()
        self._on_document()
        self._on_others()
        self.filling.fill()

    def _on_summaries(self) -> None:
        self._quietly(lambda: self.table.take(self.session.summaries))
        self._parts.fit_models(self.table.models)
        self._why.follow()
        self._show_first()

    def _on_filter(self) -> None:
        # Where the image that is shown is not in the list, the next one is the first there.
        self._at = 0
        self._quietly(lambda: self.shown.want(self.filter.text(), self.state.currentData()))
        self._read_ahead()

    def _on_sorted(self) -> None:
        self._quietly(lambda: None)
        self._read_ahead()

    def _on_document(self) -> None:
        self._why.show(self._target())
        self._quietly(lambda: None)
        self._read_ahead()

    def _on_others(self) -> None:
        who = "; ".join(one.in_words for one in self.session.others)
        self.others.setText(f"⚠ Also open: {who}" if who else "")
        self.others.setVisible(bool(who))
        self.others.setToolTip(f"<qt>{others_text(self.session.others)}</qt>")

    def _on_compared(self, changed: dict[str, Summary]) -> None:
        if self._compares_in is not self.session.project:
            return
        self.session.take_summaries(changed)
        in_list = set(self.shown.names) - {self._shown_name()}
        name = self._why.choose(in_list, are_all_read=self.filling.is_done)
        if name is not None:
            self.show_image(name)

    def _quietly(self, change: Callable[[], None]) -> None:
        """Change the list without taking that for a choice; the image that is shown stays chosen.

        One that leaves the list, because it is complete now say, stays in the viewer, and the next
        one is that which has taken its place.
        """
        was_choosing, self._is_choosing = self._is_choosing, False
        try:
            change()
            row = self.shown.row(self._target())
            self._parts.select(row)
        finally:
            self._is_choosing = was_choosing
        self._at = row if row >= 0 else self._at
        self._allow_steps()
        self._say_what_is_shown()

    def _say_what_is_shown(self) -> None:
        project, all_names = self.session.project, self._names()
        shown = f"{self.shown.rowCount()} of {len(all_names)}"
        self.folder.setText("" if project is None else f"{project.path.name}: {shown} images")
        self.folder.setToolTip("" if project is None else str(project.path))

    def _names(self) -> tuple[str, ...]:
        return self.session.project.images if self.session.project is not None else ()

    def _shown_name(self) -> str:
        document = self.session.document
        return document.name if document is not None and document.in_project else ""

    def _target(self) -> str:
        """Return the image that is shown, or that is being read to be shown."""
        return self._wanted if self._reading.is_running else self._shown_name()

    def _neighbour(self, by: int) -> str | None:
        """Return the image so many rows below the one that is shown, in the list as it is."""
        is_there = self.shown.row(self._target()) >= 0
        row = self._at + by - (0 if is_there or by < 0 else 1)
        return self.shown.name(row) if 0 <= row < self.shown.rowCount() else None

    def _allow_steps(self) -> None:
        self.previous_button.setEnabled(self._neighbour(-1) is not None)
        self.next_button.setEnabled(self._neighbour(1) is not None)
        self.useful_button.setEnabled(self.shown.rowCount() > 0 and not self._comparing.is_running)

    def _step(self, by: int) -> None:
        name = self._neighbour(by)
        if name is not None:
            self._parts.select(self.shown.row(name))
            self._at = self.shown.row(name)

    def _on_wanted(self, by: int) -> None:
        # There may be another list of images in the window.
        if self.session.takes_turn():
            self._step(by)

    @property
    def selected(self) -> tuple[str, ...]:
        """The images that are selected in the list, in its order."""
        return self._parts.selected

    def _read_ahead(self) -> None:
        if self.session.document is not None and not self._is_resting:
            names = [name for name in map(self._neighbour, (1, -1)) if name is not None]
            new = [name for name in names if self.session.opened(name) is None]
            self.ahead.want(self.session.project, new)

    def _on_chosen(self, current: QModelIndex, _before: QModelIndex) -> None:
        if self._is_choosing and current.isValid():
            self.show_image(str(current.data(NAME_ROLE)))

    def _on_selected(self, *_: object) -> None:
        self.session.select(self.selected)
