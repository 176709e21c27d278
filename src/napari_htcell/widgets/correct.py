"""Correct: click what the model missed, accept what it found, say when an image is done."""

from __future__ import annotations

import napari.viewer
from qtpy.QtGui import QKeySequence, QShowEvent
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QPushButton,
    QShortcut,
    QWidget,
)

from napari_htcell.annotations import frames_of
from napari_htcell.widgets import keys
from napari_htcell.widgets.document import Document
from napari_htcell.widgets.keys_page import KeysPage
from napari_htcell.widgets.legend import Legend
from napari_htcell.widgets.panel import Panel, note
from napari_htcell.widgets.points_io import save_annotation_as
from napari_htcell.widgets.scrolled import inside_of
from napari_htcell.widgets.states import AGREED, ANNOTATED, CANDIDATE, MISSED, State
from napari_htcell.words import count

HINT = "Click: accept, or add a cell. Right-click: reject, or remove."
DRAWING_HINT = "Click at each corner around the region; double-click at the last one."

WAITING_HINT = "Getting ready to draw: the first time after an installation takes a while…"


class CorrectPanel(Panel):
    """Adds, accepts, moves and removes points by clicks on the image.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
    """

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__(viewer)
        self._build()
        self._connect()
        self.want_clicks(self._wants_clicks)
        for signal in (
            self.session.document_changed,
            self.session.marks_changed,
            self.session.found_changed,
            self.session.saved_changed,
        ):
            self.listen(signal, self._refresh)
        self.listen(self.desk.frame_changed, self._refresh)
        self.listen(self.desk.regions.drawing_changed, self._on_drawing)
        self._refresh()

    def _build(self) -> None:
        self.legend, self.hint = Legend(), note(HINT)
        self.by_clicks = QCheckBox("Clicks on the image change points")
        self.by_clicks.setChecked(self.session.preferences.clicks_change_points)
        self.by_clicks.setToolTip(
            "<qt>While this is on and visible. Dragging on nothing still moves the image.</qt>"
        )
        self.keys_page = KeysPage(self)
        self.keys_button = QPushButton("Keys…")
        self.keys_button.setToolTip(f"<qt>All that mouse and keys can do ({keys.PAGE_KEY})</qt>")
        self.undo_button, self.redo_button = QPushButton("↶ Undo"), QPushButton("↷ Redo")
        self.accept_button = QPushButton()
        self.accept_button.setToolTip(
            "<qt>Annotates every candidate in this image above the threshold of Detect; "
            "undo takes all of them back</qt>"
        )
        self.complete = QCheckBox()
        self.complete.setToolTip(
            "<qt>Say that every cell is annotated. Fine-tuning learns from complete images, and "
            "only what you annotated counts in them</qt>"
        )
        self.region_button = QPushButton()
        self.region_button.setCheckable(True)
        self.region_button.setToolTip(
            "<qt>Draw around a part of the image in which every cell is annotated: fine-tuning "
            "learns from it as from a complete image, and it is less to click</qt>"
        )
        self.regions = QComboBox()
        self.regions.setToolTip("<qt>The complete regions of this image</qt>")
        self.remove_button = QPushButton("Remove")
        self.remove_button.setToolTip("<qt>Remove this region; the cells in it stay</qt>")
        self.save_button = QPushButton("Save points…")
        self.saved = note()
        layout = inside_of(self)
        layout.addWidget(self.legend)
        layout.addWidget(self.by_clicks)
        layout.addWidget(self.hint)
        layout.addLayout(_row(self.undo_button, self.redo_button, self.keys_button))
        for widget in (self.accept_button, self.complete, self.region_button):
            layout.addWidget(widget)
        regions = _row(self.regions, self.remove_button)
        regions.setStretchFactor(self.regions, 1)
        layout.addLayout(regions)
        layout.addWidget(self.save_button)
        layout.addWidget(self.saved)
        layout.addStretch(1)

    def _connect(self) -> None:
        self.undo_button.clicked.connect(self.session.undo)
        self.redo_button.clicked.connect(self.session.redo)
        actions = self.desk.actions
        self.accept_button.clicked.connect(lambda: actions.decide_all(rejects=False))
        self.complete.clicked.connect(self._on_complete)
        self.save_button.clicked.connect(self._save_as)
        self.keys_button.clicked.connect(self.keys_page.toggle)
        self.region_button.clicked.connect(self._on_region_button)
        self.remove_button.clicked.connect(self._remove_region)
        shortcut = QShortcut(QKeySequence(keys.PAGE_KEY), self)
        shortcut.activated.connect(self.keys_page.toggle)
        # Where this panel is open twice, Qt cannot choose between them.
        shortcut.activatedAmbiguously.connect(self.keys_page.toggle)

    def showEvent(self, event: QShowEvent | None) -> None:
        """Get ready for drawing, before somebody wants to."""
        super().showEvent(event)
        self.desk.regions.prepare()

    def _wants_clicks(self) -> bool:
        is_drawing = self.desk.regions.is_drawing
        return self.by_clicks.isChecked() and self.isVisible() and not is_drawing

    def _on_complete(self, complete: bool) -> None:
        document = self.session.document
        if document is not None:
            document.mark_complete(complete, self.desk.frame)
            self.session.changed()

    def _on_region_button(self, is_wanted: bool) -> None:
        if is_wanted:
            self.desk.draw_region()
        else:
            self.desk.stop_drawing()

    def _on_drawing(self, is_drawing: bool) -> None:
        self.region_button.setChecked(is_drawing)
        self.region_button.setText("Cancel drawing" if is_drawing else "Draw a complete region")
        drawing_hint = WAITING_HINT if self.desk.regions.is_waiting else DRAWING_HINT
        self.hint.setText(drawing_hint if is_drawing else HINT)

    def _remove_region(self) -> None:
        document, chosen = self.session.document, self.regions.currentData()
        if document is not None and chosen is not None:
            kept = [one for i, one in enumerate(document.annotation.regions) if i != chosen]
            document.replace_regions(tuple(kept))
            self.session.changed()

    def _refresh(self) -> None:
        document, frame = self.session.document, self.desk.frame
        for widget in (self.complete, self.by_clicks, self.region_button):
            widget.setEnabled(document is not None)
        self.undo_button.setEnabled(document is not None and document.can_undo)
        self.redo_button.setEnabled(document is not None and document.can_redo)
        self.save_button.setVisible(document is not None and not document.in_project)
        rejected = 0 if document is None else len(document.annotation.rejected_in(frame))
        self.legend.show_counts(state_counts(document, frame), rejected)
        is_stack = document is not None and document.picture.ndim == 3
        where = f"frame {frame}" if is_stack else "this image"
        self.complete.setText(f"Every cell in {where} is annotated")
        self.complete.setChecked(
            document is not None and document.annotation.status(frame) == "complete"
        )
        self._refresh_accept(document, frame)
        self._refresh_regions(document, frame)
        self._on_drawing(self.desk.regions.is_drawing)
        self.saved.setText(self._saved_text())

    def _refresh_accept(self, document: Document | None, frame: int) -> None:
        found = None if document is None else document.found
        many = 0 if document is None else len(document.candidates_in(frame))
        above = "" if found is None else f" above {found.provenance.settings.threshold:.2f}"
        self.accept_button.setText(
            f"Accept all {count(many, 'candidate')}{above}" if many else "No candidates to accept"
        )
        self.accept_button.setEnabled(many > 0)

    def _refresh_regions(self, document: Document | None, frame: int) -> None:
        texts = {} if document is None else region_texts(document, frame)
        for widget in (self.regions, self.remove_button):
            widget.setVisible(bool(texts))
        chosen = self.regions.currentIndex()
        self.regions.clear()
        for index, text in texts.items():
            self.regions.addItem(text, index)
        self.regions.setCurrentIndex(min(max(chosen, 0), len(texts) - 1))

    def _saved_text(self) -> str:
        document = self.session.document
        if document is None:
            return "Open a folder, or an image in napari, to begin."
        if document.in_project:
            if not self.session.is_saved:
                return "Saving…"
            return "✓ Saved" if self.session.has_saved else "No changes yet."
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


def state_counts(document: Document | None, frame: int) -> dict[State, int]:
    """Return how many points of each state a frame has; those that there cannot be are left out."""
    if document is None:
        return {}
    here = frames_of(document.annotation.points) == frame
    if document.pairing is None:
        return {ANNOTATED: int(here.sum())}
    is_detected = document.pairing.is_detected
    return {
        AGREED: int((here & is_detected).sum()),
        MISSED: int((here & ~is_detected).sum()),
        CANDIDATE: len(document.candidates_in(frame)),
    }


def region_texts(document: Document, frame: int) -> dict[int, str]:
    """Return the complete regions of a frame in words, by their indices."""
    annotation = document.annotation
    points = annotation.in_frame(frame)
    here = [i for i, region in enumerate(annotation.regions) if region.frame == frame]
    return {
        index: f"Region {number}: "
        + count(int(annotation.regions[index].contains(points).sum()), "cell")
        for number, index in enumerate(here, start=1)
    }


def _row(*widgets: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    for widget in widgets:
        row.addWidget(widget)
    return row
