"""Saves a session shortly after each change, and tells what others do in the same project."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from napari.utils.notifications import show_error, show_warning
from qtpy.QtCore import QObject, QTimer

from napari_htcell.lease import BEAT_SECONDS, Holder
from napari_htcell.widgets.session import Session
from napari_htcell.widgets.worker import error_text

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
        session.told.connect(self._tell)
        session.others_changed.connect(self._on_others)
        self._beat = QTimer(self)
        self._beat.timeout.connect(session.beat)
        self._beat.start(round(1000 * BEAT_SECONDS))

    def _tell(self, text: str) -> None:
        show_warning(text)

    def _on_others(self) -> None:
        text = others_text(self._session.others)
        if text:
            self._tell(text)

    def _on_change(self) -> None:
        if not self._session.is_saved:
            # Anew for each change: a burst of clicks is written once.
            self._timer.start(round(1000 * self._session.preferences.autosave_seconds))

    def save_at_end(self) -> None:
        """Save when the window is going away; what cannot be is kept for the next time.

        There is nobody left to tell; the next window that opens the project does.
        """
        try:
            self._session.flush()
        except (OSError, ValueError):
            _log.exception("the last changes could not be saved")
            try:
                place = self._session.put_aside()
            except (OSError, ValueError):
                _log.exception("nor could they be kept elsewhere")
            else:
                if place is not None:
                    _log.warning("they are kept in %s", place)
        self._session.leave()

    def stop(self) -> None:
        """Save for the last time."""
        self.save_at_end()
        self._timer.stop()
        self._beat.stop()
        self._session.saved_changed.disconnect(self._on_change)

    def save(self) -> bool:
        """Save now; on a failure the user is told, and it is tried again later."""
        self._timer.stop()
        self._session.look_for_other_pixels()
        try:
            self._session.flush()
        except (OSError, ValueError) as error:
            show_error(f"Not saved, and tried again in a while: {error_text(error)}")
            self._timer.start(RETRY_MS)
            return False
        return True


def others_text(others: Sequence[Holder]) -> str:
    """Return in words who else has the project open; empty if nobody has."""
    if not others:
        return ""
    who = "; ".join(one.in_words for one in others)
    return (
        f"This folder is open in another window too: {who}. Go on if you like: what is clicked in "
        "both is put together."
    )
