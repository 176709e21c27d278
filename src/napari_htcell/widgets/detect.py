"""Detect: choose a model, run it, and set the threshold while looking."""

from __future__ import annotations

from typing import TYPE_CHECKING

import napari.viewer
from napari.utils.notifications import show_error
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QComboBox, QFormLayout, QSizePolicy, QVBoxLayout

from napari_htcell.config import DetectConfig
from napari_htcell.models import ModelEntry
from napari_htcell.pairing import not_rejected
from napari_htcell.project import ProjectSettings
from napari_htcell.summaries import summaries_steps
from napari_htcell.widgets import fields, jobs
from napari_htcell.widgets.panel import JobRow, Panel, note

if TYPE_CHECKING:
    from napari_htcell.batch import FileResult
    from napari_htcell.detect import Prediction
    from napari_htcell.widgets.document import Document

REDRAW_MS = 60
"""Pause of the slider after which the points are drawn anew."""

ORIGINS = {"project": "this project", "user": "my models", "shipped": "built in", "file": "file"}


class DetectPanel(Panel):
    """Finds the cells of the image, or of all images of the project.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
    """

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__(viewer)
        self._job, self.all_job, self._summaries_job = (self.new_job() for _ in range(3))
        self._target: tuple[Document, DetectConfig] | None = None
        self._redraw = QTimer(self)
        self._redraw.setSingleShot(True)
        self._redraw.setInterval(REDRAW_MS)
        self._redraw.timeout.connect(self._on_redraw)
        self._build()
        self._connect()
        self._on_models()
        self._on_document()

    def _build(self) -> None:
        self.model = QComboBox()
        self.model.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.model.setToolTip("<qt>A version that was trained to find cells</qt>")
        self.figures = note()
        self.pixel_size = fields.spin_box(ProjectSettings, "pixel_size_um", "µm per pixel", 4)
        self.pixel_size.setSpecialValueText("unknown")
        self.pixel_size.setMinimum(0)
        self.pixel_size.setValue(0)
        self.pixel_hint = note()
        self.threshold = fields.slider(DetectConfig, "threshold")
        self.min_distance = fields.spin_box(DetectConfig, "min_distance_um", "µm")
        self.method = fields.choice(DetectConfig, "method")
        self.run = JobRow("Detect", self._job, self.detect)
        self.run_all = JobRow("Detect in all images", self.all_job, self.detect_all)
        self.result = note()
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        form.addRow("Model", self.model)
        form.addRow(self.figures)
        form.addRow("Pixel size", self.pixel_size)
        form.addRow(self.pixel_hint)
        form.addRow("Threshold", self.threshold)
        form.addRow("Distance", self.min_distance)
        form.addRow("Method", self.method)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        for widget in (self.run, self.run_all, self.result):
            layout.addWidget(widget)
        layout.addStretch(1)

    def _connect(self) -> None:
        self.model.currentIndexChanged.connect(self._on_model_chosen)
        self.pixel_size.editingFinished.connect(self._on_pixel_size_typed)
        self.threshold.valueChanged.connect(lambda: self._redraw.start())
        self.min_distance.valueChanged.connect(lambda: self._redraw.start())
        self.method.currentTextChanged.connect(lambda: self._redraw.start())
        self._job.returned.connect(self._on_predicted)
        self._job.finished.connect(self._allow)
        self._summaries_job.returned.connect(self.session.take_summaries)
        self.all_job.returned.connect(self._on_all_predicted)
        self.all_job.finished.connect(self._on_all_finished)
        self.listen(self.session.models_changed, self._on_models)
        self.listen(self.session.model_changed, self._on_model)
        self.listen(self.session.document_changed, self._on_document)
        self.listen(self.session.found_changed, self._on_found)
        self.listen(self.session.marks_changed, self._on_found)
        self.listen(self.session.project_changed, self._on_document)

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
        self.run.begin("detecting", lambda: jobs.predict_steps(picture, name, project))

    def detect_all(self) -> None:
        """Run the model over all images of the project, in the background."""
        project, name, settings = self.session.project, self.session.model, self.settings
        if project is None or not name or not self.desk.autosave.save():
            return
        self.run_all.begin(
            "detecting in all images", lambda: jobs.predict_all_steps(project, name, settings)
        )

    def _on_predicted(self, prediction: Prediction) -> None:
        if self._target is not None:
            document, _ = self._target
            # The slider may have been moved meanwhile; what it says now counts.
            self.session.predicted(document, prediction, self.settings)

    def _on_all_predicted(self, results: list[FileResult]) -> None:
        failed = [one.error for one in results if one.error is not None]
        if failed:
            show_error(f"{len(failed)} of {len(results)} images were left out: {failed[0]}")

    def _on_all_finished(self) -> None:
        # Images finished before a cancel are kept as well.
        self._allow()
        project = self.session.project
        if project is not None:
            self.session.reread_detections()
            self._summaries_job.start("counting", lambda: summaries_steps(project))

    def _on_redraw(self) -> None:
        document = self.session.document
        found = None if document is None else document.found
        if found is None or found.provenance.settings == self.settings:
            return
        if not self.session.redraw(self.settings):
            self.result.setText("Press Detect to see what these settings find.")

    def _on_models(self) -> None:
        self.model.blockSignals(True)
        self.model.clear()
        for entry in self.session.models:
            self.model.addItem(f"{entry.card.name}  ({ORIGINS[entry.origin]})", entry.card.name)
            tip = f"<qt>{_card_text(entry).replace(chr(10), '<br>')}</qt>"
            self.model.setItemData(self.model.count() - 1, tip, 3)
        self.model.blockSignals(False)
        self._on_model()

    def _on_model(self) -> None:
        self.model.blockSignals(True)
        self.model.setCurrentIndex(self.model.findData(self.session.model))
        self.model.blockSignals(False)
        entry = self.session.entry()
        self.figures.setText(
            "There is no model yet: train one, or import one with `htcell models import`."
            if entry is None
            else figures_text(entry)
        )
        if entry is not None:
            self._set_form(entry.card.detection)
            self.model.setToolTip(f"<qt>{_card_text(entry).replace(chr(10), '<br>')}</qt>")
        self._allow()

    def _set_form(self, settings: DetectConfig) -> None:
        for widget, value in (
            (self.threshold, settings.threshold),
            (self.min_distance, settings.min_distance_um),
        ):
            widget.blockSignals(True)
            widget.setValue(value)
            widget.blockSignals(False)
        self.method.blockSignals(True)
        self.method.setCurrentText(settings.method)
        self.method.blockSignals(False)

    def _on_model_chosen(self) -> None:
        self.session.choose_model(self.model.currentData() or "")

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
            self._set_form(entry.card.detection)

    def _say_pixel_size(self) -> None:
        document, entry = self.session.document, self.session.entry()
        if document is None:
            self.pixel_hint.setText("")
        elif document.picture.pixel_size_um is None:
            usual = "" if entry is None else f" of {entry.card.image_pixel_size_um:g} µm"
            self.pixel_hint.setText(
                f"⚠ Nobody states the pixel size; the model's usual one{usual} is taken. "
                "If your images differ, type theirs: cells of a wrong size are missed."
            )
        else:
            self.pixel_hint.setText(f"From {document.picture.known_from}.")

    def _on_pixel_size_typed(self) -> None:
        if self.pixel_size.value() > 0:
            self.session.state_pixel_size(round(self.pixel_size.value(), 4))

    def _on_found(self) -> None:
        document = self.session.document
        if document is None:
            self.result.setText("Open a folder, or an image in napari, to begin.")
            return
        self.result.setText(found_text(document))

    def _allow(self) -> None:
        ready = self.session.document is not None and bool(self.session.model)
        self.run.button.setEnabled(ready or self._job.is_running)
        project = self.session.project
        self.run_all.setVisible(project is not None)
        if project is not None:
            self.run_all.set_text(f"Detect in all {len(project.images)} images")
        self.run_all.button.setEnabled(bool(self.session.model) or self.all_job.is_running)


def found_text(document: Document) -> str:
    """Return in words what was found in an image."""
    found, candidates = document.found, document.candidates
    if found is None or candidates is None:
        return "Nothing was detected in this image yet."
    found = not_rejected(document.annotation, found)
    cells = f"{len(found)} cell{'' if len(found) == 1 else 's'}"
    text = f"{found.provenance.model} found {cells}; {len(candidates)} of them not clicked yet."
    if document.annotation.complete_frames:
        text += " Where everything is marked complete, only your clicks count."
    return text


def figures_text(entry: ModelEntry) -> str:
    """Return a model's main figure in words."""
    if not entry.card.own_figures:
        return entry.card.summary or "Nothing was measured for this model."
    one = entry.card.own_figures[0]
    return (
        f"F {one.f_score:.2f} within {one.cutoff_um:g} µm on {one.images} image"
        f"{'' if one.images == 1 else 's'}: {one.on}."
    )


def _card_text(entry: ModelEntry) -> str:
    card = entry.card
    lines = [f"{card.name}: version {card.version}, {card.date[:10]}", card.summary]
    lines += [f"fine-tuned from {card.base_model}"] if card.base_model else []
    lines += [
        f"F {one.f_score:.3f} within {one.cutoff_um:g} µm (TP {one.tp}, FP {one.fp}, FN {one.fn}) "
        f"on {one.images} images: {one.on}"
        for one in card.own_figures
    ]
    return "\n".join(line for line in lines if line)
