"""The dock on a small laptop: no step, in its worst state, needs more than the screen has."""

from __future__ import annotations

import pytest
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLabel,
    QLineEdit,
    QScrollArea,
)

from napari_htcell.lease import Lease
from napari_htcell.widgets.demo import WINDOW_SIZE
from napari_htcell.widgets.htcell import HTCellPanel, Step
from napari_htcell.widgets.panel import Panel

LONG = "B+DA-fine-tuned-2026-11-23 on plate 12 at 20x"
BUTTONS_PX = 60
"""Of a box, on its left and right: napari's minus and plus, and what is empty beside them."""

QTS_OWN = ("QComboBoxListView", "QHeaderView", "QComboBoxPrivateContainer")

SENTENCE = "Something went wrong here that takes a long sentence to be said, and then some. " * 4


@pytest.fixture
def until(qtbot):
    return lambda condition: qtbot.waitUntil(lambda: bool(condition()), timeout=30_000)


@pytest.fixture
def viewer(make_napari_viewer_proxy, shipped_tiny_model):
    viewer = make_napari_viewer_proxy(show=True)
    viewer.window.resize(*WINDOW_SIZE)
    return viewer


@pytest.fixture
def dock(viewer, tiny_project, until):
    """Return the dock with two complete images of three; everything is detected."""
    dock = HTCellPanel(viewer)
    viewer.window.add_dock_widget(dock, name="HTCell")
    project = tiny_project(n_images=3, n_complete=2)
    dock.images.open_folder(project.path)
    until(lambda: dock.session.document is not None)
    dock.detect.run_all.button.click()
    until(lambda: not dock.detect.run_all.job.is_running)
    dock.images.show_image(project.images[0])
    until(lambda: dock.session.document.name == project.images[0])
    return dock


def settle(qtbot):
    for _ in range(3):
        QApplication.processEvents()
    qtbot.wait(20)


def make_worst(dock):
    """Have every hint, warning and fold of all steps shown at once."""
    images, detect, tune = dock.images, dock.detect, dock.fine_tune
    Lease(dock.session.project.path).take()
    dock.session.beat()
    images.reason.setText(SENTENCE)
    for row in (detect.run, detect.run_all, tune.run, dock.evaluate.run_row):
        row.bar.show()
        row.left.show()
        row.left.setText(SENTENCE)
    for label in (
        detect.figures, detect.pixel_hint, detect.result, dock.correct.hint, dock.correct.saved,
        tune.base, tune.basis, tune.duration, tune.state, dock.evaluate.basis,
        dock.evaluate.warning, dock.evaluate.intervals, dock.evaluate.curve.text,
        dock.export.scope, dock.export.uneven, dock.export.state, dock.export.importer.state,
    ):  # fmt: skip
        label.setText(SENTENCE)
        label.show()
    tune.curve.show()
    tune.again.show()
    tune.fold.expand(animate=False)
    detect.over_time.show()
    for shown in (dock.correct.regions, dock.correct.remove_button, dock.export.importer.choice):
        shown.show()


def test_the_window_never_outgrows_the_screen(dock, viewer, qtbot, until):
    window = dock.window()
    for step in Step:
        dock.show_step(step)
        for page in range(dock.evaluate.pages.count()):
            dock.evaluate.pages.setCurrentIndex(page)
            settle(qtbot)
            assert window.height() <= WINDOW_SIZE[1]
    until(lambda: not dock.evaluate.job.is_running)
    make_worst(dock)
    for step in Step:
        dock.show_step(step)
        settle(qtbot)
        assert dock.minimumSizeHint().height() <= 600
        assert window.minimumSizeHint().height() <= WINDOW_SIZE[1]
        assert window.height() <= WINDOW_SIZE[1]


def test_a_step_shows_all_that_it_usually_says_without_scrolling(dock, qtbot, until):
    until(lambda: not dock.evaluate.job.is_running)
    for step in Step:
        dock.show_step(step)
        settle(qtbot)
        until(lambda: not dock.evaluate.job.is_running)
        for page in range(dock.evaluate.pages.count()):
            dock.evaluate.pages.setCurrentIndex(page)
            settle(qtbot)
            bar = dock.steps.currentWidget().findChild(QScrollArea).verticalScrollBar()
            assert bar.maximum() == 0, step


def test_why_an_image_comes_next_is_cut_off_visibly(dock, qtbot):
    reason = dock.images.reason
    settle(qtbot)
    for said, is_cut in (
        ("No other image in the list is left to correct.", False),
        ("34 cells or more to correct: 23 near the threshold.", False),
        ("34 cells or more to correct: 23 near the threshold, 10 clicks that E missed.", True),
        (SENTENCE, True),
    ):
        reason.setText(said)
        painted = QLabel.text(reason)  # while `text` is what is meant
        assert painted.endswith("…") == is_cut
        assert said.startswith(painted.rstrip("…"))
        # No third line, which nobody would see: neither of this text nor of its beginnings.
        for end in range(1, len(said)):
            reason.setText(said[:end])
            assert reason.heightForWidth(reason.width()) <= reason.height(), said[:end]


def test_the_list_stays_as_it_is_whatever_is_said(dock, qtbot, until):
    table, width = dock.images.list, dock.width()
    settle(qtbot)
    before = table.geometry()
    whole = (table.viewport().height()) / table.sizeHintForRow(0)
    assert whole == int(whole) >= 3
    for step in Step:
        dock.show_step(step)
        settle(qtbot)
        assert table.geometry() == before
    dock.images.useful_button.click()
    until(lambda: dock.images.reason.text())
    settle(qtbot)
    assert table.geometry() == before
    until(lambda: not dock.evaluate.job.is_running)
    # Nor does something that runs make the dock wider.
    dock.show_step(Step.EVALUATE)
    dock.evaluate.run_row.button.click()
    settle(qtbot)
    assert dock.width() == width
    until(lambda: not dock.evaluate.job.is_running)


def test_numbers_fit_into_their_boxes(dock, qtbot):
    for step in Step:
        dock.show_step(step)
        dock.fine_tune.fold.expand(animate=False)
        settle(qtbot)
        for box in dock.steps.currentWidget().findChildren(QAbstractSpinBox):
            if not box.isVisible() or type(box).__module__.startswith("superqt"):
                continue
            needed = box.fontMetrics().horizontalAdvance(box.text())
            assert box.minimumWidth() - BUTTONS_PX >= needed, (step, box.text())


def test_everything_that_can_be_pressed_or_filled_in_says_what_it_is_for(dock):
    kinds = (QAbstractButton, QComboBox, QAbstractSpinBox, QLineEdit, QAbstractItemView)
    silent = [
        f"{type(one).__name__} {getattr(one, 'text', str)()!r} in {type(panel).__name__}"
        for panel in (dock.images, *dock.findChildren(Panel), dock.detect.model)
        for kind in kinds
        for one in panel.findChildren(kind)
        if not explains(one, dock)
    ]
    assert not silent, silent


def explains(widget, dock):
    """Return whether a widget, or what it is a part of, has a tooltip, as Qt looks for one."""
    while widget is not None and widget is not dock:
        if widget.toolTip() or is_part_of_qt(widget):
            return True
        widget = widget.parentWidget()
    return False


def is_part_of_qt(widget):
    """Return whether Qt made a widget itself, such as the list of a menu."""
    return widget.objectName().startswith("qt_") or type(widget).__name__ in QTS_OWN
