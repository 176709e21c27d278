"""The curve over the threshold, in words too, and the button that takes the best one."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget

from napari_htcell.curve import Curve
from napari_htcell.widgets.panel import note
from napari_htcell.widgets.plots import CurvePlot


class CurvePage(QWidget):
    """Shows what each threshold would give."""

    wanted = Signal(float)

    def __init__(self) -> None:
        super().__init__()
        self._best = 0.0
        self.plot, self.text = CurvePlot(), note()
        self.use_button = QPushButton()
        self.use_button.setToolTip("<qt>Sets the threshold in Detect</qt>")
        self.use_button.clicked.connect(lambda: self.wanted.emit(self._best))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 0)
        for widget in (self.plot, self.text, self.use_button):
            layout.addWidget(widget)
        layout.addStretch(1)

    def show_curve(self, curve: Curve | None, threshold: float | None, why_not: str) -> None:
        """Show a curve and the threshold in use, or why there is none."""
        for widget in (self.plot, self.use_button):
            widget.setVisible(curve is not None)
        self.plot.show_curve(curve, threshold)
        if curve is None:
            self.text.setText(why_not)
            return
        best = curve.best
        self._best = round(curve.best_threshold, 4)
        self.text.setText(
            f"Best F {curve.f_score[best]:.2f} at {self._best:.2f}: precision "
            f"{curve.precision[best]:.2f}, recall {curve.recall[best]:.2f}. Upright: the "
            f"threshold in use. Below {curve.thresholds[0]:.2f} nothing was kept."
        )
        self.use_button.setText(f"Use the threshold {self._best:.2f}")
