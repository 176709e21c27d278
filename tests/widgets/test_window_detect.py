"""What Detect shows besides points, and where it detects, in a real viewer."""

from __future__ import annotations

import os
import sys
from dataclasses import replace

import dask.array
import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QApplication

from napari_htcell import parts
from napari_htcell.config import DetectConfig
from napari_htcell.widgets import scores
from napari_htcell.widgets.detect import THIS_FRAME, DetectPanel
from napari_htcell.widgets.document import Document
from napari_htcell.widgets.found import cells_over_time
from napari_htcell.widgets.htcell import HTCellPanel, Step
from napari_htcell.widgets.picture import Picture


@pytest.fixture
def viewer(make_napari_viewer_proxy, shipped_tiny_model):
    return make_napari_viewer_proxy(show=True)


@pytest.fixture
def until(qtbot):
    return lambda condition: qtbot.waitUntil(lambda: bool(condition()), timeout=30_000)


@pytest.fixture
def dock(viewer, tiny_project, until):
    """Return the HTCell dock with a project in whose first image cells were detected."""
    dock = HTCellPanel(viewer)
    viewer.window.add_dock_widget(dock, name="HTCell")
    dock.images.open_folder(tiny_project(n_images=3).path)
    until(lambda: dock.session.document is not None)
    detect(dock.detect, until)
    return dock


@pytest.fixture
def stack(viewer, tiny_project, until, tmp_path):
    """Return a Detect panel on a time stack of three frames."""
    pixels = tiny_project().read_image("field_04.ome.tif").pixels
    panel = DetectPanel(viewer)
    viewer.window.add_dock_widget(panel)
    scale, units = (1, 1.61, 1.61), ("pixel", "um", "um")
    viewer.add_image(np.stack([pixels, pixels, pixels]), scale=scale, units=units)
    return panel


def detect(panel, until):
    panel.run.button.click()
    until(lambda: not panel._job.is_running)
    assert panel.session.document.prediction is not None


def heat_maps(viewer):
    return [layer for layer in viewer.layers if layer.name == "heat map"]


def test_the_heat_map_lies_on_its_image(dock, viewer):
    assert not heat_maps(viewer)
    document = dock.session.document
    dock.detect.shown.heat_map.click()
    (layer,) = heat_maps(viewer)
    prediction = document.prediction
    assert np.shares_memory(np.asarray(layer.data), prediction.heat_maps[0])
    # The brightest pixel is where the surest cell was found, in the world.
    peak = np.unravel_index(np.argmax(layer.data), layer.data.shape)
    surest = document.found.points[0]
    apart = np.subtract(layer.data_to_world(peak), dock.desk.image.data_to_world(surest))
    assert np.abs(apart).max() <= prediction.card.training.pixel_size_um
    assert viewer.layers.selection.active.name == "annotated"
    assert dock.session.document is document


def test_the_heat_map_of_a_turned_image(dock, viewer):
    image = dock.desk.image
    image.rotate, image.translate = 30, (100, -50)
    dock.detect.shown.heat_map.click()
    (layer,) = heat_maps(viewer)
    corner = layer.data_to_world((-0.5, -0.5))
    np.testing.assert_allclose(corner, image.data_to_world((-0.5, -0.5)), atol=1e-9)
    end = np.asarray(layer.data.shape) - 0.5
    expected = image.data_to_world(np.asarray(image.data.shape[:2]) - 0.5)
    np.testing.assert_allclose(layer.data_to_world(end), expected, atol=1e-9)


def test_the_heat_map_goes_with_its_image(dock, viewer, until):
    first = dock.session.document.name
    dock.detect.shown.heat_map.click()
    dock.images.next_button.click()
    until(lambda: dock.session.document.name != first)
    assert not heat_maps(viewer)
    assert not dock.detect.shown.heat_map.isEnabled()
    dock.images.previous_button.click()
    until(lambda: dock.session.document.name == first)
    assert heat_maps(viewer)
    # Turned to in the list of layers, it is not taken for an image to work on.
    viewer.layers.selection.active = heat_maps(viewer)[0]
    assert dock.session.document.name == first
    viewer.layers.remove("heat map")
    assert not dock.detect.shown.heat_map.isChecked()


def test_candidates_have_the_colour_of_their_score_in_detect_alone(dock):
    layer = dock.desk.detected
    assert len(layer.data) > 1
    expected = scores.colours(layer.features["score"])
    np.testing.assert_allclose(layer.border_color, expected, atol=1e-6)
    dock.show_step(Step.CORRECT)
    plain = layer.border_color
    assert (plain == plain[0]).all()
    dock.show_step(Step.DETECT)
    np.testing.assert_allclose(layer.border_color, expected, atol=1e-6)
    dock.detect.shown.scores.click()
    assert (layer.border_color == plain[0]).all()
    assert dock.detect.shown.legend.isHidden()


def test_colours_of_scores_rise_in_brightness():
    brightness = scores.colours(np.linspace(0, 1, 50))[:, :3] @ [0.21, 0.72, 0.07]
    assert (np.diff(brightness) > 0).all()


def test_only_images_selected_in_the_list_are_detected_in(dock, until, qtbot):
    names = dock.session.project.images
    click_on(dock, 0, Qt.KeyboardModifier.NoModifier, qtbot)
    until(lambda: dock.session.document.name == names[0])
    click_on(dock, 2, Qt.KeyboardModifier.ControlModifier, qtbot)
    until(lambda: dock.session.document.name == names[2])
    chosen = dock.session.selected
    assert chosen == (names[0], names[2])
    assert dock.detect.run_all.button.text() == "Detect in 2 selected images"
    dock.detect.run_all.button.click()
    until(lambda: not dock.detect.run_all.job.is_running)
    anew = [name for name in names if dock.session.project.detections(name) is not None]
    assert tuple(anew) == chosen
    click_on(dock, 1, Qt.KeyboardModifier.NoModifier, qtbot)
    until(lambda: dock.session.document.name == names[1])
    assert dock.detect.run_all.button.text() == "Detect in all 3 images"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no named pipes in folders")
def test_detected_anew_while_the_list_is_read(dock, until, tmp_path):
    project, run_all = dock.session.project, dock.detect.run_all
    first, second, third = project.images
    dock.session.select((first, second))
    # Reading what is known about the third image lasts until somebody writes into the pipe.
    kept, pipe = project.path / "annotations" / f"{third}.csv", tmp_path / "pipe"
    content = kept.read_text()
    kept.unlink()
    os.mkfifo(pipe)
    os.link(pipe, kept)
    run_all.button.click()
    until(lambda: not run_all.job.is_running)
    before = dock.session.summaries[second].detected
    dock.detect.threshold.setValue(0.05)
    run_all.button.click()
    until(lambda: not run_all.job.is_running)
    kept.unlink()
    kept.write_text(content)
    pipe.write_text(content)
    until(lambda: dock.session.summaries[second].detected != before)
    assert dock.session.summaries[second].detected == len(project.detections(second))
    assert dock.session.summaries[third].annotated == len(project.annotation(third).points)


def click_on(dock, row, keys, qtbot):
    rows = dock.images.list
    index = rows.model().index(row, 1)
    rows.scrollTo(index)
    place = rows.visualRect(index).center()
    qtbot.mouseClick(rows.viewport(), Qt.MouseButton.LeftButton, keys, place)


def test_who_looks_into_the_field_of_the_pixel_size_states_nothing(dock):
    document, field = dock.session.document, dock.detect.pixel_size
    document.picture = replace(document.picture, pixel_size_um=0.645671)
    dock.session.document_changed.emit()
    field.editingFinished.emit()
    assert document.picture.pixel_size_um == 0.645671
    assert dock.session.project.settings.pixel_size_um is None
    field.setValue(0.7)
    field.editingFinished.emit()
    assert dock.session.project.settings.pixel_size_um == 0.7


def test_an_image_that_was_left_is_not_drawn_as_another_model_draws(dock, until):
    first = dock.session.document
    threshold, number = first.found.provenance.settings.threshold, len(first.found)
    dock.images.next_button.click()
    until(lambda: dock.session.document is not first)
    second = dock.session.document
    dock.detect.threshold.setValue(threshold + 0.3)
    dock.detect.run.button.click()
    dock.images.previous_button.click()
    dock.detect.threshold.blockSignals(True)
    dock.detect.threshold.setValue(threshold + 0.3)
    until(lambda: second.found is not None and not dock.detect._job.is_running)
    QApplication.processEvents()
    assert dock.session.document is first
    assert (first.found.provenance.settings.threshold, len(first.found)) == (threshold, number)


def test_the_whole_card_is_read_in_a_dialog(dock):
    dock.detect.model.card_button.click()
    text = dock.detect.model.card_dialog.text.toPlainText()
    card = dock.session.entry().card
    for said in ("Learnt from", "4 images, 4 of them complete", f"{card.image_pixel_size_um:g} µm",
                 card.date[:10], f"F {card.figures[0].f_score:.2f} within 16 µm"):  # fmt: skip
        assert said in text
    dock.detect.model.card_dialog.close()


def test_one_frame_of_a_stack_and_then_the_others(stack, viewer, until):
    viewer.dims.set_point(0, 1)
    stack.frames.setCurrentText(THIS_FRAME)
    detect(stack, until)
    document = stack.session.document
    assert document.found.provenance.frames == (1,)
    counts = stack.over_time.counts
    assert (counts[0], counts[2]) == (None, None)
    assert counts[1] == len(document.found) > 0
    assert "in 1 frame" in stack.result.text()
    stack.threshold.setValue(0.9)
    until(lambda: document.found.provenance.settings.threshold == 0.9)
    assert document.found.provenance.frames == (1,)
    viewer.dims.set_point(0, 2)
    detect(stack, until)
    assert document.found.provenance.frames == (1, 2)
    assert document.found.provenance.settings.threshold == 0.9
    assert len(document.found.in_frame(1)) == len(document.found.in_frame(2))


def test_a_long_stack_is_drawn_anew_in_the_background(viewer, until, tiny_project):
    pixels = tiny_project().read_image("field_04.ome.tif").pixels[:96, :96]
    panel = DetectPanel(viewer)
    viewer.window.add_dock_widget(panel)
    scale, units = (1, 1.61, 1.61), ("pixel", "um", "um")
    viewer.add_image(np.stack([pixels] * 24), scale=scale, units=units)
    detect(panel, until)
    document = panel.session.document
    before = document.found
    counts = panel.over_time.counts
    assert (len(counts), len(set(counts))) == (24, 1)
    panel.min_distance.setValue(60)
    until(lambda: panel.result.text() == "Drawing the points of all frames…")
    assert document.found is before
    # The form moves on meanwhile: what it says last is what is drawn.
    panel.min_distance.setValue(80)
    until(lambda: document.found.provenance.settings.min_distance_um == 80)
    assert 0 < len(document.found) < len(before)
    assert panel.over_time.counts[0] * 24 == len(document.found)


def test_a_click_on_the_counts_goes_to_the_frame(stack, viewer, until, qtbot):
    assert stack.over_time.isHidden()
    detect(stack, until)
    plot = stack.over_time
    assert not plot.isHidden()
    assert len(set(plot.counts)) == 1
    qtbot.mouseClick(plot, Qt.MouseButton.LeftButton, pos=plot.place_of(2).toPoint())
    assert stack.desk.frame == 2
    qtbot.mouseClick(plot, Qt.MouseButton.LeftButton, pos=QPoint(0, 20))
    assert stack.desk.frame == 0


def test_counts_over_time_are_those_of_the_export(stack_document):
    # Frame 0: a click and a candidate; 1: a click that was found, and a candidate; 2: none.
    assert cells_over_time(stack_document) == [2, 2, 0]
    stack_document.mark_complete(True, 0)
    assert cells_over_time(stack_document) == [1, 2, 0]
    untouched = Document(Picture("t.tif", np.zeros((2, 9, 9)), pixel_size_um=1.0))
    assert cells_over_time(untouched) == [None, None]


def test_what_was_found_before_in_other_frames_stays(stack_document, found):
    class Other:
        """Heat maps of the last frame alone."""

        frames = (2,)
        heat_maps = (None, None, 1)

        def detections(self, settings):
            made = found([[2, 5, 5]])
            how = made.provenance.__class__(**(vars(made.provenance) | {"frames": (2,)}))
            return made.__class__(made.points, made.scores, how)

    stack_document.take(Other(), DetectConfig())
    assert sorted(stack_document.found.points[:, 0]) == [0, 1, 1, 2]
    assert stack_document.found.provenance.frames is None
    # From three points of which the heat maps are gone, another threshold cannot be drawn.
    assert not stack_document.redraw(DetectConfig(threshold=0.9))


def test_a_layer_that_is_not_in_memory_is_read_in_parts(viewer, tiny_project, until, monkeypatch):
    """As of a large OME-Zarr: levels of resolution, and no level read as a whole."""
    pixels = tiny_project().read_image("field_04.ome.tif").pixels
    panel = DetectPanel(viewer)
    viewer.window.add_dock_widget(panel)
    scale, units = (1.61, 1.61), ("um", "um")
    viewer.add_image(pixels, scale=scale, units=units, name="in memory")
    detect(panel, until)
    expected = panel.session.document.found
    levels = [dask.array.from_array(one, chunks=64) for one in (pixels, pixels[::2, ::2])]
    viewer.add_image(levels, multiscale=True, scale=scale, units=units, name="large")
    monkeypatch.setattr(parts, "LARGE_PX", 1000)
    monkeypatch.setattr(parts, "PART_PX", 40)
    assert isinstance(panel.session.document.picture.pixels, dask.array.Array)
    detect(panel, until)
    document = panel.session.document
    assert isinstance(document.prediction.heat_maps[0], parts.StoredMap)
    assert len(document.found) == len(expected) > 5
    np.testing.assert_allclose(document.found.points, expected.points, atol=0.1)
    panel.shown.heat_map.click()
    (layer,) = heat_maps(viewer)
    assert layer.data.shape == document.prediction.frame.network_shape
