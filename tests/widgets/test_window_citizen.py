"""A good citizen of napari: closed and opened again, beside other plugins, in the image's units."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path

import numpy as np
import pytest
from hand import Hand
from napari.layers import Labels, Points, Shapes
from npe2 import PluginManifest
from qtpy.QtCore import QEvent, QMimeData, QPointF, Qt, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import QApplication, QDockWidget, QFileDialog

import napari_htcell
from napari_htcell.annotations import Annotation
from napari_htcell.export import ImageRecord
from napari_htcell.rois import write_rois
from napari_htcell.widgets.htcell import HTCellPanel, Step
from napari_htcell.widgets.layers import bare
from napari_htcell.widgets.panel import Panel

MANIFEST = Path(napari_htcell.__file__).parent / "napari.yaml"

COUNTER = """<?xml version="1.0" encoding="UTF-8"?>
<CellCounter_Marker_File>
<Image_Properties><Image_Filename>a.tif</Image_Filename></Image_Properties>
<Marker_Data>
<Marker_Type><Type>1</Type>
<Marker><MarkerX>70</MarkerX><MarkerY>50</MarkerY><MarkerZ>1</MarkerZ></Marker></Marker_Type>
<Marker_Type><Type>2</Type><Name>dead</Name>
<Marker><MarkerX>30</MarkerX><MarkerY>31</MarkerY><MarkerZ>{slice}</MarkerZ></Marker></Marker_Type>
</Marker_Data></CellCounter_Marker_File>"""


@pytest.fixture
def viewer(npe2pm, make_napari_viewer_proxy, shipped_tiny_model):
    """Return a window that knows the plugin by its manifest alone."""
    npe2pm.register(PluginManifest.from_file(MANIFEST))
    viewer = make_napari_viewer_proxy(show=True)
    viewer.window.resize(1366, 740)
    return viewer


@pytest.fixture
def until(qtbot):
    return lambda condition: qtbot.waitUntil(lambda: bool(condition()), timeout=60_000)


def open_dock(viewer) -> HTCellPanel:
    dock = HTCellPanel(viewer)
    viewer.window.add_dock_widget(dock, name="HTCell")
    return dock


def open_folder(dock, until, project) -> None:
    dock.images.open_folder(project.path)
    until(lambda: dock.session.document is not None and dock.session.document.in_project)


def close(widget) -> None:
    """Press the cross of a dock widget."""
    above = widget
    while not isinstance(above, QDockWidget):
        above = above.parentWidget()
    above.titleBarWidget().close_button.click()


def drop(*paths) -> None:
    """Drop files on napari's canvas."""
    (target,) = [one for one in QApplication.allWidgets() if type(one).__name__ == "QtViewer"]
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    no_key, left = Qt.KeyboardModifier.NoModifier, Qt.MouseButton.LeftButton
    where, action = target.rect().center(), Qt.DropAction.CopyAction
    QApplication.sendEvent(target, QDragEnterEvent(where, action, data, left, no_key))
    QApplication.sendEvent(target, QDropEvent(QPointF(where), action, data, left, no_key))


def test_cell_counter_and_rois_are_opened_where_the_image_lies(viewer, tmp_path):
    viewer.add_image(np.zeros((100, 120)), scale=(2, 2), translate=(7, 0), units="um", name="a")
    counter, rois = tmp_path / "CellCounter_a.xml", tmp_path / "rois.zip"
    counter.write_text(COUNTER.format(slice=1), encoding="utf-8")
    clicks = np.array([[4.0, 5], [8, 9]])
    write_rois(rois, [ImageRecord("a.tif", None, Annotation.of(clicks), 1, None)])
    drop(counter, rois)
    first, dead, annotated = list(viewer.layers)[1:4]
    assert (first.name, dead.name, annotated.name) == (
        "a.tif Type 1",
        "a.tif dead",
        "a.tif annotated",
    )
    assert first.data.tolist() == [[50, 70]]
    assert dead.data.tolist() == [[31, 30]]
    np.testing.assert_allclose(annotated.data, clicks)
    assert bare(first).data_to_world((50, 70)) == (107, 140)
    assert str(first.units[0]) == "micrometer"
    assert not np.allclose(first.face_color[0], dead.face_color[0])


def test_cell_counter_of_a_stack(viewer, tmp_path):
    path = tmp_path / "CellCounter_t.xml"
    path.write_text(COUNTER.format(slice=3), encoding="utf-8")
    drop(path)
    first, dead = viewer.layers
    assert first.data.tolist() == [[0, 50, 70]]
    assert dead.data.tolist() == [[2, 31, 30]]


def test_first_slice_of_a_stack_stays_there(viewer, tmp_path):
    viewer.add_image(np.zeros((3, 100, 120)), scale=(1, 2, 2), units=("pixel", "um", "um"))
    path = tmp_path / "CellCounter_t.xml"
    path.write_text(COUNTER.format(slice=1), encoding="utf-8")
    drop(path)
    assert viewer.layers[1].data.tolist() == [[0, 50, 70]]
    assert bare(viewer.layers[1]).data_to_world((0, 50, 70)) == (0, 100, 140)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.xml", b"<svg></svg>"),
        ("a.zip", b"PK\x05\x06" + bytes(18)),
        ("b.zip", b"no zip"),
        ("a.roi", b"Qout"),
        ("a.roi", b""),
        ("a.csv", b"\xff\xfe\x00"),
    ],
)
def test_files_of_others_are_left_to_them(tmp_path, name, content):
    from napari_htcell.widgets.points_io import get_reader

    path = tmp_path / name
    path.write_bytes(content)
    assert get_reader(str(path)) is None


def test_closed_and_opened_again(viewer, until, tiny_project):
    dock = open_dock(viewer)
    open_folder(dock, until, tiny_project(n_images=2))
    name = dock.session.document.name
    dock.session.document.add([5, 5])
    dock.session.changed()
    close(dock)
    assert dock.session.is_saved
    assert dict(viewer.window.dock_widgets) == {}
    again = open_dock(viewer)
    assert again.session is dock.session
    assert again.session.document.annotation.points[-1].tolist() == [5, 5]
    again.images.show_image(next(one for one in again.session.project.images if one != name))
    until(lambda: again.session.document.name != name)
    again.show_step(Step.CORRECT)
    again.correct.undo_button.setFocus()
    before = len(again.session.document.annotation.points)
    again.session.document.add([6, 6])
    again.session.changed()
    assert len(again.desk.annotated.data) == before + 1
    again.correct.undo_button.click()
    assert len(again.desk.annotated.data) == before


def test_layers_renamed_and_deleted_while_a_model_runs(viewer, until, tiny_project):
    dock = open_dock(viewer)
    open_folder(dock, until, tiny_project(n_images=2))
    session, desk = dock.session, dock.desk
    dock.detect.run.button.click()
    desk.image.name, desk.annotated.name = "renamed", "mine"
    viewer.layers.remove(desk.detected)
    until(lambda: session.document.found is not None and not dock.detect.run.is_running)
    assert desk.has_layers
    assert len(desk.detected.data) == len(session.document.candidates)
    document = session.document
    dock.detect.run.button.click()
    viewer.layers.clear()
    assert session.document is None
    until(lambda: not dock.detect.run.is_running)
    dock.images.show_image(document.name)
    until(lambda: session.document is document)
    assert len(desk.detected.data) == len(document.candidates)


def test_clicks_land_in_the_pixels_of_an_image_that_is_scaled_and_moved(viewer, qtbot):
    dock = open_dock(viewer)
    dock.show_step(Step.CORRECT)
    viewer.add_image(
        np.zeros((200, 300)), scale=(0.0005, 0.0005), translate=(1, -3), units="mm", name="far"
    )
    viewer.reset_view()
    qtbot.wait(50)
    hand = Hand(viewer, dock, qtbot)
    hand.click((60, 90))
    np.testing.assert_allclose(dock.session.document.annotation.points, [[60, 90]], atol=1)
    assert dock.session.document.picture.pixel_size_um == pytest.approx(0.5)
    annotated = dock.desk.annotated
    assert (tuple(annotated.scale), tuple(annotated.translate)) == ((0.0005, 0.0005), (1, -3))
    assert annotated.units == dock.desk.image.units


def looks(layer):
    state = {name: getattr(layer, name) for name in ("name", "visible", "opacity", "locked")}
    return state | {"data": repr(layer.data), "features": repr(layer.features.to_dict())}


def test_layers_of_another_plugin_are_left_alone(viewer, until, tiny_project):
    theirs = [
        Points([[1.0, 2], [3, 4]], name="annotated", features={"source": ["theirs", "theirs"]}),
        Labels(np.eye(20, dtype=int), name="masks"),
        Shapes([[[0, 0], [0, 9], [9, 9]]], shape_type="polygon", name="complete regions"),
    ]
    for layer in theirs:
        viewer.add_layer(layer)
    before = [looks(one) for one in theirs]
    dock = open_dock(viewer)
    open_folder(dock, until, tiny_project(n_images=2))
    session = dock.session
    dock.detect.run.button.click()
    until(lambda: session.document.found is not None and not dock.detect.run.is_running)
    dock.correct.accept_button.click()
    dock.detect.shown.heat_map.click()
    dock.correct.region_button.click()
    dock.correct.region_button.click()
    name = session.document.name
    session.turn_to(1)
    until(lambda: session.document.name != name)
    theirs[0].add([[5.0, 6]])
    theirs[0].remove([2])
    viewer.layers.remove(dock.desk.image)
    close(dock)
    assert [looks(one) for one in theirs] == before
    assert all(one in viewer.layers for one in theirs)


def use_and_close(viewer, until, project) -> dict[str, weakref.ref]:
    """Use a dock in all its parts, and close it.

    A function of its own: what calls it keeps no local name of the dock, and Python 3.11 none that
    is deleted, as it does where a library has looked at a frame's locals.
    """
    dock = open_dock(viewer)
    open_folder(dock, until, project)
    for step in Step:
        dock.show_step(step)
    dock.correct.keys_button.click()
    dock.detect.model.show_card()
    dock.detect.model.show_models()
    dock.detect.run.button.click()
    until(lambda: not dock.detect.run.is_running)
    dock.export.counts_button.click()
    parts = {"dock": dock} | {n: one for n, one in vars(dock).items() if isinstance(one, Panel)}
    close(dock)
    return {name: weakref.ref(part) for name, part in parts.items()}


def test_a_closed_dock_is_let_go(viewer, until, tiny_project, monkeypatch):
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: ("", ""))
    parts = use_and_close(viewer, until, tiny_project(n_images=2))
    assert len(parts) == 7

    def left() -> list[str]:
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
        gc.collect()
        return [name for name, part in parts.items() if part() is not None]

    until(lambda: not left())  # jobs end at their next step
