"""Correct: click what the model missed, accept what it found, say when an image is done."""

from __future__ import annotations

import napari.viewer
from qtpy.QtCore import Qt
from qtpy.QtGui import QColor, QIcon, QPainter, QPen, QPixmap
from qtpy.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
)

from napari_htcell.widgets import layers
from napari_htcell.widgets.panel import Panel, note
from napari_htcell.widgets.points_io import save_annotation_as
from napari_htcell.words import count

HELP = (
    ("click on nothing", "a cell that was missed"),
    ("click on a ring", "accept it as a cell"),
    ("drag a dot", "move it"),
    ("right-click or Alt-click", "remove a dot, reject a ring"),
    ("Ctrl+Z, Ctrl+Shift+Z", "undo, redo"),
)


class CorrectPanel(Panel):
    """Adds, accepts, moves and removes points by clicks on the image.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
    """

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__(viewer)
        self._build()
        self.want_clicks(self._wants_clicks)
        for signal in (
            self.session.document_changed,
            self.session.marks_changed,
            self.session.found_changed,
            self.session.saved_changed,
        ):
            self.listen(signal, self._refresh)
        self.listen(self.desk.frame_changed, self._refresh)
        self._refresh()

    def _build(self) -> None:
        self.by_clicks = QCheckBox("Clicks on the image change points")
        self.by_clicks.setChecked(True)
        self.by_clicks.setToolTip(
            "<qt>While this is on and visible. Dragging on nothing still moves the image.</qt>"
        )
        self.annotated_count, self.candidate_count = QLabel(), QLabel()
        self.undo_button, self.redo_button = QPushButton("↶ Undo"), QPushButton("↷ Redo")
        self.accept_button = QPushButton()
        self.accept_button.setToolTip(
            "<qt>Makes a dot of every ring in this image; undo takes all of them back</qt>"
        )
        self.complete = QCheckBox()
        self.complete.setToolTip(
            "<qt>Say that every cell is clicked. Fine-tuning learns from complete images, and only "
            "the dots count in them</qt>"
        )
        self.save_button = QPushButton("Save points…")
        self.saved = note()
        undo = QHBoxLayout()
        undo.addWidget(self.undo_button)
        undo.addWidget(self.redo_button)
        layout = QVBoxLayout(self)
        layout.addLayout(_legend(self.annotated_count, self.candidate_count))
        layout.addWidget(self.by_clicks)
        layout.addWidget(_help())
        layout.addLayout(undo)
        for widget in (self.accept_button, self.complete, self.save_button, self.saved):
            layout.addWidget(widget)
        layout.addStretch(1)
        self.undo_button.clicked.connect(self.session.undo)
        self.redo_button.clicked.connect(self.session.redo)
        self.accept_button.clicked.connect(self.accept_all)
        self.complete.clicked.connect(self._on_complete)
        self.save_button.clicked.connect(self._save_as)

    def _wants_clicks(self) -> bool:
        return self.by_clicks.isChecked() and self.isVisible()

    def accept_all(self) -> None:
        """Accept every candidate of the frame that is shown."""
        document = self.session.document
        if document is not None:
            candidates = document.candidates_in(self.desk.frame)
            if len(candidates):
                document.accept(candidates)
                self.session.changed()

    def _on_complete(self, complete: bool) -> None:
        document = self.session.document
        if document is not None:
            document.mark_complete(complete, self.desk.frame)
            self.session.changed()

    def _refresh(self) -> None:
        document, frame = self.session.document, self.desk.frame
        for widget in (self.accept_button, self.complete, self.by_clicks):
            widget.setEnabled(document is not None)
        self.undo_button.setEnabled(document is not None and document.can_undo)
        self.redo_button.setEnabled(document is not None and document.can_redo)
        self.save_button.setVisible(document is not None and not document.in_project)
        clicked = 0 if document is None else len(document.annotation.in_frame(frame))
        candidates = 0 if document is None else len(document.candidates_in(frame))
        is_stack = document is not None and document.picture.ndim == 3
        where = f"frame {frame}" if is_stack else "this image"
        self.annotated_count.setText(f"{clicked} clicked")
        self.candidate_count.setText(f"{candidates} found by a model, not clicked")
        self.accept_button.setText(f"Accept all {candidates} rings")
        self.accept_button.setEnabled(candidates > 0)
        self.complete.setText(f"Every cell in {where} is clicked")
        self.complete.setChecked(
            document is not None and document.annotation.status(frame) == "complete"
        )
        self.saved.setText(self._saved_text())

    def _saved_text(self) -> str:
        document = self.session.document
        if document is None:
            return "Open a folder, or an image in napari, to begin."
        if document.in_project:
            return "✓ Saved" if self.session.is_saved else "Saving…"
        return (
            "This image is in no project: its points are kept while napari is open. "
            "Save them here, or open the image's folder to have them saved as you click."
        )

    def _save_as(self) -> None:
        document = self.session.document
        if document is None:
            return
        path = document.picture.path
        start = "" if path is None else str(path.with_name(f"{path.name}.csv"))
        chosen, _ = QFileDialog.getSaveFileName(self, "Save points", start, "Points (*.csv)")
        if chosen:
            written = save_annotation_as(chosen, document.annotation)
            self.saved.setText(
                f"✓ {count(len(document.annotation.points), 'point')} saved in {written}"
            )


def _legend(annotated: QLabel, candidates: QLabel) -> QGridLayout:
    legend = QGridLayout()
    for row, (label, filled) in enumerate(((annotated, True), (candidates, False))):
        legend.addWidget(_sign(filled=filled), row, 0)
        legend.addWidget(label, row, 1)
    legend.setColumnStretch(1, 1)
    return legend


def _sign(*, filled: bool) -> QLabel:
    """Return the symbol that a layer draws."""
    pixmap = QPixmap(18, 18)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    if filled:
        painter.setBrush(QColor(layers.ANNOTATED_COLOUR))
        painter.setPen(QPen(QColor("black"), 1))
        painter.drawEllipse(4, 4, 10, 10)
    else:
        painter.setPen(QPen(QColor(layers.DETECTED_COLOUR), 2))
        painter.drawEllipse(2, 2, 14, 14)
    painter.end()
    label = QLabel()
    label.setPixmap(QIcon(pixmap).pixmap(18, 18))
    return label


def _help() -> QLabel:
    rows = "".join(f"<tr><td><b>{what}</b>&nbsp;</td><td>{does}</td></tr>" for what, does in HELP)
    label = QLabel(f"<table>{rows}</table>")
    label.setWordWrap(True)
    return label
