"""HTCell: the project's images on top, and below them the five steps of the work."""

from __future__ import annotations

from enum import Enum

import napari.viewer
from qtpy.QtCore import Qt
from qtpy.QtGui import QResizeEvent, QShowEvent
from qtpy.QtWidgets import QSplitter, QTabWidget, QVBoxLayout, QWidget

from napari_htcell.progress import Progress
from napari_htcell.widgets.correct import CorrectPanel
from napari_htcell.widgets.detect import DetectPanel
from napari_htcell.widgets.evaluate import EvaluatePanel
from napari_htcell.widgets.export import ExportPanel
from napari_htcell.widgets.fine_tune import FineTunePanel
from napari_htcell.widgets.images import ImagesPanel
from napari_htcell.widgets.panel import Panel
from napari_htcell.widgets.theme import plain_tabs


class Step(Enum):
    """The steps in their order."""

    DETECT = "Detect"
    CORRECT = "Correct"
    FINE_TUNE = "Fine-tune"
    EVALUATE = "Evaluate"
    EXPORT = "Export"


STEPS_SHARE = 0.58
"""Part of the dock's height that the steps take, each the same: tabs and a list that jump are hard
to click. On a small laptop it is what Detect needs."""


class HTCellPanel(Panel):
    """All steps in one dock.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
    """

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__(viewer)
        self.images = ImagesPanel(viewer)
        self.detect = DetectPanel(viewer)
        self.correct = CorrectPanel(viewer)
        self.fine_tune = FineTunePanel(viewer)
        self.evaluate = EvaluatePanel(viewer)
        self.export = ExportPanel(viewer)
        self.steps = QTabWidget()
        plain_tabs(self.steps)
        for number, (step, panel) in enumerate(zip(Step, self._step_panels(), strict=True), 1):
            self.steps.addTab(panel, f"{number} {step.value}")
        self._split = split = QSplitter(Qt.Orientation.Vertical)
        split.addWidget(self.images)
        split.addWidget(self.steps)
        split.setStretchFactor(0, 1)
        split.setStretchFactor(1, 0)
        split.setChildrenCollapsible(False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(split)
        self._is_split_by_hand = False
        split.splitterMoved.connect(self._on_split)
        self.fine_tune.job.progressed.connect(self._on_training)
        self.fine_tune.job.finished.connect(self._on_training_finished)

    def show_step(self, step: Step) -> None:
        """Turn to a step."""
        self.steps.setCurrentIndex(list(Step).index(step))

    def showEvent(self, event: QShowEvent | None) -> None:
        """Share the height out as soon as it is known."""
        super().showEvent(event)
        self._share()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Share another height out."""
        super().resizeEvent(event)
        self._share()

    def turn_to(self, panel: QWidget) -> None:
        """Turn to the step that a panel is in, if it is in one."""
        for step in self._step_panels():
            if step is panel or step.isAncestorOf(panel):
                self.steps.setCurrentWidget(step)

    def rest(self) -> None:
        """Stop what runs in any step, and save."""
        for panel in (self.images, *self._step_panels()):
            panel.rest()
        super().rest()

    def _step_panels(self) -> tuple[Panel, ...]:
        return self.detect, self.correct, self.fine_tune, self.evaluate, self.export

    def _share(self) -> None:
        """Give the steps their part, unless the user has shared the height out."""
        if not self._is_split_by_hand:
            height = sum(self._split.sizes())
            steps = round(STEPS_SHARE * height)
            self._split.setSizes([height - steps, steps])

    def _on_split(self, *_: int) -> None:
        self._is_split_by_hand = True

    def _on_training(self, progress: Progress) -> None:
        # Seen from the other steps, where one goes on meanwhile.
        if progress.done < progress.total:
            percent = round(100 * progress.done / progress.total)
            self._say_beside(f" {percent} %")

    def _on_training_finished(self) -> None:
        self._say_beside("")

    def _say_beside(self, text: str) -> None:
        at = self.steps.indexOf(self.fine_tune)
        self.steps.setTabText(at, f"{at + 1} {Step.FINE_TUNE.value}{text}")
