"""The dock as a whole in a real, visible window: how the steps share its height."""

from __future__ import annotations

import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QSplitter

from napari_htcell.widgets.demo import WINDOW_SIZE
from napari_htcell.widgets.htcell import HTCellPanel, Step

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def viewer(make_napari_viewer_proxy, shipped_tiny_model):
    viewer = make_napari_viewer_proxy(show=True)
    viewer.window.resize(*WINDOW_SIZE)
    return viewer


@pytest.fixture
def dock(viewer, tiny_project, qtbot):
    """Return the dock with a project of which one image is complete, on a small laptop."""
    dock = HTCellPanel(viewer)
    viewer.window.add_dock_widget(dock, name="HTCell")
    dock.images.open_folder(tiny_project(n_images=3, n_complete=1).path)
    qtbot.waitUntil(lambda: dock.session.document is not None, timeout=30_000)
    return dock


def test_the_tabs_stay_where_they_are(dock, qtbot):
    tops = set()
    for step in (*Step, Step.DETECT):
        dock.show_step(step)
        qtbot.wait(20)
        tops.add(dock.steps.y())
    assert len(tops) == 1


def test_a_list_that_the_user_made_taller_stays_so(dock, qtbot):
    handle = dock.findChild(QSplitter).handle(1)
    before = dock.steps.y()
    start = handle.rect().center()
    qtbot.mousePress(handle, LEFT, pos=start)
    qtbot.mouseMove(handle, start - QPoint(0, 60))
    qtbot.mouseRelease(handle, LEFT, pos=start - QPoint(0, 60))
    moved = dock.steps.y()
    assert moved < before
    dock.show_step(Step.EXPORT)
    dock.show_step(Step.DETECT)
    assert dock.steps.y() == moved


def test_what_is_advanced_is_folded_away(dock, qtbot):
    panel = dock.fine_tune
    dock.show_step(Step.FINE_TUNE)
    assert panel.version.visibleRegion().isEmpty()
    assert panel.fold.text() == "▸ Advanced"
    panel.fold.toggleButton().click()
    qtbot.waitUntil(lambda: not panel.version.visibleRegion().isEmpty())
    assert panel.fold.text() == "▾ Advanced"
