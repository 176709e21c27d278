"""The images of a project that were opened in a window, as far as memory allows. No Qt."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from napari_htcell.annotations import Annotation
from napari_htcell.detections import Detections
from napari_htcell.project import Project
from napari_htcell.stamps import Stamp
from napari_htcell.widgets import saving
from napari_htcell.widgets.document import Document

if TYPE_CHECKING:
    from napari_htcell.prediction import Prediction

HEAT_MAP_BYTES = 500_000_000
"""Memory for kept heat maps; beyond it the threshold of the oldest images needs a new run."""

PIXEL_BYTES = 500_000_000
"""Memory for images that were shown before; beyond it the oldest are read again when wanted."""

State = tuple[Annotation, Detections | None]
"""What a person and what a model says about an image."""


class OpenDocuments:
    """Keeps documents by name, with their undo steps; the one that was shown last comes last."""

    def __init__(self) -> None:
        self._documents: dict[str, Document] = {}
        self._noticed: dict[str, Stamp | None] = {}

    def __iter__(self) -> Iterator[Document]:
        return iter(self._documents.values())

    def __contains__(self, document: object) -> bool:
        return any(one is document for one in self._documents.values())

    @property
    def are_saved(self) -> bool:
        """Whether everything that can be kept in the project is there."""
        return all(map(saving.is_saved, self))

    def clear(self) -> None:
        """Forget all: another project was opened."""
        for document in self:
            document.is_left = True
        self._documents.clear()
        self._noticed.clear()

    def get(self, name: str) -> Document | None:
        """Return an image if it was open before, whatever its files say by now."""
        return self._documents.get(name)

    def current(self, project: Project, name: str) -> Document | None:
        """Return an image if it was open before and need not be read again."""
        document = self._documents.get(name)
        if document is None or not document.picture.is_read:
            return None
        return document if saving.is_current(project, document) else None

    def with_other_pixels(
        self, project: Project | None, documents: Iterable[Document]
    ) -> list[Document]:
        """Return those of the documents whose image's file was changed, each change once.

        Once, since a file that cannot be read, as while it is being written, is told of.
        """
        found = []
        for document in documents:
            if project is None or document.stamps is None or document not in self:
                continue
            now = project.image_stamp(document.name)
            if now not in (None, document.stamps.image, self._noticed.get(document.name)):
                self._noticed[document.name] = now
                found.append(document)
        return found

    def states(self, names: Iterable[str]) -> dict[str, State]:
        """Return annotation and detections of those of the images that were open, as they are."""
        known = ((name, self._documents.get(name)) for name in names)
        return {name: (one.annotation, one.found) for name, one in known if one is not None}

    def saved(self, names: Iterable[str]) -> dict[str, Annotation]:
        """Return what was read or saved last of those of the images that were open."""
        known = ((name, self._documents.get(name)) for name in names)
        return {name: one.saved_annotation for name, one in known if one is not None}

    def unsaved(self) -> dict[str, tuple[Annotation, Annotation]]:
        """Return the annotations that are not saved: what was read or saved last, and what is."""
        return {
            one.name: (one.saved_annotation, one.annotation)
            for one in self
            if one.annotation is not one.saved_annotation
        }

    def reread_detections(self, project: Project) -> list[str]:
        """Take over what is kept of detections; return what is wrong with files, in words."""
        faults = []
        for document in self:
            stamps = project.stamps(document.name)
            known = document.stamps
            # What is not saved yet, saving puts beside it.
            is_unsaved = document.found is not document.saved_detections
            if is_unsaved or (known is not None and known.detections == stamps.detections):
                continue
            try:
                found = project.detections(document.name)
            except (ValueError, OSError) as error:
                faults.append(str(error))
                continue
            if found is not None:
                if document.stamps is not None:
                    document.stamps = replace(document.stamps, detections=stamps.detections)
                document.found = document.saved_detections = found
                document.prediction = None
        return faults

    def refusal(self, document: Document, prediction: Prediction) -> str:
        """Return why what the network saw in an image is of no use there any more; "" if it is."""
        if document.is_left:
            return f"Another folder was opened while the model ran in {document.name}."
        if document.picture.pixel_size_um not in (None, prediction.pixel_size_um):
            return (
                f"{document.name} has another pixel size than the {prediction.pixel_size_um:g} µm "
                "that the model ran with."
            )
        now = self.get(document.name) if document.in_project else None
        if now is not None and now is not document and document.picture.is_other_than(now.picture):
            return f"{document.name} was changed while the model ran."
        return ""

    def found(self) -> dict[str, Detections]:
        """Return what was found in the images, rejected candidates included."""
        return {one.name: one.found for one in self if one.found is not None}

    def put(self, project: Project, fresh: Document) -> tuple[Document, list[str]]:
        """Keep an image that was just read and is shown now.

        Returns
        -------
        document : Document
            As it was open before, if it was.
        news : list of str
            What was changed elsewhere meanwhile, in words for the user.
        """
        document = self._documents.get(fresh.name, fresh)
        news: list[str] = []
        if document is not fresh:
            document, news = saving.on_fresh_pixels(document, fresh)
            if not saving.is_current(project, document) and saving.is_current(project, fresh):
                news += saving.take_over(document, fresh)
        self._documents.pop(document.name, None)
        self._documents[document.name] = document
        self._trim_pixels()
        return document, news

    def trim_heat_maps(self, newest: Document) -> None:
        """Let go of the oldest heat maps when they take too much memory."""
        kept = [one for one in self if one.prediction and one is not newest]
        kept.append(newest)
        size = 0
        for one in reversed(kept):
            if one.prediction is not None:
                size += sum(m.nbytes for m in one.prediction.heat_maps if m is not None)
                if size > HEAT_MAP_BYTES and one is not newest:
                    one.prediction = None

    def _trim_pixels(self) -> None:
        """Let go of the pixels of images that were shown long ago, when they take much memory."""
        size = 0
        for number, one in enumerate(reversed(self._documents.values())):
            size += one.picture.nbytes
            if number and size > PIXEL_BYTES and one.picture.is_read:
                one.picture = one.picture.without_pixels()
