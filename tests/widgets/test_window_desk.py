"""A session shown in a viewer: layers, napari's own tools, what users do to layers."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_htcell.annotations import Annotation
from napari_htcell.progress import run
from napari_htcell.widgets import jobs, reading
from napari_htcell.widgets.desks import desk_of
from napari_htcell.widgets.panel import Panel


@pytest.fixture
def document(opened):
    return opened.session.document


def test_one_desk_for_each_viewer(qapp):
    first, second = ViewerModel(), ViewerModel()
    assert desk_of(first) is desk_of(first)
    assert desk_of(first) is not desk_of(second)


def test_a_closed_viewer_is_let_go(qapp):
    viewer = ViewerModel()
    desk_of(viewer)
    gone = weakref.ref(viewer)
    del viewer
    gc.collect()
    assert gone() is None


def test_a_window_that_is_garbage_as_a_whole_saves_the_last_clicks(qtbot, tiny_project):
    project = tiny_project()
    name = project.images[0]
    before = len(project.annotation(name).points)

    def leave_behind():
        panel = Panel(ViewerModel())
        panel.myself = panel
        panel.session.open(*run(jobs.open_steps(project.path)))
        panel.session.show(reading.read_document(panel.session.project, name))
        panel.session.document.add([5, 5])
        panel.session.changed()
        return weakref.ref(panel)

    gone = leave_behind()
    gc.collect()
    assert gone() is None
    qtbot.waitUntil(lambda: len(project.annotation(name).points) == before + 1)


def test_image_and_points_are_shown(opened, document):
    viewer = opened.viewer
    assert [layer.name for layer in viewer.layers] == [document.name, "detected", "annotated"]
    np.testing.assert_array_equal(opened.annotated.data, document.annotation.points)
    assert tuple(opened.annotated.scale) == tuple(opened.image.scale) == (1.61, 1.61)
    assert opened.annotated.units == opened.image.units


def test_next_image_takes_the_place_of_the_one_before(opened):
    session = opened.session
    session.show(reading.read_document(session.project, session.project.images[1]))
    assert len(opened.viewer.layers) == 3
    assert opened.image.name == session.project.images[1]
    np.testing.assert_array_equal(opened.annotated.data, session.document.annotation.points)


def test_napari_add_tool_adds_a_cell_by_hand(opened, document):
    document.add([3, 3])
    document.accept([]) if document.candidates else None
    opened.session.changed()
    count = len(document.annotation.points)
    opened.annotated.selected_data = {0}
    opened.annotated.add([[7, 8]])
    assert document.annotation.points[-1].tolist() == [7, 8]
    assert document.annotation.sources[-1] == "hand"
    assert len(opened.annotated.data) == count + 1
    opened.session.undo()
    assert len(opened.annotated.data) == count


def test_napari_delete_removes_and_undo_restores_the_source(opened, document):
    document.replace_points(np.array([[5.0, 5], [9, 9]]), ("hand", "B"))
    opened.session.changed()
    opened.annotated.selected_data = {1}
    opened.annotated.remove_selected()
    assert document.annotation.sources == ("hand",)
    opened.session.undo()
    assert document.annotation.sources == ("hand", "B")
    assert list(opened.annotated.features["source"]) == ["hand", "B"]


def test_deleting_a_candidate_rejects_it(opened, document, found):
    document.replace_points(np.empty((0, 2)), ())
    document.found = found([[10, 10], [100, 100]])
    opened.session.found_changed.emit()
    assert len(opened.detected.data) == 2
    opened.detected.selected_data = {0}
    opened.detected.remove_selected()
    assert opened.detected.data.tolist() == [[100, 100]]
    assert document.annotation.rejected.tolist() == [[10, 10]]
    opened.session.undo()
    assert len(opened.detected.data) == 2


def test_point_added_among_the_candidates_is_a_cell(opened, document):
    before = len(document.annotation.points)
    opened.detected.add([[30, 30]])
    assert document.annotation.points[-1].tolist() == [30, 30]
    assert len(opened.annotated.data) == before + 1
    assert len(opened.detected.data) == 0


def test_renamed_and_deleted_layers_do_no_harm(opened, document):
    opened.annotated.name = "something else"
    opened.viewer.layers.remove(opened.annotated)
    opened.viewer.layers.remove(opened.detected)
    assert not opened.has_layers
    document.add([4, 4])
    opened.session.changed()
    assert opened.has_layers
    np.testing.assert_array_equal(opened.annotated.data, document.annotation.points)


def test_deleting_the_image_closes_it(opened):
    opened.viewer.layers.remove(opened.image)
    assert opened.session.document is None
    assert len(opened.viewer.layers) == 0


def test_everything_can_be_cleared(opened):
    opened.viewer.layers.clear()
    assert opened.session.document is None
    assert opened.image is None


def test_loose_images_keep_their_own_clicks(desk):
    viewer = desk.viewer
    first = viewer.add_image(np.zeros((40, 50)), scale=(2, 2), units="um")
    desk.session.document.add([5, 5])
    desk.session.changed()
    assert tuple(desk.annotated.scale) == (2, 2)
    second = viewer.add_image(np.zeros((3, 40, 50)))
    assert desk.image is second
    assert desk.annotated.ndim == 3
    assert len(desk.annotated.data) == 0
    desk.session.document.add([1, 6, 6])
    desk.session.changed()
    viewer.layers.selection.active = first
    assert desk.annotated.data.tolist() == [[5, 5]]
    viewer.layers.selection.active = second
    assert desk.annotated.data.tolist() == [[1, 6, 6]]
    assert desk.session.is_saved


def test_second_image_beside_the_projects_takes_nothing_away(opened, document):
    project_image = opened.image
    other = opened.viewer.add_image(np.zeros((256, 320)), name="other channel")
    assert opened.image is other
    assert not opened.session.document.in_project
    assert project_image in opened.viewer.layers
    opened.viewer.layers.selection.active = project_image
    assert opened.session.document is document
    np.testing.assert_array_equal(opened.annotated.data, document.annotation.points)
    opened.viewer.layers.selection.active = other
    opened.viewer.layers.remove(other)
    assert opened.session.document is document
    assert opened.image is project_image


def test_next_image_of_the_project_while_another_is_worked_on(opened):
    session = opened.session
    other = opened.viewer.add_image(np.zeros((256, 320)))
    session.show(reading.read_document(session.project, session.project.images[1]))
    assert opened.image is not other
    assert opened.image.name == session.project.images[1]
    assert len(opened.viewer.layers) == 4


def test_image_of_four_dimensions_is_left_alone(desk, monkeypatch):
    told = []
    monkeypatch.setattr("napari_htcell.widgets.desk.show_warning", told.append)
    desk.viewer.add_image(np.zeros((2, 2, 9, 9)), name="many")
    assert desk.session.document is None
    assert "many has 4 dimensions" in told[0]


def test_frame_is_the_one_shown(desk):
    desk.viewer.add_image(np.zeros((3, 40, 50)))
    steps = []
    desk.frame_changed.connect(lambda: steps.append(desk.frame))
    desk.viewer.dims.set_point(0, 2)
    assert desk.frame == 2
    assert steps[-1] == 2


def test_stated_pixel_size_moves_all_layers(opened):
    opened.session.state_pixel_size(0.5)
    assert tuple(opened.image.scale) == (0.5, 0.5)
    assert tuple(opened.annotated.scale) == (0.5, 0.5)
    assert len(opened.viewer.layers) == 3


def test_annotation_of_a_loose_image_starts_empty(desk):
    desk.viewer.add_image(np.zeros((40, 50)))
    assert isinstance(desk.session.document.annotation, Annotation)
    assert len(desk.session.document.annotation.points) == 0
