"""A hand on the mouse and the keyboard of a real napari window with the dock."""

from __future__ import annotations

import numpy as np
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QOpenGLWidget

NO = Qt.KeyboardModifier.NoModifier
LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
WAIT_MS = 60_000
HELD = {
    Qt.KeyboardModifier.AltModifier: Qt.Key.Key_Alt,
    Qt.KeyboardModifier.ControlModifier: Qt.Key.Key_Control,
    Qt.KeyboardModifier.ShiftModifier: Qt.Key.Key_Shift,
}


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

    def click(self, place, button=LEFT, modifier=NO):
        QTest.mouseMove(self.canvas, self.at(place))
        QTest.mouseClick(self.canvas, button, modifier, self.at(place))
        self._let_go(modifier)
        # Two clicks at one place within this time are a double click, which zooms.
        self._qtbot.wait(20)

    def drag(self, start, end, button=LEFT, modifier=NO, meanwhile=None):
        """Drag from a place to another; `meanwhile` is called before the button is let go."""
        points = [self.at(np.asarray(start) + t * np.subtract(end, start)) for t in (0, 0.5, 1)]
        QTest.mousePress(self.canvas, button, modifier, points[0])
        for point in points[1:]:
            # QTest.mouseMove tells of no pressed button.
            self._send(QEvent.Type.MouseMove, point, button, modifier)
            # Of moves that follow at once, vispy tells of the first alone.
            self._qtbot.wait(20)
        if meanwhile is not None:
            meanwhile()
        QTest.mouseRelease(self.canvas, button, modifier, points[-1])
        self._let_go(modifier)
        self._qtbot.wait(20)

    def move(self, place):
        """Move the mouse, without a button."""
        self._send(QEvent.Type.MouseMove, self.at(place), Qt.MouseButton.NoButton, NO)
        self._qtbot.wait(20)

    def double_click(self, place):
        """Click twice, as Qt tells of it: the second press is a double click."""
        QTest.mouseClick(self.canvas, LEFT, NO, self.at(place))
        QTest.mouseDClick(self.canvas, LEFT, NO, self.at(place))
        self._qtbot.wait(20)

    def _send(self, kind, point, button, modifier):
        where = QPointF(point)
        event = QMouseEvent(
            kind,
            where,
            QPointF(self.canvas.mapToGlobal(point)),
            Qt.MouseButton.NoButton,
            button,
            modifier,
        )
        QApplication.sendEvent(self.canvas, event)

    def _let_go(self, modifier):
        """Let the keys go that were held: else Qt takes them for held in every later window."""
        for held, key in HELD.items():
            if modifier & held:
                QTest.keyRelease(self.canvas, key, NO)

    def key(self, key, modifier=NO):
        self.canvas.setFocus()
        QTest.keyClick(self.canvas, key, modifier)
        self._let_go(modifier)
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
