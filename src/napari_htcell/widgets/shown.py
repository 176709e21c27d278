"""What is shown of a detection besides its points: scores, heat map, masks."""

from __future__ import annotations

from qtpy.QtCore import QSignalBlocker
from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QVBoxLayout, QWidget

from napari_htcell.widgets.desk import Desk
from napari_htcell.widgets.overlay import Overlay
from napari_htcell.widgets.scores import ScoreLegend


class Shown(QWidget):
    """Boxes to tick for what is to be shown.

    Parameters
    ----------
    desk : Desk
    """

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self.scores = QCheckBox("Scores")
        self.scores.setChecked(desk.session.preferences.shows_scores)
        self.scores.setToolTip(
            "<qt>Gives each ring the colour of its score while this step is shown</qt>"
        )
        self.legend = ScoreLegend()
        self.heat_map, self.masks = QCheckBox("Heat map"), QCheckBox("Masks")
        row = QHBoxLayout()
        for widget in (self.scores, self.legend, self.heat_map, self.masks):
            row.addWidget(widget, int(widget is self.legend))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row)
        self.scores.toggled.connect(self.colour)
        for box, overlay in self._overlays():
            box.setChecked(overlay.is_wanted)
            box.toggled.connect(overlay.want)
            box.toggled.connect(desk.draw_overlays)
        self.refresh()

    def colour(self) -> None:
        """Colour the candidates while this is shown and ticked."""
        shows = self.scores.isChecked()
        self.legend.setVisible(shows)
        self._desk.show_scores(shows and self.isVisible())

    def follow(self) -> None:
        """Tick what is wanted: a layer may have been deleted by hand."""
        for box, overlay in self._overlays():
            blocker = QSignalBlocker(box)
            box.setChecked(overlay.is_wanted)
            blocker.unblock()

    def refresh(self) -> None:
        """Offer what the image has, and say why where it has not."""
        document = self._desk.session.document
        has_maps = document is not None and document.prediction is not None
        run_first = "" if has_maps else " Press Detect first: only the points are kept on disk."
        self.heat_map.setEnabled(has_maps)
        self.heat_map.setToolTip(
            "<qt>What the network saw, as a layer: bright where it expects a cell. The points are "
            f"its peaks above the threshold.{run_first}</qt>"
        )
        has_masks = document is not None and self._desk.masks.source(document) is not None
        self.masks.setEnabled(has_masks)
        self.masks.setToolTip(
            "<qt>The outlines of whole cells as a layer, for a model that draws them (version C) "
            f"and the method masks.{run_first}</qt>"
        )

    def _overlays(self) -> tuple[tuple[QCheckBox, Overlay], ...]:
        return (self.heat_map, self._desk.heat_map), (self.masks, self._desk.masks)
