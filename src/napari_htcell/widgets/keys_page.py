"""The page of all keys and mouse gestures."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDialog, QLabel, QVBoxLayout, QWidget

from napari_htcell.widgets import keys


class KeysPage(QDialog):
    """Shows the list; one goes on working meanwhile.

    Parameters
    ----------
    parent : QWidget
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keys and mouse")
        self.text = QLabel(keys.page())
        # No wrapping: a label that wraps is given too little height, and loses its last rows.
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        layout = QVBoxLayout(self)
        layout.addWidget(self.text)

    def toggle(self) -> None:
        """Show the page, or put it away again."""
        self.setVisible(not self.isVisible())
        if self.isVisible():
            self.raise_()
