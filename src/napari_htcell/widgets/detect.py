"""Detect: choose a model, run it, and set the threshold while looking."""

from __future__ import annotations

from typing import TYPE_CHECKING

import napari.viewer
from qtpy.QtCore import QSignalBlocker
from qtpy.QtGui import QHideEvent, QShowEvent
from qtpy.QtWidgets import (
    QComboBox,
    QFormLayout,
    QHBoxLayout,
)

from napari_htcell.config import DetectConfig
from napari_htcell.project import ProjectSettings
from napari_htcell.widgets import fields, jobs
from napari_htcell.widgets.cards import figures_text
from napari_htcell.widgets.detect_all import DetectAll
from napari_htcell.widgets.found import cells_over_time, found_text
from napari_htcell.widgets.model_choice import ModelChoice
from napari_htcell.widgets.panel import JobRow, Panel, note
from napari_htcell.widgets.plots import CountPlot
from napari_htcell.widgets.redrawing import Redrawing
from napari_htcell.widgets.scrolled import inside_of
from napari_htcell.widgets.shown import Shown

if TYPE_CHECKING:
    from napari_htcell.prediction import Prediction
    from napari_htcell.widgets.document import Document

ALL_FRAMES, THIS_FRAME = "all frames", "this frame"


class DetectPanel(Panel):
    """Finds the cells of the image, or of all images of the project.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
    """

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__(viewer)
        self._job = self.new_job()
        self._target: tuple[Document, DetectConfig] | None = None
        self._redraw = Redrawing(self.session, self.new_job(), lambda: self.settings)
        self._build()
        self._connect()
        self._on_model()
        self._on_document()

    def _build(self) -> None:
        self.model = ModelChoice(self)
        self.figures = note()
        self.figures.setToolTip(
            "<qt>F sums up how well the model finds cells: 1 is every cell and nothing else, 0 is "
            "none. A detection counts as a cell's within so many micrometres of it</qt>"
        )
        self.pixel_size = fields.spin_box(ProjectSettings, "pixel_size_um", "µm per pixel", 4)
        self.pixel_size.setSpecialValueText("unknown")
        self.pixel_size.setMinimum(0)
        self.pixel_size.setValue(0)
        self.pixel_hint = note()
        self.threshold = fields.slider(DetectConfig, "threshold")
        self.min_distance = fields.spin_box(DetectConfig, "min_distance_um", "µm")
        self.method = fields.choice(DetectConfig, "method")
        self.frames = QComboBox()
        self.frames.addItems([ALL_FRAMES, THIS_FRAME])
        self.frames.setToolTip("<qt>Where to detect in a time stack</qt>")
        self.run = JobRow("Detect", self._job, self.detect)
        self.run.button.setToolTip(
            "<qt>Looks for cells in the image that is open. What it finds is shown as rings, to be "
            "accepted or rejected; your clicks stay as they are</qt>"
        )
        self.run_all = DetectAll(self, lambda: self.settings)
        self.result = note()
        self.shown = Shown(self.desk)
        self.over_time = CountPlot()
        self._lay_out()

    def _lay_out(self) -> None:
        run = QHBoxLayout()
        run.addWidget(self.frames)
        run.addWidget(self.run, 1)
        self.form = form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        form.addRow("Model", self.model)
        form.addRow(self.figures)
        form.addRow("Pixel size", self.pixel_size)
        form.addRow(self.pixel_hint)
        form.addRow("Threshold", self.threshold)
        form.addRow("Distance", self.min_distance)
        form.addRow("Method", self.method)
        form.addRow("Show", self.shown)
        layout = inside_of(self)
        layout.addLayout(form)
        layout.addLayout(run)
        for below in (self.run_all, self.over_time, self.result):
            layout.addWidget(below)
        layout.addStretch(1)

    def _connect(self) -> None:
        self.pixel_size.editingFinished.connect(self._on_pixel_size_typed)
        self.over_time.frame_chosen.connect(lambda frame: self.desk.go_to(frame))
        self.threshold.valueChanged.connect(self._on_form)
        self.min_distance.valueChanged.connect(self._on_form)
        self.method.currentTextChanged.connect(self._on_form)
        self._job.returned.connect(self._on_predicted)
        self._job.finished.connect(self._allow)
        self._redraw.said.connect(self.result.setText)
        self.listen(self.session.models_changed, self._on_model)
        self.listen(self.session.model_changed, self._on_model)
        self.listen(self.session.document_changed, self._on_document)
        self.listen(self.session.found_changed, self._on_found)
        self.listen(self.session.marks_changed, self._on_found)
        self.listen(self.session.project_changed, self._on_document)
        self.listen(self.session.settings_changed, self._on_settings)
        self.listen(self.session.selection_changed, self._allow)
        self.listen(self.desk.frame_changed, self._show_counts)
        for overlay in (self.desk.heat_map, self.desk.masks):
            self.listen(overlay.wanted_changed, self._on_wanted)

    @property
    def settings(self) -> DetectConfig:
        """What the form says."""
        return DetectConfig(
            method=self.method.currentText(),
            threshold=round(self.threshold.value(), 4),
            min_distance_um=self.min_distance.value(),
        )

    def detect(self) -> None:
        """Run the model over the image, in the background."""
        document, project = self.session.document, self.session.project
        if document is None or not self.session.model:
            return
        self._target = document, self.settings
        name, picture = self.session.model, document.picture
        one_alone = picture.ndim == 3 and self.frames.currentText() == THIS_FRAME
        frames, settings = [self.desk.frame] if one_alone else None, self.settings
        self.run.begin(
            "detecting",
            lambda: jobs.predict_steps(picture, name, project, frames, settings),
            uses=name,
        )

    def _on_predicted(self, prediction: Prediction) -> None:
        if self._target is not None:
            document, settings = self._target
            self.session.predicted(document, prediction, settings)
            # The slider may have been moved meanwhile; what it says now counts, if it speaks of
            # this image and this model.
            is_meant = prediction.card.name == self.session.model
            if is_meant and document is self.session.document:
                self._redraw.want()

    def _on_form(self) -> None:
        self.session.use(self.settings)
        self._redraw.want()

    def _on_settings(self) -> None:
        """Take over settings that were chosen elsewhere."""
        if self.session.settings != self.settings:
            self._set_form(self.session.settings)
            self._redraw.want()

    def _on_model(self) -> None:
        entry = self.session.entry()
        self.figures.setText(
            "There is no model yet: import one with Models…, or train one with `htcell train`."
            if entry is None
            else figures_text(entry)
        )
        if entry is not None:
            self._set_form(self.session.preferences.over(entry.card.detection))
        self._allow()

    def _set_form(self, settings: DetectConfig) -> None:
        blockers = [QSignalBlocker(one) for one in (self.threshold, self.min_distance, self.method)]
        self.threshold.setValue(settings.threshold)
        self.min_distance.setValue(settings.min_distance_um)
        self.method.setCurrentText(settings.method)
        for blocker in blockers:
            blocker.unblock()
        self.session.use(self.settings)

    def _on_document(self) -> None:
        document = self.session.document
        if document is not None:
            picture = document.picture
            self.pixel_size.blockSignals(True)
            self.pixel_size.setValue(picture.pixel_size_um or 0)
            self.pixel_size.blockSignals(False)
            self._show_settings(document)
        self._say_pixel_size()
        self._on_found()
        self._allow()

    def _show_settings(self, document: Document) -> None:
        """Show how this image's points were drawn, or how the chosen model would draw them."""
        found, entry = document.found, self.session.entry()
        if found is not None and found.provenance.model == self.session.model:
            self._set_form(found.provenance.settings)
        elif entry is not None:
            self._set_form(self.session.preferences.over(entry.card.detection))

    def _say_pixel_size(self) -> None:
        document, entry = self.session.document, self.session.entry()
        if document is None:
            self.pixel_hint.setText("")
        elif document.picture.pixel_size_um is None:
            usual = "" if entry is None else f" of {entry.card.image_pixel_size_um:g} µm"
            self.pixel_hint.setText(
                f"⚠ Nobody states the pixel size; the model's usual one{usual} is taken. "
                "If your images differ, type theirs: "
                "with a wrong size the count can be double or half."
            )
        else:
            self.pixel_hint.setText(f"From {document.picture.known_from}.")
        self.form.setRowVisible(self.pixel_hint, document is not None)

    def _on_pixel_size_typed(self) -> None:
        document, typed = self.session.document, round(self.pixel_size.value(), 4)
        # Who only looks into the field, which rounds, has stated nothing.
        shown = 0 if document is None else round(document.picture.pixel_size_um or 0, 4)
        if typed not in (0, shown):
            self.session.state_pixel_size(typed)

    def _on_found(self) -> None:
        document = self.session.document
        self.shown.refresh()
        self._show_counts()
        if document is None:
            self.result.setText("Open a folder, or an image in napari, to begin.")
            return
        self.result.setText(found_text(document))

    def _show_counts(self) -> None:
        document = self.session.document
        is_sequence = document is not None and document.picture.ndim == 3
        counts = cells_over_time(document) if document is not None and is_sequence else []
        self.over_time.setVisible(any(one is not None for one in counts))
        self.over_time.show_counts(counts, self.desk.frame)

    def _on_wanted(self, _is_wanted: bool) -> None:
        self.shown.follow()

    def showEvent(self, event: QShowEvent | None) -> None:
        """Colour the candidates by their scores while this step is looked at."""
        super().showEvent(event)
        self.shown.colour()

    def hideEvent(self, event: QHideEvent | None) -> None:
        """Give the candidates their usual colour, which the other steps explain."""
        super().hideEvent(event)
        self.desk.show_scores(False)

    def _allow(self) -> None:
        ready = self.session.document is not None and bool(self.session.model)
        self.run.button.setEnabled(ready or self._job.is_running)
        self.run_all.refresh()
        document = self.session.document
        self.frames.setVisible(document is not None and document.picture.ndim == 3)
