"""What the widgets of one viewer share: project, image, annotation, detections, model. No Qt."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from psygnal import Signal

from napari_htcell import rescue
from napari_htcell.annotations import Annotation
from napari_htcell.config import DetectConfig, Preferences
from napari_htcell.lease import Holder, Lease
from napari_htcell.project import Project
from napari_htcell.summaries import Summary, summarise
from napari_htcell.widgets import saving
from napari_htcell.widgets.document import Document
from napari_htcell.widgets.models_at_hand import ModelsAtHand
from napari_htcell.widgets.open_documents import OpenDocuments

if TYPE_CHECKING:
    from napari_htcell.prediction import Prediction


class Session(ModelsAtHand):
    """The state behind all widgets of one viewer.

    Parameters
    ----------
    preferences : Preferences, optional
        What the user has set for all windows.

    Attributes
    ----------
    project : Project or None
    document : Document or None
        The image being worked on, of the project or not.
    documents : OpenDocuments
        The project's images that were open.
    summaries : dict of str to Summary
        The project's images.
    others : tuple of Holder
        Other windows that have the project open.
    settings : DetectConfig
        How the next heat map becomes points.
    selected : tuple of str
        The images that are selected in the list, to do something with all of them.
    """

    project_changed = Signal()
    document_changed = Signal()
    marks_changed = Signal()
    found_changed = Signal()
    summaries_changed = Signal()
    saved_changed = Signal()
    others_changed = Signal()
    told = Signal(str)
    image_wanted = Signal(int)
    """The next image of the project is wanted (1), or the one before (-1)."""
    settings_changed = Signal()
    selection_changed = Signal()
    image_called = Signal(str)
    """An image of the project is wanted, by its name."""
    pixels_changed = Signal(str)
    """The file of the image that is shown was changed, by its name."""

    def __init__(self, preferences: Preferences | None = None) -> None:
        super().__init__()
        self.preferences = preferences or Preferences()
        self.project: Project | None = None
        self.document: Document | None = None
        self.summaries: dict[str, Summary] = {}
        self.others: tuple[Holder, ...] = ()
        self._lease: Lease | None = None
        self._aside: dict[str, Annotation] = {}
        self._is_turned = False
        self.has_saved = False
        """Whether anything was saved since the project was opened."""
        self.settings = DetectConfig()
        self.selected: tuple[str, ...] = ()
        self.documents = OpenDocuments()
        self.refresh_models()

    def open(self, project: Project, summaries: dict[str, Summary]) -> None:
        """Go over to another project."""
        self.flush()
        self.project, self.summaries = project, dict(summaries)
        self.document, self.selected, self.has_saved = None, (), False
        self.documents.clear()
        self.leave()
        self._lease = Lease(project.path)
        self.project_changed.emit()
        self.beat()
        self.summaries_changed.emit()
        self.document_changed.emit()
        self.refresh_models()

    def beat(self) -> None:
        """Say that this window has the project open, if it does, and look for others that have."""
        if self._lease is None:
            return
        self._lease.beat()
        self.look_for_other_pixels()
        before, self.others = self.others, self._lease.others()
        if self.others != before:
            self.others_changed.emit()

    def look_for_other_pixels(self, *, everywhere: bool = False) -> None:
        """Have the image that is shown read again if its file was changed since.

        Parameters
        ----------
        everywhere : bool, optional
            Whether to look at all images that were open before, too, and tell of them.
        """
        shown = () if self.document is None else (self.document,)
        for document in self.documents.with_other_pixels(
            self.project, self.documents if everywhere else shown
        ):
            if document is self.document:
                self.pixels_changed.emit(document.name)
            else:
                self.told.emit(
                    f"The file of {document.name} was changed since it was opened here: look at it "
                    "again, whether what was clicked on it still fits."
                )

    def leave(self) -> None:
        """Say that nobody works on the project here any more; saving says otherwise again."""
        if self._lease is not None:
            self._lease.release()

    def show(self, document: Document | None) -> None:
        """Go over to another image; the one before is saved first, or later if that fails now."""
        try:
            self.flush()
        except (OSError, ValueError):
            # It stays open with its changes. This has it tried again, and the user told.
            self.saved_changed.emit()
        if document is not None and document.in_project and self.project is not None:
            # It may have been read before that was stated.
            document.state_pixel_size(self.project.settings.pixel_size_um)
            document, news = self.documents.put(self.project, document)
            for text in news:
                self.told.emit(text)
        self.document = document
        self.document_changed.emit()
        self._summarise()

    def opened(self, name: str) -> Document | None:
        """Return an image of the project if it was open before, with its undo steps.

        None too if it has to be read again: its pixels were let go of, or its files are others.
        """
        return None if self.project is None else self.documents.current(self.project, name)

    def changed(self) -> None:
        """Tell everybody that the annotation of the image is another one."""
        self.marks_changed.emit()
        self._summarise()
        self.saved_changed.emit()

    def undo(self) -> bool:
        """Take the last change of the image back; False if there is none."""
        return self._changed_if(self.document is not None and self.document.undo())

    def redo(self) -> bool:
        """Make the change again that was taken back last; False if there is none."""
        return self._changed_if(self.document is not None and self.document.redo())

    def _changed_if(self, is_changed: bool) -> bool:
        if is_changed:
            self.changed()
        return is_changed

    def predicted(self, document: Document, prediction: Prediction, settings: DetectConfig) -> None:
        """Keep what the network saw in an image, and draw detections from it."""
        if refusal := self.documents.refusal(document, prediction):
            self.told.emit(f"{refusal} What it found is not kept: detect again.")
            return
        document.take(prediction, settings)
        self.documents.trim_heat_maps(document)
        self._found(document)

    def redraw(self, settings: DetectConfig) -> bool:
        """Draw the image's detections anew; False if the network has to run first."""
        document = self.document
        if document is None or not document.redraw(settings):
            return False
        self._found(document)
        return True

    def reread_detections(self) -> None:
        """Take over what a job has detected in the project's images, and kept there."""
        if self.project is None or self._lease is None:
            return
        self._lease.take()
        for fault in self.documents.reread_detections(self.project):
            self.told.emit(fault)
        self.look_for_other_pixels(everywhere=True)
        self.found_changed.emit()
        self._summarise()

    def take_summaries(self, summaries: dict[str, Summary]) -> None:
        """Take over what was read about the project's images."""
        self.summaries.update(summaries)
        for name, (annotation, found) in self.documents.states(summaries).items():
            # It may have been changed since it was read.
            self._take_summary(name, summarise(annotation, found))
        self.summaries_changed.emit()

    def state_pixel_size(self, size_um: float) -> None:
        """Take the user's word for the pixel size: of the whole project, or of a loose image."""
        document = self.document
        if document is None or document.picture.pixel_size_um == size_um:
            return
        concerned = [document]
        if document.in_project and self.project is not None:
            self.project.state_pixel_size(size_um)
            concerned = list(self.documents)
        for one in concerned:
            one.state_pixel_size(size_um)
        self.document_changed.emit()

    def turn_to(self, by: int) -> None:
        """Ask for the image so many places further in the list, of whoever shows one."""
        self._is_turned = False
        self.image_wanted.emit(by)

    def takes_turn(self) -> bool:
        """Return whether nobody has answered `image_wanted` yet; the first who asks does."""
        is_first, self._is_turned = not self._is_turned, True
        return is_first

    def use(self, settings: DetectConfig) -> None:
        """Draw points in another way from now on."""
        if settings != self.settings:
            self.settings = settings
            self.settings_changed.emit()

    def select(self, names: tuple[str, ...]) -> None:
        """Say which images are selected in the list."""
        if names != self.selected:
            self.selected = names
            self.selection_changed.emit()

    def refresh_models(self, choose: str = "") -> None:
        """Look for models again, and choose one if it is there."""
        self.look_for_models(self.project, self.preferences.model, choose)

    @property
    def is_saved(self) -> bool:
        """Whether everything that can be kept in the project is there."""
        return self.documents.are_saved

    def flush(self) -> None:
        """Save what is not saved yet, beside what was saved elsewhere meanwhile.

        An image that cannot be saved keeps none of the others from it.

        Raises
        ------
        OSError
            If the disk is full or the folder cannot be written; nothing is lost, and the next call
            tries again.
        ValueError
            If an image's files were damaged elsewhere.
        """
        if self.project is None or self.is_saved:
            return
        if self._lease is not None:
            self._lease.take()
        saved, faults = saving.save_all(self.project, self.documents)
        for document, news in saved:
            self.has_saved = True
            if news:
                self._tell(document, news)
        if faults:
            raise faults[0]
        self.saved_changed.emit()

    def put_aside(self) -> Path | None:
        """Keep what cannot be saved elsewhere, to be brought back later; return where."""
        if self.project is None:
            return None
        unsaved = {
            name: states
            for name, states in self.documents.unsaved().items()
            if states[1] is not self._aside.get(name)
        }
        # Every part of a window that goes away asks for it.
        self._aside |= {name: now for name, (_, now) in unsaved.items()}
        return rescue.put_aside(self.project, unsaved) if unsaved else None

    def _tell(self, document: Document, news: list[str]) -> None:
        """Show what was changed elsewhere."""
        if document is self.document:
            self.found_changed.emit()
            self.marks_changed.emit()
        self._summarise(document)
        for text in news:
            self.told.emit(text)

    def _found(self, document: Document) -> None:
        if document is self.document:
            self.found_changed.emit()
        self._summarise(document)
        self.saved_changed.emit()

    def _summarise(self, document: Document | None = None) -> None:
        document = document or self.document
        # Not one of a project that was left while a job was running.
        if document is not None and document in self.documents:
            self._take_summary(document.name, summarise(document.annotation, document.found))
            self.summaries_changed.emit()

    def _take_summary(self, name: str, summary: Summary) -> None:
        """Take over a summary; as long as it says the same, what was computed besides holds."""
        before = self.summaries.get(name)
        if before is None or replace(before, usefulness=None) != summary:
            self.summaries[name] = summary
