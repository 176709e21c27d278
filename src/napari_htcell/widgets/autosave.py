"""Saves a session shortly after each change."""

from __future__ import annotations

import logging

from napari.utils.notifications import show_error
from qtpy.QtCore import QObject, QTimer

from napari_htcell.widgets.session import Session
from napari_htcell.widgets.worker import error_text

PAUSE_MS = 500
"""Time without a change after which is saved: a burst of clicks is written once."""

RETRY_MS = 10_000
"""Time after which saving is tried again when it failed."""

_log = logging.getLogger(__name__)


class Autosave(QObject):
    """Saves a session.

    Parameters
    ----------
    session : Session
    """

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.save)
        session.saved_changed.connect(self._on_change)

    def _on_change(self) -> None:
        if not self._session.is_saved:
            self._timer.start(PAUSE_MS)

    def save_at_end(self) -> None:
        """Save when the window is going away, with nobody left to tell of a failure."""
        try:
            self._session.flush()
        except (OSError, ValueError):
            _log.exception("the last changes could not be saved")

    def save(self) -> bool:
        """Save now; on a failure the user is told, and it is tried again later."""
        self._timer.stop()
        try:
            self._session.flush()
        except (OSError, ValueError) as error:
            show_error(f"Not saved, and tried again in a while: {error_text(error)}")
            self._timer.start(RETRY_MS)
            return False
        return True
