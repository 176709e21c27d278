"""The project panel: list, filters, neighbours, the next most useful, thumbnails."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_htcell.annotations import Annotation
from napari_htcell.lease import Lease
from napari_htcell.project import Project
from napari_htcell.summaries import Summary
from napari_htcell.widgets import image_table, jobs, read_ahead, reading
from napari_htcell.widgets.image_table import NAME_ROLE, Column, ImageFilter, ImageTable
from napari_htcell.widgets.images import ImagesPanel
from napari_htcell.widgets.thumbnails import Thumbnails
from napari_htcell.widgets.worker import Job

WAIT_MS = 30_000


@pytest.fixture
def until(qtbot):
    return lambda condition: qtbot.waitUntil(lambda: bool(condition()), timeout=WAIT_MS)


@pytest.fixture
def shown(qapp):
    """Return a list of four images with all that sorting and filtering is about."""
    table = ImageTable(Thumbnails(Job()), qapp)
    table.open(["a.tif", "b.tif", "day 2/c.tif", "d.tif"])
    table.take(
        {
            "a.tif": Summary("complete", 30, detected=9, model="B"),
            "b.tif": Summary("partial", 200, detected=100, model="ours"),
            "day 2/c.tif": Summary(),
            "d.tif": Summary(fault="d.tif.csv: is damaged"),
        }
    )
    return ImageFilter(table, qapp)


@pytest.mark.parametrize(
    ("column", "order"),
    [
        (Column.NAME, "abcd"),
        (Column.STATE, "cbad"),
        (Column.ANNOTATED, "cdab"),
        (Column.DETECTED, "cdab"),
        (Column.MODEL, "cdab"),
    ],
)
def test_sorting(shown, column, order):
    short = {"a.tif": "a", "b.tif": "b", "day 2/c.tif": "c", "d.tif": "d"}
    shown.sort(column, Qt.SortOrder.AscendingOrder)
    assert "".join(short[name] for name in shown.names) == order
    shown.sort(column, Qt.SortOrder.DescendingOrder)
    assert short[shown.names[0]] == order[-1]


def test_filtering(shown):
    shown.want("DAY c", image_table.STATES)
    assert shown.names == ["day 2/c.tif"]
    shown.want("ours", image_table.STATES)
    assert shown.names == ["b.tif"]
    shown.want("", ("untouched", "partial"))
    assert shown.names == ["b.tif", "day 2/c.tif"]
    shown.want("", image_table.STATES)
    assert len(shown.names) == 4


def test_states_differ_by_sign_and_colour(shown):
    looks = set()
    for row in range(4):
        index = shown.index(row, Column.STATE)
        colour = index.data(Qt.ItemDataRole.ForegroundRole)
        looks.add((index.data(), None if colour is None else colour.name()))
    assert len({sign for sign, _ in looks}) == len({colour for _, colour in looks}) == 4
    assert "is damaged" in shown.index(3, Column.NAME).data(Qt.ItemDataRole.ToolTipRole)


def test_endings_are_left_out_where_names_differ_without():
    names = ["a.ome.tif", "b.tif", "b.png", "day 2/c.TIF"]
    assert image_table.labels(names) == ["a", "b.tif", "b.png", "day 2/c"]


@pytest.fixture
def project(tiny_project):
    return tiny_project(n_images=5, n_complete=1)


@pytest.fixture
def panel(make_napari_viewer_proxy, shipped_tiny_model, project, until):
    """Return the panel with a project of which the first image is complete; the second is shown."""
    viewer = make_napari_viewer_proxy()
    panel = ImagesPanel(viewer)
    viewer.window.add_dock_widget(panel)
    panel.open_folder(project.path)
    until(lambda: is_shown(panel, project.images[1]))
    return panel


def is_shown(panel, name):
    document = panel.session.document
    return document is not None and document.name == name


def chosen(panel):
    return panel.list.currentIndex().data(NAME_ROLE)


def test_next_follows_the_list_as_it_is_sorted_and_filtered(panel, project, until):
    names = project.images
    panel.list.sortByColumn(Column.NAME, Qt.SortOrder.DescendingOrder)
    assert chosen(panel) == names[1]
    panel.next_button.click()
    until(lambda: is_shown(panel, names[0]))
    assert not panel.next_button.isEnabled()
    panel.filter.setText(names[3])
    assert is_shown(panel, names[0])
    assert chosen(panel) is None
    panel.next_button.click()
    until(lambda: is_shown(panel, names[3]))
    panel.filter.clear()
    assert chosen(panel) == names[3]
    assert "5 of 5" in panel.folder.text()


def test_an_image_that_leaves_the_list_is_followed_by_the_one_in_its_place(panel, project, until):
    names = project.images
    panel.state.setCurrentIndex(panel.state.findText("Not complete"))
    panel.next_button.click()
    until(lambda: is_shown(panel, names[2]))
    panel.session.document.mark_complete(True)
    panel.session.changed()
    assert panel.shown.names == [names[1], names[3], names[4]]
    assert is_shown(panel, names[2])
    assert chosen(panel) is None
    panel.previous_button.click()
    until(lambda: is_shown(panel, names[1]))
    panel.session.undo()
    panel.next_button.click()
    until(lambda: is_shown(panel, names[3]))


def test_the_arrow_keys_go_through_the_list(panel, project, until, qtbot):
    qtbot.keyClick(panel.list, Qt.Key.Key_Down)
    until(lambda: is_shown(panel, project.images[2]))
    qtbot.keyClick(panel.list, Qt.Key.Key_End)
    until(lambda: is_shown(panel, project.images[4]))
    qtbot.keyClick(panel.list, Qt.Key.Key_Up)
    until(lambda: is_shown(panel, project.images[3]))


def test_several_images_can_be_selected(panel, project, until, qtbot):
    qtbot.keyClick(panel.list, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    qtbot.keyClick(panel.list, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    until(lambda: is_shown(panel, project.images[3]))
    assert panel.selected == project.images[1:4]
    panel.session.document.add([5, 5])
    panel.session.changed()
    assert panel.selected == project.images[1:4]
    panel.next_button.click()
    assert panel.selected == project.images[4:]


def test_who_presses_next_quickly_gets_there(panel, project, until, monkeypatch):
    monkeypatch.setattr(panel.ahead, "take", lambda name: None)
    for _ in range(3):
        panel.next_button.click()
        # As while annotations are read in the background.
        panel.session.summaries_changed.emit()
    assert chosen(panel) == project.images[4]
    until(lambda: is_shown(panel, project.images[4]))
    assert chosen(panel) == project.images[4]


def test_of_two_lists_one_turns_the_page(panel, project, until):
    other = ImagesPanel(panel.desk.viewer)
    panel.desk.viewer.window.add_dock_widget(other)
    until(lambda: panel.ahead.is_ready and other.ahead.is_ready)
    panel.session.turn_to(1)
    until(lambda: is_shown(panel, project.images[2]))
    assert chosen(panel) == chosen(other) == project.images[2]


def test_an_image_of_a_folder_that_was_left_is_not_shown_in_the_next(
    panel, project, until, tiny_project, monkeypatch
):
    """Both folders have images of the same names, and the first is on a slow disk."""
    gate, read_steps = threading.Event(), reading.read_steps

    def slowly(opened, name):
        document = yield from read_steps(opened, name)
        if opened.path == project.path:
            assert gate.wait(30)
        return document

    monkeypatch.setattr(panel.ahead, "take", lambda name: None)
    monkeypatch.setattr(reading, "read_steps", slowly)
    other = tiny_project("other", n_images=5, seed=3)
    panel.show_image(project.images[0])
    panel.open_folder(other.path)
    until(lambda: panel.session.project.path == other.path)
    gate.set()
    until(lambda: is_shown(panel, other.images[0]))
    shown = np.asarray(panel.session.document.picture.pixels)
    np.testing.assert_array_equal(shown, other.read_image(other.images[0]).pixels)


def test_clicking_a_row_shows_its_image(panel, project, until, qtbot):
    where = panel.list.visualRect(panel.shown.index(3, Column.ANNOTATED)).center()
    qtbot.mouseClick(panel.list.viewport(), Qt.MouseButton.LeftButton, pos=where)
    until(lambda: is_shown(panel, project.images[3]))


def test_re_sorting_while_clicking_keeps_the_image(panel, project):
    panel.list.sortByColumn(Column.ANNOTATED, Qt.SortOrder.DescendingOrder)
    document = panel.session.document
    for place in np.random.default_rng(0).uniform(0, 200, (300, 2)):
        document.add(place)
    panel.session.changed()
    assert panel.shown.names[0] == document.name
    assert panel.session.document is document
    assert chosen(panel) == document.name


def test_the_next_most_useful_says_why(panel, project, until, found):
    names, session = project.images, panel.session
    points = np.stack(np.mgrid[30:200:40, 30:200:40], axis=-1).reshape(-1, 2)
    project.save_annotation(names[4], Annotation.empty())
    project.save_detections(names[4], found(points, [0.5] * 2 + [0.9] * 23))
    project.save_annotation(names[3], Annotation.empty())
    project.save_detections(names[3], found(points, [0.5] * 3 + [0.9] * 22))
    panel.open_folder(project.path)
    until(lambda: session.summaries[names[4]].detected == 25)
    until(lambda: is_shown(panel, names[1]))
    panel.useful_button.click()
    until(lambda: is_shown(panel, names[4]))
    assert panel.reason.text() == "2 cells or more to correct: 2 near the threshold."
    panel.useful_button.click()
    until(lambda: is_shown(panel, names[3]))
    panel.useful_button.click()
    until(lambda: is_shown(panel, names[1]) or is_shown(panel, names[2]))
    assert "nothing was detected in it yet" in panel.reason.text()
    panel.next_button.click()
    until(lambda: panel.reason.text() == "")


def test_what_was_corrected_since_counts(panel, project, until, found):
    names, session = project.images, panel.session
    document = session.document
    document.found = found([[10, 10], [100, 100]], [0.5, 0.5])
    session.found_changed.emit()
    session.changed()
    panel.show_image(names[2])
    until(lambda: is_shown(panel, names[2]))
    panel.useful_button.click()
    until(lambda: is_shown(panel, document.name))
    document.mark_complete(True)
    session.changed()
    panel.filter.setText(document.name)
    panel.useful_button.click()
    until(lambda: "left to correct" in panel.reason.text())


def test_what_is_left_to_correct_is_said_while_correcting(panel, project, until, found):
    session = panel.session
    document = session.document
    other = project.images[2]
    points = np.column_stack([np.full(3, 100.0), 100.0 * np.arange(1, 4)])
    document.found = found(points, [0.9, 0.5, 0.5])
    session.found_changed.emit()
    session.changed()
    panel.show_image(other)
    until(lambda: is_shown(panel, other))
    panel.useful_button.click()
    until(lambda: is_shown(panel, document.name))
    before = panel.reason.text()
    assert "2 near the threshold" in before
    assert "A cell counts where" in panel.reason.toolTip()
    document.accept([0, 1, 2])
    session.changed()
    until(lambda: panel.reason.text() != before)
    assert "near the threshold" not in panel.reason.text()
    session.undo()
    until(lambda: panel.reason.text() == before)


def test_a_models_name_is_read_whole(panel, project, found):
    document = panel.session.document
    narrow = panel.list.columnWidth(Column.MODEL)
    document.found = found([[9.0, 9]], [0.9], model="B-2026-11-23")
    panel.session.found_changed.emit()
    panel.session.changed()
    width = panel.list.columnWidth(Column.MODEL)
    assert width > panel.list.fontMetrics().horizontalAdvance("B-2026-11-23")
    assert width > narrow
    tip = panel.shown.index(1, Column.MODEL).data(Qt.ItemDataRole.ToolTipRole)
    assert "B-2026-11-23" in tip
    document.found = found([[9.0, 9]], [0.9], model="a very long name of a model, with its date")
    panel.session.changed()
    assert panel.list.columnWidth(Column.MODEL) < 1.3 * width


def is_empty(pixmap):
    image = pixmap.toImage()
    return image.pixelColor(image.width() // 2, image.height() // 2).alpha() == 0


def test_thumbnails_are_made_for_what_is_visible_and_not_kept_on_disk(panel, project, until):
    before = sorted(project.path.rglob("*"))
    index = panel.shown.index(4, Column.NAME)
    until(lambda: not is_empty(index.data(Qt.ItemDataRole.DecorationRole)))
    assert sorted(project.path.rglob("*")) == before


def test_a_damaged_image_has_no_thumbnail_and_stops_no_other(panel, project, until):
    names, thumbnails = project.images, panel.thumbnails
    project.image_path(names[3]).write_bytes(b"not an image")
    thumbnails.open(None)
    thumbnails.open(panel.session.project)
    thumbnails.get(names[4])
    thumbnails.get(names[3])
    until(lambda: thumbnails.is_made(names[3]) and thumbnails.is_made(names[4]))
    assert is_empty(thumbnails.get(names[3]))
    assert not is_empty(thumbnails.get(names[4]))


def test_the_list_is_there_before_all_is_read(panel, project, until, monkeypatch):
    monkeypatch.setattr(jobs, "OPENING_SECONDS", 0)
    known = []
    panel.session.project_changed.connect(lambda: known.append(len(panel.session.summaries)))
    panel.open_folder(project.path)
    until(lambda: known and panel.filling.is_done)
    assert known == [1]
    assert panel.shown.rowCount() == 5
    signs = [panel.shown.index(row, Column.STATE).data() for row in range(5)]
    assert signs == ["●", "◐", "◐", "◐", "◐"]
    until(lambda: is_shown(panel, project.images[1]))


def test_what_is_read_late_does_not_hide_what_was_clicked_since(panel):
    session, name = panel.session, panel.session.document.name
    late = {name: session.summaries[name]}
    session.document.add([5, 5])
    session.changed()
    session.take_summaries(late)
    assert session.summaries[name].annotated == late[name].annotated + 1


def test_neighbours_are_read_ahead(panel, project, until, monkeypatch):
    names = project.images
    until(lambda: panel.ahead.is_ready)

    def fail(*_):
        raise OSError("the file must not be read again")

    with monkeypatch.context() as patch:
        patch.setattr(Project, "open_image", fail)
        panel.next_button.click()
        assert is_shown(panel, names[2])
    panel.previous_button.click()
    assert is_shown(panel, names[1])


def test_what_was_read_ahead_is_read_again_if_its_files_are_others(panel, project, until):
    name = project.images[2]
    until(lambda: panel.ahead.is_ready)
    project.save_annotation(name, Annotation.of(np.array([[7.0, 8]])))
    panel.next_button.click()
    until(lambda: is_shown(panel, name))
    assert panel.session.document.annotation.points.tolist() == [[7, 8]]


def test_large_files_are_not_read_on_suspicion(panel, project, until, monkeypatch):
    until(lambda: panel.ahead.is_ready)
    monkeypatch.setattr(read_ahead, "LARGEST_BYTES", 100)
    panel.show_image(project.images[4])
    until(lambda: is_shown(panel, project.images[4]))
    until(lambda: panel.ahead.is_ready)
    assert panel.ahead.take(project.images[3]) is None


def test_images_that_cannot_be_read_are_told_of(panel, project, until):
    """Or they would be missing from the counts, and nobody would know."""
    told = []
    panel.session.told.connect(told.append)
    (project.images_folder / "plate.nd2").write_bytes(b"")
    panel.open_folder(project.path)
    until(lambda: told)
    assert "1 file in" in told[0]
    assert "the first 'plate.nd2'" in told[0]


def test_another_window_on_the_project_is_told_of(panel, project):
    other = Lease(project.path)
    assert panel.others.isHidden()
    other.take()
    panel.session.beat()
    assert not panel.others.isHidden()
    assert "on this computer, since" in panel.others.text()
    other.release()
    panel.session.beat()
    assert panel.others.isHidden()


def test_a_closed_window_is_no_longer_there(panel, project, until):
    panel.session.document.add([5, 5])
    panel.session.changed()
    assert panel.desk.autosave.save()
    other = Lease(project.path)
    assert len(other.others()) == 1
    panel.deleteLater()
    until(lambda: other.others() == ())
