"""What the widgets of one viewer share: project, image, annotation, detections, model. No Qt."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from psygnal import Signal

from napari_htcell.annotations import Annotation, Status
from napari_htcell.config import DEFAULT_MODEL, DetectConfig
from napari_htcell.detections import Detections
from napari_htcell.models import ModelEntry, list_models
from napari_htcell.project import Project, ProjectSettings
from napari_htcell.widgets.document import Document

if TYPE_CHECKING:
    from napari_htcell.detect import Prediction

HEAT_MAP_BYTES = 500_000_000
"""Memory for kept heat maps; beyond it the threshold of the oldest images needs a new run."""


@dataclass(frozen=True)
class Summary:
    """An image of the project in one line.

    Parameters
    ----------
    status : {"untouched", "partial", "complete"}
        Complete if all annotated frames are.
    annotated : int
        Annotated points.
    complete_frames : int
    complete_points : int
        Points in complete frames, which fine-tuning learns from.
    detected : int or None
        Detections kept; None if no model was run.
    fault : str
        What is wrong with its files; empty if nothing.
    """

    status: Status = "untouched"
    annotated: int = 0
    complete_frames: int = 0
    complete_points: int = 0
    regions: int = 0
    detected: int | None = None
    fault: str = ""


def summarise(annotation: Annotation, detections: Detections | None) -> Summary:
    """Return one line about an image."""
    states = {annotation.status(frame) for frame in annotation.frames} or {"untouched"}
    return Summary(
        status="complete"
        if states == {"complete"}
        else "partial"
        if annotation.frames
        else "untouched",
        annotated=len(annotation.points),
        complete_frames=len(annotation.complete_frames),
        complete_points=sum(len(annotation.in_frame(f)) for f in annotation.complete_frames),
        regions=len(annotation.regions),
        detected=None if detections is None else len(detections),
    )


class Session:
    """The state behind all widgets of one viewer.

    Attributes
    ----------
    project : Project or None
    document : Document or None
        The image being worked on, of the project or not.
    summaries : dict of str to Summary
        The project's images.
    model : str
        Name of the chosen model; empty if there is none.
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
    models_changed = Signal()
    model_changed = Signal()
    saved_changed = Signal()
    settings_changed = Signal()
    selection_changed = Signal()
    image_called = Signal(str)

    def __init__(self) -> None:
        self.project: Project | None = None
        self.document: Document | None = None
        self.summaries: dict[str, Summary] = {}
        self.model = ""
        self.settings = DetectConfig()
        self.selected: tuple[str, ...] = ()
        self._documents: dict[str, Document] = {}
        self.refresh_models()

    def open(self, project: Project, summaries: dict[str, Summary]) -> None:
        """Go over to another project."""
        self.flush()
        self.project, self.summaries = project, dict(summaries)
        self.document, self._documents, self.selected = None, {}, ()
        self.project_changed.emit()
        self.summaries_changed.emit()
        self.document_changed.emit()
        self.refresh_models()

    def show(self, document: Document | None) -> None:
        """Go over to another image; the one before is saved first."""
        self.flush()
        if document is not None and document.in_project:
            self._documents[document.name] = document
        self.document = document
        self.document_changed.emit()
        self._summarise()

    def opened(self, name: str) -> Document | None:
        """Return an image of the project if it was open before, with its undo steps."""
        return self._documents.get(name)

    def forget(self, name: str) -> None:
        """Read an image anew when it is opened next."""
        self._documents.pop(name, None)

    def changed(self) -> None:
        """Tell everybody that the annotation of the image is another one."""
        self.marks_changed.emit()
        self._summarise()
        self.saved_changed.emit()

    def undo(self) -> None:
        """Take the last change of the image back."""
        if self.document is not None and self.document.undo():
            self.changed()

    def redo(self) -> None:
        """Make the change again that was taken back last."""
        if self.document is not None and self.document.redo():
            self.changed()

    def predicted(self, document: Document, prediction: Prediction, settings: DetectConfig) -> None:
        """Keep what the network saw in an image, and draw detections from it."""
        document.take(prediction, settings)
        self._trim(document)
        self._found(document)

    def redraw(self, settings: DetectConfig) -> bool:
        """Draw the image's detections anew; False if the network has to run first."""
        document = self.document
        if document is None or not document.redraw(settings):
            return False
        self._found(document)
        return True

    def reread_detections(self) -> None:
        """Take over what a job has detected in the project's images."""
        if self.project is None:
            return
        for document in self._documents.values():
            found = self.project.detections(document.name)
            if found is not None:
                document.found = document.saved_detections = found
                document.prediction = None
        self.found_changed.emit()
        self._summarise()

    def take_summaries(self, summaries: dict[str, Summary]) -> None:
        """Take over what was read about the project's images."""
        self.summaries.update(summaries)
        self._summarise()
        self.summaries_changed.emit()

    def state_pixel_size(self, size_um: float) -> None:
        """Take the user's word for the pixel size: of the whole project, or of a loose image."""
        document = self.document
        if document is None or document.picture.pixel_size_um == size_um:
            return
        stated = {"pixel_size_um": size_um, "known_from": "stated here"}
        concerned = [document]
        if document.in_project and self.project is not None:
            settings = ProjectSettings.model_validate(
                self.project.settings.model_dump() | {"pixel_size_um": size_um}
            )
            self.project.save_settings(settings)
            stated["known_from"] = "stated for the project"
            concerned = list(self._documents.values())
        for one in concerned:
            one.picture = replace(one.picture, **stated)  # type: ignore[arg-type]
            one.prediction = None
        self.document_changed.emit()

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

    def found_in_memory(self) -> dict[str, Detections]:
        """Return what was found in the images that were opened, rejected candidates included."""
        return {
            name: document.found
            for name, document in self._documents.items()
            if document.found is not None
        }

    def choose_model(self, name: str) -> None:
        """Use another model from now on."""
        if name != self.model:
            self.model = name
            self.model_changed.emit()

    def entry(self, name: str | None = None) -> ModelEntry | None:
        """Return a model's entry; the chosen one's without a name."""
        wanted = name or self.model
        return next((one for one in self.models if one.card.name == wanted), None)

    def refresh_models(self, choose: str = "") -> None:
        """Look for models again, and choose one if it is there."""
        self.models = list_models(self.project)
        names = [one.card.name for one in self.models]
        if choose in names:
            self.model = choose
        elif self.model not in names:
            self.model = _usual(self.models)
        self.models_changed.emit()

    @property
    def is_saved(self) -> bool:
        """Whether everything that can be kept in the project is there."""
        return not any(_unsaved(document) for document in self._documents.values())

    def flush(self) -> None:
        """Save what is not saved yet.

        Raises
        ------
        OSError
            If the disk is full or the folder cannot be written; nothing is lost, and the next call
            tries again.
        """
        if self.project is None or self.is_saved:
            return
        for document in self._documents.values():
            if document.annotation is not document.saved_annotation:
                annotation = document.annotation
                self.project.save_annotation(document.name, annotation)
                document.saved_annotation = annotation
            kept = document.kept
            if kept is not None and kept is not document.saved_detections:
                self.project.save_detections(document.name, kept)
                document.saved_detections = kept
        self.saved_changed.emit()

    def _found(self, document: Document) -> None:
        if document is self.document:
            self.found_changed.emit()
        self._summarise(document)
        self.saved_changed.emit()

    def _summarise(self, document: Document | None = None) -> None:
        document = document or self.document
        # Not one of a project that was left while a job was running.
        if document is not None and self._documents.get(document.name) is document:
            self.summaries[document.name] = summarise(document.annotation, document.kept)
            self.summaries_changed.emit()

    def _trim(self, newest: Document) -> None:
        """Let go of the oldest heat maps when they take too much memory."""
        kept = [one for one in self._documents.values() if one.prediction and one is not newest]
        kept.append(newest)
        size = 0
        for one in reversed(kept):
            if one.prediction is not None:
                size += sum(m.nbytes for m in one.prediction.heat_maps if m is not None)
                if size > HEAT_MAP_BYTES and one is not newest:
                    one.prediction = None


def _usual(models: list[ModelEntry]) -> str:
    """Return the model to begin with: the project's newest, else the shipped one."""
    own = [one.card for one in models if one.origin == "project"]
    if own:
        return max(own, key=lambda card: card.date).name
    names = [one.card.name for one in models]
    return DEFAULT_MODEL if DEFAULT_MODEL in names else names[0] if names else ""


def _unsaved(document: Document) -> bool:
    kept = document.kept
    return document.annotation is not document.saved_annotation or (
        kept is not None and kept is not document.saved_detections
    )
