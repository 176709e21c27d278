"""A real window with the dock, a clock, and a hand on the mouse, for benchmarks."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
import napari
import numpy as np
from qtpy.QtCore import QEvent, QObject, QTimer
from qtpy.QtWidgets import QApplication

from napari_htcell.widgets.htcell import HTCellPanel

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from hand import Hand

TICK_MS = 5
"""Between two looks at whether the window is kept waiting."""

WAIT_SECONDS = 300

INPUTS = (QEvent.Type.MouseMove, QEvent.Type.MouseButtonRelease, QEvent.Type.KeyPress)


class Window:
    """A viewer with the dock on the smallest screen that it is made for."""

    def __init__(self) -> None:
        self.viewer = napari.Viewer(title="napari-htcell")
        self.viewer.window.resize(1366, 768)
        self.dock = HTCellPanel(self.viewer)
        self.viewer.window.add_dock_widget(self.dock, name="HTCell")
        self.app: Any = QApplication.instance()
        self.late: list[float] = []
        """By how many milliseconds the window's own timer came late."""
        self._ticked = time.perf_counter()
        self._timer = QTimer()
        self._timer.timeout.connect(self._tick)
        self._timer.start(TICK_MS)
        self.settle()
        self.clock = Clock()
        self.hand = Hand(self.viewer, self.dock, self.clock)
        self.clock.watch(self.hand.canvas)

    def _tick(self) -> None:
        now = time.perf_counter()
        self.late.append(1000 * (now - self._ticked) - TICK_MS)
        self._ticked = now

    def settle(self) -> None:
        """Let the window draw all that is to be drawn."""
        for _ in range(3):
            self.app.processEvents()

    def wait(self, is_reached: Callable[[], Any]) -> None:
        """Let the window work until a condition holds."""
        self.clock.waitUntil(is_reached)

    def seconds(self, act: Callable[[], Any], is_reached: Callable[[], Any]) -> float:
        """Return the seconds from an act until its effect is drawn."""
        start = time.perf_counter()
        act()
        self.wait(is_reached)
        self.settle()
        return time.perf_counter() - start

    def is_shown(self, name: str) -> bool:
        """Return whether an image of the project is the one worked on."""
        document = self.dock.session.document
        return document is not None and document.name == name


class Clock(QObject):
    """Waits as the hand asks for, and knows when the canvas got an event and was painted."""

    def __init__(self) -> None:
        super().__init__()
        self.event_at = self.cpu_at = 0.0
        self.painted_at: float | None = None
        self.cpu_ms = 0.0

    def watch(self, canvas: Any) -> None:
        """Take the time of a canvas' events from now on."""
        canvas.installEventFilter(self)
        canvas.frameSwapped.connect(self._on_painted)

    def eventFilter(self, _canvas: Any, event: QEvent | None) -> bool:
        """Start anew at an event, of which the first painting afterwards shows the effect."""
        if event is not None and event.type() in INPUTS:
            self.event_at, self.cpu_at = time.perf_counter(), time.thread_time()
            self.painted_at = None
        return False

    def _on_painted(self) -> None:
        if self.painted_at is None:
            self.painted_at = time.perf_counter()
            self.cpu_ms = 1000 * (time.thread_time() - self.cpu_at)

    @property
    def painted_ms(self) -> float:
        """From the last event until it was painted."""
        self.waitUntil(lambda: self.painted_at is not None)
        return 1000 * ((self.painted_at or 0.0) - self.event_at)

    def wait(self, milliseconds: int) -> None:
        """Let the window work for a while."""
        end = time.perf_counter() + milliseconds / 1000
        while time.perf_counter() < end:
            QApplication.processEvents()
            time.sleep(0.0005)

    def waitUntil(
        self, is_reached: Callable[[], Any], timeout: float = 1000 * WAIT_SECONDS
    ) -> None:
        """Let the window work until a condition holds; the name is pytest-qt's."""
        end = time.perf_counter() + timeout / 1000
        while not is_reached():
            QApplication.processEvents()
            time.sleep(0.0005)
            if time.perf_counter() > end:
                raise click.ClickException("the window does not get there")


def summary(milliseconds: Sequence[float]) -> dict[str, float]:
    """Return median and 95th percentile."""
    return {
        "median_ms": round(float(np.median(milliseconds)), 1),
        "p95_ms": round(float(np.percentile(milliseconds, 95)), 1),
    }
