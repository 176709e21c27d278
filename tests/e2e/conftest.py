"""A real napari window with the dock, and a hand on the mouse."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QOpenGLWidget

from napari_htcell.widgets.htcell import HTCellPanel

LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
WAIT_MS = 60_000


class Hand:
    """Does with the mouse and the keyboard what a user does.

    Places are (y, x) in pixels of the image that is shown.
    """

    RIGHT = RIGHT

    def __init__(self, viewer, dock, qtbot):
        self.viewer, self.dock, self._qtbot = viewer, dock, qtbot
        canvases = [w for w in QApplication.allWidgets() if isinstance(w, QOpenGLWidget)]
        (self.canvas,) = [w for w in canvases if w.isVisible()]

    def at(self, place) -> QPoint:
        """Return where on the canvas a place of the image is drawn."""
        layer = self.dock.desk.image
        world = np.asarray(layer.data_to_world(place))[-2:]
        camera = self.viewer.scene.camera
        y, x = (world - np.asarray(camera.center)[-2:]) * camera.zoom
        point = QPoint(round(x + self.canvas.width() / 2), round(y + self.canvas.height() / 2))
        assert self.canvas.rect().contains(point)
        return point

    def click(self, place, button=LEFT, modifier=Qt.KeyboardModifier.NoModifier):
        QTest.mouseMove(self.canvas, self.at(place))
        QTest.mouseClick(self.canvas, button, modifier, self.at(place))
        # Two clicks at one place within this time are a double click, which zooms.
        self._qtbot.wait(20)

    def drag(self, start, end):
        points = [self.at(np.asarray(start) + t * np.subtract(end, start)) for t in (0, 0.5, 1)]
        QTest.mousePress(self.canvas, LEFT, pos=points[0])
        for point in points[1:]:
            # QTest.mouseMove tells of no pressed button.
            self._send(QEvent.Type.MouseMove, point)
        QTest.mouseRelease(self.canvas, LEFT, pos=points[-1])
        self._qtbot.wait(20)

    def _send(self, kind, point):
        where = QPointF(point)
        event = QMouseEvent(
            kind,
            where,
            QPointF(self.canvas.mapToGlobal(point)),
            Qt.MouseButton.NoButton,
            LEFT,
            Qt.KeyboardModifier.NoModifier,
        )
        QApplication.sendEvent(self.canvas, event)

    def key(self, key, modifier=Qt.KeyboardModifier.NoModifier):
        self.canvas.setFocus()
        QTest.keyClick(self.canvas, key, modifier)
        self._qtbot.wait(20)

    def press(self, button):
        """Press a button of the dock."""
        assert button.isEnabled()
        assert button.isVisible()
        QTest.mouseClick(button, LEFT)
        self._qtbot.wait(20)

    def tick(self, box):
        """Change a check box by clicking on its box."""
        QTest.mouseClick(box, LEFT, pos=QPoint(10, box.height() // 2))
        self._qtbot.wait(20)

    def step(self, number):
        """Turn to a step of the dock by clicking on its tab."""
        bar = self.dock.steps.tabBar()
        QTest.mouseClick(bar, LEFT, pos=bar.tabRect(number - 1).center())
        assert self.dock.steps.currentIndex() == number - 1

    def until(self, condition):
        self._qtbot.waitUntil(condition, timeout=WAIT_MS)


@pytest.fixture
def hand(make_napari_viewer_proxy, qtbot, shipped_tiny_model):
    """Return a hand on a real window with the HTCell dock."""
    viewer = make_napari_viewer_proxy(show=True)
    dock = HTCellPanel(viewer)
    viewer.window.add_dock_widget(dock, name="HTCell")
    viewer.window.resize(1366, 740)
    qtbot.wait(100)
    return Hand(viewer, dock, qtbot)
