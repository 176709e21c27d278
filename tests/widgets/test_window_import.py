"""Importing clicks in the window: where they go, what is asked, and what stays as it was."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from qtpy.QtCore import QMimeData, QPointF, Qt, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import QApplication, QFileDialog, QMessageBox

from napari_htcell.annotations import Annotation
from napari_htcell.export import ImageRecord
from napari_htcell.project import open_project
from napari_htcell.rois import write_rois
from napari_htcell.widgets import jobs
from napari_htcell.widgets.htcell import HTCellPanel, Step
from napari_htcell.widgets.import_points import ImportPanel

WAIT_MS = 30_000

COUNTER = """<CellCounter_Marker_File>
<Image_Properties><Image_Filename>{image}</Image_Filename></Image_Properties>
<Marker_Data>
<Marker_Type><Type>1</Type>
<Marker><MarkerX>7</MarkerX><MarkerY>5</MarkerY><MarkerZ>1</MarkerZ></Marker>
<Marker><MarkerX>9</MarkerX><MarkerY>8</MarkerY><MarkerZ>1</MarkerZ></Marker></Marker_Type>
<Marker_Type><Type>2</Type><Name>dead</Name>
<Marker><MarkerX>30</MarkerX><MarkerY>31</MarkerY><MarkerZ>1</MarkerZ></Marker></Marker_Type>
</Marker_Data></CellCounter_Marker_File>"""


@pytest.fixture
def viewer(make_napari_viewer_proxy, shipped_tiny_model):
    return make_napari_viewer_proxy()


@pytest.fixture
def until(qtbot):
    return lambda condition: qtbot.waitUntil(lambda: bool(condition()), timeout=WAIT_MS)


@pytest.fixture
def dock(viewer, tiny_project, until):
    dock = HTCellPanel(viewer)
    viewer.window.add_dock_widget(dock, name="HTCell")
    dock.images.open_folder(tiny_project(n_images=3, n_complete=1).path)
    until(lambda: dock.session.document is not None)
    return dock


@pytest.fixture
def answers(monkeypatch):
    """Answer the question about clicks that are there; the list says what was asked."""

    def answer(button):
        asked = []

        def question(_parent, _title, text, *_):
            asked.append(text)
            return button

        monkeypatch.setattr(QMessageBox, "question", question)
        return asked

    return answer


@pytest.fixture
def errors(monkeypatch):
    shown = []
    monkeypatch.setattr("napari_htcell.widgets.worker.show_error", shown.append)
    return shown


def test_a_table_replaces_clicks_only_when_told_to(dock, until, answers, monkeypatch, tmp_path):
    panel, project = dock.export.importer, dock.session.project
    shown = dock.session.document
    other = next(name for name in project.images if name != shown.name)
    path = tmp_path / "clicks.csv"
    path.write_text(f"image;y;x\n{shown.name};5,5;7\n{other};1;2\n{other};3;4\n")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(path), ""))
    before = {name: project.annotation(name).points for name in project.images}
    asked = answers(QMessageBox.StandardButton.Cancel)
    panel.button.click()
    until(lambda: asked and not panel.is_running)
    assert "2 images of 2 in clicks.csv have clicks already" in asked[0]
    assert panel.state.text() == "Nothing was imported."
    for name, points in before.items():
        np.testing.assert_array_equal(project.annotation(name).points, points)
    answers(QMessageBox.StandardButton.Yes)
    panel.button.click()
    until(lambda: panel.state.text().startswith("✓ 3 points imported into 2 images. What was"))
    assert dock.desk.autosave.save()
    np.testing.assert_allclose(shown.annotation.points, [[5.5, 7]])
    np.testing.assert_allclose(dock.desk.annotated.data, [[5.5, 7]])
    kept = open_project(project.path)
    np.testing.assert_allclose(kept.annotation(other).points, [[1, 2], [3, 4]])
    assert dock.session.summaries[other].annotated == 2
    dock.session.undo()
    np.testing.assert_allclose(dock.desk.annotated.data, before[shown.name])
    assert dock.desk.autosave.save()
    np.testing.assert_allclose(kept.annotation(shown.name).points, before[shown.name], atol=1e-3)


def test_an_import_is_taken_back_from_images_that_are_not_open_too(dock, until, answers, tmp_path):
    panel, project = dock.export.importer, dock.session.project
    dock.show_step(Step.EXPORT)
    assert panel.undo.isHidden()
    shown = dock.session.document
    other = next(name for name in project.images if name != shown.name)
    path = tmp_path / "clicks.csv"
    path.write_text(f"image;y;x\n{shown.name};5,5;7\n{other};1;2\n{other};3;4\n")
    before = {name: project.annotation(name) for name in project.images}
    answers(QMessageBox.StandardButton.Yes)
    panel.import_from(path)
    until(lambda: not panel.undo.isHidden() and panel.undo.isEnabled())
    folder = next((project.path / "imports").iterdir())
    assert panel.state.text().endswith(f"is in imports/{folder.name}")
    shown.add([50, 60])
    dock.session.changed()
    panel.undo.click()
    until(lambda: panel.state.text() == "✓ The import is taken back from 2 images")
    expected = {name: one.points for name, one in before.items()}
    # What was clicked since stays.
    expected[shown.name] = np.concatenate([[[50, 60]], expected[shown.name]])
    for name, points in expected.items():
        after = project.annotation(name)
        np.testing.assert_allclose(after.points, points, atol=1e-3)
        assert after.complete_frames == before[name].complete_frames
    np.testing.assert_allclose(dock.desk.annotated.data, expected[shown.name], atol=1e-3)
    assert dock.session.summaries[other].annotated == len(expected[other])
    assert not folder.exists()
    until(panel.undo.isHidden)


def test_marker_types_are_chosen(dock, until, answers, tmp_path):
    panel, document = dock.export.importer, dock.session.document
    dock.show_step(Step.EXPORT)
    answers(QMessageBox.StandardButton.Yes)
    path = tmp_path / "counter.xml"
    path.write_text(COUNTER.format(image=document.name))
    panel.import_from(path)
    until(lambda: not panel.choice.isHidden())
    boxes = list(panel._kinds.values())
    assert [box.text() for box in boxes] == ["Type 1 (2 points)", "dead (1 point)"]
    boxes[1].click()
    panel.import_button.click()
    until(lambda: "imported" in panel.state.text())
    np.testing.assert_allclose(document.annotation.points, [[5, 7], [8, 9]])
    assert panel.choice.isHidden()


def test_a_wrong_file_is_told_of_and_changes_nothing(dock, until, errors, tmp_path):
    panel, document = dock.export.importer, dock.session.document
    before = document.annotation
    path = tmp_path / "outside.csv"
    path.write_text(f"image,y,x\n{document.name},5,7\n{document.name},5,70000\n")
    panel.import_from(path)
    until(lambda: errors)
    until(lambda: not panel.is_running)
    assert panel.button.isEnabled()
    assert "outside" in errors[0]
    assert document.annotation is before
    assert panel.state.text() == ""


def test_an_import_can_be_stopped(dock, until, answers, tmp_path):
    panel, document = dock.export.importer, dock.session.document
    before = document.annotation
    answers(QMessageBox.StandardButton.Yes)
    path = tmp_path / "clicks.csv"
    path.write_text(f"image,y,x\n{document.name},5,7\n")
    panel.import_from(path)
    assert panel.button.text() == "Cancel import"
    panel.button.click()
    until(lambda: not panel.is_running)
    assert panel.button.text() == "Import clicks…"
    assert panel.state.text() == ""
    assert document.annotation is before


def test_rois_are_dropped_onto_a_loose_image(viewer, until, answers, tmp_path):
    panel = ImportPanel(viewer)
    viewer.window.add_dock_widget(panel)
    assert not panel.button.isEnabled()
    viewer.add_image(np.zeros((3, 40, 50)), name="movie")
    document = panel.session.document
    points = np.asarray([(0, 4.25, 5), (2, 39.5, 49.5)])
    path = tmp_path / "rois.zip"
    write_rois(path, [ImageRecord("movie", annotation=Annotation.of(points), n_frames=3)])
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    copy, at = Qt.DropAction.CopyAction, QPointF(5, 5)
    enter = QDragEnterEvent(at.toPoint(), copy, data, buttons, keys)
    QApplication.sendEvent(panel, enter)
    assert enter.isAccepted()
    QApplication.sendEvent(panel, QDropEvent(at, copy, data, buttons, keys))
    until(lambda: "imported" in panel.state.text())
    np.testing.assert_allclose(document.annotation.points, points)
    np.testing.assert_allclose(panel.desk.annotated.data, points)
    asked = answers(QMessageBox.StandardButton.Cancel)
    panel.import_from(path)
    until(lambda: asked and not panel.is_running)
    assert "movie" in asked[0]
    np.testing.assert_allclose(document.annotation.points, points)


def test_clicks_made_while_an_import_is_kept_stay(dock, until, answers, monkeypatch, tmp_path):
    panel, project = dock.export.importer, dock.session.project
    shown = dock.session.document
    answers(QMessageBox.StandardButton.Yes)
    path = tmp_path / "clicks.csv"
    path.write_text(f"image,y,x\n{shown.name},5,7\n")
    import_steps, gate = jobs.import_steps, threading.Event()

    def slowly(*arguments):
        assert gate.wait(30)
        return (yield from import_steps(*arguments))

    monkeypatch.setattr(jobs, "import_steps", slowly)
    panel.import_from(path)
    until(lambda: panel._keeping.is_running)
    shown.add([40, 41])
    dock.session.changed()
    assert dock.desk.autosave.save()
    elsewhere = project.annotation(shown.name)
    project.save_annotation(shown.name, elsewhere.add(np.asarray([[50.0, 12.0]])))
    gate.set()
    until(lambda: "imported" in panel.state.text() and not panel.is_running)
    assert dock.desk.autosave.save()
    wanted = [(5, 7), (40, 41), (50, 12)]
    for points in (shown.annotation.points, project.annotation(shown.name).points):
        assert sorted(map(tuple, points.tolist())) == wanted


def test_a_project_that_is_left_meanwhile_keeps_what_was_imported(
    dock, until, answers, tiny_project, tmp_path
):
    panel, project = dock.export.importer, dock.session.project
    shown = dock.session.document.name
    answers(QMessageBox.StandardButton.Yes)
    path = tmp_path / "clicks.csv"
    path.write_text(f"image,y,x\n{shown},5,7\n")
    panel.import_from(path)
    dock.images.open_folder(tiny_project("other", n_images=3, n_complete=1).path)
    until(lambda: dock.session.project is not project and dock.session.document is not None)
    until(lambda: "imported" in panel.state.text() and not panel.is_running)
    np.testing.assert_allclose(project.annotation(shown).points, [[5, 7]])
    other = dock.session.project
    assert all(len(other.annotation(name).points) > 1 for name in other.images)
