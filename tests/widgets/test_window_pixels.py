"""An image's file is changed while it is open: a message, and nothing is lost or mixed up."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from napari_htcell.detect import predict_steps
from napari_htcell.progress import run
from napari_htcell.widgets import jobs, reading
from napari_htcell.widgets.htcell import HTCellPanel
from napari_htcell.widgets.session import Session


@pytest.fixture
def session(tiny_project):
    """Return a session with what it tells its user."""
    session = Session()
    session.open(*run(jobs.open_steps(tiny_project(n_images=2).path)))
    session.news = []
    session.told.connect(session.news.append)
    return session


def show(session, index=0):
    name = session.project.images[index]
    session.show(session.opened(name) or reading.read_document(session.project, name))
    return session.document


def places(annotation):
    return {tuple(point) for point in annotation.points.tolist()}


def replace_image(project, name, shape=None):
    """Put another image into the place of one."""
    shape = project.read_image(name).pixels.shape if shape is None else shape
    tifffile.imwrite(project.image_path(name), np.full(shape, 7, np.uint8))


def test_it_is_told_and_what_was_clicked_and_found_stays(session, found):
    document = show(session)
    name, clicked = document.name, places(document.annotation)
    document.found = found([[3, 4], [60, 70]])
    document.add([5, 5])
    session.changed()
    show(session, 1)
    replace_image(session.project, name)
    again = show(session)
    assert again.picture.pixels.max() == 7
    (text,) = session.news
    assert f"{name} is another image now" in text
    assert f"{len(clicked) + 1} clicks and 2 detections" in text
    assert places(again.annotation) == clicked | {(5, 5)}
    assert len(again.found) == 2
    assert again.undo()
    session.changed()
    session.flush()
    assert places(session.project.annotation(name)) == clicked
    show(session, 1)
    assert show(session) is again
    assert len(session.news) == 1


def test_a_file_that_was_only_written_again_is_the_same_image(session):
    document = show(session)
    show(session, 1)
    path = session.project.image_path(document.name)
    path.write_bytes(path.read_bytes())
    assert show(session) is document
    assert session.news == []
    assert session.opened(document.name) is document


def test_an_image_that_has_become_smaller_keeps_its_clicks(session):
    document = show(session)
    clicked = places(document.annotation)
    show(session, 1)
    replace_image(session.project, document.name, shape=(20, 30))
    again = show(session)
    assert again.picture.shape == (20, 30)
    assert places(again.annotation) == clicked


def test_what_a_model_saw_in_the_pixels_before_is_not_kept(session, tiny_model):
    document = show(session)
    prediction = run(predict_steps(document.picture.pixels, tiny_model, pixel_size_um=1.61))
    replace_image(session.project, document.name)
    again = show(session)
    session.news.clear()
    session.predicted(document, prediction, tiny_model.card.detection)
    assert (again.found, again.prediction) == (None, None)
    assert "changed while the model ran" in session.news[0]
    session.flush()
    assert session.project.detections(document.name) is None


def test_what_could_not_be_saved_outlives_a_change_elsewhere(session, full_disk):
    other = Session()
    other.open(*run(jobs.open_steps(session.project.path)))
    document = show(session)
    document.add([5, 5])
    show(other).add([200, 200])
    other.changed()
    other.flush()
    with full_disk():
        show(session, 1)
        assert (5, 5) in places(show(session).annotation)
    session.flush()
    saved = places(session.project.annotation(document.name))
    assert saved >= {(5, 5), (200, 200)}
    assert saved == places(session.document.annotation)


def test_images_that_were_open_before_are_told_of_when_they_are_used(session):
    document = show(session)
    show(session, 1)
    replace_image(session.project, document.name)
    session.look_for_other_pixels()
    assert session.news == []
    session.reread_detections()
    session.look_for_other_pixels(everywhere=True)
    (text,) = session.news
    assert f"The file of {document.name} was changed" in text


@pytest.fixture
def until(qtbot):
    return lambda condition: qtbot.waitUntil(lambda: bool(condition()), timeout=30_000)


@pytest.fixture
def news(monkeypatch):
    """Return what the user is told."""
    shown = []
    monkeypatch.setattr("napari_htcell.widgets.autosave.show_warning", shown.append)
    return shown


@pytest.fixture
def dock(make_napari_viewer_proxy, shipped_tiny_model, tiny_project, until, news):
    viewer = make_napari_viewer_proxy()
    dock = HTCellPanel(viewer)
    viewer.window.add_dock_widget(dock, name="HTCell")
    dock.images.open_folder(tiny_project(n_images=3, n_complete=1).path)
    until(lambda: dock.session.document is not None)
    return dock


def test_the_window_shows_what_the_file_is_now(dock, until, news):
    session = dock.session
    document = session.document
    before = len(document.annotation.points)
    replace_image(session.project, document.name)
    document.add([9, 9])
    session.changed()
    until(lambda: session.document is not document)
    assert dock.desk.image.data.max() == 7
    assert len(dock.desk.annotated.data) == before + 1
    assert [text for text in news if "is another image now" in text] == news
    until(lambda: session.is_saved)
    assert len(session.project.annotation(document.name).points) == before + 1


def test_who_goes_on_to_another_image_gets_there(dock, until, news):
    session = dock.session
    name = session.document.name
    replace_image(session.project, name)
    dock.images.next_button.click()
    until(lambda: session.document.name != name)
    until(lambda: not dock.images._reading.is_running)
    assert session.document.name != name
    assert news == []
    dock.images.previous_button.click()
    until(lambda: session.document.name == name)
    assert len(news) == 1


def test_detecting_in_all_images_tells_of_the_one_that_is_shown(dock, until, news):
    session = dock.session
    document = session.document
    replace_image(session.project, document.name)
    dock.detect.run_all.button.click()
    until(lambda: not dock.detect.run_all.is_running)
    until(lambda: session.document is not document)
    assert "is another image now" in news[0]
    assert len(session.document.found) == len(session.project.detections(document.name))


def test_a_file_that_is_being_written_is_told_of_once(dock, until, monkeypatch):
    errors = []
    monkeypatch.setattr("napari_htcell.widgets.worker.show_error", errors.append)
    session = dock.session
    document = session.document
    session.project.image_path(document.name).write_bytes(b"II*")
    for x in (9, 19, 29):
        document.add([9, x])
        session.changed()
        until(lambda: session.is_saved)
        until(lambda: not dock.images._reading.is_running)
    assert len(errors) == 1
    assert session.document is document
