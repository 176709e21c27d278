"""The legend of the points: a symbol, a number and a word for each state."""

from __future__ import annotations

from qtpy.QtWidgets import QGridLayout, QLabel, QWidget
from superqt import QElidingLabel

from napari_htcell.widgets.signs import picture
from napari_htcell.widgets.states import STATES, State


class Legend(QWidget):
    """Says how many points of each state are shown."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = {state: (QLabel(), QElidingLabel()) for state in STATES}
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(2)
        grid.setColumnStretch(1, 1)
        for row, (state, (sign, text)) in enumerate(self.rows.items()):
            sign.setPixmap(picture(state.form, state.colour))
            text.setToolTip(f"<qt>{state.tip}</qt>")
            grid.addWidget(sign, row, 0)
            grid.addWidget(text, row, 1)
        self.rejected = QElidingLabel()
        self.rejected.setToolTip(
            "<qt>They do not come back, whatever model you run, and training learns that no cell "
            "is there. Click at such a place to say that it is a cell after all</qt>"
        )
        grid.addWidget(self.rejected, len(STATES), 1)

    def show_counts(self, counts: dict[State, int], rejected: int) -> None:
        """Show the states that there can be, with their numbers, and what was rejected."""
        self.rejected.setVisible(rejected > 0)
        self.rejected.setText(f"{rejected} rejected: no cells, not shown")
        for state, (sign, text) in self.rows.items():
            sign.setVisible(state in counts)
            text.setVisible(state in counts)
            text.setText(f"{counts.get(state, 0)} {state.words}")
