"""The button that takes the last import back."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtWidgets import QPushButton

from napari_htcell.kept_imports import KeptImport, last_import
from napari_htcell.project import Project
from napari_htcell.summaries import Summary, summarise_fully
from napari_htcell.widgets import jobs
from napari_htcell.widgets.panel import Panel
from napari_htcell.widgets.saving import same_px
from napari_htcell.words import count

TEXT = "Take back the last import"


class UndoImport(QPushButton):
    """Takes the last import into the project back, also from images that are not open.

    Parameters
    ----------
    panel : Panel
    say : callable
        Shows a sentence to the user.
    """

    def __init__(self, panel: Panel, say: Callable[[str], None]) -> None:
        super().__init__(TEXT)
        self._panel, self._session, self._say = panel, panel.session, say
        self.job = panel.new_job()
        self._from: tuple[Project, KeptImport] | None = None
        self.clicked.connect(self.take_back)
        self.job.returned.connect(self._on_taken_back)

    def refresh(self, *, is_free: bool) -> None:
        """Be there if there is something to take back."""
        project = self._session.project
        kept = None if project is None else last_import(project)
        self.setVisible(kept is not None)
        self.setEnabled(is_free)
        if kept is not None:
            self.setToolTip(
                f"<qt>That of {kept.folder.name}: what was annotated before is there again, and "
                "what you clicked since stays</qt>"
            )

    def take_back(self) -> None:
        """Take the last import back, in the background."""
        project = self._session.project
        kept = None if project is None else last_import(project)
        if project is None or kept is None or not self._panel.desk.autosave.save():
            return
        self._from = project, kept
        # Images that are open are changed in memory, where undo goes back to the import.
        names = [name for name in kept.images if self._session.documents.get(name) is None]
        self.job.start(
            "taking an import back",
            lambda: jobs.take_back_steps(project, kept, names),
            is_asked_about=True,
        )
        self.setEnabled(False)

    def _on_taken_back(self, summaries: dict[str, Summary]) -> None:
        if self._from is None:
            return
        (project, kept), session = self._from, self._session
        names = kept.images
        # One that was left meanwhile has not changed where its images were open; press again.
        if session.project is not project:
            return
        for name in names:
            document = session.documents.get(name)
            if document is not None:
                document.take_over(kept.undone(name, document.annotation, same_px(document)))
                summaries[name] = summarise_fully(document.annotation, document.found)
        session.changed()
        session.take_summaries(summaries)
        if self._panel.desk.autosave.save():
            kept.forget()
            self._say(f"✓ The import is taken back from {count(len(names), 'image')}")
