"""Correct by mouse and keys in a real window."""

from __future__ import annotations

import dataclasses
import threading

import numpy as np
import pytest
import tifffile
from hand import Hand
from napari.components import ViewerModel
from napari.components.overlays import ZoomOverlay
from napari.layers import Image, Points
from napari.utils.key_bindings import coerce_keybinding
from qtpy.QtCore import Qt

from napari_htcell.annotations import Annotation, Region
from napari_htcell.export_files import image_record
from napari_htcell.progress import Progress
from napari_htcell.project import ProjectSettings, open_project
from napari_htcell.widgets import keys, reading, shapes_ready
from napari_htcell.widgets.htcell import HTCellPanel, Step
from napari_htcell.widgets.rectangle import KEY

ALT, CTRL = Qt.KeyboardModifier.AltModifier, Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier

GRID = np.array([[y, x] for y in range(50, 351, 60) for x in range(50, 551, 50)], dtype=float)
"""66 places far enough apart to be told apart on the screen."""


@pytest.fixture
def folder(tmp_path):
    """Return a project of two images and a time stack; 1 um per pixel."""
    rng = np.random.default_rng(0)
    for name in ("a.tif", "b.tif"):
        tifffile.imwrite(tmp_path / name, rng.integers(90, 110, (400, 600)).astype(np.uint8))
    stack = rng.integers(90, 110, (3, 400, 600)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "t.tif", stack, photometric="minisblack")
    open_project(tmp_path).save_settings(ProjectSettings(pixel_size_um=1.0))
    return tmp_path


@pytest.fixture
def hand(make_napari_viewer_proxy, qtbot, shipped_tiny_model, folder):
    """Return a hand on a window that shows the project's first image in Correct."""
    viewer = make_napari_viewer_proxy(show=True)
    dock = HTCellPanel(viewer)
    viewer.window.add_dock_widget(dock, name="HTCell")
    viewer.window.resize(1366, 740)
    dock.show_step(Step.CORRECT)
    qtbot.wait(100)
    hand = Hand(viewer, dock, qtbot)
    dock.images.open_folder(folder)
    hand.until(lambda: dock.session.document is not None)
    return hand


def detected(hand, found, points):
    """Have a model found these points."""
    hand.dock.session.document.found = found(points)
    hand.dock.session.found_changed.emit()
    hand.dock.session.saved_changed.emit()


def show(hand, name):
    hand.dock.images.show_image(name)
    hand.until(lambda: hand.dock.session.document.name == name)


def undo(hand, times=1):
    for _ in range(times):
        hand.key(Qt.Key.Key_Z, CTRL)


def redo(hand, times=1):
    for _ in range(times):
        hand.key(Qt.Key.Key_Z, CTRL | SHIFT)


def test_many_corrections(hand, found, folder):
    document = hand.dock.session.document
    detected(hand, found, GRID)
    candidates = GRID[:15]
    empty = GRID[:8] + np.array([30, 25])
    for place in candidates[:10]:
        hand.click(place)
    for place in candidates[10:]:
        hand.click(place, hand.RIGHT)
    for place in empty:
        hand.click(place)
    for place in empty[:2]:
        hand.click(place, modifier=ALT)
    for place in empty[2:4]:
        hand.drag(place, place + 8)
    annotation = document.annotation
    assert len(annotation.points) == 10 + 8 - 2
    assert annotation.sources.count("B") == 10
    np.testing.assert_allclose(annotation.points[:10], candidates[:10])
    np.testing.assert_allclose(annotation.rejected, candidates[10:])
    np.testing.assert_allclose(annotation.points[10:12], empty[2:4] + 8, atol=1.5)
    assert len(document.candidates) == len(GRID) - 15
    undo(hand, 27)
    assert len(document.annotation.points) == len(document.annotation.rejected) == 0
    assert not document.can_undo
    redo(hand, 27)
    assert document.annotation is annotation
    hand.until(lambda: hand.dock.correct.saved.text() == "✓ Saved")
    kept = open_project(folder).annotation("a.tif")
    np.testing.assert_allclose(kept.points, annotation.points, atol=1e-3)


def test_rejections_outlast_closing_and_detecting_again(hand, found, folder, qtbot):
    detected(hand, found, GRID[:10])
    hand.click(GRID[3], hand.RIGHT)
    hand.click(GRID[4], modifier=ALT)
    hand.until(lambda: hand.dock.session.is_saved)
    hand.dock.images.open_folder(folder)
    first = hand.dock.session.document
    hand.until(lambda: hand.dock.session.document not in (None, first))
    document = hand.dock.session.document
    np.testing.assert_allclose(document.annotation.rejected, GRID[3:5])
    assert len(document.candidates) == 8
    detected(hand, lambda points: found(points, model="C"), GRID[:12] + 2)
    assert len(document.candidates) == len(hand.dock.desk.detected.data) == 10
    assert "2 rejected" in hand.dock.correct.legend.rejected.text()
    hand.until(lambda: hand.dock.session.is_saved)
    assert image_record(open_project(folder), "a.tif").count_rows[0]["final"] == 10


def test_the_legend_counts_the_states(hand, found):
    legend, document = hand.dock.correct.legend, hand.dock.session.document
    hand.click(GRID[0])
    hand.click(GRID[1])
    texts = lambda: [text.text() for _, text in legend.rows.values() if text.isVisible()]  # noqa: E731
    assert texts() == ["2 annotated"]
    detected(hand, found, GRID[1:5])
    assert texts() == [
        "1 annotated and detected", "1 annotated, missed by the model",
        "3 candidates (detected only)",
    ]  # fmt: skip
    assert [str(one) for one in hand.dock.desk.annotated.symbol] == ["triangle_up", "diamond"]
    document.found = None
    hand.dock.session.found_changed.emit()
    assert texts() == ["2 annotated"]


@pytest.mark.parametrize(
    ("button", "modifier", "rejects"),
    [
        (Qt.MouseButton.LeftButton, SHIFT, False),
        (Qt.MouseButton.LeftButton, SHIFT | ALT, True),
        (Qt.MouseButton.RightButton, SHIFT, True),
    ],
)
def test_rectangle(hand, found, button, modifier, rejects):
    document, camera = hand.dock.session.document, hand.viewer.scene.camera
    detected(hand, found, GRID)
    view = camera.center, camera.zoom
    shown = []

    def look():
        overlay = hand.viewer.canvas.overlays[KEY]
        assert isinstance(overlay, ZoomOverlay)
        shown.append((overlay.visible, np.ptp(overlay.position, axis=0)))

    # From the lower right: the first three of the first two rows.
    hand.drag([135, 175], [30, 30], button, modifier, look)
    expected = [point for point in GRID.tolist() if point[0] < 135 and point[1] < 175]
    assert len(expected) == 6
    decided = document.annotation.rejected if rejects else document.annotation.points
    assert sorted(decided.tolist()) == sorted(expected)
    assert len(document.candidates) == len(GRID) - 6
    assert shown[0][0]
    np.testing.assert_allclose(shown[0][1], np.multiply((105, 145), camera.zoom), atol=2)
    assert not hand.viewer.canvas.overlays[KEY].visible
    assert (camera.center, camera.zoom) == view
    undo(hand)
    assert len(document.candidates) == len(GRID)
    assert not document.can_undo
    redo(hand)
    assert len(document.candidates) == len(GRID) - 6


def test_shift_click_without_a_drag_does_nothing(hand, found):
    detected(hand, found, GRID)
    hand.click(GRID[0], modifier=SHIFT)
    assert not hand.dock.session.document.can_undo


def test_accept_all_above_the_threshold(hand, found):
    document = hand.dock.session.document
    detected(hand, found, GRID[:9])
    button = hand.dock.correct.accept_button
    assert button.text() == "Accept all 9 candidates above 0.50"
    hand.press(button)
    assert len(document.annotation.points) == 9
    assert button.text() == "No candidates to accept"
    undo(hand)
    assert len(document.candidates) == 9


def test_each_image_keeps_its_history(hand):
    hand.click(GRID[0])
    hand.click(GRID[1])
    show(hand, "b.tif")
    assert not hand.dock.correct.undo_button.isEnabled()
    hand.click(GRID[2])
    show(hand, "a.tif")
    undo(hand)
    np.testing.assert_allclose(hand.dock.desk.annotated.data, GRID[:1], atol=1)
    show(hand, "b.tif")
    assert len(hand.dock.desk.annotated.data) == 1
    undo(hand)
    assert len(hand.dock.desk.annotated.data) == 0


CORNERS = ([40, 40], [40, 320], [200, 320], [200, 40])


def draw(hand, corners=CORNERS):
    hand.press(hand.dock.correct.region_button)
    for corner in corners[:-1]:
        hand.move(corner)
        hand.click(corner)
    hand.move(corners[-1])
    hand.double_click(corners[-1])
    hand.until(lambda: not hand.dock.desk.regions.is_drawing)


def test_region_drawn_with_the_mouse(hand, found, folder):
    correct, document = hand.dock.correct, hand.dock.session.document
    hand.click(GRID[0])
    hand.click(GRID[1])
    hand.click(GRID[-1])
    detected(hand, found, GRID[2:13])
    candidates = len(document.candidates)
    draw(hand)
    (region,) = document.annotation.regions
    np.testing.assert_allclose(region.polygon, CORNERS, atol=1.5)
    assert correct.regions.isVisible()
    assert correct.regions.currentText() == "Region 1: 2 cells"
    inside = region.contains(GRID[2:13])
    assert len(document.candidates) == candidates - inside.sum() < candidates
    assert hand.viewer.layers.selection.active.name == "annotated"
    # Clicks change points again.
    hand.click(GRID[14] + 20)
    assert correct.regions.currentText() == "Region 1: 3 cells"
    hand.until(lambda: hand.dock.session.is_saved)
    assert len(open_project(folder).annotation("a.tif").regions) == 1
    hand.press(correct.remove_button)
    assert document.annotation.regions == ()
    assert not correct.regions.isVisible()
    assert "complete regions" not in [layer.name for layer in hand.viewer.layers]
    undo(hand)
    assert document.annotation.regions == (region,)
    assert "complete regions" in [layer.name for layer in hand.viewer.layers]
    undo(hand, 2)
    assert document.annotation.regions == ()
    redo(hand)
    assert document.annotation.regions == (region,)


def test_a_region_waits_until_napari_can_draw(hand, monkeypatch):
    regions, correct, document = (
        hand.dock.desk.regions,
        hand.dock.correct,
        hand.dock.session.document,
    )
    go_on, started = threading.Event(), []

    def compiling():
        started.append(1)
        while not go_on.wait(0.01):
            yield Progress("getting ready to draw", 0, 0)

    monkeypatch.setattr(shapes_ready, "_done", set())
    monkeypatch.setattr(shapes_ready, "warm_up_steps", compiling)
    hand.press(correct.region_button)
    assert regions.is_waiting
    assert "Getting ready to draw" in correct.hint.text()
    # The window goes on meanwhile, and a click for a corner that comes too early is no cell.
    hand.click(CORNERS[0])
    assert len(document.annotation.points) == 0
    go_on.set()
    hand.until(lambda: not regions.is_waiting)
    assert started == [1]
    assert regions.is_drawing
    assert "double-click" in correct.hint.text()
    assert hand.viewer.layers.selection.active.mode == "add_polygon"
    hand.press(correct.region_button)
    assert not regions.is_drawing


def test_regions_that_are_there_wait_too(hand, monkeypatch, folder):
    region = Region(tuple((float(y), float(x)) for y, x in CORNERS))
    open_project(folder).save_annotation(
        "b.tif", dataclasses.replace(Annotation.empty(), regions=(region,))
    )
    monkeypatch.setattr(shapes_ready, "_done", set())
    show(hand, "b.tif")
    hand.until(lambda: "complete regions" in [layer.name for layer in hand.viewer.layers])
    assert hand.dock.desk.regions.prepare() is None
    assert not hand.dock.desk.regions.is_drawing


def test_saved_is_said_when_something_was(hand):
    assert hand.dock.correct.saved.text() == "No changes yet."
    hand.click(GRID[0])
    assert hand.dock.correct.saved.text() == "Saving…"
    hand.until(lambda: hand.dock.correct.saved.text() == "✓ Saved")
    show(hand, "b.tif")
    assert hand.dock.correct.saved.text() == "✓ Saved"


def test_the_keys_page_shows_its_last_line(hand):
    page = hand.dock.correct.keys_page
    page.toggle()
    hand.until(page.isVisible)
    assert keys.PAGE_KEY in page.text.text()
    assert page.text.height() >= page.text.sizeHint().height()
    assert page.height() <= 768
    page.toggle()


def test_drawing_can_be_cancelled(hand):
    button = hand.dock.correct.region_button
    hand.press(button)
    assert button.text() == "Cancel drawing"
    assert "double-click" in hand.dock.correct.hint.text()
    for corner in CORNERS:
        hand.move(corner)
        hand.click(corner)
    hand.press(button)
    assert not hand.dock.session.document.can_undo
    assert "complete regions" not in [layer.name for layer in hand.viewer.layers]
    hand.click(GRID[0])
    assert len(hand.dock.desk.annotated.data) == 1


def test_what_else_happens_does_not_disturb_drawing(hand, found):
    document = hand.dock.session.document
    hand.press(hand.dock.correct.region_button)
    for corner in CORNERS[:2]:
        hand.move(corner)
        hand.click(corner)
    detected(hand, found, GRID[:5])
    hand.press(hand.dock.correct.accept_button)
    for corner in CORNERS[2:]:
        hand.move(corner)
        hand.click(corner)
    hand.key(Qt.Key.Key_Return)
    hand.until(lambda: not hand.dock.desk.regions.is_drawing)
    (region,) = document.annotation.regions
    np.testing.assert_allclose(region.polygon, CORNERS, atol=1.5)
    assert len(document.annotation.points) == 5


def test_undo_while_drawing_ends_it(hand):
    draw(hand)
    hand.press(hand.dock.correct.region_button)
    hand.move(CORNERS[0])
    hand.click(CORNERS[0])
    undo(hand)
    assert not hand.dock.desk.regions.is_drawing
    assert hand.dock.session.document.annotation.regions == ()
    hand.click(GRID[0])
    assert len(hand.dock.desk.annotated.data) == 1


def test_two_corners_are_no_region(hand):
    hand.press(hand.dock.correct.region_button)
    hand.move(CORNERS[0])
    hand.double_click(CORNERS[0])
    assert hand.dock.session.document.annotation.regions == ()
    assert not hand.dock.session.document.can_undo


def test_going_to_another_image_ends_drawing(hand):
    hand.press(hand.dock.correct.region_button)
    hand.click(CORNERS[0])
    hand.click(CORNERS[1])
    show(hand, "b.tif")
    assert not hand.dock.desk.regions.is_drawing
    assert hand.dock.session.document.annotation.regions == ()
    hand.click(GRID[0])
    assert len(hand.dock.desk.annotated.data) == 1


def test_region_of_a_stack_belongs_to_its_frame(hand):
    show(hand, "t.tif")
    hand.viewer.dims.set_point(0, 1)
    hand.click([1, *GRID[0]])
    draw(hand, [[1, *corner] for corner in CORNERS])
    (region,) = hand.dock.session.document.annotation.regions
    assert region.frame == 1
    assert hand.dock.correct.regions.currentText() == "Region 1: 1 cell"
    hand.viewer.dims.set_point(0, 2)
    assert not hand.dock.correct.regions.isVisible()


def test_region_deleted_with_naparis_own_tools(hand):
    draw(hand)
    layer = next(one for one in hand.viewer.layers if one.name == "complete regions")
    layer.selected_data = {0}
    layer.remove_selected()
    hand.until(lambda: hand.dock.session.document.annotation.regions == ())
    assert layer not in hand.viewer.layers
    undo(hand)
    assert len(hand.dock.session.document.annotation.regions) == 1
    (again,) = [one for one in hand.viewer.layers if one.name == "complete regions"]
    np.testing.assert_allclose(again.data[0], CORNERS, atol=1.5)


def test_candidate_after_candidate_by_keys(hand, found):
    document, camera = hand.dock.session.document, hand.viewer.scene.camera
    detected(hand, found, GRID)
    camera.zoom *= 4
    camera.center = (60, 60)
    before = camera.center
    hand.key(Qt.Key.Key_F)
    assert camera.center == before  # in view already
    hand.key(Qt.Key.Key_T)
    assert document.annotation.points.tolist() == [[50, 50]]
    hand.key(Qt.Key.Key_R)
    assert document.annotation.rejected.tolist() == [[50, 100]]
    for _ in range(4):
        hand.key(Qt.Key.Key_F)
    assert camera.center != before
    hand.key(Qt.Key.Key_T)
    assert document.annotation.points[-1].tolist() == [50, 350]
    hand.key(Qt.Key.Key_D)
    hand.key(Qt.Key.Key_T)
    assert document.annotation.points[-1].tolist() == [50, 300]
    undo(hand)
    assert len(document.annotation.points) == 2


def test_keys_decide_on_what_is_nearest_to_the_mouse(hand, found):
    document = hand.dock.session.document
    detected(hand, found, GRID)
    hand.move(GRID[20] + 9)
    hand.key(Qt.Key.Key_T)
    assert document.annotation.points.tolist() == [GRID[20].tolist()]
    hand.key(Qt.Key.Key_F)
    hand.move(GRID[40] - 9)
    hand.key(Qt.Key.Key_R)
    assert document.annotation.rejected.tolist() == [GRID[40].tolist()]


def test_keys_act_whatever_layer_is_active(hand, found):
    document = hand.dock.session.document
    detected(hand, found, GRID)
    for number, layer in enumerate(list(hand.viewer.layers), start=1):
        hand.viewer.layers.selection.active = layer
        hand.move(GRID[number])
        hand.key(Qt.Key.Key_T)
        assert len(document.annotation.points) == number


def test_keys_of_images_candidates_and_completeness(hand, found):
    session = hand.dock.session
    detected(hand, found, GRID)
    hand.key(Qt.Key.Key_H)
    assert not hand.dock.desk.detected.visible
    hand.key(Qt.Key.Key_T)
    assert not session.document.can_undo  # nobody accepts what is not shown
    hand.key(Qt.Key.Key_H)
    assert hand.dock.desk.detected.visible
    hand.key(Qt.Key.Key_M)
    assert hand.dock.correct.complete.isChecked()
    hand.key(Qt.Key.Key_M)
    assert not hand.dock.correct.complete.isChecked()
    hand.key(Qt.Key.Key_PageDown)
    hand.until(lambda: session.document.name == "b.tif")
    hand.key(Qt.Key.Key_PageUp)
    hand.until(lambda: session.document.name == "a.tif")


def test_the_next_image_takes_no_drag_that_was_begun_on_the_one_before(hand):
    session = hand.dock.session
    before = session.document
    before.add([100, 100])
    session.changed()
    session.project.save_annotation("b.tif", Annotation.of(np.array([[120.0, 150]])))

    def turn():
        session.turn_to(1)
        hand.until(lambda: session.document is not before)

    hand.drag([100, 100], [180, 260], meanwhile=turn)
    np.testing.assert_array_equal(before.annotation.points, [[100, 100]])
    for points in (session.document.annotation.points, hand.dock.desk.annotated.data):
        np.testing.assert_array_equal(points, [[120, 150]])


def test_keys_change_nothing_outside_correct(hand, found):
    detected(hand, found, GRID)
    hand.dock.show_step(Step.DETECT)
    hand.move(GRID[0])
    hand.key(Qt.Key.Key_T)
    hand.key(Qt.Key.Key_T, SHIFT)
    hand.key(Qt.Key.Key_R, SHIFT)
    hand.key(Qt.Key.Key_M)
    assert not hand.dock.session.document.can_undo
    assert "tick “Clicks on the image change points”" in hand.viewer.status


def test_keys_for_all_candidates(hand, found):
    document = hand.dock.session.document
    detected(hand, found, GRID)
    hand.key(Qt.Key.Key_T, SHIFT)
    assert len(document.annotation.points) == len(GRID)
    hand.key(Qt.Key.Key_T, SHIFT)
    assert hand.viewer.status == "No candidate in this image"
    undo(hand)
    hand.key(Qt.Key.Key_R, SHIFT)
    assert len(document.annotation.rejected) == len(GRID)
    undo(hand)
    assert not document.can_undo
    undo(hand)
    assert hand.viewer.status == "Nothing to undo in this image"


def test_page_of_keys(hand, qtbot):
    page = hand.dock.correct.keys_page
    hand.press(hand.dock.correct.keys_button)
    assert page.isVisible()
    for key in keys.KEYS:
        assert key.shown in page.text.text()
        assert key.does in page.text.text()
    hand.press(hand.dock.correct.keys_button)
    assert not page.isVisible()
    # Qt listens in the active window, and Xvfb has no window manager to make it so.
    with qtbot.waitActive(hand.dock.window()):
        hand.dock.window().activateWindow()
    hand.key(Qt.Key.Key_Question)
    assert page.isVisible()


def test_own_keys_leave_naparis_alone():
    """None of our keys is one that napari gives to a tool of images, points, or the viewer."""
    ours = {coerce_keybinding(key.key) for key in keys.KEYS}
    for kind in (Image, Points, ViewerModel):
        assert kind.class_keymap
        assert not ours & set(kind.class_keymap)


def test_reading_a_document_brings_its_rejections(folder):
    project = open_project(folder)
    project.save_annotation("a.tif", Annotation.empty().reject(GRID[:2]))
    assert len(reading.read_document(project, "a.tif").annotation.rejected) == 2


def test_dragging_with_alt_zooms_as_ever(hand):
    zoom = hand.viewer.scene.camera.zoom
    hand.drag([100, 100], [200, 250], modifier=ALT)
    assert hand.viewer.scene.camera.zoom > 1.5 * zoom
    assert not hand.dock.session.document.can_undo
