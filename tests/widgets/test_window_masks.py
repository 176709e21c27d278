"""Masks of cells are a labels layer, on request, that follows what is detected."""

from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Labels

from napari_htcell.widgets.htcell import HTCellPanel


@pytest.fixture
def viewer(make_napari_viewer_proxy, shipped_tiny_model):
    return make_napari_viewer_proxy()


@pytest.fixture
def until(qtbot):
    return lambda condition: qtbot.waitUntil(lambda: bool(condition()), timeout=30_000)


@pytest.fixture
def dock(viewer, tiny_project, until):
    """Return the HTCell dock with a project in whose first image masks were detected."""
    dock = HTCellPanel(viewer)
    viewer.window.add_dock_widget(dock, name="HTCell")
    dock.images.open_folder(tiny_project(n_images=2).path)
    until(lambda: dock.session.document is not None)
    until(lambda: dock.detect.run.button.isEnabled())
    dock.detect.method.setCurrentText("masks")
    dock.detect.run.button.click()
    until(dock.detect.shown.masks.isEnabled)
    assert not masks_in(viewer)
    dock.detect.shown.masks.click()
    assert masks_in(viewer)
    return dock


def masks_in(viewer):
    return [layer for layer in viewer.layers if isinstance(layer, Labels)]


def n_cells(layer):
    return len(np.unique(layer.data)) - 1


def test_masks_lie_on_the_image_and_follow_the_threshold(dock, viewer, until):
    (layer,) = masks_in(viewer)
    found = dock.session.document.found
    assert layer.data.max() == len(found) > 0
    np.testing.assert_allclose(layer.scale, dock.desk.image.scale)
    names = [one.name for one in viewer.layers]
    assert names.index(dock.desk.image.name) < names.index("masks") < names.index("annotated")
    assert viewer.layers.selection.active.name == "annotated"
    before = n_cells(layer)
    dock.detect.threshold.setValue(0.9)
    until(lambda: n_cells(masks_in(viewer)[0]) < before)
    assert masks_in(viewer)[0].data.max() == len(dock.session.document.found)


def test_other_methods_have_no_masks(dock, viewer, until):
    dock.detect.method.setCurrentText("peaks")
    until(lambda: not masks_in(viewer))
    assert not dock.detect.shown.masks.isEnabled()
    dock.detect.method.setCurrentText("masks")
    until(lambda: masks_in(viewer))


def test_a_deleted_layer_stays_away_until_it_is_wanted_again(dock, viewer, until):
    viewer.layers.remove("masks")
    assert not dock.detect.shown.masks.isChecked()
    dock.detect.threshold.setValue(0.8)
    until(lambda: dock.session.document.found.provenance.settings.threshold == 0.8)
    assert not masks_in(viewer)
    dock.detect.shown.masks.click()
    assert masks_in(viewer)
    dock.detect.shown.masks.click()
    assert not masks_in(viewer)


def test_another_image_has_its_own(dock, viewer, until):
    second = dock.session.project.images[1]
    dock.images.show_image(second)
    until(lambda: dock.session.document.picture.name == second)
    assert not masks_in(viewer)
