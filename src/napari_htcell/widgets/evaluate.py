"""Evaluate: how good the detections are on the images whose every cell is clicked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import napari.viewer
from qtpy.QtCore import QTimer
from qtpy.QtGui import QHideEvent, QShowEvent
from qtpy.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QTabWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_htcell.config import EvaluateConfig
from napari_htcell.widgets import fields, jobs
from napari_htcell.widgets.comparing import (
    WHAT_TO_DO,
    Comparing,
    Row,
    basis_text,
    intervals_text,
    warning_text,
)
from napari_htcell.widgets.curve_page import CurvePage
from napari_htcell.widgets.errors_here import ErrorsHere
from napari_htcell.widgets.figures_table import empty_table, fill
from napari_htcell.widgets.panel import JobRow, Panel, note
from napari_htcell.widgets.scrolled import inside_of
from napari_htcell.widgets.theme import plain_tabs
from napari_htcell.words import count

if TYPE_CHECKING:
    from napari_htcell.comparison import Comparison
    from napari_htcell.curve import Curve
    from napari_htcell.detections import Detections

AGAIN_MS = 600
"""Pause after a change after which everything is compared anew."""


class EvaluatePanel(Panel):
    """Compares what was found with the complete images.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
    """

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__(viewer)
        self.job = self.new_job()
        self.comparing = Comparing(self.session)
        self.here = ErrorsHere(self.desk)
        self._rows: list[Row] = []
        self._runs, self._of = "", self.session.project
        self._seen: Mapping[str, Any] = {}
        self._is_stale = True
        self._frame_wanted: tuple[str, int] | None = None
        self._again = QTimer(self)
        self._again.setSingleShot(True)
        self._again.setInterval(AGAIN_MS)
        self._again.timeout.connect(self._compare_if_stale)
        self._build()
        self._connect()
        self.refresh()

    def _build(self) -> None:
        self.basis, self.warning, self.intervals = note(), note(), note()
        self.intervals.setToolTip(
            "<qt>Around a count the window shows between what numbers the true count should lie. "
            "Here the true one is known: this is how often it did</qt>"
        )
        self.cutoff = fields.spin_box(EvaluateConfig, "cutoff_um", "µm")
        self.cutoff.setValue(self.session.preferences.cutoff_um)
        self.run_row = JobRow("Run the model on these", self.job, self.compare_model)
        self.run_row.button.setToolTip(
            "<qt>Runs the chosen model on the complete images now: the curve is known further "
            "down, and false alarms that you rejected count too. Nothing is saved</qt>"
        )
        top = QHBoxLayout()
        self.within = QLabel("Within")
        top.addWidget(self.within)
        top.addWidget(self.cutoff)
        top.addWidget(self.run_row, 1)
        layout = inside_of(self)
        layout.addWidget(self.basis)
        layout.addWidget(self.warning)
        layout.addLayout(top)
        layout.addWidget(self._build_pages(), 1)
        layout.addStretch(0)

    def _build_pages(self) -> QTabWidget:
        self.table = empty_table()
        self.errors, self.curve = self.here.list, CurvePage()
        images = QWidget()
        inside = QVBoxLayout(images)
        inside.setContentsMargins(0, 4, 0, 0)
        inside.addWidget(self.table, 1)
        inside.addWidget(self.intervals)
        self.pages = QTabWidget()
        plain_tabs(self.pages)
        for page, title, tip in (
            (images, "Images", "How good the detections are in each complete image"),
            (self.errors, "Errors here", "What is wrong in the open image, one after another"),
            (self.curve, "Threshold", "What another threshold would give"),
        ):
            self.pages.setTabToolTip(self.pages.addTab(page, title), tip)
        return self.pages

    def _connect(self) -> None:
        session = self.session
        self.cutoff.valueChanged.connect(self._on_cutoff)
        self.curve.wanted.connect(self._use)
        self.table.itemClicked.connect(self._on_row)
        self.job.returned.connect(self._on_compared)
        self.job.finished.connect(self._on_finished)
        self.listen(session.project_changed, self._on_project)
        self.listen(session.document_changed, self._on_document)
        for signal in (session.found_changed, session.marks_changed, session.settings_changed):
            self.listen(signal, self._on_live)
        self.listen(session.summaries_changed, self._on_summaries)
        self.listen(session.model_changed, self._on_model)
        self.listen(session.models_changed, self._on_model)

    def compare_kept(self) -> None:
        """Compare what was found before, in the background."""
        self._compare("", self.comparing.found())

    def compare_model(self) -> None:
        """Run the chosen model on the complete images and compare, in the background."""
        self._compare(self.session.model, {})

    def _compare(self, model: str, found: Mapping[str, Detections]) -> None:
        project = self.session.project
        if project is None or self.job.is_running or not self.desk.autosave.save():
            return
        self._of, self._runs, self._is_stale = project, model or self.comparing.ran, False
        self._seen, cutoff = self.comparing.complete(), self.cutoff.value()
        self.run_row.begin(
            "comparing", lambda: jobs.compare_steps(project, model, found, cutoff), uses=model
        )

    def _compare_if_stale(self) -> None:
        """Compare anew while this step is looked at and something has changed."""
        if self._is_stale and self.isVisible() and self.comparing.complete():
            self.compare_kept()

    def _outdate(self) -> None:
        self._is_stale = True
        self._again.start()

    def _on_compared(self, result: tuple[Comparison, Curve | None]) -> None:
        if self._of is self.session.project:
            self.comparing.take(*result, self._runs)
            self.refresh()

    def _on_finished(self) -> None:
        self._allow()
        if self._is_stale:
            self._again.start()

    def _on_project(self) -> None:
        self.job.quit()
        self.comparing.forget()
        self._outdate()
        self.refresh()

    def _on_model(self) -> None:
        if self.comparing.ran not in ("", self.session.model):
            # What another model found for this alone is of no use any more; what is kept is.
            self.comparing.ran = ""
            self._outdate()
        self._allow()

    def _on_cutoff(self) -> None:
        self.comparing.curve = None
        self._outdate()
        self.refresh()

    def _on_summaries(self) -> None:
        complete = self.comparing.complete()
        if complete != self._seen:
            if complete.keys() != self._seen.keys():
                self.comparing.ran = ""
            self._outdate()
        self._allow()

    def _on_document(self) -> None:
        document, wanted = self.session.document, self._frame_wanted
        self._frame_wanted = None
        if document is not None and wanted is not None and document.name == wanted[0]:
            self.desk.go_to(wanted[1])
        # Of hundreds of images that takes a second; it is done when somebody looks.
        if self.isVisible():
            self.refresh()

    def _on_live(self) -> None:
        """Follow the open image at once; the curve follows after a pause, with the summaries."""
        if self.isVisible():
            self.refresh()

    def refresh(self) -> None:
        """Show everything as it is now."""
        self._rows = self.comparing.rows(self.cutoff.value())
        self._fill_table()
        self.pages.setTabText(self.pages.indexOf(self.errors), self.here.fill(self._rows))
        self._fill_curve()
        comparison = self.comparing.comparison
        missing = () if comparison is None else comparison.not_detected
        said = basis_text(self._rows, self.comparing.ran, missing)
        n_complete = len(self.comparing.complete())
        usual = f"{count(n_complete, 'complete image')} to compare with." if n_complete else ""
        self.basis.setText(said or usual or WHAT_TO_DO)
        for label, text in (
            (self.warning, warning_text(self._rows, self.session)),
            (self.intervals, intervals_text(self._rows)),
        ):
            label.setText(text)
            label.setVisible(bool(text))
        self._allow()

    def _fill_table(self) -> None:
        document, frame = self.session.document, self.desk.frame
        fill(
            self.table,
            self._rows,
            lambda one: document is not None and (one.image, one.frame) == (document.name, frame),
        )

    def _fill_curve(self) -> None:
        thresholds = {round(one.threshold, 4) for one in self._rows}
        comparison = self.comparing.comparison
        is_other = comparison is not None and comparison.images and not comparison.has_curve
        self.curve.show_curve(
            self.comparing.curve,
            thresholds.pop() if len(thresholds) == 1 else None,
            "There is a curve for the method peaks alone." if is_other else "Not drawn yet.",
        )

    def _allow(self) -> None:
        has_complete = bool(self.comparing.complete())
        for widget in (self.within, self.cutoff, self.run_row, self.pages):
            widget.setVisible(has_complete)
        model = self.session.model
        self.run_row.set_text(f"Run {model} on these" if model else "No model")
        self.run_row.button.setEnabled(bool(model) or self.job.is_running)

    def _on_row(self, item: QTreeWidgetItem) -> None:
        at = self.table.indexOfTopLevelItem(item) - 1
        if at < 0:
            return
        one, document = self._rows[at].compared, self.session.document
        if document is not None and document.in_project and document.name == one.image:
            self.desk.go_to(one.frame)
        else:
            self._frame_wanted = one.image, one.frame
            self.session.image_called.emit(one.image)

    def _use(self, threshold: float) -> None:
        self.session.use(self.session.settings.model_copy(update={"threshold": threshold}))
        self.curve.text.setText(
            f"The threshold in Detect is {threshold:.2f} now. “Detect in all images” there uses it "
            "everywhere."
        )

    def rest(self) -> None:
        """Take the errors out of the viewer too."""
        super().rest()
        self.here.show(False)

    def showEvent(self, event: QShowEvent | None) -> None:
        """Compare, if there is news, and show the errors."""
        super().showEvent(event)
        self.here.show(True)
        self.refresh()
        self._compare_if_stale()

    def hideEvent(self, event: QHideEvent | None) -> None:
        """Take the errors out of the viewer."""
        super().hideEvent(event)
        self.here.show(False)
