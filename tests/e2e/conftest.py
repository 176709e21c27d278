"""A real napari window with the dock, and a hand on the mouse."""

from __future__ import annotations

import pytest
from hand import Hand

from napari_htcell.widgets.htcell import HTCellPanel


@pytest.fixture
def hand(make_napari_viewer_proxy, qtbot, shipped_tiny_model):
    """Return a hand on a real window with the HTCell dock."""
    viewer = make_napari_viewer_proxy(show=True)
    dock = HTCellPanel(viewer)
    viewer.window.add_dock_widget(dock, name="HTCell")
    viewer.window.resize(1366, 740)
    qtbot.wait(100)
    return Hand(viewer, dock, qtbot)
