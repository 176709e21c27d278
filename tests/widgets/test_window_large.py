"""Images that are not read whole: shown at once, worked on as any other."""

from __future__ import annotations

import dask.array
import numpy as np
import pytest
import tifffile

from napari_htcell import lazyfiles, parts
from napari_htcell.widgets import reading
from napari_htcell.widgets.htcell import HTCellPanel

SHAPE = (1200, 2100)
WAIT_MS = 60_000


@pytest.fixture
def large_project(tiny_project, write_ome_zarr, monkeypatch):
    """Return a project of a small image, and of a large one as tiled TIFF and as OME-Zarr."""
    monkeypatch.setattr(lazyfiles, "LARGE_BYTES", 1_000_000)
    monkeypatch.setattr(parts, "LARGE_PX", 1_000_000)
    project = tiny_project(n_images=1)
    small = project.read_image(project.images[0]).pixels
    times = [-(-side // own) for side, own in zip(SHAPE, small.shape, strict=True)]
    pixels = np.tile(small, times)[: SHAPE[0], : SHAPE[1]]
    folder = project.images_folder
    tifffile.imwrite(folder / "large.tif", pixels, tile=(256, 256))
    write_ome_zarr(folder / "plate" / "large.ome.zarr", pixels, 1.61)
    project.state_pixel_size(1.61)
    return project, pixels


@pytest.mark.parametrize("name", ["large.tif", "plate/large.ome.zarr"])
def test_a_large_image_of_a_project_is_not_read_whole(large_project, name):
    project, pixels = large_project
    again = type(project)(project.path)
    assert name in again.images
    picture = reading.read_document(again, name).picture
    assert isinstance(picture.pixels, dask.array.Array)
    assert picture.shape == SHAPE
    assert [one.shape for one in picture.coarser] == [(300, 525)]
    np.testing.assert_array_equal(picture.coarser[0], pixels[::4, ::4])
    np.testing.assert_array_equal(picture.pixels[250:270, 490:520], pixels[250:270, 490:520])
    assert picture.nbytes == picture.coarser[0].nbytes
    assert picture.pixel_size_um == 1.61


def test_it_is_shown_and_detected_in_as_any_other(
    large_project, make_napari_viewer_proxy, shipped_tiny_model, qtbot
):
    project, pixels = large_project
    viewer = make_napari_viewer_proxy(show=True)
    panel = HTCellPanel(viewer)
    viewer.window.add_dock_widget(panel)
    session = panel.detect.session

    def show(name):
        panel.images.show_image(name)
        qtbot.waitUntil(lambda: session.document.name == name, timeout=WAIT_MS)
        return next(one for one in viewer.layers if one.name == name)

    panel.images.open_folder(project.path)
    small = project.images[0]
    qtbot.waitUntil(lambda: session.document is not None, timeout=WAIT_MS)
    layer = show("large.tif")
    assert layer.multiscale
    assert [one.shape for one in layer.data] == [SHAPE, (300, 525)]
    low, high = layer.contrast_limits
    assert pixels.min() <= low < high <= pixels.max()
    qtbot.waitUntil(lambda: layer.data_level == 1, timeout=WAIT_MS)
    camera = viewer.scene.camera
    camera.center, camera.zoom = (800, 900), 3
    qtbot.waitUntil(lambda: layer.data_level == 0, timeout=WAIT_MS)
    panel.detect.run.button.click()
    qtbot.waitUntil(lambda: session.document.found is not None, timeout=WAIT_MS)
    found = session.document.found
    assert isinstance(session.document.prediction.heat_maps[0], parts.StoredMap)
    assert found.points[:, 0].max() > SHAPE[0] / 2
    assert not show(small).multiscale
    assert show("large.tif").multiscale
    np.testing.assert_array_equal(session.document.found.points, found.points)
