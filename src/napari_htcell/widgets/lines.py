"""A label of a fixed number of lines: what stands around it stays, however long its text is."""

from __future__ import annotations

from qtpy.QtCore import QEvent, Qt
from superqt import QElidingLabel


class Lines(QElidingLabel):
    """A label that is so many lines high, whatever it says.

    Parameters
    ----------
    lines : int
        What does not fit in them is cut off, which three dots say.
    """

    def __init__(self, lines: int) -> None:
        super().__init__()
        self._lines = lines
        self.setWordWrap(True)
        self.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        # It is elided to its whole width, and a theme's padding would break that text once more.
        self.setStyleSheet("padding: 0; margin: 0")
        self._fit()

    def changeEvent(self, event: QEvent | None) -> None:
        """Fit the height to the font, which a window's theme sets after the label was made."""
        super().changeEvent(event)
        if event is not None and event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._fit()

    def _fit(self) -> None:
        self.setFixedHeight(self._lines * self.fontMetrics().height() + 2)
