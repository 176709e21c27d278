"""What all dock widgets have in common: the session, background jobs, a clean end."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Collection
from typing import Any

from qtpy.QtCore import QEvent, Qt
from qtpy.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QSizePolicy, QWidget
from superqt import QElidingLabel

from napari_htcell.progress import Progress
from napari_htcell.widgets.autosave import Autosave
from napari_htcell.widgets.desk import Desk
from napari_htcell.widgets.desks import desk_of
from napari_htcell.widgets.worker import Job, Steps
from napari_htcell.words import time_left


class _Ties:
    """What ties a widget to things that outlive it; kept apart so that its end can undo them."""

    def __init__(self, autosave: Autosave) -> None:
        self.autosave = autosave
        self.jobs: list[Job] = []
        self.undo: list[Callable[[], Any]] = []
        _UNCUT.add(self)

    def rest(self) -> None:
        """Stop what runs and save."""
        self.quit_jobs()
        self.autosave.save()

    def cut(self) -> None:
        """Undo everything; the widget is gone."""
        while self.undo:
            self.undo.pop()()
        self.quit_jobs()
        self.autosave.save_at_end()
        _UNCUT.discard(self)

    def quit_jobs(self) -> None:
        """Stop what runs."""
        for job in self.jobs:
            job.quit()


_UNCUT: set[_Ties] = set()
"""Those of widgets that are there. A window may be garbage as a whole, and what its end needs must
not have been cleared away before it."""


class Panel(QWidget):
    """A dock widget on a viewer's session.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
    """

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self.desk: Desk = desk_of(viewer)
        self.session = self.desk.session
        self._ties = ties = _Ties(self.desk.autosave)
        # No reference to the widget itself: when this is emitted, half of it is gone.
        self.destroyed.connect(lambda: ties.cut())

    def rest(self) -> None:
        """Stop what runs and save."""
        self._ties.rest()

    def cancel(self) -> bool:
        """Stop what the user has started here; False if nothing runs."""
        stopped = [row.cancel() for row in self.findChildren(JobRow)]
        return any(stopped)

    def listen(self, signal: Any, slot: Callable[..., Any]) -> None:
        """Call a slot on a signal of the session as long as the widget lives."""
        signal.connect(slot)
        # Weakly: what outlives the widget must not keep it alive.
        weak = weakref.WeakMethod(slot)
        self._ties.undo.append(lambda: _if_alive(weak, signal.disconnect))

    def want_clicks(self, is_wanted: Callable[[], bool]) -> None:
        """Have clicks on the image count as long as the widget lives and `is_wanted` says so."""
        clicks, weak = self.desk.clicks, weakref.WeakMethod(is_wanted)
        clicks.want(weak)
        self._ties.undo.append(lambda: clicks.unwant(weak))

    def new_job(self) -> Job:
        """Return a job that is stopped when the widget is closed."""
        job = Job()
        self._ties.jobs.append(job)
        return job

    def event(self, event: QEvent | None) -> bool:
        """Stop jobs and save when napari takes the widget out of its dock."""
        if event is not None and event.type() == QEvent.Type.ParentChange and not self.parent():
            self.rest()
        return bool(super().event(event))


def _if_alive(weak: weakref.WeakMethod[Any], action: Callable[..., Any]) -> None:
    slot = weak()
    if slot is not None:
        action(slot, missing_ok=True)


LEAST_BAR_PX, LEAST_LEFT_PX = 30, 40
"""Widths of a progress bar and of the time left."""


class JobRow(QWidget):
    """A button that starts a job and becomes its cancel button, and a progress bar.

    Parameters
    ----------
    text : str
        The button's text at rest.
    job : Job
    start : callable
        Called when the button is pressed at rest.
    """

    def __init__(self, text: str, job: Job, start: Callable[[], Any]) -> None:
        super().__init__()
        self._text, self._job, self._start = text, job, start
        self.button = QPushButton(text)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        # Narrow, or the dock would grow whenever something runs, and stay so.
        self.left = QElidingLabel()
        self.bar.setMinimumWidth(LEAST_BAR_PX)
        self.left.setMinimumWidth(LEAST_LEFT_PX)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.button, 2)
        layout.addWidget(self.bar, 3)
        layout.addWidget(self.left, 2)
        self.button.clicked.connect(self._on_click)
        job.progressed.connect(self._on_progress)
        job.finished.connect(self.rest)
        self.rest()

    def begin(self, what: str, make: Callable[[], Steps], uses: str | Collection[str] = ()) -> None:
        """Run a job and show how far it is; see `Job.start`."""
        self.button.setText("Cancel")
        self.bar.setRange(0, 0)
        self.bar.show()
        self.left.show()
        self._job.start(what, make, uses, is_asked_about=True)

    def rest(self) -> None:
        """Show that nothing runs."""
        self.button.setText(self._text)
        self.button.setEnabled(True)
        self.bar.hide()
        self.left.setText("")
        self.left.hide()

    @property
    def is_running(self) -> bool:
        """Whether the job runs, and the button would cancel it."""
        return self._job.is_running

    def cancel(self) -> bool:
        """Stop the job; False if none runs, or it is stopping already."""
        if not self._job.is_running or self._job.is_quitting:
            return False
        self._job.quit()
        self.button.setText("Cancelling…")
        self.button.setEnabled(False)
        return True

    def set_text(self, text: str) -> None:
        """Change the button's text at rest."""
        self._text = text
        if not self._job.is_running:
            self.button.setText(text)

    def _on_click(self) -> None:
        if self._job.is_running:
            self.cancel()
        else:
            self._start()

    def _on_progress(self, progress: Progress) -> None:
        # Qt counts to 2**31 only, and shows a moving bar for a range of 0. A part that is finished
        # is not the whole job: nobody knows yet how long the next one takes.
        is_under_way = progress.done < progress.total
        self.bar.setRange(0, progress.total if is_under_way else 0)
        self.bar.setValue(progress.done)
        left = time_left(progress.seconds_left) if is_under_way else ""
        self.left.setText(left or progress.what)
        self.left.setToolTip(progress.what)


def note(text: str = "") -> QLabel:
    """Return a label for a sentence, which breaks its lines."""
    label = QLabel(text)
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    # Its height follows from its width; at least what Qt would like is several lines too many.
    label.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
    return label
